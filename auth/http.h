/*
 * HTTPS requests; only http.c and http_facts.c know libcurl.  No redirects, no
 * cookies, no compression, no netrc: one request, one answer of bounded size.
 * The way there is that of relay/httpproxy.h and relay/trust.h.
 */
#ifndef AUTH_HTTP_H
#define AUTH_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "relay/network.h"
#include "relay/secret.h"

struct err;
struct sockaddr;

#define HTTP_ID_MAX	80	/* bytes, with the NUL */

/*
 * How long http_call goes on trying, waits included.  Below the 8 s that others
 * wait for our lock (flight.h): they shall get our answer, not ask themselves.
 */
#define HTTP_PATIENCE_MS	7000

struct http_request {
	const char		*method;	/* "GET", "POST", "PUT" */
	const char		*url;		/* https; with local, http */
	const char *const	*headers;	/* "Name: value", NULL at the end */
	const struct secret	*body;		/* NULL: none */
	const struct network	*net;		/* the way there; local: not used */
	const char		*connect_to;	/* TCP goes to this HOST:PORT; NULL: as the URL says */
	bool			 local;		/* a service of this machine: see below */
	bool			 may_be_absent;	/* 404 and 410 pass: to be tried again */
	int			 timeout_s;	/* the whole of it */
	size_t			 body_max;	/* bytes of the answer */
};

struct http_reply {
	int		status;
	struct secret	body;
	struct secret	header;		/* its lines, as they came; for http_header */
	int64_t		retry_after_ms;	/* of http_retry_after_ms */
	char		request_id[HTTP_ID_MAX];	/* for support; or "" */
	char		correlation_id[HTTP_ID_MAX];
};

#define HTTP_REPLY_INIT	{ .status = 0 }

/*
 * One request.  The connection is kept for the next one to the same host, until
 * the process ends, but not a local one nor one by a proxy that wants a login; one
 * that the host has closed meanwhile is replaced by a new one.  Nothing else is
 * kept of a request.
 *
 * A local one goes without TLS and without a proxy, to a loopback
 * or link-local address only, and its connection must be up within a second:
 * the token services of Azure's machines (169.254.169.254, localhost).
 * Returns 0 when an answer came, whatever its status; -1 when none did, with an
 * error that names the host: E601 name, E602 connect, E603 and E604 proxy, E605
 * certificate, E606 TLS, E409 connection lost or too slow, E412 too large, E313
 * a local URL that is not local.  For E605 a second handshake, in which nothing is
 * sent, finds out who signed the certificate.  The first byte may take
 * the whole of timeout_s; an answer that has begun and then brings less than 100
 * bytes a second for 5 s is E409.  reply is freed by the caller in both cases.
 */
int	 http_once(const struct http_request *q, struct http_reply *reply,
	    struct err *e);

/* What is seen on the way to a host; "" or 0: it was not. */
struct http_facts {
	char	proxy[300];	/* by way of it: its name, without a login */
	char	address[64];	/* of the host; not by a proxy */
	char	tls[20];	/* "TLS 1.3" */
	char	issuer[160];	/* who signed its certificate */
	int64_t	ms;		/* from the beginning to the end of the answer */
};

/* As http_once with a connection of its own, and tells what is seen. */
int	 http_look(const struct http_request *q, struct http_reply *reply,
	    struct http_facts *f, struct err *e);

/*
 * The same as http_once, and again after 408, 429, 5xx (as late as http_retry_after_ms says)
 * and a lost connection, while HTTP_PATIENCE_MS last.  A wait that would be
 * longer, or nobody knows how long, is not begun: the reply is given as it is.
 */
int	 http_call(const struct http_request *q, struct http_reply *reply,
	    struct err *e);

/*
 * What a status means when its body does not tell: E408 throttled, E409 failing,
 * E607 for one that is not of the host at all (a portal, a proxy).  Returns -1.
 */
int	 http_refused(const char *host, const struct http_reply *reply,
	    struct err *e);

/* Is it 408, 429 or 5xx: the host's state and not our request? */
bool	 http_is_busy(int status);

void	 http_reply_free(struct http_reply *reply);

/*
 * Masks (secret_mask), in an answer, what it repeats of the secrets of the
 * request: values of Authorization, X-IDENTITY-HEADER and Secret, and the secret
 * fields of a form.  http_once does it where the status is a refusal, whose text
 * gets into errors.
 */
void	 http_mask(const struct http_request *q, struct http_reply *reply);

/*
 * Copies the value of a header (RFC 9110, 5.1: any case; the first of that name)
 * into out.  Returns false, and "", when there is none or it does not fit.
 */
bool	 http_header(const struct http_reply *reply, const char *name, char *out,
	    size_t size);

/*
 * How long the server asks us to wait: retry-after-ms, x-ms-retry-after-ms (both
 * of Azure) or Retry-After (RFC 9110, 10.2.3: seconds or a date); in a 429 without
 * them, http_resets_after_ms.  now is our clock, for a date when the answer does
 * not say what the server's shows.
 * Returns 0-HTTP_WAIT_MAX_MS, 0 also if nothing is said; or HTTP_WAIT_UNREADABLE.
 */
#define HTTP_WAIT_MAX_MS	(24 * 3600 * 1000)	/* a longer one becomes this */
#define HTTP_WAIT_UNREADABLE	(-1)
int64_t	 http_retry_after_ms(const struct http_reply *reply, time_t now);

/* The server's clock, as its answer says it (RFC 9110, 6.6.1).  Returns 0 or -1. */
int	 http_date(const struct http_reply *reply, time_t *out);

/*
 * When there will be a new quota: x-ms-user-quota-resets-after of Azure Resource
 * Graph, "hh:mm:ss".  Returns 0-HTTP_WAIT_MAX_MS; 0 also if it is not said.
 */
int64_t	 http_resets_after_ms(const struct http_reply *reply);

/*
 * The fence around a local request: http://, then an IPv4 or [IPv6] address of
 * loopback or link-local, or "localhost", and perhaps a port; no user.
 */
bool	 http_is_local_url(const char *url);
bool	 http_is_local_address(const struct sockaddr *address);

/* "https://host:port/path" -> "host:port". */
void	 http_host(const char *url, char *out, size_t size);

/* "https://[::1]:8443/path" -> "[::1]", 8443; 443 if no port is said. */
void	 http_target(const char *url, char *host, size_t size, int *port);

/* "libcurl/7.88.1 OpenSSL/3.0.17 ...".  Static. */
const char *http_version(void);

#endif
