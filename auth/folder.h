/*
 * A private folder: mode 0700, ours, with files of mode 0600 that are replaced
 * whole by rename, never in place.  The only code that writes secrets to disk;
 * what lies in it is the cache's (auth/cache.h), the login's (auth/account.h) and
 * that of SSH certificates (auth/sshcert_files.h).
 *
 * A folder that cannot be trusted or written is not opened; why says why.
 */
#ifndef AUTH_FOLDER_H
#define AUTH_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct secret;
struct stat;

#define FOLDER_FILE_MAX	(64 * 1024)	/* bytes, of most files */
#define FOLDER_NAME_MAX	200		/* of a file's name, with the NUL */
#define FOLDER_TEMP	".t."		/* begins the name of a file on its way */
#define FOLDER_LOCK	".lck"		/* ends the name of a lock */
#define FOLDER_LOCK_HEAD	16	/* bytes */

struct folder {
	int	fd;		/* -1: not open */
	char	why[200];	/* why not; or "" */
};

#define FOLDER_INIT	{ .fd = -1 }

/*
 * Opens, and makes if need be, parent/arc-relay and its missing parents.  Root
 * does not use a parent that is a user's (sudo with the user's HOME).
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
 * The absolute path of that folder, which need not be there yet.  Returns 0; or
 * -1 with why in f.
 */
int	 folder_state_path(struct folder *f, char *out, size_t size);

/*
 * Opens a folder of the user's choice, which must be there: one in which nobody
 * else can put a file in the place of ours.  Its files are as private as any.
 * Returns 0; or -1 with why.
 */
int	 folder_open_dir(struct folder *f, const char *path);

/*
 * The path below $HOME, which must be there.  Returns 0; or -1 with why in f.
 */
int	 folder_home(struct folder *f, const char *below, char *out,
	    size_t size);

/*
 * The bytes of a file.  One that is not ours, not private, a link, empty, larger
 * than max bytes, or grows while it is read is a miss.  Returns 0 and gives out
 * (free with secret_free), or -1.
 */
int	 folder_read(const struct folder *f, const char *name, size_t max,
	    struct secret *out);

/*
 * Replaces a file whole, or leaves the old one.  name: no slash.  max: as for
 * folder_read, more is not written.  Returns 0, or -1 with errno.
 */
int	 folder_write(const struct folder *f, const char *name, size_t max,
	    const struct secret *data);

/* The same without waiting for the disk: a crash of the system may lose both. */
int	 folder_write_quick(const struct folder *f, const char *name, size_t max,
	    const struct secret *data);

/* As folder_write for a file that is not there yet, else EEXIST. */
int	 folder_write_new(const struct folder *f, const char *name, size_t max,
	    const struct secret *data);

/* Is there anything of that name, be it a link that leads nowhere? */
bool	 folder_has(const struct folder *f, const char *name);

/* Removes a file.  Returns 0, also when there was none; or -1 with errno. */
int	 folder_drop(const struct folder *f, const char *name);

/*
 * Opens a file of the folder if it is one that only we can have written; flags
 * as for open(2).  Returns a descriptor, with st of it; or -1.
 */
int	 folder_open_file(const struct folder *f, const char *name, int flags,
	    struct stat *st);

/*
 * Calls each, with arg, for every file but locks and temporary ones, whoever
 * wrote it.  name is lent; the file may be dropped meanwhile.
 */
void	 folder_each(const struct folder *f,
	    void (*each)(void *arg, const char *name, time_t written),
	    void *arg);

/*
 * Waits for the lock of name (a file of its own, NAME.lck): at most wait_ms for
 * a holder that is stopped or cannot be seen, and up to four times as long for
 * one that moves.  The file's first FOLDER_LOCK_HEAD bytes tell who holds it,
 * what comes after them is the holder's.
 * Returns a descriptor for folder_unlock; or -1 with errno, which is ETIMEDOUT
 * when it is held still, and ENOLCK when there can be no lock here.
 */
int	 folder_lock(const struct folder *f, const char *name, int wait_ms);
void	 folder_unlock(int lock);

/*
 * Removes what is left over: temporary files of writers that were killed, and
 * locks that nobody has held for an hour.
 */
void	 folder_sweep(const struct folder *f);

#endif
