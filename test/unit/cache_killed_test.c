/*
 * Goal: whenever a writer is killed, and whatever is copied where, a reader gets
 * a whole, fresh entry of its own machine or none.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "auth/cache.h"
#include "auth/creds.h"
#include "auth/entry.h"
#include "auth/json.h"
#include "auth/relayinfo.h"
#include "relay/info.h"
#include "test/unit/tap.h"

#define READS	10000
#define A_LIFE	20	/* reads for each writer */
#define MACHINES	3
#define KEY_BYTES	5000	/* more than a write or a read may take at once */
#define EXPIRED	0	/* of seven entries of a writer the one past its end, */
#define COPIED	3	/* and the one that is another machine's */
#define SUFFIX	"servicebus.windows.net"

/* Told by the writers: the last entry of each machine that is surely there. */
static volatile long *written;

static char top[200];
static struct cache cache;
static struct cache_key keys[MACHINES];
static struct { long hits, misses, torn, foreign, stale, lost; } seen;

/* Entry number n of a machine: its key is one letter of n, many times. */
static void
make(struct relay_info *info, int machine, long n, int64_t life_s)
{
	char text[KEY_BYTES];

	memset(text, 'a' + (int)(n % 26), sizeof(text));
	(void)snprintf(info->namespace_name, sizeof(info->namespace_name),
	    "machine%d", machine);
	(void)snprintf(info->namespace_suffix, sizeof(info->namespace_suffix),
	    SUFFIX);
	(void)snprintf(info->hybrid_connection,
	    sizeof(info->hybrid_connection), "n/%ld", n);
	info->expires_on = time(NULL) + life_s;
	if (secret_set(&info->access_key, text, sizeof(text)) == -1)
		abort();
}

static void
write_one(int machine, long n, int64_t life_s)
{
	const struct entry x = {
		.kind = ENTRY_RELAY, .expires = time(NULL) + life_s
	};
	struct relay_info info = RELAY_INFO_INIT;
	struct js *j = entry_new(&keys[machine], &x);

	make(&info, machine, n, life_s);
	if (relayinfo_put(&info, j) == -1 ||
	    entry_keep(&cache, &keys[machine], j) == -1)
		abort();
	js_free(j);
	relay_info_free(&info);
}

/* Somebody copies the file of one machine to the name of another. */
static void
copy(int from, int to)
{
	struct secret s = SECRET_INIT;

	if (cache_read(&cache, &keys[from], &s) == 0)
		(void)cache_write(&cache, &keys[to], &s);
	secret_free(&s);
}

/* Writes until it is killed: good ones, some past their end, some copies. */
static void
writer(int machine)
{
	long n;

	for (n = written[machine] + 1;; n++) {
		if (n % 7 == EXPIRED)
			write_one(machine, n, n % 2 == 0 ? -10 : 100);
		else if (n % 7 == COPIED && machine + 1 < MACHINES)
			/* not in a ring: its own could come back to it */
			copy(machine + 1, machine);
		else
			write_one(machine, n, 3600);
		written[machine] = n;
	}
}

/* Is a good one there for sure, when n was the last that is known of? */
static bool
must_be_there(long n)
{
	return (n % 7 != EXPIRED && (n + 1) % 7 != EXPIRED &&
	    n % 7 != COPIED && (n + 1) % 7 != COPIED);
}

static void
read_one(int machine)
{
	struct relay_info info = RELAY_INFO_INIT;
	long before = written[machine], n;
	char name[40];

	if (creds_cached(&cache, &keys[machine], SUFFIX, NULL, &info) == 0) {
		seen.hits++;
		n = atol(info.hybrid_connection + 2);
		(void)snprintf(name, sizeof(name), "machine%d", machine);
		if (info.access_key.len != KEY_BYTES || strspn(
		    info.access_key.data, (char[]){ (char)('a' + n % 26), 0 })
		    != KEY_BYTES)
			seen.torn++;
		if (strcmp(info.namespace_name, name) != 0)
			seen.foreign++;
		if (n < before || n % 7 == EXPIRED || info.expires_on <= time(NULL))
			seen.stale++;
	} else {
		seen.misses++;
		if (before == written[machine] && must_be_there(before))
			seen.lost++;
	}
	relay_info_free(&info);
}

int
main(void)
{
	char command[300];
	uint32_t random;
	int i, machine, k;
	pid_t pid;

	(void)snprintf(top, sizeof(top), "%s/killed_test.XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	written = mmap(NULL, MACHINES * sizeof(*written),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mkdtemp(top) == NULL || written == MAP_FAILED)
		abort();
	(void)setenv("ARC_RELAY_CACHE_DIR", top, 1);
	cache_open(&cache);
	for (machine = 0; machine < MACHINES; machine++) {
		char id[20];

		(void)snprintf(id, sizeof(id), "/machine%d", machine);
		keys[machine] = cache_key_relay("me", id, 22);
		write_one(machine, 1, 3600);
		written[machine] = 1;
	}
	for (i = 0; i < READS; i += A_LIFE) {
		machine = i / A_LIFE % MACHINES;
		if ((pid = fork()) == -1)
			abort();
		if (pid == 0)
			writer(machine);
		for (k = 0; k < A_LIFE - 2; k++) {
			crypto_random(&random, sizeof(random));
			(void)usleep(random % 300);
			read_one(k % 3 == 0 ? (machine + k) % MACHINES :
			    machine);
		}
		(void)kill(pid, SIGKILL);
		read_one(machine);
		(void)waitpid(pid, NULL, 0);
		read_one(machine);
	}
	ok(seen.hits + seen.misses == READS && seen.hits > READS / 10,
	    "%d reads under %d killed writers: %ld hits", READS,
	    READS / A_LIFE, seen.hits);
	ok(seen.torn == 0, "%ld torn", seen.torn);
	ok(seen.foreign == 0, "%ld foreign", seen.foreign);
	ok(seen.stale == 0, "%ld stale", seen.stale);
	ok(seen.lost == 0, "%ld lost", seen.lost);
	cache_close(&cache);
	(void)snprintf(command, sizeof(command), "rm -rf %s", top);
	ok(system(command) == 0, "cleaned up");
	return (done_testing());
}
