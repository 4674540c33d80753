/*
 * Pacing across processes, see pace.h.  The row stands in its lock file, whose
 * bytes are nobody's secret: one number, rewritten in place under the lock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/cache.h"
#include "auth/entry.h"
#include "auth/pace.h"
#include "relay/crypto.h"

#define STEP_MS		(1000 / PACE_PER_S)
#define BURST_MS	((PACE_BURST - 1) * STEP_MS)
#define ROW_MAX_MS	(3600 * 1000)	/* longer: of a clock that was wrong */
#define LOCK_MS		1000

int64_t
pace_next(int64_t *row, int64_t now_ms)
{
	int64_t wait_ms;

	if (*row < now_ms || *row > now_ms + ROW_MAX_MS)
		*row = now_ms;
	wait_ms = *row - now_ms - BURST_MS;
	*row += STEP_MS;
	return (wait_ms > 0 ? wait_ms : 0);
}

int64_t
pace_take(struct cache *c, const char *identity, const char *subscription)
{
	struct cache_key key = { "" };
	char text[200];
	int64_t row = 0, wait_ms;
	ssize_t n;
	int lock;

	(void)snprintf(text, sizeof(text), "pace\n%s\n%s", identity,
	    subscription);
	crypto_sha256_hex(text, strlen(text), key.name);
	if ((lock = cache_lock(c, &key, LOCK_MS)) == -1)
		return (0);
	if ((n = pread(lock, text, sizeof(text) - 1, FOLDER_LOCK_HEAD)) > 0) {
		text[n] = '\0';
		row = strtoll(text, NULL, 10);
	}
	wait_ms = pace_next(&row, entry_now_ms());
	n = snprintf(text, sizeof(text), "%020lld\n", (long long)row);
	/* a full disk: not paced */
	(void)!pwrite(lock, text, (size_t)n, FOLDER_LOCK_HEAD);
	cache_unlock(lock);
	return (wait_ms);
}
