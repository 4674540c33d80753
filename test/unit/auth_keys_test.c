/*
 * Goal: every file with a key and its certificate that people have is read or
 * named in the error; signatures are what OpenSSL finds right; no bytes can hurt.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/keys.h"
#include "auth/keys_pbes2.h"
#include "relay/err.h"
#include "relay/log.h"
#include "relay/secret.h"
#include "test/unit/certify.h"
#include "test/unit/tap.h"

#define DAY_S	(24 * 3600L)

static char path[200];
static EVP_PKEY *key, *other;
static X509 *cert, *other_cert;

enum form { PLAIN, OLD, OLD_AES, AES128, AES192, AES256, DES3 };

static void
write_key(BIO *bio, EVP_PKEY *k, enum form form)
{
	static char word[] = "it is secret";
	const EVP_CIPHER *const ciphers[] = { NULL, NULL, EVP_aes_256_cbc(),
	    EVP_aes_128_cbc(), EVP_aes_192_cbc(), EVP_aes_256_cbc(),
	    EVP_des_ede3_cbc() };

	if (form == OLD || form == OLD_AES)
		must(PEM_write_bio_PrivateKey_traditional(bio, k, ciphers[form],
		    NULL, 0, NULL, form == OLD ? NULL : word) == 1);
	else
		must(PEM_write_bio_PKCS8PrivateKey(bio, k, ciphers[form], NULL,
		    0, NULL, form == PLAIN ? NULL : word) == 1);
}

/* Makes the file: key in that form, then the certificates. */
static void
make(EVP_PKEY *k, enum form form, X509 *a, X509 *b)
{
	BIO *bio = BIO_new(BIO_s_mem());

	if (k != NULL)
		write_key(bio, k, form);
	must((a == NULL || PEM_write_bio_X509(bio, a) == 1) &&
	    (b == NULL || PEM_write_bio_X509(bio, b) == 1));
	save(bio, path);
}

static void
loads(const char *what, const char *password)
{
	struct err e = ERR_INIT;
	struct keys *k = keys_load(path, password, &e);

	ok(k != NULL, "%s: %s", what, e.cause);
	keys_free(k);
}

static void
refused(const char *password, const char *says)
{
	struct err e = ERR_INIT;
	struct keys *k = keys_load(path, password, &e);

	ok(k == NULL && strcmp(e.id, "E306") == 0 && e.status == EX_NOUSER &&
	    strstr(e.cause, says) != NULL && strstr(e.cause, path) != NULL &&
	    e.fix[0] != '\0' && (password == NULL || (strstr(e.cause,
	    password) == NULL && strstr(e.fix, password) == NULL)),
	    "refused: %s; %s", e.cause, e.fix);
	keys_free(k);
}

static void
test_forms(void)
{
	static const char *const names[] = { "PKCS#8", "PKCS#1",
	    "PKCS#1 with AES-256", "PKCS#8 with AES-128",
	    "PKCS#8 with AES-192", "PKCS#8 with AES-256",
	    "PKCS#8 with 3DES" };
	enum form form;

	for (form = PLAIN; form <= DES3; form++) {
		make(key, form, cert, NULL);
		loads(names[form], form == PLAIN || form == OLD ? NULL :
		    "it is secret");
		if (form == PLAIN || form == OLD)
			continue;
		refused("it is wrong", "the password does not open");
		refused(NULL, "is encrypted");
	}
	make(key, PLAIN, cert, NULL);
	loads("a password that is not needed", "it is secret");
}

/* Of so many wrong ones some leave bytes that look right at first. */
static void
test_wrong_passwords(enum form form, int n)
{
	char password[20];
	int i, wrong = 0;

	make(key, form, cert, NULL);
	for (i = 0; i < n; i++) {
		struct err e = ERR_INIT;
		struct keys *k;

		(void)snprintf(password, sizeof(password), "%d", i);
		k = keys_load(path, password, &e);
		wrong += k == NULL && strstr(e.cause, "does not open") != NULL;
		keys_free(k);
	}
	ok(wrong == n, "form %d: %d of %d wrong passwords are told as such",
	    (int)form, wrong, n);
}

