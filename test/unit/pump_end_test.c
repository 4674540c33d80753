/*
 * Rules 5 to 7 of proxy/pump.c: how a session ends, and what is still delivered
 * then: when ssh ends it, when the relay does, when nobody reads any more.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/unit/pump_play.h"

/* --- rule 5 --- */

static void
late_reply(struct play *s)
{
	switch (s->step++) {
	case 0:
		if (s->relay.ncloses == 0) {
			again(s);
			break;
		}
		check(s->relay.bytes == s->to_total, "rule 5: all that stdin "
		    "gave is sent before the Close");
		after(s, 1500);
		break;
	case 1: case 2: case 3: case 4:
		/* any byte counts, if it is data or not */
		if (s->step == 3)
			relay_frame(&s->relay, 0x8a, "", 0);
		else
			relay_data(&s->relay, 0x82, s->step == 2 ? 100000 : 1);
		after(s, 1990);
		break;
	case 5:
		if (s->variant == 0) {
			s->mark = s->now;
			relay_close(&s->relay, 1000, "");
		} else
			s->mark = s->now - 1990;
		break;
	}
}

static void
rule_5(void)
{
	static struct play s;
	unsigned variant;

	for (variant = 0; variant < 2; variant++) {
		play_new(&s, 8192);
		s.variant = variant;
		s.to_total = 300000;
		s.to_closes = true;
		s.relay.closes = false;
		s.script = late_reply;
		play_it(&s);
		check(went_well(&s), "rule 5: replies that come "
		    "while it lingers are delivered: %s", summary(&s));
		check(s.ended - s.mark == (variant == 0 ? 0 : 2000), "rule 5: "
		    "... until %s (%" PRId64 " ms)", variant == 0 ?
		    "the peer's Close" : "2 s without a byte",
		    s.ended - s.mark);
		play_free(&s);
	}
}

static void
raise_signal(struct play *s)
{
	switch (s->step++) {
	case 0:
		after(s, s->mark);
		break;
	case 1:
		s->mark = s->now;
		/* these are still in the pipe when the signal comes */
		s->to_total += 200000;
		while (ssh_writes(s, AT_ONCE) > 0)
			;
		(void)raise((int)s->variant);
		break;
	}
}

static void
rule_5_signal(void)
{
	static const struct {
		int	 number;
		int64_t	 at;
		const char *name;
	} cases[] = {
		{ SIGHUP, 0, "SIGHUP" }, { SIGTERM, 0, "SIGTERM" },
		{ SIGHUP, 100, "SIGHUP in a sleep" },
		{ SIGTERM, 45000, "SIGTERM in a long sleep" },
	};
	static struct play s;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		play_new(&s, 8192);
		(void)fcntl(s.p.in, F_SETPIPE_SZ, (int)MIB);
		s.variant = (unsigned)cases[i].number;
		s.mark = cases[i].at;
		s.script = raise_signal;
		play_it(&s);
		check(went_well(&s) && s.p.ssh_left,
		    "rule 5: %s: what stands in the pipe is sent, then Close: "
		    "%s", cases[i].name, summary(&s));
		check(s.ended == s.mark, "rule 5: ... and then it goes (%"
		    PRId64 " ms)", s.ended - s.mark);
		play_free(&s);
	}
}

static void
signal_when_blocked(struct play *s)
{
	switch (s->step++) {
	case 0:
		s->wire->quota = 1000;
		after(s, 5000);
		break;
	case 1:
		s->mark = s->now;
		(void)raise(SIGHUP);
		break;
	}
}

static void
rule_5_blocked(void)
{
	static struct play s;

	play_new(&s, 0);
	s.to_total = 3 * MIB;
	s.script = signal_when_blocked;
	play_it(&s);
	check(s.rc == 0 && s.p.ssh_left && s.ended - s.mark <= 2250, "rule 5: "
	    "SIGHUP ends it within 2 s also when the relay takes nothing (%"
	    PRId64 " ms)", s.ended - s.mark);
	play_free(&s);
}

