/*
 * The table of token sources, see token.h.
 */
#include <stdio.h>
#include <string.h>

#include "auth/text.h"
#include "auth/token.h"
#include "relay/err.h"
#include "relay/log.h"
#include "relay/secret.h"

/* In the order in which they are tried, as DefaultAzureCredential has it. */
static const struct token_source *const sources[] = {
	&token_env,
	&token_azcli,
};

#define NSOURCES	(sizeof(sources) / sizeof(sources[0]))

int
token_get(const struct token_request *r, struct token *t, struct err *e)
{
	const char *name = r->credential;
	char names[200] = "";
	size_t i, tried = 0;

	for (i = 0; i < NSOURCES; i++) {
		size_t len = strlen(names);

		(void)snprintf(names + len, sizeof(names) - len, "%s%s",
		    len > 0 ? ", " : "", sources[i]->name);
		if (name != NULL && strcmp(name, sources[i]->name) != 0)
			continue;
		tried++;
		token_free(t);
		switch (sources[i]->get(r, t, e)) {
		case TOKEN_GOT:
			log_verbose("token from %s, %zu bytes",
			    sources[i]->name, t->text.len);
			(void)snprintf(t->source, sizeof(t->source), "%s",
			    sources[i]->name);
			if (text_is_visible(t->text.data, t->text.len))
				return (0);
			return (err_set(e, EX_PROTOCOL, "E412", "the token of "
			    "%s is not one word", sources[i]->name));
		case TOKEN_SKIP:
			log_verbose("no token from %s", sources[i]->name);
			break;
		case TOKEN_FAILED:
			return (-1);
		}
	}
	if (tried == 0) {
		err_set(e, EX_USAGE, "", "no credential is called \"%.40s\"",
		    name);
		return (err_fix(e, "one of: %s", names));
	}
	err_set(e, EX_NOUSER, "E301", "not logged in to Azure (tried: %s)",
	    name != NULL ? name : names);
	return (err_fix(e, "az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID "
	    "and AZURE_CLIENT_SECRET"));
}

void
token_free(struct token *t)
{
	secret_free(&t->text);
	*t = (struct token)TOKEN_INIT;
}
