/*
 * A client assertion (RFC 7523, 2.2): the application's word, signed with the
 * key of its certificate, in place of a client secret.
 */
#ifndef AUTH_ASSERTION_H
#define AUTH_ASSERTION_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct keys;
struct secret;

#define ASSERTION_LIFE_S	600

/*
 * Signs for client (its id) towards audience, the URL of the token endpoint, at
 * now (Unix seconds).  PS256 with x5t#S256; towards AD FS, which knows neither,
 * RS256 with x5t.  chain: with all certificates of k in x5c, which a trust by
 * subject name and issuer needs.
 * Returns 0 and gives out; or -1, no memory.
 */
int	 assertion_make(struct keys *k, const char *client,
	    const char *audience, bool chain, int64_t now, struct secret *out,
	    struct err *e);

#endif
