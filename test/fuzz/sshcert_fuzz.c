/*
 * A certificate from anywhere: what it gives lies within its bytes, and who is
 * accepted as a user cannot mean anything to ssh.  What is no certificate may be a
 * private key's file.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "auth/sshcert.h"
#include "auth/sshkey.h"
#include "relay/err.h"
#include "relay/secret.h"

static void
must_lie_within(struct sshspan s, const uint8_t *in, size_t len)
{
	assert(s.len == 0 || (s.at >= in && s.at + s.len <= in + len));
}

static void
look_at(const struct sshcert *c)
{
	char user[SSHUSER_MAX + 1];
	struct keys_rsa k = { .nlen = c->n.len, .elen = c->e.len };
	struct err e = ERR_INIT;
	const char *p;

	if (c->n.len > sizeof(k.n) || c->e.len > sizeof(k.e))
		return;
	memcpy(k.n, c->n.at, c->n.len);
	memcpy(k.e, c->e.at, c->e.len);
	if (sshcert_check(c, &k, user, &e) == 0) {
		assert(user[0] != '\0' && user[0] != '-');
		for (p = user; *p != '\0'; p++)
			assert(strchr("abcdefghijklmnopqrstuvwxyz0123456789"
			    "._@+#-", *p) != NULL);
	} else
		assert(e.status != 0 && e.cause[0] != '\0');
	(void)sshcert_check_dates(c, 1800000000, &e);
	assert(sshcert_due(c) <= c->valid_before ||
	    c->valid_before <= c->valid_after);
}

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct secret text = SECRET_INIT;
	struct err e = ERR_INIT;
	struct keys_rsa k;
	struct sshcert c;

	if (sshcert_parse(in, len, &c) == 0) {
		must_lie_within(c.e, in, len);
		must_lie_within(c.n, in, len);
		must_lie_within(c.key_id, in, len);
		must_lie_within(c.principal, in, len);
		look_at(&c);
	} else if (secret_set(&text, in, len) == 0) {
		if (sshkey_read(&text, "F", &k, &e) == 0)
			assert(keys_rsa_fits(k.n, k.nlen, k.elen));
		else
			assert(strcmp(e.id, "E314") == 0);
	}
	secret_free(&text);
	return (0);
}
