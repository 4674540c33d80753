/*
 * Where to knock and what to say there: relay information and a port become a
 * host, a path and header lines.  Pure.  See arc-relay-protocol(7), UPGRADE.
 */
#ifndef RELAY_ENDPOINT_H
#define RELAY_ENDPOINT_H

#include <stddef.h>

struct err;
struct relay_info;

#define ENDPOINT_HOST_MAX	127	/* bytes; libwebsockets cuts a longer one */
#define ENDPOINT_PATH_MAX	1500	/* bytes; a request line of 2,000 hangs it */
#define ENDPOINT_HEADERS_MAX	(12 * 1024)	/* bytes, all values: its buffer has 16 KiB */
#define ENDPOINT_NHEADERS	3
#define ENDPOINT_ID_SIZE	37	/* text of a UUID, and NUL */

struct header {
	const char	*name;		/* with the colon, as libwebsockets wants it */
	const char	*value;
};

struct endpoint {
	char		 host[ENDPOINT_HOST_MAX + 1];
	char		 path[ENDPOINT_PATH_MAX + 1];
	char		 target[32];	/* "localhost:22" */
	struct header	 header[ENDPOINT_NHEADERS];	/* values lent by info and target */
	size_t		 nheader;
};

/*
 * Fills ep for one attempt.
 *	info	checked with relay_info_check; must live as long as ep
 *	port	1-65535, of the machine
 *	id	the tracking id of this attempt, see endpoint_new_id
 * ep must not be moved afterwards: a header points into it.
 * Returns 0, or -1 with EX_DATAERR when something is too long to be sent.
 */
int	 endpoint_build(struct endpoint *ep, const struct relay_info *info,
	    int port, const char *id, struct err *e);

/* A random (version 4) UUID, RFC 4122. */
void	 endpoint_new_id(char id[ENDPOINT_ID_SIZE]);

#endif
