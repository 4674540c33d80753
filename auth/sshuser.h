/*
 * Names of users that may stand in an ssh_config(5).
 */
#ifndef AUTH_SSHUSER_H
#define AUTH_SSHUSER_H

#include <stdbool.h>

#define SSHUSER_MAX	128	/* bytes, without the NUL */

/*
 * [A-Za-z0-9_][A-Za-z0-9._@+#-]*, of 1 to SSHUSER_MAX bytes: nothing in it means
 * anything to ssh, to a shell or to a list of names.  '#' is in the names of an
 * Entra tenant's guests, and is no comment within a word but to OpenSSH 8.5 and 8.6.
 */
bool	 sshuser_is_plain(const char *name);

#endif
