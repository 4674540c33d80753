/*
 * listCredentials, see arc.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "auth/arc.h"
#include "auth/arm.h"
#include "auth/cloud.h"
#include "auth/http.h"
#include "auth/http_fault.h"
#include "auth/relayinfo.h"
#include "auth/text.h"
#include "relay/err.h"
#include "relay/info.h"

#define ENDPOINT "/providers/Microsoft.HybridConnectivity/endpoints/default"
#define API_VERSION	"2023-03-15"	/* the first with serviceName */
#define LIST_ACTION	"Microsoft.HybridConnectivity/endpoints/" \
			"listCredentials/action"
#define CLOCK_SKEW_S	300	/* less is no clock that is wrong */
#define LOGIN_ROLE	"Virtual Machine Local User Login"

/* ARM names our object id in its refusal; 36 characters after this. */
#define OID_MARK	"with object id '"

/* 403: who lacks what on what, and the command that gives it. */
static int
forbidden(const struct arc_id *id, const struct arm_refusal *why, struct err *e)
{
	const char *oid = strstr(why->message, OID_MARK);
	char command[sizeof(e->fix)];	/* half a command is none */
	int oid_len = 0, n;

	if (oid != NULL) {
		oid += strlen(OID_MARK);
		oid_len = (int)strspn(oid, "0123456789abcdefABCDEF-");
	}
	err_set(e, EX_NOPERM, "E401", "you may not list relay credentials of "
	    "%s (" LIST_ACTION ")", id->name);
	n = snprintf(command, sizeof(command), "az role assignment create "
	    "--assignee %.*s --role \"" LOGIN_ROLE "\" --scope %s",
	    oid_len > 0 ? oid_len : 3, oid_len > 0 ? oid : "YOU", id->text);
	if ((size_t)n < sizeof(command))
		return (err_fix(e, "%s", command));
	return (err_fix(e, "get the role \"" LOGIN_ROLE "\" on %s", id->name));
}

static int
no_machine(const struct arc_id *id, struct err *e)
{
	err_set(e, EX_NOHOST, "E201", "no machine %s in group %s of "
	    "subscription %s, or you cannot read it", id->name, id->group,
	    id->subscription);
	return (err_fix(e, "compare with arc-relay list; if it is gone: arc-relay "
	    "config install"));
}

/* The one command that creates both; we never write on the connect path. */
static int
enable_first(const struct arc_id *id, struct err *e)
{
	return (err_fix(e, "let a contributor run once: arc-relay enable %s",
	    id->name));
}

int
arc_no_endpoint(const struct arc_id *id, struct err *e)
{
	err_set(e, EX_CONFIG, "E404", "SSH was never enabled for %s", id->name);
	return (enable_first(id, e));
}

int
arc_no_service(const struct arc_id *id, struct err *e)
{
	err_set(e, EX_CONFIG, "E405", "the SSH service of %s is not "
	    "configured in Azure", id->name);
	return (enable_first(id, e));
}

/*
 * 404 is of the machine or of its endpoint.  ARM says so by code when it is
 * sure; ResourceNotFound can be either, and then the message names the resource.
 */
int
arc_not_found(const struct arc_id *id, const struct arm_refusal *why,
    struct err *e)
{
	const char *said = why->message;

	if (strcasecmp(why->code, "ParentResourceNotFound") == 0 ||
	    strcasecmp(why->code, "ResourceGroupNotFound") == 0 ||
	    why->status == 410)
		return (no_machine(id, e));
	if (strcasecmp(why->code, "InvalidResourceType") == 0)
		return (-1);
	if (strcasecmp(why->code, "ResourceNotFound") == 0 &&
	    strcasestr(said, "HybridConnectivity") == NULL &&
	    (strcasestr(said, "endpoint") == NULL ||
	    strcasestr(id->text, "endpoint") != NULL))
		return (no_machine(id, e));
	return (arc_no_endpoint(id, e));
}

