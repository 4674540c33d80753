/*
 * Calls to Azure with a token of ours.  One that Azure does not take is renewed
 * once.
 */
#ifndef AUTH_BEARER_H
#define AUTH_BEARER_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/arm.h"
#include "auth/token.h"

struct cache;
struct cloud;
struct err;

struct bearer {
	const struct cloud	*cloud;
	const char		*credential;	/* token source; NULL: any */
	struct cache		*cache;		/* of tokens, open; NULL: none */
	const char		*identity;	/* identity_hash; not without a cache */
	bool			 refresh;	/* a new token from the beginning */
	int64_t			 until_ms;	/* to wait for others till; 0: FLIGHT_WAIT_MS */
	struct token		 token;		/* when a call was made; not to be set */
	bool			 renewed;
};

/*
 * Gets a token if there is none yet, and makes the call with it.  A call that fails
 * with RETRY_CREDENTIAL (E303 and E304 of arm_call) is made again with a new one,
 * but only once in the life of b; claims (ARM_CLAIMS_MAX bytes, "" before) is what
 * the call says that it must claim, as in struct arm_refusal.
 * Returns what call does; or -1 with an error of token_get.
 */
int	 bearer_call(struct bearer *b, int (*call)(void *arg,
	    const struct secret *token, char *claims, struct err *e),
	    void *arg, struct err *e);

/* Wipes the token. */
void	 bearer_free(struct bearer *b);

#endif
