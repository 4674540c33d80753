/*
 * An encrypted private key: whatever its head says, it is decrypted or not.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/keys_pbes2.h"
#include "relay/secret.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct secret out = SECRET_INIT;
	uint8_t *der = malloc(len + 1);		/* the interface has no const */
	enum keys_pbes2 got;

	memcpy(der, in, len);
	got = keys_pbes2_decrypt(der, len, "it is secret", &out);
	assert(memcmp(der, in, len) == 0);
	assert(got == KEYS_PBES2_DONE ? out.len < len : out.data == NULL);
	secret_free(&out);
	free(der);
	return (0);
}
