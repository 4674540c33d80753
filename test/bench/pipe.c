/*
 * The near end of the benchmark, in the place of ssh: pipes that give and take
 * as fast as they can, the same for all programs that are measured.
 *
 *	pipe fill BYTES [BLOCK [PID]]	writes so many to stdout, BLOCK at a time
 *	pipe drain [PID]	reads stdin to its end
 *	pipe both BYTES		both at once, until as many came
 *	pipe keys TIMES		writes a byte, waits for one; so many times
 *	pipe start COMMAND ...	runs it until its first byte, or its end
 *
 * On stderr they say "BYTES SECONDS", from the first byte on, and for each of
 * MARKS that was passed the CPU seconds that process PID had taken until then.
 * keys: "P50 P99" in microseconds; start: "BEGAN BYTE", seconds of the monotonic
 * clock.
 */
#include <sys/wait.h>
#include <err.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLOCK	(64 * 1024)
#define WARM	50		/* keys that do not count */

static char block[1024 * 1024];

/* From the first on a session is in its stride: then 1, 10, ... MB more. */
static const uint64_t MARKS[] = { 1000000, 2000000, 11000000, 101000000,
    1001000000, 10001000000 };
#define NMARKS	(sizeof(MARKS) / sizeof(MARKS[0]))

static double
clock_of(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) == -1)
		return (0);		/* it has ended */
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

static double
now(void)
{
	return (clock_of(CLOCK_MONOTONIC));
}

struct tally {
	pid_t	 pid;			/* 0: no marks */
	uint64_t bytes;
	double	 began;
	double	 cpu[NMARKS];
	size_t	 nmarks;
};

static void
tally(struct tally *t, size_t n)
{
	clockid_t id;

	if (t->bytes == 0)
		t->began = now();
	t->bytes += n;
	if (t->pid != 0 && t->nmarks < NMARKS && t->bytes >= MARKS[t->nmarks])
		t->cpu[t->nmarks++] = clock_getcpuclockid(t->pid, &id) == 0 ?
		    clock_of(id) : 0;
}

static void
tell(const struct tally *t)
{
	size_t i;

	(void)fprintf(stderr, "%llu %.6f", (unsigned long long)t->bytes,
	    t->bytes == 0 ? 0 : now() - t->began);
	for (i = 0; i < t->nmarks; i++)
		(void)fprintf(stderr, " %.9f", t->cpu[i]);
	(void)fputc('\n', stderr);
}

static void
fill(uint64_t bytes, size_t size, pid_t pid)
{
	struct tally t = { .pid = pid };
	ssize_t n;

	while (bytes > 0) {
		n = write(STDOUT_FILENO, block, bytes < size ? bytes : size);
		if (n == -1)
			err(1, "write");
		bytes -= (uint64_t)n;
		tally(&t, (size_t)n);
	}
	tell(&t);
}

/* Until the end, or until as many came. */
static void
drain(uint64_t most, pid_t pid)
{
	struct tally t = { .pid = pid };
	ssize_t n = 0;

	while (t.bytes < most && (n = read(STDIN_FILENO, block, BLOCK)) > 0)
		tally(&t, (size_t)n);
	if (n == -1)
		err(1, "read");
	tell(&t);
}

/* stdout stays open until all came: its end is the end of the session. */
static void
both(uint64_t bytes)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)close(STDERR_FILENO);
		fill(bytes, BLOCK, 0);
		_exit(0);
	}
	drain(bytes, 0);
	(void)waitpid(pid, NULL, 0);
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return ((x > y) - (x < y));
}

static void
keys(size_t times)
{
	double *took = calloc(times + 1, sizeof(*took)), began;
	size_t i;
	char c = 'k';

	for (i = 0; i < WARM + times; i++) {
		began = now();
		if (write(STDOUT_FILENO, &c, 1) != 1 ||
		    read(STDIN_FILENO, &c, 1) != 1)
			errx(1, "no answer");
		if (i >= WARM)
			took[i - WARM] = now() - began;
	}
	qsort(took, times, sizeof(*took), by_size);
	(void)fprintf(stderr, "%.2f %.2f\n", took[times / 2] * 1e6,
	    took[times * 99 / 100] * 1e6);
	free(took);
}

static void
start(char **argv)
{
	int in[2], out[2];
	volatile double began = 0;
	pid_t pid;
	char c;

	if (pipe(in) == -1 || pipe(out) == -1)
		err(1, "pipe");
	if ((pid = vfork()) == 0) {
		(void)dup2(in[0], STDIN_FILENO);
		(void)dup2(out[1], STDOUT_FILENO);
		(void)close(in[0]);
		(void)close(in[1]);
		(void)close(out[0]);
		(void)close(out[1]);
		began = now();		/* our memory too, until exec */
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	(void)close(out[1]);
	(void)!read(out[0], &c, 1);
	(void)fprintf(stderr, "%.6f %.6f\n", began, now());
	(void)close(in[1]);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	size_t size = argc > 3 ? strtoul(argv[3], NULL, 10) : BLOCK;

	if (strcmp(what, "fill") == 0 && size - 1 < sizeof(block))
		fill(n, size, argc > 4 ? atoi(argv[4]) : 0);
	else if (strcmp(what, "drain") == 0)
		drain(UINT64_MAX, (pid_t)n);
	else if (strcmp(what, "both") == 0)
		both(n);
	else if (strcmp(what, "keys") == 0)
		keys(n);
	else if (strcmp(what, "start") == 0 && argc > 2)
		start(argv + 2);
	else
		errx(64, "usage: pipe fill BYTES [BLOCK [PID]] | drain [PID] | "
		    "both BYTES | keys TIMES | start COMMAND ...");
	return (0);
}
