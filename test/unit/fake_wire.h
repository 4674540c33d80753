/*
 * Both ends of a connection to the relay, for tests of the pump.
 *
 * struct wire stands in for relay/wire.c after the upgrade: the same functions
 * over one end of a socketpair, with the manners of TLS and libwebsockets, good
 * and bad, to choose from.  struct relay is the other end: it judges what the
 * pump sends by RFC 6455, with code of its own, and sends what it is told to.
 *
 * Neither waits, and a wire allocates nothing after fake_wire_new.
 */
#ifndef TEST_FAKE_WIRE_H
#define TEST_FAKE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/wire.h"

/* --- a stream of bytes that both ends can work out --- */

/* Writes what stands at offset at, len bytes. */
void	 stream_make(unsigned seed, uint64_t at, uint8_t *out, size_t len);

/* Do these len bytes stand at offset at? */
bool	 stream_is(unsigned seed, uint64_t at, const uint8_t *p, size_t len);

/* A small generator, so that a seed says all. */
uint32_t fake_random(uint64_t *state);

/* --- the pump's end --- */

#define FAKE_RECORD	(16 * 1024)

struct wire {
	int	 fd;

	/* how it behaves; as fake_wire_new leaves it: like a socket */
	size_t	 write_max;	/* bytes that one write takes; 0: any number */
	size_t	 read_max;	/* bytes that one read gives; 0: any number */
	uint64_t dice;		/* not 0: random numbers up to those */
	bool	 keeps;		/* takes a record, flush sends it in bits */
	bool	 hoards;	/* reads ahead to where poll does not see it */
	unsigned refusals;	/* so many writes to come say WIRE_AGAIN */
	size_t	 quota;		/* bytes it will still send; see
				 * fake_wire_is_blocked */
	bool	 write_fails;	/* from now on; reads still work */
	bool	 write_kills;	/* a failed write takes wire_fd with it */
	bool	 floods;	/* reads give "flood" without end */
	const uint8_t *flood;
	size_t	 flood_len;
	uint64_t read_end;	/* a reset after so many bytes, raw */

	/* what happened */
	uint64_t sent, got;	/* bytes, raw */
	unsigned reads, writes, flushes;
	const char *misuse;	/* what the caller did against wire.h; NULL */

	uint8_t	 kept[FAKE_RECORD];
	size_t	 kept_at, kept_len;
	uint8_t	 hoard[FAKE_RECORD];
	size_t	 hoard_at, hoard_len;
	size_t	 flood_at;
	unsigned in_a_row;	/* reads of the flood; a poll clears it */
	bool	 dead;
};

/* Its quota is used up: poll must not call it writable. */
static inline bool
fake_wire_is_blocked(const struct wire *w)
{
	return (w->quota == 0 && !w->write_fails);
}

/* --- the relay's end --- */

struct relay {
	int	 fd;		/* -1: closed */

	/* how it behaves */
	bool	 pongs;		/* answers pings */
	bool	 closes;	/* answers a Close */
	bool	 hangs_up;	/* ... and closes the connection then */
	unsigned up_seed, down_seed;	/* of the streams it checks and sends */

	/* what came from the pump */
	uint64_t raw;		/* bytes */
	uint64_t bytes;		/* of payload */
	unsigned frames, npings, npongs, ncloses;
	size_t	 longest;	/* payload of a data frame */
	unsigned close_code;
	uint8_t	 pong[125];	/* the last one's payload */
	size_t	 pong_len;
	const char *violation;	/* of RFC 6455 or of our promises; NULL */
	bool	 wrong;		/* not the bytes of the stream */
	bool	 ended;		/* the pump's end is closed */

	/* what is to be sent */
	uint8_t	*out;
	size_t	 out_at, out_len, out_size;
	uint64_t queued;	/* bytes of the stream */

	/* the frame that has begun */
	uint8_t	 header[14];
	size_t	 header_len, header_size;
	uint64_t left, at;	/* payload bytes to come, seen */
	uint8_t	 control[125];
	uint32_t last_key;
};

/*
 * Makes both.  buffer: bytes that the kernel keeps for each direction, about;
 * 0: its default.  wire_free frees the wire.
 */
struct wire *fake_wire_new(struct relay *r, int buffer);
void	 relay_free(struct relay *r);

/* Queues bytes as they are. */
void	 relay_raw(struct relay *r, const void *bytes, size_t len);

/* Queues a frame; first: its first byte, e.g. 0x82. */
void	 relay_frame(struct relay *r, unsigned first, const void *payload,
	    size_t len);

/* Queues the next len bytes of the stream as one frame. */
void	 relay_data(struct relay *r, unsigned first, size_t len);

/* Queues a Close; code 0: one without a code. */
void	 relay_close(struct relay *r, unsigned code, const char *reason);

/*
 * Reads up to in bytes and sends up to out, as far as that goes without
 * waiting.  Returns how many bytes moved.
 */
size_t	 relay_work(struct relay *r, size_t in, size_t out);

/* Ends the connection, with a reset where bytes were not read. */
void	 relay_hang_up(struct relay *r);

/* Has the pump kept to the rules?  whole: and does it stand between frames? */
bool	 relay_is_content(const struct relay *r, bool whole);

#endif
