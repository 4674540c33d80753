/*
 * Checks of the login, and of what Azure has of the machine.  They read, and ask
 * for a relay credential as each session does; they write nothing.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "auth/arc.h"
#include "auth/arc_endpoint.h"
#include "auth/bearer.h"
#include "auth/graph.h"
#include "auth/machines.h"
#include "auth/selection.h"
#include "auth/token.h"
#include "auth/token_cached.h"
#include "proxy/check.h"
#include "proxy/cmd_endpoint.h"
#include "proxy/cmd_options.h"
#include "relay/err.h"
#include "relay/info.h"

#define SSH_PORT	22

static bool
is(const struct err *e, const char *id)
{
	return (strcmp(e->id, id) == 0);
}

/* What would make it good; asked of the user before it is done. */
static enum check_cure
cure(const struct err *e)
{
	return (is(e, "E403") ? CURE_REGISTER : is(e, "E404") ||
	    is(e, "E405") ? CURE_ENABLE : CURE_NONE);
}

static void
failed(const struct check_out *out, const struct err *e)
{
	check_failed(out, e, cure(e));
}

static int
port_of(const struct check_env *env)
{
	return (env->port != 0 ? env->port : SSH_PORT);
}

/* --- the login --- */

void
check_login(const struct check_env *env, const struct check_out *out)
{
	const struct token_request r = { .cloud = &env->cloud,
	    .credential = env->credential };
	struct token t = TOKEN_INIT;
	struct err e = ERR_INIT;
	char until[CMD_TIME_MAX];
	bool cached;

	if (token_cached_get(&r, false, &t, &cached, &e) == -1)
		failed(out, &e);
	else
		check_ok(out, "%s: %.80s, tenant %.40s, token until %s",
		    t.source, t.account[0] != '\0' ? t.account : "unknown",
		    t.tenant[0] != '\0' ? t.tenant : "unknown",
		    cmd_local(t.expires_on, until));
	token_free(&t);
}

/* --- the machine --- */

static void
tell_age(long age_s, char *out, size_t size)
{
	if (age_s < 120)
		(void)snprintf(out, size, "asked just now");
	else
		(void)snprintf(out, size, "asked %ld min ago", age_s / 60);
}

void
check_target(const struct check_env *env, const struct check_out *out)
{
	const struct target_request r = { .cloud = &env->cloud,
	    .credential = env->credential };
	struct err e = ERR_INIT;
	struct arc_id id;
	char age[60];
	long age_s;

	if (target_resolve(&r, &env->target, &id, &age_s, &e) == -1) {
		failed(out, &e);
		return;
	}
	out->machine(out->arg, id.text);
	tell_age(age_s, age, sizeof(age));
	if (env->target.is_id)
		check_ok(out, "%s in group %.90s, by its id", id.name, id.group);
	else
		check_ok(out, "%s in group %.90s of subscription %s (%s)",
		    id.name, id.group, id.subscription, age);
}

/* Azure, for a check of a machine.  Returns 0; or -1 with the failure told. */
static int
begin(const struct check_env *env, const struct check_out *out,
    struct cmd_azure *az, struct arc_endpoint *a)
{
	struct err e = ERR_INIT;

	if (cmd_azure_open(env->o, env->credential, az, &e) == -1) {
		failed(out, &e);
		return (-1);
	}
	*a = (struct arc_endpoint){ .bearer = &az->bearer, .id = &env->id };
	return (0);
}

/*
 * It could not be looked at.  Who may not read may still be let in, and Azure says
 * of what is not there that it may not be read.
 */
static void
unread(const struct check_out *out, const struct err *e)
{
	struct err told = *e;

	if (!is(e, "E402")) {
		failed(out, e);
		return;
	}
	err_fix(&told, "ask for the role \"Reader\" there, if it is there at "
	    "all: Azure does not say; ssh needs listCredentials only");
	check_warned(out, &told, CURE_NONE);
}

static void
tell_state(const struct check_env *env, const struct check_out *out,
    const struct arc_state *s)
{
	struct err e = ERR_INIT;

	if (arc_state_reports(&env->id, s, &e) == -1)
		failed(out, &e);
	else if (s->status[0] == '\0')
		check_noted(out, "%s is there; Azure does not say whether its "
		    "agent is connected", env->id.name);
	else
		check_ok(out, "%s is %s, agent %s, %s", env->id.name, s->status,
		    s->agent[0] != '\0' ? s->agent : "of unknown version",
		    s->os[0] != '\0' ? s->os : "unknown system");
	if (arc_state_is_new(&env->id, s, &e) == 0)
		return;
	if (arc_agent_is_below(s->agent, 1, 13))
		failed(out, &e);
	else
		check_warned(out, &e, CURE_NONE);
}

void
check_machine(const struct check_env *env, const struct check_out *out)
{
	struct arc_endpoint a;
	struct cmd_azure az;
	struct arc_state s;
	struct err e = ERR_INIT;

	if (begin(env, out, &az, &a) == -1)
		return;
	if (arc_state_get(&a, &s, &e) == -1)
		unread(out, &e);
	else
		tell_state(env, out, &s);
	cmd_azure_close(&az);
}

/* Is the machine there for those who have its id? */
static bool
is_there(const struct check_env *env)
{
	struct arc_endpoint a;
	struct cmd_azure az;
	struct arc_state s;
	struct err e = ERR_INIT;
	bool yes;

	if (cmd_azure_open(env->o, env->credential, &az, &e) == -1)
		return (false);
	a = (struct arc_endpoint){ .bearer = &az.bearer, .id = &env->id };
	yes = arc_state_get(&a, &s, &e) == 0;
	cmd_azure_close(&az);
	return (yes);
}

