/*
 * The authorization code flow's own secrets and address (RFC 7636, PKCE).  Pure
 * but for the random bytes.
 */
#ifndef AUTH_AUTHCODE_H
#define AUTH_AUTHCODE_H

#include "relay/crypto.h"
#include "relay/secret.h"

struct err;
struct login_request;

#define AUTHCODE_BYTES	32
#define AUTHCODE_WORD	BASE64_SIZE(AUTHCODE_BYTES)	/* as base64url: 43 characters */

struct authcode {
	char	verifier[AUTHCODE_WORD];	/* secret; goes to Entra alone */
	char	challenge[AUTHCODE_WORD];	/* its SHA-256; may be seen */
	char	state[AUTHCODE_WORD];		/* tells our question's answer from others */
	char	redirect[40];			/* "http://localhost:PORT" */
};

/* Makes new ones for this port of loopback. */
void	 authcode_new(struct authcode *c, int port);

/* The challenge of a verifier: base64url of its SHA-256, without padding. */
void	 authcode_challenge(const char *verifier, char out[AUTHCODE_WORD]);

/*
 * The address of Entra's page.  Holds no secret: who sees it in the arguments of
 * the browser can do nothing without the verifier.  Returns 0, or -1 with E307
 * (no tenant) or EX_OSERR.
 */
int	 authcode_url(const struct authcode *c, const struct login_request *r,
	    struct secret *url, struct err *e);

#endif
