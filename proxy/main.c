/*
 * arc-relay-proxy: the whole of it, as a table of contents.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/folder.h"
#include "proxy/diag.h"
#include "proxy/dial.h"
#include "proxy/harden.h"
#include "proxy/lasterror.h"
#include "proxy/lastwords.h"
#include "proxy/opts.h"
#include "proxy/probe.h"
#include "proxy/pump.h"
#include "proxy/sandbox.h"
#include "proxy/sshio.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/log.h"
#include "relay/wire.h"

#define PROGRAM	"arc-relay-proxy"
#define STDERR_MS	2000	/* for who reads our last line */

/* The machine's server has said its first word. */
static void
tell_times(void *arg)
{
	const struct dial *d = arg;

	dial_tell_times(d, clock_ms() - d->open_ms);
}

/* An SSH server speaks first: until when may it be silent? */
static int64_t
patience(void *arg)
{
	const struct dial *d = arg;

	return (d->waiting.is_ssh ? d->waiting.end_ms : INT64_MAX);
}

/*
 * A session from end to end.  p and d tell afterwards how far it came, and state
 * is open for what may still be kept then.
 */
static int
session(struct dial *d, struct pump *p, struct folder *state, struct err *e)
{
	struct sshio *ssh = d->ssh;
	char what[SANDBOX_TEXT];
	int rc;

	if (dial(d, e) == -1)
		return (-1);
	/* what is wanted later, and cannot be opened then */
	waiting_look(&d->waiting);
	(void)folder_open_state(state);
	(void)sandbox_enter(state->fd, what);
	log_debug("sandbox: %s", what);
	p->in = ssh->in;
	p->out = ssh->out;
	p->leave = &sshio_leave;
	p->mask = &ssh->mask;
	p->wire = d->wire;
	p->spoke = &tell_times;
	p->unspoken = &patience;
	p->arg = d;
	rc = pump_run(p, e);
	if (p->down_bytes == 0)
		dial_tell_times(d, -1);
	log_verbose("%llu bytes up, %llu bytes down",
	    (unsigned long long)p->up_bytes, (unsigned long long)p->down_bytes);
	if (p->silent)
		rc = diag_silent(&d->names, (int)((clock_ms() - d->open_ms +
		    999) / 1000), e);
	else if (p->down_bytes == 0 && !p->ssh_left && !p->dead &&
	    p->decoder.why == NULL)
		rc = diag_no_banner(&d->names, e);
	return (rc);
}

/*
 * The line on stderr as Microsoft's sshproxy writes it: az ssh and Az.Ssh look
 * for its beginning.
 */
static void
tell_as_sshproxy(const struct pump *p, const struct wire_answer *refusal,
    const char *line)
{
	if (p->down_bytes > 0)
		log_always("fatal", "sshproxy: error copying information from "
		    "the connection: %s", line);
	else if (refusal->status != 0)
		log_always("fatal", "sshproxy: error connecting to the address: "
		    "%d %s. websocket: bad handshake. %s", refusal->status,
		    refusal->reason, line);
	else
		log_always("fatal", "sshproxy: error connecting to the address: "
		    "%s", line);
}

/* Who holds our stderr and does not read it must not hold us. */
static void
tell_stderr(const char *line)
{
	struct pollfd p = { STDERR_FILENO, POLLOUT, 0 };

	if (poll(&p, 1, STDERR_MS) == 1 && (p.revents & POLLOUT) != 0)
		(void)fprintf(stderr, "%s\n", line);
}

/*
 * The one place where an error is told: to who asks for it later, and that first,
 * for ssh's end may be waited for to ask; to ssh, which shows it even where our
 * stderr goes nowhere; and on stderr.
 */
static void
tell(const struct opts *o, struct sshio *ssh, const struct pump *p,
    const struct wire_answer *refusal, struct folder *state,
    const struct err *e)
{
	uint8_t packet[LASTWORDS_SIZE];
	char line[ERR_LINE_MAX + 1];
	int said = 0;

	(void)err_line(e, PROGRAM, o->has_target ? opts_machine(o) : NULL,
	    line, sizeof(line));
	if (e->status != EX_USAGE)
		lasterror_keep(state, o->has_target ? o->target.text : "", e,
		    line);
	if (ssh->out != -1 && p->down_bytes == 0)
		said = sshio_farewell(ssh, packet, lastwords(line, packet));
	if (o->log_json && o->drop_in)
		tell_as_sshproxy(p, refusal, line);
	else if (o->log_json)
		log_always("fatal", "%s", line);
	else if (!said || !isatty(STDERR_FILENO))	/* not twice */
		tell_stderr(line);
}

int
main(int argc, char **argv)
{
	struct sshio ssh = { .in = -1, .out = -1 };
	struct pump pump = { .in = -1 };
	struct dial d = DIAL_INIT;
	struct folder state = FOLDER_INIT;
	struct err e = ERR_INIT;
	struct opts o;
	int64_t began_ms = clock_ms();
	int rc;

	harden_process();
	rc = opts_parse(argc, argv, &o, &e);
	log_init(PROGRAM, o.log_level, o.log_json);
	if (rc == 0 && o.show_help) {
		opts_help(stdout);
		return (0);
	}
	if (rc == 0 && o.show_version) {
		(void)puts(PROGRAM " " VERSION);
		return (0);
	}
	if (o.probe) {
		harden_memory();
		return (probe(&o, stdout, &e) == 0 ? 0 : e.status);
	}
	if (rc == -1) {
		struct err unused;

		(void)sshio_open(&ssh, &unused);	/* ssh shall hear of it */
		goto out;
	}
	if ((rc = sshio_open(&ssh, &e)) == -1)
		goto out;
	harden_memory();
	if ((rc = pump_init(&pump, &e)) == -1)
		goto out;
	d.o = &o;
	d.ssh = &ssh;
	d.for_ssh = true;
	d.began_ms = began_ms;
	rc = session(&d, &pump, &state, &e);
 out:
	if (rc == -1 && e.status != 0)
		tell(&o, &ssh, &pump, &d.refusal, &state, &e);
	folder_close(&state);
	dial_free(&d);
	pump_free(&pump);
	sshio_close(&ssh);
	return (rc == 0 ? 0 : e.status);
}
