/*
 * Keys and certificates for tests, made by OpenSSL: what our code, which uses
 * another library, has to read and to agree with.
 */
#ifndef TEST_CERTIFY_H
#define TEST_CERTIFY_H

#include <stdio.h>
#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/* Of what cannot fail unless the test itself is wrong. */
static inline void
must(int good)
{
	if (!good)
		abort();
}

static inline EVP_PKEY *
make_rsa(int bits)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	EVP_PKEY *key = NULL;

	must(c != NULL && EVP_PKEY_keygen_init(c) == 1 &&
	    EVP_PKEY_CTX_set_rsa_keygen_bits(c, bits) == 1 &&
	    EVP_PKEY_keygen(c, &key) == 1);
	EVP_PKEY_CTX_free(c);
	return (key);
}

/* Self-signed, valid from now + begin_s until now + end_s. */
static inline X509 *
make_certificate(EVP_PKEY *key, long begin_s, long end_s)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);

	must(X509_set_version(x, 2) == 1 &&
	    ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(x), begin_s) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(x), end_s) != NULL &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)"app", -1, -1, 0) == 1 &&
	    X509_set_issuer_name(x, name) == 1 &&
	    X509_set_pubkey(x, key) == 1 && X509_sign(x, key, EVP_sha256()) > 0);
	return (x);
}

/* A file that holds what was written to bio, which is freed. */
static inline void
save(BIO *bio, const char *path)
{
	FILE *f = fopen(path, "w");
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	must(f != NULL && (len == 0 ||
	    fwrite(data, 1, (size_t)len, f) == (size_t)len) && fclose(f) == 0);
	BIO_free(bio);
}

#endif
