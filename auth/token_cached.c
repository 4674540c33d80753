/*
 * One token for all, see token_cached.h.
 */
#include <stdio.h>
#include <string.h>

#include "auth/cache.h"
#include "auth/cloud.h"
#include "auth/entry.h"
#include "auth/flight.h"
#include "auth/identity.h"
#include "auth/json.h"
#include "auth/text.h"
#include "auth/token.h"
#include "auth/token_cached.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/log.h"

struct asked {
	struct cache			*cache;
	struct cache_key		 key;
	const struct token_flight	*flight;
	struct token			*token;
	bool				 from_cache;
};

/* The token itself, as an Authorization header can have it. */
static int
read_token(const struct js *j, const struct entry *x, struct token *t)
{
	const char *text = js_string(j, "token");

	token_free(t);
	if (text == NULL || !text_is_visible(text, strlen(text)) ||
	    secret_set(&t->text, text, strlen(text)) == -1)
		return (-1);
	t->expires_on = x->expires;
	(void)snprintf(t->source, sizeof(t->source), "%.*s",
	    (int)sizeof(t->source) - 1, x->source);
	(void)snprintf(t->account, sizeof(t->account), "%s", x->account);
	(void)snprintf(t->tenant, sizeof(t->tenant), "%s", x->tenant);
	return (0);
}

static bool
is_refused(const struct token *t, const struct secret *refused)
{
	return (refused != NULL && secret_same(refused, &t->text));
}

static int
look(void *arg, struct entry *x)
{
	struct asked *a = arg;
	struct js *j = entry_read(a->cache, &a->key, ENTRY_TOKEN, x);
	int rc = j != NULL ? read_token(j, x, a->token) : -1;

	js_free(j);
	/* not dropped here: without the lock it might be its successor by now */
	if (rc == 0 && is_refused(a->token, a->flight->refused))
		rc = -1;
	a->from_cache = rc == 0;
	return (rc);
}

static int
fetch(void *arg, struct err *e)
{
	struct asked *a = arg;

	a->from_cache = false;
	if (token_get(a->flight->request, a->token, e) == 0)
		return (0);
	if (a->flight->refused != NULL)
		cache_drop(a->cache, &a->key);	/* good for nobody */
	return (-1);
}

static int
keep(void *arg)
{
	struct asked *a = arg;
	const struct token *t = a->token;
	struct entry x = { .kind = ENTRY_TOKEN, .expires = t->expires_on };
	struct js *j;
	int rc = -1;

	(void)snprintf(x.cloud, sizeof(x.cloud), "%s",
	    a->flight->request->cloud->name);
	(void)snprintf(x.account, sizeof(x.account), "%s", t->account);
	(void)snprintf(x.tenant, sizeof(x.tenant), "%s", t->tenant);
	(void)snprintf(x.source, sizeof(x.source), "%s", t->source);
	j = entry_new(&a->key, &x);
	if (j != NULL && js_set_string(j, "token", t->text.data) == 0)
		rc = entry_keep(a->cache, &a->key, j);
	js_free(j);
	return (rc);
}

int
token_cached_fly(struct cache *c, const struct token_flight *f,
    struct token *t, bool *from_cache, struct err *e)
{
	struct asked a = {
		.cache = c, .key = cache_key_token(f->identity), .flight = f,
		.token = t,
	};
	char network[SHA256_HEX + 1];
	const struct flight flight = {
		.cache = c, .key = &a.key, .network = cache_network(
		&f->request->cloud->net, network), .refresh = f->refresh,
		.until_ms = f->until_ms, .look = look, .fetch = fetch,
		.keep = keep, .arg = &a,
	};
	int rc = flight_run(&flight, e);

	*from_cache = rc == 0 && a.from_cache;
	if (*from_cache)
		log_verbose("token of %s from the cache, %zu bytes", t->source,
		    t->text.len);
	return (rc);
}

int
token_cached_get(const struct token_request *r, bool no_cache,
    struct token *t, bool *from_cache, struct err *e)
{
	char identity[SHA256_HEX + 1];
	const struct token_flight f = {
		.request = r, .identity = identity,
		.refresh = r->claims != NULL,
		.until_ms = clock_ms() + FLIGHT_WAIT_MS,
	};
	struct cache c;
	int rc;

	*from_cache = false;
	if (!cache_is_wanted(no_cache))
		return (token_get(r, t, e));
	identity_hash(r->cloud, r->credential, r->tenant, identity);
	cache_open(&c);
	cache_warn(&c);
	rc = token_cached_fly(&c, &f, t, from_cache, e);
	cache_close(&c);
	return (rc);
}
