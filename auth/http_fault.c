/*
 * Failures of requests, see http_fault.h.
 */
#include <string.h>

#include "auth/http.h"
#include "auth/http_fault.h"
#include "relay/err.h"
#include "relay/httpproxy.h"

static int
cannot_connect(const struct http_request *q, const char *host, struct err *e)
{
	err_set(e, EX_UNAVAILABLE, "E602", "cannot connect to %s", host);
	if (q->local)
		return (err_fix(e, "is the service that gives out tokens on "
		    "this machine running?"));
	return (err_fix(e, "open port 443 to %s, or export HTTPS_PROXY=http://"
	    "PROXY:PORT", host));
}

static int
bad_certificate(const struct http_request *q, const char *host,
    const char *text, struct err *e)
{
	/* libcurl's text names the reason and the names; no secret is near */
	err_set(e, EX_CONFIG, "E605", "the certificate of %s cannot be "
	    "trusted: %s", host, text);
	if (strstr(text, "not yet valid") != NULL)
		return (err_fix(e, "check the clock: sudo timedatectl set-ntp "
		    "true"));
	if (q->net->ca_file[0] != '\0')
		return (err_fix(e, "only %.200s is trusted here: is it right?",
		    q->net->ca_file));
	return (err_fix(e, "check the clock; if your network inspects TLS, add "
	    "its CA: export SSL_CERT_FILE=/PATH/CA.pem"));
}

static int
lost(const struct http_failure *f, const char *host, struct err *e)
{
	if (f->fault == FAULT_SLOW)
		err_set(e, EX_TEMPFAIL, "E409", "the answer of %s came so slowly "
		    "that it was given up", host);
	else if (f->fault == FAULT_LATE)
		err_set(e, EX_TEMPFAIL, "E409", "%s does not answer in time: %s",
		    host, f->text);
	else
		err_set(e, EX_TEMPFAIL, "E409", "lost the connection to %s: %s",
		    host, f->text);
	if (f->fault == FAULT_LOST)
		e->retry = RETRY_NETWORK;
	return (err_fix(e, "try again; https://azure.status.microsoft"));
}

int
http_explain(const struct http_failure *f, const struct http_request *q,
    const struct httpproxy *proxy, struct err *e)
{
	char host[256];

	http_host(q->url, host, sizeof(host));
	switch (f->fault) {
	case FAULT_NAME:
		err_set(e, EX_UNAVAILABLE, "E601", "cannot resolve %s", host);
		return (err_fix(e, "check the network and its DNS; if only a "
		    "proxy has DNS, set HTTPS_PROXY"));
	case FAULT_CONNECT:
		return (cannot_connect(q, host, e));
	case FAULT_PROXY_NAME:
		return (httpproxy_unresolved(proxy, NULL, e));
	case FAULT_PROXY_CONNECT:
		return (httpproxy_unreachable(proxy, f->why, e));
	case FAULT_PROXY_REFUSED:
		return (httpproxy_refused(proxy, host, f->status, f->offered, 0,
		    e));
	case FAULT_PROXY_SILENT:
		return (httpproxy_silent(proxy, host, e));
	case FAULT_PROXY_LOST:
		return (httpproxy_lost(proxy, host, e));
	case FAULT_CERTIFICATE:
		return (bad_certificate(q, host, f->text, e));
	case FAULT_TRUST:
		err_set(e, EX_CONFIG, "E605", "cannot read the trusted "
		    "certificates: %s", f->text);
		return (err_fix(e, "check --ca-file, SSL_CERT_FILE and "
		    "SSL_CERT_DIR"));
	case FAULT_TLS:
		err_set(e, EX_PROTOCOL, "E606", "no TLS with %s: %s", host,
		    f->text);
		return (err_fix(e, "something on the way may break TLS; try "
		    "another network"));
	case FAULT_LARGE:
		err_set(e, EX_PROTOCOL, "E412", "the answer of %s is larger "
		    "than %zu bytes", host, q->body_max);
		return (err_fix(e, HTTP_ODD_FIX));
	case FAULT_SLOW: case FAULT_LATE: case FAULT_LOST:
		return (lost(f, host, e));
	default:
		err_set(e, EX_PROTOCOL, "E412", "no good answer of %s: %s",
		    host, f->text);
		return (err_fix(e, HTTP_ODD_FIX));
	}
}
