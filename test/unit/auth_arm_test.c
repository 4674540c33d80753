/*
 * Goal: whatever Azure says when it refuses, the user is told what to do; and
 * nothing it says can do harm.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "auth/arm.h"
#include "auth/cloud.h"
#include "auth/http.h"
#include "relay/crypto.h"
#include "relay/err.h"
#include "test/unit/tap.h"

static void
parsed(const char *text, const char *code, const char *message)
{
	struct arm_refusal why;

	arm_refusal_parse(400, text, strlen(text), &why);
	ok(why.status == 400 && strcmp(why.code, code) == 0 &&
	    strcmp(why.message, message) == 0, "read: %.50s", text);
}

static void
explained(int status, const char *code, int64_t retry_after_s, int exit_status,
    const char *id, const char *says)
{
	struct http_reply reply = { .status = status,
	    .retry_after_ms = 1000 * retry_after_s };
	struct arm_refusal why = { .status = status };
	struct err e = ERR_INIT;
	int rc;

	(void)snprintf(why.code, sizeof(why.code), "%s", code);
	rc = arm_explain(&why, "arm.test", "/", &reply, &e);
	ok(rc == -1 && e.status == exit_status && strcmp(e.id, id) == 0 &&
	    (strstr(e.cause, says) != NULL || strstr(e.fix, says) != NULL),
	    "%d %s: %s [%s]", status, code, e.cause, e.id);
	ok((e.retry == RETRY_CREDENTIAL) == (status == 401 && code[0] != '\0' &&
	    strstr(code, "Tenant") == NULL), "%d %s: a new token %s help",
	    status, code, e.retry == RETRY_CREDENTIAL ? "may" : "cannot");
}

/* What WWW-Authenticate asks for. */
static void
challenged(const char *header, const char *tenant, const char *claims)
{
	struct arm_refusal why;

	memset(&why, 'x', sizeof(why));
	arm_challenge_parse(header, &why);
	ok(strcmp(why.tenant, tenant) == 0 && strcmp(why.claims, claims) == 0,
	    "challenge: %.70s: \"%.30s\", \"%.30s\"", header, why.tenant,
	    why.claims);
}

/* The same for a value of claims, as base64 of n times a letter in JSON. */
static void
long_claims(size_t n, bool kept)
{
	char json[2 * ARM_CLAIMS_MAX], text[BASE64_SIZE(sizeof(json))];
	char header[sizeof(text) + 80];

	memset(json, 'a', n);
	memcpy(json, "{\"a\":\"", 6);
	memcpy(json + n - 2, "\"}", 3);
	crypto_base64(json, n, text);
	(void)snprintf(header, sizeof(header), "Bearer claims=\"%s\", "
	    "error=insufficient_claims", text);
	challenged(header, "", kept ? json : "");
}

