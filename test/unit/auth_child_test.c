/*
 * Goal: a helper that hangs, shouts, dies or is not there cannot hurt us, and
 * learns none of our secrets.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auth/child.h"
#include "relay/secret.h"
#include "test/unit/tap.h"

static struct secret out = SECRET_INIT;
static char last[CHILD_LAST_MAX];
static int status;

static enum child_result
sh(const char *script, int limit_ms, size_t max)
{
	const char *const argv[] = { "sh", "-c", script, NULL };

	status = -1;
	return (child_run(argv, limit_ms, max, &out, last, &status));
}

static int
printed(const char *text)
{
	return (out.data != NULL ? strcmp(out.data, text) == 0 :
	    text[0] == '\0');
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
	const char *const absent[] = { "no-such-program-here", NULL };
	time_t start;

	ok(sh("echo out; echo err >&2; exit 3", 5000, 100) == CHILD_ENDED &&
	    printed("out\n") && strcmp(last, "err") == 0 && status == 3,
	    "output, last line and status");
	ok(sh("printf 'one\\ntwo\\n\\r\\n' >&2", 5000, 100) == CHILD_ENDED &&
	    strcmp(last, "two") == 0 && printed("") && status == 0,
	    "the last line that is not empty");
	ok(sh("read x || echo end", 5000, 100) == CHILD_ENDED &&
	    printed("end\n"), "standard input is empty");
	ok(sh("kill -9 $$", 5000, 100) == CHILD_ENDED && status == 137,
	    "ended by a signal");
	ok(child_run(absent, 5000, 100, &out, last, &status) == CHILD_ABSENT,
	    "not there");
	ok(sh("yes | head -c 1000000; yes | "
	    "head -c 300000 >&2", 20000, 1000) == CHILD_ENDED &&
	    out.len <= 1000, "shouting: kept within bounds");

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
	return (done_testing());
}
