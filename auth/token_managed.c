/*
 * The token of a managed identity: this machine, or the app that we are part of,
 * is known to Azure, and a service on it gives out tokens.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auth/cloud.h"
#include "auth/env.h"
#include "auth/himds.h"
#include "auth/http.h"
#include "auth/managed.h"
#include "auth/oauth.h"
#include "auth/text.h"
#include "auth/token.h"
#include "relay/err.h"
#include "relay/log.h"
#include "relay/secret.h"

#define NAME		"managed-identity"
#define TIMEOUT_S	(HTTP_PATIENCE_MS / 1000)	/* the Arc agent asks Azure itself */
#define BODY_MAX	(64 * 1024)	/* bytes; a real one has 2,000 */
#define ASSET_TAG	"/sys/class/dmi/id/chassis_asset_tag"
#define AZURE_TAG	"7783-7084-3265-9085-8269-3286-77"	/* of all its VMs */

struct asked {
	struct secret		 url;
	struct secret		 form;		/* empty: GET */
	struct secret		 header;	/* the first of them */
	struct http_reply	 reply;
};

static bool
is_azure_vm(void)
{
	struct secret tag = SECRET_INIT;
	bool is;

	is = text_read_file(ASSET_TAG, 256, &tag) == 0 &&
	    tag.data != NULL &&
	    strncmp(tag.data, AZURE_TAG, strlen(AZURE_TAG)) == 0;
	secret_free(&tag);
	return (is);
}

static void
look(const struct token_request *r, struct managed *m)
{
	const struct managed_signs signs = {
		.identity_endpoint = env_get("IDENTITY_ENDPOINT"),
		.identity_header = env_get("IDENTITY_HEADER"),
		.thumbprint = env_get("IDENTITY_SERVER_THUMBPRINT"),
		.msi_endpoint = env_get("MSI_ENDPOINT"),
		.msi_secret = env_get("MSI_SECRET"),
		.imds_endpoint = env_get("IMDS_ENDPOINT"),
		.pod_host = env_get("AZURE_POD_IDENTITY_AUTHORITY_HOST"),
		.client_id = env_get("AZURE_CLIENT_ID"),
		.has_himds = access("/opt/azcmagent/bin/himds", F_OK) == 0 ||
		    access("/var/opt/azcmagent/bin/himds", F_OK) == 0,
		.is_azure_vm = is_azure_vm(),
		.by_name = r->credential != NULL,
	};

	managed_find(&signs, m);
	if (m->kind == MANAGED_NONE)
		log_verbose(NAME ": no variable names a token service and this "
		    "is no Azure VM; --credential " NAME " asks all the same");
	else
		log_verbose(NAME ": %s", m->name);
	if (m->kind != MANAGED_NONE && m->client_id == NULL &&
	    signs.client_id != NULL)
		log_verbose(NAME ": AZURE_CLIENT_ID does not matter here");
	if (m->kind != MANAGED_NONE && r->tenant != NULL)
		log_verbose(NAME ": its tenant is its own, asked for or not");
}

static int
header(struct secret *line, const char *name, const char *value)
{
	secret_free(line);
	if (text_append(line, name, strlen(name), SIZE_MAX - 1) == -1 ||
	    text_append(line, value, strlen(value), SIZE_MAX - 1) == -1)
		return (-1);
	return (0);
}

/* The resource is the scope without "/.default". */
static int
make_request(const struct managed *m, const struct token_request *r,
    struct asked *a)
{
	static const char suffix[] = "/.default";
	const struct cloud *c = r->cloud;
	char resource[sizeof(c->audience)];
	size_t len;

	(void)snprintf(resource, sizeof(resource), "%s",
	    r->ssh_key != NULL ? c->ssh_scope : c->audience);
	len = strlen(resource);
	if (r->ssh_key != NULL && len > strlen(suffix) &&
	    strcmp(resource + len - strlen(suffix), suffix) == 0)
		resource[len - strlen(suffix)] = '\0';
	if (managed_ask(m, resource, &a->url, &a->form) == -1)
		return (-1);
	return (r->ssh_key == NULL ? 0 :
	    oauth_form_add_ssh_key(&a->form, r->ssh_key));
}

