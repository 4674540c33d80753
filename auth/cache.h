/*
 * Tokens and relay credentials that were got once, for all that need them: a
 * private folder (auth/folder.h) with files whose names are hashes.
 * Place: $XDG_RUNTIME_DIR/arc-relay, else $XDG_CACHE_HOME/arc-relay, else
 * ~/.cache/arc-relay.
 *
 * A cache that cannot be trusted or written is not an error: the programs work
 * without it, and say so at -v.
 *
 * Single flight, so that 200 parallel starts cost one request:
 *
 *	if (cache_read(c, key, &s) == -1) {
 *		lock = cache_lock(c, key, wait_ms);
 *		if (cache_read(c, key, &s) == -1) {	// look again
 *			... fetch ...
 *			cache_write(c, key, &s);
 *		}
 *		cache_unlock(lock);
 *	}
 */
#ifndef AUTH_CACHE_H
#define AUTH_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "auth/folder.h"
#include "relay/crypto.h"

struct secret;

#define CACHE_ENTRY_MAX	FOLDER_FILE_MAX

struct cache {
	struct folder	folder;		/* fd -1: no cache; why says why */
};

/* A name in the cache: the hash of what the entry is bound to. */
struct cache_key {
	char	name[SHA256_HEX + 1];
};

/* Opens, and makes if need be, the folder.  Never fails: see cache_works. */
void	 cache_open(struct cache *c);
void	 cache_close(struct cache *c);

/* Is there a cache?  folder.why says why not. */
bool	 cache_works(const struct cache *c);

/*
 * The key of the relay credential of one service port on one machine, as seen
 * by one identity in one cloud.  Case of the ids does not matter.
 * resource_id: ARM id; port: 1-65535.  The identity is what AZURE_TENANT_ID and
 * AZURE_CLIENT_ID say (empty for the person who is logged in).
 */
struct cache_key cache_key_relay(const char *cloud_name, const char *resource_id,
	    int port);

/*
 * The bytes of an entry.  A file that is not ours, not private, a link, too
 * large or empty is a miss.  Returns 0 and gives out (free with secret_free),
 * or -1 for a miss.
 */
int	 cache_read(const struct cache *c, const struct cache_key *key,
	    struct secret *out);

/* Replaces an entry whole, or leaves the old one.  Returns 0 or -1. */
int	 cache_write(const struct cache *c, const struct cache_key *key,
	    const struct secret *data);

/* Removes an entry; no error if there is none. */
void	 cache_drop(const struct cache *c, const struct cache_key *key);

/*
 * Waits at most wait_ms for the lock of key.  Returns a descriptor for
 * cache_unlock, or -1: no cache, no locks on this file system, or a holder that
 * does not move; go on alone then, and do not write.
 */
int	 cache_lock(const struct cache *c, const struct cache_key *key, int wait_ms);
void	 cache_unlock(int lock);

#endif
