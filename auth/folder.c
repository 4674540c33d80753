/*
 * Secrets on disk, see folder.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "auth/folder.h"
#include "auth/text.h"
#include "relay/crypto.h"
#include "relay/secret.h"

#define FOLDER		"arc-relay"

/* Ours, and closed to everybody else? */
static bool
is_private(const struct stat *st)
{
	return (st->st_uid == geteuid() && (st->st_mode & 077) == 0);
}

static int __attribute__((format(printf, 2, 3)))
not_open(struct folder *f, const char *fmt, ...)
{
	va_list ap;

	f->fd = -1;
	va_start(ap, fmt);
	(void)vsnprintf(f->why, sizeof(f->why), fmt, ap);
	va_end(ap);
	return (-1);
}

/* Makes the folder and those above it, as far as it can.  Returns why not, or 0. */
static int
make_all(const char *path)
{
	char part[1024];
	const char *slash = path;
	int why = 0;

	do {
		slash = strchrnul(slash + 1, '/');
		(void)snprintf(part, sizeof(part), "%.*s", (int)(slash - path),
		    path);
		if (mkdir(part, 0700) == -1 && errno != EEXIST && why == 0)
			why = errno;
	} while (*slash != '\0');
	return (why);
}

/*
 * Root's file in a user's folder would lock the user out of it.  What is not there
 * yet is made in what is.
 */
static bool
is_somebody_elses(const char *parent)
{
	char part[1024];
	struct stat st;
	char *slash;
	int rc;

	if (geteuid() != 0)
		return (false);
	(void)snprintf(part, sizeof(part), "%s", parent);
	while ((rc = stat(part, &st)) == -1 &&
	    (slash = strrchr(part, '/')) != NULL && slash > part)
		*slash = '\0';
	return (rc == 0 && st.st_uid != 0);
}

int
folder_open(struct folder *f, const char *parent)
{
	char path[1024];
	struct stat st;
	int why;

	*f = (struct folder)FOLDER_INIT;
	if ((size_t)snprintf(path, sizeof(path), "%s/" FOLDER, parent) >=
	    sizeof(path))
		return (not_open(f, "a too long name"));
	if (is_somebody_elses(parent))
		return (not_open(f, "%.140s: it is not root's", parent));
	why = make_all(path);
	f->fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (f->fd == -1)
		return (not_open(f, "%.140s: %s", path, strerror(errno ==
		    ENOENT && why != 0 ? why : errno)));
	if (fstat(f->fd, &st) == -1 || !is_private(&st)) {
		(void)close(f->fd);
		return (not_open(f, "%.140s: not a folder of yours with mode "
		    "0700", path));
	}
	return (0);
}

void
folder_close(struct folder *f)
{
	if (f->fd != -1)
		(void)close(f->fd);
	f->fd = -1;
}

int
folder_home(struct folder *f, const char *below, char *out, size_t size)
{
	const char *home = getenv("HOME");
	struct stat st;

	if (home == NULL || home[0] != '/')
		return (not_open(f, "HOME is not set to a folder"));
	if (stat(home, &st) == -1)
		return (not_open(f, "%.140s: %s", home, strerror(errno)));
	if ((size_t)snprintf(out, size, "%s/%s", home, below) >= size)
		return (not_open(f, "a too long name"));
	return (0);
}

/* Where the folder for state is, or is to be. */
static int
state_parent(struct folder *f, char *out, size_t size)
{
	const char *state = getenv("XDG_STATE_HOME");

	*f = (struct folder)FOLDER_INIT;
	/* XDG says: a relative path is to be ignored */
	if (state == NULL || state[0] != '/')
		return (folder_home(f, ".local/state", out, size));
	if ((size_t)snprintf(out, size, "%s", state) >= size)
		return (not_open(f, "a too long name"));
	return (0);
}

int
folder_state_path(struct folder *f, char *out, size_t size)
{
	char parent[1024];

	if (state_parent(f, parent, sizeof(parent)) == -1)
		return (-1);
	if ((size_t)snprintf(out, size, "%s/" FOLDER, parent) >= size)
		return (not_open(f, "a too long name"));
	return (0);
}

int
folder_open_state(struct folder *f)
{
	char parent[1024];

	if (state_parent(f, parent, sizeof(parent)) == -1)
		return (-1);
	return (folder_open(f, parent));
}

