/*
 * One asks for all, see flight.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "auth/entry.h"
#include "auth/errjson.h"
#include "auth/flight.h"
#include "auth/json.h"
#include "auth/patience.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/log.h"
#include "relay/secret.h"

enum state {
	MISS,
	USABLE,		/* and to be renewed by one of us */
	FRESH
};

static enum state
look(const struct flight *f, int64_t start_ms)
{
	struct entry x;
	int64_t left_s;

	if (f->look(f->arg, &x) == -1)
		return (MISS);
	left_s = x.expires - entry_now_ms() / 1000;
	/* somebody got it while we waited: there is no better one */
	if (x.written_ms >= start_ms && left_s > 0)
		return (FRESH);
	if (f->refresh || left_s < FLIGHT_USABLE_S)
		return (MISS);
	return (left_s > FLIGHT_REFRESH_S ? FRESH : USABLE);
}

/* A failure lies beside the entry. */
static struct cache_key
failure_key(const struct flight *f)
{
	struct cache_key key = { "" };
	char text[2048];

	(void)snprintf(text, sizeof(text), "failure\n%s\n%s", f->key->name,
	    f->network);
	if (f->key->name[0] != '\0')
		crypto_sha256_hex(text, strlen(text), key.name);
	return (key);
}

/*
 * Not a fault of ours alone, such as a lack of memory or of time, nor one of the
 * disk that it would have to be written to.
 */
static bool
is_for_all(const struct err *e)
{
	return (e->status != EX_USAGE && e->status != EX_OSERR &&
	    e->status != EX_SOFTWARE && e->status != EX_CANTCREAT &&
	    (e->status != EX_TEMPFAIL || !patience_was_short()));
}

static void
keep_failure(const struct flight *f, const struct err *e)
{
	const struct entry x = {
		.kind = ENTRY_FAILURE, .expires = entry_now_ms() / 1000 + 60
	};
	struct cache_key key = failure_key(f);
	struct js *j;

	if (!is_for_all(e) || (j = entry_new(&key, &x)) == NULL)
		return;
	if (errjson_put(e, j) == 0)
		(void)entry_keep(f->cache, &key, j);
	js_free(j);
}

/* Did somebody fail while we waited, or just before?  e says how. */
static bool
shared_failure(const struct flight *f, int64_t start_ms, struct err *e)
{
	struct cache_key key = failure_key(f);
	int64_t now_ms = entry_now_ms();
	int64_t since_ms = f->refresh ? start_ms :
	    start_ms - FLIGHT_FAILURE_MS;
	struct entry x;
	struct js *j = entry_read(f->cache, &key, ENTRY_FAILURE, &x);
	bool found = j != NULL && x.written_ms >= since_ms &&
	    x.written_ms <= now_ms && errjson_get(j, e) == 0;

	js_free(j);
	return (found);
}

static int
fetch_and_keep(const struct flight *f, bool may_keep, struct err *e)
{
	struct cache_key failed = failure_key(f);
	int rc = f->fetch(f->arg, e);

	if (may_keep && rc == 0) {
		(void)f->keep(f->arg);
		cache_drop(f->cache, &failed);
	} else if (may_keep)
		keep_failure(f, e);
	return (rc);
}

int
flight_run(const struct flight *f, struct err *e)
{
	int64_t start_ms = entry_now_ms(), left_ms;
	enum state state = look(f, start_ms);
	bool held;
	int lock, rc = 0;

	if (state == FRESH)
		return (0);
	left_ms = state == USABLE ? 0 : f->until_ms - clock_ms();
	lock = cache_lock(f->cache, f->key, left_ms > 0 ? (int)left_ms : 0);
	held = lock == -1 && errno == ETIMEDOUT;
	if (held && state == USABLE)
		return (0);	/* its holder renews it */
	if (held)
		log_verbose("who asks already does not move: asking alone");
	if ((state = look(f, start_ms)) == FRESH)
		goto out;
	if (held || !shared_failure(f, start_ms, e)) {
		if ((rc = fetch_and_keep(f, !held, e)) == 0)
			goto out;
	} else
		rc = -1;
	/* what there is will do for a while */
	if (state == USABLE && look(f, start_ms) != MISS)
		rc = 0;
 out:
	cache_unlock(lock);
	return (rc);
}
