/*
 * arc-relay-proxy --probe as a child, see prober.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/env.h"
#include "auth/errjson.h"
#include "auth/json.h"
#include "auth/text.h"
#include "proxy/beside.h"
#include "proxy/cmd_options.h"
#include "proxy/prober.h"
#include "relay/log.h"
#include "relay/secret.h"

#define ARGV_MAX	32
#define ANSWER_MAX	(16 * 1024)	/* bytes */

struct numbers {
	char	port[8], deadline[24];
};

static void
make_argv(const struct probe_request *r, struct numbers *n,
    const char *argv[ARGV_MAX])
{
	const struct { const char *name, *value; } options[] = {
		{ "--port", n->port }, { "--deadline", n->deadline },
		{ "--connect-to", r->connect_to },
		{ "--cloud", r->o->value[CMD_CLOUD] },
		{ "--cloud-file", r->o->value[CMD_CLOUD_FILE] },
		{ "--ca-file", r->o->value[CMD_CA_FILE] },
		{ "--proxy", r->o->value[CMD_PROXY] },
		{ "--proxy-auth-file", r->o->value[CMD_PROXY_AUTH_FILE] },
	};
	size_t i;
	int k = 0;

	(void)snprintf(n->port, sizeof(n->port), "%d", r->port);
	(void)snprintf(n->deadline, sizeof(n->deadline), "%ld", r->deadline_s);
	argv[k++] = BESIDE_PROXY;
	argv[k++] = "--probe";
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].value != NULL) {
			argv[k++] = options[i].name;
			argv[k++] = options[i].value;
		}
	if (r->no_cache)
		argv[k++] = "--no-cache";
	if (log_wants(LOG_VERBOSE))
		argv[k++] = log_wants(LOG_DEBUG) ? "-vv" : "-v";
	argv[k++] = "--";
	argv[k++] = r->target;
	argv[k] = NULL;
}

#define CHOICE	"AZURE_TOKEN_CREDENTIALS="

/*
 * env with the token source that was chosen, if one was: arc-relay-proxy has no
 * option for it.  assignment: room for it.  Gives the array, which lends what is
 * in it; NULL if there is no memory.
 */
static char **
with_credential(char **env, const char *credential, char assignment[64])
{
	size_t i, k = 0, n = 0;
	char **with;

	while (env[n] != NULL)
		n++;
	if ((with = calloc(n + 2, sizeof(*with))) == NULL)
		return (NULL);
	for (i = 0; i < n; i++)
		if (credential == NULL ||
		    strncmp(env[i], CHOICE, strlen(CHOICE)) != 0)
			with[k++] = env[i];
	if (credential != NULL) {
		(void)snprintf(assignment, 64, CHOICE "%s", credential);
		with[k] = assignment;
	}
	return (with);
}

int
probe_start(struct probe *p, const struct probe_request *r, struct err *e)
{
	const char *argv[ARGV_MAX];
	char path[BESIDE_MAX], choice[64], **whole, **env = NULL;
	struct numbers numbers;

	*p = (struct probe)PROBE_INIT;
	if ((whole = env_whole()) == NULL ||
	    (env = with_credential(whole, r->credential, choice)) == NULL ||
	    (p->text = calloc(1, sizeof(*p->text))) == NULL) {
		err_set(e, EX_OSERR, "", "out of memory");
		goto fail;
	}
	make_argv(r, &numbers, argv);
	beside_find(BESIDE_PROXY, NULL, path);
	p->fd = beside_start(path, argv, env, !r->progress &&
	    !log_wants(LOG_VERBOSE), &p->pid);
	if (p->fd == -1) {
		p->pid = -1;
		err_sys(e, EX_UNAVAILABLE, "E109", "cannot start %s", path);
		err_fix(e, "install " BESIDE_PROXY " beside arc-relay");
		goto fail;
	}
	(void)fcntl(p->fd, F_SETFL, O_NONBLOCK);
	free(env);
	env_whole_free(whole);
	return (0);
 fail:
	free(p->text);
	p->text = NULL;
	free(env);
	env_whole_free(whole);
	return (-1);
}

/* The number at path; -1 if there is none. */
static int64_t
number(const struct js *j, const char *path)
{
	int64_t n;

	return (js_integer(j, path, &n) == 0 && n >= 0 ? n : -1);
}

/* Returns 0, or -1 when the text is no answer. */
static int
read_answer(const struct secret *text, struct probe_result *result)
{
	char why[JS_WHY_MAX];
	struct js *j = js_parse(text->data, text->len, why);
	const char *banner = js_string(j, "banner");

	*result = (struct probe_result){
		.credential_ms = number(j, "phases.credential"),
		.dns_ms = number(j, "phases.dns"),
		.tcp_ms = number(j, "phases.tcp"),
		.proxy_ms = number(j, "phases.proxy"),
		.tls_ms = number(j, "phases.tls"),
		.upgrade_ms = number(j, "phases.upgrade"),
		.banner_ms = number(j, "phases.banner"),
		.all_ms = number(j, "phases.all"),
		.e = ERR_INIT,
	};
	if (number(j, "attempts") > 0)
		result->attempts = (int)number(j, "attempts");
	if (banner != NULL) {
		(void)snprintf(result->banner, sizeof(result->banner), "%s",
		    banner);
		log_clean(result->banner);
	} else if (errjson_get(j, &result->e) == -1) {
		js_free(j);
		return (-1);
	} else
		result->retryable = js_is_true(js_at(j, "error.retryable"));
	js_free(j);
	return (0);
}

int
probe_step(struct probe *p, struct probe_result *result)
{
	char buf[4096];
	int status = 0;
	ssize_t n;

	if (p->text == NULL)
		return (0);
	while ((n = read(p->fd, buf, sizeof(buf))) > 0)
		if (text_append(p->text, buf, (size_t)n, ANSWER_MAX) == -1)
			break;
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return (0);
	if (n > 0)
		(void)kill(p->pid, SIGKILL);	/* it does not know its job */
	while (waitpid(p->pid, &status, 0) == -1 && errno == EINTR)
		continue;
	p->pid = -1;
	if (read_answer(p->text, result) == -1)
		err_set(&result->e, EX_SOFTWARE, "E707", BESIDE_PROXY " ended "
		    "without an answer (%s %d)", WIFSIGNALED(status) ?
		    "signal" : "status", WIFSIGNALED(status) ?
		    WTERMSIG(status) : WEXITSTATUS(status));
	probe_stop(p);
	return (1);
}

void
probe_stop(struct probe *p)
{
	if (p->pid != -1) {
		(void)kill(p->pid, SIGKILL);	/* it may be stopped */
		while (waitpid(p->pid, NULL, 0) == -1 && errno == EINTR)
			continue;
	}
	if (p->fd != -1)
		(void)close(p->fd);
	if (p->text != NULL)
		secret_free(p->text);
	free(p->text);
	*p = (struct probe)PROBE_INIT;
}
