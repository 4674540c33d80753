/*
 * A token from anywhere: what it says of itself is text to show or nothing.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "auth/json.h"
#include "auth/jwt.h"

static void
must_be_printable(const char *s, size_t size)
{
	assert(strnlen(s, size) < size);
	for (; *s != '\0'; s++)
		assert(*s >= 0x20 && *s <= 0x7e);
}

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	char account[20] = "", tenant[10] = "";
	struct js *claims = jwt_claims((const char *)in, len);

	jwt_who((const char *)in, len, account, sizeof(account), tenant,
	    sizeof(tenant));
	must_be_printable(account, sizeof(account));
	must_be_printable(tenant, sizeof(tenant));
	if (claims == NULL)
		assert(account[0] == '\0' && tenant[0] == '\0');
	else
		assert(memchr(in, '.', len) != NULL && js_count(claims) == 0);
	js_free(claims);
	return (0);
}
