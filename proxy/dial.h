/*
 * From relay information to an open session: attempt, wait, try again.
 */
#ifndef PROXY_DIAL_H
#define PROXY_DIAL_H

#include <stdint.h>

struct cloud;
struct diag_names;
struct err;
struct opts;
struct relay_info;
struct sshio;
struct wire;
struct wire_answer;

/*
 * Dials until the relay answers with a good 101, the failure is one that another
 * attempt cannot cure, or until the deadline of o, counted from began_ms
 * (clock_ms).  A credential that the relay refuses is renewed once.
 *
 * Returns 0 and gives *wire; or -1 with an error; or -1 with e->status 0 when
 * ssh has left: nothing is dialled afterwards.  info may have been renewed;
 * *refusal is the last answer that let us not in (status 0: there was none).
 */
int	 dial(const struct opts *o, const struct cloud *cloud,
	    const struct diag_names *names, struct sshio *ssh, int64_t began_ms,
	    struct relay_info *info, struct wire **wire,
	    struct wire_answer *refusal, struct err *e);

#endif
