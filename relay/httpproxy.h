/*
 * Which HTTP proxy leads to a host: one answer for the relay and for Azure's
 * management side, so that libcurl and libwebsockets decide nothing themselves.
 *
 * What is said (struct network, --proxy) is used as it is.  Else the first of
 * https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY, http_proxy, HTTP_PROXY that is
 * not empty, unless NO_PROXY (no_proxy first) has the host, see noproxy.h.
 * HTTP_PROXY is not asked where REQUEST_METHOD is set: in a CGI program the
 * client of the server may have set it.
 *
 * A proxy is [http://][USER:PASSWORD@]HOST[:PORT], user and password with %XX
 * where they hold reserved characters; the port is 80 if it is not said.
 */
#ifndef RELAY_HTTPPROXY_H
#define RELAY_HTTPPROXY_H

#include <stddef.h>

#include "relay/secret.h"

struct err;
struct network;

struct httpproxy {
	char		 host[254];	/* name or address, no brackets; "": no proxy */
	int		 port;
	char		 name[300];	/* "proxy.test:8080 (HTTPS_PROXY)", for people */
	struct secret	 user;		/* empty: no login is known */
	struct secret	 password;
	const char	*login_from;	/* who told it; lent by net or static */
};

#define HTTPPROXY_INIT	{ .port = 0 }

/*
 * The proxy for TLS to host:port.  host: a name or an address, in brackets or
 * not.  The login comes from net's proxy_auth_file, else from the URL, else from
 * the file that ARC_RELAY_PROXY_AUTH_FILE names.
 * Returns 0, with p->host "" when no proxy is to be used; or -1 with an error: a
 * proxy that we cannot use (EX_CONFIG E604), a login file that cannot be read or
 * that others can read (EX_CONFIG E603).  p is freed by the caller in all cases.
 */
int	 httpproxy_for(const struct network *net, const char *host, int port,
	    struct httpproxy *p, struct err *e);
void	 httpproxy_free(struct httpproxy *p);

/*
 * Is url what --proxy can have: "none" or a proxy without a password, which does
 * not belong on a command line?  Returns 0, or -1 with EX_USAGE.
 */
int	 httpproxy_check(const char *url, struct err *e);

/*
 * The proxy answered CONNECT host:port with that status and not with 2xx; target
 * is "host:port".
 *	offered	the schemes of Proxy-Authenticate, "Basic, NTLM"; or ""
 *	basic	we can log in with Basic only
 * Returns -1 with E603 (407) or E604.
 */
int	 httpproxy_refused(const struct httpproxy *p, const char *target,
	    int status, const char *offered, int basic, struct err *e);

/*
 * The other ways to fail, each with the proxy's name.  Return -1.  Whether another
 * attempt is worth it is for the caller to say.
 *	unresolved	E601	why: of gai_strerror(3); or NULL
 *	unreachable	E602	why: of strerror(3); or NULL
 *	silent		E604	no answer to CONNECT in time
 *	lost		E604	it ended the connection, or did not speak HTTP
 */
int	 httpproxy_unresolved(const struct httpproxy *p, const char *why,
	    struct err *e);
int	 httpproxy_unreachable(const struct httpproxy *p, const char *why,
	    struct err *e);
int	 httpproxy_silent(const struct httpproxy *p, const char *target,
	    struct err *e);
int	 httpproxy_lost(const struct httpproxy *p, const char *target,
	    struct err *e);

#endif
