/*
 * arc-relay names: what can be typed for a machine, for shells that complete it
 * and for people; from what is kept, without asking anybody.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "auth/cache.h"
#include "auth/cloud.h"
#include "auth/identity.h"
#include "auth/json.h"
#include "auth/names.h"
#include "auth/target.h"
#include "proxy/cmd.h"
#include "proxy/cmd_options.h"
#include "relay/err.h"

static const struct option_row table[] = {
	CMD_ROWS,
	{ 0, "credential", "NAME", "only this token source", 0 },
	{ 0, "refresh", NULL, "ask Azure first", 0 },
	{ 0, "when-old", NULL, NULL, 0 },	/* with it: else do nothing */
	{ 0, "json", NULL, "one JSON document", 0 },
	CMD_LAST_ROWS
};
enum { O_CREDENTIAL = CMD_NROWS, O_REFRESH, O_WHEN_OLD, O_JSON };

struct walk {
	bool			json;
	struct cmd_array	array;
};

static void
print(void *arg, const char *name, const char *id)
{
	struct walk *w = arg;
	struct js *j;

	if (!w->json) {
		(void)puts(name);
		return;
	}
	j = js_object();
	cmd_array_add(&w->array, j, js_set_string(j, "name", name) == 0 &&
	    js_set_string(j, "id", id) == 0);
}

static int
show(const struct options *o, const struct cache *c, const char *identity,
    struct err *e)
{
	struct walk w = { .json = o->value[O_JSON] != NULL };

	if (cache_is_wanted(false))
		(void)names_each(c, identity, o->nrest > 0 ? o->rest[0] : "",
		    print, &w);
	return (w.json ? cmd_array_end(&w.array, e) : 0);
}

static int
refresh(const struct options *o, const struct cloud *cloud,
    const struct cache *c, struct err *e)
{
	const struct target_request r = {
		.cloud = cloud, .credential = o->value[O_CREDENTIAL],
	};

	if (!cache_is_wanted(false))
		return (err_set(e, EX_USAGE, "", "ARC_RELAY_NO_CACHE forbids "
		    "to keep names"));
	if (!cache_works(c)) {
		err_set(e, EX_CANTCREAT, "E112", "there is no cache: %s",
		    c->folder.why);
		return (err_fix(e, "set ARC_RELAY_CACHE_DIR to a folder of "
		    "yours"));
	}
	return (target_refresh(&r, o->value[O_WHEN_OLD] != NULL, e));
}

int
cmd_names(int argc, char **argv, struct err *e)
{
	char identity[SHA256_HEX + 1];
	struct cloud cloud;
	struct cache cache;
	struct options o;
	int rc;

	if ((rc = cmd_parse(table, "names [OPTION ...] [PREFIX]", NULL, argc,
	    argv, &o, e)) != 0)
		return (rc == 1 ? 0 : -1);
	if (o.nrest > 1)
		return (err_set(e, EX_USAGE, "", "names takes one PREFIX"));
	if (cmd_cloud(&o, &cloud, e) == -1)
		return (-1);
	cache_open(&cache);
	if (o.value[O_REFRESH] != NULL)
		rc = refresh(&o, &cloud, &cache, e);
	if (rc == 0 && o.value[O_WHEN_OLD] == NULL) {
		identity_hash(&cloud, o.value[O_CREDENTIAL], NULL, identity);
		rc = show(&o, &cache, identity, e);
	}
	cache_close(&cache);
	return (rc);
}
