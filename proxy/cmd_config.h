/*
 * arc-relay config: what prints blocks of ssh_config and what installs them, in one
 * program but two files.
 */
#ifndef PROXY_CMD_CONFIG_H
#define PROXY_CMD_CONFIG_H

#include <limits.h>
#include <stdbool.h>

struct err;
struct secret;

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

enum config_how {
	CONFIG_DO,
	CONFIG_TELL,		/* what would be done */
	CONFIG_DIFF,		/* what would change, as diff -u */
};

/* file: of --file, absolute; NULL: in config.d.  Returns 0, or -1 with EX_CONFIG. */
int	 config_places(const char *file, struct config_places *p,
	    struct err *e);

/* path with ~ for $HOME, for people.  Returns out. */
const char *config_tilde(const struct config_places *p, const char *path,
	    char out[PATH_MAX]);

/*
 * Puts text (of sshconf_write) into its place, once the real ssh has taken it, and
 * the Include into ~/.ssh/config.  what: "300 machines", for people.  Tells on stdout
 * what was done.  Returns 0; or -1 with nothing changed.
 */
int	 config_install(const struct config_places *p, const struct secret *text,
	    const char *what, enum config_how how, struct err *e);

/* Undoes all that config_install did.  The same. */
int	 config_uninstall(const struct config_places *p, enum config_how how,
	    struct err *e);

#endif
