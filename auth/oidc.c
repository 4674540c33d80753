/*
 * The token of a pipeline, see oidc.h.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "auth/http.h"
#include "auth/json.h"
#include "auth/jwt.h"
#include "auth/oidc.h"
#include "auth/text.h"
#include "relay/err.h"
#include "relay/secret.h"

#define OIDC_TIMEOUT_S	30
#define OIDC_BODY_MAX	(64 * 1024)	/* bytes; a real one has 2,500 */
#define URL_MAX		2048
#define HEADERS_MAX	6

/* https, a host, and no user name: the bearer is for that host only. */
static bool
is_https(const char *url)
{
	static const char https[] = "https://";
	size_t n = strlen(https);

	return (strncmp(url, https, n) == 0 &&
	    text_is_visible(url, strlen(url)) && strchr(url, '#') == NULL &&
	    strcspn(url + n, "/?") > 0 &&
	    strcspn(url + n, "@\\") >= strcspn(url + n, "/?"));
}

static int
make_url(const struct oidc_request *q, char *url, struct err *e)
{
	if (is_https(q->url) && (size_t)snprintf(url, URL_MAX, "%s%c%s",
	    q->url, strchr(q->url, '?') != NULL ? '&' : '?', q->query) < URL_MAX)
		return (0);
	err_set(e, EX_NOUSER, "E308", "the URL of %s's tokens is not https: "
	    "none is asked for", q->service);
	return (err_fix(e, "is this environment really that of a pipeline?"));
}

/* Its state, or what it thinks of us. */
static int
refused(const struct oidc_request *q, const struct http_reply *reply,
    struct err *e)
{
	char host[256];

	if (http_is_busy(reply->status)) {
		http_host(q->url, host, sizeof(host));
		return (http_refused(host, reply, e));
	}
	err_set(e, EX_NOUSER, "E308", "%s gives no token (status %d)",
	    q->service, reply->status);
	return (err_fix(e, "%s", q->remedy));
}

static int
accept_answer(const struct oidc_request *q, const struct http_reply *reply,
    struct secret *token, struct err *e)
{
	const char *text = reply->body.data != NULL ? reply->body.data : "";
	char why[JS_WHY_MAX];
	struct js *j = js_parse(text, reply->body.len, why), *claims;
	const char *got = js_string(j, q->member);
	int rc = -1;

	claims = got != NULL ? jwt_claims(got, strlen(got)) : NULL;
	js_free(claims);
	if (reply->status != 200 || claims == NULL)
		(void)refused(q, reply, e);
	else if ((rc = secret_set(token, got, strlen(got))) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	js_free(j);
	return (rc);
}

static int
make_bearer(const char *bearer, struct secret *out)
{
	static const char start[] = "Authorization: Bearer ";

	if (!text_is_visible(bearer, strlen(bearer)) ||
	    secret_set(out, start, strlen(start)) == -1)
		return (-1);
	return (text_append(out, bearer, strlen(bearer), OIDC_BODY_MAX));
}

int
oidc_token(const struct oidc_request *q, struct secret *token, struct err *e)
{
	const char *headers[HEADERS_MAX + 1] = { "Accept: application/json" };
	struct http_reply reply = HTTP_REPLY_INIT;
	struct secret bearer = SECRET_INIT;
	static const struct secret nothing = SECRET_INIT;
	char url[URL_MAX];
	struct http_request h = {
		.method = q->method, .url = url, .headers = headers,
		.body = strcmp(q->method, "POST") == 0 ? &nothing : NULL,
		.net = q->net, .timeout_s = OIDC_TIMEOUT_S,
		.body_max = OIDC_BODY_MAX,
	};
	size_t i;
	int rc = -1;

	if (make_url(q, url, e) == -1)
		return (-1);
	if (make_bearer(q->bearer, &bearer) == -1) {
		err_set(e, EX_NOUSER, "E308", "what proves to %s that we are "
		    "its pipeline is not one word", q->service);
		err_fix(e, "%s", q->remedy);
		goto out;
	}
	headers[1] = bearer.data;
	for (i = 0; i + 2 < HEADERS_MAX && q->headers[i] != NULL; i++)
		headers[i + 2] = q->headers[i];
	if (http_call(&h, &reply, e) == 0)
		rc = accept_answer(q, &reply, token, e);
 out:
	http_reply_free(&reply);
	secret_free(&bearer);
	return (rc);
}
