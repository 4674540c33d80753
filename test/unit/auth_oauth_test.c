/*
 * Goal: whatever Entra answers, the user gets a token or is told what to do.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "auth/cloud.h"
#include "auth/oauth.h"
#include "relay/err.h"
#include "relay/log.h"
#include "test/unit/tap.h"

/* An answer with that word, description and more members (",..." or ""). */
static void
row(enum oauth_way way, const char *word, const char *description,
    const char *more, const char *id, int status, const char *says,
    const char *fix)
{
	struct err e = ERR_INIT;
	char text[600], got[40], line[ERR_LINE_MAX + 1];
	int rc;

	(void)snprintf(text, sizeof(text), "{\"error\":\"%s\","
	    "\"error_description\":\"%s Trace ID: 1\"%s}", word, description,
	    more);
	rc = oauth_refused(text, strlen(text), way, got, &e);
	ok(rc == 0 && strcmp(e.id, id) == 0 && e.status == status &&
	    strcmp(got, word) == 0 && strstr(e.cause, says) != NULL &&
	    strstr(e.cause, "Trace") == NULL && strstr(e.fix, fix) != NULL,
	    "%s", err_line(&e, "OAuth", NULL, line, sizeof(line)));
}

/* No half of them: who types it would be refused again. */
static void
test_claims_that_are_too_long(void)
{
	char text[500] = "{\"error\":\"interaction_required\",\"claims\":\"";
	struct err e = ERR_INIT;
	char word[40];

	memset(text + strlen(text), 'x', 300);
	memcpy(text + strlen(text), "\"}", 3);
	ok(oauth_refused(text, strlen(text), OAUTH_LOGIN, word, &e) == 0 &&
	    strcmp(e.id, "E304") == 0 && strcmp(e.fix, "arc-relay login") == 0,
	    "claims that do not fit the line: %s", e.fix);
}

static void
test_refusals(void)
{
	const enum oauth_way ways[] = { OAUTH_SECRET, OAUTH_CERTIFICATE,
	    OAUTH_FEDERATED, OAUTH_LOGIN };
	static const char *const ids[] = { "E305", "E306", "E308", "E307" };
	size_t i;

	for (i = 0; i < 4; i++)
		row(ways[i], "invalid_client", "AADSTS7000215: Invalid. More.",
		    "", ids[i], EX_NOUSER, "AADSTS7000215: Invalid", "a");
	row(OAUTH_SECRET, "invalid_client", "AADSTS7000215: Invalid client "
	    "secret provided. Ensure this.", "", "E305", EX_NOUSER,
	    "AADSTS7000215: Invalid client secret provided",
	    "az ad sp credential reset --id");
	row(OAUTH_FEDERATED, "invalid_request", "AADSTS700213: No match.", "",
	    "E308", EX_NOUSER, "federated", "federated-credential list");
	row(OAUTH_FEDERATED, "invalid_request", "AADSTS70021: No match.", "",
	    "E308", EX_NOUSER, "federated", "federated-credential list");

	/* the application, the tenant, the resource */
	row(OAUTH_SECRET, "unauthorized_client", "x", "", "E307", EX_NOUSER,
	    "does not know the application", "AZURE_CLIENT_ID");
	row(OAUTH_CERTIFICATE, "invalid_client", "AADSTS700016: Application "
	    "was not found.\\r\\n", "", "E307", EX_NOUSER, "AADSTS700016",
	    "AZURE_CLIENT_ID");
	row(OAUTH_LOGIN, "unauthorized_client", "AADSTS700016: No.", "", "E307",
	    EX_NOUSER, "AADSTS700016", "arc-relay login --tenant");
	row(OAUTH_SECRET, "invalid_request", "AADSTS90002: Tenant 'x' not "
	    "found. Check.", "", "E307", EX_NOUSER, "no such tenant: AADSTS90002",
	    "AZURE_TENANT_ID");
	row(OAUTH_LOGIN, "invalid_request", "AADSTS50194: Application is not "
	    "multi-tenant.", "", "E307", EX_NOUSER, "tenant",
	    "arc-relay login --tenant");
	row(OAUTH_SECRET, "invalid_scope", "AADSTS1002012: x.", "", "E313",
	    EX_CONFIG, "management endpoint", "--cloud");
	row(OAUTH_LOGIN, "invalid_resource", "AADSTS500011: x.", "", "E313",
	    EX_CONFIG, "management endpoint", "--cloud");

	/* people */
	row(OAUTH_LOGIN, "invalid_grant", "AADSTS700082: The refresh token has "
	    "expired.", "", "E303", EX_NOUSER, "expired or was revoked",
	    "arc-relay login");
	row(OAUTH_LOGIN, "invalid_grant", "AADSTS65001: x.", "", "E307",
	    EX_NOUSER, "nobody has allowed", "administrator");
	row(OAUTH_LOGIN, "invalid_grant", "x.",
	    ",\"suberror\":\"consent_required\"", "E307", EX_NOUSER,
	    "nobody has allowed", "administrator");
	row(OAUTH_LOGIN, "interaction_required", "AADSTS50076: Use MFA.", "",
	    "E304", EX_NOPERM, "fresh sign-in", "arc-relay login");
	row(OAUTH_LOGIN, "invalid_grant", "x.",
	    ",\"suberror\":\"basic_action\"", "E304", EX_NOPERM,
	    "fresh sign-in", "arc-relay login");
	row(OAUTH_LOGIN, "interaction_required", "AADSTS50076: Use MFA.",
	    ",\"claims\":\"{\\\"a\\\":1}\"", "E304", EX_NOPERM, "fresh sign-in",
	    "arc-relay login --claims eyJhIjoxfQ==");
	test_claims_that_are_too_long();
	row(OAUTH_LOGIN, "access_denied", "AADSTS53003: Blocked.", "", "E304",
	    EX_NOPERM, "Conditional Access", "administrator");
	row(OAUTH_SECRET, "interaction_required", "AADSTS53003: Blocked.", "",
	    "E304", EX_NOPERM, "Conditional Access", "administrator");

	/* the service, and what nobody foresaw */
	row(OAUTH_SECRET, "temporarily_unavailable", "AADSTS90033: x.", "",
	    "E409", EX_TEMPFAIL, "failing", "again");
	row(OAUTH_SECRET, "new_word", "\\u001b[31mred", "", "E303", EX_NOUSER,
	    "?[31mred", "error");
	row(OAUTH_LOGIN, "invalid", "AADSTS7000: x.", "", "E303", EX_NOUSER,
	    "AADSTS7000", "arc-relay login");
	row(OAUTH_SECRET, "client", "AADSTS: x.", "", "E303", EX_NOUSER,
	    "AADSTS: x", "error");
	row(OAUTH_SECRET, "", "x.", "", "E303", EX_NOUSER, "x", "error");
}

