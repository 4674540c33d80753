/*
 * What lies in a private folder, see folder.h.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/folder.h"

#define TEMP_OLD_S	60	/* no writer takes that long: it was killed */
#define LOCK_OLD_S	3600

static bool
is_temp(const char *name)
{
	return (strncmp(name, FOLDER_TEMP, strlen(FOLDER_TEMP)) == 0);
}

static bool
is_lock(const char *name)
{
	size_t len = strlen(name), n = strlen(FOLDER_LOCK);

	return (len > n && strcmp(name + len - n, FOLDER_LOCK) == 0);
}

/* Calls each for every name in the folder. */
static void
each_name(const struct folder *f,
    void (*each)(const struct folder *f, const char *name,
    const struct stat *st, void *arg), void *arg)
{
	int fd = f->fd == -1 ? -1 :
	    openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd != -1 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	struct stat st;

	while (d != NULL && (entry = readdir(d)) != NULL)
		if (fstatat(f->fd, entry->d_name, &st,
		    AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			each(f, entry->d_name, &st, arg);
	if (d != NULL)
		(void)closedir(d);
	else if (fd != -1)
		(void)close(fd);
}

struct visitor {
	void	(*each)(void *arg, const char *name, time_t written);
	void	*arg;
};

static void
visit(const struct folder *f, const char *name, const struct stat *st,
    void *arg)
{
	const struct visitor *v = arg;

	(void)f;
	if (!is_lock(name) && !is_temp(name))
		v->each(v->arg, name, st->st_mtime);
}

void
folder_each(const struct folder *f,
    void (*each)(void *arg, const char *name, time_t written), void *arg)
{
	struct visitor v = { each, arg };

	each_name(f, visit, &v);
}

/* Whoever has opened it meanwhile sees that it has no name any more. */
static void
drop_lock(const struct folder *f, const char *file)
{
	char name[FOLDER_NAME_MAX];
	int lock;

	(void)snprintf(name, sizeof(name), "%.*s",
	    (int)(strlen(file) - strlen(FOLDER_LOCK)), file);
	if ((lock = folder_lock(f, name, 0)) != -1)
		(void)folder_drop(f, file);
	folder_unlock(lock);
}

static void
sweep(const struct folder *f, const char *name, const struct stat *st,
    void *arg)
{
	const time_t *now = arg;

	if (is_temp(name) && *now - st->st_mtime > TEMP_OLD_S)
		(void)folder_drop(f, name);
	if (is_lock(name) && *now - st->st_mtime > LOCK_OLD_S)
		drop_lock(f, name);
}

void
folder_sweep(const struct folder *f)
{
	time_t now = time(NULL);

	each_name(f, sweep, &now);
}