int
folder_open_dir(struct folder *f, const char *path)
{
	struct stat st;

	*f = (struct folder)FOLDER_INIT;
	f->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->fd == -1)
		return (not_open(f, "%.140s: %s", path, strerror(errno)));
	if (fstat(f->fd, &st) == -1 ||
	    (st.st_uid != geteuid() && st.st_uid != 0) ||
	    ((st.st_mode & 022) != 0 && (st.st_mode & S_ISVTX) == 0)) {
		(void)close(f->fd);
		return (not_open(f, "%.140s: others can change what lies there",
		    path));
	}
	return (0);
}

int
folder_open_file(const struct folder *f, const char *name, int flags,
    struct stat *st)
{
	/*
	 * O_NONBLOCK: a FIFO would hold us here for good.  No links at all: a
	 * writer has replaced it since we opened it; what we have is whole.
	 */
	int fd = openat(f->fd, name,
	    flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd != -1 && (fstat(fd, st) == -1 || !S_ISREG(st->st_mode) ||
	    !is_private(st) || st->st_nlink > 1)) {
		(void)close(fd);
		return (-1);
	}
	return (fd);
}

int
folder_read(const struct folder *f, const char *name, size_t max,
    struct secret *out)
{
	struct secret whole = SECRET_INIT;
	struct stat st;
	int fd, rc = -1;

	if (f->fd == -1 ||
	    (fd = folder_open_file(f, name, O_RDONLY, &st)) == -1)
		return (-1);
	if (st.st_size > 0 && (uintmax_t)st.st_size <= max)
		rc = text_read_whole(fd, (size_t)st.st_size, &whole);
	(void)close(fd);
	if (rc == 0)
		secret_move(out, &whole);
	secret_free(&whole);
	return (rc);
}

/* A file that has all of data and a name that nobody knows. */
static int
write_temp(const struct folder *f, const char *temp, const struct secret *data,
    bool quick)
{
	int fd = openat(f->fd, temp,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int ok;

	if (fd == -1)
		return (-1);
	/* fchmod: a umask may have taken our own bits away */
	ok = fchmod(fd, 0600) == 0 &&
	    text_write_all(fd, data->data, data->len) == 0 &&
	    (quick || fsync(fd) == 0);
	if (close(fd) == -1)
		ok = 0;		/* a full disk may say so only now */
	return (ok ? 0 : -1);
}

/* Gives the file its name; that of another one only if it may replace it. */
static int
give_name(const struct folder *f, const char *temp, const char *name,
    bool replace)
{
	if (replace)
		return (renameat(f->fd, temp, f->fd, name));
#ifdef SYS_renameat2
	if (syscall(SYS_renameat2, f->fd, temp, f->fd, name,
	    1U /* RENAME_NOREPLACE */) == 0)
		return (0);
	if (errno != ENOSYS && errno != EINVAL)
		return (-1);
#endif
	if (folder_has(f, name)) {	/* a file system that cannot do both */
		errno = EEXIST;
		return (-1);
	}
	return (renameat(f->fd, temp, f->fd, name));
}

static int
write_whole(const struct folder *f, const char *name, size_t max,
    const struct secret *data, bool replace, bool quick)
{
	char temp[sizeof(FOLDER_TEMP) + 16];
	uint32_t random;
	int why;

	if (f->fd == -1 || data->len == 0 || data->len > max) {
		errno = f->fd == -1 ? EBADF : EINVAL;
		return (-1);
	}
	crypto_random(&random, sizeof(random));
	(void)snprintf(temp, sizeof(temp), FOLDER_TEMP "%08x%08x",
	    (unsigned)getpid(), random);
	if (write_temp(f, temp, data, quick) == -1 ||
	    give_name(f, temp, name, replace) == -1) {
		why = errno;
		(void)unlinkat(f->fd, temp, 0);
		errno = why;
		return (-1);
	}
	if (!quick)
		(void)fsync(f->fd);	/* lost in a crash, it is made again */
	return (0);
}

int
folder_write(const struct folder *f, const char *name, size_t max,
    const struct secret *data)
{
	return (write_whole(f, name, max, data, true, false));
}

int
folder_write_quick(const struct folder *f, const char *name, size_t max,
    const struct secret *data)
{
	return (write_whole(f, name, max, data, true, true));
}

int
folder_write_new(const struct folder *f, const char *name, size_t max,
    const struct secret *data)
{
	return (write_whole(f, name, max, data, false, false));
}

bool
folder_has(const struct folder *f, const char *name)
{
	struct stat st;

	return (fstatat(f->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
	    errno != ENOENT);
}

int
folder_drop(const struct folder *f, const char *name)
{
	if (f->fd == -1 || unlinkat(f->fd, name, 0) == 0 || errno == ENOENT)
		return (0);
	return (-1);
}
