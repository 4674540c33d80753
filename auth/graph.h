/*
 * Azure Resource Graph (arc-relay-protocol(7), RESOURCE GRAPH): one query over
 * all subscriptions, page after page, and the machines that we can see.
 */
#ifndef AUTH_GRAPH_H
#define AUTH_GRAPH_H

#include <stdbool.h>

struct cloud;
struct err;
struct machines;
struct selection;

struct graph_request {
	const struct cloud	*cloud;
	const char		*credential;	/* token source; NULL: any */
	const struct selection	*selection;
	bool			 no_cache;	/* of the token */
	/* Told how many of how many have come, after each page but the last; NULL. */
	void			(*progress)(size_t n, size_t total);
};

/*
 * Asks for the selected machines, sorted.  A token that Azure does not take is
 * renewed once.  When all were meant, their names are kept (auth/names.h).
 * out is freed by the caller in every case.
 * Returns 0; or -1 with an error of token_cached_get or arm_call, EX_USAGE for a
 * query that Azure does not understand, or E412: no list of machines, or one
 * that Azure cut short.
 */
int	 graph_machines(const struct graph_request *r, struct machines *out,
	    struct err *e);

#endif
