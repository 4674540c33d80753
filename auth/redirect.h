/*
 * The browser's way back after a sign-in (RFC 6749, 4.1.2): it asks us, on
 * loopback, for /?code=...&state=... of our redirect address.  Pure: a request
 * line in, a judgement out.
 */
#ifndef AUTH_REDIRECT_H
#define AUTH_REDIRECT_H

#include <stddef.h>

#include "relay/secret.h"

#define REDIRECT_LINE_MAX	8192	/* bytes of a request line */

enum redirect_verdict {
	REDIRECT_CODE,		/* signed in: code has what Entra gave */
	REDIRECT_ERROR,		/* not signed in: error and text tell */
	REDIRECT_STRANGER,	/* not the answer to our question: 400 */
	REDIRECT_ELSEWHERE,	/* another path, such as the icon: 404 */
	REDIRECT_NO_REQUEST,	/* nothing that a browser would send: 400 */
};

struct redirect {
	struct secret	code;
	char		error[40];	/* OAuth's word; or "" */
	char		text[256];	/* what Entra says to it; or "" */
};

#define REDIRECT_INIT	{ .error = "" }

/*
 * line: a request line of len bytes without its end, of anybody who can reach
 * loopback.  state: what our question had; compared in constant time.  Only an
 * answer with it counts, also for an error.  r is freed by the caller.
 */
enum redirect_verdict redirect_read(const char *line, size_t len,
	    const char *state, struct redirect *r);
void	 redirect_free(struct redirect *r);

#endif
