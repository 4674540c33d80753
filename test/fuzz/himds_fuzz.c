/*
 * The challenge of the Azure Arc agent: whatever is accepted names one file in
 * its folder, and nothing else.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/himds.h"
#include "relay/err.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	char name[HIMDS_NAME_MAX], path[200];
	struct err e = ERR_INIT;
	char *challenge = malloc(len + 1);
	size_t plain;

	assert(challenge != NULL);
	memcpy(challenge, in, len);
	challenge[len] = '\0';
	if (himds_challenge(challenge, HIMDS_FOLDER, name, &e) == -1)
		assert(name[0] == '\0' && e.status == EX_PROTOCOL);
	else {
		plain = strspn(name, letters);
		assert(plain > 0 && strcmp(name + plain, ".key") == 0);
		(void)snprintf(path, sizeof(path), "%s/%s", HIMDS_FOLDER, name);
		assert(strcmp(strchr(challenge, '=') + 1, path) == 0);
	}
	free(challenge);
	return (0);
}
