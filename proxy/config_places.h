/*
 * Where arc-relay config puts what it writes.
 */
#ifndef PROXY_CONFIG_PLACES_H
#define PROXY_CONFIG_PLACES_H

#include <limits.h>

struct err;

/* Where things are, as absolute paths: ssh takes "~" for the home of passwd(5). */
struct config_places {
	char	home[PATH_MAX];		/* $HOME */
	char	ssh[PATH_MAX];		/* ~/.ssh */
	char	config[PATH_MAX];	/* ~/.ssh/config */
	char	backup[PATH_MAX];	/* ~/.ssh/config.arc-relay.bak */
	char	known_hosts[PATH_MAX];	/* ~/.ssh/known_hosts.arc */
	char	folder[PATH_MAX];	/* ~/.ssh/config.d; "": --file is elsewhere */
	char	ours[PATH_MAX];		/* what we write */
};

/* file: of --file, absolute; NULL: in config.d.  Returns 0, or -1 with EX_CONFIG. */
int	 config_places(const char *file, struct config_places *p,
	    struct err *e);

/* path with ~ for $HOME, for people.  Returns out. */
const char *config_tilde(const struct config_places *p, const char *path,
	    char out[PATH_MAX]);

#endif
