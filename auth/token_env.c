/*
 * The token of a service principal that AZURE_* variables describe: client
 * secret or certificate.  Not here: AZURE_USERNAME and AZURE_PASSWORD, which no
 * tenant that asks for MFA takes.
 */
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "auth/app.h"
#include "auth/env.h"
#include "auth/token.h"
#include "relay/log.h"

static bool
is_true(const char *value)
{
	return (value != NULL && (strcmp(value, "1") == 0 ||
	    strcasecmp(value, "true") == 0));
}

/* Half of it is set: a slip that nobody would find. */
static enum token_result
incomplete(const struct app *a)
{
	bool proof = a->secret != NULL || a->certificate != NULL;

	if (!proof && env_get("AZURE_USERNAME") != NULL)
		log_verbose("environment: AZURE_USERNAME and AZURE_PASSWORD "
		    "are not used: arc-relay login");
	else if (proof)
		log_verbose("environment: %s%s%s not set",
		    a->tenant == NULL ? "AZURE_TENANT_ID" : "",
		    a->tenant == NULL && a->client == NULL ? " and " : "",
		    a->client == NULL ? "AZURE_CLIENT_ID" : "");
	return (TOKEN_SKIP);
}

static enum token_result
get(const struct token_request *r, struct token *t, struct err *e)
{
	struct app a = {
		.tenant = env_get("AZURE_TENANT_ID"),
		.client = env_get("AZURE_CLIENT_ID"),
		.secret = env_get("AZURE_CLIENT_SECRET"),
		.certificate = env_get("AZURE_CLIENT_CERTIFICATE_PATH"),
		.password = env_get("AZURE_CLIENT_CERTIFICATE_PASSWORD"),
		.chain = is_true(env_get("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN")),
	};

	if (a.tenant == NULL || a.client == NULL ||
	    (a.secret == NULL && a.certificate == NULL))
		return (incomplete(&a));
	if (a.secret != NULL)
		a.certificate = NULL;
	return (app_token(r, &a, t, e));
}

const struct token_source token_env = {
	"environment", "EnvironmentCredential", "prod", get,
	"set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or "
	"AZURE_CLIENT_CERTIFICATE_PATH",
	"AZURE_TENANT_ID=T AZURE_CLIENT_ID=C AZURE_CLIENT_SECRET=S"
};
