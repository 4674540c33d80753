/*
 * The lines at the top of the user's ssh_config that let ssh read our file: a
 * comment that says whose they are, and an Include.  Pure: text in, text out; all
 * else in the text stays as it is, byte for byte.
 *
 * They have to be at the very top: below a Host line they would belong to it.
 */
#ifndef PROXY_SSHCONF_INCLUDE_H
#define PROXY_SSHCONF_INCLUDE_H

#include <stdbool.h>

struct err;
struct secret;

#define INCLUDE_MARK	"# arc-relay: added by arc-relay config install; " \
			"arc-relay config uninstall removes it"

/*
 * Can an Include have this path, for every ssh from 7.3 on?  Some expand %, $ and
 * globs there.  Returns 0; or -1 with EX_USAGE.
 */
int	 include_check(const char *path, struct err *e);

/*
 * text with our lines for path, once, at the top, or where they are if only lines
 * of ours are above.  They end as the first line of text does (LF, CRLF).
 * Returns 0 with out (freed by the caller), or -1: no memory.
 */
int	 include_add(const struct secret *text, const char *path,
	    struct secret *out);

/*
 * text without our lines for path, wherever they stand.  Returns 0 with out, or -1:
 * no memory.
 */
int	 include_remove(const struct secret *text, const char *path,
	    struct secret *out);

#endif
