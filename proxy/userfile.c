/*
 * A file of the user's, see userfile.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/text.h"
#include "proxy/userfile.h"
#include "relay/crypto.h"
#include "relay/err.h"

#define TEXT_MAX	(256u * 1024 * 1024)	/* bytes; 10,000 machines are 8 MB */

/* Whoever else can write the folder could put a file of theirs there. */
static int
open_folder(struct userfile *f, struct err *e)
{
	char folder[PATH_MAX];
	struct stat st;

	(void)snprintf(folder, sizeof(folder), "%.*s",
	    f->name - f->path > 1 ? (int)(f->name - f->path - 1) : 1, f->path);
	f->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->folder == -1)
		return (errno == ENOENT ? 0 : err_sys(e, EX_NOINPUT, "",
		    "cannot open the folder %s", folder));
	if (fstat(f->folder, &st) == -1 ||
	    (st.st_uid != geteuid() && st.st_uid != 0) ||
	    (st.st_mode & (S_IWOTH | S_ISVTX)) == S_IWOTH) {
		err_set(e, EX_CONFIG, "", "the folder %s is not yours alone",
		    folder);
		return (err_fix(e, "it must belong to you, and: chmod o-w %s",
		    folder));
	}
	return (0);
}

static const char *
kind(mode_t mode)
{
	return (S_ISLNK(mode) ? "a symbolic link" : S_ISDIR(mode) ? "a folder" :
	    S_ISFIFO(mode) ? "a FIFO" : "no regular file");
}

static int
not_ours(const struct userfile *f, const struct stat *st, struct err *e)
{
	if (S_ISREG(st->st_mode))
		err_set(e, EX_CONFIG, "", "%s is not yours: it belongs to uid "
		    "%u", f->path, (unsigned)st->st_uid);
	else
		err_set(e, EX_CONFIG, "", "%s is %s", f->path,
		    kind(st->st_mode));
	return (err_fix(e, "look at it, and move it out of the way"));
}

