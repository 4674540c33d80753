/*
 * Our lines in the user's ssh_config, see sshconf_include.h.
 */
#include <fnmatch.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/text.h"
#include "proxy/sshconf_include.h"
#include "relay/err.h"
#include "relay/secret.h"

#define KEYWORD		"Include "
#define INCLUDE_MAX	(PATH_MAX + sizeof(KEYWORD "\"\""))

/* A line of a text: where it begins, and without its end. */
struct line {
	const char	*at;
	size_t		 len;
	const char	*next;		/* where the one after it begins */
	bool		 crlf;
};

static const char *
begin(const struct secret *text)
{
	return (text->data != NULL ? text->data : "");
}

static struct line
line_at(const char *at, const char *end)
{
	const char *lf = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
	struct line l = { .at = at, .next = lf != NULL ? lf + 1 : end };

	l.len = (size_t)((lf != NULL ? lf : end) - at);
	if (lf != NULL && l.len > 0 && at[l.len - 1] == '\r') {
		l.crlf = true;
		l.len--;
	}
	return (l);
}

static bool
line_is(struct line l, const char *text)
{
	return (l.len == strlen(text) && memcmp(l.at, text, l.len) == 0);
}

static bool
is_include(struct line l)
{
	return (l.len > strlen(KEYWORD) &&
	    memcmp(l.at, KEYWORD, strlen(KEYWORD)) == 0);
}

static const char *
include_line(const char *path, char line[INCLUDE_MAX])
{
	(void)snprintf(line, INCLUDE_MAX, KEYWORD "\"%s\"", path);
	return (line);
}

int
include_check(const char *path, struct err *e)
{
	const char *p;

	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return (err_set(e, EX_USAGE, "", "%.200s is not an absolute "
		    "path of usual length", path));
	for (p = path; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f ||
		    strchr("\"'\\%$*?[]{}", *p) != NULL)
			return (err_set(e, EX_USAGE, "", "ssh cannot include "
			    "%.150s: a %s is in its name", path,
			    (unsigned char)*p < 0x20 || *p == 0x7f ?
			    "control character" : (char [2]){ *p, '\0' }));
	return (0);
}

int
include_remove(const struct secret *text, const char *path,
    struct secret *out)
{
	const char *from = begin(text), *end = from + text->len, *at = from;
	char ours[INCLUDE_MAX];

	secret_free(out);
	(void)include_line(path, ours);
	while (at < end) {
		struct line mark = line_at(at, end);
		struct line include = line_at(mark.next, end);

		if (!line_is(mark, INCLUDE_MARK) || !line_is(include, ours)) {
			at = mark.next;
			continue;
		}
		if (text_append(out, from, (size_t)(at - from),
		    SIZE_MAX - 1) == -1)
			return (-1);
		from = at = include.next;
	}
	return (text_append(out, from, (size_t)(end - from), SIZE_MAX - 1));
}

/* Is it where ssh reads it whatever else the text says? */
static bool
is_at_top(const struct secret *text, const char *path)
{
	const char *at = begin(text), *end = at + text->len;
	char ours[INCLUDE_MAX];

	(void)include_line(path, ours);
	for (;;) {
		struct line mark = line_at(at, end);
		struct line include = line_at(mark.next, end);

		if (!line_is(mark, INCLUDE_MARK) || !is_include(include))
			return (false);
		if (line_is(include, ours))
			return (true);
		at = include.next;
	}
}

int
include_add(const struct secret *text, const char *path, struct secret *out)
{
	struct secret rest = SECRET_INIT;
	char lines[sizeof(INCLUDE_MARK) + INCLUDE_MAX + 4], ours[INCLUDE_MAX];
	const char *eol;
	int rc;

	secret_free(out);
	if (is_at_top(text, path))
		return (secret_set(out, text->data, text->len));
	if (include_remove(text, path, &rest) == -1)
		return (-1);
	eol = line_at(begin(text), begin(text) + text->len).crlf ? "\r\n" :
	    "\n";
	(void)snprintf(lines, sizeof(lines), "%s%s%s%s", INCLUDE_MARK, eol,
	    include_line(path, ours), eol);
	if ((rc = text_append(out, lines, strlen(lines), SIZE_MAX - 1)) == 0)
		rc = text_append(out, rest.data, rest.len, SIZE_MAX - 1);
	secret_free(&rest);
	return (rc);
}

/* The next word of a line, without its quotes.  Returns false at the end. */
static bool
next_word(struct line *l, char *word, size_t size)
{
	const char *end = l->at + l->len, *from;
	size_t n;
	bool quoted;

	while (l->at < end && strchr(" \t\r\f=", *l->at) != NULL)
		l->at++;
	quoted = l->at < end && *l->at == '"';
	for (from = l->at += quoted; l->at < end && (quoted ? *l->at != '"' :
	    strchr(" \t\r\f=", *l->at) == NULL); l->at++)
		;
	n = (size_t)(l->at - from);
	l->at += quoted && l->at < end;
	l->len = (size_t)(end - l->at);
	(void)snprintf(word, size, "%.*s", n < size ? (int)n : 0, from);
	return (n > 0 || quoted);
}

/* Do the words of an Include lead to path? */
static bool
leads_to(struct line l, const char *path, const char *home, const char *folder)
{
	char word[PATH_MAX], whole[2 * PATH_MAX + 2];

	while (next_word(&l, word, sizeof(word))) {
		if (strncmp(word, "~/", 2) == 0)
			(void)snprintf(whole, sizeof(whole), "%s%s", home,
			    word + 1);
		else
			(void)snprintf(whole, sizeof(whole), "%s%s%s",
			    word[0] == '/' ? "" : folder,
			    word[0] == '/' ? "" : "/", word);
		if (strcmp(whole, path) == 0 ||
		    fnmatch(whole, path, FNM_PATHNAME | FNM_PERIOD) == 0)
			return (true);
	}
	return (false);
}

/* "Host *", "Match all"; l: what follows the keyword. */
static bool
is_for_all(struct line l, const char *all)
{
	char word[80];

	while (next_word(&l, word, sizeof(word)))
		if (strcasecmp(word, all) == 0)
			return (true);
	return (false);
}

/* A pattern that begins with '!' takes hosts away again. */
static bool
has_negation(struct line l)
{
	return (memchr(l.at, '!', l.len) != NULL);
}

void
include_find(const struct secret *text, const char *path, const char *home,
    const char *folder, struct include_place *place)
{
	const char *at = begin(text), *end = at + text->len;
	struct include_place here = { .line = 0 };
	struct line l, rest;
	char word[40];

	*place = here;
	for (; at < end; at = l.next) {
		l = rest = line_at(at, end);
		here.line++;
		if (!next_word(&rest, word, sizeof(word)))
			continue;
		if (strcasecmp(word, "Host") == 0 ||
		    strcasecmp(word, "Match") == 0) {
			here.block = is_for_all(rest, strcasecmp(word,
			    "Host") == 0 ? "*" : "all") && !has_negation(rest) ?
			    0 : here.line;
			(void)snprintf(here.head, sizeof(here.head), "%.*s",
			    l.len < 200 ? (int)l.len : 200, l.at);
		} else if (strcasecmp(word, "Include") == 0 &&
		    (place->line == 0 || here.block == 0) &&
		    leads_to(rest, path, home, folder)) {
			*place = here;
			if (here.block == 0)
				return;
		}
	}
}
