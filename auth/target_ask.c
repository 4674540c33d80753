/*
 * From a target to a resource id, with Azure's help, see target.h.
 */
#include <stdio.h>
#include <string.h>

#include "auth/arc.h"
#include "auth/cache.h"
#include "auth/cloud.h"
#include "auth/entry.h"
#include "auth/flight.h"
#include "auth/graph.h"
#include "auth/identity.h"
#include "auth/machines.h"
#include "auth/names.h"
#include "auth/selection.h"
#include "auth/target.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/log.h"

#define LONG_S	(2 * FLIGHT_REFRESH_S)	/* long enough for a flight */
#define SHORT_S	(2 * FLIGHT_USABLE_S)	/* usable, and to be renewed */

struct asked {
	const struct target_request *r;
	struct cache		*cache;		/* NULL: not wanted */
	char			 identity[SHA256_HEX + 1];
	bool			 when_old;	/* of target_refresh */
	bool			 fetched;	/* all is what Azure said */
	struct machines		 all;
};

/* graph_machines keeps the names. */
static int
fetch(void *arg, struct err *e)
{
	static const struct selection everything;
	struct asked *a = arg;
	const struct graph_request q = {
		.cloud = a->r->cloud, .credential = a->r->credential,
		.selection = &everything, .no_cache = a->cache == NULL,
	};

	log_verbose("asking Azure for the names of all machines");
	machines_free(&a->all);
	a->fetched = graph_machines(&q, &a->all, e) == 0;
	return (a->fetched ? 0 : -1);
}

static int
keep(void *arg)
{
	(void)arg;
	return (0);
}

/* Are there names that need not be asked for?  In a flight's words. */
static int
look(void *arg, struct entry *x)
{
	struct asked *a = arg;
	int64_t now_ms = entry_now_ms(), age_s;
	struct names_about about;

	*x = (struct entry){ .kind = "" };
	if (names_about(a->cache, a->identity, &about) == -1)
		return (-1);
	age_s = (now_ms - about.written_ms) / 1000;
	x->written_ms = about.written_ms;
	if (age_s < (a->when_old ? NAMES_FRESH_S : NAMES_SETTLED_S))
		x->expires = now_ms / 1000 + LONG_S;
	else if (a->when_old)
		x->expires = now_ms / 1000 + SHORT_S;
	else
		return (-1);
	return (0);
}

static int
ask(struct asked *a, bool refresh, struct err *e)
{
	const struct cache_key key = cache_key_names(a->identity);
	char network[SHA256_HEX + 1];
	const struct flight flight = {
		.cache = a->cache, .key = &key, .network = cache_network(
		&a->r->cloud->net, network), .refresh = refresh,
		.until_ms = clock_ms() + FLIGHT_WAIT_MS, .look = look,
		.fetch = fetch, .keep = keep, .arg = a,
	};

	return (a->cache != NULL ? flight_run(&flight, e) : fetch(a, e));
}

static void
start(struct asked *a, const struct target_request *r, struct cache *c)
{
	*a = (struct asked){ .r = r, .all = MACHINES_INIT };
	if (!cache_is_wanted(r->no_cache))
		return;
	identity_hash(r->cloud, r->credential, NULL, a->identity);
	cache_open(c);
	cache_warn(c);
	a->cache = c;
}

static void
end(struct asked *a)
{
	if (a->cache != NULL)
		cache_close(a->cache);
	machines_free(&a->all);
}

/* What is known, if it is good enough; what is of just now is the flight's. */
static bool
is_known(const struct asked *a, const char *text, struct arc_id *id,
    long *age_s, enum names_found *found, struct err *e)
{
	*found = a->cache != NULL && !a->r->refresh ? names_find(a->cache,
	    a->identity, text, id, age_s, e) : NAMES_MISS;
	return (*found == NAMES_ONE || *found == NAMES_MANY);
}

/* After others asked, or we.  Who could not keep them asks alone. */
static int
ask_for(struct asked *a, const char *text, struct arc_id *id, long *age_s,
    enum names_found *found, struct err *e)
{
	if (ask(a, false, e) == -1)
		return (-1);
	if (!a->fetched && (*found = names_find(a->cache, a->identity, text, id,
	    age_s, e)) != NAMES_MISS)
		return (0);
	if (!a->fetched && fetch(a, e) == -1)
		return (-1);
	*age_s = 0;
	if ((*found = names_find_in(&a->all, text, id, e)) == NAMES_MISS)
		return (err_set(e, EX_OSERR, "", "out of memory"));
	return (0);
}

int
target_resolve(const struct target_request *r, const struct target *t,
    struct arc_id *id, long *age_s, struct err *e)
{
	enum names_found found;
	struct cache cache;
	struct asked a;
	int rc = 0;

	*age_s = 0;
	if (t->is_id)
		return (arc_id_parse(t->text, id, e));
	start(&a, r, &cache);
	if (!is_known(&a, t->text, id, age_s, &found, e))
		rc = ask_for(&a, t->text, id, age_s, &found, e);
	end(&a);
	if (rc == 0 && found == NAMES_ONE) {
		log_verbose("%s is %s", t->text, id->text);
		*e = (struct err)ERR_INIT;
		return (0);
	}
	return (-1);
}

int
target_refresh(const struct target_request *r, bool when_old, struct err *e)
{
	struct cache cache;
	struct asked a;
	int rc;

	start(&a, r, &cache);
	a.when_old = when_old;
	rc = ask(&a, !when_old, e);
	end(&a);
	return (rc);
}
