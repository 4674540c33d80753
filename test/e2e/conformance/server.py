"""The fuzzing server: each connection is led by the script of the case it belongs to.

The path of the request names the case. A Peer is what a script works with: it
writes any bytes in any TLS records, and reads what the client sends with the
emulator's strict parser, which reports every rule the client breaks.
Not here: the client process and the verdict (runner.py), and the cases.
"""

import os
import ssl
import sys
import threading
import time
import traceback

import certs
import httpd
import ws
from conformance import native
from harness import SLOW
from tlsio import Gone, Listener, TlsConn
from upgrade import Call
from world import Log, Threads

SUFFIX = "relay.conformance.test"
WAIT_S = 10 * SLOW      # for something that must happen: against a hang, not a measure

GOOD_HEAD = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             b"Sec-WebSocket-Accept: {accept}\r\n\r\n")


class Frames(ws.FrameReader):
    """The strict parser; keeps the masking keys too."""

    def __init__(self, *args):
        super().__init__(*args)
        self.keys = []

    def _check_key(self, key):
        super()._check_key(key)
        self.keys.append(key)


class Conn(TlsConn):
    def records(self, make):
        """The records that make(tls) produces, not sent."""
        with self._send_lock, self._tls_lock:
            make(self.tls)
            return self._encrypted_out.read()

    def held_handshake(self):
        """A handshake whose last flight (TLS 1.3: the tickets) is not sent but returned."""
        while True:
            try:
                self.tls.do_handshake()
                return self._encrypted_out.read()
            except ssl.SSLWantReadError:
                self._flush()
                if not self._receive():
                    raise Gone("peer left during the TLS handshake") from None


    def read_ahead(self, n):
        """Waits until n decrypted bytes are here; they stay unread."""
        while self._high - self._low < n and self._fill():
            pass
        return bytes(self._plain[self._low:self._low + n])


class Peer:
    """The server's end of one connection, after the request was read."""

    def __init__(self, conn, call, run):
        self.conn = conn
        self.call = call
        self.run = run              # the client of this connection: eof(), write(), ...
        self.frames = []            # all that came, in order
        self.data = bytearray()     # their payload, of data frames
        self.violations = []
        self.truncated = False
        self.parser = Frames(conn, lambda *rule: self.violations.append(rule), True)
        self._changed = threading.Condition()
        self._seen = 0              # frames that expect() went past
        self._reader = None
        self._ended = False

    # --- reading ---

    def listen(self):
        """Begins to read; until then the client meets a peer that never reads."""
        if self._reader is None:
            self._reader = threading.Thread(target=self._read, daemon=True)
            self._reader.start()

    def _read(self):
        try:
            while (frame := self.parser.next()) is not None:
                with self._changed:
                    self.frames.append(frame)
                    if frame.opcode < ws.CLOSE:
                        self.data += frame.payload
                    self._changed.notify_all()
        except Gone:
            self.truncated = True
        except OSError:
            pass
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _wait(self, condition, what):
        self.listen()
        with self._changed:
            if self._changed.wait_for(lambda: condition() or (self._ended and "ended"), WAIT_S) is not True:
                raise AssertionError(f"the client did not send {what}"
                                     + (" before it left" if self._ended else ""))

    def expect(self, opcode, payload=None):
        """Waits for the next frame of that opcode; what came before it is passed over."""
        def found():
            while self._seen < len(self.frames):
                self._seen += 1
                if self.frames[self._seen - 1].opcode == opcode:
                    return True
            return False
        self._wait(found, f"a frame of opcode {opcode}")
        frame = self.frames[self._seen - 1]
        if payload is not None:
            assert bytes(frame.payload) == payload, f"opcode {opcode}: {bytes(frame.payload)!r}"
        return frame

    def receive(self, size):
        """Waits until so many payload bytes have come since the beginning."""
        self._wait(lambda: len(self.data) >= size, f"{size} bytes of data (have {len(self.data)})")

    def read_to_the_end(self):
        self.listen()
        with self._changed:
            return self._changed.wait_for(lambda: self._ended, WAIT_S)

    # --- writing ---

    def send(self, *pieces):
        """Each piece is one TLS write: one record for each 16 KiB begun."""
        for piece in pieces:
            self.conn.sendall(piece)

    def chop(self, data, n):
        """TLS records of n bytes."""
        self.send(*(data[i:i + n] for i in range(0, len(data), n)))

    def binary(self, *payloads):
        self.send(*(ws.encode(ws.BINARY, payload) for payload in payloads))

    def ping(self, payload=b""):
        self.send(ws.encode(ws.PING, payload))

    def close(self, code=1000, reason=""):
        self.send(ws.encode(ws.CLOSE, ws.close_payload(code, reason)))

    def delivered(self, size):
        """Waits until the client's stdout has carried so many bytes."""
        self.run.wait_out(size, WAIT_S)

    def fin(self, close_notify=False):
        """End of our direction; without close_notify as a cut connection ends."""
        self.conn.finish(close_notify)

    def rst(self):
        self.conn.reset()

    def tls(self, make):
        """make(tls) writes TLS messages or data; the records are sent in one go."""
        self.conn.send_below_tls(self.conn.records(make))

    def segments(self, data, n):
        """The records of data in TCP segments of n bytes."""
        records = self.conn.records(lambda tls: tls.write(data))
        for i in range(0, len(records), n):
            self.conn.send_below_tls(records[i:i + n])

    def head(self, template=GOOD_HEAD):
        key = self.call.request.get("Sec-WebSocket-Key", "")
        return template.replace(b"{accept}", ws.accept_key(key).encode())


