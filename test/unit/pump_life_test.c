/*
 * Rules 8, 9 and 11 of proxy/pump.c: what a long session lives through.  Empty
 * frames, silence, pings, a machine that sleeps; and no allocation in all that.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/unit/pump_play.h"

/* --- rules 3 and 9: idle --- */

static void
idle_for_a_while(struct play *s)
{
	switch (s->step++) {
	case 0:
		after(s, 300 * 1000 + 10);
		break;
	case 1:
		s->mark_polls = s->polls;
		s->mark = s->relay.npings;
		s->to_closes = true;
		break;
	}
}

static void
rule_3_idle(void)
{
	static struct play s;

	play_new(&s, 0);
	s.script = idle_for_a_while;
	play_it(&s);
	check(s.mark == 10 && went_well(&s), "rule 9: an idle session pings "
	    "every 30 s (%" PRId64 " in 300 s): %s", s.mark, summary(&s));
	check(s.mark_polls <= 4 * 10 + 4, "rule 3: ... and sleeps otherwise "
	    "(%u wake-ups)", s.mark_polls);
	play_free(&s);
}

/* --- rule 8 --- */

static void
rule_8(void)
{
	static struct play s;
	size_t i;

	play_new(&s, 0);
	(void)close(s.p.in);
	s.p.in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)close(s.to);
	s.to = -1;
	play_it(&s);
	check(went_well(&s) && s.relay.frames == 0 && s.relay.raw == 8,
	    "rule 8: an empty stdin is a Close and no data frame: %s",
	    summary(&s));
	play_free(&s);

	play_new(&s, 0);
	for (i = 0; i < 10000; i++) {
		relay_frame(&s.relay, i & 1 ? 0x82 : 0x81, "", 0);
		if (i % 1000 == 0)
			relay_data(&s.relay, 0x82, 7);
		relay_frame(&s.relay, 0x02, "", 0);
		relay_frame(&s.relay, 0x00, "", 0);
		if (i % 1000 == 0)
			relay_data(&s.relay, 0x00, 7);
		relay_frame(&s.relay, 0x89, "", 0);
		relay_frame(&s.relay, 0x80, "", 0);
	}
	s.script = idle_for_a_while;
	play_it(&s);
	check(went_well(&s) && s.from_done == 140 && s.p.ssh_left,
	    "rule 8: received empty frames and fragments mean nothing: %s",
	    summary(&s));
	check(s.relay.npongs == 10000, "rule 9: pings between fragments are "
	    "answered (%u)", s.relay.npongs);
	play_free(&s);
}

/* A socket's datagram of no bytes reads as 0, like the end. */
static void
rule_8_zero(void)
{
	static struct play s;
	int fd[2];

	play_new(&s, 0);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd) == -1)
		abort();
	(void)close(s.p.in);
	(void)close(s.to);
	s.p.in = fd[0];
	s.to = fd[1];
	if (send(fd[1], "", 0, 0) != 0)
		abort();
	play_it(&s);
	check(s.relay.frames == 0 && went_well(&s), "rule 8: a read of 0 bytes "
	    "makes no frame: %s", summary(&s));
	play_free(&s);
}

/* --- rule 9 --- */

static void
silence(struct play *s)
{
	switch (s->step++) {
	case 0:
		s->mark = s->now;
		/* some of a frame: in variant 1 more than a pipe holds */
		relay_data(&s->relay, 0x82, 200000);
		s->relay.out_len = s->variant == 0 ? 10 + 100 : 10 + 100000;
		s->reads.stopped = s->variant == 1;
		after(s, 100 * 1000);
		break;
	case 1:
		s->reads.stopped = false;
		break;
	}
}

static void
rule_9_dead(void)
{
	static struct play s;
	unsigned variant;

	for (variant = 0; variant < 2; variant++) {
		play_new(&s, 0);
		s.relay.pongs = s.relay.closes = false;
		s.script = silence;
		s.variant = variant;
		play_it(&s);
		check(s.relay.npings == 1 && s.rc == -1 && strcmp(s.e.id,
		    "E513") == 0 && s.e.status == EX_IOERR, "rule 9: one ping, "
		    "no answer: the path is dead: %s", summary(&s));
		check(s.from_done == (variant == 0 ? 100 : 100000), "rule 9: "
		    "... what came before is delivered%s", variant == 1 ?
		    ", also later" : "");
		check(variant == 1 || s.ended - s.mark == 40 * 1000, "rule 9: "
		    "... after 30 s and 10 s (%" PRId64 " ms)",
		    s.ended - s.mark);
		play_free(&s);
	}
}

