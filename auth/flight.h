/*
 * Single flight: of all processes that want the same thing at the same time one
 * gets it, and the others share its answer, good or bad.
 *
 *	look -> take the lock -> look again -> fetch -> keep -> give the lock back
 *
 *	what is good for FLIGHT_REFRESH_S more is used as it is
 *	what is good for less is renewed by one; the others use it meanwhile
 *	a holder that was killed: the next one fetches
 *	a holder that is stopped: after FLIGHT_WAIT_MS the others fetch alone, and
 *	keep nothing; one that is only slow is waited for four times as long
 *	no locks on this file system: each for itself, and files are still whole
 *	a failure is told to all who waited for it, and for FLIGHT_FAILURE_MS to
 *	all who come after it: or 200 starts would ask what was just refused
 */
#ifndef AUTH_FLIGHT_H
#define AUTH_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/cache.h"

struct entry;
struct err;

#define FLIGHT_WAIT_MS		8000	/* for a holder that is stopped */
#define FLIGHT_REFRESH_S	300
#define FLIGHT_USABLE_S		60
#define FLIGHT_FAILURE_MS	3000

struct flight {
	struct cache		*cache;
	const struct cache_key	*key;
	const char		*network;	/* what else a failure depends on */
	bool			 refresh;	/* nothing from before this call */
	int64_t			 until_ms;	/* clock_ms() to wait for others till */
	/* What the cache holds, if it can be used.  Returns 0 with *x, or -1. */
	int			(*look)(void *arg, struct entry *x);
	/* Gets it.  Returns 0, or -1 with an error. */
	int			(*fetch)(void *arg, struct err *e);
	/* Puts it into the cache.  Returns 0 or -1. */
	int			(*keep)(void *arg);
	void			*arg;
};

/*
 * Returns 0 when a look or a fetch did; or -1 with the error of a fetch, perhaps
 * that of another process.
 */
int	 flight_run(const struct flight *f, struct err *e);

#endif
