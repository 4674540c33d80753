/*
 * What a proxy does wrong, and what to do about it, see httpproxy.h.
 */
#include <string.h>
#include <strings.h>

#include "relay/err.h"
#include "relay/httpproxy.h"

/* Is "Basic" one of the offered schemes, or is nothing known of them? */
static int
takes_basic(const char *offered)
{
	return (offered[0] == '\0' || strcasestr(offered, "basic") != NULL);
}

static int
wants_login(const struct httpproxy *p, const char *offered, int basic,
    struct err *e)
{
	if (basic && !takes_basic(offered)) {
		err_set(e, EX_NOPERM, "E603", "the proxy %s wants a login by %s "
		    "and takes no Basic", p->name, offered);
		return (err_fix(e, "run a proxy of your own that logs in there, "
		    "such as px or cntlm, and name it with --proxy "
		    "http://127.0.0.1:PORT"));
	}
	if (p->user.len > 0) {
		err_set(e, EX_NOPERM, "E603", "the proxy %s does not accept the "
		    "user and password of %.100s%s%s", p->name, p->login_from,
		    offered[0] != '\0' ? "; it wants " : "", offered);
		return (err_fix(e, "correct them there"));
	}
	err_set(e, EX_NOPERM, "E603", "the proxy %s wants a user and a password"
	    "%s%s", p->name, offered[0] != '\0' ? " by " : "", offered);
	return (err_fix(e, "give --proxy-auth-file FILE with USER:PASSWORD in "
	    "it, or export HTTPS_PROXY=http://USER:PASSWORD@PROXY:PORT"));
}

int
httpproxy_refused(const struct httpproxy *p, const char *target, int status,
    const char *offered, int basic, struct err *e)
{
	if (status == 407)
		return (wants_login(p, offered, basic, e));
	err_set(e, EX_NOPERM, "E604", "the proxy %s refuses to connect to %s "
	    "(status %d)", p->name, target, status);
	return (err_fix(e, "allow %s at the proxy, or add it to NO_PROXY",
	    target));
}

static int
check_proxy(const struct httpproxy *p, struct err *e)
{
	return (err_fix(e, "check the proxy %s, or go without with --proxy "
	    "none", p->name));
}

int
httpproxy_unresolved(const struct httpproxy *p, const char *why, struct err *e)
{
	err_set(e, EX_UNAVAILABLE, "E601", "cannot resolve the name of the "
	    "proxy %s%s%s", p->name, why != NULL ? ": " : "",
	    why != NULL ? why : "");
	return (check_proxy(p, e));
}

int
httpproxy_unreachable(const struct httpproxy *p, const char *why,
    struct err *e)
{
	err_set(e, EX_UNAVAILABLE, "E602", "cannot connect to the proxy %s%s%s",
	    p->name, why != NULL ? ": " : "", why != NULL ? why : "");
	return (check_proxy(p, e));
}

int
httpproxy_silent(const struct httpproxy *p, const char *target, struct err *e)
{
	err_set(e, EX_UNAVAILABLE, "E604", "the proxy %s does not answer the "
	    "wish to connect to %s", p->name, target);
	return (check_proxy(p, e));
}

int
httpproxy_lost(const struct httpproxy *p, const char *target, struct err *e)
{
	err_set(e, EX_UNAVAILABLE, "E604", "the proxy %s ended the connection "
	    "when it was asked for %s, or is no HTTP proxy", p->name, target);
	return (check_proxy(p, e));
}
