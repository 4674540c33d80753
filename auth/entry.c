/*
 * Entries of the cache, see entry.h.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/cache.h"
#include "auth/entry.h"
#include "auth/json.h"
#include "relay/secret.h"

#define SCHEMA		2
#define FUTURE_MS	(120 * 1000)	/* clocks of one machine differ less */

/* The longest that Azure gives, and half an hour for a clock that is behind. */
static const struct {
	const char	*kind;
	int64_t		 life_s;
} kinds[] = {
	{ ENTRY_TOKEN, 24 * 3600 },
	{ ENTRY_RELAY, 3 * 3600 + 1800 },
	{ ENTRY_FAILURE, 60 },
};

int64_t
entry_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

/* 0: no such kind. */
static int64_t
life_of(const char *kind)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kind, kinds[i].kind) == 0)
			return (kinds[i].life_s);
	return (0);
}

/* A text for people: one that JSON cannot hold is left out. */
static int
set_text(struct js *j, const char *path, const char *text)
{
	if (text[0] == '\0' || js_set_string(j, path, text) == 0)
		return (0);
	return (js_set_string(j, path, "?"));
}

struct js *
entry_new(const struct cache_key *key, const struct entry *x)
{
	int64_t now_ms = entry_now_ms();
	int64_t last = now_ms / 1000 + life_of(x->kind);
	struct js *j = js_object();

	if (js_set_integer(j, "schema", SCHEMA) == 0 &&
	    js_set_string(j, "kind", x->kind) == 0 &&
	    js_set_string(j, "key", key->name) == 0 &&
	    js_set_integer(j, "written", now_ms) == 0 &&
	    js_set_integer(j, "expires",
	    x->expires < last ? x->expires : last) == 0 &&
	    set_text(j, "for.cloud", x->cloud) == 0 &&
	    set_text(j, "for.account", x->account) == 0 &&
	    set_text(j, "for.tenant", x->tenant) == 0 &&
	    set_text(j, "for.source", x->source) == 0 &&
	    set_text(j, "for.machine", x->machine) == 0 &&
	    js_set_integer(j, "for.port", x->port) == 0)
		return (j);
	js_free(j);
	return (NULL);
}

int
entry_keep(struct cache *c, const struct cache_key *key, const struct js *j)
{
	struct secret text = SECRET_INIT;
	int rc = -1;

	if (js_dump(j, &text) == 0)
		rc = cache_write(c, key, &text);
	secret_free(&text);
	return (rc);
}

static void
get_text(const struct js *j, const char *path, char *out, size_t size)
{
	const char *s = js_string(j, path);

	(void)snprintf(out, size, "%s", s != NULL ? s : "");
}

static int
read_head(const struct js *j, const struct cache_key *key, struct entry *x)
{
	const char *bound_to = js_string(j, "key");
	int64_t schema, port = 0;

	if (js_integer(j, "schema", &schema) == -1 || schema != SCHEMA ||
	    bound_to == NULL || strcmp(bound_to, key->name) != 0 ||
	    js_integer(j, "written", &x->written_ms) == -1 ||
	    js_integer(j, "expires", &x->expires) == -1)
		return (-1);
	get_text(j, "kind", x->kind, sizeof(x->kind));
	get_text(j, "for.cloud", x->cloud, sizeof(x->cloud));
	get_text(j, "for.account", x->account, sizeof(x->account));
	get_text(j, "for.tenant", x->tenant, sizeof(x->tenant));
	get_text(j, "for.source", x->source, sizeof(x->source));
	get_text(j, "for.machine", x->machine, sizeof(x->machine));
	(void)js_integer(j, "for.port", &port);
	x->port = port > 0 && port < 65536 ? (int)port : 0;
	return (0);
}

static bool
is_sane(const struct entry *x)
{
	int64_t now_ms = entry_now_ms();
	int64_t life_s = life_of(x->kind);

	return (life_s > 0 && x->written_ms >= 0 &&
	    x->written_ms <= now_ms + FUTURE_MS && x->expires >= 0 &&
	    x->expires <= x->written_ms / 1000 + life_s);
}

struct js *
entry_read(const struct cache *c, const struct cache_key *key,
    const char *kind, struct entry *x)
{
	struct secret text = SECRET_INIT;
	char why[JS_WHY_MAX];
	struct js *j = NULL;

	*x = (struct entry){ .kind = "" };
	if (cache_read(c, key, &text) == 0)
		j = js_parse(text.data, text.len, why);
	x->bytes = text.len;
	secret_free(&text);
	if (j != NULL && read_head(j, key, x) == 0 && is_sane(x) &&
	    (kind == NULL || strcmp(kind, x->kind) == 0))
		return (j);
	js_free(j);
	return (NULL);
}

struct visitor {
	const struct cache	*cache;
	void			(*each)(void *arg, const struct cache_key *key,
				    const struct entry *x);
	void			*arg;
};

static void
visit(void *arg, const char *name, time_t written)
{
	const struct visitor *v = arg;
	struct cache_key key = { "" };
	struct entry x;
	struct js *j;

	(void)written;
	if (strlen(name) != SHA256_HEX ||
	    strspn(name, "0123456789abcdef") != SHA256_HEX)
		return;
	(void)snprintf(key.name, sizeof(key.name), "%s", name);
	if ((j = entry_read(v->cache, &key, NULL, &x)) == NULL)
		x = (struct entry){ .bytes = x.bytes };
	js_free(j);
	v->each(v->arg, &key, &x);
}

void
entry_each(const struct cache *c,
    void (*each)(void *arg, const struct cache_key *key,
    const struct entry *x), void *arg)
{
	struct visitor v = { c, each, arg };

	folder_each(&c->folder, visit, &v);
}
