/*
 * One question to Azure for all that ask, see creds.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/arc.h"
#include "auth/cache.h"
#include "auth/cloud.h"
#include "auth/creds.h"
#include "auth/json.h"
#include "auth/relayinfo.h"
#include "auth/token.h"
#include "relay/err.h"
#include "relay/info.h"
#include "relay/log.h"
#include "relay/secret.h"

#define LOCK_WAIT_MS	8000	/* then the holder is stuck: ask without it */

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

/* Token and listCredentials; a token that ARM refuses is renewed once. */
static int
fetch(const struct creds_request *r, struct relay_info *out, struct err *e)
{
	struct secret token = SECRET_INIT;
	int64_t expires_on;
	int attempt, rc = -1;

	for (attempt = 1; attempt <= 2; attempt++) {
		if (token_get(r->cloud, r->credential, &token, &expires_on,
		    e) == -1)
			break;
		rc = arc_list_credentials(r->cloud, r->id, &token,
		    ARC_EXPIRES_IN_S, out, e);
		if (rc == 0 || e->retry != RETRY_CREDENTIAL)
			break;
		relay_info_free(out);
	}
	secret_free(&token);
	return (rc);
}

/*
 * A failure goes into the cache too, beside the entry.  It counts only for those
 * who were waiting for the answer when it came: or 200 processes would ask, one
 * after the other, what was refused already.
 */
static struct cache_key
failure_key(const struct cache_key *key)
{
	struct cache_key other;

	crypto_sha256_hex(key->name, strlen(key->name), other.name);
	return (other);
}

static void
keep_failure(const struct cache *c, const struct cache_key *key,
    const struct err *e)
{
	struct cache_key beside = failure_key(key);
	struct secret text = SECRET_INIT;
	struct js *j = js_object();

	if (js_set_integer(j, "failed.at_ms", now_ms()) == 0 &&
	    js_set_integer(j, "failed.status", e->status) == 0 &&
	    js_set_string(j, "failed.id", e->id) == 0 &&
	    js_set_string(j, "failed.cause", e->cause) == 0 &&
	    js_set_string(j, "failed.fix", e->fix) == 0 &&
	    js_dump(j, &text) == 0)
		(void)cache_write(c, &beside, &text);
	js_free(j);
	secret_free(&text);
}

/* 1 if somebody failed while we waited; e says how. */
static int
shared_failure(const struct cache *c, const struct cache_key *key,
    int64_t since_ms, struct err *e)
{
	struct cache_key beside = failure_key(key);
	struct secret text = SECRET_INIT;
	char why[JS_WHY_MAX];
	struct js *j = NULL;
	int64_t at_ms, status;
	int found = 0;

	if (cache_read(c, &beside, &text) == 0 &&
	    (j = js_parse(text.data, text.len, why)) != NULL &&
	    js_integer(j, "failed.at_ms", &at_ms) == 0 && at_ms >= since_ms &&
	    at_ms <= now_ms() &&
	    js_integer(j, "failed.status", &status) == 0 && status > 0 &&
	    js_string(j, "failed.id") != NULL &&
	    js_string(j, "failed.cause") != NULL &&
	    js_string(j, "failed.fix") != NULL) {
		err_set(e, (int)status, js_string(j, "failed.id"), "%s",
		    js_string(j, "failed.cause"));
		err_fix(e, "%s", js_string(j, "failed.fix"));
		found = 1;
	}
	js_free(j);
	secret_free(&text);
	return (found);
}

static int
look(const struct cache *c, const struct cache_key *key,
    const struct creds_request *r, struct relay_info *out)
{
	if (creds_cached(c, key, r->cloud->relay_suffix, r->refused, out) == 0)
		return (0);
	relay_info_free(out);
	return (-1);
}

static void
keep(const struct cache *c, const struct cache_key *key,
    const struct relay_info *info)
{
	struct secret text = SECRET_INIT;

	if (relayinfo_format(info, &text) == -1 ||
	    cache_write(c, key, &text) == -1)
		log_verbose("cannot write the cache");
	secret_free(&text);
}

static int
get_once_for_all(const struct cache *c, const struct creds_request *r,
    struct relay_info *out, struct err *e)
{
	struct cache_key key = cache_key_relay(r->cloud->name, r->id->text,
	    r->port);
	int64_t start_ms = now_ms();
	int lock, rc;

	if (!r->refresh && look(c, &key, r, out) == 0)
		return (0);
	lock = cache_lock(c, &key, LOCK_WAIT_MS);
	if (lock == -1)
		log_verbose("no lock in the cache: asking alone");
	else if (!r->refresh && look(c, &key, r, out) == 0) {
		cache_unlock(lock);
		return (0);
	} else if (shared_failure(c, &key, start_ms, e)) {
		cache_unlock(lock);
		return (-1);
	}
	rc = fetch(r, out, e);
	if (lock != -1 && rc == 0)
		keep(c, &key, out);
	if (lock != -1 && rc == -1)
		keep_failure(c, &key, e);
	cache_unlock(lock);
	return (rc);
}

int
creds_get(const struct creds_request *r, struct relay_info *out, struct err *e)
{
	struct cache c;
	int rc;

	if (r->no_cache)
		return (fetch(r, out, e));
	cache_open(&c);
	if (c.dirfd == -1)
		log_verbose("no cache: %s", c.why);
	rc = get_once_for_all(&c, r, out, e);
	cache_close(&c);
	return (rc);
}
