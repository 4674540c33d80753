/*
 * The names of all machines, see names.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "auth/arc.h"
#include "auth/cache.h"
#include "auth/entry.h"
#include "auth/json.h"
#include "auth/machines.h"
#include "auth/names.h"
#include "auth/target.h"
#include "auth/text.h"
#include "relay/err.h"
#include "relay/secret.h"

#define SCHEMA		1
#define KIND		"names"
#define HEAD_MAX	512	/* bytes */
#define FUTURE_MS	(120 * 1000)	/* clocks of one machine differ less */
#define NAME_MAX_BYTES	64
#define SUB_NAME_MAX	128
#define TYPED_MAX	(ARC_ID_MAX + 8)
#define CANDIDATES	6	/* that an error may name */

struct names {
	struct secret	text;
	const char	*lines;		/* in text; lends */
	size_t		len;
	struct names_about about;
};

struct line {
	char		subscription_name[SUB_NAME_MAX + 1];
	struct arc_id	id;
};

/* --- one line --- */

static bool
can_be_target(const char *text)
{
	struct err unused = ERR_INIT;
	struct target t;

	return (target_parse(text, &t, &unused) == 0 && !t.is_id);
}

/* The names of a line, as they can be typed and shown. */
static bool
is_sane(const struct line *l)
{
	char text[TYPED_MAX + SUB_NAME_MAX];

	(void)snprintf(text, sizeof(text), "%s.%s%s%s", l->id.name,
	    l->id.group, l->subscription_name[0] != '\0' ? "." : "",
	    l->subscription_name);
	return (can_be_target(text));
}

/* Takes what is before the next tab.  Returns where it goes on; NULL: nowhere. */
static const char *
take(const char *p, const char *end, char *out, size_t size)
{
	const char *tab = memchr(p, '\t', (size_t)(end - p));

	if (tab == NULL || (size_t)(tab - p) >= size)
		return (NULL);
	(void)snprintf(out, size, "%.*s", (int)(tab - p), p);
	return (tab + 1);
}

/* Nothing in a file is believed that Azure would not be believed. */
static int
read_line(const char *p, const char *end, struct line *l)
{
	char name[NAME_MAX_BYTES + 1], id[ARC_ID_MAX + 1];
	struct err unused = ERR_INIT;

	if (memchr(p, '\0', (size_t)(end - p)) != NULL ||
	    (p = take(p, end, name, sizeof(name))) == NULL ||
	    (p = take(p, end, l->subscription_name,
	    sizeof(l->subscription_name))) == NULL ||
	    (size_t)(end - p) >= sizeof(id))
		return (-1);
	(void)snprintf(id, sizeof(id), "%.*s", (int)(end - p), p);
	if (arc_id_parse(id, &l->id, &unused) == -1 || !is_sane(l))
		return (-1);
	(void)snprintf(id, sizeof(id), "%s", l->id.name);
	text_lower(id);
	return (strcmp(id, name) == 0 ? 0 : -1);
}

/* What m is kept as; -1: it can be no target, or is not what its id says. */
static int
line_of(const struct machine *m, struct line *l)
{
	struct err unused = ERR_INIT;

	*l = (struct line){ .subscription_name = "" };
	if (m->id[0] != '/' || arc_id_parse(m->id, &l->id, &unused) == -1 ||
	    strcasecmp(l->id.name, m->name) != 0 ||
	    strcasecmp(l->id.subscription, m->subscription) != 0 ||
	    !is_sane(l))
		return (-1);
	if (strlen(m->subscription_name) <= SUB_NAME_MAX)
		(void)snprintf(l->subscription_name,
		    sizeof(l->subscription_name), "%s", m->subscription_name);
	if (!is_sane(l))
		l->subscription_name[0] = '\0';	/* it has its GUID */
	return (0);
}

/* --- all lines --- */

static size_t
put_line(const struct line *l, char *out, size_t size)
{
	char name[sizeof(l->id.name)];

	(void)snprintf(name, sizeof(name), "%s", l->id.name);
	text_lower(name);
	return ((size_t)snprintf(out, size, "%s\t%s\t%s\n", name,
	    l->subscription_name, l->id.text));
}

/* Those of list that can be kept.  Returns 0, or -1: no memory. */
static int
put_lines(const struct machines *list, struct names *n)
{
	size_t i, size = 1, left;
	struct line l;

	*n = (struct names){ .text = SECRET_INIT };
	for (i = 0; i < list->n; i++)
		size += strlen(list->at[i].name) +
		    strlen(list->at[i].subscription_name) +
		    strlen(list->at[i].id) + 3;
	if ((n->text.data = secret_malloc(size)) == NULL)
		return (-1);
	n->text.data[0] = '\0';
	for (i = 0, left = size; i < list->n; i++)
		if (line_of(&list->at[i], &l) == 0) {
			left -= put_line(&l, n->text.data + (size - left),
			    left);
			n->about.machines++;
		}
	n->text.len = n->len = size - left;
	n->lines = n->text.data;
	return (0);
}

