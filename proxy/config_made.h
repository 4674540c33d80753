/*
 * What was not there before arc-relay config install made it, so that uninstall
 * knows what to take away: a list of paths in the folder for state.
 */
#ifndef PROXY_CONFIG_MADE_H
#define PROXY_CONFIG_MADE_H

#include <stdbool.h>

#include "relay/secret.h"

struct err;
struct folder;

struct config_made {
	const struct folder	*folder;
	struct secret		 list;
};

#define CONFIG_MADE_INIT	{ .folder = NULL }

/* What is noted in that folder, which stays open.  A list not of our writing is none. */
void	 config_made_read(struct config_made *m, const struct folder *f);
void	 config_made_free(struct config_made *m);

/* Is path noted? */
bool	 config_made_has(const struct config_made *m, const char *path);

/*
 * To be noted before it is made: what is noted and not there does no harm.  Each
 * writes the list.  Returns 0; or -1 with E112.
 */
int	 config_made_note(struct config_made *m, const char *path,
	    struct err *e);
int	 config_made_forget(struct config_made *m, const char *path,
	    struct err *e);

#endif
