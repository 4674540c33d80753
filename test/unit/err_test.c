/*
 * Goal: an error becomes one printable line of at most 400 bytes that still
 * names its id, whatever peers and files have put into it.
 */
#include <errno.h>
#include <string.h>

#include "relay/err.h"
#include "test/unit/tap.h"

static int
is_printable(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
			return (0);
	return (1);
}

static int
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return (n >= m && strcmp(s + n - m, end) == 0);
}

static void
test_values(void)
{
	struct err e = ERR_INIT;

	ok(e.status == 0 && e.cause[0] == '\0', "no error at first");
	ok(err_set(&e, EX_NOPERM, "E401", "no %s for %d", "entry", 7) == -1,
	    "err_set returns -1");
	ok(e.status == EX_NOPERM && strcmp(e.id, "E401") == 0 &&
	    strcmp(e.cause, "no entry for 7") == 0 && e.fix[0] == '\0' &&
	    e.retry == RETRY_NEVER, "and fills all");
	e.retry = RETRY_NETWORK;
	ok(err_fix(&e, "ask %s", "her") == -1 &&
	    strcmp(e.fix, "ask her") == 0 && e.status == EX_NOPERM &&
	    e.retry == RETRY_NETWORK, "err_fix adds, and returns -1");
	(void)err_set(&e, EX_USAGE, "", "other");
	ok(e.id[0] == '\0' && e.fix[0] == '\0' && e.retry == RETRY_NEVER &&
	    strcmp(e.cause, "other") == 0, "a new error replaces all of it");
	errno = ENOENT;
	ok(err_sys(&e, EX_NOINPUT, "E106", "cannot read %s", "x") == -1 &&
	    strcmp(e.cause, "cannot read x: No such file or directory") == 0 &&
	    e.status == EX_NOINPUT && strcmp(e.id, "E106") == 0,
	    "err_sys appends the text of errno");
}

static void
test_hostile(void)
{
	struct err e = ERR_INIT;
	char text[200], line[ERR_LINE_MAX + 1];
	size_t i, wrong = 0;
	int b;

	(void)err_set(&e, 1, "", "%s", "a\x1b[31mb\r\nc\td\x7f\xc3\xa9");
	ok(strcmp(e.cause, "a?[31mb??c?d???") == 0, "cause: %s", e.cause);
	(void)err_fix(&e, "%s", "\x1b]0;title\a");
	ok(strcmp(e.fix, "?]0;title?") == 0, "fix: %s", e.fix);
	for (b = 1; b < 256; b++) {
		text[0] = (char)b;
		text[1] = '\0';
		(void)err_set(&e, 1, "", "<%s>", text);
		(void)err_fix(&e, "<%s>", text);
		wrong += e.cause[1] != (b >= 0x20 && b < 0x7f ? b : '?');
		wrong += e.fix[1] != (b >= 0x20 && b < 0x7f ? b : '?');
	}
	ok(wrong == 0, "each of 255 bytes");

	(void)err_set(&e, 1, "E999", "cause");
	(void)err_line(&e, "prog\x1b", "sub\nject\xff", line, sizeof(line));
	ok(strcmp(line, "prog?: sub?ject?: cause [E999]") == 0,
	    "program and subject: %s", line);

	(void)err_set(&e, 1, "E\x1b[1m\n", "cause");	/* of another process */
	(void)err_line(&e, "p", NULL, line, sizeof(line));
	ok(is_printable(line) && is_printable(e.id), "an id that is none");

	memset(text, '\xe2', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)err_set(&e, 1, "", "%s%s", text, text);
	for (i = 0; e.cause[i] == '?'; i++)
		;
	ok(i == sizeof(e.cause) - 1 && e.cause[i] == '\0',
	    "a long one is cut to its room");
}

static void
test_line(void)
{
	struct err e = ERR_INIT;
	char line[ERR_LINE_MAX + 1];

	(void)err_set(&e, EX_UNAVAILABLE, "E505", "nothing listens on port 22");
	ok(err_line(&e, "arc-relay-proxy", "web01", line, sizeof(line)) == line,
	    "err_line returns its buffer");
	ok(strcmp(line, "arc-relay-proxy: web01: nothing listens on port 22 "
	    "[E505]") == 0, "without a fix: %s", line);
	(void)err_fix(&e, "start sshd");
	(void)err_line(&e, "arc-relay-proxy", "web01", line, sizeof(line));
	ok(strcmp(line, "arc-relay-proxy: web01: nothing listens on port 22. "
	    "fix: start sshd [E505]") == 0, "whole: %s", line);
	(void)err_line(&e, "p", NULL, line, sizeof(line));
	ok(strcmp(line, "p: nothing listens on port 22. fix: start sshd [E505]")
	    == 0, "without a subject: %s", line);
	(void)err_set(&e, EX_USAGE, "", "unknown option");
	(void)err_line(&e, "p", NULL, line, sizeof(line));
	ok(strcmp(line, "p: unknown option") == 0, "without an id: %s", line);
}

static void
test_cut(void)
{
	struct err e = ERR_INIT;
	char text[300], line[1024], small[1024];
	size_t size, over = 0, no_id = 0, other = 0;

	memset(text, 'c', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)err_set(&e, 1, "E505", "%s", text);
	(void)err_fix(&e, "%s", text);
	memset(line, '#', sizeof(line));
	(void)err_line(&e, "arc-relay-proxy", "web01", line, sizeof(line));
	ok(strlen(line) == ERR_LINE_MAX && ends_with(line, "c [E505]"),
	    "cut at %d bytes, the id kept", ERR_LINE_MAX);
	ok(strncmp(line, "arc-relay-proxy: web01: ccc", 27) == 0,
	    "and so the beginning");
	ok(line[ERR_LINE_MAX + 1] == '#', "nothing behind");
	(void)err_line(&e, text, text, line, sizeof(line));
	ok(strlen(line) == ERR_LINE_MAX && ends_with(line, " [E505]"),
	    "also when program and subject fill it");

	for (size = 1; size <= 450; size++) {
		memset(small, '#', sizeof(small));
		(void)err_line(&e, "p", "s", small, size);
		over += memchr(small, '\0', size) == NULL ||
		    small[size] != '#';
		if (size > sizeof("p [E505]"))
			no_id += !ends_with(small, " [E505]");
		other += strncmp(small, "p: s: ccc", strcspn(small, " ")) != 0;
	}
	ok(over == 0, "no buffer of 1 to 450 bytes is overrun");
	ok(no_id == 0, "the id is there as soon as it fits");
	ok(other == 0, "and what is before it is the beginning");

	(void)err_set(&e, 1, "E5050505", "x");
	ok(strcmp(e.id, "E505050") == 0, "an id has at most 7 bytes");
	errno = EACCES;
	(void)err_sys(&e, 1, "", "%s", text);
	ok(strlen(e.cause) == sizeof(e.cause) - 1,
	    "a long cause and errno together are cut to their room");
}

int
main(void)
{
	test_values();
	test_hostile();
	test_line();
	test_cut();
	return (done_testing());
}