static void
test_what_will_not_do(void)
{
	X509 *past = make_certificate(key, -2 * DAY_S, -DAY_S);
	X509 *future = make_certificate(key, DAY_S, 2 * DAY_S);
	EVP_PKEY *small = make_rsa(1024);
	BIO *bio;

	make(key, PLAIN, NULL, NULL);
	refused(NULL, "no certificate");
	make(NULL, PLAIN, cert, NULL);
	refused(NULL, "no private key");
	make(key, PLAIN, other_cert, NULL);
	refused(NULL, "none of its certificates");
	make(small, PLAIN, cert, NULL);
	refused(NULL, "1024 bits");
	make(key, PLAIN, past, NULL);
	refused(NULL, "expired on 2");
	make(key, PLAIN, future, NULL);
	refused(NULL, "not valid before 2");
	bio = BIO_new(BIO_s_mem());
	must(i2d_X509_bio(bio, cert) == 1);
	save(bio, path);
	refused(NULL, "no PEM file");
	save(BIO_new(BIO_s_mem()), path);
	refused(NULL, "no PEM file");
	(void)unlink(path);
	refused(NULL, "No such file");
	EVP_PKEY_free(small);
	X509_free(past);
	X509_free(future);
}

static bool
is_certificate(const struct keys *k, size_t i, X509 *x)
{
	unsigned char *der = NULL;
	const uint8_t *got;
	int n = i2d_X509(x, &der);
	size_t len = 0;
	bool same;

	got = keys_certificate(k, i, &len);
	same = got != NULL && len == (size_t)n && memcmp(got, der, len) == 0;
	OPENSSL_free(der);
	return (same);
}

static void
test_certificates(void)
{
	struct err e = ERR_INIT;
	struct keys *k;
	size_t len;

	make(key, PLAIN, other_cert, cert);
	k = keys_load(path, NULL, &e);
	ok(k != NULL && is_certificate(k, 0, cert) &&
	    is_certificate(k, 1, other_cert) &&
	    keys_certificate(k, 2, &len) == NULL &&
	    keys_certificate(k, 9, &len) == NULL,
	    "the key's certificate is first, wherever it stands");
	keys_free(k);
	keys_free(NULL);
}

/* Does OpenSSL find the signature right?  salt: of PSS; -3: PKCS#1 v1.5. */
static bool
verifies(const uint8_t *sig, size_t n, const char *data, int salt)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *c;
	bool good;

	must(EVP_DigestVerifyInit(md, &c, EVP_sha256(), NULL, key) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(c, salt >= 0 ? RSA_PKCS1_PSS_PADDING :
	    RSA_PKCS1_PADDING) == 1);
	if (salt >= 0)
		must(EVP_PKEY_CTX_set_rsa_pss_saltlen(c, salt) == 1 &&
		    EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_sha256()) == 1);
	good = EVP_DigestVerify(md, sig, n, (const unsigned char *)data,
	    strlen(data)) == 1;
	EVP_MD_CTX_free(md);
	return (good);
}

