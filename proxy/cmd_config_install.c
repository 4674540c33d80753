/*
 * arc-relay config install and uninstall, see cmd_config.h.
 *
 * All is prepared and proved before anything changes; then our file is replaced,
 * and then ~/.ssh/config.  A run that ends in between leaves an Include too few, or
 * a file too many, and both are good.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/child.h"
#include "auth/folder.h"
#include "auth/text.h"
#include "proxy/cmd_config.h"
#include "proxy/sshconf.h"
#include "proxy/sshconf_include.h"
#include "proxy/sshconf_read.h"
#include "proxy/sshconf_try.h"
#include "proxy/userfile.h"
#include "relay/err.h"
#include "relay/secret.h"

#define LOCK		"ssh-config"	/* one install or uninstall at a time */
#define LOCK_WAIT_MS	30000
#define MADE		"ssh-config.made"	/* what was not there before us */
#define MADE_MAX	(64 * 1024)	/* bytes */
#define DIFF_MS		60000
#define DIFF_MAX	(256u * 1024 * 1024)	/* bytes */
#define UNRELATED	"a.host.of.nobody.invalid"	/* that no block is for */
#define NOT_LISTED	"a.machine.of.nobody.arc"	/* but the wildcard's */
#define NSAMPLES	3

struct install {
	const struct config_places *p;
	struct folder	 state;
	int		 lock;		/* -1: none */
	struct secret	 made;		/* of MADE */
	bool		 made_ssh, made_folder;	/* by this run */
	struct userfile	 ours, config, backup;
	struct secret	 text;		/* for config */
};

#define INSTALL_INIT	{ .state = FOLDER_INIT, .lock = -1, \
	.ours = USERFILE_INIT, .config = USERFILE_INIT, .backup = USERFILE_INIT }

/* --- places --- */

static bool
below_home(const struct config_places *p, const char *name,
    char out[PATH_MAX])
{
	return ((size_t)snprintf(out, PATH_MAX, "%s/%s", p->home, name) <
	    PATH_MAX);
}

int
config_places(const char *file, struct config_places *p, struct err *e)
{
	struct folder home = FOLDER_INIT;
	size_t len;

	*p = (struct config_places){ .home = "" };
	if (folder_home(&home, "", p->home, sizeof(p->home)) == -1) {
		err_set(e, EX_CONFIG, "", "there is no home for ~/.ssh: %s",
		    home.why);
		return (err_fix(e, "HOME=FOLDER arc-relay config .."));
	}
	for (len = strlen(p->home); len > 0 && p->home[len - 1] == '/'; len--)
		p->home[len - 1] = '\0';
	if (!below_home(p, ".ssh", p->ssh) ||
	    !below_home(p, ".ssh/config", p->config) ||
	    !below_home(p, ".ssh/config.arc-relay.bak", p->backup) ||
	    !below_home(p, ".ssh/known_hosts.arc", p->known_hosts) ||
	    (file == NULL && (!below_home(p, ".ssh/config.d", p->folder) ||
	    !below_home(p, ".ssh/config.d/arc-relay.conf", p->ours))))
		return (err_set(e, EX_CONFIG, "", "HOME is too long"));
	if (file != NULL)
		(void)snprintf(p->ours, sizeof(p->ours), "%s", file);
	len = strlen(p->ours);
	if (len == 0 || p->ours[len - 1] == '/')
		return (err_set(e, EX_USAGE, "", "--file needs the name of a "
		    "file, not \"%.80s\"", p->ours));
	if (strcmp(p->ours, p->config) == 0)
		return (err_set(e, EX_USAGE, "", "--file is for a file of its "
		    "own, which ~/.ssh/config will include"));
	return (include_check(p->ours, e));
}

const char *
config_tilde(const struct config_places *p, const char *path,
    char out[PATH_MAX])
{
	size_t n = strlen(p->home);
	bool below = strncmp(path, p->home, n) == 0 && path[n] == '/';

	(void)snprintf(out, PATH_MAX, "%s%s", below ? "~" : "",
	    below ? path + n : path);
	return (out);
}

/* --- what was not there before us, for uninstall --- */

/* Where the line of path begins in MADE; NULL: it has none. */
static const char *
find_made(const struct install *in, const char *path)
{
	const char *at = in->made.data;
	size_t len = strlen(path);

	for (; at != NULL && *at != '\0'; at = strchr(at, '\n') + 1)
		if (strncmp(at, path, len) == 0 && at[len] == '\n')
			return (at);
	return (NULL);
}

