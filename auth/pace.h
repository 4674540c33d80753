/*
 * Not faster than Azure takes it: ARM lets one identity make 200 writes in a
 * subscription at once, and 10 a second from then on, and counts a POST as one.
 * All processes of the user keep to PACE_BURST and PACE_PER_S together, so that
 * a run over a thousand machines is paced and not refused.
 */
#ifndef AUTH_PACE_H
#define AUTH_PACE_H

#include <stdint.h>

struct cache;

#define PACE_BURST	150
#define PACE_PER_S	10

/*
 * Takes the next place in the row of those who ask for subscription as identity.
 * Returns the milliseconds until it is our turn: 0 if at once, or without a
 * cache.
 */
int64_t	 pace_take(struct cache *c, const char *identity,
	    const char *subscription);

/*
 * The rule (a generic cell rate algorithm).  *row: the time, in milliseconds, at
 * which the row will be empty; kept from call to call.  Returns the wait in
 * milliseconds at now_ms.
 */
int64_t	 pace_next(int64_t *row, int64_t now_ms);

#endif
