/*
 * Goal: nothing gets into a host name, a request line or a header line that
 * does not belong there, and a credential ends when it ends.
 */
#include <string.h>

#include "relay/err.h"
#include "relay/info.h"
#include "test/unit/tap.h"

#define CANARY	"canary-7h3-s3cr3t"
#define SAS	"SharedAccessSignature sr=http%3a%2f%2fa%2f&sig=" CANARY "%3d&se=1"

static void
good(struct relay_info *info)
{
	*info = (struct relay_info){
		.namespace_name = "azgnrelay-eastus-l1",
		.namespace_suffix = "servicebus.windows.net",
		.hybrid_connection = "microsoft.hybridcompute/machines/"
		    "9f86d081884c7d65/1730123456789012345/v2",
		.expires_on = 1700000000,
	};
	(void)secret_set(&info->access_key, SAS, strlen(SAS));
	(void)secret_set(&info->service_token, "eyJ." CANARY ".c2ln",
	    strlen("eyJ." CANARY ".c2ln"));
}

/* An error of the right kind, that names field and shows no secret? */
static int
refuses(const struct relay_info *info, const char *extra, const char *field)
{
	struct err e = ERR_INIT;
	const char *s;

	if (relay_info_check(info, extra, &e) != -1 ||
	    e.status != EX_DATAERR || strcmp(e.id, "E106") != 0 ||
	    e.retry != RETRY_NEVER ||
	    strstr(e.cause, field) == NULL)
		return (0);
	for (s = e.cause; *s != '\0'; s++)
		if (*s < 0x20 || *s > 0x7e)
			return (0);
	return (strstr(e.cause, "canary") == NULL &&
	    strstr(e.fix, "canary") == NULL);
}

static int
accepts(const struct relay_info *info, const char *extra)
{
	struct err e = ERR_INIT;

	return (relay_info_check(info, extra, &e) == 0 && e.status == 0);
}

static void
test_names(void)
{
	static const char *const names[] = {
		"", "-a", "a.b", "a/b", "evil.example/", "a:443", "user@host",
		"a b", " a", "a ", "a\tb", "a\r\nHost: evil", "a\n", "a\rb",
		"a%2eb", "a?b", "a#b", "a_b", "caf\xc3\xa9", "a\x7f" "b",
		"a\x1b[31m",
	};
	static const char *const suffixes[] = {
		"", "windows.net", "servicebus.windows.net.",
		".servicebus.windows.net", "servicebus.windows.net.evil.com",
		"evil.com", "evil.com/servicebus.windows.net",
		"evil.com#servicebus.windows.net", "servicebus.windows.net:444",
		"servicebus.windows.net\r\nX: y", "servicebus.windows.net\n",
		" servicebus.windows.net", "servicebus.windows.net ",
		"evilservicebus.windows.net", "servicebus_windows.net",
		"servicebus.windows.ne\xd1\x82", "servicebus.windows",
	};
	static const char *const paths[] = {
		"", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "../a",
		"a/..", "a/./b", "a b", "a?b", "a?sb-hc-token=x", "a#b", "a%2fb",
		"a%0d%0ab", "a\r\nHost: evil", "a\nb", "a\rb", "a HTTP/1.1\r\n",
		"a\\b", "a&b", "a=b", "a;b", "a+b", "a:b", "a@b", "a$b", "a*",
		"caf\xc3\xa9", "a\x1b[0m", "a\x7f", "\"a\"", "a'b",
	};
	struct relay_info info;
	size_t i, n;

	good(&info);
	ok(accepts(&info, NULL), "a good one");
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)strcpy(info.namespace_name, names[i]);
		ok(refuses(&info, NULL, "namespaceName"),
		    "hostile namespace %zu", i);
	}
	relay_info_free(&info);

	good(&info);
	n = sizeof(suffixes) / sizeof(suffixes[0]);
	for (i = 0; i < n; i++) {
		(void)strcpy(info.namespace_suffix, suffixes[i]);
		ok(refuses(&info, NULL, "namespaceNameSuffix") &&
		    refuses(&info, "", "namespaceNameSuffix") &&
		    refuses(&info, "relay.example", "namespaceNameSuffix"),
		    "hostile suffix %zu", i);
	}
	relay_info_free(&info);

	good(&info);
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		(void)strcpy(info.hybrid_connection, paths[i]);
		ok(refuses(&info, NULL, "hybridConnectionName"),
		    "hostile path %zu", i);
	}
	relay_info_free(&info);
}

