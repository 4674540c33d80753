/*
 * The rules of the pump, each by its number in proxy/pump.c.
 *
 * The pump runs in a play: ppoll and the monotonic clock are ours.  While the
 * pump waits the other players move (ssh writes and reads, the relay takes and
 * gives, each at its pace) and a script says what happens when.  The clock only
 * goes on when nobody can move, straight to the next thing that is due, so that
 * half an hour takes no time, 250 ms are exactly 250 ms on a busy machine too,
 * and a pump that waits for ever or turns round and round is found at once.
 *
 * Each play has a process of its own, with a watchdog.
 */
#undef _FORTIFY_SOURCE	/* ppoll and others are defined here */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proxy/pump.h"
#include "relay/err.h"
#include "test/unit/fake_wire.h"
#include "test/unit/tap.h"

#define KIB		((size_t)1024)
#define MIB		(1024 * KIB)
#define WATCHDOG_S	240	/* of real time, against a hang */
#define SPIN_POLLS	1000	/* polls in which nothing moved */
#define PLAY_MS		(24 * 3600 * 1000LL)	/* no play is longer */
#define AT_ONCE		(64 * KIB)
#define NEVER		INT64_MAX
#define UP_SEED		11
#define DOWN_SEED	4242

/* How fast a player moves. */
struct pace {
	size_t	bytes;		/* at a time */
	int64_t	every_ms;	/* 0: whenever the pump polls */
	int64_t	next;
	bool	stopped;
};

struct play {
	struct pump	 p;
	struct err	 e;
	int		 rc;
	struct wire	*wire;
	struct relay	 relay;

	int		 to, from;	/* ssh's ends; -1: closed */
	uint64_t	 to_total, to_done;
	uint64_t	 from_done;
	bool		 to_closes;	/* ssh closes when all is written */
	bool		 from_wrong, from_ended;
	bool		 unfair;	/* somebody broke a rule of the game */
	struct pace	 writes, reads;	/* ssh */
	struct pace	 takes, gives;	/* relay */

	void		(*script)(struct play *);
	int		 step;
	int64_t		 wake;		/* when to call the script */
	int64_t		 mark;		/* for the script's use */
	unsigned	 mark_polls;
	unsigned	 variant;

	int64_t		 now;
	int64_t		 tick_ms;	/* that a poll takes, however busy */
	uint64_t	 dice;		/* not 0: players miss turns */
	unsigned	 polls, spins;
	uint64_t	 moved;
	int64_t		 ended;		/* when pump_run returned */
};

static struct play *stage;	/* NULL: real time */
static int report = -1;		/* from a play's process to the first one */
static bool quick;		/* under valgrind */
static volatile sig_atomic_t leave;
static sigset_t no_signals;

/* --- telling --- */

static int __attribute__((format(printf, 2, 3)))
check(int good, const char *fmt, ...)
{
	char line[900];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line + 1, sizeof(line) - 2, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 3)
		n = (int)sizeof(line) - 3;
	line[0] = good ? '+' : '-';
	line[n + 1] = '\n';
	if (write(report, line, (size_t)n + 2) != n + 2)
		abort();
	return (good);
}

static void __attribute__((format(printf, 1, 2), noreturn))
give_up(const char *fmt, ...)
{
	char why[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	check(0, "%s", why);
	_exit(1);
}

/* Plays in a process of its own and passes on what it had to tell. */
static void
perform(const char *name, void (*play)(void))
{
	char line[902];
	int fd[2], status;
	unsigned told = 0;
	FILE *f;
	pid_t pid;

	if (pipe(fd) == -1 || (pid = fork()) == -1)
		abort();
	if (pid == 0) {
		(void)close(fd[0]);
		report = fd[1];
		(void)alarm(WATCHDOG_S);
		play();
		exit(0);
	}
	(void)close(fd[1]);
	if ((f = fdopen(fd[0], "r")) == NULL)
		abort();
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strstr(line, "# SKIP") != NULL)
			ok(1, "%s", line + 1);
		else
			ok(line[0] == '+', "%s", line + 1);
		told++;
	}
	(void)fclose(f);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	if (status != 0 || told == 0)
		ok(0, "%s: came to its end (%s %d)", name,
		    WIFSIGNALED(status) ? "signal" : "status",
		    WIFSIGNALED(status) ? WTERMSIG(status) :
		    WEXITSTATUS(status));
}

