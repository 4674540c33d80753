/*
 * The token of token_get, got once for all processes and kept in the cache until
 * FLIGHT_REFRESH_S before its end.
 */
#ifndef AUTH_TOKEN_CACHED_H
#define AUTH_TOKEN_CACHED_H

#include <stdbool.h>
#include <stdint.h>

struct cache;
struct err;
struct secret;
struct token;
struct token_request;

/*
 * What a connection would use.  no_cache: neither look into the cache nor write
 * it.  from_cache: was it there?  t is freed by the caller (token_free) in every
 * case.  Returns 0 or -1, as token_get.
 */
int	 token_cached_get(const struct token_request *r, bool no_cache,
	    struct token *t, bool *from_cache, struct err *e);

struct token_flight {
	const struct token_request	*request;
	const char		*identity;	/* identity_hash of it */
	bool			 refresh;	/* a new one */
	const struct secret	*refused;	/* not this one; NULL */
	int64_t			 until_ms;	/* as in struct flight */
};

/* The same with a cache that is open. */
int	 token_cached_fly(struct cache *c, const struct token_flight *f,
	    struct token *t, bool *from_cache, struct err *e);

#endif
