/*
 * Attempts, see dial.h.
 */
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "auth/cloud.h"
#include "auth/env.h"
#include "proxy/credential.h"
#include "proxy/diag.h"
#include "proxy/dial.h"
#include "proxy/opts.h"
#include "proxy/sshio.h"
#include "relay/clock.h"
#include "relay/crypto.h"
#include "relay/endpoint.h"
#include "relay/err.h"
#include "relay/httpproxy.h"
#include "relay/info.h"
#include "relay/log.h"
#include "relay/trust.h"
#include "relay/wire.h"
#include "relay/ws.h"

#define CONNECT_MS	5000	/* for each address */
#define HTTPS_PORT	443
#define ATTEMPT_MS	20000	/* one dial in twenty honestly takes 3-7 s */
#define SLICE_MS	1000	/* longest sleep while libwebsockets is at work */
#define NCLASSES	(RETRY_CREDENTIAL + 1)

/* Is token one of the comma-separated tokens of list, in any case? */
static bool
has_token(const char *list, const char *token)
{
	size_t n;

	for (;; list += n) {
		list += strspn(list, ", \t");
		if ((n = strcspn(list, ", \t")) == 0)
			return (false);
		if (n == strlen(token) && strncasecmp(list, token, n) == 0)
			return (true);
	}
}

/* RFC 6455, 4.1: what the server's answer must and must not have. */
static int
check_answer(const struct wire_answer *a, const char *key,
    const struct diag_names *names, struct err *e)
{
	char accept[WS_ACCEPT_SIZE];

	ws_accept_for(key, accept);
	if (a->status == 101 && strcasecmp(a->upgrade, "websocket") == 0 &&
	    has_token(a->connection, "upgrade") &&
	    strcmp(a->accept, accept) == 0 && a->extensions[0] == '\0' &&
	    a->protocol[0] == '\0' && !a->has_body_header)
		return (0);
	return (diag_refusal(a, names, e));
}

/* The time is up: say for what. */
static int
too_late(const struct wire *w, const struct httpproxy *proxy, const char *host,
    int64_t waited_ms, struct err *e)
{
	const char *phase = wire_phase(w);

	if (strcmp(phase, "upgrade") == 0)
		return (diag_no_answer((int)((waited_ms + 999) / 1000), e));
	if (strcmp(phase, "proxy") == 0)
		httpproxy_silent(proxy, host, e);
	else if (strcmp(phase, "dns") == 0 && proxy->host[0] != '\0')
		httpproxy_unresolved(proxy, "no answer in time", e);
	else if (strcmp(phase, "dns") == 0) {
		err_set(e, EX_UNAVAILABLE, "E601", "cannot resolve %s: no "
		    "answer in time", host);
		err_fix(e, "check the network and its DNS; if only a proxy has "
		    "DNS, set HTTPS_PROXY");
	} else {
		err_set(e, EX_UNAVAILABLE, "E602", "no connection to the relay "
		    "in time (waiting for %s)", phase);
		err_fix(e, "check the network, or give another way with "
		    "--connect-to HOST:PORT");
	}
	e->retry = RETRY_NETWORK;
	return (-1);
}

/*
 * Drives w to the relay's answer.  Returns 0, or -1 as dial does.
 */
static int
await_answer(struct dial *d, struct wire *w, const struct httpproxy *proxy,
    const char *host, int64_t until_ms, struct err *e)
{
	int64_t left_ms, began = clock_ms();
	int r;

	while ((r = wire_step(w, e)) == WIRE_AGAIN) {
		struct pollfd p = { wire_fd(w), wire_events(w), 0 };

		left_ms = until_ms - clock_ms();
		if (left_ms <= 0 || waiting_left_ms(&d->waiting) == 0)
			return (too_late(w, proxy, host, clock_ms() - began,
			    e));
		if (waiting_wait(&d->waiting, &p, left_ms < SLICE_MS ?
		    left_ms : SLICE_MS) == SSHIO_LEFT) {
			*e = (struct err)ERR_INIT;
			return (-1);
		}
	}
	return (r);
}

