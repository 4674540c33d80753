/*
 * Goal: the codec speaks RFC 6455 to the letter, takes nothing from a server
 * that does not, and hands out the same bytes and events wherever the stream is
 * cut.
 *
 * The oracle is a second reading of the RFC, below: slow, and over the whole
 * stream at once.
 */
#include <stdlib.h>
#include <string.h>

#include "relay/crypto.h"
#include "relay/ws.h"
#include "test/unit/tap.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))

static int on_valgrind;

/* xorshift64*: the same numbers on every machine. */
static uint64_t
next(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return ((*seed * UINT64_C(2685821657736338717)) >> 16);
}

/* --- streams: frames as a server would write them, right or wrong --- */

struct stream {
	uint8_t	byte[200 * 1024];
	size_t	len;
	size_t	start[1024];	/* where the last frames begin */
	size_t	nstarts;
};

static void
put(struct stream *s, const void *bytes, size_t len)
{
	memcpy(s->byte + s->len, bytes, len);
	s->len += len;
}

/* A header with n as the length; form: 7, 16 or 64 bits, 0: the shortest. */
static void
put_header(struct stream *s, uint8_t b0, uint64_t n, int form)
{
	int i;

	if (form == 0)
		form = n < 126 ? 7 : n < 65536 ? 16 : 64;
	s->start[s->nstarts++ % N(s->start)] = s->len;
	s->byte[s->len++] = b0;
	s->byte[s->len++] = form == 7 ? (uint8_t)n : form == 16 ? 126 : 127;
	for (i = form == 7 ? 0 : form; i > 0; i -= 8)
		s->byte[s->len++] = (uint8_t)(n >> (i - 8));
}

static void
put_frame(struct stream *s, uint8_t b0, const char *payload, size_t len)
{
	put_header(s, b0, len, 0);
	put(s, payload, len);
}

#define FRAME(s, b0, text)	put_frame(s, b0, text, sizeof(text) - 1)

/* --- records: what came out, whatever pieces it came in --- */

struct event {
	enum ws_event	kind;
	size_t		at;		/* payload bytes before it */
	unsigned	code;
	size_t		len;
	uint8_t		text[WS_CONTROL_MAX];
};

struct record {
	uint8_t		data[200 * 1024];
	size_t		len;
	struct event	event[20000];
	size_t		nevents;
};

static void
add_event(struct record *r, enum ws_event kind, unsigned code,
    const uint8_t *text, size_t len)
{
	struct event *v = &r->event[r->nevents++];

	*v = (struct event){ .kind = kind, .at = r->len, .code = code };
	if (kind != WS_BAD && len <= sizeof(v->text)) {
		v->len = len;
		memcpy(v->text, text, len);
	}
}

static int
same_record(const struct record *a, const struct record *b)
{
	size_t i;

	if (a->len != b->len || memcmp(a->data, b->data, a->len) != 0 ||
	    a->nevents != b->nevents)
		return (0);
	for (i = 0; i < a->nevents; i++)
		if (a->event[i].kind != b->event[i].kind ||
		    a->event[i].at != b->event[i].at ||
		    a->event[i].code != b->event[i].code ||
		    a->event[i].len != b->event[i].len ||
		    memcmp(a->event[i].text, b->event[i].text,
		    a->event[i].len) != 0)
			return (0);
	return (1);
}

/*
 * Gives the decoder one piece.  Returns 0 when it ended (Close, violation), -1
 * when it broke its own promises.
 */
static int
feed(struct ws_decoder *d, const uint8_t *in, size_t len, struct record *r)
{
	size_t used;

	for (;;) {
		enum ws_event event = ws_decode(d, in, len, &used);

		if (used > len)
			return (-1);
		switch (event) {
		case WS_MORE:
			return (used == len ? 1 : -1);
		case WS_DATA:
			if (d->len == 0 || d->data < in ||
			    d->data + d->len != in + used)
				return (-1);
			memcpy(r->data + r->len, d->data, d->len);
			r->len += d->len;
			break;
		case WS_PING:
		case WS_PONG:
			add_event(r, event, 0, d->control, d->control_len);
			break;
		case WS_CLOSE:
			add_event(r, event, d->close_code, d->control,
			    d->control_len);
			return (0);
		case WS_BAD:
			if (d->why == NULL || ws_decode(d, in, len, &used) !=
			    WS_BAD || used != 0)
				return (-1);
			add_event(r, event, 0, NULL, 0);
			return (0);
		default:
			return (-1);
		}
		in += used;
		len -= used;
	}
}

/* The stream in pieces, cut at up to three places. */
static int
decode(const struct stream *s, size_t a, size_t b, size_t c, struct record *r)
{
	struct ws_decoder d = WS_DECODER_INIT;
	size_t cut[] = { a, b, c, s->len }, at = 0, i;
	int rc = 1;

	r->len = r->nevents = 0;
	for (i = 0; i < N(cut) && rc == 1; i++)
		if (cut[i] >= at && cut[i] <= s->len) {
			rc = feed(&d, s->byte + at, cut[i] - at, r);
			at = cut[i];
		}
	return (rc);
}

