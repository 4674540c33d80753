/*
 * A web server for one visit: the port of loopback to which Entra sends the
 * browser after a sign-in (RFC 8252, 7.3).  It answers with a small page that
 * loads nothing, and takes one answer to our question and no second.
 */
#ifndef AUTH_LOOPBACK_H
#define AUTH_LOOPBACK_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct redirect;

#define LOOPBACK_CONNECTIONS	8	/* at a time; the oldest makes room */

struct loopback;

/*
 * Listens on a free port of 127.0.0.1, and on the same of ::1 where there is
 * one: else somebody else could, and browsers try it first for "localhost".
 * Gives a loopback, or NULL with EX_OSERR.
 */
struct loopback *loopback_open(struct err *e);
void	 loopback_free(struct loopback *l);

/* Its port, 1-65535. */
int	 loopback_port(const struct loopback *l);

/*
 * Serves for step_ms at most.  state: as redirect_read has it.
 * Returns true when the answer to our question has come and was answered: r has
 * a code or an error, and nobody else is served.
 */
bool	 loopback_serve(struct loopback *l, int step_ms, const char *state,
	    struct redirect *r);

#endif
