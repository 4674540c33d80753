/*
 * %XX, see percent.h.
 */
#include "relay/percent.h"

static int
hex_digit(char c)
{
	return (c >= '0' && c <= '9' ? c - '0' :
	    c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	    c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1);
}

ptrdiff_t
percent_decode(const char *text, size_t len, bool form, char *out)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		char c = text[i];

		if (form && c == '+')
			c = ' ';
		else if (c == '%') {
			if (len - i < 3 || hex_digit(text[i + 1]) == -1 ||
			    hex_digit(text[i + 2]) == -1)
				return (-1);
			c = (char)(hex_digit(text[i + 1]) << 4 |
			    hex_digit(text[i + 2]));
			i += 2;
		}
		out[n++] = c;
	}
	return ((ptrdiff_t)n);
}
