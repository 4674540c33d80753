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
#include <sys/mman.h>
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

/*
 * In a process group of its own, so that its children can be ended with it.  in: -1
 * for /dev/null.
 */
static int
start(const char *const argv[], int in, int out, int err, pid_t *pid)
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
	if ((in != -1 ? posix_spawn_file_actions_adddup2(&files, in, 0) :
	    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY,
	    0)) == 0 &&
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

/* What comes out of the child. */
struct stream {
	int		 ends[2];	/* of a pipe; -1: closed */
	struct secret	*text;
	size_t		 max;		/* bytes; the rest is forgotten */
};

static int
stream_open(struct stream *s, struct secret *text, size_t max)
{
	*s = (struct stream){ .ends = { -1, -1 }, .text = text, .max = max };
	secret_free(text);
	if (pipe2(s->ends, O_CLOEXEC) == -1)
		return (-1);
	return (fcntl(s->ends[0], F_SETFL, O_NONBLOCK));
}

static void
stream_close(struct stream *s)
{
	int i;

	for (i = 0; i < 2; i++)
		if (s->ends[i] != -1)
			(void)close(s->ends[i]);
}

/*
 * Reads what is there; false at the end.  One pipe full at most: who writes
 * without end must not hold us here.
 */
static bool
drain(struct stream *s)
{
	char buf[4096];
	ssize_t n = 1;
	size_t got, room;

	for (got = 0; got < PIPE_BYTES &&
	    (n = read(s->ends[0], buf, sizeof(buf))) > 0; got += (size_t)n) {
		room = s->max - s->text->len;
		(void)text_append(s->text, buf, (size_t)n < room ? (size_t)n :
		    room, s->max);
	}
	secret_wipe(buf, sizeof(buf));
	return (n > 0 || (n == -1 && (errno == EAGAIN || errno == EINTR)));
}

/* It is gone afterwards, whatever it was doing. */
static void
end(pid_t pid)
{
	(void)kill(-pid, SIGKILL);
	while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		;
}

/*
 * Until the child itself is gone.  The end of its output would not do: az leaves
 * a process of its own behind that may hold the pipes for longer.
 */
static enum child_result
collect(pid_t pid, struct stream *out, struct stream *err, int limit_ms,
    int *status)
{
	struct pollfd fds[2] = { { out->ends[0], POLLIN, 0 },
	    { err->ends[0], POLLIN, 0 } };
	int64_t began_ms = clock_ms();
	pid_t gone;

	do {
		if (clock_ms() - began_ms >= limit_ms) {
			end(pid);
			return (CHILD_LATE);
		}
		(void)poll(fds, 2, LOOK_MS);
		gone = waitpid(pid, status, WNOHANG);
		if (fds[0].fd != -1 && !drain(out))
			fds[0].fd = -1;
		if (fds[1].fd != -1 && !drain(err))
			fds[1].fd = -1;
	} while (gone == 0);
	if (gone == -1) {	/* somebody else waited for it */
		errno = ECHILD;
		return (CHILD_BROKEN);
	}
	*status = WIFEXITED(*status) ? WEXITSTATUS(*status) :
	    128 + WTERMSIG(*status);
	return (*status == NOT_FOUND ? CHILD_ABSENT : CHILD_ENDED);
}

static enum child_result
run(const char *const argv[], int in, int limit_ms, size_t max,
    struct secret *out, struct secret *err, int *status)
{
	enum child_result result = CHILD_BROKEN;
	struct stream o = { .ends = { -1, -1 } }, x = o;
	pid_t pid;
	int why;

	*status = 0;
	if (stream_open(&o, out, max) == 0 &&
	    stream_open(&x, err, CHILD_ERR_MAX) == 0) {
		if ((why = start(argv, in, o.ends[1], x.ends[1],
		    &pid)) == 0)
			result = collect(pid, &o, &x, limit_ms, status);
		else {
			errno = why;
			result = why == ENOENT ? CHILD_ABSENT : CHILD_BROKEN;
		}
	}
	why = errno;
	stream_close(&o);
	stream_close(&x);
	errno = why;
	return (result);
}

enum child_result
child_run(const char *const argv[], int limit_ms, size_t max,
    struct secret *out, struct secret *err, int *status)
{
	return (run(argv, -1, limit_ms, max, out, err, status));
}

/* Not a pipe: who opens /dev/stdin again reads it from its beginning. */
enum child_result
child_run_on(const char *const argv[], const char *text, int limit_ms,
    size_t max, struct secret *out, struct secret *err, int *status)
{
	int in = memfd_create("stdin", MFD_CLOEXEC), why;
	enum child_result result = CHILD_BROKEN;

	*status = 0;
	if (in == -1)
		return (result);
	if (text_write_all(in, text, strlen(text)) == 0 &&
	    lseek(in, 0, SEEK_SET) == 0)
		result = run(argv, in, limit_ms, max, out, err, status);
	why = errno;
	(void)close(in);
	errno = why;
	return (result);
}

pid_t
child_launch(const char *const argv[])
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), why;
	pid_t pid = -1;

	if (null == -1)
		return (-1);
	why = start(argv, -1, null, null, &pid);
	(void)close(null);
	errno = why;
	return (why == 0 ? pid : -1);
}

bool
child_failed(pid_t pid)
{
	int status;

	return (waitpid(pid, &status, WNOHANG) == pid &&
	    !(WIFEXITED(status) && WEXITSTATUS(status) == 0));
}
