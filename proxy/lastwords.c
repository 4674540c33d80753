/*
 * A disconnect message, see lastwords.h.
 */
#include <string.h>

#include "proxy/lastwords.h"

#define SSH_MSG_DISCONNECT	1
#define REASON_PROTOCOL_ERROR	2	/* SSH_DISCONNECT_PROTOCOL_ERROR */
#define BLOCK			8	/* bytes, of the "none" cipher */
#define PADDING_MIN		4

static uint8_t *
put_u32(uint8_t *p, size_t n)
{
	*p++ = (uint8_t)(n >> 24);
	*p++ = (uint8_t)(n >> 16);
	*p++ = (uint8_t)(n >> 8);
	*p++ = (uint8_t)n;
	return (p);
}

size_t
lastwords(const char *sentence, uint8_t out[LASTWORDS_SIZE])
{
	static const char id[] = "SSH-2.0-arc_relay_proxy\r\n";
	size_t len = strnlen(sentence, LASTWORDS_MAX);
	size_t payload = 1 + 4 + 4 + len + 4;
	size_t padding = BLOCK - (4 + 1 + payload) % BLOCK;
	uint8_t *p = out;

	if (padding < PADDING_MIN)
		padding += BLOCK;
	memcpy(p, id, sizeof(id) - 1);
	p += sizeof(id) - 1;

	p = put_u32(p, 1 + payload + padding);
	*p++ = (uint8_t)padding;
	*p++ = SSH_MSG_DISCONNECT;
	p = put_u32(p, REASON_PROTOCOL_ERROR);
	p = put_u32(p, len);
	memcpy(p, sentence, len);
	p += len;
	p = put_u32(p, 0);		/* no language tag */
	memset(p, 0, padding);
	return ((size_t)(p + padding - out));
}
