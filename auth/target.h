/*
 * TARGET, as people type it: a resource id; or NAME, NAME.GROUP or
 * NAME.GROUP.SUBSCRIPTION, where SUBSCRIPTION is a GUID or the name of it, each
 * with or without ".arc", in any case (of letters of ASCII).
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
 * chose: a name has letters, digits, "._-", and after its first dot "()" and
 * letters beyond ASCII, after its second one blanks; nothing else.
 * Returns 0; or -1 with EX_USAGE or E202.
 */
int	 target_parse(const char *text, struct target *t, struct err *e);

/*
 * Does a machine answer to text?  group, subscription, subscription_name: "" if
 * not known.
 */
bool	 target_is(const char *text, const char *name, const char *group,
	    const char *subscription, const char *subscription_name);

/* ".arc" if text ends in it, in any case; else "". */
const char *target_suffix(const char *text);

struct target_request {
	const struct cloud	*cloud;
	const char		*credential;	/* token source; NULL: any */
	bool			 no_cache;	/* nor write it */
	bool			 refresh;	/* only what was asked just now */
};

/*
 * The machine that t means: itself an id, from the cache, or by asking Azure,
 * once for all that ask at the same time.  age_s: of what the answer is from;
 * beyond NAMES_FRESH_S the caller sees to it that it is renewed
 * (proxy/renew.h), and below NAMES_SETTLED_S there is nothing newer.
 * In target_ask.c, as what follows: it needs HTTP.
 * Returns 0; or -1 with E201 (no such machine), E203 (several: they are listed),
 * or an error of graph_machines.
 */
int	 target_resolve(const struct target_request *r, const struct target *t,
	    struct arc_id *id, long *age_s, struct err *e);

/*
 * Asks Azure for the names of all machines and keeps them.  when_old: only if
 * they are not fresh, and nobody else asks.
 * Returns 0; or -1 with an error of graph_machines.
 */
int	 target_refresh(const struct target_request *r, bool when_old,
	    struct err *e);

#endif
