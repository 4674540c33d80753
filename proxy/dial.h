/*
 * From the command line to an open session: the credential, an attempt, a wait,
 * the next attempt.
 */
#ifndef PROXY_DIAL_H
#define PROXY_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/cloud.h"
#include "proxy/diag.h"
#include "proxy/waiting.h"
#include "relay/info.h"
#include "relay/wire.h"

struct err;
struct opts;
struct sshio;

struct dial {
	/* set by the caller */
	const struct opts	*o;
	struct sshio		*ssh;
	int64_t			 began_ms;	/* clock_ms; the deadline counts from it */
	bool			 for_ssh;	/* which has its own patience */

	/* for the caller, afterwards */
	struct wire		*wire;		/* open after a good 101; or NULL */
	struct diag_names	 names;
	struct wire_answer	 refusal;	/* the last one; status 0: there was none */
	struct wire_times	 times;		/* of the last attempt */
	int64_t			 credential_ms;	/* -1: none was got */
	int64_t			 open_ms;	/* when the 101 came; 0: it did not */
	int			 attempts;
	bool			 with_proxy;	/* the last attempt */

	/* its own */
	struct waiting		 waiting;
	bool			 is_cut;	/* more time could have helped */
	struct cloud		 cloud;
	struct relay_info	 info;
	bool			 info_is_new;
};

#define DIAL_NO_TIMES	{ -1, -1, -1, -1, -1 }
#define DIAL_INIT	{ .info = RELAY_INFO_INIT, .credential_ms = -1, \
			    .times = DIAL_NO_TIMES }

/*
 * Gets a credential and dials until the relay answers with a good 101, the
 * failure is one that another attempt cannot cure, or until the deadline of o or,
 * for ssh, its ConnectTimeout (proxy/waiting.h).
 * A credential that the relay refuses is renewed once.  An open session needs no
 * secret: all are wiped then.
 *
 * Returns 0; or -1 with an error; or -1 with e->status 0 when ssh has left:
 * nothing is dialled afterwards.
 */
int	 dial(struct dial *d, struct err *e);

/*
 * At -v: how long each phase of the last attempt took; banner_ms: from the 101 to
 * the first word of the machine's server; or -1.
 */
void	 dial_tell_times(const struct dial *d, int64_t banner_ms);

/* Closes what is open and wipes what is secret. */
void	 dial_free(struct dial *d);

#endif
