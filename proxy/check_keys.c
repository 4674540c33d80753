/*
 * Checks of what one logs in with: private keys, and a certificate of Entra's.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/keys_rsa.h"
#include "auth/sshcert_files.h"
#include "proxy/check.h"
#include "proxy/check_ssh.h"
#include "proxy/cmd_options.h"
#include "relay/err.h"

#define CERTIFICATE	"id_rsa-cert.pub"

struct keys {
	const struct check_out	*out;
	size_t			 n, bad;
};

static void
on_key(void *arg, const char *path, const struct stat *st, mode_t never)
{
	struct keys *k = arg;
	struct config_places p;
	char shown[PATH_MAX];
	struct err e = ERR_INIT;

	if (never != CHECK_MODE_KEY || !S_ISREG(st->st_mode))
		return;
	k->n++;
	if ((st->st_mode & never) == 0)
		return;
	k->bad++;
	if (config_places(NULL, &p, &e) == 0)
		path = config_tilde(&p, path, shown);
	err_set(&e, EX_CONFIG, "E708", "others can read the private key %s, and "
	    "ssh does not use such a key", path);
	err_fix(&e, "chmod 600 %s", path);
	check_failed(k->out, &e, CURE_MODES);
}

/* Whoever has a Match exec for it has it renewed when it is needed. */
static void
tell_certificate(const struct sshcert *c, bool is_renewed,
    const struct check_out *out)
{
	int64_t now = time(NULL);
	char when[CMD_TIME_MAX];
	struct err e = ERR_INIT;

	if (now < c->valid_after - SSHCERT_SKEW_S) {
		err_set(&e, EX_CONFIG, "E111", "the certificate for ssh is good "
		    "from %s on only: the clock here, or then, is wrong",
		    cmd_local(c->valid_after, when));
		err_fix(&e, "sudo timedatectl set-ntp true");
		check_warned(out, &e, CURE_NONE);
	} else if (now < c->valid_before)
		check_ok(out, "certificate of Entra's until %s",
		    cmd_local(c->valid_before, when));
	else if (is_renewed)
		check_ok(out, "certificate of Entra's, over since %s: ssh will "
		    "have it renewed", cmd_local(c->valid_before, when));
	else {
		err_set(&e, EX_NOUSER, "E704", "the certificate for ssh is over "
		    "since %s", cmd_local(c->valid_before, when));
		err_fix(&e, "arc-relay cert ensure");
		check_warned(out, &e, CURE_CERTIFICATE);
	}
}

/* Returns false when there is none of ours. */
static bool
check_certificate(const struct check_env *env, const struct check_out *out)
{
	struct sshcert_files f = { .folder = FOLDER_INIT };
	struct sshcert_kept kept = SSHCERT_KEPT_INIT;
	struct keys_rsa k;
	struct check_blocks b;
	struct err e = ERR_INIT;
	bool is_there;

	is_there = sshcert_files_open(&f, NULL, &e) == 0 &&
	    folder_has(&f.folder, CERTIFICATE);
	if (is_there && (sshcert_files_key(&f, &k, &e) != 0 ||
	    sshcert_files_load(&f, &k, &kept) == -1)) {
		err_set(&e, EX_NOUSER, "E704", "the certificate for ssh, %s, "
		    "cannot be used with its key", f.certificate);
		err_fix(&e, "arc-relay cert ensure");
		check_warned(out, &e, CURE_CERTIFICATE);
	} else if (is_there)
		tell_certificate(&kept.cert, check_blocks(env, &b, &e) == 0 &&
		    b.has_certificate, out);
	sshcert_kept_free(&kept);
	sshcert_files_close(&f);
	return (is_there);
}

void
check_keys(const struct check_env *env, const struct check_out *out)
{
	struct keys k = { .out = out };
	bool has_certificate;

	check_modes(env, on_key, &k);
	has_certificate = check_certificate(env, out);
	if (k.n > 0 && k.bad == 0)
		check_ok(out, "%zu private key%s that nobody else can read", k.n,
		    k.n == 1 ? "" : "s");
	else if (k.n == 0 && !has_certificate)
		check_noted(out, "no private key is in ~/.ssh; one may be in an "
		    "agent");
}
