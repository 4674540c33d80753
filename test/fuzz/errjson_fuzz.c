/*
 * An error from another process: what is accepted can be shown as it is, and is
 * the same when written and read again.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "auth/errjson.h"
#include "auth/json.h"
#include "relay/err.h"
#include "relay/secret.h"

static void
must_be_printable(const char *s, size_t size)
{
	assert(strnlen(s, size) < size);
	for (; *s != '\0'; s++)
		assert(*s >= 0x20 && *s <= 0x7e);
}

/* Is s what the document said, cut and made printable? */
static void
must_say(const char *s, size_t size, const struct js *j, const char *path)
{
	const char *want = js_string(j, path);

	assert(strlen(s) == strnlen(want, size - 1));
	for (; *s != '\0'; s++, want++)
		assert(*s == (*want >= 0x20 && *want <= 0x7e ? *want : '?'));
}

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct err e = { .status = -7 }, again = ERR_INIT;
	struct secret text = SECRET_INIT;
	char line[ERR_LINE_MAX + 1], why[JS_WHY_MAX];
	struct js *j;

	if (errjson_parse((const char *)in, len, &e) == -1) {
		assert(e.status == -7);		/* untouched */
		return (0);
	}
	assert(e.status > 0 && e.status < 256 && e.retry == RETRY_NEVER);
	j = js_parse((const char *)in, len, why);
	must_say(e.id, sizeof(e.id), j, "error.id");
	must_say(e.cause, sizeof(e.cause), j, "error.cause");
	must_say(e.fix, sizeof(e.fix), j, "error.fix");
	js_free(j);
	must_be_printable(err_line(&e, "p", NULL, line, sizeof(line)),
	    sizeof(line));

	assert(errjson_format(&e, &text) == 0);
	assert(strchr(text.data, '\n') == NULL);
	assert(errjson_parse(text.data, text.len, &again) == 0);
	assert(again.status == e.status && strcmp(again.id, e.id) == 0 &&
	    strcmp(again.cause, e.cause) == 0 && strcmp(again.fix, e.fix) == 0);
	secret_free(&text);
	return (0);
}
