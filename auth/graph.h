/*
 * Azure Resource Graph (arc-relay-protocol(7), RESOURCE GRAPH): one query over
 * all subscriptions, page after page, and the machines that we can see.
 */
#ifndef AUTH_GRAPH_H
#define AUTH_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cloud;
struct err;
struct js;
struct machines;
struct selection;

struct graph_request {
	const struct cloud	*cloud;
	const char		*credential;	/* token source; NULL: any */
	const struct selection	*selection;
	bool			 no_cache;	/* of the token; and keep no names */
	/* Told how many of how many have come, after each page but the last; NULL. */
	void			(*progress)(void *arg, size_t n, size_t total);
	void			*arg;
};

/*
 * Asks for the selected machines, sorted and merged (auth/machines.h).  A token
 * that Azure does not take is renewed once; a throttle is waited out, for
 * GRAPH_PATIENCE_MS at most.  When the query was for all machines, their names are
 * kept (auth/names.h).  out is freed by the caller in every case.
 * Returns 0; or -1 with an error of token_get or arm_call, EX_USAGE for a query
 * that Azure does not understand, or E412: no list of machines, or one that is
 * not the whole.
 */
#define GRAPH_PAGE_MAX		(8 * 1024 * 1024)	/* bytes; Azure sends no larger answer */
#define GRAPH_PAGES_MAX		500	/* of 1,000 machines */
#define GRAPH_PATIENCE_MS	60000
int	 graph_machines(const struct graph_request *r, struct machines *out,
	    struct err *e);

/*
 * What one page says.  In graph_page.c.  Adds its machines to out.
 * Returns 0; or -1 with what is wrong with it ("is no list of machines").
 */
struct graph_page {
	size_t		 rows;
	size_t		 total;		/* on all pages */
	const char	*next;		/* $skipToken; lent by the page; NULL: the last */
};
int	 graph_page_read(const struct js *page, struct graph_page *p,
	    struct machines *out, const char **what);

/*
 * What Azure has against a query, from its refusal: "ParserFailure at line 1,
 * character 7, near \"|\"", in the line of s->query, which has so many lines.
 * Returns out, "" if it does not say.
 */
#define GRAPH_WHY_MAX	200
const char *graph_why(const char *refusal, size_t len, int64_t lines,
	    char out[GRAPH_WHY_MAX]);

#endif
