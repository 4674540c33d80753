/*
 * Microsoft's login hosts, see loginhost.h.
 */
#include <strings.h>

#include "auth/loginhost.h"

static const struct login_host hosts[] = {
	{ "login.microsoftonline.com", "AzureCloud" },
	{ "login.windows.net", "AzureCloud" },
	{ "login.microsoft.com", "AzureCloud" },
	{ "sts.windows.net", "AzureCloud" },
	{ "login.microsoftonline.us", "AzureUSGovernment" },
	{ "login.usgovcloudapi.net", "AzureUSGovernment" },
	{ "login.chinacloudapi.cn", "AzureChinaCloud" },
	{ "login.partner.microsoftonline.cn", "AzureChinaCloud" },
	{ "login-us.microsoftonline.com", NULL },
	{ "login.sovcloud-identity.fr", NULL },
	{ "login.sovcloud-identity.de", NULL },
	{ "login.sovcloud-identity.sg", NULL },
};

const struct login_host *
login_host_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (strcasecmp(name, hosts[i].name) == 0)
			return (&hosts[i]);
	return (NULL);
}

bool
login_host_same(const char *a, const char *b)
{
	const struct login_host *x = login_host_find(a);
	const struct login_host *y = login_host_find(b);

	return (strcasecmp(a, b) == 0 || (x != NULL && y != NULL &&
	    x->cloud != NULL && y->cloud != NULL &&
	    strcasecmp(x->cloud, y->cloud) == 0));
}
