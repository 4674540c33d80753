/*
 * ssh's side, see sshio.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proxy/sshio.h"
#include "relay/clock.h"
#include "relay/err.h"

#define FAREWELL_MS	2000	/* ssh leaves at once when it has read it */
/*
 * As much as a ring holds: fewer, larger reads and writes.  Not more: when a
 * user's pipes pass 64 MiB Linux gives each new one, of any program, two pages.
 */
#define PIPE_BYTES	(256 * 1024)

volatile sig_atomic_t sshio_leave;

static void
on_signal(int number)
{
	(void)number;
	sshio_leave = 1;
}

static void
catch_signals(struct sshio *s)
{
	static const int signals[] = { SIGHUP, SIGTERM, SIGINT, SIGQUIT };
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t ours;
	size_t i;

	(void)sigemptyset(&ours);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		(void)sigaddset(&ours, signals[i]);
		(void)sigaction(signals[i], &action, NULL);
	}
	(void)sigprocmask(SIG_BLOCK, &ours, &s->mask);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigdelset(&s->mask, signals[i]);
}

static void
enlarge_pipe(int fd)
{
#ifdef F_SETPIPE_SZ
	(void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);	/* else it is no pipe */
#else
	(void)fd;
#endif
}

/*
 * A non-blocking descriptor for what stdout is open on, above the standard
 * three.  *flags: as in struct sshio.  Returns it, or -1 with errno.
 */
static int
take_stdout(int *flags)
{
	struct stat st;
	int fd = -1;

	*flags = -1;
	enlarge_pipe(STDOUT_FILENO);
	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode))
		fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1) {
		if ((fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)) == -1 ||
		    (*flags = fcntl(fd, F_GETFL)) == -1)
			return (-1);
		(void)fcntl(fd, F_SETFL, *flags | O_NONBLOCK);
	}
	return (fd);
}

/*
 * stdin is left as it is: we read it when poll says so.  Opened anew, a pipe
 * whose writer has left already would never report its end.
 */
static int
take_stdin(void)
{
	enlarge_pipe(STDIN_FILENO);
	return (fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
}

int
sshio_open(struct sshio *s, struct err *e)
{
	int null, out_open = fcntl(STDOUT_FILENO, F_GETFD) != -1;

	*s = (struct sshio){ .in = -1, .out = -1, .out_flags = -1,
	    .mask = s->mask };
	if (fcntl(STDIN_FILENO, F_GETFD) == -1 || !out_open) {
		err_set(e, EX_USAGE, "", "%s is closed", out_open ? "stdin" :
		    "stdout");
		return (err_fix(e, "let ssh start this program, by ProxyCommand "
		    "in its configuration"));
	}
	if (isatty(STDOUT_FILENO)) {
		err_set(e, EX_USAGE, "", "stdout is a terminal, and SSH is not "
		    "for reading");
		return (err_fix(e, "let ssh start this program, by ProxyCommand "
		    "in its configuration"));
	}
	null = open("/dev/null", O_RDWR);	/* becomes stderr if that is closed */
	if ((s->in = take_stdin()) == -1 ||
	    (s->out = take_stdout(&s->out_flags)) == -1)
		return (err_sys(e, EX_OSERR, "", "cannot take over %s",
		    s->in == -1 ? "stdin" : "stdout"));
	if (null != -1)
		(void)dup2(null, STDIN_FILENO);
	if (null > STDERR_FILENO)
		(void)close(null);
	(void)dup2(STDERR_FILENO, STDOUT_FILENO);
	catch_signals(s);
	return (0);
}

void
sshio_none(struct sshio *s)
{
	*s = (struct sshio){ .in = -1, .out = STDOUT_FILENO, .out_flags = -1 };
	catch_signals(s);
}

void
sshio_close(struct sshio *s)
{
	if (s->out_flags != -1)
		(void)fcntl(s->out, F_SETFL, s->out_flags);
	s->out_flags = -1;
}

static int
has_unread_bytes(int fd)
{
	int n = 0;

	return (ioctl(fd, FIONREAD, &n) == -1 || n > 0);
}

enum sshio_event
sshio_wait(struct sshio *s, struct pollfd *other, int64_t wait_ms)
{
	struct timespec ts = { wait_ms / 1000, wait_ms % 1000 * 1000000 };
	struct pollfd fd[3] = {
		{ s->out, 0, 0 }, { s->in, 0, 0 }, *other
	};
	int n;

	/* a stdin that was closed with bytes in it says so again and again */
	(void)poll(&fd[1], 1, 0);
	if (fd[1].revents & POLLHUP) {
		if (!has_unread_bytes(s->in))
			return (SSHIO_LEFT);
		fd[1].fd = -1;
	}
	n = ppoll(fd, 3, &ts, &s->mask);
	if (sshio_leave || (n > 0 && fd[0].revents != 0))
		return (SSHIO_LEFT);
	other->revents = n > 0 ? fd[2].revents : 0;
	if (n > 0 && fd[1].revents != 0 && !has_unread_bytes(s->in))
		return (SSHIO_LEFT);
	return (n == 0 ? SSHIO_TIMEOUT : SSHIO_READY);
}

int
sshio_farewell(struct sshio *s, const uint8_t *bytes, size_t len)
{
	struct pollfd fd[2] = { { s->in, POLLIN, 0 }, { s->out, 0, 0 } };
	int64_t end_ms = clock_ms() + FAREWELL_MS, left_ms;
	struct timespec ts;
	char heap[4096];

	if (write(s->out, bytes, len) != (ssize_t)len)
		return (0);
	while (!sshio_leave && (left_ms = end_ms - clock_ms()) > 0) {
		ts = (struct timespec){ left_ms / 1000,
		    left_ms % 1000 * 1000000 };
		if (ppoll(fd, 2, &ts, &s->mask) <= 0 || fd[1].revents != 0 ||
		    read(s->in, heap, sizeof(heap)) <= 0)
			break;
	}
	return (1);
}
