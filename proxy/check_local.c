/*
 * What arc-relay doctor looks at on this computer: ssh, its configuration and our
 * part of it, clock, cache.  See check.h.
 */
#include <stdio.h>
#include <string.h>

#include "auth/child.h"
#include "proxy/check.h"
#include "relay/err.h"
#include "relay/secret.h"

#define SSH_MS		5000	/* ssh answers in a few */
#define OUTPUT_MAX	(64 * 1024)

/* --- ssh --- */

/* Runs a program of OpenSSH.  Returns 0 with status and what it said, or -1. */
static int
ask_ssh(const char *const argv[], struct secret *out, struct secret *said,
    int *status, struct err *e)
{
	switch (child_run(argv, SSH_MS, OUTPUT_MAX, out, said, status)) {
	case CHILD_ENDED:
		return (0);
	case CHILD_ABSENT:
		err_set(e, EX_NOINPUT, "E101", "there is no ssh on PATH");
		return (err_fix(e, "sudo apt install openssh-client"));
	case CHILD_LATE:
		err_set(e, EX_TEMPFAIL, "", "%s %s did not answer in %d s",
		    argv[0], argv[1], SSH_MS / 1000);
		return (err_fix(e, "see which ssh is first on PATH: "
		    "command -v ssh"));
	case CHILD_BROKEN:
		break;
	}
	return (err_sys(e, EX_OSERR, "", "cannot run %s", argv[0]));
}

static void
judge_version(const char *text, const struct check_out *out)
{
	struct err e = ERR_INIT;
	int major, minor, len = (int)strcspn(text, ",\r\n");

	if (sscanf(text, "OpenSSH_%d.%d", &major, &minor) != 2) {
		err_set(&e, EX_CONFIG, "", "the ssh on PATH is not OpenSSH: "
		    "%.*s", len, text);
		err_fix(&e, "sudo apt install openssh-client");
		check_warned(out, &e, CURE_NONE);
	} else if (major < 7 || (major == 7 && minor < 3)) {
		err_set(&e, EX_CONFIG, "", "%.*s cannot read Include, which is "
		    "how it finds the machines", len, text);
		err_fix(&e, "OpenSSH 7.3 or later");
		check_failed(out, &e, CURE_NONE);
	} else if (major == 7 && minor < 8) {
		err_set(&e, EX_CONFIG, "E703", "%.*s cannot log in with an RSA "
		    "certificate to OpenSSH 8.8 or later", len, text);
		err_fix(&e, "OpenSSH 7.8 or later, or a key in place of the "
		    "certificate");
		check_warned(out, &e, CURE_NONE);
	} else
		check_ok(out, "%.*s", len, text);
}

void
check_ssh_version(const struct check_env *env, const struct check_out *out)
{
	static const char *const argv[] = { "ssh", "-V", NULL };
	struct secret text = SECRET_INIT, said = SECRET_INIT;
	struct err e = ERR_INIT;
	int status;

	(void)env;
	if (ask_ssh(argv, &text, &said, &status, &e) == -1)
		check_failed(out, &e, CURE_NONE);
	else
		judge_version(said.data != NULL ? said.data : "", out);
	secret_free(&text);
	secret_free(&said);
}