/* The way to host: a proxy, unless TCP is sent elsewhere anyway. */
static int
find_way(const struct dial *d, const char *host, struct httpproxy *proxy,
    struct err *e)
{
	*proxy = (struct httpproxy)HTTPPROXY_INIT;
	if (d->o->connect_port == 0 &&
	    httpproxy_for(&d->cloud.net, host, HTTPS_PORT, proxy, e) == -1)
		return (-1);
	if (proxy->host[0] != '\0')
		log_verbose("by way of the proxy %s%s", proxy->name,
		    proxy->user.len > 0 ? ", with a login" : "");
	return (0);
}

/*
 * The relay may tell us what we told it.  Of a SAS token only the signature is
 * secret: the rest are names, which the reason may well name.
 */
static void
mask_reason(struct wire_answer *answer, const struct relay_info *info)
{
	const char *sig = strstr(info->access_key.data, "sig=");
	size_t len;

	sig = sig != NULL ? sig + strlen("sig=") : info->access_key.data;
	len = strcspn(sig, "&");
	secret_mask(answer->reason, strlen(answer->reason), sig, len);
	secret_mask(answer->reason, strlen(answer->reason),
	    info->service_token.data, info->service_token.len);
}

static int
attempt(struct dial *d, int64_t until_ms, struct wire_answer *answer,
    struct err *e)
{
	char id[ENDPOINT_ID_SIZE], key[WS_KEY_SIZE];
	struct endpoint ep;
	struct wire_config config = { .connect_ms = CONNECT_MS };
	struct httpproxy proxy = HTTPPROXY_INIT;
	struct trust trust;
	struct wire *w = NULL;

	d->times = (struct wire_times)DIAL_NO_TIMES;
	endpoint_new_id(id);
	if (endpoint_build(&ep, &d->info, d->o->port, id, e) == -1 ||
	    trust_find(&d->cloud.net, &trust, e) == -1 ||
	    find_way(d, ep.host, &proxy, e) == -1)
		goto fail;
	ws_new_key(key);
	config.host = ep.host;
	config.path = ep.path;
	config.header = ep.header;
	config.nheader = ep.nheader;
	config.websocket_key = key;
	if ((config.connect_port = d->o->connect_port) != 0)
		config.connect_host = d->o->connect_host;
	d->with_proxy = proxy.host[0] != '\0';
	config.proxy = d->with_proxy ? &proxy : NULL;
	config.trust = &trust;

	log_verbose("connecting to %s, id %s", ep.host, id);
	d->attempts++;
	if ((w = wire_new(&config, e)) == NULL ||
	    await_answer(d, w, &proxy, ep.host, until_ms, e) == -1)
		goto fail;
	*answer = *wire_answer(w);
	mask_reason(answer, &d->info);
	log_verbose("answer: %d %s", answer->status, answer->reason);
	if (check_answer(answer, key, &d->names, e) == -1)
		goto fail;
	d->times = *wire_times(w);
	d->open_ms = clock_ms();
	d->wire = w;
	httpproxy_free(&proxy);
	return (0);
 fail:
	if (w != NULL)
		d->times = *wire_times(w);
	wire_free(w);
	httpproxy_free(&proxy);
	return (-1);
}

/* The relay refused the credential: a newer one, if there is a way to get it. */
static int
renew(struct dial *d, struct err *e)
{
	struct relay_info newer = RELAY_INFO_INIT;
	struct err why = *e;

	if (!d->o->has_target)
		return (-1);	/* a file or a variable: what is there, is there */
	log_verbose("%s", e->cause);
	if (credential_get(d->o, &d->cloud, &d->waiting, &d->info, &newer,
	    &d->info_is_new, e) == -1) {
		relay_info_free(&newer);
		if (e->status != 0)
			log_verbose("no newer credential: %s", e->cause);
		if (e->status == EX_TEMPFAIL || e->status == EX_UNAVAILABLE)
			*e = why;	/* Azure says nothing; the relay did */
		return (-1);
	}
	relay_info_free(&d->info);
	d->info = newer;
	return (0);
}

/*
 * No such endpoint, by a credential that was kept: it may be gone with its machine,
 * or have been made anew under another name.  Returns 0 when there is a new
 * credential to try; -1 with what Azure says; or -1 with *e as it was.
 */
static int
look_again(struct dial *d, struct err *e)
{
	if (d->info_is_new || strcmp(e->id, "E502") != 0)
		return (-1);
	d->info_is_new = true;
	return (renew(d, e));
}

