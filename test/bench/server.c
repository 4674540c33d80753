/*
 * The far end of the benchmark: a server on loopback that is faster than what
 * it measures.  One process a connection, OpenSSL alone.
 *
 *	server CERT KEY WIRE MODE BYTES FRAME	prints the port and serves
 *	server PORT MODE BYTES			a client for WIRE "tls"
 *
 * WIRE is "ws", "tls" without WebSocket for programs that speak none, or "tcp".
 * As the relay does, it wants group P-384.  MODE is what it does:
 *
 *	source	sends BYTES in frames of FRAME bytes, waits for the peer to end
 *	sink	counts until the peer ends
 *	both	both at once
 *	echo	sends back what comes, at once
 *	idle	sends one byte, answers pings
 *	PORT	is the machine's agent: what comes goes to that port, and back
 *
 * Of each connection it prints a line:
 *
 *	bytes of payload, seconds from the first to the last, CPU seconds,
 *	accepted, established (seconds of the monotonic clock)
 *
 * It trusts its peer, a program that is being measured: it is no relay.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
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

#define LIMIT_S		600		/* of a connection: against a hang */
#define REQUEST_MAX	(16 * 1024)
#define HEADER_MAX	10		/* of a frame without a mask */
#define FRAME_MAX	(1024 * 1024)
#define BLOCK		(64 * 1024)	/* four TLS records */
#define READ_BUFFER	(256 * 1024)	/* several records a system call */

#define GUID		"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

struct peer {
	SSL	*ssl;			/* NULL: bare TCP */
	int	 fd;
	int	 framed;		/* WebSocket */
	int	 ended;			/* a Close came, or the end of all */
	double	 began, last;		/* 0: no payload yet */
	uint64_t bytes;			/* of payload, received or else sent */
	/* what is done with received payload; data may be changed */
	void	(*deliver)(struct peer *, uint8_t *data, size_t len);
	int	 opened;		/* deliver wants it without its mask */

	uint8_t	 header[14];		/* of the frame that is being received */
	size_t	 have, need;
	uint64_t left, at;		/* of its payload; where we are in it */
	uint8_t	 control[125];

	uint8_t	*out;			/* for the machine: it has not taken it */
	size_t	 nout;
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
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

/* --- bytes --- */

/* A peer that takes no more was stopped: nothing to complain of. */
static void
put(struct peer *p, const uint8_t *data, size_t len)
{
	size_t n;
	ssize_t r;

	if (p->ssl != NULL) {
		if (SSL_write_ex(p->ssl, data, len, &n) != 1)
			exit(1);
		return;
	}
	for (; len > 0; data += r, len -= (size_t)r)
		if ((r = write(p->fd, data, len)) <= 0)
			exit(1);
}

/* Returns how many came; 0: none now, or p->ended. */
static size_t
get(struct peer *p, uint8_t *data, size_t size)
{
	size_t n = 0;
	ssize_t r;

	if (p->ssl != NULL) {
		if (SSL_read_ex(p->ssl, data, size, &n) != 1)
			p->ended = SSL_get_error(p->ssl, 0) !=
			    SSL_ERROR_WANT_READ;
		return (n);
	}
	r = read(p->fd, data, size);
	p->ended = r == 0 || (r == -1 && errno != EAGAIN);
	return (r > 0 ? (size_t)r : 0);
}

static void
count(struct peer *p, size_t n)
{
	p->last = now();
	if (p->began == 0)
		p->began = p->last;
	p->bytes += n;
}

/* --- WebSocket --- */

static void
upgrade(struct peer *p)
{
	static const char header[] = "\r\nSec-WebSocket-Key: ";
	char request[REQUEST_MAX + 1], key[96], answer[256];
	unsigned char sum[20], accept[32];
	size_t len = 0, n;
	const char *at;

	do {
		n = get(p, (uint8_t *)request + len, REQUEST_MAX - len);
		if (n == 0)
			errx(1, "no request");
		request[len += n] = '\0';
	} while (strstr(request, "\r\n\r\n") == NULL);

	if ((at = strcasestr(request, header)) == NULL)
		errx(1, "no key");
	at += strlen(header);
	(void)snprintf(key, sizeof(key), "%.*s" GUID, (int)strcspn(at, "\r"),
	    at);
	if (EVP_Digest(key, strlen(key), sum, NULL, EVP_sha1(), NULL) != 1)
		errx(1, "no SHA-1");
	(void)EVP_EncodeBlock(accept, sum, sizeof(sum));
	put(p, (uint8_t *)answer, (size_t)snprintf(answer, sizeof(answer),
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accept));
}

/* Writes the header of a frame; returns its length. */
static size_t
make_header(uint8_t *out, unsigned op, size_t len)
{
	size_t n = len < 126 ? 0 : len <= 0xffff ? 2 : 8, i;

	out[0] = (uint8_t)(0x80 | op);
	out[1] = n == 0 ? (uint8_t)len : n == 2 ? 126 : 127;
	for (i = 0; i < n; i++)
		out[2 + i] = (uint8_t)(len >> 8 * (n - 1 - i));
	return (2 + n);
}

/* A small frame, or the same bytes as they are. */
static void
put_frame(struct peer *p, unsigned op, const uint8_t *data, size_t len)
{
	uint8_t out[HEADER_MAX + 125];
	size_t header = p->framed ? make_header(out, op, len) : 0;

	memcpy(out + header, data, len);
	put(p, out, header + len);
}

static const uint8_t normal[] = { 1000 >> 8, 1000 & 0xff };

static void
put_close(struct peer *p)
{
	put_frame(p, 0x8, normal, sizeof(normal));
}

/* Takes the mask off, of data that begin at byte p->at of their frame. */
static void
unmask(struct peer *p, uint8_t *data, size_t len)
{
	const uint8_t *mask = p->header + p->need - 4;
	uint8_t turned[8];
	uint64_t word, by;
	size_t i;

	for (i = 0; i < sizeof(turned); i++)
		turned[i] = mask[(p->at + i) & 3];
	memcpy(&by, turned, sizeof(by));
	for (i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, data + i, sizeof(word));
		word ^= by;
		memcpy(data + i, &word, sizeof(word));
	}
	for (; i < len; i++)
		data[i] ^= turned[i & 7];
}

