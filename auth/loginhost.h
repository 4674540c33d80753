/*
 * The login hosts that Microsoft runs.  A host that is not among them gets a
 * login only when a cloud file of the user names it.
 */
#ifndef AUTH_LOGINHOST_H
#define AUTH_LOGINHOST_H

#include <stdbool.h>
#include <stddef.h>

struct login_host {
	const char	*name;		/* "login.microsoftonline.com" */
	const char	*cloud;		/* built-in cloud whose it is; or NULL */
};

/* The one with that name, in any case; NULL if there is none. */
const struct login_host	*login_host_find(const char *name);

/*
 * Do these two names mean the same login, as far as tokens are concerned: the
 * same name, or names of the same cloud?
 */
bool	 login_host_same(const char *a, const char *b);

#endif
