/*
 * The token of a service principal: AZURE_TENANT_ID, AZURE_CLIENT_ID and
 * AZURE_CLIENT_SECRET (RFC 6749, 4.4).
 */
#include <stdio.h>

#include "auth/cloud.h"
#include "auth/env.h"
#include "auth/oauth.h"
#include "auth/token.h"
#include "relay/err.h"
#include "relay/secret.h"

static enum token_result
get(const struct token_request *r, struct token *t, struct err *e)
{
	struct oauth_answer answer = OAUTH_ANSWER_INIT;
	const char *tenant = env_get("AZURE_TENANT_ID");
	const char *client = env_get("AZURE_CLIENT_ID");
	const char *secret = env_get("AZURE_CLIENT_SECRET");
	struct secret form = SECRET_INIT;
	int rc = -1;

	if (tenant == NULL || client == NULL || secret == NULL)
		return (TOKEN_SKIP);
	if (oauth_form_add(&form, "grant_type", "client_credentials") == -1 ||
	    oauth_form_add(&form, "client_id", client) == -1 ||
	    oauth_form_add(&form, "client_secret", secret) == -1 ||
	    oauth_form_add_scope(&form, r->cloud, "") == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	else if ((rc = oauth_token(r->cloud, tenant, OAUTH_SECRET, &form,
	    &answer, e)) == 0) {
		t->text = answer.access_token;
		answer.access_token = (struct secret)SECRET_INIT;
		t->expires_on = answer.expires_on;
		(void)snprintf(t->account, sizeof(t->account), "%s", client);
		(void)snprintf(t->tenant, sizeof(t->tenant), "%s", tenant);
	}
	oauth_answer_free(&answer);
	secret_free(&form);
	return (rc == 0 ? TOKEN_GOT : TOKEN_FAILED);
}

const struct token_source token_env = {
	"environment", "EnvironmentCredential", "prod", get,
	"set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or "
	"AZURE_CLIENT_CERTIFICATE_PATH"
};
