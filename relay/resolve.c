/*
 * getaddrinfo in a thread, see resolve.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/resolve.h"

/* Shared by the caller and the thread: who drops it last frees it. */
struct resolver {
	char		*host;
	char		 port[8];
	int		 done[2];	/* pipe; the thread closes its end when it is done */
	int		 error;		/* of getaddrinfo */
	struct addrinfo	*list;
	atomic_int	 owners;
};

static void
drop(struct resolver *r)
{
	if (atomic_fetch_sub(&r->owners, 1) > 1)
		return;
	if (r->list != NULL)
		freeaddrinfo(r->list);
	free(r->host);
	free(r);
}

static void
answer(struct resolver *r, int flags)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV | flags,
	};

	r->error = getaddrinfo(r->host, r->port, &hints, &r->list);
}

static void
finish(struct resolver *r)
{
	(void)close(r->done[1]);
	drop(r);
}

static void *
resolve(void *arg)
{
	answer(arg, 0);
	finish(arg);
	return (NULL);
}

struct resolver *
resolver_start(const char *host, int port)
{
	struct resolver *r = calloc(1, sizeof(*r));
	sigset_t all, before;
	pthread_t thread;
	int error;

	if (r == NULL || (r->host = strdup(host)) == NULL ||
	    pipe2(r->done, O_CLOEXEC) == -1)
		goto fail;
	(void)snprintf(r->port, sizeof(r->port), "%d", port);
	atomic_init(&r->owners, 2);

	/* an address takes no time, and no thread: 0.15 ms */
	answer(r, AI_NUMERICHOST);
	if (r->error == 0) {
		finish(r);
		return (r);
	}

	/* signals are for the thread that polls */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &before);
	error = pthread_create(&thread, NULL, resolve, r);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0) {
		(void)pthread_detach(thread);
		return (r);
	}
	(void)close(r->done[0]);
	(void)close(r->done[1]);
	errno = error;
 fail:
	if (r != NULL)
		free(r->host);
	free(r);
	return (NULL);
}

int
resolver_fd(const struct resolver *r)
{
	return (r->done[0]);
}

int
resolver_result(struct resolver *r, struct addrinfo **list)
{
	char end;

	(void)!read(r->done[0], &end, sizeof(end));	/* the end: r is ours */
	*list = r->list;
	r->list = NULL;
	return (r->error);
}

void
resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	(void)close(r->done[0]);
	drop(r);
}
