/*
 * arc-relay register: has the resource provider of relay endpoints registered in a
 * subscription, and waits until it is.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/creds.h"
#include "auth/json.h"
#include "proxy/cmd.h"
#include "proxy/cmd_endpoint.h"
#include "proxy/cmd_options.h"
#include "proxy/shown.h"
#include "relay/clock.h"
#include "relay/err.h"

#define TIMEOUT_S	600
#define TIMEOUT_MAX_S	86400
#define FIRST_WAIT_MS	1000	/* then twice the last */
#define WAIT_MAX_MS	10000

static const struct option_row table[] = {
	CMD_ROWS,
	{ 0, "subscription", "S", "name or GUID (the only one you see)", 0 },
	{ 0, "timeout", "SECONDS", "wait for Azure no longer (600)", 0 },
	{ 0, "credential", "NAME", "only this token source", 0 },
	{ 0, "json", NULL, "one JSON object", 0 },
	CMD_LAST_ROWS
};
enum { O_SUBSCRIPTION = CMD_NROWS, O_TIMEOUT, O_CREDENTIAL, O_JSON };

struct work {
	struct bearer	*bearer;
	char		 subscription[37];
	char		 state[ARC_STATE_MAX];
	bool		 asked;		/* Azure, to register it */
	int64_t		 begin_ms, deadline_ms;
};

/* The state, as it may be shown. */
static const char *
told(const struct work *w, char out[2 * ARC_STATE_MAX])
{
	return (shown(w->state, out, 2 * ARC_STATE_MAX));
}

static bool
is_state(const struct work *w, const char *state)
{
	return (strcasecmp(w->state, state) == 0);
}

/* Has Azure nothing under way that ends by itself? */
static bool
is_at_rest(const struct work *w)
{
	return (!is_state(w, "Registering") && !is_state(w, "Unregistering"));
}

static void
tell_progress(const struct work *w)
{
	char state[2 * ARC_STATE_MAX];

	fprintf(stderr, "arc-relay: " ARC_PROVIDER ": %s (%lld s)\n",
	    told(w, state), (long long)(clock_ms() - w->begin_ms) / 1000);
}

static int
too_late(const struct work *w, struct err *e)
{
	char state[2 * ARC_STATE_MAX];

	err_set(e, EX_CONFIG, "E403", ARC_PROVIDER " is not registered in the "
	    "subscription: still %s after %lld s", told(w, state),
	    (long long)(clock_ms() - w->begin_ms) / 1000);
	return (err_fix(e, "Azure goes on with it; look again in some minutes "
	    "with arc-relay register --subscription %s", w->subscription));
}

static int
refused(const struct work *w, struct err *e)
{
	if (e->status == EX_NOPERM && strcmp(e->id, "E401") == 0)
		err_fix(e, "let an owner or contributor of the subscription "
		    "run: az provider register -n " ARC_PROVIDER
		    " --subscription %s", w->subscription);
	return (-1);
}

/* The last look is at the deadline. */
static int
wait_until_registered(struct work *w, struct err *e)
{
	int64_t wait_ms = FIRST_WAIT_MS, left_ms;

	for (;;) {
		if (arc_provider(w->bearer, w->subscription, false, w->state,
		    e) == -1)
			return (-1);
		if (is_state(w, "Registered")) {
			creds_forget(NULL);
			return (0);
		}
		if (is_at_rest(w)) {
			if (arc_provider(w->bearer, w->subscription, true,
			    w->state, e) == -1)
				return (refused(w, e));
			w->asked = true;
		}
		tell_progress(w);
		if ((left_ms = w->deadline_ms - clock_ms()) <= 0)
			return (too_late(w, e));
		(void)poll(NULL, 0, (int)(wait_ms < left_ms ? wait_ms :
		    left_ms));
		if ((wait_ms *= 2) > WAIT_MAX_MS)
			wait_ms = WAIT_MAX_MS;
	}
}

static int
print_done(const struct work *w, bool json, struct err *e)
{
	struct js *j;
	bool failed;

	if (!json) {
		printf(ARC_PROVIDER ": %s in %s\n", w->asked ?
		    "Registered now" : "Registered", w->subscription);
		if (w->asked)
			printf("restart the agent of each machine that was "
			    "connected before: sudo systemctl restart himdsd\n");
		return (0);
	}
	j = js_object();
	failed = js_set_string(j, "subscription", w->subscription) == -1 ||
	    js_set_string(j, "state", w->state) == -1 ||
	    js_set_boolean(j, "changed", w->asked) == -1;
	return (cmd_print_json(j, !failed, e));
}

static int
register_it(const struct options *o, struct cmd_azure *az, struct err *e)
{
	struct work w = { .bearer = &az->bearer, .begin_ms = clock_ms() };
	long seconds = TIMEOUT_S;

	if (o->value[O_TIMEOUT] != NULL && options_number(o->value[O_TIMEOUT],
	    1, TIMEOUT_MAX_S, "--timeout", &seconds, e) == -1)
		return (-1);
	w.deadline_ms = w.begin_ms + seconds * 1000;
	if (arc_subscription(&az->bearer, o->value[O_SUBSCRIPTION],
	    w.subscription, e) == -1 || wait_until_registered(&w, e) == -1)
		return (-1);
	return (print_done(&w, o->value[O_JSON] != NULL, e));
}

int
cmd_register(int argc, char **argv, struct err *e)
{
	struct cmd_azure az;
	struct options o;
	int rc;

	if ((rc = cmd_parse(table, "register [OPTION ...]", NULL, argc, argv,
	    &o, e)) != 0)
		return (rc == 1 ? 0 : -1);
	if (o.nrest != 0)
		return (err_set(e, EX_USAGE, "", "register takes no argument"));
	if (cmd_azure_open(&o, o.value[O_CREDENTIAL], &az, e) == -1)
		return (-1);
	rc = register_it(&o, &az, e);
	cmd_azure_close(&az);
	return (rc);
}
