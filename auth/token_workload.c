/*
 * Workload identity: a token in a file, which Kubernetes writes and renews, is
 * exchanged for one of Entra's (arc-relay-protocol(7), TOKENS).
 */
#include <ctype.h>
#include <string.h>

#include "auth/app.h"
#include "auth/env.h"
#include "auth/json.h"
#include "auth/jwt.h"
#include "auth/text.h"
#include "auth/token.h"
#include "relay/err.h"
#include "relay/secret.h"

#define FILE_MAX	(64 * 1024)	/* bytes; a real one has 1,500 */

/* The file's words, without the newline that may follow. */
static int
read_assertion(const char *file, struct secret *text, struct err *e)
{
	struct js *claims;

	if (text_read_file(file, FILE_MAX, text) == -1) {
		err_sys(e, EX_NOUSER, "E308", "cannot read the federated token "
		    "%s", file);
		return (err_fix(e, "check AZURE_FEDERATED_TOKEN_FILE: does "
		    "this pod use workload identity?"));
	}
	while (text->len > 0 &&
	    isspace((unsigned char)text->data[text->len - 1]))
		text->data[--text->len] = '\0';
	claims = text->data != NULL ? jwt_claims(text->data, text->len) : NULL;
	js_free(claims);
	if (claims != NULL)
		return (0);
	err_set(e, EX_NOUSER, "E308", "%s holds no federated token (JWT)",
	    file);
	return (err_fix(e, "check AZURE_FEDERATED_TOKEN_FILE"));
}

static enum token_result
get(const struct token_request *r, struct token *t, struct err *e)
{
	const char *file = env_get("AZURE_FEDERATED_TOKEN_FILE");
	struct app a = {
		.tenant = env_get("AZURE_TENANT_ID"),
		.client = env_get("AZURE_CLIENT_ID"),
	};
	enum token_result result = TOKEN_FAILED;
	struct secret text = SECRET_INIT;

	if (file == NULL || a.tenant == NULL || a.client == NULL)
		return (TOKEN_SKIP);
	if (read_assertion(file, &text, e) == 0) {
		a.assertion = text.data;
		result = app_token(r, &a, t, e);
	}
	secret_free(&text);
	return (result);
}

const struct token_source token_workload = {
	"workload-identity", "WorkloadIdentityCredential", "prod", get,
	"set AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_ID and AZURE_TENANT_ID; "
	"in AKS the label azure.workload.identity/use: \"true\" of the pod does",
	"AZURE_FEDERATED_TOKEN_FILE=FILE, and the same T and C"
};
