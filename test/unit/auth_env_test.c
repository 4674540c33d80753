/*
 * Goal: a secret of the environment is ours alone once it was taken: found by
 * us, and neither in the environment's bytes nor among what a child gets.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/env.h"
#include "test/unit/tap.h"

static bool
is(const char *name, const char *value)
{
	const char *got = env_get(name);

	return (value == NULL ? got == NULL :
	    got != NULL && strcmp(got, value) == 0);
}

int
main(void)
{
	char secret[] = "AZURE_CLIENT_SECRET=s3cret=1";
	char again[] = "AZURE_CLIENT_SECRET=another";
	char none[] = "IDENTITY_HEADER=";
	char odd[] = "MSI_SECRET";
	char client[] = "AZURE_CLIENT_ID=id";
	char empty[] = "AZURE_TENANT_ID=";
	char *const all[] = { client, secret, empty, none, odd, again, NULL };
	char *mine[sizeof(all) / sizeof(all[0])];
	char **before = environ, **whole;
	size_t n;

	memcpy(mine, all, sizeof(all));
	environ = mine;
	ok(is("AZURE_CLIENT_SECRET", "s3cret=1") && is("AZURE_CLIENT_ID", "id"),
	    "found where it is");
	ok(is("AZURE_TENANT_ID", NULL) && is("NO_SUCH", NULL) &&
	    is("IDENTITY_HEADER", NULL), "empty is as good as not set");
	ok(env_is_private(secret) && env_is_private("SYSTEM_ACCESSTOKEN=") &&
	    !env_is_private(client) && !env_is_private("AZURE_CLIENT_SECRET2=x")
	    && !env_is_private("AZURE_CLIENT=x") && !env_is_private("=x"),
	    "what is private");
	ok(env_take_secrets() == 0, "taken");
	ok(is("AZURE_CLIENT_SECRET", "s3cret=1"), "and still found; the first");
	ok(getenv("AZURE_CLIENT_SECRET") == NULL &&
	    is("IDENTITY_HEADER", NULL) && is("AZURE_CLIENT_ID", "id"),
	    "the environment has only the rest");
	ok(memcmp(secret, "AZURE_CLIENT_SECRET=\0\0\0\0\0\0\0\0", 29) == 0 &&
	    memcmp(again, "AZURE_CLIENT_SECRET=\0\0\0\0\0\0\0", 28) == 0,
	    "its bytes are gone, of each one");
	ok(env_take_secrets() == 0 && is("AZURE_CLIENT_SECRET", "s3cret=1"),
	    "taking twice loses nothing");
	whole = env_whole();
	ok(whole != NULL && strcmp(whole[0], "AZURE_CLIENT_SECRET=s3cret=1") ==
	    0 && whole[1] == client && getenv("AZURE_CLIENT_SECRET") == NULL,
	    "a program of ours gets it back, and nobody else");
	for (n = 0; whole != NULL && whole[n] != NULL; n++)
		;
	ok(n == 4, "with all the rest");
	env_whole_free(whole);
	env_whole_free(NULL);
	ok(is("AZURE_CLIENT_SECRET", "s3cret=1"), "and we keep it");
	environ = before;
	return (done_testing());
}
