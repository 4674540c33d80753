/*
 * One question to Azure for all that ask, see creds.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/arc.h"
#include "auth/arm.h"
#include "auth/cache.h"
#include "auth/cloud.h"
#include "auth/creds.h"
#include "auth/errjson.h"
#include "auth/relayinfo.h"
#include "auth/text.h"
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
	struct token_request ask = {
		.cloud = r->cloud, .credential = r->credential,
	};
	struct token token = TOKEN_INIT;
	char claims[ARM_CLAIMS_MAX];
	int attempt, rc = -1;

	for (attempt = 1; attempt <= 2; attempt++) {
		if (token_get(&ask, &token, e) == -1)
			break;
		rc = arc_list_credentials(r->cloud, r->id, &token.text,
		    ARC_EXPIRES_IN_S, out, claims, sizeof(claims), e);
		if (rc == 0 || e->retry != RETRY_CREDENTIAL)
			break;
		ask.claims = claims[0] != '\0' ? claims : NULL;
		relay_info_free(out);
	}
	token_free(&token);
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
	struct cache_key other = { "" };

	crypto_sha256_hex(key->name, strlen(key->name), other.name);
	return (other);
}

static void
keep_failure(const struct cache *c, const struct cache_key *key,
    const struct err *e)
{
	struct cache_key beside = failure_key(key);
	struct secret text = SECRET_INIT, what = SECRET_INIT;
	char when[32];

	(void)snprintf(when, sizeof(when), "%lld\n", (long long)now_ms());
	if (errjson_format(e, &what) == 0 &&
	    secret_set(&text, when, strlen(when)) == 0 &&
	    text_append(&text, what.data, what.len, CACHE_ENTRY_MAX) == 0)
		(void)cache_write(c, &beside, &text);
	secret_free(&what);
	secret_free(&text);
}

/* Did somebody fail since then?  e says how. */
static bool
shared_failure(const struct cache *c, const struct cache_key *key,
    int64_t since_ms, struct err *e)
{
	struct cache_key beside = failure_key(key);
	struct secret text = SECRET_INIT;
	int64_t at_ms;
	bool found = false;
	char *what;

	if (cache_read(c, &beside, &text) == 0) {
		at_ms = strtoll(text.data, &what, 10);
		found = at_ms >= since_ms && at_ms <= now_ms() &&
		    *what == '\n' && errjson_parse(what + 1,
		    (size_t)(text.data + text.len - what - 1), e) == 0;
	}
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
	if (!cache_works(&c))
		log_verbose("no cache: %s", c.folder.why);
	rc = get_once_for_all(&c, r, out, e);
	cache_close(&c);
	return (rc);
}
