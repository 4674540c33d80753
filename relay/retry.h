/*
 * When to try again.  Pure: it knows no clock and no network, only numbers.
 */
#ifndef RELAY_RETRY_H
#define RELAY_RETRY_H

#include <stdint.h>

/* What kind of failure it was, as far as another attempt is concerned. */
enum retry_class {
	RETRY_NEVER = 0,	/* a second attempt cannot end otherwise */
	RETRY_LISTENER,		/* no listener yet: an agent needs 30-90 s */
	RETRY_AGENT,		/* the agent could not reach the port */
	RETRY_SERVICE,		/* 5xx, 429, an upgrade that timed out */
	RETRY_NETWORK,		/* name, connect, reset, handshake */
	RETRY_CREDENTIAL,	/* refused: once more with a fresh credential */
};

#define RETRY_GIVE_UP	(-1)

/*
 * How long to wait before the next attempt.
 *	failure		what ended the last attempt
 *	attempt		how many attempts of this class have failed, from 1
 *	elapsed_ms	since the first attempt began
 *	deadline_ms	the whole budget; an attempt that could not begin before
 *			it is not made; the wait before the last that
 *			has room is shortened, so that it has time for an answer
 *	jitter		a random number, to keep many clients apart
 * Returns milliseconds (0: at once) or RETRY_GIVE_UP.
 */
int64_t	 retry_wait_ms(enum retry_class failure, unsigned attempt,
	    int64_t elapsed_ms, int64_t deadline_ms, uint32_t jitter);

#endif
