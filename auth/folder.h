/*
 * A private folder: mode 0700, ours, with files of mode 0600 that are replaced
 * whole by rename, never in place.  The only code that writes secrets to disk;
 * what lies in it is the cache's (auth/cache.h) and the login's
 * (auth/account.h).
 *
 * A folder that cannot be trusted or written is not opened; why says why.
 */
#ifndef AUTH_FOLDER_H
#define AUTH_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

struct secret;

#define FOLDER_FILE_MAX	(64 * 1024)	/* bytes */

struct folder {
	int	fd;		/* -1: not open */
	char	why[200];	/* why not; or "" */
};

/*
 * Opens, and makes if need be, parent/arc-relay and its missing parents.
 * Returns 0; or -1 with why.
 */
int	 folder_open(struct folder *f, const char *parent);
void	 folder_close(struct folder *f);

/*
 * Opens the folder for state: $XDG_STATE_HOME/arc-relay, else
 * ~/.local/state/arc-relay.  Returns 0; or -1 with why.
 */
int	 folder_open_state(struct folder *f);

/*
 * The bytes of a file.  One that is not ours, not private, a link, too large or
 * empty is a miss.  Returns 0 and gives out (free with secret_free), or -1.
 */
int	 folder_read(const struct folder *f, const char *name,
	    struct secret *out);

/*
 * Replaces a file whole, or leaves the old one.  name: no slash.  Returns 0, or
 * -1 with errno.
 */
int	 folder_write(const struct folder *f, const char *name,
	    const struct secret *data);

/* Removes a file.  Returns 0, also when there was none; or -1 with errno. */
int	 folder_drop(const struct folder *f, const char *name);

/*
 * Waits at most wait_ms for the lock of name (a file of its own, NAME.lck).
 * Returns a descriptor for folder_unlock, or -1: no folder, no locks on this
 * file system, or a holder that does not move.
 */
int	 folder_lock(const struct folder *f, const char *name, int wait_ms);
void	 folder_unlock(int lock);

#endif
