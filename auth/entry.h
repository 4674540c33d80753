/*
 * An entry of the cache: one line of JSON with a secret (or a failure), and with
 * what it is bound to, so that a file that was copied to another name, is of
 * another version, or from a clock that was wrong is a miss:
 *
 *	{"schema":2,"kind":"token","key":"HEX","written":MS,"expires":S,
 *	 "for":{"cloud":..,"account":..,"tenant":..,"source":..,"machine":..,
 *	 "port":..}, ... }
 *
 * what follows is the kind's own: "token", "relay" or "error".
 */
#ifndef AUTH_ENTRY_H
#define AUTH_ENTRY_H

#include <stddef.h>
#include <stdint.h>

struct cache;
struct cache_key;
struct js;

#define ENTRY_TOKEN	"token"
#define ENTRY_RELAY	"relay"
#define ENTRY_FAILURE	"failure"

/* What an entry says of itself; nothing of it is secret. */
struct entry {
	char	kind[12];
	int64_t	written_ms;	/* Unix milliseconds */
	int64_t	expires;	/* Unix seconds */
	char	cloud[64];	/* for people, as all that follows; or "" */
	char	account[160];
	char	tenant[80];
	char	source[40];
	char	machine[1100];	/* resource id */
	int	port;		/* 0: no port */
	size_t	bytes;		/* of the file */
};

/*
 * The beginning of an entry, to which the caller adds the kind's own.  An end
 * that is further away than such an entry may live is brought nearer; written_ms
 * is now.  Gives the document; NULL if there is no memory.
 */
struct js	*entry_new(const struct cache_key *key, const struct entry *x);

/* Writes it.  Returns 0 or -1. */
int		 entry_keep(struct cache *c, const struct cache_key *key,
		    const struct js *j);

/*
 * The entry of key, if it is one of that kind (NULL: of any) and bound to the
 * key, was written at a time that is past and has an end that such an entry can
 * have.  An end that is past is the caller's business.
 * Gives the document, with *x of it; or NULL for a miss.
 */
struct js	*entry_read(const struct cache *c, const struct cache_key *key,
		    const char *kind, struct entry *x);

/*
 * Calls each, with arg, for every entry of the cache, good, expired or none of
 * ours (its kind is "" then): x is lent.
 */
void		 entry_each(const struct cache *c,
		    void (*each)(void *arg, const struct cache_key *key,
		    const struct entry *x), void *arg);

/* Unix milliseconds. */
int64_t		 entry_now_ms(void);

#endif
