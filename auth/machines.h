/*
 * Machines as Azure's Resource Graph lists them: a list in memory.
 */
#ifndef AUTH_MACHINES_H
#define AUTH_MACHINES_H

#include <stdbool.h>
#include <stddef.h>

struct err;

struct machine_tag {
	const char	*name;
	const char	*value;
};

/*
 * Somebody else chose all of this: any UTF-8 without NUL, of any length.  Who
 * shows it or writes it anywhere checks it (text_only, log_clean, aliases.h).
 * What Azure did not say is "", never NULL.
 */
struct machine {
	const char	*id;		/* resource id, as Azure spells it */
	const char	*name;
	const char	*group;
	const char	*subscription;	/* GUID */
	const char	*subscription_name;
	const char	*type;		/* "microsoft.hybridcompute/machines" */
	const char	*kind;		/* "VMware", "SCVMM", "HCI", "AWS"; or "" */
	const char	*location;
	const char	*os;		/* "linux", "windows" */
	const char	*agent;		/* version */
	const char	*status;	/* "Connected", "Disconnected", .. */
	const struct machine_tag *tags;
	size_t		 ntags;
};

struct machines {
	struct machine	*at;
	size_t		 n;
	size_t		 room;		/* for so many; not the caller's */
};

#define MACHINES_INIT	{ .n = 0 }

/* Adds a copy of m and of all its strings.  Returns 0, or -1: no memory. */
int	 machines_add(struct machines *l, const struct machine *m);

/* By name, group, subscription, id; without regard to case, bytewise otherwise. */
void	 machines_sort(struct machines *l);

/*
 * Of a sorted list: one row of those that have the same id, and of an Arc server
 * that is also listed as a machine of another kind (same name, group and
 * subscription), the Arc server.
 */
void	 machines_merge(struct machines *l);

/* Leaves those for which keep, which gets arg, is true. */
void	 machines_filter(struct machines *l, bool (*keep)(const void *arg,
	    const struct machine *m), const void *arg);

/* The value of a tag, whose name is compared without case as Azure does; or NULL. */
const char *machine_tag(const struct machine *m, const char *name);

void	 machines_free(struct machines *l);

#endif
