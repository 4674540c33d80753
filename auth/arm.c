/*
 * Calls to Azure Resource Manager, see arm.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/arm.h"
#include "auth/cloud.h"
#include "auth/http.h"
#include "auth/json.h"
#include "auth/text.h"
#include "relay/crypto.h"
#include "relay/err.h"

#define ARM_TIMEOUT_S	60	/* ARM gives a provider that long */
#define ARM_BODY_MAX	(64 * 1024)	/* bytes; JSON of 1 MiB can fill 80 */

/* A version 4 UUID (RFC 9562, 5.4): Azure support finds our call by it. */
static void
client_request_id(char *out, size_t size)
{
	uint8_t r[16];

	crypto_random(r, sizeof(r));
	r[6] = (uint8_t)((r[6] & 0x0f) | 0x40);
	r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
	(void)snprintf(out, size, "x-ms-client-request-id: %02x%02x%02x%02x-"
	    "%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1],
	    r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12],
	    r[13], r[14], r[15]);
}

void
arm_refusal_parse(int status, const char *text, size_t len,
    struct arm_refusal *why)
{
	static const char *const codes[] = { "error.code", "code", "Code" };
	static const char *const messages[] = { "error.message", "message",
	    "Message" };
	char no_json[JS_WHY_MAX];
	struct js *j = js_parse(text, len, no_json);
	const char *s;
	size_t i;

	*why = (struct arm_refusal){ .status = status };
	for (i = 0; i < 3 && why->code[0] == '\0'; i++)
		if ((s = js_string(j, codes[i])) != NULL)
			(void)snprintf(why->code, sizeof(why->code), "%s", s);
	for (i = 0; i < 3 && why->message[0] == '\0'; i++)
		if ((s = js_string(j, messages[i])) != NULL)
			(void)snprintf(why->message, sizeof(why->message),
			    "%.*s", (int)strcspn(s, "\r\n"), s);
	js_free(j);
}

int
arm_explain(const struct arm_refusal *why, const char *host,
    const struct http_reply *reply, struct err *e)
{
	static const struct {
		const char	*code;
		const char	*id;
		int		 status;
		const char	*cause;
		const char	*fix;
	} rows[] = {
		{ "InvalidAuthenticationTokenTenant", "E206", EX_NOHOST,
		    "you are logged in to another tenant than the machine's",
		    "az login --tenant TENANT" },
		{ "SubscriptionNotFound", "E206", EX_NOHOST,
		    "no such subscription, or it is of another tenant",
		    "az login --tenant TENANT" },
		{ "NoRegisteredProviderFound", "E403", EX_CONFIG,
		    "Microsoft.HybridConnectivity is not registered in the "
		    "subscription",
		    "az provider register -n Microsoft.HybridConnectivity, "
		    "then restart the agent" },
		{ "MissingSubscriptionRegistration", "E403", EX_CONFIG,
		    "Microsoft.HybridConnectivity is not registered in the "
		    "subscription",
		    "az provider register -n Microsoft.HybridConnectivity, "
		    "then restart the agent" },
		{ "ScopeLocked", "E410", EX_NOPERM,
		    "a read-only lock forbids it",
		    "az lock list --resource RESOURCE-ID" },
		{ "RequestDisallowedByPolicy", "E411", EX_NOPERM,
		    "an Azure policy forbids it", "ask the policy's owner" },
	};
	size_t i;

	if (http_is_busy(why->status))
		return (http_refused(host, reply, e));
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcasecmp(why->code, rows[i].code) == 0) {
			err_set(e, rows[i].status, rows[i].id, "%s",
			    rows[i].cause);
			return (err_fix(e, "%s", rows[i].fix));
		}
	if (why->status == 401) {
		err_set(e, EX_NOUSER, "E303", "Azure does not take the token: "
		    "%.160s", why->code[0] != '\0' ? why->code : "status 401");
		e->retry = RETRY_CREDENTIAL;
		return (err_fix(e, "az login"));
	}
	if (why->status == 403) {
		err_set(e, EX_NOPERM, "E401", "Azure forbids it: %.200s",
		    why->message[0] != '\0' ? why->message : why->code);
		return (err_fix(e, "ask for a role that allows it"));
	}
	if (why->code[0] == '\0' && why->message[0] == '\0')
		return (http_refused(host, reply, e));
	return (err_set(e, EX_PROTOCOL, "E412", "Azure refuses with status %d: "
	    "%s: %.160s", why->status, why->code, why->message));
}

static int
send(const struct cloud *c, const char *method, const char *path,
    const char *authorization, const char *body, struct http_reply *reply,
    struct err *e)
{
	struct secret url = SECRET_INIT, content = SECRET_INIT;
	char id[80];
	const char *const headers[] = {
		authorization, id, "Accept: application/json",
		body != NULL ? "Content-Type: application/json" : NULL, NULL
	};
	struct http_request q = {
		.method = method, .headers = headers, .net = &c->net,
		.timeout_s = ARM_TIMEOUT_S, .body_max = ARM_BODY_MAX,
	};
	int rc;

	client_request_id(id, sizeof(id));
	if (text_append(&url, c->management, strlen(c->management),
	    ARM_BODY_MAX) == -1 ||
	    text_append(&url, path, strlen(path), ARM_BODY_MAX) == -1 ||
	    (body != NULL && secret_set(&content, body, strlen(body)) == -1))
		rc = err_set(e, EX_OSERR, "", "out of memory");
	else {
		q.url = url.data;
		q.body = body != NULL ? &content : NULL;
		rc = http_call(&q, reply, e);
	}
	secret_free(&url);
	secret_free(&content);
	return (rc);
}

int
arm_call(const struct cloud *c, const struct secret *token, const char *method,
    const char *path, const char *body, struct http_reply *reply,
    struct arm_refusal *why, struct err *e)
{
	static const char bearer[] = "Authorization: Bearer ";
	struct secret authorization = SECRET_INIT;
	char host[256];
	int rc;

	*why = (struct arm_refusal){ .status = 0 };
	if (secret_set(&authorization, bearer, strlen(bearer)) == -1 ||
	    text_append(&authorization, token->data, token->len,
	    ARM_BODY_MAX) == -1)
		rc = err_set(e, EX_OSERR, "", "out of memory");
	else
		rc = send(c, method, path, authorization.data, body, reply, e);
	secret_free(&authorization);
	if (rc == -1 || (reply->status >= 200 && reply->status < 300))
		return (rc);
	arm_refusal_parse(reply->status, reply->body.data != NULL ?
	    reply->body.data : "", reply->body.len, why);
	http_host(c->management, host, sizeof(host));
	return (arm_explain(why, host, reply, e));
}