class Server:
    """One listener for each way of TLS; runs are found by the path of the request."""

    def __init__(self, folder):
        self.threads = Threads(Log())
        authority = certs.Authority(os.path.join(folder, "certs"))
        cert, key = authority.leaf("relay", f"DNS:*.{SUFFIX}")
        self.ca_file = authority.cert
        self.runs = {}
        self.calls = []             # of all dials
        self._switch_interval = sys.getswitchinterval()
        sys.setswitchinterval(0.001)
        contexts = {"1.3": certs.server_context(cert, key), "1.2": certs.server_context(cert, key),
                    "native 1.3": native.Context(cert, key, "1.3"),
                    "native 1.2": native.Context(cert, key, "1.2")}
        contexts["1.3"].minimum_version = ssl.TLSVersion.TLSv1_3
        contexts["1.2"].maximum_version = ssl.TLSVersion.TLSv1_2
        contexts["held tickets"] = contexts["1.3"]
        self._listeners = {how: Listener(self.threads, self._server(how, context), how)
                           for how, context in contexts.items()}
        self.ports = {how: listener.port for how, listener in self._listeners.items()}

    def stop(self):
        self.threads.stop()
        for listener in self._listeners.values():
            listener.stop()
        sys.setswitchinterval(self._switch_interval)
        return self.threads.join()

    def _server(self, how, context):
        def serve(sock):
            conn = Conn(sock, context)
            held = b""
            try:
                if how == "held tickets":
                    held = conn.held_handshake()
                else:
                    conn.handshake()
                request = httpd.read_head(conn)
            except (OSError, ssl.SSLError):
                return
            if request is not None:
                self._lead(Peer(conn, Call(request, conn), self.runs[request.path]), held)
        return serve

    def _lead(self, peer, held):
        run = peer.run
        with run.lock:
            run.dials += 1
            run.peer = peer
            run.served.clear()
        peer.held = held
        self.calls.append(peer.call)
        try:
            if not run.case.deaf:
                peer.listen()
            if run.case.answer:
                run.case.answer(peer)
            else:
                peer.send(peer.head(run.case.head))
            if run.case.script:
                run.case.script(peer)
        except OSError:
            pass                    # the client left first: what it says and sent tells the rest
        except Exception:
            run.trouble.append(traceback.format_exc(limit=-2))
        run.script_ended = time.monotonic()
        if not peer.read_to_the_end():
            run.trouble.append("the client kept the connection open")
        run.served.set()
