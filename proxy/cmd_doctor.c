/*
 * arc-relay doctor: what keeps ssh from a machine, from here to its SSH server.
 *
 * Each check is this program again, with a hidden option: secrets of the
 * environment and locked memory do not outlive a mere fork.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/env.h"
#include "auth/json.h"
#include "proxy/beside.h"
#include "proxy/check.h"
#include "proxy/check_cure.h"
#include "proxy/check_ssh.h"
#include "proxy/cmd.h"
#include "proxy/cmd_options.h"
#include "proxy/cmd_prompt.h"
#include "relay/err.h"

#define INDENT	15	/* columns before what was found */

static const struct option_row table[] = {
	CMD_ROWS,
	{ 0, "credential", "NAME", "only this token source", 0 },
	{ 'p', "port", "N", "of the machine's SSH server (22)", 0 },
	{ 0, "connect-to", "HOST:PORT", "TCP goes there instead "
	    "(private endpoint)", 0 },
	{ 0, "json", NULL, "one JSON object", 0 },
	{ 0, "fix", NULL, "do what can be done about it, after asking", 0 },
	{ 'y', "yes", NULL, "with --fix: do not ask", 0 },
	{ 0, "check", "NAME", NULL, 0 },
	{ 0, "machine", "ID", NULL, 0 },
	CMD_LAST_ROWS
};
enum { O_CREDENTIAL = CMD_NROWS, O_PORT, O_CONNECT_TO, O_JSON, O_FIX, O_YES,
    O_CHECK, O_MACHINE, O_VERBOSE };

static const struct check checks[] = {
	{ "local", "ssh", 15, false, check_ssh_version, { NULL }, { NULL } },
	{ "local", "files", 15, false, check_ssh_files, { "ssh" }, { NULL } },
	{ "local", "config", 15, false, check_config, { "ssh" }, { NULL } },
	{ "local", "keys", 15, false, check_keys, { "ssh" }, { NULL } },
	{ "local", "cache", 15, false, check_cache, { NULL }, { NULL } },
	{ "local", "clock", 15, false, check_clock, { NULL }, { NULL } },
	{ "local", "sandbox", 5, false, check_sandbox, { NULL }, { NULL } },
	{ "local", "last-error", 5, false, check_last_error, { NULL }, { NULL } },
	{ "network", "login-host", 40, false, check_login_host, { NULL },
	    { NULL } },
	{ "network", "arm-host", 40, false, check_arm_host, { NULL },
	    { NULL } },
	{ "network", "relay-host", 40, true, check_relay_host, { "target" },
	    { NULL } },
	{ "login", "login", 40, false, check_login, { NULL },
	    { "login-host" } },
	{ "azure", "target", 90, true, check_target, { "login" },
	    { "arm-host" } },
	{ "azure", "provider", 90, true, check_provider, { "target" },
	    { "arm-host" } },
	{ "azure", "machine", 90, true, check_machine, { "target" },
	    { "arm-host" } },
	{ "azure", "index", 90, true, check_index, { "target" },
	    { "arm-host", "machine" } },
	{ "azure", "endpoint", 90, true, check_endpoint, { "target" },
	    { "arm-host", "machine", "provider" } },
	{ "azure", "service", 90, true, check_service, { "target" },
	    { "arm-host", "machine", "provider", "endpoint" } },
	{ "azure", "permissions", 90, true, check_permissions, { "target" },
	    { "arm-host", "machine", "provider", "endpoint", "service" } },
	{ "relay", "dial", 60, true, check_dial, { "target" },
	    { "relay-host", "machine", "provider", "endpoint", "service",
	    "permissions" } },
};

#define NCHECKS	(sizeof(checks) / sizeof(checks[0]))

/* An examination, or two. */
struct doctor {
	struct check_env	 env;
	struct options		 o;
	char			**argv;	/* as it was given */
	int			 argc;
	char			**whole;	/* environment */
	bool			 json;
	struct cmd_array	 array;
	int			 status;	/* of the first that failed; 0 */
	bool			 cures[NCURES];	/* that would do some good */
	bool			 again[NCHECKS];	/* not all was well there */
};

static const char *const verdicts[] = { "ok", "warning", "failed", "skipped",
    "note" };
static const char *const labels[] = { "ok", "warn", "FAIL", "-", "-" };

/* --- one check, in a process of its own --- */

