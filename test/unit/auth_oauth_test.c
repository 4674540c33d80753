/*
 * Goal: whatever Entra answers, the user gets a token or is told what to do.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "auth/oauth.h"
#include "relay/err.h"
#include "test/unit/tap.h"

static void
refused(const char *text, const char *id, const char *says)
{
	struct err e = ERR_INIT;
	char word[40];
	int rc = oauth_refused(text, strlen(text), OAUTH_SECRET, word, &e);

	ok(rc == 0 && strcmp(e.id, id) == 0 && strstr(e.cause, says) != NULL &&
	    strstr(e.cause, "Trace") == NULL && e.fix[0] != '\0',
	    "OAuth: %s [%s]", e.cause, e.id);
}

static void
answered(const char *text, int rc_wanted, int64_t until, const char *id)
{
	struct oauth_answer a = OAUTH_ANSWER_INIT;
	struct err e = ERR_INIT;
	int rc = oauth_read(text, strlen(text), 1000, &a, &e);

	ok(rc == rc_wanted && a.expires_on == until && strcmp(e.id, id) == 0,
	    "token answer: %s: until %lld %s", text, (long long)a.expires_on,
	    e.cause);
	oauth_answer_free(&a);
}

int
main(void)
{
	char word[40];

	refused("{\"error\":\"invalid_client\",\"error_description\":\""
	    "AADSTS7000215: Invalid client secret provided. Ensure this. "
	    "Trace ID: 1 Correlation ID: 2\"}", "E305",
	    "AADSTS7000215: Invalid client secret provided");
	refused("{\"error\":\"unauthorized_client\"}", "E307",
	    "unauthorized_client");
	refused("{\"error\":\"invalid_client\",\"error_description\":\""
	    "AADSTS700016: Application was not found.\\r\\nTrace ID: 1\"}",
	    "E307", "AADSTS700016");
	refused("{\"error\":\"invalid_grant\",\"error_description\":\""
	    "AADSTS700082: The refresh token has expired.\"}", "E303",
	    "expired");
	refused("{\"error\":\"interaction_required\",\"error_description\":\""
	    "AADSTS50076: Due to a change, use MFA. Trace ID: 1\"}", "E304",
	    "MFA");
	refused("{\"error\":\"new_word\",\"error_description\":\""
	    "\\u001b[31mred\"}", "E303", "?[31mred");
	ok(oauth_refused("<html>", 6, OAUTH_SECRET, word,
	    &(struct err)ERR_INIT) == -1 &&
	    oauth_refused("{\"error\":{}}", 12, OAUTH_SECRET, word,
	    &(struct err)ERR_INIT) == -1,
	    "OAuth: no error answer is seen as one");

	answered("{\"access_token\":\"t\",\"expires_in\":3599}", 0, 4599, "");
	answered("{\"access_token\":\"t\",\"expires_in\":\"3599\"}", 0, 4599, "");
	answered("{\"access_token\":\"t\"}", 0, 1060, "");
	answered("{\"access_token\":\"t\",\"expires_in\":-1}", 0, 1060, "");
	answered("{\"access_token\":\"t\",\"expires_in\":1000000000000}", 0,
	    87400, "");
	answered("{\"expires_in\":3599}", -1, 4599, "E412");
	answered("{\"access_token\":7}", -1, 1060, "E412");
	answered("<html>", -1, 1060, "E607");
	return (done_testing());
}
