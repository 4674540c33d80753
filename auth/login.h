/*
 * Logging in: a person, in a browser here (RFC 8252) or in one elsewhere (RFC
 * 8628), or a service principal.  What comes out is an account and its secret
 * for account_save; nothing is kept here.  arc-relay-protocol(7), TOKENS.
 */
#ifndef AUTH_LOGIN_H
#define AUTH_LOGIN_H

#include <stdint.h>

#include "auth/account.h"
#include "auth/oauth.h"
#include "relay/secret.h"

struct cloud;
struct err;

/* The public client that every tenant knows: the Azure CLI's. */
#define LOGIN_CLIENT	"04b07795-8ddb-461a-bbee-02f9e1bf7b46"
#define LOGIN_TENANT	"organizations"	/* the person's own, whichever it is */

#define LOGIN_CLAIMS_MAX 4096	/* bytes, with the NUL */

struct login_request {
	const struct cloud	*cloud;
	const char		*tenant;	/* GUID or domain */
	const char		*client;	/* client id */
	const char		*claims;	/* JSON of a claims challenge; NULL */
	int			 timeout_s;	/* for the person; 0: Entra's */
	/* Shows a line to the person. */
	void			(*say)(const char *line);
	/* Called about once a second while the person is waited for. */
	void			(*waiting)(int64_t left_s);
};

struct login {
	struct account	account;
	struct secret	secret;		/* empty: there is a certificate */
};

#define LOGIN_INIT	{ .secret = SECRET_INIT }

/*
 * Shows a code that the person types in any browser, and waits.  Returns 0; or
 * -1: E303 expired or not done in time, E304 declined, else as oauth_post.
 * out is freed by the caller in every case, here and below.
 */
int	 login_by_device_code(const struct login_request *r, struct login *out,
	    struct err *e);

/*
 * Opens a browser on Entra's page, says where it is, and waits for it to come
 * back to a port of loopback: authorization code with PKCE.  Returns 0; or -1:
 * E303 not done in time, E304 refused, EX_OSERR, else as oauth_token.
 */
int	 login_by_browser(const struct login_request *r, struct login *out,
	    struct err *e);

/*
 * A service principal: r->client with a secret; or, when that is empty, with the
 * certificate and key in a PEM file, whose absolute path is remembered.  One
 * token is asked for, to see that it works.  Returns 0, or -1 as app_token.
 */
int	 login_by_principal(const struct login_request *r,
	    const struct secret *secret, const char *certificate,
	    struct login *out, struct err *e);

/*
 * What was given as claims, JSON or base64 of it, as JSON in out.  Returns 0, or
 * -1 with EX_USAGE: it is no JSON object, or longer than that.
 */
int	 login_claims(const char *given, char out[LOGIN_CLAIMS_MAX],
	    struct err *e);

/* For the flows above: a form with client id, scope and claims.  0 or -1. */
int	 login_form(const struct login_request *r, const char *grant,
	    struct secret *form, struct err *e);

/*
 * For the flows above: out from the answer that ends them.  Takes what is in a.
 * Returns 0, or -1 with E412: there is no refresh token.
 */
int	 login_accept(const struct login_request *r, struct oauth_answer *a,
	    struct login *out, struct err *e);

/*
 * Drops from the cache what an arc-relay login was used for, and all failures:
 * for when another one begins, or it ends.
 */
void	 login_drop_cached(void);

void	 login_free(struct login *l);

#endif