static void
test_good_names(void)
{
	static const char *const suffixes[] = {
		"servicebus.windows.net", "ServiceBus.Windows.NET",
		"servicebus.usgovcloudapi.net", "servicebus.chinacloudapi.cn",
	};
	static const char *const paths[] = {
		"a", "a/b", "A-Z._~09", "...", "a/...", "a..b/.c", "~", "-",
	};
	struct relay_info info;
	size_t i;

	good(&info);
	for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		(void)strcpy(info.namespace_suffix, suffixes[i]);
		ok(accepts(&info, NULL) && accepts(&info, "relay.example"),
		    "suffix %s", suffixes[i]);
	}
	(void)strcpy(info.namespace_suffix, "relay.example");
	ok(accepts(&info, "relay.example") && accepts(&info, "RELAY.Example"),
	    "a suffix that the user named, in any case");
	ok(refuses(&info, "relay.example.com", "namespaceNameSuffix") &&
	    refuses(&info, "relay.exampl", "namespaceNameSuffix"),
	    "only the whole of it");
	(void)strcpy(info.namespace_suffix, "servicebus.windows.net");
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		(void)strcpy(info.hybrid_connection, paths[i]);
		ok(accepts(&info, NULL), "path %s", paths[i]);
	}
	(void)strcpy(info.namespace_name, "A1-b");
	ok(accepts(&info, NULL), "a namespace with capitals");
	relay_info_free(&info);
}

/* Each field with each byte in the middle: which are let through? */
static void
test_every_byte(void)
{
	static const char alnum[] = "0123456789abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char token[] = CANARY "?" CANARY;
	char *in_token = strchr(token, '?');
	struct relay_info info;
	size_t wrong[4] = { 0 };
	int b;

	good(&info);
	for (b = 1; b < 256; b++) {
		int is_alnum = strchr(alnum, b) != NULL;

		(void)snprintf(info.namespace_name, 4, "a%cb", b);
		wrong[0] += accepts(&info, NULL) != (is_alnum || b == '-');
		(void)strcpy(info.namespace_name, "a");
		(void)snprintf(info.hybrid_connection, 4, "a%cb", b);
		wrong[1] += accepts(&info, NULL) !=
		    (is_alnum || strchr("-._~/", b) != NULL);
		(void)strcpy(info.hybrid_connection, "a");
	}
	ok(wrong[0] == 0, "namespace: letters, digits and dash only");
	ok(wrong[1] == 0, "path: unreserved characters and slash only");
	for (b = 0; b < 256; b++) {
		*in_token = (char)b;
		(void)secret_set(&info.access_key, token, strlen(CANARY) * 2 +
		    1);
		wrong[2] += b >= 0x20 && b <= 0x7e ? !accepts(&info, NULL) :
		    !refuses(&info, NULL, "accessKey");
		(void)secret_set(&info.access_key, SAS, strlen(SAS));
		(void)secret_set(&info.service_token, token,
		    strlen(CANARY) * 2 + 1);
		wrong[3] += b >= 0x20 && b <= 0x7e ? !accepts(&info, NULL) :
		    !refuses(&info, NULL, "serviceConfigurationToken");
		secret_free(&info.service_token);
	}
	ok(wrong[2] == 0, "accessKey: visible ASCII and spaces only, no NUL");
	ok(wrong[3] == 0, "serviceConfigurationToken: the same");
	relay_info_free(&info);
}

