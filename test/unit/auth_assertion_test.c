/*
 * Goal: a client assertion says what RFC 7523 and Entra ask for, and OpenSSL
 * finds its signature right.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/assertion.h"
#include "auth/json.h"
#include "auth/jwt.h"
#include "auth/keys.h"
#include "relay/crypto.h"
#include "relay/err.h"
#include "relay/secret.h"
#include "test/unit/certify.h"
#include "test/unit/tap.h"

#define ENTRA	"https://login.example/t/oauth2/v2.0/token"
#define ADFS	"https://login.example/adfs/oauth2/token"
#define NOW	1800000000

static EVP_PKEY *key;
static X509 *cert;
static struct keys *keys;

static struct keys *
load(void)
{
	const char *tmp = getenv("TMPDIR");
	BIO *bio = BIO_new(BIO_s_mem());
	struct err e = ERR_INIT;
	struct keys *k;
	char path[200];

	(void)umask(077);
	(void)snprintf(path, sizeof(path), "%s/assertion.%ld.pem",
	    tmp != NULL ? tmp : "/tmp", (long)getpid());
	must(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL,
	    NULL) == 1 && PEM_write_bio_X509(bio, cert) == 1);
	save(bio, path);
	k = keys_load(path, NULL, &e);
	must(k != NULL);
	(void)unlink(path);
	return (k);
}

/* The header of a token; free with js_free. */
static struct js *
header(const struct secret *jwt)
{
	static char text[16384];
	char why[JS_WHY_MAX];
	ptrdiff_t n = crypto_unbase64(jwt->data, strcspn(jwt->data, "."), text,
	    sizeof(text));

	return (js_parse(text, n > 0 ? (size_t)n : 0, why));
}

static bool
is(const struct js *j, const char *name, const char *value)
{
	const char *got = js_string(j, name);

	return (got != NULL && strcmp(got, value) == 0);
}

static bool
is_number(const struct js *j, const char *name, int64_t value)
{
	int64_t got;

	return (js_integer(j, name, &got) == 0 && got == value);
}

/* The signature over all before the last dot. */
static bool
verifies(const struct secret *jwt, bool pss)
{
	const char *dot = strrchr(jwt->data, '.');
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char sig[600];
	EVP_PKEY_CTX *c;
	ptrdiff_t n = crypto_unbase64(dot + 1, strlen(dot + 1), sig,
	    sizeof(sig));
	bool good;

	must(n > 0 && EVP_DigestVerifyInit(md, &c, EVP_sha256(), NULL,
	    key) == 1 && EVP_PKEY_CTX_set_rsa_padding(c, pss ?
	    RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) == 1);
	if (pss)
		must(EVP_PKEY_CTX_set_rsa_pss_saltlen(c, 32) == 1);
	good = EVP_DigestVerify(md, sig, (size_t)n,
	    (const unsigned char *)jwt->data, (size_t)(dot - jwt->data)) == 1;
	EVP_MD_CTX_free(md);
	return (good);
}

/* The certificate's digest, or itself, in base64. */
static const char *
of_certificate(const char *what)
{
	static char text[4096];
	unsigned char *der = NULL;
	uint8_t sum[SHA256_BYTES];
	size_t len = (size_t)i2d_X509(cert, &der);

	must(BASE64_SIZE(len) <= sizeof(text));
	crypto_sha256(der, len, sum);
	if (strcmp(what, "x5t") == 0)
		crypto_sha1(der, len, sum);
	if (strcmp(what, "x5c") == 0)
		crypto_base64(der, len, text);
	else
		crypto_base64url(sum, strcmp(what, "x5t") == 0 ? SHA1_BYTES :
		    SHA256_BYTES, text);
	OPENSSL_free(der);
	return (text);
}

static void
test_entra(void)
{
	struct secret jwt = SECRET_INIT;
	struct err e = ERR_INIT;
	struct js *h, *c, *again;

	must(assertion_make(keys, "the \"client\"", ENTRA, false, NOW, &jwt,
	    &e) == 0);
	ok(strspn(jwt.data, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
	    "uvwxyz0123456789-_.") == jwt.len, "three parts of base64url");
	h = header(&jwt);
	c = jwt_claims(jwt.data, jwt.len);
	ok(is(h, "alg", "PS256") && is(h, "typ", "JWT") &&
	    is(h, "x5t#S256", of_certificate("x5t#S256")) &&
	    js_at(h, "x5t") == NULL && js_at(h, "x5c") == NULL,
	    "the header: PS256 and the SHA-256 thumbprint");
	ok(is(c, "aud", ENTRA) && is(c, "iss", "the \"client\"") &&
	    is(c, "sub", "the \"client\""), "for whom and by whom");
	ok(is_number(c, "nbf", NOW) && is_number(c, "iat", NOW) &&
	    is_number(c, "exp", NOW + 600), "ten minutes");
	ok(verifies(&jwt, true), "the signature");
	must(assertion_make(keys, "c", ENTRA, false, NOW, &jwt, &e) == 0);
	again = jwt_claims(jwt.data, jwt.len);
	ok(js_string(c, "jti") != NULL && strlen(js_string(c, "jti")) == 36 &&
	    !is(again, "jti", js_string(c, "jti")), "another jti each time");
	js_free(h);
	js_free(c);
	js_free(again);
	secret_free(&jwt);
}

static void
test_adfs(void)
{
	struct secret jwt = SECRET_INIT;
	struct err e = ERR_INIT;
	struct js *h;

	must(assertion_make(keys, "c", ADFS, false, NOW, &jwt, &e) == 0);
	h = header(&jwt);
	ok(is(h, "alg", "RS256") && is(h, "x5t", of_certificate("x5t")) &&
	    js_at(h, "x5t#S256") == NULL, "AD FS: RS256 and SHA-1 thumbprint");
	ok(verifies(&jwt, false), "AD FS: the signature");
	js_free(h);
	secret_free(&jwt);
}

static void
test_chain(void)
{
	struct secret jwt = SECRET_INIT;
	struct err e = ERR_INIT;
	const struct js *x5c;
	struct js *h;

	must(assertion_make(keys, "c", ENTRA, true, NOW, &jwt, &e) == 0);
	h = header(&jwt);
	x5c = js_at(h, "x5c");
	ok(js_count(x5c) == 1 && strcmp(js_string(js_item(x5c, 0), NULL),
	    of_certificate("x5c")) == 0, "x5c has the certificate");
	js_free(h);
	ok(verifies(&jwt, true), "x5c: the signature");
	secret_free(&jwt);
}

int
main(void)
{
	key = make_rsa(2048);
	cert = make_certificate(key, -3600, 3600);
	keys = load();
	test_entra();
	test_adfs();
	test_chain();
	keys_free(keys);
	EVP_PKEY_free(key);
	X509_free(cert);
	return (done_testing());
}
