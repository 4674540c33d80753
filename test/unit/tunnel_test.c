/*
 * CONNECT through a proxy that is played on a socket pair.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/err.h"
#include "relay/httpproxy.h"
#include "relay/tunnel.h"
#include "test/unit/tap.h"

#define OK	"HTTP/1.1 200 OK\r\n\r\n"

static struct httpproxy proxy = { .host = "p.test", .port = 80,
    .name = "p.test:80 (x)" };
static struct tunnel *t;
static struct err e;
static char asked[4096];
static int pair[2];

/* Asks; asked is what the proxy gets.  Returns what tunnel_step does. */
static int
begin(const char *host, int port)
{
	ssize_t n;
	int r;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1 ||
	    (t = tunnel_new(&proxy, host, port)) == NULL)
		return (-3);
	e = (struct err)ERR_INIT;
	if (tunnel_events(t) != POLLOUT)
		return (-4);
	r = tunnel_step(t, pair[0], &e);
	n = recv(pair[1], asked, sizeof(asked) - 1, MSG_DONTWAIT);
	asked[n > 0 ? n : 0] = '\0';
	return (r);
}

static void
end(void)
{
	tunnel_free(t);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

/* The proxy's answer in pieces of that size; 0: in one. */
static int
answer(const char *text, size_t len, size_t piece)
{
	struct pollfd p = { pair[0], POLLIN, 0 };
	int r = TUNNEL_AGAIN;
	size_t n;

	for (; len > 0 && r == TUNNEL_AGAIN; text += n, len -= n) {
		n = piece > 0 && piece < len ? piece : len;
		if (send(pair[1], text, n, 0) != (ssize_t)n)
			return (-3);
		while (r == TUNNEL_AGAIN && poll(&p, 1, 0) == 1)
			r = tunnel_step(t, pair[0], &e);
		if (r == TUNNEL_AGAIN && tunnel_events(t) != POLLIN)
			return (-4);
	}
	return (r);
}

static int
ends(const char *text, size_t piece)
{
	int r = begin("a.test", 443);

	if (r == TUNNEL_AGAIN)
		r = answer(text, strlen(text), piece);
	end();
	return (r);
}

static void
test_request(void)
{
	static const char first[] = "CONNECT a.test:443 HTTP/1.1\r\n"
	    "Host: a.test:443\r\nUser-Agent: arc-relay-proxy/";

	ok(begin("a.test", 443) == TUNNEL_AGAIN &&
	    strncmp(asked, first, strlen(first)) == 0 && strstr(asked, "\r\n\r\n") != NULL &&
	    strstr(asked, "Authorization") == NULL &&
	    strcmp(tunnel_target(t), "a.test:443") == 0, "the request");
	end();
	ok(begin("::1", 8443) == TUNNEL_AGAIN &&
	    strncmp(asked, "CONNECT [::1]:8443 HTTP/1.1\r\n", 29) == 0,
	    "to an address");
	end();
	(void)secret_set(&proxy.user, "Aladdin", 7);
	(void)secret_set(&proxy.password, "open sesame", 11);
	ok(begin("a.test", 443) == TUNNEL_AGAIN && strstr(asked,
	    "\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"
	    "\r\n") != NULL, "with the login of RFC 7617");
	end();
	secret_free(&proxy.password);
	ok(begin("a.test", 443) == TUNNEL_AGAIN && strstr(asked,
	    ": Basic QWxhZGRpbjo=\r\n\r\n") != NULL, "an empty password");
	end();
	secret_free(&proxy.user);
}

static void
test_good(void)
{
	static const char *const good[] = { OK, "HTTP/1.0 200 \r\n\r\n",
	    "HTTP/1.1 200\r\n\r\n", "HTTP/1.1 200 OK\n\n",
	    "HTTP/1.1 204 x\r\nA: b\r\n\r\n",
	    "HTTP/1.1 100 x\r\n\r\nHTTP/1.1 103 y\r\nL: x\r\n\r\n" OK };
	char rest[8] = "";
	size_t i, piece;
	int r;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		for (piece = 0; piece < 20 && ends(good[i], piece) == 0; piece++)
			;
		ok(piece == 20, "good answer %d in pieces of every size",
		    (int)i);
	}
	r = begin("a.test", 443);
	ok(r == TUNNEL_AGAIN && answer(OK "\x16\0\x03", strlen(OK) + 3, 0) ==
	    0 && recv(pair[0], rest, sizeof(rest), MSG_DONTWAIT) == 3 &&
	    memcmp(rest, "\x16\0\x03", 3) == 0,
	    "what follows is left for the host's peer");
	end();
}

