/*
 * arc-relay prepare: before many sessions begin at once, gets what each of them needs
 * and dials each machine, to the first word of its SSH server.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "auth/cache.h"
#include "auth/cloud.h"
#include "auth/errjson.h"
#include "auth/json.h"
#include "proxy/cmd.h"
#include "proxy/cmd_chosen.h"
#include "proxy/cmd_machines.h"
#include "proxy/cmd_probes.h"
#include "proxy/prober.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/log.h"

#define SSH_PORT	22
#define DEADLINE_S	120	/* as ssh has it: an agent takes 30-90 s */
#define DEADLINE_MAX_S	3600
#define AT_ONCE		32
#define AT_ONCE_MAX	256
#define TOLD_MAX	3	/* failures of a kind, before they are counted only */
#define NAMES_MAX	20	/* names in a line */
#define KINDS_MAX	100

static const struct option_row table[] = {
	CMD_ROWS_HIDDEN,
	CMD_MACHINES_ROWS,
	{ 'p', "port", "N", "port of their SSH servers (22)", 0 },
	{ 0, "deadline", "SECONDS", "wait for a machine no longer (120)", 0 },
	{ 'P', "parallel", "N", "so many at once, 1 to 256 (32)", 0 },
	{ 0, "connect-to", "HOST:PORT", "TCP goes there instead "
	    "(private endpoint)", 0 },
	{ 0, "json", NULL, "one JSON document, an element a machine", 0 },
	CMD_LAST_ROWS
};
enum { O_PORT = CMD_MACHINES_NROWS, O_DEADLINE, O_PARALLEL, O_CONNECT_TO,
    O_JSON };

enum state { WAITING, READY, FAILED, LEFT_OUT };

struct outcome {
	enum state		 state;
	bool			 told;		/* why it failed */
	struct probe_result	 r;
};

/* Failures that have one id, or the same cause. */
struct kind {
	const struct err	*e;		/* of the first */
	size_t			 n, told;
};

struct job {
	struct options		 o;
	struct cloud		 cloud;
	struct chosen_list	 list;
	struct outcome		*outcomes;	/* of each */
	size_t			*order;		/* those that are dialled */
	size_t			 ndials;
	long			 port, deadline_s, at_once;
	bool			 tells_times;	/* -v */
	size_t			 ready, failed, left_out;
	struct kind		 kinds[KINDS_MAX];
	size_t			 nkinds;
	int64_t			 began_ms;
	int			 columns;	/* of the line that shows how it goes */
	char			 shown[80];	/* in it */
};

static const struct {
	const char	*name;
	size_t		 at;
} phases[] = {
	{ "credential", offsetof(struct probe_result, credential_ms) },
	{ "dns", offsetof(struct probe_result, dns_ms) },
	{ "tcp", offsetof(struct probe_result, tcp_ms) },
	{ "proxy", offsetof(struct probe_result, proxy_ms) },
	{ "tls", offsetof(struct probe_result, tls_ms) },
	{ "upgrade", offsetof(struct probe_result, upgrade_ms) },
	{ "banner", offsetof(struct probe_result, banner_ms) },
};

#define NPHASES	(sizeof(phases) / sizeof(phases[0]))

/* -1: it was not reached. */
static int64_t
phase_ms(const struct probe_result *r, size_t i)
{
	return (*(const int64_t *)(const void *)((const char *)r +
	    phases[i].at));
}

static int
read_numbers(struct job *j, struct err *e)
{
	const struct {
		int		 row;
		const char	*name;
		long		 max, usual, *out;
	} numbers[] = {
		{ O_PORT, "--port", 65535, SSH_PORT, &j->port },
		{ O_DEADLINE, "--deadline", DEADLINE_MAX_S, DEADLINE_S,
		    &j->deadline_s },
		{ O_PARALLEL, "--parallel", AT_ONCE_MAX, AT_ONCE, &j->at_once },
	};
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const char *text = j->o.value[numbers[i].row];

		*numbers[i].out = numbers[i].usual;
		if (text != NULL && options_number(text, 1, numbers[i].max,
		    numbers[i].name, numbers[i].out, e) == -1)
			return (-1);
	}
	return (0);
}

/* --- what is said meanwhile --- */

/* What follows begins at the left again. */
static void
hide_progress(struct job *j)
{
	if (j->columns > 0)
		(void)fprintf(stderr, "\r%*s\r", j->columns, "");
	j->columns = 0;
	j->shown[0] = '\0';
}

