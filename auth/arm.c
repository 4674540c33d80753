/*
 * Calls to Azure Resource Manager, see arm.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/arm.h"
#include "auth/cloud.h"
#include "auth/http.h"
#include "auth/text.h"
#include "relay/crypto.h"
#include "relay/err.h"
#include "relay/log.h"

#define ARM_TIMEOUT_S	60	/* ARM gives a provider that long */
#define ARM_BODY_MAX	(64 * 1024)	/* bytes; JSON of 1 MiB can fill 80 */
#define ARM_URL_MAX	(16 * 1024)	/* bytes; of a link to the next page: 3,000 */
#define ARM_TOKEN_MAX	(64 * 1024)	/* bytes */
#define LOW_ON_CALLS	50	/* of 200 that one may make at once */

/* Azure's support finds our call by it. */
static void
client_request_id(char *out, size_t size)
{
	char id[UUID_SIZE];

	crypto_uuid(id);
	(void)snprintf(out, size, "x-ms-client-request-id: %s", id);
}

static int
send(const struct cloud *c, const struct arm_request *request,
    const char *authorization, struct http_reply *reply, struct err *e)
{
	struct secret url = SECRET_INIT, content = SECRET_INIT;
	const char *body = request->body;
	char id[80];
	const char *const headers[] = {
		authorization, id, "Accept: application/json",
		body != NULL ? "Content-Type: application/json" : NULL, NULL
	};
	struct http_request q = {
		.method = request->method, .headers = headers, .net = &c->net,
		.timeout_s = ARM_TIMEOUT_S, .body_max = request->body_max != 0 ?
		    request->body_max : ARM_BODY_MAX,
	};
	int rc;

	client_request_id(id, sizeof(id));
	if (text_append(&url, c->management, strlen(c->management),
	    ARM_URL_MAX) == -1 || text_append(&url, request->path,
	    strlen(request->path), ARM_URL_MAX) == -1 ||
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

/* How many more calls ARM lets us make, when there are few. */
static void
tell_what_is_left(const struct http_reply *reply)
{
	static const char *const kinds[] = { "subscription-reads",
	    "subscription-writes", "subscription-deletes",
	    "subscription-global-reads", "subscription-global-writes",
	    "subscription-global-deletes" };
	char name[80], left[8];
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		(void)snprintf(name, sizeof(name), "x-ms-ratelimit-remaining-%s",
		    kinds[i]);
		if (http_header(reply, name, left, sizeof(left)) &&
		    left[strspn(left, "0123456789")] == '\0' &&
		    strtoul(left, NULL, 10) < LOW_ON_CALLS)
			log_verbose("Azure will soon throttle: %s %s left",
			    left, kinds[i]);
	}
}

static void
read_refusal(const struct http_reply *reply, struct arm_refusal *why)
{
	char header[2 * ARM_CLAIMS_MAX], cause[HTTP_ID_MAX];

	arm_refusal_parse(reply->status, reply->body.data != NULL ?
	    reply->body.data : "", reply->body.len, why);
	if (http_header(reply, "WWW-Authenticate", header, sizeof(header)))
		arm_challenge_parse(header, why);
	if (http_header(reply, "x-ms-failure-cause", cause, sizeof(cause)))
		log_verbose("refused by: %s", cause);
}

int
arm_call(const struct cloud *c, const struct secret *token,
    const struct arm_request *q, struct http_reply *reply,
    struct arm_refusal *why, struct err *e)
{
	static const char bearer[] = "Authorization: Bearer ";
	struct secret authorization = SECRET_INIT;
	char host[256];
	int rc;

	*why = (struct arm_refusal){ .status = 0 };
	if (secret_set(&authorization, bearer, strlen(bearer)) == -1 ||
	    text_append(&authorization, token->data, token->len,
	    ARM_TOKEN_MAX) == -1)
		rc = err_set(e, EX_OSERR, "", "out of memory");
	else
		rc = send(c, q, authorization.data, reply, e);
	secret_free(&authorization);
	if (rc == -1)
		return (-1);
	tell_what_is_left(reply);
	if (reply->status >= 200 && reply->status < 300)
		return (0);
	read_refusal(reply, why);
	http_host(c->management, host, sizeof(host));
	return (arm_explain(why, host, q->path, reply, e));
}
