/*
 * Endpoint and service configuration of a machine, see arc_endpoint.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/arc.h"
#include "auth/arc_endpoint.h"
#include "auth/arm.h"
#include "auth/bearer.h"
#include "auth/http.h"
#include "auth/json.h"
#include "auth/text.h"
#include "relay/err.h"
#include "relay/secret.h"

#define ENDPOINT	"/providers/" ARC_PROVIDER "/endpoints/default"
#define SERVICE		ENDPOINT "/serviceConfigurations/SSH"
#define API_VERSION	"?api-version=2023-03-15"
#define MACHINE_VERSION	"?api-version=2022-11-10"
#define ENDPOINT_BODY	"{\"properties\":{\"type\":\"default\"}}"
#define SERVICE_BODY	"{\"properties\":{\"serviceName\":\"SSH\",\"port\":%d}}"
#define ARC_SERVER	"/providers/Microsoft.HybridCompute/machines/"

/* One call, and the wait for what it began. */
struct call {
	const struct arc_endpoint *a;
	struct arm_request	 q;
	struct http_reply	 reply;
	struct arm_refusal	 why;
	bool			 moved;		/* a refusal that says so */
};

/* Refused for what is there, and not for who asks or how. */
static bool
says_it_moved(const struct arm_refusal *why, const struct err *e)
{
	return ((why->status == 404 || why->status == 409 ||
	    why->status == 412) && strcmp(e->id, "E412") == 0);
}

static int
call_once(void *arg, const struct secret *token, char *claims, struct err *e)
{
	struct call *c = arg;
	const struct cloud *cloud = c->a->bearer->cloud;
	int rc = arm_call(cloud, token, &c->q, &c->reply, &c->why, e);

	c->moved = rc == -1 && says_it_moved(&c->why, e);
	if (rc == 0 && strcmp(c->q.method, "GET") != 0)
		rc = arm_wait(cloud, token, c->q.path, &c->reply,
		    c->a->deadline_ms, &c->why, e);
	(void)snprintf(claims, ARM_CLAIMS_MAX, "%s", c->why.claims);
	return (rc);
}

/* reply is in c, to be freed by the caller in every case. */
static int
call(struct call *c, const char *method, const char *tail, const char *body,
    struct err *e)
{
	struct secret path = SECRET_INIT;
	int rc = arc_path(c->a->id, tail, &path);

	if (rc == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	else {
		c->q = (struct arm_request){ .method = method,
		    .path = path.data, .body = body };
		rc = bearer_call(c->a->bearer, call_once, c, e);
	}
	if (rc == -1 && (c->why.status == 404 || c->why.status == 410))
		(void)arc_not_found(c->a->id, &c->why, e);
	secret_free(&path);
	return (rc);
}

/* A write, whose answer tells nothing.  What is gone for good has not moved. */
static int
change(const struct arc_endpoint *a, const char *method, const char *tail,
    const char *body, struct err *e)
{
	struct call c = { .a = a, .reply = HTTP_REPLY_INIT };
	int rc = call(&c, method, tail, body, e);

	http_reply_free(&c.reply);
	return (rc == -1 && c.moved && strcmp(e->id, "E201") != 0 ? 1 : rc);
}

/* What is deleted may be gone already. */
static int
remove_it(const struct arc_endpoint *a, const char *tail, struct err *e)
{
	int rc = change(a, "DELETE", tail, NULL, e);

	return (rc != 0 && strcmp(e->id, "E404") == 0 ? 0 : rc);
}

/* *doc: what is there, to be freed; NULL: nothing. */
static int
look(const struct arc_endpoint *a, const char *tail, struct js **doc,
    struct err *e)
{
	struct call c = { .a = a, .reply = HTTP_REPLY_INIT };
	const struct secret *body = &c.reply.body;
	char why[JS_WHY_MAX];
	int rc = call(&c, "GET", tail, NULL, e);

