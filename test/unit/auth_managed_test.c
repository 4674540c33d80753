/*
 * Goal: the token service of the machine is found as Azure's SDKs find it, asked
 * as it wants to be, and only on this machine; what it answers gives a token or
 * a reason.
 */
#include <stdio.h>
#include <string.h>

#include "auth/managed.h"
#include "relay/err.h"
#include "relay/secret.h"
#include "test/unit/tap.h"

#define IDENTITY	"http://127.0.0.1:8081/msi/token"
#define MSI		"http://localhost:50342/oauth2/token"

static void
test_found(void)
{
	static const struct {
		const char		*what;
		struct managed_signs	 signs;
		enum managed_kind	 kind;
		bool			 meant;
	} rows[] = {
		{ "nothing", { .client_id = "c" }, MANAGED_NONE, false },
		{ "App Service", { .identity_endpoint = IDENTITY,
		    .identity_header = "h" }, MANAGED_APP_SERVICE, true },
		{ "App Service with its old variables", { .identity_endpoint =
		    IDENTITY, .identity_header = "h", .msi_endpoint = MSI,
		    .msi_secret = "h" }, MANAGED_APP_SERVICE, true },
		{ "App Service on an Azure VM", { .identity_endpoint = IDENTITY,
		    .identity_header = "h", .is_azure_vm = true,
		    .imds_endpoint = "x" }, MANAGED_APP_SERVICE, true },
		{ "Service Fabric", { .identity_endpoint = "https://x",
		    .identity_header = "h", .thumbprint = "t" },
		    MANAGED_OTHER, false },
		{ "Azure ML", { .msi_endpoint = MSI, .msi_secret = "s",
		    .is_azure_vm = true }, MANAGED_OTHER, false },
		{ "Azure ML by name", { .msi_endpoint = MSI, .msi_secret = "s",
		    .by_name = true }, MANAGED_OTHER, true },
		{ "Cloud Shell", { .msi_endpoint = MSI }, MANAGED_CLOUD_SHELL,
		    true },
		{ "Cloud Shell before Arc", { .msi_endpoint = MSI,
		    .identity_endpoint = IDENTITY, .imds_endpoint = "x",
		    .has_himds = true }, MANAGED_CLOUD_SHELL, true },
		{ "Arc", { .identity_endpoint = IDENTITY,
		    .imds_endpoint = "x" }, MANAGED_ARC, true },
		{ "an endpoint alone", { .identity_endpoint = IDENTITY },
		    MANAGED_NONE, false },
		{ "a header alone", { .identity_header = "h" }, MANAGED_NONE,
		    false },
		{ "empty variables", { .identity_endpoint = "",
		    .identity_header = "", .msi_endpoint = "", .msi_secret = "",
		    .imds_endpoint = "", .pod_host = "" }, MANAGED_NONE, false },
		{ "an installed Arc agent", { .has_himds = true,
		    .is_azure_vm = true }, MANAGED_ARC, false },
		{ "an installed Arc agent by name", { .has_himds = true,
		    .by_name = true }, MANAGED_ARC, true },
		{ "a host for pods", { .pod_host = "http://127.0.0.1/" },
		    MANAGED_IMDS, false },
		{ "an Azure VM", { .is_azure_vm = true }, MANAGED_IMDS, false },
		{ "IMDS by name", { .by_name = true }, MANAGED_IMDS, true },
	};
	struct managed m;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		managed_find(&rows[i].signs, &m);
		ok(m.kind == rows[i].kind && m.meant == rows[i].meant,
		    "found: %s", rows[i].what);
	}
}

static void
test_stays_here(void)
{
	static const struct {
		struct managed_signs signs;
		const char *variable;	/* NULL: it is fine */
	} rows[] = {
		{ { .is_azure_vm = true }, NULL },
		{ { .has_himds = true }, NULL },
		{ { .pod_host = "http://169.254.169.254" }, NULL },
		{ { .pod_host = "http://imds.test" },
		    "AZURE_POD_IDENTITY_AUTHORITY_HOST" },
		{ { .msi_endpoint = MSI }, NULL },
		{ { .msi_endpoint = "http://10.0.0.1/" }, "MSI_ENDPOINT" },
		{ { .msi_endpoint = "https://localhost/" }, "MSI_ENDPOINT" },
		{ { .identity_header = "h", .identity_endpoint =
		    "http://169.254.128.2:8081/msi/token" }, NULL },
		{ { .identity_header = "h", .identity_endpoint =
		    "http://localhost@evil.test/" }, "IDENTITY_ENDPOINT" },
		{ { .imds_endpoint = "x", .identity_endpoint =
		    "http://LOCALHOST:40342/metadata" }, NULL },
		{ { .imds_endpoint = "x", .identity_endpoint =
		    "http://[::1]:40342/metadata" }, NULL },
		{ { .imds_endpoint = "x", .identity_endpoint =
		    "http://169.254.128.2:40342/" }, "IDENTITY_ENDPOINT" },
		{ { .imds_endpoint = "x", .identity_endpoint =
		    "http://localhost.evil.test/" }, "IDENTITY_ENDPOINT" },
	};
	struct managed m;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = ERR_INIT;
		int rc;

		managed_find(&rows[i].signs, &m);
		rc = managed_check(&m, &e);
		ok(rows[i].variable == NULL ? rc == 0 :
		    rc == -1 && e.status == EX_CONFIG &&
		    strcmp(e.id, "E313") == 0 &&
		    strstr(e.cause, rows[i].variable) == e.cause,
		    "%s %s: %s", m.name, m.base, e.cause);
	}
}

