/*
 * Entra's token endpoint, for the token sources that talk to it themselves
 * (RFC 6749; arc-relay-protocol(7), TOKENS).
 */
#ifndef AUTH_OAUTH_H
#define AUTH_OAUTH_H

#include <stddef.h>
#include <stdint.h>

#include "relay/secret.h"

struct cloud;
struct err;
struct token_request;
struct token_ssh_key;

/* How the client proves who it is: an error's remedy depends on it. */
enum oauth_way {
	OAUTH_SECRET,		/* client_secret */
	OAUTH_CERTIFICATE,	/* an assertion signed by our key */
	OAUTH_FEDERATED,	/* an assertion signed by somebody else */
	OAUTH_LOGIN,		/* a person, or the refresh token of one */
};

struct oauth_answer {
	struct secret	access_token;
	struct secret	refresh_token;	/* empty: none was given */
	int64_t		expires_on;	/* Unix seconds */
	char		account[160];	/* user name in the id token; or "" */
	char		tenant[80];	/* GUID in the id token; or "" */
	char		type[20];	/* token_type, "Bearer"; or "" */
	char		error[40];	/* OAuth's word when it was refused; or "" */
};

#define OAUTH_ANSWER_INIT	{ .expires_on = 0 }

/* Adds name=value to a form, percent-encoded.  Returns 0 or -1 (no memory). */
int	 oauth_form_add(struct secret *form, const char *name, const char *value);

/* What makes the answer an SSH certificate for key.  Returns 0 or -1. */
int	 oauth_form_add_ssh_key(struct secret *form,
	    const struct token_ssh_key *key);

/* Scopes that a person is asked for: to act later, and to learn the name. */
#define OAUTH_USER_SCOPES	"offline_access openid profile"

/*
 * What r wants of an endpoint: the scope, and more after it unless "", the claims,
 * a certificate for its key.  Returns 0 or -1.
 */
int	 oauth_form_add_request(struct secret *form,
	    const struct token_request *r, const char *more);

#define OAUTH_URL_MAX	512	/* bytes, with the NUL */

/*
 * The URL of an endpoint of tenant ("token", "devicecode"); the tenant "adfs" of
 * AD FS has no v2.0 in it.  Returns 0, or -1 with E307: that is no tenant.
 */
int	 oauth_url(const struct cloud *c, const char *tenant,
	    const char *endpoint, char *out, size_t size, struct err *e);

/*
 * Posts form to an endpoint of tenant (oauth_url).  Returns 0 with
 * the body of a good answer; or -1 with an error of http_call, http_refused or
 * oauth_refused, and with OAuth's word for it in error ("" if it said none).
 */
int	 oauth_post(const struct cloud *c, const char *tenant,
	    const char *endpoint, enum oauth_way way, const struct secret *form,
	    struct secret *body, char error[40], struct err *e);

/*
 * The same for the token endpoint, and reads the answer.  Returns 0, or -1 with
 * an error of oauth_post or oauth_read.  a is freed by the caller in every case.
 */
int	 oauth_token(const struct cloud *c, const char *tenant,
	    enum oauth_way way, const struct secret *form,
	    struct oauth_answer *a, struct err *e);

/*
 * Reads the answer to it (status 200); now: Unix seconds.  Returns 0, or -1 with
 * E412 (no token in it) or E607 (no JSON at all).
 */
int	 oauth_read(const char *text, size_t len, int64_t now,
	    struct oauth_answer *a, struct err *e);

/*
 * What an error answer means to a client that proves itself in that way: E303 to
 * E308, E313 (no such resource) or E409 (failing), by OAuth's word; the AADSTS
 * numbers in the text change and only say it better.  No more than the first
 * sentence of the text is told.
 * error: the word.  Returns 0, or -1 when text is no such answer.
 */
int	 oauth_refused(const char *text, size_t len, enum oauth_way way,
	    char error[40], struct err *e);

void	 oauth_answer_free(struct oauth_answer *a);

#endif
