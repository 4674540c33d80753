/*
 * One HTTPS request by libcurl, see http.h.  What libcurl has on its heap (headers
 * with tokens, buffers) is wiped when it frees it, at the end of the request.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "auth/http.h"
#include "auth/http_facts.h"
#include "auth/http_fault.h"
#include "auth/patience.h"
#include "auth/text.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/httpproxy.h"
#include "relay/log.h"
#include "relay/trust.h"

#define CONNECT_MS	10000	/* with the proxy and TLS */
#define CONNECT_LOCAL_MS	1000	/* who is here answers at once */
#define TRUST_MAX	(4 * 1024 * 1024)	/* bytes of a file of certificates */
#define HEADER_MAX	(32 * 1024)	/* bytes; a challenge of Entra has 2,000 */

/*
 * Azure may honestly think for a minute before the first byte, but an answer
 * that has begun and brings less than this is as good as dead.
 */
#define SLOW_BYTES	500
#define SLOW_MS		5000

/*
 * What lasts from one request to the next: connections, for as long as the
 * process does, and nothing else.  A handle is made for each request.
 */
static struct {
	CURLSH		*connections;
	pid_t		 owner;		/* a forked child has none of it */
	uintptr_t	 request;	/* number of the one that is made */
	bool		 opened;	/* it needed a connection of its own .. */
	bool		 was_up;	/* .. that had TCP, to the proxy if there is one */
} kept;

/* Says good-bye, and wipes what libcurl has on its heap. */
static void
stop(void)
{
	if (kept.connections == NULL || kept.owner != getpid())
		return;
	(void)curl_share_cleanup(kept.connections);
	kept.connections = NULL;
	curl_global_cleanup();
}

static int
start(void)
{
	if (kept.connections != NULL && kept.owner == getpid())
		return (0);
	/* libcurl would write the keys of the session where this says */
	(void)unsetenv("SSLKEYLOGFILE");
	kept.owner = getpid();
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, secret_malloc,
	    secret_mfree, secret_realloc, secret_strdup, secret_calloc) != 0 ||
	    (kept.connections = curl_share_init()) == NULL ||
	    curl_share_setopt(kept.connections, CURLSHOPT_SHARE,
	    CURL_LOCK_DATA_CONNECT) != CURLSHE_OK || atexit(stop) != 0)
		return (-1);
	return (0);
}

struct answer {
	CURL			*curl;
	struct http_reply	*reply;
	size_t			 body_max;
	size_t			 got;		/* bytes, whole lines of the header too */
	size_t			 got_before;	/* when the last watch began */
	int64_t			 watch_ms;	/* when that was */
	bool			 trickles;
};

static size_t
on_body(char *data, size_t one, size_t len, void *arg)
{
	struct answer *a = arg;

	(void)one;	/* always 1 */
	a->got += len;
	return (text_append(&a->reply->body, data, len, a->body_max) == 0 ?
	    len : 0);	/* less than len: libcurl gives up */
}

static size_t
on_header(char *line, size_t one, size_t len, void *arg)
{
	struct answer *a = arg;

	(void)one;
	a->got += len;
	if (len > 5 && strncmp(line, "HTTP/", 5) == 0)
		secret_free(&a->reply->header);	/* a proxy's, or a 100 */
	return (text_append(&a->reply->header, line, len, HEADER_MAX) == 0 ?
	    len : 0);
}

/* Called by libcurl at least every second. */
static int
on_progress(void *arg, curl_off_t total, curl_off_t now, curl_off_t up_total,
    curl_off_t up_now)
{
	struct answer *a = arg;
	int64_t at_ms = clock_ms();
	curl_off_t first_us = 0;

	(void)total;
	(void)now;
	(void)up_total;
	(void)up_now;
	(void)curl_easy_getinfo(a->curl, CURLINFO_STARTTRANSFER_TIME_T,
	    &first_us);
	if (first_us == 0)
		return (0);
	if (a->watch_ms != 0 && at_ms - a->watch_ms < SLOW_MS)
		return (0);
	a->trickles = a->watch_ms != 0 && a->got - a->got_before < SLOW_BYTES;
	a->watch_ms = at_ms;
	a->got_before = a->got;
	return (a->trickles);	/* libcurl gives up if it is true */
}

