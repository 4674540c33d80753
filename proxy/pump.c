/*
 * The pump: three descriptors, two rings, one page of rules (above pump_run).
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proxy/pump.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/wire.h"

/* Room that data leaves for a pong, a ping and a Close. */
#define CONTROL_ROOM	(3 * WS_CONTROL_SIZE)

#define NEVER		INT64_MAX
#define UNSPOKEN_MS	1000	/* nearly all servers speak before that */

int
pump_init(struct pump *p, struct err *e)
{
	*p = (struct pump){
		.in = -1, .out = -1, .times = PUMP_TIMES,
		.up = RING_INIT, .down = RING_INIT,
		.decoder = WS_DECODER_INIT,
		.in_open = true, .up_open = true,
		.out_open = true, .down_open = true, .decoding = true,
		.more_input = true,	/* some may have come with the answer */
	};
	if (ring_init(&p->up, PUMP_RING_BYTES, e) == -1)
		return (-1);
	return (ring_init(&p->down, PUMP_RING_BYTES, e));
}

void
pump_free(struct pump *p)
{
	ring_free(&p->up);
	ring_free(&p->down);
}

/* --- what may happen now --- */

static bool
wants_in(const struct pump *p)
{
	return (p->in_open && p->up_open &&
	    ring_room(&p->up) > WS_HEADROOM + CONTROL_ROOM);
}

static bool
wants_wire_input(const struct pump *p)
{
	return (p->down_open && p->decoding &&
	    ring_room(&p->down) >= WIRE_READ_MIN);
}

static bool
wants_out(const struct pump *p)
{
	return (p->out_open && p->nspans > 0);
}

/* ssh is gone, or wants us to be: no more waiting than needed. */
static bool
is_leaving(const struct pump *p)
{
	return (*p->leave || !p->out_open);
}

static void
notice_leaving(struct pump *p)
{
	if (is_leaving(p) && p->left == 0) {
		p->ssh_left = true;
		p->left = p->moved = p->now;
	}
}

/* All that ssh sent is sent, or cannot be. */
static bool
up_is_done(const struct pump *p)
{
	return (!p->up_open ||
	    (p->close_queued && p->up.used == 0 && wire_flush(p->wire) == 0));
}

/* All that the relay sent is delivered, or cannot be, and no more will come. */
static bool
down_is_done(const struct pump *p)
{
	return (!wants_out(p) && (!p->down_open || !p->decoding));
}

/* --- up --- */

/* Returns false when there is no room for a ping or a pong. */
static bool
queue_control(struct pump *p, enum ws_opcode op, const void *data, size_t len)
{
	/* the last WS_CONTROL_SIZE bytes of room are the Close frame's */
	if (p->close_queued || ring_room(&p->up) < 2 * WS_CONTROL_SIZE)
		return (false);
	ring_commit(&p->up,
	    ws_frame_control(ring_head(&p->up), op, data, len));
	return (true);
}

static void
queue_close(struct pump *p, enum ws_close_code code)
{
	if (p->close_queued)
		return;
	ring_commit(&p->up, ws_frame_close(ring_head(&p->up), code));
	p->close_queued = true;
	p->in_open = false;
	if (p->left == 0)
		p->moved = p->now;	/* the linger begins */
}

/*
 * Only the newest ping is answered when several wait (RFC 6455 section 5.5.3):
 * a peer that pings and never reads costs no memory.
 */
static void
answer_ping(struct pump *p)
{
	if (p->pong_due &&
	    queue_control(p, WS_OP_PONG, p->ping, p->ping_len))
		p->pong_due = false;
}

static void
read_in(struct pump *p)
{
	size_t room = ring_room(&p->up) - WS_HEADROOM - CONTROL_ROOM;
	ssize_t n;

	if (room > WS_DATA_MAX)
		room = WS_DATA_MAX;
	n = read(p->in, ring_head(&p->up) + WS_HEADROOM, room);
	if (n > 0) {
		ring_commit(&p->up, ws_frame_data(ring_head(&p->up),
		    (size_t)n));
		p->up_bytes += (uint64_t)n;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		p->in_open = false;
		p->ssh_left = true;
	}
}

/* The relay takes no more; what it sent before may still be read. */
static void
up_is_lost(struct pump *p)
{
	p->up_open = p->in_open = false;
	ring_consume(&p->up, p->up.used);
	if (!p->close_queued && p->left == 0)
		p->moved = p->now;
	p->close_queued = true;
}

