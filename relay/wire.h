/*
 * A TLS connection to the relay as a byte pipe that can be polled, in the
 * manner of libtls: the caller owns the waiting.  libwebsockets resolves
 * nothing here and sees neither proxy nor WebSocket: it connects, does TLS,
 * sends one GET and reads one answer; after "101" the body, which has no end, is ours in both
 * directions.
 *
 * Measured against libwebsockets' own WebSocket role on Debian 12 this sends
 * three times and receives seven times as fast, and it keeps the order and the
 * size of every read in our hands.  The transport behind this header can be
 * replaced without a change elsewhere.
 *
 *	w = wire_new(&config, &e);
 *	while ((r = wire_step(w, &e)) == WIRE_AGAIN)
 *		... poll on wire_fd(w) for wire_events(w), at most a second ...
 *	answer = wire_answer(w);
 *	... wire_read, wire_write, wire_flush with poll ...
 *	wire_free(w);
 */
#ifndef RELAY_WIRE_H
#define RELAY_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct header;
struct httpproxy;
struct trust;
struct wire;

/* Each differs from every length and from -1. */
#define WIRE_AGAIN	(-2)	/* nothing now: poll, then call again */
#define WIRE_EOF	0	/* the peer has ended the connection */

#define WIRE_READ_MIN	(16 * 1024)	/* bytes, least room for wire_read: a TLS record */

struct wire_config {
	const char		*host;		/* for SNI, Host and the certificate */
	const char		*path;		/* with the query */
	const struct header	*header;	/* extra request headers */
	size_t			 nheader;
	const char		*websocket_key;	/* Sec-WebSocket-Key */
	const char		*connect_host;	/* where TCP goes; NULL: host */
	int			 connect_port;	/* 0: 443 */
	const struct httpproxy	*proxy;		/* the way to host; NULL: straight */
	const struct trust	*trust;		/* whom to believe */
	int64_t			 connect_ms;	/* longest wait for one address */
};

/* The answer to the upgrade request; "" for a header that was absent. */
struct wire_answer {
	int	status;			/* 101, 404, ... */
	char	reason[512];		/* reason phrase: the relay says all there */
	char	upgrade[32];
	char	connection[64];
	char	accept[64];
	char	extensions[64];		/* we ask for none */
	char	protocol[64];		/* we ask for none */
	char	content_type[64];
	bool	has_body_header;	/* a length or a transfer encoding */
};

/* How long each phase took; -1: not reached; proxy: 0 without one. */
struct wire_times {
	int64_t	dns_ms, tcp_ms, proxy_ms, tls_ms, upgrade_ms;
};

/*
 * Begins to connect.  config and what it points to must live until wire_step
 * has returned something else than WIRE_AGAIN.
 * Returns NULL with an error when that cannot even begin.
 */
struct wire *wire_new(const struct wire_config *config, struct err *e);

/*
 * Goes on as far as it can without waiting.
 * Returns 0 when an HTTP answer, any, is there (wire_answer); WIRE_AGAIN; or -1
 * with an error: E601 name, E602 connect, E603 and E604 proxy, E605
 * certificate, E606 handshake, E607 no HTTP.
 */
int	 wire_step(struct wire *w, struct err *e);

/* What the relay answered, and how long the way there took.  Both are lent. */
const struct wire_answer *wire_answer(const struct wire *w);
const struct wire_times *wire_times(const struct wire *w);

/* The phase that wire_step is in, in a word: "dns", "tcp", "proxy",
 * "tls", "upgrade". */
const char *wire_phase(const struct wire *w);

/* What to poll, also while wire_step returns WIRE_AGAIN. */
int	 wire_fd(const struct wire *w);
short	 wire_events(const struct wire *w);

/*
 * Reads into buf, which has room for size bytes, at least WIRE_READ_MIN.
 * Returns the number of bytes; WIRE_AGAIN; WIRE_EOF when the connection is
 * closed, cleanly or not: that is for the layer above to judge; never -1.
 * Go on until WIRE_AGAIN: bytes may wait inside TLS where poll does not see
 * them.
 */
ssize_t	 wire_read(struct wire *w, uint8_t *buf, size_t size);

/*
 * Takes bytes from buf, for wire_flush to send.  Returns how many, at least 1;
 * WIRE_AGAIN while too many wait and the connection takes none; or -1 when it
 * takes no more at all; what was received can still be read then.
 */
ssize_t	 wire_write(struct wire *w, const uint8_t *buf, size_t len);

/* Sends what wire_write took.  Returns 0 when all is out, WIRE_AGAIN, or -1. */
int	 wire_flush(struct wire *w);

/* Closes at once and frees w.  NULL is allowed. */
void	 wire_free(struct wire *w);

#endif
