/*
 * Memory for secrets: pages that are not swapped out (as far as RLIMIT_MEMLOCK
 * goes), not in a core dump, and empty in a forked child.  Only secret.c gets
 * blocks here; what does not fit comes from malloc there.
 */
#ifndef RELAY_LOCKED_H
#define RELAY_LOCKED_H

#include <stdbool.h>
#include <stddef.h>

/* The largest block, bytes; a chunk of pages has many. */
#define LOCKED_MAX	(64 * 1024)

/*
 * A block of size bytes or more, aligned as malloc's; NULL if size is too large
 * or there is no room.  Blocks are used again, by the same sizes.
 */
void	*locked_alloc(size_t size);

/* size: as given to locked_alloc.  The caller has wiped it. */
void	 locked_free(void *p, size_t size);

/* Is p one of ours? */
bool	 locked_has(const void *p);

/* How many bytes of pages are locked, and how many could not be. */
void	 locked_count(size_t *locked, size_t *unlocked);

#endif
