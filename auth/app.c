/*
 * The token of an application, see app.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/app.h"
#include "auth/assertion.h"
#include "auth/cloud.h"
#include "auth/json.h"
#include "auth/jwt.h"
#include "auth/keys.h"
#include "auth/oauth.h"
#include "auth/text.h"
#include "relay/crypto.h"
#include "relay/err.h"
#include "relay/secret.h"

#define ASSERTION_TYPE	"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#define CLIENT_SHOWN	40	/* bytes of a client id in a sentence */

/* "AADSTS700213" of the sentence that e has, or "". */
static const char *
number_in(const struct err *e, char out[24])
{
	const char *at = strstr(e->cause, "AADSTS");

	out[0] = '\0';
	if (at != NULL)
		(void)snprintf(out, 24, " (%.*s)",
		    6 + (int)strspn(at + 6, "0123456789"), at);
	return (out);
}

/* Which certificate it was, and how to make the application know it. */
static void
explain_certificate(const struct app *a, const struct keys *k, struct err *e)
{
	char thumbprint[2 * SHA1_BYTES + 1], number[24];
	uint8_t sum[SHA1_BYTES];
	const uint8_t *der;
	size_t len, i;

	der = keys_certificate(k, 0, &len);
	crypto_sha1(der, len, sum);	/* the one that Azure's pages show */
	for (i = 0; i < sizeof(sum); i++)
		(void)snprintf(thumbprint + 2 * i, 3, "%02X", sum[i]);
	(void)number_in(e, number);
	err_set(e, e->status, "E306", "the application does not accept the "
	    "certificate with thumbprint %s%s", thumbprint, number);
	err_fix(e, "az ad app credential reset --id %.*s --append --cert @%s",
	    CLIENT_SHOWN, a->client, a->certificate);
}

/* What the token says of itself is what a federated credential must name. */
static void
explain_federated(const struct app *a, struct err *e)
{
	struct js *claims = jwt_claims(a->assertion, strlen(a->assertion));
	const char *issuer = js_string(claims, "iss");
	const char *subject = js_string(claims, "sub");
	const char *audience = js_string(claims, "aud");
	int64_t end = INT64_MAX;
	char number[24];

	(void)number_in(e, number);
	(void)js_integer(claims, "exp", &end);
	if (end < time(NULL)) {
		err_set(e, e->status, "E308", "the federated token of issuer "
		    "%.110s expired%s", issuer != NULL ? issuer : "?", number);
		err_fix(e, "what should renew it has stopped, or the clock is "
		    "wrong: date -u");
	} else {
		if (strstr(number, "700212") != NULL)
			err_set(e, e->status, "E308", "no federated credential "
			    "matches the token's audience %.110s%s",
			    audience != NULL ? audience : "?", number);
		else
			err_set(e, e->status, "E308", "no federated credential "
			    "matches the token: issuer %.90s subject %.80s%s",
			    issuer != NULL ? issuer : "?",
			    subject != NULL ? subject : "?", number);
		err_fix(e, "compare: az ad app federated-credential list --id "
		    "%.*s", CLIENT_SHOWN, a->client);
	}
	js_free(claims);
}

static void
explain(const struct app *a, const struct keys *k, struct err *e)
{
	if (strcmp(e->id, "E305") == 0)
		err_fix(e, "az ad sp credential reset --id %.*s", CLIENT_SHOWN,
		    a->client);
	else if (strcmp(e->id, "E306") == 0 && k != NULL)
		explain_certificate(a, k, e);
	else if (strcmp(e->id, "E308") == 0 && a->assertion != NULL)
		explain_federated(a, e);
}

/* The proof: a secret, or an assertion that we sign here or were given. */
static int
add_proof(const struct app *a, const char *assertion, struct secret *form)
{
	if (a->secret != NULL)
		return (oauth_form_add(form, "client_secret", a->secret));
	if (oauth_form_add(form, "client_assertion_type", ASSERTION_TYPE) == -1)
		return (-1);
	return (oauth_form_add(form, "client_assertion", assertion));
}

static int
ask(const struct token_request *r, const struct app *a, const char *tenant,
    const char *assertion, struct oauth_answer *answer, struct err *e)
{
	enum oauth_way way = a->secret != NULL ? OAUTH_SECRET :
	    a->assertion != NULL ? OAUTH_FEDERATED : OAUTH_CERTIFICATE;
	struct secret form = SECRET_INIT;
	int rc = -1;

	if (oauth_form_add(&form, "grant_type", "client_credentials") == -1 ||
	    oauth_form_add(&form, "client_id", a->client) == -1 ||
	    add_proof(a, assertion, &form) == -1 ||
	    oauth_form_add_request(&form, r, "") == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	else
		rc = oauth_token(r->cloud, tenant, way, &form, answer, e);
	secret_free(&form);
	return (rc);
}

static int
sign(const struct token_request *r, const struct app *a, const char *tenant,
    struct keys *k, struct secret *assertion, struct err *e)
{
	char url[OAUTH_URL_MAX];

	if (oauth_url(r->cloud, tenant, "token", url, sizeof(url), e) == -1)
		return (-1);
	return (assertion_make(k, a->client, url, a->chain, time(NULL),
	    assertion, e));
}

enum token_result
app_token(const struct token_request *r, const struct app *a, struct token *t,
    struct err *e)
{
	const char *tenant = r->tenant != NULL ? r->tenant : a->tenant;
	struct oauth_answer answer = OAUTH_ANSWER_INIT;
	struct secret signature = SECRET_INIT;
	struct keys *k = NULL;
	int rc = -1;

	if (a->certificate != NULL &&
	    ((k = keys_load(a->certificate, a->password, e)) == NULL ||
	    sign(r, a, tenant, k, &signature, e) == -1))
		goto out;
	rc = ask(r, a, tenant, k != NULL ? signature.data : a->assertion,
	    &answer, e);
	if (rc == 0) {
		secret_move(&t->text, &answer.access_token);
		t->expires_on = answer.expires_on;
		memcpy(t->type, answer.type, sizeof(t->type));
		(void)snprintf(t->account, sizeof(t->account), "%s", a->client);
		(void)snprintf(t->tenant, sizeof(t->tenant), "%s", tenant);
	} else
		explain(a, k, e);
 out:
	oauth_answer_free(&answer);
	secret_free(&signature);
	keys_free(k);
	return (rc == 0 ? TOKEN_GOT : TOKEN_FAILED);
}
