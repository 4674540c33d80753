/*
 * The names of all machines that an identity can see, kept in the cache, so that
 * to resolve one costs no request: one file an identity, replaced whole.
 *
 *	younger than NAMES_FRESH_S	used
 *	older				used, and renewed meanwhile: *stale
 *	older than NAMES_KEEP_S		a miss
 *
 * Needs no HTTP: arc-relay-proxy links it.
 */
#ifndef AUTH_NAMES_H
#define AUTH_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct arc_id;
struct cache;
struct err;
struct machines;

#define NAMES_FRESH_S	3600
#define NAMES_KEEP_S	(30 * 24 * 3600)

enum names_found {
	NAMES_MISS,		/* nothing is known: ask Azure */
	NAMES_NONE,		/* there is no such machine, as far as is known */
	NAMES_ONE,		/* *id */
	NAMES_MANY,		/* the error has the candidates [E203] */
};

/*
 * The machine that target means (auth/target.h), for the identity of
 * identity_hash.  age_s: of what is known.
 */
enum names_found names_find(const struct cache *c, const char *identity,
	    const char *target, struct arc_id *id, long *age_s, struct err *e);

/* Keeps l, which is all machines.  One that can be no target is left out. */
void	 names_keep(struct cache *c, const char *identity,
	    const struct machines *l);

/*
 * Calls each for what can be typed for the machines whose NAME begins with prefix
 * (any case): "web01.arc", or "web01.group.arc" where that alone is not unique.
 * Returns 0; or -1 when nothing is known.
 */
int	 names_each(const struct cache *c, const char *identity,
	    const char *prefix, void (*each)(void *arg, const char *name),
	    void *arg);

#endif
