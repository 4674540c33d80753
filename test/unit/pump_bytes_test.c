/*
 * Every byte as it was through proxy/pump.c, whatever the sizes and the manners
 * of the wire; how each end is told; and all of it once in real time.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay/wire.h"
#include "test/unit/pump_play.h"

/* --- what is exact --- */

static const size_t sizes[] = { 0, 1, 2, 125, 126, 127, 65527, 65528, 65529,
    65535, 65536, 256 * 1024 - 1, 256 * 1024, 1024 * 1024 + 13 };
#define NSIZES	(sizeof(sizes) / sizeof(sizes[0]))

static void
all_sizes(void)
{
	static struct play s;
	size_t i, step;

	for (i = 0; i < NSIZES; i++) {
		unsigned wrong = 0, runs = 0;

		/* wherever the ring begins, borders of pages and words */
		for (step = 0; step < PUMP_RING_BYTES; step += 37449) {
			play_new(&s, 0);
			s.p.up.tail = (PUMP_RING_BYTES - step) %
			    PUMP_RING_BYTES;
			s.p.down.tail = step;
			(void)fcntl(s.p.in, F_SETPIPE_SZ, (int)MIB);
			s.to_total = sizes[i];
			s.to_closes = true;
			relay_data(&s.relay, 0x82, sizes[i]);
			play_it(&s);
			wrong += !went_well(&s) ||
			    (sizes[i] > 0 && s.relay.longest > WS_DATA_MAX);
			runs++;
			play_free(&s);
		}
		check(wrong == 0, "exact: %zu bytes in both directions (%u of "
		    "%u wrong)", sizes[i], wrong, runs);
	}
}

/* A write of exactly so many bytes makes one frame: nothing is split. */
static void
one_frame(void)
{
	static struct play s;
	unsigned wrong = 0;
	size_t i;

	for (i = 1; sizes[i] <= 127; i++) {
		play_new(&s, 0);
		s.to_total = sizes[i];
		s.to_closes = true;
		while (s.to != -1)
			(void)ssh_writes(&s, AT_ONCE);
		play_it(&s);
		wrong += !went_well(&s) || s.relay.frames != 1 ||
		    s.relay.longest != sizes[i];
		play_free(&s);
	}
	check(wrong == 0, "exact: what stands in the pipe goes in one frame");
}

static unsigned spoken;
static uint64_t before_it;

static void
it_speaks(void *arg)
{
	const struct play *s = arg;

	spoken++;
	before_it = s->p.down_bytes;
}

static void
first_word(void)
{
	static struct play s;
	size_t i;

	for (i = 0; i < 2; i++) {
		play_new(&s, 0);
		s.p.spoke = it_speaks;
		s.p.arg = &s;
		spoken = 0;
		s.to_closes = true;
		relay_frame(&s.relay, 0x82, "", 0);
		relay_data(&s.relay, 0x82, i * 7);
		relay_data(&s.relay, 0x82, i * 300000);
		play_it(&s);
		check(went_well(&s) && spoken == i && before_it == 0,
		    "the server's first byte is told once%s: %s",
		    i == 0 ? ", or never" : "", summary(&s));
		play_free(&s);
	}
}

static void
random_frames(struct play *s, size_t total)
{
	static const size_t most[] = { 1, 3, 130, 5000, 70000, 400000 };
	size_t limit = most[fake_random(&s->dice) % 6], n;
	bool inside = false;

	if (total / limit > 40000)
		limit = total / 40000 + 1;
	while (total > 0) {
		uint32_t r = fake_random(&s->dice);
		bool last = r % 3 != 0;

		n = 1 + fake_random(&s->dice) % limit;
		if (n > total)
			n = total;
		if (r % 64 == 1)
			n = 0;
		relay_data(&s->relay, (inside ? 0x00 : r & 64 ? 0x01 : 0x02) |
		    (last ? 0x80 : 0), n);
		inside = !last;
		total -= n;
		if (r % 50 == 2)
			relay_frame(&s->relay, r & 128 ? 0x89 : 0x8a, "hello",
			    r % 6);
	}
	if (inside)
		relay_frame(&s->relay, 0x80, "", 0);
}

static size_t
random_size(uint64_t *dice)
{
	uint32_t r = fake_random(dice);

	if (r % 4 == 0)
		return (sizes[(r >> 8) % NSIZES]);
	return (fake_random(dice) % (1U << (r >> 8) % 21));
}

