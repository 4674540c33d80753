/*
 * Goal: a cloud file can send a token only where its text plainly says, and
 * nobody but the user can change what it says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
audience(void)
{
	static const struct { const char *json, *expected; } rows[] = {
		{ "", "https://m.test" },
		{ "\"audience\":\"https://a.test/\",", "https://a.test/" },
		{ "\"audience\":\"api://guid\",", "api://guid" },
		{ "\"audience\":\"-x\",", NULL },
		{ "\"audience\":\"a b\",", NULL },
		{ "\"audience\":\"\",", NULL },
		{ "\"audience\":7,", NULL },
	};
	char text[300];
	struct cloud c;
	struct err e;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(text, sizeof(text), "{\"name\":\"own\",%s"
		    "\"managementEndpoint\":\"https://m.test/\"," REST,
		    rows[i].json);
		if (rows[i].expected == NULL)
			is_bad(text, "audience");
		else
			ok(load(text, &c, &e) == 0 && strcmp(c.audience,
			    rows[i].expected) == 0, "audience %s", c.audience);
	}
}

/* A cloud file is nearer than the variable, which must not lead elsewhere. */
static void
authority_and_file(void)
{
	static const char text[] = "{\"name\":\"own\","
	    "\"managementEndpoint\":\"https://m.test\"," REST;
	static const struct { const char *host; int rc; } rows[] = {
		{ "https://login.test/", 0 },
		{ "login.test", 0 },
		{ "login.microsoftonline.com", 0 },
		{ "https://login.test.evil", -1 },
		{ "http://login.test", -1 },
		{ "evil.test", -1 },
	};
	struct cloud c;
	struct err e;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)setenv("AZURE_AUTHORITY_HOST", rows[i].host, 1);
		rc = load(text, &c, &e);
		ok(rc == rows[i].rc && (rc == 0 ? strcmp(c.authority,
		    "https://login.test") == 0 : strcmp(e.id, "E313") == 0),
		    "a file and %s: %d %s", rows[i].host, rc, e.cause);
	}
	(void)unsetenv("AZURE_AUTHORITY_HOST");
}

static void
modes(void)
{
	static const struct { mode_t mode; int rc; } rows[] = {
		{ 0600, 0 }, { 0644, 0 }, { 0400, 0 }, { 0664, -1 },
		{ 0602, -1 }, { 0777, -1 },
	};
	struct cloud c;
	struct err e;
	size_t i;
	int rc;

	(void)load("{\"name\":\"own\",\"managementEndpoint\":"
	    "\"https://m.test\"," REST, &c, &e);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)chmod(path, rows[i].mode);
		e = (struct err)ERR_INIT;
		rc = cloud_load(&c, NULL, path, &e);
		ok(rc == rows[i].rc && (rc == 0 || (e.status == EX_CONFIG &&
		    strstr(e.fix, "chmod go-w") != NULL)), "mode %04o: %s",
		    (unsigned)rows[i].mode, e.cause);
	}
	(void)chmod(path, 0600);
	if (geteuid() == 0) {
		ok(chown(path, 12345, (gid_t)-1) == 0 &&
		    cloud_load(&c, NULL, path, &e) == -1 &&
		    e.status == EX_CONFIG, "of somebody else: %s", e.cause);
	}
	ok(cloud_load(&c, NULL, folder, &e) == -1 && e.status == EX_DATAERR,
	    "a folder: %s", e.cause);
	(void)unlink(path);
	ok(mkfifo(path, 0600) == 0 && cloud_load(&c, NULL, path, &e) == -1 &&
	    e.status == EX_DATAERR, "a FIFO: %s", e.cause);
	(void)unlink(path);
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
	(void)setenv("AZURE_CONFIG_DIR", folder, 1);
	(void)unsetenv("ARC_RELAY_CLOUD");
	(void)unsetenv("AZURE_CLOUD_NAME");
	(void)unsetenv("AZURE_AUTHORITY_HOST");
	(void)umask(022);
	built_in();
	file();
	audience();
	authority_and_file();
	modes();
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
