/*
 * The far end of the benchmark: a TLS server on loopback that is faster than
 * what it measures.  Blocking, one process a connection, OpenSSL alone.
 *
 *	server CERT KEY MODE BYTES FRAME	prints the port and serves
 *	server PORT MODE BYTES			a client for it
 *
 * MODE is what the server does: "source" sends BYTES and waits for the peer to
 * end, "sink" counts until the peer ends, "idle" sends one byte and waits.
 * These speak bare TLS, for socat.  With "ws" it answers a WebSocket upgrade,
 * takes the mode from the path (/$hc/bench/sink?...) and sends frames of FRAME
 * bytes.  Of each connection it prints "MODE BYTES SECONDS CPU-SECONDS", from
 * the first byte of payload on.
 *
 * It trusts its peer, a program that is being measured: it is no relay.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#define LIMIT_S		300		/* of a connection: against a hang */
#define REQUEST_MAX	(16 * 1024)
#define BLOCK		(64 * 1024)	/* four TLS records */
#define FRAME_MAX	0xffff		/* with a length of two bytes */
#define READ_BUFFER	(256 * 1024)	/* several records a system call */

#define GUID		"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

struct peer {
	SSL	*ssl;
	int	 framed;		/* WebSocket, else bare TLS */
	double	 began;			/* 0: no payload yet */
	uint64_t bytes;			/* of payload */
};

static double
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

static double
cpu_seconds(void)
{
	struct rusage ru;

	(void)getrusage(RUSAGE_SELF, &ru);
	return ((double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	    (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6);
}

static void
put(SSL *ssl, const uint8_t *data, size_t len)
{
	size_t n;

	if (SSL_write_ex(ssl, data, len, &n) != 1)
		errx(1, "the peer takes no more");
}

/* --- WebSocket --- */

/* Answers the upgrade request; mode: the last word of the path. */
static void
upgrade(SSL *ssl, char *mode, size_t size)
{
	static const char header[] = "\r\nSec-WebSocket-Key: ";
	char request[REQUEST_MAX + 1], key[64], answer[256];
	unsigned char sum[20], accept[32];
	size_t len = 0, n;
	const char *at;

	do {
		if (len == REQUEST_MAX || SSL_read_ex(ssl, request + len,
		    REQUEST_MAX - len, &n) != 1)
			errx(1, "no request");
		request[len += n] = '\0';
	} while (strstr(request, "\r\n\r\n") == NULL);

	if ((at = strstr(request, "/bench/")) == NULL)
		errx(1, "no mode in the path");
	at += strlen("/bench/");
	(void)snprintf(mode, size, "%.*s", (int)strcspn(at, "? "), at);
	if ((at = strcasestr(request, header)) == NULL)
		errx(1, "no key");
	at += strlen(header);
	(void)snprintf(key, sizeof(key), "%.*s" GUID, (int)strcspn(at, "\r"),
	    at);
	if (EVP_Digest(key, strlen(key), sum, NULL, EVP_sha1(), NULL) != 1)
		errx(1, "no SHA-1");
	(void)EVP_EncodeBlock(accept, sum, sizeof(sum));
	put(ssl, (uint8_t *)answer, (size_t)snprintf(answer, sizeof(answer),
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accept));
}

static void
put_close(SSL *ssl)
{
	static const uint8_t frame[] = { 0x88, 2, 1000 >> 8, 1000 & 0xff };

	put(ssl, frame, sizeof(frame));
}

/* Writes the header of an unmasked binary frame; returns its length. */
static size_t
put_header(uint8_t *out, size_t len)
{
	out[0] = 0x82;
	if (len < 126) {
		out[1] = (uint8_t)len;
		return (2);
	}
	out[1] = 126;
	out[2] = (uint8_t)(len >> 8);
	out[3] = (uint8_t)len;
	return (4);
}

/*
 * Counts the payload of the masked frames in the next n bytes.  The mask is
 * skipped: to undo it would only load the server.  Returns 1 at a Close.
 */
static int
count_frames(struct peer *p, const uint8_t *in, size_t n)
{
	static uint8_t header[14];
	static size_t have, need = 6;
	static uint64_t left;
	size_t some, i;

	while (n > 0) {
		if (left > 0) {
			some = n < left ? n : (size_t)left;
			p->bytes += some;
			left -= some;
			in += some;
			n -= some;
			continue;
		}
		header[have++] = *in++;
		n--;
		if (have == 2) {
			if ((header[0] & 0x0f) == 0x8)
				return (1);
			if (header[0] != 0x82 || !(header[1] & 0x80))
				errx(1, "not a masked binary frame");
			need = (header[1] & 0x7f) == 127 ? 14 :
			    (header[1] & 0x7f) == 126 ? 8 : 6;
		}
		if (have < 2 || have < need)
			continue;
		left = need == 6 ? header[1] & 0x7f : 0;
		for (i = 2; i < need - 4; i++)
			left = left << 8 | header[i];
		have = 0;
	}
	return (0);
}

/* --- the three modes, of which a client has the other half --- */

static void
give(struct peer *p, uint64_t bytes, size_t frame)
{
	static uint8_t block[4 + BLOCK];
	size_t len, header;

	p->began = now();
	while (p->bytes < bytes) {
		len = bytes - p->bytes < frame ? (size_t)(bytes - p->bytes) :
		    frame;
		header = p->framed ? put_header(block, len) : 0;
		put(p->ssl, block, header + len);
		p->bytes += len;
	}
	if (p->framed)
		put_close(p->ssl);
	else
		(void)SSL_shutdown(p->ssl);
}

/* Until the peer ends. */
static void
take(struct peer *p)
{
	static uint8_t block[BLOCK];
	size_t n;

	while (SSL_read_ex(p->ssl, block, sizeof(block), &n) == 1) {
		if (p->began == 0)
			p->began = now();
		if (!p->framed)
			p->bytes += n;
		else if (count_frames(p, block, n)) {
			put_close(p->ssl);
			break;
		}
	}
}

/* What the peer says while it only has to listen: nothing, or a Close. */
static void
wait_for_the_end(struct peer *p)
{
	uint8_t heap[256];
	size_t n;

	while (SSL_read_ex(p->ssl, heap, sizeof(heap), &n) == 1)
		;
}

static void
serve(SSL *ssl, const char *mode, uint64_t bytes, size_t frame)
{
	struct peer p = { .ssl = ssl };
	char name[16];
	int on = 1;

	(void)alarm(LIMIT_S);
	(void)setsockopt(SSL_get_fd(ssl), IPPROTO_TCP, TCP_NODELAY, &on,
	    sizeof(on));
	if (SSL_accept(ssl) != 1)
		errx(1, "no TLS");
	(void)snprintf(name, sizeof(name), "%s", mode);
	if (strcmp(mode, "ws") == 0) {
		p.framed = 1;
		upgrade(ssl, name, sizeof(name));
	}
	if (strcmp(name, "source") == 0) {
		give(&p, bytes, frame);
		wait_for_the_end(&p);
	} else if (strcmp(name, "sink") == 0) {
		take(&p);
	} else {
		static const uint8_t byte[] = { 0x82, 1, '.' };

		put(ssl, p.framed ? byte : byte + 2, p.framed ? 3 : 1);
		wait_for_the_end(&p);
	}
	(void)printf("%s %llu %.6f %.6f\n", name, (unsigned long long)p.bytes,
	    p.began == 0 ? 0 : now() - p.began, cpu_seconds());
	(void)fflush(stdout);
	(void)SSL_shutdown(ssl);
}

/* --- both programs --- */

static SSL_CTX *
context(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (ctx == NULL ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1)
		errx(1, "no TLS 1.3");
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_BUFFER);
	return (ctx);
}

static SSL *
tls_on(SSL_CTX *ctx, int fd)
{
	SSL *ssl = SSL_new(ctx);

	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1)
		errx(1, "no TLS");
	return (ssl);
}

