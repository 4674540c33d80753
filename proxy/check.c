/*
 * Running the checks of arc-relay doctor, see check.h.
 *
 * Each is a process with a pipe, on which it says a finding a line (check_out.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/check.h"
#include "relay/clock.h"
#include "relay/err.h"

#define FINDINGS_MAX	16		/* of one check */
#define SAID_MAX	(64 * 1024)	/* bytes, all of them */
#define WAIT_MS		2000		/* a person begins to wonder */
#define WAIT_AGAIN_MS	5000

/* --- one of them --- */

enum state { TO_COME, RUNNING, ENDED };

struct task {
	const struct check	*check;
	enum state		 state;
	pid_t			 pid;
	int			 fd;
	int64_t			 began_ms;
	long			 ms;
	char			*said;		/* SAID_MAX bytes */
	size_t			 len;
	struct finding		 found[FINDINGS_MAX];
	size_t			 n;
	const struct task	*because;	/* failed: this one was left out */
};

/* All of them, while they run. */
struct run {
	const struct checks	*c;
	struct task		*task;		/* c->n */
	struct pollfd		*fds;
	size_t			 told;
};

static struct finding *
new_finding(struct task *t)
{
	/* of too many the last is replaced */
	if (t->n == FINDINGS_MAX)
		t->n--;
	t->found[t->n] = (struct finding){ .verdict = CHECK_FAILED };
	return (&t->found[t->n++]);
}

static bool
has_failed(const struct task *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->found[i].verdict == CHECK_FAILED)
			return (true);
	return (t->because != NULL);
}

static struct task *
find(const struct run *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->c->n; i++)
		if (strcmp(r->c->table[i].name, name) == 0)
			return (&r->task[i]);
	return (NULL);
}

static int
start(const struct run *r, struct task *t)
{
	pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) == -1)
		return (-1);
	if ((t->pid = fork()) == 0) {
		/* it goes when we go, however that is */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(ends[0]);
		if (getppid() == parent)
			r->c->become(r->c->arg, t->check, ends[1]);
		_exit(EX_SOFTWARE);
	}
	(void)close(ends[1]);
	if (t->pid == -1) {
		(void)close(ends[0]);
		return (-1);
	}
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	t->fd = ends[0];
	t->began_ms = clock_ms();
	t->state = RUNNING;
	return (0);
}

struct said {
	const struct run	*r;
	struct task		*t;
};

static void
on_found(void *arg, const struct finding *f)
{
	*new_finding(((struct said *)arg)->t) = *f;
}

static void
on_machine(void *arg, const char *id)
{
	const struct checks *c = ((struct said *)arg)->r->c;

	if (c->machine != NULL)
		c->machine(c->arg, id);
}

static void
read_said(const struct run *r, struct task *t)
{
	struct said said = { r, t };
	const struct check_out out = { on_found, on_machine, &said };
	const char *at = t->said, *end = at + t->len, *lf;

	for (; (lf = memchr(at, '\n', (size_t)(end - at))) != NULL; at = lf + 1)
		check_out_read(at, (size_t)(lf - at), &out);
}

/* late: it is ended by us. */
static void
end(const struct run *r, struct task *t, bool late)
{
	int status = 0;
	bool is_empty;

	if (late)
		(void)kill(t->pid, SIGKILL);
	(void)close(t->fd);
	while (waitpid(t->pid, &status, 0) == -1 && errno == EINTR)
		;
	t->state = ENDED;
	t->ms = (long)(clock_ms() - t->began_ms);
	read_said(r, t);
	is_empty = t->n == 0;
	if (late)
		err_set(&new_finding(t)->e, EX_TEMPFAIL, "", "took longer than "
		    "%d s", t->check->limit_s);
	else if (WIFSIGNALED(status))
		err_set(&new_finding(t)->e, EX_SOFTWARE, "", "broke off: %s",
		    strsignal(WTERMSIG(status)));
	else if (is_empty || status != 0)
		err_set(&new_finding(t)->e, EX_SOFTWARE, "", "ended with status "
		    "%d%s", WEXITSTATUS(status), is_empty ?
		    " and found nothing" : "");
}

/* What is there, a piece at a time.  Returns false at its end. */
static bool
take(struct task *t)
{
	char more[4096];
	ssize_t n = read(t->fd, more, sizeof(more));

	if (n <= 0)
		return (n == -1 && (errno == EAGAIN || errno == EINTR));
	if ((size_t)n > SAID_MAX - t->len)
		n = (ssize_t)(SAID_MAX - t->len);
	memcpy(t->said + t->len, more, (size_t)n);
	t->len += (size_t)n;
	return (true);
}

/* --- in their order --- */

static bool
is_wanted(const struct run *r, const struct task *t)
{
	return ((r->c->has_target || !t->check->of_target) &&
	    (r->c->only == NULL || r->c->only[t->check - r->c->table]));
}

static bool
is_any_running(const struct run *r)
{
	size_t i;

	for (i = 0; i < r->c->n; i++)
		if (r->task[i].state == RUNNING)
			return (true);
	return (false);
}

/*
 * Begins it, if what it needs has ended; or leaves it out.  When there is no room
 * for another process, that is an error only if none is left whose end makes some.
 */
static int
step(const struct run *r, struct task *t, struct err *e)
{
	const struct task *need;
	size_t i;

	for (i = 0; i < CHECK_NAMES && t->check->needs[i] != NULL; i++) {
		need = find(r, t->check->needs[i]);
		if (need == NULL || !is_wanted(r, need))
			continue;
		if (need->state != ENDED)
			return (0);
		if (has_failed(need)) {
			t->because = need;
			t->state = ENDED;
			return (0);
		}
	}
	if (start(r, t) == 0 || is_any_running(r))
		return (0);
	return (err_sys(e, EX_OSERR, "", "cannot start the check \"%s\"",
	    t->check->name));
}

