/*
 * The browser's way back, see redirect.h.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "auth/redirect.h"
#include "auth/text.h"
#include "relay/percent.h"

/* The value as it was meant.  Returns 0; or -1: bad, or a NUL in it. */
static int
unquote(const char *text, size_t len, struct secret *out)
{
	ptrdiff_t n;

	if (secret_set(out, text, len) == -1 ||
	    (n = percent_decode(text, len, true, out->data)) == -1 ||
	    memchr(out->data, '\0', (size_t)n) != NULL)
		return (-1);
	out->data[n] = '\0';
	out->len = (size_t)n;
	return (0);
}

/*
 * The value of name in a query.  Returns 0 with out, -1 if there is none, it is
 * empty, bad, or there are two: nobody shall choose between them.
 */
static int
value(const char *query, size_t len, const char *name, struct secret *out)
{
	const char *end = query + len, *next;
	size_t name_len = strlen(name);
	bool found = false;

	secret_free(out);
	for (; query < end; query = next + 1) {
		if ((next = memchr(query, '&', (size_t)(end - query))) == NULL)
			next = end;
		if ((size_t)(next - query) <= name_len ||
		    memcmp(query, name, name_len) != 0 ||
		    query[name_len] != '=')
			continue;
		query += name_len + 1;
		if (found || unquote(query, (size_t)(next - query), out) == -1) {
			secret_free(out);
			return (-1);
		}
		found = true;
	}
	return (out->len > 0 ? 0 : -1);
}

/* Takes as long for a wrong one as for the right one. */
static bool
same(const struct secret *got, const char *want)
{
	size_t i, len = strlen(want);
	volatile unsigned char differ = got->len != len;

	for (i = 0; i < len && i < got->len; i++)
		differ = (unsigned char)(differ |
		    ((unsigned char)got->data[i] ^ (unsigned char)want[i]));
	return (differ == 0);
}

static void
copy(const struct secret *from, char *out, size_t size)
{
	(void)snprintf(out, size, "%s", from->data != NULL ? from->data : "");
}

static enum redirect_verdict
judge(const char *query, size_t len, const char *state, struct redirect *r)
{
	enum redirect_verdict verdict = REDIRECT_STRANGER;
	struct secret s = SECRET_INIT;

	if (value(query, len, "state", &s) == -1 || !same(&s, state))
		goto out;
	if (value(query, len, "error", &s) == 0) {
		copy(&s, r->error, sizeof(r->error));
		if (value(query, len, "error_description", &s) == 0)
			copy(&s, r->text, sizeof(r->text));
		verdict = REDIRECT_ERROR;
	} else if (value(query, len, "code", &r->code) == 0) {
		if (text_is_visible(r->code.data, r->code.len))
			verdict = REDIRECT_CODE;
		else
			secret_free(&r->code);
	}
 out:
	secret_free(&s);
	return (verdict);
}

enum redirect_verdict
redirect_read(const char *line, size_t len, const char *state,
    struct redirect *r)
{
	static const char get[] = "GET ", version[] = " HTTP/1.";
	size_t tail = strlen(version) + 1;	/* "1.1" or "1.0" */
	const char *query;

	redirect_free(r);
	if (len > REDIRECT_LINE_MAX || len < strlen(get) + 1 + tail ||
	    memcmp(line, get, strlen(get)) != 0 ||
	    memcmp(line + len - tail, version, strlen(version)) != 0)
		return (REDIRECT_NO_REQUEST);
	line += strlen(get);
	len -= strlen(get) + tail;
	if (!text_is_visible(line, len) || line[0] != '/')
		return (REDIRECT_NO_REQUEST);
	if (len > 1 && line[1] != '?')
		return (REDIRECT_ELSEWHERE);
	query = line + (len > 1 ? 2 : 1);
	return (judge(query, len - (size_t)(query - line), state, r));
}

void
redirect_free(struct redirect *r)
{
	secret_free(&r->code);
	*r = (struct redirect)REDIRECT_INIT;
}
