/*
 * The table of token sources, see token.h.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "auth/cloud.h"
#include "auth/env.h"
#include "auth/jwt.h"
#include "auth/token.h"
#include "auth/text.h"
#include "relay/err.h"
#include "relay/log.h"
#include "relay/secret.h"

#define CHOICE_VARIABLE	"AZURE_TOKEN_CREDENTIALS"
#define LIFE_MAX_S	(24 * 3600)	/* Entra gives one for an hour or so */

/* In the order in which they are tried, as DefaultAzureCredential has it. */
static const struct token_source *const sources[] = {
	&token_env,
	&token_workload,
	&token_github,
	&token_pipelines,
	&token_managed,
	&token_login,
	&token_azcli,
};

#define NSOURCES	(sizeof(sources) / sizeof(sources[0]))

static bool
is_named(const struct token_source *s, const char *choice)
{
	return (strcasecmp(choice, s->name) == 0 ||
	    (s->sdk_name != NULL && strcasecmp(choice, s->sdk_name) == 0));
}

static bool
is_chosen(const struct token_source *s, const char *choice)
{
	return (choice == NULL || strcasecmp(choice, s->group) == 0 ||
	    is_named(s, choice));
}

/* The names of those that choice leaves, with commas. */
static const char *
list(const char *choice, char *names, size_t size)
{
	size_t i, len = 0;

	names[0] = '\0';
	for (i = 0; i < NSOURCES && len < size; i++)
		if (is_chosen(sources[i], choice))
			len += (size_t)snprintf(names + len, size - len,
			    "%s%s", len > 0 ? ", " : "", sources[i]->name);
	return (names);
}

static int
no_such_name(const struct token_request *r, const char *choice, struct err *e)
{
	char names[200];

	if (r->credential != NULL)
		err_set(e, EX_USAGE, "", "no credential is called \"%.40s\"",
		    choice);
	else
		err_set(e, EX_CONFIG, "", "%s: no credential is called "
		    "\"%.40s\"", CHOICE_VARIABLE, choice);
	return (err_fix(e, "prod, dev or one of: %s", list(NULL, names,
	    sizeof(names))));
}

/* None of those that choice leaves is set up. */
static int
none(const struct token_request *r, const char *choice, struct err *e)
{
	char names[200];
	size_t i;

	for (i = 0; choice != NULL && i < NSOURCES; i++)
		if (is_named(sources[i], choice)) {
			err_set(e, EX_NOUSER, "E301", "the credential %s is "
			    "not set up here", sources[i]->name);
			return (err_fix(e, "%s", sources[i]->needs != NULL ?
			    sources[i]->needs : "choose another"));
		}
	(void)list(choice, names, sizeof(names));
	if (choice != NULL && r->credential == NULL)
		err_set(e, EX_NOUSER, "E301", "not logged in to Azure (tried: "
		    "%s, as %s=%.20s says)", names, CHOICE_VARIABLE, choice);
	else
		err_set(e, EX_NOUSER, "E301", "not logged in to Azure (tried: "
		    "%s)", names);
	return (err_fix(e, "arc-relay login, or az login, or set "
	    "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"));
}

/* The source said that it has one.  Its end may be any number: of az, of a file. */
static int
accept_token(const struct token_request *r, const struct token_source *s,
    struct token *t, struct err *e)
{
	int64_t last = time(NULL) + LIFE_MAX_S;

	if (!text_is_visible(t->text.data, t->text.len))
		return (err_set(e, EX_PROTOCOL, "E412", "the token of %s is "
		    "not one word", s->name));
	if (t->expires_on > last)
		t->expires_on = last;
	if (t->expires_on < 0)
		t->expires_on = 0;
	(void)snprintf(t->source, sizeof(t->source), "%s", s->name);
	jwt_who(t->text.data, t->text.len, t->account, sizeof(t->account),
	    t->tenant, sizeof(t->tenant));
	if (r->ssh_key != NULL && strcasecmp(t->type, TOKEN_SSH_CERT) != 0)
		return (err_set(e, EX_PROTOCOL, "E412", "asked for an SSH "
		    "certificate, %s gave a token of type \"%s\"", s->name,
		    t->type));
	log_verbose("token from %s, %zu bytes, for %s of tenant %s", s->name,
	    t->text.len, t->account[0] != '\0' ? t->account : "somebody",
	    t->tenant[0] != '\0' ? t->tenant : "unknown");
	return (0);
}

