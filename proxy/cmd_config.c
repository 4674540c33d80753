/*
 * arc-relay config: the machines as blocks of ssh_config, on stdout or installed
 * (cmd_config_install.c).
 */
#include <errno.h>
#include <glob.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/cloud.h"
#include "auth/machines.h"
#include "auth/sshcert_files.h"
#include "auth/text.h"
#include "proxy/beside.h"
#include "proxy/cmd.h"
#include "proxy/cmd_config.h"
#include "proxy/cmd_machines.h"
#include "proxy/config_places.h"
#include "proxy/hostnames.h"
#include "proxy/opts.h"
#include "proxy/shown.h"
#include "proxy/sshconf.h"
#include "proxy/sshconf_try.h"
#include "proxy/trusted.h"
#include "relay/err.h"
#include "relay/secret.h"

#define USAGE		"config [install|uninstall] [OPTION ...] [NAME|GLOB ...]\n" \
			"(and --cloud, --cloud-file, --ca-file, --proxy, " \
			"--proxy-auth-file)"
#define CONNECT_TIMEOUT_S	120
#define CONNECT_TIMEOUT_MIN_S	10
#define CONNECT_TIMEOUT_MAX_S	3600	/* the most that --deadline takes */
#define HOSTS_MAX	(64u * 1024 * 1024)	/* bytes of a file with hosts */
#define INCLUDES_DEEP	16		/* as ssh has it */

static const struct option_row table[] = {
	CMD_ROWS_HIDDEN,
	CMD_MACHINES_ROWS,
	{ 0, "user", "USER", "log in as", 0 },
	{ 0, "user-tag", "TAG", "log in as this tag of the machine says", 0 },
	{ 0, "identity", "FILE", "the key to log in with", 0 },
	{ 0, "entra", NULL, "log in with a certificate of Entra's (Linux)", 0 },
	{ 'p', "port", "N", "port of the SSH servers (22)", 0 },
	{ 0, "short", NULL, "web01 beside web01.arc", 0 },
	{ 0, "wildcard", NULL, "and *.arc, for machines that are not listed", 0 },
	{ 0, "mux", NULL, "share one connection for 10 minutes", 0 },
	{ 0, "connect-timeout", "SECONDS", "for ssh (120)", 0 },
	{ 0, "connect-to", "HOST:PORT", "TCP goes there instead "
	    "(private endpoint)", 0 },
	{ 0, "file", "FILE", "instead of ~/.ssh/config.d/arc-relay.conf", 0 },
	{ 0, "dry-run", NULL, "tell what install would do", 0 },
	{ 0, "diff", NULL, "show what install would change", 0 },
	CMD_LAST_ROWS
};
enum { O_USER = CMD_MACHINES_NROWS, O_USER_TAG, O_IDENTITY, O_ENTRA, O_PORT,
    O_SHORT, O_WILDCARD, O_MUX, O_CONNECT_TIMEOUT, O_CONNECT_TO, O_FILE,
    O_DRY_RUN, O_DIFF };

/*
 * What goes on to arc-relay-proxy as it is, and, all but the last, to arc-relay;
 * and whether it is a file.
 */
static const struct {
	int		 row;
	const char	*option;
	bool		 is_file;
} passed_on[] = {
	{ CMD_CLOUD, "--cloud", false },
	{ CMD_CLOUD_FILE, "--cloud-file", true },
	{ CMD_CA_FILE, "--ca-file", true },
	{ CMD_PROXY, "--proxy", false },
	{ CMD_PROXY_AUTH_FILE, "--proxy-auth-file", true },
	{ O_CONNECT_TO, "--connect-to", false },
};

#define NPASSED	(sizeof(passed_on) / sizeof(passed_on[0]))

enum verb { PRINT, INSTALL, UNINSTALL };

/* Where the names of hosts are looked for. */
struct search {
	struct hostnames	*names;
	const struct config_places *places;
	int			 depth;
};

/* A run, and all that the settings point to. */
struct job {
	struct options		 o;
	enum verb		 verb;
	int			 nargs;		/* before the first NAME */
	enum config_how		 how;
	struct config_places	 places;
	struct cloud		 cloud;
	struct machines		 machines;
	size_t			 left_out;
	struct hostnames	*taken;
	struct secret		 made_by;
	struct sshconf		 s;
	char			 proxy[BESIDE_MAX], tool[BESIDE_MAX];
	char			 identity[PATH_MAX], file[PATH_MAX];
	char			 cert_conf[PATH_MAX];
	char			 files[NPASSED][PATH_MAX];
	const char		*args[2 * NPASSED + 1];
	const char		*cert_args[2 * NPASSED + 1];
};

