/*
 * Goal: what is written as %XX is read as it was meant, and half of one is not
 * guessed at.
 */
#include <string.h>

#include "relay/percent.h"
#include "test/unit/tap.h"

static void
row(const char *text, bool form, const char *want)
{
	char out[64];
	ptrdiff_t n = percent_decode(text, strlen(text), form, out);

	if (want == NULL)
		ok(n == -1, "%s is refused", text);
	else
		ok(n == (ptrdiff_t)strlen(want) &&
		    memcmp(out, want, (size_t)n) == 0, "%s is \"%s\"%s", text,
		    want, form ? " in a form" : "");
}

int
main(void)
{
	char in_place[] = "%61b%63";
	char nul[1];

	row("", false, "");
	row("plain", false, "plain");
	row("%41%5a%5A%7e", false, "AZZ~");
	row("a+b%2B", false, "a+b+");
	row("a+b%2B", true, "a b+");
	row("%25%32", false, "%2");
	row("%", false, NULL);
	row("%4", false, NULL);
	row("a%", true, NULL);
	row("%4g", false, NULL);
	row("%g4", false, NULL);
	row("% 4", false, NULL);
	row("%+4", true, NULL);
	row("%\x14\x11", false, NULL);	/* letters and digits but for a bit */
	ok(percent_decode("%00", 3, false, nul) == 1 && nul[0] == '\0',
	    "a NUL is a byte like others");
	ok(percent_decode(in_place, 7, false, in_place) == 3 &&
	    memcmp(in_place, "abc", 3) == 0, "in place");
	return (done_testing());
}
