/*
 * A sentence that ssh itself will print.
 *
 * What a ProxyCommand writes to stderr is thrown away when ControlPersist is on
 * (ansible's default).  But as long as ssh has not seen a byte of the server we
 * may speak as the server: an identification string and an unencrypted
 * SSH_MSG_DISCONNECT (RFC 4253 sections 4.2 and 11.1) make ssh, and with it scp,
 * sftp, rsync, git and ansible, show
 *	Received disconnect from UNKNOWN port 65535:2: SENTENCE
 */
#ifndef PROXY_LASTWORDS_H
#define PROXY_LASTWORDS_H

#include <stddef.h>
#include <stdint.h>

#define LASTWORDS_MAX	400	/* bytes of the sentence; OpenSSH cuts there */
#define LASTWORDS_SIZE	512	/* bytes, room that is always enough */

/*
 * Writes identification string and packet into out.  sentence: printable ASCII;
 * what is longer than LASTWORDS_MAX is cut.  Returns the number of bytes.
 */
size_t	 lastwords(const char *sentence, uint8_t out[LASTWORDS_SIZE]);

#endif
