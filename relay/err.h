/*
 * An error as a value: what went wrong, what to do about it, and what it means
 * for the exit status.  Made where the fact is known, printed once, in main.
 */
#ifndef RELAY_ERR_H
#define RELAY_ERR_H

#include <stddef.h>
#include <sysexits.h>

#include "relay/retry.h"

#define ERR_LINE_MAX	400	/* bytes; OpenSSH cuts a disconnect text there */

struct err {
	int		 status;	/* exit status, sysexits(3); 0: no error */
	enum retry_class retry;		/* is another attempt worth it? */
	char		 id[8];		/* "E505", see arc-relay-errors(7); or "" */
	char		 cause[256];	/* what happened, with the object in it */
	char		 fix[256];	/* what to do or to type; or "" */
};

#define ERR_INIT	{ .status = 0 }

/*
 * Each of these fills *e and returns -1, so that a caller can write
 * "return (err_set(e, ...))".  Text from outside (peers, files, libraries) may
 * be passed to %s: whatever is not printable ASCII becomes '?'.  The cause has
 * no capital, no full stop.  An older error in *e is replaced.
 *
 * err_sys appends ": " and the text of errno.
 */
int	 err_set(struct err *e, int status, const char *id, const char *fmt, ...)
	    __attribute__((format(printf, 4, 5)));
int	 err_sys(struct err *e, int status, const char *id, const char *fmt, ...)
	    __attribute__((format(printf, 4, 5)));

/* Adds what the user can do.  Returns -1, like the others. */
int	 err_fix(struct err *e, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/*
 * The whole error as one line without newline:
 *	PROGRAM: SUBJECT: CAUSE. fix: FIX [ID]
 * subject may be NULL.  Writes at most size bytes with the NUL, and never more
 * than ERR_LINE_MAX characters; a too long cause or fix is cut, the id stays.
 * Returns buf.
 */
char	*err_line(const struct err *e, const char *program, const char *subject,
	    char *buf, size_t size);

#endif
