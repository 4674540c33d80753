/*
 * arc-relay enable: what a machine needs in Azure before ssh can reach it.  Looks
 * first, writes only what is missing, and waits until the machine answers.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/creds.h"
#include "auth/errjson.h"
#include "auth/json.h"
#include "proxy/cmd.h"
#include "proxy/cmd_endpoint.h"
#include "proxy/cmd_options.h"
#include "proxy/cmd_probes.h"
#include "proxy/prober.h"
#include "proxy/shown.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/log.h"

#define SSH_PORT	22
#define EARLY_MS	2000

static const struct option_row table[] = {
	CMD_ROWS,
	{ 'p', "port", "N", "port of its SSH server (as it is, or 22)", 0 },
	{ 0, "recreate", NULL, "delete the endpoint first; cuts sessions", 0 },
	{ 0, "timeout", "SECONDS", "wait for Azure and the agent no longer "
	    "(300)", 0 },
	{ 0, "no-wait", NULL, "do not wait for the agent", 0 },
	{ 0, "connect-to", "HOST:PORT", "TCP goes there instead "
	    "(private endpoint)", 0 },
	{ 0, "credential", "NAME", "only this token source", 0 },
	{ 0, "json", NULL, "one JSON object", 0 },
	CMD_LAST_ROWS
};
enum { O_PORT = CMD_NROWS, O_RECREATE, O_TIMEOUT, O_NO_WAIT, O_CONNECT_TO,
    O_CREDENTIAL, O_JSON };

/* What is known, and what was done. */
struct work {
	struct arc_endpoint	 azure;
	const struct arc_id	*id;
	const char		*typed;		/* TARGET */
	int			 wanted;	/* port; 0: as it is */
	bool			 recreate;
	struct arc_state	 state;
	bool			 looked;	/* what follows is known */
	bool			 has_endpoint;
	int			 port_now;	/* 0: no service configuration */
	bool			 had_endpoint;	/* at the first look */
	int			 port_before;
	bool			 deleted, new_endpoint, new_service;
	int			 port;		/* in the end */
	bool			 waits;		/* for the agent */
	bool			 listens;	/* it came */
	int64_t			 waited_ms;
	struct probe_result	 last;		/* dial */
};

static bool
is_id(const struct err *e, const char *id)
{
	return (strcmp(e->id, id) == 0);
}

/*
 * Without the provider nothing can be written, and what is there does not work.
 * Who may not read its state learns that from what he does.
 */
static int
check_provider(const struct work *w, struct err *e)
{
	const char *subscription = w->id->subscription;
	char state[ARC_STATE_MAX], told[2 * ARC_STATE_MAX];

	if (arc_provider(w->azure.bearer, subscription, false, state, e) == -1)
		return (e->status == EX_NOPERM ? 0 : -1);
	if (strcasecmp(state, "Registered") == 0)
		return (0);
	err_set(e, EX_CONFIG, "E403", ARC_PROVIDER " is not registered in the "
	    "subscription of %s: it is %s", w->id->name, shown(state, told,
	    sizeof(told)));
	return (err_fix(e, "arc-relay register --subscription %s, then restart "
	    "the agent", subscription));
}

/* Who may not read the machine may still be allowed the rest. */
static int
look(struct work *w, struct err *e)
{
	w->port_now = 0;
	if (arc_state_get(&w->azure, &w->state, e) == -1 && !is_id(e, "E402"))
		return (-1);
	if (arc_endpoint_get(&w->azure, &w->has_endpoint, e) == -1 ||
	    (w->has_endpoint && arc_service_get(&w->azure, &w->port_now,
	    e) == -1))
		return (-1);
	if (!w->looked) {
		w->had_endpoint = w->has_endpoint;
		w->port_before = w->port_now;
	}
	w->looked = true;
	return (0);
}

static int
port_to_be(const struct work *w)
{
	return (w->wanted != 0 ? w->wanted : w->port_before != 0 ?
	    w->port_before : SSH_PORT);
}

/* Returns 0, 1 or -1 as arc_endpoint_put does. */
static int
write_missing(struct work *w, struct err *e)
{
	bool has_endpoint = w->has_endpoint;
	int port_now = w->port_now, rc;

	if (w->recreate && has_endpoint && !w->deleted) {
		if ((rc = arc_endpoint_delete(&w->azure, e)) != 0)
			return (rc);
		w->deleted = true;
		has_endpoint = false;
		port_now = 0;
	}
	if (!has_endpoint) {
		if ((rc = arc_endpoint_put(&w->azure, e)) != 0)
			return (rc);
		w->new_endpoint = true;
	}
	w->port = port_to_be(w);
	if (w->port == port_now)
		return (0);
	if ((rc = arc_service_put(&w->azure, w->port, e)) == 0)
		w->new_service = true;
	return (rc);
}

