/*
 * Azure clouds, see cloud.h.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/azprofile.h"
#include "auth/cloud.h"
#include "auth/cloud_file.h"
#include "auth/env.h"
#include "auth/ini.h"
#include "auth/loginhost.h"
#include "auth/text.h"
#include "relay/err.h"
#include "relay/httpproxy.h"
#include "relay/log.h"
#include "relay/secret.h"
#include "relay/trust.h"

#define HTTPS			"https://"
#define AUTHORITY_VARIABLE	"AZURE_AUTHORITY_HOST"
#define SSH_SCOPE		"/CheckMyAccess/Linux/.default"
#define AZ_CONFIG_MAX		(64 * 1024)	/* bytes; a usual one has 300 */

static const struct cloud built_in[] = {
	{ .name = "AzureCloud", .management = "https://management.azure.com",
	    .audience = "https://management.azure.com",
	    .authority = "https://login.microsoftonline.com",
	    .relay_suffix = "servicebus.windows.net",
	    .ssh_scope = "https://pas.windows.net" SSH_SCOPE },
	{ .name = "AzureUSGovernment",
	    .management = "https://management.usgovcloudapi.net",
	    .audience = "https://management.usgovcloudapi.net",
	    .authority = "https://login.microsoftonline.us",
	    .relay_suffix = "servicebus.usgovcloudapi.net",
	    .ssh_scope = "https://pasff.usgovcloudapi.net" SSH_SCOPE },
	{ .name = "AzureChinaCloud",
	    .management = "https://management.chinacloudapi.cn",
	    .audience = "https://management.chinacloudapi.cn",
	    .authority = "https://login.chinacloudapi.cn",
	    .relay_suffix = "servicebus.chinacloudapi.cn",
	    .ssh_scope = "https://pas.chinacloudapi.cn" SSH_SCOPE },
};

/* Who chose the cloud's name. */
struct choice {
	const char	*name;
	const char	*from;
};

/* What az cloud set chose.  Anything that is wrong with its file is az's affair. */
static const char *
azure_cli_choice(char *name, size_t size)
{
	struct secret text = SECRET_INIT;
	char path[PATH_MAX];
	int rc = -1;

	if (azprofile_path("config", path, sizeof(path)) == 0 &&
	    text_read_regular(path, AZ_CONFIG_MAX, false, &text) == 0 &&
	    text.len > 0)
		rc = ini_get(text.data, text.len, "cloud", "name", name, size);
	secret_free(&text);
	return (rc == 0 ? name : NULL);
}

/* buf is room for a name, of size bytes.  host: that of AZURE_AUTHORITY_HOST. */
static struct choice
choose(const char *option, const struct login_host *host, char *buf,
    size_t size)
{
	struct choice c = { option, "--cloud" };

	if (c.name == NULL)
		c = (struct choice){ env_get("ARC_RELAY_CLOUD"),
		    "ARC_RELAY_CLOUD" };
	if (c.name == NULL)
		c = (struct choice){ env_get("AZURE_CLOUD_NAME"),
		    "AZURE_CLOUD_NAME" };
	if (c.name == NULL && host != NULL)
		c = (struct choice){ host->cloud, AUTHORITY_VARIABLE };
	if (c.name == NULL)
		c = (struct choice){ azure_cli_choice(buf, size),
		    "az cloud set" };
	if (c.name == NULL)
		c = (struct choice){ built_in[0].name, "" };
	return (c);
}

