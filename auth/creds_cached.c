/*
 * Is there a usable credential in the cache?  See creds.h.
 */
#include <string.h>
#include <strings.h>
#include <time.h>

#include "auth/cache.h"
#include "auth/creds.h"
#include "auth/relayinfo.h"
#include "relay/err.h"
#include "relay/info.h"
#include "relay/secret.h"

/* Azure gives 3 h at most: what claims more than a day was not its answer. */
#define LIFE_MAX_S	(24 * 3600)

static bool
is_refused(const struct relay_info *info, const char *refused)
{
	char hex[SHA256_HEX + 1];

	crypto_sha256_hex(info->access_key.data, info->access_key.len, hex);
	return (strcasecmp(hex, refused) == 0);
}

int
creds_cached(const struct cache *c, const struct cache_key *key,
    const char *relay_suffix, const char *refused, struct relay_info *out)
{
	struct secret text = SECRET_INIT;
	struct err unused = ERR_INIT;
	int64_t now = time(NULL);
	int rc = -1;

	if (cache_read(c, key, &text) == 0 &&
	    relayinfo_parse(text.data, text.len, out, &unused) == 0 &&
	    relay_info_check(out, relay_suffix, &unused) == 0 &&
	    !relay_info_is_expired(out, now, INFO_REFRESH_S) &&
	    out->expires_on - now <= LIFE_MAX_S &&
	    (refused == NULL || !is_refused(out, refused)))
		rc = 0;
	secret_free(&text);
	return (rc);
}
