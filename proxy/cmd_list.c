/*
 * arc-relay list: the machines that we can see, as a table or as JSON.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "auth/cloud.h"
#include "auth/json.h"
#include "auth/machines.h"
#include "auth/token.h"
#include "proxy/cmd.h"
#include "proxy/cmd_machines.h"
#include "proxy/shown.h"
#include "relay/err.h"

static const struct option_row table[] = {
	CMD_ROWS_HIDDEN,
	CMD_MACHINES_ROWS,
	{ 0, "json", NULL, "one JSON document, with ids and tags", 0 },
	CMD_LAST_ROWS
};
enum { O_JSON = CMD_MACHINES_NROWS };

#define CELL_MAX	40	/* columns of one on a terminal */

static const struct column {
	const char	*title;
	size_t		 at;
} columns[] = {
	{ "NAME", offsetof(struct machine, name) },
	{ "GROUP", offsetof(struct machine, group) },
	{ "LOCATION", offsetof(struct machine, location) },
	{ "OS", offsetof(struct machine, os) },
	{ "AGENT", offsetof(struct machine, agent) },
	{ "STATUS", offsetof(struct machine, status) },
	{ "SUBSCRIPTION", offsetof(struct machine, subscription_name) },
};

#define NCOLUMNS	(sizeof(columns) / sizeof(columns[0]))

struct sheet {
	const struct machines	*list;
	size_t			 ncolumns;
	size_t			 width[NCOLUMNS];
	size_t			 cell_max;	/* 0: they are not cut */
};

static const char *
cell(const struct machine *m, const struct column *c)
{
	const char *text = *(const char *const *)(const void *)
	    ((const char *)m + c->at);

	/* the subscription's name may not be readable */
	if (text[0] == '\0' && text == m->subscription_name)
		text = m->subscription;
	return (text[0] != '\0' ? text : "-");
}

static size_t
columns_of(const char *text)
{
	char c[SHOWN_PIECE];
	size_t n = 0;

	while (*text != '\0') {
		text += shown_piece(text, c);
		n += strlen(c);
	}
	return (n);
}

/* Padded to width, but the last of a line.  Cut where it is longer than max. */
static void
print_cell(const char *text, size_t width, size_t max, bool is_last)
{
	size_t all = columns_of(text), n = 0, room = all;
	char c[SHOWN_PIECE];

	if (max != 0 && all > max)
		room = max - strlen(SHOWN_CUT);
	while (*text != '\0') {
		text += shown_piece(text, c);
		if (n + strlen(c) > room)
			break;
		n += strlen(c);
		(void)fputs(c, stdout);
	}
	if (room < all) {
		(void)fputs(SHOWN_CUT, stdout);
		n += strlen(SHOWN_CUT);
	}
	if (is_last)
		(void)putchar('\n');
	else
		(void)printf("%*s", (int)(width - n) + 2, "");
}

static bool
has_several_subscriptions(const struct machines *l)
{
	size_t i;

	for (i = 1; i < l->n; i++)
		if (strcasecmp(l->at[i].subscription,
		    l->at[0].subscription) != 0)
			return (true);
	return (false);
}

static void
measure(struct sheet *s)
{
	size_t i, k, n;

	for (k = 0; k < s->ncolumns; k++) {
		s->width[k] = strlen(columns[k].title);
		for (i = 0; i < s->list->n; i++) {
			n = columns_of(cell(&s->list->at[i], &columns[k]));
			if (s->cell_max != 0 && n > s->cell_max)
				n = s->cell_max;
			if (n > s->width[k])
				s->width[k] = n;
		}
	}
}

static void
print_table(const struct machines *l)
{
	struct sheet s = { .list = l,
	    .ncolumns = NCOLUMNS - !has_several_subscriptions(l),
	    .cell_max = isatty(STDOUT_FILENO) ? CELL_MAX : 0 };
	size_t i, k;

	measure(&s);
	for (k = 0; k < s.ncolumns; k++)
		print_cell(columns[k].title, s.width[k], 0,
		    k + 1 == s.ncolumns);
	for (i = 0; i < l->n; i++)
		for (k = 0; k < s.ncolumns; k++)
			print_cell(cell(&l->at[i], &columns[k]), s.width[k],
			    s.cell_max, k + 1 == s.ncolumns);
	if (isatty(STDOUT_FILENO) && isatty(STDERR_FILENO)) {
		(void)fflush(stdout);
		(void)fprintf(stderr, "%zu machine%s\n", l->n, l->n == 1 ? "" :
		    "s");
	}
}

static struct js *
tags_of(const struct machine *m)
{
	struct js *tags = js_object();
	size_t i;

	for (i = 0; i < m->ntags; i++)
		if (js_put(tags, m->tags[i].name,
		    js_text(m->tags[i].value)) == -1) {
			js_free(tags);
			return (NULL);
		}
	return (tags);
}

static void
add(struct cmd_array *a, const struct machine *m)
{
	struct js *j = js_object();

	cmd_array_add(a, j, js_set_string(j, "id", m->id) == 0 &&
	    js_set_string(j, "name", m->name) == 0 &&
	    js_set_string(j, "group", m->group) == 0 &&
	    js_set_string(j, "subscription", m->subscription) == 0 &&
	    js_set_string(j, "subscriptionName", m->subscription_name) == 0 &&
	    js_set_string(j, "type", m->type) == 0 &&
	    js_set_string(j, "kind", m->kind) == 0 &&
	    js_set_string(j, "location", m->location) == 0 &&
	    js_set_string(j, "os", m->os) == 0 &&
	    js_set_string(j, "agent", m->agent) == 0 &&
	    js_set_string(j, "status", m->status) == 0 &&
	    js_put(j, "tags", tags_of(m)) == 0);
}

static int
print_json(const struct machines *l, struct err *e)
{
	struct cmd_array a = { .n = 0 };
	size_t i;

	for (i = 0; i < l->n; i++)
		add(&a, &l->at[i]);
	return (cmd_array_end(&a, e));
}

static int
list(const struct options *o, struct err *e)
{
	struct machines l = MACHINES_INIT;
	struct cloud cloud;
	int rc = -1;

	if (cmd_cloud(o, &cloud, e) == -1)
		return (-1);
	if (cmd_machines(o, 0, &cloud, &l, e) == 0) {
		rc = cmd_machines_found(o, 0, &l, e);
		if (o->value[O_JSON] != NULL)
			rc = print_json(&l, e) == 0 ? rc : -1;
		else if (rc == 0 || l.n > 0)
			print_table(&l);
	}
	machines_free(&l);
	return (rc);
}

int
cmd_list(int argc, char **argv, struct err *e)
{
	struct options o;
	int rc;

	if ((rc = cmd_parse(table, "list [OPTION ...] [NAME|GLOB ...]",
	    CMD_HIDDEN_HELP, argc, argv, &o, e)) != 0)
		return (rc == 1 ? 0 : -1);
	return (list(&o, e));
}
