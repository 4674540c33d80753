/*
 * What the relay needs to let us in: the answer of listCredentials, the content
 * of a relay-info file, an entry of the cache.  See arc-relay-protocol(7).
 */
#ifndef RELAY_INFO_H
#define RELAY_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/secret.h"

struct err;

#define INFO_NAMESPACE_MAX	200
#define INFO_SUFFIX_MAX		100
#define INFO_PATH_MAX		260
#define INFO_TOKEN_MAX		8192	/* bytes, each of the two tokens */

#define INFO_REFRESH_S		300	/* a cached credential is renewed this early */

struct relay_info {
	char		namespace_name[INFO_NAMESPACE_MAX + 1];
	char		namespace_suffix[INFO_SUFFIX_MAX + 1];
	char		hybrid_connection[INFO_PATH_MAX + 1];	/* has slashes */
	struct secret	access_key;	/* a whole SAS token, not a key */
	struct secret	service_token;	/* may be empty: agents before 1.31 */
	int64_t		expires_on;	/* Unix seconds */
};

#define RELAY_INFO_INIT	{ .expires_on = 0 }

/*
 * Is every field one that may go into a host name, a request line and header
 * lines?  Nothing is repaired.  extra_suffix, or NULL, is a namespace suffix
 * that is allowed beside those of the Azure clouds.
 * Returns 0, or -1 with an error (EX_DATAERR) that names the field and never
 * shows a token.
 */
int	 relay_info_check(const struct relay_info *info, const char *extra_suffix,
	    struct err *e);

/*
 * True when less than margin_s seconds are left at the time now; a negative
 * margin allows for a clock that is wrong.
 */
bool	 relay_info_is_expired(const struct relay_info *info, int64_t now,
	    int64_t margin_s);

/* Wipes both tokens; info is as after RELAY_INFO_INIT. */
void	 relay_info_free(struct relay_info *info);

#endif
