/*
 * The token of a service principal: AZURE_TENANT_ID, AZURE_CLIENT_ID and
 * AZURE_CLIENT_SECRET (RFC 6749, 4.4).
 */
#include <stdio.h>
#include <stdlib.h>

#include "auth/cloud.h"
#include "auth/oauth.h"
#include "auth/token.h"
#include "relay/err.h"
#include "relay/secret.h"

static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	return (value != NULL && *value != '\0' ? value : NULL);
}

static enum token_result
get(const struct cloud *c, struct secret *token, int64_t *expires_on,
    struct err *e)
{
	const char *tenant = variable("AZURE_TENANT_ID");
	const char *client = variable("AZURE_CLIENT_ID");
	const char *secret = variable("AZURE_CLIENT_SECRET");
	struct secret form = SECRET_INIT;
	char scope[sizeof(c->management) + 10];
	int rc = -1;

	if (tenant == NULL || client == NULL || secret == NULL)
		return (TOKEN_SKIP);
	(void)snprintf(scope, sizeof(scope), "%s/.default", c->management);
	if (oauth_form_add(&form, "grant_type", "client_credentials") == -1 ||
	    oauth_form_add(&form, "client_id", client) == -1 ||
	    oauth_form_add(&form, "client_secret", secret) == -1 ||
	    oauth_form_add(&form, "scope", scope) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	else
		rc = oauth_token(c, tenant, &form, token, expires_on, e);
	secret_free(&form);
	return (rc == 0 ? TOKEN_GOT : TOKEN_FAILED);
}

const struct token_source token_env = { "environment", get };
