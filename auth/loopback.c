/*
 * A web server for one visit, see loopback.h.
 *
 * Browsers open connections in advance and leave them silent: all are served at
 * a time, and none for long.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/loopback.h"
#include "auth/redirect.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/log.h"

#define VISIT_MS	10000	/* of one connection, from accept to close */
#define FAREWELL_MS	1000	/* for the browser to fetch the page */
#define PORT_TRIES	20	/* until a port is free on both addresses */

struct visit {
	int	fd;		/* -1: none */
	int64_t	end_ms;		/* then it is closed */
	bool	answered;	/* what still comes is thrown away */
	size_t	len;
	char	line[REDIRECT_LINE_MAX + 2];
};

struct loopback {
	int		listeners[2];	/* 127.0.0.1 and ::1; -1: none */
	int		port;
	bool		done;		/* the answer is here */
	struct visit	visits[LOOPBACK_CONNECTIONS];
};

static const char page_good[] =
    "<h1>You are signed in</h1><p>You can close this window.</p>";
static const char page_refused[] =
    "<h1>You are not signed in</h1><p>The terminal tells why. You can close "
    "this window.</p>";
static const char page_stranger[] =
    "<h1>This is not the answer that was waited for</h1>";
static const char page_nothing[] = "<h1>There is nothing here</h1>";

/* Not for children, and never waited for. */
static int
make_ours(int fd)
{
	if (fd != -1)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (fd != -1 && fcntl(fd, F_SETFL, O_NONBLOCK) == -1) {
		(void)close(fd);
		fd = -1;
	}
	return (fd);
}

static int
listen_on(const struct sockaddr *address, socklen_t len)
{
	int fd = make_ours(socket(address->sa_family, SOCK_STREAM, 0)), on = 1;

	if (fd == -1)
		return (-1);
	if (address->sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on,
		    sizeof(on));
	if (bind(fd, address, len) == -1 ||
	    listen(fd, LOOPBACK_CONNECTIONS) == -1) {
		int why = errno;

		(void)close(fd);
		errno = why;
		return (-1);
	}
	return (fd);
}

static int
listen_v4(int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = listen_on((struct sockaddr *)&a, sizeof(a));
	if (fd != -1 && getsockname(fd, (struct sockaddr *)&a, &len) == 0)
		*port = ntohs(a.sin_port);
	return (fd);
}

static int
listen_v6(int port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 };

	a.sin6_addr = in6addr_loopback;
	a.sin6_port = htons((uint16_t)port);
	return (listen_on((struct sockaddr *)&a, sizeof(a)));
}

struct loopback *
loopback_open(struct err *e)
{
	struct loopback *l = calloc(1, sizeof(*l));
	int i, try;

	if (l == NULL) {
		err_set(e, EX_OSERR, "", "out of memory");
		return (NULL);
	}
	l->listeners[0] = l->listeners[1] = -1;
	for (i = 0; i < LOOPBACK_CONNECTIONS; i++)
		l->visits[i].fd = -1;
	for (try = 0; try < PORT_TRIES; try++) {
		if ((l->listeners[0] = listen_v4(&l->port)) == -1)
			break;
		l->listeners[1] = listen_v6(l->port);
		/* any other reason: this machine has no IPv6 */
		if (l->listeners[1] != -1 || errno != EADDRINUSE)
			return (l);
		(void)close(l->listeners[0]);
		l->listeners[0] = -1;
	}
	err_sys(e, EX_OSERR, "", "cannot listen on loopback for the browser");
	err_fix(e, "arc-relay login --device-code");
	loopback_free(l);
	return (NULL);
}

int
loopback_port(const struct loopback *l)
{
	return (l->port);
}

static void
end_visit(struct visit *v)
{
	if (v->fd != -1)
		(void)close(v->fd);
	secret_wipe(v->line, sizeof(v->line));
	*v = (struct visit){ .fd = -1 };
}

static void
begin_visit(struct loopback *l, int listener)
{
	struct visit *v = &l->visits[0];
	int fd = make_ours(accept(listener, NULL, NULL)), i;

	if (fd == -1)
		return;
	for (i = 0; i < LOOPBACK_CONNECTIONS && v->fd != -1; i++)
		if (l->visits[i].fd == -1 || l->visits[i].end_ms < v->end_ms)
			v = &l->visits[i];
	end_visit(v);
	v->fd = fd;
	v->end_ms = clock_ms() + VISIT_MS;
}

