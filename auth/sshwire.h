/*
 * The data types of SSH (RFC 4251, 5), read and written.  Pure.
 *
 * A reader that ran over the end, or met what must not be, stays bad: ask once,
 * at the end.  What it gives meanwhile is 0 or empty.
 */
#ifndef AUTH_SSHWIRE_H
#define AUTH_SSHWIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct secret;

struct sshwire {
	const uint8_t	*at;
	size_t		 left;
	bool		 bad;
};

/* A span of what is read; lent. */
struct sshspan {
	const uint8_t	*at;
	size_t		 len;
};

/* A reader of data, which must outlive what it lends. */
struct sshwire	 sshwire_of(const void *data, size_t len);

/* The next value. */
uint32_t	 sshwire_u32(struct sshwire *w);
uint64_t	 sshwire_u64(struct sshwire *w);
struct sshspan	 sshwire_string(struct sshwire *w);

/* A number that is not negative, without leading zeros. */
struct sshspan	 sshwire_mpint(struct sshwire *w);

/* A string that must be text. */
void		 sshwire_expect(struct sshwire *w, const char *text);

/* Was all good, and is all read? */
bool		 sshwire_is_done(const struct sshwire *w);

/* Is it the text? */
bool		 sshspan_is(struct sshspan s, const char *text);

/* Are they the same bytes? */
bool		 sshspan_same(struct sshspan a, const void *data, size_t len);

/*
 * Adds a value at the end of out.  A number has no leading zeros.  Returns 0 or
 * -1: no memory.
 */
int		 sshwire_add_string(struct secret *out, const void *data,
		    size_t len);
int		 sshwire_add_mpint(struct secret *out, const uint8_t *number,
		    size_t len);

#endif
