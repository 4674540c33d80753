/*
 * What the ways to log in have in common, see login.h.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/app.h"
#include "auth/cache.h"
#include "auth/cloud.h"
#include "auth/entry.h"
#include "auth/json.h"
#include "auth/jwt.h"
#include "auth/login.h"
#include "auth/token.h"
#include "relay/crypto.h"
#include "relay/err.h"

int
login_form(const struct login_request *r, const char *grant,
    struct secret *form, struct err *e)
{
	const struct token_request ask = {
		.cloud = r->cloud, .claims = r->claims
	};

	if ((grant == NULL ||
	    oauth_form_add(form, "grant_type", grant) == 0) &&
	    oauth_form_add(form, "client_id", r->client) == 0 &&
	    oauth_form_add_request(form, &ask, OAUTH_USER_SCOPES) == 0)
		return (0);
	return (err_set(e, EX_OSERR, "", "out of memory"));
}

static void
begin_account(const struct login_request *r, const char *kind,
    struct account *a)
{
	*a = (struct account){ .slot = 0 };
	(void)snprintf(a->kind, sizeof(a->kind), "%s", kind);
	(void)snprintf(a->client, sizeof(a->client), "%s", r->client);
	(void)snprintf(a->cloud, sizeof(a->cloud), "%s", r->cloud->name);
	(void)snprintf(a->authority, sizeof(a->authority), "%s",
	    r->cloud->authority);
}

int
login_accept(const struct login_request *r, struct oauth_answer *a,
    struct login *out, struct err *e)
{
	struct account *who = &out->account;

	if (a->refresh_token.len == 0) {
		err_set(e, EX_PROTOCOL, "E412", "the answer of the login host "
		    "has no refresh_token");
		return (err_fix(e, "the application %s must be allowed "
		    "offline_access", r->client));
	}
	begin_account(r, ACCOUNT_USER, who);
	(void)snprintf(who->name, sizeof(who->name), "%s", a->account);
	(void)snprintf(who->tenant, sizeof(who->tenant), "%s", a->tenant);
	/* an application that may not ask for the profile has this at least */
	jwt_who(a->access_token.data, a->access_token.len, who->name,
	    sizeof(who->name), who->tenant, sizeof(who->tenant));
	if (who->name[0] == '\0')
		(void)snprintf(who->name, sizeof(who->name), "a user");
	if (who->tenant[0] == '\0')
		(void)snprintf(who->tenant, sizeof(who->tenant), "%s",
		    r->tenant);
	secret_move(&out->secret, &a->refresh_token);
	return (0);
}

/* The path as it will be found from anywhere. */
static int
remember_path(const char *file, struct account *a, struct err *e)
{
	char path[PATH_MAX];
	size_t len;

	if (realpath(file, path) == NULL)
		return (err_sys(e, EX_NOINPUT, "", "cannot read the "
		    "certificate file %s", file));
	if ((len = strlen(path)) >= sizeof(a->certificate))
		return (err_set(e, EX_USAGE, "", "the path of the certificate "
		    "file is longer than %zu bytes",
		    sizeof(a->certificate) - 1));
	memcpy(a->certificate, path, len + 1);
	return (0);
}

int
login_by_principal(const struct login_request *r, const struct secret *secret,
    const char *certificate, struct login *out, struct err *e)
{
	const struct token_request ask = { .cloud = r->cloud };
	struct account *who = &out->account;
	struct app app = { .tenant = r->tenant, .client = r->client };
	struct token token = TOKEN_INIT;
	int rc = -1;

	begin_account(r, ACCOUNT_PRINCIPAL, who);
	(void)snprintf(who->name, sizeof(who->name), "%s", r->client);
	(void)snprintf(who->tenant, sizeof(who->tenant), "%s", r->tenant);
	if (secret->len > 0)
		app.secret = secret->data;
	else if (remember_path(certificate, who, e) == 0)
		app.certificate = who->certificate;
	else
		return (-1);
	if (app_token(&ask, &app, &token, e) == TOKEN_GOT &&
	    (rc = secret_set(&out->secret, secret->data, secret->len)) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	token_free(&token);
	return (rc);
}

int
login_claims(const char *given, char out[LOGIN_CLAIMS_MAX], struct err *e)
{
	char why[JS_WHY_MAX] = "is too long";
	size_t len = strlen(given);
	struct js *j = NULL;
	ptrdiff_t n = -1;

	if (given[0] == '{' && len < LOGIN_CLAIMS_MAX) {
		memcpy(out, given, len);
		n = (ptrdiff_t)len;
	} else if (given[0] != '{' && (n = crypto_unbase64(given, len, out,
	    LOGIN_CLAIMS_MAX - 1)) == -1)
		(void)snprintf(why, sizeof(why), "is neither JSON nor base64");
	if (n != -1) {
		out[n] = '\0';
		(void)snprintf(why, sizeof(why), "is no JSON object");
		if (out[0] == '{')
			j = js_parse(out, (size_t)n, why);
	}
	if (j == NULL) {
		err_set(e, EX_USAGE, "", "what is given with --claims %s", why);
		return (err_fix(e, "put the JSON in single quotes"));
	}
	js_free(j);
	return (0);
}

static void
drop(void *arg, const struct cache_key *key, const struct entry *x)
{
	if (strcmp(x->source, token_login.name) == 0 ||
	    strcmp(x->kind, ENTRY_FAILURE) == 0)
		cache_drop(arg, key);
}

void
login_drop_cached(void)
{
	struct cache c;

	cache_open(&c);
	if (cache_works(&c))
		entry_each(&c, drop, &c);
	cache_close(&c);
}

void
login_free(struct login *l)
{
	secret_free(&l->secret);
	*l = (struct login)LOGIN_INIT;
}
