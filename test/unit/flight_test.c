/*
 * Goal: one asks for all that ask at the same time; nobody waits for who is
 * dead or stopped; a failure is shared as long as it helps and no longer.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "auth/entry.h"
#include "auth/flight.h"
#include "auth/json.h"
#include "auth/pace.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "test/unit/tap.h"

#define MANY	40

/* What all processes of the test see. */
static struct {
	volatile int	fetches, keeps, begun;
	volatile int	answer;		/* exit status of a fetch; 0: good */
	volatile int	life_s;		/* of what is fetched */
	volatile int	slow_ms;	/* a fetch takes so long */
	volatile int	hang;		/* one fetch that never ends */
	volatile int	gate;		/* a fetch waits until so many have begun */
} *all;

static char top[200];
static struct cache cache;
static struct cache_key key;

/* What one process got: who fetched it. */
struct got {
	int	life_s;
	int	number;
};

static int
look(void *arg, struct entry *x)
{
	struct got *got = arg;
	struct js *j = entry_read(&cache, &key, ENTRY_TOKEN, x);
	int64_t number;
	int rc = js_integer(j, "number", &number);

	if (rc == 0)
		got->number = (int)number;
	js_free(j);
	return (rc);
}

static int
fetch(void *arg, struct err *e)
{
	struct got *got = arg;

	got->number = __sync_add_and_fetch(&all->fetches, 1);
	if (all->hang) {
		all->hang = 0;
		for (;;)
			(void)pause();
	}
	while (all->begun < all->gate)
		(void)usleep(1000);
	(void)usleep((useconds_t)all->slow_ms * 1000);
	got->life_s = all->life_s;
	if (all->answer != 0) {
		err_set(e, all->answer, "E401", "refused for the %d. time",
		    got->number);
		return (err_fix(e, "ask for it"));
	}
	return (0);
}

static int
keep(void *arg)
{
	const struct got *got = arg;
	const struct entry x = {
		.kind = ENTRY_TOKEN, .expires = time(NULL) + got->life_s
	};
	struct js *j = entry_new(&key, &x);
	int rc = -1;

	(void)__sync_add_and_fetch(&all->keeps, 1);
	if (js_set_integer(j, "number", got->number) == 0)
		rc = entry_keep(&cache, &key, j);
	js_free(j);
	return (rc);
}

static struct err last;

/* One flight.  Returns the number of the fetch that it got, or minus that of
 * the failure. */
static int
fly(bool refresh, int wait_ms)
{
	struct got got = { 0, 0 };
	const struct flight f = {
		.cache = &cache, .key = &key, .network = "", .refresh = refresh,
		.until_ms = clock_ms() + wait_ms, .look = look, .fetch = fetch,
		.keep = keep, .arg = &got,
	};

	last = (struct err)ERR_INIT;
	if (flight_run(&f, &last) == 0)
		return (got.number);
	return (-atoi(last.cause + strcspn(last.cause, "0123456789")));
}

static void
begin(int answer, int life_s)
{
	memset(all, 0, sizeof(*all));
	all->answer = answer;
	all->life_s = life_s;
	key = cache_key_relay("me", "x", all->answer + life_s + 1);
	cache_drop(&cache, &key);
}

static pid_t
start(bool refresh, int wait_ms)
{
	pid_t pid = fork();

	if (pid == -1)
		abort();
	if (pid == 0) {
		(void)__sync_add_and_fetch(&all->begun, 1);
		_exit(fly(refresh, wait_ms) & 0xff);
	}
	return (pid);
}

static int
result(pid_t pid)
{
	int status;

	(void)waitpid(pid, &status, 0);
	return (WIFEXITED(status) ? (signed char)WEXITSTATUS(status) : -128);
}

static void
wait_until(const volatile int *what, int n)
{
	while (*what < n)
		(void)usleep(1000);
}

static void
together(void)
{
	pid_t pids[MANY];
	int i, good = 0;

	begin(0, 3600);
	all->slow_ms = 300;
	for (i = 0; i < MANY; i++)
		pids[i] = start(false, 60000);
	for (i = 0; i < MANY; i++)
		good += result(pids[i]) == 1;
	ok(good == MANY && all->fetches == 1 && all->keeps == 1,
	    "%d at once: one asks, all have its answer", MANY);
	ok(fly(false, 0) == 1 && all->fetches == 1, "and who comes later");
	(void)usleep(2000);
	ok(fly(true, 0) == 2, "refresh: nothing from before");

	begin(0, 100);
	for (i = 0; i < MANY; i++)
		pids[i] = start(false, 60000);
	for (i = good = 0; i < MANY; i++)
		good += result(pids[i]) > 0;
	ok(good == MANY, "what does not live long is shared as well");
}

static void
holders(void)
{
	pid_t stuck, pids[MANY];
	int i, good = 0;

	begin(0, 3600);
	all->hang = 1;
	stuck = start(false, 60000);
	wait_until(&all->fetches, 1);
	for (i = 0; i < MANY; i++)
		pids[i] = start(false, 60000);
	wait_until(&all->begun, MANY + 1);
	(void)kill(stuck, SIGKILL);
	(void)result(stuck);
	for (i = 0; i < MANY; i++)
		good += result(pids[i]) == 2;
	ok(good == MANY && all->fetches == 2,
	    "the holder is killed: the next one asks, for all");

	begin(0, 3601);
	all->hang = 1;
	stuck = start(false, 60000);
	wait_until(&all->fetches, 1);
	(void)kill(stuck, SIGSTOP);
	for (i = 0; i < 3; i++)
		pids[i] = start(false, 300);
	for (i = good = 0; i < 3; i++)
		good += result(pids[i]) > 1;
	ok(good == 3 && all->fetches == 4,
	    "the holder is stopped: the others ask alone");
	ok(all->keeps == 0, "and keep nothing");
	(void)kill(stuck, SIGKILL);
	(void)result(stuck);
	ok(fly(false, 0) == 5 && all->keeps == 1, "it is gone: as ever");

	begin(0, 3608);
	all->slow_ms = 3000;
	stuck = start(false, 60000);
	wait_until(&all->fetches, 1);
	ok(fly(false, 2000) == 1 && all->fetches == 1,
	    "the holder is only slow: waited for");
	(void)result(stuck);
}

