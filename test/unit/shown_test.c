/*
 * Goal: nothing that somebody else chose reaches a terminal as it is.
 */
#include <string.h>

#include "proxy/shown.h"
#include "test/unit/tap.h"

static char got[64];

static void
is(const char *text, size_t size, const char *want)
{
	memset(got, '?', sizeof(got));
	ok(shown(text, got, size) == got && strcmp(got, want) == 0 &&
	    strlen(got) < size && got[size] == '?', "%zu bytes: %s", size, got);
}

int
main(void)
{
	is("", 10, "");
	is("web01.arc ~!", 20, "web01.arc ~!");
	is("a\\b", 20, "a\\\\b");
	is("\x1b[31m\n\t\x7f", 40, "\\x1b[31m\\x0a\\x09\\x7f");
	is("\xc3\xbc \xe2\x80\xae \xf0\x9f\x98\x80", 40,
	    "\\u00fc \\u202e \\U0001f600");
	is("\x80 \xff \xc3", 40, "\\u0080 \\x07 \\x03");	/* no UTF-8 */
	is("123456789", 10, "123456789");
	is("1234567890", 10, "123456...");
	is("\xc3\xbc\xc3\xbc", 13, "\\u00fc\\u00fc");
	is("\xc3\xbc\xc3\xbc\xc3\xbc", 13, "\\u00fc...");
	is("\xc3\xbc\xc3\xbc", 9, "...");
	is("\xc3\xbc\xc3\xbc", 4, "...");
	return (done_testing());
}
