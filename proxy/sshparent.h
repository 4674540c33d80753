/*
 * What can be known of the ssh that has started us, from its command line.
 */
#ifndef PROXY_SSHPARENT_H
#define PROXY_SSHPARENT_H

#include <stdbool.h>
#include <stddef.h>

struct sshparent {
	bool	is_ssh;
	bool	quiet;			/* -q */
	int	connect_timeout_s;	/* ConnectTimeout; 0: not said there, or none */
};

/*
 * Reads the command line of our parent (Linux).  All is false and 0 when that is
 * no ssh, or cannot be read.
 */
void	 sshparent_find(struct sshparent *p);

/* The same of len bytes as in /proc/PID/cmdline: words, each with a NUL. */
void	 sshparent_parse(const char *words, size_t len, struct sshparent *p);

#endif
