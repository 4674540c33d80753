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
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/folder.h"
#include "relay/clock.h"
#include "relay/crypto.h"

#define LOCK_STEP_MS	20	/* between two tries; up to 30 ms of jitter more */

/* One try.  A lock file that was swept away after it was opened is none. */
static int
try_lock(const struct folder *f, const char *file)
{
	struct stat st;
	int fd = folder_open_file(f, file, O_RDWR | O_CREAT, &st);

	if (fd == -1) {
		errno = ENOLCK;
		return (-1);
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0) {
		if (st.st_nlink > 0)
			return (fd);
		errno = EWOULDBLOCK;
	}
	(void)close(fd);	/* keeps errno: there is nothing to write */
	return (-1);
}

int
folder_lock(const struct folder *f, const char *name, int wait_ms)
{
	char file[FOLDER_NAME_MAX + sizeof(FOLDER_LOCK)];
	int64_t began_ms = clock_ms();
	uint32_t jitter;
	int fd;

	if (f->fd == -1 || name[0] == '\0' || (size_t)snprintf(file,
	    sizeof(file), "%s" FOLDER_LOCK, name) >= sizeof(file))
		return (-1);
	while ((fd = try_lock(f, file)) == -1) {
		if ((errno != EWOULDBLOCK && errno != EINTR) ||
		    clock_ms() - began_ms >= wait_ms)
			return (-1);
		crypto_random(&jitter, sizeof(jitter));
		(void)poll(NULL, 0, LOCK_STEP_MS + (int)(jitter % 31));
	}
	return (fd);
}

void
folder_unlock(int lock)
{
	if (lock != -1)
		(void)close(lock);
}
