/*
 * An OpenSSH certificate for a user's RSA key, as Entra signs it
 * (arc-relay-protocol(7), SSH CERTIFICATES).  Pure.
 *
 * Who signed it is for the server to judge: we came by it over TLS.
 */
#ifndef AUTH_SSHCERT_H
#define AUTH_SSHCERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/sshuser.h"
#include "auth/sshwire.h"

struct err;
struct keys_rsa;

#define SSHCERT_TYPE	"ssh-rsa-cert-v01@openssh.com"
#define SSHCERT_MAX	(32 * 1024)	/* bytes of a blob; a usual one has 1,700 */
#define SSHCERT_SKEW_S	300		/* that two clocks may differ */

struct sshcert {
	struct sshspan	e, n;		/* the key's public half; lent by the blob */
	uint64_t	serial;
	uint32_t	type;		/* SSHCERT_USER is what we want */
	struct sshspan	key_id;		/* any bytes */
	struct sshspan	principal;	/* the first; empty: there is none */
	int64_t		valid_after;	/* Unix seconds; INT64_MAX: for good */
	int64_t		valid_before;
};

#define SSHCERT_USER	1

/* Reads a blob, all of it.  Returns 0; or -1: it is no such certificate. */
int	 sshcert_parse(const void *blob, size_t len, struct sshcert *c);

/*
 * Is it one to log in with, for this key?  Returns 0, with the principal in lower
 * case as user; or -1 with E412, which says what is wrong with it.  Its dates are
 * sshcert_check_dates' business.
 */
int	 sshcert_check(const struct sshcert *c, const struct keys_rsa *k,
	    char user[SSHUSER_MAX + 1], struct err *e);

/*
 * A certificate that was signed this moment is valid, unless a clock is wrong.
 * now: Unix seconds of ours.  Returns 0; or -1 with E111.
 */
int	 sshcert_check_dates(const struct sshcert *c, int64_t now,
	    struct err *e);

/* When it is to be renewed: after 80 % of its life.  Unix seconds. */
int64_t	 sshcert_due(const struct sshcert *c);

#endif
