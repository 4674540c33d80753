/*
 * Text for a terminal, see shown.h.
 */
#include <stdio.h>
#include <string.h>

#include "proxy/shown.h"

/* The character that text begins with. */
static unsigned long
decode(const unsigned char *s, size_t *len)
{
	unsigned long c = *s;
	size_t i;

	*len = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (*len == 1)
		return (c);
	c &= 0x7fUL >> *len;
	for (i = 1; i < *len && (s[i] & 0xc0) == 0x80; i++)
		c = c << 6 | (s[i] & 0x3f);
	*len = i;
	return (c);
}

size_t
shown_piece(const char *text, char out[SHOWN_PIECE])
{
	size_t len;
	unsigned long c = decode((const unsigned char *)text, &len);

	if (c >= 0x20 && c < 0x7f)
		(void)snprintf(out, SHOWN_PIECE, c == '\\' ? "\\\\" : "%c",
		    (int)c);
	else
		(void)snprintf(out, SHOWN_PIECE, c < 0x80 ? "\\x%02lx" :
		    c < 0x10000 ? "\\u%04lx" : "\\U%08lx", c);
	return (len);
}

char *
shown(const char *text, char *out, size_t size)
{
	size_t n = 0, cut = 0, len;
	char c[SHOWN_PIECE];

	while (*text != '\0') {
		text += shown_piece(text, c);
		len = strlen(c);
		if (n + len >= size) {
			(void)snprintf(out + cut, size - cut, SHOWN_CUT);
			return (out);
		}
		memcpy(out + n, c, len);
		n += len;
		if (n + sizeof(SHOWN_CUT) <= size)
			cut = n;
	}
	out[n] = '\0';
	return (out);
}
