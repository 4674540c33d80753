/*
 * Letters beyond ASCII, see letter.h.
 */
#include <stdbool.h>
#include <stdint.h>

#include "auth/letter.h"

/*
 * Letters beyond ASCII, and the marks within them.  Not in here: controls, blanks,
 * punctuation, what has no width or turns the direction of writing, private use.
 */
static const struct {
	uint32_t from, to;
} letters[] = {
	{ 0xc0, 0xd6 }, { 0xd8, 0xf6 }, { 0xf8, 0x2ff }, { 0x300, 0x34e },
	{ 0x350, 0x61b }, { 0x61d, 0x115e }, { 0x1161, 0x167f },
	{ 0x1681, 0x17b3 }, { 0x17b6, 0x180a }, { 0x1810, 0x1fff },
	{ 0x2c00, 0x2dff }, { 0x3005, 0x3007 }, { 0x3021, 0x3163 },
	{ 0x3165, 0xd7ff }, { 0xf900, 0xfdff }, { 0xfe70, 0xfefc },
	{ 0xff10, 0xff9f }, { 0xffa1, 0xffdc }, { 0x10000, 0x1d15f },
	{ 0x1e000, 0x1efff }, { 0x20000, 0x3ffff },
};

static bool
is_letter(uint32_t c)
{
	size_t i;

	for (i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (c >= letters[i].from && c <= letters[i].to)
			return (true);
	return (false);
}

/*
 * The character beyond ASCII that s begins with, of n bytes.  0: none, or not
 * written as UTF-8 has to be.
 */
static uint32_t
read_utf8(const char *s, size_t *n)
{
	const unsigned char *p = (const unsigned char *)s;
	uint32_t c, least;
	size_t i;

	*n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return (0);
	c = p[0] & (0xffU >> (*n + 1));
	for (i = 1; i < *n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return (0);
		c = c << 6 | (p[i] & 0x3f);
	}
	least = *n == 2 ? 0x80 : *n == 3 ? 0x800 : 0x10000;
	return (c >= least ? c : 0);
}

size_t
letter_size(const char *s)
{
	size_t n;

	return (is_letter(read_utf8(s, &n)) ? n : 0);
}
