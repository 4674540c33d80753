/*
 * Goal: every name that means a host to the user is seen, in ssh_config as ssh reads
 * it and in known_hosts, hashed too; and nothing else is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/hostnames.h"
#include "relay/crypto.h"
#include "test/unit/tap.h"

static char included[200];

static int
include(void *arg, const char *pattern)
{
	(void)arg;
	(void)strcat(strcat(included, pattern), ";");
	return (0);
}

static void
config(void)
{
	static const char text[] = "Host one TWO \"three\" !four wild-* ? * *.*\n"
	    "  hostname=five\r\n\tHostName \"six seven\"\n# Host eight\n"
	    "Match host nine\nUser ten\nProxyJump eleven\n"
	    "Include a/*.conf \"/b c\" d\nInclude=e\nHost";
	static const char *const has[] = { "one", "two", "Three", "wild-1", "WILD-",
	    "five", "six seven" };
	static const char *const has_not[] = { "four", "wild", "a", "eight", "nine",
	    "ten", "eleven", "on", "onee", "", "six", "Host", "*" };
	struct hostnames *h = hostnames_new();
	size_t i;

	ok(hostnames_add_config(h, text, strlen(text), include, NULL) == 0, "read");
	for (i = 0; i < sizeof(has) / sizeof(has[0]); i++)
		ok(hostnames_has(h, has[i]), "known: %s", has[i]);
	for (i = 0; i < sizeof(has_not) / sizeof(has_not[0]); i++)
		ok(!hostnames_has(h, has_not[i]), "not known: %s", has_not[i]);
	ok(strcmp(included, "a/*.conf;/b c;d;e;") == 0, "includes: %s", included);
	hostnames_free(h);
}

static void
hash(const char *name, char *line)
{
	uint8_t salt[SHA1_BYTES] = { 1, 2, 3 }, mac[SHA1_BYTES];
	char a[BASE64_SIZE(SHA1_BYTES)], b[BASE64_SIZE(SHA1_BYTES)];

	crypto_hmac_sha1(salt, sizeof(salt), name, strlen(name), mac);
	crypto_base64(salt, sizeof(salt), a);
	crypto_base64(mac, sizeof(mac), b);
	(void)sprintf(line, "|1|%s|%s ssh-ed25519 AAAA\n", a, b);
}

static void
known(void)
{
	static const char *const has[] = { "one", "two", "192.0.2.1", "Three",
	    "four", "five", "secret" };
	static const char *const has_not[] = { "ssh-rsa", "AAAA", "six",
	    "seven", "|1|", "@cert-authority", "comment" };
	char text[2000] = "one,two,192.0.2.1 ssh-rsa AAAA= comment\n"
	    "[three]:2222 ssh-rsa AAAA\n@cert-authority four ssh-rsa AAAA\r\n"
	    "# six\n\n|1|bad seven\n|1|x|y z\n", *at = text + strlen(text);
	struct hostnames *h = hostnames_new();
	size_t i;

	hash("secret", at);
	(void)strcat(text, "five ssh-rsa AAAA");
	ok(hostnames_add_known(h, text, strlen(text)) == 0, "read");
	for (i = 0; i < sizeof(has) / sizeof(has[0]); i++)
		ok(hostnames_has(h, has[i]), "known: %s", has[i]);
	for (i = 0; i < sizeof(has_not) / sizeof(has_not[0]); i++)
		ok(!hostnames_has(h, has_not[i]), "not known: %s", has_not[i]);
	ok(!hostnames_has(h, "secre") && hostnames_has(h, "SECRET"),
	    "hashed: the whole name, in any case");
	hostnames_free(h);
	h = hostnames_new();
	ok(!hostnames_has(h, "one"), "nothing is known of nothing");
	hostnames_free(h);
}

int
main(void)
{
	config();
	known();
	return (done_testing());
}