static void
send_up(struct pump *p)
{
	ssize_t n = 0;

	while (p->up.used > 0 && (n = wire_write(p->wire, ring_tail(&p->up),
	    p->up.used)) > 0) {
		ring_consume(&p->up, (size_t)n);
		p->moved = p->now;
	}
	if (p->up.used == 0 && (n = wire_flush(p->wire)) == 0 &&
	    p->ping_state == PING_QUEUED) {
		p->ping_state = PING_OUT;
		p->pinged = p->now;
	}
	if (n == -1) {
		up_is_lost(p);
		p->more_input = true;	/* poll may no longer tell */
	}
}

/* --- down --- */

static void
take_span(struct pump *p)
{
	const struct ws_decoder *d = &p->decoder;
	struct iovec *last = p->nspans > 0 ? &p->span[p->nspans - 1] : NULL;

	p->trail -= d->len;
	if (last != NULL && p->trail == 0 &&
	    (uint8_t *)last->iov_base + last->iov_len == d->data) {
		last->iov_len += d->len;	/* more of the same frame */
		return;
	}
	p->span[p->nspans].iov_base = (uint8_t *)(uintptr_t)d->data;
	p->span[p->nspans].iov_len = d->len;
	p->lead[p->nspans++] = p->trail;
	p->trail = 0;
}

static void
decode(struct pump *p)
{
	struct ws_decoder *d = &p->decoder;
	size_t used;

	if (!p->out_open)
		p->nspans = 0;		/* nobody to deliver to */
	while (p->decoding && p->nspans < PUMP_SPANS &&
	    p->decoded < p->down.used) {
		enum ws_event event = ws_decode(d, ring_tail(&p->down) +
		    p->decoded, p->down.used - p->decoded, &used);

		p->decoded += used;
		p->trail += used;
		switch (event) {
		case WS_DATA:
			if (p->out_open)
				take_span(p);
			break;
		case WS_PING:
			memcpy(p->ping, d->control, d->control_len);
			p->ping_len = d->control_len;
			p->pong_due = true;
			answer_ping(p);
			break;
		case WS_CLOSE:
			p->decoding = false;
			p->close_code = d->close_code;
			queue_close(p, d->close_code == WS_CLOSE_NO_STATUS ?
			    WS_CLOSE_NORMAL : d->close_code);
			break;
		case WS_BAD:
			p->decoding = false;
			queue_close(p, WS_CLOSE_PROTOCOL_ERROR);
			break;
		case WS_PONG:
		case WS_MORE:
			break;
		}
	}
	if (p->nspans == 0) {
		ring_consume(&p->down, p->decoded);
		p->decoded = p->trail = 0;
	}
}

static void
read_wire(struct pump *p)
{
	ssize_t n = p->more_input ? 1 : WIRE_AGAIN;	/* if we cannot ask now */
	size_t taken = 0;	/* what is thrown away takes no room: stop too */

	while (wants_wire_input(p) && taken < PUMP_RING_BYTES &&
	    (n = wire_read(p->wire, ring_head(&p->down),
	    ring_room(&p->down))) > 0) {
		ring_commit(&p->down, (size_t)n);
		taken += (size_t)n;
		p->heard = p->now;
		p->ping_state = PING_NONE;
		if (p->out_open)
			p->moved = p->now;
		decode(p);
	}
	p->more_input = n > 0;
	if (n == WIRE_EOF) {
		p->down_open = false;
		up_is_lost(p);
	}
}

/* n bytes of payload were taken: forget them and the headers before them. */
static void
drop_spans(struct pump *p, size_t n)
{
	int i = 0;

	while (i < p->nspans && n >= p->span[i].iov_len) {
		n -= p->span[i].iov_len;
		ring_consume(&p->down, p->lead[i] + p->span[i].iov_len);
		p->decoded -= p->lead[i] + p->span[i].iov_len;
		i++;
	}
	if (i < p->nspans && n > 0) {
		ring_consume(&p->down, p->lead[i] + n);
		p->decoded -= p->lead[i] + n;
		p->lead[i] = 0;
		p->span[i].iov_base = (uint8_t *)p->span[i].iov_base + n;
		p->span[i].iov_len -= n;
	}
	p->nspans -= i;
	memmove(p->span, p->span + i, (size_t)p->nspans * sizeof(p->span[0]));
	memmove(p->lead, p->lead + i, (size_t)p->nspans * sizeof(p->lead[0]));
}

