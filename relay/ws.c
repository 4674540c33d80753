/*
 * RFC 6455 client codec, see ws.h.
 */
#include <assert.h>
#include <string.h>

#include "relay/crypto.h"
#include "relay/ws.h"

#define FIN		0x80
#define RSV		0x70
#define OPCODE		0x0f
#define IS_CONTROL	0x08	/* bit of the opcode */
#define MASK		0x80
#define LEN7		0x7f
#define LEN_IS_16	126
#define LEN_IS_64	127
#define MASK_BYTES	4

void
ws_new_key(char key[WS_KEY_SIZE])
{
	uint8_t nonce[16];

	crypto_random(nonce, sizeof(nonce));
	crypto_base64(nonce, sizeof(nonce), key);
}

void
ws_accept_for(const char *key, char accept[WS_ACCEPT_SIZE])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	char text[WS_KEY_SIZE + sizeof(guid)];
	uint8_t sum[SHA1_BYTES];
	size_t n = strlen(key);

	assert(n < WS_KEY_SIZE);
	memcpy(text, key, n);
	memcpy(text + n, guid, sizeof(guid));
	crypto_sha1(text, n + sizeof(guid) - 1, sum);
	crypto_base64(sum, sizeof(sum), accept);
}

static inline void
xor8(uint8_t *p, uint64_t key)
{
	uint64_t word;

	memcpy(&word, p, 8);
	word ^= key;
	memcpy(p, &word, 8);
}

/*
 * Four words at a time: compilers make vectors of that.  A word at a time takes
 * two to three times as long, a byte at a time a hundred times.
 */
static void
mask(uint8_t *p, size_t len, const uint8_t key[static MASK_BYTES])
{
	uint64_t key8;
	size_t i;

	memcpy(&key8, key, 4);
	memcpy((uint8_t *)&key8 + 4, key, 4);
	for (i = 0; i + 32 <= len; i += 32) {
		xor8(p + i, key8);
		xor8(p + i + 8, key8);
		xor8(p + i + 16, key8);
		xor8(p + i + 24, key8);
	}
	for (; i < len; i++)
		p[i] ^= key[i % MASK_BYTES];
}

size_t
ws_frame_data(uint8_t *slot, size_t len)
{
	size_t header = 2 + MASK_BYTES;

	assert(len > 0 && len <= WS_DATA_MAX);
	if (len >= LEN_IS_16)
		header += 2;
	else	/* the header is two bytes shorter: close the gap */
		memmove(slot + header, slot + WS_HEADROOM, len);
	slot[0] = FIN | WS_OP_BINARY;
	if (len < LEN_IS_16)
		slot[1] = MASK | (uint8_t)len;
	else {
		slot[1] = MASK | LEN_IS_16;
		slot[2] = (uint8_t)(len >> 8);
		slot[3] = (uint8_t)len;
	}
	crypto_random(slot + header - MASK_BYTES, MASK_BYTES);
	mask(slot + header, len, slot + header - MASK_BYTES);
	return (header + len);
}

size_t
ws_frame_control(uint8_t *out, enum ws_opcode op, const void *payload,
    size_t len)
{
	assert(len <= WS_CONTROL_MAX);
	out[0] = FIN | (uint8_t)op;
	out[1] = MASK | (uint8_t)len;
	crypto_random(out + 2, MASK_BYTES);
	if (len > 0)
		memcpy(out + 2 + MASK_BYTES, payload, len);
	mask(out + 2 + MASK_BYTES, len, out + 2);
	return (2 + MASK_BYTES + len);
}

size_t
ws_frame_close(uint8_t *out, enum ws_close_code code)
{
	uint8_t be[2] = { (uint8_t)(code >> 8), (uint8_t)code };

	return (ws_frame_control(out, WS_OP_CLOSE, be, sizeof(be)));
}

static enum ws_event
bad(struct ws_decoder *d, const char *why)
{
	d->why = why;
	return (WS_BAD);
}

/* How long the header is, as far as its first two bytes tell. */
static size_t
header_size(const struct ws_decoder *d)
{
	if (d->header_len < 2)
		return (2);
	switch (d->header[1] & LEN7) {
	case LEN_IS_16:
		return (4);
	case LEN_IS_64:
		return (10);
	default:
		return (2);
	}
}