static int
crossed(const struct work *w, struct err *e)
{
	char cause[sizeof(e->cause)], target[CMD_TYPED_MAX];

	(void)snprintf(cause, sizeof(cause), "%s", e->cause);
	err_set(e, EX_TEMPFAIL, "E409", "somebody else changes %s, too: %.180s",
	    w->id->name, cause);
	return (err_fix(e, "arc-relay enable %s", cmd_typed(w->typed, w->id,
	    target)));
}

/*
 * Others may do the same just now: what they have made is not written again, and
 * what Azure refuses for it is looked at once more.
 */
static int
bring_about(struct work *w, struct err *e)
{
	int rc;

	if (check_provider(w, e) == -1 || look(w, e) == -1)
		return (-1);
	if ((rc = write_missing(w, e)) != 1)
		return (rc);
	log_verbose("%s; looking again", e->cause);
	if (look(w, e) == -1)
		return (-1);
	return ((rc = write_missing(w, e)) == 1 ? crossed(w, e) : rc);
}

static const char *
endpoint_word(const struct work *w)
{
	return (!w->new_endpoint ? "existed" : w->had_endpoint ? "recreated" :
	    "created");
}

static const char *
service_word(const struct work *w)
{
	return (!w->new_service ? "existed" : w->port_before == 0 ? "created" :
	    w->port_before == w->port ? "recreated" : "changed");
}

static bool
has_changed(const struct work *w)
{
	return (w->new_endpoint || w->new_service);
}

static int
put_wait(const struct work *w, struct js *j)
{
	if (js_set_boolean(j, "listens", w->listens) == -1 ||
	    js_set_integer(j, "waited_ms", w->waited_ms) == -1)
		return (-1);
	return (w->listens ? js_set_string(j, "banner", w->last.banner) :
	    errjson_put(&w->last.e, j));
}

static int
print_json(const struct work *w, struct err *e)
{
	struct js *j = js_object();
	bool failed;

	failed = js_set_string(j, "id", w->id->text) == -1 ||
	    js_set_string(j, "endpoint", endpoint_word(w)) == -1 ||
	    js_set_string(j, "service", service_word(w)) == -1 ||
	    js_set_integer(j, "port", w->port) == -1 ||
	    js_set_integer(j, "port_before", w->port_before) == -1 ||
	    js_set_string(j, "status", w->state.status) == -1 ||
	    js_set_string(j, "agent", w->state.agent) == -1 ||
	    js_set_boolean(j, "changed", has_changed(w)) == -1 ||
	    (w->waits && put_wait(w, j) == -1);
	return (cmd_print_json(j, !failed, e));
}

static void
print_lines(const struct work *w)
{
	const char *name = w->id->name;

	printf("%s: endpoint %s\n", name, w->new_endpoint ? endpoint_word(w) :
	    "was there");
	if (!w->new_service)
		printf("%s: SSH goes to port %d, as before\n", name, w->port);
	else if (w->port_before != 0 && w->port_before != w->port)
		printf("%s: SSH goes to port %d now, no longer to %d\n", name,
		    w->port, w->port_before);
	else
		printf("%s: SSH goes to port %d now\n", name, w->port);
	if (w->new_endpoint && !w->waits)
		printf("%s: its agent needs 30 to 90 s to notice; ssh waits "
		    "for it\n", name);
	(void)fflush(stdout);
}

static void
warn(const struct err *e)
{
	char line[ERR_LINE_MAX + 1];

	fprintf(stderr, "%s\n", err_line(e, "arc-relay", NULL, line,
	    sizeof(line)));
}

/* Azure knows that nobody would come; any other word of its may be late. */
static bool
is_away(const struct work *w)
{
	return (strcasecmp(w->state.status, "Disconnected") == 0 ||
	    strcasecmp(w->state.status, "Expired") == 0);
}

/* What will keep ssh away although Azure is set up. */
static void
warn_of_agent(const struct work *w)
{
	struct err e = ERR_INIT;

	if (arc_state_reports(w->id, &w->state, &e) == -1)
		warn(&e);
	if (arc_state_is_new(w->id, &w->state, &e) == -1)
		warn(&e);
}

/* Only for what a role is missing: a lock or a policy stops everybody. */
static bool
needs_administrator(const struct err *e)
{
	return (e->status == EX_NOPERM && (is_id(e, "E401") ||
	    is_id(e, "E402") || is_id(e, "E407")));
}

