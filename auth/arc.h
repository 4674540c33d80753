/*
 * Arc machines: their resource ids, and the one call that lets us in.
 */
#ifndef AUTH_ARC_H
#define AUTH_ARC_H

#include <stddef.h>

struct arm_refusal;
struct cloud;
struct err;
struct relay_info;
struct secret;

#define ARC_ID_MAX	1024	/* bytes of a resource id */
#define ARC_EXPIRES_IN_S	10800	/* the longest that Azure gives */

/*
 * The ARM id of a machine,
 *	/subscriptions/GUID/resourceGroups/GROUP/providers/TYPE/NAME
 * in the user's own spelling (ARM compares without case).
 */
struct arc_id {
	char	text[ARC_ID_MAX + 1];	/* no slash at the end */
	char	subscription[37];
	char	group[200];	/* 90 characters, some of several bytes */
	char	name[65];
};

/*
 * Returns 0; or -1 with EX_USAGE (no such id), E202 (an Azure VM: it has no
 * relay).
 */
int	 arc_id_parse(const char *text, struct arc_id *id, struct err *e);

/*
 * POST listCredentials (arc-relay-protocol(7), LIST): the relay credential of
 * the machine's SSH service, good for expires_in_s (600-10800).  info is checked
 * and is freed by the caller in every case.
 * claims (size bytes; ARM_CLAIMS_MAX is enough) becomes what a new token must
 * claim, JSON, when that is why Azure did not take this one (E304); else "".
 * Returns 0; or -1 with E201 no machine, E401 no permission, E404 and E405 SSH
 * not set up, E412 not an answer, E111 our clock is off, or an error of arm_call.
 */
int	 arc_list_credentials(const struct cloud *c, const struct arc_id *id,
	    const struct secret *token, int expires_in_s,
	    struct relay_info *info, char *claims, size_t size, struct err *e);

/*
 * Appends the path of a request below the machine: its id, percent-encoded, and tail
 * as it is.  Returns 0, or -1: no memory.
 */
int	 arc_path(const struct arc_id *id, const char *tail, struct secret *out);

/*
 * What is missing, after a 404 or 410 for a path of the machine: E201 the machine,
 * E404 its endpoint or what is below.  e, which arm_call has filled, stays when it
 * is neither.  Returns -1.
 */
int	 arc_not_found(const struct arc_id *id, const struct arm_refusal *why,
	    struct err *e);

/*
 * What SSH of a machine needs is missing: E404 its endpoint, E405 the service
 * configuration.  Return -1.
 */
int	 arc_no_endpoint(const struct arc_id *id, struct err *e);
int	 arc_no_service(const struct arc_id *id, struct err *e);

#endif
