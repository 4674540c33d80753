/*
 * ssh's side: what descriptors 0 and 1 may be, what becomes of them, and how
 * ssh's going away is noticed.  Rule 10 of the pump.
 *
 * Each case has a process of its own, with descriptors 0, 1 and 2 as the case
 * wants them, and a watchdog.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proxy/sshio.h"
#include "relay/err.h"
#include "test/unit/tap.h"

#define WATCHDOG_S	120	/* against a hang */
#define LONG_MS		(60 * 1000)	/* is not waited for */
#define REPORT_FD	200	/* out of the way of what is tested */

static struct sshio s;
static struct err e;
static struct pollfd nobody = { .fd = -1 };

static int __attribute__((format(printf, 2, 3)))
check(int good, const char *fmt, ...)
{
	char line[500];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line + 1, sizeof(line) - 2, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 3)
		n = (int)sizeof(line) - 3;
	line[0] = good ? '+' : '-';
	line[n + 1] = '\n';
	if (write(REPORT_FD, line, (size_t)n + 2) != n + 2)
		abort();
	return (good);
}

/* Runs it in a process of its own and passes on what it had to tell. */
static void
perform(const char *name, void (*test)(void))
{
	char line[520];
	int fd[2], status;
	unsigned told = 0;
	FILE *f;
	pid_t pid;

	if (pipe(fd) == -1 || (pid = fork()) == -1)
		abort();
	if (pid == 0) {
		if (dup2(fd[1], REPORT_FD) == -1 ||
		    fcntl(REPORT_FD, F_SETFD, FD_CLOEXEC) == -1)
			abort();
		(void)close(fd[0]);
		(void)close(fd[1]);
		(void)signal(SIGPIPE, SIG_IGN);
		(void)alarm(WATCHDOG_S);
		s = (struct sshio){ .in = -1, .out = -1 };
		test();
		_exit(0);
	}
	(void)close(fd[1]);
	if ((f = fdopen(fd[0], "r")) == NULL)
		abort();
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
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

/* --- pieces --- */

/* Our end of what we make: above everything that is tested. */
static int
high(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, REPORT_FD + 1);

	if (moved == -1)
		abort();
	(void)close(fd);
	return (moved);
}

/* Descriptor std is now the one end of a pipe.  Returns the other. */
static int
pipe_at(int std)
{
	int fd[2], mine;

	if (pipe(fd) == -1)
		abort();
	fd[0] = high(fd[0]);
	fd[1] = high(fd[1]);
	mine = std == STDIN_FILENO ? 1 : 0;
	if (dup2(fd[!mine], std) == -1)
		abort();
	(void)close(fd[!mine]);
	return (fd[mine]);
}

static int
flags_of(int fd)
{
	return (fcntl(fd, F_GETFL));
}