/* The commands that make what is missing, as far as that is known. */
static void
hand_over(const struct work *w, bool json, struct err *e)
{
	char endpoint[ARC_COMMAND_MAX], service[ARC_COMMAND_MAX];
	bool no_endpoint = !w->looked || !w->has_endpoint || w->deleted;
	struct err unused = ERR_INIT;
	struct js *j;
	bool failed;

	if (w->new_endpoint)
		no_endpoint = false;
	arc_put_command(w->id, 0, endpoint);
	arc_put_command(w->id, port_to_be(w), service);
	if (json) {
		j = js_object();
		failed = js_set_string(j, "id", w->id->text) == -1 ||
		    (no_endpoint && js_set_string(j, "commands.endpoint",
		    endpoint) == -1) ||
		    js_set_string(j, "commands.service", service) == -1;
		(void)cmd_print_json(j, !failed, &unused);
	} else {
		fprintf(stderr, "An administrator of the machine can run:\n");
		if (no_endpoint)
			printf("%s\n", endpoint);
		printf("%s\n", service);
		(void)fflush(stdout);
	}
	err_fix(e, "hand the command%s above to someone with the role "
	    "\"Contributor\" or \"Owner\" there", no_endpoint ? "s" : "");
}

/* Azure may need a moment to act on what it has just been told. */
static bool
is_early(const struct err *e)
{
	return (is_id(e, "E404") || is_id(e, "E405"));
}

/* Returns 0 with w->last; or -1 as probe_start. */
static int
dial(struct work *w, const struct options *o, int64_t began_ms, struct err *e)
{
	int64_t left_ms = w->azure.deadline_ms - clock_ms();
	const struct probe_request r = {
		.o = o, .target = w->id->text, .port = w->port,
		.deadline_s = left_ms > 1000 ? (long)(left_ms / 1000) : 1,
		.connect_to = o->value[O_CONNECT_TO],
		.credential = o->value[O_CREDENTIAL],
	};

	return (probes_run_one(&r, w->id->name, began_ms, &w->last, e));
}

/*
 * Until the machine's SSH server speaks.  Returns 0, or -1 with the reason why it
 * does not.
 */
static int
wait_for_agent(struct work *w, const struct options *o, struct err *e)
{
	char target[CMD_TYPED_MAX];
	int64_t began_ms = clock_ms();

	for (;;) {
		if (dial(w, o, began_ms, e) == -1)
			return (-1);
		w->waited_ms = clock_ms() - began_ms;
		if (w->last.e.status == 0)
			break;
		if (is_early(&w->last.e))
			err_fix(&w->last.e, "arc-relay enable %s --recreate",
			    cmd_typed(w->typed, w->id, target));
		*e = w->last.e;
		if (!is_early(e) ||
		    w->azure.deadline_ms - clock_ms() < EARLY_MS)
			return (-1);
		log_verbose("%s; again in %d ms", e->cause, EARLY_MS);
		(void)poll(NULL, 0, EARLY_MS);
	}
	w->listens = true;
	return (0);
}

static void
print_listens(const struct work *w)
{
	printf("%s: answers after %lld s: %s\n", w->id->name,
	    (long long)w->waited_ms / 1000, w->last.banner);
}

/* What was done, and whether it works. */
static int
tell_all(struct work *w, const struct options *o, struct err *e)
{
	bool json = o->value[O_JSON] != NULL;
	struct err unused = ERR_INIT;
	int rc = 0;

	w->waits = has_changed(w) && o->value[O_NO_WAIT] == NULL &&
	    !is_away(w);
	if (!json)
		print_lines(w);
	warn_of_agent(w);
	if (w->waits && wait_for_agent(w, o, e) == -1) {
		if (w->last.e.status == 0)
			return (-1);
		if (!is_id(e, "E401"))
			rc = -1;
		else		/* who sets it up need not be who uses it */
			warn(e);
	}
	if (json)
		return (print_json(w, rc == -1 ? &unused : e) == -1 ? -1 : rc);
	if (w->listens)
		print_listens(w);
	return (rc);
}

static int
enable(const struct options *o, struct cmd_azure *az, struct err *e)
{
	struct work w = { .wanted = 0 };
	struct arc_id id;
	long port = 0;
	int rc;

	if ((o->value[O_PORT] != NULL && options_number(o->value[O_PORT], 1,
	    65535, "--port", &port, e) == -1) || cmd_endpoint(o,
	    o->value[O_TIMEOUT], az, &id, &w.azure, e) == -1)
		return (-1);
	w.id = &id;
	w.typed = o->rest[0];
	w.wanted = (int)port;
	w.recreate = o->value[O_RECREATE] != NULL;
	rc = bring_about(&w, e);
	if (has_changed(&w) || w.deleted)
		creds_forget(&id);
	if (rc == 0)
		return (tell_all(&w, o, e));
	if (needs_administrator(e))
		hand_over(&w, o->value[O_JSON] != NULL, e);
	return (-1);
}

int
cmd_enable(int argc, char **argv, struct err *e)
{
	struct cmd_azure az;
	struct options o;
	int rc;

	if ((rc = cmd_parse(table, "enable [OPTION ...] TARGET", NULL, argc,
	    argv, &o, e)) != 0)
		return (rc == 1 ? 0 : -1);
	if (cmd_azure_open(&o, o.value[O_CREDENTIAL], &az, e) == -1)
		return (-1);
	rc = enable(&o, &az, e);
	cmd_azure_close(&az);
	return (rc);
}