/* What is asked, of whom. */
static int
prepare(const struct managed *m, const struct token_request *r,
    struct asked *a, struct err *e)
{
	const char *proof = env_get("IDENTITY_HEADER");
	bool app = m->kind == MANAGED_APP_SERVICE;

	if (managed_check(m, e) == -1)
		return (-1);
	if (app && !text_is_visible(proof, strlen(proof))) {
		err_set(e, EX_CONFIG, "E313", "IDENTITY_HEADER is no value of "
		    "a header");
		return (err_fix(e, "leave it as App Service has set it"));
	}
	if (make_request(m, r, a) == -1 ||
	    header(&a->header, app ? "X-IDENTITY-HEADER: " : "Metadata: ",
	    app ? proof : "true") == -1)
		return (err_set(e, EX_OSERR, "", "out of memory"));
	return (0);
}

static int
ask(const struct managed *m, struct asked *a, const char *more, struct err *e)
{
	const char *const headers[] = { a->header.data, more, NULL };
	const struct http_request q = {
		.method = a->form.len > 0 ? "POST" : "GET",
		.url = a->url.data, .headers = headers, .local = true,
		.body = a->form.len > 0 ? &a->form : NULL,
		.may_be_absent = m->kind == MANAGED_IMDS,
		.timeout_s = TIMEOUT_S, .body_max = BODY_MAX,
	};

	return (http_call(&q, &a->reply, e));
}

