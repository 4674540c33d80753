/*
 * Checks of ssh's configuration: does ssh take it, does it lead to us, and is what
 * it runs there?  See check.h.
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/text.h"
#include "proxy/beside.h"
#include "proxy/check.h"
#include "proxy/check_cure.h"
#include "proxy/check_ssh.h"
#include "proxy/sshconf_include.h"
#include "proxy/sshconf_try.h"
#include "proxy/trusted.h"
#include "relay/err.h"
#include "relay/secret.h"

#define CONFIG_MAX	(64u * 1024 * 1024)	/* bytes */
#define REFUSED		"Bad owner or permissions on "
#define DEADLINE_S	120	/* of arc-relay-proxy, when nothing is said */

/* --- does ssh take it? --- */

/* Whoever else may write it, root may. */
static void
refuse_file(const struct config_places *p, const char *path,
    const struct check_out *out)
{
	struct err e = ERR_INIT;
	char shown[PATH_MAX];
	struct stat st;
	bool ours = stat(path, &st) == 0 && st.st_uid == getuid();

	(void)config_tilde(p, path, shown);
	if (ours) {
		err_set(&e, EX_CONFIG, "E107", "ssh refuses %s, because others "
		    "can write it", shown);
		err_fix(&e, "see that it is as you left it, then: chmod 600 %s",
		    shown);
	} else {
		err_set(&e, EX_CONFIG, "E107", "ssh refuses %s, because it "
		    "belongs to somebody else", shown);
		err_fix(&e, "see that it is as you left it, then: sudo chown "
		    "$USER %s", shown);
	}
	/* another file of the user's is the user's to judge */
	check_failed(out, &e, ours && (strcmp(path, p->config) == 0 ||
	    strcmp(path, p->ours) == 0) ? CURE_MODES : CURE_NONE);
}

static void
refused(const struct config_places *p, const struct secret *said,
    const struct check_out *out)
{
	struct err e = ERR_INIT;
	char path[PATH_MAX];
	const char *line, *at;
	int len;

	line = sshconf_try_telling(said, &len);
	at = memmem(line, (size_t)len, REFUSED, strlen(REFUSED));
	if (at != NULL) {
		at += strlen(REFUSED);
		(void)snprintf(path, sizeof(path), "%.*s",
		    (int)(line + len - at), at);
		refuse_file(p, path, out);
		return;
	}
	err_set(&e, EX_CONFIG, "", "ssh cannot read its configuration: %.*s",
	    len, line);
	err_fix(&e, memmem(line, (size_t)len, "open user config", 16) != NULL ?
	    "see that it is a file that you can read: no ssh works until then" :
	    "correct that line: no ssh works until then");
	check_failed(out, &e, CURE_NONE);
}

struct folders {
	const struct config_places	*p;
	const struct check_out		*out;
};

static void
on_folder(void *arg, const char *path, const struct stat *st, mode_t never)
{
	const struct folders *x = arg;
	struct err e = ERR_INIT;
	char shown[PATH_MAX];

	(void)config_tilde(x->p, path, shown);
	if (!S_ISDIR(st->st_mode) || (st->st_mode & never) == 0)
		return;
	err_set(&e, EX_CONFIG, "E107", "others can write the folder %s and so "
	    "replace what is in it", shown);
	err_fix(&e, "chmod 700 %s", shown);
	check_warned(x->out, &e, CURE_MODES);
}

/* ssh goes by passwd(5). */
static void
check_home(const struct config_places *p, const struct check_out *out)
{
	const struct passwd *me = getpwuid(getuid());
	struct err e = ERR_INIT;

	if (me == NULL || strcmp(me->pw_dir, p->home) == 0)
		return;
	err_set(&e, EX_CONFIG, "", "ssh takes its configuration from %.80s/.ssh, "
	    "and HOME is %.80s", me->pw_dir, p->home);
	err_fix(&e, "export HOME=%s", me->pw_dir);
	check_warned(out, &e, CURE_NONE);
}

