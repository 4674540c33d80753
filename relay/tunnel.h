/*
 * A way through an HTTP proxy: CONNECT (RFC 9110, 9.3.6) on a TCP connection to
 * it.  libwebsockets can do this too, but takes only the answer that comes in
 * one piece and begins with "HTTP/1.x 200 ", calls each other one "proxy not
 * h1", and has room for 93 bytes of login.
 */
#ifndef RELAY_TUNNEL_H
#define RELAY_TUNNEL_H

struct err;
struct httpproxy;
struct tunnel;

#define TUNNEL_AGAIN	(-2)	/* nothing now: poll, then call again */

/*
 * For host:port by way of p, which must live as long as the tunnel.  Logs in
 * with Basic if p has a user.  Returns NULL when there is no memory.
 */
struct tunnel *tunnel_new(const struct httpproxy *p, const char *host,
	    int port);

/*
 * Goes on as far as it can without waiting on fd, the connection to the proxy.
 * Returns 0 when it leads to the host: not a byte from there has been read;
 * TUNNEL_AGAIN; or -1 with E603 or E604.
 */
int	 tunnel_step(struct tunnel *t, int fd, struct err *e);

/* What to poll fd for. */
short	 tunnel_events(const struct tunnel *t);

/* "host:port".  Lent. */
const char *tunnel_target(const struct tunnel *t);

/* Wipes and frees; fd stays as it is.  NULL is allowed. */
void	 tunnel_free(struct tunnel *t);

#endif
