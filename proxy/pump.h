/*
 * Bytes between ssh and the relay, see the rules in pump.c.
 */
#ifndef PROXY_PUMP_H
#define PROXY_PUMP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "relay/ring.h"
#include "relay/ws.h"

struct err;
struct wire;

#define PUMP_RING_BYTES	(256 * 1024)	/* each direction: four full frames */
#define PUMP_SPANS	128		/* pieces gathered for one writev */

/* How long to wait for what. */
struct pump_times {
	int	ping_ms;	/* silence before a ping */
	int	pong_ms;	/* silence after it that means a dead path */
	int	linger_ms;	/* for the peer, after our Close */
	int	quiet_ms;	/* for anything, once ssh is gone */
};

/*
 * The relay drops a peer that is silent for about 120 s.  ssh does not wait for
 * us when it ends, but a person waits for ssh.
 */
#define PUMP_TIMES	{ 30 * 1000, 10 * 1000, 2000, 250 }

struct pump {
	/* set by the caller */
	int			 in;		/* from ssh; read when poll says so */
	int			 out;		/* to ssh; non-blocking */
	struct wire		*wire;		/* after a good upgrade */
	struct pump_times	 times;
	volatile sig_atomic_t	*leave;		/* a signal said that we should go */
	const sigset_t		*mask;		/* signals blocked while waiting */
	void			(*spoke)(void *arg);	/* called at the first byte to ssh; or NULL */
	/*
	 * Called when nothing came to ssh for the first second: until when, of
	 * clock_ms, the session may stay without a byte.  NULL: for ever.
	 */
	int64_t			(*unspoken)(void *arg);
	void			*arg;

	/* for the caller, afterwards */
	uint64_t		 up_bytes;	/* of SSH: taken from ssh */
	uint64_t		 down_bytes;	/* of SSH: delivered to ssh */
	bool			 ssh_left;	/* ssh ended it, not the relay */
	unsigned		 close_code;	/* of the peer's Close; 0: none came */

	/* up: ssh -> relay */
	struct ring		 up;		/* whole frames, ready to be sent */
	bool			 in_open;	/* ssh may still send */
	bool			 up_open;	/* the relay still takes bytes */
	bool			 close_queued;	/* our Close stands in the ring */
	uint8_t			 ping[WS_CONTROL_MAX];	/* the newest one not answered */
	size_t			 ping_len;
	bool			 pong_due;

	/* down: relay -> ssh */
	struct ring		 down;		/* frames as they came */
	struct ws_decoder	 decoder;
	size_t			 decoded;	/* bytes of down that it has seen */
	struct iovec		 span[PUMP_SPANS];	/* payload to deliver */
	size_t			 lead[PUMP_SPANS];	/* headers in front of each */
	size_t			 trail;		/* headers behind the last */
	int			 nspans;
	bool			 down_open;	/* the relay may still send */
	bool			 decoding;	/* neither Close nor violation came */
	bool			 listening;	/* there was room to read the wire */
	bool			 more_input;	/* the wire had more than the ring */
	bool			 out_open;	/* ssh still reads */
	bool			 out_full;	/* ssh's pipe took less than we had */
	int			 out_errno;

	/* time, in milliseconds of the monotonic clock */
	int64_t			 now;
	int64_t			 heard;		/* last byte from the relay */
	int64_t			 moved;		/* last byte that went on */
	int64_t			 left;		/* when ssh was found to leave; 0: not */
	int64_t			 pinged;	/* when our ping had gone out */
	enum { PING_NONE, PING_QUEUED, PING_OUT } ping_state;
	bool			 dead;		/* nothing came after our ping */
	int64_t			 speak_by;	/* the first byte to ssh is due */
	bool			 is_patient;	/* unspoken was asked */
	bool			 silent;	/* it did not come */
};

/*
 * Maps both rings.  Returns 0, or -1 with EX_OSERR.  Nothing else is allocated
 * until pump_free.
 */
int	 pump_init(struct pump *p, struct err *e);
void	 pump_free(struct pump *p);

/*
 * Runs until the session is over and all that can be delivered is.
 * Returns 0 at a clean end: ssh left, or the peer closed normally and ssh got
 * all its bytes.  Returns -1 when the session was cut: EX_IOERR [E512, E513],
 * EX_PROTOCOL, or EX_IOERR when ssh's end failed.
 */
int	 pump_run(struct pump *p, struct err *e);

#endif
