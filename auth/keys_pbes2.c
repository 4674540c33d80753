/*
 * Decrypting a private key, see keys_pbes2.h.
 */
#include <stdbool.h>
#include <string.h>

#include <mbedtls/asn1.h>
#include <mbedtls/cipher.h>
#include <mbedtls/md.h>
#include <mbedtls/oid.h>
#include <mbedtls/pkcs5.h>
#include <mbedtls/version.h>

#include "auth/keys_pbes2.h"
#include "relay/secret.h"

#define SEQUENCE	(MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)
#define AES_BLOCK	16
#define ROUNDS_MAX	(1000 * 1000)	/* a second; openssl's own is 2048 */

struct parameters {
	mbedtls_asn1_buf	salt;
	mbedtls_asn1_buf	iv;
	mbedtls_asn1_buf	data;		/* the encrypted key */
	int			rounds;
	mbedtls_md_type_t	digest;
	int			key_bits;
};

/* An octet string; its bytes are lent. */
static bool
octets(unsigned char **p, const unsigned char *end, mbedtls_asn1_buf *out)
{
	if (mbedtls_asn1_get_tag(p, end, &out->len,
	    MBEDTLS_ASN1_OCTET_STRING) != 0)
		return (false);
	out->p = *p;
	*p += out->len;
	return (true);
}

/* Salt, rounds, length of the key (which the cipher tells too), digest. */
static bool
read_pbkdf2(const mbedtls_asn1_buf *from, struct parameters *to)
{
	unsigned char *p = from->p, *end = p + from->len;
	mbedtls_asn1_buf digest;
	int length;

	to->digest = MBEDTLS_MD_SHA1;	/* when it is not said */
	if (from->tag != SEQUENCE || !octets(&p, end, &to->salt) ||
	    mbedtls_asn1_get_int(&p, end, &to->rounds) != 0 ||
	    to->rounds < 1 || to->rounds > ROUNDS_MAX)
		return (false);
	if (p < end && *p == MBEDTLS_ASN1_INTEGER &&
	    mbedtls_asn1_get_int(&p, end, &length) != 0)
		return (false);
	return (p == end ||
	    (mbedtls_asn1_get_alg_null(&p, end, &digest) == 0 && p == end &&
	    mbedtls_oid_get_md_hmac(&digest, &to->digest) == 0));
}

static bool
read_aes(const mbedtls_asn1_buf *oid, const mbedtls_asn1_buf *iv,
    struct parameters *to)
{
	if (MBEDTLS_OID_CMP(MBEDTLS_OID_AES "\x02", oid) == 0)
		to->key_bits = 128;
	else if (MBEDTLS_OID_CMP(MBEDTLS_OID_AES "\x16", oid) == 0)
		to->key_bits = 192;
	else if (MBEDTLS_OID_CMP(MBEDTLS_OID_AES "\x2a", oid) == 0)
		to->key_bits = 256;
	else
		return (false);
	to->iv = *iv;
	return (iv->tag == MBEDTLS_ASN1_OCTET_STRING && iv->len == AES_BLOCK);
}

static bool
read_parameters(uint8_t *der, size_t len, struct parameters *to)
{
	unsigned char *p = der, *end = der + len, *inner;
	mbedtls_asn1_buf oid, params, kdf, kdf_params, cipher, iv;
	size_t n;

	if (mbedtls_asn1_get_tag(&p, end, &n, SEQUENCE) != 0 ||
	    mbedtls_asn1_get_alg(&p, end, &oid, &params) != 0 ||
	    MBEDTLS_OID_CMP(MBEDTLS_OID_PKCS5_PBES2, &oid) != 0 ||
	    params.tag != SEQUENCE || !octets(&p, end, &to->data))
		return (false);
	inner = params.p;
	end = params.p + params.len;
	return (mbedtls_asn1_get_alg(&inner, end, &kdf, &kdf_params) == 0 &&
	    mbedtls_asn1_get_alg(&inner, end, &cipher, &iv) == 0 &&
	    MBEDTLS_OID_CMP(MBEDTLS_OID_PKCS5_PBKDF2, &kdf) == 0 &&
	    read_pbkdf2(&kdf_params, to) && read_aes(&cipher, &iv, to) &&
	    to->data.len > 0 && to->data.len % AES_BLOCK == 0);
}

static int
derive(const struct parameters *from, const char *password, uint8_t *key)
{
	const unsigned char *word = (const unsigned char *)password;
	size_t len = strlen(password);
	int rc;

#if MBEDTLS_VERSION_NUMBER >= 0x03030000
	rc = mbedtls_pkcs5_pbkdf2_hmac_ext(from->digest, word, len,
	    from->salt.p, from->salt.len, (unsigned)from->rounds,
	    (uint32_t)from->key_bits / 8, key);
#else
	mbedtls_md_context_t md;

	mbedtls_md_init(&md);
	rc = mbedtls_md_setup(&md, mbedtls_md_info_from_type(from->digest), 1);
	if (rc == 0)
		rc = mbedtls_pkcs5_pbkdf2_hmac(&md, word, len, from->salt.p,
		    from->salt.len, (unsigned)from->rounds,
		    (uint32_t)from->key_bits / 8, key);
	mbedtls_md_free(&md);
#endif
	return (rc);
}

/* AES-CBC; what the padding shows is right or wrong. */
static int
decrypt(const struct parameters *from, const uint8_t *key, struct secret *out)
{
	mbedtls_cipher_context_t cipher;
	size_t n = 0;
	int rc;

	mbedtls_cipher_init(&cipher);
	rc = mbedtls_cipher_setup(&cipher, mbedtls_cipher_info_from_values(
	    MBEDTLS_CIPHER_ID_AES, from->key_bits, MBEDTLS_MODE_CBC));
	if (rc == 0)
		rc = mbedtls_cipher_setkey(&cipher, key, from->key_bits,
		    MBEDTLS_DECRYPT);
	if (rc == 0)
		rc = mbedtls_cipher_crypt(&cipher, from->iv.p, from->iv.len,
		    from->data.p, from->data.len, (unsigned char *)out->data,
		    &n);
	mbedtls_cipher_free(&cipher);
	out->len = n;
	return (rc);
}

enum keys_pbes2
keys_pbes2_decrypt(uint8_t *der, size_t len, const char *password,
    struct secret *out)
{
	struct parameters p = { .rounds = 0 };
	uint8_t key[32];
	int rc;

	/* what is decrypted is never longer; mbedTLS wants a block more */
	if (!read_parameters(der, len, &p) ||
	    len < p.data.len + AES_BLOCK ||
	    secret_set(out, der, p.data.len + AES_BLOCK) == -1)
		return (KEYS_PBES2_OTHER);
	rc = derive(&p, password, key);
	if (rc == 0)
		rc = decrypt(&p, key, out);
	secret_wipe(key, sizeof(key));
	if (rc == 0)
		return (KEYS_PBES2_DONE);
	secret_free(out);
	return (rc == MBEDTLS_ERR_CIPHER_INVALID_PADDING ? KEYS_PBES2_WRONG :
	    KEYS_PBES2_OTHER);
}
