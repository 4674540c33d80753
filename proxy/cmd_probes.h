/*
 * Many dials (proxy/prober.h), so many at once, until all have ended or a signal
 * wants an end.
 */
#ifndef PROXY_CMD_PROBES_H
#define PROXY_CMD_PROBES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct probe_request;
struct probe_result;

struct probes {
	size_t	  n;
	size_t	  at_once;	/* at least 1 */
	/* Fills r, of the ith. */
	void	(*ask)(void *arg, size_t i, struct probe_request *r);
	/* The ith has ended.  false: no others are wanted, those that run are ended. */
	bool	(*ended)(void *arg, size_t i, const struct probe_result *result);
	/* Called often enough to show how it goes; NULL. */
	void	(*tick)(void *arg);
	/* Called when a signal has ended all of it, before that ends us; NULL. */
	void	(*interrupted)(void *arg);
	void	*arg;
};

/*
 * Runs them in their order.  A signal (SIGINT, SIGTERM, SIGHUP) ends the children
 * first and then us.  Returns 0, or -1 with an error of probe_start.
 */
int	 probes_run(const struct probes *all, struct err *e);

/*
 * One, while a person at a terminal is shown for how long it has been since
 * since_ms (clock_ms): "waiting for WHAT: 12 s".  Returns as probes_run.
 */
int	 probes_run_one(const struct probe_request *r, const char *what,
	    int64_t since_ms, struct probe_result *result, struct err *e);

#endif
