"""Two WebSocket legs joined by the relay: sender and listener.

Message types and boundaries are preserved; a Close of one leg is passed to the
other, whose answer comes back. Not here: how the legs came about (relay.py) and
faults in what the sender is sent (shaping.py).
"""

import threading

import ws
from tlsio import Gone

CLOSE_PATIENCE = 5.0    # seconds from the first Close (or loss) to the end of both connections


class Leg:
    """One end of the bridge as the relay sees it."""

    def __init__(self, name, conn, ident, log, from_client=True):
        self.name = name
        self.conn = conn
        self.ident = ident
        self._log = log
        self.reader = ws.FrameReader(conn, self._violation, from_client)
        self.answer_pings = True
        self.pings_sent = []        # payloads not yet answered
        self.close_sent = False
        self.close_seen = None      # code, 1005 for none, 1006 for a lost connection
        self.bytes = self.frames = self.pings = self.pongs = 0
        self._lock = threading.Lock()

    def _violation(self, rule, detail):
        self._log.add("relay", "violation", rule=rule, detail=detail, leg=self.name, id=self.ident)

    def send(self, opcode, payload=b"", fin=True):
        self.conn.sendall(ws.encode(opcode, payload, fin))

    def ping(self, payload):
        self.note_ping(payload)
        self.send(ws.PING, payload)

    def note_ping(self, payload):
        with self._lock:
            self.pings_sent.append(bytes(payload))

    def send_close(self, code, reason=""):
        """A Close, once; silent if the peer is gone."""
        with self._lock:
            if self.close_sent:
                return
            self.close_sent = True
        try:
            self.send(ws.CLOSE, ws.close_payload(code, reason))
        except OSError:
            pass

    def next_data(self):
        """The next data or Close frame; pings and pongs are dealt with. None at the end."""
        while True:
            try:
                frame = self.reader.next()
            except Gone as error:
                self._log.add("relay", "truncated", leg=self.name, id=self.ident, error=str(error))
                return None
            if frame is None or frame.opcode in (ws.CONT, ws.TEXT, ws.BINARY, ws.CLOSE):
                return frame
            self._control(frame)

    def _control(self, frame):
        if frame.opcode == ws.PING:
            self.pings += 1
            self._log.add("relay", "ping", leg=self.name, id=self.ident, size=len(frame.payload))
            if self.answer_pings and not self.close_sent:
                self.send(ws.PONG, bytes(frame.payload))
        elif frame.opcode == ws.PONG:
            self._pong(bytes(frame.payload))

    def _pong(self, payload):
        with self._lock:
            known = payload in self.pings_sent
            if known:       # a pong answers its ping and all before it (RFC 6455 section 5.5.3)
                del self.pings_sent[:self.pings_sent.index(payload) + 1]
                self.pongs += 1
        if known:
            self._log.add("relay", "pong", leg=self.name, id=self.ident, payload=payload)
        else:
            self._violation("pong-unasked", payload.hex())


