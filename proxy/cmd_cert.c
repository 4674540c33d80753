/*
 * arc-relay cert: an SSH certificate of Entra's for logging in to machines, made
 * and renewed when it is due.  ssh runs "cert ensure --quiet" before it connects,
 * so nothing here asks a person.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/child.h"
#include "auth/cloud.h"
#include "auth/json.h"
#include "auth/sshcert_ensure.h"
#include "auth/token.h"
#include "proxy/cmd.h"
#include "proxy/cmd_options.h"
#include "relay/err.h"
#include "relay/log.h"

#define ADD_LIMIT_MS	10000
#define OUTPUT_MAX	4096
#define LONG_S		(24 * 3600)	/* Entra's last an hour */
#define KEY_ID_MAX	200

static const struct option_row table[] = {
	CMD_ROWS,
	{ 0, "credential", "NAME", "only this token source", 0 },
	{ 0, "tenant", "ID", "another tenant than the source's own", 0 },
	{ 0, "file", "FILE", "the private key; made if there is none", 0 },
	{ 0, "agent", NULL, "load both into ssh-agent, for as long as it is good", 0 },
	{ 0, "quiet", NULL, "only errors", 0 },
	{ 0, "json", NULL, "one JSON object", 0 },
	CMD_LAST_ROWS
};
enum { O_CREDENTIAL = CMD_NROWS, O_TENANT, O_FILE, O_AGENT, O_QUIET, O_JSON };

/* What is shown of a certificate. */
struct shown {
	const struct sshcert_got *got;
	char	key_id[KEY_ID_MAX];
	int64_t	left_s;
};

static int
no_agent(const char *why, struct err *e)
{
	err_set(e, EX_UNAVAILABLE, "", "the certificate is not in an agent: "
	    "%.150s", why);
	return (err_fix(e, "eval \"$(ssh-agent)\" starts one; without one "
	    "ssh reads the files"));
}

/* ssh-add finds the certificate beside the key. */
static int
load_into_agent(const struct shown *s, struct err *e)
{
	const char *file = s->got->files.key;
	struct secret out = SECRET_INIT, said = SECRET_INIT;
	char life[24];
	const char *argv[] = { "ssh-add", "-q", "-t", life, "--", file, NULL };
	int status = 0, rc = -1;

	if (getenv("SSH_AUTH_SOCK") == NULL)
		return (no_agent("SSH_AUTH_SOCK is not set", e));
	(void)snprintf(life, sizeof(life), "%lld", (long long)s->left_s);
	switch (child_run(argv, ADD_LIMIT_MS, OUTPUT_MAX, &out, &said,
	    &status)) {
	case CHILD_ENDED:
		rc = 0;
		if (status == 2)
			rc = no_agent("nobody answers at SSH_AUTH_SOCK", e);
		else if (status != 0)
			rc = err_set(e, EX_UNAVAILABLE, "", "ssh-add failed: "
			    "%.*s", (int)strcspn(said.data != NULL ? said.data :
			    "", "\r\n"), said.data != NULL ? said.data : "");
		break;
	case CHILD_ABSENT:
		err_set(e, EX_NOINPUT, "E101", "there is no ssh-add on PATH");
		err_fix(e, "sudo apt install openssh-client");
		break;
	case CHILD_LATE:
		rc = no_agent("it does not answer", e);
		break;
	case CHILD_BROKEN:
		rc = err_sys(e, EX_OSERR, "", "cannot run ssh-add");
		break;
	}
	secret_free(&out);
	secret_free(&said);
	return (rc);
}

static int
print_json(const struct shown *s, bool agent, struct err *e)
{
	const struct sshcert_got *g = s->got;
	const struct sshcert *c = &g->kept.cert;
	char from[CMD_TIME_MAX], until[CMD_TIME_MAX], due[CMD_TIME_MAX];
	struct js *j = js_object();
	bool failed;

	failed = js_set_string(j, "principal", g->kept.user) == -1 ||
	    js_set_string(j, "certificate", g->files.certificate) == -1 ||
	    js_set_string(j, "key", g->files.key) == -1 ||
	    js_set_string(j, "key_id", s->key_id) == -1 ||
	    js_set_string(j, "valid_from",
	    cmd_utc(c->valid_after, from)) == -1 ||
	    js_set_string(j, "valid_until",
	    cmd_utc(c->valid_before, until)) == -1 ||
	    js_set_integer(j, "expires_at", c->valid_before) == -1 ||
	    js_set_string(j, "renewed_after",
	    cmd_utc(sshcert_due(c), due)) == -1 ||
	    js_set_boolean(j, "renewed", g->renewed) == -1 ||
	    js_set_boolean(j, "agent", agent) == -1;
	return (cmd_print_json(j, !failed, e));
}