static void
test_tokens(void)
{
	static const struct {
		const char	*text;
		size_t		 len;
	} bad[] = {
		{ CANARY "\r\nX-Injected: 1", sizeof(CANARY) + 14 },
		{ CANARY "\n", sizeof(CANARY) },
		{ CANARY "\r", sizeof(CANARY) },
		{ "\r\n\r\n" CANARY, sizeof(CANARY) + 3 },
		{ CANARY "\0tail", sizeof(CANARY) + 4 },
		{ "\0" CANARY, sizeof(CANARY) },
		{ "\0", 1 },
		{ CANARY "\t", sizeof(CANARY) },
		{ CANARY "\x1b[2J", sizeof(CANARY) + 3 },
		{ CANARY "\xff", sizeof(CANARY) },
		{ CANARY "\xc2\x85", sizeof(CANARY) + 1 },
		/* a peer strips these: it would not be the token that we gave */
		{ " " CANARY, sizeof(CANARY) },
		{ CANARY " ", sizeof(CANARY) },
		{ " ", 1 },
	};
	static char large[INFO_TOKEN_MAX + 1];
	struct relay_info info;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		good(&info);
		(void)secret_set(&info.access_key, bad[i].text, bad[i].len);
		ok(refuses(&info, NULL, "accessKey"), "hostile accessKey %zu",
		    i);
		(void)secret_set(&info.access_key, SAS, strlen(SAS));
		(void)secret_set(&info.service_token, bad[i].text, bad[i].len);
		ok(refuses(&info, NULL, "serviceConfigurationToken"),
		    "hostile serviceConfigurationToken %zu", i);
		relay_info_free(&info);
	}
	good(&info);
	secret_free(&info.access_key);
	ok(refuses(&info, NULL, "accessKey"), "no accessKey");
	(void)secret_set(&info.access_key, SAS, strlen(SAS));
	secret_free(&info.service_token);
	ok(accepts(&info, NULL), "no serviceConfigurationToken is fine");
	memset(large, 'x', sizeof(large));
	(void)secret_set(&info.access_key, large, INFO_TOKEN_MAX);
	(void)secret_set(&info.service_token, large, INFO_TOKEN_MAX);
	ok(accepts(&info, NULL), "tokens of %d bytes", INFO_TOKEN_MAX);
	(void)secret_set(&info.service_token, large, sizeof(large));
	ok(refuses(&info, NULL, "serviceConfigurationToken"), "one more");
	(void)secret_set(&info.access_key, large, sizeof(large));
	ok(refuses(&info, NULL, "accessKey"), "and in the other");
	relay_info_free(&info);
}

static void
test_expiry(void)
{
	static const struct {
		int64_t	expires, now, margin;
		int	is_expired;
	} v[] = {
		{ 1000, 999, 0, 0 }, { 1000, 1000, 0, 0 }, { 1000, 1001, 0, 1 },
		{ 1000, 700, 300, 0 }, { 1000, 701, 300, 1 },
		{ 1000, 1060, -60, 0 }, { 1000, 1061, -60, 1 },
		{ 1, 0, 0, 0 }, { 1, 0, 2, 1 },
		{ INT64_MAX, INT64_MAX, 0, 0 },
		{ INT64_MAX, INT64_MAX - 300, 300, 0 },
		{ INT64_MAX, INT64_MAX, 300, 1 },
		{ INT64_MAX, 1700000000, 300, 0 },
		{ INT64_MAX, 0, INT64_MAX, 0 },
		{ 1000, INT64_MAX, 300, 1 },
		{ 1000, INT64_MAX, INT64_MAX, 1 },
		{ 1000, INT64_MIN, -60, 0 },
		{ 1, INT64_MIN, INT64_MIN, 0 },
		{ 1000, INT64_MAX, -60, 1 },
		{ 4294967296, 4294967295, 0, 0 },
		{ 4294967296, 4294967297, 0, 1 },
	};
	static const int64_t no_time[] = { 0, -1, INT64_MIN };
	struct relay_info info;
	size_t i;

	good(&info);
	for (i = 0; i < sizeof(no_time) / sizeof(no_time[0]); i++) {
		info.expires_on = no_time[i];
		ok(refuses(&info, NULL, "expiresOn"), "expiresOn %lld",
		    (long long)no_time[i]);
	}
	info.expires_on = INT64_MAX;
	ok(accepts(&info, NULL), "expiresOn far away");
	relay_info_free(&info);
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		info.expires_on = v[i].expires;
		ok(relay_info_is_expired(&info, v[i].now, v[i].margin) ==
		    v[i].is_expired, "ends at %lld, it is %lld, margin %lld: "
		    "%s", (long long)v[i].expires, (long long)v[i].now,
		    (long long)v[i].margin, v[i].is_expired ? "expired" :
		    "good");
	}
}

static void
test_free(void)
{
	static const struct relay_info empty = RELAY_INFO_INIT;
	struct relay_info info;

	good(&info);
	relay_info_free(&info);
	ok(info.access_key.data == NULL && info.service_token.data == NULL &&
	    info.access_key.len == 0 && info.service_token.len == 0 &&
	    info.expires_on == 0 && memcmp(info.namespace_name,
	    empty.namespace_name, sizeof(info.namespace_name)) == 0,
	    "empty when freed");
	relay_info_free(&info);
	ok(refuses(&info, NULL, "namespaceName"), "and not accepted");
}

int
main(void)
{
	test_names();
	test_good_names();
	test_every_byte();
	test_tokens();
	test_free();
	test_expiry();
	return (done_testing());
}
