/*
 * Plays the verb that looks at many machines at once, for test/e2e/probe_test.py.
 *	prober_play [--cloud-file FILE ...] CONNECT-TO PORT SECONDS TARGET ...
 *		starts a probe of each, and prints a line for each that has ended
 *	prober_play [...] CONNECT-TO PORT SECONDS stop TARGET ...
 *		starts them, and ends them when stdin ends
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/env.h"
#include "proxy/cmd_options.h"
#include "proxy/prober.h"

static const struct option_row table[] = { CMD_ROWS, CMD_LAST_ROWS };

#define PROBES_MAX	64

static struct probe probes[PROBES_MAX];
static struct pollfd fds[PROBES_MAX];

static void
print(const char *target, const struct probe_result *r)
{
	printf("%s attempts=%d all=%lld tls=%lld banner=%lld [%s] %d %s %s\n",
	    target, r->attempts, (long long)r->all_ms, (long long)r->tls_ms,
	    (long long)r->banner_ms, r->banner, r->e.status,
	    r->retryable ? "retryable" : "-", r->e.cause);
}

static void
run(char **targets, int n)
{
	struct probe_result result;
	int i, left = n;

	while (left > 0) {
		for (i = 0; i < n; i++)
			fds[i] = (struct pollfd){ probes[i].fd, POLLIN, 0 };
		(void)poll(fds, (nfds_t)n, -1);
		for (i = 0; i < n; i++)
			if (fds[i].revents != 0 &&
			    probe_step(&probes[i], &result) == 1) {
				print(targets[i], &result);
				left--;
			}
	}
}

int
main(int argc, char **argv)
{
	struct probe_request r = { .progress = false };
	struct err e = ERR_INIT;
	struct options o;
	char **targets;
	int i, n, stop;

	if (env_take_secrets() == -1 || options_parse(table, argc, argv, &o,
	    &e) == -1 || o.nrest < 4)
		return (1);
	r.o = &o;
	r.credential = getenv("PLAY_CREDENTIAL");
	r.connect_to = o.rest[0][0] != '\0' ? o.rest[0] : NULL;
	r.port = atoi(o.rest[1]);
	r.deadline_s = atol(o.rest[2]);
	stop = strcmp(o.rest[3], "stop") == 0;
	targets = o.rest + 3 + stop;
	n = o.nrest - 3 - stop;
	for (i = 0; i < n && i < PROBES_MAX; i++) {
		r.target = targets[i];
		if (probe_start(&probes[i], &r, &e) == -1) {
			printf("%s %s\n", e.id, e.cause);
			return (1);
		}
	}
	if (stop) {
		printf("%d\n", (int)probes[0].pid);
		(void)fflush(stdout);
		(void)getchar();
		for (i = 0; i < n; i++)
			probe_stop(&probes[i]);
		return (0);
	}
	run(targets, i);
	return (0);
}
