/*
 * Goal: our two lines come into any ssh_config and out of it again, and not one
 * other byte changes.
 */
#include <stdlib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "proxy/sshconf_include.h"
#include "relay/err.h"
#include "relay/secret.h"
#include "test/unit/tap.h"

#define PATH	"/home/alice/.ssh/config.d/arc-relay.conf"
#define OURS	INCLUDE_MARK "\nInclude \"" PATH "\"\n"
#define OURS_CR	INCLUDE_MARK "\r\nInclude \"" PATH "\"\r\n"
#define OTHER	INCLUDE_MARK "\nInclude \"/home/alice/b.conf\"\n"

static struct secret got = SECRET_INIT;

static bool
becomes(int (*change)(const struct secret *, const char *, struct secret *),
    const char *text, size_t len, const char *want, size_t want_len)
{
	struct secret in = SECRET_INIT;
	bool same;

	if (len > 0)
		(void)secret_set(&in, text, len);
	same = change(&in, PATH, &got) == 0 && got.len == want_len &&
	    memcmp(got.data, want, want_len) == 0;
	secret_free(&in);
	return (same);
}

#define adds(in, out)	becomes(include_add, in, sizeof(in) - 1, out, sizeof(out) - 1)
#define removes(in, out) becomes(include_remove, in, sizeof(in) - 1, out, sizeof(out) - 1)

static void
there_and_back(void)
{
	static const char *const texts[] = {
		"", "\n", "Host a", "Host a\n", "Host a\r\n    Port 1\r\n",
		"Host a\r\nPort 1\n", "\r\n", "\r", " \n\n\n", "# \xc3\xbc\nHost *",
		INCLUDE_MARK, INCLUDE_MARK "\n", INCLUDE_MARK "\nHost a\n",
		"Include " PATH "\n", OTHER "Host a\n", OTHER,
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct secret text = { strdup(texts[i]), strlen(texts[i]) };
		struct secret with = SECRET_INIT, again = SECRET_INIT;

		ok(include_add(&text, PATH, &with) == 0 &&
		    strncmp(with.data, INCLUDE_MARK, strlen(INCLUDE_MARK)) == 0 &&
		    with.len > text.len, "%zu: added", i);
		ok(include_add(&with, PATH, &again) == 0 &&
		    again.len == with.len &&
		    memcmp(again.data, with.data, with.len) == 0,
		    "%zu: once, however often", i);
		ok(becomes(include_remove, with.data, with.len, text.data,
		    text.len), "%zu: and removed", i);
		free(text.data);
		secret_free(&with);
		secret_free(&again);
	}
}

static void
places(void)
{
	ok(adds("Host a\n", OURS "Host a\n"), "at the top");
	ok(adds("Host a\r\n", OURS_CR "Host a\r\n"), "lines end as they do there");
	ok(adds("Host a\n" OURS "Port 1\n", OURS "Host a\nPort 1\n"),
	    "moved to the top: below Host it is for that host only");
	ok(adds("\n" OURS, OURS "\n"), "also from below an empty line");
	ok(adds(OTHER OURS "Host a\n", OTHER OURS "Host a\n"),
	    "another file of ours may be above");
	ok(adds(OTHER "Host a\n", OURS OTHER "Host a\n"), "or below");
	ok(adds(OURS OURS, OURS OURS) && removes(OURS OURS, ""),
	    "twice there: all goes");
	ok(adds("a\0b\n", OURS "a\0b\n") && removes(OURS "a\0b\n", "a\0b\n"),
	    "a NUL does not end the text");
}