/* Names are found by an index that lags behind. */
void
check_index(const struct check_env *env, const struct check_out *out)
{
	const char *const names[] = { env->id.name };
	const struct selection s = { .names = names, .nnames = 1,
	    .group = env->id.group, .subscription = env->id.subscription };
	const struct graph_request r = { .cloud = &env->cloud,
	    .credential = env->credential, .selection = &s };
	struct machines found = MACHINES_INIT;
	struct err e = ERR_INIT;

	if (graph_machines(&r, &found, &e) == -1)
		failed(out, &e);
	else if (found.n > 0)
		check_ok(out, "Resource Graph lists %s", env->id.name);
	else if (!is_there(env))
		check_skipped(out, "Resource Graph lists only what is there "
		    "and may be read");
	else {
		err_set(&e, EX_NOHOST, "E207", "Resource Graph, by which names "
		    "are found, does not list %s yet", env->id.name);
		err_fix(&e, "if it was connected minutes ago, wait; its id "
		    "works at once");
		check_warned(out, &e, CURE_NONE);
	}
	machines_free(&found);
}

/* --- what is set up for it --- */

void
check_provider(const struct check_env *env, const struct check_out *out)
{
	const char *subscription = env->id.subscription;
	char state[ARC_STATE_MAX];
	struct arc_endpoint a;
	struct cmd_azure az;
	struct err e = ERR_INIT;

	if (begin(env, out, &az, &a) == -1)
		return;
	if (arc_provider(a.bearer, subscription, false, state, &e) == -1) {
		if (e.status == EX_NOPERM && (is(&e, "E401") || is(&e, "E402")))
			check_noted(out, ARC_PROVIDER ": unknown, for you may not "
			    "read subscription %s", subscription);
		else
			failed(out, &e);
	} else if (strcasecmp(state, "Registered") == 0)
		check_ok(out, ARC_PROVIDER ": %s", state);
	else {
		err_set(&e, EX_CONFIG, "E403", ARC_PROVIDER " is %s in the "
		    "subscription", state);
		if (strcasecmp(state, "Registering") == 0) {
			err_fix(&e, "it takes minutes; this waits for it: "
			    "arc-relay register --subscription %s",
			    subscription);
			check_warned(out, &e, CURE_NONE);
		} else {
			err_fix(&e, "arc-relay register --subscription %s",
			    subscription);
			failed(out, &e);
		}
	}
	cmd_azure_close(&az);
}

void
check_endpoint(const struct check_env *env, const struct check_out *out)
{
	struct arc_endpoint a;
	struct cmd_azure az;
	struct err e = ERR_INIT;
	bool yes;

	if (begin(env, out, &az, &a) == -1)
		return;
	if (arc_endpoint_get(&a, &yes, &e) == -1)
		unread(out, &e);
	else if (yes)
		check_ok(out, "it is there");
	else {
		arc_no_endpoint(&env->id, &e);
		failed(out, &e);
	}
	cmd_azure_close(&az);
}

/* Without an endpoint there is none either, and that is the cause. */
static void
tell_no_service(const struct check_out *out, const struct arc_endpoint *a)
{
	struct err e = ERR_INIT, unused = ERR_INIT;
	bool yes = true;

	if (arc_endpoint_get(a, &yes, &unused) == 0 && !yes)
		arc_no_endpoint(a->id, &e);
	else
		arc_no_service(a->id, &e);
	failed(out, &e);
}

void
check_service(const struct check_env *env, const struct check_out *out)
{
	const char *name = env->id.name;
	struct arc_endpoint a;
	struct cmd_azure az;
	struct err e = ERR_INIT;
	int port;

	if (begin(env, out, &az, &a) == -1)
		return;
	if (arc_service_get(&a, &port, &e) == -1)
		unread(out, &e);
	else if (port == 0)
		tell_no_service(out, &a);
	else if (port == port_of(env))
		check_ok(out, "SSH goes to port %d", port);
	else {
		err_set(&e, EX_CONFIG, "E406", "Azure allows port %d for SSH on "
		    "%s, and you ask for %d", port, name, port_of(env));
		err_fix(&e, "ssh -p %d, or arc-relay enable --port %d %s", port,
		    port_of(env), name);
		failed(out, &e);
	}
	cmd_azure_close(&az);
}

struct listing {
	const struct check_env	*env;
	struct relay_info	 info;
};

static int
list_once(void *arg, const struct secret *token, char *claims, struct err *e)
{
	struct listing *l = arg;

	return (arc_list_credentials(&l->env->cloud, &l->env->id, token,
	    ARC_EXPIRES_IN_S, &l->info, claims, ARM_CLAIMS_MAX, e));
}

/* What a session needs: the same call, and nobody's cached answer. */
void
check_permissions(const struct check_env *env, const struct check_out *out)
{
	struct listing l = { .env = env, .info = RELAY_INFO_INIT };
	struct arc_endpoint a;
	struct cmd_azure az;
	struct err e = ERR_INIT;
	char until[CMD_TIME_MAX];

	if (begin(env, out, &az, &a) == -1)
		return;
	if (bearer_call(a.bearer, list_once, &l, &e) == -1)
		failed(out, &e);
	else
		check_ok(out, "listCredentials: allowed; relay credential until "
		    "%s", cmd_local(l.info.expires_on, until));
	relay_info_free(&l.info);
	cmd_azure_close(&az);
}