static void
change_the_weather(struct play *s)
{
	uint32_t r = fake_random(&s->dice);

	s->reads.stopped = r % 4 == 0;
	s->takes.stopped = r % 4 == 1;
	if (r % 16 == 2)
		s->wire->refusals = r >> 8 & 7;
	after(s, 1 + r % 50);
}

static void
random_round(uint64_t seed, unsigned *wrong)
{
	static struct play s;
	uint64_t dice = seed;
	uint32_t r = fake_random(&dice);
	bool relay_first = r % 4 == 0;
	size_t down = random_size(&dice);
	bool good;

	play_new(&s, r & 16 ? 4096 : 0);
	s.dice = seed | 1;
	s.to_total = random_size(&dice);
	s.to_closes = true;
	s.p.up.tail = fake_random(&dice) % PUMP_RING_BYTES;
	s.p.down.tail = fake_random(&dice) % PUMP_RING_BYTES;
	s.wire->dice = r & 32 ? seed | 1 : 0;
	s.wire->write_max = r & 64 ? 1U << (r >> 8) % 16 : 0;
	s.wire->read_max = r & 128 ? 1U << (r >> 12) % 15 : 0;
	s.wire->keeps = (r >> 16) & 1;
	s.wire->hoards = (r >> 17) & 1;
	if (s.wire->write_max != 0 && s.to_total / s.wire->write_max > 40000)
		s.wire->write_max = s.to_total / 40000 + 1;
	if (s.wire->read_max != 0 && down / s.wire->read_max > 40000)
		s.wire->read_max = down / 40000 + 1;
	if ((r >> 18) & 1)
		(void)fcntl(s.p.out, F_SETPIPE_SZ, 4096);
	s.writes.bytes = 1 + fake_random(&dice) % AT_ONCE;
	s.reads.bytes = 1 + fake_random(&dice) % AT_ONCE;
	s.takes.bytes = 1 + fake_random(&dice) % AT_ONCE;
	s.gives.bytes = 1 + fake_random(&dice) % AT_ONCE;
	if ((r >> 19) & 1)
		s.script = change_the_weather;
	random_frames(&s, down);
	if (relay_first) {
		relay_close(&s.relay, 1000, "");
		s.relay.closes = false;
	}
	play_it(&s);
	if (relay_first)
		good = !s.unfair && s.rc == 0 && s.from_done == down &&
		    s.relay.ncloses == 1 && s.relay.close_code == 1000;
	else
		good = went_well(&s);
	if (!good && (*wrong)++ < 3)
		check(0, "exact: seed %" PRIu64 ": %s", seed, summary(&s));
	play_free(&s);
}

static void
random_rounds(void)
{
	unsigned rounds = quick ? 25 : 500, wrong = 0;
	uint64_t seed;

	for (seed = 20240601; seed < 20240601 + rounds; seed++)
		random_round(seed, &wrong);
	check(wrong == 0, "exact: %u rounds from seed 20240601: random pieces, "
	    "pauses, borders, manners of the wire (%u wrong)", rounds, wrong);
}

/* --- how it ends --- */

static void
close_codes(void)
{
	static const struct {
		unsigned code;
		const char *reason, *says;
		int	 rc;
	} cases[] = {
		{ 1000, "", "", 0 },
		{ 0, "", "", 0 },
		{ 1001, "", "1001", -1 },
		{ 1008, "token expired", "1008", -1 },
		{ 1011, "broken \033[31m\n\303\251", "1011", -1 },
		{ 4001, "", "4001", -1 },
	};
	static struct play s;
	size_t i, k;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool printable = true;

		play_new(&s, 0);
		relay_data(&s.relay, 0x82, 300000);
		relay_close(&s.relay, cases[i].code, cases[i].reason);
		s.relay.closes = false;
		s.reads = (struct pace){ .bytes = 3000, .every_ms = 10 };
		play_it(&s);
		for (k = 0; s.e.cause[k] != '\0'; k++)
			printable &= s.e.cause[k] >= 0x20 &&
			    s.e.cause[k] < 0x7f;
		check(s.rc == cases[i].rc && s.from_done == 300000 &&
		    s.relay.ncloses == 1 && s.relay.close_code ==
		    (cases[i].code == 0 ? 1000 : cases[i].code) &&
		    (s.rc == 0 ? s.e.status == 0 : s.e.status == EX_IOERR &&
		    strcmp(s.e.id, "E512") == 0 && s.e.fix[0] != '\0') &&
		    strstr(s.e.cause, cases[i].says) != NULL && printable,
		    "close code %u: the data, an answer, the reason: %s",
		    cases[i].code, summary(&s));
		play_free(&s);
	}
}

