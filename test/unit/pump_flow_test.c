/*
 * Rules 1 to 4 of proxy/pump.c: what is read, what is watched, and when not.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "test/unit/pump_play.h"

/* --- rule 1 --- */

static void
blocked_wire(struct play *s)
{
	switch (s->step++) {
	case 0:
		s->wire->quota = 1000;
		after(s, 1000);
		break;
	case 1:
		check(s->p.up_bytes <= PUMP_RING_BYTES + 1000, "rule 1: with a "
		    "blocked wire no more is taken from stdin than the ring "
		    "holds (%" PRIu64 ")", s->p.up_bytes);
		check(s->p.up_bytes > PUMP_RING_BYTES / 2, "rule 1: ... and "
		    "the ring is made use of");
		s->mark_polls = s->polls;
		after(s, 20 * 1000);
		break;
	case 2:
		check(s->polls - s->mark_polls <= 2, "rule 1: stdin is not "
		    "even watched then (%u polls)", s->polls - s->mark_polls);
		s->wire->quota = SIZE_MAX;
		s->to_closes = true;
		break;
	}
}

static void
rule_1(void)
{
	static struct play s;

	play_new(&s, 0);
	s.to_total = 3 * MIB;
	s.script = blocked_wire;
	play_it(&s);
	check(went_well(&s), "rule 1: ... and every byte "
	    "arrives once it moves again: %s", summary(&s));
	play_free(&s);
}

static void
wire_takes_no_more(struct play *s)
{
	switch (s->step++) {
	case 0:
		if (s->p.up_bytes < 100 * KIB) {
			again(s);
			break;
		}
		s->wire->write_fails = true;
		after(s, 10);
		break;
	case 1:
		s->mark = (int64_t)s->p.up_bytes;
		s->mark_polls = s->polls;
		after(s, 1900);
		break;
	case 2: case 3: case 4: case 5:
		relay_data(&s->relay, 0x82, 1000);
		after(s, 1900);
		break;
	case 6:
		check((int64_t)s->p.up_bytes == s->mark, "rule 1: nothing is "
		    "read from stdin when the wire takes no more");
		check(s->polls - s->mark_polls <= 20, "rule 1: ... nor is it "
		    "watched (%u polls)", s->polls - s->mark_polls);
		relay_close(&s->relay, s->variant, "");
		break;
	}
}

static void
rule_1_lost(void)
{
	static struct play s;

	play_new(&s, 8192);
	s.to_total = MIB;
	s.writes = (struct pace){ .bytes = 20000, .every_ms = 1 };
	s.script = wire_takes_no_more;
	s.variant = 1001;
	play_it(&s);
	check(s.from_done == 4000 && s.p.close_code == 1001, "rule 1: ... what "
	    "the relay still sends is delivered: %s", summary(&s));
	check(s.rc == -1 && s.e.status == EX_IOERR &&
	    strcmp(s.e.id, "E512") == 0, "rule 1: ... and its Close explained");
	play_free(&s);
}

static void
connection_is_gone(struct play *s)
{
	switch (s->step++) {
	case 0:
		after(s, 1000);
		break;
	case 1:
		s->wire->write_fails = s->wire->write_kills = true;
		s->to_total = 10;
		s->mark = s->now;
		break;
	}
}

static void
rule_1_killed(void)
{
	static struct play s;

	play_new(&s, 0);
	s.script = connection_is_gone;
	play_it(&s);
	check(s.rc == -1 && s.e.status == EX_IOERR &&
	    strcmp(s.e.id, "E512") == 0, "rule 6: a write that ends the "
	    "connection is told: %s", summary(&s));
	check(s.ended == s.mark, "rule 6: ... at once (%" PRId64 " ms)",
	    s.ended - s.mark);
	play_free(&s);
}

/* --- rule 2 --- */

static void
stopped_reader(struct play *s)
{
	switch (s->step++) {
	case 0:
		s->reads.stopped = true;
		after(s, 1000);
		break;
	case 1:
		check(s->wire->got <= PUMP_RING_BYTES + 64 * KIB, "rule 2: "
		    "with a stopped reader no more is taken from the wire than "
		    "the ring and the pipe hold (%" PRIu64 ")", s->wire->got);
		check(s->wire->got > PUMP_RING_BYTES / 2, "rule 2: ... and "
		    "both are made use of");
		s->mark_polls = s->polls;
		s->to_total = 5000;
		after(s, 1000 * 1000);
		break;
	case 2:
		check(s->relay.bytes == 5000, "rule 2: the other direction "
		    "goes on");
		check(s->polls - s->mark_polls <= 3 * 34 + 4, "rule 2: the "
		    "wire is not even watched then (%u polls in 1000 s)",
		    s->polls - s->mark_polls);
		check(s->relay.npings > 0, "rule 9: a stopped reader is no "
		    "dead path, though no answer to %u pings is read",
		    s->relay.npings);
		s->reads.stopped = false;
		s->to_closes = true;
		break;
	}
}