static int
write_made(struct install *in, struct secret *text, struct err *e)
{
	if (text->len > 0 ? folder_write(&in->state, MADE, MADE_MAX, text) ==
	    -1 : folder_drop(&in->state, MADE) == -1)
		return (err_sys(e, EX_CANTCREAT, "E112", "cannot write to the "
		    "state folder"));
	secret_move(&in->made, text);
	return (0);
}

/* Before it is made: what is noted and not there does no harm. */
static int
note_made(struct install *in, const char *path, struct err *e)
{
	struct secret text = SECRET_INIT;
	int rc = -1;

	if (find_made(in, path) != NULL)
		return (0);
	if (text_append(&text, in->made.data, in->made.len, MADE_MAX) == -1 ||
	    text_append(&text, path, strlen(path), MADE_MAX) == -1 ||
	    text_append(&text, "\n", 1, MADE_MAX) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	else
		rc = write_made(in, &text, e);
	secret_free(&text);
	return (rc);
}

static int
forget_made(struct install *in, const char *path, struct err *e)
{
	const char *at = find_made(in, path), *next;
	struct secret text = SECRET_INIT;
	int rc = -1;

	if (at == NULL)
		return (0);
	next = strchr(at, '\n') + 1;
	if (text_append(&text, in->made.data, (size_t)(at - in->made.data),
	    MADE_MAX) == -1 ||
	    text_append(&text, next, strlen(next), MADE_MAX) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	else
		rc = write_made(in, &text, e);
	secret_free(&text);
	return (rc);
}

/* --- begin and end --- */

static int
take_lock(struct install *in, struct err *e)
{
	if (folder_open_state(&in->state) == -1) {
		err_set(e, EX_CANTCREAT, "E112", "there is no folder for "
		    "state: %s", in->state.why);
		return (err_fix(e, "set XDG_STATE_HOME to a folder of yours"));
	}
	folder_sweep(&in->state);
	in->lock = folder_lock(&in->state, LOCK, LOCK_WAIT_MS);
	if (in->lock == -1)
		return (err_sys(e, errno == ETIMEDOUT ? EX_TEMPFAIL :
		    EX_CANTCREAT, "E112", "cannot lock out another config "
		    "install"));
	(void)folder_read(&in->state, MADE, MADE_MAX, &in->made);
	if (in->made.len > 0 && (in->made.data[in->made.len - 1] != '\n' ||
	    memchr(in->made.data, '\0', in->made.len) != NULL))
		secret_free(&in->made);	/* not of our writing */
	return (0);
}

static int
make_folder(struct install *in, const char *path, bool *made, struct err *e)
{
	struct stat st;

	if (stat(path, &st) == 0)
		return (0);	/* what is no folder is told when it is opened */
	if (note_made(in, path, e) == -1)
		return (-1);
	if (mkdir(path, 0700) == -1)
		return (err_sys(e, EX_CANTCREAT, "", "cannot make the folder "
		    "%s", path));
	*made = true;
	return (0);
}

/* Nothing but what sshconf_write wrote is replaced or removed. */
static int
check_ours(const struct install *in, struct err *e)
{
	const struct userfile *f = &in->ours;

	if (!f->is_there || (f->text.len >= strlen(SSHCONF_FIRST) &&
	    memcmp(f->text.data, SSHCONF_FIRST, strlen(SSHCONF_FIRST)) == 0))
		return (0);
	err_set(e, EX_CONFIG, "", "%s is not from arc-relay config install: its "
	    "first line does not say so", f->path);
	return (err_fix(e, "move it away, or choose another: --file FILE"));
}

static int
check_config(const struct install *in, struct err *e)
{
	const struct userfile *f = &in->config;

	if (!f->is_there || (f->st.st_mode & S_IWOTH) == 0)
		return (0);
	err_set(e, EX_CONFIG, "E107", "ssh refuses %s, because others can "
	    "write it", f->path);
	return (err_fix(e, "see that it is as you left it, then: chmod 600 %s",
	    f->path));
}

static int
open_files(struct install *in, struct err *e)
{
	if (userfile_open(&in->ours, in->p->ours, false, e) == -1 ||
	    userfile_open(&in->config, in->p->config, true, e) == -1 ||
	    check_ours(in, e) == -1 || check_config(in, e) == -1)
		return (-1);
	return (0);
}

static void
end(struct install *in, int rc)
{
	userfile_close(&in->ours);
	userfile_close(&in->config);
	userfile_close(&in->backup);
	/* only when empty */
	if (rc == -1 && in->made_folder)
		(void)rmdir(in->p->folder);
	if (rc == -1 && in->made_ssh)
		(void)rmdir(in->p->ssh);
	secret_free(&in->text);
	secret_free(&in->made);
	folder_unlock(in->lock);
	folder_close(&in->state);
}

/* --- the proof --- */

static bool
same(const struct secret *a, const struct secret *b)
{
	return (a->len == b->len &&
	    (a->len == 0 || memcmp(a->data, b->data, a->len) == 0));
}

/* A block as sshconf_read found it, and what ssh shall say for it. */
struct sample {
	char	host[300];
	char	hostname[300];	/* "": not said */
	char	key[64];
	char	user[100];
	char	port[8];
	char	command[1200];
};

struct proof {
	size_t		 n;			/* blocks that were read */
	size_t		 wanted[NSAMPLES];	/* which of them are samples */
	struct sample	 sample[NSAMPLES];
	size_t		 nsamples;
};

static int
count_block(void *arg, const struct sshconf_block *b, struct err *e)
{
	struct proof *p = arg;

	(void)b;
	(void)e;
	p->n++;
	return (0);
}

static int
take_block(void *arg, const struct sshconf_block *b, struct err *e)
{
	struct proof *p = arg;
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
take_samples(struct proof *p, const struct secret *text, struct err *e)
{
	*p = (struct proof){ .n = 0 };
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
prove_samples(const char *config, const struct proof *p, bool alone,
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
prove_unrelated(const struct install *in, struct userfile *config,
    const struct secret *without, const struct secret *with, struct err *e)
{
	struct secret was = SECRET_INIT, is = SECRET_INIT;
	int rc = -1;

	if (ask_staged(config, without, UNRELATED, &was, e) == -1) {
		/* by its own name, with the lines as they are there */
		if (e->status == EX_CONFIG && in->config.is_there)
			(void)sshconf_try(in->config.path, UNRELATED, &is, e);
		err_fix(e, "ssh -v HOST tells more; repair that first");
	} else if (ask_staged(config, with, UNRELATED, &is, e) == 0)
		rc = same(&was, &is) ? 0 : err_set(e, EX_SOFTWARE, "",
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

/*
 * Does ssh take text, alone and from the user's configuration?  Both are staged for
 * that; beside where they will be, unless this is a rehearsal.
 */
static int
prove(const struct install *in, struct userfile *ours,
    struct userfile *config, const struct secret *text, struct err *e)
{
	struct secret without = SECRET_INIT, with = SECRET_INIT;
	char path[PATH_MAX];
	struct proof p;
	int rc = -1;

	if (take_samples(&p, text, e) == -1 ||
	    userfile_stage(ours, text, NULL, e) == -1)
		return (-1);
	userfile_staged(ours, path);
	if (include_remove(&in->config.text, in->ours.path, &without) == -1 ||
	    include_add(&without, path, &with) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	else if (prove_samples(path, &p, true, e) == 0 &&
	    prove_alone(path, e) == 0 &&
	    prove_unrelated(in, config, &without, &with, e) == 0) {
		userfile_staged(config, path);
		rc = prove_samples(path, &p, false, e);
	}
	secret_free(&without);
	secret_free(&with);
	return (rc);
}

/* The proof in a folder of its own: nothing of the user's changes. */
static int
rehearse(const struct install *in, const struct secret *text, struct err *e)
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
		rc = prove(in, &ours, &config, text, e);
	userfile_close(&ours);
	userfile_close(&config);
	(void)rmdir(folder);
	return (rc);
}

/* --- telling --- */

/* A descriptor that another program can read as /dev/fd/N. */
static int
as_file(const struct secret *text)
{
	int fd = memfd_create("text", 0);

	if (fd != -1 && text_write_all(fd, text->data, text->len) == -1) {
		(void)close(fd);
		return (-1);
	}
	return (fd);
}

static int
run_diff(const char *const argv[], struct err *e)
{
	struct secret out = SECRET_INIT, said = SECRET_INIT;
	int status = 0, rc = -1;
	enum child_result result = child_run(argv, DIFF_MS, DIFF_MAX, &out,
	    &said, &status);

	if (result == CHILD_ABSENT) {
		err_set(e, EX_UNAVAILABLE, "", "there is no diff on PATH");
		err_fix(e, "sudo apt install diffutils, or use --dry-run");
	} else if (result != CHILD_ENDED || status > 1)
		err_set(e, EX_OSERR, "", "diff failed: %.200s",
		    said.data != NULL ? said.data : "");
	else if (out.len > 0 && fwrite(out.data, 1, out.len, stdout) != out.len)
		err_sys(e, EX_IOERR, "", "cannot write to stdout");
	else
		rc = 0;
	secret_free(&out);
	secret_free(&said);
	return (rc);
}

/* after NULL: it would be removed. */
static int
show_diff(const struct userfile *f, const struct secret *after, struct err *e)
{
	static const struct secret nothing = SECRET_INIT;
	int a = as_file(&f->text), b = as_file(after != NULL ? after :
	    &nothing), rc;
	char old[32], new[32];
	const char *argv[] = { "diff", "-u",
	    "--label", f->is_there ? f->path : "/dev/null",
	    "--label", after != NULL ? f->path : "/dev/null", old, new, NULL };

	(void)snprintf(old, sizeof(old), "/dev/fd/%d", a);
	(void)snprintf(new, sizeof(new), "/dev/fd/%d", b);
	rc = a != -1 && b != -1 ? run_diff(argv, e) :
	    err_sys(e, EX_OSERR, "", "cannot compare %s", f->path);
	if (a != -1)
		(void)close(a);
	if (b != -1)
		(void)close(b);
	return (rc);
}

/* --- install --- */

/* What is to be told, which is known before it is done. */
struct told {
	char	ours[PATH_MAX], config[PATH_MAX], backup[PATH_MAX];
	bool	changes;	/* ~/.ssh/config */
	bool	backs_up;
};

static void
look(const struct install *in, struct told *t)
{
	struct stat st;

	(void)config_tilde(in->p, in->p->ours, t->ours);
	(void)config_tilde(in->p, in->p->config, t->config);
	(void)config_tilde(in->p, in->p->backup, t->backup);
	t->changes = !same(&in->text, &in->config.text);
	t->backs_up = t->changes && in->config.is_there &&
	    lstat(in->p->backup, &st) == -1;
}

static void
tell_install(const struct told *t, const char *what, enum config_how how)
{
	bool would = how == CONFIG_TELL;

	printf("%s %sin %s\n", what, would ? "would be " : "", t->ours);
	if (t->changes)
		printf("%s %s it\n", t->config, would ? "would include" :
		    "includes");
	if (t->backs_up)
		printf("%s %s what it was\n", t->backup, would ? "would keep" :
		    "keeps");
}

/* Once, before the first change: later it would be of our own making. */
static int
keep_backup(struct install *in, struct err *e)
{
	if (userfile_open(&in->backup, in->p->backup, false, e) == -1 ||
	    userfile_stage(&in->backup, &in->config.text, &in->config.st,
	    e) == -1)
		return (-1);
	return (userfile_commit(&in->backup, e));
}

static int
change(struct install *in, const struct told *t, struct err *e)
{
	bool had_ours = in->ours.is_there;
	struct err unused;

	if (t->changes && (userfile_stage(&in->config, &in->text,
	    in->config.is_there ? &in->config.st : NULL, e) == -1 ||
	    (!in->config.is_there &&
	    note_made(in, in->config.path, e) == -1) ||
	    (t->backs_up && keep_backup(in, e) == -1)))
		return (-1);
	if (userfile_commit(&in->ours, e) == -1)
		return (-1);
	if (!t->changes || userfile_commit(&in->config, e) == 0)
		return (0);
	if (!had_ours)
		(void)userfile_remove(&in->ours, &unused);
	return (-1);
}

static int
begin_install(struct install *in, enum config_how how, struct err *e)
{
	if (how == CONFIG_DO && (take_lock(in, e) == -1 ||
	    make_folder(in, in->p->ssh, &in->made_ssh, e) == -1 ||
	    (in->p->folder[0] != '\0' &&
	    make_folder(in, in->p->folder, &in->made_folder, e) == -1)))
		return (-1);
	if (open_files(in, e) == -1)
		return (-1);
	if (how == CONFIG_DO) {
		userfile_sweep(&in->ours);
		userfile_sweep(&in->config);
	}
	if (in->ours.folder == -1 && (how == CONFIG_DO ||
	    in->p->folder[0] == '\0')) {
		err_set(e, EX_CANTCREAT, "", "there is no folder for %s",
		    in->p->ours);
		return (err_fix(e, "mkdir -p %.*s", (int)(in->ours.name -
		    in->ours.path), in->ours.path));
	}
	if (include_add(&in->config.text, in->ours.path, &in->text) == -1)
		return (err_set(e, EX_OSERR, "", "out of memory"));
	return (0);
}

int
config_install(const struct config_places *p, const struct secret *text,
    const char *what, enum config_how how, struct err *e)
{
	struct install in = INSTALL_INIT;
	struct told told;
	int rc = -1;

	in.p = p;
	/* a limit on the size of files is told as a full disk is */
	(void)signal(SIGXFSZ, SIG_IGN);
	if (begin_install(&in, how, e) == 0) {
		rc = how == CONFIG_DO ?
		    prove(&in, &in.ours, &in.config, text, e) :
		    rehearse(&in, text, e);
		look(&in, &told);
		if (rc == 0 && how == CONFIG_DO)
			rc = change(&in, &told, e);
		if (rc == 0 && how != CONFIG_DIFF)
			tell_install(&told, what, how);
		if (rc == 0 && how == CONFIG_DIFF &&
		    (rc = show_diff(&in.ours, text, e)) == 0)
			rc = show_diff(&in.config, &in.text, e);
	}
	end(&in, rc);
	return (rc);
}

/* --- uninstall --- */

/* The bytes that were there before are there: is anything to be done? */
static int
restore(struct install *in, struct err *e)
{
	if (same(&in->text, &in->config.text))
		return (0);
	if (in->text.len == 0 && find_made(in, in->config.path) != NULL)
		return (userfile_remove(&in->config, e) == -1 ||
		    forget_made(in, in->config.path, e) == -1 ? -1 : 0);
	if (userfile_stage(&in->config, &in->text, &in->config.st, e) == -1)
		return (-1);
	return (userfile_commit(&in->config, e));
}

/* A folder that we made, if nothing else has come into it. */
static int
remove_folder(struct install *in, const char *path, struct err *e)
{
	if (find_made(in, path) == NULL ||
	    (rmdir(path) == -1 && errno != ENOENT))
		return (0);
	return (forget_made(in, path, e));
}

/* What it holds is in ~/.ssh/config again, or else somebody may want it. */
static void
drop_backup(struct install *in)
{
	char backup[PATH_MAX];
	struct err e;

	if (userfile_open(&in->backup, in->p->backup, false, &e) == -1 ||
	    !in->backup.is_there)
		return;
	if (!same(&in->backup.text, &in->text) ||
	    userfile_remove(&in->backup, &e) == -1)
		printf("%s stays: it is not what ~/.ssh/config is now\n",
		    config_tilde(in->p, in->p->backup, backup));
}

static int
undo(struct install *in, struct err *e)
{
	if (restore(in, e) == -1 || userfile_remove(&in->ours, e) == -1)
		return (-1);
	drop_backup(in);
	userfile_close(&in->ours);
	userfile_close(&in->config);
	userfile_close(&in->backup);
	return (remove_folder(in, in->p->folder, e) == -1 ? -1 :
	    remove_folder(in, in->p->ssh, e));
}

static void
tell_uninstall(const struct install *in, bool had_ours, bool had_include,
    enum config_how how)
{
	char ours[PATH_MAX], known[PATH_MAX];
	const char *is = how == CONFIG_TELL ? "would be" : "is";
	struct stat st;

	(void)config_tilde(in->p, in->p->ours, ours);
	if (!had_ours && !had_include)
		printf("nothing of arc-relay's is installed in %s\n", ours);
	if (had_ours)
		printf("%s %s gone\n", ours, is);
	if (had_include)
		printf("~/.ssh/config %s without the lines of arc-relay\n", is);
	if ((had_ours || had_include) && stat(in->p->known_hosts, &st) == 0)
		printf("%s stays: it has the keys of your machines\n",
		    config_tilde(in->p, in->p->known_hosts, known));
}

int
config_uninstall(const struct config_places *p, enum config_how how,
    struct err *e)
{
	struct install in = INSTALL_INIT;
	bool had_ours, had_include;
	int rc = -1;

	in.p = p;
	(void)signal(SIGXFSZ, SIG_IGN);
	if ((how == CONFIG_DO && take_lock(&in, e) == -1) ||
	    open_files(&in, e) == -1)
		goto out;
	if (include_remove(&in.config.text, in.ours.path, &in.text) == -1) {
		err_set(e, EX_OSERR, "", "out of memory");
		goto out;
	}
	had_ours = in.ours.is_there;
	had_include = !same(&in.text, &in.config.text);
	if (how == CONFIG_DIFF) {
		if (!had_ours || show_diff(&in.ours, NULL, e) == 0)
			rc = show_diff(&in.config, &in.text, e);
		goto out;
	}
	if (how == CONFIG_DO) {
		userfile_sweep(&in.ours);
		userfile_sweep(&in.config);
		if (undo(&in, e) == -1)
			goto out;
	}
	tell_uninstall(&in, had_ours, had_include, how);
	rc = 0;
 out:
	end(&in, rc);
	return (rc);
}