static void
test_signatures(void)
{
	static const char data[] = "header.claims";
	uint8_t a[KEYS_SIGNATURE_MAX], b[KEYS_SIGNATURE_MAX];
	unsigned char expected[256];
	size_t n = 0, m = 0, len = sizeof(expected);
	struct err e = ERR_INIT;
	struct keys *k;
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	make(key, PLAIN, cert, NULL);
	k = keys_load(path, NULL, &e);
	must(EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestSign(md, expected, &len, (const unsigned char *)data,
	    strlen(data)) == 1);
	ok(keys_sign(k, KEYS_RS256, data, strlen(data), a, &n, &e) == 0 &&
	    n == 256 && memcmp(a, expected, n) == 0,
	    "RS256 is byte for byte what OpenSSL signs");
	ok(keys_sign(k, KEYS_PS256, data, strlen(data), a, &n, &e) == 0 &&
	    n == 256 && verifies(a, n, data, 32), "PS256 with a salt of 32");
	ok(keys_sign(k, KEYS_PS256, data, strlen(data), b, &m, &e) == 0 &&
	    memcmp(a, b, n) != 0 && verifies(b, m, data, 32),
	    "PS256 differs each time");
	ok(keys_sign(k, KEYS_RS256, "x", 1, a, &n, &e) == 0 &&
	    verifies(a, n, "x", -3) && !verifies(a, n, "y", -3),
	    "RS256 after PS256");
	EVP_MD_CTX_free(md);
	keys_free(k);
}

/* An encrypted key in DER; malloc'd. */
static uint8_t *
encrypted(size_t *len)
{
	static char word[] = "it is secret";
	BIO *bio = BIO_new(BIO_s_mem());
	uint8_t *der;
	char *data;

	must(i2d_PKCS8PrivateKey_bio(bio, key, EVP_aes_256_cbc(), NULL, 0, NULL,
	    word) == 1);
	*len = (size_t)BIO_get_mem_data(bio, &data);
	must((der = malloc(*len)) != NULL);
	memcpy(der, data, *len);
	BIO_free(bio);
	return (der);
}

/* From a block without a byte to spare: a sanitizer sees what is read beyond. */
static enum keys_pbes2
decrypt(const uint8_t *der, size_t len)
{
	struct secret out = SECRET_INIT;
	uint8_t *exact = malloc(len > 0 ? len : 1);
	enum keys_pbes2 got;

	memcpy(exact, der, len);
	got = keys_pbes2_decrypt(exact, len, "it is secret", &out);
	secret_free(&out);
	free(exact);
	return (got);
}

#define PARAMETERS	95	/* bytes before the encrypted key itself */

static void
test_damaged(void)
{
	static const uint8_t values[] = { 0, 0xff, 0x80 };
	size_t len, i, v, right = 0;
	uint8_t *der = encrypted(&len), was;

	ok(decrypt(der, len) == KEYS_PBES2_DONE, "a key in DER");
	for (i = 0; i < len; i += i < PARAMETERS ? 1 : 97)
		right += decrypt(der, i) == KEYS_PBES2_DONE;
	ok(right == 0, "cut anywhere: no key");
	for (i = 0; i < PARAMETERS; i++)
		for (v = 0; v < sizeof(values); v++) {
			was = der[i];
			der[i] = values[v];
			(void)decrypt(der, len);
			der[i] = was;
		}
	ok(decrypt(der, len) == KEYS_PBES2_DONE, "whatever stands in its head");
	der[len - 1] ^= 1;
	ok(decrypt(der, len) != KEYS_PBES2_DONE, "a damaged last block");
	free(der);
}

int
main(void)
{
	const char *tmp = getenv("TMPDIR");

	(void)umask(077);
	log_init("auth_keys_test", LOG_QUIET, false);
	(void)snprintf(path, sizeof(path), "%s/keys.%ld.pem",
	    tmp != NULL ? tmp : "/tmp", (long)getpid());
	key = make_rsa(2048);
	other = make_rsa(2048);
	cert = make_certificate(key, -DAY_S, DAY_S);
	other_cert = make_certificate(other, -DAY_S, DAY_S);

	test_forms();
	test_wrong_passwords(AES256, 200);
	test_wrong_passwords(DES3, 200);
	test_wrong_passwords(OLD_AES, 2000);
	test_what_will_not_do();
	test_certificates();
	test_signatures();
	test_damaged();

	(void)unlink(path);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	X509_free(cert);
	X509_free(other_cert);
	return (done_testing());
}
