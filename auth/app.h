/*
 * The token of an application (RFC 6749, 4.4): what the sources environment,
 * workload-identity, github and azure-pipelines have in common, and a service
 * principal that logged in.
 */
#ifndef AUTH_APP_H
#define AUTH_APP_H

#include <stdbool.h>

#include "auth/token.h"

struct err;

/* Who asks, and one of three proofs that it is. */
struct app {
	const char	*tenant;	/* GUID or domain */
	const char	*client;	/* its client id */
	const char	*secret;	/* a client secret; or NULL */
	const char	*certificate;	/* PEM file with key and certificate; or NULL */
	const char	*password;	/* of the key in that file; NULL: none */
	bool		 chain;		/* send the certificates too (x5c) */
	const char	*assertion;	/* somebody else's word for it, a JWT; or NULL */
};

/*
 * Asks Entra, with r->claims and for r->tenant if these are set.  Fills text,
 * expires_on, account and tenant.  Returns TOKEN_GOT; or TOKEN_FAILED with an
 * error of keys_load, assertion_make or oauth_token: of its E305, E306 and E308
 * the remedy names the application, the certificate's thumbprint or the
 * assertion's issuer and subject.
 */
enum token_result app_token(const struct token_request *r, const struct app *a,
	    struct token *t, struct err *e);

#endif