static void
rule_2(void)
{
	static struct play s;
	size_t i;

	play_new(&s, 0);
	for (i = 0; i < 4 * MIB / 5000; i++)
		relay_data(&s.relay, 0x82, 5000);
	s.script = stopped_reader;
	play_it(&s);
	check(went_well(&s), "rule 2: every byte arrives once "
	    "it reads again: %s", summary(&s));
	play_free(&s);
}

static void
reader_makes_room(struct play *s)
{
	switch (s->step++) {
	case 0:
		s->reads.stopped = true;
		after(s, 1000);
		break;
	case 1:
		s->reads.stopped = false;
		after(s, 1000);
		break;
	case 2:
		s->mark = s->from_done == s->relay.queued;
		s->to_closes = true;
		break;
	}
}

/* Bytes that lie inside TLS, where poll does not see them, when room comes. */
static void
rule_2_hidden(void)
{
	static struct play s;
	unsigned stuck = 0, runs = 0;
	size_t n;

	for (n = 200000; n < 400000; n += quick ? 20000 : 1700) {
		play_new(&s, 1 << 20);
		s.wire->hoards = true;
		s.wire->read_max = 4096;
		s.gives.bytes = AT_ONCE;
		relay_data(&s.relay, 0x82, n);
		s.script = reader_makes_room;
		play_it(&s);
		stuck += s.mark != 1;
		runs++;
		play_free(&s);
	}
	check(stuck == 0, "rule 2: bytes that wait inside TLS are not "
	    "forgotten when the ring was full (%u of %u)", stuck, runs);
}

/* --- rule 3 --- */

static void
reader_goes(struct play *s)
{
	switch (s->step++) {
	case 0:
		after(s, 5000);
		break;
	case 1:
		hang_up_reader(s);
		s->mark = s->now;
		s->mark_polls = s->polls;
		break;
	}
}

static void
rule_3(void)
{
	static struct play s;

	play_new(&s, 0);
	s.relay.closes = false;
	s.script = reader_goes;
	play_it(&s);
	check(s.p.down_bytes == 0 && s.ended - s.mark <= 250, "rule 3: a "
	    "reader that goes away while idle is noticed without a write (%"
	    PRId64 " ms)", s.ended - s.mark);
	check(s.polls - s.mark_polls <= 8, "rule 3: ... and not asked again "
	    "and again (%u polls)", s.polls - s.mark_polls);
	check(s.rc == 0 && s.e.status == 0 && s.relay.ncloses == 1 &&
	    s.relay.close_code == 1000, "rule 7: ... with a Close and no "
	    "word: %s", summary(&s));
	play_free(&s);
}

static void
rule_3_half(void)
{
	static struct play s;
	int64_t began;

	play_new(&s, 0);
	s.to_closes = true;
	s.relay.closes = false;
	began = s.now;
	play_it(&s);
	check(s.ended - began == 2000, "rule 5: a silent relay is waited for "
	    "2 s after the end of stdin (%" PRId64 " ms)", s.ended - began);
	check(s.polls <= 8, "rule 3: ... asleep (%u wake-ups)", s.polls);
	play_free(&s);
}

/* --- rule 4 --- */

static void
rule_4(void)
{
	static struct play s;
	size_t size, i;

	for (i = 0; i < 2; i++) {
		play_new(&s, 8192);
		size = i == 0 ? 1 : MIB;
		if (fcntl(s.p.in, F_SETPIPE_SZ, (int)MIB) == -1 && i == 1)
			size = 64 * KIB;
		s.to_total = size;
		s.to_closes = true;
		while (s.to != -1)
			(void)ssh_writes(&s, AT_ONCE);
		s.takes = (struct pace){ .bytes = 16 * KIB, .every_ms = 10 };
		play_it(&s);
		check(went_well(&s), "rule 4: a writer that has "
		    "closed with %zu bytes in the pipe: %s", size,
		    summary(&s));
		play_free(&s);
	}
}

int
main(void)
{
	static const struct playbill plays[] = {
		PLAY(rule_1), PLAY(rule_1_lost), PLAY(rule_1_killed),
		PLAY(rule_2), PLAY(rule_2_hidden),
		PLAY(rule_3), PLAY(rule_3_half),
		PLAY(rule_4),
		PLAYS_END
	};

	return (perform(plays));
}
