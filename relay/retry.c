/*
 * When to try again, see retry.h.
 */
#include "relay/retry.h"

#define LAST_MS	1500	/* for the last attempt, before the deadline */
#define LEAST_MS 500	/* wait before it */

/*
 * Attempts after the first, and the steps between them.  The steps follow what
 * Azure's own clients do; the agent's listener is the only thing that honestly
 * needs a minute, so only its wait is bounded by the deadline alone.
 */
static const struct {
	unsigned more;		/* further attempts; 0: none */
	unsigned first_ms;	/* wait before the second attempt */
	unsigned longest_ms;	/* each wait is twice the last, up to this */
} plan[] = {
	[RETRY_NEVER]		= { 0, 0, 0 },
	[RETRY_LISTENER]	= { UINT32_MAX, 1000, 5000 },
	[RETRY_AGENT]		= { 2, 2000, 2000 },
	[RETRY_SERVICE]		= { 4, 1000, 5000 },
	[RETRY_NETWORK]		= { 3, 500, 2000 },
	[RETRY_CREDENTIAL]	= { 1, 0, 0 },
};

int64_t
retry_wait_ms(enum retry_class failure, unsigned attempt, int64_t elapsed_ms,
    int64_t deadline_ms, uint32_t jitter)
{
	int64_t wait = plan[failure].first_ms;
	unsigned i;

	if (attempt > plan[failure].more)
		return (RETRY_GIVE_UP);
	for (i = 1; i < attempt && wait < plan[failure].longest_ms; i++)
		wait *= 2;
	if (wait > plan[failure].longest_ms)
		wait = plan[failure].longest_ms;
	wait -= wait * (jitter % 256) / 1024;	/* up to a quarter less */
	if (wait > 0 && elapsed_ms + wait + LAST_MS >= deadline_ms &&
	    deadline_ms - elapsed_ms > LAST_MS + LEAST_MS)
		return (deadline_ms - elapsed_ms - LAST_MS);
	if (elapsed_ms + wait >= deadline_ms)
		return (RETRY_GIVE_UP);
	return (wait);
}