/* The code must not go on to anybody, and the page needs nothing. */
static void
answer(struct visit *v, const char *status, const char *page)
{
	char text[1024];
	int len = snprintf(text, sizeof(text),
	    "HTTP/1.1 %s\r\n"
	    "Content-Type: text/html; charset=utf-8\r\n"
	    "Content-Length: %zu\r\n"
	    "Content-Security-Policy: default-src 'none'\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "Referrer-Policy: no-referrer\r\n"
	    "Cache-Control: no-store\r\n"
	    "Connection: close\r\n\r\n%s", status, strlen(page), page);

	/* it fits into any socket's buffer; whoever left needs it no more */
	(void)!write(v->fd, text, (size_t)len);
	(void)shutdown(v->fd, SHUT_WR);
	v->answered = true;
	v->end_ms = clock_ms() + FAREWELL_MS;
}

static void
take_line(struct loopback *l, struct visit *v, size_t len, const char *state,
    struct redirect *r)
{
	struct redirect got = REDIRECT_INIT;

	switch (redirect_read(v->line, len, state, &got)) {
	case REDIRECT_CODE:
	case REDIRECT_ERROR:
		if (l->done) {
			log_verbose("a second answer of the browser is "
			    "refused");
			answer(v, "410 Gone", page_stranger);
			break;
		}
		redirect_free(r);
		*r = got;
		got = (struct redirect)REDIRECT_INIT;
		l->done = true;
		answer(v, "200 OK", r->code.len > 0 ? page_good : page_refused);
		break;
	case REDIRECT_STRANGER:
		log_verbose("a visitor without our state is refused");
		answer(v, "400 Bad Request", page_stranger);
		break;
	case REDIRECT_NO_REQUEST:
		answer(v, "400 Bad Request", page_nothing);
		break;
	case REDIRECT_ELSEWHERE:
		answer(v, "404 Not Found", page_nothing);
		break;
	}
	redirect_free(&got);
}

/* After the answer: unread bytes would make close() a reset, and lose it. */
static void
listen_to(struct loopback *l, struct visit *v, const char *state,
    struct redirect *r)
{
	size_t room = v->answered ? sizeof(v->line) :
	    sizeof(v->line) - v->len;
	ssize_t n = read(v->fd, v->answered ? v->line : v->line + v->len, room);
	char *end;

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end_visit(v);
		return;
	}
	if (v->answered)
		return;
	v->len += (size_t)n;
	if ((end = memchr(v->line, '\n', v->len)) != NULL) {
		size_t len = (size_t)(end - v->line);

		if (len > 0 && v->line[len - 1] == '\r')
			len--;
		take_line(l, v, len, state, r);
	} else if (v->len == sizeof(v->line))
		answer(v, "414 URI Too Long", page_nothing);
}

/* How long poll may sleep: a visit may end before the step does. */
static int
next_ms(const struct loopback *l, int64_t end_ms)
{
	int64_t now = clock_ms();
	int i;

	if (l->done)
		end_ms = now + FAREWELL_MS;
	for (i = 0; i < LOOPBACK_CONNECTIONS; i++)
		if (l->visits[i].fd != -1 && l->visits[i].end_ms < end_ms)
			end_ms = l->visits[i].end_ms;
	return (end_ms > now ? (int)(end_ms - now) : 0);
}

static bool
is_over(const struct loopback *l)
{
	int i;

	for (i = 0; i < LOOPBACK_CONNECTIONS; i++)
		if (l->visits[i].fd != -1 && l->visits[i].answered)
			return (false);
	return (l->done);
}

bool
loopback_serve(struct loopback *l, int step_ms, const char *state,
    struct redirect *r)
{
	struct pollfd fds[2 + LOOPBACK_CONNECTIONS];
	int64_t end_ms = clock_ms() + step_ms;
	int i;

	while (!is_over(l) && (l->done || clock_ms() < end_ms)) {
		for (i = 0; i < 2; i++)
			fds[i] = (struct pollfd){ l->listeners[i], POLLIN, 0 };
		for (i = 0; i < LOOPBACK_CONNECTIONS; i++)
			fds[2 + i] = (struct pollfd){ l->visits[i].fd, POLLIN,
			    0 };
		(void)poll(fds, 2 + LOOPBACK_CONNECTIONS, next_ms(l, end_ms));
		for (i = 0; i < LOOPBACK_CONNECTIONS; i++)
			if (fds[2 + i].revents != 0)
				listen_to(l, &l->visits[i], state, r);
			else if (l->visits[i].fd != -1 &&
			    clock_ms() >= l->visits[i].end_ms)
				end_visit(&l->visits[i]);
		for (i = 0; i < 2; i++)
			if (fds[i].revents != 0)
				begin_visit(l, l->listeners[i]);
	}
	return (is_over(l));
}

void
loopback_free(struct loopback *l)
{
	int i;

	if (l == NULL)
		return;
	for (i = 0; i < 2; i++)
		if (l->listeners[i] != -1)
			(void)close(l->listeners[i]);
	for (i = 0; i < LOOPBACK_CONNECTIONS; i++)
		end_visit(&l->visits[i]);
	free(l);
}
