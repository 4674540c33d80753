/*
 * Both ends of a connection, see fake_wire.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/unit/fake_wire.h"

#define PERIOD		65521	/* of the stream's table: prime */
#define DATA_MAX	65528	/* the longest payload that we promise */
#define FLOOD_READS	4096	/* between two polls: far more than a ring */

/* --- the stream --- */

uint32_t
fake_random(uint64_t *state)
{
	/* splitmix64 */
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return ((uint32_t)(z >> 32));
}

static const uint8_t *
stream_table(void)
{
	static uint8_t table[PERIOD];
	static bool made;
	uint64_t state = 1;
	size_t i;

	for (i = 0; !made && i < PERIOD; i++)
		table[i] = (uint8_t)fake_random(&state);
	made = true;
	return (table);
}

void
stream_make(unsigned seed, uint64_t at, uint8_t *out, size_t len)
{
	const uint8_t *table = stream_table();
	size_t i;

	for (i = 0; i < len; i++, at++)
		out[i] = table[(at + seed) % PERIOD] ^ (uint8_t)(at / PERIOD);
}

bool
stream_is(unsigned seed, uint64_t at, const uint8_t *p, size_t len)
{
	uint8_t want[4096];
	size_t n;

	for (; len > 0; p += n, at += n, len -= n) {
		n = len < sizeof(want) ? len : sizeof(want);
		stream_make(seed, at, want, n);
		if (memcmp(want, p, n) != 0)
			return (false);
	}
	return (true);
}

/* --- the wire --- */

static size_t
portion(struct wire *w, size_t len, size_t max)
{
	if (max == 0 || max > len)
		max = len;
	if (w->dice != 0 && max > 1)
		max = 1 + fake_random(&w->dice) % max;
	return (max);
}

/* Returns bytes sent, WIRE_AGAIN or -1. */
static ssize_t
wire_send(struct wire *w, const uint8_t *buf, size_t len)
{
	ssize_t n;

	if (w->dead || w->write_fails) {
		w->dead |= w->write_kills;
		return (-1);
	}
	if (w->refusals > 0 || w->quota == 0) {
		w->refusals -= w->refusals > 0;
		return (WIRE_AGAIN);
	}
	len = portion(w, len, w->write_max);
	if (len > w->quota)
		len = w->quota;
	n = send(w->fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n == -1)
		return (errno == EAGAIN || errno == EINTR ? WIRE_AGAIN : -1);
	if (w->quota != SIZE_MAX)
		w->quota -= (size_t)n;
	w->sent += (uint64_t)n;
	return (n);
}

int
wire_fd(const struct wire *w)
{
	return (w->dead ? -1 : w->fd);
}

short
wire_events(const struct wire *w)
{
	(void)w;
	return (POLLIN);
}

int
wire_flush(struct wire *w)
{
	ssize_t n;

	w->flushes++;
	if (w->dead)
		return (-1);
	if (w->kept_len == 0)
		return (0);
	if ((n = wire_send(w, w->kept + w->kept_at, w->kept_len)) < 0)
		return ((int)n);
	w->kept_at += (size_t)n;
	w->kept_len -= (size_t)n;
	return (w->kept_len > 0 ? WIRE_AGAIN : 0);
}

ssize_t
wire_write(struct wire *w, const uint8_t *buf, size_t len)
{
	int r;

	w->writes++;
	if (len == 0)
		w->misuse = "an empty write";
	if (!w->keeps)
		return (wire_send(w, buf, len));
	if ((r = wire_flush(w)) != 0)
		return (r);
	if (w->write_fails)
		return (-1);
	w->kept_at = 0;
	w->kept_len = len < FAKE_RECORD ? len : FAKE_RECORD;
	memcpy(w->kept, buf, w->kept_len);
	len = w->kept_len;
	return (wire_flush(w) == -1 ? -1 : (ssize_t)len);
}

static ssize_t
flood(struct wire *w, uint8_t *buf, size_t size)
{
	size_t i;

	if (++w->in_a_row > FLOOD_READS) {
		w->misuse = "reads without end, and never polls";
		w->floods = false;
		return (WIRE_AGAIN);
	}
	for (i = 0; i < size; i++) {
		buf[i] = w->flood[w->flood_at];
		w->flood_at = (w->flood_at + 1) % w->flood_len;
	}
	w->got += size;
	return ((ssize_t)size);
}