/* Ends when the relay has said all. */
static void
until_all_is_said(struct play *s)
{
	s->step++;
	if (s->relay.out_len > 0) {
		after(s, 1000);
		return;
	}
	s->mark = s->relay.npings;
	s->to_closes = true;
}

static void
rule_9_life(void)
{
	static const struct {
		int64_t	every_ms;
		bool	pings;
	} cases[] = { { 39 * 1000, true }, { 29 * 1000, false } };
	static struct play s;
	size_t i;

	for (i = 0; i < 2; i++) {
		play_new(&s, 0);
		s.relay.pongs = false;
		s.gives = (struct pace){ .bytes = 1,
		    .every_ms = cases[i].every_ms };
		relay_data(&s.relay, 0x82, 400);
		s.script = until_all_is_said;
		play_it(&s);
		check(went_well(&s) && (s.mark > 0) == cases[i].pings,
		    "rule 9: a byte every %" PRId64 " s and never a pong: it "
		    "lives (%" PRId64 " pings): %s", cases[i].every_ms / 1000,
		    s.mark, summary(&s));
		play_free(&s);
	}
}

/* The machine sleeps an hour; the pong had come before it woke up. */
static void
sleeps(struct play *s)
{
	switch (s->step++) {
	case 0:
		after(s, 30 * 1000 + 10);
		break;
	case 1:
		relay_frame(&s->relay, 0x8a, "", 0);
		s->now += 3600 * 1000;
		after(s, 1000);
		break;
	case 2:
		s->to_closes = true;
		s->mark = s->relay.npings;
		break;
	}
}

/* The same with a reader that was stopped before and goes on after. */
static void
sleeps_and_all_with_it(struct play *s)
{
	switch (s->step++) {
	case 0:
		s->reads.stopped = true;
		after(s, 10);
		break;
	case 1:
		/* until our ping is out, and not answered yet */
		if (s->relay.npings == 0) {
			again(s);
			break;
		}
		after(s, 5000);
		break;
	case 2:
		s->now += 3600 * 1000;
		s->reads.stopped = false;
		after(s, 1000);
		break;
	case 3:
		s->to_closes = true;
		s->mark = 1;
		break;
	}
}

static void
rule_9_sleep(void)
{
	static struct play s;

	play_new(&s, 0);
	s.relay.pongs = false;
	s.script = sleeps;
	play_it(&s);
	check(went_well(&s) && s.mark == 1, "rule 9: a machine that slept for "
	    "an hour looks before it judges: %s", summary(&s));
	play_free(&s);

	play_new(&s, 0);
	relay_data(&s.relay, 0x82, MIB);
	s.script = sleeps_and_all_with_it;
	play_it(&s);
	check(went_well(&s) && s.mark == 1, "rule 9: ... also when its reader "
	    "had stopped before: %s", summary(&s));
	play_free(&s);
}

/* Our frame of 5000 bytes is sent up to byte .mark, then a ping comes. */
static void
ping_in_mid_frame(struct play *s)
{
	char text[20];

	switch (s->step++) {
	case 0:
		s->wire->quota = (size_t)s->mark;
		s->to_total = 5000;
		after(s, 100);
		break;
	case 1:
		(void)snprintf(text, sizeof(text), "ping %" PRId64, s->mark);
		relay_frame(&s->relay, 0x89, text, strlen(text));
		/* variant 1: our own keepalive is due in mid-frame as well */
		after(s, s->variant == 1 ? 35 * 1000 : 100);
		break;
	case 2:
		s->wire->quota = SIZE_MAX;
		s->to_total += 300;
		after(s, 100);
		break;
	case 3:
		s->to_closes = true;
		break;
	}
}

static void
rule_9_between(void)
{
	static const int cuts[] = { 0, 1, 2, 3, 4, 7, 8, 9, 100, 4999, 5006,
	    5007, 5008 };
	static struct play s;
	unsigned wrong = 0, variant;
	char text[20];
	size_t i;

	for (variant = 0; variant < 2; variant++) {
		for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
			play_new(&s, 0);
			s.variant = variant;
			s.mark = cuts[i];
			s.script = ping_in_mid_frame;
			(void)snprintf(text, sizeof(text), "ping %d", cuts[i]);
			play_it(&s);
			wrong += !went_well(&s) ||
			    s.relay.npongs != 1 || s.relay.npings != variant ||
			    s.relay.pong_len != strlen(text) ||
			    memcmp(s.relay.pong, text, strlen(text)) != 0;
			play_free(&s);
		}
		check(wrong == 0, "rule 9: %s while our frame is half written "
		    "at %zu places waits for the frame's end (%u wrong)",
		    variant == 0 ? "a pong" : "a pong and our own ping", i,
		    wrong);
	}
}

