/*
 * Goal: of all that the Azure CLI keeps, the one token is found that is the
 * user's, for this tenant, cloud and audience; anything strange is passed over.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/azprofile.h"
#include "auth/msal.h"
#include "test/unit/tap.h"

#define AZ	MSAL_AZ_CLIENT
#define OTHER	"1950a258-227b-4e31-a9cf-717495945fc2"
#define TENANT	"11111111-2222-3333-4444-555555555555"
#define HOST	"login.microsoftonline.com"
#define SCOPE	"https://management.core.windows.net//user_impersonation " \
		"https://management.core.windows.net//.default"
#define ACCOUNT(key, home, user) "\"" key "\":{\"home_account_id\":\"" home \
		"\",\"environment\":\"" HOST "\",\"realm\":\"organizations\"," \
		"\"local_account_id\":\"x\",\"username\":\"" user "\"," \
		"\"authority_type\":\"MSSTS\"}"
#define JANE	ACCOUNT("u1.t1-" HOST "-organizations", "u1.t1", "jane@x.test")

/* An access token with some members changed; NULL: without it. */
static const char *const members[] = { "secret", "home_account_id",
    "environment", "client_id", "realm", "target", "token_type", "expires_on",
    "key_id" };
static const char *const usual[] = { "\"TOKEN\"", "\"u1.t1\"",
    "\"" HOST "\"", "\"" AZ "\"", "\"" TENANT "\"", "\"" SCOPE "\"",
    "\"Bearer\"", "\"2000\"", NULL };
#define NMEMBERS	(sizeof(members) / sizeof(members[0]))

static struct msal_tokens tokens;
static char text[10000], why[JS_WHY_MAX];
static struct msal_want want = { "Jane@X.test", TENANT, "https://" HOST,
    "https://management.azure.com" };

static int
read_text(void)
{
	msal_tokens_free(&tokens);
	return (msal_read(text, strlen(text), &want, &tokens, why));
}

static int
is(const struct secret *s, const char *what)
{
	return (what == NULL ? s->len == 0 :
	    s->len > 0 && strcmp(s->data, what) == 0);
}

/* One access token in the cache, with one member changed. */
static void
access_token(const char *member, const char *value)
{
	size_t i, len;

	len = (size_t)snprintf(text, sizeof(text), "{\"Account\":{" JANE "},"
	    "\"AccessToken\":{\"some-key\":{\"credential_type\":"
	    "\"AccessToken\"");
	for (i = 0; i < NMEMBERS; i++) {
		const char *v = member != NULL &&
		    strcmp(member, members[i]) == 0 ? value : usual[i];

		if (v != NULL)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
			    ",\"%s\":%s", members[i], v);
	}
	(void)snprintf(text + len, sizeof(text) - len, "}}}");
}

static void
is_used(const char *member, const char *value)
{
	access_token(member, value);
	ok(read_text() == 0 && is(&tokens.access, "TOKEN") &&
	    tokens.expires_on == 2000, "used: %s %.60s", member, value);
}

static void
is_not_used(const char *member, const char *value)
{
	access_token(member, value);
	ok(read_text() == 0 && is(&tokens.access, NULL), "not used: %s %.60s",
	    member, value != NULL ? value : "absent");
}

static void
access_tokens(void)
{
	is_used("realm", "\"" TENANT "\"");
	is_used("expires_on", "2000");
	is_used("token_type", "\"bearer\"");
	is_used("environment", "\"login.windows.net\"");
	is_used("home_account_id", "\"U1.T1\"");
	is_used("target", "\"https://management.azure.com/.default\"");
	is_used("target", "\"https://management.azure.com//.default\"");
	is_used("target", "\"HTTPS://Management.Azure.com//.Default x\"");
	is_used("target", "\" x  https://management.core.windows.net//.default\"");

	is_not_used("token_type", "\"ssh-cert\"");
	is_not_used("token_type", "\"pop\"");
	is_not_used("token_type", NULL);
	is_not_used("key_id", "\"k\"");
	is_not_used("realm", "\"organizations\"");
	is_not_used("realm", NULL);
	is_not_used("home_account_id", "\"u2.t1\"");
	is_not_used("client_id", "\"" OTHER "\"");
	is_not_used("environment", "\"login.microsoftonline.us\"");
	is_not_used("environment", "\"login-us.microsoftonline.com\"");
	is_not_used("environment", "\"evil.test\"");
	is_not_used("environment", "[]");
	is_not_used("target", "\"https://graph.microsoft.com/.default\"");
	is_not_used("target", "\"https://management.azure.com.evil/.default\"");
	is_not_used("target", "\"https://management.azure.com/user_impersonation\"");
	is_not_used("target", "\"https://management.core.chinacloudapi.cn//.default\"");
	is_not_used("target", "\"/.default\"");
	is_not_used("target", "\"\"");
	is_not_used("target", "7");
	is_not_used("expires_on", "\"soon\"");
	is_not_used("expires_on", "1e3");
	is_not_used("expires_on", "\"-2000\"");
	is_not_used("expires_on", "\"99999999999999999999\"");
	is_not_used("expires_on", NULL);
	is_not_used("secret", "\"two words\"");
	is_not_used("secret", "\"a\\nb\"");
	is_not_used("secret", "\"\"");
	is_not_used("secret", "{}");
	is_not_used("secret", NULL);
}

