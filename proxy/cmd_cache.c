/*
 * arc-relay cache: what is kept of tokens and relay credentials, without the
 * secrets; and getting rid of it.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "auth/cache.h"
#include "auth/entry.h"
#include "auth/json.h"
#include "proxy/cmd.h"
#include "proxy/cmd_options.h"
#include "relay/err.h"
#include "relay/log.h"
#include "relay/secret.h"

static const struct option_row table[] = {
	{ 0, "json", NULL, "one JSON document", 0 },
	CMD_LAST_ROWS
};
enum { O_JSON };

struct walk {
	struct cache	cache;
	const char	*which;		/* of clear: a machine; NULL: all */
	bool		json;
	long		n;		/* entries shown, or removed */
	bool		failed;		/* no memory */
};

/* The last word of the path, or the one after segment. */
static const char *
part_of(const char *id, const char *segment, int *len)
{
	const char *at = segment != NULL ? strcasestr(id, segment) :
	    strrchr(id, '/');

	if (at != NULL)
		at += segment != NULL ? strlen(segment) : 1;
	else
		at = "";
	*len = (int)strcspn(at, "/");
	return (at);
}

/* NAME, NAME.GROUP, NAME.GROUP.SUBSCRIPTION, perhaps with .arc; or the id. */
static bool
is_machine(const char *id, const char *which)
{
	char host[sizeof(((struct entry *)0)->machine) + 3];
	size_t len = strlen(which), n;
	int name, group, sub;
	const char *name_at = part_of(id, NULL, &name);
	const char *group_at = part_of(id, "/resourceGroups/", &group);
	const char *sub_at = part_of(id, "/subscriptions/", &sub);

	if (id[0] == '\0')
		return (false);
	if (which[0] == '/') {
		if (which[len - 1] == '/')
			len--;
		return (strlen(id) == len && strncasecmp(id, which, len) == 0);
	}
	if (len > 4 && strcasecmp(which + len - 4, ".arc") == 0)
		len -= 4;
	(void)snprintf(host, sizeof(host), "%.*s.%.*s.%.*s", name, name_at,
	    group, group_at, sub, sub_at);
	n = strlen(host);
	return (len > 0 && len <= n && strncasecmp(host, which, len) == 0 &&
	    (len == n || len == (size_t)name ||
	    len == (size_t)name + 1 + (size_t)group));
}

static void
print_json(struct walk *w, const struct entry *x)
{
	struct secret text = SECRET_INIT;
	struct js *j = js_object();

	if (js_set_string(j, "kind", x->kind) == -1 ||
	    (x->machine[0] != '\0' &&
	    (js_set_string(j, "machine", x->machine) == -1 ||
	    js_set_integer(j, "port", x->port) == -1)) ||
	    js_set_string(j, "cloud", x->cloud) == -1 ||
	    js_set_string(j, "account", x->account) == -1 ||
	    js_set_string(j, "tenant", x->tenant) == -1 ||
	    js_set_string(j, "source", x->source) == -1 ||
	    js_set_integer(j, "written", x->written_ms / 1000) == -1 ||
	    js_set_integer(j, "expires", x->expires) == -1 ||
	    js_set_integer(j, "bytes", (int64_t)x->bytes) == -1 ||
	    js_dump(j, &text) == -1)
		w->failed = true;
	else
		printf("%s%s", w->n > 0 ? ",\n " : "", text.data);
	secret_free(&text);
	js_free(j);
}

static void
print_line(const struct walk *w, const struct entry *x)
{
	char when[32] = "expired", target[200] = "Azure", who[300];
	time_t end = (time_t)x->expires;
	int name, group;
	const char *name_at = part_of(x->machine, NULL, &name);
	const char *group_at = part_of(x->machine, "/resourceGroups/", &group);
	struct tm tm;

	if (end > time(NULL) && gmtime_r(&end, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%SZ", &tm);
	if (x->machine[0] != '\0')
		(void)snprintf(target, sizeof(target), "%.*s.%.*s:%d", name,
		    name_at, group, group_at, x->port);
	(void)snprintf(who, sizeof(who), "%-20s  %s (%s)", x->cloud,
	    x->account, x->source);
	log_clean(target);
	log_clean(who);
	if (w->n == 0)
		printf("%-5s  %-20s  %5s  %-20s  %-20s  %s\n", "KIND",
		    "EXPIRES", "BYTES", "FOR", "CLOUD", "ACCOUNT");
	printf("%-5s  %-20s  %5zu  %-20s  %s\n", x->kind, when, x->bytes,
	    target, who);
}

static void
list_one(void *arg, const struct cache_key *key, const struct entry *x)
{
	struct walk *w = arg;

	(void)key;
	if (strcmp(x->kind, ENTRY_TOKEN) != 0 &&
	    strcmp(x->kind, ENTRY_RELAY) != 0)
		return;
	if (w->json)
		print_json(w, x);
	else
		print_line(w, x);
	w->n++;
}

static void
clear_one(void *arg, const struct cache_key *key, const struct entry *x)
{
	struct walk *w = arg;

	if (w->which != NULL && !is_machine(x->machine, w->which))
		return;
	cache_drop(&w->cache, key);
	if (strcmp(x->kind, ENTRY_FAILURE) != 0)
		w->n++;
}

static int
list(struct walk *w, struct err *e)
{
	if (w->json)
		printf("[");
	entry_each(&w->cache, list_one, w);
	if (w->json)
		printf("]\n");
	if (w->failed)
		return (err_set(e, EX_OSERR, "", "out of memory"));
	return (0);
}

static int
clear(struct walk *w)
{
	entry_each(&w->cache, clear_one, w);
	if (w->json)
		printf("{\"removed\":%ld}\n", w->n);
	else
		printf("%ld %s removed\n", w->n, w->n == 1 ? "entry" :
		    "entries");
	return (0);
}

int
cmd_cache(int argc, char **argv, struct err *e)
{
	struct walk w = { .n = 0 };
	struct options o;
	const char *verb;
	int rc;

	rc = cmd_parse(table, "cache list [--json]\n"
	    "       arc-relay cache clear [--json] [HOST|RESOURCE-ID]", NULL,
	    argc, argv, &o, e);
	if (rc != 0)
		return (rc == 1 ? 0 : -1);
	verb = o.nrest > 0 ? o.rest[0] : "";
	if ((strcmp(verb, "list") != 0 && strcmp(verb, "clear") != 0) ||
	    o.nrest > (verb[0] == 'c' ? 2 : 1)) {
		err_set(e, EX_USAGE, "", "cache needs list or clear");
		return (err_fix(e, "see arc-relay cache --help"));
	}
	w.json = o.value[O_JSON] != NULL;
	w.which = o.nrest > 1 ? o.rest[1] : NULL;
	cache_open(&w.cache);
	if (!cache_works(&w.cache)) {
		err_set(e, EX_CANTCREAT, "E112", "there is no cache: %s",
		    w.cache.folder.why);
		return (err_fix(e, "set ARC_RELAY_CACHE_DIR to a folder of "
		    "yours"));
	}
	rc = verb[0] == 'c' ? clear(&w) : list(&w, e);
	cache_close(&w.cache);
	return (rc);
}
