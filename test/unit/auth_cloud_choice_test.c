/*
 * Goal: of all that may choose a cloud the nearest does; a variable can send a
 * login to Microsoft's login hosts only; clouds registered with the Azure CLI are
 * known by their names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/cloud.h"
#include "relay/err.h"
#include "test/unit/tap.h"

static char folder[200];

/* A file of the Azure CLI; text NULL: none. */
static void
az_file(const char *name, const char *text, mode_t mode)
{
	char file[300];
	FILE *f;

	(void)snprintf(file, sizeof(file), "%s/%s", folder, name);
	(void)unlink(file);
	if (text != NULL && ((f = fopen(file, "w")) == NULL ||
	    fputs(text, f) == EOF || fclose(f) == EOF ||
	    chmod(file, mode) == -1))
		abort();
}

static const char *const variables[] = { "ARC_RELAY_CLOUD",
    "AZURE_CLOUD_NAME", "AZURE_AUTHORITY_HOST" };

/* A cloud is chosen by these words; NULL: is not set. */
static int
choose(const char *option, const char *ours, const char *azure,
    const char *host, struct cloud *c, struct err *e)
{
	const char *values[] = { ours, azure, host };
	size_t i;
	int rc;

	for (i = 0; i < 3; i++)
		if (values[i] != NULL)
			(void)setenv(variables[i], values[i], 1);
	*e = (struct err)ERR_INIT;
	rc = cloud_load(c, option, NULL, e);
	for (i = 0; i < 3; i++)
		(void)unsetenv(variables[i]);
	return (rc);
}

static void
chosen(const char *option, const char *ours, const char *azure,
    const char *host, const char *name)
{
	struct cloud c;
	struct err e;
	int rc = choose(option, ours, azure, host, &c, &e);

	ok(rc == 0 && strcmp(c.name, name) == 0, "%s %s %s %s: %s%s",
	    option, ours, azure, host, name, e.cause);
}

static void
not_chosen(const char *option, const char *ours, const char *azure,
    const char *host, const char *says)
{
	struct cloud c;
	struct err e;
	int rc = choose(option, ours, azure, host, &c, &e);

	ok(rc == -1 && e.status == EX_CONFIG && strcmp(e.id, "E313") == 0 &&
	    strstr(e.cause, says) != NULL, "%s %s %s %s: %s. %s", option, ours,
	    azure, host, e.cause, e.fix);
}

#define US	"AzureUSGovernment"
#define CN	"AzureChinaCloud"
#define PUBLIC	"AzureCloud"
#define US_HOST	"login.microsoftonline.us"

static void
choices(void)
{
	chosen(CN, US, PUBLIC, NULL, CN);
	chosen(NULL, US, CN, NULL, US);
	chosen(NULL, "", CN, NULL, CN);
	chosen(NULL, NULL, NULL, US_HOST, US);
	az_file("config", "[cloud]\nname = " CN "\n", 0600);
	chosen(NULL, NULL, NULL, NULL, CN);
	chosen(NULL, NULL, NULL, US_HOST, US);
	chosen(NULL, "azurecloud", NULL, NULL, PUBLIC);
	az_file("config", "[core]\nname = " CN "\n", 0600);
	chosen(NULL, NULL, NULL, NULL, PUBLIC);
	az_file("config", "[cloud]\nname = Own\n", 0600);
	not_chosen(NULL, NULL, NULL, NULL, "\"Own\" (az cloud set)");
	az_file("config", NULL, 0);
	not_chosen("Nix", NULL, NULL, NULL, "\"Nix\" (--cloud)");
	not_chosen(NULL, "Nix", NULL, NULL, "\"Nix\" (ARC_RELAY_CLOUD)");
	not_chosen(NULL, NULL, "Nix", NULL, "\"Nix\" (AZURE_CLOUD_NAME)");
}

/* The authority that comes of it; NULL: refused. */
static void
authority(const char *option, const char *host, const char *expected)
{
	struct cloud c;
	struct err e;

	if (expected == NULL)
		not_chosen(option, NULL, NULL, host, "AZURE_AUTHORITY_HOST is ");
	else
		ok(choose(option, NULL, NULL, host, &c, &e) == 0 &&
		    strcmp(c.authority, expected) == 0, "%s %s: %s%s", option,
		    host, expected, e.cause);
}

