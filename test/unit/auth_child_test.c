/*
 * Goal: a helper that hangs, shouts, dies or is not there cannot hurt us, and
 * learns none of our secrets.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auth/child.h"
#include "relay/secret.h"
#include "test/unit/tap.h"

static struct secret out = SECRET_INIT;
static struct secret err = SECRET_INIT;
static int status;

static enum child_result
sh(const char *script, int limit_ms, size_t max)
{
	const char *const argv[] = { "sh", "-c", script, NULL };

	status = -1;
	return (child_run(argv, limit_ms, max, &out, &err, &status));
}

static int
is(const struct secret *s, const char *text)
{
	return (s->data != NULL ? strcmp(s->data, text) == 0 :
	    text[0] == '\0');
}

static int
printed(const char *text)
{
	return (is(&out, text));
}

/* Is it the beginning of what yes prints, and just that many bytes? */
static int
is_cut(const struct secret *s, size_t len)
{
	size_t i;

	for (i = 0; i < s->len && s->data[i] == "y\n"[i % 2]; i++)
		;
	return (i == len && s->len == len);
}

/* The pid that the script printed; is it gone soon? */
static int
is_gone(pid_t pid)
{
	int i;

	for (i = 0; i < 100 && kill(pid, 0) == 0; i++)
		(void)usleep(20000);
	return (kill(pid, 0) == -1);
}

int
main(void)
{
	static const char *const twice[] = { "cat", "/dev/stdin", "/dev/stdin",
	    NULL };
	const char *const absent[] = { "no-such-program-here", NULL };
	time_t start;

	ok(sh("echo out; echo err >&2; exit 3", 5000, 100) == CHILD_ENDED &&
	    printed("out\n") && is(&err, "err\n") && status == 3,
	    "output, error output and status");
	ok(sh("printf 'one\\ntwo\\n' >&2", 5000, 100) == CHILD_ENDED &&
	    is(&err, "one\ntwo\n") && printed("") && status == 0,
	    "error output alone; the other is empty again");
	ok(sh("read x || echo end", 5000, 100) == CHILD_ENDED &&
	    printed("end\n"), "standard input is empty");
	ok(sh("kill -9 $$", 5000, 100) == CHILD_ENDED && status == 137,
	    "ended by a signal");
	ok(child_run(absent, 5000, 100, &out, &err, &status) == CHILD_ABSENT,
	    "not there");
	ok(sh("yes | head -c 1000000; yes | "
	    "head -c 300000 >&2", 20000, 1001) == CHILD_ENDED &&
	    is_cut(&out, 1001) && is_cut(&err, CHILD_ERR_MAX),
	    "shouting: the beginning is kept");

	ok(child_run_on(twice, "a\nb\n", 10000, 100, &out, &err, &status) ==
	    CHILD_ENDED && status == 0 && out.data != NULL &&
	    strcmp(out.data, "a\nb\na\nb\n") == 0,
	    "a text as /dev/stdin, read twice");
	ok(child_run_on(twice, "", 10000, 100, &out, &err, &status) ==
	    CHILD_ENDED && status == 0 && out.len == 0, "an empty one");

	(void)signal(SIGCHLD, SIG_IGN);
	start = time(NULL);
	ok(sh("echo out", 10000, 100) == CHILD_BROKEN && errno == ECHILD &&
	    time(NULL) - start < 5,
	    "nobody can wait for a child: told, and not waited for");
	(void)signal(SIGCHLD, SIG_DFL);

	(void)setenv("AZURE_CLIENT_SECRET", "CANARY", 1);
	(void)setenv("SSHPROXY_RELAY_INFO", "CANARY", 1);
	(void)setenv("AZURE_CONFIG_DIR", "/kept", 1);
	ok(sh("env", 5000, 100000) == CHILD_ENDED &&
	    strstr(out.data, "CANARY") == NULL &&
	    strstr(out.data, "AZURE_CONFIG_DIR=/kept") != NULL,
	    "its environment has no secret of ours");

	start = time(NULL);
	ok(sh("sleep 1000 & echo $!; sleep 1000", 300, 100) == CHILD_LATE &&
	    time(NULL) - start < 5, "hanging: ended at the limit");
	ok(is_gone((pid_t)strtol(out.data, NULL, 10)), "with its children");

	start = time(NULL);
	ok(sh("exec yes", 300, 100) == CHILD_LATE && time(NULL) - start < 5 &&
	    sh("exec yes >&2", 300, 100) == CHILD_LATE &&
	    time(NULL) - start < 10, "writing without end: the same");

	start = time(NULL);
	ok(sh("sleep 1000 & echo $!", 10000, 100) == CHILD_ENDED &&
	    time(NULL) - start < 5,
	    "one it leaves behind, with our pipes, does not hold us up");
	(void)kill((pid_t)strtol(out.data, NULL, 10), SIGKILL);

	secret_free(&out);
	secret_free(&err);
	return (done_testing());
}
