/*
 * Secrets on disk, see cache.h.
 *
 * In the folder: NAME is an entry, NAME.lck its lock, .t.* a file on its way.
 * The lock is a file of its own that is never renamed, or two processes could
 * hold "the" lock of two different files.  The kernel frees it with its holder,
 * so a lock is never stale.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "auth/cache.h"
#include "auth/text.h"
#include "relay/clock.h"
#include "relay/secret.h"

#define SCHEMA		"arc-relay cache 1"	/* another one: other entries */
#define FOLDER		"arc-relay"
#define TEMP_PREFIX	".t."
#define TEMP_OLD_S	60	/* no writer takes that long: it was killed */
#define LOCK_SUFFIX	".lck"
#define LOCK_STEP_MS	20	/* between two tries; up to 30 ms of jitter more */

/* Ours, and closed to everybody else? */
static bool
is_private(const struct stat *st)
{
	return (st->st_uid == geteuid() && (st->st_mode & 077) == 0);
}

/* Opens parent/FOLDER; what is not private by now is not ours to repair. */
static int
open_folder(const char *parent, struct cache *c)
{
	char path[1024];
	struct stat st;
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/" FOLDER, parent) >=
	    sizeof(path)) {
		(void)snprintf(c->why, sizeof(c->why), "a too long name");
		return (-1);
	}
	(void)mkdir(path, 0700);	/* the open tells */
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1) {
		(void)snprintf(c->why, sizeof(c->why), "%.140s: %s", path,
		    strerror(errno));
		return (-1);
	}
	if (fstat(fd, &st) == -1 || !is_private(&st)) {
		(void)snprintf(c->why, sizeof(c->why),
		    "%.140s: not a folder of yours with mode 0700", path);
		(void)close(fd);
		return (-1);
	}
	return (fd);
}

void
cache_open(struct cache *c)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	const char *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	char dot_cache[1024];

	*c = (struct cache){ .dirfd = -1, .why = "no HOME" };
	/* XDG says: a relative path is to be ignored */
	if (run != NULL && run[0] == '/' &&
	    (c->dirfd = open_folder(run, c)) != -1)
		goto out;
	if (cache == NULL || cache[0] != '/') {
		if (home == NULL || home[0] != '/' ||
		    (size_t)snprintf(dot_cache, sizeof(dot_cache), "%s/.cache",
		    home) >= sizeof(dot_cache))
			return;
		cache = dot_cache;
	}
	(void)mkdir(cache, 0700);
	c->dirfd = open_folder(cache, c);
 out:
	if (c->dirfd != -1)
		c->why[0] = '\0';
}

void
cache_close(struct cache *c)
{
	if (c->dirfd != -1)
		(void)close(c->dirfd);
	c->dirfd = -1;
}

struct cache_key
cache_key_relay(const char *cloud_name, const char *resource_id, int port)
{
	const char *tenant = getenv("AZURE_TENANT_ID");
	const char *client = getenv("AZURE_CLIENT_ID");
	struct cache_key key = { "" };
	char text[4096], *p;
	int len;

	len = snprintf(text, sizeof(text), SCHEMA "\n%s\n%s\n%s\n%s\nSSH\n%d\n",
	    cloud_name, tenant != NULL ? tenant : "",
	    client != NULL ? client : "", resource_id, port);
	if ((size_t)len >= sizeof(text))
		return (key);	/* names no file: always a miss */
	for (p = text; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	crypto_sha256_hex(text, (size_t)len, key.name);
	return (key);
}

/* Opens a file of the folder if it is one that only we can have written. */
static int
open_private(const struct cache *c, const char *name, int flags,
    struct stat *st)
{
	/*
	 * O_NONBLOCK: a FIFO would hold us here for good.  No links at all: a
	 * writer has replaced it since we opened it; what we have is whole.
	 */
	int fd = openat(c->dirfd, name,
	    flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd != -1 && (fstat(fd, st) == -1 || !S_ISREG(st->st_mode) ||
	    !is_private(st) || st->st_nlink > 1)) {
		(void)close(fd);
		return (-1);
	}
	return (fd);
}

int
cache_read(const struct cache *c, const struct cache_key *key,
    struct secret *out)
{
	struct secret whole = SECRET_INIT;
	struct stat st;
	char buf[4096];
	ssize_t n = -1;
	int fd;

	if (c->dirfd == -1 ||
	    (fd = open_private(c, key->name, O_RDONLY, &st)) == -1)
		return (-1);
	if (st.st_size > 0 && st.st_size <= CACHE_ENTRY_MAX)
		while ((n = read(fd, buf, sizeof(buf))) > 0)
			if (text_append(&whole, buf, (size_t)n,
			    CACHE_ENTRY_MAX) == -1)
				break;
	secret_wipe(buf, sizeof(buf));
	(void)close(fd);
	if (n != 0 || whole.len == 0) {
		secret_free(&whole);
		return (-1);
	}
	secret_free(out);
	*out = whole;
	return (0);
}

static int
write_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return (-1);
		p += n;
		len -= (size_t)n;
	}
	return (0);
}