static void
show_progress(void *arg)
{
	struct job *j = arg;
	char line[sizeof(j->shown)];
	int n;

	if (!isatty(STDERR_FILENO) || log_wants(LOG_VERBOSE))
		return;
	n = snprintf(line, sizeof(line), "%zu of %zu ready", j->ready,
	    j->ndials);
	if (j->failed > 0)
		n += snprintf(line + n, sizeof(line) - (size_t)n,
		    ", %zu failed", j->failed);
	if (strcmp(line, j->shown) == 0)
		return;
	memcpy(j->shown, line, sizeof(line));
	(void)fprintf(stderr, "\r%s", line);
	j->columns = n;
}

static void
tell(struct job *j, const char *name, const struct err *e)
{
	char line[ERR_LINE_MAX + 1];

	hide_progress(j);
	(void)fprintf(stderr, "%s\n", err_line(e, "arc-relay", name, line,
	    sizeof(line)));
}

static void
tell_times(struct job *j, const char *name, const struct probe_result *r)
{
	size_t i;

	hide_progress(j);
	(void)fprintf(stderr, "arc-relay: %s: ready in %lld ms", name,
	    (long long)r->all_ms);
	if (r->attempts > 1)
		(void)fprintf(stderr, ", attempts %d", r->attempts);
	(void)fputs(":", stderr);
	for (i = 0; i < NPHASES; i++)
		if (phase_ms(r, i) >= 0)
			(void)fprintf(stderr, " %s %lld", phases[i].name,
			    (long long)phase_ms(r, i));
	(void)fprintf(stderr, " ms\n");
}

static bool
is_kind(const struct kind *k, const struct err *e)
{
	return (strcmp(k->e->id, e->id) == 0 && (e->id[0] != '\0' ||
	    strcmp(k->e->cause, e->cause) == 0));
}

/* NULL: there are too many of them to count. */
static struct kind *
kind_of(struct job *j, const struct err *e)
{
	size_t i;

	for (i = 0; i < j->nkinds; i++)
		if (is_kind(&j->kinds[i], e))
			return (&j->kinds[i]);
	if (j->nkinds == KINDS_MAX)
		return (NULL);
	j->kinds[j->nkinds] = (struct kind){ .e = e };
	return (&j->kinds[j->nkinds++]);
}

/* The first of a kind at once; words that name no machine only once. */
static void
tell_failure(struct job *j, size_t i)
{
	struct outcome *x = &j->outcomes[i];
	struct kind *k = kind_of(j, &x->r.e);

	x->told = k == NULL || k->n == 0 || (k->told < TOLD_MAX &&
	    strcmp(k->e->cause, x->r.e.cause) != 0);
	if (x->told)
		tell(j, j->list.at[i].name, &x->r.e);
	if (k != NULL) {
		k->n++;
		k->told += x->told;
	}
}

/* --- dialling --- */

static void
ask(void *arg, size_t k, struct probe_request *r)
{
	const struct job *j = arg;

	*r = (struct probe_request){
		.o = &j->o, .target = j->list.at[j->order[k]].id,
		.port = (int)j->port, .deadline_s = j->deadline_s,
		.connect_to = j->o.value[O_CONNECT_TO],
		.credential = j->o.value[CMD_CREDENTIAL],
	};
}

/* "arc-relay enable NAME" in a fix, where NAME alone is that of several. */
static void
name_target(struct err *e, const struct chosen *c)
{
	static const char verb[] = "arc-relay enable ";
	const char *name = strrchr(c->id, '/') + 1;
	char fix[sizeof(e->fix)], *at;
	size_t len = strlen(name);

	(void)snprintf(fix, sizeof(fix), "%s", e->fix);
	if ((at = strstr(fix, verb)) == NULL)
		return;
	at += strlen(verb);
	if (strncmp(at, name, len) == 0 && (at[len] == ' ' || at[len] == '\0'))
		err_fix(e, "%.*s%s%s", (int)(at - fix), fix, c->name, at + len);
}

static bool
ended(void *arg, size_t k, const struct probe_result *r)
{
	struct job *j = arg;
	size_t i = j->order[k];
	struct outcome *x = &j->outcomes[i];

	x->r = *r;
	x->state = r->e.status == 0 ? READY : FAILED;
	if (x->state == FAILED) {
		name_target(&x->r.e, &j->list.at[i]);
		j->failed++;
		tell_failure(j, i);
	} else {
		j->ready++;
		if (j->tells_times)
			tell_times(j, j->list.at[i].name, r);
	}
	return (true);
}