/* What ARM's general explanation cannot know; e holds it already. */
static int
explain(const struct arc_id *id, const struct arm_refusal *why, struct err *e)
{
	if ((why->status == 404 || why->status == 410) &&
	    (why->code[0] != '\0' || why->message[0] != '\0') &&
	    strcasecmp(why->code, "SubscriptionNotFound") != 0)
		return (arc_not_found(id, why, e));
	if (why->status == 403 && strcmp(e->id, "E401") == 0 &&
	    strcasecmp(why->code, "AuthorizationFailed") == 0)
		return (forbidden(id, why, e));
	if (why->status == 412)
		return (arc_no_service(id, e));
	return (-1);
}

static int
unusable(const struct arc_id *id, const char *why, struct err *e)
{
	err_set(e, EX_PROTOCOL, "E412", "Azure's answer for %s (API "
	    API_VERSION ") cannot be used: %.160s", id->name, why);
	return (err_fix(e, HTTP_ODD_FIX));
}

/* What Azure made just now is past, by the clock here. */
static int
is_past(const struct arc_id *id, const struct http_reply *reply, struct err *e)
{
	time_t now = time(NULL), theirs = 0;

	if (http_date(reply, &theirs) == -1 || now - theirs < CLOCK_SKEW_S)
		return (unusable(id, "its credential is past already", e));
	err_set(e, EX_CONFIG, "E111", "the fresh credential of %s is past "
	    "already: the clock here is %lld s ahead of Azure's", id->name,
	    (long long)(now - theirs));
	return (err_fix(e, "sudo timedatectl set-ntp true"));
}

/* A good status; is the content good? */
static int
accept_reply(const struct cloud *c, const struct arc_id *id,
    const struct http_reply *reply, struct relay_info *info, struct err *e)
{
	char host[256];
	const char *text = reply->body.data;

	/* a portal's page, or nothing at all */
	if (text == NULL || text[strspn(text, " \t\r\n")] != '{') {
		http_host(c->management, host, sizeof(host));
		return (http_refused(host, reply, e));
	}
	if (relayinfo_parse(reply->body.data, reply->body.len, info, e) == -1 ||
	    relay_info_check(info, c->relay_suffix, e) == -1) {
		char cause[sizeof(e->cause)];

		(void)snprintf(cause, sizeof(cause), "%s", e->cause);
		return (unusable(id, cause, e));
	}
	if (relay_info_is_expired(info, time(NULL), 0))
		return (is_past(id, reply, e));
	return (0);
}

int
arc_path(const struct arc_id *id, const char *tail, struct secret *out)
{
	if (text_percent(out, id->text, "/") == -1)
		return (-1);
	return (text_append(out, tail, strlen(tail), SIZE_MAX - 1));
}

static int
build_path(const struct arc_id *id, int expires_in_s, struct secret *out)
{
	char tail[200];

	(void)snprintf(tail, sizeof(tail), ENDPOINT "/listCredentials"
	    "?expiresin=%d&api-version=" API_VERSION, expires_in_s);
	return (arc_path(id, tail, out));
}

int
arc_list_credentials(const struct cloud *c, const struct arc_id *id,
    const struct secret *token, int expires_in_s, struct relay_info *info,
    char *claims, size_t size, struct err *e)
{
	struct http_reply reply = HTTP_REPLY_INIT;
	struct secret path = SECRET_INIT;
	struct arm_request q = { .method = "POST",
	    .body = "{\"serviceName\":\"SSH\"}" };
	struct arm_refusal why = { .status = 0 };
	int rc;

	if (build_path(id, expires_in_s, &path) == -1)
		rc = err_set(e, EX_OSERR, "", "out of memory");
	else {
		q.path = path.data;
		if (arm_call(c, token, &q, &reply, &why, e) == -1)
			rc = explain(id, &why, e);
		else
			rc = accept_reply(c, id, &reply, info, e);
	}
	(void)snprintf(claims, size, "%s", why.claims);
	secret_free(&path);
	http_reply_free(&reply);
	return (rc);
}