static void
write_out(struct pump *p)
{
	ssize_t n = 0;

	while (wants_out(p) &&
	    (n = writev(p->out, p->span, p->nspans)) > 0) {
		drop_spans(p, (size_t)n);
		if (p->down_bytes == 0 && p->spoke != NULL)
			p->spoke(p->arg);
		p->down_bytes += (uint64_t)n;
		p->moved = p->now;
		decode(p);	/* more than PUMP_SPANS frames may wait */
	}
	if (n == -1 && errno != EAGAIN && errno != EINTR) {
		p->out_open = false;
		p->out_errno = errno;
	}
	p->out_full = wants_out(p);
}

/* --- time --- */

/* When the next thing is due that no descriptor announces. */
static int64_t
next_alarm(const struct pump *p)
{
	int64_t at = NEVER;

	if (p->close_queued) {
		if (!p->out_open)
			at = p->moved + p->times.quiet_ms;
		else if (!wants_out(p) || *p->leave)
			at = p->moved + p->times.linger_ms;
		if (is_leaving(p) && at > p->left + p->times.linger_ms)
			at = p->left + p->times.linger_ms;
		return (at);
	}
	if (is_leaving(p))
		return (p->left + p->times.quiet_ms);
	if (p->ping_state == PING_NONE)
		at = p->heard + p->times.ping_ms;
	else if (p->ping_state == PING_OUT)
		at = p->pinged + p->times.pong_ms;
	return (p->down_bytes == 0 && p->speak_by < at ? p->speak_by : at);
}

/* Nothing to hear any more, and nobody who would. */
static void
give_up(struct pump *p)
{
	p->down_open = false;
	up_is_lost(p);
}

/*
 * The alarm rang.  Returns true when there is nothing more to wait for.
 */
static bool
on_alarm(struct pump *p)
{
	if (p->close_queued)
		return (true);
	if (is_leaving(p)) {	/* stdin neither ends nor pauses */
		p->in_open = false;
		return (false);
	}
	if (p->down_bytes == 0 && p->now >= p->speak_by) {
		if (p->is_patient) {
			p->silent = true;
			give_up(p);
		} else {
			p->speak_by = p->unspoken(p->arg);
			p->is_patient = true;
		}
		return (false);
	}
	if (p->ping_state == PING_OUT && p->listening) {
		p->dead = true;
		give_up(p);
		return (false);	/* what came before is still delivered */
	}
	if (p->ping_state == PING_NONE &&
	    queue_control(p, WS_OP_PING, NULL, 0)) {
		p->ping_state = PING_QUEUED;
		return (false);
	}
	p->ping_state = PING_NONE;	/* no room, or no ear for an answer: */
	p->heard = p->now;		/* no verdict */
	return (false);
}

/* --- the loop --- */

static int
verdict(const struct pump *p, struct err *e)
{
	const char *ended = "the relay or the machine's agent ended the session";

	if (p->out_errno != 0 && p->out_errno != EPIPE) {
		errno = p->out_errno;
		return (err_sys(e, EX_IOERR, "", "cannot write to ssh"));
	}
	if (p->ssh_left)
		return (0);
	if (p->decoder.why != NULL) {
		err_set(e, EX_PROTOCOL, "E512", "the relay broke the WebSocket "
		    "protocol: %s", p->decoder.why);
		return (err_fix(e, "connect again; if it repeats, a proxy in "
		    "between changes the traffic"));
	}
	if (p->dead) {
		err_set(e, EX_IOERR, "E513", "the path to the relay is dead: no "
		    "answer to a ping for %d s", p->times.pong_ms / 1000);
		return (err_fix(e, "connect again; a laptop that slept or a "
		    "firewall that forgot the connection does this"));
	}
	switch (p->close_code) {
	case WS_CLOSE_NORMAL:
	case WS_CLOSE_NO_STATUS:
		return (0);
	case 0:
		err_set(e, EX_IOERR, "E512", "%s without a word (after %"
		    PRIu64 " bytes)", ended, p->down_bytes);
		break;
	case WS_CLOSE_GOING_AWAY:
		err_set(e, EX_IOERR, "E512", "%s: the hybrid connection was "
		    "removed or the agent restarted (close code 1001)", ended);
		break;
	case WS_CLOSE_POLICY:
		err_set(e, EX_IOERR, "E512", "%s: the relay credential expired "
		    "(close code 1008)", ended);
		break;
	default:
		err_set(e, EX_IOERR, "E512", "%s (close code %u: %.*s)", ended,
		    p->close_code, (int)p->decoder.control_len,
		    (const char *)p->decoder.control);
	}
	return (err_fix(e, "connect again; if it repeats, see the agent's log "
	    "on the machine: azcmagent logs"));
}

