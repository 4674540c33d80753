/*
 * Reading JSON Web Tokens, see jwt.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "auth/json.h"
#include "auth/jwt.h"
#include "relay/crypto.h"
#include "relay/log.h"
#include "relay/secret.h"

#define JWT_MAX		(64 * 1024)	/* bytes; a large one has 4,000 */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "abcdefghijklmnopqrstuvwxyz0123456789-_";

/* How many bytes of base64url stand there, within len. */
static size_t
part(const char *text, size_t len)
{
	size_t n;

	for (n = 0; n < len && text[n] != '\0' &&
	    strchr(alphabet, text[n]) != NULL; n++)
		;
	return (n);
}

struct js *
jwt_claims(const char *token, size_t len)
{
	size_t ends[3], at = 0, i;
	char why[JS_WHY_MAX];
	struct js *j = NULL;
	uint8_t *plain;
	ptrdiff_t n;

	if (len > JWT_MAX)
		return (NULL);
	for (i = 0; i < 3; i++, at++) {
		ends[i] = at + part(token + at, len - at);
		if (ends[i] == at || (i < 2 ? ends[i] == len ||
		    token[ends[i]] != '.' : ends[i] != len))
			return (NULL);
		at = ends[i];
	}
	at = ends[0] + 1;
	if ((plain = secret_malloc(ends[1] - at)) == NULL)
		return (NULL);
	n = crypto_unbase64(token + at, ends[1] - at, plain, ends[1] - at);
	if (n > 0 && plain[0] == '{')
		j = js_parse((const char *)plain, (size_t)n, why);
	secret_mfree(plain);
	return (j);
}

/* The first of the names (NULL at the end) that j has, unless out is filled. */
static void
fill(const struct js *j, const char *const names[], char *out, size_t size)
{
	const char *value;

	for (; out[0] == '\0' && *names != NULL; names++)
		if ((value = js_string(j, *names)) != NULL) {
			(void)snprintf(out, size, "%s", value);
			log_clean(out);
		}
}

void
jwt_who(const char *token, size_t len, char *account, size_t size,
    char *tenant, size_t tenant_size)
{
	static const char *const accounts[] = { "preferred_username", "upn",
	    "unique_name", "appid", "azp", NULL };
	static const char *const tenants[] = { "tid", NULL };
	struct js *claims = jwt_claims(token, len);

	fill(claims, accounts, account, size);
	fill(claims, tenants, tenant, tenant_size);
	js_free(claims);
}