static void
violations(void)
{
#define BYTES(s)	s, sizeof(s) - 1
	static const struct {
		const char *name, *bytes;
		size_t	 len;
	} cases[] = {
		{ "a masked frame", BYTES("\x82\x81\1\2\3\4x") },
		{ "a reserved bit", BYTES("\xc2\1x") },
		{ "opcode 3", BYTES("\x83\1x") },
		{ "opcode 11", BYTES("\x8b\0") },
		{ "a fragmented ping", BYTES("\x09\0") },
		{ "a long ping", BYTES("\x89\x7e\0\x7e") },
		{ "a stray continuation", BYTES("\x80\1x") },
		{ "a message in a message", BYTES("\2\0\x82\1x") },
		{ "a length of 5 in 16 bits", BYTES("\x82\x7e\0\5xxxxx") },
		{ "a length of 2^63", BYTES("\x82\x7f\x80\0\0\0\0\0\0\0x") },
		{ "a Close of one byte", BYTES("\x88\1\3") },
		{ "close code 999", BYTES("\x88\2\3\xe7") },
		{ "a reason that is no UTF-8", BYTES("\x88\3\3\xe8\xff") },
		{ "a page of HTML", BYTES("<html>") },
	};
	static struct play s;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		play_new(&s, 0);
		s.relay.closes = false;
		s.wire->keeps = true;
		s.wire->write_max = 1;	/* the Close has a way to go */
		relay_data(&s.relay, 0x82, 100000);
		relay_raw(&s.relay, cases[i].bytes, cases[i].len);
		relay_frame(&s.relay, 0x82, "not this", 8);
		play_it(&s);
		check(s.rc == -1 && s.e.status == EX_PROTOCOL &&
		    strcmp(s.e.id, "E512") == 0 && s.from_done == 100000 &&
		    s.relay.ncloses == 1 && s.relay.close_code == 1002,
		    "violation: %s: what came before is delivered, Close 1002: "
		    "%s", cases[i].name, summary(&s));
		play_free(&s);
	}
#undef BYTES
}

static void
outputs(void)
{
	static struct play s;
	char path[] = "/tmp/pump_bytes_test.XXXXXX", big[5000];
	const char *dir = getenv("TMPDIR");
	char name[4096];
	ssize_t n;
	int fd;

	play_new(&s, 0);
	(void)close(s.p.out);
	hang_up_reader(&s);
	s.p.out = open("/dev/full", O_WRONLY | O_CLOEXEC);
	relay_data(&s.relay, 0x82, 5000);
	s.to_total = 300;
	play_it(&s);
	check(s.rc == -1 && s.e.status == EX_IOERR && s.relay.ncloses == 1 &&
	    strstr(s.e.cause, strerror(ENOSPC)) != NULL, "output: /dev/full is "
	    "told: %s", summary(&s));
	play_free(&s);

	(void)snprintf(name, sizeof(name), "%s%s", dir != NULL ? dir : "",
	    dir != NULL ? strrchr(path, '/') : path);
	if ((fd = mkstemp(name)) == -1)
		abort();
	(void)unlink(name);
	play_new(&s, 0);
	(void)close(s.p.out);
	hang_up_reader(&s);
	s.p.out = dup(fd);
	relay_data(&s.relay, 0x82, 5000);
	relay_close(&s.relay, 1000, "");
	play_it(&s);
	n = pread(fd, big, sizeof(big), 0);
	check(s.rc == 0 && n == 5000 && stream_is(DOWN_SEED, 0,
	    (uint8_t *)big, 5000), "output: a file: %s", summary(&s));
	(void)close(fd);
	play_free(&s);
}

