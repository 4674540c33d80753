/*
 * Who is logged in with arc-relay login: what the next token needs, in the
 * state folder (auth/folder.h).  account.json has no secret; the refresh token,
 * or a service principal's secret, lies in a file of its own beside it, so that
 * who only wants to know the name need not read it.
 *
 * A new login writes its secret to the other one of two files, and account.json
 * last: until then, and when anything fails, the former login is whole.
 */
#ifndef AUTH_ACCOUNT_H
#define AUTH_ACCOUNT_H

#include <stdbool.h>

#include "relay/secret.h"

struct cloud;
struct err;

#define ACCOUNT_USER		"user"
#define ACCOUNT_PRINCIPAL	"service-principal"

struct account {
	char	kind[24];	/* ACCOUNT_USER or ACCOUNT_PRINCIPAL */
	char	name[160];	/* user name or client id, to show */
	char	tenant[80];	/* GUID */
	char	client[40];	/* client id that the refresh token is for */
	char	cloud[64];	/* name of the cloud that it is good in */
	char	authority[256];	/* the login host that gave it */
	char	certificate[1024];	/* of a service principal: PEM file; or "" */
	int	slot;		/* which file has the secret; not the caller's to set */
};

/* Who is logged in.  Returns 0; or -1: nobody, or the file is not to be trusted. */
int	 account_load(struct account *a);

/* Is the login one for this cloud?  No other one's host may see its secret. */
bool	 account_is_of(const struct account *a, const struct cloud *c);

/* The secret that goes with a, which has no certificate.  Returns 0; or -1 with E301. */
int	 account_secret(const struct account *a, struct secret *out,
	    struct err *e);

/*
 * Makes a the one who is logged in.  Returns 0; or -1 with EX_CANTCREAT, and who
 * was logged in before still is.  secret: empty with a certificate.
 */
int	 account_save(const struct account *a, const struct secret *secret,
	    struct err *e);

/*
 * Is there a folder to keep a login in?  For before somebody signs in.  Returns
 * 0; or -1 with EX_CANTCREAT.
 */
int	 account_can_save(struct err *e);

/* Forgets who is logged in.  Returns 1; 0 if nobody was; -1 with EX_CANTCREAT. */
int	 account_forget(struct err *e);

/*
 * A refresh token is redeemed and its successor stored by one process at a time:
 *
 *	lock = account_lock(wait_ms);
 *	account_load, account_secret, redeem, account_renew
 *	account_unlock(lock);
 *
 * account_lock returns -1 when there is no lock to be had in that time; go on
 * without.  account_renew replaces the secret of a, if a is still logged in;
 * returns 0, or -1 with EX_CANTCREAT: the old one is still there.
 */
int	 account_lock(int wait_ms);
void	 account_unlock(int lock);
int	 account_renew(const struct account *a, const struct secret *secret,
	    struct err *e);

#endif
