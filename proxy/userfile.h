/*
 * A file of the user's that others wrote or will read, replaced whole or not at
 * all: what is new is written beside it, proved there, and renamed.
 *
 * Nothing but a regular file of ours is ever replaced, in a folder where nobody
 * else can put something in its place.
 */
#ifndef PROXY_USERFILE_H
#define PROXY_USERFILE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "relay/secret.h"

struct err;

#define USERFILE_TEMP	".arc-relay-temp."	/* begins the name of a file on its way */

struct userfile {
	char		path[PATH_MAX];	/* at the end of the links, if it may be one */
	const char	*name;		/* in its folder; within path */
	int		 folder;	/* descriptor; -1: there is no such folder */
	bool		 is_there;
	struct stat	 st;		/* if it is there */
	struct secret	 text;		/* what it holds; empty if it is not there */
	char		 temp[sizeof(USERFILE_TEMP) + 16];	/* staged; or "" */
};

#define USERFILE_INIT	{ .folder = -1 }

/*
 * Looks at the file of this absolute path and reads it.  may_be_link: what a
 * symbolic link leads to is meant, as many keep their ssh_config elsewhere.
 * Returns 0, also when there is none; or -1: a link, FIFO, folder, somebody else's
 * (EX_CONFIG), too large or not to be read (EX_NOINPUT).  f is closed by the caller
 * in all cases.
 */
int	 userfile_open(struct userfile *f, const char *path, bool may_be_link,
	    struct err *e);

/* Removes what is staged. */
void	 userfile_close(struct userfile *f);

/*
 * Writes text beside the file, down to the disk, and reads it back.  like: what has
 * the mode and the group that it shall have (a group that we are not in it does not
 * get, nor ours its rights); NULL: 0600; whatever the umask.
 * Replaces what was staged.  Returns 0; or -1 with EX_CANTCREAT.
 */
int	 userfile_stage(struct userfile *f, const struct secret *text,
	    const struct stat *like, struct err *e);
void	 userfile_unstage(struct userfile *f);

/* The absolute path of what is staged. */
void	 userfile_staged(const struct userfile *f, char out[PATH_MAX]);

/*
 * Puts what is staged in its place; one that is not as we read it has been changed
 * meanwhile and stays.  Returns 0; or -1 with EX_CANTCREAT, EX_TEMPFAIL.
 */
int	 userfile_commit(struct userfile *f, struct err *e);

/* Removes the file, on the same terms.  No error if there is none. */
int	 userfile_remove(struct userfile *f, struct err *e);

/*
 * Removes from its folder what a killed run has left there.  Nobody else may be
 * staging meanwhile.
 */
void	 userfile_sweep(const struct userfile *f);

#endif
