"""What all parts of the emulated Azure share: the log, the clock, the threads, the timers.

Not here: anything that speaks a protocol.
"""

import email.utils
import heapq
import threading
import time


class Log(list):
    """A list of dicts that many threads append to and that tests count from.

    Reading it as a list is always safe; rows are never changed or removed.
    """

    def __init__(self, mirror=None):
        super().__init__()
        self._changed = threading.Condition()
        self._mirror = mirror

    def add(self, who, what, **fields):
        row = {"who": who, "what": what, "t": time.monotonic(), **fields}
        with self._changed:
            self.append(row)
            if self._mirror:
                self._mirror(row)
            self._changed.notify_all()
        return row

    def find(self, **match):
        """Rows whose fields equal `match`; a callable is asked instead of compared."""
        return [row for row in list(self) if _matches(row, match)]

    def count(self, **match):
        return len(self.find(**match))

    def wait(self, timeout=10, n=1, **match):
        """The n-th matching row, waiting for it; TimeoutError if it does not come."""
        end = time.monotonic() + timeout
        with self._changed:
            while True:
                rows = [row for row in self if _matches(row, match)]
                if len(rows) >= n:
                    return rows[n - 1]
                left = end - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"no log row {match} within {timeout} s ({len(rows)} of {n})")
                self._changed.wait(left)


def _matches(row, match):
    for name, wanted in match.items():
        if name not in row:
            return False
        if not (wanted(row[name]) if callable(wanted) else row[name] == wanted):
            return False
    return True


class Clock:
    """The one clock of all emulated services; `skew` seconds off from that of the clients."""

    def __init__(self):
        self.skew = 0.0

    def now(self):
        return time.time() + self.skew

    def http_date(self):
        return email.utils.formatdate(self.now(), usegmt=True)


class Threads:
    """Starts threads so that all of them can be ended and joined at the end."""

    def __init__(self, log):
        self.stopping = threading.Event()
        self._log = log
        self._alive = set()
        self._lock = threading.Lock()
        self._timers = []
        self._timer_changed = threading.Condition()
        self._timer_seq = 0

    def spawn(self, function, *args, name=None):
        thread = threading.Thread(target=self._run, args=(function, args), name=name, daemon=True)
        with self._lock:
            self._alive.add(thread)
            thread.start()
        return thread

    def _run(self, function, args):
        try:
            function(*args)
        except OSError:
            pass                    # a peer went away: every protocol part has logged what matters
        except Exception as error:  # a bug of the emulator must be seen by the test
            self._log.add("emulator", "bug", error=repr(error))
            raise
        finally:
            with self._lock:
                self._alive.discard(threading.current_thread())

    def later(self, seconds, function):
        """Call function once after so many seconds, on the timer thread. It must not block."""
        with self._timer_changed:
            if self._timer_seq == 0:
                self.spawn(self._run_timers, name="timers")
            self._timer_seq += 1
            heapq.heappush(self._timers, (time.monotonic() + seconds, self._timer_seq, function))
            self._timer_changed.notify()

    def _run_timers(self):
        while not self.stopping.is_set():
            with self._timer_changed:
                wait = self._timers[0][0] - time.monotonic() if self._timers else None
                if wait is None or wait > 0:
                    self._timer_changed.wait(wait)
                    continue
                function = heapq.heappop(self._timers)[2]
            function()

    def sleep(self, seconds):
        """False if the emulator was stopped meanwhile."""
        return not self.stopping.wait(seconds)

    def stop(self):
        self.stopping.set()
        with self._timer_changed:
            self._timer_changed.notify()

    def join(self, seconds=10):
        end = time.monotonic() + seconds
        while True:
            with self._lock:
                alive = [t for t in self._alive if t is not threading.current_thread()]
            if not alive or time.monotonic() > end:
                return [t.name for t in alive]
            alive[0].join(0.2)
