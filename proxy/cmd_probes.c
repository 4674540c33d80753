/*
 * Many dials, see cmd_probes.h.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "proxy/beside.h"
#include "proxy/cmd_probes.h"
#include "proxy/prober.h"
#include "relay/clock.h"
#include "relay/err.h"

#define TICK_MS		200
#define PATIENCE_S	2	/* of a person, before he wants to be told */
#define LEAVE_MS	1000	/* for a child that was asked to go */
#define GRACE_MS	15000	/* beyond a deadline, for a child that overslept it */

static const int deadly[] = { SIGHUP, SIGINT, SIGTERM };

#define NDEADLY	(sizeof(deadly) / sizeof(deadly[0]))

static volatile sig_atomic_t caught;

static void
on_signal(int number)
{
	caught = number;
}

struct slot {
	struct probe	 probe;		/* fd -1: free */
	bool		 is_ready;	/* to be read */
	size_t		 i;
	int64_t		 end_ms;
};

struct run {
	const struct probes	*all;
	struct slot		*slots;
	struct pollfd		*fds;		/* of the slots that are not free */
	size_t			 nslots;
	size_t			 next;		/* to be started */
	size_t			 running;
	sigset_t		 while_waiting;	/* signals that wait */
	sigset_t		 held;		/* those that end it */
};

static int
start(struct run *r, struct slot *s, struct err *e)
{
	struct probe_request ask = { .port = 22 };

	r->all->ask(r->all->arg, r->next, &ask);
	if (probe_start(&s->probe, &ask, e) == -1)
		return (-1);
	s->i = r->next++;
	s->end_ms = clock_ms() + ask.deadline_s * 1000 + GRACE_MS;
	r->running++;
	return (0);
}

/*
 * Fills the free slots.  When there is no room for another child, that is an error
 * only if none is left whose end could make some.
 */
static int
start_some(struct run *r, struct err *e)
{
	size_t k;

	for (k = 0; k < r->nslots && r->next < r->all->n; k++)
		if (r->slots[k].probe.fd == -1 &&
		    start(r, &r->slots[k], e) == -1)
			return (r->running > 0 ? 0 : -1);
	return (0);
}

/* A signal is let through only here: earlier it would be seen too late. */
static void
wait_for_some(struct run *r, int64_t ms)
{
	const struct timespec t = { .tv_sec = ms / 1000,
	    .tv_nsec = ms % 1000 * 1000000 };
	nfds_t n = 0;
	size_t k;

	/* of more than there may be open at once Linux polls none */
	for (k = 0; k < r->nslots; k++)
		if (r->slots[k].probe.fd != -1)
			r->fds[n++] = (struct pollfd){ r->slots[k].probe.fd,
			    POLLIN, 0 };
	(void)ppoll(r->fds, n, &t, &r->while_waiting);
	for (n = k = 0; k < r->nslots; k++)
		r->slots[k].is_ready = r->slots[k].probe.fd != -1 &&
		    r->fds[n++].revents != 0;
}

/*
 * ppoll prefers what there is to read.  Of Ctrl-C at a terminal the children hear, too,
 * and what they say then is no result.
 */
static bool
is_over(const struct run *r)
{
	const struct timespec now = { .tv_sec = 0 };
	int number = caught == 0 ? sigtimedwait(&r->held, NULL, &now) : caught;

	if (number > 0)
		caught = number;
	return (caught != 0);
}

/* Has this one ended, by itself or because it has to? */
static bool
has_ended(struct slot *s, struct probe_result *result)
{
	if (s->is_ready && probe_step(&s->probe, result) == 1)
		return (true);
	if (clock_ms() < s->end_ms)
		return (false);
	*result = (struct probe_result){ .e = ERR_INIT };
	err_set(&result->e, EX_SOFTWARE, "E707", BESIDE_PROXY " ended without "
	    "an answer (%s)", "killed after its deadline");
	return (true);
}

/* Returns false when no others are wanted. */
static bool
take_results(struct run *r)
{
	struct probe_result result;
	size_t k;

	for (k = 0; k < r->nslots; k++) {
		struct slot *s = &r->slots[k];

		if (s->probe.fd == -1 || !has_ended(s, &result))
			continue;
		probe_stop(&s->probe);
		r->running--;
		if (!r->all->ended(r->all->arg, s->i, &result))
			return (false);
	}
	return (true);
}

/*
 * All that run: asked first, so that each can end the arc-relay that it has
 * started itself.
 */
