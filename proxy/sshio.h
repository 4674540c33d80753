/*
 * The two descriptors that ssh gave us, and how ssh tells us to go: end of
 * file, a reader that is no longer there, SIGHUP.
 */
#ifndef PROXY_SSHIO_H
#define PROXY_SSHIO_H

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct sshio {
	int	 in;			/* read it only when poll says so */
	int	 out;			/* non-blocking */
	int	 out_flags;		/* to be restored; -1: nothing to do */
	sigset_t mask;			/* of signals, while waiting */
};

/* Set once SIGHUP, SIGTERM, SIGINT or SIGQUIT came. */
extern volatile sig_atomic_t sshio_leave;

/*
 * Takes over stdin and stdout.  From here on descriptor 1 is stderr, so that a
 * careless printf in any library cannot spoil the SSH stream, and descriptor 0
 * is /dev/null.  The four signals are blocked except while sshio_wait waits.
 *
 * O_NONBLOCK belongs to the open file, which other processes may share: stdin is
 * left alone, a pipe on stdout is opened anew for us, with flags of its own, and
 * where that cannot be done the old flags are restored by sshio_close.
 *
 * Returns 0, or -1 with EX_USAGE when one of them is closed or stdout is a
 * terminal.
 */
int	 sshio_open(struct sshio *s, struct err *e);
void	 sshio_close(struct sshio *s);

/*
 * For a dial that no ssh has asked for: nothing is taken over, stdin does not
 * matter, and "left" is a signal or a reader of stdout that is gone.
 */
void	 sshio_none(struct sshio *s);

enum sshio_event {
	SSHIO_READY,	/* *other has something to say */
	SSHIO_TIMEOUT,
	SSHIO_LEFT,	/* ssh is gone, or wants us to go */
};

/*
 * Waits before the session is up: for *other (its fd may be -1), for ssh going
 * away, for wait_ms milliseconds.  ssh is gone when nobody reads our stdout, or
 * when stdin is closed without a byte in it: bytes that wait there still want
 * to be sent ("printf x | arc-relay-proxy ...").
 */
enum sshio_event sshio_wait(struct sshio *s, struct pollfd *other,
	    int64_t wait_ms);

/*
 * Sends the last bytes, which ssh shall still read, and waits until it has left,
 * two seconds at most: were we gone first, ssh could stumble over its own
 * writing to us and never read them.  Returns 1 if they went out, else 0.
 */
int	 sshio_farewell(struct sshio *s, const uint8_t *bytes, size_t len);

#endif
