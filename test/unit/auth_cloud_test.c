/*
 * Goal: a cloud file can send a token only where its text plainly says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/cloud.h"
#include "relay/err.h"
#include "test/unit/tap.h"

#define REST	"\"authority\":\"https://login.test\"}"

static char folder[200];
static char path[300];

static int
load(const char *text, struct cloud *c, struct err *e)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(text, f) == EOF || fclose(f) == EOF)
		abort();
	*e = (struct err)ERR_INIT;
	return (cloud_load(c, NULL, path, e));
}

static void
is_bad(const char *text, const char *key)
{
	struct cloud c;
	struct err e;
	int rc = load(text, &c, &e);

	ok(rc == -1 && e.status == EX_DATAERR && strstr(e.cause, key) != NULL &&
	    strstr(e.cause, path) != NULL, "refused: %s", e.cause);
}

static void
management_is_bad(const char *url)
{
	char text[1000];

	(void)snprintf(text, sizeof(text),
	    "{\"name\":\"own\",\"managementEndpoint\":\"%s\"," REST, url);
	is_bad(text, "managementEndpoint");
}

static void
built_in(void)
{
	struct err e = ERR_INIT;
	struct cloud c;

	ok(cloud_load(&c, NULL, NULL, &e) == 0 &&
	    strcmp(c.management, "https://management.azure.com") == 0 &&
	    c.net.ca_file[0] == '\0', "the public cloud without a name");
	ok(cloud_load(&c, "azureusgovernment", NULL, &e) == 0 &&
	    strcmp(c.authority, "https://login.microsoftonline.us") == 0 &&
	    strcmp(c.name, "AzureUSGovernment") == 0, "a name in any case");
	ok(cloud_load(&c, "AzureChinaCloud", NULL, &e) == 0 &&
	    strcmp(c.relay_suffix, "servicebus.chinacloudapi.cn") == 0,
	    "China");
	ok(cloud_load(&c, "MyCloud", NULL, &e) == -1 &&
	    e.status == EX_CONFIG && strcmp(e.id, "E313") == 0,
	    "another name: %s", e.cause);
}

static void
file(void)
{
	struct cloud c;
	struct err e;

	ok(load("{\"name\":\"own\","
	    "\"managementEndpoint\":\"https://127.0.0.1:8443/\","
	    "\"authority\":\"https://login.test/adfs//\","
	    "\"relaySuffix\":\"relay.test\",\"caFile\":\"certs/ca.pem\"}",
	    &c, &e) == 0, "a file: read%s", e.cause);
	ok(strcmp(c.management, "https://127.0.0.1:8443") == 0 &&
	    strcmp(c.authority, "https://login.test/adfs") == 0,
	    "slashes at the end are gone");
	ok(strncmp(c.net.ca_file, folder, strlen(folder)) == 0 &&
	    strcmp(c.net.ca_file + strlen(folder), "/certs/ca.pem") == 0,
	    "the CA file is beside the cloud file");
	ok(load("{\"name\":\"own\",\"caFile\":\"/etc/ca.pem\","
	    "\"managementEndpoint\":\"https://m.test\"," REST, &c, &e) == 0 &&
	    strcmp(c.net.ca_file, "/etc/ca.pem") == 0 && c.relay_suffix[0] == '\0',
	    "an absolute CA file, no relay suffix");
	ok(cloud_load(&c, NULL, "/nowhere/cloud.json", &e) == -1 &&
	    e.status == EX_NOINPUT, "no file: %s", e.cause);
}

static void
network(void)
{
	static char longest[2000];
	struct err e = ERR_INIT;
	struct cloud c;
	char ca[600];
	FILE *f;

	memset(longest, 'x', sizeof(longest) - 1);
	ok(cloud_load(&c, NULL, NULL, &e) == 0 &&
	    cloud_network(&c, NULL, NULL, NULL, &e) == 0 &&
	    c.net.ca_file[0] == '\0' && c.net.proxy[0] == '\0' &&
	    c.net.proxy_auth_file[0] == '\0', "nothing said: nothing there");
	(void)snprintf(ca, sizeof(ca), "%s/ca.pem", folder);
	if ((f = fopen(ca, "w")) == NULL ||
	    fputs("-----BEGIN CERTIFICATE-----\n", f) == EOF || fclose(f) != 0)
		abort();
	ok(cloud_network(&c, ca, "proxy:8080", "/auth", &e) == 0 &&
	    strcmp(c.net.ca_file, ca) == 0 &&
	    strcmp(c.net.proxy, "proxy:8080") == 0 &&
	    strcmp(c.net.proxy_auth_file, "/auth") == 0, "said: there");
	ok(cloud_network(&c, NULL, "http://u:SECRET@p.test", NULL, &e) == -1 &&
	    e.status == EX_USAGE && strstr(e.cause, "SECRET") == NULL,
	    "a password in --proxy: %s", e.cause);
	ok(cloud_network(&c, "/nowhere", NULL, NULL, &e) == -1 &&
	    e.status == EX_CONFIG && strcmp(e.id, "E605") == 0,
	    "a CA file that is none: %s", e.cause);
	(void)unlink(ca);
	ok(cloud_network(&c, longest, NULL, NULL, &e) == -1 &&
	    e.status == EX_USAGE && strstr(e.cause, "--ca-file") != NULL &&
	    cloud_network(&c, NULL, longest, NULL, &e) == -1 &&
	    e.status == EX_USAGE && strstr(e.cause, "--proxy ") != NULL &&
	    cloud_network(&c, NULL, NULL, longest, &e) == -1 &&
	    e.status == EX_USAGE && strstr(e.cause, "--proxy-auth") != NULL,
	    "too long: told");
}

int
main(void)
{
	static char large[70000];

	(void)snprintf(folder, sizeof(folder), "%s/cloud_test.XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(folder) == NULL)
		abort();
	(void)snprintf(path, sizeof(path), "%s/cloud.json", folder);
	built_in();
	file();
	network();

	is_bad("", "is not JSON");
	is_bad("{\"name\":\"own\"}", "managementEndpoint");
	is_bad("{\"managementEndpoint\":\"https://m.test\"," REST, "name");
	is_bad("{\"name\":\"a b\",\"managementEndpoint\":\"https://m.test\","
	    REST, "name");
	is_bad("{\"name\":\"own\",\"managementEndpoint\":\"https://m.test\"}",
	    "authority");
	is_bad("{\"name\":\"own\",\"managementEndpoint\":\"https://m.test\","
	    "\"relaySuffix\":\"a/b\"," REST, "relaySuffix");
	is_bad("{\"name\":\"own\",\"managementEndpoint\":\"https://m.test\","
	    "\"caFile\":7," REST, "caFile");
	management_is_bad("http://m.test");
	management_is_bad("https://");
	management_is_bad("https:///x");
	management_is_bad("ftp://m.test");
	management_is_bad("https://m.test\\r\\nHost: evil");
	management_is_bad("https://m.test/a b");
	management_is_bad("https://user@m.test");
	management_is_bad("https://m.test?x");
	management_is_bad("https://m.test#x");
	management_is_bad("https://m.test\\\\x");
	management_is_bad("https://m%2etest");
	memset(large, ' ', sizeof(large) - 1);
	is_bad(large, "too large");

	(void)unlink(path);
	(void)rmdir(folder);
	return (done_testing());
}
