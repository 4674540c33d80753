/*
 * Groups of an inventory, see groups.h.
 */
#include <stdlib.h>
#include <string.h>

#include "proxy/groups.h"

#define ROOM_FIRST	256	/* members; doubled when full */

/* Appends part at to, as in the name of a group.  Gives its new end. */
static char *
put(char *to, const char *part)
{
	const char *p;
	char c;

	for (p = part; (c = *p) != '\0'; p++)
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			*to++ = c;
		else if (c >= 'A' && c <= 'Z')
			*to++ = (char)(c - 'A' + 'a');
		else if ((c & 0xc0) != 0x80)	/* one '_' a character of UTF-8 */
			*to++ = '_';
	return (to);
}

int
groups_add(struct groups *g, size_t host, const char *kind, const char *what,
    const char *more)
{
	const char *part[] = { kind, what != NULL ? what : "",
	    more != NULL ? more : "" };
	size_t i, room = g->room > 0 ? 2 * g->room : ROOM_FIRST;
	struct group_member *at;
	char *name, *end;

	if (g->n == g->room) {
		if ((at = reallocarray(g->at, room, sizeof(*at))) == NULL)
			return (-1);
		g->at = at;
		g->room = room;
	}
	name = end = malloc(strlen(part[0]) + strlen(part[1]) +
	    strlen(part[2]) + sizeof("__"));
	if (name == NULL)
		return (-1);
	for (i = 0; i < 3; i++) {
		if (part[i][0] == '\0')
			continue;
		if (i > 0)
			*end++ = '_';
		end = put(end, part[i]);
	}
	*end = '\0';
	g->at[g->n++] = (struct group_member){ name, host };
	return (0);
}

static int
compare(const void *a, const void *b)
{
	const struct group_member *x = a, *y = b;
	int by = strcmp(x->group, y->group);

	if (by == 0)
		by = (x->host > y->host) - (x->host < y->host);
	return (by);
}

void
groups_sort(struct groups *g)
{
	size_t i, n = 0;

	if (g->n > 0)
		qsort(g->at, g->n, sizeof(*g->at), compare);
	for (i = 0; i < g->n; i++)
		if (n > 0 && compare(&g->at[n - 1], &g->at[i]) == 0)
			free(g->at[i].group);
		else
			g->at[n++] = g->at[i];
	g->n = n;
}

void
groups_free(struct groups *g)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		free(g->at[i].group);
	free(g->at);
	*g = (struct groups)GROUPS_INIT;
}
