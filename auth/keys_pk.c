/*
 * What our files about keys share, see keys_pk.h.
 */
#include <string.h>

#include <mbedtls/version.h>

#include "auth/keys_pk.h"
#include "relay/crypto.h"

/* mbedTLS 3 wants random bytes wherever a private key is at work. */
int
keys_rng(void *arg, unsigned char *out, size_t len)
{
	(void)arg;
	crypto_random(out, len);
	return (0);
}

int
keys_pk_parse(mbedtls_pk_context *key, const void *data, size_t len,
    const char *password)
{
	const unsigned char *word = (const unsigned char *)password;
	size_t n = password != NULL ? strlen(password) : 0;

#if MBEDTLS_VERSION_MAJOR >= 3
	return (mbedtls_pk_parse_key(key, data, len, word, n, keys_rng, NULL));
#else
	return (mbedtls_pk_parse_key(key, data, len, word, n));
#endif
}
