/*
 * One HTTPS request by libcurl, see http.h.  What libcurl keeps on its heap
 * (headers with tokens, buffers) is wiped when it frees it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include "auth/http.h"
#include "auth/text.h"
#include "relay/err.h"
#include "relay/trust.h"

#define CONNECT_MS	10000
#define CONNECT_LOCAL_MS	1000	/* who is here answers at once */
#define HEADER_MAX	(32 * 1024)	/* bytes; a challenge of Entra has 2,000 */
#define SLOW_BYTES	16	/* per second, for SLOW_S: as good as dead */
#define SLOW_S		30	/* Azure may honestly think for some seconds */

static char *
secret_strdup(const char *s)
{
	size_t size = strlen(s) + 1;
	char *copy = secret_malloc(size);

	return (copy != NULL ? memcpy(copy, s, size) : NULL);
}

static void *
secret_calloc(size_t n, size_t size)
{
	void *p;

	if (size != 0 && n > SIZE_MAX / size)
		return (NULL);
	if ((p = secret_malloc(n * size)) != NULL)
		memset(p, 0, n * size);
	return (p);
}

struct answer {
	struct http_reply	*reply;
	size_t			 body_max;
};

static size_t
on_body(char *data, size_t one, size_t len, void *arg)
{
	struct answer *a = arg;

	(void)one;	/* always 1 */
	return (text_append(&a->reply->body, data, len, a->body_max) == 0 ?
	    len : 0);	/* less than len: libcurl gives up */
}

static size_t
on_header(char *line, size_t one, size_t len, void *arg)
{
	struct answer *a = arg;

	(void)one;
	if (len > 5 && strncmp(line, "HTTP/", 5) == 0)
		secret_free(&a->reply->header);	/* a proxy's, or a 100 */
	return (text_append(&a->reply->header, line, len, HEADER_MAX) == 0 ?
	    len : 0);
}

/* An id is for people: what would not be one word is not shown. */
static void
keep_id(const struct http_reply *reply, const char *name, char out[HTTP_ID_MAX])
{
	if (http_header(reply, name, out, HTTP_ID_MAX) &&
	    !text_is_visible(out, strlen(out)))
		out[0] = '\0';
}

static int
proxy_error(CURL *curl, const char *host, long status, struct err *e)
{
	char *ip = NULL;
	long port = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_PRIMARY_IP, &ip);
	(void)curl_easy_getinfo(curl, CURLINFO_PRIMARY_PORT, &port);
	if (status == 407) {
		err_set(e, EX_NOPERM, "E603", "the proxy at %s:%ld wants a "
		    "user name and a password", ip != NULL ? ip : "", port);
		return (err_fix(e, "export HTTPS_PROXY=http://USER:PASSWORD@"
		    "PROXY:PORT"));
	}
	err_set(e, EX_NOPERM, "E604", "the proxy at %s:%ld refuses to connect "
	    "to %s (status %ld)", ip != NULL ? ip : "", port, host, status);
	return (err_fix(e, "allow %s at the proxy, or add it to NO_PROXY",
	    host));
}

static int
certificate_error(const struct http_request *q, const char *host,
    const char *text, struct err *e)
{
	/* libcurl's text names the reason and the names; no secret is near */
	err_set(e, EX_CONFIG, "E605", "the certificate of %s cannot be "
	    "trusted: %s", host, text);
	if (q->net->ca_file[0] != '\0')
		return (err_fix(e, "only %.200s is trusted here: is it right?",
		    q->net->ca_file));
	return (err_fix(e, "check the clock; if your network inspects TLS, add "
	    "its CA to the system: update-ca-certificates"));
}

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

