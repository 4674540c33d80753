/*
 * Which machines: what a command line says, and the same as a query for Azure
 * Resource Graph (arc-relay-protocol(7), RESOURCE GRAPH).
 */
#ifndef AUTH_SELECTION_H
#define AUTH_SELECTION_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct machine;
struct secret;

/* All of it has to hold, of names any one and of tags each.  NULL or 0: not said. */
struct selection {
	const char *const *names;	/* NAME or GLOB (* ?), any of them; any case */
	size_t		 nnames;
	const char	*group;
	const char	*subscription;	/* GUID or name */
	const char *const *tags;	/* "NAME=VALUE", or "NAME" for any value; any case */
	size_t		 ntags;
	const char	*status;	/* "connected" */
	const char	*query;		/* a predicate in the query language */
};

/* Is nothing chosen, so that all machines are meant? */
bool	 selection_is_all(const struct selection *s);

/*
 * Does the query of selection_query ask for all machines?  It does for globs,
 * which selection_has judges alone.
 */
bool	 selection_asks_all(const struct selection *s);

/* Has it a * or a ?, so that it may be many or none? */
bool	 selection_is_glob(const char *name);

/*
 * The query that lists the selected machines, and perhaps others (selection_has),
 * with the columns that graph.h reads, in the order of their ids.  What s says is
 * quoted in it, but for s->query, which is put in parentheses as it is, with lines
 * of its own from the second on.
 * Returns 0 with out (freed by the caller); or -1 with EX_USAGE, or no memory.
 */
int	 selection_query(const struct selection *s, struct secret *out,
	    struct err *e);

/* Has m one of the names, and the tags?  The rest was Azure's to judge. */
bool	 selection_has(const struct selection *s, const struct machine *m);

#endif
