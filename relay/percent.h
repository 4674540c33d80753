/*
 * %XX in URLs and forms (RFC 3986, 2.1).
 */
#ifndef RELAY_PERCENT_H
#define RELAY_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Decodes len bytes of text into out, which has room for as many and may be
 * text.  form: a + is a blank, as in what a browser sends.
 * Returns the number of bytes; or -1 when a % is not followed by two digits.
 */
ptrdiff_t percent_decode(const char *text, size_t len, bool form, char *out);

#endif