static int
refused(const char *text, const char *id, const char *words)
{
	int r = ends(text, 7);

	if (r == -1 && strcmp(e.id, id) == 0 && strstr(e.cause, words) != NULL)
		return (1);
	(void)printf("# %d %s %s\n", r, e.id, e.cause);
	return (0);
}

#define P407	"HTTP/1.1 407 x\r\n"
#define PA	"Proxy-Authenticate: "

static void
test_bad(void)
{
	static char flood[40000];

	ok(refused("HTTP/1.1 403 x\r\n\r\n", "E604", "status 403") &&
	    e.retry == RETRY_NEVER, "403");
	ok(refused("HTTP/1.1 503 x\r\n\r\n", "E604", "status 503") &&
	    e.retry == RETRY_NETWORK, "503");
	ok(refused("HTTP/1.1 302 x\r\n\r\n", "E604", "status 302"), "302");
	ok(refused(P407 PA "Basic realm=\"x\"\r\n\r\n", "E603", "by Basic") &&
	    e.retry == RETRY_NEVER, "407");
	ok(refused(P407 "proxy-authenticate:NTLM\r\n" PA "Negotiate\r\n\r\n",
	    "E603", "by NTLM, Negotiate and takes no Basic"), "407, two lines");
	ok(refused(P407 PA "Digest realm=\"a, Basic b\", nonce=\"c=\", qop=x, "
	    "NTLM, Negotiate\r\n\r\n", "E603", "by Digest, NTLM, Negotiate and"),
	    "407, three in one line");
	ok(refused(P407 PA "\r\n\r\n", "E603", "wants a user and a password"),
	    "407 with an empty offer");
	ok(refused(P407 "\r\n", "E603", "wants a user"), "407 without");
	ok(refused("HTTP/1.1 abc\r\n\r\n", "E604", "no HTTP proxy") &&
	    e.retry == RETRY_NETWORK, "no status");
	ok(refused("HTTP/1.1 99 x\r\n\r\n", "E604", "no HTTP proxy"), "99");
	ok(refused("HTTP/1.1 600 x\r\n\r\n", "E604", "no HTTP proxy"), "600");
	ok(refused("HTTP/1.\r\n\r\n", "E604", "no HTTP proxy"), "cut short");
	ok(refused("\r\n", "E604", "no HTTP proxy"), "an empty line");
	memset(flood, 'x', sizeof(flood) - 1);
	ok(refused(flood, "E604", "no HTTP proxy"), "without end");
	ok(begin("a.test", 443) == TUNNEL_AGAIN &&
	    answer("HTTP/1.1 \0 200\r\n\r\n", 18, 0) == -1, "a NUL");
	end();
	ok(begin("a.test", 443) == TUNNEL_AGAIN &&
	    answer("HTTP/1.1 20", 11, 0) == TUNNEL_AGAIN &&
	    shutdown(pair[1], SHUT_WR) == 0 &&
	    tunnel_step(t, pair[0], &e) == -1 && strcmp(e.id, "E604") == 0,
	    "an end in the middle");
	end();
}

int
main(void)
{
	test_request();
	test_good();
	test_bad();
	tunnel_free(NULL);
	return (done_testing());
}
