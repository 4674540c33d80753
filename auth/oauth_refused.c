/*
 * What Entra's refusals mean, see oauth_refused in oauth.h.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/json.h"
#include "auth/oauth.h"
#include "relay/crypto.h"
#include "relay/err.h"
#include "relay/log.h"

#define CLAIMS_MAX	150	/* bytes of base64 that still fit the line */
#define SENTENCE_MAX	140

#define WAY(way)	(1u << (way))
#define APP		(WAY(OAUTH_SECRET) | WAY(OAUTH_CERTIFICATE) | \
			WAY(OAUTH_FEDERATED))
#define ANY		(APP | WAY(OAUTH_LOGIN))

#define CHECK_IDS	"check AZURE_TENANT_ID and AZURE_CLIENT_ID"
#define LOG_IN		"arc-relay login"

/*
 * The first row that fits.  It does by the word (RFC 6749, 5.2), by Entra's
 * suberror, or by a number where the word is too general to help.
 */
static const struct meaning {
	unsigned	 ways;
	const char	*words;		/* with a space at both ends */
	const char	*numbers;
	const char	*id;
	int		 status;
	const char	*cause;
	const char	*fix;
} meanings[] = {
	{ ANY, " temporarily_unavailable server_error ", "", "E409",
	    EX_TEMPFAIL, "Entra is failing",
	    "try again; https://azure.status.microsoft" },
	{ APP, " unauthorized_client ", " 700016 700011 ", "E307", EX_NOUSER,
	    "the tenant does not know the application", CHECK_IDS },
	{ ANY, " unauthorized_client ", " 700016 700011 ", "E307", EX_NOUSER,
	    "the tenant does not let the application ask",
	    "arc-relay login --tenant TENANT" },
	{ APP, "", " 90002 900023 90019 90038 50194 9001023 90124 ", "E307",
	    EX_NOUSER, "Entra knows no such tenant",
	    "check AZURE_TENANT_ID, and the cloud" },
	{ ANY, "", " 90002 900023 90019 90038 50194 9001023 90124 ", "E307",
	    EX_NOUSER, "Entra knows no such tenant",
	    "arc-relay login --tenant TENANT, its GUID or domain" },
	{ ANY, " consent_required ", " 65001 65002 90094 ", "E307", EX_NOUSER,
	    "nobody has allowed the application to manage Azure",
	    "ask an administrator of the tenant to consent to it" },
	{ ANY, " invalid_scope invalid_resource invalid_target ",
	    " 1002012 70011 28002 500011 ", "E313", EX_CONFIG,
	    "the tenant does not know this cloud's management endpoint",
	    "is it the right cloud? --cloud NAME" },
	{ WAY(OAUTH_LOGIN), " interaction_required login_required basic_action "
	    "additional_action message_only ",
	    " 50072 50074 50076 50079 50158 ", "E304", EX_NOPERM,
	    "Entra wants a fresh sign-in (MFA or Conditional Access)", LOG_IN },
	{ ANY, " interaction_required access_denied ",
	    " 53000 53001 53002 53003 53004 50131 530032 530035 ", "E304",
	    EX_NOPERM, "Conditional Access does not let you in",
	    "ask an administrator: it is in the sign-in logs of Entra" },
	{ WAY(OAUTH_SECRET), " invalid_client ", "", "E305", EX_NOUSER,
	    "the client secret is wrong or expired",
	    "az ad sp credential reset --id \"$AZURE_CLIENT_ID\"" },
	{ WAY(OAUTH_CERTIFICATE), " invalid_client ", "", "E306", EX_NOUSER,
	    "the application does not accept the certificate",
	    "az ad app credential reset --id \"$AZURE_CLIENT_ID\" --append "
	    "--cert @FILE" },
	{ WAY(OAUTH_FEDERATED), " invalid_client ",
	    " 70021 700211 700212 700213 ", "E308", EX_NOUSER,
	    "the application does not accept the federated token",
	    "az ad app federated-credential list --id \"$AZURE_CLIENT_ID\"" },
	{ WAY(OAUTH_LOGIN), " invalid_client ", "", "E307", EX_NOUSER,
	    "the application is not one to sign in with",
	    "let it \"allow public client flows\", or use another" },
	{ WAY(OAUTH_LOGIN), " invalid_grant ", "", "E303", EX_NOUSER,
	    "the sign-in expired or was revoked", LOG_IN },
	{ WAY(OAUTH_LOGIN), NULL, "", "E303", EX_NOUSER,
	    "Entra gives no token", LOG_IN },
	{ ANY, NULL, "", "E303", EX_NOUSER, "Entra gives no token",
	    "look the number up: https://login.microsoftonline.com/error" },
};

