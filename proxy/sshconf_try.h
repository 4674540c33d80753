/*
 * What the real ssh makes of an ssh_config: ssh -G.
 */
#ifndef PROXY_SSHCONF_TRY_H
#define PROXY_SSHCONF_TRY_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct secret;

/*
 * Asks ssh what it would do for host with the file config alone, whoever may write
 * that.  No "Match exec" of it is run, nor does it match, and no name is looked up.
 * Returns 0 with answer, one keyword (in lower case) and its value a line; or -1 with
 * E101 (there is no ssh), or EX_CONFIG with ssh's own words.
 */
int	 sshconf_try(const char *config, const char *host, struct secret *answer,
	    struct err *e);

/* Is the value of keyword this one?  NULL: is there none? */
bool	 sshconf_try_says(const struct secret *answer, const char *keyword,
	    const char *value);

/*
 * The value of keyword, in size bytes; "": there is none.  of: which one of them, from
 * 0.  Returns out.
 */
char	*sshconf_try_value(const struct secret *answer, const char *keyword,
	    size_t of, char *out, size_t size);

/* The line, of what ssh said, that tells what is wrong.  Lends it. */
const char *sshconf_try_telling(const struct secret *said, int *len);

/*
 * Is a block for *.arc safe with the user's shell?  A line break in a host name ends
 * a quote in csh, and no pattern of ssh_config can keep it out; ssh itself does from
 * 9.6 on.  Returns 0, or -1 with EX_CONFIG.
 */
int	 sshconf_try_wildcard(struct err *e);

#endif
