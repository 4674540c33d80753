/*
 * An Entra token for Azure's management endpoint.  Each way to get one is a
 * token source: one file token_*.c and one line in the table of token.c.
 */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include <stdint.h>

#include "relay/secret.h"

struct cloud;
struct err;

#define TOKEN_NAME_MAX	32	/* bytes of a source's name, with the NUL */

struct token {
	struct secret	text;		/* one word of visible ASCII */
	int64_t		expires_on;	/* Unix seconds */
	char		source[TOKEN_NAME_MAX];	/* which source gave it */
	char		account[160];	/* whom it speaks for, to show; or "" */
	char		tenant[80];	/* whose it is, to show; or "" */
};

#define TOKEN_INIT	{ .expires_on = 0 }

struct token_request {
	const struct cloud	*cloud;
	const char		*credential;	/* a source's name; NULL: see token_get */
	const char		*tenant;	/* not the source's own; NULL */
	const char		*claims;	/* JSON of a claims challenge; NULL */
};

enum token_result {
	TOKEN_GOT,	/* the token is there */
	TOKEN_SKIP,	/* this source is not set up here: try the next */
	TOKEN_FAILED,	/* it is, and does not work: stop, the error tells */
};

struct token_source {
	const char	*name;		/* for --credential */
	const char	*sdk_name;	/* for AZURE_TOKEN_CREDENTIALS; NULL */
	const char	*group;		/* "prod" or "dev", of the same variable */
	/*
	 * Fills text and expires_on, and account and tenant as far as it knows
	 * them without asking.  With r->credential it was chosen by name, and
	 * TOKEN_SKIP then means that it cannot work here.
	 */
	enum token_result (*get)(const struct token_request *r, struct token *t,
			    struct err *e);
};

extern const struct token_source token_env;	/* AZURE_CLIENT_SECRET, ..._CERTIFICATE_PATH */
extern const struct token_source token_azcli;	/* az login */

/*
 * A token of the first source that is set up, or of the one that is named.
 * Without a name AZURE_TOKEN_CREDENTIALS chooses, as in the Azure SDKs: "prod",
 * "dev" or a name.  t is freed by the caller (token_free) in every case.
 * Returns 0; or -1 with E301 if there is no source, or the source's error.
 */
int	 token_get(const struct token_request *r, struct token *t,
	    struct err *e);

void	 token_free(struct token *t);

#endif
