/*
 * The connection, see wire.h.  The only file that knows libwebsockets; what it
 * learned about versions 4.0 to 4.3 stands beside the code that needs it.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <libwebsockets.h>

#include "relay/clock.h"
#include "relay/endpoint.h"
#include "relay/err.h"
#include "relay/httpproxy.h"
#include "relay/log.h"
#include "relay/resolve.h"
#include "relay/secret.h"
#include "relay/tls.h"
#include "relay/trust.h"
#include "relay/tunnel.h"
#include "relay/wire.h"

#define HTTPS_PORT	443
#define TLS_RECORD	(16 * 1024)
#define PROXY_MS	10000	/* it connects to the relay before it answers */

/*
 * Room for the request and for the answer.  The default of 4 KiB is too small
 * for our tokens, and a longer request fails without a word.  It also bounds
 * what one read can take: one whole TLS record.
 */
#define HEADER_BYTES	(TLS_RECORD + LWS_PRE)

#define SOON_MS		1	/* a lookup that asks nobody takes less */

/* Our own clock rules over each phase; this only keeps lws' clock out of it. */
#define LWS_TIMEOUT_S	3600

enum phase { DNS, TCP, PROXY, TLS, UPGRADE, ANSWERED, LOST };

struct wire {
	struct wire_config	 config;
	enum phase		 phase;
	struct resolver		*resolver;
	struct addrinfo		*addresses;	/* of all that were found */
	struct addrinfo		*address;	/* the one being tried */
	struct tunnel		*tunnel;	/* through the proxy, if there is one */
	struct tls		 tls;
	struct lws_context	*context;
	struct lws_vhost	*vhost;		/* the settings of conn */
	struct lws		*conn;
	struct wire_answer	 answer;
	struct wire_times	 times;
	int64_t			 phase_began_ms;
	char			 why[128];	/* what lws said of a failure */
	uint8_t			*want;		/* where lws is told to read to */
	size_t			 got;
	unsigned char		*asked;		/* our headers, in a buffer of lws */
	size_t			 nasked;
};

static void
enter(struct wire *w, enum phase phase)
{
	int64_t now = clock_ms(), took = now - w->phase_began_ms;

	switch (w->phase) {
	case DNS:	w->times.dns_ms = took;		break;
	case TCP:	w->times.tcp_ms = took;		break;
	case PROXY:	w->times.proxy_ms = took;	break;
	case TLS:	w->times.tls_ms = took;		break;
	case UPGRADE:	w->times.upgrade_ms = took;	break;
	default:	break;
	}
	w->phase = phase;
	w->phase_began_ms = now;
}

/* --- what libwebsockets tells us --- */

/* Adds our headers to the request; *at is moved on.  Returns 0 or -1. */
static int
add_headers(struct wire *w, struct lws *conn, unsigned char **at,
    unsigned char *end)
{
	const struct header fixed[] = {
		{ "Connection:", "Upgrade" },
		{ "Upgrade:", "websocket" },
		{ "Sec-WebSocket-Version:", "13" },
		{ "Sec-WebSocket-Key:", w->config.websocket_key },
	};
	size_t nfixed = sizeof(fixed) / sizeof(fixed[0]), i;

	w->asked = *at;
	for (i = 0; i < nfixed + w->config.nheader; i++) {
		const struct header *h = i < nfixed ? &fixed[i] :
		    &w->config.header[i - nfixed];

		if (lws_add_http_header_by_name(conn,
		    (const unsigned char *)h->name,
		    (const unsigned char *)h->value, (int)strlen(h->value),
		    at, end) != 0)
			return (-1);
	}
	w->nasked = (size_t)(*at - w->asked);
	return (0);
}

/*
 * lws keeps its buffer for as long as we live.  Only what still are our values
 * is wiped: the buffer is also what it reads the answer into.
 */
