/*
 * The command line of arc-relay-proxy.
 */
#ifndef PROXY_OPTS_H
#define PROXY_OPTS_H

#include <stdbool.h>
#include <stdio.h>

#include "auth/target.h"
#include "relay/log.h"

struct err;

#define OPTS_HOST_MAX	253	/* bytes; the longest name of DNS */

struct opts {
	const char	*relay_file;	/* -r; or NULL */
	bool		 has_target;
	struct target	 target;	/* the machine, if has_target */
	int		 port;		/* of the machine, 1-65535 */
	char		 connect_host[OPTS_HOST_MAX + 1];	/* "": where the name leads */
	int		 connect_port;
	const char	*ca_file;	/* or NULL */
	const char	*proxy;		/* or NULL */
	const char	*proxy_auth_file;	/* or NULL */
	const char	*cloud;		/* or NULL */
	const char	*cloud_file;	/* or NULL */
	bool		 no_cache;
	int		 deadline_s;
	enum log_level	 log_level;
	bool		 log_json;
	bool		 probe;		/* only look whether SSH answers */
	bool		 show_help, show_version;
	bool		 drop_in;	/* started as Microsoft's sshproxy is */
};

/*
 * Reads and checks the command line; strings are lent by argv.
 * Returns 0, or -1 with EX_USAGE; what was read before the error stands in o.
 */
int	 opts_parse(int argc, char **argv, struct opts *o, struct err *e);

/* What the user calls the machine: NAME of an id; or "the machine". */
const char *opts_machine(const struct opts *o);

/* Usage and options, for --help. */
void	 opts_help(FILE *out);

#endif