static bool
is_private(int fd)
{
	return (fd > STDERR_FILENO && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
}

static bool
is_taken(const struct sshio *io)
{
	return (is_private(io->in) && is_private(io->out) &&
	    io->in != io->out && (flags_of(io->out) & O_NONBLOCK));
}

static bool
has_news(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return (poll(&p, 1, 0) == 1);
}

static bool
same_file(int a, int b)
{
	struct stat sa, sb;

	return (fstat(a, &sa) == 0 && fstat(b, &sb) == 0 &&
	    sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino &&
	    sa.st_rdev == sb.st_rdev);
}

static bool
is_null(int fd)
{
	struct stat sa, sb;

	return (fstat(fd, &sa) == 0 && stat("/dev/null", &sb) == 0 &&
	    sa.st_rdev == sb.st_rdev && S_ISCHR(sa.st_mode));
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

/* A pty's other end becomes std.  Returns the master, or -1. */
static int
pty_at(int std)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;

	if (master == -1 || grantpt(master) == -1 || unlockpt(master) == -1 ||
	    (slave = open(ptsname(master), O_RDWR | O_NOCTTY)) == -1)
		return (-1);
	master = high(master);
	if (slave != std) {
		(void)dup2(slave, std);
		(void)close(slave);
	}
	return (master);
}

/* --- what is there --- */

static void
shared_pipes(void)
{
	int to = pipe_at(STDIN_FILENO), from = pipe_at(STDOUT_FILENO);
	int in = high(dup(STDIN_FILENO)), out = high(dup(STDOUT_FILENO));
	char c = 0;

	/* in and out are what a second process has that shares them */
	check(write(to, "x", 1) == 1 && sshio_open(&s, &e) == 0 &&
	    is_taken(&s), "rule 10: pipes: private, close-on-exec, stdout "
	    "non-blocking");
	check(!(flags_of(in) & O_NONBLOCK) && !(flags_of(out) & O_NONBLOCK),
	    "rule 10: another process that shares them sees no O_NONBLOCK");
	check(read(s.in, &c, 1) == 1 && c == 'x', "bytes that had come before "
	    "are still there");
	check(!has_news(s.in), "... and no more than that");
	check(write(s.out, "y", 1) == 1 && read(from, &c, 1) == 1 && c == 'y',
	    "what is written arrives");
	check(is_null(STDIN_FILENO), "descriptor 0 is /dev/null now");
	check(same_file(STDOUT_FILENO, STDERR_FILENO) &&
	    !same_file(STDOUT_FILENO, from), "descriptor 1 is stderr now");
	sshio_close(&s);
	check(!(flags_of(in) & O_NONBLOCK) && !(flags_of(out) & O_NONBLOCK),
	    "rule 10: ... and none after sshio_close");
}

static void
careless_printf(void)
{
	int from, err;
	char text[20] = "";

	(void)pipe_at(STDIN_FILENO);
	from = pipe_at(STDOUT_FILENO);
	err = pipe_at(STDERR_FILENO);
	(void)fcntl(from, F_SETFL, O_NONBLOCK);
	check(sshio_open(&s, &e) == 0 && write(STDOUT_FILENO, "oops", 4) == 4 &&
	    read(err, text, sizeof(text)) == 4 && strcmp(text, "oops") == 0,
	    "a careless printf comes out on stderr");
	check(read(from, text, 1) == -1 && errno == EAGAIN, "... and not in "
	    "ssh's stream");
}

/* Takes in whatever descriptor 0 is; c: the byte to be read, or 0 for none. */
static void
stdin_is(const char *name, char c)
{
	int before = flags_of(STDIN_FILENO), mine = high(dup(STDIN_FILENO));
	char got = 0;

	(void)pipe_at(STDOUT_FILENO);
	if (!check(sshio_open(&s, &e) == 0 && is_taken(&s), "stdin is %s: "
	    "taken over", name))
		return;
	check(flags_of(mine) == before, "rule 10: stdin is %s: its flags are "
	    "left alone", name);
	check(has_news(s.in) && (c != 0 ? read(s.in, &got, 1) == 1 && got == c :
	    read(s.in, &got, 1) == 0), "stdin is %s: %s", name, c != 0 ?
	    "its bytes are read" : "its end is read");
	sshio_close(&s);
	check(flags_of(mine) == before, "rule 10: ... also in the end");
	(void)close(mine);
}

static void
stdin_file(void)
{
	FILE *f = tmpfile();

	if (f == NULL || fputs("abc", f) == EOF || fflush(f) != 0)
		abort();
	rewind(f);
	(void)dup2(fileno(f), STDIN_FILENO);
	(void)lseek(STDIN_FILENO, 1, SEEK_SET);
	stdin_is("a file, from where it stands", 'b');
	(void)fclose(f);
}

static char *
make_fifo(char *path, size_t size)
{
	const char *dir = getenv("TMPDIR");

	(void)snprintf(path, size, "%s/sshio_test.XXXXXX",
	    dir != NULL ? dir : "/tmp");
	if (mkdtemp(path) == NULL)
		abort();
	(void)strncat(path, "/f", size - strlen(path) - 1);
	if (mkfifo(path, 0600) == -1)
		abort();
	return (path);
}

static void
remove_fifo(char *path)
{
	(void)unlink(path);
	*strrchr(path, '/') = '\0';
	(void)rmdir(path);
}

static void
stdin_fifo(void)
{
	char path[4096];
	int fd, to;

	make_fifo(path, sizeof(path));
	if ((fd = open(path, O_RDONLY | O_NONBLOCK)) == -1 ||
	    (to = open(path, O_WRONLY)) == -1)
		abort();
	(void)high(to);
	(void)fcntl(fd, F_SETFL, flags_of(fd) & ~O_NONBLOCK);
	(void)dup2(fd, STDIN_FILENO);
	(void)close(fd);
	if (write(REPORT_FD + 1, "q", 1) != 1)
		abort();
	stdin_is("a FIFO", 'q');
	remove_fifo(path);
}

/*
 * A FIFO that is opened when its writers have left tells poll nothing of that,
 * for ever.
 */
static void
stdin_fifo_left(void)
{
	char path[4096], c;
	int fd, to;

	make_fifo(path, sizeof(path));
	if ((fd = open(path, O_RDONLY | O_NONBLOCK)) == -1 ||
	    (to = open(path, O_WRONLY)) == -1)
		abort();
	(void)dup2(fd, STDIN_FILENO);
	(void)close(fd);
	(void)pipe_at(STDOUT_FILENO);
	if (write(to, "x", 1) != 1 || close(to) == -1)
		abort();
	check(sshio_open(&s, &e) == 0 && read(s.in, &c, 1) == 1, "a FIFO whose "
	    "writer has left: its bytes are read");
	check(has_news(s.in) && read(s.in, &c, 1) == 0, "... and poll tells "
	    "its end");
	check(sshio_wait(&s, &nobody, 0) == SSHIO_LEFT, "... and so does "
	    "sshio_wait");
	remove_fifo(path);
}

static void
stdin_socket(void)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == -1)
		abort();
	fd[1] = high(fd[1]);
	(void)dup2(fd[0], STDIN_FILENO);
	if (write(fd[1], "s", 1) != 1)
		abort();
	stdin_is("a socket", 's');
}