ssize_t
wire_read(struct wire *w, uint8_t *buf, size_t size)
{
	uint8_t *to = w->hoards ? w->hoard : buf;
	ssize_t n;

	w->reads++;
	if (size < WIRE_READ_MIN)
		w->misuse = "a read into too little room";
	if (size > FAKE_RECORD)
		size = FAKE_RECORD;
	if (w->floods)
		return (flood(w, buf, size));
	if (w->hoard_len == 0) {
		w->dead |= w->got >= w->read_end;
		if (w->dead)
			return (WIRE_EOF);
		n = recv(w->fd, to, w->hoards ? FAKE_RECORD :
		    portion(w, size, w->read_max), MSG_DONTWAIT);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return (WIRE_AGAIN);
		if (n <= 0)
			return (WIRE_EOF);
		if ((uint64_t)n > w->read_end - w->got)
			n = (ssize_t)(w->read_end - w->got);
		w->got += (uint64_t)n;
		if (!w->hoards)
			return (n);
		w->hoard_at = 0;
		w->hoard_len = (size_t)n;
	}
	size = portion(w, size < w->hoard_len ? size : w->hoard_len,
	    w->read_max);
	memcpy(buf, w->hoard + w->hoard_at, size);
	w->hoard_at += size;
	w->hoard_len -= size;
	return ((ssize_t)size);
}

void
wire_free(struct wire *w)
{
	if (w == NULL)
		return;
	(void)close(w->fd);
	free(w);
}

struct wire *
fake_wire_new(struct relay *r, int buffer)
{
	struct wire *w = calloc(1, sizeof(*w));
	int fd[2], i;

	if (w == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, fd) == -1)
		abort();
	for (i = 0; i < 2 && buffer > 0; i++)
		(void)setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &buffer,
		    sizeof(buffer));
	w->fd = fd[0];
	w->quota = SIZE_MAX;
	w->read_end = UINT64_MAX;
	*r = (struct relay){ .fd = fd[1], .pongs = true, .closes = true };
	return (w);
}

/* --- the relay: sending --- */

void
relay_raw(struct relay *r, const void *bytes, size_t len)
{
	if (r->out_at > 0) {
		memmove(r->out, r->out + r->out_at, r->out_len);
		r->out_at = 0;
	}
	if (r->out_len + len > r->out_size) {
		r->out_size = 2 * (r->out_len + len);
		if ((r->out = realloc(r->out, r->out_size)) == NULL)
			abort();
	}
	if (len > 0)
		memcpy(r->out + r->out_len, bytes, len);
	r->out_len += len;
}

void
relay_frame(struct relay *r, unsigned first, const void *payload, size_t len)
{
	uint8_t h[10] = { (uint8_t)first, (uint8_t)len };
	size_t i, n = 2;

	if (len > 65535) {
		h[1] = 127;
		for (i = 0; i < 8; i++)
			h[n++] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
	} else if (len > 125) {
		h[1] = 126;
		h[n++] = (uint8_t)(len >> 8);
		h[n++] = (uint8_t)len;
	}
	relay_raw(r, h, n);
	relay_raw(r, payload, len);
}

void
relay_data(struct relay *r, unsigned first, size_t len)
{
	uint8_t *p = malloc(len + 1);

	if (p == NULL)
		abort();
	stream_make(r->down_seed, r->queued, p, len);
	relay_frame(r, first, p, len);
	r->queued += len;
	free(p);
}

void
relay_close(struct relay *r, unsigned code, const char *reason)
{
	uint8_t payload[125] = { (uint8_t)(code >> 8), (uint8_t)code };
	size_t n = strlen(reason);

	if (n > sizeof(payload) - 2)
		abort();
	memcpy(payload + 2, reason, n);
	relay_frame(r, 0x88, payload, code == 0 ? 0 : 2 + n);
}

/* --- the relay: judging --- */

static void
bad(struct relay *r, const char *why)
{
	if (r->violation == NULL)
		r->violation = why;
}

