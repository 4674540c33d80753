/*
 * Bytes that wipe themselves.  There is no function that prints one: to speak
 * of a secret, speak of its length.
 */
#ifndef RELAY_SECRET_H
#define RELAY_SECRET_H

#include <stdbool.h>
#include <stddef.h>

struct secret {
	char	*data;	/* NUL-terminated, the NUL not counted; NULL: empty */
	size_t	 len;
};

#define SECRET_INIT	{ NULL, 0 }

/*
 * Replaces what s held by a copy of data (len bytes, may contain NUL).
 * Returns 0, or -1 when there is no memory; s is empty then.
 */
int	 secret_set(struct secret *s, const void *data, size_t len);

/* Replaces what to held by what from holds; from is empty then. */
void	 secret_move(struct secret *to, struct secret *from);

/* Do both hold the same bytes?  For what nobody guesses at: it takes its time. */
bool	 secret_same(const struct secret *a, const struct secret *b);

/* Wipes and frees the bytes; s is empty and can be used again. */
void	 secret_free(struct secret *s);

/* Overwrites len bytes at p; the compiler may not leave it out. */
void	 secret_wipe(void *p, size_t len);

/*
 * Overwrites with '*', in len bytes of text, every run of 8 bytes or more (or of
 * all of a shorter secret) that is also in the secret of n bytes, as it is or
 * escaped as in JSON: a peer may repeat what we told it in words that we show.
 * Slow, for errors.
 */
void	 secret_mask(char *text, size_t len, const char *secret, size_t n);

/*
 * malloc, realloc, .. and free that wipe what they give back, in locked pages as
 * far as there are some (relay/locked.h): hand them to libraries that keep
 * secrets on their heap.
 */
void	*secret_malloc(size_t size);
void	*secret_calloc(size_t n, size_t size);
void	*secret_realloc(void *p, size_t size);
char	*secret_strdup(const char *s);
void	 secret_mfree(void *p);

/* How many bytes the block at p was asked for, all of them for its owner; NULL: 0. */
size_t	 secret_size(const void *p);

#endif
