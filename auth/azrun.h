/*
 * The Azure CLI as a program that is asked for a token: seconds of Python, and
 * the one that knows every way to log in.
 */
#ifndef AUTH_AZRUN_H
#define AUTH_AZRUN_H

#include "auth/token.h"

enum azrun_result {
	AZRUN_GOT,	/* text and expires_on of the token; its tenant if told */
	AZRUN_NOBODY,	/* nobody is logged in with it */
	AZRUN_ABSENT,	/* there is no az on PATH */
	AZRUN_FAILED,	/* the error tells: E301 to E303, E315, EX_CONFIG */
};

/*
 * Runs az account get-access-token for the audience of r's cloud, and for r's
 * tenant if it names one.  Waits 10 s, or what ARC_RELAY_AZ_TIMEOUT says.
 */
enum azrun_result azrun_token(const struct token_request *r, struct token *t,
	    struct err *e);

#endif