/* Is it one of the words in list?  NULL: any is. */
static bool
has(const char *list, const char *word)
{
	const char *at = list;
	size_t len = strlen(word);

	if (list == NULL)
		return (true);
	while (len > 0 && (at = strstr(at, word)) != NULL) {
		if (at > list && at[-1] == ' ' && at[len] == ' ')
			return (true);
		at++;
	}
	return (false);
}

static const struct meaning *
meaning_of(const char *word, const char *suberror, const char *number,
    enum oauth_way way)
{
	const struct meaning *m = meanings;

	while ((m->ways & WAY(way)) == 0 || !(has(m->words, word) ||
	    has(m->words, suberror) || has(m->numbers, number)))
		m++;		/* the last is for all */
	return (m);
}

/* The digits after AADSTS, as a word; "" when the text begins with none. */
static void
number_of(const char *text, char *out, size_t size)
{
	static const char mark[] = "AADSTS";

	out[0] = '\0';
	if (strncmp(text, mark, strlen(mark)) == 0) {
		text += strlen(mark);
		(void)snprintf(out, size, "%.*s",
		    (int)strspn(text, "0123456789"), text);
	}
}

/* The first sentence of Entra's text, without its full stop. */
static int
first_sentence(const char *text)
{
	static const char *const ends[] = { ". ", " Trace ID: ", "\r", "\n" };
	size_t len = strlen(text), i;
	const char *end;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if ((end = strstr(text, ends[i])) != NULL &&
		    (size_t)(end - text) < len)
			len = (size_t)(end - text);
	while (len > 0 && text[len - 1] == '.')
		len--;
	return (len < SENTENCE_MAX ? (int)len : SENTENCE_MAX);
}

/* A sign-in has to bring what the answer's claims (JSON) ask for. */
static void
ask_for_claims(const char *claims, struct err *e)
{
	size_t len = strlen(claims);
	char *text;

	if (len > SIZE_MAX / 2 || (text = malloc(BASE64_SIZE(len))) == NULL)
		return;
	crypto_base64(claims, len, text);
	log_verbose("Entra wants the claims %.400s", text);
	if (strlen(text) <= CLAIMS_MAX)
		err_fix(e, "arc-relay login --claims %s", text);
	free(text);
}

int
oauth_refused(const char *text, size_t len, enum oauth_way way,
    char error[40], struct err *e)
{
	char why[JS_WHY_MAX], number[16];
	struct js *j = js_parse(text, len, why);
	const char *word = js_string(j, "error");
	const char *more = js_string(j, "error_description");
	const char *suberror = js_string(j, "suberror");
	const char *claims = js_string(j, "claims");
	const struct meaning *m;

	if (word != NULL) {
		(void)snprintf(error, 40, "%s", word);
		number_of(more != NULL ? more : "", number, sizeof(number));
		m = meaning_of(word, suberror != NULL ? suberror : "", number,
		    way);
		if (more == NULL)
			more = word;
		err_set(e, m->status, m->id, "%s: %.*s", m->cause,
		    first_sentence(more), more);
		err_fix(e, "%s", m->fix);
		if (claims != NULL && way == OAUTH_LOGIN &&
		    strcmp(m->id, "E304") == 0)
			ask_for_claims(claims, e);
	}
	js_free(j);
	return (word != NULL ? 0 : -1);
}