static int
run_check(const struct check_env *env, const char *name, struct err *e)
{
	int fd = STDOUT_FILENO;
	struct check_out out;
	size_t i;

	check_out_to(&fd, &out);
	for (i = 0; i < NCHECKS; i++)
		if (strcmp(checks[i].name, name) == 0) {
			checks[i].run(env, &out);
			return (0);
		}
	return (err_set(e, EX_USAGE, "", "there is no check \"%.40s\"", name));
}

/* doctor --check NAME --machine ID .. */
static void
become(void *arg, const struct check *c, int fd)
{
	const struct doctor *d = arg;
	const char **argv = calloc((size_t)d->argc + 6, sizeof(*argv));
	char path[BESIDE_MAX];
	int null = open("/dev/null", O_RDWR), n = 0, i;

	if (argv == NULL || null == -1 || dup2(null, STDIN_FILENO) == -1 ||
	    dup2(fd, STDOUT_FILENO) == -1 ||
	    /* a warning would come from many, and is a finding of one */
	    (d->o.count[O_VERBOSE] == 0 && dup2(null, STDERR_FILENO) == -1))
		return;
	argv[n++] = BESIDE_TOOL;
	argv[n++] = "doctor";
	argv[n++] = "--check";
	argv[n++] = c->name;
	if (d->env.has_id) {
		argv[n++] = "--machine";
		argv[n++] = d->env.id.text;
	}
	for (i = 1; i < d->argc; i++)
		argv[n++] = d->argv[i];
	beside_find(BESIDE_TOOL, NULL, path);
	(void)execve(path, (char *const *)(const void *)argv, d->whole);
}

/* --- what was found --- */

static void
print_line(const struct check *c, const struct finding *f)
{
	bool bad = f->verdict == CHECK_WARNING || f->verdict == CHECK_FAILED;
	const char *id = bad ? f->e.id : "";
	char text[sizeof(f->e.cause) + sizeof(f->e.id) + 4];
	size_t column;

	column = (size_t)printf("%-4s  %-7s  %s: ", labels[f->verdict],
	    c->phase, c->name);
	/* the id ends the last line */
	(void)snprintf(text, sizeof(text), "%s%s%s%s", bad ? f->e.cause :
	    f->what, id[0] != '\0' && f->e.fix[0] == '\0' ? " [" : "",
	    f->e.fix[0] == '\0' ? id : "",
	    id[0] != '\0' && f->e.fix[0] == '\0' ? "]" : "");
	cmd_print_words(column, INDENT, text);
	/* in one line, to be copied from there */
	if (bad && f->e.fix[0] != '\0')
		printf("%*sfix: %s%s%s%s\n", INDENT, "", f->e.fix,
		    id[0] != '\0' ? " [" : "", id, id[0] != '\0' ? "]" : "");
}

static void
print_element(struct doctor *d, const struct check *c, const struct finding *f,
    long ms)
{
	bool bad = f->verdict == CHECK_WARNING || f->verdict == CHECK_FAILED;
	struct js *j = js_object();

	cmd_array_add(&d->array, j,
	    js_set_string(j, "phase", c->phase) == 0 &&
	    js_set_string(j, "name", c->name) == 0 &&
	    js_set_string(j, "verdict", verdicts[f->verdict]) == 0 &&
	    js_set_string(j, "what", bad ? f->e.cause : f->what) == 0 &&
	    js_set_string(j, "code", f->e.id) == 0 &&
	    js_set_string(j, "cause", f->e.cause) == 0 &&
	    js_set_string(j, "fix", f->e.fix) == 0 &&
	    js_set_boolean(j, "retryable", f->e.retry != RETRY_NEVER) == 0 &&
	    js_set_integer(j, "status", f->e.status) == 0 &&
	    js_set_integer(j, "ms", ms) == 0);
}

static void
on_found(void *arg, const struct check *c, const struct finding *f, long ms)
{
	struct doctor *d = arg;

	if (f->verdict == CHECK_FAILED && d->status == 0)
		d->status = f->e.status != 0 ? f->e.status : EX_SOFTWARE;
	if (f->verdict != CHECK_OK && f->verdict != CHECK_NOTE)
		d->again[c - checks] = true;
	d->cures[f->cure] = true;
	if (d->json)
		print_element(d, c, f, ms);
	else {
		print_line(c, f);
		(void)fflush(stdout);
	}
}

