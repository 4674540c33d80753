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
#include "auth/entry.h"
#include "auth/json.h"
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

static struct js *
an_entry(const char *name, const char *suffix, const char *access_key,
    int64_t life_s)
{
	const struct entry x = {
		.kind = ENTRY_RELAY, .expires = time(NULL) + life_s,
		.machine = "/x", .port = 22
	};
	struct js *j = entry_new(&key, &x);

	if (js_set_string(j, "relay.namespaceName", name) == -1 ||
	    js_set_string(j, "relay.namespaceNameSuffix", suffix) == -1 ||
	    js_set_string(j, "relay.hybridConnectionName", "a/b") == -1 ||
	    js_set_string(j, "relay.accessKey", access_key) == -1 ||
	    js_set_integer(j, "relay.expiresOn", time(NULL) + life_s) == -1)
		abort();
	return (j);
}

static void
put_info(const char *name, const char *suffix, const char *access_key,
    int64_t life_s)
{
	struct js *j = an_entry(name, suffix, access_key, life_s);

	if (entry_keep(&cache, &key, j) == -1)
		abort();
	js_free(j);
}

/* A good entry with one member changed. */
static void
put_other(const char *member, const char *text, int64_t number)
{
	struct js *j = an_entry("ns", SUFFIX, "CANARY", 3600);

	if ((text != NULL ? js_set_string(j, member, text) :
	    js_set_integer(j, member, number)) == -1 ||
	    entry_keep(&cache, &key, j) == -1)
		abort();
	js_free(j);
}

static int
hit(const char *suffix, const char *refused)
{
	struct relay_info info = RELAY_INFO_INIT;
	int rc = creds_cached(&cache, &key, suffix, refused, &info);

	relay_info_free(&info);
	return (rc == 0);
}

static int64_t
ends_in(void)
{
	struct entry x;
	struct js *j = entry_read(&cache, &key, ENTRY_RELAY, &x);

	js_free(j);
	return (j != NULL ? x.expires - time(NULL) : INT64_MAX);
}

/* The file of one machine under the name of another. */
static void
copied(void)
{
	struct cache_key mine = key;
	struct secret s = SECRET_INIT;

	put_info("ns", SUFFIX, "CANARY", 3600);
	key = cache_key_relay("me", "/y", 22);
	if (cache_read(&cache, &mine, &s) == -1 ||
	    cache_write(&cache, &key, &s) == -1)
		abort();
	secret_free(&s);
	ok(!hit(SUFFIX, NULL), "copied to another machine's name: a miss");
	cache_drop(&cache, &key);
	key = mine;
	ok(hit(SUFFIX, NULL), "under its own it is good");
}

static void
truncated(void)
{
	struct secret whole = SECRET_INIT, part = SECRET_INIT;
	size_t i;
	int hits = 0;

	if (cache_read(&cache, &key, &whole) == -1)
		abort();
	for (i = 1; i < whole.len; i++) {
		if (secret_set(&part, whole.data, i) == -1 ||
		    cache_write(&cache, &key, &part) == -1)
			abort();
		hits += hit(SUFFIX, NULL);
	}
	ok(hits == 0 && i > 300, "cut after each of %zu bytes: a miss", i);
	(void)cache_write(&cache, &key, &whole);
	ok(hit(SUFFIX, NULL), "whole: a hit");
	secret_free(&whole);
	secret_free(&part);
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
	key = cache_key_relay("me", "/x", 22);

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
	ok(hit(SUFFIX, NULL) && ends_in() <= 4 * 3600,
	    "good for 8,000 years: for a few hours");
	put_other("expires", NULL, time(NULL) + 4 * 3600);
	ok(!hit(SUFFIX, NULL), "claims to be good for longer: a miss");
	put_other("expires", NULL, time(NULL) + 100);
	ok(!hit(SUFFIX, NULL), "the entry's own end counts");
	put_other("written", NULL, ((int64_t)time(NULL) + 300) * 1000);
	ok(!hit(SUFFIX, NULL), "written in five minutes: a miss");
	put_other("written", NULL, ((int64_t)time(NULL) + 60) * 1000);
	ok(hit(SUFFIX, NULL), "in one: clocks differ");
	put_other("written", NULL, ((int64_t)time(NULL) - 86400) * 1000);
	ok(!hit(SUFFIX, NULL), "written yesterday for today: a miss");
	put_other("schema", NULL, 1);
	ok(!hit(SUFFIX, NULL), "an older schema: a miss");
	put_other("schema", NULL, 3);
	ok(!hit(SUFFIX, NULL), "a newer schema: a miss");
	put_other("kind", ENTRY_TOKEN, 0);
	ok(!hit(SUFFIX, NULL), "of another kind: a miss");
	put_other("key", cache_key_token("me").name, 0);
	ok(!hit(SUFFIX, NULL), "of another key: a miss");
	put_other("for.machine", "\001\002", 0);
	ok(hit(SUFFIX, NULL), "what is for people only does not matter");
	copied();
	truncated();

	put_info("ns", "evil.test", "CANARY", 3600);
	ok(!hit(SUFFIX, NULL), "a foreign suffix: a miss");
	ok(hit("evil.test", NULL), "one that the user named: a hit");
	put_info("evil.test/", SUFFIX, "CANARY", 3600);
	ok(!hit(SUFFIX, NULL), "a name with a slash: a miss");
	put_info("ns", SUFFIX, "a\r\nHost: evil", 3600);
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
