/*
 * What enable, disable and register have in common, see cmd_endpoint.h.
 */
#include <stdio.h>

#include "auth/identity.h"
#include "auth/target.h"
#include "auth/text.h"
#include "proxy/cmd_endpoint.h"
#include "proxy/cmd_options.h"
#include "relay/clock.h"
#include "relay/err.h"

#define TIMEOUT_S	300
#define TIMEOUT_MAX_S	86400

int
cmd_azure_open(const struct options *o, const char *credential,
    struct cmd_azure *az, struct err *e)
{
	if (cmd_cloud(o, &az->cloud, e) == -1)
		return (-1);
	az->bearer = (struct bearer){ .cloud = &az->cloud,
	    .credential = credential };
	az->cache = (struct cache){ .folder = FOLDER_INIT };
	if (cache_is_wanted(false))
		cache_open(&az->cache);
	if (cache_works(&az->cache)) {
		identity_hash(&az->cloud, credential, NULL, az->identity);
		az->bearer.cache = &az->cache;
		az->bearer.identity = az->identity;
	}
	return (0);
}

void
cmd_azure_close(struct cmd_azure *az)
{
	bearer_free(&az->bearer);
	cache_close(&az->cache);
}

int
cmd_endpoint(const struct options *o, const char *timeout,
    struct cmd_azure *az, struct arc_id *id, struct arc_endpoint *a,
    struct err *e)
{
	const struct target_request r = { .cloud = &az->cloud,
	    .credential = az->bearer.credential };
	struct target target;
	long seconds = TIMEOUT_S, age_s;

	if (o->nrest != 1) {
		err_set(e, EX_USAGE, "", "one machine must be named");
		return (err_fix(e, "NAME, NAME.GROUP or a resource id, see "
		    "arc-relay list"));
	}
	if (target_parse(o->rest[0], &target, e) == -1 || (timeout != NULL &&
	    options_number(timeout, 1, TIMEOUT_MAX_S, "--timeout", &seconds,
	    e) == -1) || target_resolve(&r, &target, id, &age_s, e) == -1)
		return (-1);
	cmd_renew_names(o, &az->cloud, az->bearer.credential, age_s);
	*a = (struct arc_endpoint){ .bearer = &az->bearer, .id = id,
	    .deadline_ms = clock_ms() + seconds * 1000 };
	return (0);
}

/* target_parse lets no quote through. */
const char *
cmd_typed(const char *typed, const struct arc_id *id, char out[CMD_TYPED_MAX])
{
	const char *quote = text_only(typed, "/._-") ? "" : "'";

	if (snprintf(out, CMD_TYPED_MAX, "%s%s%s", quote, typed, quote) >=
	    CMD_TYPED_MAX)
		(void)snprintf(out, CMD_TYPED_MAX, "%s", id->name);
	return (out);
}
