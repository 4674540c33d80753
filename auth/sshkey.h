/*
 * An RSA key as ssh keeps it in a file, and what others are told of it.  Pure.
 */
#ifndef AUTH_SSHKEY_H
#define AUTH_SSHKEY_H

#include <stdbool.h>

#include "auth/keys_rsa.h"
#include "relay/crypto.h"

struct err;
struct secret;

/*
 * Reads the public half out of a private key's file: PEM (PKCS#1, PKCS#8) or
 * OpenSSH's own form, not encrypted.  name: the file's, for the error.
 * Returns 0; or -1 with E314, which says what is in it instead.
 */
int	 sshkey_read(const struct secret *text, const char *name,
	    struct keys_rsa *k, struct err *e);

/* The same half as one line of a .pub file.  Returns 0, or -1: no memory. */
int	 sshkey_public_line(const struct keys_rsa *k, struct secret *out);

/* Is the first key of a .pub file this one? */
bool	 sshkey_is_public_line(const struct keys_rsa *k,
	    const struct secret *line);

/*
 * The key as Entra wants it for a certificate, RFC 7517, and its id.  Returns 0,
 * or -1: no memory.
 */
int	 sshkey_jwk(const struct keys_rsa *k, struct secret *jwk,
	    char id[SHA256_HEX + 1]);

#endif
