/*
 * An Entra token for Azure's management endpoint.  Each way to get one is a
 * token source: one file token_*.c and one line in the table of token.c.
 */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include <stdint.h>

struct cloud;
struct err;
struct secret;

enum token_result {
	TOKEN_GOT,	/* the token is there */
	TOKEN_SKIP,	/* this source is not set up here: try the next */
	TOKEN_FAILED,	/* it is, and does not work: stop, the error tells */
};

struct token_source {
	const char	*name;	/* for --credential */
	enum token_result (*get)(const struct cloud *c, struct secret *token,
			    int64_t *expires_on, struct err *e);
};

extern const struct token_source token_env;	/* AZURE_CLIENT_SECRET */
extern const struct token_source token_azcli;	/* az account get-access-token */

/*
 * A token of the first source that is set up, or of the one that is named
 * (NULL: any).  token: one word of visible ASCII.  expires_on: Unix seconds.
 * Returns 0; or -1 with E301 if there is no source, or the source's error.
 */
int	 token_get(const struct cloud *c, const char *name, struct secret *token,
	    int64_t *expires_on, struct err *e);

#endif