/* Who is waited for after such a failure. */
static const char *
awaited(enum retry_class failure)
{
	switch (failure) {
	case RETRY_LISTENER:
		return ("its Arc agent to listen");
	case RETRY_AGENT:
		return ("its SSH server");
	case RETRY_NETWORK:
		return ("a way to the relay");
	default:
		return ("the relay");
	}
}

/*
 * After a failure: waits, or renews the credential.  Returns 0 when another
 * attempt is to be made; or -1 as dial does.
 */
static int
before_the_next(struct dial *d, unsigned failed[NCLASSES], struct err *e)
{
	const struct waiting *w = &d->waiting;
	struct pollfd nothing = { -1, 0, 0 };
	unsigned n = ++failed[e->retry];
	uint32_t jitter;
	int64_t wait;

	waiting_look(&d->waiting);
	crypto_random(&jitter, sizeof(jitter));
	wait = retry_wait_ms(e->retry, n, clock_ms() - w->began_ms,
	    w->end_ms - w->began_ms, jitter);
	if (wait == RETRY_GIVE_UP) {
		d->is_cut = retry_wait_ms(e->retry, n, 0, INT64_MAX, 0) !=
		    RETRY_GIVE_UP;
		return (-1);
	}
	if (e->retry == RETRY_CREDENTIAL)
		return (renew(d, e));
	log_verbose("%s; again in %d ms", e->cause, (int)wait);
	waiting_for(&d->waiting, awaited(e->retry));
	if (waiting_wait(&d->waiting, &nothing, wait) != SSHIO_LEFT)
		return (0);
	*e = (struct err)ERR_INIT;
	return (-1);
}

/* Attempts, until one is good or it is of no use. */
static int
try_and_wait(struct dial *d, struct err *e)
{
	unsigned failed[NCLASSES] = { 0 };
	struct err reason = ERR_INIT;	/* the last that the relay gave us */

	waiting_for(&d->waiting, "the relay");
	for (;;) {
		struct wire_answer answer = { .status = 0 };

		if (attempt(d, clock_ms() + ATTEMPT_MS, &answer, e) == 0) {
			*e = (struct err)ERR_INIT;
			return (0);
		}
		if (e->status == 0)
			return (-1);
		if (waiting_left_ms(&d->waiting) > 0 || reason.status == 0) {
			reason = *e;
			d->refusal = answer;
		} else		/* cut off: the failure before counts */
			*e = reason;
		if (look_again(d, e) == 0)
			continue;
		if (e->status == 0 || before_the_next(d, failed, e) == -1)
			return (-1);
	}
}

int
dial(struct dial *d, struct err *e)
{
	const struct opts *o = d->o;
	int64_t before;
	int rc;

	d->names = (struct diag_names){ opts_machine(o), o->port };
	waiting_begin(&d->waiting, d->ssh, o, d->for_ssh, d->began_ms);
	if (cloud_load(&d->cloud, o->cloud, o->cloud_file, e) == -1 ||
	    cloud_network(&d->cloud, o->ca_file, o->proxy, o->proxy_auth_file,
	    e) == -1)
		return (-1);
	before = clock_ms();
	rc = credential_get(o, &d->cloud, &d->waiting, NULL, &d->info,
	    &d->info_is_new, e);
	if (rc == 0) {
		d->credential_ms = clock_ms() - before;
		rc = try_and_wait(d, e);
	} else
		d->is_cut = waiting_left_ms(&d->waiting) == 0;
	waiting_end(&d->waiting);
	relay_info_free(&d->info);
	if (rc == 0)
		env_forget_secrets();
	else if (e->status != 0 && d->is_cut)
		(void)waiting_explain(&d->waiting, e);
	return (rc);
}

void
dial_tell_times(const struct dial *d, int64_t banner_ms)
{
	const struct log_number times[] = {
		{ "dns", d->times.dns_ms }, { "tcp", d->times.tcp_ms },
		{ "proxy", d->with_proxy ? d->times.proxy_ms : -1 },
		{ "tls", d->times.tls_ms }, { "upgrade", d->times.upgrade_ms },
		{ "banner", banner_ms },
	};

	log_numbers(times, sizeof(times) / sizeof(times[0]), "ms");
}

void
dial_free(struct dial *d)
{
	wire_free(d->wire);
	d->wire = NULL;
	relay_info_free(&d->info);
}
