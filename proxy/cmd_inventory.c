/*
 * arc-relay inventory: machines as ansible's inventory scripts tell them.
 *
 * Somebody else chose the names and the tags, and ansible takes a text from an
 * inventory for a template, which runs programs: what could be one is marked as
 * __ansible_unsafe.  The names of members cannot be marked, hence is_good_name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/cloud.h"
#include "auth/json.h"
#include "auth/machines.h"
#include "auth/text.h"
#include "proxy/aliases.h"
#include "proxy/cmd.h"
#include "proxy/cmd_machines.h"
#include "proxy/groups.h"
#include "proxy/shown.h"
#include "proxy/sshconf.h"
#include "relay/err.h"
#include "relay/secret.h"

static const struct option_row table[] = {
	CMD_ROWS,
	CMD_MACHINES_ROWS,
	{ 0, "list", NULL, "all of the inventory", 0 },
	{ 0, "host", "HOST", "the variables of one host", 0 },
	{ 0, "user-tag", "TAG", "ansible_user is the value of this tag", 0 },
	CMD_LAST_ROWS
};
enum { O_LIST = CMD_MACHINES_NROWS, O_HOST, O_USER_TAG };

#define PLAIN	" ._-/:@+,=()"	/* with letters and digits: no template */

struct inventory {
	struct machines		 machines;
	struct alias_set	*aliases;	/* of each */
	const char		*user_tag;	/* NULL: none */
};

static const char *
host_name(const struct inventory *v, size_t i)
{
	return (v->aliases[i].name[0]);
}

/*
 * The longest alias: that one means the same machine whatever selection the
 * ssh_config was made with.
 */
static const char *
ssh_name(const struct inventory *v, size_t i)
{
	const struct alias_set *a = &v->aliases[i];
	size_t last = a->n - 1;

	/* its lower case comes before its own spelling */
	if (last > 0 && strcasecmp(a->name[last], a->name[last - 1]) == 0)
		last--;
	return (a->name[last]);
}

/* A text that somebody else chose, for ansible. */
static struct js *
foreign(const char *text)
{
	struct js *j;

	if (text_only(text, PLAIN))
		return (js_text(text));
	j = js_object();
	if (js_put(j, "__ansible_unsafe", js_text(text)) == -1) {
		js_free(j);
		return (NULL);
	}
	return (j);
}

/* Can a member have this name?  Some mean something to ansible's reader. */
static bool
is_good_name(const char *name)
{
	return (strchr(name, '{') == NULL &&
	    strncmp(name, "__ansible_", strlen("__ansible_")) != 0);
}

static struct js *
tags_of(const struct machine *m)
{
	struct js *j = js_object();
	size_t i;
	int rc = 0;

	for (i = 0; i < m->ntags && rc == 0; i++)
		if (is_good_name(m->tags[i].name))
			rc = js_put(j, m->tags[i].name,
			    foreign(m->tags[i].value));
	if (rc == 0)
		return (j);
	js_free(j);
	return (NULL);
}

/* What its tag says of the user; NULL: nothing. */
static const char *
user_of(const struct inventory *v, const struct machine *m)
{
	const char *user = v->user_tag != NULL ? machine_tag(m, v->user_tag) :
	    NULL;

	return (user != NULL && user[0] != '\0' ? user : NULL);
}

/* How to log in. */
static int
set_connection(struct js *j, const struct inventory *v, size_t i)
{
	const struct machine *m = &v->machines.at[i];
	const char *user = user_of(v, m);

	if (js_set_string(j, "ansible_host", ssh_name(v, i)) == -1 ||
	    (user != NULL && js_set_string(j, "ansible_user", user) == -1))
		return (-1);
	if (strcasecmp(m->os, "windows") == 0 &&
	    (js_set_string(j, "ansible_connection", "ssh") == -1 ||
	    js_set_string(j, "ansible_shell_type", "powershell") == -1))
		return (-1);
	return (0);
}

/* The variables of a host; NULL: no memory. */
static struct js *
variables(const struct inventory *v, size_t i)
{
	const struct machine *m = &v->machines.at[i];
	const struct {
		const char *name, *value;
	} facts[] = {
		{ "arc_resource_id", m->id }, { "arc_name", m->name },
		{ "arc_group", m->group }, { "arc_subscription", m->subscription },
		{ "arc_subscription_name", m->subscription_name },
		{ "arc_location", m->location }, { "arc_os", m->os },
		{ "arc_status", m->status }, { "arc_agent_version", m->agent },
	};
	struct js *j = js_object();
	int rc = set_connection(j, v, i);
	size_t k;

	for (k = 0; k < sizeof(facts) / sizeof(facts[0]) && rc == 0; k++)
		rc = js_put(j, facts[k].name, foreign(facts[k].value));
	if (rc == 0 && js_put(j, "arc_tags", tags_of(m)) == 0)
		return (j);
	js_free(j);
	return (NULL);
}

static int
print_variables(const struct inventory *v, size_t i)
{
	struct secret text = SECRET_INIT;
	struct js *j = variables(v, i);
	int rc = -1;

	if (j != NULL && js_dump(j, &text) == 0) {
		printf("%s", text.data);
		rc = 0;
	}
	secret_free(&text);
	js_free(j);
	return (rc);
}

