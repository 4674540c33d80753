/*
 * The challenge of the Azure Arc agent, see himds.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/himds.h"
#include "auth/text.h"
#include "relay/err.h"
#include "relay/secret.h"

#define BEGIN	"Basic realm="
#define SUFFIX	".key"

int
himds_challenge(const char *challenge, const char *folder,
    char name[HIMDS_NAME_MAX], struct err *e)
{
	size_t folder_len = strlen(folder), len;
	const char *path, *base;

	name[0] = '\0';
	if (strncasecmp(challenge, BEGIN, strlen(BEGIN)) != 0)
		return (err_set(e, EX_PROTOCOL, "E412", "the Azure Arc agent "
		    "names no file as its challenge: \"%.80s\"", challenge));
	path = challenge + strlen(BEGIN);
	if (strncmp(path, folder, folder_len) != 0 || path[folder_len] != '/')
		goto bad;
	base = path + folder_len + 1;
	if ((len = strlen(base)) <= strlen(SUFFIX) || len >= HIMDS_NAME_MAX ||
	    strcmp(base + len - strlen(SUFFIX), SUFFIX) != 0)
		goto bad;
	(void)snprintf(name, HIMDS_NAME_MAX, "%.*s",
	    (int)(len - strlen(SUFFIX)), base);
	if (!text_only(name, "-"))
		goto bad;
	(void)snprintf(name, HIMDS_NAME_MAX, "%s", base);
	return (0);
 bad:
	name[0] = '\0';
	err_set(e, EX_PROTOCOL, "E412", "what answers as the Azure Arc agent "
	    "wants to be sent a file that is none of its keys: \"%.80s\"",
	    path);
	return (err_fix(e, "nothing was read or sent; see who listens there: "
	    "ss -ltnp"));
}

static int
cannot_read(const char *folder, struct err *e)
{
	if (errno == EACCES || errno == EPERM) {
		err_set(e, EX_NOPERM, "E310", "you may not read the keys of "
		    "the Azure Arc agent in %s", folder);
		return (err_fix(e, "sudo usermod -aG himds \"$USER\", then log "
		    "in again"));
	}
	err_sys(e, EX_PROTOCOL, "E412", "cannot read the key that the Azure "
	    "Arc agent names in %s", folder);
	return (err_fix(e, "in a container, mount this folder; see: azcmagent "
	    "show"));
}

/* The file, if it is one; O_NONBLOCK: a FIFO would hold us here for good. */
static int
open_key(const char *folder, const char *name, struct stat *st)
{
	int dir, fd, why;

	/* O_PATH: to look a name up in it, not to list it */
	dir = open(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir == -1)
		return (-1);
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	why = errno;
	(void)close(dir);
	errno = why;
	if (fd != -1 && (fstat(fd, st) == -1 || !S_ISREG(st->st_mode))) {
		(void)close(fd);
		errno = EINVAL;
		return (-1);
	}
	return (fd);
}

int
himds_key(const char *folder, const char *name, struct secret *out,
    struct err *e)
{
	char buf[HIMDS_KEY_MAX];
	struct stat st;
	ssize_t n = -1;
	int fd;

	secret_free(out);
	if (strchr(name, '/') != NULL)
		errno = EINVAL;
	else if ((fd = open_key(folder, name, &st)) != -1) {
		while ((n = read(fd, buf, sizeof(buf))) != 0) {
			if (n == -1 && errno == EINTR)
				continue;
			if (n == -1 || text_append(out, buf, (size_t)n,
			    HIMDS_KEY_MAX) == -1)
				break;
		}
		if (n > 0)
			errno = EFBIG;
		secret_wipe(buf, sizeof(buf));
		(void)close(fd);	/* read only: nothing to lose; keeps errno */
	}
	if (n == 0 && text_is_visible(out->data, out->len))
		return (0);
	secret_free(out);
	if (n == 0)
		return (err_set(e, EX_PROTOCOL, "E412", "the key that the "
		    "Azure Arc agent names is not one word"));
	return (cannot_read(folder, e));
}
