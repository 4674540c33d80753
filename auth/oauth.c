/*
 * Entra's token endpoint, see oauth.h.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "auth/cloud.h"
#include "auth/http.h"
#include "auth/json.h"
#include "auth/jwt.h"
#include "auth/oauth.h"
#include "auth/text.h"
#include "auth/token.h"
#include "relay/err.h"

#define TOKEN_TIMEOUT_S	30
#define TOKEN_BODY_MAX	(64 * 1024)	/* bytes; a real one has 3,000 */
#define TOKEN_LIFE_MIN_S	60
#define TOKEN_LIFE_MAX_S	(24 * 3600)

int
oauth_form_add(struct secret *form, const char *name, const char *value)
{
	if ((form->len > 0 && text_append(form, "&", 1, SIZE_MAX - 1) == -1) ||
	    text_percent(form, name, "") == -1 ||
	    text_append(form, "=", 1, SIZE_MAX - 1) == -1)
		return (-1);
	return (text_percent(form, value, ""));
}

static int
add_scope(struct secret *form, const struct token_request *r, const char *more)
{
	const struct cloud *c = r->cloud;
	char scope[sizeof(c->audience) + 100];

	(void)snprintf(scope, sizeof(scope), "%s%s%s%s",
	    r->ssh_key != NULL ? c->ssh_scope : c->audience,
	    r->ssh_key != NULL ? "" : "/.default",
	    more[0] != '\0' ? " " : "", more);
	return (oauth_form_add(form, "scope", scope));
}

int
oauth_form_add_ssh_key(struct secret *form, const struct token_ssh_key *key)
{
	if (oauth_form_add(form, "token_type", TOKEN_SSH_CERT) == -1 ||
	    oauth_form_add(form, "req_cnf", key->jwk) == -1)
		return (-1);
	return (oauth_form_add(form, "key_id", key->id));
}

int
oauth_form_add_request(struct secret *form, const struct token_request *r,
    const char *more)
{
	if (add_scope(form, r, more) == -1 || (r->claims != NULL &&
	    oauth_form_add(form, "claims", r->claims) == -1))
		return (-1);
	return (r->ssh_key == NULL ? 0 :
	    oauth_form_add_ssh_key(form, r->ssh_key));
}

/* What a token's owner is called; the token's own words, checked by nobody. */
static void
read_account(const struct js *j, struct oauth_answer *a)
{
	const char *id = js_string(j, "id_token");

	if (id != NULL)
		jwt_who(id, strlen(id), a->account, sizeof(a->account),
		    a->tenant, sizeof(a->tenant));
}

int
oauth_read(const char *text, size_t len, int64_t now, struct oauth_answer *a,
    struct err *e)
{
	char why[JS_WHY_MAX];
	struct js *j = js_parse(text, len, why);
	const char *got = js_string(j, "access_token");
	const char *refresh = js_string(j, "refresh_token");
	const char *type = js_string(j, "token_type");
	int64_t life_s = TOKEN_LIFE_MIN_S;
	int rc = -1;

	if (j == NULL) {
		err_set(e, EX_PROTOCOL, "E607", "the answer of the login host "
		    "%s", why);
		err_fix(e, "a captive portal or a proxy may answer in its "
		    "place: open a browser");
	} else if (got == NULL)
		err_set(e, EX_PROTOCOL, "E412", "the answer of the login host "
		    "has no access_token");
	else if ((rc = secret_set(&a->access_token, got, strlen(got))) == -1 ||
	    (refresh != NULL && (rc = secret_set(&a->refresh_token, refresh,
	    strlen(refresh))) == -1))
		err_set(e, EX_OSERR, "", "out of memory");
	(void)js_integer(j, "expires_in", &life_s);
	if (life_s < TOKEN_LIFE_MIN_S)
		life_s = TOKEN_LIFE_MIN_S;
	if (life_s > TOKEN_LIFE_MAX_S)
		life_s = TOKEN_LIFE_MAX_S;
	a->expires_on = now + life_s;
	(void)snprintf(a->type, sizeof(a->type), "%s", type != NULL ? type : "");
	read_account(j, a);
	js_free(j);
	return (rc);
}

int
oauth_url(const struct cloud *c, const char *tenant, const char *endpoint,
    char *out, size_t size, struct err *e)
{
	/* the tenant becomes part of a path: a GUID or a domain, no more */
	if (tenant[0] == '\0' || !text_only(tenant, "-.") ||
	    strspn(tenant, ".") == strlen(tenant) ||
	    (size_t)snprintf(out, size, strcasecmp(tenant, "adfs") == 0 ?
	    "%s/%s/oauth2/%s" : "%s/%s/oauth2/v2.0/%s", c->authority, tenant,
	    endpoint) >= size) {
		err_set(e, EX_CONFIG, "E307", "\"%.80s\" is not a tenant", tenant);
		return (err_fix(e, "give its GUID or one of its domains"));
	}
	return (0);
}

int
oauth_post(const struct cloud *c, const char *tenant, const char *endpoint,
    enum oauth_way way, const struct secret *form, struct secret *body,
    char error[40], struct err *e)
{
	static const char *const headers[] = {
		"Content-Type: application/x-www-form-urlencoded",
		"Accept: application/json",
		NULL
	};
	struct http_reply reply = HTTP_REPLY_INIT;
	char url[OAUTH_URL_MAX];
	struct http_request q = {
		.method = "POST", .url = url, .headers = headers, .body = form,
		.net = &c->net, .timeout_s = TOKEN_TIMEOUT_S,
		.body_max = TOKEN_BODY_MAX,
	};
	char host[256];
	const char *text;
	int rc = -1;

	error[0] = '\0';
	if (oauth_url(c, tenant, endpoint, url, sizeof(url), e) == -1)
		return (-1);
	if (http_call(&q, &reply, e) == -1)
		goto out;
	text = reply.body.data != NULL ? reply.body.data : "";
	if (reply.status == 200) {
		secret_move(body, &reply.body);
		rc = 0;
	} else if (http_is_busy(reply.status) ||
	    oauth_refused(text, reply.body.len, way, error, e) == -1) {
		http_host(url, host, sizeof(host));
		http_refused(host, &reply, e);
	}
 out:
	http_reply_free(&reply);
	return (rc);
}

int
oauth_token(const struct cloud *c, const char *tenant, enum oauth_way way,
    const struct secret *form, struct oauth_answer *a, struct err *e)
{
	struct secret body = SECRET_INIT;
	int rc;

	rc = oauth_post(c, tenant, "token", way, form, &body, a->error, e);
	if (rc == 0)
		rc = oauth_read(body.data != NULL ? body.data : "", body.len,
		    time(NULL), a, e);
	secret_free(&body);
	return (rc);
}

void
oauth_answer_free(struct oauth_answer *a)
{
	secret_free(&a->access_token);
	secret_free(&a->refresh_token);
	*a = (struct oauth_answer)OAUTH_ANSWER_INIT;
}