/*
 * With a proxy libcurl does not tell how far it came.  arg: number of the request
 * that opened it; the connection may have outlived that.
 */
static int
on_close(void *arg, curl_socket_t fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	if ((uintptr_t)arg == kept.request &&
	    getpeername(fd, (struct sockaddr *)&peer, &len) == 0)
		kept.was_up = true;
	return (close(fd));
}

/* Whatever a name leads to: a local request goes nowhere else. */
static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	const struct http_request *q = arg;

	(void)purpose;
	if (q->local && !http_is_local_address(&to->addr))
		return (CURL_SOCKET_BAD);
	kept.opened = true;
	return (socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol));
}

/* An id is for people: what would not be one word is not shown. */
static void
keep_id(const struct http_reply *reply, const char *name, char out[HTTP_ID_MAX])
{
	if (http_header(reply, name, out, HTTP_ID_MAX) &&
	    !text_is_visible(out, strlen(out)))
		out[0] = '\0';
}

/* The schemes that the proxy offered, in words. */
static void
offered_text(CURL *curl, char *out, size_t size)
{
	static const struct { unsigned long bit; const char *name; } schemes[] = {
		{ CURLAUTH_BASIC, "Basic" }, { CURLAUTH_DIGEST, "Digest" },
		{ CURLAUTH_NTLM, "NTLM" }, { CURLAUTH_NEGOTIATE, "Negotiate" },
	};
	long offered = 0;
	size_t i, len = 0;

	out[0] = '\0';
	(void)curl_easy_getinfo(curl, CURLINFO_PROXYAUTH_AVAIL, &offered);
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (((unsigned long)offered & schemes[i].bit) != 0 && len < size)
			len += (size_t)snprintf(out + len, size - len, "%s%s",
			    len > 0 ? ", " : "", schemes[i].name);
}

/* By a proxy, before its tunnel is open: then it is the proxy's failure. */
static enum http_fault
proxy_fault(CURLcode code, bool was_up)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_PROXY: case CURLE_COULDNT_RESOLVE_HOST:
		return (FAULT_PROXY_NAME);
	case CURLE_COULDNT_CONNECT:
		return (FAULT_PROXY_CONNECT);
	case CURLE_OPERATION_TIMEDOUT:
		return (was_up ? FAULT_PROXY_SILENT : FAULT_PROXY_CONNECT);
	case CURLE_OUT_OF_MEMORY:
		return (FAULT_OTHER);
	default:
		return (FAULT_PROXY_LOST);
	}
}

/* is_up: all of the connection; has_tcp: that it had. */
static enum http_fault
host_fault(CURLcode code, bool is_up, bool has_tcp)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return (FAULT_NAME);
	case CURLE_COULDNT_CONNECT:
		return (FAULT_CONNECT);
	case CURLE_PEER_FAILED_VERIFICATION:
		return (FAULT_CERTIFICATE);
	case CURLE_SSL_CACERT_BADFILE:
		return (FAULT_TRUST);
	case CURLE_SSL_CONNECT_ERROR:
		return (FAULT_TLS);
	case CURLE_WRITE_ERROR:
		return (FAULT_LARGE);
	case CURLE_ABORTED_BY_CALLBACK:
		return (FAULT_SLOW);
	case CURLE_OPERATION_TIMEDOUT:
		return (is_up ? FAULT_LATE : has_tcp ? FAULT_TLS :
		    FAULT_CONNECT);
	case CURLE_PARTIAL_FILE: case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR: case CURLE_RECV_ERROR:
		return (FAULT_LOST);
	default:
		return (FAULT_OTHER);
	}
}