static void
on_machine(void *arg, const char *id)
{
	struct doctor *d = arg;
	struct err unused = ERR_INIT;

	d->env.has_id = arc_id_parse(id, &d->env.id, &unused) == 0;
}

static void
on_waiting(void *arg, const char *names, long ms)
{
	(void)arg;
	fprintf(stderr, "arc-relay: waiting for %s (%ld s)\n", names, ms / 1000);
}

/* only: NULL, or which checks. */
static int
examine(struct doctor *d, const bool *only, struct err *e)
{
	const struct checks c = { .table = checks, .n = NCHECKS, .only = only,
	    .has_target = d->env.has_target, .become = become,
	    .found = on_found, .machine = on_machine,
	    .waiting = isatty(STDERR_FILENO) ? on_waiting : NULL, .arg = d };
	int rc;

	d->status = 0;
	d->array = (struct cmd_array){ .n = 0 };
	if (d->json)
		printf("{\"checks\": ");
	rc = checks_run(&c, e);
	if (rc == 0 && d->json && (rc = cmd_array_end(&d->array, e)) == 0)
		printf(", \"status\": %d}\n", d->status);
	return (rc);
}

/* --- what can be done about it --- */

/* Returns 1, 0, or -1: nobody can be asked. */
static int
is_wanted(const struct doctor *d, const char *what, struct err *e)
{
	char question[CURE_TEXT_MAX + PATH_MAX];

	if (d->o.value[O_YES] != NULL)
		return (1);
	(void)snprintf(question, sizeof(question), "%s?", what);
	return (prompt_yes(question, e));
}

/* Files that are too open, one after the other. */
struct closing {
	const struct doctor	*d;
	struct err		*e;
	int			 rc;	/* how many; -1: nobody can be asked */
};

/*
 * Who may write the folder may have put another file there while it was asked.
 * Returns NULL, or why not.
 */
static const char *
change_mode(const char *path, const struct stat *asked, mode_t mode)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	const char *why = NULL;
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1)
		why = strerror(errno);
	else if (st.st_dev != asked->st_dev || st.st_ino != asked->st_ino ||
	    st.st_mode != asked->st_mode)
		why = "somebody changed it meanwhile";
	else if (fchmod(fd, mode) == -1)
		why = strerror(errno);
	if (fd != -1)
		(void)close(fd);
	return (why);
}

static void
on_mode(void *arg, const char *path, const struct stat *st, mode_t never)
{
	struct closing *x = arg;
	mode_t mode = st->st_mode & 07777 & ~never;
	char what[PATH_MAX + 40];
	const char *why;
	int wanted;

	if (x->rc == -1 || (st->st_mode & never) == 0 ||
	    st->st_uid != geteuid())
		return;
	(void)snprintf(what, sizeof(what), "chmod %03o %s", (unsigned)mode,
	    path);
	if ((wanted = is_wanted(x->d, what, x->e)) == -1) {
		x->rc = -1;
		return;
	}
	if (wanted == 0)
		return;
	printf("%s\n", what);
	x->rc++;
	if ((why = change_mode(path, st, mode)) != NULL)
		fprintf(stderr, "arc-relay: %s: %s\n", path, why);
}

/* Our own program, with our terminal. */
static int
run_command(const struct doctor *d, const struct cure_command *c,
    struct err *e)
{
	char path[BESIDE_MAX];
	int status = 0;
	pid_t pid;

	(void)fflush(stdout);
	beside_find(BESIDE_TOOL, NULL, path);
	if ((pid = fork()) == 0) {
		(void)execve(path, (char *const *)(const void *)c->argv,
		    d->whole);
		_exit(EX_OSERR);
	}
	if (pid == -1)
		return (err_sys(e, EX_OSERR, "", "cannot start %s", path));
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	return (0);	/* what went wrong it has told */
}

/* Returns 1: done; 0: not wanted, or there is no command; or -1. */
static int
do_cure(const struct doctor *d, enum check_cure cure, struct err *e)
{
	struct closing x = { .d = d, .e = e };
	char shown[CURE_TEXT_MAX];
	struct cure_command c;
	struct err why = ERR_INIT;
	int rc;

	if (cure == CURE_MODES) {
		check_modes(&d->env, on_mode, &x);
		return (x.rc);
	}
	if (cure_command(cure, &d->env, &c, &why) == -1) {
		fprintf(stderr, "%s\n", err_line(&why, "arc-relay", NULL, shown,
		    sizeof(shown)));
		return (0);
	}
	(void)cure_shown(&c, shown, sizeof(shown));
	if ((rc = is_wanted(d, shown, e)) != 1)
		return (rc);
	printf("%s\n", shown);
	return (run_command(d, &c, e) == -1 ? -1 : 1);
}