static void
names_free(struct names *n)
{
	secret_free(&n->text);
}

static const char *
end_of_line(const struct names *n, const char *at)
{
	return (memchr(at, '\n', (size_t)(n->lines + n->len - at)));
}

/* The first line that does not come before key, which is no whole line. */
static const char *
find_line(const struct names *n, const char *key)
{
	const char *low = n->lines, *high = n->lines + n->len, *at, *before;
	size_t len = strlen(key), room;
	int order;

	while (low < high) {
		at = low + (high - low) / 2;
		before = memrchr(low, '\n', (size_t)(at - low));
		at = before != NULL ? before + 1 : low;
		room = (size_t)(n->lines + n->len - at);
		order = memcmp(at, key, len < room ? len : room);
		if (order < 0 || (order == 0 && room < len))
			low = end_of_line(n, at) + 1;
		else
			high = at;
	}
	return (low);
}

static bool
begins(const struct names *n, const char *at, const char *key)
{
	size_t len = strlen(key);

	return (len <= (size_t)(n->lines + n->len - at) &&
	    memcmp(at, key, len) == 0);
}

/* --- looking for a target --- */

struct matches {
	const char	*text;		/* the target */
	size_t		 most;		/* enough */
	size_t		 n;
	struct line	 first[CANDIDATES];
};

/* Those called key, which ends in a tab.  Returns 0; or -1: not a good file. */
static int
match_called(const struct names *n, const char *key, struct matches *m)
{
	const char *at = find_line(n, key), *end;
	struct line l;

	for (; m->n < m->most && begins(n, at, key); at = end + 1) {
		end = end_of_line(n, at);
		if (read_line(at, end, &l) == -1)
			return (-1);
		if (!target_is(m->text, l.id.name, l.id.group,
		    l.id.subscription, l.subscription_name))
			continue;
		if (m->n < CANDIDATES)
			m->first[m->n] = l;
		m->n++;
	}
	return (0);
}

/* NAME may end at each dot, and at the end.  Returns 0; or -1: not a good file. */
static int
match(const struct names *n, struct matches *m)
{
	char key[NAME_MAX_BYTES + 2];
	size_t i;

	m->n = 0;
	for (i = 1; i <= NAME_MAX_BYTES && m->text[i - 1] != '\0'; i++) {
		if (m->text[i] != '.' && m->text[i] != '\0')
			continue;
		(void)snprintf(key, sizeof(key), "%.*s\t", (int)i, m->text);
		text_lower(key);
		if (match_called(n, key, m) == -1)
			return (-1);
	}
	return (0);
}

static bool
is_unique(const struct names *n, const char *text)
{
	struct matches m = { .text = text, .most = 2 };

	return (can_be_target(text) && match(n, &m) == 0 && m.n == 1);
}

static bool
will_do(const struct names *n, const char *text, const char *prefix)
{
	return (strncasecmp(text, prefix, strlen(prefix)) == 0 &&
	    text_only(text, "._-") && is_unique(n, text));
}

/*
 * The shortest that begins with prefix, needs no quotes and means this machine
 * alone.  Returns 0, or -1: there is none.
 */
static int
typed(const struct names *n, const struct line *l, const char *suffix,
    const char *prefix, char out[TYPED_MAX])
{
	const struct arc_id *id = &l->id;
	bool named = l->subscription_name[0] != '\0' &&
	    text_only(l->subscription_name, "._-");

	(void)snprintf(out, TYPED_MAX, "%s%s", id->name, suffix);
	if (will_do(n, out, prefix))
		return (0);
	(void)snprintf(out, TYPED_MAX, "%s.%s%s", id->name, id->group, suffix);
	if (will_do(n, out, prefix))
		return (0);
	(void)snprintf(out, TYPED_MAX, "%s.%s.%s%s", id->name, id->group,
	    named ? l->subscription_name : id->subscription, suffix);
	return (will_do(n, out, prefix) ? 0 : -1);
}

