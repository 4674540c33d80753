/*
 * RSA keys as ssh keeps them, see sshkey.h.
 */
#include <stdio.h>
#include <string.h>

#include "auth/sshkey.h"
#include "auth/sshwire.h"
#include "auth/text.h"
#include "relay/err.h"
#include "relay/secret.h"

#define RSA		"ssh-rsa"
#define BEGIN		"-----BEGIN OPENSSH PRIVATE KEY-----"
#define END		"-----END OPENSSH PRIVATE KEY-----"
#define MAGIC		"openssh-key-v1"	/* PROTOCOL.key; its NUL counts */
#define TYPE_SHOWN	40

/* What a file holds, when it is not what we want. */
struct found {
	enum keys_rsa_result	result;
	char			type[TYPE_SHOWN];	/* "ssh-ed25519"; or "" */
};

static enum keys_rsa_result
read_blob(struct sshspan blob, struct keys_rsa *k, struct found *f)
{
	struct sshwire w = sshwire_of(blob.at, blob.len);
	struct sshspan type = sshwire_string(&w), e, n;

	if (!sshspan_is(type, RSA)) {
		(void)snprintf(f->type, sizeof(f->type), "%.*s",
		    (int)(type.len < TYPE_SHOWN ? type.len : TYPE_SHOWN - 1),
		    (const char *)type.at);
		return (w.bad ? KEYS_RSA_NONE : KEYS_RSA_OTHER);
	}
	e = sshwire_mpint(&w);
	n = sshwire_mpint(&w);
	if (!sshwire_is_done(&w))
		return (KEYS_RSA_NONE);
	if (!keys_rsa_fits(n.at, n.len, e.len))
		return (KEYS_RSA_WEAK);
	memcpy(k->n, n.at, k->nlen = n.len);
	memcpy(k->e, e.at, k->elen = e.len);
	return (KEYS_RSA_READ);
}

/* The public half stands in front of the private one, which we leave alone. */
static enum keys_rsa_result
read_body(const uint8_t *data, size_t len, struct keys_rsa *k, struct found *f)
{
	struct sshwire w;
	bool encrypted;

	if (len < sizeof(MAGIC) || memcmp(data, MAGIC, sizeof(MAGIC)) != 0)
		return (KEYS_RSA_NONE);
	w = sshwire_of(data + sizeof(MAGIC), len - sizeof(MAGIC));
	encrypted = !sshspan_is(sshwire_string(&w), "none");
	(void)sshwire_string(&w);	/* how a password becomes a key */
	(void)sshwire_string(&w);
	if (sshwire_u32(&w) != 1 || w.bad)
		return (KEYS_RSA_NONE);
	if ((f->result = read_blob(sshwire_string(&w), k, f)) != KEYS_RSA_READ)
		return (f->result);
	return (sshwire_string(&w).len == 0 || !sshwire_is_done(&w) ?
	    KEYS_RSA_NONE : encrypted ? KEYS_RSA_ENCRYPTED : KEYS_RSA_READ);
}

static enum keys_rsa_result
read_openssh(const struct secret *text, const char *begin, struct keys_rsa *k,
    struct found *f)
{
	const char *body = begin + strlen(BEGIN), *end = strstr(body, END);
	size_t len = end != NULL ? (size_t)(end - body) : 0;
	uint8_t *data = secret_malloc(text->len);
	enum keys_rsa_result result = KEYS_RSA_NONE;
	ptrdiff_t n;

	if (data != NULL && len > 0 &&
	    (n = crypto_unbase64(body, len, data, text->len)) > 0)
		result = read_body(data, (size_t)n, k, f);
	secret_mfree(data);
	return (result);
}

static int
refuse(const struct found *f, const char *name, struct err *e)
{
	switch (f->result) {
	case KEYS_RSA_READ:
		return (0);
	case KEYS_RSA_ENCRYPTED:
		err_set(e, EX_DATAERR, "E314", "the key in %s is encrypted, "
		    "and nobody is asked for its passphrase", name);
		break;
	case KEYS_RSA_OTHER:
		err_set(e, EX_DATAERR, "E314", "the key in %s is %s: Entra "
		    "signs RSA only", name,
		    f->type[0] != '\0' ? f->type : "of another kind");
		break;
	case KEYS_RSA_WEAK:
		err_set(e, EX_DATAERR, "E314", "the RSA key in %s has less "
		    "than 2048 or more than %d bits", name, 8 * KEYS_RSA_MAX);
		break;
	case KEYS_RSA_NONE:
		err_set(e, EX_DATAERR, "E314", "%s holds no private key that "
		    "can be read", name);
		break;
	}
	return (err_fix(e, "move it away, or choose another file, where a key "
	    "will be made: arc-relay cert --file FILE"));
}

int
sshkey_read(const struct secret *text, const char *name, struct keys_rsa *k,
    struct err *e)
{
	struct found f = { .result = KEYS_RSA_NONE };
	const char *begin = text->data != NULL ? strstr(text->data, BEGIN) :
	    NULL;

	*k = (struct keys_rsa){ .nlen = 0 };
	f.result = begin != NULL ? read_openssh(text, begin, k, &f) :
	    keys_rsa_read(text, k);
	return (refuse(&f, name, e));
}

static int
make_blob(const struct keys_rsa *k, struct secret *out)
{
	if (sshwire_add_string(out, RSA, strlen(RSA)) == -1 ||
	    sshwire_add_mpint(out, k->e, k->elen) == -1)
		return (-1);
	return (sshwire_add_mpint(out, k->n, k->nlen));
}

int
sshkey_public_line(const struct keys_rsa *k, struct secret *out)
{
	char text[BASE64_SIZE(KEYS_RSA_MAX + 64)];
	char line[sizeof(text) + 32];
	struct secret blob = SECRET_INIT;
	int rc = -1;

	if (make_blob(k, &blob) == 0) {
		crypto_base64(blob.data, blob.len, text);
		rc = snprintf(line, sizeof(line), RSA " %s arc-relay\n", text);
		rc = secret_set(out, line, (size_t)rc);
	}
	secret_free(&blob);
	return (rc);
}

bool
sshkey_is_public_line(const struct keys_rsa *k, const struct secret *line)
{
	struct secret own = SECRET_INIT;
	size_t n;
	bool is;

	if (line->data == NULL || sshkey_public_line(k, &own) == -1)
		return (false);
	/* the comment is whoever's who wrote it */
	n = own.len - strlen(" arc-relay\n");
	is = line->len >= n && memcmp(line->data, own.data, n) == 0 &&
	    (line->len == n || strchr(" \r\n", line->data[n]) != NULL);
	secret_free(&own);
	return (is);
}

int
sshkey_jwk(const struct keys_rsa *k, struct secret *jwk,
    char id[SHA256_HEX + 1])
{
	char n[BASE64_SIZE(KEYS_RSA_MAX)], e[BASE64_SIZE(KEYS_RSA_E_MAX)];
	char text[sizeof(n) + sizeof(e) + SHA256_HEX + 64];
	int len;

	crypto_base64url(k->n, k->nlen, n);
	crypto_base64url(k->e, k->elen, e);
	len = snprintf(text, sizeof(text), "%s%s", n, e);
	crypto_sha256_hex(text, (size_t)len, id);
	len = snprintf(text, sizeof(text), "{\"kty\":\"RSA\",\"n\":\"%s\","
	    "\"e\":\"%s\",\"kid\":\"%s\"}", n, e, id);
	return (secret_set(jwk, text, (size_t)len));
}
