/*
 * Test Anything Protocol for tests in C: ok() for each thing that must hold,
 * done_testing() as the value of main.
 */
#ifndef TEST_TAP_H
#define TEST_TAP_H

#include <stdarg.h>
#include <stdio.h>

static int tap_run, tap_failed;

static inline int __attribute__((format(printf, 4, 5)))
tap_ok(int good, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	(void)printf("%sok %d - ", good ? "" : "not ", ++tap_run);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
	if (!good) {
		tap_failed++;
		(void)printf("# %s:%d\n", file, line);
	}
	(void)fflush(stdout);
	return (good);
}

#define ok(good, ...)	tap_ok((good) ? 1 : 0, __FILE__, __LINE__, __VA_ARGS__)

static inline int
done_testing(void)
{
	(void)printf("1..%d\n", tap_run);
	return (tap_failed != 0);
}

#endif
