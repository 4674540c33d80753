/*
 * Reads back what sshconf_write wrote, to prove a file before it replaces another.
 * Pure.  It shares no code with sshconf.c, and knows ssh_config(5) only as far as
 * that uses it: what could not have been written there is refused.
 */
#ifndef PROXY_SSHCONF_READ_H
#define PROXY_SSHCONF_READ_H

#include <stddef.h>

struct err;

#define SSHCONF_ALIASES_MAX	8

/* A block.  The strings are lent until the callback returns. */
struct sshconf_block {
	const char	*alias[SSHCONF_ALIASES_MAX];
	size_t		 nalias;	/* 0: the wildcard block */
	const char	*key;		/* HostKeyAlias; NULL: the wildcard block */
	const char	*command;	/* ProxyCommand as it stands there */
	const char	*proxy;		/* its first word, as the shell gives it to exec */
	const char	*target;	/* its last: a resource id, or "%h" */
	const char	*user;		/* NULL: not said */
	int		 port;		/* 22: not said */
};

/*
 * Calls each with arg for every block of text (len bytes), in their order.  Stops
 * when that returns -1, which has set the error.
 * Returns 0; or -1, maybe after some calls, with EX_DATAERR that names the line: not
 * what we write, cut short, an alias that two blocks have, an id that is none or
 * whose key is another; or no memory.
 */
int	 sshconf_read(const char *text, size_t len,
	    int (*each)(void *arg, const struct sshconf_block *b,
	    struct err *e), void *arg, struct err *e);

#endif
