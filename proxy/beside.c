/*
 * The program next to ours, see beside.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/beside.h"

void
beside_find(const char *program, const char *variable, char path[BESIDE_MAX])
{
	const char *set = variable != NULL ? getenv(variable) : NULL;
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (set != NULL && set[0] != '\0') {
		(void)snprintf(path, BESIDE_MAX, "%s", set);
		return;
	}
	self[n > 0 ? n : 0] = '\0';
	if ((slash = strrchr(self, '/')) != NULL) {
		slash[1] = '\0';
		(void)snprintf(path, BESIDE_MAX, "%s%s", self, program);
		if (access(path, X_OK) == 0)
			return;
	}
	(void)snprintf(path, BESIDE_MAX, BINDIR "/%s", program);
}

/* Returns 0 or an errno. */
static int
spawn(const char *path, const char *const argv[], char *const env[], int out,
    bool quiet, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, pipe_only;
	int error;

	(void)sigemptyset(&none);
	(void)sigemptyset(&pipe_only);
	(void)sigaddset(&pipe_only, SIGPIPE);
	(void)posix_spawnattr_init(&attr);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	(void)posix_spawnattr_setsigdefault(&attr, &pipe_only);
	(void)posix_spawnattr_setflags(&attr,
	    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_addopen(&files, STDIN_FILENO,
	    "/dev/null", O_RDWR, 0);
	(void)posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	if (quiet)
		(void)posix_spawn_file_actions_adddup2(&files, STDIN_FILENO,
		    STDERR_FILENO);
	error = posix_spawn(pid, path, &files, &attr,
	    (char *const *)(uintptr_t)argv, env);
	(void)posix_spawn_file_actions_destroy(&files);
	(void)posix_spawnattr_destroy(&attr);
	return (error);
}

int
beside_start(const char *path, const char *const argv[], char *const env[],
    bool quiet, pid_t *pid)
{
	int end[2], error;

	if (pipe2(end, O_CLOEXEC) == -1)
		return (-1);
	error = spawn(path, argv, env, end[1], quiet, pid);
	(void)close(end[1]);
	if (error == 0)
		return (end[0]);
	(void)close(end[0]);
	errno = error;
	return (-1);
}
