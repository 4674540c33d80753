/*
 * Machines as ssh_config(5).  Pure: no files, no network.  All quoting is here.
 *
 * One line that ssh cannot read ends every ssh of the user, and one name with a
 * star in it leads other hosts astray: what goes in is checked against lists of
 * what is allowed, not searched for what is not, and no token but %p goes in (and
 * the %C of ControlPath, and '%h' in the wildcard block).  What is written is read
 * alike by OpenSSH from 7.3 on, the first that has Include: no line has more than
 * SSHCONF_LINE_MAX bytes, which it took until 7.8.
 */
#ifndef PROXY_SSHCONF_H
#define PROXY_SSHCONF_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct machine;
struct machines;
struct secret;

#define SSHCONF_LINE_MAX	1000
#define SSHCONF_MADE_BY_MAX	900	/* bytes that are kept of it */
#define SSHCONF_FIRST		"# >>> arc-relay begin v1"	/* begins what is written */

struct sshconf {
	const char	*proxy;		/* absolute path of arc-relay-proxy */
	const char	*tool;		/* absolute path of arc-relay */
	const char *const *proxy_args;	/* more arguments for proxy, NULL at the end; or NULL */
	const char *const *cert_args;	/* the same for tool, when it renews a certificate */
	const char	*made_by;	/* the command line, for a comment: any text; or NULL */
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
	/* with bare: does the user mean something else by it?  Then not.  NULL: no */
	bool		 (*is_taken)(void *arg, const char *name);
	void		*taken_arg;
	bool		 wildcard;	/* and a block for *.arc that asks when used */
};

/*
 * Can the settings be written?  A path is absolute and has no quote, backquote,
 * backslash, '!', '$', '#' or control character in it; a user is one of
 * sshconf_is_user.
 * Returns 0; or -1 with EX_USAGE that names the one that cannot.
 */
int	 sshconf_check(const struct sshconf *s, struct err *e);

/* [DOMAIN\]USER, as of auth/sshuser.h but without a '#'? */
bool	 sshconf_is_user(const char *name);

/*
 * What became of a machine that is not as all the others.  why is static text: "its
 * name cannot be a host name".
 */
enum sshconf_note {
	SSHCONF_LEFT_OUT,	/* there is no block for it */
	SSHCONF_NO_ENTRA,	/* there is one, without the Entra login */
	SSHCONF_NOT_BARE,	/* there is one, but NAME alone is_taken */
};

/*
 * Appends one block a machine of l (sorted) to out, then the wildcard block, then
 * whose login is by certificate; before and after that a line that says whose they
 * are.  note, which may be NULL, is called with arg in
 * the order of l.
 *
 * With entra the user and the key of a Linux machine come from cert_conf, and user,
 * user_tag and identity_file are for the others.  A user_tag that the machine does
 * not have, or that is empty, says nothing; one that is no user leaves it out.
 *
 * Returns 0; or -1 as sshconf_check, or no memory.
 */
int	 sshconf_write(const struct sshconf *s, const struct machines *l,
	    struct secret *out, void (*note)(void *arg, const struct machine *m,
	    enum sshconf_note what, const char *why), void *arg,
	    struct err *e);

#endif
