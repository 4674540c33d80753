/*
 * What our files about keys share of mbedTLS, whose versions differ here.  Not
 * for others.
 */
#ifndef AUTH_KEYS_PK_H
#define AUTH_KEYS_PK_H

#include <stddef.h>

#include <mbedtls/pk.h>

/* Random bytes as mbedTLS asks for them.  Returns 0. */
int	 keys_rng(void *arg, unsigned char *out, size_t len);

/*
 * Reads a key from DER, or from PEM whose NUL is counted in len.  password: of an
 * encrypted one, or NULL.  Returns 0 or mbedTLS's code.
 */
int	 keys_pk_parse(mbedtls_pk_context *key, const void *data, size_t len,
	    const char *password);

#endif