/* --- the command line --- */

static int
read_verb(struct job *j, struct err *e)
{
	const struct options *o = &j->o;
	const char *word = o->nrest > 0 ? o->rest[0] : "";

	j->verb = strcmp(word, "install") == 0 ? INSTALL :
	    strcmp(word, "uninstall") == 0 ? UNINSTALL : PRINT;
	j->nargs = j->verb != PRINT;
	j->how = o->value[O_DIFF] != NULL ? CONFIG_DIFF :
	    o->value[O_DRY_RUN] != NULL ? CONFIG_TELL : CONFIG_DO;
	if (j->verb == PRINT &&
	    (j->how != CONFIG_DO || o->value[O_FILE] != NULL))
		return (err_set(e, EX_USAGE, "", "--file, --dry-run and --diff "
		    "are for config install and config uninstall"));
	if (j->verb == UNINSTALL && o->nrest > 1)
		return (err_set(e, EX_USAGE, "", "config uninstall removes all "
		    "of it: no NAME"));
	return (0);
}

static int
absolute(const char *path, char out[PATH_MAX], struct err *e)
{
	char here[PATH_MAX] = "";

	if (path[0] != '/' && getcwd(here, sizeof(here)) == NULL)
		return (err_sys(e, EX_OSERR, "", "cannot tell in which folder "
		    "this is"));
	if ((size_t)snprintf(out, PATH_MAX, "%s%s%s", here,
	    here[0] != '\0' ? "/" : "", path) >= PATH_MAX)
		return (err_set(e, EX_USAGE, "", "a too long name: %.100s",
		    path));
	return (0);
}

/* Of a word for a shell, as far as a comment needs it. */
static int
add_word(struct secret *line, const char *word)
{
	bool plain = word[0] != '\0' && text_only(word, "-._/=:,@+%");
	const char *p;
	int rc = text_append(line, plain ? " " : " '", plain ? 1 : 2,
	    SIZE_MAX - 1);

	for (p = word; rc == 0 && *p != '\0'; p++)
		rc = *p == '\'' ? text_append(line, "'\\''", 4, SIZE_MAX - 1) :
		    text_append(line, p, 1, SIZE_MAX - 1);
	return (rc == 0 && !plain ? text_append(line, "'", 1, SIZE_MAX - 1) :
	    rc);
}

/* No option carries a secret, so that this line has none. */
static int
read_made_by(struct job *j, int argc, char **argv, struct err *e)
{
	int i, rc = text_append(&j->made_by, "arc-relay", 9, SIZE_MAX - 1);

	for (i = 0; i < argc && rc == 0; i++)
		if (strcmp(argv[i], "--dry-run") != 0 &&
		    strcmp(argv[i], "--diff") != 0)
			rc = add_word(&j->made_by, argv[i]);
	j->s.made_by = j->made_by.data;
	return (rc == 0 ? 0 : err_set(e, EX_OSERR, "", "out of memory"));
}

/* --- what every block has --- */

/* Would arc-relay-proxy take them? */
static int
check_args(const char *const args[], struct err *e)
{
	const char *argv[2 * NPASSED + 2] = { BESIDE_PROXY };
	struct opts unused;
	int argc;

	for (argc = 1; args[argc - 1] != NULL; argc++)
		argv[argc] = args[argc - 1];
	return (opts_parse(argc, (char **)(uintptr_t)argv, &unused, e));
}

static int
set_args(struct job *j, struct err *e)
{
	size_t i, n = 0;

	for (i = 0; i < NPASSED; i++) {
		const char *value = j->o.value[passed_on[i].row];

		if (value == NULL)
			continue;
		if (passed_on[i].is_file) {
			if (absolute(value, j->files[i], e) == -1)
				return (-1);
			value = j->files[i];
		}
		j->args[n] = passed_on[i].option;
		j->args[n + 1] = value;
		if (passed_on[i].row != O_CONNECT_TO) {
			j->cert_args[n] = j->args[n];
			j->cert_args[n + 1] = value;
		}
		n += 2;
	}
	j->s.proxy_args = j->args;
	j->s.cert_args = j->cert_args;
	return (check_args(j->args, e));
}

static int
set_programs(struct job *j, struct err *e)
{
	beside_find(BESIDE_PROXY, NULL, j->proxy);
	beside_find(BESIDE_TOOL, NULL, j->tool);
	j->s.proxy = j->proxy;
	j->s.tool = j->tool;
	return (trusted_program(j->proxy, e) == -1 ||
	    trusted_program(j->tool, e) == -1 ? -1 : 0);
}