static void
many_pings(struct play *s)
{
	uint8_t text[125] = { 0 };
	int i;

	switch (s->step++) {
	case 0:
		s->wire->quota = 1000;
		if (s->variant == 1)	/* the ring is full of data */
			s->to_total = MIB;
		after(s, 100);
		break;
	case 1:
		for (i = 1; i <= 10000; i++) {
			text[0] = (uint8_t)(i >> 8);
			text[124] = (uint8_t)i;
			relay_frame(&s->relay, 0x89, text, sizeof(text));
		}
		relay_data(&s->relay, 0x82, 77);
		after(s, 100);
		break;
	case 2:
		check(s->wire->got > 10000 * 127 && s->from_done == 77,
		    "rule 9: 10000 pings while writes are blocked: reading "
		    "goes on");
		s->wire->quota = SIZE_MAX;
		after(s, 100);
		break;
	case 3:
		check(s->relay.npongs > 0 && s->relay.npongs < 2100 &&
		    s->relay.pong_len == 125 &&
		    s->relay.pong[0] == (uint8_t)(10000 >> 8) &&
		    s->relay.pong[124] == (uint8_t)10000, "rule 9: ... the "
		    "newest is answered, and not all (%u pongs)",
		    s->relay.npongs);
		s->to_closes = true;
		break;
	}
}

static void
rule_9_flood(void)
{
	static struct play s;
	unsigned variant;

	for (variant = 0; variant < 2; variant++) {
		play_new(&s, 0);
		s.variant = variant;
		s.script = many_pings;
		play_it(&s);
		check(went_well(&s), "rule 9: ... and the data "
		    "is whole: %s", summary(&s));
		play_free(&s);
	}
}

/*
 * Pongs must leave room for our own ping: a verdict needs a ping that was sent.
 */
static void
no_room_for_a_ping(struct play *s)
{
	uint8_t text[125] = { 0 };
	int i;

	switch (s->step++) {
	case 0:
		s->wire->quota = 1000;
		s->to_total = MIB;
		after(s, 100);
		break;
	case 1:
		for (i = 0; i < 10; i++)
			relay_frame(&s->relay, 0x89, text, sizeof(text));
		after(s, 35 * 1000);
		break;
	case 2:
		s->wire->quota = SIZE_MAX;
		s->to_total = s->to_done;
		after(s, 60 * 1000);
		break;
	case 3:
		s->mark = 1;
		s->to_closes = true;
		break;
	}
}

static void
rule_9_room(void)
{
	static struct play s;

	play_new(&s, 0);
	s.script = no_room_for_a_ping;
	play_it(&s);
	check(s.mark == 1 && went_well(&s), "rule 9: no verdict without a ping "
	    "that was sent (%u sent): %s", s.relay.npings, summary(&s));
	play_free(&s);
}

/* --- rule 11 --- */

static void
byte_by_byte(struct play *s)
{
	/* more frames than the random generator makes keys without new seed */
	if (s->to_total < 12000) {
		s->to_total++;
		after(s, 0);
	} else
		s->to_closes = true;
	if (s->to_total % 100 == 0)
		relay_frame(&s->relay, 0x89, "ping", 4);
	relay_data(&s->relay, 0x82, 1 + s->to_total % 300);
}

static void
rule_11(void)
{
	static struct play s;
	bool works = can_count_memory();

	if (!works)
		check(1, "rule 11: nothing is allocated # SKIP malloc cannot "
		    "be counted here");

	play_new(&s, 8192);
	s.wire->dice = 1;
	s.wire->write_max = 5000;
	s.script = byte_by_byte;
	play_it(&s);
	check(went_well(&s), "rule 11: a long session: %s", summary(&s));
	if (works)
		check(s.allocations == 0, "rule 11: nothing is allocated or "
		    "freed in it (%u)", s.allocations);
	play_free(&s);

	play_new(&s, 0);
	s.relay.pongs = false;
	s.script = silence;
	play_it(&s);
	if (works)
		check(s.rc == -1 && s.allocations == 0, "rule 11: ... nor "
		    "when it ends with an error (%u)", s.allocations);
	play_free(&s);
}

int
main(void)
{
	static const struct playbill plays[] = {
		PLAY(rule_3_idle),
		PLAY(rule_8), PLAY(rule_8_zero),
		PLAY(rule_9_dead), PLAY(rule_9_life), PLAY(rule_9_sleep),
		PLAY(rule_9_between), PLAY(rule_9_flood), PLAY(rule_9_room),
		PLAY(rule_11),
		PLAYS_END
	};

	return (perform(plays));
}
