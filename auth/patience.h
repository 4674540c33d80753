/*
 * How long who started this process will wait for it.  What takes time asks here,
 * so that the reason of a failure is told before nobody listens any more.
 */
#ifndef AUTH_PATIENCE_H
#define AUTH_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

/* From now on there are so many milliseconds for everything. */
void	 patience_set(int64_t ms);

/* The lesser of most_ms and what is left; at least 1. */
int64_t	 patience_ms(int64_t most_ms);

/*
 * Has patience_ms given less than it was asked for?  That something was not done in
 * time says nothing to those who have more of it then.
 */
bool	 patience_was_short(void);

#endif
