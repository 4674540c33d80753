"""What the sender is sent after the 101: the listener's data, shaped by faults.

Down is the only writer of data frames towards the sender. Faults of three
sorts act on it: framing (how payload becomes frames), events (what happens
after so many payload bytes) and the size of TLS writes.
Not here: the handshake itself (relay.py), and the way up.
"""

import threading
import time

import ws
from faults import EVENT_KINDS


class Down:
    """Server-to-client half of a sender's leg."""

    def __init__(self, leg, faults, threads):
        self.leg = leg
        self.sent = 0               # payload bytes written so far
        self.ended = False          # nothing more may be written
        self.hold = any(fault.kind == "close" and fault.hold for fault in faults)
        self.on_freeze = lambda: None
        self._threads = threads
        self._lock = threading.RLock()
        self._chop = None
        self._early = None          # fault 'early', while the 101 waits for the first frames
        self._early_head = b""
        self._frame = self._plain
        self._events = []           # (after, order, function)
        self._huge_left = 0
        for fault in faults:
            self._prepare(fault)

    def _prepare(self, fault):
        if fault.kind in EVENT_KINDS:
            self._at(fault.after, lambda: EVENTS[fault.kind](self, fault))
        elif fault.kind in FRAMINGS:
            self._frame = FRAMINGS[fault.kind](self, fault)
        elif fault.kind == "chop":
            self._chop = fault.n
        elif fault.kind == "ping-every":
            self._at(fault.n, lambda: self._ping_every(fault))
        elif fault.kind == "never-write":
            self._at(0, self._end)
        elif fault.kind == "idle-cut":
            IdleCut(self.leg.conn, fault, self._threads)
        elif fault.kind == "early":
            self._early = fault

    # --- what the relay and the bridge call ---

    def open(self, head, pieces=None):
        """Send the 101, in TLS writes of `pieces` bytes if asked."""
        with self._lock:
            if self._early:
                return self._open_early(head)
            for start in range(0, len(head), pieces or len(head)):
                self.leg.conn.sendall(head[start:start + (pieces or len(head))])
            self._run_events()

    def data(self, opcode, payload, fin):
        """A data frame of the listener."""
        with self._lock:
            view = payload
            while self._events and not self.ended and self.sent + len(view) >= self._events[0][0]:
                n = self._events[0][0] - self.sent
                self._emit(opcode, view[:n], fin)
                view = view[n:]
                self._run_events()
            self._emit(opcode, view, fin)

    def close(self, code, reason):
        """The listener said Close."""
        with self._lock:
            if self.ended:
                return
            if self._huge_left:         # no Close fits inside a frame
                self._end()
                self.leg.conn.finish()
            else:
                self._flush_early()
                self.leg.send_close(code, reason)

    def cut(self):
        """The listener's connection was lost: no Close, just the end."""
        with self._lock:
            if not self.ended:
                self._flush_early()
                self._end()
                self.leg.conn.finish(close_notify=False)

    # --- events ---

    def _at(self, after, function):
        self._events.append((after, len(self._events), function))
        self._events.sort(key=lambda event: event[:2])

    def _run_events(self):
        while self._events and self._events[0][0] <= self.sent and not self.ended:
            self._events.pop(0)[2]()

    def _end(self):
        self.ended = True

    def _ping_every(self, fault):
        self._ping(b"p" * fault.size)
        self._at(self.sent + fault.n, lambda: self._ping_every(fault))

    def _ping(self, payload):
        self.leg.note_ping(payload)
        self.raw(ws.encode(ws.PING, payload))

    # --- writing ---

    def _emit(self, opcode, payload, fin):
        if payload and not self.ended:
            self._frame(opcode, payload, fin)
            self.sent += len(payload)

    def _plain(self, opcode, payload, fin):
        self.raw(ws.encode(opcode, payload, fin))

    def raw(self, data):
        """Frame bytes, as they are."""
        if self._early:
            self._join_early(data)
        elif self._chop:
            for start in range(0, len(data), self._chop):
                self.leg.conn.sendall(data[start:start + self._chop])
        else:
            self.leg.conn.sendall(data)

    # --- first frames in the same TLS write as the 101 ---

    def _open_early(self, head):
        fault = self._early
        self._early_head = head
        if fault.payload is not None:
            self._emit(ws.BINARY, fault.payload, True)
        else:
            self._threads.later(fault.wait, self._flush_early)

    def _join_early(self, frames):
        fault, self._early = self._early, None
        n = len(frames) if fault.n is None else fault.n
        self.leg.conn.sendall(self._early_head + frames[:n])
        self.raw(frames[n:])
        self._run_events()

    def _flush_early(self):
        """The service behind the agent says nothing first: send the 101 alone."""
        with self._lock:
            if self._early:
                self._join_early(b"")


