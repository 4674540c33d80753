/*
 * The proof by the real ssh, see sshconf_proof.h.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/sshconf_include.h"
#include "proxy/sshconf_proof.h"
#include "proxy/sshconf_read.h"
#include "proxy/sshconf_try.h"
#include "proxy/userfile.h"
#include "relay/err.h"
#include "relay/secret.h"

#define UNRELATED	"a.host.of.nobody.invalid"	/* that no block is for */
#define NOT_LISTED	"a.machine.of.nobody.arc"	/* but the wildcard's */
#define NSAMPLES	3

/* A block as sshconf_read found it, and what ssh shall say for it. */
struct sample {
	char	host[300];
	char	hostname[300];	/* "": not said */
	char	key[64];
	char	user[100];
	char	port[8];
	char	command[1200];
};

struct samples {
	size_t		 n;			/* blocks that were read */
	size_t		 wanted[NSAMPLES];	/* which of them are samples */
	struct sample	 sample[NSAMPLES];
	size_t		 nsamples;
};

static int
count_block(void *arg, const struct sshconf_block *b, struct err *e)
{
	struct samples *p = arg;

	(void)b;
	(void)e;
	p->n++;
	return (0);
}

static int
take_block(void *arg, const struct sshconf_block *b, struct err *e)
{
	struct samples *p = arg;
	struct sample *s = &p->sample[p->nsamples];
	const char *host = b->nalias > 0 ? b->alias[0] : NOT_LISTED;

	(void)e;
	if (p->nsamples == NSAMPLES || p->n++ != p->wanted[p->nsamples])
		return (0);
	(void)snprintf(s->host, sizeof(s->host), "%s", host);
	(void)snprintf(s->hostname, sizeof(s->hostname), "%s", host);
	(void)snprintf(s->key, sizeof(s->key), "%s", b->key != NULL ? b->key :
	    "");
	(void)snprintf(s->user, sizeof(s->user), "%s", b->user != NULL ?
	    b->user : "");
	(void)snprintf(s->port, sizeof(s->port), "%d", b->port);
	(void)snprintf(s->command, sizeof(s->command), "%s", b->command);
	p->nsamples++;
	return (0);
}

/* The first block, the middle one, and the last. */
static int
take_samples(struct samples *p, const struct secret *text, struct err *e)
{
	*p = (struct samples){ .n = 0 };
	if (sshconf_read(text->data, text->len, count_block, p, e) == -1)
		return (-1);
	p->wanted[1] = p->n / 2;
	p->wanted[2] = p->n - 1;
	p->n = 0;
	return (sshconf_read(text->data, text->len, take_block, p, e));
}

static int
says_not(const char *config, const char *host, const char *keyword,
    struct err *e)
{
	return (err_set(e, EX_SOFTWARE, "", "ssh -G -F %.80s %.60s does not "
	    "say the %s that was written; nothing was changed",
	    strrchr(config, '/') + 1, host, keyword));
}

/* alone: nothing else is in config that could say the rest. */
static int
prove_sample(const char *config, const struct sample *s, bool alone,
    struct err *e)
{
	const struct {
		const char *keyword, *value;
		bool wanted;
	} all[] = {
		{ "hostname", s->hostname, true },
		{ "proxycommand", s->command, true },
		{ "hostkeyalias", s->key, s->key[0] != '\0' },
		{ "user", s->user, s->user[0] != '\0' },
		{ "port", s->port, alone },
	};
	struct secret answer = SECRET_INIT;
	size_t i;
	int rc = sshconf_try(config, s->host, &answer, e);

	for (i = 0; rc == 0 && i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].wanted && !sshconf_try_says(&answer, all[i].keyword,
		    all[i].value))
			rc = says_not(config, s->host, all[i].keyword, e);
	secret_free(&answer);
	return (rc);
}

static int
prove_samples(const char *config, const struct samples *p, bool alone,
    struct err *e)
{
	size_t i;

