/*
 * The token cache of the Azure CLI, as Microsoft's authentication library for
 * Python writes it to msal_token_cache.json (arc-relay-protocol(7), TOKENS).  It
 * is read tolerantly: entries are found by what they hold, whatever they are
 * called, and one that is not as we know it is passed over.  Pure.
 */
#ifndef AUTH_MSAL_H
#define AUTH_MSAL_H

#include <stddef.h>
#include <stdint.h>

#include "auth/json.h"
#include "relay/secret.h"

/* Bytes; a tenant takes some 15,000.  JSON of the worst kind needs 60 times that. */
#define MSAL_MAX	(4 * 1024 * 1024)

#define MSAL_AZ_CLIENT	"04b07795-8ddb-461a-bbee-02f9e1bf7b46"	/* the Azure CLI */

/* Whose tokens, and for what. */
struct msal_want {
	const char	*user;		/* name of the account, in any case */
	const char	*tenant;
	const char	*authority;	/* "https://login.microsoftonline.com" */
	const char	*audience;	/* of Azure's management endpoint */
};

struct msal_tokens {
	struct secret	access;		/* empty: none */
	int64_t		expires_on;	/* its end, Unix seconds; may be past */
	struct secret	refresh;	/* for MSAL_AZ_CLIENT; empty: none */
};

#define MSAL_TOKENS_INIT	{ .expires_on = 0 }

/*
 * The access token that lasts longest, and the newest refresh token, which is
 * good for every tenant of the user.  Returns 0, also when there is neither; or
 * -1 with why: no such cache, or not exactly one account of that name.
 */
int	 msal_read(const char *text, size_t len, const struct msal_want *w,
	    struct msal_tokens *t, char why[JS_WHY_MAX]);

void	 msal_tokens_free(struct msal_tokens *t);

#endif
