/*
 * arc-relay cache: what is kept of tokens and relay credentials, without the
 * secrets; and getting rid of it.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "auth/arc.h"
#include "auth/cache.h"
#include "auth/entry.h"
#include "auth/json.h"
#include "auth/names.h"
#include "auth/target.h"
#include "proxy/cmd.h"
#include "proxy/cmd_options.h"
#include "relay/err.h"
#include "relay/log.h"

static const struct option_row table[] = {
	{ 0, "json", NULL, "one JSON document", 0 },
	CMD_LAST_ROWS
};
enum { O_JSON };

struct walk {
	struct cache	cache;
	const char	*which;		/* of clear: a target; NULL: all */
	bool		json;
	long		n;		/* entries shown, or removed */
	struct cmd_array array;		/* with json */
};

/* The last word of the path, or the one after segment; an entry may hold any. */
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

/* A target; or the id in any case. */
static bool
is_machine(const char *text, const char *which)
{
	struct err unused = ERR_INIT;
	size_t len = strlen(which);
	struct arc_id id;

	if (which[0] == '/' && which[len - 1] == '/')
		len--;
	if (which[0] == '/')
		return (strlen(text) == len &&
		    strncasecmp(text, which, len) == 0);
	return (text[0] == '/' && arc_id_parse(text, &id, &unused) == 0 &&
	    target_is(which, id.name, id.group, id.subscription, ""));
}

/* machines: of names; else -1. */
static void
print_json(struct walk *w, const struct entry *x, int64_t machines)
{
	struct js *j = js_object();

	cmd_array_add(&w->array, j, js_set_string(j, "kind", x->kind) == 0 &&
	    (x->machine[0] == '\0' ||
	    (js_set_string(j, "machine", x->machine) == 0 &&
	    js_set_integer(j, "port", x->port) == 0)) &&
	    (machines == -1 ||
	    js_set_integer(j, "machines", machines) == 0) &&
	    js_set_string(j, "cloud", x->cloud) == 0 &&
	    js_set_string(j, "account", x->account) == 0 &&
	    js_set_string(j, "tenant", x->tenant) == 0 &&
	    js_set_string(j, "source", x->source) == 0 &&
	    js_set_integer(j, "written", x->written_ms / 1000) == 0 &&
	    js_set_integer(j, "expires", x->expires) == 0 &&
	    js_set_integer(j, "bytes", (int64_t)x->bytes) == 0);
}

/* what: it is good for, if for no machine. */
static void
print_line(const struct walk *w, const struct entry *x, const char *what)
{
	char when[32] = "expired", target[200], who[300];
	time_t end = (time_t)x->expires;
	int name, group;
	const char *name_at = part_of(x->machine, NULL, &name);
	const char *group_at = part_of(x->machine, "/resourceGroups/", &group);
	struct tm tm;

	if (end > time(NULL) && gmtime_r(&end, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%SZ", &tm);
	(void)snprintf(target, sizeof(target), "%s", what);
	if (x->machine[0] != '\0')
		(void)snprintf(target, sizeof(target), "%.*s.%.*s:%d", name,
		    name_at, group, group_at, x->port);
	(void)snprintf(who, sizeof(who), "%-20s  %s (%s)", x->cloud,
	    x->account, x->source);
	if (x->source[0] == '\0')
		who[0] = '\0';
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
		print_json(w, x, -1);
	else
		print_line(w, x, "Azure");
	w->n++;
}

/* Names have no account, for they are not secret. */
static void
list_names(void *arg, const char *file, const struct names_about *x)
{
	struct walk *w = arg;
	int64_t written = x->written_ms / 1000;
	struct entry entry = { .kind = "names", .bytes = x->bytes,
	    .written_ms = x->written_ms, .expires = written + NAMES_KEEP_S };
	char what[80];

	(void)file;
	if (x->written_ms == 0)
		return;
	if (w->json)
		print_json(w, &entry, x->machines);
	else {
		(void)snprintf(what, sizeof(what), "%lld machines, %lld min "
		    "old", (long long)x->machines,
		    (long long)(time(NULL) - written) / 60);
		print_line(w, &entry, what);
	}
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

static void
clear_names(void *arg, const char *file, const struct names_about *x)
{
	struct walk *w = arg;

	(void)x;
	if (folder_drop(&w->cache.folder, file) == 0)
		w->n++;
}

static int
list(struct walk *w, struct err *e)
{
	entry_each(&w->cache, list_one, w);
	names_each_file(&w->cache, list_names, w);
	return (w->json ? cmd_array_end(&w->array, e) : 0);
}

static int
clear(struct walk *w)
{
	entry_each(&w->cache, clear_one, w);
	if (w->which == NULL)
		names_each_file(&w->cache, clear_names, w);
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
	    "       arc-relay cache clear [--json] [TARGET]", NULL,
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
