/*
 * Goal: a certificate is read as OpenSSH does, all of it or not at all, and what
 * is not one to log in with here is refused with its reason.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/sshcert.h"
#include "auth/sshkey.h"
#include "auth/text.h"
#include "relay/err.h"
#include "relay/secret.h"
#include "test/unit/tap.h"

#define NOW	1800000000

/* What a certificate is made of; the zero value is a good one. */
struct plan {
	const char	*type;
	const char	*principals[3];
	uint32_t	 kind;
	uint64_t	 after, before;
	const char	*options, *extensions;	/* of them raw bytes */
	size_t		 options_len, extensions_len;
	bool		 other_key, no_signer, no_signature;
};

static const struct plan good = { .type = SSHCERT_TYPE, .kind = SSHCERT_USER,
	.principals = { "Alice@Contoso.example" },
	.after = NOW - 300, .before = NOW + 3600 };

static struct keys_rsa
key(void)
{
	struct keys_rsa k = { .nlen = 256, .elen = 3, .e = { 1, 0, 1 } };

	memset(k.n, 0xa5, k.nlen);
	return (k);
}

static void
add_number(struct secret *s, uint64_t n, size_t bytes)
{
	while (bytes-- > 0) {
		uint8_t b = (uint8_t)(n >> (8 * bytes));

		(void)text_append(s, &b, 1, SIZE_MAX - 1);
	}
}

static void
add(struct secret *s, const char *text)
{
	(void)sshwire_add_string(s, text, strlen(text));
}

static void
make(const struct plan *p, struct secret *out)
{
	struct secret list = SECRET_INIT;
	struct keys_rsa k = key();
	size_t i;

	secret_free(out);
	if (p->other_key)
		k.n[100]++;
	add(out, p->type);
	add(out, "nonce");
	(void)sshwire_add_mpint(out, k.e, k.elen);
	(void)sshwire_add_mpint(out, k.n, k.nlen);
	add_number(out, 7, 8);
	add_number(out, p->kind, 4);
	add(out, "the id");
	for (i = 0; i < 3 && p->principals[i] != NULL; i++)
		add(&list, p->principals[i]);
	(void)sshwire_add_string(out, list.data != NULL ? list.data : "",
	    list.len);
	add_number(out, p->after, 8);
	add_number(out, p->before, 8);
	(void)sshwire_add_string(out, p->options != NULL ? p->options : "",
	    p->options_len);
	(void)sshwire_add_string(out,
	    p->extensions != NULL ? p->extensions : "", p->extensions_len);
	add(out, "");
	add(out, p->no_signer ? "" : "a key");
	add(out, p->no_signature ? "" : "a signature");
	secret_free(&list);
}

/* From a block without a byte to spare. */
static int
parse(const struct secret *blob, size_t len, struct sshcert *c, void **block)
{
	*block = malloc(len > 0 ? len : 1);
	memcpy(*block, blob->data, len);
	return (sshcert_parse(*block, len, c));
}

/* says: in the error; NULL: it is good. */
static void
checks(const char *what, struct plan p, const char *says)
{
	struct secret blob = SECRET_INIT;
	struct err e = ERR_INIT;
	struct keys_rsa k = key();
	char user[SSHUSER_MAX + 1] = "";
	struct sshcert c;
	void *block;
	int rc;

	make(&p, &blob);
	rc = parse(&blob, blob.len, &c, &block);
	if (rc == 0 && (rc = sshcert_check(&c, &k, user, &e)) == 0)
		rc = sshcert_check_dates(&c, NOW, &e);
	ok(says == NULL ? rc == 0 : rc == -1 && strstr(e.cause, says) != NULL,
	    "%s: %s", what, rc == 0 ? user : e.cause);
	free(block);
	secret_free(&blob);
}

static void
is_none(const char *what, struct plan p)
{
	struct secret blob = SECRET_INIT;
	struct sshcert c;
	void *block;

	make(&p, &blob);
	ok(parse(&blob, blob.len, &c, &block) == -1, "none: %s", what);
	free(block);
	secret_free(&blob);
}

static void
a_good_one(void)
{
	struct secret blob = SECRET_INIT;
	struct sshcert c;
	struct plan p = good;
	void *block;
	size_t len;
	int wrong = 0;

	p.principals[1] = "another";
	make(&p, &blob);
	ok(parse(&blob, blob.len, &c, &block) == 0 && c.serial == 7 &&
	    c.type == SSHCERT_USER && sshspan_is(c.key_id, "the id") &&
	    sshspan_is(c.principal, "Alice@Contoso.example") &&
	    c.valid_after == NOW - 300 && c.valid_before == NOW + 3600,
	    "all that is in it");
	ok(sshcert_due(&c) == NOW - 300 + 3120, "due after 80 %% of its life");
	free(block);
	for (len = 0; len < blob.len; len++) {
		wrong += parse(&blob, len, &c, &block) == 0;
		free(block);
	}
	ok(wrong == 0, "none of its beginnings is one");
	(void)text_append(&blob, "", 1, SIZE_MAX - 1);
	ok(parse(&blob, blob.len, &c, &block) == -1, "nor with a byte more");
	free(block);
	secret_free(&blob);
}

/* The good one with one thing changed. */
#define WITH(member, value)	(p = good, p.member = (value), p)