/* --- memory, rule 11 --- */

static volatile unsigned allocations;
static volatile bool counting;

#if defined(__SANITIZE_ADDRESS__)
# define ASAN 1
#elif defined(__has_feature)
# if __has_feature(address_sanitizer)
#  define ASAN 1
# endif
#endif

#ifdef ASAN
int	 __sanitizer_install_malloc_and_free_hooks(
	    void (*)(const volatile void *, size_t),
	    void (*)(const volatile void *));

static void
on_malloc(const volatile void *p, size_t n)
{
	(void)p;
	(void)n;
	allocations += counting;
}

static void
on_free(const volatile void *p)
{
	allocations += counting && p != NULL;
}

static void
count_allocations(void)
{
	(void)__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
}
#else
# ifdef __GLIBC__
void	*__libc_malloc(size_t);
void	*__libc_calloc(size_t, size_t);
void	*__libc_realloc(void *, size_t);
void	 __libc_free(void *);

void *
malloc(size_t n)
{
	allocations += counting;
	return (__libc_malloc(n));
}

void *
calloc(size_t n, size_t size)
{
	allocations += counting;
	return (__libc_calloc(n, size));
}

void *
realloc(void *p, size_t n)
{
	allocations += counting;
	return (__libc_realloc(p, n));
}

void
free(void *p)
{
	allocations += counting && p != NULL;
	__libc_free(p);
}
# endif

static void
count_allocations(void)
{
}
#endif

/* --- the players --- */

static size_t
portion(struct play *s, struct pace *pace)
{
	if (pace->stopped || s->now < pace->next)
		return (0);
	if (s->dice != 0)
		return (1 + fake_random(&s->dice) % pace->bytes);
	return (pace->bytes);
}

static size_t
paced(struct play *s, struct pace *pace, size_t moved)
{
	if (moved > 0)
		pace->next = s->now + pace->every_ms;
	return (moved);
}

static size_t
ssh_writes(struct play *s, size_t n)
{
	uint8_t buf[AT_ONCE];
	ssize_t done = 0;

	if (s->to == -1)
		return (0);
	if (n > s->to_total - s->to_done)
		n = (size_t)(s->to_total - s->to_done);
	if (n > 0) {
		stream_make(UP_SEED, s->to_done, buf, n);
		if ((done = write(s->to, buf, n)) > 0)
			s->to_done += (uint64_t)done;
		else if (errno != EAGAIN) {
			(void)close(s->to);
			s->to = -1;
		}
	}
	if (s->to != -1 && s->to_closes && s->to_done == s->to_total) {
		(void)close(s->to);
		s->to = -1;
		done = 1;
	}
	return (done > 0 ? (size_t)done : 0);
}

static size_t
ssh_reads(struct play *s, size_t n)
{
	uint8_t buf[AT_ONCE];
	ssize_t done;

	if (s->from == -1 || s->from_ended || n == 0)
		return (0);
	if ((done = read(s->from, buf, n)) > 0) {
		s->from_wrong |= !stream_is(DOWN_SEED, s->from_done, buf,
		    (size_t)done);
		s->from_done += (uint64_t)done;
		return ((size_t)done);
	}
	s->from_ended = done == 0;
	return (0);
}

static bool
misses_a_turn(struct play *s)
{
	return (s->dice != 0 && fake_random(&s->dice) % 3 == 0);
}

/* Each player moves once.  Returns whether anything came of it. */
static bool
act(struct play *s)
{
	size_t moved = 0, take, give;
	bool missed = false;

	if (s->script != NULL && s->now >= s->wake) {
		s->wake = NEVER;
		s->script(s);
		moved++;
	}
	if (misses_a_turn(s))
		missed = true;
	else
		moved += paced(s, &s->writes,
		    ssh_writes(s, portion(s, &s->writes)));
	if (misses_a_turn(s))
		missed = true;
	else
		moved += paced(s, &s->reads,
		    ssh_reads(s, portion(s, &s->reads)));
	if (misses_a_turn(s))
		missed = true;
	else {
		take = portion(s, &s->takes);
		give = portion(s, &s->gives);
		moved += paced(s, &s->takes, relay_work(&s->relay, take, 0));
		moved += paced(s, &s->gives, relay_work(&s->relay, 0, give));
	}
	return (moved > 0 || missed);
}