static void
forget_headers(struct wire *w)
{
	unsigned char *at;
	size_t i, len;

	for (i = 0; i < w->config.nheader && w->nasked > 0; i++) {
		len = strlen(w->config.header[i].value);
		at = len == 0 ? NULL : memmem(w->asked, w->nasked,
		    w->config.header[i].value, len);
		if (at != NULL)
			secret_wipe(at, len);
	}
	w->nasked = 0;
}

/* A header's value; the blanks around it are not part of it (RFC 9110, 5.5). */
static void
copy_header(struct lws *conn, enum lws_token_indexes token, char *out,
    size_t size)
{
	int n = lws_hdr_copy(conn, out, (int)size, token);
	size_t lead, len;

	if (n < 0 || strlen(out) != (size_t)n) {
		(void)snprintf(out, size, n < 0 ? "(too long)" : "(NUL)");
		return;
	}
	lead = strspn(out, " \t");
	for (len = (size_t)n; len > lead && strchr(" \t", out[len - 1]) != NULL;
	    len--)
		;
	memmove(out, out + lead, len - lead);
	out[len - lead] = '\0';
}

static void
keep_answer(struct wire *w, struct lws *conn)
{
	struct wire_answer *a = &w->answer;
	char line[HEADER_BYTES];
	const char *reason;

	/* the status line without its version: "404 Endpoint does not exist" */
	if (lws_hdr_copy(conn, line, sizeof(line), WSI_TOKEN_HTTP) < 0)
		line[0] = '\0';
	a->status = (int)lws_http_client_http_response(conn);
	if (a->status == 0)	/* newer versions ask about a 401 too early */
		a->status = (int)strtol(line, NULL, 10);
	reason = strchr(line, ' ');
	(void)snprintf(a->reason, sizeof(a->reason), "%s",
	    reason != NULL ? reason + 1 : "");

	copy_header(conn, WSI_TOKEN_UPGRADE, a->upgrade, sizeof(a->upgrade));
	copy_header(conn, WSI_TOKEN_CONNECTION, a->connection,
	    sizeof(a->connection));
	copy_header(conn, WSI_TOKEN_ACCEPT, a->accept, sizeof(a->accept));
	copy_header(conn, WSI_TOKEN_EXTENSIONS, a->extensions,
	    sizeof(a->extensions));
	copy_header(conn, WSI_TOKEN_PROTOCOL, a->protocol,
	    sizeof(a->protocol));
	copy_header(conn, WSI_TOKEN_HTTP_CONTENT_TYPE, a->content_type,
	    sizeof(a->content_type));
	a->has_body_header =
	    lws_hdr_total_length(conn, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0 ||
	    lws_hdr_total_length(conn, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0;
}

static int
on_event(struct lws *conn, enum lws_callback_reasons reason, void *user,
    void *in, size_t len)
{
	struct lws_context *context = lws_get_context(conn);
	struct wire *w = context != NULL ? lws_context_user(context) : NULL;

	switch (reason) {
	case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
		tls_note_verdict(&w->tls, user, len != 0);
		break;
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		enter(w, UPGRADE);
		return (add_headers(w, conn, in, *(unsigned char **)in + len));
	case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
		keep_answer(w, conn);
		forget_headers(w);
		enter(w, ANSWERED);
		break;
	case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
		/* bytes that came with the header lie in a buffer of lws */
		if (in != w->want)
			memmove(w->want, in, len);
		w->got = len;
		break;
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		(void)snprintf(w->why, sizeof(w->why), "%.*s", (int)len,
		    in != NULL ? (char *)in : "");
		w->conn = NULL;
		break;
	case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
		w->conn = NULL;
		break;
	default:
		break;
	}
	return (0);
}

static const struct lws_protocols protocols[] = {
	{ .name = "http", .callback = on_event },
	{ .name = NULL }
};

static void
lws_says(int level, const char *line)
{
	(void)level;
	log_debug("libwebsockets: %.*s", (int)strcspn(line, "\n"), line);
}

/* --- dialling --- */

/* Hands over w->tls, which need not be there when a connection begins. */
static int
offer_tls(struct wire *w)
{
	struct lws_context_creation_info info = { 0 };

	info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	tls_offer(&w->tls, &info);
	return (lws_init_vhost_client_ssl(&info, w->vhost) == 0 ? 0 : -1);
}

/* Returns 0, or -1 with an error. */
static int
new_context(struct wire *w, struct err *e)
{
	struct lws_context_creation_info info = { 0 };

	lws_set_log_level(log_wants(LOG_DEBUG) ? LLL_ERR | LLL_WARN : 0,
	    lws_says);
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.protocols = protocols;
	info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
	    LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
	info.gid = info.uid = -1;
	info.user = w;
	info.pt_serv_buf_size = HEADER_BYTES;
	info.max_http_header_data = HEADER_BYTES;
	info.timeout_secs = LWS_TIMEOUT_S;
#if LWS_LIBRARY_VERSION_NUMBER >= 4001000
	info.connect_timeout_secs = LWS_TIMEOUT_S;
#endif
	info.fd_limit_per_thread = 8;	/* else one entry for each possible fd */
	/* no proxy: tunnel.c is the way; else it would ask http_proxy */
	info.http_proxy_address = "-:0";
	if ((w->context = lws_create_context(&info)) != NULL) {
		info.options = 0;	/* else it makes a TLS context of its own */
		w->vhost = lws_create_vhost(w->context, &info);
	}
	if (w->context == NULL || w->vhost == NULL ||
	    (w->tls.context != NULL && offer_tls(w) == -1))
		return (err_set(e, EX_OSERR, "", "cannot set up libwebsockets"));
	return (0);
}

static const char *
address_text(const struct addrinfo *a, char *out, size_t size)
{
	if (getnameinfo(a->ai_addr, a->ai_addrlen, out, (socklen_t)size, NULL,
	    0, NI_NUMERICHOST) != 0)
		(void)snprintf(out, size, "?");
	return (out);
}

static int
dial_port(const struct wire *w)
{
	return (w->config.connect_port != 0 ? w->config.connect_port :
	    w->config.proxy != NULL ? w->config.proxy->port : HTTPS_PORT);
}

static const char *
dial_host(const struct wire *w)
{
	return (w->config.connect_host != NULL ? w->config.connect_host :
	    w->config.proxy != NULL ? w->config.proxy->host : w->config.host);
}

/* Begins to connect to w->address.  Returns 0 or -1. */
static int
dial_address(struct wire *w)
{
	struct lws_client_connect_info info = { 0 };
	char text[NI_MAXHOST];

	enter(w, TCP);
	info.context = w->context;
	info.vhost = w->vhost;
	info.address = address_text(w->address, text, sizeof(text));
	info.port = dial_port(w);
	info.host = w->config.host;
	info.path = w->config.path;
	info.method = "GET";
	info.alpn = "http/1.1";
	/*
	 * A redirect must never carry our tokens to another host.  Without
	 * "pipelining" lws adds "Connection: close" beside our "Upgrade".
	 */
	info.ssl_connection = LCCSCF_USE_SSL | LCCSCF_PIPELINE |
	    LCCSCF_HTTP_NO_FOLLOW_REDIRECT;
	info.local_protocol_name = protocols[0].name;
	info.pwsi = &w->conn;
	log_debug("connecting to %s port %d", text, info.port);
	return (lws_client_connect_via_info(&info) == NULL ? -1 : 0);
}

static int
cannot_connect(struct wire *w, int error, struct err *e)
{
	char text[NI_MAXHOST];

	if (w->config.proxy != NULL) {
		httpproxy_unreachable(w->config.proxy, strerror(error), e);
		e->retry = RETRY_NETWORK;
		return (-1);
	}
	err_set(e, EX_UNAVAILABLE, "E602", "cannot connect to %s (%s) port %d: "
	    "%s", dial_host(w), address_text(w->address, text, sizeof(text)),
	    dial_port(w), strerror(error));
	e->retry = RETRY_NETWORK;
	return (err_fix(e, "let the firewall pass %s:%d, or give another way "
	    "with --proxy URL or --connect-to HOST:PORT", dial_host(w),
	    dial_port(w)));
}

/*
 * This address is no good: the next one, or the end with *e as it is.
 * Returns WIRE_AGAIN or -1.
 */
static int
next_address(struct wire *w, struct err *e)
{
	log_verbose("%s", e->cause);
	for (;;) {
		lws_context_destroy(w->context);
		w->conn = NULL;
		if (new_context(w, e) == -1)
			return (-1);
		if ((w->address = w->address->ai_next) == NULL) {
			w->phase = LOST;
			return (-1);
		}
		if (dial_address(w) == 0)
			return (WIRE_AGAIN);
		(void)cannot_connect(w, errno, e);
	}
}

static int
step_dns(struct wire *w, struct err *e)
{
	struct pollfd p = { resolver_fd(w->resolver), POLLIN, 0 };
	int error;

	if (poll(&p, 1, 0) != 1)
		return (WIRE_AGAIN);
	error = resolver_result(w->resolver, &w->addresses);
	resolver_free(w->resolver);
	w->resolver = NULL;
	if (error != 0) {
		w->phase = LOST;
		if (w->config.proxy != NULL) {
			httpproxy_unresolved(w->config.proxy,
			    gai_strerror(error), e);
			e->retry = RETRY_NETWORK;
			return (-1);
		}
		err_set(e, EX_UNAVAILABLE, "E601", "cannot resolve %s: %s",
		    dial_host(w), gai_strerror(error));
		e->retry = RETRY_NETWORK;
		return (err_fix(e, "check the network and its DNS; if only a "
		    "proxy has DNS, name it with --proxy URL; or give an "
		    "address with --connect-to HOST:PORT"));
	}
	w->address = w->addresses;
	if (dial_address(w) == 0)
		return (WIRE_AGAIN);
	(void)cannot_connect(w, errno, e);
	return (next_address(w, e));
}

static int
step_tcp(struct wire *w, struct err *e)
{
	struct pollfd p = { lws_get_socket_fd(w->conn), POLLOUT, 0 };
	int error = 0;
	socklen_t len = sizeof(error);

	/* lws would lose the reason: ask for it before lws does */
	if (poll(&p, 1, 0) == 0)
		error = clock_ms() - w->phase_began_ms < w->config.connect_ms ?
		    0 : ETIMEDOUT;
	else if (getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
	    (error == 0 || error == ECONNRESET)) {
		error = 0;	/* a reset comes after the connection was up */
		enter(w, w->tunnel != NULL ? PROXY : TLS);
	}
	if (error == 0)
		return (WIRE_AGAIN);
	(void)cannot_connect(w, error, e);
	return (next_address(w, e));
}

/*
 * lws has begun to connect, in the background as ever, and does not know yet
 * that the connection is up.  Until it is stepped the socket is ours.
 */
static int
step_proxy(struct wire *w, struct err *e)
{
	int r = tunnel_step(w->tunnel, lws_get_socket_fd(w->conn), e);

	if (r == TUNNEL_AGAIN && clock_ms() - w->phase_began_ms >= PROXY_MS) {
		r = httpproxy_silent(w->config.proxy, tunnel_target(w->tunnel),
		    e);
		e->retry = RETRY_NETWORK;
	}
	if (r == TUNNEL_AGAIN)
		return (WIRE_AGAIN);
	if (r == -1) {
		w->phase = LOST;
		return (-1);
	}
	tunnel_free(w->tunnel);
	w->tunnel = NULL;
	enter(w, TLS);
	return (WIRE_AGAIN);
}

/* lws gave up: say why in our words. */
static int
explain_loss(struct wire *w, struct err *e)
{
	const char *host = w->config.host;
	enum phase phase = w->phase;

	w->phase = LOST;
	if (phase == ANSWERED)	/* the answer says it better */
		return (0);
	if (w->tls.trouble[0] != '\0') {
		err_set(e, EX_CONFIG, "E605", "the certificate of %s %s", host,
		    w->tls.trouble);
		if (w->config.trust->only[0] != '\0')
			return (err_fix(e, "only %.150s is trusted here: is it "
			    "right?", w->config.trust->only));
		return (err_fix(e, "if a proxy inspects TLS here, add its CA: "
		    "export SSL_CERT_FILE=/PATH/CA.pem"));
	}
	if (phase == TLS) {
		err_set(e, EX_PROTOCOL, "E606", "the TLS handshake with %s "
		    "failed (%s)", host, w->tls.alert[0] != '\0' ?
		    w->tls.alert : w->why);
		e->retry = RETRY_NETWORK;
		return (err_fix(e, "a middlebox may be in the way: see -vv, "
		    "or try another network"));
	}
	err_set(e, EX_PROTOCOL, "E607", "%s ended the connection without an "
	    "HTTP answer (%s)", host, w->why);
	e->retry = RETRY_SERVICE;
	return (err_fix(e, "try again; if it stays, a middlebox does not let "
	    "WebSocket upgrades pass"));
}

struct wire *
wire_new(const struct wire_config *config, struct err *e)
{
	struct wire *w = calloc(1, sizeof(*w));
	struct pollfd soon;

	if (w == NULL) {
		err_set(e, EX_OSERR, "", "out of memory");
		return (NULL);
	}
	w->config = *config;
	w->times = (struct wire_times){ -1, -1,
	    config->proxy != NULL ? -1 : 0, -1, -1 };
	w->phase = DNS;
	w->phase_began_ms = clock_ms();
	w->resolver = resolver_start(dial_host(w), dial_port(w));
	if (w->resolver == NULL) {
		err_sys(e, EX_OSERR, "", "cannot start to resolve %s",
		    dial_host(w));
		goto fail;
	}
	if (config->proxy != NULL && (w->tunnel = tunnel_new(config->proxy,
	    config->host, HTTPS_PORT)) == NULL) {
		err_set(e, EX_OSERR, "", "out of memory");
		goto fail;
	}
	tls_library_init();
	if (new_context(w, e) == -1)
		goto fail;
	/* a name of /etc/hosts or of a cache at hand: connect before the TLS
	 * context is made */
	soon = (struct pollfd){ resolver_fd(w->resolver), POLLIN, 0 };
	(void)poll(&soon, 1, SOON_MS);
	return (w);
 fail:
	wire_free(w);
	return (NULL);
}

/*
 * Makes the TLS context while the name is looked up and the peer answers our
 * SYN: it takes 2.5 ms, half of what we compute until a session is up.
 */
static int
begin_tls(struct wire *w, struct err *e)
{
	if (tls_init(&w->tls, w->config.host, w->config.trust, e) == -1)
		return (-1);
	if (offer_tls(w) == -1)
		return (err_set(e, EX_OSERR, "", "cannot set up TLS"));
	return (WIRE_AGAIN);
}

int
wire_step(struct wire *w, struct err *e)
{
	int r = WIRE_AGAIN;

	if (w->phase == DNS)
		r = step_dns(w, e);
	if (r == WIRE_AGAIN && w->tls.context == NULL &&
	    (r = begin_tls(w, e)) == WIRE_AGAIN && w->phase == DNS)
		r = step_dns(w, e);
	if (r == WIRE_AGAIN && w->phase == TCP)
		r = step_tcp(w, e);
	if (r == WIRE_AGAIN && w->phase == PROXY)
		r = step_proxy(w, e);
	if (r != WIRE_AGAIN || w->phase < TLS)
		return (r);
	if (w->phase != ANSWERED)
		(void)lws_service(w->context, -1);	/* -1: do not wait */
	if (w->conn == NULL)
		return (explain_loss(w, e));
	if (w->phase != ANSWERED)
		return (WIRE_AGAIN);
	if (tls_gather(&w->tls, w->conn) == -1)
		return (err_set(e, EX_OSERR, "", "out of memory"));
	return (0);
}

const struct wire_answer *
wire_answer(const struct wire *w)
{
	return (&w->answer);
}

const struct wire_times *
wire_times(const struct wire *w)
{
	return (&w->times);
}

const char *
wire_phase(const struct wire *w)
{
	static const char *const name[] = {
		[DNS] = "dns", [TCP] = "tcp", [PROXY] = "proxy", [TLS] = "tls",
		[UPGRADE] = "upgrade", [ANSWERED] = "open", [LOST] = "lost",
	};

	return (name[w->phase]);
}

/* --- after the upgrade --- */

int
wire_fd(const struct wire *w)
{
	if (w->phase == DNS)
		return (resolver_fd(w->resolver));
	return (w->conn != NULL ? lws_get_socket_fd(w->conn) : -1);
}

short
wire_events(const struct wire *w)
{
	if (w->phase == PROXY)
		return (tunnel_events(w->tunnel));
	return (w->phase == TCP ? POLLOUT : POLLIN);
}

ssize_t
wire_read(struct wire *w, uint8_t *buf, size_t size)
{
	char *at = (char *)buf;
	int n = TLS_RECORD;
	int r;

	if (w->conn == NULL)
		return (WIRE_EOF);
	/*
	 * Bytes that came with the answer are handed out whole, whatever size
	 * we ask for, in at most HEADER_BYTES: hence the least room.
	 */
	if (size < WIRE_READ_MIN)
		return (WIRE_AGAIN);
	w->want = buf;
	w->got = 0;
	r = lws_http_client_read(w->conn, &at, &n);
	if (w->got > 0)
		return ((ssize_t)w->got);
	return (r < 0 ? WIRE_EOF : WIRE_AGAIN);
}

/* Sends what lws has kept.  Returns as wire_flush. */
static int
flush_lws(struct wire *w)
{
	struct pollfd p = { .events = POLLOUT };

	if (w->conn == NULL)
		return (-1);
	if (!lws_partial_buffered(w->conn))
		return (0);
	/*
	 * When the peer is gone lws would close the connection, and with it
	 * throw away what was received and not read yet.
	 */
	p.fd = lws_get_socket_fd(w->conn);
	(void)poll(&p, 1, 0);
	if (p.revents & (POLLERR | POLLHUP))
		return (-1);
	if (!(p.revents & POLLOUT))
		return (WIRE_AGAIN);
	(void)lws_service(w->context, -1);
	if (w->conn == NULL)
		return (-1);
	return (lws_partial_buffered(w->conn) ? WIRE_AGAIN : 0);
}

ssize_t
wire_write(struct wire *w, const uint8_t *buf, size_t len)
{
	size_t n = len < TLS_RECORD ? len : TLS_RECORD;
	int r;

	if ((r = flush_lws(w)) != 0 ||
	    (!tls_has_room(&w->tls) && (r = wire_flush(w)) != 0))
		return (r);
	/*
	 * lws takes the whole of it and keeps a copy of what TLS did not take:
	 * lws_partial_buffered() then means "not sent yet".  It does not write
	 * to buf, in spite of its prototype.
	 */
	if (lws_write(w->conn, (unsigned char *)(uintptr_t)buf, n,
	    LWS_WRITE_HTTP) < 0)
		return (-1);
	return ((ssize_t)n);
}

int
wire_flush(struct wire *w)
{
	int r = flush_lws(w);

	if (r == 0 && (r = tls_flush(&w->tls)) == TLS_AGAIN)
		r = WIRE_AGAIN;
	return (r);
}

void
wire_free(struct wire *w)
{
	if (w == NULL)
		return;
	resolver_free(w->resolver);
	if (w->addresses != NULL)
		freeaddrinfo(w->addresses);
	if (w->context != NULL)
		lws_context_destroy(w->context);
	tls_free(&w->tls);
	tunnel_free(w->tunnel);
	free(w);
}