static int
collect(const struct inventory *v, struct groups *g)
{
	size_t i, k;

	for (i = 0; i < v->machines.n; i++) {
		const struct machine *m = &v->machines.at[i];
		const struct {
			const char *kind, *what;
		} of[] = {
			{ "status", m->status }, { "os", m->os },
			{ "location", m->location }, { "rg", m->group },
			{ "sub", m->subscription_name[0] != '\0' ?
			    m->subscription_name : m->subscription },
		};

		if (v->aliases[i].n == 0)
			continue;
		if (groups_add(g, i, "arc", NULL, NULL) == -1)
			return (-1);
		for (k = 0; k < sizeof(of) / sizeof(of[0]); k++)
			if (of[k].what[0] != '\0' && groups_add(g, i,
			    of[k].kind, of[k].what, NULL) == -1)
				return (-1);
		for (k = 0; k < m->ntags; k++)
			if (groups_add(g, i, "tag", m->tags[k].name,
			    m->tags[k].value) == -1)
				return (-1);
	}
	groups_sort(g);
	return (0);
}

/* Names of groups and hosts need no quoting: see groups.h and aliases.h. */
static void
print_groups(const struct inventory *v, const struct groups *g)
{
	const char *last = "";
	size_t i;

	for (i = 0; i < g->n; i++) {
		bool first = strcmp(g->at[i].group, last) != 0;

		last = g->at[i].group;
		if (first)
			printf("%s\"%s\":{\"hosts\":[", i > 0 ? "]},\n" : "",
			    last);
		printf("%s\"%s\"", first ? "" : ",",
		    host_name(v, g->at[i].host));
	}
	printf("%s\n", g->n > 0 ? "]}" : "\"arc\":{\"hosts\":[]}");
}

static int
print_all(const struct inventory *v)
{
	struct groups g = GROUPS_INIT;
	const char *comma = "";
	size_t i;
	int rc;

	printf("{\"_meta\":{\"hostvars\":{");
	for (rc = 0, i = 0; i < v->machines.n && rc == 0; i++)
		if (v->aliases[i].n > 0) {
			printf("%s\n\"%s\":", comma, host_name(v, i));
			rc = print_variables(v, i);
			comma = ",";
		}
	printf("}},\n");
	if (rc == 0 && (rc = collect(v, &g)) == 0)
		print_groups(v, &g);
	printf("}\n");
	groups_free(&g);
	return (rc);
}

static int
print_one(const struct inventory *v, const char *host)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < v->machines.n; i++)
		if (v->aliases[i].n > 0 && strcmp(host_name(v, i), host) == 0)
			break;
	if (i < v->machines.n)
		rc = print_variables(v, i);
	else
		printf("{}");
	printf("\n");
	return (rc);
}

/* Tells of a machine that is not in the inventory, or of one of its tags. */
static void
tell(const struct machine *m, const char *tag, const char *why)
{
	char name[80], group[80], word[80];

	(void)fprintf(stderr, "arc-relay: left out: %s (%s)%s%s: %s\n",
	    shown(m->name, name, sizeof(name)),
	    shown(m->group, group, sizeof(group)), tag != NULL ? ", tag " : "",
	    tag != NULL ? shown(tag, word, sizeof(word)) : "", why);
}

/* Leaves out what ansible or ssh must not see, and tells so if asked to. */
static void
check(struct inventory *v, bool shall_tell)
{
	size_t i, k;

	for (i = 0; i < v->machines.n; i++) {
		const struct machine *m = &v->machines.at[i];
		struct alias_set *a = &v->aliases[i];
		const char *user = user_of(v, m);

		if (a->n > 0 && user != NULL && !sshconf_is_user(user)) {
			a->n = 0;
			a->why = "its tag does not say a user";
		}
		if (!shall_tell)
			continue;
		if (a->n == 0)
			tell(m, NULL, a->why);
		for (k = 0; k < m->ntags && a->n > 0; k++)
			if (!is_good_name(m->tags[k].name))
				tell(m, m->tags[k].name,
				    "ansible could run its name");
	}
}

static int
print(const struct options *o, struct inventory *v, struct err *e)
{
	const char *host = o->value[O_HOST];
	int rc = -1;

	v->user_tag = o->value[O_USER_TAG];
	if ((v->aliases = aliases_make(&v->machines, false)) != NULL) {
		check(v, host == NULL);
		rc = host == NULL ? print_all(v) : print_one(v, host);
	}
	free(v->aliases);
	if (rc == -1)
		return (err_set(e, EX_OSERR, "", "out of memory"));
	return (0);
}

int
cmd_inventory(int argc, char **argv, struct err *e)
{
	struct inventory v = { .machines = MACHINES_INIT };
	struct cloud cloud;
	struct options o;
	int rc;

	if ((rc = cmd_parse(table, "inventory [OPTION ...] "
	    "--list | --host HOST [NAME|GLOB ...]", NULL, argc, argv, &o,
	    e)) != 0)
		return (rc == 1 ? 0 : -1);
	if ((o.value[O_LIST] == NULL) == (o.value[O_HOST] == NULL)) {
		err_set(e, EX_USAGE, "", "inventory needs --list or --host HOST");
		return (err_fix(e, "see arc-relay inventory --help"));
	}
	if (cmd_cloud(&o, &cloud, e) == -1)
		return (-1);
	rc = cmd_machines(&o, 0, &cloud, &v.machines, e);
	if (rc == 0 && o.value[O_HOST] == NULL)
		rc = cmd_machines_found(&o, 0, &v.machines, e);
	if (rc == 0)
		rc = print(&o, &v, e);
	machines_free(&v.machines);
	return (rc);
}
