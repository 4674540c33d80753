/*
 * Goal: at its smallest size the ring hands out the right bytes in one piece,
 * wherever it stands and however full it is, and behaves as a queue does.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "relay/err.h"
#include "relay/ring.h"
#include "test/unit/tap.h"

static size_t step = 1;		/* of the exhaustive loops; more on valgrind */

/* --- an independent queue, a byte at a time --- */

struct queue {
	uint8_t	*byte;
	size_t	 size, first, n;
};

static void
queue_put(struct queue *q, uint8_t b)
{
	q->byte[(q->first + q->n++) % q->size] = b;
}

static uint8_t
queue_get(struct queue *q)
{
	uint8_t b = q->byte[q->first];

	q->first = (q->first + 1) % q->size;
	q->n--;
	return (b);
}

/* xorshift64*: the same numbers on every machine. */
static uint64_t
next(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return (*seed * UINT64_C(2685821657736338717));
}

/* Mostly few, now and then all: 0 to max. */
static size_t
some(uint64_t *seed, size_t max)
{
	uint64_t r = next(seed) >> 8;

	switch (r % 8) {
	case 0:
		return (max);
	case 1:
		return ((size_t)(r / 8 % (max + 1)));
	default:
		return ((size_t)(r / 8) % ((max >> (r >> 40) % 13) + 1));
	}
}

/* --- */

/* The same byte through the other mapping. */
static volatile uint8_t *
other(const struct ring *r, uint8_t *p)
{
	return (p < r->base + r->size ? p + r->size : p - r->size);
}

static int
is_right(const struct ring *r, size_t tail, size_t used)
{
	size_t at = tail + used;
	uint8_t *head = ring_head(r), mark = (uint8_t)(tail * 31 + used);

	if (r->tail != tail || r->used != used ||
	    ring_room(r) != r->size - used || ring_tail(r) != r->base + tail)
		return (0);
	if (head != r->base + (at < r->size ? at : at - r->size))
		return (0);
	if (head + ring_room(r) > r->base + 2 * r->size ||
	    ring_tail(r) + used > r->base + 2 * r->size)
		return (0);
	if (ring_room(r) == 0)
		return (1);
	head[0] = mark;
	head[ring_room(r) - 1] ^= 0x5a;
	return (*other(r, &head[0]) == head[0] &&
	    *other(r, &head[ring_room(r) - 1]) == head[ring_room(r) - 1]);
}

/* Every tail, every fill. */
static void
test_places(struct ring *r)
{
	size_t tail, used, checked = 0, wrong = 0;

	for (tail = 0; tail < r->size; tail++) {
		if (tail % step == 0 || tail + 1 == r->size) {
			for (used = 0; used < r->size; used++) {
				wrong += !is_right(r, tail, used);
				ring_commit(r, 1);
			}
			wrong += !is_right(r, tail, r->size);
			checked += r->size + 1;
			for (; used > 0; used--) {
				wrong += r->tail != (tail + r->size - used) %
				    r->size;
				ring_consume(r, 1);
			}
		}
		ring_commit(r, 1);
		ring_consume(r, 1);
	}
	ok(wrong == 0, "%zu places and fills: pointers, room, both mappings "
	    "(%zu wrong)", checked, wrong);
	ok(r->tail == 0 && r->used == 0, "once round, and empty");
}

/* Written at the head in one piece, read at the tail in one piece. */
static void
test_pieces(struct ring *r)
{
	static const size_t cut[] = { 1, 2, 7, 8, 9, 127, 1024 };
	uint8_t *out = malloc(r->size), *in = malloc(r->size);
	size_t tail, i, k, len, across = 0, wrong = 0;

	for (tail = 0; tail < r->size; tail++) {
		for (k = 0; tail % step == 0 && k < 2 * sizeof(cut) /
		    sizeof(cut[0]); k++) {
			len = k % 2 == 0 ? cut[k / 2] : r->size - cut[k / 2] + 1;
			for (i = 0; i < len; i++)
				out[i] = (uint8_t)(i ^ i >> 8 ^ tail ^ k);
			memcpy(ring_head(r), out, len);
			ring_commit(r, len);
			memcpy(in, ring_tail(r), len);
			wrong += memcmp(in, out, len) != 0;
			/* and as memory really is, folded to one mapping */
			for (i = 0; i < len; i += 61)
				wrong += r->base[(tail + i) % r->size] != out[i];
			across += tail + len > r->size;
			r->used = 0;	/* back to the same tail */
		}
		ring_commit(r, 1);
		ring_consume(r, 1);
	}
	ok(wrong == 0 && across > 0, "pieces come out as they went in, %zu of "
	    "them across the end (%zu wrong)", across, wrong);
	free(out);
	free(in);
}

