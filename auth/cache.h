/*
 * The only code that writes secrets to disk.  A folder of mode 0700 with files
 * of mode 0600, whose names are hashes and whose content is replaced by rename,
 * never in place.  Place: $XDG_RUNTIME_DIR/arc-relay, else
 * $XDG_CACHE_HOME/arc-relay, else ~/.cache/arc-relay.
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

#include <stddef.h>

#include "relay/crypto.h"

struct secret;

#define CACHE_ENTRY_MAX	(64 * 1024)	/* bytes */

struct cache {
	int	dirfd;			/* -1: no cache */
	char	why[200];		/* why there is none; or "" */
};

/* A name in the cache: the hash of what the entry is bound to. */
struct cache_key {
	char	name[SHA256_HEX + 1];
};

/* Opens, and makes if need be, the folder.  Never fails: see dirfd and why. */
void	 cache_open(struct cache *c);
void	 cache_close(struct cache *c);

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
