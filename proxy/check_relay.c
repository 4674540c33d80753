/*
 * The check of the whole way: a dial, to the banner of the machine's SSH server.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "proxy/check.h"
#include "proxy/prober.h"
#include "relay/err.h"

#define SSH_PORT	22
#define DEADLINE_S	10	/* an agent that is only slow is waited for */

static void
tell(const struct check_out *out, const struct probe_result *r)
{
	const struct { const char *name; int64_t ms; } phases[] = {
		{ "credential", r->credential_ms }, { "dns", r->dns_ms },
		{ "tcp", r->tcp_ms }, { "proxy", r->proxy_ms },
		{ "tls", r->tls_ms }, { "upgrade", r->upgrade_ms },
		{ "banner", r->banner_ms },
	};
	char text[200];
	size_t i, len = 0;

	text[0] = '\0';
	for (i = 0; i < sizeof(phases) / sizeof(phases[0]); i++)
		if (phases[i].ms >= 0 && len < sizeof(text))
			len += (size_t)snprintf(text + len, sizeof(text) - len,
			    " %s %lld", phases[i].name,
			    (long long)phases[i].ms);
	check_ok(out, "%.60s;%s ms%s", r->banner, text,
	    r->attempts > 1 ? " after more than one attempt" : "");
}

void
check_dial(const struct check_env *env, const struct check_out *out)
{
	const struct probe_request r = {
		.o = env->o, .target = env->id.text,
		.port = env->port != 0 ? env->port : SSH_PORT,
		.deadline_s = DEADLINE_S, .credential = env->credential,
		.connect_to = env->connect_to,
	};
	struct probe p = PROBE_INIT;
	struct probe_result result;
	struct err e = ERR_INIT;

	if (!env->has_id) {
		check_skipped(out, "a TARGET is needed");
		return;
	}
	if (probe_start(&p, &r, &e) == -1) {
		check_failed(out, &e, CURE_NONE);
		return;
	}
	while (probe_step(&p, &result) == 0) {
		struct pollfd fd = { p.fd, POLLIN, 0 };

		(void)poll(&fd, 1, -1);
	}
	probe_stop(&p);
	if (result.e.status == 0)
		tell(out, &result);
	else
		check_failed(out, &result.e, CURE_NONE);
}
