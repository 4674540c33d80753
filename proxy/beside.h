/*
 * Where the other of our two programs is.
 */
#ifndef PROXY_BESIDE_H
#define PROXY_BESIDE_H

#include <limits.h>
#include <stddef.h>

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

#endif
