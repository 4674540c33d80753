"""TLS connections whose every write is under our control.

The SSL object works on memory, the socket is ours: what one call sends is one
TLS write, a reset can be timed after the last transmitted byte, and a reader
and a writer thread never meet inside OpenSSL.

Not here: anything about HTTP or WebSocket.
"""

import errno
import fcntl
import select
import socket
import ssl
import struct
import termios
import threading
import time

CHUNK = 256 * 1024
LINGER_ZERO = struct.pack("ii", 1, 0)
SIOCOUTQ = termios.TIOCOUTQ     # the same number on Linux: bytes the peer has not acknowledged


class Gone(ConnectionError):
    """The peer ended the connection where more was expected."""


class TlsConn:
    """One TLS connection, either end. One thread may read while others write."""

    def __init__(self, sock, context, server_hostname=None):
        self.sock = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._encrypted_in = ssl.MemoryBIO()
        self._encrypted_out = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._encrypted_in, self._encrypted_out,
                                    server_side=server_hostname is None,
                                    server_hostname=server_hostname)
        self._tls_lock = threading.Lock()       # the SSL object
        self._send_lock = threading.Lock()      # the order of records on the socket
        self._read_lock = threading.Lock()      # held while the socket may be blocked in recv
        self._received = bytearray(CHUNK)
        self._plain = bytearray(CHUNK + 65536)
        self._low = self._high = 0
        self.ended_by = None        # 'close_notify', 'fin' or 'reset', once the peer has ended
        self.last_activity = time.monotonic()
        self._dead = False          # reset() has begun

    def handshake(self):
        while True:
            try:
                self.tls.do_handshake()
                self._flush()
                return
            except ssl.SSLWantReadError:
                self._flush()
                if not self._receive():
                    raise Gone("peer left during the TLS handshake")
            except ssl.SSLError:
                self._flush()       # the alert that tells the peer why
                raise

    @property
    def sni(self):
        """The server name that the client asked for (set by the context of certs.py)."""
        return getattr(self.tls, "sni", None)

    # --- reading ---

    def _receive(self):
        """One recv into the SSL object; False at the end of the TCP stream."""
        with self._read_lock:
            if self._dead:
                return False
            try:
                n = self.sock.recv_into(self._received)
            except OSError as error:
                self.ended_by = "reset" if error.errno == errno.ECONNRESET else "fin"
                return False
        if n == 0:
            self.ended_by = self.ended_by or "fin"
            return False
        self.last_activity = time.monotonic()
        with self._tls_lock:
            self._encrypted_in.write(memoryview(self._received)[:n])
        return True

    def _fill(self):
        """Make the plain buffer hold at least one more byte; False at the end."""
        if self._low == self._high:
            self._low = self._high = 0
        elif len(self._plain) - self._high < 32768:
            rest = self._plain[self._low:self._high]
            self._plain[:len(rest)] = rest
            self._low, self._high = 0, len(rest)
        before = self._high
        while self._high == before:
            self._decrypt()
            if self._high == before and (self.ended_by or not self._receive()):
                return False
        return True

    def _decrypt(self):
        view = memoryview(self._plain)
        with self._tls_lock:
            try:
                while self._high < len(view):
                    n = self.tls.read(len(view) - self._high, view[self._high:])
                    if n == 0:
                        self.ended_by = self.ended_by or "close_notify"
                        return
                    self._high += n
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLZeroReturnError:
                self.ended_by = "close_notify"
            except ssl.SSLError:
                self.ended_by = self.ended_by or "tls-error"

    def recv(self, most=65536):
        """Some bytes, or b'' at the end of the stream."""
        if self._low == self._high and not self._fill():
            return b""
        end = min(self._high, self._low + most)
        data = bytes(self._plain[self._low:end])
        self._low = end
        return data

    def read_exact(self, n):
        """Exactly n bytes as a bytearray; Gone if the stream ends first."""
        while self._high - self._low < n <= 32768:
            if not self._fill():
                raise Gone(f"stream ended {n - (self._high - self._low)} bytes early")
        out = self._plain[self._low:min(self._high, self._low + n)]
        self._low += len(out)
        while len(out) < n:
            if not self._fill():
                raise Gone(f"stream ended {n - len(out)} bytes early")
            end = min(self._high, self._low + n - len(out))
            out += memoryview(self._plain)[self._low:end]
            self._low = end
        return out

    def read_until(self, mark, limit):
        """The bytes before the mark, which is consumed; None if it is not within the limit."""
        while True:
            at = self._plain.find(mark, self._low, self._high)
            if at >= 0:
                out = bytes(self._plain[self._low:at])
                self._low = at + len(mark)
                return out
            if self._high - self._low > limit:
                return None
            if not self._fill():
                raise Gone("stream ended in a head")

    def drain(self):
        """Read and forget until the peer ends."""
        while not self.at_end():
            self.recv()

    def at_end(self):
        """Wait for a byte or the end; True if it is the end."""
        return self._low == self._high and not self._fill()

    def readable(self, seconds):
        """Is there something to read (or the end) within so many seconds?"""
        if self._low < self._high or self.ended_by or self._encrypted_in.pending or self.sock.fileno() < 0:
            return True
        poller = select.poll()
        poller.register(self.sock, select.POLLIN)
        return bool(poller.poll(seconds * 1000))

    def peer_left(self):
        """Has the peer's FIN or RST arrived, without reading anything?"""
        if self.sock.fileno() < 0:
            return True
        poller = select.poll()
        poller.register(self.sock, select.POLLRDHUP)
        return bool(poller.poll(0))

    # --- writing ---

    def _flush(self):
        with self._send_lock:
            with self._tls_lock:
                records = self._encrypted_out.read()
            if records:
                self.sock.sendall(records)

    def sendall(self, data):
        """Encrypt in one go (16 KiB records) and send."""
        if not data:
            return
        self.last_activity = time.monotonic()
        view = memoryview(data)
        with self._send_lock:
            for start in range(0, len(view), CHUNK):
                with self._tls_lock:
                    self.tls.write(view[start:start + CHUNK])
                    records = self._encrypted_out.read()
                self.sock.sendall(records)

    def send_below_tls(self, data):
        """Bytes on the TCP stream that are not a TLS record."""
        with self._send_lock:
            self.sock.sendall(data)

    def wait_sent(self, seconds=10):
        """Wait until the peer's kernel has acknowledged every byte."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            left = fcntl.ioctl(self.sock, SIOCOUTQ, b"\0\0\0\0")
            if struct.unpack("i", left)[0] == 0:
                return
            time.sleep(0.0005)      # the kernel has no event for this

    # --- ending ---

    def finish(self, close_notify=True):
        """Orderly end of our direction; the peer may go on sending."""
        if self._dead:
            return
        try:
            if close_notify:
                with self._tls_lock:
                    try:
                        self.tls.unwrap()
                    except ssl.SSLError:
                        pass        # want-read: the peer's close_notify is not here yet
                self._flush()
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def finish_and_linger(self, seconds=2):
        """Orderly end; what the peer still sends is read, lest a RST overtake our last bytes."""
        self.finish()
        end = time.monotonic() + seconds
        while self.readable(max(0, end - time.monotonic())) and not self.at_end():
            self.recv()

    def reset(self):
        """End with a TCP RST, after all that was sent has arrived."""
        try:
            with self._send_lock:
                self._dead = True   # nobody may end it in an orderly way from now on
            self.wait_sent()
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
            # A thread blocked in recv would keep the socket open past close(). This wakes it
            # and puts nothing on the wire.
            self.sock.shutdown(socket.SHUT_RD)
        except OSError:
            pass
        with self._read_lock:
            self.sock.close()

    def drop(self, how):
        """End without TLS courtesies: 'fin' or 'rst'."""
        if how == "rst":
            self.reset()
        else:
            self.finish(close_notify=False)

    def kill(self):
        """Wake every thread that uses this connection; they will see its end."""
        if self._dead:
            return
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self):
        self.kill()
        self.sock.close()


class Listener:
    """Accepts on a free loopback port and serves each connection in a thread of its own."""

    def __init__(self, threads, serve, name):
        self._threads = threads
        self._serve = serve
        self._open = set()
        self._lock = threading.Lock()
        self._sock = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._sock.getsockname()[1]
        self.name = name
        threads.spawn(self._accept_loop, name=f"{name}-accept")

    def _accept_loop(self):
        while True:
            try:
                sock, _ = self._sock.accept()
            except OSError:
                if self._threads.stopping.is_set() or self._sock.fileno() < 0:
                    return
                time.sleep(0.01)    # out of descriptors: wait for some to be freed
                continue
            with self._lock:
                self._open.add(sock)
            self._threads.spawn(self._run, sock, name=f"{self.name}-conn")

    def _run(self, sock):
        try:
            if not self._threads.stopping.is_set():
                self._serve(sock)
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()

    def drop_connections(self):
        with self._lock:
            for sock in self._open:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def stop(self):
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._sock.close()
        self.drop_connections()