static int
decode_bytewise(const struct stream *s, struct record *r)
{
	struct ws_decoder d = WS_DECODER_INIT;
	size_t i;
	int rc = 1;

	r->len = r->nevents = 0;
	for (i = 0; i < s->len && rc == 1; i++)
		rc = feed(&d, s->byte + i, 1, r);
	return (rc);
}

/* --- the oracle --- */

/* RFC 3629, section 4, by its grammar. */
static int
grammar_utf8(const uint8_t *p, size_t n)
{
	static const struct {
		uint8_t	first, last, second_first, second_last;
		size_t	tails;
	} row[] = {
		{ 0x00, 0x7f, 0, 0, 0 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 1 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 2 },
		{ 0xe1, 0xec, 0x80, 0xbf, 2 },
		{ 0xed, 0xed, 0x80, 0x9f, 2 },
		{ 0xee, 0xef, 0x80, 0xbf, 2 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 3 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 3 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 3 },
	};
	size_t i, k;

	while (n > 0) {
		for (i = 0; i < N(row); i++)
			if (*p >= row[i].first && *p <= row[i].last)
				break;
		if (i == N(row) || row[i].tails >= n)
			return (0);
		for (k = 1; k <= row[i].tails; k++)
			if (p[k] < (k == 1 ? row[i].second_first : 0x80) ||
			    p[k] > (k == 1 ? row[i].second_last : 0xbf))
				return (0);
		p += 1 + row[i].tails;
		n -= 1 + row[i].tails;
	}
	return (1);
}

/* RFC 6455, section 7.4, and the registry that it founded. */
static int
code_may_be_sent(unsigned code)
{
	static const unsigned registered[] = { 1000, 1001, 1002, 1003, 1007,
	    1008, 1009, 1010, 1011, 1012, 1013, 1014 };
	size_t i;

	for (i = 0; i < N(registered); i++)
		if (code == registered[i])
			return (1);
	return (code / 1000 == 3 || code / 1000 == 4);
}

/* Reads the whole stream; how far a cut stream can be read is read. */
static void
oracle(const struct stream *s, struct record *r)
{
	const uint8_t *p = s->byte, *end = s->byte + s->len;
	int fragmented = 0;

	r->len = r->nevents = 0;
	for (;;) {
		int fin, op, control, extra, i, ok_so_far = 1;
		uint64_t n = 0;
		size_t have;

		if (end - p < 2)
			return;
		fin = p[0] >> 7;
		op = p[0] % 16;
		control = op >= 8;
		if ((p[0] >> 4) % 8 != 0 || p[1] >> 7 != 0)
			ok_so_far = 0;
		if ((op > 2 && op < 8) || op > 10)
			ok_so_far = 0;
		if (control && (!fin || p[1] % 128 > 125))
			ok_so_far = 0;
		if (!control && (op == 0) != fragmented)
			ok_so_far = 0;
		extra = p[1] % 128 == 126 ? 2 : p[1] % 128 == 127 ? 8 : 0;
		if (ok_so_far && end - p < 2 + extra)
			return;
		if (ok_so_far) {
			for (i = 0; i < extra; i++)
				n = n * 256 + p[2 + i];
			if (extra == 0)
				n = p[1];
			if ((extra == 2 && n < 126) ||
			    (extra == 8 && (n < 65536 || n >> 63)))
				ok_so_far = 0;
		}
		if (!ok_so_far) {
			add_event(r, WS_BAD, 0, NULL, 0);
			return;
		}
		p += 2 + extra;
		have = (size_t)(end - p);
		if (!control) {
			if (n < have)
				have = (size_t)n;
			memcpy(r->data + r->len, p, have);
			r->len += have;
			if (have < n)
				return;
			p += have;
			fragmented = !fin;
			continue;
		}
		if (have < n)
			return;
		if (op == 9 || op == 10)
			add_event(r, op == 9 ? WS_PING : WS_PONG, 0, p,
			    (size_t)n);
		else if (n == 0) {
			add_event(r, WS_CLOSE, 1005, p, 0);
			return;
		} else {
			unsigned code = n >= 2 ? p[0] * 256u + p[1] : 0;

			if (n == 1 || !code_may_be_sent(code) ||
			    !grammar_utf8(p + 2, (size_t)n - 2))
				add_event(r, WS_BAD, 0, NULL, 0);
			else
				add_event(r, WS_CLOSE, code, p + 2,
				    (size_t)n - 2);
			return;
		}
		p += n;
	}
}

static struct record got, want;		/* too large for a stack */

/* --- upgrade --- */

