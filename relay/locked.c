/*
 * Locked pages, see locked.h.
 *
 * Blocks are powers of two, each size has a list of free ones.  Threads: those
 * with which libcurl looks up names allocate too.
 */
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>

#include "relay/locked.h"

#define CHUNK		(128 * 1024)	/* bytes of pages that are got at once */
#define CHUNKS_MAX	32
#define LOCK_STEP	(16 * 1024)
#define SMALLEST	64		/* bytes of a block */
#define NSIZES		11		/* 64 bytes to 64 KiB */

struct block {
	struct block	*next;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct block *empty[NSIZES];
static struct chunk {
	char	*start;
	size_t	 used;
	size_t	 asked;		/* bytes that we wanted to be locked */
	size_t	 locked;	/* bytes that are */
} chunks[CHUNKS_MAX];
static size_t nchunks;

/* Which of the sizes; NSIZES: none. */
static size_t
which(size_t size, size_t *bytes)
{
	size_t i;

	*bytes = SMALLEST;
	for (i = 0; i < NSIZES && *bytes < size; i++)
		*bytes *= 2;
	return (i);
}

/* A chunk is made resident as far as it is used: most of it never is. */
static void
lock_used(struct chunk *c)
{
	while (c->asked < c->used) {
		/* it is not needed for a right result */
		if (mlock(c->start + c->asked, LOCK_STEP) == 0)
			c->locked += LOCK_STEP;
		c->asked += LOCK_STEP;
	}
}

static bool
new_chunk(void)
{
	void *p;

	if (nchunks == CHUNKS_MAX || (p = mmap(NULL, CHUNK,
	    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) ==
	    MAP_FAILED)
		return (false);
	/* neither of these is needed for a right result */
#ifdef MADV_DONTDUMP
	(void)madvise(p, CHUNK, MADV_DONTDUMP);
#endif
#ifdef MADV_WIPEONFORK
	(void)madvise(p, CHUNK, MADV_WIPEONFORK);
#endif
	chunks[nchunks++] = (struct chunk){ .start = p };
	return (true);
}

void *
locked_alloc(size_t size)
{
	size_t bytes, i = which(size, &bytes);
	void *p = NULL;

#ifdef __SANITIZE_ADDRESS__
	return (NULL);		/* it shall see each block */
#endif
	if (i == NSIZES)
		return (NULL);
	(void)pthread_mutex_lock(&mutex);
	if (empty[i] != NULL) {
		p = empty[i];
		empty[i] = empty[i]->next;
	} else if ((nchunks > 0 &&
	    CHUNK - chunks[nchunks - 1].used >= bytes) || new_chunk()) {
		p = chunks[nchunks - 1].start + chunks[nchunks - 1].used;
		chunks[nchunks - 1].used += bytes;
		lock_used(&chunks[nchunks - 1]);
	}
	(void)pthread_mutex_unlock(&mutex);
	return (p);
}

void
locked_free(void *p, size_t size)
{
	size_t bytes, i = which(size, &bytes);
	struct block *b = p;

	(void)pthread_mutex_lock(&mutex);
	b->next = empty[i];
	empty[i] = b;
	(void)pthread_mutex_unlock(&mutex);
}

bool
locked_has(const void *p)
{
	uintptr_t at = (uintptr_t)p, start;
	bool has = false;
	size_t i;

	(void)pthread_mutex_lock(&mutex);
	for (i = 0; i < nchunks && !has; i++) {
		start = (uintptr_t)chunks[i].start;
		has = at >= start && at < start + CHUNK;
	}
	(void)pthread_mutex_unlock(&mutex);
	return (has);
}

void
locked_count(size_t *locked, size_t *unlocked)
{
	size_t i;

	*locked = *unlocked = 0;
	for (i = 0; i < nchunks; i++) {
		*locked += chunks[i].locked;
		*unlocked += chunks[i].asked - chunks[i].locked;
	}
}
