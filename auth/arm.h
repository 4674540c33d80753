/*
 * Calls to Azure Resource Manager, Azure's management endpoint.
 */
#ifndef AUTH_ARM_H
#define AUTH_ARM_H

#include <stddef.h>
#include <stdint.h>

struct cloud;
struct err;
struct http_reply;
struct js;
struct secret;

#define ARM_CLAIMS_MAX	2048	/* bytes, with the NUL; seen: 100-300 */

/* Why ARM said no; status is 0 when no answer came. */
struct arm_refusal {
	int	status;
	char	code[80];	/* "AuthorizationFailed"; or "" */
	char	message[600];	/* ARM's own words, its first line, cut; or "" */
	char	policy[120];	/* the name of the policy that forbids it; or "" */
	char	tenant[80];	/* whose tokens it takes; or "" */
	char	claims[ARM_CLAIMS_MAX];	/* what a new token must claim, JSON; or "" */
};

struct arm_request {
	const char	*method;
	const char	*path;		/* begins with a slash; with query, percent-encoded */
	const char	*body;		/* JSON, or NULL */
	size_t		 body_max;	/* bytes of the answer; 0: 64 KiB */
};

/*
 * One logical call, repeated as http_call does.
 * Returns 0 when the status is 2xx.  Else -1: why says what ARM said, and e
 * explains it as far as that is the same for every call: E206, E303 token refused
 * and E304 a token with why->claims is wanted (the retry of both is
 * RETRY_CREDENTIAL), E401, E402, E403, E407, E410, E411, E412, and those of
 * http_refused.  reply is freed by the caller in both cases.
 */
int	 arm_call(const struct cloud *c, const struct secret *token,
	    const struct arm_request *q, struct http_reply *reply,
	    struct arm_refusal *why, struct err *e);

/*
 * All items of a list, from a path as in an arm_call by GET: {"value":[item,..],
 * "nextLink":URL}, page after page.  on_item is called for each, with arg; it
 * returns 0, or -1 with an error that ends the list.  The item is lent.
 * A page has at most ARM_PAGE_MAX bytes and is freed before the next is fetched.
 * Returns 0 after the last; or -1 with an error of arm_call, or E412 for what is
 * no list: a page without value, a nextLink to another host (nothing is sent
 * there) or to a page that was there, more than ARM_PAGES_MAX pages.  Items may
 * have been handed over by then.
 */
#define ARM_PAGE_MAX	(4 * 1024 * 1024)	/* a thousand machines with all they tell */
#define ARM_PAGES_MAX	500
int	 arm_list(const struct cloud *c, const struct secret *token,
	    const char *path, int (*on_item)(const struct js *item, void *arg,
	    struct err *e), void *arg, struct arm_refusal *why, struct err *e);

/*
 * One page of a list, the nth (for errors), as a document.  An answer in which
 * jansson would fill hundreds of MiB is none.  reply is as of arm_call, but its
 * body is gone when it was a page; it is freed by the caller in every case.
 * Gives the page; or NULL with an error of arm_call or arm_bad_page.
 */
struct js *arm_page(const struct cloud *c, const struct secret *token,
	    const struct arm_request *q, unsigned n, struct http_reply *reply,
	    struct arm_refusal *why, struct err *e);

/* E412: the nth page cannot be used, for it WHAT ("is empty").  Returns -1. */
int	 arm_bad_page(unsigned n, const char *what, struct err *e);

/*
 * Waits for what an arm_call began: asks where its answer says (the header
 * Azure-AsyncOperation, else Location, else the resource itself), as often as
 * Retry-After says (0.1 s to 10 min), else after 1, 2, 4, 8, 16, 16 .. s.
 *	path		of that call
 *	reply		its good answer; becomes the last one
 *	deadline_ms	of clock_ms(): the time of the last look
 * A look that meets 408, 429, 5xx or a lost connection is made again.
 * Returns 0 when the operation has succeeded or none was begun.  After
 * Azure-AsyncOperation reply is a document about the operation: a resource is to
 * be read again.  Returns -1 with E412 it failed or was canceled (why says what
 * Azure says), or has no state, or that is on another host (nothing is sent
 * there); E409 it was not done in time; or an error of arm_call.
 */
int	 arm_wait(const struct cloud *c, const struct secret *token,
	    const char *path, struct http_reply *reply, int64_t deadline_ms,
	    struct arm_refusal *why, struct err *e);

/*
 * The path, for an arm_call, of a link that Azure gave: it must be https and of
 * the same host and port, and is kept byte by byte, for it may be signed.  Lends
 * a part of url; NULL when it leads elsewhere.
 */
const char *arm_link_path(const struct cloud *c, const char *url);

/*
 * Reads an error body; lenient, for providers differ: {"error":{"code",
 * "message","details":[..],"innererror":{..}}}, the same without "error", with
 * capitals, or no JSON at all.  A detail is preferred where the whole says nothing.
 */
void	 arm_refusal_parse(int status, const char *text, size_t len,
	    struct arm_refusal *why);

/*
 * Reads the value of WWW-Authenticate (RFC 9110, 11.6.1) and sets tenant, from
 * authorization_uri, and claims, from a challenge for them, of a why: each is ""
 * when it is not there, too long or malformed.
 */
void	 arm_challenge_parse(const char *header, struct arm_refusal *why);

/* The explanation of arm_call for a path of host.  Returns -1. */
int	 arm_explain(const struct arm_refusal *why, const char *host,
	    const char *path, const struct http_reply *reply, struct err *e);

#endif
