/*
 * A request with patience, see http.h.
 */
#include <poll.h>
#include <time.h>

#include "auth/http.h"
#include "auth/patience.h"
#include "relay/clock.h"
#include "relay/crypto.h"
#include "relay/err.h"
#include "relay/log.h"

#define NETWORK_LOGIN	511	/* of a captive portal (RFC 6585, 6) */

bool
http_is_busy(int status)
{
	return (status == 408 || status == 429 || (status >= 500 &&
	    status != NETWORK_LOGIN));
}

int
http_refused(const char *host, const struct http_reply *reply, struct err *e)
{
	if (reply->status == 429) {
		err_set(e, EX_TEMPFAIL, "E408", "%s throttles: too many "
		    "requests", host);
		if (reply->retry_after_ms > 0)
			return (err_fix(e, "try again in %lld s", (long long)
			    (reply->retry_after_ms + 999) / 1000));
		return (err_fix(e, "try again in a minute"));
	}
	if (http_is_busy(reply->status)) {
		err_set(e, EX_TEMPFAIL, "E409", "%s fails with status %d", host,
		    reply->status);
		return (err_fix(e, "try again; https://azure.status.microsoft"));
	}
	err_set(e, EX_PROTOCOL, "E607", "%s answered with status %d and "
	    "nothing that Azure would say", host, reply->status);
	return (err_fix(e, "a captive portal or a proxy may have answered: "
	    "open a browser"));
}

static int64_t
wait_ms(enum retry_class failure, const struct http_reply *reply,
    unsigned attempt, int64_t elapsed_ms, int64_t budget_ms)
{
	int64_t wait, said_ms;
	uint32_t jitter;

	crypto_random(&jitter, sizeof(jitter));
	wait = retry_wait_ms(failure, attempt, elapsed_ms, budget_ms,
	    jitter);
	if (wait == RETRY_GIVE_UP || reply->retry_after_ms == 0)
		return (wait);
	if (reply->retry_after_ms == HTTP_WAIT_UNREADABLE)
		return (reply->status == 429 ? RETRY_GIVE_UP : wait);
	said_ms = reply->retry_after_ms + jitter % 256;
	return (elapsed_ms + said_ms < budget_ms ? said_ms :
	    RETRY_GIVE_UP);
}

int
http_call(const struct http_request *q, struct http_reply *reply, struct err *e)
{
	int64_t start_ms = clock_ms(), wait;
	int64_t budget_ms = patience_ms(HTTP_PATIENCE_MS);
	enum retry_class failure;
	unsigned attempt;
	char host[256];
	int rc;

	http_host(q->url, host, sizeof(host));
	for (attempt = 1;; attempt++) {
		int64_t began_ms = clock_ms();

		rc = http_once(q, reply, e);
		failure = rc != 0 ? e->retry :
		    http_is_busy(reply->status) || (q->may_be_absent &&
		    (reply->status == 404 || reply->status == 410)) ?
		    RETRY_SERVICE : RETRY_NEVER;
		if (rc == 0)
			log_verbose("%s %s: %d after %lld ms, request %s, "
			    "correlation %s", q->method, host, reply->status,
			    (long long)(clock_ms() - began_ms),
			    reply->request_id, reply->correlation_id);
		if (failure == RETRY_NEVER)
			return (rc);
		wait = wait_ms(failure, reply, attempt, clock_ms() - start_ms,
		    budget_ms);
		if (wait == RETRY_GIVE_UP)
			return (rc);
		log_verbose("%s %s: again in %lld ms", q->method, host,
		    (long long)wait);
		(void)poll(NULL, 0, (int)wait);
	}
}