/* What was not well is looked at again, when something was done. */
static int
fix(struct doctor *d, struct err *e)
{
	bool only[NCHECKS];
	int cure, done = 0, rc;

	for (cure = CURE_NONE + 1; cure < NCURES; cure++) {
		if (!d->cures[cure])
			continue;
		if ((rc = do_cure(d, (enum check_cure)cure, e)) == -1)
			return (-1);
		done += rc;
	}
	if (done == 0)
		return (0);
	memcpy(only, d->again, sizeof(only));
	printf("\nlooking again:\n");
	return (examine(d, only, e));
}

/* Is there a cure for something? */
static bool
has_cure(const struct doctor *d)
{
	int cure;

	for (cure = CURE_NONE + 1; cure < NCURES; cure++)
		if (d->cures[cure])
			return (true);
	return (false);
}

/* As it was typed: another port, another proxy are another cure. */
static void
tell_of_fix(const struct doctor *d)
{
	struct cure_command c = { .argv = { BESIDE_TOOL, "doctor", "--fix" },
	    .n = 3 };
	char shown[CURE_TEXT_MAX];
	int i;

	for (i = 1; i < d->argc && c.n < CURE_WORDS_MAX; i++)
		c.argv[c.n++] = d->argv[i];
	printf("\nSome of it can be cured, after asking: %s\n", cure_shown(&c,
	    shown, sizeof(shown)));
}

/* --- the command line --- */

static int
read_env(struct doctor *d, struct err *e)
{
	const struct options *o = &d->o;
	struct check_env *env = &d->env;
	const char *id = o->value[O_MACHINE];
	long port = 0;

	*env = (struct check_env){ .o = o, .credential = o->value[O_CREDENTIAL],
	    .connect_to = o->value[O_CONNECT_TO], .has_target = o->nrest == 1 };
	if (o->nrest > 1)
		return (err_set(e, EX_USAGE, "", "doctor takes one TARGET"));
	if (o->value[O_FIX] != NULL && o->value[O_JSON] != NULL)
		return (err_set(e, EX_USAGE, "", "--fix and --json exclude each "
		    "other"));
	if (cmd_cloud(o, &env->cloud, e) == -1 || (o->value[O_PORT] != NULL &&
	    options_number(o->value[O_PORT], 1, 65535, "--port", &port,
	    e) == -1) || (env->has_target && target_parse(o->rest[0],
	    &env->target, e) == -1))
		return (-1);
	env->port = (int)port;
	if (id == NULL && env->has_target && env->target.is_id)
		id = env->target.text;
	if (id != NULL && arc_id_parse(id, &env->id, e) == -1)
		return (-1);
	env->has_id = id != NULL;
	return (0);
}

static int
run(struct doctor *d, struct err *e)
{
	int rc;

	if (read_env(d, e) == -1)
		return (-1);
	if (d->o.value[O_CHECK] != NULL)
		return (run_check(&d->env, d->o.value[O_CHECK], e));
	if ((d->whole = env_whole()) == NULL)
		return (err_set(e, EX_OSERR, "", "out of memory"));
	d->json = d->o.value[O_JSON] != NULL;
	rc = examine(d, NULL, e);
	if (rc == 0 && d->o.value[O_FIX] != NULL)
		rc = fix(d, e);
	else if (rc == 0 && !d->json && has_cure(d))
		tell_of_fix(d);
	if (rc == 0 && (fflush(stdout) == EOF || ferror(stdout)))
		rc = err_sys(e, EX_IOERR, "", "cannot write to stdout");
	env_whole_free(d->whole);
	return (rc == 0 ? d->status : -1);
}

int
cmd_doctor(int argc, char **argv, struct err *e)
{
	struct doctor *d = calloc(1, sizeof(*d));
	int rc;

	if (d == NULL)
		return (err_set(e, EX_OSERR, "", "out of memory"));
	d->argc = argc;
	d->argv = argv;
	if ((rc = cmd_parse(table, "doctor [OPTION ...] [TARGET]", NULL, argc,
	    argv, &d->o, e)) == 0)
		rc = run(d, e);
	else
		rc = rc == 1 ? 0 : -1;
	free(d);
	return (rc);
}
