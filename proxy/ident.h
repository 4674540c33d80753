/*
 * The line by which an SSH server identifies itself, out of what it says first
 * (RFC 4253, section 4.2): "SSH-2.0-...", maybe after other lines.
 */
#ifndef PROXY_IDENT_H
#define PROXY_IDENT_H

#include <stddef.h>
#include <stdint.h>

#define IDENT_MAX	255		/* bytes of the line, with its end */
#define IDENT_FIRST	48		/* first bytes that are kept to be shown */
#define IDENT_LINES	1024		/* lines before it, as OpenSSH bears them */
#define IDENT_BYTES	(64 * 1024)	/* of all together */

enum ident_found {
	IDENT_MORE,	/* not yet */
	IDENT_SSH,	/* line is that of a server of SSH 2 */
	IDENT_OTHER,	/* whatever it is, ssh would not speak to it */
};

struct ident {
	char	line[IDENT_MAX + 1];	/* without its end, printable */
	char	first[IDENT_FIRST + 1];	/* what came first, printable */
	size_t	bytes;			/* that came */

	/* its own */
	size_t	shown;			/* bytes of first */
	size_t	len;			/* of the line that has begun */
	size_t	lines;
};

#define IDENT_INIT	{ .bytes = 0 }

/* Takes the next bytes; call no more when it has said something else than MORE. */
enum ident_found ident_take(struct ident *id, const uint8_t *bytes, size_t len);

#endif