static void
set_many(const struct names *n, struct matches *m, struct err *e)
{
	char list[180] = "", one[TYPED_MAX];
	size_t i, len = 0, add;

	for (i = 0; i < m->n && i < CANDIDATES; i++) {
		if (typed(n, &m->first[i], target_suffix(m->text), "",
		    one) == -1)
			(void)snprintf(one, sizeof(one), "%s",
			    m->first[i].id.text);
		add = (i > 0 ? 2 : 0) + strlen(one);
		if (len + add + sizeof(" and 99999 more") > sizeof(list))
			break;
		len += (size_t)snprintf(list + len, sizeof(list) - len,
		    "%s%s", i > 0 ? ", " : "", one);
	}
	if (i < m->n)
		(void)snprintf(list + len, sizeof(list) - len, "%s%zu %s",
		    i > 0 ? " and " : "", m->n - i, i > 0 ? "more" :
		    "of them");
	err_set(e, EX_NOHOST, "E203", "several machines can be called that: "
	    "%s", list);
	err_fix(e, "type one of these, or a resource id: arc-relay list");
}

static void
set_none(const struct names *n, const char *target, struct err *e)
{
	err_set(e, EX_NOHOST, "E201", "no machine is called %.80s among the "
	    "%lld that this login can see", target,
	    (long long)n->about.machines);
	err_fix(e, "arc-relay list; what was connected some minutes ago may "
	    "not be listed yet: its resource id works");
}

static enum names_found
find(const struct names *n, const char *target, struct arc_id *id,
    struct err *e)
{
	struct matches m = { .text = target, .most = SIZE_MAX };

	if (match(n, &m) == -1)
		return (NAMES_MISS);
	if (m.n == 0) {
		set_none(n, target, e);
		return (NAMES_NONE);
	}
	if (m.n > 1) {
		set_many(n, &m, e);
		return (NAMES_MANY);
	}
	*id = m.first[0].id;
	return (NAMES_ONE);
}

/* --- the file --- */

static int
file_name(const char *identity, char out[FOLDER_NAME_MAX])
{
	struct cache_key key = cache_key_names(identity);

	(void)snprintf(out, FOLDER_NAME_MAX, NAMES_FILE "%s", key.name);
	return (key.name[0] != '\0' ? 0 : -1);
}

/* The first line: is it of this file, as long as it should be, and of our time? */
static int
read_head(const char *file, struct names *n)
{
	const char *key = file + strlen(NAMES_FILE), *s, *nl;
	struct names_about *x = &n->about;
	int64_t schema, bytes, now_ms = entry_now_ms();
	char why[JS_WHY_MAX];
	struct js *j = NULL;
	int rc = -1;

	nl = memchr(n->text.data, '\n',
	    n->text.len < HEAD_MAX ? n->text.len : HEAD_MAX);
	if (nl != NULL)
		j = js_parse(n->text.data, (size_t)(nl - n->text.data), why);
	if (j != NULL && js_integer(j, "schema", &schema) == 0 &&
	    schema == SCHEMA && (s = js_string(j, "kind")) != NULL &&
	    strcmp(s, KIND) == 0 && (s = js_string(j, "key")) != NULL &&
	    strcmp(s, key) == 0 &&
	    js_integer(j, "written", &x->written_ms) == 0 &&
	    js_integer(j, "machines", &x->machines) == 0 &&
	    js_integer(j, "bytes", &bytes) == 0) {
		n->lines = nl + 1;
		n->len = n->text.len - (size_t)(n->lines - n->text.data);
		if (bytes == (int64_t)n->len && x->machines >= 0 &&
		    (n->len == 0 ? x->machines == 0 :
		    n->lines[n->len - 1] == '\n') &&
		    x->written_ms <= now_ms + FUTURE_MS &&
		    now_ms - x->written_ms < NAMES_KEEP_S * (int64_t)1000)
			rc = 0;
	}
	js_free(j);
	return (rc);
}

static int
load_file(const struct cache *c, const char *file, struct names *n)
{
	*n = (struct names){ .text = SECRET_INIT };
	if (folder_read(&c->folder, file, NAMES_FILE_MAX, &n->text) == -1)
		return (-1);
	n->about.bytes = n->text.len;
	if (read_head(file, n) == -1) {
		names_free(n);
		return (-1);
	}
	return (0);
}

static int
load(const struct cache *c, const char *identity, struct names *n)
{
	char file[FOLDER_NAME_MAX];

	*n = (struct names){ .text = SECRET_INIT };
	return (file_name(identity, file) == 0 ? load_file(c, file, n) : -1);
}

