/*
 * Azure DevOps: the token of a service connection is exchanged for one of
 * Entra's (arc-relay-protocol(7), TOKENS).
 */
#include <stdio.h>

#include "auth/app.h"
#include "auth/cloud.h"
#include "auth/env.h"
#include "auth/oidc.h"
#include "auth/text.h"
#include "auth/token.h"
#include "relay/err.h"
#include "relay/secret.h"

#define NEEDS	"run it in a task AzureCLI@2 with \"env: SYSTEM_ACCESSTOKEN: " \
		"$(System.AccessToken)\" and the service connection's " \
		"AZURESUBSCRIPTION_* variables"

static const char *
either(const char *name, const char *other)
{
	const char *value = env_get(name);

	return (value != NULL ? value : env_get(other));
}

static int
make_query(const char *connection, char *query, size_t size, struct err *e)
{
	if (text_only(connection, "-") && (size_t)snprintf(query, size,
	    "api-version=7.1&serviceConnectionId=%s", connection) < size)
		return (0);
	err_set(e, EX_NOUSER, "E308", "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID "
	    "is no GUID: %.60s", connection);
	return (err_fix(e, "it is the resourceId in the URL of the service "
	    "connection's page"));
}

static enum token_result
get(const struct token_request *r, struct token *t, struct err *e)
{
	/* without the last one a refusal is a page to sign in */
	static const char *const headers[] = { "Content-Type: application/json",
	    "X-TFS-FedAuthRedirect: Suppress", NULL };
	const char *connection =
	    env_get("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID");
	char query[128];
	const struct oidc_request q = {
		.service = "Azure DevOps", .method = "POST",
		.url = env_get("SYSTEM_OIDCREQUESTURI"), .query = query,
		.bearer = env_get("SYSTEM_ACCESSTOKEN"), .headers = headers,
		.member = "oidcToken", .net = &r->cloud->net, .remedy = NEEDS,
	};
	struct app a = {
		.tenant = either("AZURESUBSCRIPTION_TENANT_ID",
		    "AZURE_TENANT_ID"),
		.client = either("AZURESUBSCRIPTION_CLIENT_ID",
		    "AZURE_CLIENT_ID"),
	};
	enum token_result result = TOKEN_FAILED;
	struct secret token = SECRET_INIT;

	if (q.url == NULL || q.bearer == NULL || connection == NULL ||
	    a.tenant == NULL || a.client == NULL)
		return (TOKEN_SKIP);
	if (make_query(connection, query, sizeof(query), e) == 0 &&
	    oidc_token(&q, &token, e) == 0) {
		a.assertion = token.data;
		result = app_token(r, &a, t, e);
	}
	secret_free(&token);
	return (result);
}

const struct token_source token_pipelines = {
	"azure-pipelines", "AzurePipelinesCredential", "prod", get, NEEDS,
	"AzureCLI@2; env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)"
};
