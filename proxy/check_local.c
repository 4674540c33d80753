/*
 * What arc-relay doctor looks at on this computer beside ssh's configuration: ssh
 * itself, the clock, the cache, the kernel, and what failed last.  See check.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/cache.h"
#include "auth/http.h"
#include "proxy/check.h"
#include "proxy/check_ssh.h"
#include "proxy/lasterror.h"
#include "proxy/sandbox.h"
#include "relay/err.h"
#include "relay/secret.h"

#define CLOCK_MAX_S	300	/* what Azure lets pass */
#define CLOCK_TIMEOUT_S	10
#define BODY_MAX	(64 * 1024)
#define TEST_FILE	"doctor"	/* in the cache, for a moment */
#define LOCK_WAIT_MS	1000

/* --- ssh --- */

static void
judge_version(const char *text, const struct check_out *out)
{
	struct err e = ERR_INIT;
	int major, minor, len = (int)strcspn(text, ",\r\n");

	if (sscanf(text, "OpenSSH_%d.%d", &major, &minor) != 2) {
		err_set(&e, EX_CONFIG, "", "the ssh on PATH is not OpenSSH: "
		    "%.*s", len, text);
		err_fix(&e, "sudo apt install openssh-client");
		check_warned(out, &e, CURE_NONE);
	} else if (major < 7 || (major == 7 && minor < 3)) {
		err_set(&e, EX_CONFIG, "", "%.*s cannot read Include, which is "
		    "how it finds the machines", len, text);
		err_fix(&e, "OpenSSH 7.3 or later");
		check_failed(out, &e, CURE_NONE);
	} else if (major == 7 && minor < 8) {
		err_set(&e, EX_CONFIG, "E703", "%.*s cannot log in with an RSA "
		    "certificate to OpenSSH 8.8 or later", len, text);
		err_fix(&e, "OpenSSH 7.8 or later, or a key in place of the "
		    "certificate");
		check_warned(out, &e, CURE_NONE);
	} else
		check_ok(out, "%.*s", len, text);
}

void
check_ssh_version(const struct check_env *env, const struct check_out *out)
{
	static const char *const argv[] = { "ssh", "-V", NULL };
	struct secret text = SECRET_INIT, said = SECRET_INIT;
	struct err e = ERR_INIT;
	int status;

	(void)env;
	if (check_ask_ssh(argv, &text, &said, &status, &e) == -1)
		check_failed(out, &e, CURE_NONE);
	else
		judge_version(said.data != NULL ? said.data : "", out);
	secret_free(&text);
	secret_free(&said);
}

/* --- clock --- */

static void
judge_clock(const char *host, long long ahead, const struct check_out *out)
{
	struct err e = ERR_INIT;

	if (ahead <= CLOCK_MAX_S && ahead >= -CLOCK_MAX_S) {
		check_ok(out, "as that of %.120s, give or take %lld s", host,
		    ahead < 0 ? -ahead + 1 : ahead + 1);
		return;
	}
	err_set(&e, EX_CONFIG, "E111", "the clock here is %lld s %s that of "
	    "%.120s", ahead < 0 ? -ahead : ahead, ahead < 0 ? "behind" :
	    "ahead of", host);
	err_fix(&e, "sudo timedatectl set-ntp true");
	check_failed(out, &e, CURE_NONE);
}

void
check_clock(const struct check_env *env, const struct check_out *out)
{
	const struct http_request q = { .method = "GET",
	    .url = env->cloud.management, .net = &env->cloud.net,
	    .timeout_s = CLOCK_TIMEOUT_S, .body_max = BODY_MAX };
	struct http_reply reply = HTTP_REPLY_INIT;
	struct err unused = ERR_INIT;
	char host[256];
	time_t theirs;

	http_host(env->cloud.management, host, sizeof(host));
	if (http_once(&q, &reply, &unused) == -1 ||
	    http_date(&reply, &theirs) == -1)
		check_skipped(out, "%.150s does not tell its time", host);
	else
		judge_clock(host, (long long)(time(NULL) - theirs), out);
	http_reply_free(&reply);
}

