/*
 * Machines as ssh_config(5).  Pure: no files, no network.  All quoting is here.
 *
 * One line that ssh cannot read ends every ssh of the user, and one name with a
 * star in it leads other hosts astray: what goes in is checked against lists of
 * what is allowed, not searched for what is not, and no token but %p goes in.
 */
#ifndef PROXY_SSHCONF_H
#define PROXY_SSHCONF_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct machine;
struct machines;
struct secret;

struct sshconf {
	const char	*proxy;		/* absolute path of arc-relay-proxy */
	const char	*tool;		/* absolute path of arc-relay */
	const char *const *proxy_args;	/* more arguments for proxy; NULL at the end */
	const char	*made_by;	/* the command line, for the first lines; or NULL */
	const char	*user;		/* NULL: not said */
	const char	*user_tag;	/* the tag whose value is the user; NULL: none */
	const char	*identity_file;	/* NULL: not said */
	const char	*known_hosts;	/* file */
	const char	*cert_conf;	/* with entra: the file that cert ensure writes */
	int		 port;		/* of sshd; 22: not said */
	int		 connect_timeout_s;	/* of ssh; the deadline is 5 s less */
	bool		 entra;		/* log in with a certificate of Entra's */
	bool		 mux;		/* share one connection for 10 minutes */
	bool		 bare;		/* also NAME without ".arc" */
	/* with bare: does the user mean something else by NAME?  Then it is no alias.  NULL: no */
	bool		 (*is_taken)(void *arg, const char *name);
	void		*taken_arg;
	bool		 wildcard;	/* and a block for *.arc that asks when used */
};

/*
 * Are the settings such as can be written?  Returns 0; or -1 with EX_USAGE or
 * EX_CONFIG that names the one that is not.
 */
int	 sshconf_check(const struct sshconf *s, struct err *e);

/*
 * Writes one block a machine of l (sorted) into out.  skipped is called, with
 * arg, for each that is left out, and says why: static text.
 * Returns 0; or -1 as sshconf_check, or no memory.
 */
int	 sshconf_write(const struct sshconf *s, const struct machines *l,
	    struct secret *out, void (*skipped)(void *arg,
	    const struct machine *m, const char *why), void *arg,
	    struct err *e);

#endif
