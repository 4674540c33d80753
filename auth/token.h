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
#define TOKEN_EXAMPLE_MAX 60	/* columns: what --help has left for it */
#define TOKEN_HELP_MAX	1024	/* bytes of token_help, with the NUL */

struct token {
	struct secret	text;		/* one word of visible ASCII */
	int64_t		expires_on;	/* Unix seconds: 0 to a day from now */
	char		source[TOKEN_NAME_MAX];	/* which source gave it */
	char		account[160];	/* whom it speaks for, to show; or "" */
	char		tenant[80];	/* whose it is, to show; or "" */
	char		type[20];	/* as Entra said it; asked for a certificate */
};

#define TOKEN_INIT	{ .expires_on = 0 }

/* The key that an SSH certificate is to be for. */
struct token_ssh_key {
	const char	*jwk;	/* JSON */
	const char	*id;	/* its kid */
};

#define TOKEN_SSH_CERT	"ssh-cert"	/* the type of such a token */

struct token_request {
	const struct cloud	*cloud;
	const char		*credential;	/* what was chosen; NULL: see token_get */
	const char		*tenant;	/* not the source's own; NULL */
	const char		*claims;	/* JSON of a claims challenge; NULL */
	const struct secret	*refused;	/* a token that Azure did not take; NULL */
	/*
	 * An SSH certificate for this key is wanted: its text is the token then,
	 * base64.  NULL: a token for the management endpoint.
	 */
	const struct token_ssh_key *ssh_key;
};

enum token_result {
	TOKEN_GOT,	/* the token is there */
	TOKEN_SKIP,	/* this source is not set up here: try the next */
	TOKEN_FAILED,	/* it is, and does not work: stop, the error tells */
};

struct token_source {
	const char	*name;		/* "azure-cli" */
	const char	*sdk_name;	/* of its class in the Azure SDKs; NULL */
	const char	*group;		/* "prod" or "dev", as there */
	/*
	 * Fills text and expires_on, with an ssh_key type, and account and tenant as far as it knows
	 * them without asking.  r->credential is the source's name when it was
	 * chosen by name, and TOKEN_SKIP then means that it cannot work here;
	 * else it is NULL.  TOKEN_SKIP with an error: that is what to tell when
	 * no other source works.
	 */
	enum token_result (*get)(const struct token_request *r, struct token *t,
			    struct err *e);
	const char	*needs;		/* what to set up, as a fix of err_fix */
	const char	*example;	/* the same in TOKEN_EXAMPLE_MAX columns */
};

extern const struct token_source token_env;	/* AZURE_CLIENT_SECRET, ..._CERTIFICATE_PATH */
extern const struct token_source token_workload; /* AZURE_FEDERATED_TOKEN_FILE */
extern const struct token_source token_github;	/* ACTIONS_ID_TOKEN_REQUEST_URL */
extern const struct token_source token_pipelines; /* SYSTEM_OIDCREQUESTURI */
extern const struct token_source token_managed;	/* IMDS, App Service, Azure Arc, Cloud Shell */
extern const struct token_source token_login;	/* arc-relay login */
extern const struct token_source token_azcli;	/* az login */

/*
 * A token of the first source that is set up.  r->credential, or else the
 * variable AZURE_TOKEN_CREDENTIALS as in the Azure SDKs, narrows the choice: to
 * one source by either of its names, or to a group; any case.  A source that is
 * set up and does not work ends the search.
 * t is freed by the caller (token_free) in every case.  Returns 0; or -1 with
 * E301 (none is set up), EX_USAGE or EX_CONFIG (no such name), E313 (no
 * certificates in this cloud), or the source's own error.
 */
int	 token_get(const struct token_request *r, struct token *t,
	    struct err *e);

/* For the sources: a managed identity was asked for a certificate.  Returns -1 with E312. */
int	 token_no_certificate(struct err *e);

/*
 * The sources in their order, a line each with its example, for --help.  Returns
 * out.
 */
const char *token_help(char out[TOKEN_HELP_MAX]);

void	 token_free(struct token *t);

#endif