static void
test_upgrade(void)
{
	char key[WS_KEY_SIZE], other[WS_KEY_SIZE], accept[WS_ACCEPT_SIZE];
	uint8_t nonce[20];
	size_t i, wrong = 0;

	ws_accept_for("dGhlIHNhbXBsZSBub25jZQ==", accept);
	ok(strcmp(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == 0,
	    "the accept key of RFC 6455, section 1.3");
	ws_accept_for("x3JJHMbDL1EzLkh9GBhXDw==", accept);
	ok(strcmp(accept, "HSmrc0sMlYUkAGmm5OPpG2HaGWk=") == 0,
	    "and of another published example");
	for (i = 0; i < 100; i++) {
		memset(key, '#', sizeof(key));
		ws_new_key(key);
		ws_new_key(other);
		wrong += strlen(key) != 24 || strcmp(key, other) == 0 ||
		    crypto_unbase64(key, 24, nonce, sizeof(nonce)) != 16;
	}
	ok(wrong == 0, "a new key is base64 of 16 bytes, another each time");
}

/* --- encoder --- */

/* Takes a client's frame apart.  Returns the length of its header, or 0. */
static size_t
take_apart(const uint8_t *p, size_t total, int op, uint8_t *payload,
    size_t *len, uint8_t key[4])
{
	size_t header, i;

	if (total < 6 || p[0] != 0x80 + op || p[1] < 128)
		return (0);
	*len = p[1] - 128u;
	header = 2;
	if (*len == 126) {
		*len = p[2] * 256u + p[3];
		header = 4;
		if (*len < 126)
			return (0);
	} else if (*len == 127)
		return (0);	/* nothing that we send is that long */
	memcpy(key, p + header, 4);
	header += 4;
	if (header + *len != total)
		return (0);
	for (i = 0; i < *len; i++)
		payload[i] = p[header + i] ^ key[i & 3];
	return (header);
}

static int
data_frame_is_right(size_t len)
{
	static uint8_t buf[16 + WS_HEADROOM + WS_DATA_MAX + 16];
	static uint8_t sent[WS_DATA_MAX], came[WS_DATA_MAX];
	uint8_t *slot = buf + 16, key[4];
	size_t total, header, n, i;

	memset(buf, 0xc7, sizeof(buf));
	for (i = 0; i < len; i++)
		sent[i] = (uint8_t)(i * 151 + len);
	memcpy(slot + WS_HEADROOM, sent, len);
	total = ws_frame_data(slot, len);
	header = take_apart(slot, total, 2, came, &n, key);
	if (header != (len < 126 ? 6 : 8) || n != len ||
	    memcmp(came, sent, len) != 0)
		return (0);
	for (i = 0; i < 16; i++)
		if (buf[i] != 0xc7 || slot[WS_HEADROOM + len + i] != 0xc7)
			return (0);
	return (1);
}

static void
test_data_frames(void)
{
	static const size_t length[] = { 1, 2, 7, 8, 9, 125, 126, 127, 4096,
	    65527, 65528 };
	size_t i, wrong = 0;

	for (i = 0; i < N(length); i++)
		ok(data_frame_is_right(length[i]), "a data frame of %zu bytes: "
		    "final, binary, masked, shortest header, nothing around it "
		    "touched", length[i]);
	for (i = 1; i <= 1030; i++)
		wrong += !data_frame_is_right(i);
	ok(wrong == 0, "and of each length from 1 to 1030");
	ok(WS_HEADROOM + WS_DATA_MAX == 4 * 16384,
	    "the longest makes four TLS records");
}

static int
by_value(const void *a, const void *b)
{
	return (memcmp(a, b, 4));
}

static void
test_fresh_keys(void)
{
	static uint8_t key[10000][4];
	uint8_t frame[WS_CONTROL_SIZE + WS_HEADROOM], payload[8];
	size_t i, n, once = 1, set[32] = { 0 }, wrong = 0, running = 0;

	for (i = 0; i < N(key); i++) {
		size_t total;

		if (i % 2 == 0) {
			memcpy(frame + WS_HEADROOM, "abcd", 4);
			total = ws_frame_data(frame, 4);
		} else
			total = ws_frame_control(frame, WS_OP_PING, "abcd", 4);
		wrong += take_apart(frame, total, i % 2 == 0 ? 2 : 9, payload,
		    &n, key[i]) != 6;
		for (n = 0; n < 32; n++)
			set[n] += key[i][n / 8] >> n % 8 & 1;
		running += i > 0 && memcmp(key[i], key[i - 1], 4) == 0;
	}
	qsort(key, N(key), 4, by_value);
	for (i = 1; i < N(key); i++)
		once += memcmp(key[i], key[i - 1], 4) != 0;
	for (i = 0; i < 32; i++)	/* 10 standard deviations */
		wrong += set[i] < 4500 || set[i] > 5500;
	ok(running == 0 && once > N(key) - 10,
	    "a new masking key each frame: %zu of %zu differ", once, N(key));
	ok(wrong == 0, "each bit of it as often set as not");
}

static void
test_control_frames(void)
{
	static const size_t length[] = { 0, 1, 2, 124, 125 };
	static const enum ws_opcode op[] = { WS_OP_CLOSE, WS_OP_PING,
	    WS_OP_PONG };
	uint8_t out[WS_CONTROL_SIZE + 16], sent[WS_CONTROL_MAX];
	uint8_t came[WS_CONTROL_MAX], key[4];
	size_t i, k, n, total, wrong = 0;

	for (i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 7 + 3);
	for (k = 0; k < N(op); k++)
		for (i = 0; i < N(length); i++) {
			memset(out, 0xc7, sizeof(out));
			total = ws_frame_control(out, op[k],
			    length[i] > 0 ? sent : NULL, length[i]);
			wrong += take_apart(out, total, (int)op[k], came, &n,
			    key) != 6 || n != length[i] ||
			    memcmp(came, sent, n) != 0 ||
			    out[total] != 0xc7 || total > WS_CONTROL_SIZE;
		}
	ok(wrong == 0, "ping, pong and Close of 0 to 125 bytes");
	total = ws_frame_close(out, WS_CLOSE_PROTOCOL_ERROR);
	ok(take_apart(out, total, 8, came, &n, key) == 6 && n == 2 &&
	    came[0] == 0x03 && came[1] == 0xea, "Close 1002");
}

/* --- decoder: violations --- */

enum place { FIRST, BETWEEN, INSIDE, NPLACES };	/* inside: after a fragment */

static const char *const place_name[] = {
	"first", "after data", "in a message"
};

/*
 * The violation in v must be refused; what came before is handed out, nothing
 * behind is.  Returns what is wrong, or NULL.
 */
static const char *
refused(enum place place, const struct stream *v)
{
	static struct stream s;
	size_t before = 0, cut;

	s.len = 0;
	if (place == BETWEEN) {
		FRAME(&s, 0x82, "good");
		before = 4;
	} else if (place == INSIDE) {
		FRAME(&s, 0x02, "frag");
		FRAME(&s, 0x89, "p");	/* does not end the message */
		before = 4;
	}
	put(&s, v->byte, v->len);
	FRAME(&s, 0x82, "behind");
	FRAME(&s, 0x80, "behind");

	oracle(&s, &want);
	if (want.nevents == 0 || want.event[want.nevents - 1].kind != WS_BAD ||
	    want.len < before)
		return ("the oracle takes it");
	for (cut = 0; cut <= s.len; cut++) {
		if (decode(&s, cut, s.len, s.len, &got) != 0)
			return ("taken");
		if (!same_record(&got, &want))
			return ("refused, but other bytes before it");
	}
	if (decode_bytewise(&s, &got) != 0 || !same_record(&got, &want))
		return ("taken byte by byte");
	return (NULL);
}

/* Each place that is in the mask (bit 0: FIRST, ..). */
static void
must_refuse(const char *name, unsigned places, const struct stream *v)
{
	const char *why = NULL;
	int i, where = 0;

	for (i = 0; i < NPLACES && why == NULL; i++)
		if (places >> i & 1) {
			why = refused((enum place)i, v);
			where = i;
		}
	ok(why == NULL, "refused: %s%s%s%s%s", name, why != NULL ? ", " : "",
	    why != NULL ? place_name[where] : "", why != NULL ? ": " : "",
	    why != NULL ? why : "");
}

#define ANY		7u
#define OUTSIDE		(1u << FIRST | 1u << BETWEEN)
#define IN_MESSAGE	(1u << INSIDE)

static void
test_start_violations(void)
{
	static const uint8_t all[] = { 0, 1, 2, 8, 9, 10 };
	static struct stream v;
	unsigned op, rsv;
	size_t i;
	char name[80];

	for (rsv = 1; rsv < 8; rsv++)
		for (i = 0; i < N(all); i++) {
			v.len = 0;
			put_frame(&v, (uint8_t)(0x80 | rsv << 4 | all[i]),
			    "evil", 4);
			(void)snprintf(name, sizeof(name), "RSV %u on opcode "
			    "%u", rsv, all[i]);
			must_refuse(name, ANY, &v);
		}
	for (op = 3; op < 16; op = op == 7 ? 11 : op + 1)
		for (i = 0; i < 2; i++) {
			v.len = 0;
			put_frame(&v, (uint8_t)(i << 7 | op), "evil", 4);
			(void)snprintf(name, sizeof(name), "reserved opcode %u"
			    "%s", op, i == 0 ? ", not final" : "");
			must_refuse(name, ANY, &v);
		}
	for (i = 0; i < N(all); i++) {
		v.len = 0;
		put(&v, (uint8_t []){ (uint8_t)(0x80 | all[i]), 0x84, 1, 2, 3,
		    4, 'e' ^ 1, 'v' ^ 2, 'i' ^ 3, 'l' ^ 4 }, 10);
		(void)snprintf(name, sizeof(name), "masked frame of opcode %u",
		    all[i]);
		must_refuse(name, ANY, &v);
	}
	v.len = 0;
	put(&v, "\x82\x80\1\2\3\4", 6);
	must_refuse("masked empty frame", ANY, &v);
	for (op = 8; op <= 10; op++) {
		v.len = 0;
		put_frame(&v, (uint8_t)op, "\x03\xe8", 2);
		(void)snprintf(name, sizeof(name), "fragmented control %u", op);
		must_refuse(name, ANY, &v);
		v.len = 0;
		put_header(&v, (uint8_t)(0x80 | op), 126, 16);
		(void)snprintf(name, sizeof(name), "control %u of 126 bytes",
		    op);
		must_refuse(name, ANY, &v);
		v.len = 0;
		put_header(&v, (uint8_t)(0x80 | op), 65536, 64);
		(void)snprintf(name, sizeof(name), "control %u of 64 KiB", op);
		must_refuse(name, ANY, &v);
		v.len = 0;
		put_header(&v, (uint8_t)(0x80 | op), 4, 16);
		put(&v, "evil", 4);
		(void)snprintf(name, sizeof(name), "control %u with a 16-bit "
		    "length", op);
		must_refuse(name, ANY, &v);
	}
}

static void
test_message_violations(void)
{
	static struct stream v;
	unsigned op, fin;
	char name[80];

	for (fin = 0; fin < 2; fin++) {
		v.len = 0;
		FRAME(&v, (uint8_t)(fin << 7), "evil");
		must_refuse(fin ? "stray final continuation" :
		    "stray continuation", OUTSIDE, &v);
		v.len = 0;
		FRAME(&v, (uint8_t)(fin << 7), "");
		must_refuse(fin ? "stray empty final continuation" :
		    "stray empty continuation", OUTSIDE, &v);
		for (op = 1; op <= 2; op++) {
			v.len = 0;
			FRAME(&v, (uint8_t)(fin << 7 | op), "evil");
			(void)snprintf(name, sizeof(name), "opcode %u inside a "
			    "message%s", op, fin ? "" : ", not final");
			must_refuse(name, IN_MESSAGE, &v);
		}
	}
	v.len = 0;
	FRAME(&v, 0x02, "a");
	FRAME(&v, 0x80, "b");
	FRAME(&v, 0x80, "evil");
	must_refuse("continuation after the last fragment", OUTSIDE, &v);
	v.len = 0;
	FRAME(&v, 0x02, "");
	FRAME(&v, 0x82, "evil");
	must_refuse("a message inside one that began empty", OUTSIDE, &v);
	v.len = 0;
	FRAME(&v, 0x00, "a");
	FRAME(&v, 0x00, "");
	FRAME(&v, 0x8a, "pong");
	FRAME(&v, 0x81, "evil");
	must_refuse("text after two more fragments and a pong", IN_MESSAGE,
	    &v);
}

static void
test_length_violations(void)
{
	static const struct {
		uint64_t	n;
		int		form;
	} bad[] = {
		{ 0, 16 }, { 1, 16 }, { 124, 16 }, { 125, 16 },
		{ 0, 64 }, { 1, 64 }, { 125, 64 }, { 126, 64 },
		{ 65534, 64 }, { 65535, 64 },
		{ UINT64_C(1) << 63, 64 }, { (UINT64_C(1) << 63) + 4, 64 },
		{ UINT64_MAX, 64 }, { UINT64_C(0xffffffff00000000), 64 },
	};
	static struct stream v;
	size_t i;
	char name[80];

	for (i = 0; i < N(bad); i++) {
		(void)snprintf(name, sizeof(name), "length %llu in %d bits",
		    (unsigned long long)bad[i].n, bad[i].form);
		v.len = 0;
		put_header(&v, 0x82, bad[i].n, bad[i].form);
		put(&v, "evil", 4);
		must_refuse(name, OUTSIDE, &v);
		v.byte[0] = 0x80;
		must_refuse(name, IN_MESSAGE, &v);
	}
}

static void
test_close(void)
{
	static const struct {
		const char	*name, *reason;
		int		 valid;
	} reason[] = {
		{ "no reason", "", 1 },
		{ "ASCII", "bye", 1 },
		{ "two, three and four bytes",
		    "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", 1 },
		{ "the last code point", "\xf4\x8f\xbf\xbf", 1 },
		{ "around the surrogates", "\xed\x9f\xbf\xee\x80\x80", 1 },
		{ "a lone tail", "a\x80", 0 },
		{ "no tail", "a\xc3", 0 },
		{ "a tail too few", "\xe2\x82", 0 },
		{ "a letter for a tail", "\xe2\x28\xac", 0 },
		{ "an overlong slash", "\xc0\xaf", 0 },
		{ "an overlong slash of 3", "\xe0\x80\xaf", 0 },
		{ "an overlong slash of 4", "\xf0\x80\x80\xaf", 0 },
		{ "a surrogate", "\xed\xa0\x80", 0 },
		{ "above the last", "\xf4\x90\x80\x80", 0 },
		{ "five bytes", "\xf8\x88\x80\x80\x80", 0 },
		{ "0xff", "\xff", 0 },
		{ "bad behind good", "good \xc3\xa9 \xfe", 0 },
	};
	static struct stream v;
	unsigned code;
	size_t i, wrong = 0;
	char text[125], name[80];

	v.len = 0;
	FRAME(&v, 0x88, "\x03");
	must_refuse("a Close of one byte", ANY, &v);
	for (code = 0; code < 65536; code += on_valgrind ? 13 : 1) {
		v.len = 0;
		text[0] = (char)(code >> 8);
		text[1] = (char)code;
		put_frame(&v, 0x88, text, 2);
		(void)decode(&v, v.len, v.len, v.len, &got);
		wrong += got.nevents != 1 || got.event[0].kind !=
		    (code_may_be_sent(code) ? WS_CLOSE : WS_BAD) ||
		    (got.event[0].kind == WS_CLOSE &&
		    (got.event[0].code != code || got.event[0].len != 0));
	}
	ok(wrong == 0, "Close: each of 65536 codes");
	text[0] = 0x03;
	text[1] = (char)0xed;	/* 1005: must not be sent */
	v.len = 0;
	put_frame(&v, 0x88, text, 2);
	must_refuse("Close 1005", ANY, &v);
	text[1] = (char)0xe8;
	for (i = 0; i < N(reason); i++) {
		size_t len = strlen(reason[i].reason);

		memcpy(text + 2, reason[i].reason, len);
		v.len = 0;
		put_frame(&v, 0x88, text, 2 + len);
		if (!reason[i].valid) {
			(void)snprintf(name, sizeof(name), "a Close reason "
			    "with %s", reason[i].name);
			must_refuse(name, ANY, &v);
			continue;
		}
		(void)decode(&v, 3, v.len, v.len, &got);
		ok(got.nevents == 1 && got.event[0].kind == WS_CLOSE &&
		    got.event[0].code == 1000 && got.event[0].len == len &&
		    memcmp(got.event[0].text, reason[i].reason, len) == 0,
		    "Close with a reason: %s", reason[i].name);
	}
	memset(text + 2, 'r', sizeof(text) - 2);
	v.len = 0;
	put_frame(&v, 0x88, text, sizeof(text));
	(void)decode(&v, 70, v.len, v.len, &got);
	ok(got.nevents == 1 && got.event[0].kind == WS_CLOSE &&
	    got.event[0].len == 123, "the longest reason");
	v.len = 0;
	FRAME(&v, 0x88, "");
	(void)decode(&v, 1, v.len, v.len, &got);
	ok(got.nevents == 1 && got.event[0].kind == WS_CLOSE &&
	    got.event[0].code == WS_CLOSE_NO_STATUS && got.event[0].len == 0,
	    "a Close of nothing");
}

/* All sequences of one to four bytes that the grammar tells apart. */
static void
test_utf8(void)
{
	static const uint8_t tail[] = { 0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f,
	    0xa0, 0xbf, 0xc0, 0xff };
	static struct stream v;
	unsigned lead;
	size_t len, combo, combos, i, wrong = 0, tried = 0, valid = 0;
	uint8_t text[8] = { 0x03, 0xe8 };
	int is_valid;

	for (lead = 0; lead < 256; lead += on_valgrind ? 7 : 1)
		for (len = 1, combos = 1; len <= 4; len++, combos *= N(tail))
			for (combo = 0; combo < combos; combo++) {
				size_t rest = combo;

				text[2] = (uint8_t)lead;
				for (i = 1; i < len; i++, rest /= N(tail))
					text[2 + i] = tail[rest % N(tail)];
				v.len = 0;
				put_frame(&v, 0x88, (char *)text, 2 + len);
				(void)decode(&v, v.len, v.len, v.len, &got);
				is_valid = grammar_utf8(text + 2, len);
				valid += (size_t)is_valid;
				tried++;
				wrong += got.nevents != 1 ||
				    (got.event[0].kind == WS_CLOSE) != is_valid;
			}
	ok(wrong == 0 && valid > 100, "UTF-8 as in the grammar of RFC 3629: "
	    "%zu sequences, %zu of them valid", tried, valid);
}

/* --- decoder: what is valid --- */

static void
test_lengths(void)
{
	static const size_t length[] = { 0, 1, 2, 125, 126, 127, 128, 4096,
	    65535, 65536, 65537, 100000 };
	static char payload[100000];
	static struct stream s;
	size_t i, n;

	for (i = 0; i < sizeof(payload); i++)
		payload[i] = (char)(i * 31 ^ i >> 7);
	for (i = 0; i < N(length); i++) {
		n = length[i];
		s.len = 0;
		FRAME(&s, 0x81, "before");
		put_frame(&s, 0x82, payload, n);
		FRAME(&s, 0x82, "behind");
		oracle(&s, &want);
		ok(decode(&s, s.len, s.len, s.len, &got) == 1 &&
		    got.nevents == 0 && got.len == 12 + n &&
		    memcmp(got.data + 6, payload, n) == 0 &&
		    memcmp(got.data + 6 + n, "behind", 6) == 0 &&
		    same_record(&got, &want) &&
		    decode_bytewise(&s, &got) == 1 && same_record(&got, &want),
		    "a frame of %zu bytes, at once and byte by byte", n);
	}
}

/* A payload that nobody could keep goes through. */
static void
test_large(void)
{
	static const uint64_t length[] = { UINT64_C(0xffffffff),
	    UINT64_C(0x100000000), UINT64_C(0x100000005) };
	static uint8_t piece[1024 * 1024];
	static struct stream s;
	size_t i, used, n;

	for (i = 0; i < N(length); i++) {
		struct ws_decoder d = WS_DECODER_INIT;
		uint64_t left = length[i];
		size_t wrong = 0;

		s.len = 0;
		put_header(&s, 0x82, left, 64);
		wrong += ws_decode(&d, s.byte, s.len, &used) != WS_MORE ||
		    used != s.len;
		while (left > 0 && wrong == 0) {
			n = left < sizeof(piece) ? (size_t)left : sizeof(piece);
			wrong += ws_decode(&d, piece, n, &used) != WS_DATA ||
			    used != n || d.data != piece || d.len != n;
			left -= n;
		}
		s.len = 0;
		FRAME(&s, 0x89, "end");
		wrong += ws_decode(&d, s.byte, s.len, &used) != WS_PING ||
		    d.control_len != 3;
		ok(wrong == 0, "a frame of %llu bytes goes through, and the "
		    "ping behind it is seen", (unsigned long long)length[i]);
	}
	{
		struct ws_decoder d = WS_DECODER_INIT;

		s.len = 0;
		put_header(&s, 0x82, INT64_MAX, 64);
		put(&s, "data", 4);
		ok(ws_decode(&d, s.byte, s.len, &used) == WS_DATA && d.len ==
		    4 && used == s.len, "the longest that may be announced");
		ok(ws_decode(&d, piece, sizeof(piece), &used) == WS_DATA &&
		    used == sizeof(piece), "and it goes on");
	}
	ok(sizeof(struct ws_decoder) <= 256, "a decoder has %zu bytes",
	    sizeof(struct ws_decoder));
}

static void
test_many_events(void)
{
	static struct stream s;
	struct ws_decoder d = WS_DECODER_INIT;
	size_t i, used, wrong;
	char text[8];

	s.len = 0;
	for (i = 0; i < 10000; i++)
		FRAME(&s, 0x89, "ping");
	ok(decode(&s, s.len, s.len, s.len, &got) == 1 && got.nevents == 10000 &&
	    got.event[9999].len == 4, "10000 pings, none left out");

	s.len = 0;
	FRAME(&s, 0x02, "");
	for (i = 0; i < 20000; i++) {
		text[0] = (char)(i * 7);
		put_frame(&s, 0x00, text, 1);
		if (i % 100 == 0)
			put_frame(&s, 0x00, text, 0);
		if (i % 50 == 0)
			put_frame(&s, i % 100 == 0 ? 0x89 : 0x8a, text, 1);
	}
	FRAME(&s, 0x80, "");
	FRAME(&s, 0x82, "end");
	oracle(&s, &want);
	ok(decode(&s, s.len, s.len, s.len, &got) == 1 && got.len == 20003 &&
	    got.nevents == 400 && same_record(&got, &want),
	    "20000 fragments of a byte, empty ones and pings between");

	/* a ping is told where it stands, before the message ends */
	s.len = 0;
	FRAME(&s, 0x02, "a");
	FRAME(&s, 0x89, "now");
	wrong = ws_decode(&d, s.byte, s.len, &used) != WS_DATA;
	wrong += ws_decode(&d, s.byte + used, s.len - used, &used) != WS_PING;
	ok(wrong == 0 && d.control_len == 3 && memcmp(d.control, "now", 3) == 0,
	    "a ping inside a message is told at once");
	ok(ws_decode(&d, s.byte, 0, &used) == WS_MORE && used == 0,
	    "no bytes: nothing to tell");
}

/* --- cuts --- */

static void
make_mixed(struct stream *s)
{
	char text[130];
	size_t i;

	for (i = 0; i < sizeof(text); i++)
		text[i] = (char)(i + 100);
	s->len = 0;
	FRAME(s, 0x82, "SSH-2.0-x\r\n");
	FRAME(s, 0x82, "");
	FRAME(s, 0x89, "");
	FRAME(s, 0x01, "ab");
	FRAME(s, 0x89, "ping");
	FRAME(s, 0x00, "");
	FRAME(s, 0x8a, "pong");
	FRAME(s, 0x00, "c");
	FRAME(s, 0x80, "de");
	put_frame(s, 0x82, text, 126);
	FRAME(s, 0x82, "f");
	put_frame(s, 0x89, text, 5);
	FRAME(s, 0x88, "\x03\xf3" "caf\xc3\xa9");
}

static void
test_cuts(void)
{
	static struct stream s;
	size_t a, b, wrong = 0, tried = 0, stride = on_valgrind ? 11 : 1;

	make_mixed(&s);
	oracle(&s, &want);
	ok(want.len == 11 + 5 + 126 + 1 && want.nevents == 5 &&
	    want.event[4].kind == WS_CLOSE && want.event[4].code == 1011,
	    "the oracle reads the stream of %zu bytes", s.len);
	for (a = 0; a <= s.len; a += stride)
		for (b = a; b <= s.len; b++, tried++)
			wrong += decode(&s, a, b, s.len, &got) != 0 ||
			    !same_record(&got, &want);
	ok(wrong == 0, "the same in three pieces, all %zu pairs of cuts",
	    tried);
	ok(decode_bytewise(&s, &got) == 0 && same_record(&got, &want),
	    "and byte by byte");
	wrong = 0;
	for (a = 0; a < s.len; a++) {
		struct stream *part = &s;
		size_t had = s.len;

		part->len = a;
		oracle(part, &want);
		wrong += decode(part, a / 3, a / 2, a, &got) != (a < had) ||
		    !same_record(&got, &want);
		part->len = had;
	}
	ok(wrong == 0, "an early end: each byte that came is handed out");
}

/* Valid frames at random; with few exceptions. */
static void
make_random(struct stream *s, uint64_t *seed)
{
	static const uint8_t control[] = { 0x89, 0x8a };
	static char text[70000];
	int in_message = 0;
	size_t n, i;

	s->len = s->nstarts = 0;
	while (s->len < 20000 && s->nstarts < N(s->start)) {
		uint64_t r = next(seed);
		uint8_t op = in_message ? 0 : 1 + r % 2;
		int fin = r >> 4 & 1;

		switch (r >> 8 & 15) {
		case 0:
			n = next(seed) % 66000;
			break;
		case 1: case 2:
			n = 0;
			break;
		case 3: case 4: case 5:
			n = 120 + next(seed) % 12;
			break;
		default:
			n = next(seed) % 40;
		}
		for (i = 0; i < n; i += 8) {
			uint64_t word = next(seed);

			memcpy(text + i, &word, 8);
		}
		if ((r >> 12 & 3) == 0) {
			put_frame(s, control[r >> 16 & 1], text, n % 126);
			continue;
		}
		put_frame(s, (uint8_t)(fin << 7 | op), text, n);
		in_message = !fin;
	}
	if (next(seed) % 2 == 0)
		FRAME(s, 0x88, "\x03\xe9gone");
}

static void
test_random(uint64_t seed, int rounds, int spoil)
{
	static struct stream s;
	uint64_t at = seed;
	size_t bytes = 0, events = 0, bad = 0, k, n, pos;
	int round, rc, wrong = 0;

	for (round = 0; round < rounds && !wrong; round++) {
		struct ws_decoder d = WS_DECODER_INIT;
		unsigned size = 1u << next(&at) % 17;

		make_random(&s, &at);
		for (k = spoil ? 1 + next(&at) % 3 : 0; k > 0; k--)
			/* in a header, or a byte or two behind it */
			s.byte[(s.start[next(&at) % s.nstarts] +
			    next(&at) % 4) % s.len] ^=
			    (uint8_t)(1 << next(&at) % 8);
		oracle(&s, &want);
		got.len = got.nevents = 0;
		rc = 1;
		for (pos = 0; pos < s.len && rc == 1; pos += n) {
			n = 1 + next(&at) % size;
			if (n > s.len - pos)
				n = s.len - pos;
			rc = feed(&d, s.byte + pos, n, &got);
		}
		wrong = rc == -1 || !same_record(&got, &want);
		bytes += got.len;
		events += got.nevents;
		bad += got.nevents > 0 &&
		    got.event[got.nevents - 1].kind == WS_BAD;
	}
	ok(!wrong && (spoil ? bad > 0 : bad == 0), "seed %llu: %d %s streams "
	    "cut at random: %zu bytes, %zu events, %zu violations",
	    (unsigned long long)seed, round, spoil ? "spoilt" : "good", bytes,
	    events, bad);
}

int
main(void)
{
	const char *mode = getenv("MODE");
	uint64_t seed;
	int rounds;

	on_valgrind = mode != NULL && strcmp(mode, "valgrind") == 0;
	rounds = on_valgrind ? 60 : 400;
	test_upgrade();
	test_data_frames();
	test_control_frames();
	test_fresh_keys();
	test_start_violations();
	test_message_violations();
	test_length_violations();
	test_close();
	test_utf8();
	test_lengths();
	test_large();
	test_many_events();
	test_cuts();
	for (seed = 1; seed <= 6; seed++)
		test_random(seed * 104729, rounds, seed > 3);
	return (done_testing());
}
