/*
 * The verbs that take a selection of machines: list, config, inventory.
 */
#ifndef PROXY_CMD_MACHINES_H
#define PROXY_CMD_MACHINES_H

#include "proxy/cmd_options.h"

struct cloud;
struct err;
struct machines;

/*
 * Rows that follow CMD_ROWS or CMD_ROWS_HIDDEN in the table of such a verb; its
 * arguments are NAME or GLOB.
 */
enum { CMD_GROUP = CMD_NROWS, CMD_SUBSCRIPTION, CMD_TAG, CMD_STATUS, CMD_QUERY,
    CMD_CREDENTIAL, CMD_MACHINES_NROWS };
#define CMD_MACHINES_ROWS						\
	{ 'g', "group", "GROUP", "of this resource group", 0 },		\
	{ 0, "subscription", "S", "of this subscription (name or GUID)", 0 }, \
	{ 0, "tag", "NAME=VALUE", "with this tag; all, if repeated", 1 }, \
	{ 0, "status", "STATUS", "connected, disconnected, ..", 0 },	\
	{ 0, "query", "KQL", "a condition in Resource Graph's language", 0 }, \
	{ 0, "credential", "NAME", "only this token source", 0 }

/*
 * Asks Azure for what the options and arguments select, with a line on stderr
 * when a person waits.  out is freed by the caller in every case.
 * Returns 0; or -1 as graph_machines.  nargs: how many arguments come before the
 * first NAME.
 */
int	 cmd_machines(const struct options *o, int nargs,
	    const struct cloud *c, struct machines *out, struct err *e);

/*
 * Is there a machine for each NAME among the arguments that is no glob?  Returns
 * 0; or -1 with E201 for the first that has none.
 */
int	 cmd_machines_found(const struct options *o, int nargs,
	    const struct machines *l, struct err *e);

#endif