/* Why there was no answer.  text is libcurl's own and may be empty. */
static int
transport_error(CURL *curl, CURLcode code, const struct http_request *q,
    const char *text, struct err *e)
{
	curl_off_t connected_us = 0;
	char host[256];
	long tunnel = 0, error = 0;

	http_host(q->url, host, sizeof(host));
	(void)curl_easy_getinfo(curl, CURLINFO_HTTP_CONNECTCODE, &tunnel);
	(void)curl_easy_getinfo(curl, q->local ? CURLINFO_CONNECT_TIME_T :
	    CURLINFO_APPCONNECT_TIME_T, &connected_us);
	(void)curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &error);
	if (text[0] == '\0')
		text = curl_easy_strerror(code);
	if (code == CURLE_COULDNT_CONNECT && error == ECONNRESET)
		code = CURLE_SSL_CONNECT_ERROR;	/* TCP was up before the reset */
	if (tunnel >= 300)
		return (proxy_error(curl, host, tunnel, e));
	switch (code) {
	case CURLE_COULDNT_RESOLVE_PROXY:
		err_set(e, EX_UNAVAILABLE, "E601",
		    "the name of the proxy cannot be resolved");
		return (err_fix(e, "check HTTPS_PROXY and ALL_PROXY"));
	case CURLE_COULDNT_RESOLVE_HOST:
		err_set(e, EX_UNAVAILABLE, "E601", "cannot resolve %s", host);
		return (err_fix(e, "check the network and its DNS; if only a "
		    "proxy has DNS, set HTTPS_PROXY"));
	case CURLE_PEER_FAILED_VERIFICATION:
		return (certificate_error(q, host, text, e));
	case CURLE_SSL_CACERT_BADFILE:
		return (err_set(e, EX_CONFIG, "E605",
		    "cannot read certificates from %s",
		    q->net->ca_file[0] != '\0' ? q->net->ca_file :
		    "the system's store"));
	case CURLE_SSL_CONNECT_ERROR:
		err_set(e, EX_PROTOCOL, "E606", "no TLS with %s: %s", host,
		    text);
		return (err_fix(e, "something on the way may break TLS; try "
		    "another network"));
	case CURLE_WRITE_ERROR:
		return (err_set(e, EX_PROTOCOL, "E412",
		    "the answer of %s is larger than %zu bytes", host,
		    q->body_max));
	case CURLE_COULDNT_CONNECT:
		break;
	case CURLE_OPERATION_TIMEDOUT:
		if (connected_us == 0)
			break;
		/* FALLTHROUGH */
	case CURLE_PARTIAL_FILE: case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR: case CURLE_RECV_ERROR:
		err_set(e, EX_TEMPFAIL, "E409", "lost the connection to %s: %s",
		    host, text);
		if (code != CURLE_OPERATION_TIMEDOUT)
			e->retry = RETRY_NETWORK;
		return (err_fix(e, "try again; https://azure.status.microsoft"));
	default:
		return (err_set(e, EX_PROTOCOL, "E412", "no good answer of %s: "
		    "%s", host, text));
	}
	return (cannot_connect(q, host, e));
}

/* Whatever a name leads to: a local request goes nowhere else. */
static curl_socket_t
open_local(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	(void)arg;
	(void)purpose;
	if (!http_is_local_address(&to->addr))
		return (CURL_SOCKET_BAD);
	return (socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol));
}

static void
set_local(CURL *curl)
{
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_local);
}

static void
set_trust(CURL *curl, const char *ca_file)
{
	const char *dir;

	if (ca_file[0] != '\0') {
		curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	} else if ((dir = trust_hashed_dir()) != NULL) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
		curl_easy_setopt(curl, CURLOPT_CAPATH, dir);
	}
}

static void
set_limits(CURL *curl, const struct http_request *q)
{
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, q->local ?
	    (long)CONNECT_LOCAL_MS : (long)CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)q->timeout_s);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)SLOW_S);
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
	struct curl_slist *headers = NULL, *more;
	const char *const *h;
	CURLcode code = CURLE_OUT_OF_MEMORY;

	for (h = q->headers; h != NULL && *h != NULL; h++) {
		if ((more = curl_slist_append(headers, *h)) == NULL)
			goto out;
		headers = more;
	}
	set_limits(curl, q);
	if (q->local)
		set_local(curl);
	else
		set_trust(curl, q->net->ca_file);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
	curl_easy_setopt(curl, CURLOPT_URL, q->url);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "arc-relay/" VERSION);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
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
	code = curl_easy_perform(curl);
 out:
	curl_slist_free_all(headers);
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

int
http_once(const struct http_request *q, struct http_reply *reply, struct err *e)
{
	struct answer a = { reply, q->body_max };
	char text[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURL *curl = NULL;
	CURLcode code;
	int rc = -1;

	http_reply_free(reply);
	if (q->local && !http_is_local_url(q->url))
		return (not_local(q->url, e));
	/* libcurl would write the keys of the session where this says */
	(void)unsetenv("SSLKEYLOGFILE");
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, secret_malloc,
	    secret_mfree, secret_realloc, secret_strdup, secret_calloc) != 0 ||
	    (curl = curl_easy_init()) == NULL) {
		err_set(e, EX_OSERR, "", "cannot start libcurl");
		goto out;
	}
	if ((code = perform(curl, q, &a, text)) != CURLE_OK) {
		transport_error(curl, code, q, text, e);
		goto out;
	}
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	reply->status = (int)status;
	reply->retry_after_ms = http_retry_after_ms(reply, time(NULL));
	keep_id(reply, "x-ms-request-id", reply->request_id);
	keep_id(reply, "x-ms-correlation-request-id", reply->correlation_id);
	rc = 0;
 out:
	curl_easy_cleanup(curl);
	curl_global_cleanup();
	return (rc);
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
