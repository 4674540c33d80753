/*
 * How long there is, see patience.h.
 */
#include "auth/patience.h"
#include "relay/clock.h"

static int64_t end_ms = INT64_MAX;
static bool short_of;

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
	else if (left_ms < most_ms)
		short_of = true;
	return (left_ms > 1 ? left_ms : 1);
}

bool
patience_was_short(void)
{
	return (short_of);
}