static int64_t
next_turn(const struct play *s)
{
	const struct pace *all[] = { &s->writes, &s->reads, &s->takes,
	    &s->gives };
	int64_t at = s->script != NULL ? s->wake : NEVER;
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!all[i]->stopped && all[i]->next > s->now &&
		    all[i]->next < at)
			at = all[i]->next;
	return (at);
}

static void
look_for_spin(struct play *s)
{
	uint64_t moved = s->wire->sent + s->wire->got + s->p.up_bytes +
	    s->p.down_bytes + s->to_done + s->from_done + s->relay.raw +
	    s->relay.out_len + (uint64_t)s->now + (s->to == -1) +
	    s->wire->refusals;

	s->spins = moved == s->moved ? s->spins + 1 : 0;
	s->moved = moved;
	if (s->spins > SPIN_POLLS)
		give_up("busy loop: %d polls in which nothing moved (step %d, "
		    "variant %u)", SPIN_POLLS, s->step, s->variant);
	if (s->now > PLAY_MS)
		give_up("it does not end (step %d, variant %u)", s->step,
		    s->variant);
}

/* --- what the pump takes for the system --- */

struct kernel_time {	/* of the plain system calls, on any CPU */
	long	sec, nsec;
};

static int
kernel_ppoll(struct pollfd *fds, nfds_t n, struct kernel_time *wait,
    const sigset_t *mask)
{
	return ((int)syscall(SYS_ppoll, fds, n, wait, mask,
	    (_NSIG - 1) / 8));
}

static int
poll_in_play(struct play *s, struct pollfd *fds, nfds_t nfds,
    const struct timespec *wait, const sigset_t *mask)
{
	struct kernel_time zero = { 0, 0 };
	int64_t until = NEVER, at;
	short asked[8];
	nfds_t i;
	int n;

	s->polls++;
	for (i = 0; i < nfds; i++)
		asked[i] = fds[i].events;
	s->now += s->tick_ms;
	s->wire->in_a_row = 0;
	look_for_spin(s);
	if (wait != NULL)
		until = s->now + wait->tv_sec * 1000 + wait->tv_nsec / 1000000;
	for (;;) {
		bool moved = act(s);

		for (i = 0; i < nfds; i++)
			fds[i].events = fds[i].fd == s->wire->fd &&
			    fake_wire_is_blocked(s->wire) ?
			    asked[i] & ~POLLOUT : asked[i];
		zero = (struct kernel_time){ 0, 0 };
		if ((n = kernel_ppoll(fds, nfds, &zero, mask)) != 0 ||
		    s->now >= until)
			return (n);
		if (moved)
			continue;
		at = next_turn(s);
		if (at == NEVER && until == NEVER)
			give_up("it waits for ever (step %d, variant %u)",
			    s->step, s->variant);
		s->now = at < until ? at : until;
	}
}

int
ppoll(struct pollfd *fds, nfds_t n, const struct timespec *wait,
    const sigset_t *mask)
{
	struct kernel_time kt;
	bool was = counting;
	int r;

	counting = false;
	if (stage != NULL && n > 0)
		r = poll_in_play(stage, fds, n, wait, mask);
	else {
		if (wait != NULL)
			kt = (struct kernel_time){ (long)wait->tv_sec,
			    wait->tv_nsec };
		r = kernel_ppoll(fds, n, wait != NULL ? &kt : NULL, mask);
	}
	counting = was;
	return (r);
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	struct kernel_time kt = { 0, 0 };
	int r = 0;

	if (stage != NULL && id == CLOCK_MONOTONIC)
		kt = (struct kernel_time){ (long)(stage->now / 1000),
		    (long)(stage->now % 1000 * 1000000) };
	else
		r = (int)syscall(SYS_clock_gettime, id, &kt);
	ts->tv_sec = kt.sec;
	ts->tv_nsec = kt.nsec;
	return (r);
}