static void
removal(void)
{
	ok(removes("Host b\n" OURS "Host a", "Host b\nHost a"),
	    "what was written above and below stays");
	ok(removes(OURS_CR "Host a\n", "Host a\n"), "an editor made it CRLF");
	ok(removes(INCLUDE_MARK "\nInclude \"" PATH "\"", ""),
	    "the last newline is gone");
	ok(removes(INCLUDE_MARK "\n# mine\nInclude \"" PATH "\"\n",
	    INCLUDE_MARK "\n# mine\nInclude \"" PATH "\"\n"),
	    "lines that are no pair are not ours");
	ok(removes("Include \"" PATH "\"\n", "Include \"" PATH "\"\n"),
	    "an Include without our mark is the user's");
	ok(removes(OTHER "Host a\n", OTHER "Host a\n"),
	    "the lines for another file stay");
	ok(removes(INCLUDE_MARK "\n" OURS, INCLUDE_MARK "\n"),
	    "a mark alone is a comment");
}

static void
paths(void)
{
	static const char *const bad[] = { "", "a", "~/a", "/a\"b", "/a'b",
	    "/a\\b", "/a%b", "/a${b}", "/a*", "/a?", "/a[b]", "/a{b,c}", "/a\n",
	    "/a\tb", "/\x7f" };
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(include_check(bad[i], &e) == -1 && e.status == EX_USAGE &&
		    e.cause[0] != '\0', "refused: %s", e.cause);
	ok(include_check(PATH, &e) == 0 &&
	    include_check("/home/J\xc3\xbcrgen Wei\xc3\x9f/a#b~c@d,e=f", &e) == 0,
	    "usual paths are fine, spaces and letters of any language too");
}

/* Where text includes "/h/.ssh/config.d/x.conf". */
static bool
found(const char *text, size_t line, size_t block)
{
	struct secret whole = { (char *)(uintptr_t)text, strlen(text) };
	struct include_place at;

	include_find(&whole, "/h/.ssh/config.d/x.conf", "/h", "/h/.ssh", &at);
	if (at.line == line && at.block == block)
		return (true);
	printf("# line %zu, block %zu\n", at.line, at.block);
	return (false);
}

static void
finding(void)
{
	static const char *const ways[] = { "/h/.ssh/config.d/x.conf",
	    "~/.ssh/config.d/x.conf", "config.d/x.conf", "config.d/*",
	    "~/.ssh/config.d/*.conf", "other \"config.d/x.conf\"",
	    "\"/h/.ssh/config.d/x.conf\"" };
	static const char *const other[] = { "x.conf", "/config.d/x.conf",
	    "config.d/*.config", "config.d", "*", "~/config.d/x.conf" };
	static const char *const all[] = { "Host *", "host \"*\"",
	    "Host=*", "Match all", "\tMATCH\tALL" };
	static const char *const some[] = { "Host a", "Host * !b", "Host *.arc",
	    "Match host *", "Match exec true", "Match !all" };
	char text[200];
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		(void)snprintf(text, sizeof(text), "# a\nInclude %s\n", ways[i]);
		ok(found(text, 2, 0), "Include %s", ways[i]);
	}
	for (i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		(void)snprintf(text, sizeof(text), "Include %s\n", other[i]);
		ok(found(text, 0, 0), "another file: Include %s", other[i]);
	}
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		(void)snprintf(text, sizeof(text), "Host a\n%s\n include =config.d/*",
		    all[i]);
		ok(found(text, 3, 0), "for every host: %s", all[i]);
	}
	for (i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s\nUser u\nInclude config.d/*",
		    some[i]);
		ok(found(text, 3, 1), "not for every host: %s", some[i]);
	}
	ok(found("Host a\nInclude config.d/*\nHost *\nInclude config.d/*\n", 4,
	    0), "the one for every host counts");
	ok(found("Include config.d/*\r\nHost a\r\n", 1, 0), "CRLF");
	ok(found("#Include config.d/*\n\n\n", 0, 0) && found("", 0, 0) &&
	    found("Include", 0, 0) && found("Include \"", 0, 0), "none");
}

int
main(void)
{
	finding();
	there_and_back();
	places();
	removal();
	paths();
	secret_free(&got);
	return (done_testing());
}
