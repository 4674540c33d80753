/*
 * Goal: what the cache holds is used only while it is good, for what it is good
 * for, whoever wrote it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "auth/cache.h"
#include "auth/creds.h"
#include "relay/info.h"
#include "test/unit/tap.h"

#define SUFFIX	"servicebus.windows.net"

static char top[200];
static struct cache cache;
static struct cache_key key;

static void
put(const char *text)
{
	struct secret s = SECRET_INIT;

	if (secret_set(&s, text, strlen(text)) == -1 ||
	    cache_write(&cache, &key, &s) == -1)
		abort();
	secret_free(&s);
}

static void
put_info(const char *name, const char *suffix, const char *access_key,
    int64_t life_s)
{
	char text[2000];

	(void)snprintf(text, sizeof(text), "{\"relay\":{\"namespaceName\":"
	    "\"%s\",\"namespaceNameSuffix\":\"%s\",\"hybridConnectionName\":"
	    "\"a/b\",\"accessKey\":\"%s\",\"expiresOn\":%lld}}", name, suffix,
	    access_key, (long long)time(NULL) + life_s);
	put(text);
}

static int
hit(const char *suffix, const char *refused)
{
	struct relay_info info = RELAY_INFO_INIT;
	int rc = creds_cached(&cache, &key, suffix, refused, &info);

	relay_info_free(&info);
	return (rc == 0);
}

int
main(void)
{
	char hex[SHA256_HEX + 1], command[300];

	(void)snprintf(top, sizeof(top), "%s/creds_test.XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(top) == NULL)
		abort();
	(void)setenv("XDG_RUNTIME_DIR", top, 1);
	cache_open(&cache);
	key = cache_key_relay("AzureCloud", "/x", 22);

	ok(!hit(SUFFIX, NULL), "nothing: a miss");
	put_info("ns", SUFFIX, "CANARY", 3600);
	ok(hit(SUFFIX, NULL), "good for an hour: a hit");
	ok(hit("", NULL), "a known suffix needs no permission");
	crypto_sha256_hex("CANARY", 6, hex);
	ok(!hit(SUFFIX, hex), "refused by the relay: a miss");
	crypto_sha256_hex("another", 7, hex);
	ok(hit(SUFFIX, hex), "another was refused: a hit");
	put_info("ns", SUFFIX, "CANARY", INFO_REFRESH_S - 5);
	ok(!hit(SUFFIX, NULL), "nearly at its end: a miss");
	put_info("ns", SUFFIX, "CANARY", INFO_REFRESH_S + 5);
	ok(hit(SUFFIX, NULL), "not yet: a hit");
	put_info("ns", SUFFIX, "CANARY", -10);
	ok(!hit(SUFFIX, NULL), "past its end: a miss");
	put_info("ns", SUFFIX, "CANARY", (int64_t)8000 * 365 * 86400);
	ok(!hit(SUFFIX, NULL), "good for 8,000 years: a miss");

	put_info("ns", "evil.test", "CANARY", 3600);
	ok(!hit(SUFFIX, NULL), "a foreign suffix: a miss");
	ok(hit("evil.test", NULL), "one that the user named: a hit");
	put_info("evil.test/", SUFFIX, "CANARY", 3600);
	ok(!hit(SUFFIX, NULL), "a name with a slash: a miss");
	put_info("ns", SUFFIX, "a\\r\\nHost: evil", 3600);
	ok(!hit(SUFFIX, NULL), "a token with a line end: a miss");
	put_info("ns", SUFFIX, "", 3600);
	ok(!hit(SUFFIX, NULL), "no token: a miss");
	put("{\"failed\":{\"status\":77}}");
	ok(!hit(SUFFIX, NULL), "something else: a miss");
	put("\001\002\003");
	ok(!hit(SUFFIX, NULL), "no text at all: a miss");

	cache_close(&cache);
	ok(!hit(SUFFIX, NULL), "no cache: a miss");
	(void)snprintf(command, sizeof(command), "rm -rf %s", top);
	ok(system(command) == 0, "cleaned up");
	return (done_testing());
}