	for (i = 0; i < p->nsamples; i++)
		if (prove_sample(config, &p->sample[i], alone, e) == -1)
			return (-1);
	return (0);
}

/* Stages text for ~/.ssh/config, and asks what ssh makes of host then. */
static int
ask_staged(struct userfile *config, const struct secret *text,
    const char *host, struct secret *answer, struct err *e)
{
	char path[PATH_MAX];

	if (userfile_stage(config, text, NULL, e) == -1)
		return (-1);
	userfile_staged(config, path);
	return (sshconf_try(path, host, answer, e));
}

/*
 * Another host is what it would be without us.  Not what it was: should our old file
 * be broken, this is its repair.
 */
static int
prove_unrelated(const struct userfile *now, struct userfile *config,
    const struct secret *without, const struct secret *with, struct err *e)
{
	struct secret was = SECRET_INIT, is = SECRET_INIT;
	int rc = -1;

	if (ask_staged(config, without, UNRELATED, &was, e) == -1) {
		/* by its own name, with the lines as they are there */
		if (e->status == EX_CONFIG && now->is_there)
			(void)sshconf_try(now->path, UNRELATED, &is, e);
		err_fix(e, "ssh -v HOST tells more; repair that first");
	} else if (ask_staged(config, with, UNRELATED, &is, e) == 0)
		rc = secret_same(&was, &is) ? 0 : err_set(e, EX_SOFTWARE, "",
		    "with our Include ssh would treat other hosts otherwise; "
		    "nothing was changed");
	secret_free(&was);
	secret_free(&is);
	return (rc);
}

/* Our file says nothing for others by itself. */
static int
prove_alone(const char *path, struct err *e)
{
	struct secret is = SECRET_INIT;
	int rc = sshconf_try(path, UNRELATED, &is, e);

	if (rc == 0 && !sshconf_try_says(&is, "proxycommand", NULL))
		rc = says_not(path, UNRELATED, "nothing", e);
	secret_free(&is);
	return (rc);
}

static int
prove(const struct sshconf_proof *what, struct userfile *ours,
    struct userfile *config, struct err *e)
{
	struct secret without = SECRET_INIT, with = SECRET_INIT;
	char path[PATH_MAX];
	struct samples p;
	int rc = -1;

	if (take_samples(&p, what->text, e) == -1 ||
	    userfile_stage(ours, what->text, NULL, e) == -1)
		return (-1);
	userfile_staged(ours, path);
	if (include_remove(&what->config->text, what->ours->path,
	    &without) == -1 ||
	    include_add(&without, path, &with) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	else if (prove_samples(path, &p, true, e) == 0 &&
	    prove_alone(path, e) == 0 &&
	    prove_unrelated(what->config, config, &without, &with,
	    e) == 0) {
		userfile_staged(config, path);
		rc = prove_samples(path, &p, false, e);
	}
	secret_free(&without);
	secret_free(&with);
	return (rc);
}

int
sshconf_prove(const struct sshconf_proof *what, struct err *e)
{
	return (prove(what, what->ours, what->config, e));
}

int
sshconf_rehearse(const struct sshconf_proof *what, struct err *e)
{
	struct userfile ours = USERFILE_INIT, config = USERFILE_INIT;
	const char *tmp = getenv("TMPDIR");
	char folder[PATH_MAX - 16], a[PATH_MAX], b[PATH_MAX];
	int rc = -1;

	(void)snprintf(folder, sizeof(folder), "%s/arc-relay.XXXXXX",
	    tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL)
		return (err_sys(e, EX_CANTCREAT, "", "cannot make a temporary "
		    "folder %s", folder));
	(void)snprintf(a, sizeof(a), "%s/ours", folder);
	(void)snprintf(b, sizeof(b), "%s/config", folder);
	if (userfile_open(&ours, a, false, e) == 0 &&
	    userfile_open(&config, b, false, e) == 0)
		rc = prove(what, &ours, &config, e);
	userfile_close(&ours);
	userfile_close(&config);
	(void)rmdir(folder);
	return (rc);
}
