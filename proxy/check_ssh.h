/*
 * What the checks of ssh's side share: the real ssh, asked what it makes of the
 * user's configuration, and where that is.
 */
#ifndef PROXY_CHECK_SSH_H
#define PROXY_CHECK_SSH_H

#include <stdbool.h>
#include <sys/stat.h>

#include "proxy/config_places.h"

struct check_env;
struct err;
struct secret;

/* Runs a program of OpenSSH.  Returns 0 with status and what it said; or -1, E101. */
int	 check_ask_ssh(const char *const argv[], struct secret *out,
	    struct secret *said, int *status, struct err *e);

/*
 * What ssh would do for host with the user's ssh_config, whose mode it judges as
 * always; no Match exec is run.  status is ssh's: 0 with answer, else said tells.
 * Returns 0, or -1 as above.
 */
int	 check_ssh_config(const struct config_places *p, const char *host,
	    struct secret *answer, struct secret *said, int *status,
	    struct err *e);

/* A block of ours. */
struct check_block {
	char	alias[300];	/* "": the wildcard's */
	char	command[1200];	/* ProxyCommand */
	char	proxy[PATH_MAX];	/* its first word */
};

/* What config install has written. */
struct check_blocks {
	struct config_places	p;	/* ours: where it is indeed */
	bool			is_there;
	size_t			n;	/* machines */
	bool			has_wildcard, has_certificate;
	bool			found;	/* block is that of TARGET */
	struct check_block	block;	/* or else the first */
};

/*
 * Reads it.  Returns 0, also when there is none; or -1: HOME is not there, the file is
 * not ours or cannot be read.
 */
int	 check_blocks(const struct check_env *env, struct check_blocks *b,
	    struct err *e);

/* The host that is tried: of TARGET, of the block; "web01.arc" of neither. */
void	 check_host(const struct check_env *env, const struct check_blocks *b,
	    char *out, size_t size);

/* Bits that the mode of a file must not have: ssh takes it from nobody then. */
#define CHECK_MODE_CONFIG	022	/* and of folders */
#define CHECK_MODE_KEY		077	/* of a private key that is ours */

/* Calls visit with arg for each file and folder of ssh's or ours that is there. */
void	 check_modes(const struct check_env *env,
	    void (*visit)(void *arg, const char *path, const struct stat *st,
	    mode_t never), void *arg);

#endif