/* Why there was no answer.  text is libcurl's own and may be empty. */
static int
no_answer(CURL *curl, CURLcode code, const struct http_request *q,
    const struct httpproxy *proxy, const char *text, struct err *e)
{
	curl_off_t secured_us = 0, ready_us = 0;
	struct http_failure f = { .text = text[0] != '\0' ? text :
	    curl_easy_strerror(code) };
	char offered[64];
	long tunnel = 0, error = 0;
	bool reused;

	(void)curl_easy_getinfo(curl, CURLINFO_HTTP_CONNECTCODE, &tunnel);
	(void)curl_easy_getinfo(curl, CURLINFO_APPCONNECT_TIME_T, &secured_us);
	(void)curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
	(void)curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &error);
	reused = !kept.opened && ready_us != 0;
	offered_text(curl, offered, sizeof(offered));
	f.why = error != 0 ? strerror((int)error) : NULL;
	f.status = (int)tunnel;
	f.offered = offered;
	if (code == CURLE_COULDNT_CONNECT && error == ECONNRESET)
		code = CURLE_SSL_CONNECT_ERROR;	/* TCP was up before the reset */
	if (code == CURLE_OPERATION_TIMEDOUT &&
	    strncmp(text, "Resolving ", 10) == 0)
		code = CURLE_COULDNT_RESOLVE_HOST;	/* a silent name server */
	if (tunnel >= 300)
		f.fault = FAULT_PROXY_REFUSED;
	else if (proxy->host[0] != '\0' && tunnel / 100 != 2 && !reused)
		f.fault = proxy_fault(code, kept.was_up);
	else
		f.fault = host_fault(code, reused || (q->local ?
		    kept.was_up : secured_us != 0), kept.was_up);
	return (http_explain(&f, q, proxy, e));
}

static void
set_trust_file(CURL *curl, const char *path)
{
	curl_easy_setopt(curl, CURLOPT_CAINFO, path[0] != '\0' ? path : NULL);
}

/* Two files: libcurl takes one, so they are put together. */
static int
set_trust_files(CURL *curl, const char *one, const char *other)
{
#if LIBCURL_VERSION_NUM >= 0x074d00	/* 7.77.0 */
	struct secret all = SECRET_INIT, more = SECRET_INIT;
	struct curl_blob blob;
	int rc = -1;

	if (text_read_file(one, TRUST_MAX, &all) == 0 &&
	    text_read_file(other, TRUST_MAX, &more) == 0 &&
	    text_append(&all, "\n", 1, 2 * TRUST_MAX) == 0 &&
	    text_append(&all, more.data, more.len, 2 * TRUST_MAX) == 0) {
		blob = (struct curl_blob){ all.data, all.len, CURL_BLOB_COPY };
		rc = curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob) ==
		    CURLE_OK ? 0 : -1;
	}
	secret_free(&all);
	secret_free(&more);
	return (rc);
#else
	(void)other;
	set_trust_file(curl, one);
	return (0);
#endif
}

static int
set_trust(CURL *curl, const struct http_request *q, struct err *e)
{
	struct trust t;

	if (trust_find(q->net, &t, e) == -1)
		return (-1);
	curl_easy_setopt(curl, CURLOPT_CAPATH, t.dir[0] != '\0' ? t.dir : NULL);
	if (t.also[0] == '\0' || t.bundle[0] == '\0') {
		set_trust_file(curl, t.only[0] != '\0' ? t.only :
		    t.also[0] != '\0' ? t.also : t.bundle);
		return (0);
	}
	if (set_trust_files(curl, t.also, t.bundle) == 0)
		return (0);
	return (err_set(e, EX_CONFIG, "E605", "cannot read certificates from "
	    "%.120s and %.100s", t.also, t.bundle));
}

/*
 * With a login, each way that libcurl knows to use it; Negotiate would go
 * without it.  With none, Negotiate by the user's Kerberos ticket, if the proxy
 * offers it.
 */
