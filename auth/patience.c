/*
 * How long there is, see patience.h.
 */
#include "auth/patience.h"
#include "relay/clock.h"

static int64_t end_ms = INT64_MAX;

void
patience_set(int64_t ms)
{
	end_ms = clock_ms() + ms;
}

int64_t
patience_ms(int64_t most_ms)
{
	int64_t left_ms = end_ms - clock_ms();

	if (left_ms > most_ms)
		left_ms = most_ms;
	return (left_ms > 1 ? left_ms : 1);
}