	*doc = NULL;
	if (rc == -1 && strcmp(e->id, "E404") == 0)
		rc = 0;
	else if (rc == 0 && (*doc = js_parse(body->data != NULL ? body->data :
	    "", body->len, why)) == NULL)
		rc = err_set(e, EX_PROTOCOL, "E412", "Azure's answer for %s %s",
		    a->id->name, why);
	http_reply_free(&c.reply);
	return (rc);
}

static void
copy(const struct js *j, const char *path, char *out, size_t size)
{
	const char *text = js_string(j, path);

	(void)snprintf(out, size, "%s", text != NULL ? text : "");
}

int
arc_state_get(const struct arc_endpoint *a, struct arc_state *s, struct err *e)
{
	struct js *j;

	*s = (struct arc_state){ .status = "" };
	if (strcasestr(a->id->text, ARC_SERVER) == NULL)
		return (0);
	if (look(a, MACHINE_VERSION, &j, e) == -1)
		return (-1);
	copy(j, "properties.status", s->status, sizeof(s->status));
	copy(j, "properties.lastStatusChange", s->since, sizeof(s->since));
	copy(j, "properties.agentVersion", s->agent, sizeof(s->agent));
	copy(j, "properties.osType", s->os, sizeof(s->os));
	js_free(j);
	return (0);
}

int
arc_endpoint_get(const struct arc_endpoint *a, bool *is_there, struct err *e)
{
	struct js *j;

	if (look(a, ENDPOINT API_VERSION, &j, e) == -1)
		return (-1);
	*is_there = j != NULL;
	js_free(j);
	return (0);
}

int
arc_endpoint_put(const struct arc_endpoint *a, struct err *e)
{
	return (change(a, "PUT", ENDPOINT API_VERSION, ENDPOINT_BODY, e));
}

int
arc_endpoint_delete(const struct arc_endpoint *a, struct err *e)
{
	return (remove_it(a, ENDPOINT API_VERSION, e));
}

/* What failed, or is being made by somebody else just now, is not there yet. */
int
arc_service_get(const struct arc_endpoint *a, int *port, struct err *e)
{
	struct js *j;
	const char *state;
	int64_t n;
	int rc = 0;

	*port = 0;
	if (look(a, SERVICE API_VERSION, &j, e) == -1)
		return (-1);
	if (j == NULL)
		return (0);
	state = js_string(j, "properties.provisioningState");
	if (state != NULL && strcasecmp(state, "Succeeded") != 0)
		rc = 0;
	else if (js_integer(j, "properties.port", &n) == -1 || n < 1 ||
	    n > 65535)
		rc = err_set(e, EX_PROTOCOL, "E412", "Azure names no port of "
		    "the SSH service of %s", a->id->name);
	else
		*port = (int)n;
	js_free(j);
	return (rc);
}

int
arc_service_put(const struct arc_endpoint *a, int port, struct err *e)
{
	char body[100];

	(void)snprintf(body, sizeof(body), SERVICE_BODY, port);
	return (change(a, "PUT", SERVICE API_VERSION, body, e));
}

int
arc_service_delete(const struct arc_endpoint *a, struct err *e)
{
	return (remove_it(a, SERVICE API_VERSION, e));
}

bool
arc_agent_is_below(const char *version, long major, long minor)
{
	char *end;
	long high = strtol(version, &end, 10), low;

	if (end == version || *end != '.')
		return (false);
	version = end + 1;
	low = strtol(version, &end, 10);
	return (end != version &&
	    (high < major || (high == major && low < minor)));
}

int
arc_state_reports(const struct arc_id *id, const struct arc_state *s,
    struct err *e)
{
	if (s->status[0] == '\0' || strcmp(s->status, "Connected") == 0)
		return (0);
	err_set(e, EX_UNAVAILABLE, "E204", "%s is %s%s%.30s: its Arc agent does "
	    "not report to Azure", id->name, s->status, s->since[0] != '\0' ?
	    " since " : "", s->since);
	return (err_fix(e, "on the machine: sudo azcmagent show"));
}

int
arc_state_is_new(const struct arc_id *id, const struct arc_state *s,
    struct err *e)
{
	if (!arc_agent_is_below(s->agent, 1, 31))
		return (0);
	err_set(e, EX_UNAVAILABLE, "E205", "the Arc agent of %s is %s, too old "
	    "for %s", id->name, s->agent, arc_agent_is_below(s->agent, 1, 13) ?
	    "SSH" : "a service configuration");
	return (err_fix(e, "upgrade azcmagent on the machine to 1.31 or "
	    "later"));
}

/* az puts the address of its cloud before a URL that begins with a slash. */
const char *
arc_put_command(const struct arc_id *id, int port, char out[ARC_COMMAND_MAX])
{
	struct secret path = SECRET_INIT;
	char body[100] = ENDPOINT_BODY;

	if (port != 0)
		(void)snprintf(body, sizeof(body), SERVICE_BODY, port);
	out[0] = '\0';
	if (arc_path(id, port != 0 ? SERVICE API_VERSION :
	    ENDPOINT API_VERSION, &path) == 0)
		(void)snprintf(out, ARC_COMMAND_MAX, "az rest --method put "
		    "--url '%s' --body '%s'", path.data, body);
	secret_free(&path);
	return (out);
}
