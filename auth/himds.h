/*
 * The challenge of the Azure Arc agent's token service (HIMDS): it names a file
 * that only root and the group himds may read, and gives a token to who can tell
 * what is in it (arc-relay-protocol(7), TOKENS).
 *
 * Whatever listens on that port could name any file, and would be sent what is
 * in it.  So a name counts only in the agent's own folder, and nothing else is
 * ever opened.
 */
#ifndef AUTH_HIMDS_H
#define AUTH_HIMDS_H

struct err;
struct secret;

#define HIMDS_FOLDER	"/var/opt/azcmagent/tokens"
#define HIMDS_KEY_MAX	4096	/* bytes of such a file, as Azure's SDKs have it */
#define HIMDS_NAME_MAX	80	/* bytes with the NUL; a GUID and ".key" have 40 */

/*
 * Pure.  challenge: the value of WWW-Authenticate, "Basic realm=FOLDER/NAME.key";
 * NAME is of letters, digits and "-".  Returns 0 with name ("NAME.key"), or -1
 * with E412.
 */
int	 himds_challenge(const char *challenge, const char *folder,
	    char name[HIMDS_NAME_MAX], struct err *e);

/*
 * What is in that file of the folder: the proof, to be sent as it is.  A link, a
 * folder that is one, what is no regular file, is too large or is no value of a
 * header is refused.  Returns 0 and gives out; or -1 with E310 (not allowed to
 * read it) or E412.
 */
int	 himds_key(const char *folder, const char *name, struct secret *out,
	    struct err *e);

#endif
