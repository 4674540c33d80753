/*
 * Plays: the pump at work among players that the test directs.
 *
 * In a play ppoll and the monotonic clock are ours.  While the pump waits the
 * other players move, and a script says what happens when:
 *
 *	ssh	writes into the pump's stdin and reads from its stdout
 *	relay	takes from the pump's wire and gives (struct relay)
 *
 * Within a poll each player moves in turn, as its pace allows, until the pump
 * has something to do.  The clock goes on only when nobody can move, straight
 * to the next thing that is due: a player's move, the script, or the end of the
 * pump's wait.  So half an hour takes no time, 250 ms are exactly 250 ms on a
 * busy machine too, and a pump that waits for ever or turns round and round is
 * found at once.
 *
 *	static struct play s;
 *
 *	play_new(&s, 0);
 *	s.to_total = 3 * MIB;		... who does what, at which pace ...
 *	s.script = blocked_wire;
 *	play_it(&s);
 *	check(went_well(&s), "every byte arrives: %s", summary(&s));
 *	play_free(&s);
 *
 * A script is called at once, then each time after() has asked for, and has
 * .step to know where it is.  It may look at all of the play and change it:
 *
 *	switch (s->step++) {
 *	case 0:
 *		s->reads.stopped = true;
 *		after(s, 1000);
 *		break;
 *	case 1:
 *		check(s->wire->got <= ..., "no more is taken than ...");
 *		s->reads.stopped = false;
 *		break;
 *	}
 *
 * A test program lists its plays and performs them: each has a process of its
 * own, with a watchdog.
 */
#ifndef TEST_PUMP_PLAY_H
#define TEST_PUMP_PLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/pump.h"
#include "relay/err.h"
#include "test/unit/fake_wire.h"

#define KIB		((size_t)1024)
#define MIB		(1024 * KIB)
#define AT_ONCE		(64 * KIB)	/* the most that a player moves */
#define UP_SEED		11		/* of the streams, see stream_make */
#define DOWN_SEED	4242
#define WATCHDOG_S	240		/* of real time, against a hang */

/* How fast a player moves. */
struct pace {
	size_t	bytes;		/* at a time */
	int64_t	every_ms;	/* 0: whenever the pump polls */
	int64_t	next;
	bool	stopped;
};

struct play {
	/* the pump, what pump_run returned, and when */
	struct pump	 p;
	struct err	 e;
	int		 rc;
	int64_t		 ended;
	unsigned	 allocations;	/* by pump_run, see can_count_memory */

	/* the relay, and the wire to it */
	struct wire	*wire;
	struct relay	 relay;
	struct pace	 takes, gives;

	/* ssh */
	int		 to, from;	/* its ends; -1: closed */
	uint64_t	 to_total;	/* bytes that it has to write so far */
	uint64_t	 to_done;
	bool		 to_closes;	/* when all is written */
	uint64_t	 from_done;
	bool		 from_wrong;	/* not the bytes of the stream */
	bool		 from_ended;
	struct pace	 writes, reads;

	/* the script; it owns the marks and the variant */
	void		(*script)(struct play *);
	int		 step;
	int64_t		 wake;		/* when to call it */
	int64_t		 mark;
	unsigned	 mark_polls;
	unsigned	 variant;

	/* time and chance */
	int64_t		 now;		/* ms */
	int64_t		 tick_ms;	/* that a poll takes, however busy */
	uint64_t	 dice;		/* not 0: players miss turns */

	/* what happened */
	unsigned	 polls;
	uint64_t	 moved;		/* grows with each move of anybody */
	unsigned	 spins;		/* polls in a row in which it did not */
	bool		 unfair;	/* a protocol or a byte was broken */
};

/* --- a test program --- */

/* What it performs, by name; a NULL ends the list. */
struct playbill {
	const char	*name;
	void		(*play)(void);
};

#define PLAY(f)		{ #f, f }
#define PLAYS_END	{ NULL, NULL }

/* Performs all, each in a process of its own.  Returns the value of main. */
int	 perform(const struct playbill *plays);

/* Under valgrind: a few rounds must do. */
extern bool quick;

/* ok() for a play: tells the first process.  Returns good. */
int	 check(int good, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* --- a play from beginning to end --- */

/*
 * Two pipes, a wire with so much buffer (see fake_wire_new), everybody as fast
 * as can be, nothing to say, SIGTERM and SIGHUP as in the proxy.
 */
void	 play_new(struct play *s, int buffer);

/*
 * Runs the pump until it returns, closes its ends as its exit would, and lets
 * the others take what is left.  Complains of a broken protocol and of wrong
 * bytes, whatever the test looks for.
 */
void	 play_it(struct play *s);

void	 play_free(struct play *s);

/* A clean end: all bytes of both sides, one Close 1000, no complaint? */
bool	 went_well(const struct play *s);

/* What came of it in a line, for check.  It is lent until the next call. */
const char *summary(const struct play *s);

/*
 * Can calls of malloc, free and the like be counted here?  To be asked before
 * the play; .allocations says how many there were, the players' left out.
 */
bool	 can_count_memory(void);

/* --- for scripts --- */

/* The next step is due so many ms from now. */
void	 after(struct play *s, int64_t ms);

/* This step once more, in a millisecond. */
void	 again(struct play *s);

/* ssh closes its end of the pump's stdout. */
void	 hang_up_reader(struct play *s);

/*
 * ssh moves up to n bytes, at most AT_ONCE, out of turn and without waiting.
 * Each returns how many moved; closing counts as one.
 */
size_t	 ssh_writes(struct play *s, size_t n);
size_t	 ssh_reads(struct play *s, size_t n);

#endif
