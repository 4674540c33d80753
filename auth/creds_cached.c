/*
 * Is there a usable credential in the cache?  See creds.h.
 */
#include <string.h>
#include <strings.h>
#include <time.h>

#include "auth/cache.h"
#include "auth/creds.h"
#include "auth/entry.h"
#include "auth/json.h"
#include "auth/relayinfo.h"
#include "relay/err.h"
#include "relay/info.h"
#include "relay/secret.h"

static bool
is_refused(const struct relay_info *info, const char *refused)
{
	char hex[SHA256_HEX + 1];

	crypto_sha256_hex(info->access_key.data, info->access_key.len, hex);
	return (strcasecmp(hex, refused) == 0);
}

int
creds_look(const struct cache *c, const struct cache_key *key,
    const char *relay_suffix, const char *refused, struct relay_info *out,
    struct entry *x)
{
	struct js *j = entry_read(c, key, ENTRY_RELAY, x);
	struct err unused = ERR_INIT;
	int rc = -1;

	relay_info_free(out);
	if (j != NULL && relayinfo_get(j, out, &unused) == 0 &&
	    relay_info_check(out, relay_suffix, &unused) == 0 &&
	    (refused == NULL || !is_refused(out, refused)))
		rc = 0;
	js_free(j);
	if (rc == 0 && out->expires_on < x->expires)
		x->expires = out->expires_on;
	return (rc);
}

int
creds_cached(const struct cache *c, const struct cache_key *key,
    const char *relay_suffix, const char *refused, struct relay_info *out)
{
	struct entry x;

	if (creds_look(c, key, relay_suffix, refused, out, &x) == -1 ||
	    x.expires - time(NULL) <= INFO_REFRESH_S)
		return (-1);
	return (0);
}
