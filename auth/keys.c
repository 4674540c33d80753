/*
 * Keys and certificates by mbedTLS, see keys.h.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/pkcs5.h>
#include <mbedtls/rsa.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#include "auth/keys.h"
#include "auth/keys_pk.h"
#include "auth/keys_pbes2.h"
#include "auth/text.h"
#include "relay/crypto.h"
#include "relay/err.h"
#include "relay/log.h"
#include "relay/secret.h"

#define FILE_MAX	(64 * 1024)	/* bytes; a chain of four has 8,000 */
#define BITS_MIN	2048
#define BITS_MAX	(8 * KEYS_SIGNATURE_MAX)
#define SALT_BYTES	32

#ifndef MBEDTLS_PRIVATE	/* a name of mbedTLS 3 */
#define MBEDTLS_PRIVATE(member)	member
#endif

#define BEGIN_ENCRYPTED	"-----BEGIN ENCRYPTED PRIVATE KEY-----"
#define END_ENCRYPTED	"-----END ENCRYPTED PRIVATE KEY-----"
#define ENCRYPTED	"Proc-Type: 4,ENCRYPTED"	/* RFC 1421, before PKCS#8 */

#define PUT_TOGETHER	"put both into one file: cat KEY.pem CERTIFICATE.pem " \
			"> FILE; chmod 600 FILE"
#define MAKE_ANOTHER	"make another and register it: az ad app credential " \
			"reset --id \"$AZURE_CLIENT_ID\" --create-cert --append"

struct keys {
	mbedtls_pk_context	 key;
	mbedtls_x509_crt	 certificates;	/* as in the file */
	const mbedtls_x509_crt	*own;		/* the one of key */
};

static bool
is_pair(const mbedtls_pk_context *certified, mbedtls_pk_context *key)
{
#if MBEDTLS_VERSION_MAJOR >= 3
	return (mbedtls_pk_check_pair(certified, key, keys_rng, NULL) == 0);
#else
	return (mbedtls_pk_check_pair(certified, key) == 0);
#endif
}

/* What mbedTLS before 3.6 cannot open itself.  Returns its codes. */
static int
decrypt_key(mbedtls_pk_context *key, const char *text, const char *password)
{
	int rc = MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
	struct secret der = SECRET_INIT;
	mbedtls_pem_context pem;
	size_t used;

	mbedtls_pem_init(&pem);
	if (mbedtls_pem_read_buffer(&pem, BEGIN_ENCRYPTED, END_ENCRYPTED,
	    (const unsigned char *)text, NULL, 0, &used) != 0)
		rc = MBEDTLS_ERR_PK_KEY_INVALID_FORMAT;
	else switch (keys_pbes2_decrypt(pem.MBEDTLS_PRIVATE(buf),
	    pem.MBEDTLS_PRIVATE(buflen), password, &der)) {
	case KEYS_PBES2_DONE:
		rc = keys_pk_parse(key, der.data, der.len, NULL);
		break;
	case KEYS_PBES2_WRONG:
		rc = MBEDTLS_ERR_PK_PASSWORD_MISMATCH;
		break;
	case KEYS_PBES2_OTHER:
		break;
	}
	secret_free(&der);
	mbedtls_pem_free(&pem);
	return (rc);
}

/* Does mbedTLS say that it does not know how? */
static bool
is_unknown(int rc)
{
	return (rc == MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE ||
	    rc == MBEDTLS_ERR_PKCS5_FEATURE_UNAVAILABLE ||
	    rc == MBEDTLS_ERR_PEM_FEATURE_UNAVAILABLE ||
	    rc == MBEDTLS_ERR_PEM_UNKNOWN_ENC_ALG);
}

