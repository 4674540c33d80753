/*
 * What machines are called in ssh_config and in an inventory: NAME.arc,
 * NAME.GROUP.arc, NAME.GROUP.SUBSCRIPTION.arc.
 *
 * An alias is [A-Za-z0-9][A-Za-z0-9._-]{0,62} before ".arc" and belongs to one
 * machine only, in any case of letters: what several could be called, none is.
 * Nothing is ever made fit: a machine without an alias is left out, with a reason.
 */
#ifndef PROXY_ALIASES_H
#define PROXY_ALIASES_H

#include <stdbool.h>
#include <stddef.h>

#include "relay/crypto.h"

struct machines;

#define ALIAS_MAX	67	/* bytes, without the NUL */
#define ALIASES_MAX	8	/* of one machine */

struct alias_set {
	char	name[ALIASES_MAX][ALIAS_MAX + 1];	/* the shortest first; lower case first */
	size_t	n;		/* 0: left out */
	const char *why;	/* then: "its name cannot be a host name"; static */
};

/*
 * For each machine of l (sorted) one set.  bare: also NAME, without ".arc".
 * Gives the array, for free(3); NULL if there is no memory.
 */
struct alias_set *aliases_make(const struct machines *l, bool bare);

/*
 * "arc-" and 16 hex digits of the SHA-256 of a resource id in lower case: what
 * known_hosts calls the machine.
 */
#define ALIAS_KEY_MAX	20	/* bytes, without the NUL */
void	 alias_key(const char *id, char out[ALIAS_KEY_MAX + 1]);

#endif
