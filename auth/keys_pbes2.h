/*
 * Private keys that are encrypted as openssl does it since 2010 (PBES2 with
 * PBKDF2 and AES-CBC: RFC 8018, 6.2).  mbedTLS before 3.6 knows only DES there.
 */
#ifndef AUTH_KEYS_PBES2_H
#define AUTH_KEYS_PBES2_H

#include <stddef.h>
#include <stdint.h>

struct secret;

enum keys_pbes2 {
	KEYS_PBES2_DONE,	/* out is the key, PKCS#8 in DER */
	KEYS_PBES2_OTHER,	/* encrypted in another way, or no key at all */
	KEYS_PBES2_WRONG,	/* the password is not the right one */
};

/*
 * Decrypts an EncryptedPrivateKeyInfo of len bytes (RFC 5958, 3), which stays as
 * it is.  The wrong
 * password is told by the padding, in 1 of 256 cases only by what out holds.
 */
enum keys_pbes2 keys_pbes2_decrypt(uint8_t *der, size_t len,
	    const char *password, struct secret *out);

#endif