static void
test_random(struct ring *r, uint64_t seed, int rounds)
{
	struct queue q = { malloc(r->size), r->size, 0, 0 };
	uint64_t at = seed, bytes = 0;
	size_t i, n, wrong = 0;

	for (; rounds > 0 && wrong == 0; rounds--) {
		n = some(&at, ring_room(r));
		for (i = 0; i < n; i++) {
			uint8_t b = (uint8_t)(next(&at) >> 33);

			ring_head(r)[i] = b;
			queue_put(&q, b);
		}
		ring_commit(r, n);
		bytes += n;
		/* all of it may be looked at, not only what is taken */
		for (i = 0; i < r->used; i += 1 + r->used / 64)
			wrong += ring_tail(r)[i] !=
			    q.byte[(q.first + i) % q.size];
		n = some(&at, r->used);
		for (i = 0; i < n; i++)
			wrong += ring_tail(r)[i] != queue_get(&q);
		ring_consume(r, n);
		wrong += r->used != q.n || ring_room(r) != q.size - q.n;
	}
	ok(wrong == 0 && bytes > r->size * 4, "as a queue: seed %llu, %llu "
	    "bytes", (unsigned long long)seed, (unsigned long long)bytes);
	ring_consume(r, r->used);
	free(q.byte);
}

static int
lowest_free_fd(void)
{
	int fd = open("/dev/null", O_RDONLY);

	(void)close(fd);
	return (fd);
}

static void
test_life(size_t page)
{
	struct ring r = RING_INIT;
	struct err e = ERR_INIT;
	struct rlimit had, none;
	int fd = lowest_free_fd();
	size_t i;

	ring_free(&r);
	ok(r.base == NULL, "freeing an empty ring does nothing");
	ok(ring_init(&r, 64 * page, &e) == 0 && r.size == 64 * page &&
	    r.used == 0 && r.tail == 0, "a larger one");
	for (i = 0; i < r.size; i += page / 2)
		r.base[i] = (uint8_t)(i / 512 + 1);
	for (i = 0; i < r.size; i += page / 2)
		if (r.base[r.size + i] != (uint8_t)(i / 512 + 1))
			break;
	ok(i >= r.size, "each of its pages is there twice");
	ring_free(&r);
	ok(r.base == NULL && r.size == 0, "is empty when freed");
	ring_free(&r);
	ok(lowest_free_fd() == fd, "no descriptor stays open");

	(void)getrlimit(RLIMIT_NOFILE, &had);
	none = had;
	none.rlim_cur = (rlim_t)fd;
	(void)setrlimit(RLIMIT_NOFILE, &none);
	ok(ring_init(&r, page, &e) == -1 && e.status == EX_OSERR &&
	    strstr(e.cause, strerror(EMFILE)) != NULL && r.base == NULL,
	    "no descriptor left: %s", e.cause);
	(void)setrlimit(RLIMIT_NOFILE, &had);
}

int
main(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const char *mode = getenv("MODE");
	struct ring r = RING_INIT;
	struct err e = ERR_INIT;
	int rounds = 100000;
	uint64_t seed;

	if (mode != NULL && strcmp(mode, "valgrind") == 0) {
		step = 31;
		rounds = 6000;
	}
	test_life(page);
	if (!ok(ring_init(&r, page, &e) == 0, "one page"))
		return (done_testing());
	test_places(&r);
	test_pieces(&r);
	for (seed = 1; seed <= 8; seed++)
		test_random(&r, seed * 7919, rounds);
	ring_free(&r);
	return (done_testing());
}
