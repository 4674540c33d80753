/*
 * RFC 6455 for a client, without any input or output of its own.
 *
 * The decoder is strict: what the RFC calls a violation ends the connection, so
 * that nothing behind a confused peer is taken for data.  Text and binary are
 * both just bytes; boundaries of messages and fragments mean nothing to SSH.
 * The encoder writes a frame's header into headroom that the caller left in
 * front of the payload, and masks the payload where it stands.
 */
#ifndef RELAY_WS_H
#define RELAY_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define WS_CONTROL_MAX	125	/* bytes, payload of a control frame, section 5.5 */
#define WS_KEY_SIZE	25	/* Sec-WebSocket-Key: base64 of 16 bytes, and NUL */
#define WS_ACCEPT_SIZE	29	/* Sec-WebSocket-Accept: base64 of SHA-1, and NUL */

/* Opcodes, section 5.2. */
enum ws_opcode {
	WS_OP_CONTINUATION = 0x0,
	WS_OP_TEXT = 0x1,
	WS_OP_BINARY = 0x2,
	WS_OP_CLOSE = 0x8,
	WS_OP_PING = 0x9,
	WS_OP_PONG = 0xa,
};

/* Close codes, section 7.4.1. */
enum ws_close_code {
	WS_CLOSE_NORMAL = 1000,
	WS_CLOSE_GOING_AWAY = 1001,
	WS_CLOSE_PROTOCOL_ERROR = 1002,
	WS_CLOSE_NO_STATUS = 1005,	/* never sent: the Close had no code */
	WS_CLOSE_POLICY = 1008,
	WS_CLOSE_INTERNAL = 1011,
};

/* --- upgrade, section 4 --- */

/* A fresh Sec-WebSocket-Key. */
void	 ws_new_key(char key[WS_KEY_SIZE]);

/* The Sec-WebSocket-Accept that answers key. */
void	 ws_accept_for(const char *key, char accept[WS_ACCEPT_SIZE]);

/* --- encoder, section 5 --- */

#define WS_HEADROOM	8	/* header of a masked frame of 126-65535 bytes */
#define WS_DATA_MAX	65528	/* with the header exactly four TLS records */
#define WS_CONTROL_SIZE	(6 + WS_CONTROL_MAX)	/* longest masked control frame */

/*
 * Makes one masked, final binary frame of len bytes (1 to WS_DATA_MAX) that
 * stand at slot + WS_HEADROOM.  The frame begins at slot.
 * Returns its length, at most len + WS_HEADROOM.
 */
size_t	 ws_frame_data(uint8_t *slot, size_t len);

/*
 * Writes a masked control frame into out, which has room for WS_CONTROL_SIZE
 * bytes.  len: at most WS_CONTROL_MAX.  Returns its length.
 */
size_t	 ws_frame_control(uint8_t *out, enum ws_opcode op, const void *payload,
	    size_t len);

/* The same for a Close frame with a code and no reason. */
size_t	 ws_frame_close(uint8_t *out, enum ws_close_code code);

/* --- decoder, section 5 --- */

enum ws_event {
	WS_MORE,	/* all input used up, nothing to tell yet */
	WS_DATA,	/* data, len: payload bytes, in place */
	WS_PING,	/* control, control_len: its payload */
	WS_PONG,
	WS_CLOSE,	/* close_code, and control, control_len: its reason */
	WS_BAD,		/* why: the peer broke the protocol; decode no more */
};

struct ws_decoder {
	/* of the last event */
	const uint8_t	*data;		/* lent, inside the input */
	size_t		 len;
	uint8_t		 control[WS_CONTROL_MAX];
	size_t		 control_len;
	unsigned	 close_code;	/* WS_CLOSE_NO_STATUS if it had none */
	const char	*why;

	/* between calls */
	uint8_t		 header[10];	/* of the frame that has begun */
	size_t		 header_len;	/* bytes of it that came */
	uint64_t	 left;		/* payload bytes still to come */
	enum ws_opcode	 opcode;
	bool		 in_payload;
	bool		 in_message;	/* a fragmented message has begun */
};

#define WS_DECODER_INIT	{ .why = NULL }

/*
 * Looks at the next len bytes of the stream, wherever frame borders fall, up to
 * the first event.  Sets *used to how many of them are done with; call again
 * with the rest.  Payload is handed out as soon as it is there: no frame and no
 * message is ever put together.
 */
enum ws_event ws_decode(struct ws_decoder *d, const uint8_t *in, size_t len,
	    size_t *used);

#endif