static int
read_key(struct keys *k, const char *file, const struct secret *text,
    const char *password, struct err *e)
{
	bool modern = strstr(text->data, BEGIN_ENCRYPTED) != NULL;
	bool encrypted = modern || strstr(text->data, ENCRYPTED) != NULL;
	int rc = MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;

	if (modern)
		rc = password == NULL ? MBEDTLS_ERR_PK_PASSWORD_REQUIRED :
		    decrypt_key(&k->key, text->data, password);
	if (rc == MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE)
		rc = keys_pk_parse(&k->key, text->data, text->len + 1, password);
	/* now and then a wrong password leaves what only looks like a key */
	if (rc != 0 && encrypted && password != NULL && !is_unknown(rc))
		rc = MBEDTLS_ERR_PK_PASSWORD_MISMATCH;
	switch (rc) {
	case 0:
		return (0);
	case MBEDTLS_ERR_PK_PASSWORD_REQUIRED:
		err_set(e, EX_NOUSER, "E306", "the private key in %s is "
		    "encrypted", file);
		return (err_fix(e, "set AZURE_CLIENT_CERTIFICATE_PASSWORD"));
	case MBEDTLS_ERR_PK_PASSWORD_MISMATCH:
		err_set(e, EX_NOUSER, "E306", "the password does not open the "
		    "private key in %s", file);
		return (err_fix(e, "check AZURE_CLIENT_CERTIFICATE_PASSWORD"));
	}
	if (strstr(text->data, "PRIVATE KEY-----") == NULL) {
		err_set(e, EX_NOUSER, "E306", "%s holds no private key", file);
		return (err_fix(e, PUT_TOGETHER));
	}
	err_set(e, EX_NOUSER, "E306", "the private key in %s cannot be read",
	    file);
	return (err_fix(e, "write it anew: openssl pkey -aes256 -in %s -out "
	    "KEY.pem; RSA only", file));
}

static int
check_key(struct keys *k, const char *file, struct err *e)
{
	size_t bits = mbedtls_pk_get_bitlen(&k->key);

	if (!mbedtls_pk_can_do(&k->key, MBEDTLS_PK_RSA))
		err_set(e, EX_NOUSER, "E306", "the private key in %s is %s: "
		    "Entra takes RSA only", file, mbedtls_pk_get_name(&k->key));
	else if (bits < BITS_MIN || bits > BITS_MAX)
		err_set(e, EX_NOUSER, "E306", "the private key in %s has %zu "
		    "bits: Entra takes %d and more", file, bits, BITS_MIN);
	else
		return (0);
	return (err_fix(e, MAKE_ANOTHER));
}

static int
read_certificates(struct keys *k, const char *file, const struct secret *text,
    struct err *e)
{
	const mbedtls_x509_crt *c;

	(void)mbedtls_x509_crt_parse(&k->certificates,
	    (const unsigned char *)text->data, text->len + 1);
	if (k->certificates.raw.len == 0) {
		err_set(e, EX_NOUSER, "E306", "%s holds no certificate that "
		    "can be read", file);
		return (err_fix(e, PUT_TOGETHER));
	}
	for (c = &k->certificates; c != NULL && k->own == NULL; c = c->next)
		if (is_pair(&c->pk, &k->key))
			k->own = c;
	if (k->own != NULL)
		return (0);
	err_set(e, EX_NOUSER, "E306", "the private key in %s belongs to none "
	    "of its certificates", file);
	return (err_fix(e, "take the key that the certificate was made with"));
}

static int
check_dates(const struct keys *k, const char *file, struct err *e)
{
	const mbedtls_x509_time *t = &k->own->valid_to;

	if (mbedtls_x509_time_is_past(t)) {
		err_set(e, EX_NOUSER, "E306", "the certificate in %s expired "
		    "on %04d-%02d-%02d", file, t->year, t->mon, t->day);
		return (err_fix(e, MAKE_ANOTHER));
	}
	t = &k->own->valid_from;
	if (mbedtls_x509_time_is_future(t)) {
		err_set(e, EX_NOUSER, "E306", "the certificate in %s is not "
		    "valid before %04d-%02d-%02d", file, t->year, t->mon,
		    t->day);
		return (err_fix(e, "is the clock right? date -u"));
	}
	return (0);
}

