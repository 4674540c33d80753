/*
 * Names in the background, see renew.h.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/env.h"
#include "auth/names.h"
#include "proxy/beside.h"
#include "proxy/renew.h"
#include "relay/log.h"

#define ARGV_MAX	20

static void
make_argv(const struct renew *r, const char *argv[ARGV_MAX])
{
	const struct { const char *name, *value; } options[] = {
		{ "--cloud", r->cloud }, { "--cloud-file", r->cloud_file },
		{ "--ca-file", r->ca_file }, { "--proxy", r->proxy },
		{ "--proxy-auth-file", r->proxy_auth_file },
		{ "--credential", r->credential },
	};
	size_t i;
	int n = 0;

	argv[n++] = BESIDE_TOOL;
	argv[n++] = "names";
	argv[n++] = "--refresh";
	argv[n++] = "--when-old";
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].value != NULL) {
			argv[n++] = options[i].name;
			argv[n++] = options[i].value;
		}
	argv[n] = NULL;
}

/* Ssh would wait for whoever has its pipes. */
static void
let_go(void)
{
	int fd, null = open("/dev/null", O_RDWR);
	sigset_t none;

	for (fd = 0; fd < 3; fd++)
		if (null == -1 || dup2(null, fd) == -1)
			_exit(1);
#ifdef SYS_close_range
	(void)syscall(SYS_close_range, 3U, ~0U, 0U);	/* else O_CLOEXEC does */
#endif
	(void)signal(SIGPIPE, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

void
renew_names(const struct cache *c, const char *identity, long age_s,
    const struct renew *r)
{
	const char *argv[ARGV_MAX];
	char path[BESIDE_MAX], **env;
	pid_t pid;

	if (age_s <= NAMES_FRESH_S || !names_claim(c, identity) ||
	    (env = env_whole()) == NULL)
		return;
	make_argv(r, argv);
	beside_find(BESIDE_TOOL, BESIDE_VARIABLE, path);
	log_verbose("the names of machines are %ld minutes old: %s renews them "
	    "meanwhile", age_s / 60, path);
	pid = fork();
	if (pid == 0) {
		/* its child is init's as soon as it is gone */
		if (setsid() == -1 || fork() != 0)
			_exit(0);
		let_go();
		(void)execve(path, (char *const *)(const void *)argv, env);
		_exit(1);
	}
	if (pid != -1)
		(void)waitpid(pid, NULL, 0);
	env_whole_free(env);
}