static void
signal_when_busy(struct play *s)
{
	switch (s->step++) {
	case 0:
		after(s, 100);
		break;
	case 1:
		s->mark = s->now;
		(void)raise(SIGTERM);
		after(s, 20 * 1000);
		break;
	case 2:
		s->mark = -1;	/* too late: let it end */
		s->wire->floods = false;
		s->to_total = s->to_done;
		s->to_closes = true;
		break;
	}
}

static void
rule_5_busy(void)
{
	static const uint8_t zeros[4 + 4096] = { 0x82, 126, 4096 >> 8 };
	static struct play s;
	unsigned variant;

	for (variant = 0; variant < 2; variant++) {
		play_new(&s, 0);
		s.variant = variant;
		s.tick_ms = 1;
		s.script = signal_when_busy;
		if (variant == 0)
			s.to_total = UINT64_MAX;
		else {	/* data without end, and a reader for it */
			s.wire->floods = true;
			s.wire->flood = zeros;
			s.wire->flood_len = sizeof(zeros);
			(void)close(s.p.out);
			hang_up_reader(&s);
			s.p.out = open("/dev/null", O_WRONLY | O_CLOEXEC);
		}
		play_it(&s);
		check(s.mark > 0 && s.rc == 0 && s.p.ssh_left &&
		    s.relay.ncloses == 1, "rule 5: SIGTERM is heard while %s "
		    "without a pause: %s", variant == 0 ? "ssh writes" :
		    "the relay sends", summary(&s));
		check(s.mark > 0 && s.ended - s.mark <= 2260, "rule 5: ... and "
		    "ends it (%" PRId64 " ms)", s.ended - s.mark);
		play_free(&s);
	}
}

/* The end of stdin, then a signal, with a full ring and a slow relay. */
static void
end_then_signal(struct play *s)
{
	switch (s->step++) {
	case 0:
		if (s->to != -1 || s->p.in_open) {
			again(s);
			break;
		}
		after(s, 1);
		break;
	case 1:
		if (s->variant != 0)
			(void)raise((int)s->variant);
		break;
	}
}

static void
rule_5_slow(void)
{
	static const struct {
		unsigned number;
		size_t	 bytes;		/* every 10 ms */
		const char *name;
	} cases[] = {
		{ 0, 200, "the end of stdin at 20 kB/s" },
		{ SIGHUP, 10000, "and a SIGHUP at 1 MB/s" },
		{ SIGHUP, 2000, "and a SIGHUP at 200 kB/s" },
	};
	static struct play s;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		play_new(&s, 4096);
		s.variant = cases[i].number;
		s.to_total = 250000;
		s.to_closes = true;
		s.takes = (struct pace){ .bytes = cases[i].bytes,
		    .every_ms = 10 };
		s.wire->keeps = i > 0;
		s.script = end_then_signal;
		play_it(&s);
		check(went_well(&s), "rule 5: a full ring, %s: "
		    "all of it, then Close: %s", cases[i].name, summary(&s));
		play_free(&s);
	}
}

/* --- rule 6 --- */

static void
reader_pauses(struct play *s)
{
	switch (s->step++) {
	case 0:
		after(s, 6000);	/* the Close has been seen */
		break;
	case 1:
		s->reads.stopped = true;
		after(s, 600 * 1000);
		break;
	case 2:
		s->reads.stopped = false;
		break;
	}
}

static void
rule_6(void)
{
	static struct play s;
	unsigned variant;
	size_t i;

	for (variant = 0; variant < 3; variant++) {
		play_new(&s, 0);
		s.script = reader_pauses;
		s.reads = (struct pace){ .bytes = 3200, .every_ms = 100 };
		for (i = 0; i < (variant == 1 ? 60000 : 77); i++)
			relay_data(&s.relay, 0x82, variant == 1 ? 1 : 4987);
		if (variant == 2)
			s.relay.closes = false;
		else
			relay_close(&s.relay, 1000, "bye");
		s.to_total = 10;
		s.variant = variant;
		if (variant == 2)
			s.wire->read_end = s.relay.out_len;
		play_it(&s);
		if (variant < 2)
			check(went_well(&s) && !s.p.ssh_left, "rule 6: a Close "
			    "after %s, a slow reader that pauses, an open "
			    "stdin: every byte: %s", variant == 1 ?
			    "60000 tiny frames" : "12 s of data", summary(&s));
		else
			check(s.rc == -1 && s.from_done == s.relay.queued &&
			    s.e.status == EX_IOERR, "rule 6: a reset instead: "
			    "every byte, and the loss is told: %s",
			    summary(&s));
		play_free(&s);
	}
}

