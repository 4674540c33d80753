/*
 * Asking the real ssh about the user's configuration, see check_ssh.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "auth/child.h"
#include "auth/sshcert_files.h"
#include "auth/text.h"
#include "proxy/check.h"
#include "proxy/check_ssh.h"
#include "proxy/sshconf_include.h"
#include "proxy/sshconf_read.h"
#include "proxy/sshconf_try.h"
#include "relay/err.h"
#include "relay/secret.h"

#define SSH_MS		5000	/* ssh answers in a few */
#define OUTPUT_MAX	(256 * 1024)
#define CONFIG_MAX	(64u * 1024 * 1024)	/* bytes that are read of a file */
#define IDENTITIES_MAX	20

/* text: NULL, or what it reads as /dev/stdin. */
static int
ask(const char *const argv[], const char *text, struct secret *out,
    struct secret *said, int *status, struct err *e)
{
	enum child_result result = text != NULL ? child_run_on(argv, text,
	    SSH_MS, OUTPUT_MAX, out, said, status) : child_run(argv, SSH_MS,
	    OUTPUT_MAX, out, said, status);

	switch (result) {
	case CHILD_ENDED:
		return (0);
	case CHILD_ABSENT:
		err_set(e, EX_NOINPUT, "E101", "there is no ssh on PATH");
		return (err_fix(e, "sudo apt install openssh-client"));
	case CHILD_LATE:
		err_set(e, EX_TEMPFAIL, "", "ssh did not answer in %d s",
		    SSH_MS / 1000);
		return (err_fix(e, "see where it hangs: ssh -vvv -G web01.arc"));
	case CHILD_BROKEN:
		break;
	}
	return (err_sys(e, EX_OSERR, "", "cannot run ssh"));
}

int
check_ask_ssh(const char *const argv[], struct secret *out,
    struct secret *said, int *status, struct err *e)
{
	return (ask(argv, NULL, out, said, status, e));
}

/* What ssh reads with -F it takes from anybody; what that includes it does not. */
int
check_ssh_config(const struct config_places *p, const char *host,
    struct secret *answer, struct secret *said, int *status, struct err *e)
{
	/* SHELL runs each Match exec; and nobody's DNS shall be asked */
	const char *argv[] = { "env", "SHELL=/bin/false", "ssh", "-G", "-F",
	    "/dev/stdin", "-o", "CanonicalizeHostname=no", "--", host, NULL };
	char line[PATH_MAX + 16];

	if (include_check(p->config, e) == -1)
		return (-1);
	(void)snprintf(line, sizeof(line), "Include \"%s\"\n", p->config);
	return (ask(argv, line, answer, said, status, e));
}

/* --- our blocks --- */

struct reading {
	const struct check_env	*env;
	struct check_blocks	*b;
};

/* Is it the block of TARGET?  Its names are those that a person types. */
static bool
is_target(const struct check_env *env, const struct sshconf_block *block)
{
	const char *typed = env->target.text;
	size_t i, len = strlen(typed);

	if (!env->has_target)
		return (false);
	if (env->has_id || env->target.is_id)
		return (strcasecmp(block->target, env->id.text) == 0);
	for (i = 0; i < block->nalias; i++)
		if (strncasecmp(block->alias[i], typed, len) == 0 &&
		    (block->alias[i][len] == '\0' ||
		    strcmp(block->alias[i] + len, ".arc") == 0))
			return (true);
	return (false);
}

static int
on_block(void *arg, const struct sshconf_block *block, struct err *e)
{
	struct check_blocks *b = ((struct reading *)arg)->b;
	bool is = is_target(((struct reading *)arg)->env, block);

	(void)e;
	if (block->nalias == 0)
		b->has_wildcard = true;
	else
		b->n++;
	if (b->found || (!is && b->block.command[0] != '\0'))
		return (0);
	b->found = is;
	(void)snprintf(b->block.alias, sizeof(b->block.alias), "%s",
	    block->nalias > 0 ? block->alias[0] : "");
	(void)snprintf(b->block.command, sizeof(b->block.command), "%s",
	    block->command);
	(void)snprintf(b->block.proxy, sizeof(b->block.proxy), "%s",
	    block->proxy);
	return (0);
}