static int
set_numbers(struct job *j, struct err *e)
{
	const char *port = j->o.value[O_PORT];
	const char *timeout = j->o.value[O_CONNECT_TIMEOUT];
	long n = 22, s = CONNECT_TIMEOUT_S;

	if ((port != NULL &&
	    options_number(port, 1, 65535, "--port", &n, e) == -1) ||
	    (timeout != NULL && options_number(timeout, CONNECT_TIMEOUT_MIN_S,
	    CONNECT_TIMEOUT_MAX_S, "--connect-timeout", &s, e) == -1))
		return (-1);
	j->s.port = (int)n;
	j->s.connect_timeout_s = (int)s;
	return (0);
}

static int
set_all(struct job *j, struct err *e)
{
	const struct options *o = &j->o;

	if (set_programs(j, e) == -1 || set_args(j, e) == -1 ||
	    set_numbers(j, e) == -1)
		return (-1);
	if (o->value[O_IDENTITY] != NULL) {
		if (absolute(o->value[O_IDENTITY], j->identity, e) == -1)
			return (-1);
		j->s.identity_file = j->identity;
	}
	j->s.entra = o->value[O_ENTRA] != NULL;
	if (j->s.entra && sshcert_conf_path(j->cert_conf,
	    sizeof(j->cert_conf), e) == -1)
		return (-1);
	j->s.cert_conf = j->cert_conf;
	j->s.user = o->value[O_USER];
	j->s.user_tag = o->value[O_USER_TAG];
	j->s.known_hosts = j->places.known_hosts;
	j->s.mux = o->value[O_MUX] != NULL;
	j->s.bare = o->value[O_SHORT] != NULL;
	j->s.wildcard = o->value[O_WILDCARD] != NULL;
	if (j->s.wildcard && sshconf_try_wildcard(e) == -1)
		return (-1);
	return (sshconf_check(&j->s, e));
}

/* --- names that mean something already --- */

static int	 read_config(struct search *s, const char *path);

static int
read_included(void *arg, const char *pattern)
{
	struct search *s = arg;
	char path[2 * PATH_MAX];
	glob_t found;
	int rc = 0;
	size_t i;

	if (pattern[0] == '/')
		(void)snprintf(path, sizeof(path), "%s", pattern);
	else if (strncmp(pattern, "~/", 2) == 0)
		(void)snprintf(path, sizeof(path), "%s%s", s->places->home,
		    pattern + 1);
	else
		(void)snprintf(path, sizeof(path), "%s/%s", s->places->ssh,
		    pattern);
	if (glob(path, 0, NULL, &found) != 0)
		return (0);
	for (i = 0; i < found.gl_pathc && rc == 0; i++)
		rc = read_config(s, found.gl_pathv[i]);
	globfree(&found);
	return (rc);
}

/* What cannot be read is left to ssh to complain of.  -1: no memory. */
static int
read_config(struct search *s, const char *path)
{
	struct secret text = SECRET_INIT;
	int rc = 0;

	if (s->depth < INCLUDES_DEEP &&
	    text_read_regular(path, HOSTS_MAX, false, &text) == 0 &&
	    strncmp(text.data, SSHCONF_FIRST, strlen(SSHCONF_FIRST)) != 0) {
		s->depth++;
		rc = hostnames_add_config(s->names, text.data, text.len,
		    read_included, s);
		s->depth--;
	}
	secret_free(&text);
	return (rc);
}

static int
read_known(struct search *s, const char *path)
{
	struct secret text = SECRET_INIT;
	int rc = 0;

	if (text_read_regular(path, HOSTS_MAX, false, &text) == 0)
		rc = hostnames_add_known(s->names, text.data, text.len);
	secret_free(&text);
	return (rc);
}

static bool
is_taken(void *arg, const char *name)
{
	return (hostnames_has(arg, name));
}

static int
find_taken(struct job *j, struct err *e)
{
	struct search s = { .places = &j->places };
	char known[PATH_MAX + 16], known2[PATH_MAX + 16];

	if (!j->s.bare)
		return (0);
	(void)snprintf(known, sizeof(known), "%s/known_hosts", j->places.ssh);
	(void)snprintf(known2, sizeof(known2), "%s/known_hosts2",
	    j->places.ssh);
	if ((s.names = j->taken = hostnames_new()) == NULL ||
	    read_config(&s, j->places.config) == -1 ||
	    read_config(&s, "/etc/ssh/ssh_config") == -1 ||
	    read_known(&s, known) == -1 || read_known(&s, known2) == -1 ||
	    read_known(&s, "/etc/ssh/ssh_known_hosts") == -1)
		return (err_set(e, EX_OSERR, "", "out of memory"));
	j->s.is_taken = is_taken;
	j->s.taken_arg = j->taken;
	return (0);
}

