/*
 * A client assertion, see assertion.h.
 */
#include <string.h>

#include "auth/assertion.h"
#include "auth/json.h"
#include "auth/keys.h"
#include "auth/text.h"
#include "relay/crypto.h"
#include "relay/err.h"
#include "relay/secret.h"

static int
add(struct secret *s, const char *text)
{
	return (text_append(s, text, strlen(text), SIZE_MAX - 1));
}

/* The bytes in base64, of the URL-safe alphabet or the standard one. */
static int
add_base64(struct secret *s, const void *data, size_t len,
    void (*encode)(const void *data, size_t len, char *out))
{
	char *text = secret_malloc(BASE64_SIZE(len));
	int rc = -1;

	if (text != NULL) {
		encode(data, len, text);
		rc = add(s, text);
	}
	secret_mfree(text);
	return (rc);
}

/* All certificates, the key's first (RFC 7515, 4.1.6). */
static int
add_chain(struct secret *s, const struct keys *k)
{
	const uint8_t *der;
	size_t i, len;

	if (add(s, ",\"x5c\":[") == -1)
		return (-1);
	for (i = 0; (der = keys_certificate(k, i, &len)) != NULL; i++)
		if (add(s, i > 0 ? ",\"" : "\"") == -1 ||
		    add_base64(s, der, len, crypto_base64) == -1 ||
		    add(s, "\"") == -1)
			return (-1);
	return (add(s, "]"));
}

/* Nothing in it needs quoting. */
static int
make_header(const struct keys *k, enum keys_algorithm algorithm, bool chain,
    struct secret *out)
{
	uint8_t sum[SHA256_BYTES];
	const uint8_t *der;
	size_t len;

	der = keys_certificate(k, 0, &len);
	if (algorithm == KEYS_PS256)
		crypto_sha256(der, len, sum);
	else
		crypto_sha1(der, len, sum);
	if (add(out, algorithm == KEYS_PS256 ?
	    "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t#S256\":\"" :
	    "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"x5t\":\"") == -1 ||
	    add_base64(out, sum, algorithm == KEYS_PS256 ? SHA256_BYTES :
	    SHA1_BYTES, crypto_base64url) == -1 || add(out, "\"") == -1 ||
	    (chain && add_chain(out, k) == -1))
		return (-1);
	return (add(out, "}"));
}

static int
make_claims(const char *client, const char *audience, int64_t now,
    struct secret *out)
{
	struct js *j = js_object();
	char id[UUID_SIZE];
	int rc = -1;

	crypto_uuid(id);
	if (j != NULL && js_set_string(j, "aud", audience) == 0 &&
	    js_set_string(j, "iss", client) == 0 &&
	    js_set_string(j, "sub", client) == 0 &&
	    js_set_string(j, "jti", id) == 0 &&
	    js_set_integer(j, "nbf", now) == 0 &&
	    js_set_integer(j, "iat", now) == 0 &&
	    js_set_integer(j, "exp", now + ASSERTION_LIFE_S) == 0)
		rc = js_dump(j, out);
	js_free(j);
	return (rc);
}

int
assertion_make(struct keys *k, const char *client, const char *audience,
    bool chain, int64_t now, struct secret *out, struct err *e)
{
	enum keys_algorithm algorithm = strstr(audience, "/adfs/") != NULL ?
	    KEYS_RS256 : KEYS_PS256;
	struct secret header = SECRET_INIT, claims = SECRET_INIT;
	uint8_t signature[KEYS_SIGNATURE_MAX];
	int rc = -1;
	size_t n;

	secret_free(out);
	if (make_header(k, algorithm, chain, &header) == -1 ||
	    make_claims(client, audience, now, &claims) == -1 ||
	    add_base64(out, header.data, header.len, crypto_base64url) == -1 ||
	    add(out, ".") == -1 ||
	    add_base64(out, claims.data, claims.len, crypto_base64url) == -1)
		goto memory;
	if (keys_sign(k, algorithm, out->data, out->len, signature, &n,
	    e) == -1)
		goto out;
	if (add(out, ".") == -1 ||
	    add_base64(out, signature, n, crypto_base64url) == -1)
		goto memory;
	rc = 0;
	goto out;
 memory:
	err_set(e, EX_OSERR, "", "out of memory");
 out:
	secret_free(&header);
	secret_free(&claims);
	return (rc);
}
