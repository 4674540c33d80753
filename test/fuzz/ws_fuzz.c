/*
 * The WebSocket decoder: a stream that is cut where the input says gives the
 * same bytes and events as the whole stream.
 * Input: a byte of how many cuts, the cuts, the stream.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "relay/ws.h"

/* A hash of what came out, that does not know in which pieces (FNV-1a). */
static void
add(uint64_t *sum, unsigned kind, const uint8_t *p, size_t len)
{
	for (; len > 0; len--)
		*sum = (*sum ^ (kind << 8 | *p++)) * UINT64_C(1099511628211);
}

/* Returns false at the end of the session. */
static bool
feed(struct ws_decoder *d, const uint8_t *in, size_t len, uint64_t *sum)
{
	enum ws_event event;
	size_t used;

	for (;; in += used, len -= used) {
		event = ws_decode(d, in, len, &used);
		assert(used <= len && (event != WS_MORE || used == len));
		if (event == WS_MORE) {
			/* an empty frame is not kept back */
			assert(!d->in_payload || d->left > 0);
			return (true);
		}
		if (event == WS_DATA) {
			assert(d->len > 0 && d->len <= used &&
			    d->data + d->len == in + used);
			add(sum, event, d->data, d->len);
			continue;
		}
		add(sum, d->close_code << 8 | event, (const uint8_t *)"", 1);
		if (event == WS_BAD)
			return (false);
		assert(d->control_len <= WS_CONTROL_MAX);
		add(sum, event, d->control, d->control_len);
		if (event == WS_CLOSE)
			return (false);
	}
}

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct ws_decoder whole = WS_DECODER_INIT, cut = WS_DECODER_INIT;
	uint64_t a = 1, b = 1;
	size_t ncuts, i, n, at;
	bool on = true;

	if (len == 0 || len - 1 < (ncuts = in[0]))
		return (0);
	at = 1 + ncuts;
	(void)feed(&whole, in + at, len - at, &a);
	for (i = 0; at < len && on; i++, at += n) {
		n = ncuts == 0 ? 1 : in[1 + i % ncuts] % (len - at) + 1;
		uint8_t *piece = malloc(n);	/* its end is watched */

		memcpy(piece, in + at, n);
		on = feed(&cut, piece, n, &b);
		free(piece);
	}
	assert(a == b);
	return (0);
}
