/*
 * What Azure's management endpoint may say when it refuses.  The first byte
 * chooses: an error body, WWW-Authenticate, the headers of a wait, or a link.
 * Whatever it is: what is shown is one printable line, what is kept has its
 * bounds and its grammar, and a link leads to no other host.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/arm.h"
#include "auth/cloud.h"
#include "auth/http.h"
#include "auth/json.h"
#include "auth/text.h"
#include "relay/err.h"

static void
must_be_bounded(const struct arm_refusal *why)
{
	char no_json[JS_WHY_MAX];
	struct js *j;

	assert(strnlen(why->code, sizeof(why->code)) < sizeof(why->code));
	assert(strnlen(why->message, sizeof(why->message)) <
	    sizeof(why->message));
	assert(strnlen(why->policy, sizeof(why->policy)) <
	    sizeof(why->policy));
	assert(strnlen(why->tenant, sizeof(why->tenant)) <
	    sizeof(why->tenant));
	assert(strnlen(why->claims, sizeof(why->claims)) <
	    sizeof(why->claims));
	assert(strpbrk(why->message, "\r\n") == NULL);
	assert(text_only(why->tenant, "-."));
	if (why->claims[0] == '\0')
		return;
	assert(why->claims[0] == '{');
	assert((j = js_parse(why->claims, strlen(why->claims), no_json)) !=
	    NULL);
	js_free(j);
}

/* The line that the user reads; what is to be typed can be typed. */
static void
must_be_told(const struct arm_refusal *why)
{
	static const char path[] = "/subscriptions/s/providers/N/t?x";
	struct http_reply reply = { .status = why->status };
	struct err e = ERR_INIT;
	char line[ERR_LINE_MAX + 1];
	const char *s;

	assert(arm_explain(why, "arm.test", path, &reply, &e) == -1);
	assert(e.status > 0 && e.cause[0] != '\0' && e.id[0] == 'E');
	assert(strpbrk(e.fix, "`$|&<>\\") == NULL);
	err_line(&e, "p", NULL, line, sizeof(line));
	assert(strlen(line) <= ERR_LINE_MAX);
	for (s = line; *s != '\0'; s++)
		assert(*s >= 0x20 && *s <= 0x7e);
}

static void
refuse(const char *text, size_t len)
{
	static const int statuses[] = { 400, 401, 403, 404, 409, 429, 500 };
	struct arm_refusal why;
	size_t i;

	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		arm_refusal_parse(statuses[i], text, len, &why);
		must_be_bounded(&why);
		must_be_told(&why);
	}
}

static void
challenge(const char *header)
{
	struct arm_refusal why;

	why = (struct arm_refusal){ .status = 401 };
	arm_challenge_parse(header, &why);
	must_be_bounded(&why);
	must_be_told(&why);
	if (why.claims[0] != '\0')
		assert(strcasestr(header, "bearer") != NULL &&
		    strstr(header, "insufficient_claims") != NULL);
}

static void
wait(const char *headers, size_t len)
{
	struct http_reply reply = HTTP_REPLY_INIT;
	int64_t ms;

	assert(secret_set(&reply.header, headers, len) == 0);
	ms = http_retry_after_ms(&reply, 784111777);
	assert(ms == HTTP_WAIT_UNREADABLE ||
	    (ms >= 0 && ms <= HTTP_WAIT_MAX_MS));
	http_reply_free(&reply);
}

static void
follow(const char *url)
{
	static const struct cloud c = { .management = "https://arm.test" };
	static const char home[] = "https://arm.test", port[] = ":443";
	const char *path = arm_link_path(&c, url), *end;

	if (path == NULL)
		return;
	assert(strncasecmp(url, home, strlen(home)) == 0);
	end = url + strlen(home);
	if (strncmp(end, port, strlen(port)) == 0)
		end += strlen(port);
	assert(path == end && *path == '/');
	assert(text_is_visible(path, strlen(path)));
}

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	char *text;

	if (len == 0 || (text = malloc(len)) == NULL)
		return (0);
	memcpy(text, in + 1, len - 1);
	text[len - 1] = '\0';
	switch (in[0] & 3) {
	case 0:
		refuse(text, len - 1);
		break;
	case 1:
		challenge(text);
		break;
	case 2:
		wait(text, strlen(text));
		break;
	default:
		follow(text);
	}
	free(text);
	return (0);
}
