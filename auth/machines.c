/*
 * A list of machines, see machines.h.  A machine's strings and tags lie in one
 * piece of memory, which begins with the tags.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/machines.h"

#define ROOM_FIRST	64	/* machines; doubled when full */

/* Where the strings of a machine are. */
static const size_t strings_at[] = {
	offsetof(struct machine, id), offsetof(struct machine, name),
	offsetof(struct machine, group), offsetof(struct machine, subscription),
	offsetof(struct machine, subscription_name),
	offsetof(struct machine, type), offsetof(struct machine, kind),
	offsetof(struct machine, location), offsetof(struct machine, os),
	offsetof(struct machine, agent), offsetof(struct machine, status),
};

#define NSTRINGS	(sizeof(strings_at) / sizeof(strings_at[0]))

static const char **
string_of(struct machine *m, size_t i)
{
	return ((const char **)(void *)((char *)m + strings_at[i]));
}

static const char *
put(char **to, const char *text)
{
	char *at = *to;
	size_t size = strlen(text) + 1;

	memcpy(at, text, size);
	*to += size;
	return (at);
}

static int
copy(struct machine *to, const struct machine *from)
{
	size_t i, size = from->ntags * sizeof(*from->tags);
	struct machine_tag *tags;
	char *p;

	*to = *from;
	for (i = 0; i < NSTRINGS; i++)
		size += strlen(*string_of(to, i)) + 1;
	for (i = 0; i < from->ntags; i++)
		size += strlen(from->tags[i].name) + 1 +
		    strlen(from->tags[i].value) + 1;
	if ((tags = malloc(size)) == NULL)
		return (-1);
	p = (char *)(tags + from->ntags);
	for (i = 0; i < NSTRINGS; i++)
		*string_of(to, i) = put(&p, *string_of(to, i));
	for (i = 0; i < from->ntags; i++) {
		tags[i].name = put(&p, from->tags[i].name);
		tags[i].value = put(&p, from->tags[i].value);
	}
	to->tags = tags;
	return (0);
}

int
machines_add(struct machines *l, const struct machine *m)
{
	size_t room = l->room > 0 ? 2 * l->room : ROOM_FIRST;
	struct machine *at;

	if (l->n == l->room) {
		if ((at = reallocarray(l->at, room, sizeof(*at))) == NULL)
			return (-1);
		l->at = at;
		l->room = room;
	}
	if (copy(&l->at[l->n], m) == -1)
		return (-1);
	l->n++;
	return (0);
}

static int
compare(const void *a, const void *b)
{
	const struct machine *x = a, *y = b;
	int by;

	if ((by = strcasecmp(x->name, y->name)) != 0 ||
	    (by = strcasecmp(x->group, y->group)) != 0 ||
	    (by = strcasecmp(x->subscription, y->subscription)) != 0)
		return (by);
	return (strcasecmp(x->id, y->id));
}

void
machines_sort(struct machines *l)
{
	if (l->n > 0)
		qsort(l->at, l->n, sizeof(*l->at), compare);
}

const char *
machine_tag(const struct machine *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->ntags; i++)
		if (strcasecmp(m->tags[i].name, name) == 0)
			return (m->tags[i].value);
	return (NULL);
}

static void
drop(struct machine *m)
{
	free((void *)(uintptr_t)m->tags);
	m->tags = NULL;
}

static bool
is_server(const struct machine *m)
{
	return (strcasecmp(m->type, "microsoft.hybridcompute/machines") == 0);
}

static bool
is_same_place(const struct machine *x, const struct machine *y)
{
	return (strcasecmp(x->name, y->name) == 0 &&
	    strcasecmp(x->group, y->group) == 0 &&
	    strcasecmp(x->subscription, y->subscription) == 0);
}

/* at[0] to at[n - 1] have the same place.  Moves what is left of them to to. */
static size_t
merge(struct machine *to, struct machine *at, size_t n)
{
	bool has_server = false;
	size_t i, left = 0;

	for (i = 0; i < n; i++)
		has_server = has_server || is_server(&at[i]);
	for (i = 0; i < n; i++)
		if ((has_server && !is_server(&at[i])) || (left > 0 &&
		    strcasecmp(to[left - 1].id, at[i].id) == 0))
			drop(&at[i]);
		else
			to[left++] = at[i];
	return (left);
}

void
machines_merge(struct machines *l)
{
	size_t i, n, left = 0;

	for (i = 0; i < l->n; i += n) {
		for (n = 1; i + n < l->n &&
		    is_same_place(&l->at[i], &l->at[i + n]); n++)
			;
		left += merge(&l->at[left], &l->at[i], n);
	}
	l->n = left;
}

void
machines_filter(struct machines *l, bool (*keep)(const void *,
    const struct machine *), const void *arg)
{
	size_t i, left = 0;

	for (i = 0; i < l->n; i++)
		if (keep(arg, &l->at[i]))
			l->at[left++] = l->at[i];
		else
			drop(&l->at[i]);
	l->n = left;
}

void
machines_free(struct machines *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		free((void *)(uintptr_t)l->at[i].tags);
	free(l->at);
	*l = (struct machines)MACHINES_INIT;
}