static void
set_proxy(CURL *curl, const struct httpproxy *p)
{
	char url[sizeof(p->host) + 16];

	if (p->host[0] == '\0') {
		curl_easy_setopt(curl, CURLOPT_PROXY, "");
		return;
	}
	(void)snprintf(url, sizeof(url), strchr(p->host, ':') != NULL ?
	    "http://[%s]:%d" : "http://%s:%d", p->host, p->port);
	curl_easy_setopt(curl, CURLOPT_PROXY, url);
	curl_easy_setopt(curl, CURLOPT_HTTPPROXYTUNNEL, 1L);
	if (p->user.len > 0) {
		curl_easy_setopt(curl, CURLOPT_PROXYUSERNAME, p->user.data);
		curl_easy_setopt(curl, CURLOPT_PROXYPASSWORD, p->password.data);
		curl_easy_setopt(curl, CURLOPT_PROXYAUTH, (long)(CURLAUTH_BASIC |
		    CURLAUTH_DIGEST | CURLAUTH_NTLM));
	} else if (curl_version_info(CURLVERSION_NOW)->features &
	    CURL_VERSION_SPNEGO) {
		curl_easy_setopt(curl, CURLOPT_PROXYUSERPWD, ":");
		curl_easy_setopt(curl, CURLOPT_PROXYAUTH,
		    (long)(CURLAUTH_NEGOTIATE | CURLAUTH_ONLY));
	}
}

/* Where to, and whom to believe there.  Returns 0 or -1. */
static int
set_way(CURL *curl, const struct http_request *q, struct httpproxy *proxy,
    struct err *e)
{
	char host[256];
	int port;

	curl_easy_setopt(curl, CURLOPT_NOPROXY, "");	/* it is our decision */
	if (q->local) {
		set_proxy(curl, proxy);
		return (0);
	}
	http_target(q->url, host, sizeof(host), &port);
	if (set_trust(curl, q, e) == -1 ||
	    httpproxy_for(q->net, host, port, proxy, e) == -1)
		return (-1);
	if (proxy->host[0] != '\0')
		log_debug("%s: by way of the proxy %s%s", host, proxy->name,
		    proxy->user.len > 0 ? ", with a login" : "");
	set_proxy(curl, proxy);
	if (proxy->user.len > 0)	/* or libcurl keeps it as well */
		curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
	else
		curl_easy_setopt(curl, CURLOPT_SHARE, kept.connections);
	return (0);
}

static void
set_limits(CURL *curl, const struct http_request *q)
{
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, q->local ?
	    (long)CONNECT_LOCAL_MS : (long)CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
	    (long)patience_ms((int64_t)q->timeout_s * 1000));
#if LIBCURL_VERSION_NUM >= 0x075500	/* 7.85.0 */
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, q->local ?
	    "http" : "https");
#else
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS, q->local ?
	    (long)CURLPROTO_HTTP : (long)CURLPROTO_HTTPS);
#endif
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION,
	    (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION,
	    (long)CURL_SSLVERSION_TLSv1_2);
}

static CURLcode
perform(CURL *curl, const struct http_request *q, struct answer *a,
    char *text)
{
	struct curl_slist *headers = NULL, *to = NULL, *more;
	char connect_to[300];
	const char *const *h;
	CURLcode code = CURLE_OUT_OF_MEMORY;

	for (h = q->headers; h != NULL && *h != NULL; h++) {
		if ((more = curl_slist_append(headers, *h)) == NULL)
			goto out;
		headers = more;
	}
	if (q->connect_to != NULL) {
		(void)snprintf(connect_to, sizeof(connect_to), "::%s",
		    q->connect_to);
		if ((to = curl_slist_append(NULL, connect_to)) == NULL)
			goto out;
		curl_easy_setopt(curl, CURLOPT_CONNECT_TO, to);
	}
	set_limits(curl, q);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
	curl_easy_setopt(curl, CURLOPT_URL, q->url);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "arc-relay/" VERSION);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	if (q->body != NULL) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)q->body->len);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
		    q->body->len > 0 ? q->body->data : "");
	}
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, q->method);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, a);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, q);
	curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA,
	    (void *)kept.request);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, a);
	a->curl = curl;
	code = curl_easy_perform(curl);
 out:
	curl_slist_free_all(headers);
	curl_slist_free_all(to);
	return (code);
}

