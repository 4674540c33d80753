/*
 * The token of whoever is logged in with the Azure CLI: one that it keeps in its
 * files, else a new one for the refresh token there, else what az itself says.
 * Its files are read and never written.  What we are given in exchange for the
 * refresh token is not kept either: the one that az has stays good.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/azprofile.h"
#include "auth/azrun.h"
#include "auth/cloud.h"
#include "auth/msal.h"
#include "auth/oauth.h"
#include "auth/text.h"
#include "auth/token.h"
#include "relay/err.h"
#include "relay/log.h"
#include "relay/secret.h"

#define CACHE		"msal_token_cache.json"
#define GOOD_FOR_S	300	/* a token that ends sooner is as good as none */

/* -1: there is no cache that we can read; az may have an encrypted one. */
static int
read_cache(const struct token_request *r, const struct azprofile *who,
    const char *tenant, struct msal_tokens *tokens)
{
	const struct msal_want want = {
		.user = who->user, .tenant = tenant,
		.authority = r->cloud->authority,
		.audience = r->cloud->audience,
	};
	struct secret text = SECRET_INIT;
	char path[PATH_MAX], why[JS_WHY_MAX];
	int rc = -1;

	if (azprofile_path(CACHE, path, sizeof(path)) == -1)
		return (-1);
	if (text_read_regular(path, MSAL_MAX, true, &text) == -1)
		log_verbose("az: %s is not used: %s", path, strerror(errno));
	else if ((rc = msal_read(text.data != NULL ? text.data : "", text.len,
	    &want, tokens, why)) == -1)
		log_verbose("az: %s is not used: %s", path, why);
	secret_free(&text);
	return (rc);
}

static bool
is_usable(const struct token_request *r, const struct msal_tokens *tokens)
{
	const struct secret *token = &tokens->access;

	return (r->ssh_key == NULL && r->claims == NULL && r->tenant == NULL &&
	    token->len > 0 &&
	    tokens->expires_on - GOOD_FOR_S > time(NULL) &&
	    (r->refused == NULL || r->refused->len != token->len ||
	    memcmp(r->refused->data, token->data, token->len) != 0));
}

/* A new token for the refresh token. */
static int
refresh(const struct token_request *r, const char *tenant,
    const struct secret *token, struct token *t, struct err *e)
{
	struct oauth_answer answer = OAUTH_ANSWER_INIT;
	struct secret form = SECRET_INIT;
	int rc = -1;

	if (oauth_form_add(&form, "grant_type", "refresh_token") == -1 ||
	    oauth_form_add(&form, "client_id", MSAL_AZ_CLIENT) == -1 ||
	    oauth_form_add(&form, "refresh_token", token->data) == -1 ||
	    oauth_form_add_request(&form, r, OAUTH_USER_SCOPES) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	else if ((rc = oauth_token(r->cloud, tenant, OAUTH_LOGIN, &form,
	    &answer, e)) == 0) {
		secret_move(&t->text, &answer.access_token);
		t->expires_on = answer.expires_on;
		memcpy(t->type, answer.type, sizeof(t->type));
	}
	oauth_answer_free(&answer);
	secret_free(&form);
	return (rc);
}

/*
 * The token of a user without starting az.  Returns 0; or -1: az must be asked.
 * e tells of a refresh token that did not work, and is as it was else.
 */
static int
from_files(const struct token_request *r, const struct azprofile *who,
    struct token *t, struct err *e)
{
	const char *tenant = r->tenant != NULL ? r->tenant : who->tenant;
	struct msal_tokens tokens = MSAL_TOKENS_INIT;
	int rc = -1;

	if (read_cache(r, who, tenant, &tokens) == 0) {
		if (is_usable(r, &tokens)) {
			secret_move(&t->text, &tokens.access);
			t->expires_on = tokens.expires_on;
			rc = 0;
		} else if (tokens.refresh.len > 0 && (rc = refresh(r, tenant,
		    &tokens.refresh, t, e)) == -1)
			log_verbose("az: its refresh token does not do: %s",
			    e->cause);
	}
	if (rc == 0)
		(void)snprintf(t->tenant, sizeof(t->tenant), "%s", tenant);
	msal_tokens_free(&tokens);
	return (rc);
}

/* az is not there, and its files were not enough. */
static enum token_result
without_az(const struct azprofile *who, struct err *e)
{
	if (who->user[0] == '\0')
		return (TOKEN_SKIP);
	if (e->status == 0) {
		err_set(e, EX_TEMPFAIL, "E315", "%.100s is logged in with the "
		    "Azure CLI, but there is no az on PATH", who->user);
		err_fix(e, "arc-relay login, or install the Azure CLI");
	}
	return (TOKEN_FAILED);
}

/*
 * What az has no command for without a key file of its own: only its refresh
 * token helps.  why: how that failed, if it was tried.
 */
static enum token_result
no_certificate(const struct azprofile *who, const struct err *why,
    struct err *e)
{
	if (who->user[0] == '\0')
		return (TOKEN_SKIP);
	if (why->status != 0)
		*e = *why;
	else if (strstr(who->user, "AssignedIdentity") != NULL)
		(void)token_no_certificate(e);
	else {
		err_set(e, EX_NOUSER, "E301", "no SSH certificate by what the "
		    "Azure CLI keeps of the login of %.100s", who->user);
		err_fix(e, strcmp(who->type, "user") == 0 ? "arc-relay login" :
		    "arc-relay login --service-principal --tenant T "
		    "--client-id C");
	}
	return (TOKEN_FAILED);
}

static enum token_result
get(const struct token_request *r, struct token *t, struct err *e)
{
	enum token_result result = TOKEN_FAILED;
	struct err why = ERR_INIT;
	struct azprofile who;
	bool nobody;

	if (azprofile_load(&who) == -1) {
		nobody = errno == ENODATA;
		log_verbose("az: its profile: %s", nobody ?
		    "nobody is logged in" : strerror(errno));
		if (nobody)
			return (TOKEN_SKIP);
	}
	if (strcmp(who.type, "user") == 0 &&
	    from_files(r, &who, t, &why) == 0)
		result = TOKEN_GOT;
	else if (r->ssh_key != NULL)
		result = no_certificate(&who, &why, e);
	else
		switch (azrun_token(r, t, e)) {
		case AZRUN_GOT:
			result = TOKEN_GOT;
			break;
		case AZRUN_NOBODY:
			result = TOKEN_SKIP;
			break;
		case AZRUN_ABSENT:
			*e = why;
			result = without_az(&who, e);
			break;
		case AZRUN_FAILED:
			break;
		}
	if (result == TOKEN_GOT) {
		(void)snprintf(t->account, sizeof(t->account), "%s", who.user);
		log_clean(t->account);
		log_clean(t->tenant);
	}
	return (result);
}

const struct token_source token_azcli = {
	"azure-cli", "AzureCliCredential", "dev", get, "az login",
	"az login"
};
