/*
 * The clock for waiting: it never jumps, and its zero means nothing.
 */
#ifndef RELAY_CLOCK_H
#define RELAY_CLOCK_H

#include <stdint.h>

/* Milliseconds of the monotonic clock. */
int64_t	 clock_ms(void);

#endif
