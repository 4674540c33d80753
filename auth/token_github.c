/*
 * GitHub Actions: the job's own token is exchanged for one of Entra's
 * (arc-relay-protocol(7), TOKENS).
 */
#include <string.h>

#include "auth/app.h"
#include "auth/cloud.h"
#include "auth/env.h"
#include "auth/oidc.h"
#include "auth/token.h"
#include "relay/log.h"
#include "relay/secret.h"

#define NEEDS	"\"permissions: id-token: write\" in the workflow, and " \
		"AZURE_CLIENT_ID and AZURE_TENANT_ID in its env"

/* Whom the token is for: what federated credentials name unless told otherwise. */
static const char *
audience(const struct cloud *c)
{
	if (strcmp(c->name, "AzureUSGovernment") == 0)
		return ("audience=api%3A%2F%2FAzureADTokenExchangeUSGov");
	if (strcmp(c->name, "AzureChinaCloud") == 0)
		return ("audience=api%3A%2F%2FAzureADTokenExchangeChina");
	return ("audience=api%3A%2F%2FAzureADTokenExchange");
}

static enum token_result
get(const struct token_request *r, struct token *t, struct err *e)
{
	static const char *const none[] = { NULL };
	const struct oidc_request q = {
		.service = "GitHub", .method = "GET",
		.url = env_get("ACTIONS_ID_TOKEN_REQUEST_URL"),
		.query = audience(r->cloud), .headers = none,
		.bearer = env_get("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
		.member = "value", .net = &r->cloud->net, .remedy = NEEDS,
	};
	struct app a = {
		.tenant = env_get("AZURE_TENANT_ID"),
		.client = env_get("AZURE_CLIENT_ID"),
	};
	enum token_result result = TOKEN_FAILED;
	struct secret token = SECRET_INIT;

	if (q.url == NULL || q.bearer == NULL || a.tenant == NULL ||
	    a.client == NULL) {
		if (env_get("GITHUB_ACTIONS") != NULL)
			log_verbose("github: needs %s", NEEDS);
		return (TOKEN_SKIP);
	}
	if (oidc_token(&q, &token, e) == 0) {
		a.assertion = token.data;
		result = app_token(r, &a, t, e);
	}
	secret_free(&token);
	return (result);
}

const struct token_source token_github = {
	"github", NULL, "prod", get, NEEDS,
	"permissions: {id-token: write}; env: the same T and C"
};
