/*
 * The near end of the benchmark, in the place of ssh: pipes that give and take
 * as fast as they can, the same for all programs that are measured.
 *
 *	pipe fill BYTES		writes so many to stdout
 *	pipe drain		reads stdin to its end, then prints to stderr
 *				"BYTES SECONDS", from the first byte on
 */
#include <err.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLOCK	(64 * 1024)

static double
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

static void
fill(uint64_t bytes)
{
	static char block[BLOCK];
	ssize_t n;

	while (bytes > 0) {
		n = write(STDOUT_FILENO, block, bytes < BLOCK ? bytes : BLOCK);
		if (n == -1)
			err(1, "write");
		bytes -= (uint64_t)n;
	}
}

static void
drain(void)
{
	static char block[BLOCK];
	uint64_t bytes = 0;
	double began = 0;
	ssize_t n;

	while ((n = read(STDIN_FILENO, block, sizeof(block))) > 0) {
		if (began == 0)
			began = now();
		bytes += (uint64_t)n;
	}
	if (n == -1)
		err(1, "read");
	(void)fprintf(stderr, "%llu %.6f\n", (unsigned long long)bytes,
	    began == 0 ? 0 : now() - began);
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "fill") == 0)
		fill(strtoull(argv[2], NULL, 10));
	else if (argc == 2 && strcmp(argv[1], "drain") == 0)
		drain();
	else
		errx(64, "usage: pipe fill BYTES | drain");
	return (0);
}
