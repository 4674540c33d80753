/*
 * arc-relay config install and uninstall, see cmd_config.h.
 *
 * All is prepared and proved before anything changes; then our file is replaced,
 * and then ~/.ssh/config.  A run that ends in between leaves an Include too few, or
 * a file too many, and both are good.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/folder.h"
#include "proxy/cmd_config.h"
#include "proxy/config_made.h"
#include "proxy/config_places.h"
#include "proxy/sshconf.h"
#include "proxy/sshconf_include.h"
#include "proxy/sshconf_proof.h"
#include "proxy/textdiff.h"
#include "proxy/userfile.h"
#include "relay/err.h"
#include "relay/secret.h"

#define LOCK		"ssh-config"	/* one install or uninstall at a time */
#define LOCK_WAIT_MS	30000

struct install {
	const struct config_places *p;
	struct folder	 state;
	int		 lock;		/* -1: none */
	struct config_made made;
	bool		 made_ssh, made_folder;	/* by this run */
	struct userfile	 ours, config, backup;
	struct secret	 text;		/* for config */
};

#define INSTALL_INIT	{ .state = FOLDER_INIT, .lock = -1, \
	.made = CONFIG_MADE_INIT, .ours = USERFILE_INIT, \
	.config = USERFILE_INIT, .backup = USERFILE_INIT }

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
	config_made_read(&in->made, &in->state);
	return (0);
}

static int
make_folder(struct install *in, const char *path, bool *made, struct err *e)
{
	struct stat st;

	if (stat(path, &st) == 0)
		return (0);	/* what is no folder is told when it is opened */
	if (config_made_note(&in->made, path, e) == -1)
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
	config_made_free(&in->made);
	folder_unlock(in->lock);
	folder_close(&in->state);
}

/* after NULL: it would be removed. */
static int
show_diff(const struct userfile *f, const struct secret *after, struct err *e)
{
	return (textdiff_print(f->path, f->is_there ? &f->text : NULL, after,
	    e));
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
	t->changes = !secret_same(&in->text, &in->config.text);
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
	    config_made_note(&in->made, in->config.path, e) == -1) ||
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
	const struct sshconf_proof proof = { text, &in.ours, &in.config };
	struct told told;
	int rc = -1;

	in.p = p;
	/* a limit on the size of files is told as a full disk is */
	(void)signal(SIGXFSZ, SIG_IGN);
	if (begin_install(&in, how, e) == 0) {
		rc = how == CONFIG_DO ? sshconf_prove(&proof, e) :
		    sshconf_rehearse(&proof, e);
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
	if (secret_same(&in->text, &in->config.text))
		return (0);
	if (in->text.len == 0 && config_made_has(&in->made, in->config.path))
		return (userfile_remove(&in->config, e) == -1 ||
		    config_made_forget(&in->made, in->config.path, e) == -1 ? -1 : 0);
	if (userfile_stage(&in->config, &in->text, &in->config.st, e) == -1)
		return (-1);
	return (userfile_commit(&in->config, e));
}

/* A folder that we made, if nothing else has come into it. */
static int
remove_folder(struct install *in, const char *path, struct err *e)
{
	if (!config_made_has(&in->made, path) ||
	    (rmdir(path) == -1 && errno != ENOENT))
		return (0);
	return (config_made_forget(&in->made, path, e));
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
	if (!secret_same(&in->backup.text, &in->text) ||
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
	had_include = !secret_same(&in.text, &in.config.text);
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
