/*
 * Goal: PKCE as RFC 7636 has it; the address that the browser gets is whole, is
 * quoted and holds no secret; what people give as claims is JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/authcode.h"
#include "auth/cloud.h"
#include "auth/login.h"
#include "auth/text.h"
#include "relay/err.h"
#include "relay/secret.h"
#include "test/unit/tap.h"

static struct cloud cloud;
static struct err e;

static int
claims(const char *given, const char *want)
{
	char got[LOGIN_CLAIMS_MAX];

	e = (struct err)ERR_INIT;
	if (want == NULL)
		return (login_claims(given, got, &e) == -1 &&
		    e.status == EX_USAGE);
	return (login_claims(given, got, &e) == 0 && strcmp(got, want) == 0);
}

static void
test_url(void)
{
	struct login_request r = { .cloud = &cloud, .tenant = "organizations",
	    .client = LOGIN_CLIENT };
	struct secret url = SECRET_INIT;
	struct authcode c, other;
	char part[200];

	authcode_new(&c, 40123);
	authcode_new(&other, 40123);
	ok(strcmp(c.redirect, "http://localhost:40123") == 0, "redirect");
	ok(strlen(c.verifier) == 43 && text_only(c.verifier, "-_") &&
	    strlen(c.state) == 43 && text_only(c.state, "-_"),
	    "43 characters of base64url");
	ok(strcmp(c.verifier, other.verifier) != 0 &&
	    strcmp(c.state, other.state) != 0 &&
	    strcmp(c.verifier, c.state) != 0, "new ones each time");

	ok(authcode_url(&c, &r, &url, &e) == 0 && strncmp(url.data,
	    "https://login.microsoftonline.com/organizations/oauth2/v2.0/"
	    "authorize?client_id=" LOGIN_CLIENT "&", 80) == 0, "the page");
	ok(strstr(url.data, "&scope=https%3A%2F%2Fmanagement.azure.com%2F"
	    ".default%20offline_access%20openid%20profile&") != NULL &&
	    strstr(url.data, "&redirect_uri=http%3A%2F%2Flocalhost%3A40123&")
	    != NULL && strstr(url.data, "&response_type=code&") != NULL &&
	    strstr(url.data, "&code_challenge_method=S256") != NULL, "quoted");
	(void)snprintf(part, sizeof(part), "&state=%s&code_challenge=%s&",
	    c.state, c.challenge);
	ok(strstr(url.data, part) != NULL, "state and challenge");
	ok(strstr(url.data, c.verifier) == NULL, "not the verifier");
	ok(strstr(url.data, "claims") == NULL, "no claims");
	r.claims = "{\"a\":\"b&c\"}";
	ok(authcode_url(&c, &r, &url, &e) == 0 && strstr(url.data,
	    "&claims=%7B%22a%22%3A%22b%26c%22%7D&") != NULL, "claims");

	r.tenant = "adfs";
	ok(authcode_url(&c, &r, &url, &e) == 0 && strncmp(url.data,
	    "https://login.microsoftonline.com/adfs/oauth2/authorize?client_id=",
	    66) == 0, "AD FS has no v2.0");
	r.tenant = "..";
	ok(authcode_url(&c, &r, &url, &e) == -1, "no way up");
	r.tenant = "a/../b";
	ok(authcode_url(&c, &r, &url, &e) == -1 && strcmp(e.id, "E307") == 0,
	    "a tenant that is none");
	r.tenant = "";
	ok(authcode_url(&c, &r, &url, &e) == -1, "an empty one");
	secret_free(&url);
}

int
main(void)
{
	char challenge[AUTHCODE_WORD], big[LOGIN_CLAIMS_MAX + 20];

	if (cloud_load(&cloud, "AzureCloud", NULL, &e) == -1)
		abort();
	authcode_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
	    challenge);
	ok(strcmp(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM") == 0,
	    "the example of RFC 7636, appendix B");
	test_url();

	ok(claims("{\"a\":{}}", "{\"a\":{}}"), "JSON");
	ok(claims("eyJhIjp7fX0=", "{\"a\":{}}") &&
	    claims("eyJhIjp7fX0", "{\"a\":{}}"), "base64 of it");
	ok(claims("", NULL) && claims("{", NULL) && claims("[]", NULL) &&
	    claims("W10=", NULL) && claims("eyJhIjp7", NULL) &&
	    claims("nonsense!", NULL) && claims("{\"a\":1,\"a\":2}", NULL) &&
	    claims("{} {}", NULL), "neither");
	memset(big, ' ', sizeof(big));
	big[0] = '{';
	big[sizeof(big) - 2] = '}';
	big[sizeof(big) - 1] = '\0';
	ok(claims(big, NULL), "too long");
	memset(big, 'A', sizeof(big) - 1);
	ok(claims(big, NULL), "base64 without JSON");
	return (done_testing());
}