void
check_ssh_files(const struct check_env *env, const struct check_out *out)
{
	struct secret answer = SECRET_INIT, said = SECRET_INIT;
	struct config_places p;
	struct folders folders = { &p, out };
	struct err e = ERR_INIT;
	int status;

	if (config_places(NULL, &p, &e) == -1) {
		check_failed(out, &e, CURE_NONE);
		return;
	}
	check_home(&p, out);
	check_modes(env, on_folder, &folders);
	if (access(p.config, F_OK) == -1)
		check_ok(out, "there is no ~/.ssh/config that ssh could refuse");
	else if (check_ssh_config(&p, "a.host.of.nobody.invalid", &answer,
	    &said, &status, &e) == -1)
		check_failed(out, &e, CURE_NONE);
	else if (status != 0)
		refused(&p, &said, out);
	else
		check_ok(out, "ssh reads ~/.ssh/config");
	secret_free(&answer);
	secret_free(&said);
}

/* --- does it lead to us? --- */

/* A failure that arc-relay config install cures, with the options that it had. */
static void
fail_install(const struct check_env *env, const struct check_out *out,
    struct err *e)
{
	char shown[sizeof(e->fix)];
	struct cure_command c;
	struct err unused = ERR_INIT;

	if (cure_command(CURE_CONFIG, env, &c, &unused) == -1 ||
	    strlen(cure_shown(&c, shown, sizeof(shown))) == sizeof(shown) - 1)
		err_fix(e, "arc-relay config install, with the options that it "
		    "had");
	else
		err_fix(e, "%s", shown);
	check_failed(out, e, CURE_CONFIG);
}

/* Is our file read, and for every host?  Returns 0; or -1 with the failure told. */
static int
check_include(const struct check_env *env, const struct check_blocks *b,
    const struct check_out *out)
{
	struct secret text = SECRET_INIT;
	struct include_place at = { .line = 0 };
	struct err e = ERR_INIT;
	char ours[PATH_MAX];

	if (text_read_regular(b->p.config, CONFIG_MAX, false, &text) == 0)
		include_find(&text, b->p.ours, b->p.home, b->p.ssh, &at);
	secret_free(&text);
	if (at.line > 0 && at.block == 0)
		return (0);
	if (at.line == 0)
		err_set(&e, EX_CONFIG, "E108", "nothing in ~/.ssh/config "
		    "includes %s", config_tilde(&b->p, b->p.ours, ours));
	else
		err_set(&e, EX_CONFIG, "E108", "the Include in line %zu of "
		    "~/.ssh/config belongs to line %zu, \"%.60s\", and is not "
		    "read for other hosts", at.line, at.block, at.head);
	fail_install(env, out, &e);
	return (-1);
}

static void
check_deadline(const struct secret *answer, const char *command,
    const char *host, const struct check_out *out)
{
	const char *option = strstr(command, "--deadline");
	char text[40];
	long timeout, deadline = DEADLINE_S;
	struct err e = ERR_INIT;

	(void)sshconf_try_value(answer, "connecttimeout", 0, text,
	    sizeof(text));
	timeout = strtol(text, NULL, 10);
	if (option != NULL)
		deadline = strtol(option + strcspn(option, " ="), NULL, 10);
	if (timeout <= 0 || deadline <= 0 || deadline < timeout)
		return;
	err_set(&e, EX_TEMPFAIL, "E706", "ssh gives %.80s up after %ld s "
	    "(ConnectTimeout), before arc-relay-proxy can tell why (--deadline "
	    "%ld)", host, timeout, deadline);
	err_fix(&e, "ConnectTimeout 120 for it, above what sets another");
	check_warned(out, &e, CURE_NONE);
}

/* The program of a ProxyCommand, without quotes; how long it is. */
static size_t
program_of(const char **command)
{
	if (strncmp(*command, "exec ", 5) == 0)
		*command += 5;
	if (**command == '\'' || **command == '"')
		return (strcspn(++*command, "'\""));
	return (strcspn(*command, " "));
}

static bool
ends_in(const char *text, size_t len, const char *end)
{
	size_t n = strlen(end);

	return (len >= n && memcmp(text + len - n, end, n) == 0);
}

