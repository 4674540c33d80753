/*
 * Calls to Azure Resource Manager, Azure's management endpoint.
 */
#ifndef AUTH_ARM_H
#define AUTH_ARM_H

#include <stdbool.h>
#include <stddef.h>

struct cloud;
struct err;
struct http_reply;
struct secret;

/* Why ARM said no; status is 0 when no answer came. */
struct arm_refusal {
	int	status;
	char	code[80];	/* "AuthorizationFailed"; or "" */
	char	message[600];	/* ARM's own words, cut; or "" */
};

/*
 * One logical call, repeated as http_call does.
 *	path	begins with a slash; with query, percent-encoded
 *	body	JSON, or NULL
 * Returns 0 when the status is 2xx.  Else -1: why says what ARM said, and e
 * explains it as far as that is the same for every call: E303 token refused (its
 * retry is RETRY_CREDENTIAL), E206, E401, E403, E410, E411, and those of
 * http_refused.  reply is freed by the caller in both cases.
 */
int	 arm_call(const struct cloud *c, const struct secret *token,
	    const char *method, const char *path, const char *body,
	    struct http_reply *reply, struct arm_refusal *why, struct err *e);

/*
 * Reads an error body; lenient, for providers differ: {"error":{"code",
 * "message"}}, {"code","message"}, {"Message"}, or no JSON at all.
 */
void	 arm_refusal_parse(int status, const char *text, size_t len,
	    struct arm_refusal *why);

/* The explanation of arm_call.  host: who answered.  Returns -1. */
int	 arm_explain(const struct arm_refusal *why, const char *host,
	    const struct http_reply *reply, struct err *e);

#endif
