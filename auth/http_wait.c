/*
 * Times in an answer: the server's clock, and how long it asks us to wait, see
 * http.h.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/http.h"

#define VALUE_MAX	64	/* bytes; a date has 29 */

/* Digits and no more; too many of them are the longest wait. */
static int64_t
number(const char *s)
{
	int64_t n = 0;

	if (s[0] == '\0' || s[strspn(s, "0123456789")] != '\0')
		return (HTTP_WAIT_UNREADABLE);
	for (; *s != '\0' && n < HTTP_WAIT_MAX_MS; s++)
		n = 10 * n + (*s - '0');
	return (n < HTTP_WAIT_MAX_MS ? n : HTTP_WAIT_MAX_MS);
}

/* The three forms of RFC 9110, 5.6.7.  We never leave the C locale. */
static bool
date(const char *s, time_t *out)
{
	static const char *const forms[] = { "%a, %d %b %Y %H:%M:%S GMT",
	    "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y" };
	const char *end;
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm t = { .tm_isdst = 0 };

		if ((end = strptime(s, forms[i], &t)) != NULL && *end == '\0') {
			*out = timegm(&t);
			return (true);
		}
	}
	return (false);
}

int
http_date(const struct http_reply *reply, time_t *out)
{
	char shown[VALUE_MAX];

	return (http_header(reply, "Date", shown, sizeof(shown)) &&
	    date(shown, out) ? 0 : -1);
}

/* A date is one of the server's clock, if the answer says what that shows. */
static int64_t
until(const struct http_reply *reply, const char *value, time_t now)
{
	time_t then;

	if (!date(value, &then))
		return (HTTP_WAIT_UNREADABLE);
	(void)http_date(reply, &now);
	if (then <= now)
		return (0);
	return (then - now < HTTP_WAIT_MAX_MS / 1000 ?
	    (int64_t)(then - now) * 1000 : HTTP_WAIT_MAX_MS);
}

int64_t
http_resets_after_ms(const struct http_reply *reply)
{
	char value[VALUE_MAX];
	unsigned h, m, s;
	int len = 0;

	if (!http_header(reply, "x-ms-user-quota-resets-after", value,
	    sizeof(value)) || strspn(value, "0123456789:.") != strlen(value) ||
	    sscanf(value, "%2u:%2u:%2u%n", &h, &m, &s, &len) != 3 ||
	    (value[len] != '\0' && value[len] != '.'))
		return (0);
	return (h < 24 ? ((int64_t)(h * 60 + m) * 60 + s) * 1000 :
	    HTTP_WAIT_MAX_MS);
}

int64_t
http_retry_after_ms(const struct http_reply *reply, time_t now)
{
	static const char *const in_ms[] = { "retry-after-ms",
	    "x-ms-retry-after-ms" };
	char value[VALUE_MAX];
	int64_t wait;
	size_t i;

	for (i = 0; i < sizeof(in_ms) / sizeof(in_ms[0]); i++)
		if (http_header(reply, in_ms[i], value, sizeof(value)) &&
		    (wait = number(value)) != HTTP_WAIT_UNREADABLE)
			return (wait);
	if (!http_header(reply, "Retry-After", value, sizeof(value)))
		return (reply->status == 429 ? http_resets_after_ms(reply) :
		    0);
	if ((wait = number(value)) == HTTP_WAIT_UNREADABLE)
		return (until(reply, value, now));
	return (wait < HTTP_WAIT_MAX_MS / 1000 ? wait * 1000 :
	    HTTP_WAIT_MAX_MS);
}
