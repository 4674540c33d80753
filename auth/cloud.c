/*
 * Azure clouds, see cloud.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/cloud.h"
#include "auth/json.h"
#include "auth/text.h"
#include "relay/err.h"
#include "relay/httpproxy.h"
#include "relay/secret.h"
#include "relay/trust.h"

#define CLOUD_FILE_MAX	(64 * 1024)	/* bytes */

static const struct cloud built_in[] = {
	{ .name = "AzureCloud", .management = "https://management.azure.com",
	    .audience = "https://management.azure.com",
	    .authority = "https://login.microsoftonline.com",
	    .relay_suffix = "servicebus.windows.net" },
	{ .name = "AzureUSGovernment",
	    .management = "https://management.usgovcloudapi.net",
	    .audience = "https://management.usgovcloudapi.net",
	    .authority = "https://login.microsoftonline.us",
	    .relay_suffix = "servicebus.usgovcloudapi.net" },
	{ .name = "AzureChinaCloud",
	    .management = "https://management.chinacloudapi.cn",
	    .audience = "https://management.chinacloudapi.cn",
	    .authority = "https://login.chinacloudapi.cn",
	    .relay_suffix = "servicebus.chinacloudapi.cn" },
};

static int
by_name(struct cloud *c, const char *name, struct err *e)
{
	size_t i;

	for (i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
		if (strcasecmp(name, built_in[i].name) == 0) {
			*c = built_in[i];
			return (0);
		}
	err_set(e, EX_CONFIG, "E313", "no cloud is called \"%.60s\"", name);
	return (err_fix(e, "AzureCloud, AzureUSGovernment or AzureChinaCloud; "
	    "any other with --cloud-file FILE"));
}

/*
 * The member key as a string of the characters of A-Z a-z 0-9 and also.  These
 * texts go into URLs and host names, so nothing is let through to be quoted.
 */
static int
get(const struct js *j, const char *file, const char *key, const char *also,
    char *out, size_t size, struct err *e)
{
	const char *s = js_string(j, key);

	if (s == NULL || *s == '\0')
		return (err_set(e, EX_DATAERR, "", "%s: %s is missing", file,
		    key));
	if (strlen(s) >= size)
		return (err_set(e, EX_DATAERR, "", "%s: %s is too long", file,
		    key));
	if (also != NULL && !text_only(s, also))
		return (err_set(e, EX_DATAERR, "",
		    "%s: %s holds a character that it may not", file, key));
	(void)snprintf(out, size, "%s", s);
	return (0);
}

/* The member key as https://HOST[:PORT][/PATH] without a slash at the end. */
static int
get_url(const struct js *j, const char *file, const char *key, char *out,
    size_t size, struct err *e)
{
	static const char https[] = "https://";
	size_t len;

	if (get(j, file, key, "-._:/[]", out, size, e) == -1)
		return (-1);
	for (len = strlen(out); len > 0 && out[len - 1] == '/'; len--)
		out[len - 1] = '\0';
	if (strncmp(out, https, strlen(https)) != 0 ||
	    out[strlen(https)] == '/')
		return (err_set(e, EX_DATAERR, "",
		    "%s: %s must begin with https:// and a host", file, key));
	return (0);
}

/* A relative name is one beside the cloud file, wherever we were started. */
static int
get_ca_file(const struct js *j, const char *file, char *out, size_t size,
    struct err *e)
{
	const char *slash = strrchr(file, '/');
	char name[sizeof(((struct network *)0)->ca_file)] = "";
	int dir = 0;

	if (get(j, file, "caFile", NULL, name, sizeof(name), e) == -1)
		return (-1);
	if (name[0] != '/' && slash != NULL)
		dir = (int)(slash - file) + 1;
	if ((size_t)snprintf(out, size, "%.*s%s", dir, file, name) >= size)
		return (err_set(e, EX_DATAERR, "", "%s: caFile is too long",
		    file));
	return (0);
}

static int
from_json(struct cloud *c, const struct js *j, const char *file, struct err *e)
{
	if (get(j, file, "name", "-._", c->name, sizeof(c->name), e) == -1 ||
	    get_url(j, file, "managementEndpoint", c->management,
	    sizeof(c->management), e) == -1 ||
	    get_url(j, file, "authority", c->authority, sizeof(c->authority),
	    e) == -1)
		return (-1);
	(void)snprintf(c->audience, sizeof(c->audience), "%s", c->management);
	if (js_at(j, "relaySuffix") != NULL && get(j, file, "relaySuffix", "-.:",
	    c->relay_suffix, sizeof(c->relay_suffix), e) == -1)
		return (-1);
	if (js_at(j, "caFile") != NULL && get_ca_file(j, file, c->net.ca_file,
	    sizeof(c->net.ca_file), e) == -1)
		return (-1);
	return (0);
}

static int
by_file(struct cloud *c, const char *file, struct err *e)
{
	struct secret text = SECRET_INIT;
	char why[JS_WHY_MAX];
	struct js *j = NULL;
	int rc = -1;

	*c = (struct cloud){ .name = "" };
	if (text_read_file(file, CLOUD_FILE_MAX, &text) == -1)
		return (err_sys(e, errno == EFBIG ? EX_DATAERR : EX_NOINPUT,
		    "", "cannot read the cloud file %s", file));
	if ((j = js_parse(text.data != NULL ? text.data : "", text.len,
	    why)) == NULL)
		err_set(e, EX_DATAERR, "", "%s: %s", file, why);
	else
		rc = from_json(c, j, file, e);
	js_free(j);
	secret_free(&text);
	return (rc);
}

int
cloud_load(struct cloud *c, const char *name, const char *file, struct err *e)
{
	if (file != NULL)
		return (by_file(c, file, e));
	return (by_name(c, name != NULL ? name : built_in[0].name, e));
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
