/*
 * The other of our two programs: where it is, and how it is started.
 */
#ifndef PROXY_BESIDE_H
#define PROXY_BESIDE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define BESIDE_PROXY	"arc-relay-proxy"
#define BESIDE_TOOL	"arc-relay"
#define BESIDE_VARIABLE	"ARC_RELAY_HELPER"	/* says where arc-relay is */
#define BESIDE_MAX	(PATH_MAX + 32)

/*
 * The path of program: what variable (NULL: none) says; beside our own
 * executable, if it is there; else where it was installed.
 */
void	 beside_find(const char *program, const char *variable,
	    char path[BESIDE_MAX]);

/*
 * Starts it without a shell, with no signal blocked, /dev/null to read from, and a
 * pipe to write to.  quiet: its standard error is /dev/null, not ours.
 * Returns what to read from (closed on exec), with its id in *pid; or -1 with errno.
 */
int	 beside_start(const char *path, const char *const argv[],
	    char *const env[], bool quiet, pid_t *pid);

#endif