static void
control(struct peer *p, const uint8_t *data, size_t len)
{
	memcpy(p->control + p->at, data, len);
	if (p->left > len)
		return;
	if ((p->header[0] & 0x0f) == 0x8)
		p->ended = 1;
	else if ((p->header[0] & 0x0f) == 0x9)
		put_frame(p, 0xa, p->control, p->at + len);
}

/*
 * Delivers the payload of the frames in the next n bytes.  Where it is only
 * counted the mask stays: to undo it would load the server for nothing.
 */
static void
frames(struct peer *p, uint8_t *in, size_t n)
{
	size_t some, i;
	int op;

	while (n > 0 && !p->ended) {
		if (p->have < 2 || p->have < p->need) {
			p->header[p->have++] = *in++;
			n--;
			if (p->have == 2)
				p->need = (p->header[1] & 0x7f) == 127 ? 14 :
				    (p->header[1] & 0x7f) == 126 ? 8 : 6;
			if (p->have < 2 || p->have < p->need)
				continue;
			if (!(p->header[1] & 0x80))
				errx(1, "a frame without a mask");
			p->left = p->need == 6 ? p->header[1] & 0x7f : 0;
			for (i = 2; i < p->need - 4; i++)
				p->left = p->left << 8 | p->header[i];
			p->at = 0;
		}
		op = p->header[0] & 0x0f;
		some = n < p->left ? n : (size_t)p->left;
		if (op >= 0x8 || p->opened)
			unmask(p, in, some);
		if (op >= 0x8)
			control(p, in, some);
		else if (some > 0)
			p->deliver(p, in, some);
		p->at += some;
		p->left -= some;
		in += some;
		n -= some;
		if (p->left == 0)
			p->have = 0;
	}
}

/* Reads once, and delivers.  Returns how many bytes came. */
static size_t
take(struct peer *p)
{
	static uint8_t block[BLOCK];
	size_t n = get(p, block, sizeof(block));

	if (p->framed)
		frames(p, block, n);
	else if (n > 0)
		p->deliver(p, block, n);
	return (n);
}

/* --- what can be done with payload --- */

static void
drop(struct peer *p, uint8_t *data, size_t len)
{
	(void)p;
	(void)data;
	(void)len;
}

static void
only_count(struct peer *p, uint8_t *data, size_t len)
{
	(void)data;
	count(p, len);
}

static void
echo(struct peer *p, uint8_t *data, size_t len)
{
	size_t n;

	count(p, len);
	for (; len > 0; data += n, len -= n) {
		n = len < 125 ? len : 125;
		put_frame(p, 0x2, data, n);
	}
}

