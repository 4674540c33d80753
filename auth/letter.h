/*
 * Letters beyond ASCII: ARM has them in the names of resource groups.
 */
#ifndef AUTH_LETTER_H
#define AUTH_LETTER_H

#include <stddef.h>

/*
 * How many bytes the letter has that s begins with: one beyond ASCII, or a mark
 * within a word, in UTF-8.  0: it is none, or not written as UTF-8 has to be.
 */
size_t	 letter_size(const char *s);

#endif
