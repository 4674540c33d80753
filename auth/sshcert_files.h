/*
 * The files of an SSH certificate: the private key, the public one, the
 * certificate, and what makes ssh use them.  Without a choice of the user's they
 * lie in the folder for state (auth/folder.h):
 *
 *	id_rsa  id_rsa.pub  id_rsa-cert.pub  cert.conf
 *
 * With one, FILE FILE.pub FILE-cert.pub, and what is there and not ours stays as
 * it is.  All have mode 0600, each is replaced whole, and a link is never
 * followed.
 */
#ifndef AUTH_SSHCERT_FILES_H
#define AUTH_SSHCERT_FILES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "auth/folder.h"
#include "auth/sshcert.h"
#include "relay/secret.h"

struct err;
struct keys_rsa;

/*
 * The absolute path of cert.conf, for an Include in ssh_config: User,
 * IdentityFile, CertificateFile and IdentitiesOnly, written whenever a
 * certificate is.  It need not be there yet.
 * Returns 0; or -1 with EX_CANTCREAT.
 */
int	 sshcert_conf_path(char *out, size_t size, struct err *e);

struct sshcert_files {
	bool		ours;			/* in the folder for state */
	struct folder	folder;
	char		name[FOLDER_NAME_MAX - 16];	/* of the key, in it */
	char		key[PATH_MAX];		/* absolute, as the others */
	char		certificate[PATH_MAX];
};

/*
 * Where they are: file, or NULL.  Opens the folder; the one for state is made.
 * Returns 0; or -1 with EX_CANTCREAT, EX_USAGE, or EX_CONFIG: a path that cannot
 * stand in ssh_config.  Close it in every case.
 */
int	 sshcert_files_open(struct sshcert_files *f, const char *file,
	    struct err *e);
void	 sshcert_files_close(struct sshcert_files *f);

/* The key.  Returns 0; 1: there is none; or -1 with E314: it is not for this. */
int	 sshcert_files_key(const struct sshcert_files *f, struct keys_rsa *k,
	    struct err *e);

/* Makes one where there is none.  Returns 0; or -1, EX_CANTCREAT or E314. */
int	 sshcert_files_make_key(const struct sshcert_files *f,
	    struct keys_rsa *k, struct err *e);

#define SSHCERT_MARK	32	/* hex digits */

/* A certificate and what it is bound to. */
struct sshcert_kept {
	struct secret	blob;
	struct sshcert	cert;			/* lent by blob */
	char		mark[SSHCERT_MARK + 1];	/* for whom; "": not made by us */
	char		user[SSHUSER_MAX + 1];
};

#define SSHCERT_KEPT_INIT	{ .blob = SECRET_INIT }

/*
 * Reads a certificate from base64, as Entra sends it, and checks all but its
 * dates.  Returns 0; or -1 with E412.
 */
int	 sshcert_kept_read(const char *text, size_t len,
	    const struct keys_rsa *k, struct sshcert_kept *out, struct err *e);
void	 sshcert_kept_free(struct sshcert_kept *c);

/* The certificate that is there, if it is one for k.  Returns 0 or -1. */
int	 sshcert_files_load(const struct sshcert_files *f,
	    const struct keys_rsa *k, struct sshcert_kept *out);

/*
 * Writes it, and all that belongs to it.  Returns 0; or -1 with EX_CANTCREAT, or
 * E314: what is there is not ours.
 */
int	 sshcert_files_save(const struct sshcert_files *f,
	    const struct keys_rsa *k, const struct sshcert_kept *c,
	    struct err *e);

/*
 * Are the public key and cert.conf as they should be?  Writes them if not.
 * Returns 0 or -1 as above.
 */
int	 sshcert_files_complete(const struct sshcert_files *f,
	    const struct keys_rsa *k, const struct sshcert_kept *c,
	    struct err *e);

/*
 * Removes those in the folder for state, when nobody renews them.  Returns 1; 0 if
 * there was none; or -1 with EX_CANTCREAT.
 */
int	 sshcert_files_forget(struct err *e);

#endif