/*
 *  1. Read stdin only while the up ring has room and the wire is open.
 *  2. Read the wire only while the down ring has room: this is the
 *     back-pressure.
 *  3. Watch stdout for writing only while there is something to write; always
 *     watch it for its reader going away.
 *  4. POLLHUP on stdin is not the end of the file; read() returning 0 is.
 *  5. End of stdin, SIGHUP, SIGTERM: send what was read, then Close 1000, and
 *     keep delivering until the peer's Close or 2 s without a byte.
 *  6. Peer's Close, or the connection lost: deliver every byte that was
 *     received, also of a frame that stayed incomplete, then end.
 *  7. stdout gone: send what was read, close and end within 250 ms, silently.
 *  8. Never send an empty data frame: Azure's own stream takes it for the end.
 *     A received one means nothing.
 *  9. Ping after 30 s without a byte; none of any kind for 10 s after it: the
 *     path is dead.
 * 10. SIGPIPE is ignored, and O_NONBLOCK belongs to the open file, not to us:
 *     see sshio.h.
 * 11. No allocation once the session is up.
 * 12. The first byte to ssh has a time to come by, if somebody says one: an SSH
 *     server that says nothing is told before ssh gives up.
 */
int
pump_run(struct pump *p, struct err *e)
{
	enum { IN, OUT, WIRE };
	struct pollfd fd[3];
	const struct timespec no_time = { 0, 0 };
	struct timespec wait;
	int64_t alarm, was;
	bool was_leaving;
	int n;

	p->now = clock_ms();
	p->heard = p->moved = p->now;
	p->speak_by = p->unspoken != NULL ? p->now + UNSPOKEN_MS : NEVER;
	notice_leaving(p);
	for (;;) {
		if (!p->in_open && p->up_open)
			queue_close(p, WS_CLOSE_NORMAL);
		if (up_is_done(p) && down_is_done(p))
			break;

		was_leaving = is_leaving(p);
		p->listening = wants_wire_input(p);
		/* a descriptor that can do nothing for us must not be polled:
		 * it would report its error again and again */
		fd[IN] = (struct pollfd){ wants_in(p) ? p->in : -1, POLLIN, 0 };
		fd[OUT] = (struct pollfd){ p->out_open ? p->out : -1,
		    p->out_full ? POLLOUT : 0, 0 };
		fd[WIRE] = (struct pollfd){ wire_fd(p->wire), 0, 0 };
		if (p->listening)
			fd[WIRE].events |= POLLIN;
		if (p->up_open && (p->up.used > 0 ||
		    wire_flush(p->wire) == WIRE_AGAIN))
			fd[WIRE].events |= POLLOUT;
		if (fd[WIRE].events == 0)
			fd[WIRE].fd = -1;

		alarm = next_alarm(p);
		if ((p->more_input && p->listening) ||
		    (was_leaving && wants_in(p)))
			alarm = p->now;
		wait.tv_sec = (alarm - p->now) / 1000;
		wait.tv_nsec = (alarm - p->now) % 1000 * 1000000;
		if (alarm <= p->now)
			wait = (struct timespec){ 0, 0 };
		n = ppoll(fd, 3, alarm == NEVER ? NULL : &wait, p->mask);
		if (n == -1)
			fd[IN].revents = fd[OUT].revents = fd[WIRE].revents = 0;
		was = p->now;
		p->now = clock_ms();
		/* Linux lets no signal in while one is ready: once a ms we do */
		if (n > 0 && p->now != was)
			(void)ppoll(NULL, 0, &no_time, p->mask);

		/* relay -> ssh */
		if (fd[WIRE].revents != 0 || p->more_input)
			read_wire(p);
		if (fd[OUT].revents & (POLLERR | POLLHUP | POLLNVAL))
			p->out_open = false;
		if (!p->out_full || fd[OUT].revents & POLLOUT)
			write_out(p);
		if (!p->out_open)
			decode(p);

		/* ssh -> relay */
		if (wants_in(p) && fd[IN].revents != 0)
			read_in(p);
		else if (was_leaving && fd[IN].fd != -1 &&
		    fd[IN].revents == 0 && n != -1)
			p->in_open = false;	/* all that was there is read */
		if (p->up_open) {
			answer_ping(p);
			send_up(p);
		}

		notice_leaving(p);
		if (p->now >= next_alarm(p) && on_alarm(p))
			break;
	}
	return (verdict(p, e));
}