static void
authorities(void)
{
	static char longest[400];
	struct cloud c;
	struct err e;

	authority(NULL, "https://login.microsoftonline.com/",
	    "https://login.microsoftonline.com");
	authority(NULL, "LOGIN.microsoftonline.us//",
	    "https://login.microsoftonline.us");
	authority(NULL, "HTTPS://login.partner.microsoftonline.cn",
	    "https://login.partner.microsoftonline.cn");
	authority(NULL, "login.windows.net", "https://login.windows.net");
	authority(NULL, "https://login.sovcloud-identity.fr",
	    "https://login.sovcloud-identity.fr");
	authority(CN, "login.partner.microsoftonline.cn",
	    "https://login.partner.microsoftonline.cn");
	authority(CN, "login-us.microsoftonline.com",
	    "https://login-us.microsoftonline.com");

	authority(US, "login.microsoftonline.com", NULL);
	authority(NULL, "https://evil.test", NULL);
	authority(NULL, "http://login.microsoftonline.com", NULL);
	authority(NULL, "https://login.microsoftonline.com.evil.test", NULL);
	authority(NULL, "https://login.microsoftonline.com@evil.test", NULL);
	authority(NULL, "https://login.microsoftonline.com:443", NULL);
	authority(NULL, "https://login.microsoftonline.com/evil", NULL);
	authority(NULL, "https://login.microsoftonline.com.", NULL);
	authority(NULL, "https://https://login.microsoftonline.com", NULL);
	authority(NULL, " https://login.microsoftonline.com", NULL);
	authority(NULL, "//login.microsoftonline.com", NULL);
	(void)choose(NULL, NULL, NULL, "https://u:SECRET@evil.test", &c, &e);
	ok(strstr(e.cause, "\"evil.test\"") != NULL &&
	    strstr(e.cause, "SECRET") == NULL, "no password is shown: %s",
	    e.cause);
	authority(NULL, "https://", NULL);
	authority(NULL, "/", NULL);
	memset(longest, '/', sizeof(longest) - 1);
	memcpy(longest, "login.microsoftonline.com", 25);
	longest[390] = 'x';
	authority(NULL, longest, NULL);
}

#define OWN(resource) OWN_AT("https://login.own.test/", resource)
#define OWN_AT(authority, resource) "[AzureCloud]\nprofile = latest\n\n[Own.Cloud]\n" \
	"endpoint_management = https://old.test/\n" \
	"endpoint_resource_manager = https://arm.own.test/\n" \
	"endpoint_active_directory = " authority "\n" \
	"endpoint_active_directory_resource_id = " resource "\n"

static void
registered_is_bad(const char *text, const char *says)
{
	struct cloud c;
	struct err e;
	int rc;

	az_file("clouds.config", text, 0600);
	rc = choose("Own.Cloud", NULL, NULL, NULL, &c, &e);
	ok(rc == -1 && e.status == EX_DATAERR && strstr(e.cause, says) != NULL,
	    "registered with az: %s", e.cause);
}

static void
registered(void)
{
	struct cloud c;
	struct err e;

	az_file("clouds.config", OWN("https://own.test/guid"), 0644);
	ok(choose("own.cloud", NULL, NULL, NULL, &c, &e) == 0 &&
	    strcmp(c.name, "Own.Cloud") == 0 &&
	    strcmp(c.management, "https://arm.own.test") == 0 &&
	    strcmp(c.authority, "https://login.own.test") == 0 &&
	    strcmp(c.audience, "https://own.test/guid") == 0 &&
	    c.relay_suffix[0] == '\0', "registered with az%s", e.cause);
	ok(choose("Own.Cloud", NULL, NULL, "login.own.test", &c, &e) == 0,
	    "registered with az: its own authority");
	not_chosen("Own.Cloud", NULL, NULL, "login.microsoftonline.com",
	    "another cloud");
	not_chosen("Nix", NULL, NULL, NULL, "Nix");
	(void)choose("Nix", NULL, NULL, NULL, &c, &e);
	ok(strstr(e.fix, "AzureChinaCloud, Own.Cloud;") != NULL,
	    "the known names: %s", e.fix);
	chosen("AzureCloud", NULL, NULL, NULL, "AzureCloud");
	az_file("clouds.config", OWN("https://own.test/"), 0600);
	ok(choose("Own.Cloud", NULL, NULL, NULL, &c, &e) == 0 &&
	    strcmp(c.audience, "https://own.test/") == 0,
	    "the slash of an audience counts");
	az_file("clouds.config", OWN_AT("https://adfs.own.test/adfs/", "x"),
	    0600);
	ok(choose("Own.Cloud", NULL, NULL, NULL, &c, &e) == 0 &&
	    strcmp(c.authority, "https://adfs.own.test") == 0,
	    "ADFS: its path comes with the tenant");
	az_file("clouds.config", OWN("https://own.test/"), 0622);
	ok(choose("Own.Cloud", NULL, NULL, NULL, &c, &e) == -1 &&
	    e.status == EX_CONFIG && strstr(e.cause, "clouds.config") != NULL,
	    "registered with az: %s", e.cause);
	chosen(NULL, NULL, NULL, NULL, "AzureCloud");
	registered_is_bad(OWN("--help"), "resource_id");
	registered_is_bad(OWN("a b"), "resource_id");
	registered_is_bad(OWN(""), "resource_id is missing");
	registered_is_bad("[Own.Cloud]\nendpoint_resource_manager = "
	    "http://arm.own.test\n", "https://");
	registered_is_bad("[Own.Cloud]\nendpoint_resource_manager = "
	    "https://arm.own.test@evil.test\n", "endpoint_resource_manager");
	registered_is_bad("[Own.Cloud]\n", "endpoint_resource_manager is "
	    "missing");
	az_file("clouds.config", "", 0600);
	not_chosen("Own.Cloud", NULL, NULL, NULL, "Own.Cloud");
	az_file("clouds.config", NULL, 0);
}

int
main(void)
{
	size_t i;

	(void)snprintf(folder, sizeof(folder), "%s/cloud_test.XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(folder) == NULL)
		abort();
	(void)setenv("AZURE_CONFIG_DIR", folder, 1);
	for (i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		(void)unsetenv(variables[i]);
	choices();
	authorities();
	registered();
	(void)rmdir(folder);
	return (done_testing());
}
