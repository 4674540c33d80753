/*
 * An SSH certificate that is good now, see sshcert_ensure.h.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/cache.h"
#include "auth/cloud.h"
#include "auth/entry.h"
#include "auth/flight.h"
#include "auth/identity.h"
#include "auth/keys_rsa.h"
#include "auth/sshcert_ensure.h"
#include "auth/sshkey.h"
#include "auth/token.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/log.h"

struct asked {
	const struct sshcert_request *r;
	struct sshcert_got	*out;
	struct keys_rsa		 key;
	char			 mark[SSHCERT_MARK + 1];
};

static int
make_mark(struct asked *a, struct err *e)
{
	char identity[SHA256_HEX + 1], sum[SHA256_HEX + 1];
	char text[sizeof(identity) + 32];
	int len;

	identity_hash(a->r->cloud, a->r->credential, a->r->tenant, identity);
	if (identity[0] == '\0')
		return (err_set(e, EX_CONFIG, "", "the AZURE_ variables are "
		    "longer than can be true"));
	len = snprintf(text, sizeof(text), "ssh certificate\n%s", identity);
	crypto_sha256_hex(text, (size_t)len, sum);
	(void)snprintf(a->mark, sizeof(a->mark), "%.*s", SSHCERT_MARK, sum);
	return (0);
}

/* Is there a certificate that is valid, ours, and for the key and identity? */
static int
load(struct asked *a)
{
	const struct sshcert_kept *kept = &a->out->kept;
	struct err e = ERR_INIT;
	int64_t now = time(NULL);

	if (sshcert_files_key(&a->out->files, &a->key, &e) != 0 ||
	    sshcert_files_load(&a->out->files, &a->key, &a->out->kept) == -1)
		return (-1);
	return (strcmp(kept->mark, a->mark) == 0 &&
	    now < kept->cert.valid_before &&
	    now >= kept->cert.valid_after - SSHCERT_SKEW_S ? 0 : -1);
}

static bool
is_due(const struct asked *a)
{
	return (time(NULL) >= sshcert_due(&a->out->kept.cert));
}

/* One that is due counts as one that is soon over: flight.h renews it. */
static int
look(void *arg, struct entry *x)
{
	struct asked *a = arg;
	int64_t later = time(NULL) + FLIGHT_REFRESH_S;

	if (load(a) == -1)
		return (-1);
	x->written_ms = 0;
	x->expires = a->out->kept.cert.valid_before;
	if (!is_due(a))
		x->expires = later + 60;
	else if (x->expires > later)
		x->expires = later;
	return (0);
}

static int
find_key(struct asked *a, struct err *e)
{
	int rc = sshcert_files_key(&a->out->files, &a->key, e);

	return (rc == 1 ? sshcert_files_make_key(&a->out->files, &a->key, e) :
	    rc);
}

static int
ask(struct asked *a, struct token *t, struct err *e)
{
	struct secret jwk = SECRET_INIT;
	char id[SHA256_HEX + 1];
	int rc = -1;

	if (sshkey_jwk(&a->key, &jwk, id) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	else {
		const struct token_ssh_key key = { jwk.data, id };
		const struct token_request q = {
			.cloud = a->r->cloud, .credential = a->r->credential,
			.tenant = a->r->tenant, .ssh_key = &key,
		};

		rc = token_get(&q, t, e);
	}
	secret_free(&jwk);
	return (rc);
}

/* Written here and not in keep, which is left out when a lock is stuck. */
static int
fetch(void *arg, struct err *e)
{
	struct asked *a = arg;
	struct sshcert_kept *kept = &a->out->kept;
	struct token t = TOKEN_INIT;
	int rc = -1;

	if (find_key(a, e) == 0 && ask(a, &t, e) == 0 &&
	    sshcert_kept_read(t.text.data, t.text.len, &a->key, kept, e) == 0 &&
	    sshcert_check_dates(&kept->cert, time(NULL), e) == 0) {
		memcpy(kept->mark, a->mark, sizeof(kept->mark));
		rc = sshcert_files_save(&a->out->files, &a->key, kept, e);
	}
	token_free(&t);
	a->out->renewed = rc == 0;
	return (rc);
}

static int
keep(void *arg)
{
	(void)arg;
	return (0);
}

/*
 * Lock and failures lie in the folder for state, whatever is said of the cache.
 * The lock is the file's: two identities must not make two keys.
 */
static int
renew(struct asked *a, struct err *e)
{
	char network[SHA256_HEX + 1], depends[sizeof(network) + sizeof(a->mark)];
	struct cache c = { .folder = FOLDER_INIT };
	struct cache_key key = cache_key_file(a->out->files.key);
	const struct flight flight = {
		.cache = &c, .key = &key, .network = depends,
		.until_ms = clock_ms() + FLIGHT_WAIT_MS, .look = look,
		.fetch = fetch, .keep = keep, .arg = a,
	};
	int rc;

	(void)snprintf(depends, sizeof(depends), "%s%s",
	    cache_network(&a->r->cloud->net, network), a->mark);
	(void)folder_open_state(&c.folder);
	rc = flight_run(&flight, e);
	cache_close(&c);
	if (rc == 0 && e->status == 0)
		return (0);
	if (load(a) == 0) {
		log_verbose("the certificate is not renewed: %s", e->cause);
		*e = (struct err)ERR_INIT;
		return (0);
	}
	return (rc);
}

int
sshcert_ensure(const struct sshcert_request *r, struct sshcert_got *out,
    struct err *e)
{
	struct asked a = { .r = r, .out = out };

	if (sshcert_files_open(&out->files, r->file, e) == -1 ||
	    make_mark(&a, e) == -1 ||
	    ((load(&a) == -1 || is_due(&a)) && renew(&a, e) == -1))
		return (-1);
	/* after the waiting and the asking: what will ssh find? */
	if (load(&a) == -1) {
		err_set(e, EX_TEMPFAIL, "", "the certificate was changed while "
		    "it was renewed");
		return (err_fix(e, "try again"));
	}
	return (sshcert_files_complete(&out->files, &a.key, &out->kept, e));
}

void
sshcert_got_free(struct sshcert_got *g)
{
	sshcert_kept_free(&g->kept);
	sshcert_files_close(&g->files);
}