static void
client(int port, const char *mode, uint64_t bytes)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct peer p = { .ssl = tls_on(context(TLS_client_method()), fd) };

	(void)alarm(LIMIT_S);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1)
		err(1, "connect");
	if (SSL_connect(p.ssl) != 1)
		errx(1, "no TLS");
	if (strcmp(mode, "sink") == 0) {
		give(&p, bytes, BLOCK);
		wait_for_the_end(&p);
	} else {
		take(&p);
		(void)SSL_shutdown(p.ssl);
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	SSL_CTX *ctx;
	int s, fd;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);	/* leave nothing behind */
	if (argc == 4) {
		client(atoi(argv[1]), argv[2], strtoull(argv[3], NULL, 10));
		return (0);
	}
	if (argc != 6 || strtoul(argv[5], NULL, 10) - 1 >= FRAME_MAX)
		errx(64, "usage: server CERT KEY MODE BYTES FRAME");
	ctx = context(TLS_server_method());
	if (SSL_CTX_use_certificate_chain_file(ctx, argv[1]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, argv[2], SSL_FILETYPE_PEM) != 1)
		errx(1, "cannot use %s with %s", argv[1], argv[2]);

	if ((s = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    bind(s, (struct sockaddr *)&at, sizeof(at)) == -1 ||
	    listen(s, 16) == -1 ||
	    getsockname(s, (struct sockaddr *)&at, &len) == -1)
		err(1, "listen");
	(void)printf("%d\n", ntohs(at.sin_port));
	(void)fflush(stdout);

	(void)signal(SIGCHLD, SIG_IGN);		/* children leave no zombies */
	while ((fd = accept(s, NULL, NULL)) != -1) {
		if (fork() == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
			serve(tls_on(ctx, fd), argv[3],
			    strtoull(argv[4], NULL, 10),
			    (size_t)strtoul(argv[5], NULL, 10));
			_exit(0);
		}
		(void)close(fd);
	}
	err(1, "accept");
}