static void
shapes(void)
{
	struct plan p = good;

	is_none("a key", WITH(type, "ssh-rsa"));
	is_none("of another kind",
	    WITH(type, "ssh-ed25519-cert-v01@openssh.com"));
	is_none("signed by nobody", WITH(no_signer, true));
	is_none("without signature", WITH(no_signature, true));
	checks("a good one", good, NULL);
	checks("for another key", WITH(other_key, true), "for another key");
	checks("a host's", WITH(kind, 2), "one for hosts");
	checks("of no kind", WITH(kind, 0), "one for hosts");
	p = good;
	p.options = "\0\0\0\1x";
	p.options_len = 5;
	is_none("half an option", p);
	p.options = "\0\0\0\1x\0\0\0";
	p.options_len = 9;
	checks("an option and its value", p, NULL);
	p.extensions = "\0\0\0\1x\0\0\0\2y";
	p.extensions_len = 10;
	is_none("a list that does not end", p);
	p = good;
	p.principals[0] = NULL;
	checks("without principal", p, "for nobody");
	p.principals[0] = "";
	checks("an empty principal", p, "for nobody");
}

static void
principals(void)
{
	static const char *const bad[] = { "-oProxyCommand=x", "a b", "a\nHost *",
	    "a\"b", "a'b", "$(id)", "`id`", "%h", "a\\b", "a;b", "*", "a,b",
	    "m\xc3\xbcller", "a/b", "~a", "@b", "#x", ".a" };
	static const char *const fine[] = { "a", "alice@contoso.example",
	    "bob_gmail.com#EXT#@contoso.onmicrosoft.com", "x-y+z.1",
	    "5f0e0f5b-41f4-4c8e-92f5-0b1f6f1b5a3e" };
	char longest[SSHUSER_MAX + 2];
	struct plan p = good;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		p.principals[0] = bad[i];
		checks("a bad principal", p, "cannot be a User");
	}
	for (i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		p.principals[0] = fine[i];
		checks("a principal", p, NULL);
	}
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	p.principals[0] = longest;
	checks("too long a principal", p, "cannot be a User");
	longest[SSHUSER_MAX] = '\0';
	checks("the longest", p, NULL);
}

static void
dates(void)
{
	static const struct {
		uint64_t after, before;
		const char *says;
	} cases[] = {
		{ NOW - 300, NOW + 3600, NULL },
		{ NOW + 300, NOW + 3600, NULL },
		{ NOW + 301, NOW + 3900, "our clock says 2027-01-15T08:00:00Z" },
		{ NOW - 3600, NOW, "our clock says" },
		{ NOW - 3600, NOW + 1, NULL },
		{ NOW + 3600, NOW - 3600, "our clock says" },
		{ 0, UINT64_MAX, NULL },
		{ UINT64_MAX, UINT64_MAX, "our clock says" },
		{ 0, 0, "our clock says" },
	};
	struct sshcert c = { .valid_after = 0, .valid_before = INT64_MAX };
	struct plan p = good;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		p.after = cases[i].after;
		p.before = cases[i].before;
		checks("dates", p, cases[i].says);
	}
	ok(sshcert_due(&c) > NOW, "one for good is not due");
	c = (struct sshcert){ .valid_after = 100, .valid_before = 50 };
	ok(sshcert_due(&c) == 100, "one that ends before it begins is due");
	c = (struct sshcert){ .valid_after = 100, .valid_before = 103 };
	ok(sshcert_due(&c) <= 103, "a short one is due before its end");
}

/* --- keys --- */

static void
jwk(void)
{
	struct keys_rsa k = { .nlen = 2, .n = { 0xff, 0xfe }, .elen = 3,
		.e = { 1, 0, 1 } };
	struct secret text = SECRET_INIT;
	char id[SHA256_HEX + 1], sum[SHA256_HEX + 1], want[200];

	crypto_sha256_hex("__4AQAB", 7, sum);
	(void)snprintf(want, sizeof(want), "{\"kty\":\"RSA\",\"n\":\"__4\","
	    "\"e\":\"AQAB\",\"kid\":\"%s\"}", sum);
	ok(sshkey_jwk(&k, &text, id) == 0 && strcmp(id, sum) == 0 &&
	    strcmp(text.data, want) == 0, "a JWK: %s", want);
	secret_free(&text);
}

static void
refused(const char *what, const char *text, const char *says)
{
	struct secret s = SECRET_INIT;
	struct err e = ERR_INIT;
	struct keys_rsa k;

	(void)secret_set(&s, text, strlen(text));
	ok(sshkey_read(&s, "F", &k, &e) == -1 && strcmp(e.id, "E314") == 0 &&
	    strstr(e.cause, says) != NULL, "%s: %s", what, e.cause);
	secret_free(&s);
}

static void
keys(void)
{
	struct secret pem = SECRET_INIT, line = SECRET_INIT;
	struct err e = ERR_INIT;
	struct keys_rsa k = { .nlen = 0 };

	ok(keys_rsa_make(&pem, &e) == 0 && sshkey_read(&pem, "F", &k, &e) == 0
	    && k.nlen == KEYS_RSA_BITS / 8 && k.elen == 3,
	    "a key is made and read");
	ok(sshkey_public_line(&k, &line) == 0 &&
	    sshkey_is_public_line(&k, &line), "its public half");
	k.n[0] ^= 1;
	ok(!sshkey_is_public_line(&k, &line), "is not another's");
	refused("nothing", "", "holds no private key");
	refused("text", "hello\n", "holds no private key");
	refused("a public key", line.data, "holds no private key");
	refused("no body", "-----BEGIN OPENSSH PRIVATE KEY-----\n"
	    "-----END OPENSSH PRIVATE KEY-----\n", "holds no private key");
	refused("no end", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n",
	    "holds no private key");
	refused("half a key", "-----BEGIN RSA PRIVATE KEY-----\nMIIG\n"
	    "-----END RSA PRIVATE KEY-----\n", "holds no private key");
	secret_free(&pem);
	secret_free(&line);
}

int
main(void)
{
	a_good_one();
	shapes();
	principals();
	dates();
	jwk();
	keys();
	return (done_testing());
}
