/*
 * The token by which a pipeline says what it is, from the service that runs it;
 * Entra takes it as a client assertion (auth/app.h).
 */
#ifndef AUTH_OIDC_H
#define AUTH_OIDC_H

struct err;
struct network;
struct secret;

struct oidc_request {
	const char		*service;	/* "GitHub", for people */
	const char		*method;	/* "GET", or "POST" without a body */
	const char		*url;		/* as the service says it */
	const char		*query;		/* what we add: "name=value&..." */
	const char		*bearer;	/* secret: that we are the pipeline */
	const char *const	*headers;	/* more of them, NULL at the end */
	const char		*member;	/* of the answer, that has it */
	const char		*remedy;	/* when the service refuses */
	const struct network	*net;
};

/*
 * Asks for it.  Returns 0 and gives token; or -1 with E308, or an error of
 * http_call.  A URL that is not https is not asked.
 */
int	 oidc_token(const struct oidc_request *q, struct secret *token,
	    struct err *e);

#endif