static int
read_file(const char *file, struct secret *text, struct err *e)
{
	struct stat st;

	if (text_read_file(file, FILE_MAX, text) == -1) {
		err_sys(e, EX_NOUSER, "E306", "cannot read the certificate "
		    "%s", file);
		return (err_fix(e, "check AZURE_CLIENT_CERTIFICATE_PATH"));
	}
	if (text->data == NULL || strstr(text->data, "-----BEGIN ") == NULL) {
		err_set(e, EX_NOUSER, "E306", "%s is no PEM file", file);
		return (err_fix(e, "from PKCS#12 (.pfx): umask 077; openssl "
		    "pkcs12 -nodes -in %s -out FILE.pem", file));
	}
	if (strstr(text->data, "PRIVATE KEY-----") != NULL &&
	    stat(file, &st) == 0 && (st.st_mode & S_IROTH) != 0)
		log_always("warning", "everybody can read the private key in "
		    "%s: chmod 600 it", file);
	return (0);
}

struct keys *
keys_load(const char *file, const char *password, struct err *e)
{
	struct secret text = SECRET_INIT;
	struct keys *k = calloc(1, sizeof(*k));
	int rc = -1;

	if (k == NULL) {
		err_set(e, EX_OSERR, "", "out of memory");
		return (NULL);
	}
	mbedtls_pk_init(&k->key);
	mbedtls_x509_crt_init(&k->certificates);
	if (read_file(file, &text, e) == 0 &&
	    read_key(k, file, &text, password, e) == 0 &&
	    check_key(k, file, e) == 0 &&
	    read_certificates(k, file, &text, e) == 0 &&
	    check_dates(k, file, e) == 0)
		rc = 0;
	secret_free(&text);
	if (rc == 0)
		return (k);
	keys_free(k);
	return (NULL);
}

void
keys_free(struct keys *k)
{
	if (k == NULL)
		return;
	mbedtls_pk_free(&k->key);
	mbedtls_x509_crt_free(&k->certificates);
	free(k);
}

static int
sign(mbedtls_rsa_context *rsa, enum keys_algorithm algorithm,
    const uint8_t hash[SHA256_BYTES], uint8_t *out)
{
	(void)mbedtls_rsa_set_padding(rsa, algorithm == KEYS_PS256 ?
	    MBEDTLS_RSA_PKCS_V21 : MBEDTLS_RSA_PKCS_V15, MBEDTLS_MD_SHA256);
	if (algorithm == KEYS_PS256)
		return (mbedtls_rsa_rsassa_pss_sign_ext(rsa, keys_rng, NULL,
		    MBEDTLS_MD_SHA256, SHA256_BYTES, hash, SALT_BYTES, out));
	return (mbedtls_rsa_rsassa_pkcs1_v15_sign(rsa, keys_rng, NULL,
#if MBEDTLS_VERSION_MAJOR < 3
	    MBEDTLS_RSA_PRIVATE,
#endif
	    MBEDTLS_MD_SHA256, SHA256_BYTES, hash, out));
}

int
keys_sign(struct keys *k, enum keys_algorithm algorithm, const void *data,
    size_t len, uint8_t out[KEYS_SIGNATURE_MAX], size_t *n, struct err *e)
{
	mbedtls_rsa_context *rsa = mbedtls_pk_rsa(k->key);
	uint8_t hash[SHA256_BYTES];
	int rc;

	crypto_sha256(data, len, hash);
	rc = sign(rsa, algorithm, hash, out);
	*n = mbedtls_rsa_get_len(rsa);
	return (rc == 0 ? 0 : err_set(e, EX_OSERR, "", "cannot sign: mbedTLS "
	    "says -0x%04x", (unsigned)-rc));
}

const uint8_t *
keys_certificate(const struct keys *k, size_t i, size_t *len)
{
	const mbedtls_x509_crt *c = i == 0 ? k->own : &k->certificates;

	/* the others follow, without the key's */
	for (; i > 0 && c != NULL; c = c->next)
		if (c != k->own && --i == 0)
			break;
	if (c == NULL)
		return (NULL);
	*len = c->raw.len;
	return (c->raw.p);
}