static void
test_no_refusals(void)
{
	static const char *const texts[] = { "<html>", "{\"error\":{}}", "",
	    "{}", "[]", "{\"error_description\":\"x\"}" };
	struct err e = ERR_INIT;
	char word[40];
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ok(oauth_refused(texts[i], strlen(texts[i]), OAUTH_SECRET, word,
		    &e) == -1, "OAuth: no error answer: %s", texts[i]);
}

static void
url(const char *tenant, const char *expected)
{
	struct cloud c = { .authority = "https://login" };
	struct err e = ERR_INIT;
	char out[OAUTH_URL_MAX] = "";
	int rc = oauth_url(&c, tenant, "token", out, sizeof(out), &e);

	ok(expected != NULL ? rc == 0 && strcmp(out, expected) == 0 :
	    rc == -1 && strcmp(e.id, "E307") == 0, "tenant \"%.30s\": %.60s",
	    tenant, rc == 0 ? out : e.cause);
}

static void
test_urls(void)
{
	char longest[600];

	url("t-1.example", "https://login/t-1.example/oauth2/v2.0/token");
	url("organizations", "https://login/organizations/oauth2/v2.0/token");
	url("adfs", "https://login/adfs/oauth2/token");
	url("", NULL);
	url(".", NULL);
	url("..", NULL);
	url("a/b", NULL);
	url("a?b", NULL);
	url("a b", NULL);
	url("a%2e", NULL);
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	url(longest, NULL);
}

static void
test_accounts(void)
{
	/* {"preferred_username":"u@x","tid":"t"} */
	static const char text[] = "{\"access_token\":\"t\",\"id_token\":"
	    "\"e30.eyJwcmVmZXJyZWRfdXNlcm5hbWUiOiJ1QHgiLCJ0aWQiOiJ0In0.AA\","
	    "\"refresh_token\":\"r\"}";
	struct oauth_answer a = OAUTH_ANSWER_INIT;
	struct err e = ERR_INIT;

	ok(oauth_read(text, strlen(text), 1000, &a, &e) == 0 &&
	    strcmp(a.account, "u@x") == 0 && strcmp(a.tenant, "t") == 0 &&
	    strcmp(a.refresh_token.data, "r") == 0, "an id token");
	oauth_answer_free(&a);
}

static void
answered(const char *text, int rc_wanted, int64_t until, const char *id)
{
	struct oauth_answer a = OAUTH_ANSWER_INIT;
	struct err e = ERR_INIT;
	int rc = oauth_read(text, strlen(text), 1000, &a, &e);

	ok(rc == rc_wanted && a.expires_on == until && strcmp(e.id, id) == 0,
	    "token answer: %s: until %lld %s", text, (long long)a.expires_on,
	    e.cause);
	oauth_answer_free(&a);
}

int
main(void)
{
	log_init("auth_oauth_test", LOG_QUIET, false);
	test_refusals();
	test_no_refusals();
	test_urls();
	test_accounts();
	answered("{\"access_token\":\"t\",\"expires_in\":3599}", 0, 4599, "");
	answered("{\"access_token\":\"t\",\"expires_in\":\"3599\"}", 0, 4599, "");
	answered("{\"access_token\":\"t\"}", 0, 1060, "");
	answered("{\"access_token\":\"t\",\"expires_in\":-1}", 0, 1060, "");
	answered("{\"access_token\":\"t\",\"expires_in\":1000000000000}", 0,
	    87400, "");
	answered("{\"expires_in\":3599}", -1, 4599, "E412");
	answered("{\"access_token\":7}", -1, 1060, "E412");
	answered("<html>", -1, 1060, "E607");
	return (done_testing());
}
