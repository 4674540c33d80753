/*
 * Digests, base64 and random bytes, from mbedTLS.
 */
#ifndef RELAY_CRYPTO_H
#define RELAY_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#define SHA1_BYTES	20
#define SHA256_BYTES	32
#define SHA256_HEX	(2 * SHA256_BYTES)

/* Size of the base64 text of n bytes, with its NUL. */
#define BASE64_SIZE(n)	(((n) + 2) / 3 * 4 + 1)

/* None of these can fail on memory; out must have the stated room. */
void	 crypto_sha1(const void *data, size_t len, uint8_t out[SHA1_BYTES]);
void	 crypto_sha256(const void *data, size_t len, uint8_t out[SHA256_BYTES]);
void	 crypto_sha256_hex(const void *data, size_t len, char out[SHA256_HEX + 1]);
void	 crypto_hmac_sha1(const void *key, size_t keylen, const void *data,
	    size_t len, uint8_t out[SHA1_BYTES]);
void	 crypto_hmac_sha256(const void *key, size_t keylen, const void *data,
	    size_t len, uint8_t out[SHA256_BYTES]);

/* Standard alphabet with padding; out has BASE64_SIZE(len) bytes. */
void	 crypto_base64(const void *data, size_t len, char *out);

/* URL-safe alphabet without padding (RFC 7515, 2); the same room. */
void	 crypto_base64url(const void *data, size_t len, char *out);

/*
 * Decodes text: standard or URL-safe alphabet, white space ignored, padding
 * optional.  out has room for size bytes.
 * Returns the number of bytes, or -1 when text is not base64 or out too small.
 */
ptrdiff_t crypto_unbase64(const char *text, size_t len, void *out, size_t size);

/*
 * len bytes nobody can predict (CTR-DRBG over the system's entropy: one system
 * call now and then, not one per frame).  A fork without exec would repeat them.  Does not return when the system has
 * no entropy: abort is the only honest answer.
 */
void	 crypto_random(void *out, size_t len);

#define UUID_SIZE	37	/* of its text, with the NUL */

/* A random UUID (RFC 9562, 5.4) as text. */
void	 crypto_uuid(char out[UUID_SIZE]);

/* "2.28.3", of the library.  Static. */
const char *crypto_version(void);

#endif