static void
asks(struct managed_signs signs, const char *url_wanted,
    const char *form_wanted)
{
	struct secret url = SECRET_INIT, form = SECRET_INIT;
	struct managed m;

	managed_find(&signs, &m);
	ok(managed_ask(&m, "https://m.test", &url, &form) == 0 &&
	    strcmp(url.data, url_wanted) == 0 &&
	    strcmp(form.data != NULL ? form.data : "", form_wanted) == 0,
	    "asks %s %s", url.data, form.data != NULL ? form.data : "");
	secret_free(&url);
	secret_free(&form);
}

static void
test_asked(void)
{
#define RESOURCE	"resource=https%3A%2F%2Fm.test"
#define OAUTH2		"/metadata/identity/oauth2/token?api-version="

	asks((struct managed_signs){ .by_name = true }, "http://169.254.169.254"
	    OAUTH2 "2018-02-01&" RESOURCE, "");
	asks((struct managed_signs){ .pod_host = "http://127.0.0.1:1//",
	    .client_id = "a&b" }, "http://127.0.0.1:1" OAUTH2 "2018-02-01&"
	    RESOURCE "&client_id=a%26b", "");
	asks((struct managed_signs){ .identity_endpoint = IDENTITY "/",
	    .identity_header = "h", .client_id = "c" }, IDENTITY
	    "/?api-version=2019-08-01&" RESOURCE "&client_id=c", "");
	asks((struct managed_signs){ .identity_endpoint = IDENTITY "?a=b",
	    .identity_header = "h" }, IDENTITY "?a=b&api-version=2019-08-01&"
	    RESOURCE, "");
	asks((struct managed_signs){ .has_himds = true, .client_id = "c" },
	    "http://127.0.0.1:40342" OAUTH2 "2020-06-01&" RESOURCE, "");
	asks((struct managed_signs){ .msi_endpoint = MSI, .client_id = "c" },
	    MSI, RESOURCE);
}

static void
reads(const char *text, int64_t until, const char *id)
{
	struct managed_signs signs = { .by_name = true };
	struct secret token = SECRET_INIT;
	struct err e = ERR_INIT;
	int64_t expires_on = 0;
	struct managed m;
	int rc;

	managed_find(&signs, &m);
	rc = managed_read(&m, text, strlen(text), 1700000000, &token,
	    &expires_on, &e);
	ok(id[0] != '\0' ? rc == -1 && strcmp(e.id, id) == 0 :
	    rc == 0 && strcmp(token.data, "t") == 0 &&
	    expires_on == 1700000000 + until,
	    "answer %s: %lld %s", text, (long long)expires_on - 1700000000,
	    e.cause);
	secret_free(&token);
}

