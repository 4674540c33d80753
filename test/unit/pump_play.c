/*
 * Plays, see pump_play.h.
 */
#undef _FORTIFY_SOURCE	/* ppoll and others are defined here */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "relay/wire.h"
#include "test/unit/pump_play.h"
#include "test/unit/tap.h"

#define SPIN_POLLS	1000	/* polls in which nothing moved */
#define PLAY_MS		(24 * 3600 * 1000LL)	/* no play is longer */
#define NEVER		INT64_MAX

bool quick;

static struct play *stage;	/* NULL: real time */
static int report = -1;		/* from a play's process to the first one */
static volatile sig_atomic_t leave;
static sigset_t no_signals;

/* --- telling --- */

int
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
perform_one(const char *name, void (*play)(void))
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

int
perform(const struct playbill *plays)
{
	const char *mode = getenv("MODE");

	quick = mode != NULL && strcmp(mode, "valgrind") == 0;
	for (; plays->name != NULL; plays++)
		perform_one(plays->name, plays->play);
	return (done_testing());
}

/* --- memory --- */

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
hook_allocations(void)
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
hook_allocations(void)
{
}
#endif

bool
can_count_memory(void)
{
	void *volatile p;

	hook_allocations();
	allocations = 0;
	counting = true;
	p = malloc(1);
	free(p);
	counting = false;
	return (allocations == 2);
}

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

size_t
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

size_t
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

void
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
	allocations = 0;
	counting = true;
	s->rc = pump_run(&s->p, &s->e);
	counting = false;
	s->allocations = allocations;
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

void
play_free(struct play *s)
{
	if (s->to != -1)
		(void)close(s->to);
	if (s->from != -1)
		(void)close(s->from);
	relay_free(&s->relay);
	pump_free(&s->p);
}

void
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

bool
went_well(const struct play *s)
{
	return (!s->unfair && s->rc == 0 && s->e.status == 0 &&
	    s->relay.bytes == s->to_total && s->from_done == s->relay.queued &&
	    s->relay.ncloses == 1 && s->relay.close_code == 1000 &&
	    relay_is_content(&s->relay, true));
}

const char *
summary(const struct play *s)
{
	static char text[600];

	(void)snprintf(text, sizeof(text), "rc %d [%s] %s; up %" PRIu64 "/%"
	    PRIu64 " down %" PRIu64 "/%" PRIu64 " closes %u code %u", s->rc,
	    s->e.id, s->e.cause, s->relay.bytes, s->to_total, s->from_done,
	    s->relay.queued, s->relay.ncloses, s->relay.close_code);
	return (text);
}

void
after(struct play *s, int64_t ms)
{
	s->wake = s->now + ms;
}

void
again(struct play *s)
{
	s->step--;
	after(s, 1);
}

void
hang_up_reader(struct play *s)
{
	(void)close(s->from);
	s->from = -1;
}
