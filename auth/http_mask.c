/*
 * What an answer repeats of our secrets, see http.h.
 */
#include <string.h>
#include <strings.h>

#include "auth/http.h"
#include "relay/percent.h"

/* Of a form: RFC 6749, RFC 7523, RFC 7636, RFC 8628. */
static const char *const fields[] = {
	"client_secret", "client_assertion", "refresh_token", "code",
	"code_verifier", "device_code", "assertion", "password",
};

/* Their values follow a scheme, or are all of it. */
static const char *const headers[] = {
	"Authorization", "X-IDENTITY-HEADER", "Secret",
};

#define N(table)	(sizeof(table) / sizeof((table)[0]))

static void
mask(struct http_reply *reply, const char *secret, size_t len)
{
	if (reply->body.data != NULL)
		secret_mask(reply->body.data, reply->body.len, secret, len);
	if (reply->header.data != NULL)
		secret_mask(reply->header.data, reply->header.len, secret, len);
}

static bool
is_one_of(const char *const *table, size_t n, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strlen(table[i]) == len &&
		    strncasecmp(table[i], name, len) == 0)
			return (true);
	return (false);
}

static void
mask_header(struct http_reply *reply, const char *line)
{
	size_t len = strcspn(line, ":");
	const char *value = line + len, *space;

	if (!is_one_of(headers, N(headers), line, len))
		return;
	value += strspn(value, ": ");
	if ((space = strchr(value, ' ')) != NULL)
		value = space + 1;
	mask(reply, value, strlen(value));
}

/* As it was sent, and as it was meant. */
static void
mask_value(struct http_reply *reply, const char *value, size_t len)
{
	struct secret plain = SECRET_INIT;
	ptrdiff_t n;

	mask(reply, value, len);
	if (secret_set(&plain, value, len) == 0 &&
	    (n = percent_decode(value, len, false, plain.data)) != -1)
		mask(reply, plain.data, (size_t)n);
	secret_free(&plain);
}

void
http_mask(const struct http_request *q, struct http_reply *reply)
{
	const char *const *line;
	const char *p, *end, *next;
	size_t len;

	for (line = q->headers; line != NULL && *line != NULL; line++)
		mask_header(reply, *line);
	if (q->body == NULL || q->body->data == NULL)
		return;
	end = q->body->data + q->body->len;
	for (p = q->body->data; p < end; p = next + 1) {
		if ((next = memchr(p, '&', (size_t)(end - p))) == NULL)
			next = end;
		len = strcspn(p, "=&");
		if (p + len < next && is_one_of(fields, N(fields), p, len))
			mask_value(reply, p + len + 1,
			    (size_t)(next - p) - len - 1);
	}
}
