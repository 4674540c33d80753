/*
 * The names of all machines that an identity can see, kept in the cache, so that
 * to resolve one costs no request: one file an identity, replaced whole.
 *
 *	younger than NAMES_SETTLED_S	there is nothing newer to be known
 *	younger than NAMES_FRESH_S	used
 *	older				used, and renewed meanwhile
 *	older than NAMES_KEEP_S		a miss
 *
 * The file, "names." and the key in hex, is a line of JSON that binds it,
 *
 *	{"schema":1,"kind":"names","key":"HEX","written":MS,"machines":N,
 *	 "bytes":BYTES-THAT-FOLLOW}
 *
 * and one line a machine, sorted: its name in lower case, the name of its
 * subscription (or nothing), its resource id, with tabs between.
 *
 * Needs no HTTP: arc-relay-proxy links it.
 */
#ifndef AUTH_NAMES_H
#define AUTH_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arc_id;
struct cache;
struct err;
struct machines;

#define NAMES_SETTLED_S	60
#define NAMES_FRESH_S	3600
#define NAMES_KEEP_S	(30 * 24 * 3600)

#define NAMES_CLAIM_S	30

#define NAMES_FILE	"names."		/* begins the name of a file */
#define NAMES_FILE_MAX	(16 * 1024 * 1024)	/* bytes */

enum names_found {
	NAMES_MISS,		/* nothing is known: ask Azure */
	NAMES_NONE,		/* there is no such machine, as far as is known [E201] */
	NAMES_ONE,		/* *id */
	NAMES_MANY,		/* the error has the candidates [E203] */
};

/*
 * The machine that target means (auth/target.h), for the identity of
 * identity_hash.  age_s: of what is known.
 */
enum names_found names_find(const struct cache *c, const char *identity,
	    const char *target, struct arc_id *id, long *age_s, struct err *e);

/* The same in l (sorted), which is all machines.  NAMES_MISS: no memory. */
enum names_found names_find_in(const struct machines *l, const char *target,
	    struct arc_id *id, struct err *e);

/*
 * Keeps l (sorted), which is all machines.  One that can be no target is left
 * out, and so is one whose id says another name than Azure does beside it.
 */
void	 names_keep(const struct cache *c, const char *identity,
	    const struct machines *l);

/*
 * Calls each for what can be typed and begins with prefix (any case), with the
 * id: "web01.arc", or "web01.group.arc" where that alone is not unique or prefix
 * has more; in lower case, the shortest for each machine.
 * Returns 0; or -1 when nothing is known.
 */
int	 names_each(const struct cache *c, const char *identity,
	    const char *prefix, void (*each)(void *arg, const char *name,
	    const char *id), void *arg);

/*
 * Shall the caller see to it that the names are renewed?  Of all that ask within
 * NAMES_CLAIM_S one is told so.
 */
bool	 names_claim(const struct cache *c, const char *identity);

/* What a file of names says of itself. */
struct names_about {
	int64_t	written_ms;	/* Unix milliseconds */
	int64_t	machines;
	size_t	bytes;		/* of the file */
};

/* Returns 0; or -1 when there is none that can be used. */
int	 names_about(const struct cache *c, const char *identity,
	    struct names_about *out);

/*
 * Calls each for every file of names of the cache, whosever; what cannot be
 * used has no machines and was written in 1970.
 */
void	 names_each_file(const struct cache *c, void (*each)(void *arg,
	    const char *file, const struct names_about *x), void *arg);

#endif
