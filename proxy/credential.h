/*
 * Where arc-relay-proxy has its relay information from: a file, the environment,
 * the cache, or arc-relay, which asks Azure.
 */
#ifndef PROXY_CREDENTIAL_H
#define PROXY_CREDENTIAL_H

#include <stdbool.h>

#include <stdint.h>

struct cloud;
struct err;
struct opts;
struct relay_info;
struct waiting;

/*
 * Gets relay information, checked and not expired, into info.
 *	*is_new		is it not from before this call?
 *	refused		NULL; or the information that the relay has just refused:
 *			only a newer one is taken
 * Returns 0; or -1 with an error; or -1 with e->status 0 when ssh has left
 * meanwhile.
 *
 * arc-relay is looked for where ARC_RELAY_HELPER says, then beside this program,
 * then where it was installed.  It is run without a shell, with /dev/null as its
 * stdin, and writes one line: the relay information, or {"error":{...}}.
 */
int	 credential_get(const struct opts *o, const struct cloud *cloud,
	    struct waiting *w, const struct relay_info *refused,
	    struct relay_info *info, bool *is_new, struct err *e);

#endif
