/*
 * Locks of a private folder, see folder.h.
 *
 * A lock is a file of its own that is never renamed, or two processes could
 * hold "the" lock of two different files.  The kernel frees it with its holder,
 * so a lock is never stale.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/folder.h"
#include "relay/clock.h"
#include "relay/crypto.h"

#define LOCK_STEP_MS	20	/* between two tries; up to 30 ms of jitter more */
#define PATIENCE	4	/* so much longer for a holder that moves */

/*
 * Is this lock ours now?  One that was swept away after it was opened locks
 * nobody out: *gone says so.
 */
static bool
got_lock(int fd, bool *gone)
{
	struct stat st;

	if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		return (false);
	*gone = fstat(fd, &st) == -1 || st.st_nlink == 0;
	return (!*gone);
}

/* Who holds it: for those who wait.  A full disk is no reason not to hold it. */
static void
sign(int fd)
{
	char text[FOLDER_LOCK_HEAD + 1];

	(void)snprintf(text, sizeof(text), "%-*d\n", FOLDER_LOCK_HEAD - 1,
	    (int)getpid());
	(void)!pwrite(fd, text, FOLDER_LOCK_HEAD, 0);
}

/* Is its holder a process that runs, or waits for something itself? */
static bool
holder_moves(int fd)
{
	char text[512], path[64];
	const char *state;
	ssize_t n;
	int stat_fd;

	if ((n = pread(fd, text, FOLDER_LOCK_HEAD, 0)) <= 0)
		return (false);
	text[n] = '\0';
	(void)snprintf(path, sizeof(path), "/proc/%ld/stat",
	    strtol(text, NULL, 10));
	if ((stat_fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return (false);
	n = read(stat_fd, text, sizeof(text) - 1);
	(void)close(stat_fd);
	text[n > 0 ? n : 0] = '\0';
	/* "PID (NAME) STATE ...", where NAME may hold anything */
	state = strrchr(text, ')');
	return (state != NULL && strlen(state) > 2 &&
	    strchr("RSD", state[2]) != NULL);
}

int
folder_lock(const struct folder *f, const char *name, int wait_ms)
{
	char file[FOLDER_NAME_MAX + sizeof(FOLDER_LOCK)];
	int64_t began_ms = clock_ms(), waited_ms;
	struct stat st;
	uint32_t jitter;
	bool gone = true;
	int fd = -1;

	if (f->fd == -1 || name[0] == '\0' || (size_t)snprintf(file,
	    sizeof(file), "%s" FOLDER_LOCK, name) >= sizeof(file)) {
		errno = ENOLCK;
		return (-1);
	}
	for (;;) {
		if (gone) {
			folder_unlock(fd);
			if ((fd = folder_open_file(f, file, O_RDWR | O_CREAT,
			    &st)) == -1) {
				errno = ENOLCK;
				return (-1);
			}
			gone = false;
		}
		if (got_lock(fd, &gone)) {
			sign(fd);
			return (fd);
		}
		if (gone)
			continue;
		if (errno != EWOULDBLOCK && errno != EINTR)
			break;
		waited_ms = clock_ms() - began_ms;
		if (waited_ms >= wait_ms && (waited_ms >= PATIENCE * wait_ms ||
		    !holder_moves(fd))) {
			folder_unlock(fd);
			errno = ETIMEDOUT;
			return (-1);
		}
		crypto_random(&jitter, sizeof(jitter));
		(void)poll(NULL, 0, LOCK_STEP_MS + (int)(jitter % 31));
	}
	folder_unlock(fd);
	errno = ENOLCK;
	return (-1);
}

void
folder_unlock(int lock)
{
	if (lock != -1)
		(void)close(lock);
}
