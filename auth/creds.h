/*
 * The relay credential of one machine: from the cache, or from Azure, once for
 * all that ask at the same time.
 */
#ifndef AUTH_CREDS_H
#define AUTH_CREDS_H

#include <stdbool.h>

struct arc_id;
struct cache;
struct cache_key;
struct cloud;
struct entry;
struct err;
struct relay_info;

/*
 * What the cache holds for key, if it is well-formed, of a namespace that the
 * cloud has (relay_suffix, as in relay_info_check), and not the one that was
 * refused.
 * refused: SHA-256, in hex, of an access key that the relay did not take; or
 * NULL.  x: what the entry says of itself.  Returns 0, or -1 for a miss; out is
 * freed by the caller in both cases.
 *
 * In a file of its own: it needs no HTTP, and arc-relay-proxy links none.
 */
int	 creds_look(const struct cache *c, const struct cache_key *key,
	    const char *relay_suffix, const char *refused,
	    struct relay_info *out, struct entry *x);

/* The same, if it is good for another INFO_REFRESH_S. */
int	 creds_cached(const struct cache *c, const struct cache_key *key,
	    const char *relay_suffix, const char *refused,
	    struct relay_info *out);

struct creds_request {
	const struct cloud	*cloud;
	const struct arc_id	*id;
	int			 port;		/* of the machine; 1-65535 */
	const char		*credential;	/* token source; NULL: any */
	const char		*refused;	/* as above */
	bool			 refresh;	/* nothing that was there before */
	bool			 no_cache;	/* nor write it */
};

/*
 * Looks into the cache; else asks Azure and writes the cache.  Of processes
 * that ask for the same machine at the same time one asks Azure, and the others
 * share its answer, good or bad (auth/flight.h).  Says on stderr when there
 * should be a cache and is none.  out is freed by the caller in every case.
 * Returns 0 or -1.
 */
int	 creds_get(const struct creds_request *r, struct relay_info *out,
	    struct err *e);

/*
 * Forgets what the cache holds of a machine (NULL: of none), of any port and login,
 * and all failures: what Azure would say of it has changed.
 */
void	 creds_forget(const struct arc_id *id);

#endif
