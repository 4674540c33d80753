/*
 * Running another program for what it prints.
 */
#ifndef AUTH_CHILD_H
#define AUTH_CHILD_H

#include <stddef.h>

struct secret;

enum child_result {
	CHILD_ENDED,	/* it ran; status and output are there */
	CHILD_ABSENT,	/* no such program on PATH */
	CHILD_LATE,	/* it took longer than allowed, and was killed */
	CHILD_BROKEN,	/* the system would not start it; errno tells */
};

#define CHILD_LAST_MAX	256	/* bytes, with the NUL */

/*
 * Runs argv[0], found on PATH, without a shell, for at most limit_ms.  Its
 * standard input is /dev/null; its environment is ours without the secrets that
 * are meant for us.
 *	out	what it wrote to standard output; at most max bytes are kept
 *	last	the last line that it wrote to standard error
 *	status	its exit status, 128 + the number of the signal that ended it
 */
enum child_result child_run(const char *const argv[], int limit_ms, size_t max,
	    struct secret *out, char last[CHILD_LAST_MAX], int *status);

#endif