/* What killed writers left behind. */
static void
sweep(const struct cache *c)
{
	int fd = openat(c->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd != -1 ? fdopendir(fd) : NULL;
	time_t now = time(NULL);
	struct dirent *entry;
	struct stat st;

	while (d != NULL && (entry = readdir(d)) != NULL)
		if (strncmp(entry->d_name, TEMP_PREFIX,
		    strlen(TEMP_PREFIX)) == 0 && fstatat(c->dirfd,
		    entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    now - st.st_mtime > TEMP_OLD_S)
			(void)unlinkat(c->dirfd, entry->d_name, 0);
	if (d != NULL)
		(void)closedir(d);
	else if (fd != -1)
		(void)close(fd);
}

int
cache_write(const struct cache *c, const struct cache_key *key,
    const struct secret *data)
{
	char temp[sizeof(TEMP_PREFIX) + 16];
	uint32_t random;
	int fd, ok;

	if (c->dirfd == -1 || data->len == 0 || data->len > CACHE_ENTRY_MAX)
		return (-1);
	sweep(c);
	crypto_random(&random, sizeof(random));
	(void)snprintf(temp, sizeof(temp), TEMP_PREFIX "%08x%08x",
	    (unsigned)getpid(), random);
	fd = openat(c->dirfd, temp,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return (-1);
	/* fchmod: a umask may have taken our own bits away */
	ok = fchmod(fd, 0600) == 0 &&
	    write_all(fd, data->data, data->len) == 0 && fsync(fd) == 0;
	if (close(fd) == -1)
		ok = 0;		/* a full disk may say so only now */
	if (!ok || renameat(c->dirfd, temp, c->dirfd, key->name) == -1) {
		(void)unlinkat(c->dirfd, temp, 0);
		return (-1);
	}
	(void)fsync(c->dirfd);	/* lost in a crash, it is fetched again */
	return (0);
}

void
cache_drop(const struct cache *c, const struct cache_key *key)
{
	if (c->dirfd != -1)
		(void)unlinkat(c->dirfd, key->name, 0);
}

int
cache_lock(const struct cache *c, const struct cache_key *key, int wait_ms)
{
	char name[SHA256_HEX + sizeof(LOCK_SUFFIX)];
	struct stat st;
	uint32_t jitter;
	int64_t began_ms = clock_ms();
	int fd, why;

	(void)snprintf(name, sizeof(name), "%s" LOCK_SUFFIX, key->name);
	if (c->dirfd == -1 || key->name[0] == '\0' ||
	    (fd = open_private(c, name, O_RDWR | O_CREAT, &st)) == -1)
		return (-1);
	while (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		why = errno;
		if ((why != EWOULDBLOCK && why != EINTR) ||
		    clock_ms() - began_ms >= wait_ms) {
			(void)close(fd);
			return (-1);
		}
		crypto_random(&jitter, sizeof(jitter));
		(void)poll(NULL, 0, LOCK_STEP_MS + (int)(jitter % 31));
	}
	return (fd);
}

void
cache_unlock(int lock)
{
	if (lock != -1)
		(void)close(lock);
}
