/*
 * Dials for the verbs of arc-relay that want to know whether a machine answers:
 * arc-relay-proxy --probe is run, which says what it found in one line of JSON.
 * Many may run at once; the caller owns the waiting.
 */
#ifndef PROXY_PROBER_H
#define PROXY_PROBER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "relay/err.h"

struct options;
struct secret;

/* What is passed on to arc-relay-proxy. */
struct probe_request {
	const struct options	*o;		/* of a verb that begins with CMD_ROWS */
	const char		*target;	/* resource id, or as typed */
	int			 port;		/* of the machine */
	long			 deadline_s;
	const char		*connect_to;	/* HOST:PORT, as its option; NULL */
	const char		*credential;	/* token source; NULL: any */
	bool			 no_cache;
	bool			 progress;	/* it may say on our stderr that it waits */
};

struct probe {
	pid_t		 pid;
	int		 fd;		/* poll for reading; -1: none is running */
	struct secret	*text;		/* what it has written; not the caller's */
};

#define PROBE_INIT	{ .pid = -1, .fd = -1 }

/* Milliseconds of each phase of the last attempt; -1: not reached; proxy: 0 without one. */
struct probe_result {
	int64_t		 credential_ms, dns_ms, tcp_ms, proxy_ms, tls_ms;
	int64_t		 upgrade_ms, banner_ms;
	int64_t		 all_ms;	/* of all attempts, with the waits */
	int		 attempts;
	char		 banner[256];	/* "SSH-2.0-..", printable; or "" */
	struct err	 e;		/* why there is none; status 0: there is */
	bool		 retryable;	/* it may pass by itself (e.retry is not known) */
};

/*
 * Starts one, which inherits what -v and -vv say.  What r points to may go then.
 * Returns 0, or -1 with EX_OSERR or E109: it cannot be started.
 */
int	 probe_start(struct probe *p, const struct probe_request *r,
	    struct err *e);

/*
 * Reads what is there.  Returns 1 when it has ended, with *result filled (an end
 * without an answer is an error in it, too); 0: poll, and call again.
 */
int	 probe_step(struct probe *p, struct probe_result *result);

/* Ends one that runs, and frees p; after an end it does nothing. */
void	 probe_stop(struct probe *p);

#endif
