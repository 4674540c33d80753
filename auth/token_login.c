/*
 * The token of whoever is logged in with arc-relay login (auth/account.h).
 */
#include <stdio.h>
#include <string.h>

#include "auth/account.h"
#include "auth/app.h"
#include "auth/cloud.h"
#include "auth/oauth.h"
#include "auth/token.h"
#include "relay/err.h"
#include "relay/log.h"
#include "relay/secret.h"

#define LOCK_WAIT_MS	8000	/* then its holder is stuck: go on without */
#define TRIES_MAX	3	/* with a token that was not yet tried */

static const char *
tenant_of(const struct token_request *r, const struct account *a)
{
	return (r->tenant != NULL ? r->tenant : a->tenant);
}

static int
redeem(const struct token_request *r, const struct account *a,
    const struct secret *refresh, struct oauth_answer *answer, struct err *e)
{
	struct secret form = SECRET_INIT;
	int rc = -1;

	oauth_answer_free(answer);
	if (oauth_form_add(&form, "grant_type", "refresh_token") == -1 ||
	    oauth_form_add(&form, "client_id", a->client) == -1 ||
	    oauth_form_add(&form, "refresh_token", refresh->data) == -1 ||
	    oauth_form_add_request(&form, r, OAUTH_USER_SCOPES) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	else
		rc = oauth_token(r->cloud, tenant_of(r, a), OAUTH_LOGIN, &form,
		    answer, e);
	secret_free(&form);
	return (rc);
}

/* Into the tenant that the token was wanted for, whatever else is to be typed. */
static void
explain(const struct token_request *r, const struct account *a, struct err *e)
{
	static const char login[] = "arc-relay login", claims[] = " --claims ";
	const char *at = strstr(e->cause, "AADSTS"), *tenant = tenant_of(r, a);
	char more[sizeof(e->fix)], number[20] = "";

	if (strncmp(e->fix, login, strlen(login)) != 0 ||
	    strstr(e->fix, "--tenant") != NULL)
		return;
	(void)snprintf(more, sizeof(more), "%s", e->fix + strlen(login));
	if (strncmp(more, claims, strlen(claims)) == 0) {
		/* Entra's text, of any length, would push the command out */
		if (at != NULL)
			(void)snprintf(number, sizeof(number), ": %.*s",
			    (int)strcspn(at, ":"), at);
		err_set(e, EX_NOPERM, "E304", "Entra wants a fresh sign-in "
		    "(MFA or Conditional Access)%s", number);
	}
	if (strlen(login) + strlen(" --tenant ") + strlen(tenant) +
	    strlen(more) >= sizeof(e->fix))
		more[0] = '\0';		/* half a command is none */
	err_fix(e, "%s --tenant %s%s", login, tenant, more);
}

/* Its successor, before anything else can go wrong. */
static void
keep(const struct account *a, const struct oauth_answer *answer)
{
	struct err e = ERR_INIT;

	if (answer->refresh_token.len > 0 &&
	    account_renew(a, &answer->refresh_token, &e) == -1)
		log_verbose("the new refresh token is not kept: %s", e.cause);
}

/*
 * Under the lock nobody else redeems.  Without it, or when the holder was cut
 * off, ours may be used up and its successor stored meanwhile: look again.
 */
static int
refresh(const struct token_request *r, struct account *a,
    struct oauth_answer *answer, struct err *e)
{
	struct secret last = SECRET_INIT, secret = SECRET_INIT;
	int try, rc = -1;

	for (try = 0; try < TRIES_MAX; try++) {
		struct err unread = ERR_INIT;

		if (account_secret(a, &secret, try == 0 ? e : &unread) == -1 ||
		    secret_same(&last, &secret))
			break;
		if ((rc = redeem(r, a, &secret, answer, e)) == 0) {
			keep(a, answer);
			break;
		}
		if (strcmp(answer->error, "invalid_grant") != 0)
			break;
		secret_move(&last, &secret);
	}
	if (rc == -1)
		explain(r, a, e);
	secret_free(&last);
	secret_free(&secret);
	return (rc);
}

static enum token_result
token_of_user(const struct token_request *r, struct account *a,
    struct token *t, struct err *e)
{
	struct oauth_answer answer = OAUTH_ANSWER_INIT;
	int lock = account_lock(LOCK_WAIT_MS), rc = -1;

	if (lock == -1)
		log_verbose("no lock for the login: going on without");
	/* what we have read may have been replaced while we waited */
	if (account_load(a) == -1 || !account_is_of(a, r->cloud) ||
	    strcmp(a->kind, ACCOUNT_USER) != 0) {
		err_set(e, EX_NOUSER, "E301", "the login was changed while it "
		    "was used");
		err_fix(e, "try again");
	} else
		rc = refresh(r, a, &answer, e);
	account_unlock(lock);
	if (rc == 0) {
		secret_move(&t->text, &answer.access_token);
		t->expires_on = answer.expires_on;
		memcpy(t->type, answer.type, sizeof(t->type));
		(void)snprintf(t->account, sizeof(t->account), "%s", a->name);
		(void)snprintf(t->tenant, sizeof(t->tenant), "%s",
		    tenant_of(r, a));
	}
	oauth_answer_free(&answer);
	return (rc == 0 ? TOKEN_GOT : TOKEN_FAILED);
}

static enum token_result
token_of_principal(const struct token_request *r, const struct account *a,
    struct token *t, struct err *e)
{
	struct app app = { .tenant = a->tenant, .client = a->client };
	enum token_result result = TOKEN_FAILED;
	struct secret secret = SECRET_INIT;

	if (a->certificate[0] != '\0')
		app.certificate = a->certificate;
	else if (account_secret(a, &secret, e) == 0)
		app.secret = secret.data;
	if (app.certificate != NULL || app.secret != NULL)
		result = app_token(r, &app, t, e);
	secret_free(&secret);
	return (result);
}

static enum token_result
get(const struct token_request *r, struct token *t, struct err *e)
{
	struct account a;

	if (account_load(&a) == -1)
		return (TOKEN_SKIP);
	if (!account_is_of(&a, r->cloud)) {
		log_verbose("the login of %s is for %s at %s, not for %s at %s",
		    a.name, a.cloud, a.authority, r->cloud->name,
		    r->cloud->authority);
		return (TOKEN_SKIP);
	}
	return (strcmp(a.kind, ACCOUNT_USER) == 0 ?
	    token_of_user(r, &a, t, e) : token_of_principal(r, &a, t, e));
}

const struct token_source token_login = {
	"login", NULL, "dev", get, "arc-relay login",
	"arc-relay login"
};
