"""A connection without TLS, with those methods of tlsio.TlsConn that httpd.py uses."""

import select
import socket
import time

from tlsio import LINGER_ZERO, Gone


class PlainConn:
    """One accepted TCP connection; one thread uses it."""

    def __init__(self, sock):
        self.sock = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._ended = False

    # --- reading ---

    def _fill(self):
        """At least one more byte; False at the end."""
        if self._ended:
            return False
        try:
            data = self.sock.recv(65536)
        except OSError:
            data = b""
        self._buffer += data
        self._ended = not data
        return bool(data)

    def at_end(self):
        """Wait for a byte or the end; True if it is the end."""
        return not self._buffer and not self._fill()

    def recv(self, most=65536):
        """Some bytes, or b'' at the end of the stream."""
        if self.at_end():
            return b""
        data, self._buffer = self._buffer[:most], self._buffer[most:]
        return data

    def read_exact(self, n):
        while len(self._buffer) < n:
            if not self._fill():
                raise Gone(f"stream ended {n - len(self._buffer)} bytes early")
        data, self._buffer = self._buffer[:n], self._buffer[n:]
        return data

    def read_until(self, mark, limit):
        """The bytes before the mark, which is consumed; None if it is not within the limit."""
        while mark not in self._buffer:
            if len(self._buffer) > limit:
                return None
            if not self._fill():
                raise Gone("stream ended in a head")
        data, _, self._buffer = self._buffer.partition(mark)
        return data

    def drain(self):
        """Read and forget until the peer ends."""
        while not self.at_end():
            self._buffer = b""

    # --- writing and ending ---

    def sendall(self, data):
        self.sock.sendall(data)

    def finish(self, close_notify=True):
        """Orderly end of our direction; there is no close_notify without TLS."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def finish_and_linger(self, seconds=2):
        """Orderly end; what the peer still sends is read, lest a RST overtake our last bytes."""
        if self.sock.fileno() < 0:
            return
        self.finish()
        end = time.monotonic() + seconds
        poller = select.poll()
        poller.register(self.sock, select.POLLIN)
        while poller.poll(max(0, end - time.monotonic()) * 1000) and not self.at_end():
            self._buffer = b""

    def drop(self, how):
        """End without an answer: 'fin' or 'rst'."""
        if how == "fin":
            self.finish()
            return
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        self.sock.close()