static int
by_name(struct cloud *c, const struct choice *which, struct err *e)
{
	char more[120];
	size_t i;
	int rc;

	for (i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
		if (strcasecmp(which->name, built_in[i].name) == 0) {
			*c = built_in[i];
			return (0);
		}
	if ((rc = cloud_file_azure_cli(c, which->name, e)) != 1)
		return (rc);
	cloud_file_azure_cli_names(more, sizeof(more));
	err_set(e, EX_CONFIG, "E313", "no cloud is called \"%.60s\" (%s)",
	    which->name, which->from);
	return (err_fix(e, "AzureCloud, AzureUSGovernment, AzureChinaCloud%s; "
	    "any other with --cloud-file FILE", more));
}

/* HOST of HOST or https://HOST/, as the Azure SDKs take it; "": too long. */
static void
bare_authority(const char *value, char *out, size_t size)
{
	size_t len;

	if (strncasecmp(value, HTTPS, strlen(HTTPS)) == 0)
		value += strlen(HTTPS);
	(void)snprintf(out, size, "%s", strlen(value) < size ? value : "");
	for (len = strlen(out); len > 0 && out[len - 1] == '/'; len--)
		out[len - 1] = '\0';
}

static int
refuse_authority(const char *value, const char *why, struct err *e)
{
	const char *at = strrchr(value, '@');

	if (at != NULL)		/* what stands before may be a password */
		value = at + 1;
	err_set(e, EX_CONFIG, "E313", AUTHORITY_VARIABLE " is \"%.80s\": %s",
	    value, why);
	return (err_fix(e, "unset it, or describe your cloud in a file: "
	    "--cloud-file FILE"));
}

/*
 * The authority of AZURE_AUTHORITY_HOST.  A login that went where nobody meant it
 * to go would be given away: the host is Microsoft's, or the cloud's already.
 */
static int
use_authority(struct cloud *c, const char *value, bool from_file, struct err *e)
{
	const char *own = c->authority + strlen(HTTPS);
	const struct login_host *was = login_host_find(own), *host;
	char bare[sizeof(c->authority)];

	bare_authority(value, bare, sizeof(bare));
	host = login_host_find(bare);
	if (strcasecmp(bare, own) == 0)
		return (0);
	if (strncasecmp(bare, "http://", 7) == 0)
		return (refuse_authority(value, "a login goes over https only",
		    e));
	if (host == NULL)
		return (refuse_authority(value, "no login host of Microsoft",
		    e));
	if (from_file)
		log_verbose(AUTHORITY_VARIABLE " is not used: the cloud file "
		    "names the authority");
	else if (host->cloud != NULL && (was == NULL || was->cloud == NULL ||
	    strcmp(was->cloud, host->cloud) != 0))
		return (refuse_authority(value, "the login host of another "
		    "cloud than the chosen one", e));
	else
		(void)snprintf(c->authority, sizeof(c->authority), HTTPS "%s",
		    host->name);
	return (0);
}

int
cloud_load(struct cloud *c, const char *name, const char *file, struct err *e)
{
	const char *authority = env_get(AUTHORITY_VARIABLE);
	char bare[sizeof(c->authority)] = "", buf[sizeof(c->name)];
	struct choice which;
	int rc;

	if (authority != NULL)
		bare_authority(authority, bare, sizeof(bare));
	if (file != NULL)
		rc = cloud_file_read(c, file, e);
	else {
		which = choose(name, login_host_find(bare), buf, sizeof(buf));
		rc = by_name(c, &which, e);
	}
	if (rc == 0 && authority != NULL)
		rc = use_authority(c, authority, file != NULL, e);
	return (rc);
}

/* An option's value, or nothing. */
static int
set_option(char *out, size_t size, const char *value, const char *option,
    struct err *e)
{
	if (value == NULL)
		return (0);
	if (strlen(value) >= size)
		return (err_set(e, EX_USAGE, "", "what is given with %s is "
		    "longer than %zu bytes", option, size - 1));
	(void)snprintf(out, size, "%s", value);
	return (0);
}

int
cloud_network(struct cloud *c, const char *ca_file, const char *proxy,
    const char *proxy_auth_file, struct err *e)
{
	struct network *net = &c->net;
	struct trust trust;

	if (set_option(net->ca_file, sizeof(net->ca_file), ca_file,
	    "--ca-file", e) == -1 ||
	    set_option(net->proxy, sizeof(net->proxy), proxy, "--proxy",
	    e) == -1 ||
	    set_option(net->proxy_auth_file, sizeof(net->proxy_auth_file),
	    proxy_auth_file, "--proxy-auth-file", e) == -1 ||
	    (proxy != NULL && httpproxy_check(proxy, e) == -1) ||
	    trust_find(net, &trust, e) == -1)
		return (-1);
	trust_log(&trust);
	return (0);
}
