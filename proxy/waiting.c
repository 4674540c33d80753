/*
 * Patience, see waiting.h.
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/opts.h"
#include "proxy/sshparent.h"
#include "proxy/waiting.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/log.h"

#define LOOK_MS		500	/* ssh cannot be told to wait less than 1 s */
#define SILENT_MS	2000	/* so long nobody wonders */
#define SHOW_MS		1000	/* between two lines on the terminal */
#define TELL_MS		5000	/* between two lines to ssh */
#define TELL_MAX	36	/* lines; a client may bear no more than 100 */
#define LINE_MAX_BYTES	200
#define MARGIN_MS	1000	/* for the reason, before ssh gives up */

/* Is stderr a terminal, and are we in front of it? */
static bool
has_terminal(void)
{
	return (isatty(STDERR_FILENO) &&
	    tcgetpgrp(STDERR_FILENO) == getpgrp());
}

/* A line of ours is one write to a pipe, all or nothing. */
static bool
is_pipe(int fd)
{
	struct stat st;

	return (fd != -1 && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode));
}

void
waiting_begin(struct waiting *w, struct sshio *ssh, const struct opts *o,
    bool with_ssh, int64_t began_ms)
{
	*w = (struct waiting){
		.began_ms = began_ms,
		.end_ms = began_ms + (int64_t)o->deadline_s * 1000,
		.ssh = ssh, .o = o, .with_ssh = with_ssh,
		.machine = o->has_target ? opts_machine(o) : NULL,
		.show_ms = began_ms + SILENT_MS,
		.tell_ms = began_ms + SILENT_MS,
	};
	if (log_wants(LOG_VERBOSE))
		waiting_look(w);
}

void
waiting_look(struct waiting *w)
{
	struct sshparent parent = { .is_ssh = false };
	int64_t ssh_ms;

	if (w->has_looked)
		return;
	w->has_looked = true;
	if (w->with_ssh)
		sshparent_find(&parent);
	w->is_ssh = parent.is_ssh;
	w->to_ssh = parent.is_ssh && is_pipe(w->ssh->out);
	w->on_terminal = !parent.quiet && !w->o->log_json &&
	    !log_wants(LOG_VERBOSE) && has_terminal();
	ssh_ms = (int64_t)parent.connect_timeout_s * 1000;
	ssh_ms -= ssh_ms < 4 * MARGIN_MS ? ssh_ms / 4 : MARGIN_MS;
	if (ssh_ms > 0 && w->began_ms + ssh_ms < w->end_ms) {
		w->end_ms = w->began_ms + ssh_ms;
		w->ssh_s = parent.connect_timeout_s;
		log_verbose("ssh gives up after %d s (ConnectTimeout): so do "
		    "we, a moment before", w->ssh_s);
	} else
		log_verbose("giving up after %d s (--deadline)",
		    w->o->deadline_s);
}

void
waiting_for(struct waiting *w, const char *what)
{
	(void)snprintf(w->what, sizeof(w->what), "%s", what);
}

/* "arc-relay-proxy: web01: waiting for its Arc agent, 12 s of 119" */
static int
make_line(const struct waiting *w, int64_t now, char line[LINE_MAX_BYTES])
{
	int len;

	len = snprintf(line, LINE_MAX_BYTES, "arc-relay-proxy: %.60s%swaiting "
	    "for %s, %lld s of %lld", w->machine != NULL ? w->machine : "",
	    w->machine != NULL ? ": " : "", w->what,
	    (long long)(now - w->began_ms) / 1000,
	    (long long)(w->end_ms - w->began_ms) / 1000);
	log_clean(line);
	return (len < LINE_MAX_BYTES ? len : LINE_MAX_BYTES - 1);
}

/* One line, over the last one.  A terminal that is held back does not hold us. */
static void
show(struct waiting *w, const char *line, int len)
{
	struct pollfd p = { STDERR_FILENO, POLLOUT, 0 };
	char out[2 * LINE_MAX_BYTES + 8];
	struct winsize size;
	int columns = 80, n;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
		columns = size.ws_col;
	if (len > columns - 1)
		len = columns - 1;	/* a line that is broken cannot be written over */
	n = snprintf(out, sizeof(out), "\r%.*s%*s\r%.*s", len, line,
	    w->shown > len ? w->shown - len : 0, "", len, line);
	if (n > 0 && n < (int)sizeof(out) && has_terminal() &&
	    poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) &&
	    write(STDERR_FILENO, out, (size_t)n) == n)
		w->shown = len;
}

static void
tell_ssh(struct waiting *w, char line[LINE_MAX_BYTES], int len)
{
	if (len > LINE_MAX_BYTES - 3)
		len = LINE_MAX_BYTES - 3;
	memcpy(line + len, "\r\n", 2);
	(void)!write(w->ssh->out, line, (size_t)len + 2);
}

/* Tells what is due.  Returns milliseconds until the next is. */
static int64_t
tell(struct waiting *w, int64_t now)
{
	int64_t next = INT64_MAX;
	char line[LINE_MAX_BYTES];

	if (w->on_terminal) {
		if (now >= w->show_ms) {
			show(w, line, make_line(w, now, line));
			w->show_ms = now + SHOW_MS;
		}
		next = w->show_ms;
	}
	if (w->to_ssh && w->told < TELL_MAX) {
		if (now >= w->tell_ms) {
			tell_ssh(w, line, make_line(w, now, line));
			w->tell_ms = now + TELL_MS;
			w->told++;
		}
		next = w->tell_ms < next ? w->tell_ms : next;
	}
	return (next == INT64_MAX ? next : next - now);
}

enum sshio_event
waiting_wait(struct waiting *w, struct pollfd *other, int64_t wait_ms)
{
	int64_t now = clock_ms(), want = now + wait_ms, until, due;
	enum sshio_event event;

	do {
		if (now >= w->began_ms + LOOK_MS)
			waiting_look(w);
		until = want < w->end_ms ? want : w->end_ms;
		due = w->has_looked ? tell(w, now) : w->began_ms + LOOK_MS -
		    now;
		if (due > until - now)
			due = until > now ? until - now : 0;
		event = sshio_wait(w->ssh, other, due);
		now = clock_ms();
	} while (event == SSHIO_TIMEOUT && now < until);
	return (event);
}

int64_t
waiting_left_ms(const struct waiting *w)
{
	int64_t left = w->end_ms - clock_ms();

	return (left > 0 ? left : 0);
}

int
waiting_explain(const struct waiting *w, struct err *e)
{
	struct err why = *e;

	if (w->ssh_s == 0)
		return (-1);
	err_set(e, EX_TEMPFAIL, "E706", "ssh waits no longer than %d s "
	    "(ConnectTimeout), and so far: %s", w->ssh_s, why.cause);
	e->retry = why.retry;
	return (err_fix(e, "arc-relay prepare %s, then again; or give it time: "
	    "ConnectTimeout 120 (ansible: timeout = 120)",
	    w->machine != NULL ? w->machine : "TARGET"));
}

void
waiting_end(struct waiting *w)
{
	struct pollfd p = { STDERR_FILENO, POLLOUT, 0 };
	char out[LINE_MAX_BYTES + 3];
	int n;

	w->to_ssh = w->on_terminal = false;
	if (w->shown == 0)
		return;
	n = snprintf(out, sizeof(out), "\r%*s\r", w->shown, "");
	if (has_terminal() && poll(&p, 1, 0) == 1)
		(void)!write(STDERR_FILENO, out, (size_t)n);
	w->shown = 0;
}
