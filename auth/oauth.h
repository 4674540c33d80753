/*
 * Entra's token endpoint, for the token sources that talk to it themselves
 * (RFC 6749; arc-relay-protocol(7), TOKENS).
 */
#ifndef AUTH_OAUTH_H
#define AUTH_OAUTH_H

#include <stddef.h>
#include <stdint.h>

struct cloud;
struct err;
struct secret;

/* Adds name=value to a form, percent-encoded.  Returns 0 or -1 (no memory). */
int	 oauth_form_add(struct secret *form, const char *name, const char *value);

/*
 * Posts form to the token endpoint of tenant.  Returns 0, and gives the token;
 * or -1 with an error of http_call, http_refused, oauth_refused or oauth_answer.
 */
int	 oauth_token(const struct cloud *c, const char *tenant,
	    const struct secret *form, struct secret *token,
	    int64_t *expires_on, struct err *e);

/*
 * Reads the answer to it (status 200); now: Unix seconds.  Returns 0, or -1 with
 * E412 (no token in it) or E607 (no JSON at all).
 */
int	 oauth_answer(const char *text, size_t len, int64_t now,
	    struct secret *token, int64_t *expires_on, struct err *e);

/*
 * What an error answer means: E303 to E308, by OAuth's word (the AADSTS numbers
 * in the text change).  Returns 0, or -1 when text is no such answer.
 */
int	 oauth_refused(const char *text, size_t len, struct err *e);

#endif
