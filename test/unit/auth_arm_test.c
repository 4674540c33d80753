/*
 * Goal: whatever Azure says when it refuses, the user is told what to do; and
 * nothing it says can do harm.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "auth/arm.h"
#include "auth/http.h"
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

int
main(void)
{
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
	    "az provider register");
	explained(400, "NoRegisteredProviderFound", 0, EX_CONFIG, "E403",
	    "az provider register");
	explained(400, "InvalidApiVersionParameter", 0, EX_PROTOCOL, "E412",
	    "InvalidApiVersionParameter");
	explained(408, "", 0, EX_TEMPFAIL, "E409", "arm.test");
	explained(429, "TooManyRequests", 17, EX_TEMPFAIL, "E408", "17 s");
	explained(429, "", 0, EX_TEMPFAIL, "E408", "arm.test throttles");
	explained(503, "ServiceUnavailable", 0, EX_TEMPFAIL, "E409", "503");
	explained(302, "", 0, EX_PROTOCOL, "E607", "captive portal");
	return (done_testing());
}