/* The header that answers the challenge of the Azure Arc agent. */
static int
prove(struct asked *a, struct secret *line, struct err *e)
{
	char challenge[512], name[HIMDS_NAME_MAX];
	struct secret key = SECRET_INIT;
	int rc = -1;

	(void)http_header(&a->reply, "WWW-Authenticate", challenge,
	    sizeof(challenge));
	if (himds_challenge(challenge, HIMDS_FOLDER, name, e) == 0 &&
	    (rc = himds_key(HIMDS_FOLDER, name, &key, e)) == 0 &&
	    (rc = header(line, "Authorization: Basic ", key.data)) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	secret_free(&key);
	return (rc);
}

/*
 * A key is good once: when the answer to it was lost, another challenge is due.
 */
static int
ask_arc(const struct managed *m, struct asked *a, struct err *e)
{
	struct secret line = SECRET_INIT;
	int attempt, rc = -1;

	for (attempt = 1; attempt <= 2; attempt++) {
		if ((rc = ask(m, a, NULL, e)) == -1 || a->reply.status != 401)
			break;
		if ((rc = prove(a, &line, e)) == -1 ||
		    (rc = ask(m, a, line.data, e)) == -1 ||
		    a->reply.status != 401)
			break;
	}
	if (rc == 0 && a->reply.status == 200 && line.len == 0) {
		rc = err_set(e, EX_PROTOCOL, "E412", "what answers as the "
		    "Azure Arc agent wants no proof and is none");
		err_fix(e, "see who listens there: ss -ltnp");
	}
	secret_free(&line);
	return (rc);
}

/* After all the patience with IMDS (http.h, may_be_absent). */
static bool
is_updating(const struct managed *m, int status, struct err *e)
{
	if (m->kind != MANAGED_IMDS || (status != 404 && status != 410))
		return (false);
	err_set(e, EX_NOUSER, "E309", "IMDS gives no token: %s (status %d)",
	    status == 410 ? "it is being updated" : "it is not ready", status);
	err_fix(e, "try again in a minute");
	return (true);
}

/* An older portal does not know of certificates, and answers as ever. */
static enum token_result
not_in_cloud_shell(struct err *e)
{
	err_set(e, EX_NOUSER, "E311", "this Cloud Shell gives no SSH "
	    "certificates");
	err_fix(e, "az login in it, or a key: ssh -l USER -i KEY HOST");
	return (TOKEN_FAILED);
}

static enum token_result
judge(const struct token_request *r, const struct managed *m,
    const struct asked *a, struct token *t, struct err *e)
{
	const struct secret *body = &a->reply.body;
	const char *text = body->data != NULL ? body->data : "";
	int status = a->reply.status;
	bool missing = false;
	char host[256];

	if (status == 200 && r->ssh_key != NULL &&
	    !managed_is_type(text, body->len, TOKEN_SSH_CERT))
		return (not_in_cloud_shell(e));
	if (status == 200) {
		if (managed_read(m, text, body->len, time(NULL), &t->text,
		    &t->expires_on, e) == -1)
			return (TOKEN_FAILED);
		if (m->client_id != NULL)
			(void)snprintf(t->account, sizeof(t->account), "%s",
			    m->client_id);
		(void)snprintf(t->type, sizeof(t->type), "%s",
		    r->ssh_key != NULL ? TOKEN_SSH_CERT : "");
		return (TOKEN_GOT);
	}
	if (is_updating(m, status, e))
		return (TOKEN_FAILED);
	if (http_is_busy(status) || managed_refused(m, status, text, body->len,
	    &missing, e) == -1) {
		http_host(a->url.data, host, sizeof(host));
		http_refused(host, &a->reply, e);
	}
	if (r->ssh_key != NULL && strstr(e->cause, TOKEN_SSH_CERT) != NULL)
		return (not_in_cloud_shell(e));
	/* a machine of Azure need not have an identity */
	return (missing && !m->meant && m->client_id == NULL ? TOKEN_SKIP :
	    TOKEN_FAILED);
}

/* There was no answer, or no way to prove who we are. */
static enum token_result
no_answer(const struct managed *m, struct err *e)
{
	char cause[sizeof(e->cause)];

	if (e->status != EX_UNAVAILABLE)
		return (e->status == EX_NOPERM && !m->meant ? TOKEN_SKIP :
		    TOKEN_FAILED);
	if (!m->meant)
		return (TOKEN_SKIP);
	(void)snprintf(cause, sizeof(cause), "%s", e->cause);
	err_set(e, EX_NOUSER, "E309", "no managed identity here: %.200s", cause);
	err_fix(e, "only Azure's own machines and those of Azure Arc have one; "
	    "elsewhere: az login");
	return (TOKEN_FAILED);
}

static enum token_result
not_for_us(const struct managed *m, struct err *e)
{
	if (!m->meant)
		return (TOKEN_SKIP);
	err_set(e, EX_NOUSER, "E309", "managed identities of %s are not "
	    "supported", m->name);
	err_fix(e, "use a service principal: AZURE_TENANT_ID, AZURE_CLIENT_ID "
	    "and AZURE_CLIENT_SECRET");
	return (TOKEN_FAILED);
}

/* The other services take no key.  A hint of the machine is no choice. */
static enum token_result
no_certificate(const struct managed *m, struct err *e)
{
	(void)token_no_certificate(e);
	return (m->meant ? TOKEN_FAILED : TOKEN_SKIP);
}

static enum token_result
get(const struct token_request *r, struct token *t, struct err *e)
{
	enum token_result result = TOKEN_FAILED;
	struct asked a = { .reply = HTTP_REPLY_INIT };
	struct managed m;

	look(r, &m);
	if (m.kind == MANAGED_NONE)
		return (TOKEN_SKIP);
	if (r->ssh_key != NULL && m.kind != MANAGED_CLOUD_SHELL)
		return (no_certificate(&m, e));
	if (m.kind == MANAGED_OTHER)
		result = not_for_us(&m, e);
	else if (prepare(&m, r, &a, e) == 0) {
		if ((m.kind == MANAGED_ARC ? ask_arc(&m, &a, e) :
		    ask(&m, &a, NULL, e)) == -1)
			result = no_answer(&m, e);
		else
			result = judge(r, &m, &a, t, e);
	}
	/* not before: another source may be the one that Azure demands it of */
	if (result == TOKEN_GOT && r->claims != NULL) {
		err_set(e, EX_NOPERM, "E304", "Azure wants a fresh sign-in, "
		    "which a managed identity cannot give");
		err_fix(e, "arc-relay login, or ask who keeps the rules of the "
		    "tenant");
		result = TOKEN_FAILED;
	}
	if (result == TOKEN_SKIP && e->status != 0) {
		log_verbose(NAME ": %s", e->cause);
		*e = (struct err)ERR_INIT;
	}
	secret_free(&a.url);
	secret_free(&a.form);
	secret_free(&a.header);
	http_reply_free(&a.reply);
	return (result);
}

const struct token_source token_managed = {
	NAME, "ManagedIdentityCredential", "prod", get,
	"run it on a machine or in a service of Azure that has one",
	"on Azure and Arc machines; user-assigned: AZURE_CLIENT_ID=C"
};