static int
put_head(const char *file, const struct names *n, struct secret *out)
{
	struct js *j = js_object();
	int rc = -1;

	if (js_set_integer(j, "schema", SCHEMA) == 0 &&
	    js_set_string(j, "kind", KIND) == 0 &&
	    js_set_string(j, "key", file + strlen(NAMES_FILE)) == 0 &&
	    js_set_integer(j, "written", entry_now_ms()) == 0 &&
	    js_set_integer(j, "machines", n->about.machines) == 0 &&
	    js_set_integer(j, "bytes", (int64_t)n->len) == 0)
		rc = js_dump(j, out);
	js_free(j);
	return (rc);
}

/* --- what others call --- */

enum names_found
names_find(const struct cache *c, const char *identity, const char *target,
    struct arc_id *id, long *age_s, struct err *e)
{
	enum names_found found;
	struct names n;
	int64_t age_ms;

	if (load(c, identity, &n) == -1)
		return (NAMES_MISS);
	age_ms = entry_now_ms() - n.about.written_ms;
	*age_s = age_ms > 0 ? (long)(age_ms / 1000) : 0;
	found = find(&n, target, id, e);
	names_free(&n);
	return (found);
}

enum names_found
names_find_in(const struct machines *l, const char *target, struct arc_id *id,
    struct err *e)
{
	enum names_found found;
	struct names n;

	if (put_lines(l, &n) == -1)
		return (NAMES_MISS);
	found = find(&n, target, id, e);
	names_free(&n);
	return (found);
}

void
names_keep(const struct cache *c, const char *identity,
    const struct machines *l)
{
	struct secret whole = SECRET_INIT;
	char file[FOLDER_NAME_MAX];
	struct names n;

	if (!cache_works(c) || file_name(identity, file) == -1 ||
	    put_lines(l, &n) == -1)
		return;
	if (put_head(file, &n, &whole) == 0 &&
	    text_append(&whole, "\n", 1, HEAD_MAX) == 0 &&
	    text_append(&whole, n.lines, n.len, NAMES_FILE_MAX) == 0)
		(void)folder_write(&c->folder, file, NAMES_FILE_MAX, &whole);
	secret_free(&whole);
	names_free(&n);
}

int
names_each(const struct cache *c, const char *identity, const char *prefix,
    void (*each)(void *arg, const char *name, const char *id), void *arg)
{
	char key[NAME_MAX_BYTES + 1], name[TYPED_MAX];
	const char *at, *end;
	struct names n;
	struct line l;

	if (load(c, identity, &n) == -1)
		return (-1);
	(void)snprintf(key, sizeof(key), "%.*s", (int)strcspn(prefix, "."),
	    prefix);
	text_lower(key);
	for (at = find_line(&n, key); at < n.lines + n.len &&
	    begins(&n, at, key); at = end + 1) {
		end = end_of_line(&n, at);
		if (read_line(at, end, &l) == 0 &&
		    typed(&n, &l, ".arc", prefix, name) == 0) {
			text_lower(name);
			each(arg, name, l.id.text);
		}
	}
	names_free(&n);
	return (0);
}

/* The lock of the file holds the time of the last claim, behind its head. */
bool
names_claim(const struct cache *c, const char *identity)
{
	int64_t now_ms = entry_now_ms(), last_ms;
	char file[FOLDER_NAME_MAX];
	bool ours;
	int lock;

	if (file_name(identity, file) == -1 ||
	    (lock = folder_lock(&c->folder, file, 0)) == -1)
		return (false);
	ours = pread(lock, &last_ms, sizeof(last_ms), FOLDER_LOCK_HEAD) !=
	    sizeof(last_ms) || llabs(now_ms - last_ms) > NAMES_CLAIM_S * 1000;
	if (ours)
		(void)!pwrite(lock, &now_ms, sizeof(now_ms), FOLDER_LOCK_HEAD);
	folder_unlock(lock);
	return (ours);
}

int
names_about(const struct cache *c, const char *identity,
    struct names_about *out)
{
	struct names n;

	if (load(c, identity, &n) == -1)
		return (-1);
	*out = n.about;
	names_free(&n);
	return (0);
}

struct visitor {
	const struct cache	*cache;
	void			(*each)(void *arg, const char *file,
				    const struct names_about *x);
	void			*arg;
};

static void
visit(void *arg, const char *name, time_t written)
{
	const struct visitor *v = arg;
	struct names n;

	(void)written;
	if (strncmp(name, NAMES_FILE, strlen(NAMES_FILE)) != 0)
		return;
	if (load_file(v->cache, name, &n) == -1)
		n.about = (struct names_about){ .written_ms = 0 };
	v->each(v->arg, name, &n.about);
	names_free(&n);
}

void
names_each_file(const struct cache *c, void (*each)(void *arg,
    const char *file, const struct names_about *x), void *arg)
{
	struct visitor v = { c, each, arg };

	folder_each(&c->folder, visit, &v);
}
