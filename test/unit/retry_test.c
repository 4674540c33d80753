/*
 * Goal: each kind of failure is tried again when the plan says, never past the
 * deadline, and many clients do not come back at the same moment.
 */
#include <stdlib.h>

#include "relay/retry.h"
#include "test/unit/tap.h"

#define FAR	INT64_C(1000000000)	/* no deadline in sight */

static const struct plan {
	enum retry_class failure;
	const char	*name;
	int64_t		 wait[8];	/* ms after attempt 1, 2, ..; -1: none */
} plan[] = {
	{ RETRY_NEVER, "never", { -1, -1, -1, -1, -1, -1, -1, -1 } },
	{ RETRY_LISTENER, "listener",
	    { 1000, 2000, 4000, 5000, 5000, 5000, 5000, 5000 } },
	{ RETRY_AGENT, "agent", { 2000, 2000, -1, -1, -1, -1, -1, -1 } },
	{ RETRY_SERVICE, "service",
	    { 1000, 2000, 4000, 5000, -1, -1, -1, -1 } },
	{ RETRY_NETWORK, "network", { 500, 1000, 2000, -1, -1, -1, -1, -1 } },
	{ RETRY_CREDENTIAL, "credential", { 0, -1, -1, -1, -1, -1, -1, -1 } },
};
#define NPLANS	(sizeof(plan) / sizeof(plan[0]))

static void
test_schedule(const struct plan *p)
{
	unsigned i;

	for (i = 0; i < 8; i++)
		ok(retry_wait_ms(p->failure, i + 1, 0, FAR, 0) == p->wait[i],
		    "%s: %lld ms after attempt %u", p->name,
		    (long long)p->wait[i], i + 1);
	ok((retry_wait_ms(p->failure, 1000000, 0, FAR, 0) > 0) ==
	    (p->failure == RETRY_LISTENER), "%s: %s after a million", p->name,
	    p->failure == RETRY_LISTENER ? "goes on" : "given up");
	ok((retry_wait_ms(p->failure, UINT32_MAX, 0, FAR, 0) == 5000) ==
	    (p->failure == RETRY_LISTENER), "%s: the last number", p->name);
}

/* Three quarters to the whole of the step, and spread between. */
static void
test_jitter(const struct plan *p)
{
	static const uint32_t far[] = { 0x7fffffff, 0x80000000, 0xffffffff };
	int64_t w, least, most;
	size_t wrong = 0, i;
	uint32_t j;
	unsigned n;

	for (n = 1; n <= 8 && p->wait[n - 1] > 0; n++) {
		least = INT64_MAX;
		most = 0;
		for (j = 0; j < 4096 + 3; j++) {
			i = j - 4096;
			w = retry_wait_ms(p->failure, n, 0, FAR,
			    j < 4096 ? j : far[i]);
			wrong += w > p->wait[n - 1] ||
			    w < p->wait[n - 1] * 3 / 4;
			least = w < least ? w : least;
			most = w > most ? w : most;
		}
		wrong += most - least < p->wait[n - 1] / 5;
	}
	ok(wrong == 0, "%s: at most a quarter less, and spread", p->name);
}

static void
test_deadline(const struct plan *p)
{
	int64_t elapsed, deadline, w;
	size_t over = 0, early = 0;
	unsigned n;

	for (n = 1; n <= 8; n++)
		for (deadline = 0; deadline <= 12000; deadline += 97)
			for (elapsed = 0; elapsed <= 12500; elapsed += 53) {
				w = retry_wait_ms(p->failure, n, elapsed,
				    deadline, (uint32_t)(elapsed * deadline));
				over += w != RETRY_GIVE_UP &&
				    (w < 0 || elapsed + w >= deadline);
				early += w == RETRY_GIVE_UP &&
				    p->wait[n - 1] != -1 &&
				    elapsed + p->wait[n - 1] < deadline;
			}
	ok(over == 0, "%s: no attempt begins at the deadline or later",
	    p->name);
	ok(early == 0, "%s: none that could begin before is given up", p->name);
}

int
main(void)
{
	size_t i;

	ok(RETRY_NEVER == 0 && NPLANS == RETRY_CREDENTIAL + 1,
	    "every class has its plan here");
	for (i = 0; i < NPLANS; i++) {
		test_schedule(&plan[i]);
		test_jitter(&plan[i]);
		test_deadline(&plan[i]);
	}
	ok(retry_wait_ms(RETRY_NETWORK, 1, 500, 1000, 0) == RETRY_GIVE_UP &&
	    retry_wait_ms(RETRY_NETWORK, 1, 499, 1000, 0) == 500,
	    "500 ms of wait end before the deadline, not at it");
	ok(retry_wait_ms(RETRY_CREDENTIAL, 1, 1000, 1000, 0) == RETRY_GIVE_UP &&
	    retry_wait_ms(RETRY_CREDENTIAL, 1, 999, 1000, 0) == 0,
	    "at once, but not after the deadline");
	ok(retry_wait_ms(RETRY_LISTENER, 9, 6000, 14000, 0) == 5000 &&
	    retry_wait_ms(RETRY_LISTENER, 9, 8000, 14000, 0) == 4500 &&
	    retry_wait_ms(RETRY_LISTENER, 9, 11999, 14000, 0) == 501 &&
	    retry_wait_ms(RETRY_LISTENER, 9, 12000, 14000, 0) == RETRY_GIVE_UP,
	    "the last attempt begins 1.5 s before the deadline, if it is not "
	    "too near");
	return (done_testing());
}
