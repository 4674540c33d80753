"""Small TCP services for the agent to dial where a test needs no sshd.

echo returns what it gets, sink counts and hashes it, source:N sends N known
bytes and closes, tcp hands the accepted socket to the test.
"""

import hashlib
import queue
import random
import socket
import threading

BLOCK = random.Random(6455).randbytes(1 << 20)


def pattern(total):
    """The bytes that source:N sends, in pieces: no two of them alike."""
    number = 0
    while total > 0:
        piece = number.to_bytes(8, "big") + BLOCK[8:]
        yield piece if total >= len(piece) else piece[:total]
        total -= len(piece)
        number += 1


def pattern_sha256(total):
    digest = hashlib.sha256()
    for piece in pattern(total):
        digest.update(piece)
    return digest.hexdigest()


class Service:
    """A listener on a free loopback port; kind is 'echo', 'sink', 'source:N', 'ssh' (a banner, no more) or 'tcp'."""

    def __init__(self, kind, machine, log, threads):
        self.kind, _, count = kind.partition(":")
        self._count = int(count or 0)
        self._serve = {"echo": self._echo, "sink": self._sink, "source": self._source, "ssh": self._ssh,
                       "tcp": self._tcp}[self.kind]
        self._machine = machine
        self._log = log
        self._threads = threads
        self._lock = threading.Lock()
        self._open = set()
        self._accepted = queue.Queue()
        self._sock = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._sock.getsockname()[1]
        threads.spawn(self._accept_loop, name=f"service-{kind}")

    def accept(self, timeout=10):
        """For kind 'tcp': the next socket that the agent dialled."""
        try:
            return self._accepted.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError("the agent did not dial") from None

    def stop(self):
        with self._lock:
            socks = [self._sock, *self._open]
        for sock in socks:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._sock.close()

    def _accept_loop(self):
        while True:
            try:
                sock, _ = self._sock.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(sock)
            self._threads.spawn(self._run, sock, name=f"service-{self.kind}-conn")

    def _run(self, sock):
        try:
            self._serve(sock)
        finally:
            if self.kind != "tcp":
                with self._lock:
                    self._open.discard(sock)
                sock.close()

    def _echo(self, sock):
        buffer = bytearray(262144)
        view = memoryview(buffer)
        while n := sock.recv_into(buffer):
            sock.sendall(view[:n])

    def _ssh(self, sock):
        sock.sendall(b"SSH-2.0-emulated\r\n")
        while sock.recv(65536):
            pass

    def _sink(self, sock):
        buffer = bytearray(262144)
        view = memoryview(buffer)
        digest, total, end = hashlib.sha256(), 0, "fin"
        try:
            while n := sock.recv_into(buffer):
                digest.update(view[:n])
                total += n
        except ConnectionError:
            end = "reset"
        self._log.add("service", "sink", machine=self._machine, bytes=total, sha256=digest.hexdigest(), end=end)

    def _source(self, sock):
        sent = 0
        try:
            for piece in pattern(self._count):
                sock.sendall(piece)
                sent += len(piece)
        finally:
            self._log.add("service", "source", machine=self._machine, bytes=sent)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass

    def _tcp(self, sock):
        self._accepted.put(sock)