static void
keep(struct peer *p, uint8_t *data, size_t len)
{
	count(p, len);
	memcpy(p->out + p->nout, data, len);
	p->nout += len;
}

/* --- the modes --- */

static void
until_the_end(struct peer *p)
{
	while (!p->ended)
		(void)take(p);
}

static void
source(struct peer *p, uint64_t bytes, size_t frame)
{
	static uint8_t block[HEADER_MAX + FRAME_MAX];
	size_t len, header;

	p->began = now();
	while (p->bytes < bytes) {
		len = bytes - p->bytes < frame ? (size_t)(bytes - p->bytes) :
		    frame;
		header = p->framed ? make_header(block, 0x2, len) : 0;
		put(p, block, header + len);
		p->bytes += len;
	}
	p->last = now();
	if (p->framed)
		put_close(p);
	else if (p->ssl != NULL)
		(void)SSL_shutdown(p->ssl);
	else
		(void)shutdown(p->fd, SHUT_WR);
	until_the_end(p);
}

/*
 * Both ways at once.  machine: the port whose bytes they are; -1: BYTES of no
 * meaning, in frames of FRAME.
 */
static void
both(struct peer *p, int machine, uint64_t bytes, size_t frame)
{
	static uint8_t out[HEADER_MAX + FRAME_MAX], room[BLOCK];
	struct pollfd fd[2] = { { .fd = p->fd }, { .fd = machine } };
	size_t at = 0, len = 0, n;
	int over = 0;			/* the machine has ended */
	ssize_t r;

	p->out = room;
	p->opened = machine != -1;
	p->deliver = machine != -1 ? keep : only_count;
	(void)fcntl(p->fd, F_SETFL, O_NONBLOCK);
	(void)SSL_set_mode(p->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (machine != -1)
		frame = BLOCK - 8;

	for (;;) {
		int moved = 0;

		if (p->nout == 0 && !p->ended)
			moved = take(p) > 0;
		if (p->nout > 0 && (r = write(machine, p->out, p->nout)) > 0) {
			memmove(p->out, p->out + r, p->nout -= (size_t)r);
			moved = 1;
		}
		if (p->ended && p->nout == 0)
			return;

		if (at == len && machine == -1 && bytes > 0) {
			n = bytes < frame ? (size_t)bytes : frame;
			bytes -= n;
			at = 0;
			len = n + (p->framed ? make_header(out, 0x2, n) : 0);
		} else if (at == len && machine != -1 && !over &&
		    (r = read(machine, out + HEADER_MAX, frame)) >= 0) {
			uint8_t header[HEADER_MAX];

			over = r == 0;
			if (over && !p->framed)
				(void)SSL_shutdown(p->ssl);
			if (over && p->framed) {
				memcpy(out + HEADER_MAX, normal, r = 2);
				n = make_header(header, 0x8, 2);
			} else {
				n = p->framed && r > 0 ?
				    make_header(header, 0x2, (size_t)r) : 0;
			}
			at = HEADER_MAX - n;
			memcpy(out + at, header, n);
			len = HEADER_MAX + (size_t)r;
		}
		if (at < len && SSL_write_ex(p->ssl, out + at, len - at,
		    &n) == 1) {
			at += n;
			moved = 1;
		}
		if (moved)
			continue;
		fd[0].events = (short)((p->nout == 0 ? POLLIN : 0) |
		    (at < len ? POLLOUT : 0));
		fd[1].events = (short)((p->nout > 0 ? POLLOUT : 0) |
		    (at == len && !over ? POLLIN : 0));
		(void)poll(fd, machine == -1 ? 1 : 2, -1);
	}
}

static struct sockaddr_in
loopback(int port)
{
	return ((struct sockaddr_in){ .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) });
}

static void
no_delay(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int
connect_to(int port)
{
	struct sockaddr_in to = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1)
		err(1, "connect");
	no_delay(fd);
	return (fd);
}

static void
agent(struct peer *p, int port)
{
	int machine = connect_to(port);

	(void)fcntl(machine, F_SETFL, O_NONBLOCK);
	both(p, machine, 0, 0);
	(void)close(machine);
}

