/*
 * cost FD COMMAND [ARGUMENT ...]: runs it, and tells on that descriptor what it cost:
 *
 *	exit status, wall clock in us, CPU time in us, peak memory in KiB
 *
 * Python cannot tell the last: a child has the peak of who forked it, too.
 */
#include <sys/resource.h>
#include <sys/wait.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static long
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (t.tv_sec * 1000000L + t.tv_nsec / 1000);
}

static long
us(struct timeval t)
{
	return (t.tv_sec * 1000000L + t.tv_usec);
}

int
main(int argc, char **argv)
{
	struct rusage used;
	long began;
	pid_t pid;
	int fd, status;

	if (argc < 3)
		return (64);
	fd = atoi(argv[1]);
	began = now_us();
	if ((pid = fork()) == 0) {
		close(fd);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (pid == -1 || wait4(pid, &status, 0, &used) == -1)
		return (71);
	dprintf(fd, "%d %ld %ld %ld\n",
	    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
	    now_us() - began, us(used.ru_utime) + us(used.ru_stime),
	    used.ru_maxrss);
	return (0);
}
