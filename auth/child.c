/*
 * Running another program, see child.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "auth/child.h"
#include "auth/env.h"
#include "auth/text.h"
#include "relay/clock.h"
#include "relay/secret.h"

#define LOOK_MS		10	/* how often to look whether it ended */
#define NOT_FOUND	127	/* what a shell, and some C libraries, say */
#define PIPE_BYTES	(64 * 1024)	/* what a pipe of Linux holds */
#define ERR_MAX		(64 * 1024)	/* bytes of standard error that are kept */

/* The environment for the child; lends the strings. */
static char **
filtered_environment(void)
{
	char **env;
	size_t i, n;

	for (n = 0; environ != NULL && environ[n] != NULL; n++)
		;
	if ((env = calloc(n + 1, sizeof(*env))) == NULL)
		return (NULL);
	for (i = n = 0; environ != NULL && environ[i] != NULL; i++)
		if (!env_is_private(environ[i]))
			env[n++] = environ[i];
	return (env);
}

/* In a process group of its own, so that its children can be ended with it. */
static int
start(const char *const argv[], int out, int err, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	char **env = filtered_environment();
	sigset_t none, pipe_only;
	int rc = ENOMEM;

	if (env == NULL)
		return (rc);
	(void)sigemptyset(&none);
	(void)sigemptyset(&pipe_only);
	(void)sigaddset(&pipe_only, SIGPIPE);
	if (posix_spawn_file_actions_init(&files) != 0)
		goto env;
	if (posix_spawnattr_init(&attr) != 0)
		goto files;
	if (posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY,
	    0) == 0 &&
	    posix_spawn_file_actions_adddup2(&files, out, 1) == 0 &&
	    posix_spawn_file_actions_adddup2(&files, err, 2) == 0 &&
	    posix_spawnattr_setpgroup(&attr, 0) == 0 &&
	    posix_spawnattr_setsigmask(&attr, &none) == 0 &&
	    posix_spawnattr_setsigdefault(&attr, &pipe_only) == 0 &&
	    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP |
	    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) == 0)
		rc = posix_spawnp(pid, argv[0], &files, &attr,
		    (char *const *)(const void *)argv, env);
	posix_spawnattr_destroy(&attr);
 files:
	posix_spawn_file_actions_destroy(&files);
 env:
	free(env);
	return (rc);
}

/*
 * Reads what is there, and forgets what is over max; false at the end.  One
 * pipe full at most: who writes without end must not hold us here.
 */
static bool
drain(int fd, struct secret *out, size_t max)
{
	char buf[4096];
	ssize_t n = 1;
	size_t got;

	for (got = 0; got < PIPE_BYTES && (n = read(fd, buf, sizeof(buf))) > 0;
	    got += (size_t)n)
		(void)text_append(out, buf, (size_t)n, max);
	secret_wipe(buf, sizeof(buf));
	return (n > 0 || (n == -1 && (errno == EAGAIN || errno == EINTR)));
}

/* The last line that is not empty. */
static void
last_line(const struct secret *text, char *last)
{
	const char *line = text->data;
	size_t len;

	last[0] = '\0';
	while (line != NULL && *(line += strspn(line, "\r\n")) != '\0') {
		len = strcspn(line, "\r\n");
		(void)snprintf(last, CHILD_LAST_MAX, "%.*s", (int)len, line);
		line += len;
	}
}

/*
 * Until the child itself is gone.  The end of its output would not do: az leaves
 * a process of its own behind that may hold the pipes for longer.
 */
static enum child_result
collect(pid_t pid, int outfd, int errfd, int limit_ms, size_t max,
    struct secret *out, struct secret *err, int *status)
{
	struct pollfd fds[2] = { { outfd, POLLIN, 0 }, { errfd, POLLIN, 0 } };
	int64_t began_ms = clock_ms();
	bool gone;

	do {
		if (clock_ms() - began_ms >= limit_ms) {
			(void)kill(-pid, SIGKILL);
			(void)waitpid(pid, status, 0);
			return (CHILD_LATE);
		}
		(void)poll(fds, 2, LOOK_MS);
		gone = waitpid(pid, status, WNOHANG) == pid;
		if (fds[0].fd != -1 && !drain(outfd, out, max))
			fds[0].fd = -1;
		if (fds[1].fd != -1 && !drain(errfd, err, ERR_MAX))
			fds[1].fd = -1;
	} while (!gone);
	*status = WIFEXITED(*status) ? WEXITSTATUS(*status) :
	    128 + WTERMSIG(*status);
	return (*status == NOT_FOUND ? CHILD_ABSENT : CHILD_ENDED);
}

enum child_result
child_run(const char *const argv[], int limit_ms, size_t max,
    struct secret *out, char last[CHILD_LAST_MAX], int *status)
{
	enum child_result result = CHILD_BROKEN;
	int outs[2] = { -1, -1 }, errs[2] = { -1, -1 }, why;
	struct secret err = SECRET_INIT;
	pid_t pid;
	size_t i;

	last[0] = '\0';
	secret_free(out);
	if (pipe2(outs, O_CLOEXEC) == -1 || pipe2(errs, O_CLOEXEC) == -1)
		goto out;
	(void)fcntl(outs[0], F_SETFL, O_NONBLOCK);
	(void)fcntl(errs[0], F_SETFL, O_NONBLOCK);
	if ((why = start(argv, outs[1], errs[1], &pid)) != 0) {
		errno = why;
		result = why == ENOENT ? CHILD_ABSENT : CHILD_BROKEN;
		goto out;
	}
	result = collect(pid, outs[0], errs[0], limit_ms, max, out, &err,
	    status);
	last_line(&err, last);
 out:
	why = errno;
	for (i = 0; i < 2; i++) {
		if (outs[i] != -1)
			(void)close(outs[i]);
		if (errs[i] != -1)
			(void)close(errs[i]);
	}
	secret_free(&err);
	errno = why;
	return (result);
}