static void
lose_it(struct play *s)
{
	switch (s->step++) {
	case 0:
		if (s->relay.out_len > 0 || s->wire->got == 0) {
			again(s);
			break;
		}
		relay_hang_up(&s->relay);
		break;
	}
}

/* frame, cut: a frame of so many bytes of payload, cut after so many in all. */
static void
lost_in_frame(size_t before, size_t frame, size_t cut, bool reset, size_t want)
{
	static struct play s;

	play_new(&s, 0);
	if (before > 0)
		relay_data(&s.relay, 0x82, before);
	if (frame > 0) {
		size_t keep = s.relay.out_len + cut;

		relay_data(&s.relay, 0x82, frame);
		if (reset)
			s.wire->read_end = keep;
		else {
			s.relay.out_len = keep;
			s.script = lose_it;
		}
	} else
		s.script = lose_it;
	play_it(&s);
	check(s.from_done == want && s.rc == -1 && s.e.status == EX_IOERR &&
	    strcmp(s.e.id, "E512") == 0, "rule 6: %s after %zu bytes of a "
	    "frame of %zu: the %zu bytes before it are delivered: %s",
	    reset ? "a reset" : "an end", cut, frame, want, summary(&s));
	play_free(&s);
}

static void
rule_6_lost(void)
{
	lost_in_frame(0, 5000, 4 + 100, true, 100);
	lost_in_frame(0, 5000, 4 + 100, false, 100);
	lost_in_frame(700, 5000, 1, false, 700);
	lost_in_frame(700, 5000, 3, true, 700);
	lost_in_frame(700, 70000, 9, false, 700);
	lost_in_frame(700, 0, 0, false, 700);
	lost_in_frame(700, 100000, 10 + 99999, true, 700 + 99999);
}

/* --- rule 7 --- */

static void
reader_goes_in_the_middle(struct play *s)
{
	switch (s->step++) {
	case 0:
		after(s, 50);
		break;
	case 1:
		hang_up_reader(s);
		s->mark = s->now;
		break;
	}
}

static void
rule_7(void)
{
	static struct play s;
	unsigned variant;

	for (variant = 0; variant < 2; variant++) {
		play_new(&s, 4096);
		s.to_total = 200000;
		s.takes = (struct pace){ .bytes = 4000, .every_ms = 10 };
		s.relay.closes = false;
		if (variant == 1)	/* noticed by a failed write */
			relay_data(&s.relay, 0x82, MIB);
		s.reads = (struct pace){ .bytes = 1000, .every_ms = 1 };
		s.script = reader_goes_in_the_middle;
		play_it(&s);
		check(s.p.up_bytes == s.to_total && s.relay.bytes ==
		    s.to_total, "rule 7: stdout gone%s: what was read is still "
		    "sent: %s", variant == 1 ? " while data comes" : "",
		    summary(&s));
		check(s.rc == 0 && s.e.status == 0 && s.relay.ncloses == 1 &&
		    s.relay.close_code == 1000, "rule 7: ... then Close 1000, "
		    "and no word");
		s.mark = s.takes.next - s.takes.every_ms;
		check(s.ended - s.mark <= 250 + 10, "rule 7: ... and nobody is "
		    "waited for after the last byte (%" PRId64 " ms)",
		    s.ended - s.mark);
		play_free(&s);
	}
}

static void
rule_7_blocked(void)
{
	static const size_t bytes[] = { 200000, 3 * MIB };
	static struct play s;
	size_t i;

	for (i = 0; i < 2; i++) {
		play_new(&s, 0);
		s.to_total = bytes[i];
		s.wire->quota = 1000;
		s.script = reader_goes_in_the_middle;
		play_it(&s);
		check(s.rc == 0 && s.ended - s.mark == 250, "rule 7: stdout "
		    "gone and a relay that takes nothing of %zu bytes: 250 ms "
		    "(%" PRId64 ")", bytes[i], s.ended - s.mark);
		play_free(&s);
	}
}