/* Judges a frame by its first two bytes.  Returns WS_MORE or WS_BAD. */
static enum ws_event
check_start(struct ws_decoder *d)
{
	uint8_t b0 = d->header[0], b1 = d->header[1];

	if (b0 & RSV)
		return (bad(d, "a reserved bit is set"));
	if (b1 & MASK)
		return (bad(d, "a server frame is masked"));
	switch (b0 & OPCODE) {
	case WS_OP_CLOSE:
	case WS_OP_PING:
	case WS_OP_PONG:
		if (!(b0 & FIN))
			return (bad(d, "a control frame is fragmented"));
		if ((b1 & LEN7) > WS_CONTROL_MAX)
			return (bad(d, "a control frame is too long"));
		return (WS_MORE);
	case WS_OP_TEXT:
	case WS_OP_BINARY:
		if (d->in_message)
			return (bad(d, "a message begins inside another"));
		break;
	case WS_OP_CONTINUATION:
		if (!d->in_message)
			return (bad(d, "a continuation without a message"));
		break;
	default:
		return (bad(d, "an unknown opcode"));
	}
	d->in_message = !(b0 & FIN);
	return (WS_MORE);
}

/* The header is whole: takes the payload length out of it. */
static enum ws_event
begin_payload(struct ws_decoder *d)
{
	uint64_t n = 0;
	size_t i;

	if (d->header_len == 2)
		n = d->header[1] & LEN7;
	for (i = 2; i < d->header_len; i++)
		n = n << 8 | d->header[i];
	if ((d->header_len == 4 && n < LEN_IS_16) ||
	    (d->header_len == 10 && n <= UINT16_MAX))
		return (bad(d, "a length is not in its shortest form"));
	if (n > INT64_MAX)
		return (bad(d, "a length has its highest bit set"));
	d->opcode = d->header[0] & OPCODE;
	d->left = n;
	d->header_len = 0;
	d->in_payload = true;
	d->control_len = 0;
	return (WS_MORE);
}

/* Section 7.4: what may stand in a Close frame. */
static bool
close_code_is_valid(unsigned code)
{
	return ((code >= 1000 && code <= 1003) ||
	    (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999));
}

/* RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF. */
static bool
is_utf8(const uint8_t *p, size_t len)
{
	size_t i = 0, more;
	uint32_t c, least;

	while (i < len) {
		if (p[i] < 0x80) {
			i++;
			continue;
		}
		if ((p[i] & 0xe0) == 0xc0)
			more = 1, c = p[i] & 0x1f, least = 0x80;
		else if ((p[i] & 0xf0) == 0xe0)
			more = 2, c = p[i] & 0x0f, least = 0x800;
		else if ((p[i] & 0xf8) == 0xf0)
			more = 3, c = p[i] & 0x07, least = 0x10000;
		else
			return (false);
		if (more >= len - i)
			return (false);
		for (i++; more > 0; more--, i++) {
			if ((p[i] & 0xc0) != 0x80)
				return (false);
			c = c << 6 | (p[i] & 0x3f);
		}
		if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return (false);
	}
	return (true);
}

static enum ws_event
close_event(struct ws_decoder *d)
{
	d->close_code = WS_CLOSE_NO_STATUS;
	if (d->control_len == 0)
		return (WS_CLOSE);
	if (d->control_len == 1)
		return (bad(d, "a Close frame of one byte"));
	d->close_code = (unsigned)d->control[0] << 8 | d->control[1];
	if (!close_code_is_valid(d->close_code))
		return (bad(d, "a Close frame with an invalid code"));
	d->control_len -= 2;
	memmove(d->control, d->control + 2, d->control_len);
	if (!is_utf8(d->control, d->control_len))
		return (bad(d, "a Close reason that is not UTF-8"));
	return (WS_CLOSE);
}

/* Takes up to len payload bytes of the current frame; *n: how many. */
static enum ws_event
payload(struct ws_decoder *d, const uint8_t *in, size_t len, size_t *n)
{
	*n = len < d->left ? len : (size_t)d->left;
	d->left -= *n;
	d->in_payload = d->left > 0;
	if (!(d->opcode & IS_CONTROL)) {
		d->data = in;
		d->len = *n;
		return (*n > 0 ? WS_DATA : WS_MORE);
	}
	memcpy(d->control + d->control_len, in, *n);
	d->control_len += *n;
	if (d->in_payload)
		return (WS_MORE);
	switch (d->opcode) {
	case WS_OP_CLOSE:
		return (close_event(d));
	case WS_OP_PING:
		return (WS_PING);
	default:
		return (WS_PONG);
	}
}

enum ws_event
ws_decode(struct ws_decoder *d, const uint8_t *in, size_t len, size_t *used)
{
	enum ws_event event = WS_MORE;
	size_t n;

	*used = 0;
	if (d->why != NULL)
		return (WS_BAD);
	while (event == WS_MORE) {
		if (d->in_payload) {
			/* an empty frame ends without another byte */
			if (*used == len && d->left > 0)
				break;
			event = payload(d, in + *used, len - *used, &n);
			*used += n;
			continue;
		}
		if (*used == len)
			break;
		d->header[d->header_len++] = in[(*used)++];
		if (d->header_len == 2)
			event = check_start(d);
		if (event == WS_MORE && d->header_len >= 2 &&
		    d->header_len == header_size(d))
			event = begin_payload(d);
	}
	return (event);
}
