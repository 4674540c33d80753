/*
 * Growing and quoting text that may be secret.
 */
#ifndef AUTH_TEXT_H
#define AUTH_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct secret;

/*
 * Adds len bytes at the end of s.  Returns 0, or -1 when there is no memory or
 * s would be longer than max bytes; s is unchanged then.
 */
int	 text_append(struct secret *s, const void *data, size_t len, size_t max);

/*
 * Adds the string, with every byte that is neither unreserved (RFC 3986, 2.3)
 * nor one of keep as %XX.  Returns 0 or -1 (no memory).
 */
int	 text_percent(struct secret *s, const char *string, const char *keep);

/* Makes its letters small, those of ASCII, in place. */
void	 text_lower(char *string);

/* Is each byte of the string a letter or digit of ASCII, or one of also? */
bool	 text_only(const char *string, const char *also);

/* The same for len bytes of visible ASCII, as in a header's value; len > 0. */
bool	 text_is_visible(const char *data, size_t len);

/*
 * The whole of a small file.  Returns 0; or -1 with errno, which is EFBIG when
 * it holds more than max bytes.
 */
int	 text_read_file(const char *path, size_t max, struct secret *out);

/*
 * The same for a regular file only, else EINVAL.  With ours also only for one
 * that belongs to us or to root and that nobody else can write, else EPERM: what
 * it says decides where a secret goes.
 */
int	 text_read_regular(const char *path, size_t max, bool ours,
	    struct secret *out);

/*
 * The whole of an open file that has size bytes, in one piece: to grow by steps
 * would copy megabytes many times.  Returns 0; or -1 with errno, which is EBUSY
 * when it has become longer or shorter.
 */
int	 text_read_whole(int fd, size_t size, struct secret *out);

/* Writes all of it.  Returns 0, or -1 with errno. */
int	 text_write_all(int fd, const char *data, size_t len);

#endif