static int
not_local(const char *url, struct err *e)
{
	char host[256];
	const char *at;

	http_host(url, host, sizeof(host));
	at = strrchr(host, '@');	/* what stands before may be a password */
	err_set(e, EX_CONFIG, "E313", "%.100s is no address of this machine: no "
	    "token is asked for there", at != NULL ? at + 1 : host);
	return (err_fix(e, "it must be http:// and a loopback or link-local "
	    "address, or localhost"));
}

static int	 once(const struct http_request *, struct http_reply *,
    struct http_facts *, bool, struct err *);

/* Who signed a certificate that is not trusted says most of the cause. */
static void
name_issuer(const struct http_request *q, struct http_facts *f, struct err *e)
{
	struct http_reply none = HTTP_REPLY_INIT;
	struct err unused = ERR_INIT;
	struct http_facts own = { .ms = 0 };
	size_t len = strlen(e->cause);

	if (f == NULL)
		f = &own;
	if (once(q, &none, f, true, &unused) == 0 && f->issuer[0] != '\0')
		(void)snprintf(e->cause + len, sizeof(e->cause) - len,
		    " (issuer \"%.80s\")", f->issuer);
	http_reply_free(&none);
}

/* facts: NULL, they are not wanted. */
static int
once(const struct http_request *q, struct http_reply *reply,
    struct http_facts *facts, bool only_shake_hands, struct err *e)
{
	struct answer a = { .reply = reply, .body_max = q->body_max };
	struct httpproxy proxy = HTTPPROXY_INIT;
	char text[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURL *curl = NULL;
	CURLcode code;
	int rc = -1;

	http_reply_free(reply);
	if (q->local && !http_is_local_url(q->url))
		return (not_local(q->url, e));
	kept.request++;
	kept.opened = kept.was_up = false;
	if (start() == -1 || (curl = curl_easy_init()) == NULL) {
		err_set(e, EX_OSERR, "", "cannot start libcurl");
		goto out;
	}
	if (set_way(curl, q, &proxy, e) == -1)
		goto out;
	if (facts != NULL)
		http_facts_ask(curl, facts, only_shake_hands);
	code = perform(curl, q, &a, text);
	if (facts != NULL)
		http_facts_read(curl, proxy.name, facts);
	if (code != CURLE_OK) {
		no_answer(curl, code, q, &proxy, text, e);
		if (code == CURLE_PEER_FAILED_VERIFICATION)
			name_issuer(q, facts, e);
		goto out;
	}
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	reply->status = (int)status;
	if (status >= 300)
		http_mask(q, reply);
	reply->retry_after_ms = http_retry_after_ms(reply, time(NULL));
	keep_id(reply, "x-ms-request-id", reply->request_id);
	keep_id(reply, "x-ms-correlation-request-id", reply->correlation_id);
	rc = 0;
 out:
	curl_easy_cleanup(curl);
	httpproxy_free(&proxy);
	return (rc);
}

int
http_once(const struct http_request *q, struct http_reply *reply, struct err *e)
{
	return (once(q, reply, NULL, false, e));
}

int
http_look(const struct http_request *q, struct http_reply *reply,
    struct http_facts *f, struct err *e)
{
	*f = (struct http_facts){ .ms = 0 };
	return (once(q, reply, f, false, e));
}

void
http_reply_free(struct http_reply *reply)
{
	secret_free(&reply->body);
	secret_free(&reply->header);
	*reply = (struct http_reply)HTTP_REPLY_INIT;
}

const char *
http_version(void)
{
	return (curl_version());
}
