/*
 * Groups of an inventory: which hosts, by number, are in which.
 */
#ifndef PROXY_GROUPS_H
#define PROXY_GROUPS_H

#include <stddef.h>

struct group_member {
	char	*group;
	size_t	 host;
};

struct groups {
	struct group_member *at;
	size_t	 n;
	size_t	 room;		/* for so many; not the caller's */
};

#define GROUPS_INIT	{ .n = 0 }

/*
 * Puts host into the group KIND_WHAT, or KIND_WHAT_MORE; NULL or "" is not in the
 * name.  A name is in lower case, and what is neither letter nor digit of ASCII is
 * '_' in it, as ansible wants it: values that differ in nothing else share a group.
 * Returns 0, or -1: no memory.
 */
int	 groups_add(struct groups *g, size_t host, const char *kind,
	    const char *what, const char *more);

/* By name of the group, then host; who was added twice is there once. */
void	 groups_sort(struct groups *g);

void	 groups_free(struct groups *g);

#endif