static void
failures(void)
{
	pid_t pids[MANY];
	int i, same = 0, first;

	begin(EX_NOPERM, 3602);
	all->slow_ms = 500;
	all->gate = MANY;
	for (i = 0; i < MANY; i++)
		pids[i] = start(i % 2 == 1, 60000);
	for (i = 0; i < MANY; i++)
		same += result(pids[i]) == -1;
	ok(same == MANY && all->fetches == 1,
	    "%d at once: one is refused, all are told (%d asked)", MANY,
	    all->fetches);
	all->slow_ms = 0;
	first = fly(false, 0);
	ok(first < 0 && fly(false, 0) == first && last.status == EX_NOPERM &&
	    strcmp(last.id, "E401") == 0 && strcmp(last.fix, "ask for it") == 0,
	    "who comes just after is told the same: %s", last.cause);
	i = all->fetches;
	ok(fly(true, 0) == -(i + 1), "refresh asks again");
	all->answer = 0;
	ok(fly(true, 0) == i + 2 && fly(false, 0) == i + 2, "and succeeds");
	cache_drop(&cache, &key);
	ok(fly(false, 0) == i + 3, "success ends the failure");

	begin(EX_NOPERM, 3603);
	(void)fly(false, 0);
	(void)usleep((FLIGHT_FAILURE_MS + 100) * 1000);
	ok(fly(false, 0) == -2, "after %d ms it is asked again",
	    FLIGHT_FAILURE_MS);

	begin(EX_OSERR, 3604);
	(void)fly(false, 0);
	ok(fly(false, 0) == -2, "a lack of memory is nobody else's");
}

/* Puts what has so many seconds left. */
static void
put(int life_s)
{
	struct got got = { life_s, 1 };

	if (keep(&got) == -1)
		abort();
	all->keeps = 0;
	all->fetches = 1;
	(void)usleep(2000);	/* it was there before anybody asks */
}

static void
ahead(void)
{
	pid_t renews;

	begin(0, 3605);
	put(FLIGHT_REFRESH_S + 5);
	ok(fly(false, 0) == 1, "good for long enough: used");
	put(FLIGHT_REFRESH_S - 5);
	all->slow_ms = 100000;
	renews = start(false, 60000);
	wait_until(&all->fetches, 2);
	ok(fly(false, 60000) == 1 && fly(false, 60000) == 1 &&
	    all->fetches == 2, "renewed by one: the others use it meanwhile");
	(void)kill(renews, SIGKILL);
	(void)result(renews);
	all->slow_ms = 0;
	ok(fly(false, 0) == 3 && fly(false, 0) == 3, "and then the new one");

	put(FLIGHT_REFRESH_S - 5);
	all->answer = EX_TEMPFAIL;
	ok(fly(false, 0) == 1 && fly(false, 0) == 1 && all->fetches == 2,
	    "it cannot be renewed: it will do for a while");
	put(FLIGHT_USABLE_S - 5);
	ok(fly(false, 0) < 0, "nearly at its end: the failure counts");
	begin(0, 3607);
	put(FLIGHT_USABLE_S - 5);
	ok(fly(false, 0) == 2, "nearly at its end: a new one");
}

static void
without(void)
{
	struct cache before = cache;

	begin(0, 3606);
	cache = (struct cache){ .folder = FOLDER_INIT };
	ok(fly(false, 60000) == 1 && fly(false, 60000) == 2,
	    "no cache: each for itself, at once");
	cache = before;
}

static void
pace(void)
{
	int64_t row = 0, now = 1000000000000, wait = 0;
	int i, at_once = 0;

	for (i = 0; i < 1000; i++) {
		wait = pace_next(&row, now);
		at_once += wait == 0;
	}
	ok(at_once == PACE_BURST, "%d at once", at_once);
	ok(wait == (1000 - PACE_BURST) * 1000 / PACE_PER_S,
	    "the thousandth waits %lld ms", (long long)wait);
	ok(pace_next(&row, now + 3600 * 1000) == 0, "an hour later: at once");
	row = now + (int64_t)100 * 86400 * 1000;
	ok(pace_next(&row, now) == 0, "of a clock that was wrong: forgotten");
	for (i = at_once = 0; i < PACE_BURST + 20; i++)
		at_once += pace_take(&cache, "me", "subscription") == 0;
	ok(at_once >= PACE_BURST && at_once < PACE_BURST + 20 &&
	    pace_take(&cache, "you", "subscription") == 0,
	    "kept from one to the next, for each identity");
}

int
main(void)
{
	char command[300];

	(void)snprintf(top, sizeof(top), "%s/flight_test.XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mkdtemp(top) == NULL || all == MAP_FAILED)
		abort();
	(void)setenv("ARC_RELAY_CACHE_DIR", top, 1);
	cache_open(&cache);
	together();
	holders();
	failures();
	ahead();
	without();
	pace();
	cache_close(&cache);
	(void)snprintf(command, sizeof(command), "rm -rf %s", top);
	ok(system(command) == 0, "cleaned up");
	return (done_testing());
}
