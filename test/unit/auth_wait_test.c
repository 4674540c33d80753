/*
 * Goal: we wait as long as the server asks, however it says so; what it says can
 * neither keep us for ever nor make us hurry.
 */
#include <stdio.h>
#include <string.h>

#include "auth/http.h"
#include "test/unit/tap.h"

#define NOW	784111777	/* Sun, 06 Nov 1994 08:49:37 GMT */

static void
asks(const char *headers, int64_t wait_ms)
{
	struct http_reply reply = HTTP_REPLY_INIT;
	int64_t got;

	(void)secret_set(&reply.header, headers, strlen(headers));
	got = http_retry_after_ms(&reply, NOW);
	ok(got == wait_ms, "%.60s: %lld ms", headers, (long long)got);
	http_reply_free(&reply);
}

/* In a 429, and only there, also by the quota of Resource Graph. */
static void
resets(const char *value, int64_t wait_ms)
{
	struct http_reply reply = { .status = 429 };
	char line[80];
	int64_t got;

	(void)snprintf(line, sizeof(line), "x-ms-user-quota-resets-after: "
	    "%s\r\n", value);
	(void)secret_set(&reply.header, line, strlen(line));
	got = http_retry_after_ms(&reply, NOW);
	ok(got == wait_ms && http_resets_after_ms(&reply) == wait_ms,
	    "quota: %s: %lld ms", value, (long long)got);
	reply.status = 200;
	ok(http_retry_after_ms(&reply, NOW) == 0, "not with 200");
	http_reply_free(&reply);
}

static void
shows(const char *headers, time_t clock)
{
	struct http_reply reply = HTTP_REPLY_INIT;
	time_t got = 0;
	int rc;

	(void)secret_set(&reply.header, headers, strlen(headers));
	rc = http_date(&reply, &got);
	ok(clock != 0 ? rc == 0 && got == clock : rc == -1, "%.60s: %lld",
	    headers, (long long)got);
	http_reply_free(&reply);
}

int
main(void)
{
	shows("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", NOW);
	shows("X: y\r\ndate:\tSunday, 06-Nov-94 08:49:37 GMT\r\n", NOW);
	shows("Date: now\r\n", 0);
	shows("Date:\r\n", 0);
	shows("", 0);

	resets("00:00:05", 5000);
	resets("01:02:03", 3723000);
	resets("00:00:05.1230000", 5000);
	resets("99:00:00", HTTP_WAIT_MAX_MS);
	resets("00:00:00", 0);
	resets("5", 0);
	resets("00:05", 0);
	resets("-1:00:05", 0);
	resets(" 1: 2: 3", 0);
	resets("00:00:05 or so", 0);
	resets("1.00:00:05", 0);
	resets("000:00:05", 0);

	asks("", 0);
	asks("Retry-After: 3\r\n", 3000);
	asks("retry-AFTER:3 \r\n", 3000);
	asks("Retry-After: 0\r\n", 0);
	asks("Retry-After: 3600\r\n", 3600 * 1000);
	asks("Retry-After: 86400\r\n", HTTP_WAIT_MAX_MS);
	asks("Retry-After: 99999999999999999999999999\r\n", HTTP_WAIT_MAX_MS);
	asks("Retry-After: -1\r\n", HTTP_WAIT_UNREADABLE);
	asks("Retry-After: +1\r\n", HTTP_WAIT_UNREADABLE);
	asks("Retry-After: 1.5\r\n", HTTP_WAIT_UNREADABLE);
	asks("Retry-After: 1e18\r\n", HTTP_WAIT_UNREADABLE);
	asks("Retry-After: soon\r\n", HTTP_WAIT_UNREADABLE);
	asks("Retry-After:\r\n", HTTP_WAIT_UNREADABLE);

	asks("Retry-After: Sun, 06 Nov 1994 08:49:40 GMT\r\n", 3000);
	asks("Retry-After: Sunday, 06-Nov-94 08:49:40 GMT\r\n", 3000);
	asks("Retry-After: Sun Nov  6 08:49:40 1994\r\n", 3000);
	asks("Retry-After: Sun, 06 Nov 1994 08:49:36 GMT\r\n", 0);
	asks("Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n",
	    HTTP_WAIT_MAX_MS);
	asks("Retry-After: Sun, 06 Nov 1994 08:49:40 GMT, or so\r\n",
	    HTTP_WAIT_UNREADABLE);
	asks("Retry-After: Sun, 06 Nov 1994 25:61:40 GMT\r\n",
	    HTTP_WAIT_UNREADABLE);
	asks("Date: Sun, 06 Nov 1994 10:00:00 GMT\r\n"
	    "Retry-After: Sun, 06 Nov 1994 10:00:05 GMT\r\n", 5000);
	asks("Date: today\r\n"
	    "Retry-After: Sun, 06 Nov 1994 08:49:40 GMT\r\n", 3000);

	asks("Retry-After: 9\r\nretry-after-ms: 1500\r\n", 1500);
	asks("Retry-After: 9\r\nx-ms-retry-after-ms: 250\r\n", 250);
	asks("x-ms-retry-after-ms: 7\r\nretry-after-ms: 8\r\n", 8);
	asks("retry-after-ms: -7\r\nRetry-After: 2\r\n", 2000);
	asks("retry-after-ms: 99999999999999999999\r\n", HTTP_WAIT_MAX_MS);
	return (done_testing());
}
