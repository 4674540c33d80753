/*
 * Who is logged in with arc-relay login: what the next token needs, in the
 * state folder (auth/folder.h).  account.json has no secret; the refresh token,
 * or a service principal's secret, lies in a file of its own beside it, so that
 * who only wants to know the name need not read it.
 */
#ifndef AUTH_ACCOUNT_H
#define AUTH_ACCOUNT_H

#include "relay/secret.h"

struct err;

struct account {
	char	kind[24];	/* "user" or "service-principal" */
	char	name[160];	/* user name or client id, to show */
	char	tenant[80];	/* GUID */
	char	client[40];	/* client id that the refresh token is for */
	char	cloud[64];	/* name of the cloud that it is good in */
	char	authority[256];	/* the login host that gave it */
	char	certificate[1024];	/* of a service principal: PEM file; or "" */
};

/* Who is logged in.  Returns 0; or -1: nobody, or the file is not to be trusted. */
int	 account_load(struct account *a);

/* The secret that goes with a.  Returns 0; or -1 with E301. */
int	 account_secret(const struct account *a, struct secret *out,
	    struct err *e);

/*
 * Makes a the one who is logged in.  Returns 0; or -1 with EX_CANTCREAT, and who
 * was logged in before still is.
 */
int	 account_save(const struct account *a, const struct secret *secret,
	    struct err *e);

/* Forgets who is logged in.  Returns 1; 0 if nobody was; -1 with EX_CANTCREAT. */
int	 account_forget(struct err *e);

#endif