int
token_no_certificate(struct err *e)
{
	err_set(e, EX_NOUSER, "E312", "a managed identity gets no SSH "
	    "certificate");
	return (err_fix(e, "arc-relay login as a user or a service principal; "
	    "or a key: ssh -l USER -i KEY HOST"));
}

/* Entra's refusal, in words of the management endpoint, was of a certificate. */
static void
explain_certificate(const struct token_source *s, const struct cloud *c,
    struct err *e)
{
	const char *at = strstr(e->cause, "AADSTS");
	char number[24] = "";

	if (at != NULL)
		(void)snprintf(number, sizeof(number), " (%.*s)",
		    6 + (int)strspn(at + 6, "0123456789"), at);
	if (s == &token_login && at != NULL &&
	    strncmp(at, "AADSTS6500", 10) == 0) {
		err_set(e, EX_NOUSER, "E307", "this client id may not ask for "
		    "SSH certificates%s: of those for people only the Azure "
		    "CLI's may", number);
		err_fix(e, "arc-relay login, without --client-id");
	} else if (strcmp(e->id, "E313") == 0 && at != NULL) {
		err_set(e, EX_CONFIG, "E313", "the tenant does not know %.110s, "
		    "which gives SSH certificates%s", c->ssh_scope, number);
		err_fix(e, "is it the right cloud? --cloud NAME");
	}
}

static int
no_scope(const struct cloud *c, struct err *e)
{
	err_set(e, EX_CONFIG, "E313", "nothing says who gives SSH certificates "
	    "in the cloud %.60s", c->name);
	return (err_fix(e, "describe it with --cloud-file FILE, and in that "
	    "\"sshScope\""));
}

int
token_get(const struct token_request *r, struct token *t, struct err *e)
{
	const char *choice = r->credential != NULL ? r->credential :
	    env_get(CHOICE_VARIABLE);
	struct token_request ask = *r;
	struct err why = ERR_INIT;
	bool found = false;
	size_t i;

	if (r->ssh_key != NULL && r->cloud->ssh_scope[0] == '\0')
		return (no_scope(r->cloud, e));
	for (i = 0; i < NSOURCES; i++) {
		const struct token_source *s = sources[i];

		if (!is_chosen(s, choice))
			continue;
		found = true;
		ask.credential = choice != NULL && is_named(s, choice) ?
		    s->name : NULL;
		token_free(t);
		switch (s->get(&ask, t, e)) {
		case TOKEN_GOT:
			return (accept_token(r, s, t, e));
		case TOKEN_SKIP:
			log_verbose("no token from %s", s->name);
			if (e->status != 0)
				why = *e;
			*e = (struct err)ERR_INIT;
			break;
		case TOKEN_FAILED:
			if (r->ssh_key != NULL)
				explain_certificate(s, r->cloud, e);
			return (-1);
		}
	}
	if (why.status != 0) {
		*e = why;
		return (-1);
	}
	return (found ? none(r, choice, e) : no_such_name(r, choice, e));
}

const char *
token_help(char out[TOKEN_HELP_MAX])
{
	size_t i, len;

	len = (size_t)snprintf(out, TOKEN_HELP_MAX,
	    "Token sources, in this order, and what sets each up:\n");
	for (i = 0; i < NSOURCES && len < TOKEN_HELP_MAX; i++)
		len += (size_t)snprintf(out + len, TOKEN_HELP_MAX - len,
		    "  %-17s %s\n", sources[i]->name, sources[i]->example);
	return (out);
}

void
token_free(struct token *t)
{
	secret_free(&t->text);
	*t = (struct token)TOKEN_INIT;
}
