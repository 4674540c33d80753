/*
 * Goal: an answer that repeats what we told it in secret is masked before
 * anybody reads it, and nothing else of it is.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/http.h"
#include "test/unit/tap.h"

static void
row(const char *header, const char *form, const char *answer, const char *want)
{
	const char *const headers[] = { header, NULL };
	struct secret body = SECRET_INIT;
	struct http_request q = { .headers = headers };
	struct http_reply reply = HTTP_REPLY_INIT;

	if (secret_set(&reply.body, answer, strlen(answer)) == -1 ||
	    secret_set(&reply.header, answer, strlen(answer)) == -1 ||
	    (form != NULL && secret_set(&body, form, strlen(form)) == -1))
		abort();
	if (form != NULL)
		q.body = &body;
	http_mask(&q, &reply);
	ok(strcmp(reply.body.data, want) == 0 &&
	    strcmp(reply.header.data, want) == 0, "%s", reply.body.data);
	http_reply_free(&reply);
	secret_free(&body);
}

int
main(void)
{
	static const char none[] = "Accept: application/json";

	row("Authorization: Bearer eyJtoken.value", NULL,
	    "token eyJtoken.value is bad", "token ************** is bad");
	row("authorization: Basic a2V5a2V5", NULL, "a2V5a2V5", "********");
	row("X-IDENTITY-HEADER: 0123456789abcdef", NULL,
	    "not 0123456789abcdef", "not ****************");
	row("Secret: 0123456789abcdef", NULL, "0123456789abcdef",
	    "****************");
	row("Accept: application/json", NULL, "application/json",
	    "application/json");
	row(none, "grant_type=client_credentials&client_id=0123456789abcdef&"
	    "client_secret=a%2Fb~c.d%3De&scope=https%3A%2F%2Fm",
	    "0123456789abcdef a/b~c.d=e a%2Fb~c.d%3De https%3A%2F%2Fm "
	    "client_credentials",
	    "0123456789abcdef ********* ************* https%3A%2F%2Fm "
	    "client_credentials");
	row(none, "refresh_token=0.AXkA-long_token&claims=%7B%7D",
	    "0.AXkA-long_token", "*****************");
	row(none, "client_id=me&client_assertion=eyJhbGciOi.eyJhdWQi.sig",
	    "assertion 'eyJhbGciOi.eyJhd", "assertion '****************");
	row(none, "x=1&code_verifier=0123456789&device_code=abcdefghijk",
	    "0123456789 abcdefghijk", "********** ***********");
	row(none, "client_secret", "client_secret", "client_secret");
	row(none, "client_secret=", "client_secret=", "client_secret=");
	row(none, "{\"serviceName\":\"SSH\"}", "serviceName", "serviceName");
	row(none, "client_secret=%", "100%", "100%");
	row(none, "client_secret=abcdefgh%4", "abcdefgh%4", "**********");
	return (done_testing());
}