static void
serve(SSL_CTX *ctx, int fd, const char *wire, const char *mode, uint64_t bytes,
    size_t frame, double accepted)
{
	struct peer p = { .fd = fd, .deliver = drop };
	double established;

	(void)alarm(LIMIT_S);
	no_delay(fd);
	if (strcmp(wire, "tcp") != 0) {
		p.ssl = SSL_new(ctx);
		if (p.ssl == NULL || SSL_set_fd(p.ssl, fd) != 1 ||
		    SSL_accept(p.ssl) != 1)
			errx(1, "no TLS");
	}
	established = now();
	p.framed = strcmp(wire, "ws") == 0;
	if (p.framed)
		upgrade(&p);

	if (strcmp(mode, "source") == 0) {
		source(&p, bytes, frame);
	} else if (strcmp(mode, "sink") == 0) {
		p.deliver = only_count;
		until_the_end(&p);
	} else if (strcmp(mode, "both") == 0) {
		both(&p, -1, bytes, frame);
	} else if (strcmp(mode, "echo") == 0) {
		p.opened = 1;
		p.deliver = echo;
		until_the_end(&p);
	} else if (strcmp(mode, "idle") == 0) {
		put_frame(&p, 0x2, (const uint8_t *)".", 1);
		until_the_end(&p);
	} else {
		agent(&p, atoi(mode));
	}
	(void)printf("%llu %.6f %.6f %.6f %.6f\n", (unsigned long long)p.bytes,
	    p.last - p.began, cpu_seconds(), accepted, established);
	(void)fflush(stdout);
	if (p.framed && p.ended)
		put_close(&p);
	if (p.ssl != NULL)
		(void)SSL_shutdown(p.ssl);
}

/* --- both programs --- */

/* Leaves nothing behind, also when that is over already. */
static void
end_with_parent(pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
}

static SSL_CTX *
context(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (ctx == NULL ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set1_groups_list(ctx, "P-384:P-256") != 1)
		errx(1, "no TLS 1.3");
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_BUFFER);
	return (ctx);
}

static void
client(int port, const char *mode, uint64_t bytes)
{
	struct peer p = { .fd = connect_to(port), .deliver = drop };

	(void)alarm(LIMIT_S);
	p.ssl = SSL_new(context(TLS_client_method()));
	if (p.ssl == NULL || SSL_set_fd(p.ssl, p.fd) != 1 ||
	    SSL_connect(p.ssl) != 1)
		errx(1, "no TLS");
	if (strcmp(mode, "sink") == 0)
		source(&p, bytes, BLOCK);
	else
		until_the_end(&p);
	(void)SSL_shutdown(p.ssl);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in at = loopback(0);
	socklen_t len = sizeof(at);
	pid_t self = getpid();
	SSL_CTX *ctx;
	int s, fd;

	(void)signal(SIGPIPE, SIG_IGN);
	end_with_parent(getppid());
	if (argc == 4) {
		client(atoi(argv[1]), argv[2], strtoull(argv[3], NULL, 10));
		return (0);
	}
	if (argc != 7 || strtoul(argv[6], NULL, 10) - 1 >= FRAME_MAX)
		errx(64, "usage: server CERT KEY WIRE MODE BYTES FRAME");
	ctx = context(TLS_server_method());
	if (SSL_CTX_use_certificate_chain_file(ctx, argv[1]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, argv[2], SSL_FILETYPE_PEM) != 1)
		errx(1, "cannot use %s with %s", argv[1], argv[2]);

	if ((s = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    bind(s, (struct sockaddr *)&at, sizeof(at)) == -1 ||
	    listen(s, 300) == -1 ||
	    getsockname(s, (struct sockaddr *)&at, &len) == -1)
		err(1, "listen");
	(void)printf("%d\n", ntohs(at.sin_port));
	(void)fflush(stdout);

	(void)signal(SIGCHLD, SIG_IGN);		/* children leave no zombies */
	for (;;) {	/* forked before it is needed: that takes its time */
		int ready[2];
		char c;

		if (pipe(ready) == -1)
			err(1, "pipe");
		if (fork() == 0) {
			double accepted;

			end_with_parent(self);
			if ((fd = accept(s, NULL, NULL)) == -1)
				err(1, "accept");
			accepted = now();
			(void)close(s);
			(void)close(ready[0]);
			(void)close(ready[1]);
			serve(ctx, fd, argv[3], argv[4],
			    strtoull(argv[5], NULL, 10),
			    (size_t)strtoul(argv[6], NULL, 10), accepted);
			_exit(0);
		}
		(void)close(ready[1]);
		(void)!read(ready[0], &c, 1);	/* one has been accepted */
		(void)close(ready[0]);
	}
}