/* One open file for both: its flags are saved twice. */
static void
one_socket(void)
{
	int fd[2], mine;
	char c = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == -1)
		abort();
	fd[1] = high(fd[1]);
	mine = high(fd[0]);
	(void)dup2(mine, STDIN_FILENO);
	(void)dup2(mine, STDOUT_FILENO);
	check(sshio_open(&s, &e) == 0 && is_taken(&s), "stdin and stdout are "
	    "one socket: taken over");
	check(write(s.out, "z", 1) == 1 && read(fd[1], &c, 1) == 1 && c == 'z',
	    "... and work");
	sshio_close(&s);
	check(!(flags_of(mine) & O_NONBLOCK), "rule 10: ... and its flags are "
	    "as they were");
	sshio_close(&s);
	check(!(flags_of(mine) & O_NONBLOCK), "... closed twice too");
}

static void
stdin_null(void)
{
	int fd = open("/dev/null", O_RDONLY);

	(void)dup2(fd, STDIN_FILENO);
	stdin_is("/dev/null", 0);
}

static void
stdin_pty(void)
{
	int master = pty_at(STDIN_FILENO);

	if (master == -1) {
		check(1, "stdin is a terminal: taken over # SKIP no pty here");
		return;
	}
	if (write(master, "t\n", 2) != 2)
		abort();
	stdin_is("a terminal", 't');
}

/* O_NONBLOCK that was there before is nothing that we should take away. */
static void
nonblocking_before(void)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == -1)
		abort();
	fd[1] = high(fd[1]);
	(void)dup2(fd[0], STDIN_FILENO);
	if (write(fd[1], "n", 1) != 1)
		abort();
	stdin_is("non-blocking already", 'n');
}

static void
stdout_terminal(void)
{
	(void)pipe_at(STDIN_FILENO);
	if (pty_at(STDOUT_FILENO) == -1) {
		check(1, "stdout is a terminal: refused # SKIP no pty here");
		return;
	}
	check(sshio_open(&s, &e) == -1 && e.status == EX_USAGE &&
	    strstr(e.cause, "terminal") != NULL && e.fix[0] != '\0' &&
	    s.in == -1 && s.out == -1, "stdout is a terminal: refused (%s)",
	    e.cause);
}

/* --- closed ones --- */

static unsigned closed;		/* bit n: descriptor n */
static bool with_socket;	/* stdin is one, not a pipe */