/* stdin and stdout as one socket, as socat and some libraries give. */
static void
one_socket(void)
{
	static struct play s;
	int fd[2];

	play_new(&s, 0);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == -1)
		abort();
	(void)close(s.p.in);
	(void)close(s.p.out);
	(void)close(s.to);
	(void)close(s.from);
	s.p.in = fd[0];
	s.p.out = dup(fd[0]);
	s.to = fd[1];
	s.from = dup(fd[1]);
	s.to_total = 300000;
	relay_data(&s.relay, 0x82, 300000);
	relay_close(&s.relay, 1000, "");
	s.gives = (struct pace){ .bytes = 4000, .every_ms = 10 };
	play_it(&s);
	check(went_well(&s), "output: one socket for both: %s",
	    summary(&s));
	play_free(&s);
}

/* --- without a play: real time, real processes --- */

static volatile sig_atomic_t alarms;

static void
on_tick(int number)
{
	(void)number;
	alarms++;
}

/* The other players in a process of their own, moving as fast as they can. */
static pid_t
others(struct play *s, pid_t victim, size_t wanted)
{
	struct pollfd fds[3];
	pid_t pid = fork();

	if (pid != 0)
		return (pid);
	(void)close(s->wire->fd);
	(void)close(s->p.in);
	(void)close(s->p.out);
	while (!s->relay.ended || !s->from_ended) {
		fds[0] = (struct pollfd){ s->relay.ended ? -1 : s->relay.fd,
		    (short)(POLLIN | (s->relay.out_len > 0 ? POLLOUT : 0)),
		    0 };
		fds[1] = (struct pollfd){ s->from_ended ? -1 : s->from, POLLIN,
		    0 };
		fds[2] = (struct pollfd){ s->to_done < s->to_total ? s->to : -1,
		    POLLOUT, 0 };
		(void)poll(fds, 3, 20);
		(void)relay_work(&s->relay, AT_ONCE, AT_ONCE);
		(void)ssh_reads(s, AT_ONCE);
		(void)ssh_writes(s, AT_ONCE);
		if (victim != 0 && s->relay.bytes >= wanted) {
			/* it has nothing to do now but to sleep */
			(void)kill(victim, SIGTERM);
			victim = 0;
		}
	}
	_exit(relay_is_content(&s->relay, true) && !s->from_wrong &&
	    s->relay.bytes == s->to_total && s->from_done == s->relay.queued &&
	    s->relay.close_code == 1000 ? 0 : 1);
}

static void
in_real_time(void)
{
	struct sigaction action = { .sa_handler = on_tick };
	struct itimerval storm = { { 0, 1000 }, { 0, 1000 } };
	static struct play s;
	unsigned variant;
	int status;
	pid_t pid;

	for (variant = 0; variant < 2; variant++) {
		play_new(&s, 8192);
		s.to_total = variant == 0 ? 8 * MIB : 100000;
		s.to_closes = variant == 0;
		relay_data(&s.relay, 0x82, variant == 0 ? 8 * MIB : 100000);
		pid = others(&s, variant == 0 ? 0 : getpid(), 100000);
		(void)close(s.to);
		(void)close(s.from);
		s.to = s.from = -1;
		relay_hang_up(&s.relay);
		if (variant == 0 && !quick) {
			(void)sigaction(SIGALRM, &action, NULL);
			(void)setitimer(ITIMER_REAL, &storm, NULL);
		}
		s.rc = pump_run(&s.p, &s.e);
		storm = (struct itimerval){ { 0, 0 }, { 0, 0 } };
		(void)setitimer(ITIMER_REAL, &storm, NULL);
		(void)signal(SIGALRM, SIG_IGN);	/* also one that waits */
		(void)signal(SIGALRM, SIG_DFL);
		(void)alarm(WATCHDOG_S);
		wire_free(s.wire);
		(void)close(s.p.in);
		(void)close(s.p.out);
		if (waitpid(pid, &status, 0) != pid)
			status = -1;
		check(s.rc == 0 && status == 0, variant == 0 ? "real time: "
		    "8 MiB both ways in a storm of signals" : "real time: "
		    "SIGTERM from another process wakes it up");
		play_free(&s);
	}
}

int
main(void)
{
	static const struct playbill plays[] = {
		PLAY(all_sizes), PLAY(one_frame), PLAY(first_word),
		PLAY(random_rounds),
		PLAY(close_codes), PLAY(violations), PLAY(outputs),
		PLAY(one_socket), PLAY(in_real_time),
		PLAYS_END
	};

	return (perform(plays));
}