/* --- a play from beginning to end --- */

static void
on_signal(int number)
{
	(void)number;
	leave = 1;
}

/* Two pipes, a wire, everybody as fast as can be, nothing to say. */
static void
play_new(struct play *s, int buffer)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t blocked;
	int in[2], out[2];

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGHUP, &action, NULL);
	(void)sigemptyset(&no_signals);
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGTERM);
	(void)sigaddset(&blocked, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &blocked, NULL);
	leave = 0;

	memset(s, 0, sizeof(*s));
	if (pump_init(&s->p, &s->e) == -1 ||
	    pipe2(in, O_CLOEXEC) == -1 || pipe2(out, O_CLOEXEC) == -1)
		abort();
	/* not ssh's stdin: the pump must not read it before poll says so */
	(void)fcntl(in[1], F_SETFL, O_NONBLOCK);
	(void)fcntl(out[0], F_SETFL, O_NONBLOCK);
	(void)fcntl(out[1], F_SETFL, O_NONBLOCK);
	s->wire = fake_wire_new(&s->relay, buffer);
	s->relay.up_seed = UP_SEED;
	s->relay.down_seed = DOWN_SEED;
	s->p.in = in[0];
	s->to = in[1];
	s->from = out[0];
	s->p.out = out[1];
	s->p.wire = s->wire;
	s->p.leave = &leave;
	s->p.mask = &no_signals;
	s->writes.bytes = s->reads.bytes = s->takes.bytes = s->gives.bytes =
	    AT_ONCE;
	s->now = 1000 * 1000;
	s->wake = s->now;
}

static void
play_run(struct play *s)
{
	stage = s;
	counting = true;
	s->rc = pump_run(&s->p, &s->e);
	counting = false;
	stage = NULL;
	s->ended = s->now;
}

/* The pump's ends are closed as by its exit; the others take what is left. */
static void
play_end(struct play *s)
{
	wire_free(s->wire);
	s->wire = NULL;
	(void)close(s->p.in);
	(void)close(s->p.out);
	while (s->relay.fd != -1 && !s->relay.ended)
		(void)relay_work(&s->relay, AT_ONCE, 0);
	while (s->from != -1 && !s->from_ended)
		(void)ssh_reads(s, AT_ONCE);
}

static void
play_free(struct play *s)
{
	if (s->to != -1)
		(void)close(s->to);
	if (s->from != -1)
		(void)close(s->from);
	relay_free(&s->relay);
	pump_free(&s->p);
}

/* Runs it, ends it. */
static void
play_it(struct play *s)
{
	const char *misuse;

	play_run(s);
	misuse = s->wire->misuse;
	play_end(s);
	if (misuse != NULL)
		check(0, "wire.h is kept to: %s", misuse);
	if (s->relay.violation != NULL)
		check(0, "RFC 6455 is kept to: %s", s->relay.violation);
	if (s->relay.wrong || s->from_wrong)
		check(0, "bytes are as they were (up %s, down %s)",
		    s->relay.wrong ? "wrong" : "right",
		    s->from_wrong ? "wrong" : "right");
	s->unfair = misuse != NULL || !relay_is_content(&s->relay, false) ||
	    s->from_wrong;
}

/* Clean end: all bytes of both sides, one Close 1000, nothing to complain. */
static bool
went_well(const struct play *s)
{
	return (!s->unfair && s->rc == 0 && s->e.status == 0 &&
	    s->relay.bytes == s->to_total && s->from_done == s->relay.queued &&
	    s->relay.ncloses == 1 && s->relay.close_code == 1000 &&
	    relay_is_content(&s->relay, true));
}

static const char *
summary(const struct play *s)
{
	static char text[600];

	(void)snprintf(text, sizeof(text), "rc %d [%s] %s; up %" PRIu64 "/%"
	    PRIu64 " down %" PRIu64 "/%" PRIu64 " closes %u code %u", s->rc,
	    s->e.id, s->e.cause, s->relay.bytes, s->to_total, s->from_done,
	    s->relay.queued, s->relay.ncloses, s->relay.close_code);
	return (text);
}

