/*
 * The files of an SSH certificate: the private key, the public one, the
 * certificate, and what makes ssh use them.  Without a choice of the user's they
 * lie in the folder for state (auth/folder.h):
 *
 *	id_rsa  id_rsa.pub  id_rsa-cert.pub  cert.conf
 */
#ifndef AUTH_SSHCERT_FILES_H
#define AUTH_SSHCERT_FILES_H

#include <stddef.h>

struct err;

/*
 * The absolute path of cert.conf, for an Include in ssh_config: User,
 * IdentityFile, CertificateFile and IdentitiesOnly, written whenever a
 * certificate is.  It need not be there yet.
 * Returns 0; or -1 with EX_CANTCREAT.
 */
int	 sshcert_conf_path(char *out, size_t size, struct err *e);

#endif