static void
print_lines(const struct shown *s)
{
	const struct sshcert_got *g = s->got;
	char until[CMD_TIME_MAX], due[CMD_TIME_MAX];

	printf("principal:     %s\n", g->kept.user);
	printf("certificate:   %s\n", g->files.certificate);
	printf("private key:   %s\n", g->files.key);
	printf("key id:        %s\n", s->key_id);
	printf("valid until:   %s (%lld min)\n",
	    cmd_local(g->kept.cert.valid_before, until),
	    (long long)s->left_s / 60);
	printf("renewed after: %s\n", cmd_local(sshcert_due(&g->kept.cert),
	    due));
}

static void
print_news(const struct shown *s)
{
	char until[CMD_TIME_MAX];

	printf("%s for %s, until %s\n",
	    s->got->renewed ? "new certificate" : "certificate",
	    s->got->kept.user, cmd_local(s->got->kept.cert.valid_before,
	    until));
}

static void
look(const struct sshcert_got *g, struct shown *s)
{
	const struct sshcert *c = &g->kept.cert;
	struct sshspan id = c->key_id;

	*s = (struct shown){ .got = g };
	s->left_s = c->valid_before - time(NULL);
	(void)snprintf(s->key_id, sizeof(s->key_id), "%.*s",
	    (int)(id.len < KEY_ID_MAX ? id.len : KEY_ID_MAX - 1),
	    (const char *)id.at);
	log_clean(s->key_id);
	if (s->left_s < 1)
		s->left_s = 1;
	if (s->left_s > INT32_MAX)	/* what ssh-add can count */
		s->left_s = INT32_MAX;
}

static int
show(const struct options *o, const struct sshcert_got *g, struct err *e)
{
	const struct sshcert *c = &g->kept.cert;
	bool quiet = o->value[O_QUIET] != NULL;
	struct shown s;

	look(g, &s);
	if (g->renewed && !quiet && c->valid_before - LONG_S > c->valid_after)
		log_always("warning", "the certificate is good for more than "
		    "a day");
	if (o->value[O_AGENT] != NULL && load_into_agent(&s, e) == -1)
		return (-1);
	if (o->value[O_JSON] != NULL)
		return (print_json(&s, o->value[O_AGENT] != NULL, e));
	if (!quiet && o->nrest == 0)
		print_lines(&s);
	else if (!quiet)
		print_news(&s);
	return (0);
}

static int
check(const struct options *o, struct err *e)
{
	if (o->nrest > 1 ||
	    (o->nrest == 1 && strcmp(o->rest[0], "ensure") != 0)) {
		err_set(e, EX_USAGE, "", "cert takes no argument but "
		    "\"ensure\"");
		return (err_fix(e, "see arc-relay cert --help"));
	}
	return (0);
}

int
cmd_cert(int argc, char **argv, struct err *e)
{
	struct sshcert_got got = SSHCERT_GOT_INIT;
	char sources[TOKEN_HELP_MAX];
	struct cloud cloud;
	struct options o;
	int rc;

	if ((rc = cmd_parse(table, "cert [ensure] [OPTION ...]",
	    token_help(sources), argc, argv, &o, e)) != 0)
		return (rc == 1 ? 0 : -1);
	if (check(&o, e) == -1 || cmd_cloud(&o, &cloud, e) == -1)
		return (-1);

	const struct sshcert_request r = {
		.cloud = &cloud, .credential = o.value[O_CREDENTIAL],
		.tenant = o.value[O_TENANT], .file = o.value[O_FILE],
	};

	if ((rc = sshcert_ensure(&r, &got, e)) == 0)
		rc = show(&o, &got, e);
	sshcert_got_free(&got);
	return (rc);
}
