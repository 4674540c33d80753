/*
 * As whom we would ask, see identity.h.
 */
#include <string.h>

#include "auth/account.h"
#include "auth/azprofile.h"
#include "auth/cloud.h"
#include "auth/env.h"
#include "auth/identity.h"
#include "auth/text.h"
#include "relay/secret.h"

#define TEXT_MAX	(64 * 1024)

/* What names an identity, or decides which source is set up. */
static const char *const variables[] = {
	"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET",
	"AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE",
	"AZURE_TOKEN_CREDENTIALS", "AZURE_AUTHORITY_HOST",
	"AZURE_POD_IDENTITY_AUTHORITY_HOST", "IDENTITY_ENDPOINT",
	"IMDS_ENDPOINT", "MSI_ENDPOINT", "ACTIONS_ID_TOKEN_REQUEST_URL",
	"SYSTEM_OIDCREQUESTURI", "AZURESUBSCRIPTION_CLIENT_ID",
	"AZURESUBSCRIPTION_TENANT_ID", "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
	"AZURE_CONFIG_DIR",
};

/* What is hashed.  When it gets too long for us nothing is hashed. */
struct all {
	struct secret	text;
	bool		is_cut;
};

/* With its NUL: no value can then be taken for two. */
static void
add(struct all *all, const char *value)
{
	if (value == NULL)
		value = "";
	if (text_append(&all->text, value, strlen(value) + 1, TEXT_MAX) == -1)
		all->is_cut = true;
}

static void
add_cloud(struct all *all, const struct cloud *c)
{
	add(all, c->name);
	add(all, c->management);
	add(all, c->audience);
	add(all, c->authority);
	add(all, c->relay_suffix);
}

static void
add_login(struct all *all)
{
	struct account a = { .kind = "" };

	if (account_load(&a) == -1)
		a = (struct account){ .kind = "" };
	add(all, a.kind);
	add(all, a.name);
	add(all, a.tenant);
	add(all, a.client);
	add(all, a.cloud);
	add(all, a.authority);
	add(all, a.certificate);
}

static void
add_azure_cli(struct all *all)
{
	struct azprofile p = { .user = "" };

	if (azprofile_load(&p) == -1)
		p = (struct azprofile){ .user = "" };
	add(all, p.user);
	add(all, p.type);
	add(all, p.tenant);
	add(all, p.cloud);
}

void
identity_hash(const struct cloud *c, const char *credential,
    const char *tenant, char out[SHA256_HEX + 1])
{
	struct all all = { SECRET_INIT, false };
	size_t i;

	add_cloud(&all, c);
	add(&all, credential);
	add(&all, tenant);
	for (i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		add(&all, env_get(variables[i]));
	add_login(&all);
	add_azure_cli(&all);
	out[0] = '\0';
	if (!all.is_cut)
		crypto_sha256_hex(all.text.data, all.text.len, out);
	secret_free(&all.text);
}
