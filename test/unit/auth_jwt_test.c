/*
 * Goal: a token tells whom it speaks for, and no bytes can make us stumble over
 * it or show what is not text.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/json.h"
#include "auth/jwt.h"
#include "relay/crypto.h"
#include "test/unit/tap.h"

/* A token with these claims; static. */
static const char *
token(const char *claims)
{
	static char out[800];
	char body[600];

	crypto_base64url(claims, strlen(claims), body);
	(void)snprintf(out, sizeof(out), "e30.%s.AA", body);
	return (out);
}

/* Whether the bytes are seen as a token; from a block without a byte to spare. */
static bool
is_token(const char *text, size_t len)
{
	char *exact = malloc(len > 0 ? len : 1);
	struct js *j;

	memcpy(exact, text, len);
	j = jwt_claims(exact, len);
	free(exact);
	js_free(j);
	return (j != NULL);
}

static void
who(const char *claims, const char *account, const char *tenant)
{
	char a[12] = "", t[12] = "";
	const char *text = token(claims);

	jwt_who(text, strlen(text), a, sizeof(a), t, sizeof(t));
	ok(strcmp(a, account) == 0 && strcmp(t, tenant) == 0,
	    "%s: %s of %s", claims, a, t);
}

int
main(void)
{
	static const char *const none[] = { "", "a", "..", "a.e30.", ".e30.a",
	    "a..b", "a.e30", "a.e30.b.c", "a.e30.b.", "a.W10.b", "a.e3.b",
	    "a.e30=.b", "a.e 30.b", "a.e30.b ", "a.e30.b\t", "a.e30x.b",
	    "a.fX19.b" };
	static char large[70000];
	char account[20] = "known", tenant[20] = "";
	const char *text;
	size_t i;

	ok(is_token("a.e30.b", 7), "the smallest one");
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		ok(!is_token(none[i], strlen(none[i])), "none: \"%s\"",
		    none[i]);
	ok(!is_token("a.e30\0.b", 8) && !is_token("a.e30.b\0", 8),
	    "none: a NUL in it");
	text = token("{\"a\":1}");
	for (i = 0; i < strlen(text) && (i > strlen(text) - 2 ||
	    !is_token(text, i)); i++)
		;
	ok(i == strlen(text), "none: cut anywhere before the last byte");
	memset(large, 'A', sizeof(large));
	memcpy(large, "a.e30.", 6);
	ok(is_token(large, 64 * 1024) && !is_token(large, 64 * 1024 + 1),
	    "at most 64 KiB");

	who("{\"upn\":\"u@x\",\"tid\":\"t1\",\"appid\":\"a\"}", "u@x", "t1");
	who("{\"preferred_username\":\"p@x\",\"upn\":\"u@x\"}", "p@x", "");
	who("{\"appid\":\"app\",\"upn\":7}", "app", "");
	who("{\"appid\":\"\\u001b[31m\\u00e9\"}", "?[31m??", "");
	who("{\"appid\":\"0123456789abcdef\"}", "0123456789a", "");
	who("{}", "", "");
	text = token("{\"upn\":\"other\",\"tid\":\"t\"}");
	jwt_who(text, strlen(text), account, sizeof(account), tenant,
	    sizeof(tenant));
	ok(strcmp(account, "known") == 0 && strcmp(tenant, "t") == 0,
	    "only what is empty is filled in");
	jwt_who("opaque", 6, account, sizeof(account), tenant, sizeof(tenant));
	ok(strcmp(account, "known") == 0, "a token that says nothing");
	return (done_testing());
}
