/*
 * Whose certificates we trust, the same for the relay and for Azure's management
 * side.
 *
 * What is said (struct network, --ca-file) is trusted, and nothing else.  Else
 * what the system trusts, and what these variables name, as OpenSSL reads them:
 *	SSL_CERT_FILE	a file of certificates (PEM), trusted as well
 *	SSL_CERT_DIR	folders of certificates by hash, separated by colons,
 *			instead of the system's
 * They must be absolute paths that not everybody can write to.  A set-uid
 * program does not ask them.  No other variable is asked.
 */
#ifndef RELAY_TRUST_H
#define RELAY_TRUST_H

struct err;
struct network;

#define TRUST_PATH_MAX	1024

struct trust {
	char	only[TRUST_PATH_MAX];	/* this file alone; or "" */
	char	also[TRUST_PATH_MAX];	/* this file beside dir or bundle; or "" */
	char	dir[TRUST_PATH_MAX];	/* certificates by hash; or "" */
	char	bundle[TRUST_PATH_MAX];	/* the system's file, if dir is ""; or "" */
};

/*
 * Finds out and looks whether it is there: a file can be opened and holds a
 * certificate, a folder can be read.  To read the system's whole bundle costs 25
 * to 70 ms of CPU at each start, so the folder is taken where there is one: out
 * of that the one certificate that is needed is read.
 * Returns 0, or -1 with EX_CONFIG E605 that names file and variable.
 */
int	 trust_find(const struct network *net, struct trust *t, struct err *e);

/* Says at -v what is trusted.  For once a process. */
void	 trust_log(const struct trust *t);

#endif
