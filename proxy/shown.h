/*
 * Text that somebody else chose, for a terminal or a log: what is not printable
 * ASCII becomes \x1b or \u202e, and a backslash two.
 */
#ifndef PROXY_SHOWN_H
#define PROXY_SHOWN_H

#include <stddef.h>

#define SHOWN_PIECE	11	/* \U0010ffff, with the NUL */
#define SHOWN_CUT	"..."

/*
 * The first character of text, which is UTF-8 and not empty.  Returns how many
 * bytes it had.
 */
size_t	 shown_piece(const char *text, char out[SHOWN_PIECE]);

/* All of text, or as much as out has room for, and "...".  Returns out. */
char	*shown(const char *text, char *out, size_t size);

#endif