static void
some_closed(void)
{
	int from = -1, fd[2] = { -1, -1 }, i;
	bool usage = closed & 3;
	char c = 0;

	(void)pipe_at(STDERR_FILENO);
	if (with_socket) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == -1)
			abort();
		(void)high(fd[1]);
		fd[0] = high(fd[0]);
		(void)dup2(fd[0], STDIN_FILENO);
	} else
		(void)pipe_at(STDIN_FILENO);
	from = pipe_at(STDOUT_FILENO);
	(void)fcntl(from, F_SETFL, O_NONBLOCK);
	/* nothing else may be free below: as after a plain exec */
	for (i = 0; i < 3; i++)
		if (closed & (1U << i))
			(void)close(i);
	i = sshio_open(&s, &e);
	if (usage) {
		check(i == -1 && e.status == EX_USAGE && strstr(e.cause,
		    closed & 2 ? "stdout is closed" : "stdin is closed") !=
		    NULL && e.fix[0] != '\0', "closed:%s%s%s: %s",
		    closed & 1 ? " 0" : "", closed & 2 ? " 1" : "",
		    closed & 4 ? " 2" : "", e.cause);
		return;
	}
	check(i == 0 && is_taken(&s), "closed:%s%s: taken over, above the "
	    "standard three (%d, %d)", closed & 4 ? " 2" : " none",
	    with_socket ? " (a socket)" : "", s.in, s.out);
	(void)!write(STDERR_FILENO, "oops", 4);
	(void)!write(STDOUT_FILENO, "oops", 4);
	check(read(from, &c, 1) == -1 && errno == EAGAIN, "... and no message "
	    "of ours gets into ssh's stream");
	check((closed & 4) == 0 || is_null(STDERR_FILENO), "... stderr is "
	    "/dev/null then");
}

/* --- signals --- */

static void
one_signal(int number, const char *name)
{
	sigset_t pending;

	(void)pipe_at(STDIN_FILENO);
	(void)pipe_at(STDOUT_FILENO);
	check(sshio_open(&s, &e) == 0 && !sshio_leave, "%s: not yet", name);
	(void)raise(number);
	check(!sshio_leave && sigpending(&pending) == 0 &&
	    sigismember(&pending, number), "%s: waits until we wait", name);
	check(sshio_wait(&s, &nobody, LONG_MS) == SSHIO_LEFT && sshio_leave,
	    "%s: sets the flag and ends sshio_wait", name);
}

static void
on_hup(void)
{
	one_signal(SIGHUP, "SIGHUP");
}

static void
on_term(void)
{
	one_signal(SIGTERM, "SIGTERM");
}

static void
on_int(void)
{
	one_signal(SIGINT, "SIGINT");
}

static void
on_quit(void)
{
	one_signal(SIGQUIT, "SIGQUIT");
}

/* The whole way: another process sends it while we sleep. */
static void
in_its_sleep(void)
{
	pid_t parent = getpid(), pid;
	char state = '?', line[512];
	FILE *f;

	(void)pipe_at(STDIN_FILENO);
	(void)pipe_at(STDOUT_FILENO);
	(void)sshio_open(&s, &e);
	if ((pid = fork()) == 0) {
		/* when it sleeps: "pid (name) S ..." */
		(void)snprintf(line, sizeof(line), "/proc/%d/stat",
		    (int)parent);
		while (state != 'S' && (f = fopen(line, "r")) != NULL) {
			char text[512];

			if (fgets(text, sizeof(text), f) != NULL &&
			    strrchr(text, ')') != NULL)
				state = strrchr(text, ')')[2];
			(void)fclose(f);
		}
		(void)kill(parent, SIGHUP);
		_exit(0);
	}
	check(sshio_wait(&s, &nobody, LONG_MS) == SSHIO_LEFT && sshio_leave,
	    "SIGHUP of another process ends a sleeping sshio_wait");
	(void)waitpid(pid, NULL, 0);
}

/* --- sshio_wait --- */

static void
waiting(void)
{
	int to = pipe_at(STDIN_FILENO), from = pipe_at(STDOUT_FILENO);
	struct pollfd other = { -1, POLLIN, 0 };
	int64_t began;
	int fd[2];

	if (sshio_open(&s, &e) == -1 || pipe(fd) == -1)
		abort();
	other.fd = fd[0];
	began = now_ms();
	check(sshio_wait(&s, &other, 30) == SSHIO_TIMEOUT &&
	    now_ms() - began >= 29, "wait: nothing happens: the time passes");
	check(other.revents == 0, "... and nothing is said of the other");
	check(sshio_wait(&s, &other, 0) == SSHIO_TIMEOUT, "wait: no time");
	if (write(fd[1], "x", 1) != 1 || write(to, "hello", 5) != 5)
		abort();
	check(sshio_wait(&s, &other, LONG_MS) == SSHIO_READY &&
	    (other.revents & POLLIN), "wait: the other has something to say");
	other.events = 0;
	other.revents = 77;
	check(sshio_wait(&s, &other, 0) == SSHIO_TIMEOUT && other.revents == 0,
	    "wait: what stdin has to say is not asked for");

	/* the writer goes while bytes are in the pipe */
	(void)close(to);
	began = now_ms();
	check(sshio_wait(&s, &other, 30) == SSHIO_TIMEOUT &&
	    now_ms() - began >= 29, "wait: a closed stdin with bytes in it is "
	    "not \"left\", and no reason to wake up");
	other.events = POLLIN;
	check(sshio_wait(&s, &other, LONG_MS) == SSHIO_READY &&
	    (other.revents & POLLIN), "... the other is still heard");
	other.events = 0;
	(void)close(from);
	check(sshio_wait(&s, &other, LONG_MS) == SSHIO_LEFT, "... and a reader "
	    "that goes away is noticed");
}

