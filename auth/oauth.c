/*
 * Entra's token endpoint, see oauth.h.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/cloud.h"
#include "auth/http.h"
#include "auth/json.h"
#include "auth/oauth.h"
#include "auth/text.h"
#include "relay/err.h"

#define TOKEN_TIMEOUT_S	30
#define TOKEN_BODY_MAX	(64 * 1024)	/* bytes; a real one has 3,000 */
#define TOKEN_LIFE_MIN_S	60
#define TOKEN_LIFE_MAX_S	(24 * 3600)

/* By OAuth's word (RFC 6749, 5.2); the first row is for all others. */
static const struct meaning {
	const char	*word;
	const char	*id;
	int		 status;
	const char	*cause;
	const char	*fix;
} meanings[] = {
	{ "", "E303", EX_NOUSER, "Entra gives no token",
	    "look the number up: https://login.microsoftonline.com/error" },
	{ "invalid_grant", "E303", EX_NOUSER,
	    "the sign-in expired or was revoked", "az login" },
	{ "interaction_required", "E304", EX_NOPERM,
	    "Entra wants a fresh sign-in (MFA or Conditional Access)",
	    "az login" },
	{ "invalid_client", "E305", EX_NOUSER,
	    "the client secret is wrong or expired",
	    "az ad sp credential reset --id \"$AZURE_CLIENT_ID\"" },
	{ "unauthorized_client", "E307", EX_NOUSER,
	    "the tenant does not know the application",
	    "check AZURE_TENANT_ID and AZURE_CLIENT_ID" },
};

int
oauth_form_add(struct secret *form, const char *name, const char *value)
{
	if ((form->len > 0 && text_append(form, "&", 1, SIZE_MAX - 1) == -1) ||
	    text_percent(form, name, "") == -1 ||
	    text_append(form, "=", 1, SIZE_MAX - 1) == -1)
		return (-1);
	return (text_percent(form, value, ""));
}

int
oauth_form_add_scope(struct secret *form, const struct cloud *c,
    const char *more)
{
	char scope[sizeof(c->audience) + 100];

	(void)snprintf(scope, sizeof(scope), "%s/.default%s%s", c->audience,
	    more[0] != '\0' ? " " : "", more);
	return (oauth_form_add(form, "scope", scope));
}

/* The first sentence of Entra's text, without its full stop. */
static int
first_sentence(const char *text)
{
	const char *end = strstr(text, ". ");
	size_t len = strcspn(text, "\r\n");

	if (end != NULL && (size_t)(end - text) < len)
		len = (size_t)(end - text);
	while (len > 0 && text[len - 1] == '.')
		len--;
	return (len < 200 ? (int)len : 200);
}

static const struct meaning *
meaning_of(const char *word, const char *text)
{
	size_t i;

	/* one number all the same: its word depends on the flow */
	if (strncmp(text, "AADSTS700016:", 13) == 0)
		word = "unauthorized_client";
	for (i = 1; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (strcmp(word, meanings[i].word) == 0)
			return (&meanings[i]);
	return (&meanings[0]);
}

int
oauth_refused(const char *text, size_t len, enum oauth_way way,
    char error[40], struct err *e)
{
	char why[JS_WHY_MAX];
	struct js *j = js_parse(text, len, why);
	const char *word = js_string(j, "error");
	const char *more = js_string(j, "error_description");
	const struct meaning *m;

	(void)way;
	if (word != NULL) {
		(void)snprintf(error, 40, "%s", word);
		m = meaning_of(word, more != NULL ? more : "");
		if (more == NULL)
			more = word;
		err_set(e, m->status, m->id, "%s: %.*s", m->cause,
		    first_sentence(more), more);
		err_fix(e, "%s", m->fix);
	}
	js_free(j);
	return (word != NULL ? 0 : -1);
}

/* What a token's owner is called; the token's own words, checked by nobody. */
static void
read_account(const struct js *j, struct oauth_answer *a)
{
	(void)j;	/* comes with the id token */
	a->account[0] = a->tenant[0] = '\0';
}

int
oauth_read(const char *text, size_t len, int64_t now, struct oauth_answer *a,
    struct err *e)
{
	char why[JS_WHY_MAX];
	struct js *j = js_parse(text, len, why);
	const char *got = js_string(j, "access_token");
	const char *refresh = js_string(j, "refresh_token");
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
	read_account(j, a);
	js_free(j);
	return (rc);
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
	char url[sizeof(c->authority) + 200];
	struct http_request q = {
		.method = "POST", .url = url, .headers = headers, .body = form,
		.net = &c->net, .timeout_s = TOKEN_TIMEOUT_S,
		.body_max = TOKEN_BODY_MAX,
	};
	char host[256];
	const char *text;
	int rc = -1;

	error[0] = '\0';
	/* the tenant becomes part of a path: a GUID or a domain, no more */
	if (tenant[0] == '\0' || !text_only(tenant, "-.") || (size_t)snprintf(
	    url, sizeof(url), "%s/%s/oauth2/v2.0/%s", c->authority, tenant,
	    endpoint) >= sizeof(url))
		return (err_set(e, EX_CONFIG, "E307",
		    "\"%.80s\" is not a tenant", tenant));
	if (http_call(&q, &reply, e) == -1)
		goto out;
	text = reply.body.data != NULL ? reply.body.data : "";
	if (reply.status == 200) {
		secret_free(body);
		*body = reply.body;
		reply.body = (struct secret)SECRET_INIT;
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