/* The one whose failure f, of t, is told with already; NULL: none. */
static const struct task *
origin(const struct run *r, const struct task *t, const struct finding *f)
{
	const struct task *first;
	size_t i, k;

	if (f->verdict != CHECK_FAILED || f->e.id[0] == '\0')
		return (NULL);
	for (i = 0; i < CHECK_NAMES && t->check->after[i] != NULL; i++) {
		if ((first = find(r, t->check->after[i])) == NULL)
			continue;
		for (k = 0; k < first->n; k++)
			if (first->found[k].verdict == CHECK_FAILED &&
			    strcmp(first->found[k].e.id, f->e.id) == 0)
				return (first);
	}
	return (NULL);
}

static void
tell_other(const struct run *r, const struct task *t, const char *why,
    const struct task *other)
{
	struct finding f = { .verdict = CHECK_SKIPPED };

	while (other->because != NULL)
		other = other->because;
	(void)snprintf(f.what, sizeof(f.what), "%s %s %s", why,
	    other->check->phase, other->check->name);
	r->c->found(r->c->arg, t->check, &f, t->ms);
}

static void
tell(const struct run *r, const struct task *t)
{
	const struct task *first;
	size_t i;

	if (t->because != NULL)
		tell_other(r, t, "not looked at: it needs", t->because);
	for (i = 0; i < t->n; i++)
		if ((first = origin(r, t, &t->found[i])) != NULL)
			tell_other(r, t, "fails for the same reason as", first);
		else
			r->c->found(r->c->arg, t->check, &t->found[i], t->ms);
}

static void
tell_waiting(const struct run *r, int64_t began_ms)
{
	char names[200] = "";
	size_t i, len = 0;
	int n;

	for (i = 0; i < r->c->n; i++) {
		if (r->task[i].state != RUNNING)
			continue;
		n = snprintf(names + len, sizeof(names) - len, "%s%s",
		    len > 0 ? ", " : "", r->task[i].check->name);
		if (n < 0 || (size_t)n >= sizeof(names) - len)
			break;
		len += (size_t)n;
	}
	r->c->waiting(r->c->arg, names, (long)(clock_ms() - began_ms));
}

/* How long until the first of those that run must have ended, or until then_ms. */
static int
patience(const struct run *r, int64_t then_ms)
{
	int64_t now = clock_ms(), until = then_ms, end_ms;
	size_t i;

	for (i = 0; i < r->c->n; i++) {
		end_ms = r->task[i].began_ms + r->task[i].check->limit_s * 1000;
		if (r->task[i].state == RUNNING && end_ms < until)
			until = end_ms;
	}
	return (until > now ? (int)(until - now) : 0);
}

/* Waits for some of them to say something, or to be late. */
static void
watch(const struct run *r, int64_t then_ms)
{
	struct task *t;
	nfds_t n = 0;
	size_t i;

	/* of more than there may be open at once Linux polls none */
	for (i = 0; i < r->c->n; i++)
		if (r->task[i].state == RUNNING)
			r->fds[n++] = (struct pollfd){ r->task[i].fd, POLLIN,
			    0 };
	(void)poll(r->fds, n, patience(r, then_ms));
	for (n = i = 0; i < r->c->n; i++) {
		t = &r->task[i];
		if (t->state != RUNNING)
			continue;
		if (r->fds[n++].revents != 0 && !take(t))
			end(r, t, false);
		else if (clock_ms() - t->began_ms >= t->check->limit_s * 1000)
			end(r, t, true);
	}
}

static int
begin(struct run *r, const struct checks *c)
{
	size_t i;

	*r = (struct run){ .c = c };
	r->task = calloc(c->n, sizeof(*r->task));
	r->fds = calloc(c->n, sizeof(*r->fds));
	if (r->task == NULL || r->fds == NULL)
		return (-1);
	for (i = 0; i < c->n; i++) {
		r->task[i].check = &c->table[i];
		if (!is_wanted(r, &r->task[i]))
			r->task[i].state = ENDED;
		else if ((r->task[i].said = malloc(SAID_MAX)) == NULL)
			return (-1);
	}
	return (0);
}

static void
finish(struct run *r)
{
	size_t i;

	for (i = 0; r->task != NULL && i < r->c->n; i++) {
		if (r->task[i].state == RUNNING)
			end(r, &r->task[i], true);
		free(r->task[i].said);
	}
	free(r->task);
	free(r->fds);
}

static int
run_all(struct run *r, struct err *e)
{
	int64_t began_ms = clock_ms(), then_ms = began_ms + WAIT_MS;
	size_t i;

	while (r->told < r->c->n) {
		for (i = r->told; i < r->c->n; i++)
			if (r->task[i].state == TO_COME &&
			    step(r, &r->task[i], e) == -1)
				return (-1);
		for (; r->told < r->c->n &&
		    r->task[r->told].state == ENDED; r->told++)
			tell(r, &r->task[r->told]);
		if (r->told == r->c->n)
			break;
		watch(r, then_ms);
		if (clock_ms() < then_ms)
			continue;
		then_ms = clock_ms() + WAIT_AGAIN_MS;
		if (r->c->waiting != NULL)
			tell_waiting(r, began_ms);
	}
	return (0);
}

int
checks_run(const struct checks *c, struct err *e)
{
	struct run r;
	int rc = begin(&r, c);

	rc = rc == -1 ? err_set(e, EX_OSERR, "", "out of memory") :
	    run_all(&r, e);
	finish(&r);
	return (rc);
}
