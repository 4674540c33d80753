/*
 * Programs that a configuration file will name for a long time.
 */
#ifndef PROXY_TRUSTED_H
#define PROXY_TRUSTED_H

struct err;

/*
 * Can nobody but us and root put another program in the place of this absolute
 * path?  The file, and all folders above it, at the end of links too, belong to us
 * or root, and others cannot write them, nor a group that somebody else may be in; a
 * folder where only owners can rename (/tmp) will do.  Returns 0; or -1 with
 * EX_CONFIG E102 (it cannot be run), or EX_NOPERM that names what is open.
 */
int	 trusted_program(const char *path, struct err *e);

#endif
