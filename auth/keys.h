/*
 * A private key and its certificates from a file, and signatures with it; only
 * the keys*.c know mbedTLS's keys.
 */
#ifndef AUTH_KEYS_H
#define AUTH_KEYS_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct keys;

#define KEYS_SIGNATURE_MAX	1024	/* bytes, of RSA with 8192 bits */

enum keys_algorithm {
	KEYS_RS256,	/* RSASSA-PKCS1-v1_5 with SHA-256 */
	KEYS_PS256,	/* RSASSA-PSS with SHA-256, MGF1-SHA-256, salt of 32 bytes */
};

/*
 * Reads a PEM file with an RSA key of 2048 bits or more (PKCS#1 or PKCS#8,
 * encrypted or not) and certificates, of which one is the key's and valid now.
 * password: of an encrypted key; NULL: none.  Warns when others can read it.
 * Gives the keys, or NULL with E306.
 */
struct keys *keys_load(const char *file, const char *password, struct err *e);
void	 keys_free(struct keys *k);

/*
 * Signs len bytes of data.  n: how many bytes of out were written.  Returns 0;
 * or -1 with EX_OSERR.
 */
int	 keys_sign(struct keys *k, enum keys_algorithm algorithm,
	    const void *data, size_t len, uint8_t out[KEYS_SIGNATURE_MAX],
	    size_t *n, struct err *e);

/*
 * Certificate i in DER: 0 is the key's, then the others as they stand in the
 * file.  NULL after the last.  Lends it.
 */
const uint8_t *keys_certificate(const struct keys *k, size_t i, size_t *len);

#endif