/* --- what is done --- */

static void
tell(void *arg, const struct machine *m, enum sshconf_note what,
    const char *why)
{
	static const char *const words[] = {
		[SSHCONF_LEFT_OUT] = "left out",
		[SSHCONF_NO_ENTRA] = "without Entra's certificate",
		[SSHCONF_NOT_BARE] = "only with .arc",
	};
	struct job *j = arg;
	char name[80], group[80];

	j->left_out += what == SSHCONF_LEFT_OUT;
	(void)fprintf(stderr, "arc-relay: %s: %s (%s): %s\n", words[what],
	    shown(m->name, name, sizeof(name)),
	    shown(m->group, group, sizeof(group)), why);
}

/* ssh does not look at HOME. */
static void
tell_home(const struct job *j)
{
	const struct passwd *me = getpwuid(geteuid());
	char tilde[PATH_MAX];

	if (me != NULL && strcmp(me->pw_dir, j->places.home) != 0)
		(void)fprintf(stderr, "arc-relay: ssh reads the configuration "
		    "of %s by itself; for this one: ssh -F %s\n", me->pw_dir,
		    config_tilde(&j->places, j->places.config, tilde));
}

/* A lost permission or a slip of the pen shall not empty a file that works. */
static int
check_some(const struct job *j, struct err *e)
{
	if (cmd_machines_found(&j->o, j->nargs, &j->machines, e) == -1)
		return (-1);
	if (j->machines.n - j->left_out > 0 || j->s.wildcard)
		return (0);
	err_set(e, EX_NOHOST, "E201", "there is no machine to write a block "
	    "for%s", j->verb == INSTALL ? "; nothing was changed" : "");
	return (err_fix(e, "arc-relay list shows those that you can see; "
	    "arc-relay whoami, who you are"));
}

static int
write_out(const struct job *j, const struct secret *text, struct err *e)
{
	char what[100];
	size_t n = j->machines.n - j->left_out;

	if (j->verb == PRINT) {
		if (fwrite(text->data, 1, text->len, stdout) != text->len)
			return (err_sys(e, EX_IOERR, "", "cannot write to "
			    "stdout"));
		return (0);
	}
	(void)snprintf(what, sizeof(what), "%zu machine%s", n,
	    n == 1 ? "" : "s");
	if (j->left_out > 0)
		(void)snprintf(what + strlen(what), sizeof(what) - strlen(what),
		    " (%zu left out)", j->left_out);
	if (config_install(&j->places, text, what, j->how, e) == -1)
		return (-1);
	if (j->how == CONFIG_DO)
		tell_home(j);
	return (0);
}

static int
make(struct job *j, struct err *e)
{
	struct secret text = SECRET_INIT;
	int rc = -1;

	if (cmd_cloud(&j->o, &j->cloud, e) == -1 || set_all(j, e) == -1 ||
	    find_taken(j, e) == -1 ||
	    cmd_machines(&j->o, j->nargs, &j->cloud, &j->machines, e) == -1)
		return (-1);
	if (sshconf_write(&j->s, &j->machines, &text, tell, j, e) == 0 &&
	    check_some(j, e) == 0)
		rc = write_out(j, &text, e);
	secret_free(&text);
	return (rc);
}

int
cmd_config(int argc, char **argv, struct err *e)
{
	struct job *j = calloc(1, sizeof(*j));
	const char *file;
	int rc;

	if (j == NULL)
		return (err_set(e, EX_OSERR, "", "out of memory"));
	/* before getopt puts the options first */
	if ((rc = read_made_by(j, argc, argv, e)) == 0 &&
	    (rc = cmd_parse(table, USAGE, NULL, argc, argv, &j->o, e)) != 0)
		rc = rc == 1 ? 1 : -1;
	if (rc == 0 && (rc = read_verb(j, e)) == 0) {
		file = j->o.value[O_FILE];
		if (file != NULL && absolute(file, j->file, e) == -1)
			rc = -1;
		else if (config_places(file != NULL ? j->file : NULL,
		    &j->places, e) == -1)
			rc = -1;
		else if (j->verb == UNINSTALL)
			rc = config_uninstall(&j->places, j->how, e);
		else
			rc = make(j, e);
	}
	machines_free(&j->machines);
	hostnames_free(j->taken);
	secret_free(&j->made_by);
	free(j);
	return (rc == -1 ? -1 : 0);
}
