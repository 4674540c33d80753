/*
 * The token of whoever is logged in with the Azure CLI.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/child.h"
#include "auth/cloud.h"
#include "auth/json.h"
#include "auth/token.h"
#include "relay/err.h"
#include "relay/log.h"
#include "relay/secret.h"

#define AZ_LIMIT_MS	10000	/* as Azure's SDKs have it */
#define AZ_OUTPUT_MAX	(64 * 1024)	/* bytes */
#define AZ_LIFE_S	60	/* when az does not say */

/* az before 2.54 tells the end only as "YYYY-MM-DD HH:MM:SS.f" of local time. */
static int64_t
life_end(const struct js *j)
{
	const char *local = js_string(j, "expiresOn");
	struct tm tm = { .tm_isdst = -1 };
	int64_t end;

	if (js_integer(j, "expires_on", &end) == 0)
		return (end);
	if (local != NULL && strptime(local, "%Y-%m-%d %H:%M:%S", &tm) != NULL)
		return (mktime(&tm));
	return (time(NULL) + AZ_LIFE_S);
}

/* az ran and failed; line is the last thing it said. */
static enum token_result
refused(const char *line, int status, struct err *e)
{
	if (strstr(line, "AADSTS") != NULL) {
		err_set(e, EX_NOUSER, "E303", "az gets no token: %.180s", line);
		err_fix(e, "az login");
	} else if (strstr(line, "az login") != NULL ||
	    strstr(line, "az account set") != NULL) {
		log_verbose("az: %s", line);
		return (TOKEN_SKIP);
	} else if (strstr(line, "JSONDecodeError") != NULL ||
	    strstr(line, "MSAL token cache") != NULL) {
		err_set(e, EX_NOUSER, "E302", "the token cache of the Azure "
		    "CLI is corrupt");
		err_fix(e, "az account clear && az login");
	} else {
		err_set(e, EX_NOUSER, "E301", "az gives no token (status %d): "
		    "%.180s", status, line);
		err_fix(e, "az login, or see: az account get-access-token");
	}
	return (TOKEN_FAILED);
}

static enum token_result
accept_output(const struct secret *out, struct token *t, struct err *e)
{
	char why[JS_WHY_MAX];
	struct js *j = js_parse(out->data != NULL ? out->data : "", out->len,
	    why);
	const char *got = js_string(j, "accessToken");
	int rc = -1;

	if (got == NULL)
		err_set(e, EX_PROTOCOL, "E315", "what az printed %s",
		    j == NULL ? why : "has no accessToken");
	else if ((rc = secret_set(&t->text, got, strlen(got))) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	else
		t->expires_on = life_end(j);
	js_free(j);
	return (rc == 0 ? TOKEN_GOT : TOKEN_FAILED);
}

static enum token_result
get(const struct token_request *r, struct token *t, struct err *e)
{
	const struct cloud *c = r->cloud;
	char resource[sizeof(c->audience) + 1], last[CHILD_LAST_MAX];
	const char *const argv[] = { "az", "account", "get-access-token",
	    "--output", "json", "--resource", resource, NULL };
	enum token_result result = TOKEN_FAILED;
	struct secret out = SECRET_INIT;
	int status = 0;

	(void)snprintf(resource, sizeof(resource), "%s/", c->audience);
	switch (child_run(argv, AZ_LIMIT_MS, AZ_OUTPUT_MAX, &out, last,
	    &status)) {
	case CHILD_ENDED:
		result = status == 0 ?
		    accept_output(&out, t, e) :
		    refused(last, status, e);
		break;
	case CHILD_ABSENT:
		result = TOKEN_SKIP;
		break;
	case CHILD_LATE:
		err_set(e, EX_TEMPFAIL, "E315", "az did not answer in %d s",
		    AZ_LIMIT_MS / 1000);
		err_fix(e, "see what it waits for: az account "
		    "get-access-token");
		break;
	case CHILD_BROKEN:
		err_sys(e, EX_OSERR, "E315", "cannot run az");
		break;
	}
	secret_free(&out);
	return (result);
}

const struct token_source token_azcli = {
	"azure-cli", "AzureCliCredential", "dev", get, "az login"
};
