/*
 * What machines are called in ssh_config and in an inventory: NAME.arc,
 * NAME.GROUP.arc, NAME.GROUP.SUBSCRIPTION.arc.
 *
 * NAME, GROUP and SUBSCRIPTION are [A-Za-z0-9][A-Za-z0-9._-]*, or there is no alias
 * with them in it.  An alias belongs to one machine only, in any case of letters and
 * however it is put together: what several could be called (the machine "web.prod",
 * and web of the group prod), none is.  Nothing is ever made fit: a machine without
 * an alias is left out, with a reason.  What can be no machine takes no name away.
 */
#ifndef PROXY_ALIASES_H
#define PROXY_ALIASES_H

#include <stdbool.h>
#include <stddef.h>

struct machines;

#define ALIAS_MAX	253	/* bytes, without the NUL: as long as a host name */
#define ALIASES_MAX	8	/* of one machine */

struct alias_set {
	/*
	 * The shortest first, each in lower case and then, where that differs, in
	 * the machine's own spelling; a name without ".arc" comes last.
	 */
	const char	*name[ALIASES_MAX];
	size_t		 n;		/* 0: left out */
	const char	*why;		/* then: "its name cannot be a host name"; static */
};

/*
 * For each machine of l (sorted) one set.  bare: also NAME without ".arc", if it has
 * no dot in it.  SUBSCRIPTION is the name of it, or the GUID when the name does not
 * fit or when that leads to another machine as well.
 * Gives the array, for free(3), which frees the names too; NULL: no memory.
 */
struct alias_set *aliases_make(const struct machines *l, bool bare);

#define ALIAS_KEY_MAX	20	/* bytes, without the NUL */

/*
 * What known_hosts calls a machine: "arc-" and 16 hex digits of the SHA-256 of its
 * resource id (as of arc_id_parse) in lower case.
 */
void	 alias_key(const char *id, char out[ALIAS_KEY_MAX + 1]);

#endif
