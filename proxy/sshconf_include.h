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
#include <stddef.h>

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

/* Where ssh is told to read a file. */
struct include_place {
	size_t	line;		/* of the Include, from 1; 0: there is none */
	size_t	block;		/* of the Host or Match above it; 0: none but for all */
	char	head[80];	/* that line, cut */
};

/*
 * The first Include of text that has path in it, as it is, from home or folder (of
 * ssh's files), or by a glob; one that is read for every host goes before others.
 */
void	 include_find(const struct secret *text, const char *path,
	    const char *home, const char *folder, struct include_place *place);

#endif