/* The same token of another cloud. */
static void
other_clouds(void)
{
	struct msal_want keep = want;

	want.authority = "https://login.chinacloudapi.cn";
	want.audience = "https://management.chinacloudapi.cn/";
	(void)snprintf(text, sizeof(text), "{\"Account\":{\"a\":{"
	    "\"home_account_id\":\"u1.t1\",\"username\":\"jane@x.test\","
	    "\"environment\":\"login.partner.microsoftonline.cn\"}},"
	    "\"AccessToken\":{\"\":{\"secret\":\"CN\",\"home_account_id\":"
	    "\"u1.t1\",\"environment\":\"login.chinacloudapi.cn\","
	    "\"client_id\":\"" AZ "\",\"realm\":\"" TENANT "\",\"target\":"
	    "\"https://management.core.chinacloudapi.cn//.default\","
	    "\"token_type\":\"Bearer\",\"expires_on\":\"2000\"}}}");
	ok(read_text() == 0 && is(&tokens.access, "CN"),
	    "China under both names of its login host");
	want.authority = "https://127.0.0.1:8443/adfs";
	want.audience = "https://own.test/management/guid";
	access_token("target", "\"https://own.test/management/guid/.default\"");
	ok(read_text() == -1, "an own cloud: another host has another account");
	want = keep;
}

#define AT(key, secret, end) ",\"" key "\":{\"secret\":\"" secret "\"," \
	"\"home_account_id\":\"u1.t1\",\"environment\":\"" HOST "\"," \
	"\"client_id\":\"" AZ "\",\"realm\":\"" TENANT "\",\"target\":\"" \
	SCOPE "\",\"token_type\":\"Bearer\",\"expires_on\":\"" end "\"}"

static void
several_tokens(void)
{
	size_t len;

	access_token(NULL, NULL);
	len = strlen(text) - 2;		/* back into AccessToken */
	(void)snprintf(text + len, sizeof(text) - len, AT("K2", "LATER", "2001")
	    AT("K3", "SOONER", "1999") ",\"K4\":7,\"K5\":null,\"K6\":[]}}");
	ok(read_text() == 0 && is(&tokens.access, "LATER") &&
	    tokens.expires_on == 2001, "of several the one that lasts longest");
}

#define RT(key, secret, home, client, family, made) "\"" key "\":{\"secret\":" \
	"\"" secret "\",\"home_account_id\":\"" home "\",\"environment\":\"" \
	HOST "\",\"client_id\":\"" client "\"" family \
	",\"last_modification_time\":" made "}"
#define FAMILY	",\"family_id\":\"1\""

static void
refresh_is(const char *entries, const char *secret, const char *what)
{
	(void)snprintf(text, sizeof(text),
	    "{\"RefreshToken\":{%s},\"Account\":{" JANE "}}", entries);
	ok(read_text() == 0 && is(&tokens.refresh, secret) &&
	    is(&tokens.access, NULL), "refresh token: %s", what);
}

static void
refresh_tokens(void)
{
	refresh_is(RT("k", "R", "u1.t1", AZ, "", "\"5\""), "R", "az's own");
	refresh_is(RT("k", "R", "u1.t1", OTHER, FAMILY, "5"), "R",
	    "of the family");
	refresh_is(RT("k", "R", "u1.t1", OTHER, "", "5"), NULL, "a stranger's");
	refresh_is(RT("k", "R", "u2.t1", AZ, FAMILY, "5"), NULL,
	    "another user's");
	refresh_is(RT("k", "R 2", "u1.t1", AZ, FAMILY, "5"), NULL,
	    "not one word");
	refresh_is(RT("k", "OLD", "u1.t1", AZ, FAMILY, "\"5\"") ","
	    RT("l", "NEW", "u1.t1", AZ, FAMILY, "\"10\"") ","
	    RT("m", "WHEN", "u1.t1", AZ, FAMILY, "{}"), "NEW", "the newest");
	refresh_is("\"x\":{}", NULL, "none");
}

