/*
 * arc-relay config: what prints blocks of ssh_config and what installs them, in one
 * program but two files.
 */
#ifndef PROXY_CMD_CONFIG_H
#define PROXY_CMD_CONFIG_H

struct config_places;
struct err;
struct secret;

enum config_how {
	CONFIG_DO,
	CONFIG_TELL,		/* what would be done */
	CONFIG_DIFF,		/* what would change, as diff -u */
};

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
