/*
 * Which machines, see cmd_chosen.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/arc.h"
#include "auth/cache.h"
#include "auth/graph.h"
#include "auth/machines.h"
#include "auth/names.h"
#include "auth/selection.h"
#include "auth/target.h"
#include "proxy/cmd_chosen.h"
#include "proxy/cmd_machines.h"
#include "proxy/shown.h"
#include "relay/err.h"

/* Of the command line. */
struct search {
	const struct options	*o;
	const struct cloud	*cloud;
	bool			 narrowed;	/* by an option */
	struct options		 listed;	/* with what Azure shall list */
	char			**globs;	/* rest of listed */
	bool			 keeps;		/* there is a cache of names */
	bool			 has_all;
	struct machines		 all;		/* where there is none */
	struct chosen_list	*out;
	size_t			 ntargets;	/* of out; what is listed comes after */
};

static int
no_memory(struct err *e)
{
	return (err_set(e, EX_OSERR, "", "out of memory"));
}

static bool
is_narrowed(const struct options *o)
{
	return (o->value[CMD_GROUP] != NULL || o->value[CMD_TAG] != NULL ||
	    o->value[CMD_SUBSCRIPTION] != NULL ||
	    o->value[CMD_STATUS] != NULL || o->value[CMD_QUERY] != NULL);
}

/* Among the TARGETs: what Azure lists has nothing twice. */
static bool
is_target(const struct search *s, const struct arc_id *id)
{
	size_t i;

	for (i = 0; i < s->ntargets; i++)
		if (strcasecmp(s->out->at[i].id, id->text) == 0)
			return (true);
	return (false);
}

/* Room is there. */
static int
add(struct search *s, const struct arc_id *id, const char *status,
    bool named, struct err *e)
{
	struct chosen *c = &s->out->at[s->out->n];

	if (is_target(s, id))
		return (0);
	s->out->n++;
	*c = (struct chosen){ .id = strdup(id->text), .name = strdup(id->name),
	    .status = strdup(status), .named = named };
	return (c->id == NULL || c->name == NULL || c->status == NULL ?
	    no_memory(e) : 0);
}

static int
make_room(struct chosen_list *l, size_t more, struct err *e)
{
	struct chosen *at;

	if (more == 0)
		return (0);
	if ((at = reallocarray(l->at, l->n + more, sizeof(*at))) == NULL)
		return (no_memory(e));
	l->at = at;
	return (0);
}

/* Without a cache each would ask for the names of all machines. */
static int
resolve_alone(struct search *s, const struct target *t, struct arc_id *id,
    struct err *e)
{
	static const struct selection everything;
	const struct graph_request r = { .cloud = s->cloud,
	    .credential = s->o->value[CMD_CREDENTIAL],
	    .selection = &everything, .no_cache = true };

	if (t->is_id)
		return (arc_id_parse(t->text, id, e));
	if (!s->has_all && graph_machines(&r, &s->all, e) == -1)
		return (-1);
	s->has_all = true;
	switch (names_find_in(&s->all, t->text, id, e)) {
	case NAMES_ONE:
		return (0);
	case NAMES_MISS:
		return (no_memory(e));
	default:
		return (-1);
	}
}

static int
resolve(struct search *s, const struct target *t, struct arc_id *id,
    struct err *e)
{
	const struct target_request r = { .cloud = s->cloud,
	    .credential = s->o->value[CMD_CREDENTIAL] };
	long age_s;

	if (!s->keeps)
		return (resolve_alone(s, t, id, e));
	if (target_resolve(&r, t, id, &age_s, e) == -1)
		return (-1);
	cmd_renew_names(s->o, s->cloud, r.credential, age_s);
	return (0);
}

/* What ssh would go to. */
static int
add_target(struct search *s, const char *text, struct err *e)
{
	struct target target;
	struct arc_id id;

	if (target_parse(text, &target, e) == -1 ||
	    resolve(s, &target, &id, e) == -1 ||
	    make_room(s->out, 1, e) == -1 || add(s, &id, "", true, e) == -1)
		return (-1);
	s->ntargets = s->out->n;
	return (0);
}

static bool
is_named(const struct search *s, const struct machine *m)
{
	int i;

	if (s->o->value[CMD_STATUS] != NULL)
		return (true);
	for (i = 0; i < s->listed.nrest; i++)
		if (strcasecmp(s->listed.rest[i], m->name) == 0)
			return (true);
	return (false);
}

static void
leave_out(const struct machine *m, const struct err *why)
{
	char name[80];

	(void)fprintf(stderr, "arc-relay: left out: %s: %s\n",
	    shown(m->name, name, sizeof(name)), why->cause);
}

