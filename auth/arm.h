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