/* Azure knows that nobody would answer; any other word of its may be late. */
static bool
is_away(const struct chosen *c)
{
	return (!c->named && (strcasecmp(c->status, "Disconnected") == 0 ||
	    strcasecmp(c->status, "Expired") == 0));
}

static void
leave_out(struct job *j, size_t i)
{
	struct outcome *x = &j->outcomes[i];

	x->state = LEFT_OUT;
	j->left_out++;
	err_set(&x->r.e, EX_UNAVAILABLE, "E204", "%s is %s: its Arc agent does "
	    "not report to Azure", j->list.at[i].name, j->list.at[i].status);
	err_fix(&x->r.e, "on the machine: sudo azcmagent show");
}

static int
plan(struct job *j, struct err *e)
{
	size_t i;

	j->outcomes = calloc(j->list.n, sizeof(*j->outcomes));
	j->order = calloc(j->list.n, sizeof(*j->order));
	if (j->outcomes == NULL || j->order == NULL)
		return (err_set(e, EX_OSERR, "", "out of memory"));
	for (i = 0; i < j->list.n; i++)
		if (is_away(&j->list.at[i]))
			leave_out(j, i);
		else
			j->order[j->ndials++] = i;
	return (0);
}

/* --- what is said at the end --- */

/* The names of those that has is true for, in a line that more begins. */
static void
tell_names(struct job *j, const char *more, bool (*has)(const struct job *,
    const struct outcome *, const void *), const void *arg, const char *end)
{
	size_t i, n = 0;

	(void)fprintf(stderr, "arc-relay: %s", more);
	for (i = 0; i < j->list.n; i++) {
		if (!has(j, &j->outcomes[i], arg))
			continue;
		if (n++ < NAMES_MAX)
			(void)fprintf(stderr, " %s", j->list.at[i].name);
	}
	if (n > NAMES_MAX)
		(void)fprintf(stderr, " and %zu more (--json tells all)",
		    n - NAMES_MAX);
	(void)fprintf(stderr, "%s\n", end);
}

static bool
is_left_out(const struct job *j, const struct outcome *x, const void *arg)
{
	(void)j;
	(void)arg;
	return (x->state == LEFT_OUT);
}

static bool
is_untold(const struct job *j, const struct outcome *x, const void *kind)
{
	(void)j;
	return (x->state == FAILED && !x->told && is_kind(kind, &x->r.e));
}

static void
tell_the_rest(struct job *j)
{
	char head[80], tail[20];
	size_t i;

	for (i = 0; i < j->nkinds; i++) {
		const struct kind *k = &j->kinds[i];

		if (k->n == k->told)
			continue;
		(void)snprintf(head, sizeof(head), "the same of %zu more:",
		    k->n - k->told);
		(void)snprintf(tail, sizeof(tail), k->e->id[0] != '\0' ?
		    " [%s]" : "%s", k->e->id);
		tell_names(j, head, is_untold, k, tail);
	}
	if (j->left_out > 0) {
		(void)snprintf(head, sizeof(head), "left out, for Azure says "
		    "that they are not connected (%zu):", j->left_out);
		tell_names(j, head, is_left_out, NULL, "");
	}
}

static void
tell_sum(const struct job *j, FILE *out, const char *head)
{
	int64_t ms = clock_ms() - j->began_ms;

	(void)fprintf(out, "%s%zu of %zu ready", head, j->ready, j->ndials);
	if (j->failed > 0)
		(void)fprintf(out, ", %zu failed", j->failed);
	if (j->left_out > 0)
		(void)fprintf(out, ", %zu left out", j->left_out);
	(void)fprintf(out, " (%lld.%lld s)\n", (long long)ms / 1000,
	    (long long)ms % 1000 / 100);
}

static struct js *
phases_of(const struct probe_result *r)
{
	struct js *j = js_object();
	size_t i;

	for (i = 0; i < NPHASES; i++)
		if (phase_ms(r, i) >= 0 && js_set_integer(j, phases[i].name,
		    phase_ms(r, i)) == -1) {
			js_free(j);
			return (NULL);
		}
	return (j);
}

