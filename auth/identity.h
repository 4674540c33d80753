/*
 * As whom we would ask Azure, as far as can be known without asking anybody: the
 * cloud, the credential that was chosen, the AZURE_* variables that name an
 * identity, who is logged in with arc-relay login and with the Azure CLI.
 *
 * Cached tokens and relay credentials are bound to it, so that nobody is served
 * with what another identity may do.  It changes more often than need be, which
 * costs a request, and never too seldom.
 */
#ifndef AUTH_IDENTITY_H
#define AUTH_IDENTITY_H

#include "relay/crypto.h"

struct cloud;

/*
 * credential, tenant: as in struct token_request; NULL.  out: SHA-256 in hex of
 * all that, or "" when it is too much to be true.  Reads two small files, starts
 * nothing and asks no network.
 */
void	 identity_hash(const struct cloud *c, const char *credential,
	    const char *tenant, char out[SHA256_HEX + 1]);

#endif