class Bridge:
    """Moves frames between the two legs until both have ended.

    `down` is the writer towards the sender (shaping.Down): open, data, close, cut.
    """

    def __init__(self, sender, listener, down, threads, log):
        self.sender = sender
        self.listener = listener
        self.down = down
        self._threads = threads
        self._log = log
        self._closing = False
        self._lock = threading.Lock()
        self._down_done = threading.Event()
        self.cut_by = None
        self.frozen = False         # the up direction must not read

    def run_up(self):
        """Sender to listener; runs in the sender's thread and ends the bridge."""
        try:
            self._pump_up()
        except OSError:
            self._lost(self.sender)
        self._down_done.wait(CLOSE_PATIENCE * 2)
        self._report()
        self.sender.conn.close()
        self.listener.conn.close()

    def run_down(self):
        """Listener to sender; runs in the listener's thread."""
        try:
            self._pump_down()
        except OSError:
            self._lost(self.listener)
        finally:
            self._down_done.set()

    def _pump_up(self):
        while True:
            if self.frozen:
                self._wait_frozen()
                return self._lost(self.sender)
            frame = self.sender.next_data()
            if frame is None:
                return self._lost(self.sender)
            if frame.opcode == ws.CLOSE:
                self._closed(self.sender, frame)
                continue            # read on: nothing but the end may follow
            if self.sender.close_seen is None:
                self._count(self.sender, frame)
                if self.listener.close_seen is None:
                    self._pass_up(frame)

    def _pass_up(self, frame):
        try:
            self.listener.send(frame.opcode, frame.payload, frame.fin)
        except OSError:
            pass                    # run_down sees the loss of the listener

    def _pump_down(self):
        while True:
            frame = self.listener.next_data()
            if frame is None:
                return self._lost(self.listener)
            if frame.opcode == ws.CLOSE:
                self._closed(self.listener, frame)
                continue
            self._count(self.listener, frame)
            try:
                self.down.data(frame.opcode, frame.payload, frame.fin)
            except OSError:
                pass                # run_up sees the loss of the sender

    def _count(self, leg, frame):
        leg.frames += 1
        leg.bytes += len(frame.payload)

    def _closed(self, leg, frame):
        """A leg said Close: tell the other one; when both have, end TCP (RFC 6455 section 7.1.1)."""
        if leg.close_seen is not None:
            return
        leg.close_seen = frame.close_code or 1005
        self._log.add("relay", "close", leg=leg.name, id=leg.ident, code=leg.close_seen, reason=frame.close_reason)
        self._first_end(leg)
        code = None if leg.close_seen == 1005 else leg.close_seen
        self._tell_other(leg, code, frame.close_reason)
        if self.sender.close_seen is not None and self.listener.close_seen is not None:
            self._finish()

    def _tell_other(self, leg, code, reason):
        if leg is self.sender:
            self.listener.send_close(code, reason)
        else:
            self.down.close(code, reason)

    def _lost(self, leg):
        """The connection of a leg ended without a Close."""
        if leg.close_seen is None:
            leg.close_seen = 1006
            self._log.add("relay", "lost", leg=leg.name, id=leg.ident, how=leg.conn.ended_by)
            self._first_end(leg)
            if leg is self.sender:
                self.listener.send_close(1001, "The sender is gone")
            else:
                self.down.cut()
        self._finish()

    def _first_end(self, leg):
        with self._lock:
            if self._closing:
                return
            self._closing = True
            self.cut_by = leg.name
        if not self.down.hold:
            self.end_within(CLOSE_PATIENCE)

    def end_within(self, seconds):
        self._threads.later(seconds, self.sender.conn.kill)
        self._threads.later(seconds, self.listener.conn.kill)

    def _finish(self):
        self.listener.conn.finish()
        if not self.down.hold:
            self.sender.conn.finish()

    def _wait_frozen(self):
        while not self.sender.conn.peer_left() and self._threads.sleep(0.1):
            pass

    def _report(self):
        self._log.add("relay", "closed", id=self.sender.ident, by=self.cut_by,
                      sender_code=self.sender.close_seen, listener_code=self.listener.close_seen,
                      bytes_up=self.sender.bytes, bytes_down=self.listener.bytes,
                      bytes_sent_down=self.down.sent, frames_up=self.sender.frames,
                      pings=self.sender.pings, pongs=self.sender.pongs,
                      pings_unanswered=len(self.sender.pings_sent), tcp_end=self.sender.conn.ended_by)


class ScriptConn:
    """What Fault('serve', script=...) gives to the test: the sender's leg, raw."""

    def __init__(self, leg):
        self.leg = leg
        self.conn = leg.conn

    def send_raw(self, data):
        """Bytes inside TLS, one TLS write."""
        self.conn.sendall(data)

    def send_frame(self, opcode, payload=b"", fin=True, **odd):
        self.conn.sendall(ws.encode(opcode, payload, fin, **odd))

    def send_close(self, code=1000, reason=""):
        self.leg.send_close(code, reason)

    def recv_frame(self, timeout=10):
        """The next frame of any kind, pings included; None at the end; TimeoutError."""
        if not self.conn.readable(timeout):
            raise TimeoutError(f"no frame within {timeout} s")
        return self.leg.reader.next()

    def finish(self, close_notify=True):
        """FIN: end our direction."""
        self.conn.finish(close_notify)

    def reset(self):
        """RST, after everything sent has arrived."""
        self.conn.reset()

    def close(self):
        self.conn.close()