/* --- cache and state --- */

/* Can it be written and locked?  Returns 0; or -1 with E112. */
static int
try_cache(const struct cache *c, struct err *e)
{
	static char word[] = "doctor";
	const struct secret data = { word, sizeof(word) - 1 };
	int lock;

	if (folder_write_quick(&c->folder, TEST_FILE, CACHE_ENTRY_MAX,
	    &data) == -1)
		return (err_sys(e, EX_CANTCREAT, "E112", "cannot write to the "
		    "cache"));
	(void)folder_drop(&c->folder, TEST_FILE);
	lock = folder_lock(&c->folder, TEST_FILE, LOCK_WAIT_MS);
	if (lock == -1 && errno != ETIMEDOUT)
		return (err_sys(e, EX_CANTCREAT, "E112", "cannot lock the "
		    "cache"));
	folder_unlock(lock);
	(void)folder_drop(&c->folder, TEST_FILE FOLDER_LOCK);
	return (0);
}

/* Without it all works, slower. */
static void
warn_cache(const struct check_out *out, struct err *e)
{
	err_fix(e, "give it to yourself with mode 0700, or set "
	    "ARC_RELAY_CACHE_DIR to a folder of yours");
	check_warned(out, e, CURE_NONE);
}

void
check_cache(const struct check_env *env, const struct check_out *out)
{
	struct folder state = FOLDER_INIT;
	struct cache c = { .folder = FOLDER_INIT };
	struct err e = ERR_INIT;

	(void)env;
	if (!cache_is_wanted(false))
		check_noted(out, "ARC_RELAY_NO_CACHE forbids one: each session "
		    "asks Azure");
	else {
		cache_open(&c);
		if (!cache_works(&c)) {
			err_set(&e, EX_CANTCREAT, "E112", "there is no cache: "
			    "%s", c.folder.why);
			warn_cache(out, &e);
		} else if (try_cache(&c, &e) == -1)
			warn_cache(out, &e);
		else
			check_ok(out, "can be written and locked");
		cache_close(&c);
	}
	if (folder_open_state(&state) == -1) {
		err_set(&e, EX_CANTCREAT, "E112", "there is no folder for state: "
		    "%s", state.why);
		err_fix(&e, "give it to yourself with mode 0700");
		check_warned(out, &e, CURE_NONE);
	}
	folder_close(&state);
}

/* --- what the kernel has for a session --- */

/* By trying it: this process is of no use for anything else afterwards. */
void
check_sandbox(const struct check_env *env, const struct check_out *out)
{
	char what[SANDBOX_TEXT];

	(void)env;
	if (sandbox_enter(-1, what))
		check_ok(out, "%s", what);
	else
		check_noted(out, "%s: a session works without", what);
}

/* --- what failed last --- */

static const char *
age(long long s, char *out, size_t size)
{
	if (s < 0)
		(void)snprintf(out, size, "in the future");
	else if (s < 2 * 60)
		(void)snprintf(out, size, "%lld s ago", s);
	else if (s < 2 * 3600)
		(void)snprintf(out, size, "%lld min ago", s / 60);
	else if (s < 2 * 86400)
		(void)snprintf(out, size, "%lld h ago", s / 3600);
	else
		(void)snprintf(out, size, "%lld days ago", s / 86400);
	return (out);
}

void
check_last_error(const struct check_env *env, const struct check_out *out)
{
	struct lasterror last;
	char why[200], when[40];
	const char *line;

	(void)env;
	if (lasterror_read(&last, why, sizeof(why)) != 1) {
		check_noted(out, "none is kept");
		return;
	}
	/* without the name of the program */
	line = strncmp(last.line, "arc-relay-proxy: ", 17) == 0 ?
	    last.line + 17 : last.line;
	if (strlen(line) > FINDING_MAX - 60)
		check_noted(out, "%s: %.*s... (arc-relay explain)",
		    age((long long)time(NULL) - last.time, when, sizeof(when)),
		    FINDING_MAX - 80, line);
	else
		check_noted(out, "%s: %s", age((long long)time(NULL) - last.time,
		    when, sizeof(when)), line);
}
