/*
 * What enable, disable and register have in common.
 */
#ifndef PROXY_CMD_ENDPOINT_H
#define PROXY_CMD_ENDPOINT_H

#include "auth/arc.h"
#include "auth/arc_endpoint.h"
#include "auth/bearer.h"
#include "auth/cache.h"
#include "auth/cloud.h"

struct options;

/* Azure, with a token of ours. */
struct cmd_azure {
	struct cloud	cloud;
	struct cache	cache;
	char		identity[SHA256_HEX + 1];
	struct bearer	bearer;
};

/*
 * As the first rows of a table say.  Returns 0; or -1 as cmd_cloud does, and then
 * there is nothing to close.
 */
int	 cmd_azure_open(const struct options *o, const char *credential,
	    struct cmd_azure *az, struct err *e);
void	 cmd_azure_close(struct cmd_azure *az);

/*
 * The machine that the only argument names, and how long to wait (timeout: a
 * number of seconds, or NULL) for what takes long.  az is open, and stays so.
 * Returns 0; or -1 with EX_USAGE or as target_resolve.
 */
int	 cmd_endpoint(const struct options *o, const char *timeout,
	    struct cmd_azure *az, struct arc_id *id, struct arc_endpoint *a,
	    struct err *e);

/*
 * A TARGET as it was typed, for a command in a fix: quoted for a shell where it must
 * be; or the machine's name where it is too long for one.  Returns out.
 */
#define CMD_TYPED_MAX	200
const char *cmd_typed(const char *typed, const struct arc_id *id,
	    char out[CMD_TYPED_MAX]);

#endif
