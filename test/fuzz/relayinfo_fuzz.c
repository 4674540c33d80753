/*
 * Relay information: what is accepted holds nothing that could end a header
 * line, and is the same when written and read again.
 */
#include <assert.h>
#include <string.h>

#include "auth/relayinfo.h"
#include "relay/err.h"
#include "relay/info.h"

static void
must_fit_a_line(const char *s, size_t len)
{
	for (; len > 0; len--, s++)
		assert(*s >= 0x20 && *s <= 0x7e);
}

static bool
same(const struct secret *a, const struct secret *b)
{
	return (a->len == b->len &&
	    (a->len == 0 || memcmp(a->data, b->data, a->len) == 0));
}

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct relay_info i = RELAY_INFO_INIT, k = RELAY_INFO_INIT;
	struct secret text = SECRET_INIT;
	struct err e = ERR_INIT;

	if (relayinfo_parse((const char *)in, len, &i, &e) == -1 ||
	    relay_info_check(&i, NULL, &e) == -1) {
		assert(e.status == EX_DATAERR && strcmp(e.id, "E106") == 0);
		goto out;
	}
	assert(i.access_key.len > 0 && i.expires_on > 0);
	must_fit_a_line(i.access_key.data, i.access_key.len);
	must_fit_a_line(i.service_token.data, i.service_token.len);
	must_fit_a_line(i.hybrid_connection, strlen(i.hybrid_connection));
	assert(strpbrk(i.hybrid_connection, " ?#%\\&;:@") == NULL);
	must_fit_a_line(i.namespace_name, strlen(i.namespace_name));
	assert(strpbrk(i.namespace_name, " ./:@?#%") == NULL);

	assert(relayinfo_format(&i, &text) == 0);
	assert(strchr(text.data, '\n') == NULL);
	assert(relayinfo_parse(text.data, text.len, &k, &e) == 0);
	assert(same(&i.access_key, &k.access_key) &&
	    same(&i.service_token, &k.service_token) &&
	    i.expires_on == k.expires_on &&
	    strcmp(i.namespace_name, k.namespace_name) == 0 &&
	    strcmp(i.namespace_suffix, k.namespace_suffix) == 0 &&
	    strcmp(i.hybrid_connection, k.hybrid_connection) == 0);
 out:
	secret_free(&text);
	relay_info_free(&i);
	relay_info_free(&k);
	return (0);
}
