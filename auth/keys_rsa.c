/*
 * RSA keys for SSH by mbedTLS, see keys_rsa.h.
 */
#include <string.h>

#include <mbedtls/rsa.h>

#include "auth/keys_pk.h"
#include "auth/keys_rsa.h"
#include "relay/err.h"
#include "relay/secret.h"

#define PEM_MAX		(16 * 1024)	/* bytes; one of 3072 bits has 2,500 */
#define EXPONENT	65537
#define BITS_MIN	2048

static int
make(mbedtls_pk_context *key, unsigned char *pem)
{
	int rc;

	if ((rc = mbedtls_pk_setup(key,
	    mbedtls_pk_info_from_type(MBEDTLS_PK_RSA))) != 0 ||
	    (rc = mbedtls_rsa_gen_key(mbedtls_pk_rsa(*key), keys_rng, NULL,
	    KEYS_RSA_BITS, EXPONENT)) != 0)
		return (rc);
	return (mbedtls_pk_write_key_pem(key, pem, PEM_MAX));
}

int
keys_rsa_make(struct secret *pem, struct err *e)
{
	unsigned char *text = secret_malloc(PEM_MAX);
	mbedtls_pk_context key;
	int rc = -1, code = 0;

	mbedtls_pk_init(&key);
	if (text != NULL && (code = make(&key, text)) == 0)
		rc = secret_set(pem, text, strlen((char *)text));
	mbedtls_pk_free(&key);
	secret_mfree(text);
	if (rc == 0)
		return (0);
	return (code != 0 ? err_set(e, EX_OSERR, "", "cannot make a key: "
	    "mbedTLS says -0x%04x", (unsigned)-code) :
	    err_set(e, EX_OSERR, "", "out of memory"));
}

int
keys_rsa_fits(const uint8_t *n, size_t nlen, size_t elen)
{
	return (nlen >= BITS_MIN / 8 && nlen <= KEYS_RSA_MAX && elen > 0 &&
	    elen <= KEYS_RSA_E_MAX && (nlen > BITS_MIN / 8 || n[0] >= 0x80));
}

static size_t
skip_zeros(uint8_t *p, size_t len)
{
	size_t n;

	for (n = 0; n < len && p[n] == 0; n++)
		;
	memmove(p, p + n, len - n);
	return (len - n);
}

static enum keys_rsa_result
export(mbedtls_pk_context *key, struct keys_rsa *out)
{
	mbedtls_rsa_context *rsa = mbedtls_pk_rsa(*key);

	out->nlen = mbedtls_rsa_get_len(rsa);
	out->elen = sizeof(out->e);
	if (out->nlen > sizeof(out->n) || mbedtls_rsa_export_raw(rsa, out->n,
	    out->nlen, NULL, 0, NULL, 0, NULL, 0, out->e, out->elen) != 0)
		return (KEYS_RSA_WEAK);
	out->nlen = skip_zeros(out->n, out->nlen);
	out->elen = skip_zeros(out->e, out->elen);
	return (keys_rsa_fits(out->n, out->nlen, out->elen) ? KEYS_RSA_READ :
	    KEYS_RSA_WEAK);
}

enum keys_rsa_result
keys_rsa_read(const struct secret *pem, struct keys_rsa *out)
{
	enum keys_rsa_result result = KEYS_RSA_NONE;
	mbedtls_pk_context key;

	if (pem->data == NULL)
		return (result);
	mbedtls_pk_init(&key);
	switch (keys_pk_parse(&key, pem->data, pem->len + 1, NULL)) {
	case 0:
		result = mbedtls_pk_can_do(&key, MBEDTLS_PK_RSA) ?
		    export(&key, out) : KEYS_RSA_OTHER;
		break;
	case MBEDTLS_ERR_PK_PASSWORD_REQUIRED:
		result = KEYS_RSA_ENCRYPTED;
		break;
	}
	mbedtls_pk_free(&key);
	if (strstr(pem->data, "-----BEGIN ENCRYPTED ") != NULL)
		result = KEYS_RSA_ENCRYPTED;
	return (result);
}