static void
end_all(struct run *r)
{
	int64_t until_ms = clock_ms() + LEAVE_MS;
	struct probe_result unused;
	bool any = r->running > 0;
	size_t k;

	for (k = 0; k < r->nslots; k++)
		if (r->slots[k].probe.fd != -1)
			(void)kill(r->slots[k].probe.pid, SIGTERM);
	(void)sigfillset(&r->while_waiting);
	while (any && clock_ms() < until_ms) {
		any = false;
		wait_for_some(r, TICK_MS);
		for (k = 0; k < r->nslots; k++)
			if (r->slots[k].probe.fd != -1 &&
			    (!r->slots[k].is_ready ||
			    probe_step(&r->slots[k].probe, &unused) == 0))
				any = true;
			else
				probe_stop(&r->slots[k].probe);
	}
	for (k = 0; k < r->nslots; k++)
		probe_stop(&r->slots[k].probe);
}

static int
run(struct run *r, struct err *e)
{
	int rc;

	while ((rc = start_some(r, e)) == 0 && r->running > 0) {
		wait_for_some(r, TICK_MS);
		if (is_over(r) || !take_results(r))
			break;
		if (r->all->tick != NULL)
			r->all->tick(r->all->arg);
	}
	end_all(r);
	return (rc == 0 && caught != 0 ? caught : rc);
}

int
probes_run(const struct probes *all, struct err *e)
{
	struct sigaction act = { .sa_handler = on_signal }, old[NDEADLY];
	struct run r = { .all = all, .nslots = all->at_once < all->n ?
	    all->at_once : all->n };
	sigset_t usual;
	size_t k;
	int rc;

	if (all->n == 0)
		return (0);
	r.slots = calloc(r.nslots, sizeof(*r.slots));
	r.fds = calloc(r.nslots, sizeof(*r.fds));
	if (r.slots == NULL || r.fds == NULL) {
		free(r.slots);
		free(r.fds);
		return (err_set(e, EX_OSERR, "", "out of memory"));
	}
	for (k = 0; k < r.nslots; k++)
		r.slots[k].probe = (struct probe)PROBE_INIT;
	caught = 0;
	(void)sigemptyset(&r.held);
	for (k = 0; k < NDEADLY; k++)
		if (sigaction(deadly[k], NULL, &old[k]) == 0 &&
		    old[k].sa_handler != SIG_IGN)	/* as nohup(1) wants */
			(void)sigaddset(&r.held, deadly[k]);
	(void)sigprocmask(SIG_BLOCK, &r.held, &r.while_waiting);
	usual = r.while_waiting;
	for (k = 0; k < NDEADLY; k++)
		if (sigismember(&r.held, deadly[k]) == 1)
			(void)sigaction(deadly[k], &act, NULL);
	rc = run(&r, e);
	for (k = 0; k < NDEADLY; k++)
		(void)sigaction(deadly[k], &old[k], NULL);
	(void)sigprocmask(SIG_SETMASK, &usual, NULL);
	free(r.slots);
	free(r.fds);
	if (rc <= 0)
		return (rc);
	if (all->interrupted != NULL)
		all->interrupted(all->arg);
	(void)raise(rc);
	return (err_set(e, EX_TEMPFAIL, "", "interrupted"));
}

struct one {
	const struct probe_request	*r;
	const char			*what;
	int64_t				 since_ms;
	long				 told_s;
	int				 columns;	/* of what is shown */
	struct probe_result		*result;
};

static void
ask_one(void *arg, size_t i, struct probe_request *r)
{
	const struct one *o = arg;

	(void)i;
	*r = *o->r;
}

static bool
one_ended(void *arg, size_t i, const struct probe_result *result)
{
	struct one *o = arg;

	(void)i;
	*o->result = *result;
	return (true);
}

static void
hide_wait(void *arg)
{
	struct one *o = arg;

	if (o->columns > 0)
		(void)fprintf(stderr, "\r%*s\r", o->columns, "");
	o->columns = 0;
}

static void
show_wait(void *arg)
{
	struct one *o = arg;
	long s = (long)((clock_ms() - o->since_ms) / 1000);

	if (s < PATIENCE_S || s == o->told_s || !isatty(STDERR_FILENO))
		return;
	o->told_s = s;
	o->columns = fprintf(stderr, "\rwaiting for %s: %ld s", o->what, s) - 1;
	(void)fflush(stderr);
}

int
probes_run_one(const struct probe_request *r, const char *what,
    int64_t since_ms, struct probe_result *result, struct err *e)
{
	struct one o = { .r = r, .what = what, .since_ms = since_ms,
	    .result = result };
	const struct probes all = { .n = 1, .at_once = 1, .ask = ask_one,
	    .ended = one_ended, .tick = show_wait, .interrupted = hide_wait,
	    .arg = &o };
	int rc = probes_run(&all, e);

	hide_wait(&o);
	return (rc);
}