static void
emptied(void)
{
	int to = pipe_at(STDIN_FILENO);

	(void)pipe_at(STDOUT_FILENO);
	if (sshio_open(&s, &e) == -1)
		abort();
	(void)close(to);
	check(sshio_wait(&s, &nobody, LONG_MS) == SSHIO_LEFT, "wait: a closed "
	    "stdin with nothing in it is \"left\"");
}

/* Goes while we wait, with bytes or without. */
static void
goes_meanwhile(void)
{
	static const char *const bytes[] = { "", "x" };
	enum sshio_event event;
	int64_t began;
	size_t i;

	for (i = 0; i < 2; i++) {
		int to = pipe_at(STDIN_FILENO), from = pipe_at(STDOUT_FILENO);
		pid_t pid;

		if (sshio_open(&s, &e) == -1 || (pid = fork()) == -1)
			abort();
		if (pid == 0) {
			(void)!write(to, bytes[i], strlen(bytes[i]));
			_exit(0);	/* and its end of the pipe with it */
		}
		(void)close(to);
		event = sshio_wait(&s, &nobody, LONG_MS * (i == 0));
		if (i == 0)
			check(event == SSHIO_LEFT, "wait: stdin closed "
			    "meanwhile, empty");
		(void)waitpid(pid, NULL, 0);
		if (i == 1) {
			began = now_ms();
			event = sshio_wait(&s, &nobody, 30);
			check(event == SSHIO_TIMEOUT && now_ms() - began >= 29,
			    "wait: stdin closed meanwhile, with a byte in it: "
			    "no end and no busy loop");
		}
		sshio_close(&s);
		(void)close(s.in);
		(void)close(s.out);
		(void)close(from);
	}
}

static void
no_sign_of_leaving(void)
{
	int fd = open("/dev/null", O_RDONLY);

	(void)dup2(fd, STDIN_FILENO);
	(void)pipe_at(STDOUT_FILENO);
	check(sshio_open(&s, &e) == 0 &&
	    sshio_wait(&s, &nobody, 10) == SSHIO_TIMEOUT, "wait: /dev/null as "
	    "stdin is not \"left\"");
}

/* Who never stops writing is not listened to for ever. */
static void
farewell(void)
{
	int fd[2];

	if (pipe(fd) == -1 || (s.in = open("/dev/zero", O_RDONLY)) == -1)
		abort();
	s.out = fd[1];
	check(sshio_farewell(&s, (const uint8_t *)"bye", 3) == 1,
	    "a farewell to somebody who goes on and on");
}

int
main(void)
{
#define RUN(f)	perform(#f, f)
	RUN(shared_pipes);
	RUN(careless_printf);
	RUN(stdin_file);
	RUN(stdin_fifo);
	RUN(stdin_fifo_left);
	RUN(stdin_socket);
	RUN(one_socket);
	RUN(stdin_null);
	RUN(stdin_pty);
	RUN(nonblocking_before);
	RUN(stdout_terminal);
	for (closed = 0; closed < 8; closed++)
		RUN(some_closed);
	with_socket = true;
	closed = 4;
	RUN(some_closed);
	RUN(on_hup);
	RUN(on_term);
	RUN(on_int);
	RUN(on_quit);
	RUN(in_its_sleep);
	RUN(waiting);
	RUN(emptied);
	RUN(goes_meanwhile);
	RUN(no_sign_of_leaving);
	RUN(farewell);
#undef RUN
	return (done_testing());
}