static void
challenges(void)
{
#define WANTS	"error=\"insufficient_claims\", "
	challenged("", "", "");
	challenged("Bearer", "", "");
	challenged("Bearer realm=\"\", authorization_uri=\"https://login."
	    "microsoftonline.com/common/oauth2/authorize\", " WANTS
	    "claims=\"eyJhIjoxfQ==\"", "", "{\"a\":1}");
	challenged("bearer " WANTS "CLAIMS=eyJhIjoxfQ", "", "{\"a\":1}");
	challenged("Bearer claims = \"eyJhIjoxfQ\" ,, " WANTS, "", "{\"a\":1}");
	challenged("Bearer " WANTS "claims=\"ey\\JhIjoxfQ\"", "", "{\"a\":1}");
	challenged("PoP " WANTS "claims=\"eyJiIjoxfQ\", Bearer " WANTS
	    "claims=\"eyJhIjoxfQ\", Basic realm=\"x\"", "", "{\"a\":1}");
	challenged("PoP " WANTS "claims=\"eyJhIjoxfQ\", Bearer realm=\"\"", "",
	    "");
	challenged("Bearer realm=\"" WANTS "\", claims=\"eyJhIjoxfQ\"", "", "");
	challenged("Bearer error=\"invalid_token\", claims=\"eyJhIjoxfQ\"", "",
	    "");
	challenged("Bearer claims=\"eyJhIjoxfQ\"", "", "");
	challenged("Bearer " WANTS "claims=\"eyJhIjoxfQ\", claims=\"eyJhIjoyfQ\"",
	    "", "");
	challenged("Bearer " WANTS "claims=\"eyJhIjoxfQ", "", "");
	challenged("Bearer " WANTS "claims=\"eyJhIjoxfQ\\", "", "");
	challenged("Bearer " WANTS "claims=\"!\"", "", "");
	challenged("Bearer " WANTS "claims=\"\"", "", "");
	challenged("Bearer " WANTS "claims=", "", "");
	challenged("Bearer " WANTS "claims=\"WzFd\"", "", "");	/* [1] */
	challenged("Bearer " WANTS "claims=\"eyJhIjoxfXg\"", "", "");	/* ..}x */
	challenged("Bearer " WANTS "claims=\"eyJhIjoiACJ9\"", "", "");	/* NUL */
	long_claims(ARM_CLAIMS_MAX - 1, true);
	long_claims(ARM_CLAIMS_MAX, false);
	long_claims(2 * ARM_CLAIMS_MAX - 1, false);

#define AT	"Bearer authorization_uri=\"https://login.windows.net/"
	challenged(AT "1-2.example.com\", error=\"invalid_token\"",
	    "1-2.example.com", "");
	challenged(AT "a/oauth2/authorize\"", "a", "");
	challenged(AT "a?x\"", "a", "");
	challenged(AT "Common\"", "", "");
	challenged(AT "organizations/\"", "", "");
	challenged(AT "\"", "", "");
	challenged(AT "a b\"", "", "");
	challenged(AT "$(a)\"", "", "");
	challenged(AT "0123456789012345678901234567890123456789012345678901234"
	    "56789012345678901234567890\"", "", "");
	challenged("Bearer authorization_uri=\"login.windows.net\"", "", "");
	challenged("Basic authorization_uri=\"https://a/b\"", "", "");
}

static void
leads(const char *management, const char *url, const char *path)
{
	struct cloud c = { .name = "" };
	const char *got;

	(void)snprintf(c.management, sizeof(c.management), "%s", management);
	got = arm_link_path(&c, url);
	ok(path == NULL ? got == NULL : got != NULL && strcmp(got, path) == 0,
	    "link: %.*s: %s", (int)strcspn(url, "\r\n"), url,
	    got != NULL ? got : "leads elsewhere");
}

static void
links(void)
{
	static const char arm[] = "https://arm.test", six[] =
	    "https://[::1]:8443";

	leads(arm, "https://arm.test/a?b=%2f", "/a?b=%2f");
	leads(arm, "HTTPS://ARM.test:443/a", "/a");
	leads("https://arm.test:443", "https://arm.test/", "/");
	leads("https://arm.test:8443", "https://arm.test:8443/a", "/a");
	leads("https://arm.test:8443", "https://arm.test/a", NULL);
	leads("https://arm.test/below", "https://arm.test/below/a?b", "/a?b");
	leads("https://arm.test/below", "https://arm.test/belowa", NULL);
	leads("https://arm.test/below", "https://arm.test/a", NULL);
	leads(six, "https://[::1]:8443/a", "/a");
	leads(six, "https://[::1]/a", NULL);
	leads(six, "https://[::1]:8443@evil/a", NULL);
	leads("https://[::1]", "https://[::1]:443/a", "/a");
	leads(arm, "https://arm.test", NULL);
	leads(arm, "https://arm.test?a", NULL);
	leads(arm, "http://arm.test/a", NULL);
	leads(arm, "https:/arm.test/a", NULL);
	leads(arm, "//arm.test/a", NULL);
	leads(arm, "/a", NULL);
	leads(arm, "", NULL);
	leads(arm, "https://arm.test.evil/a", NULL);
	leads(arm, "https://arm.tes/a", NULL);
	leads(arm, "https://arm.test./a", NULL);
	leads(arm, "https://arm.test@evil/a", NULL);
	leads(arm, "https://arm.test:443@evil/a", NULL);
	leads(arm, "https://me@arm.test/a", NULL);
	leads(arm, "https://arm.test:/a", NULL);
	leads(arm, "https://arm.test:0443/a", NULL);
	leads(arm, "https://arm.test:444/a", NULL);
	leads(arm, "https://arm.test\\@evil/a", NULL);
	leads(arm, "https://arm.test/\\a", NULL);
	leads(arm, "https://arm.test/a#b", NULL);
	leads(arm, "https://arm.test/a b", NULL);
	leads(arm, "https://arm.test/a\r\nb: c", NULL);
	leads(arm, "https://arm.test/\xc3\xa9", NULL);
}

