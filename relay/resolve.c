/*
 * getaddrinfo in a thread, see resolve.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/resolve.h"

struct resolver {
	int	done[2];	/* pipe: the thread closes its end when it is done */
};

/*
 * What the thread owns.  It outlives the resolver when nobody waits for it, and
 * hands its result over by writing it into the pipe.
 */
struct job {
	char	*host;
	char	 port[8];
	int	 fd;
};

struct answer {
	int		 error;
	struct addrinfo	*list;
};

static void *
resolve(void *arg)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV,
	};
	struct job *job = arg;
	struct answer answer = { 0, NULL };

	answer.error = getaddrinfo(job->host, job->port, &hints, &answer.list);
	if (write(job->fd, &answer, sizeof(answer)) != sizeof(answer) &&
	    answer.list != NULL)
		freeaddrinfo(answer.list);
	(void)close(job->fd);
	free(job->host);
	free(job);
	return (NULL);
}

struct resolver *
resolver_start(const char *host, int port)
{
	struct resolver *r = calloc(1, sizeof(*r));
	struct job *job = calloc(1, sizeof(*job));
	sigset_t all, before;
	pthread_t thread;
	int error;

	if (r == NULL || job == NULL || (job->host = strdup(host)) == NULL)
		goto fail;
	if (pipe2(r->done, O_CLOEXEC) == -1)
		goto fail;
	job->fd = r->done[1];
	(void)snprintf(job->port, sizeof(job->port), "%d", port);

	/* signals are for the thread that polls */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &before);
	error = pthread_create(&thread, NULL, resolve, job);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0) {
		(void)close(r->done[0]);
		(void)close(r->done[1]);
		errno = error;
		goto fail;
	}
	(void)pthread_detach(thread);
	return (r);
 fail:
	if (job != NULL)
		free(job->host);
	free(job);
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
	struct answer answer;

	*list = NULL;
	if (read(r->done[0], &answer, sizeof(answer)) != sizeof(answer))
		return (EAI_SYSTEM);
	*list = answer.list;
	return (answer.error);
}

void
resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	(void)close(r->done[0]);
	free(r);
}
