/*
 * RSA keys for SSH: making one, and reading the public half of one.
 */
#ifndef AUTH_KEYS_RSA_H
#define AUTH_KEYS_RSA_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct secret;

#define KEYS_RSA_BITS	3072	/* of a new one, as of ssh-keygen's */
#define KEYS_RSA_MAX	1024	/* bytes of a modulus that we take */
#define KEYS_RSA_E_MAX	8	/* and of an exponent */

/* The public half: numbers without leading zeros. */
struct keys_rsa {
	uint8_t	n[KEYS_RSA_MAX];
	size_t	nlen;
	uint8_t	e[KEYS_RSA_E_MAX];
	size_t	elen;
};

/*
 * Makes a key of KEYS_RSA_BITS, unencrypted PEM of PKCS#1, which ssh reads.  Takes
 * half a second or so.  Returns 0; or -1 with EX_OSERR.
 */
int	 keys_rsa_make(struct secret *pem, struct err *e);

enum keys_rsa_result {
	KEYS_RSA_READ,
	KEYS_RSA_ENCRYPTED,
	KEYS_RSA_OTHER,		/* a key of another kind */
	KEYS_RSA_WEAK,		/* less than 2048 bits, or more than we take */
	KEYS_RSA_NONE,		/* no key that we can read */
};

/* Reads PEM of PKCS#1 or PKCS#8. */
enum keys_rsa_result keys_rsa_read(const struct secret *pem,
	    struct keys_rsa *out);

/* Is a modulus of so many bytes, whose first is not 0, one that we take? */
int	 keys_rsa_fits(const uint8_t *n, size_t nlen, size_t elen);

#endif