/* The header is whole. */
static void
judge_header(struct relay *r)
{
	unsigned op = r->header[0] & 0x0f;
	uint32_t key;
	size_t i, ext = r->header_size - 6;

	r->left = r->header[1] & 0x7f;
	if (ext > 0)
		r->left = 0;
	for (i = 0; i < ext; i++)
		r->left = r->left << 8 | r->header[2 + i];
	r->at = 0;
	if (r->ncloses > 0)
		bad(r, "a frame after the Close");
	if ((r->header[0] & 0xf0) != 0x80)
		bad(r, "a fragment, or a reserved bit");
	if (!(r->header[1] & 0x80))
		bad(r, "a frame without a mask");
	if ((ext == 2 && r->left < 126) || (ext == 8 && r->left < 65536))
		bad(r, "a length that is not minimal");
	memcpy(&key, r->header + 2 + ext, 4);
	if (key == r->last_key)
		bad(r, "a masking key again");
	r->last_key = key;
	if (op == 0x2) {
		r->frames++;
		if (r->left == 0)
			bad(r, "an empty data frame");
		if (r->left > DATA_MAX)
			bad(r, "a data frame longer than a slot");
		if (r->left > r->longest)
			r->longest = (size_t)r->left;
	} else if (op < 0x8 || op > 0xa)
		bad(r, "an opcode that we do not use");
	else if (r->left > 125)
		bad(r, "a control frame that is too long");
}

/* The frame is whole. */
static void
end_of_frame(struct relay *r)
{
	r->header_len = 0;
	switch (r->header[0] & 0x0f) {
	case 0x8:
		r->ncloses++;
		if (r->at != 2)
			bad(r, "a Close without a code");
		r->close_code = (unsigned)r->control[0] << 8 | r->control[1];
		if (r->closes)
			relay_close(r, r->close_code, "");
		break;
	case 0x9:
		r->npings++;
		if (r->pongs)
			relay_frame(r, 0x8a, r->control, (size_t)r->at);
		break;
	case 0xa:
		r->npongs++;
		memcpy(r->pong, r->control, (size_t)r->at);
		r->pong_len = (size_t)r->at;
		break;
	default:
		break;
	}
}

static void
judge_payload(struct relay *r, uint8_t *p, size_t len)
{
	const uint8_t *key = r->header + r->header_size - 4;
	size_t i;

	for (i = 0; i < len; i++)
		p[i] ^= key[(r->at + i) & 3];
	if (r->header[0] & 0x08)
		for (i = 0; i < len && r->at + i < sizeof(r->control); i++)
			r->control[r->at + i] = p[i];
	else {
		r->wrong |= !stream_is(r->up_seed, r->bytes, p, len);
		r->bytes += len;
	}
	r->at += len;
	r->left -= len;
}

static void
judge(struct relay *r, uint8_t *p, size_t len)
{
	size_t n;

	r->raw += len;
	while (len > 0 && r->violation == NULL) {
		if (r->header_len < 2 || r->header_len < r->header_size) {
			r->header[r->header_len++] = *p++;
			len--;
			if (r->header_len == 1)
				r->header_size = 0;
			if (r->header_len == 2)
				r->header_size = 6 +
				    ((r->header[1] & 0x7f) == 126 ? 2 :
				    (r->header[1] & 0x7f) == 127 ? 8 : 0);
			if (r->header_len < 2 ||
			    r->header_len < r->header_size)
				continue;
			judge_header(r);
		} else {
			n = len < r->left ? len : (size_t)r->left;
			judge_payload(r, p, n);
			p += n;
			len -= n;
		}
		if (r->left == 0)
			end_of_frame(r);
	}
}

bool
relay_is_content(const struct relay *r, bool whole)
{
	return (r->violation == NULL && !r->wrong && r->ncloses <= 1 &&
	    (!whole || r->header_len == 0));
}

/* --- the relay: moving --- */

size_t
relay_work(struct relay *r, size_t in, size_t out)
{
	static uint8_t buf[64 * 1024];
	size_t moved = 0;
	ssize_t n;

	if (r->fd == -1)
		return (0);
	if (in > sizeof(buf))
		in = sizeof(buf);
	if (in > 0 && !r->ended) {
		n = recv(r->fd, buf, in, MSG_DONTWAIT);
		if (n > 0) {
			judge(r, buf, (size_t)n);
			moved += (size_t)n;
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			r->ended = true;
	}
	if (out > r->out_len)
		out = r->out_len;
	if (out > 0) {
		n = send(r->fd, r->out + r->out_at, out,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			r->out_at += (size_t)n;
			r->out_len -= (size_t)n;
			moved += (size_t)n;
		}
	}
	if (r->hangs_up && r->ncloses > 0 && r->out_len == 0)
		relay_hang_up(r);
	return (moved);
}

void
relay_hang_up(struct relay *r)
{
	if (r->fd != -1)
		(void)close(r->fd);
	r->fd = -1;
}

void
relay_free(struct relay *r)
{
	relay_hang_up(r);
	free(r->out);
	r->out = NULL;
}
