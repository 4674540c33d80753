"""ARM's throttling: a token bucket for each principal, refilled all the time.

    emu.arm.bucket = (burst, per_second)    enforced from now on for PUT, POST, PATCH and DELETE, all buckets full;
                                            (200, 10) is what ARM has; None: counted as (200, 10), not enforced

Each answer says what is left: x-ms-ratelimit-remaining-subscription-writes, or -reads for GET (250 and
25 a second, never enforced). A request without a token left is answered 429 with Retry-After.
"""

import math
import threading
import time

READS, WRITES = (250, 25), (200, 10)


class Bucket:
    def __init__(self, burst, per_second):
        self._burst = burst
        self._rate = per_second
        self._left = float(burst)
        self._at = time.monotonic()

    def take(self):
        """(whole tokens left, seconds to wait; 0 if there was one)."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return 0, (1 - self._left) / self._rate
        self._left -= 1
        return int(self._left), 0


class Throttle:
    """All buckets of one ARM."""

    def __init__(self):
        self._lock = threading.Lock()
        self.set(None)

    def set(self, limits):
        with self._lock:
            self._writes = limits or WRITES
            self._enforced = limits is not None
            self._buckets = {}

    def take(self, principal, method):
        """(header that tells what is left, whole seconds to wait or None if the request may pass)."""
        kind = "reads" if method in ("GET", "HEAD") else "writes"
        with self._lock:
            limits = READS if kind == "reads" else self._writes
            left, wait = self._buckets.setdefault((principal, kind), Bucket(*limits)).take()
            refused = wait > 0 and kind == "writes" and self._enforced
        header = (f"x-ms-ratelimit-remaining-subscription-{kind}", str(left))
        return header, max(1, math.ceil(wait)) if refused else None
