/*
 * TARGET, as people type it: a resource id; or NAME, NAME.GROUP or
 * NAME.GROUP.SUBSCRIPTION, where SUBSCRIPTION is a GUID or the name of it, each
 * with or without ".arc", in any case.
 *
 * Names and groups may have dots in them: a target is not taken apart, but
 * compared with what each machine could be called.
 */
#ifndef AUTH_TARGET_H
#define AUTH_TARGET_H

#include <stdbool.h>

struct arc_id;
struct cloud;
struct err;

#define TARGET_MAX	1024	/* bytes */

struct target {
	char	text[TARGET_MAX + 1];
	bool	is_id;		/* it begins with a slash */
};

/*
 * Can text be one at all?  It may come from a host name that somebody else
 * chose.  Returns 0; or -1 with EX_USAGE or E202.
 */
int	 target_parse(const char *text, struct target *t, struct err *e);

/*
 * Does a machine answer to text?  group, subscription, subscription_name: "" if
 * not known.
 */
bool	 target_is(const char *text, const char *name, const char *group,
	    const char *subscription, const char *subscription_name);

/*
 * The machine that t means: itself an id, from the cache, or by asking Azure,
 * once for all that ask at the same time.  refresh: not from the cache.
 * In target_ask.c: it needs HTTP.
 * Returns 0; or -1 with E201 (no such machine), E203 (several: they are listed),
 * or an error of graph_machines.
 */
int	 target_resolve(const struct target *t, const struct cloud *c,
	    const char *credential, bool no_cache, bool refresh,
	    struct arc_id *id, struct err *e);

#endif