static void
print_one(struct cmd_array *a, const struct chosen *c, const struct outcome *x)
{
	bool dialled = x->state != LEFT_OUT, ready = x->state == READY;
	struct js *j = js_object();
	int rc;

	rc = js_set_string(j, "id", c->id) | js_set_string(j, "name", c->name) |
	    js_set_boolean(j, "ready", ready) |
	    js_set_boolean(j, "left_out", !dialled) |
	    (dialled ? js_set_integer(j, "ms", x->r.all_ms) |
	    js_set_integer(j, "attempts", x->r.attempts) |
	    js_put(j, "phases", phases_of(&x->r)) :
	    js_set_null(j, "ms")) |
	    (ready ? js_set_string(j, "banner", x->r.banner) |
	    js_set_null(j, "error") :
	    js_set_null(j, "banner") | errjson_put(&x->r.e, j));
	cmd_array_add(a, j, rc == 0);
}

static int
print_json(const struct job *j, struct err *e)
{
	struct cmd_array a = { .n = 0 };
	size_t i;

	for (i = 0; i < j->list.n; i++)
		print_one(&a, &j->list.at[i], &j->outcomes[i]);
	return (cmd_array_end(&a, e));
}

/* That of most failures; of two that have as many, the higher one. */
static int
status_of(const struct job *j)
{
	size_t i, n[256] = { 0 };
	int best = 0, status;

	if (j->ndials == 0)
		return (EX_UNAVAILABLE);
	for (i = 0; i < j->list.n; i++)
		if (j->outcomes[i].state == FAILED)
			n[j->outcomes[i].r.e.status & 0xff]++;
	for (status = 1; status < 256; status++)
		if (n[status] > 0 && n[status] >= n[best])
			best = status;
	return (best);
}

/* --- all of it --- */

static void
warn_of_no_cache(void)
{
	struct cache c;
	bool works;

	if (!cache_is_wanted(false)) {
		(void)fprintf(stderr, "arc-relay: ARC_RELAY_NO_CACHE is set: "
		    "nothing is kept for ssh, and each machine asks for a "
		    "login of its own\n");
		return;
	}
	cache_open(&c);
	cache_warn(&c);
	works = cache_works(&c);
	cache_close(&c);
	if (!works)
		(void)fprintf(stderr, "arc-relay: without a cache nothing is "
		    "kept for ssh, and each machine asks for a login of its "
		    "own\n");
}

/* -v is a line a machine; what each dial does is for -vv. */
static void
take_verbose(struct job *j)
{
	j->tells_times = log_wants(LOG_VERBOSE);
	if (!log_wants(LOG_DEBUG))
		log_init("arc-relay", LOG_QUIET, false);
}

static void
interrupted(void *arg)
{
	struct job *j = arg;

	hide_progress(j);
	tell_sum(j, stderr, "arc-relay: interrupted: ");
}

static int
dial_all(struct job *j, struct err *e)
{
	const struct probes all = { .n = j->ndials,
	    .at_once = (size_t)j->at_once, .ask = ask, .ended = ended,
	    .tick = show_progress, .interrupted = interrupted, .arg = j };
	int rc;

	take_verbose(j);
	show_progress(j);
	rc = probes_run(&all, e);
	hide_progress(j);
	return (rc);
}

static int
prepare(struct job *j, struct err *e)
{
	if (read_numbers(j, e) == -1 || cmd_cloud(&j->o, &j->cloud, e) == -1)
		return (-1);
	warn_of_no_cache();
	if (chosen_find(&j->o, &j->cloud, &j->list, e) == -1 ||
	    plan(j, e) == -1 || dial_all(j, e) == -1)
		return (-1);
	tell_the_rest(j);
	if (j->o.value[O_JSON] == NULL)
		tell_sum(j, stdout, "");
	else if (print_json(j, e) == -1)
		return (-1);
	return (status_of(j));
}

int
cmd_prepare(int argc, char **argv, struct err *e)
{
	struct job *j = calloc(1, sizeof(*j));
	int rc;

	if (j == NULL)
		return (err_set(e, EX_OSERR, "", "out of memory"));
	j->began_ms = clock_ms();
	if ((rc = cmd_parse(table, "prepare [OPTION ...] [TARGET|GLOB ...]",
	    CMD_HIDDEN_HELP, argc, argv, &j->o, e)) == 0)
		rc = prepare(j, e);
	else if (rc == 1)
		rc = 0;
	chosen_free(&j->list);
	free(j->outcomes);
	free(j->order);
	free(j);
	return (rc);
}