static int
add_listed(struct search *s, struct err *e)
{
	struct machines l = MACHINES_INIT;
	struct arc_id id;
	struct err why;
	size_t i;
	int rc = cmd_machines(&s->listed, 0, s->cloud, &l, e);

	if (rc == 0)
		rc = cmd_machines_found(&s->listed, 0, &l, e);
	if (rc == 0)
		rc = make_room(s->out, l.n, e);
	for (i = 0; rc == 0 && i < l.n; i++)
		if (arc_id_parse(l.at[i].id, &id, &why) == -1)
			leave_out(&l.at[i], &why);
		else
			rc = add(s, &id, l.at[i].status,
			    is_named(s, &l.at[i]), e);
	machines_free(&l);
	return (rc);
}

static int
by_name(const void *a, const void *b)
{
	const struct chosen *const *x = a, *const *y = b;

	return (strcasecmp((*x)->name, (*y)->name));
}

static int
add_group(struct chosen *c, struct err *e)
{
	char name[300], group[400];
	struct arc_id id;

	if (arc_id_parse(c->id, &id, e) == -1)
		return (-1);
	(void)snprintf(name, sizeof(name), "%s.%.200s", id.name,
	    shown(id.group, group, sizeof(group)));
	free(c->name);
	return ((c->name = strdup(name)) == NULL ? no_memory(e) : 0);
}

/* NAME.GROUP for those that share a name. */
static int
tell_apart(struct chosen_list *l, struct err *e)
{
	struct chosen **by = calloc(l->n, sizeof(struct chosen *));
	size_t i, k, first = 0;
	int rc = 0;

	if (by == NULL)
		return (no_memory(e));
	for (i = 0; i < l->n; i++)
		by[i] = &l->at[i];
	qsort(by, l->n, sizeof(struct chosen *), by_name);
	for (i = 1; rc == 0 && i <= l->n; i++) {
		if (i < l->n && by_name(&by[first], &by[i]) == 0)
			continue;
		for (k = first; rc == 0 && i - first > 1 && k < i; k++)
			rc = add_group(by[k], e);
		first = i;
	}
	free(by);
	return (rc);
}

static int
none_chosen(struct err *e)
{
	err_set(e, EX_NOHOST, "E201", "there is no such machine among those "
	    "that you can see");
	return (err_fix(e, "arc-relay list shows all of them; arc-relay whoami, "
	    "who you are"));
}

/* What is no TARGET by itself is left to Azure to list. */
static int
search(struct search *s, struct err *e)
{
	const struct options *o = s->o;
	int i;

	for (i = 0; i < o->nrest; i++) {
		char *text = o->rest[i];

		if (s->narrowed && text[0] == '/') {
			err_set(e, EX_USAGE, "", "a resource id is one machine "
			    "already: %.100s", text);
			return (err_fix(e, "leave --group, --tag and the like "
			    "out, or the id"));
		}
		if (text[0] != '/' && (s->narrowed || selection_is_glob(text)))
			s->globs[s->listed.nrest++] = text;
		else if (add_target(s, text, e) == -1)
			return (-1);
	}
	if ((s->narrowed || s->listed.nrest > 0) && add_listed(s, e) == -1)
		return (-1);
	return (s->out->n == 0 ? none_chosen(e) : tell_apart(s->out, e));
}

int
chosen_find(const struct options *o, const struct cloud *c,
    struct chosen_list *out, struct err *e)
{
	struct search s = { .o = o, .cloud = c, .narrowed = is_narrowed(o),
	    .listed = *o, .all = MACHINES_INIT, .out = out };
	struct cache cache;
	int rc;

	*out = (struct chosen_list){ .n = 0 };
	if (o->nrest == 0 && !s.narrowed) {
		err_set(e, EX_USAGE, "", "no machine is named");
		return (err_fix(e, "name some, or --group GROUP; '*' is all "
		    "that you can see"));
	}
	if (cache_is_wanted(false)) {
		cache_open(&cache);
		s.keeps = cache_works(&cache);
		cache_close(&cache);
	}
	if ((s.globs = calloc((size_t)o->nrest + 1, sizeof(*s.globs))) == NULL)
		return (no_memory(e));
	s.listed.rest = s.globs;
	s.listed.nrest = 0;
	rc = search(&s, e);
	machines_free(&s.all);
	free(s.globs);
	return (rc);
}

void
chosen_free(struct chosen_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		free(l->at[i].id);
		free(l->at[i].name);
		free(l->at[i].status);
	}
	free(l->at);
	*l = (struct chosen_list){ .n = 0 };
}
