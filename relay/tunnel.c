/*
 * CONNECT, see tunnel.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "relay/crypto.h"
#include "relay/err.h"
#include "relay/httpproxy.h"
#include "relay/secret.h"
#include "relay/tunnel.h"

#define ANSWER_MAX	(16 * 1024)	/* bytes; an NTLM challenge has 1,000 */
#define OFFERED_MAX	80
#define HEADER		"Proxy-Authenticate:"

struct tunnel {
	const struct httpproxy	*proxy;
	char			 target[300];
	struct secret		 request;
	size_t			 sent;
	size_t			 len;		/* of answer */
	char			 answer[ANSWER_MAX + 1];
};

/* "Basic" and base64 of USER:PASSWORD (RFC 7617), as a header line. */
static int
login_line(const struct httpproxy *p, struct secret *out)
{
	static const char name[] = "Proxy-Authorization: Basic ";
	size_t len = p->user.len + 1 + p->password.len;
	size_t room = sizeof(name) + (len + 2) / 3 * 4 + 2;
	char *plain, *line;
	int rc = -1;

	if (p->user.len == 0)
		return (secret_set(out, "", 0));
	plain = secret_malloc(len);
	line = secret_malloc(room + 1);
	if (plain != NULL && line != NULL) {
		memcpy(plain, p->user.data, p->user.len);
		plain[p->user.len] = ':';
		if (p->password.len > 0)
			memcpy(plain + p->user.len + 1, p->password.data,
			    p->password.len);
		memcpy(line, name, sizeof(name));
		crypto_base64(plain, len, line + sizeof(name) - 1);
		memcpy(line + strlen(line), "\r\n", 3);
		rc = secret_set(out, line, strlen(line));
	}
	secret_mfree(plain);
	secret_mfree(line);
	return (rc);
}

static int
make_request(struct tunnel *t)
{
	static const char format[] = "CONNECT %s HTTP/1.1\r\nHost: %s\r\n"
	    "User-Agent: arc-relay-proxy/" VERSION "\r\n%s\r\n";
	struct secret login = SECRET_INIT;
	size_t room;
	char *text = NULL;
	int rc = -1;

	if (login_line(t->proxy, &login) == 0) {
		room = sizeof(format) + 2 * strlen(t->target) + login.len;
		if ((text = secret_malloc(room)) != NULL) {
			(void)snprintf(text, room, format, t->target, t->target,
			    login.len > 0 ? login.data : "");
			rc = secret_set(&t->request, text, strlen(text));
		}
	}
	secret_mfree(text);
	secret_free(&login);
	return (rc);
}

struct tunnel *
tunnel_new(const struct httpproxy *p, const char *host, int port)
{
	struct tunnel *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return (NULL);
	t->proxy = p;
	(void)snprintf(t->target, sizeof(t->target), strchr(host, ':') != NULL ?
	    "[%s]:%d" : "%s:%d", host, port);
	if (make_request(t) == 0)
		return (t);
	tunnel_free(t);
	return (NULL);
}

void
tunnel_free(struct tunnel *t)
{
	if (t == NULL)
		return;
	secret_free(&t->request);
	free(t);
}

const char *
tunnel_target(const struct tunnel *t)
{
	return (t->target);
}

short
tunnel_events(const struct tunnel *t)
{
	return (t->sent < t->request.len ? POLLOUT : POLLIN);
}

/* --- the answer --- */

/*
 * Adds the schemes in a value of Proxy-Authenticate to out: the words that begin
 * a challenge.  A word before "=" is a parameter of the last one.
 */
static void
add_schemes(const char *value, size_t len, char *out, size_t size)
{
	static const char word_ends[] = " \t,=\"";
	const char *end = value + len, *word;
	bool quoted = false, begins = true;
	size_t n, had;

	while (value < end) {
		if (quoted || strchr(word_ends, *value) != NULL) {
			quoted ^= *value == '"';
			begins |= !quoted && *value == ',';
			value++;
			continue;
		}
		word = value;
		while (value < end && strchr(word_ends, *value) == NULL)
			value++;
		n = (size_t)(value - word);
		had = strlen(out);
		if (begins && (value == end || *value != '=') &&
		    had + n + 3 < size)
			(void)snprintf(out + had, size - had, "%s%.*s",
			    had > 0 ? ", " : "", (int)n, word);
		begins = false;
	}
}

static void
find_schemes(const char *answer, char *out, size_t size)
{
	const char *line = answer, *end;

	out[0] = '\0';
	for (; (end = strchr(line, '\n')) != NULL; line = end + 1)
		if (strncasecmp(line, HEADER, strlen(HEADER)) == 0)
			add_schemes(line + strlen(HEADER), (size_t)(end - line) -
			    strlen(HEADER) - (end[-1] == '\r'), out, size);
}

/* Where the header of an answer ends; NULL: not yet. */
static const char *
end_of_header(const char *answer)
{
	const char *line = answer, *end;

	for (; (end = strchr(line, '\n')) != NULL; line = end + 1)
		if (end == line || (end == line + 1 && line[0] == '\r'))
			return (end + 1);
	return (NULL);
}

static int
status_of(const char *answer)
{
	if (strncmp(answer, "HTTP/1.", 7) != 0 || answer[7] == '\0' ||
	    answer[8] != ' ')
		return (-1);
	return ((int)strtol(answer + 9, NULL, 10));
}

static int
lost(const struct tunnel *t, struct err *e)
{
	httpproxy_lost(t->proxy, t->target, e);
	e->retry = RETRY_NETWORK;
	return (-1);
}

/* A whole header is there.  As tunnel_step. */
static int
judge(struct tunnel *t, struct err *e)
{
	char offered[OFFERED_MAX];
	int status = status_of(t->answer);

	t->len = 0;
	if (status >= 200 && status < 300)
		return (0);
	if (status >= 100 && status < 200)
		return (TUNNEL_AGAIN);	/* the real one follows */
	if (status < 300 || status > 599)
		return (lost(t, e));
	find_schemes(t->answer, offered, sizeof(offered));
	httpproxy_refused(t->proxy, t->target, status, offered, 1, e);
	if (status >= 500)
		e->retry = RETRY_NETWORK;	/* it may reach the host later */
	return (-1);
}

/* What follows the header belongs to the host and stays in the socket. */
static int
receive(struct tunnel *t, int fd, struct err *e)
{
	char *to = t->answer + t->len;
	const char *end;
	ssize_t n;

	n = recv(fd, to, ANSWER_MAX - t->len, MSG_PEEK | MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return (TUNNEL_AGAIN);
	if (n <= 0)		/* also when there is no room left */
		return (lost(t, e));
	to[n] = '\0';
	if ((end = end_of_header(t->answer)) != NULL)
		n = end - to;
	else if (memchr(to, '\0', (size_t)n) != NULL)
		return (lost(t, e));
	(void)recv(fd, to, (size_t)n, MSG_DONTWAIT);
	to[n] = '\0';
	t->len += (size_t)n;
	return (end != NULL ? judge(t, e) : TUNNEL_AGAIN);
}

int
tunnel_step(struct tunnel *t, int fd, struct err *e)
{
	ssize_t n;

	if (t->sent < t->request.len) {
		n = send(fd, t->request.data + t->sent, t->request.len -
		    t->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return (TUNNEL_AGAIN);
		if (n == -1)
			return (lost(t, e));
		t->sent += (size_t)n;
		if (t->sent < t->request.len)
			return (TUNNEL_AGAIN);
		secret_wipe(t->request.data, t->request.len);
	}
	return (receive(t, fd, e));
}
