/*
 * A token that is renewed once, see bearer.h.
 */
#include <stdlib.h>

#include "auth/bearer.h"
#include "auth/flight.h"
#include "auth/token_cached.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/secret.h"

/* refused: a token that Azure did not take, and with which claims it would. */
static int
get_token(struct bearer *b, const struct secret *refused, const char *claims,
    struct err *e)
{
	const struct token_request ask = {
		.cloud = b->cloud, .credential = b->credential,
		.claims = claims[0] != '\0' ? claims : NULL,
		.refused = refused,
	};
	const struct token_flight f = {
		.request = &ask, .identity = b->identity,
		.refresh = b->refresh && refused == NULL, .refused = refused,
		.until_ms = b->until_ms != 0 ? b->until_ms :
		    clock_ms() + FLIGHT_WAIT_MS,
	};
	bool from_cache;

	if (b->cache == NULL)
		return (token_get(&ask, &b->token, e));
	return (token_cached_fly(b->cache, &f, &b->token, &from_cache, e));
}

static int
renew(struct bearer *b, const char *claims, struct err *e)
{
	struct secret refused = SECRET_INIT;
	int rc;

	b->renewed = true;
	secret_move(&refused, &b->token.text);
	rc = get_token(b, &refused, claims, e);
	secret_free(&refused);
	return (rc);
}

int
bearer_call(struct bearer *b, int (*call)(void *, const struct secret *,
    char *, struct err *), void *arg, struct err *e)
{
	char claims[ARM_CLAIMS_MAX] = "";
	int rc;

	if (b->token.text.data == NULL && get_token(b, NULL, "", e) == -1)
		return (-1);
	rc = call(arg, &b->token.text, claims, e);
	if (rc == 0 || e->retry != RETRY_CREDENTIAL || b->renewed)
		return (rc);
	if (renew(b, claims, e) == -1)
		return (-1);
	claims[0] = '\0';
	return (call(arg, &b->token.text, claims, e));
}

void
bearer_free(struct bearer *b)
{
	token_free(&b->token);
}