/* For scripts: the next step is due then. */
static void
after(struct play *s, int64_t ms)
{
	s->wake = s->now + ms;
}

/* For scripts: this step once more, after a while. */
static void
again(struct play *s)
{
	s->step--;
	after(s, 1);
}

static void
hang_up_reader(struct play *s)
{
	(void)close(s->from);
	s->from = -1;
}

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
	check(s.p.down_bytes == 0 && s.ended - s.mark <= 250, "rule 3: a reader "
	    "that goes away while idle is noticed without a write (%" PRId64
	    " ms)", s.ended - s.mark);
	check(s.polls - s.mark_polls <= 8, "rule 3: ... and not asked again "
	    "and again (%u polls)", s.polls - s.mark_polls);
	check(s.rc == 0 && s.e.status == 0 && s.relay.ncloses == 1 &&
	    s.relay.close_code == 1000, "rule 7: ... with a Close and no "
	    "word: %s", summary(&s));
	play_free(&s);
}

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
	void *volatile p;
	bool works;

	count_allocations();
	counting = true;
	p = malloc(1);
	free(p);
	counting = false;
	works = allocations == 2;
	if (!works)
		check(1, "rule 11: nothing is allocated # SKIP malloc cannot "
		    "be counted here");

	play_new(&s, 8192);
	s.wire->dice = 1;
	s.wire->write_max = 5000;
	s.script = byte_by_byte;
	allocations = 0;
	play_it(&s);
	check(went_well(&s), "rule 11: a long session: %s", summary(&s));
	if (works)
		check(allocations == 0, "rule 11: nothing is allocated or "
		    "freed in it (%u)", allocations);
	play_free(&s);

	play_new(&s, 0);
	s.relay.pongs = false;
	s.script = silence;
	allocations = 0;
	play_it(&s);
	if (works)
		check(s.rc == -1 && allocations == 0, "rule 11: ... nor when "
		    "it ends with an error (%u)", allocations);
	play_free(&s);
}

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
	char path[] = "/tmp/pump_test.XXXXXX", big[5000];
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
	struct kernel_time slice = { 0, 20 * 1000 * 1000 };
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
		(void)kernel_ppoll(fds, 3, &slice, NULL);
		slice = (struct kernel_time){ 0, 20 * 1000 * 1000 };
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
	static const struct {
		const char *name;
		void	(*play)(void);
	} plays[] = {
#define PLAY(f)	{ #f, f }
		PLAY(rule_1), PLAY(rule_1_lost), PLAY(rule_1_killed),
		PLAY(rule_2), PLAY(rule_2_hidden),
		PLAY(rule_3), PLAY(rule_3_idle), PLAY(rule_3_half),
		PLAY(rule_4),
		PLAY(rule_5), PLAY(rule_5_signal), PLAY(rule_5_blocked),
		PLAY(rule_5_busy), PLAY(rule_5_slow),
		PLAY(rule_6), PLAY(rule_6_lost),
		PLAY(rule_7), PLAY(rule_7_blocked), PLAY(rule_7_flood),
		PLAY(rule_7_tiny), PLAY(rule_7_exit),
		PLAY(rule_8), PLAY(rule_8_zero),
		PLAY(rule_9_dead), PLAY(rule_9_life), PLAY(rule_9_sleep),
		PLAY(rule_9_between), PLAY(rule_9_flood), PLAY(rule_9_room),
		PLAY(rule_11),
		PLAY(all_sizes), PLAY(one_frame), PLAY(random_rounds),
		PLAY(close_codes), PLAY(violations), PLAY(outputs),
		PLAY(one_socket), PLAY(in_real_time),
#undef PLAY
	};
	const char *mode = getenv("MODE");
	size_t i;

	quick = mode != NULL && strcmp(mode, "valgrind") == 0;
	for (i = 0; i < sizeof(plays) / sizeof(plays[0]); i++)
		perform(plays[i].name, plays[i].play);
	return (done_testing());
}
