/*
 * Relay information as text: the JSON of listCredentials, plain or in base64 as
 * Microsoft's sshproxy takes it (arc-relay-protocol(7), RELAY INFORMATION).
 */
#ifndef AUTH_RELAYINFO_H
#define AUTH_RELAYINFO_H

#include <stddef.h>

struct err;
struct js;
struct relay_info;
struct secret;

#define RELAYINFO_MAX	(64 * 1024)	/* bytes of text; far above any real one */

/*
 * Reads text (len bytes): JSON if its first non-blank byte is '{', else base64
 * of it, with or without padding and line ends.  Unknown members are ignored,
 * expiresOn may be a number or digits in a string; a member given twice, or
 * missing, is an error.  Does not judge the values: relay_info_check does.
 * info is freed by the caller in every case.
 * Returns 0, or -1 with EX_DATAERR [E106] that says what is wrong and shows
 * nothing of the content.
 */
int	 relayinfo_parse(const char *text, size_t len, struct relay_info *info,
	    struct err *e);

/* The same for what js_parse has read, and the other way round: 0 or -1. */
int	 relayinfo_get(const struct js *j, struct relay_info *info,
	    struct err *e);
int	 relayinfo_put(const struct relay_info *info, struct js *j);

/* The JSON, one line without newline, into out.  Returns 0 or -1 (no memory). */
int	 relayinfo_format(const struct relay_info *info, struct secret *out);

#endif
