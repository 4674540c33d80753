/*
 * Running another program for what it prints.
 */
#ifndef AUTH_CHILD_H
#define AUTH_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct secret;

enum child_result {
	CHILD_ENDED,	/* it ran; status and output are there */
	CHILD_ABSENT,	/* no such program on PATH */
	CHILD_LATE,	/* it took longer than allowed, and was killed */
	CHILD_BROKEN,	/* the system would not start it; errno tells */
};

#define CHILD_ERR_MAX	(64 * 1024)	/* bytes of standard error that are kept */

/*
 * Runs argv[0], found on PATH, without a shell, for at most limit_ms.  Its
 * standard input is /dev/null; its environment is ours without the secrets that
 * are meant for us.  It has a process group of its own, which ends with it when
 * it is late; when we are killed it runs on to its end.
 *	out	what it wrote to standard output, the first max bytes
 *	err	the same for standard error, the first CHILD_ERR_MAX
 *	status	its exit status, 128 + the number of the signal that ended it
 */
enum child_result child_run(const char *const argv[], int limit_ms, size_t max,
	    struct secret *out, struct secret *err, int *status);

/* The same with text, which is no secret, for it to read as /dev/stdin, many times. */
enum child_result child_run_on(const char *const argv[], const char *text,
	    int limit_ms, size_t max, struct secret *out, struct secret *err,
	    int *status);

/*
 * Starts argv[0], found on PATH, without a shell, and lets it go on by itself:
 * it has /dev/null for input and output, the same environment, and a process
 * group of its own, so that Ctrl-C on our terminal is not meant for it.
 * Returns its id, for child_failed; or -1 with errno.
 */
pid_t	 child_launch(const char *const argv[]);

/* Has it ended already, with a status that is not 0?  Does not wait. */
bool	 child_failed(pid_t pid);

#endif