static void
accounts(void)
{
	static const struct { const char *cache, *what; int rc; } rows[] = {
		{ "", "no text", -1 },
		{ "nonsense", "no JSON", -1 },
		{ "[]", "no object", -1 },
		{ "{}", "empty", -1 },
		{ "{\"Account\":[]}", "no accounts", -1 },
		{ "{\"Account\":{" ACCOUNT("a", "u1.t1", "joe@x.test") "}}",
		    "only somebody else", -1 },
		{ "{\"Account\":{" JANE "}}", "an account and nothing else", 0 },
		{ "{\"Account\":{" JANE "," ACCOUNT("b", "u1.t1", "JANE@x.test")
		    "}}", "the same user in two tenants", 0 },
		{ "{\"Account\":{" JANE "," ACCOUNT("b", "u9.t9", "jane@x.test")
		    "}}", "two users of one name", -1 },
		{ "{\"Account\":{" JANE "}}x", "something after it", -1 },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s", rows[i].cache);
		why[0] = '\0';
		ok(read_text() == rows[i].rc &&
		    (rows[i].rc == 0 || why[0] != '\0') &&
		    is(&tokens.access, NULL) && is(&tokens.refresh, NULL),
		    "accounts: %s", rows[i].what);
	}
}

static int
profile(const char *json, struct azprofile *p)
{
	memset(p, '?', sizeof(*p));
	errno = 0;
	return (azprofile_parse(json, strlen(json), p));
}

static void
profiles(void)
{
	static char longer[400];
	struct azprofile p;

	ok(profile("\xef\xbb\xbf{\"installationId\":\"x\",\"subscriptions\":["
	    "{\"id\":\"s1\",\"isDefault\":false,\"tenantId\":\"t1\",\"user\":"
	    "{\"name\":\"a\",\"type\":\"user\"}},"
	    "{\"id\":\"s2\",\"isDefault\":true,\"tenantId\":\"t2\",\"user\":"
	    "{\"name\":\"b\",\"type\":\"servicePrincipal\"},"
	    "\"environmentName\":\"AzureCloud\"}]}", &p) == 0 &&
	    strcmp(p.user, "b") == 0 && strcmp(p.tenant, "t2") == 0 &&
	    strcmp(p.type, "servicePrincipal") == 0 &&
	    strcmp(p.cloud, "AzureCloud") == 0,
	    "profile: the default subscription, after a byte order mark");
	ok(profile("{\"subscriptions\":[{\"id\":\"s1\",\"isDefault\":\"true\","
	    "\"user\":{\"name\":\"a\"}}]}", &p) == 0 && p.user[0] == '\0',
	    "profile: no default subscription");
	ok(profile("{\"subscriptions\":[{\"isDefault\":true,\"user\":7,"
	    "\"tenantId\":{}}]}", &p) == 0 && p.user[0] == '\0' &&
	    p.tenant[0] == '\0', "profile: members that are no strings");
	ok(profile("{\"subscriptions\":[]}", &p) == -1 && errno == ENODATA &&
	    profile("{}", &p) == -1 && errno == ENODATA,
	    "profile: nobody is logged in");
	ok(profile("", &p) == -1 && errno == EINVAL &&
	    profile("{\"subscriptions\":[", &p) == -1 && errno == EINVAL &&
	    p.user[0] == '\0', "profile: cannot be read");
	memset(longer, 'x', 200);
	(void)snprintf(text, sizeof(text), "{\"subscriptions\":[{\"isDefault\":"
	    "true,\"user\":{\"name\":\"%s\"}}]}", longer);
	ok(profile(text, &p) == 0 && p.user[0] == '\0',
	    "profile: half a name is none");
}

static void
path(const char *folder, const char *home, const char *expected)
{
	char out[50];
	int rc;

	(void)setenv("AZURE_CONFIG_DIR", folder, 1);
	(void)setenv("HOME", home, 1);
	rc = azprofile_path("config", out, sizeof(out));
	ok(expected == NULL ? rc == -1 : rc == 0 && strcmp(out, expected) == 0,
	    "path: \"%s\" \"%s\"", folder, home);
}

int
main(void)
{
	access_tokens();
	other_clouds();
	several_tokens();
	refresh_tokens();
	accounts();
	profiles();
	path("/a", "/h", "/a/config");
	path("", "/h", "/h/.azure/config");
	path("", "", NULL);
	path("a", "/h", NULL);
	path("~/a", "/h", NULL);
	path("", "h", NULL);
	path("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "/h",
	    "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/config");
	path("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "/h", NULL);
	msal_tokens_free(&tokens);
	return (done_testing());
}