static void
rule_7_flood(void)
{
	static const uint8_t zeros[4 + 4096] = { 0x82, 126, 4096 >> 8 };
	static const uint8_t pong[2 + 125] = { 0x8a, 125 };
	static struct play s;
	unsigned variant;

	for (variant = 0; variant < 2; variant++) {
		play_new(&s, 0);
		s.tick_ms = 1;
		s.wire->floods = true;
		s.wire->flood = variant == 0 ? zeros : pong;
		s.wire->flood_len = variant == 0 ? sizeof(zeros) :
		    sizeof(pong);
		s.to_total = 1000;
		s.relay.closes = false;
		(void)close(s.p.out);
		(void)close(s.from);
		s.from = -1;
		if (variant == 0) {
			int fd[2];

			if (pipe2(fd, O_NONBLOCK | O_CLOEXEC) == -1)
				abort();
			s.from = fd[0];
			s.p.out = fd[1];
			s.reads.stopped = true;
			s.script = reader_goes_in_the_middle;
		} else {
			s.p.out = open("/dev/null", O_WRONLY | O_CLOEXEC);
			s.script = signal_when_busy;
		}
		play_it(&s);
		check(s.rc == 0, "rule %s", variant == 0 ?
		    "7: stdout gone and data without end" :
		    "5: a signal and pongs without end");
		check(s.relay.bytes == 1000 && s.relay.ncloses == 1,
		    "rule %s: the other direction has its turn: %s",
		    variant == 0 ? "7" : "5", summary(&s));
		check(s.mark > 0 && s.ended - s.mark <= (variant == 0 ? 260 :
		    2260), "rule %s: ... and it ends (%" PRId64 " ms)",
		    variant == 0 ? "7" : "5", s.ended - s.mark);
		play_free(&s);
	}
}

/* A relay that reads only when all it had to say is said. */
static void
talks_before_it_listens(struct play *s)
{
	switch (s->step++) {
	case 0:
		s->takes.stopped = true;
		s->to_total = 150000;
		after(s, 10);
		break;
	case 1:
		hang_up_reader(s);
		s->gives.stopped = false;
		after(s, 0);
		break;
	case 2:
		if (s->relay.out_len > 0) {
			again(s);
			break;
		}
		s->takes.stopped = false;
		break;
	}
}

static void
rule_7_tiny(void)
{
	static struct play s;
	size_t i;

	play_new(&s, 8192);
	s.gives.stopped = true;
	for (i = 0; i < 200000; i++)
		relay_data(&s.relay, 0x82, 1);
	s.script = talks_before_it_listens;
	play_it(&s);
	check(s.rc == 0 && s.relay.bytes == s.p.up_bytes &&
	    s.relay.ncloses == 1, "rule 7: 200000 tiny frames that nobody "
	    "reads are no obstacle: %s", summary(&s));
	play_free(&s);
}

/* ssh writes its last packet and is gone before the pump wakes up. */
static void
ssh_exits(struct play *s)
{
	switch (s->step++) {
	case 0:
		after(s, 1000);
		break;
	case 1:
		s->to_total = 3000;
		s->to_closes = true;
		(void)ssh_writes(s, AT_ONCE);
		hang_up_reader(s);
		s->mark = s->now;
		break;
	}
}

static void
rule_7_exit(void)
{
	static struct play s;

	play_new(&s, 0);
	s.script = ssh_exits;
	play_it(&s);
	check(s.rc == 0 && s.relay.bytes == 3000 && s.relay.ncloses == 1 &&
	    s.ended == s.mark, "rule 7: the last packet of an ssh that has "
	    "exited is sent: %s", summary(&s));
	play_free(&s);
}

int
main(void)
{
	static const struct playbill plays[] = {
		PLAY(rule_5), PLAY(rule_5_signal), PLAY(rule_5_blocked),
		PLAY(rule_5_busy), PLAY(rule_5_slow),
		PLAY(rule_6), PLAY(rule_6_lost),
		PLAY(rule_7), PLAY(rule_7_blocked), PLAY(rule_7_flood),
		PLAY(rule_7_tiny), PLAY(rule_7_exit),
		PLAYS_END
	};

	return (perform(plays));
}
