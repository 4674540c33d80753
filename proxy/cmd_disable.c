/*
 * arc-relay disable: takes away what enable made, after showing what that is.
 */
#include <stdbool.h>
#include <stdio.h>

#include "auth/creds.h"
#include "auth/json.h"
#include "proxy/cmd.h"
#include "proxy/cmd_endpoint.h"
#include "proxy/cmd_options.h"
#include "proxy/cmd_prompt.h"
#include "relay/err.h"

static const struct option_row table[] = {
	CMD_ROWS,
	{ 0, "endpoint", NULL, "the endpoint too, with all its services", 0 },
	{ 'y', "yes", NULL, "do not ask", 0 },
	{ 0, "timeout", "SECONDS", "wait for Azure no longer (300)", 0 },
	{ 0, "credential", "NAME", "only this token source", 0 },
	{ 0, "json", NULL, "one JSON object", 0 },
	CMD_LAST_ROWS
};
enum { O_ENDPOINT = CMD_NROWS, O_YES, O_TIMEOUT, O_CREDENTIAL, O_JSON };

struct work {
	struct arc_endpoint	 azure;
	const struct arc_id	*id;
	bool			 all;		/* the endpoint is meant */
	bool			 endpoint;	/* it is there */
	int			 port;		/* of SSH; 0: not there */
};

static int
look(struct work *w, struct err *e)
{
	struct arc_state unused;

	/* without it a machine that is gone would be one that has no endpoint */
	if (arc_state_get(&w->azure, &unused, e) == -1 &&
	    e->status != EX_NOPERM)
		return (-1);
	if (arc_endpoint_get(&w->azure, &w->endpoint, e) == -1)
		return (-1);
	if (!w->endpoint)
		return (0);
	return (arc_service_get(&w->azure, &w->port, e));
}

/* Is there anything to delete? */
static bool
is_anything(const struct work *w)
{
	return (w->all ? w->endpoint : w->port != 0);
}

static void
show(const struct work *w)
{
	fprintf(stderr, "to be deleted, of %s:\n", w->id->text);
	if (w->all)
		fprintf(stderr, "  the endpoint, and with it every service\n");
	if (w->port != 0)
		fprintf(stderr, "  the service configuration of SSH, port %d\n",
		    w->port);
}

static int
print_done(const struct work *w, bool json, bool deleted, struct err *e)
{
	struct js *j;
	bool failed;

	if (!json) {
		printf("%s: %s\n", w->id->name, !deleted ?
		    is_anything(w) ? "nothing deleted" : "nothing to delete" :
		    w->all ? "endpoint deleted" :
		    "service configuration of SSH deleted");
		return (0);
	}
	j = js_object();
	failed = js_set_string(j, "id", w->id->text) == -1 ||
	    js_set_boolean(j, "endpoint_deleted", deleted && w->all) == -1 ||
	    js_set_boolean(j, "service_deleted",
	    deleted && w->port != 0) == -1 ||
	    js_set_integer(j, "port_before", w->port) == -1;
	return (cmd_print_json(j, !failed, e));
}

static int
disable(const struct options *o, struct cmd_azure *az, struct err *e)
{
	struct work w = { .all = o->value[O_ENDPOINT] != NULL };
	bool json = o->value[O_JSON] != NULL;
	struct arc_id id;
	int rc;

	if (cmd_endpoint(o, o->value[O_TIMEOUT], az, &id, &w.azure, e) == -1)
		return (-1);
	w.id = &id;
	if (look(&w, e) == -1)
		return (-1);
	if (!is_anything(&w))
		return (print_done(&w, json, false, e));
	show(&w);
	if (o->value[O_YES] == NULL && (rc = prompt_yes("delete it?", e)) != 1)
		return (rc == -1 ? -1 : print_done(&w, json, false, e));
	rc = w.all ? arc_endpoint_delete(&w.azure, e) :
	    arc_service_delete(&w.azure, e);
	creds_forget(&id);
	return (rc != 0 ? -1 : print_done(&w, json, true, e));
}

int
cmd_disable(int argc, char **argv, struct err *e)
{
	struct cmd_azure az;
	struct options o;
	int rc;

	if ((rc = cmd_parse(table, "disable [OPTION ...] TARGET", NULL, argc,
	    argv, &o, e)) != 0)
		return (rc == 1 ? 0 : -1);
	if (cmd_azure_open(&o, o.value[O_CREDENTIAL], &az, e) == -1)
		return (-1);
	rc = disable(&o, &az, e);
	cmd_azure_close(&az);
	return (rc);
}
