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

void
machines_free(struct machines *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		free((void *)(uintptr_t)l->at[i].tags);
	free(l->at);
	*l = (struct machines)MACHINES_INIT;
}