static int
read_text(struct userfile *f, struct err *e)
{
	/* O_NONBLOCK: should a FIFO be there now, it would hold us for good */
	int fd = openat(f->folder, f->name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int rc = -1;

	if (fd != -1 && fstat(fd, &f->st) == 0) {
		if (!S_ISREG(f->st.st_mode))
			errno = EINVAL;
		else if ((uintmax_t)f->st.st_size > TEXT_MAX)
			errno = EFBIG;
		else
			rc = text_read_whole(fd, (size_t)f->st.st_size,
			    &f->text);
	}
	if (rc == -1)
		err_sys(e, EX_NOINPUT, "", "cannot read %s", f->path);
	if (fd != -1)
		(void)close(fd);
	return (rc);
}

int
userfile_open(struct userfile *f, const char *path, bool may_be_link,
    struct err *e)
{
	struct stat st;

	*f = (struct userfile)USERFILE_INIT;
	if (may_be_link && lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
		if (realpath(path, f->path) == NULL)
			return (err_sys(e, EX_NOINPUT, "", "cannot follow the "
			    "link %s", path));
	} else if ((size_t)snprintf(f->path, sizeof(f->path), "%s", path) >=
	    sizeof(f->path))
		return (err_set(e, EX_USAGE, "", "a too long name: %.100s",
		    path));
	f->name = strrchr(f->path, '/') + 1;
	if (open_folder(f, e) == -1)
		return (-1);
	if (f->folder == -1)
		return (0);
	if (fstatat(f->folder, f->name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return (errno == ENOENT ? 0 :
		    err_sys(e, EX_NOINPUT, "", "cannot look at %s", f->path));
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return (not_ours(f, &st, e));
	f->is_there = true;
	return (read_text(f, e));
}

void
userfile_unstage(struct userfile *f)
{
	if (f->temp[0] != '\0')
		(void)unlinkat(f->folder, f->temp, 0);
	f->temp[0] = '\0';
}

void
userfile_close(struct userfile *f)
{
	userfile_unstage(f);
	if (f->folder != -1)
		(void)close(f->folder);
	secret_free(&f->text);
	*f = (struct userfile)USERFILE_INIT;
}

/* Does the open file hold text, as far as the disk can tell us? */
static bool
holds(int fd, const struct secret *text)
{
	struct secret back = SECRET_INIT;
	bool same = lseek(fd, 0, SEEK_SET) == 0 &&
	    text_read_whole(fd, text->len, &back) == 0 &&
	    (text->len == 0 || memcmp(back.data, text->data, text->len) == 0);

	secret_free(&back);
	return (same);
}

/*
 * The group and mode of like.  A group that we are not in cannot be given: then
 * ours gets no more than everybody has.
 */
static int
make_like(int fd, const struct stat *like)
{
	mode_t mode = like->st_mode & 07777;
	struct stat st;

	if (fstat(fd, &st) == -1)
		return (-1);
	if (st.st_gid != like->st_gid &&
	    fchown(fd, (uid_t)-1, like->st_gid) == -1) {
		if (errno != EPERM)
			return (-1);
		mode &= ~(mode_t)S_IRWXG | (mode & S_IRWXO) << 3;
	}
	return (fchmod(fd, mode));
}

static int
fill(int fd, const struct secret *text, const struct stat *like)
{
	if (text_write_all(fd, text->data, text->len) == -1 ||
	    (like != NULL ? make_like(fd, like) : fchmod(fd, 0600)) == -1 ||
	    fsync(fd) == -1)
		return (-1);
	if (!holds(fd, text)) {
		errno = EIO;
		return (-1);
	}
	return (0);
}

int
userfile_stage(struct userfile *f, const struct secret *text,
    const struct stat *like, struct err *e)
{
	uint32_t random;
	int fd, rc;

	userfile_unstage(f);
	crypto_random(&random, sizeof(random));
	(void)snprintf(f->temp, sizeof(f->temp), USERFILE_TEMP "%08x%08x",
	    (unsigned)getpid(), random);
	fd = openat(f->folder, f->temp,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		f->temp[0] = '\0';
	rc = fd != -1 ? fill(fd, text, like) : -1;
	if (rc == -1)
		err_sys(e, EX_CANTCREAT, "", "cannot write beside %s, which "
		    "stays as it is", f->path);
	/* a full disk may say so only now */
	if (fd != -1 && close(fd) == -1 && rc == 0)
		rc = err_sys(e, EX_CANTCREAT, "", "cannot write beside %s, "
		    "which stays as it is", f->path);
	if (rc == -1)
		userfile_unstage(f);
	return (rc);
}

void
userfile_staged(const struct userfile *f, char out[PATH_MAX])
{
	(void)snprintf(out, PATH_MAX, "%.*s%s", (int)(f->name - f->path),
	    f->path, f->temp);
}

/* Is it as we read it?  A person may have saved it meanwhile. */
static int
check_same(const struct userfile *f, struct err *e)
{
	struct stat st;
	bool there = fstatat(f->folder, f->name, &st,
	    AT_SYMLINK_NOFOLLOW) == 0;

	if (there == f->is_there && (!there ||
	    (st.st_dev == f->st.st_dev && st.st_ino == f->st.st_ino &&
	    st.st_size == f->st.st_size &&
	    st.st_mtim.tv_sec == f->st.st_mtim.tv_sec &&
	    st.st_mtim.tv_nsec == f->st.st_mtim.tv_nsec)))
		return (0);
	err_set(e, EX_TEMPFAIL, "", "%s was changed by somebody else just now",
	    f->path);
	return (err_fix(e, "do it again"));
}

int
userfile_commit(struct userfile *f, struct err *e)
{
	if (check_same(f, e) == -1)
		return (-1);
	if (renameat(f->folder, f->temp, f->folder, f->name) == -1)
		return (err_sys(e, EX_CANTCREAT, "", "cannot replace %s",
		    f->path));
	f->temp[0] = '\0';
	(void)fsync(f->folder);	/* lost in a crash, the old one is there */
	f->is_there = fstatat(f->folder, f->name, &f->st,
	    AT_SYMLINK_NOFOLLOW) == 0;
	return (0);
}

int
userfile_remove(struct userfile *f, struct err *e)
{
	if (!f->is_there)
		return (0);
	if (check_same(f, e) == -1)
		return (-1);
	if (unlinkat(f->folder, f->name, 0) == -1)
		return (err_sys(e, EX_CANTCREAT, "", "cannot remove %s",
		    f->path));
	(void)fsync(f->folder);
	return (0);
}

void
userfile_sweep(const struct userfile *f)
{
	int fd = f->folder != -1 ? openat(f->folder, ".",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	DIR *dir = fd != -1 ? fdopendir(fd) : NULL;
	struct dirent *d;

	if (dir == NULL) {
		if (fd != -1)
			(void)close(fd);
		return;
	}
	while ((d = readdir(dir)) != NULL)
		if (strncmp(d->d_name, USERFILE_TEMP,
		    strlen(USERFILE_TEMP)) == 0)
			(void)unlinkat(f->folder, d->d_name, 0);
	(void)closedir(dir);
}