/* Can ssh run it, in whatever environment?  cure: if it is not there. */
static int
check_program(const char *command, const char *host, enum check_cure cure,
    const struct check_out *out)
{
	struct err e = ERR_INIT;
	char path[PATH_MAX];
	size_t len = program_of(&command);

	(void)snprintf(path, sizeof(path), "%.*s", (int)len, command);
	if (path[0] != '/') {
		err_set(&e, EX_UNAVAILABLE, "E109", "the ProxyCommand of %.80s "
		    "has no absolute path: %.80s", host, path);
		err_fix(&e, "give the whole path, or: arc-relay config install");
		check_warned(out, &e, CURE_NONE);
		return (-1);
	}
	if (trusted_program(path, &e) == 0)
		return (0);
	if (e.status == EX_NOPERM)
		check_warned(out, &e, CURE_NONE);
	else
		check_failed(out, &e, cure);
	return (-1);
}

/* What ssh makes of host; blocks are there, or a ProxyCommand of the user's. */
static void
judge(const struct check_env *env, const struct check_blocks *b,
    const char *host, const struct secret *answer,
    const struct check_out *out)
{
	char command[1400], word[80], ours[PATH_MAX];
	const char *program = command;
	struct err e = ERR_INIT;
	size_t len;

	(void)sshconf_try_value(answer, "proxycommand", 0, command,
	    sizeof(command));
	len = program_of(&program);
	if (command[0] == '\0') {
		err_set(&e, EX_CONFIG, "", "ssh knows no way to %.80s: it is "
		    "not in %.120s", host, config_tilde(&b->p, b->p.ours, ours));
		fail_install(env, out, &e);
		return;
	}
	if (!ends_in(program, len, BESIDE_PROXY)) {
		err_set(&e, EX_CONFIG, "E108", "ssh takes another ProxyCommand "
		    "for %.80s: %.100s", host, command);
		err_fix(&e, "take it away from ~/.ssh/config, for this host");
		check_failed(out, &e, CURE_NONE);
		return;
	}
	if (strcmp(sshconf_try_value(answer, "proxyusefdpass", 0, word,
	    sizeof(word)), "yes") == 0) {
		err_set(&e, EX_CONFIG, "E110", "ProxyUseFdpass is on for %.80s, "
		    "and arc-relay-proxy passes no descriptor", host);
		err_fix(&e, "remove ProxyUseFdpass from ~/.ssh/config, for this "
		    "host");
		check_failed(out, &e, CURE_NONE);
	}
	check_deadline(answer, command, host, out);
	if (check_program(command, host, b->is_there ? CURE_CONFIG : CURE_NONE,
	    out) == 0)
		check_ok(out, "%.80s goes through %.*s", host, (int)len,
		    program);
}

static void
ask(const struct check_env *env, const struct check_blocks *b,
    const struct check_out *out)
{
	struct secret answer = SECRET_INIT, said = SECRET_INIT;
	char host[TARGET_MAX + 8];
	struct err e = ERR_INIT;
	int status;

	check_host(env, b, host, sizeof(host));
	if (check_ssh_config(&b->p, host, &answer, &said, &status, &e) == -1)
		check_failed(out, &e, CURE_NONE);
	else if (status != 0)
		check_skipped(out, "ssh cannot read its configuration");
	else if (!b->is_there && sshconf_try_says(&answer, "proxycommand",
	    NULL))
		check_noted(out, "no machines are in ssh's configuration; to "
		    "have them there: arc-relay config install");
	else
		judge(env, b, host, &answer, out);
	secret_free(&answer);
	secret_free(&said);
}

void
check_config(const struct check_env *env, const struct check_out *out)
{
	struct check_blocks b;
	struct err e = ERR_INIT;
	char ours[PATH_MAX];

	if (check_blocks(env, &b, &e) == -1) {
		if (b.is_there)
			fail_install(env, out, &e);
		else
			check_failed(out, &e, CURE_NONE);
		return;
	}
	if (b.is_there && check_include(env, &b, out) == -1)
		return;
	if (b.is_there)
		check_ok(out, "%zu machine%s in %s%s", b.n, b.n == 1 ? "" : "s",
		    config_tilde(&b.p, b.p.ours, ours), b.has_wildcard ?
		    ", and *.arc" : "");
	ask(env, &b, out);
}
