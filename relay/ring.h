/*
 * A byte ring of fixed size whose memory is mapped twice, back to back:
 *
 *	|....[tail  used  head]....|....[tail  used  head]....|
 *	 base                       base + size
 *
 * so that whatever may be read or written next is one piece, also across the
 * end, and nothing is ever moved or copied to make it so.
 */
#ifndef RELAY_RING_H
#define RELAY_RING_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct ring {
	uint8_t	*base;		/* 2 * size bytes of addresses, size of memory */
	size_t	 size;		/* a multiple of the page size */
	size_t	 tail;		/* where the oldest byte is, < size */
	size_t	 used;		/* bytes in the ring, <= size */
};

#define RING_INIT	{ .base = NULL }

/*
 * size: bytes, a power of two and a multiple of the page size.
 * Returns 0, or -1 with EX_OSERR.
 */
int	 ring_init(struct ring *r, size_t size, struct err *e);
void	 ring_free(struct ring *r);

static inline size_t
ring_room(const struct ring *r)
{
	return (r->size - r->used);
}

/* Lends the ring_room() bytes that may be written next, in one piece. */
static inline uint8_t *
ring_head(const struct ring *r)
{
	return (r->base + ((r->tail + r->used) & (r->size - 1)));
}

/* n bytes were written at ring_head(). */
static inline void
ring_commit(struct ring *r, size_t n)
{
	assert(n <= ring_room(r));
	r->used += n;
}

/* Lends the r->used bytes that may be read next, in one piece. */
static inline uint8_t *
ring_tail(const struct ring *r)
{
	return (r->base + r->tail);
}

/* The n oldest bytes are done with. */
static inline void
ring_consume(struct ring *r, size_t n)
{
	assert(n <= r->used);
	r->tail = (r->tail + n) & (r->size - 1);
	r->used -= n;
}

#endif