int
check_blocks(const struct check_env *env, struct check_blocks *b, struct err *e)
{
	struct reading r = { env, b };
	struct secret text = SECRET_INIT;
	int rc = 0;

	*b = (struct check_blocks){ .n = 0 };
	if (config_places(NULL, &b->p, e) == -1)
		return (-1);
	if (text_read_regular(b->p.ours, CONFIG_MAX, false, &text) == -1) {
		if (errno != ENOENT && errno != ENOTDIR)
			rc = err_sys(e, EX_NOINPUT, "", "cannot read %s",
			    b->p.ours);
	} else {
		b->is_there = true;
		b->has_certificate = text.data != NULL &&
		    strstr(text.data, " cert ensure") != NULL;
		rc = sshconf_read(text.data != NULL ? text.data : "", text.len,
		    on_block, &r, e);
	}
	secret_free(&text);
	return (rc);
}

void
check_host(const struct check_env *env, const struct check_blocks *b,
    char *out, size_t size)
{
	const char *typed = env->target.text;

	if (b->found && b->block.alias[0] != '\0')
		(void)snprintf(out, size, "%s", b->block.alias);
	else if (env->has_target && !env->target.is_id)
		(void)snprintf(out, size, "%s%s", typed,
		    target_suffix(typed)[0] != '\0' ? "" : ".arc");
	else if (env->has_target && env->has_id)
		(void)snprintf(out, size, "%s.arc", env->id.name);
	else
		(void)snprintf(out, size, "%s", b->block.alias[0] != '\0' ?
		    b->block.alias : "web01.arc");
}

/* --- modes --- */

struct modes {
	void	(*visit)(void *arg, const char *path, const struct stat *st,
		    mode_t never);
	void	*arg;
};

static void
visit(const struct modes *m, const char *path, mode_t never)
{
	struct stat st;

	/* of a key that is another's ssh asks less */
	if (stat(path, &st) == 0 &&
	    (never == CHECK_MODE_CONFIG || st.st_uid == getuid()))
		m->visit(m->arg, path, &st, never);
}

static void
visit_key(const struct modes *m, const struct config_places *p, const char *key)
{
	char path[2 * PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s%s", key[0] == '~' ? p->home : "",
	    key[0] == '~' ? key + 1 : key);
	visit(m, path, CHECK_MODE_KEY);
}

/* The keys that ssh would try for host; those of every host if it does not say. */
static void
visit_keys(const struct modes *m, const struct config_places *p,
    const char *host)
{
	static const char *const usual[] = { "~/.ssh/id_rsa", "~/.ssh/id_ecdsa",
	    "~/.ssh/id_ed25519" };
	struct secret answer = SECRET_INIT, said = SECRET_INIT;
	struct err e = ERR_INIT;
	char key[PATH_MAX];
	int status;
	size_t i;

	if (check_ssh_config(p, host, &answer, &said, &status, &e) == -1 ||
	    status != 0)
		for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
			visit_key(m, p, usual[i]);
	else
		for (i = 0; i < IDENTITIES_MAX && sshconf_try_value(&answer,
		    "identityfile", i, key, sizeof(key))[0] != '\0'; i++)
			visit_key(m, p, key);
	secret_free(&answer);
	secret_free(&said);
}

void
check_modes(const struct check_env *env, void (*each)(void *arg,
    const char *path, const struct stat *st, mode_t never), void *arg)
{
	const struct modes m = { each, arg };
	struct check_blocks b;
	struct err e = ERR_INIT;
	char host[TARGET_MAX + 8], ours[PATH_MAX];
	size_t len;

	if (check_blocks(env, &b, &e) == -1 && b.p.home[0] == '\0')
		return;
	visit(&m, b.p.ssh, CHECK_MODE_CONFIG);
	visit(&m, b.p.config, CHECK_MODE_CONFIG);
	visit(&m, b.p.folder, CHECK_MODE_CONFIG);
	visit(&m, b.p.ours, CHECK_MODE_CONFIG);
	/* beside cert.conf, which ssh has after a Match exec only */
	if (sshcert_conf_path(ours, sizeof(ours), &e) == 0) {
		len = (size_t)(strrchr(ours, '/') - ours);
		(void)snprintf(ours + len, sizeof(ours) - len, "/id_rsa");
		visit(&m, ours, CHECK_MODE_KEY);
	}
	check_host(env, &b, host, sizeof(host));
	visit_keys(&m, &b.p, host);
}
