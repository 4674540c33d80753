/*
 * Tokens and relay credentials that were got once, for all that need them: a
 * private folder (auth/folder.h) with files whose names are hashes.
 * Place: $XDG_RUNTIME_DIR/arc-relay, else $XDG_CACHE_HOME/arc-relay, else
 * ~/.cache/arc-relay.
 *
 * With ARC_RELAY_CACHE_DIR there and nowhere else.
 *
 * A cache that cannot be trusted or written is not an error: the programs work
 * without it.  arc-relay says so, once.
 *
 * How entries are got and shared: auth/flight.h; what is in one: auth/entry.h.
 */
#ifndef AUTH_CACHE_H
#define AUTH_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "auth/folder.h"
#include "relay/crypto.h"

struct network;
struct secret;

#define CACHE_ENTRY_MAX	FOLDER_FILE_MAX

struct cache {
	struct folder	folder;		/* fd -1: no cache; why says why */
};

/* A name in the cache: the hash of what the entry is bound to. */
struct cache_key {
	char	name[SHA256_HEX + 1];	/* "": always a miss */
};

/* Neither no_cache (an option) nor ARC_RELAY_NO_CACHE forbids it. */
bool	 cache_is_wanted(bool no_cache);

/* Opens, and makes if need be, the folder.  Never fails: see cache_works. */
void	 cache_open(struct cache *c);
void	 cache_close(struct cache *c);

/* Is there a cache?  folder.why says why not. */
bool	 cache_works(const struct cache *c);

/*
 * Says on stderr, once a process, that there is no cache, if there is none.
 * cache_write does that too when it cannot write.
 */
void	 cache_warn(const struct cache *c);

/*
 * Keys.  identity: of identity_hash.  A relay credential is that of one port of
 * one machine; resource_id: ARM id, in any case; port: 1-65535.
 */
struct cache_key cache_key_token(const char *identity);
struct cache_key cache_key_names(const char *identity);
struct cache_key cache_key_relay(const char *identity, const char *resource_id,
	    int port);

/* For what is made at a path, in whatever folder: locks and failures. */
struct cache_key cache_key_file(const char *path);

/*
 * What a failure depends on beside its key, the way there, as SHA-256 in hex.
 * Returns out.
 */
const char *cache_network(const struct network *net, char out[SHA256_HEX + 1]);

/*
 * The bytes of an entry.  A file that is not ours, not private, a link, too
 * large or empty is a miss.  Returns 0 and gives out (free with secret_free),
 * or -1 for a miss.
 */
int	 cache_read(const struct cache *c, const struct cache_key *key,
	    struct secret *out);

/*
 * Replaces an entry whole, or leaves the old one.  Now and then it removes what
 * is too old to be of use to anybody.  Returns 0, or -1 having warned.
 */
int	 cache_write(struct cache *c, const struct cache_key *key,
	    const struct secret *data);

/* Removes an entry; no error if there is none. */
void	 cache_drop(const struct cache *c, const struct cache_key *key);

/*
 * Waits at most wait_ms for the lock of key.  Returns a descriptor for
 * cache_unlock; or -1 with errno as folder_lock.
 */
int	 cache_lock(const struct cache *c, const struct cache_key *key, int wait_ms);
void	 cache_unlock(int lock);

#endif
