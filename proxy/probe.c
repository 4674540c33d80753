/*
 * A look at a machine, see probe.h.
 */
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "auth/errjson.h"
#include "auth/json.h"
#include "proxy/diag.h"
#include "proxy/dial.h"
#include "proxy/ident.h"
#include "proxy/opts.h"
#include "proxy/probe.h"
#include "proxy/sshio.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/log.h"
#include "relay/ws.h"

#define BANNER_MS	10000	/* an SSH server speaks at once */
#define GOODBYE_MS	500	/* for the peer, after our Close */

struct banner {
	struct ident	 ident;
	int64_t		 ms;		/* since the 101; -1: none */
	int64_t		 all_ms;
};

/*
 * What the wire has next, in buf.  Returns as wire_read does, but WIRE_AGAIN from
 * until_ms on, however much there is, or when we shall go.
 */
static ssize_t
next_bytes(struct dial *d, uint8_t buf[WIRE_READ_MIN], int64_t until_ms)
{
	int64_t left_ms;
	ssize_t n;

	while ((left_ms = until_ms - clock_ms()) > 0) {
		struct pollfd p = { wire_fd(d->wire), POLLIN, 0 };

		if ((n = wire_read(d->wire, buf, WIRE_READ_MIN)) != WIRE_AGAIN)
			return (n);
		if (sshio_wait(d->ssh, &p, left_ms) == SSHIO_LEFT)
			break;
	}
	return (WIRE_AGAIN);
}

/*
 * Decodes len bytes.  Returns true when nothing more is to be read: *found says
 * why, or the peer has closed.
 */
static bool
look(struct ws_decoder *decoder, const uint8_t *bytes, size_t len,
    struct ident *ident, enum ident_found *found)
{
	enum ws_event event = WS_MORE;
	size_t used;

	for (; len > 0 && *found == IDENT_MORE; bytes += used, len -= used) {
		event = ws_decode(decoder, bytes, len, &used);
		if (event == WS_DATA)
			*found = ident_take(ident, decoder->data, decoder->len);
		if (event == WS_CLOSE || event == WS_BAD)
			return (true);
	}
	return (*found != IDENT_MORE);
}

/* Close 1000, and a moment for the peer's. */
static void
say_goodbye(struct dial *d)
{
	uint8_t frame[WS_CONTROL_SIZE], buf[WIRE_READ_MIN];
	int64_t end_ms = clock_ms() + GOODBYE_MS;

	if (wire_write(d->wire, frame, ws_frame_close(frame,
	    WS_CLOSE_NORMAL)) <= 0)
		return;
	while (wire_flush(d->wire) == WIRE_AGAIN && clock_ms() < end_ms) {
		struct pollfd p = { wire_fd(d->wire), POLLOUT, 0 };

		(void)sshio_wait(d->ssh, &p, end_ms - clock_ms());
	}
	while (next_bytes(d, buf, end_ms) > 0)
		continue;
}

/* The first word of the server.  Returns 0, or -1 as probe does. */
static int
read_banner(struct dial *d, struct banner *b, struct err *e)
{
	int64_t end_ms = d->waiting.end_ms;
	struct ws_decoder decoder = WS_DECODER_INIT;
	enum ident_found found = IDENT_MORE;
	uint8_t buf[WIRE_READ_MIN];
	int64_t now;
	ssize_t n;

	if (end_ms > d->open_ms + BANNER_MS)
		end_ms = d->open_ms + BANNER_MS;
	while ((n = next_bytes(d, buf, end_ms)) > 0 &&
	    !look(&decoder, buf, (size_t)n, &b->ident, &found))
		continue;
	now = clock_ms();
	if (found == IDENT_SSH)
		b->ms = now - d->open_ms;
	dial_tell_times(d, b->ms);
	if (found == IDENT_SSH)
		return (0);
	if (n == WIRE_AGAIN && now < end_ms) {
		*e = (struct err)ERR_INIT;	/* it was a wish to go */
		return (-1);
	}
	if (n == WIRE_AGAIN && b->ident.bytes == 0)
		return (diag_silent(&d->names, (int)((now - d->open_ms + 999) /
		    1000), e));
	if (b->ident.bytes == 0)
		return (diag_no_banner(&d->names, e));
	return (diag_no_ssh(&d->names, b->ident.first, e));
}

/* As it was typed; what is not UTF-8 in it is not JSON. */
static int
put_target(struct js *j, const struct opts *o)
{
	char target[TARGET_MAX + 1] = "";

	if (o->has_target)
		(void)snprintf(target, sizeof(target), "%s", o->target.text);
	if (js_set_string(j, "target", target) == 0)
		return (0);
	log_clean(target);
	return (js_set_string(j, "target", target));
}

/* Phases that were not reached are left out. */
static int
put_phases(struct js *j, const struct dial *d, const struct banner *b)
{
	const struct { const char *path; int64_t ms; } phases[] = {
		{ "phases.credential", d->credential_ms },
		{ "phases.dns", d->times.dns_ms },
		{ "phases.tcp", d->times.tcp_ms },
		{ "phases.proxy", d->times.proxy_ms },
		{ "phases.tls", d->times.tls_ms },
		{ "phases.upgrade", d->times.upgrade_ms },
		{ "phases.banner", b->ms },
		{ "phases.all", b->all_ms },
	};
	size_t i;

	for (i = 0; i < sizeof(phases) / sizeof(phases[0]); i++)
		if (phases[i].ms >= 0 &&
		    js_set_integer(j, phases[i].path, phases[i].ms) == -1)
			return (-1);
	return (0);
}

/* Returns 0 or -1. */
static int
print(const struct opts *o, const struct dial *d, const struct banner *b,
    const struct err *e, FILE *out)
{
	struct js *j = js_object();
	int rc;

	rc = put_target(j, o) |
	    js_set_integer(j, "port", o->port) |
	    js_set_integer(j, "attempts", d->attempts) |
	    put_phases(j, d, b);
	if (e->status == 0)
		rc |= js_set_string(j, "banner", b->ident.line) |
		    js_set_null(j, "error");
	else
		rc |= js_set_null(j, "banner") | errjson_put(e, j) |
		    js_set_boolean(j, "error.retryable",
		    e->retry != RETRY_NEVER);
	if (rc == 0 && js_print(j, out) == 0)
		(void)putc('\n', out);
	js_free(j);
	return (fflush(out) == EOF || ferror(out) ? -1 : 0);
}

/* Dials and looks.  Returns 0, or -1 as dial does. */
static int
find_out(struct dial *d, struct banner *b, struct err *e)
{
	int rc = dial(d, e);

	if (rc == 0)
		rc = read_banner(d, b, e);
	b->all_ms = clock_ms() - d->began_ms;
	if (d->wire != NULL)
		say_goodbye(d);
	if (rc == 0)
		*e = (struct err)ERR_INIT;
	else if (e->status == 0)
		err_set(e, EX_TEMPFAIL, "", "told to stop");
	return (rc);
}

int
probe(const struct opts *o, FILE *out, struct err *e)
{
	struct banner b = { .ident = IDENT_INIT, .ms = -1, .all_ms = -1 };
	struct dial d = DIAL_INIT;
	struct sshio nobody;
	int rc = -1;

	d.o = o;
	d.ssh = &nobody;
	d.began_ms = clock_ms();
	if (e->status == 0) {
		sshio_none(&nobody);
		rc = find_out(&d, &b, e);
	}
	if (print(o, &d, &b, e, out) == -1 && rc == 0)
		rc = err_sys(e, EX_IOERR, "", "cannot write to stdout");
	dial_free(&d);
	return (rc);
}
