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

/* All of it has to hold, of names and of tags each one.  NULL or 0: not said. */
struct selection {
	const char *const *names;	/* NAME or GLOB (* ?), any of them; any case */
	size_t		 nnames;
	const char	*group;
	const char	*subscription;	/* GUID or name */
	const char *const *tags;	/* "NAME=VALUE", or "NAME" for any value */
	size_t		 ntags;
	const char	*status;	/* "connected" */
	const char	*query;		/* a predicate in the query language */
};

/* Is nothing chosen, so that all machines are meant? */
bool	 selection_is_all(const struct selection *s);

/*
 * The query that lists the selected machines, with the columns that graph.h
 * reads, in the order of their ids.  What s says is quoted in it, but for
 * s->query, which is put in parentheses as it is.  Globs are not in it.
 * Returns 0 with out (freed by the caller); or -1 with EX_USAGE, or no memory.
 */
int	 selection_query(const struct selection *s, struct secret *out,
	    struct err *e);

/* Is m one of the names?  The rest was Azure's to judge. */
bool	 selection_has_name(const struct selection *s, const struct machine *m);

#endif
