/*
 * Why a request got no answer, in our words.  Between http.c, which knows
 * libcurl, and whoever reads the error.
 */
#ifndef AUTH_HTTP_FAULT_H
#define AUTH_HTTP_FAULT_H

struct err;
struct http_request;
struct httpproxy;

/* What to do about an answer that nobody foresaw. */
#define HTTP_ODD_FIX	"try again; if it stays: arc-relay explain E412"

enum http_fault {
	FAULT_NAME,		/* the host's name cannot be resolved */
	FAULT_CONNECT,		/* no connection to the host */
	FAULT_PROXY_NAME,
	FAULT_PROXY_CONNECT,
	FAULT_PROXY_REFUSED,	/* status and offered tell */
	FAULT_PROXY_SILENT,	/* no answer to CONNECT */
	FAULT_PROXY_LOST,
	FAULT_CERTIFICATE,
	FAULT_TRUST,		/* our own trusted certificates */
	FAULT_TLS,
	FAULT_LARGE,		/* more than body_max */
	FAULT_SLOW,		/* it began and then trickled */
	FAULT_LATE,		/* not done in timeout_s */
	FAULT_LOST,
	FAULT_OTHER,
};

struct http_failure {
	enum http_fault		 fault;
	const char		*text;		/* libcurl's own words */
	const char		*why;		/* of strerror; or NULL */
	int			 status;	/* of the proxy's answer */
	const char		*offered;	/* its schemes, "Basic, NTLM"; or "" */
};

/* proxy: that of the request; host "" if there was none.  Returns -1. */
int	 http_explain(const struct http_failure *f,
	    const struct http_request *q, const struct httpproxy *proxy,
	    struct err *e);

#endif