/* What the path and the headers add to an explanation. */
static void
explained_with(const struct arm_refusal *why, const char *path,
    const char *cause, const char *fix)
{
	struct http_reply reply = { .status = why->status };
	struct err e = ERR_INIT;

	(void)arm_explain(why, "arm.test", path, &reply, &e);
	ok(strcmp(e.cause, cause) == 0 && strcmp(e.fix, fix) == 0, "%s: %s; %s",
	    why->code, e.cause, e.fix);
}

static void
details(void)
{
	struct arm_refusal why = { .status = 404,
	    .code = "SubscriptionNotFound" };
	char path[400] = "/subscriptions/11111111-2222-3333-4444-555555555555/"
	    "resourceGroups/g/providers/Microsoft.HybridCompute/machines/m/"
	    "providers/Microsoft.HybridConnectivity/endpoints/default?x=/y";

	explained_with(&why, path, "no such subscription as 11111111-2222-3333-"
	    "4444-555555555555, or it is of another tenant than your login",
	    "arc-relay login --tenant TENANT, or az login --tenant TENANT");
	(void)snprintf(why.tenant, sizeof(why.tenant), "t.test");
	explained_with(&why, "/subscriptions/short/x", "no such subscription, "
	    "or it is of another tenant than your login", "arc-relay login "
	    "--tenant t.test, or az login --tenant t.test");
	(void)snprintf(why.code, sizeof(why.code),
	    "MissingSubscriptionRegistration");
	explained_with(&why, "/subscriptions/11111111-2222-3333-4444-"
	    "555555555555/providers/Microsoft.HybridCompute/machines?x",
	    "Microsoft.HybridCompute is not registered in the subscription",
	    "az provider register -n Microsoft.HybridCompute --subscription "
	    "11111111-2222-3333-4444-555555555555, then restart the agent");
	(void)snprintf(why.code, sizeof(why.code), "ScopeLocked");
	explained_with(&why, path, "a read-only lock forbids it",
	    "az lock list --resource /subscriptions/11111111-2222-3333-4444-"
	    "555555555555/resourceGroups/g/providers/Microsoft.HybridCompute/"
	    "machines/m");
	memset(path + 80, 'x', 200);
	explained_with(&why, path, "a read-only lock forbids it",
	    "az lock list");
}

int
main(void)
{
	challenges();
	links();
	details();
	parsed("{\"error\":{\"code\":\"A\",\"message\":\"m\"}}", "A", "m");
	parsed("{\"error\":{\"code\":\"A\",\"message\":\"one\\r\\ntwo\"}}", "A",
	    "one");
	parsed("{\"code\":\"B\",\"message\":\"n\"}", "B", "n");
	parsed("{\"Message\":\"n\"}", "", "n");
	parsed("{\"error\":\"text\"}", "", "");
	parsed("{\"error\":{\"code\":7}}", "", "");
	parsed("<html>sign in</html>", "", "");
	parsed("", "", "");

	explained(401, "ExpiredAuthenticationToken", 0, EX_NOUSER, "E303",
	    "ExpiredAuthenticationToken");
	explained(401, "InvalidAuthenticationTokenTenant", 0, EX_NOHOST, "E206",
	    "az login --tenant");
	explained(403, "AuthorizationFailed", 0, EX_NOPERM, "E401", "role");
	explained(403, "RequestDisallowedByPolicy", 0, EX_NOPERM, "E411",
	    "policy");
	explained(404, "SubscriptionNotFound", 0, EX_NOHOST, "E206", "tenant");
	explained(409, "ScopeLocked", 0, EX_NOPERM, "E410", "az lock list");
	explained(409, "MissingSubscriptionRegistration", 0, EX_CONFIG, "E403",
	    "arc-relay register");
	explained(400, "NoRegisteredProviderFound", 0, EX_CONFIG, "E403",
	    "arc-relay register");
	explained(400, "InvalidApiVersionParameter", 0, EX_PROTOCOL, "E412",
	    "InvalidApiVersionParameter");
	explained(408, "", 0, EX_TEMPFAIL, "E409", "arm.test");
	explained(429, "TooManyRequests", 17, EX_TEMPFAIL, "E408", "17 s");
	explained(429, "", 0, EX_TEMPFAIL, "E408", "arm.test throttles");
	explained(503, "ServiceUnavailable", 0, EX_TEMPFAIL, "E409", "503");
	explained(302, "", 0, EX_PROTOCOL, "E607", "captive portal");
	return (done_testing());
}
