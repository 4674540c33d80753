/*
 * The files that Python's configparser writes, as the Azure CLI keeps them:
 * [section], then "key = value" or "key: value"; a line that begins with # or ;
 * is a comment.  A value that goes on in the next line is read no further.
 * Pure.
 */
#ifndef AUTH_INI_H
#define AUTH_INI_H

#include <stdbool.h>
#include <stddef.h>

/* A piece of the text: no NUL at its end. */
struct ini_text {
	const char	*at;
	size_t		 len;
};

struct ini {
	const char	*at, *end;	/* what is left to read */
	struct ini_text	 section, key, value;
};

/* Begins with a text of len bytes, which is lent; it may hold anything. */
void	 ini_begin(struct ini *, const char *text, size_t len);

/*
 * The next section (key.len is 0 then) or the next value of one.  What cannot be
 * read is passed over.  Returns false at the end.
 */
bool	 ini_next(struct ini *);

/* Is a piece the string?  In any case of letters. */
bool	 ini_is(const struct ini_text *, const char *string);

/*
 * The first value of key in section, both in any case, as a string.  Returns 0;
 * or -1: there is none, it is empty or holds a NUL, or out is too small.
 */
int	 ini_get(const char *text, size_t len, const char *section,
	    const char *key, char *out, size_t size);

#endif