def _text(down, fault):
    return lambda opcode, payload, fin: down.raw(ws.encode(ws.TEXT, payload, fin))


def _fragments(down, fault):
    def frame(opcode, payload, fin):
        last = len(payload) - 1
        for start in range(0, len(payload), fault.size):
            piece = payload[start:start + fault.size]
            down.raw(ws.encode(opcode if start == 0 else ws.CONT, piece, start + fault.size > last))
            if fault.ping_between and start + fault.size <= last:
                down._ping(b"between")
    return frame


def _huge(down, fault):
    def frame(opcode, payload, fin):
        while payload:
            if down._huge_left == 0:
                down.raw(ws.header(ws.BINARY, fault.n, length_bits=64))
                down._huge_left = fault.n
            piece = payload[:down._huge_left]
            down.raw(piece)
            down._huge_left -= len(piece)
            payload = payload[len(piece):]
    return frame


def _empty(down, fault):
    def frame(opcode, payload, fin):
        if fault.fragments:     # one message: empty fragments, then the payload, then an empty end
            frames = [ws.encode(opcode, b"", fin=False)]
            frames += [ws.encode(ws.CONT, b"", fin=False)] * (fault.count - 1)
            frames += [ws.encode(ws.CONT, payload, fin=False), ws.encode(ws.CONT, b"")]
        else:
            frames = [ws.encode(opcode, b"")] * fault.count + [ws.encode(opcode, payload)]
        down.raw(b"".join(frames))
    return frame


FRAMINGS = {"text": _text, "fragments": _fragments, "huge": _huge, "empty": _empty}


def _close(down, fault):
    down.leg.send_close(fault.code, fault.reason)
    down._end()


def _after_close(down, fault):
    down.leg.send_close(fault.code)
    down.raw(ws.encode(ws.BINARY, fault.payload) + ws.encode(ws.PING, b"after"))
    down._end()


def _fin(down, fault):
    down._end()
    down.leg.conn.finish(fault.close_notify)


def _rst(down, fault):
    down._end()
    down.leg.conn.reset()


def _half_frame(down, fault):
    """Announce a frame of `total` bytes; the next `sent` bytes of the stream go into it."""
    down.raw(ws.header(ws.BINARY, fault.total))
    down._frame = lambda opcode, payload, fin: down.raw(payload)
    down._at(down.sent + fault.sent, lambda: (down._end(), down.leg.conn.drop(fault.then)))


def _freeze(down, fault):
    down._end()
    down.leg.answer_pings = False
    down.on_freeze()


def _ping_flood(down, fault):
    for i in range(fault.n):
        down._ping((b"%d" % i).ljust(fault.size, b"."))


def _inject(make):
    return lambda down, fault: down.raw(make(fault))


def _message_inside(fault):
    return ws.encode(ws.BINARY, fault.payload, fin=False) + ws.encode(ws.BINARY, fault.payload)


def _html(down, fault):
    down.raw(fault.body)
    down._end()


EVENTS = {
    "close": _close, "after-close": _after_close, "fin": _fin, "rst": _rst,
    "half-frame": _half_frame, "freeze": _freeze, "ping-flood": _ping_flood, "html": _html,
    "masked": _inject(lambda f: ws.encode_masked(ws.BINARY, f.payload)),
    "non-minimal": _inject(lambda f: ws.encode(ws.BINARY, f.payload, length_bits=f.bits)),
    "rsv": _inject(lambda f: ws.encode(f.opcode, f.payload, rsv=f.bits)),
    "bad-opcode": _inject(lambda f: ws.encode(f.opcode, f.payload)),
    "fragmented-ping": _inject(lambda f: ws.encode(ws.PING, b"half", fin=False) + ws.encode(ws.CONT, b"half")),
    "big-ping": _inject(lambda f: ws.encode(ws.PING, b"b" * f.size)),
    "stray-continuation": _inject(lambda f: ws.encode(ws.CONT, f.payload, f.fin)),
    "message-inside-message": _inject(_message_inside),
    "length-msb": _inject(lambda f: ws.header(ws.BINARY, 1 << 63 | 5, length_bits=64) + b"evil!"),
    "inject": _inject(lambda f: f.data),
    "tls-garbage": lambda down, fault: down.leg.conn.send_below_tls(fault.data),
}


class IdleCut:
    """Ends a connection on which nothing was received or sent for a while."""

    def __init__(self, conn, fault, threads):
        self._conn = conn
        self._fault = fault
        self._threads = threads
        self._check()

    def _check(self):
        idle = time.monotonic() - self._conn.last_activity
        if idle < self._fault.seconds:
            self._threads.later(self._fault.seconds - idle, self._check)
        else:
            self._threads.spawn(self._conn.drop, self._fault.how)   # may have to wait
