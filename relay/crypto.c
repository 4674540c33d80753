/*
 * Digests, base64 and random bytes; the only file of this folder that knows
 * mbedTLS.  See crypto.h.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mbedtls/base64.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/md.h>
#include <mbedtls/version.h>

#include "relay/crypto.h"
#include "relay/secret.h"

static void
digest(mbedtls_md_type_t type, const void *data, size_t len, uint8_t *out)
{
	if (mbedtls_md(mbedtls_md_info_from_type(type), data, len, out) != 0)
		abort();	/* a digest that the library was built without */
}

void
crypto_sha1(const void *data, size_t len, uint8_t out[SHA1_BYTES])
{
	digest(MBEDTLS_MD_SHA1, data, len, out);
}

void
crypto_sha256(const void *data, size_t len, uint8_t out[SHA256_BYTES])
{
	digest(MBEDTLS_MD_SHA256, data, len, out);
}

void
crypto_sha256_hex(const void *data, size_t len, char out[SHA256_HEX + 1])
{
	static const char hex[] = "0123456789abcdef";
	uint8_t sum[SHA256_BYTES];
	size_t i;

	crypto_sha256(data, len, sum);
	for (i = 0; i < sizeof(sum); i++) {
		out[2 * i] = hex[sum[i] >> 4];
		out[2 * i + 1] = hex[sum[i] & 15];
	}
	out[SHA256_HEX] = '\0';
}

void
crypto_hmac_sha256(const void *key, size_t keylen, const void *data, size_t len,
    uint8_t out[SHA256_BYTES])
{
	if (mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), key,
	    keylen, data, len, out) != 0)
		abort();
}

void
crypto_hmac_sha1(const void *key, size_t keylen, const void *data, size_t len,
    uint8_t out[SHA1_BYTES])
{
	if (mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA1), key,
	    keylen, data, len, out) != 0)
		abort();
}

void
crypto_base64(const void *data, size_t len, char *out)
{
	size_t n;

	out[0] = '\0';		/* of nothing mbedTLS writes nothing */
	if (mbedtls_base64_encode((unsigned char *)out, BASE64_SIZE(len), &n,
	    data, len) != 0)
		abort();
}

void
crypto_base64url(const void *data, size_t len, char *out)
{
	crypto_base64(data, len, out);
	for (; *out != '\0' && *out != '='; out++)
		*out = *out == '+' ? '-' : *out == '/' ? '_' : *out;
	*out = '\0';
}

ptrdiff_t
crypto_unbase64(const char *text, size_t len, void *out, size_t size)
{
	char *plain;
	size_t i, n = 0, got = 0;
	int rc;

	/* mbedTLS takes the standard alphabet, whole groups and no more */
	if (len > SIZE_MAX - 4 || (plain = secret_malloc(len + 4)) == NULL)
		return (-1);
	for (i = 0; i < len; i++)
		switch (text[i]) {
		case ' ': case '\t': case '\r': case '\n':
			break;
		case '-':
			plain[n++] = '+';
			break;
		case '_':
			plain[n++] = '/';
			break;
		default:
			plain[n++] = text[i];
		}
	while (n > 0 && plain[n - 1] == '=')
		n--;
	while (n % 4 != 0)
		plain[n++] = '=';
	rc = mbedtls_base64_decode(out, size, &got, (unsigned char *)plain, n);
	secret_mfree(plain);
	return (rc == 0 ? (ptrdiff_t)got : -1);
}

/*
 * The kernel's word is enough.  mbedTLS' own collector measures the jitter of the
 * clock as well, for which it wants 38 KB and 1.1 million instructions a start.
 */
static int
seed(void *unused, unsigned char *out, size_t len)
{
	(void)unused;
	return (getentropy(out, len) == 0 ? 0 :
	    MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED);
}

void
crypto_random(void *out, size_t len)
{
	static mbedtls_ctr_drbg_context drbg;
	static int ready;
	unsigned char *p = out;

	if (!ready) {
		mbedtls_ctr_drbg_init(&drbg);
		if (mbedtls_ctr_drbg_seed(&drbg, seed, NULL, NULL, 0) != 0)
			abort();
		ready = 1;
	}
	while (len > 0) {
		size_t n = len < MBEDTLS_CTR_DRBG_MAX_REQUEST ? len :
		    MBEDTLS_CTR_DRBG_MAX_REQUEST;

		if (mbedtls_ctr_drbg_random(&drbg, p, n) != 0)
			abort();
		p += n;
		len -= n;
	}
}

void
crypto_uuid(char out[UUID_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	uint8_t r[16];
	size_t i;

	crypto_random(r, sizeof(r));
	r[6] = (uint8_t)((r[6] & 0x0f) | 0x40);
	r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
	for (i = 0; i < sizeof(r); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = hex[r[i] >> 4];
		*out++ = hex[r[i] & 15];
	}
	*out = '\0';
}

const char *
crypto_version(void)
{
	static char version[9];		/* as the library says: at least 9 */

	mbedtls_version_get_string(version);
	return (version);
}