static void
test_answers(void)
{
#define GOOD(more)	"{\"access_token\":\"t\"," more "}"

	reads(GOOD("\"expires_on\":\"1700003599\""), 3599, "");
	reads(GOOD("\"expires_on\":1700003599"), 3599, "");
	reads(GOOD("\"expires_on\":1700003599,\"expires_in\":\"10\""), 3599, "");
	reads(GOOD("\"expires_in\":\"3599\""), 3599, "");
	reads(GOOD("\"expires_in\":3599,\"expires_on\":\"soon\""), 3599, "");
	/* 1700000000 is 2023-11-14 22:13:20 */
	reads(GOOD("\"expires_on\":\"11/14/2023 11:13:20 PM +00:00\""), 3600,
	    "");
	reads(GOOD("\"expires_on\":\"11/14/2023 23:13:20 +00:00\""), 3600, "");
	reads(GOOD("\"expires_on\":\"11/15/2023 1:13:20 AM +00:00\""), 10800,
	    "");
	reads(GOOD("\"expires_on\":\"2023-11-14T23:13:20Z\""), 3600, "");
	reads(GOOD("\"expires_on\":\"2023-11-14T23:13:20Zx\""), 60, "");
	reads(GOOD("\"expires_on\":\"11/14/2023 23:13:20 +02:00\""), 60, "");
	reads(GOOD("\"expires_on\":\"\""), 60, "");
	reads(GOOD("\"expires_on\":\"0\""), 60, "");
	reads(GOOD("\"expires_on\":-9223372036854775807"), 60, "");
	reads(GOOD("\"expires_on\":9223372036854775807"), 86400, "");
	reads(GOOD("\"expires_on\":\"1000000000000000000\""), 86400, "");
	reads(GOOD("\"expires_on\":\"99999999999999999999\""), 60, "");
	reads(GOOD("\"expires_in\":-1"), 60, "");
	reads(GOOD("\"expires_in\":\"9223372036854775807\""), 86400, "");
	reads(GOOD("\"expires_in\":{}"), 60, "");
	reads("{\"access_token\":\"t\"}", 60, "");
	reads("{\"expires_in\":\"3599\"}", 0, "E412");
	reads("{\"access_token\":7}", 0, "E412");
	reads("[]", 0, "E412");
	reads("", 0, "E607");
	reads("<html>", 0, "E607");
	reads(GOOD("\"a\":1") "x", 0, "E607");
}

static void
refused(struct managed_signs signs, int status, const char *text,
    bool missing_wanted, const char *cause, const char *fix)
{
	struct err e = ERR_INIT;
	struct managed m;
	bool missing;
	int rc;

	managed_find(&signs, &m);
	rc = managed_refused(&m, status, text, strlen(text), &missing, &e);
	ok(cause == NULL ? rc == -1 && e.status == 0 && !missing :
	    rc == 0 && missing == missing_wanted && e.status == EX_NOUSER &&
	    strcmp(e.id, "E309") == 0 && strstr(e.cause, cause) != NULL &&
	    strstr(e.fix, fix) != NULL,
	    "refused: %d %s: %s. fix: %s", status, text, e.cause, e.fix);
}

static void
test_refusals(void)
{
	static const struct managed_signs vm = { .is_azure_vm = true },
	    vm_client = { .is_azure_vm = true, .client_id = "c-1" },
	    app = { .identity_endpoint = IDENTITY, .identity_header = "h" },
	    app_client = { .identity_endpoint = IDENTITY,
		.identity_header = "h", .client_id = "c-1" },
	    shell = { .msi_endpoint = MSI };
#define NOT_FOUND	"{\"error\":\"identity_not_found\"," \
			"\"error_description\":\"Identity not found\"}"

	refused(vm, 400, NOT_FOUND, true, "(IMDS: Identity not found)",
	    "az vm identity assign -g GROUP -n VM");
	refused(vm_client, 400, NOT_FOUND, true, "client id c-1",
	    "AZURE_CLIENT_ID");
	refused(vm, 403, NOT_FOUND, false, "IMDS gives no token: Identity", "");
	refused(vm, 400, "{\"error\":\"invalid_request\",\"error_description\":"
	    "\"Multiple user assigned identities exist, please specify\"}",
	    false, "Multiple", "export AZURE_CLIENT_ID=");
	refused(vm, 400, "{\"error\":\"invalid_resource\","
	    "\"error_description\":\"AADSTS500011: not found.\\r\\nTrace ID\"}",
	    false, "AADSTS500011: not found", "/error");
	refused(app, 400, "{\"statusCode\":400,\"message\":\"No MSI found\"}",
	    true, "(App Service: No MSI found)",
	    "az webapp identity assign -g GROUP -n APP");
	refused(app_client, 400,
	    "{\"statusCode\":400,\"message\":\"No MSI found\"}", true,
	    "client id c-1", "AZURE_CLIENT_ID");
	refused(app, 401, "{\"statusCode\":401,\"message\":\"wrong\"}", false,
	    "App Service gives no token: wrong", "--credential");
	refused(shell, 400, "{\"error\":{\"code\":\"x\",\"message\":\"y\"}}",
	    false, "Cloud Shell gives no token: y", "");
	refused(vm, 400, "{\"error\":\"only_a_word\"}", false,
	    "only_a_word", "");
	refused(vm, 400, "<html>", false, NULL, NULL);
	refused(vm, 400, "{}", false, NULL, NULL);
	refused(vm, 302, NOT_FOUND, false, NULL, NULL);
}

int
main(void)
{
	test_found();
	test_stays_here();
	test_asked();
	test_answers();
	test_refusals();
	return (done_testing());
}
