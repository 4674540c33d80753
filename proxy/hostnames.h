/*
 * Names that already mean a host to the user: those of their ssh_config and of
 * known_hosts, hashed ones too.
 */
#ifndef PROXY_HOSTNAMES_H
#define PROXY_HOSTNAMES_H

#include <stdbool.h>
#include <stddef.h>

struct hostnames;

/* Gives an empty set, or NULL: no memory. */
struct hostnames *hostnames_new(void);
void	 hostnames_free(struct hostnames *h);

/*
 * Adds what the ssh_config(5) text names: the patterns of Host, but for negated
 * ones and those without a letter or digit, and each HostName.  include, which may
 * be NULL, is called with arg for each word of an Include.
 * Returns 0, or -1: no memory.
 */
int	 hostnames_add_config(struct hostnames *h, const char *text, size_t len,
	    int (*include)(void *arg, const char *pattern), void *arg);

/* Adds the hosts of a known_hosts file's text.  Returns 0, or -1: no memory. */
int	 hostnames_add_known(struct hostnames *h, const char *text, size_t len);

/* Is one of them name, in any case of letters? */
bool	 hostnames_has(struct hostnames *h, const char *name);

#endif
