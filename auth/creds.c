/*
 * One question to Azure for all that ask, see creds.h.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/arc.h"
#include "auth/arm.h"
#include "auth/bearer.h"
#include "auth/cache.h"
#include "auth/cloud.h"
#include "auth/creds.h"
#include "auth/entry.h"
#include "auth/flight.h"
#include "auth/identity.h"
#include "auth/json.h"
#include "auth/pace.h"
#include "auth/patience.h"
#include "auth/relayinfo.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/info.h"
#include "relay/log.h"
#include "relay/secret.h"

struct asked {
	const struct creds_request *r;
	struct cache		*cache;		/* NULL: not wanted */
	struct cache_key	 key;
	char			 identity[SHA256_HEX + 1];
	int64_t			 until_ms;	/* to wait for others till */
	struct entry		 who;		/* whose token it was, to show */
	struct relay_info	*out;
};

static int
wait_for_our_turn(struct asked *a, struct err *e)
{
	int64_t wait_ms;

	if (a->cache == NULL || (wait_ms = pace_take(a->cache, a->identity,
	    a->r->id->subscription)) == 0)
		return (0);
	if (patience_ms(wait_ms) < wait_ms) {
		err_set(e, EX_TEMPFAIL, "E408", "so many sessions begin at once "
		    "that Azure gives this one its credential in %lld s only",
		    (long long)(wait_ms + 999) / 1000);
		return (err_fix(e, "arc-relay prepare, before all of them; or "
		    "give it time: ssh -o ConnectTimeout=120"));
	}
	log_verbose("many ask at once: our turn is in %lld ms",
	    (long long)wait_ms);
	(void)poll(NULL, 0, (int)wait_ms);
	return (0);
}

static void
remember(struct asked *a, const struct token *t)
{
	(void)snprintf(a->who.account, sizeof(a->who.account), "%s",
	    t->account);
	(void)snprintf(a->who.tenant, sizeof(a->who.tenant), "%s", t->tenant);
	(void)snprintf(a->who.source, sizeof(a->who.source), "%s", t->source);
}

static int
list_credentials(void *arg, const struct secret *token, char *claims,
    struct err *e)
{
	struct asked *a = arg;

	if (wait_for_our_turn(a, e) == -1)
		return (-1);
	relay_info_free(a->out);
	return (arc_list_credentials(a->r->cloud, a->r->id, token,
	    ARC_EXPIRES_IN_S, a->out, claims, ARM_CLAIMS_MAX, e));
}

static int
fetch(void *arg, struct err *e)
{
	struct asked *a = arg;
	struct bearer b = {
		.cloud = a->r->cloud, .credential = a->r->credential,
		.cache = a->cache, .identity = a->identity,
		.refresh = a->r->refresh, .until_ms = a->until_ms,
	};
	int rc = bearer_call(&b, list_credentials, a, e);

	if (rc == 0)
		remember(a, &b.token);
	bearer_free(&b);
	return (rc);
}

static int
look(void *arg, struct entry *x)
{
	struct asked *a = arg;

	return (creds_look(a->cache, &a->key, a->r->cloud->relay_suffix,
	    a->r->refused, a->out, x));
}

static int
keep(void *arg)
{
	struct asked *a = arg;
	struct entry x = a->who;
	struct js *j;
	int rc = -1;

	(void)snprintf(x.kind, sizeof(x.kind), "%s", ENTRY_RELAY);
	(void)snprintf(x.cloud, sizeof(x.cloud), "%s", a->r->cloud->name);
	(void)snprintf(x.machine, sizeof(x.machine), "%s", a->r->id->text);
	x.port = a->r->port;
	x.expires = a->out->expires_on;
	j = entry_new(&a->key, &x);
	if (j != NULL && relayinfo_put(a->out, j) == 0)
		rc = entry_keep(a->cache, &a->key, j);
	js_free(j);
	return (rc);
}

static int
get_once_for_all(struct asked *a, struct err *e)
{
	char network[SHA256_HEX + 1];
	const struct flight flight = {
		.cache = a->cache, .key = &a->key, .network = cache_network(
		&a->r->cloud->net, network), .refresh = a->r->refresh,
		.until_ms = a->until_ms, .look = look, .fetch = fetch,
		.keep = keep, .arg = a,
	};

	return (flight_run(&flight, e));
}

int
creds_get(const struct creds_request *r, struct relay_info *out, struct err *e)
{
	struct asked a = {
		.r = r, .out = out, .until_ms = clock_ms() + FLIGHT_WAIT_MS,
	};
	struct cache c;
	int rc;

	if (!cache_is_wanted(r->no_cache))
		return (fetch(&a, e));
	identity_hash(r->cloud, r->credential, NULL, a.identity);
	a.key = cache_key_relay(a.identity, r->id->text, r->port);
	cache_open(&c);
	cache_warn(&c);
	a.cache = &c;
	rc = get_once_for_all(&a, e);
	cache_close(&c);
	return (rc);
}

struct forgotten {
	struct cache		*cache;
	const struct arc_id	*id;
};

static void
forget_one(void *arg, const struct cache_key *key, const struct entry *x)
{
	const struct forgotten *f = arg;

	if (strcmp(x->kind, ENTRY_FAILURE) == 0 || (f->id != NULL &&
	    strcasecmp(x->machine, f->id->text) == 0))
		cache_drop(f->cache, key);
}

void
creds_forget(const struct arc_id *id)
{
	struct cache c;
	struct forgotten f = { &c, id };

	cache_open(&c);
	if (cache_works(&c))
		entry_each(&c, forget_one, &f);
	cache_close(&c);
}
