/*
 * The answers of token services: a token comes with an end within a day, and
 * whatever else is said can be shown.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "auth/managed.h"
#include "relay/err.h"
#include "relay/secret.h"

#define NOW	1700000000

static void
must_be_printable(const char *s)
{
	for (; *s != '\0'; s++)
		assert(*s >= 0x20 && *s <= 0x7e);
}

static void
must_tell(const struct err *e)
{
	char line[ERR_LINE_MAX + 1];

	assert(e->status != 0 && e->cause[0] != '\0');
	must_be_printable(err_line(e, "p", NULL, line, sizeof(line)));
}

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	static const struct managed_signs signs[] = {
		{ .is_azure_vm = true },
		{ .is_azure_vm = true, .client_id = "c" },
		{ .identity_endpoint = "http://[::1]/", .identity_header = "h" },
		{ .msi_endpoint = "http://localhost/" },
	};
	struct secret token = SECRET_INIT;
	struct err e = ERR_INIT;
	int64_t expires_on = 0;
	struct managed m;
	bool missing;
	size_t i;

	for (i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		managed_find(&signs[i], &m);
		if (managed_refused(&m, 400, (const char *)in, len, &missing,
		    &e) == 0)
			must_tell(&e);
		else
			assert(!missing);
	}
	if (managed_read(&m, (const char *)in, len, NOW, &token, &expires_on,
	    &e) == -1)
		must_tell(&e);
	else
		assert(token.data != NULL && expires_on >= NOW + 60 &&
		    expires_on <= NOW + 24 * 3600);
	secret_free(&token);
	return (0);
}
