"""An HTTP proxy on loopback that knows CONNECT and nothing else, good or bad on request.

It leads host names to ports of loopback by `routes`, so that a client needs no other name
service. Not here: any protocol inside the tunnel, except a TLS of its own (`inspect`).
"""

import base64
import select
import socket
import ssl

from tlsio import LINGER_ZERO, Listener, TlsConn
from world import Log, Threads

HEAD_MAX = 65536
PIECE = 256 * 1024


class HttpProxy:
    """`HttpProxy(log, threads).start()`; then `.port`, `.routes`, and the settings below.

    Each CONNECT is a log row: who="proxy", what="connect", target, status, authorization (the
    header's value, or None) and login ("user:password" if it was Basic). The end of a tunnel is
    what="closed" with the bytes that went up and down.
    """

    def __init__(self, log=None, threads=None, user=None, password=None):
        self.log = Log() if log is None else log
        self._own_threads = threads is None
        self.threads = threads or Threads(self.log)
        self.routes = {}            # "host:port" -> port of loopback; others are dialled as they are
        self.login = f"{user}:{password}" if user is not None else None    # None: everybody may pass
        self.schemes = ["Basic"]    # what a 407 offers
        self.refuse = None          # a status for every CONNECT
        self.refuse_once = None     # for the next one
        self.answer = None          # bytes instead of the head of "200"; b"" for none at all
        self.pieces = None          # send the head in pieces of so many bytes
        self.misbehave = None       # "stall": never answer; "close", "reset": at once
        self.delay = 0              # seconds before the answer
        self.inspect = None         # an SSLContext: TLS ends here, with its certificate
        self.onward = None          # an SSLContext: and goes on to the host from here, as in a company's network

    def start(self):
        self._listener = Listener(self.threads, self._serve, "proxy")
        self.port = self._listener.port
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def stop(self):
        if self._own_threads:
            self.threads.stop()
        self._listener.stop()
        if self._own_threads:
            self.threads.join()

    def reset(self):
        """As new, but for the port and the routes."""
        self.login, self.schemes, self.refuse, self.refuse_once = None, ["Basic"], None, None
        self.answer, self.pieces, self.misbehave, self.delay = None, None, None, 0
        self.inspect, self.onward = None, None

    # --- one connection ---

    def _serve(self, sock):
        while (head := self._read_head(sock)) is not None:
            target, authorization = self._parse(head)
            status = self._judge(target, authorization)
            self.log.add("proxy", "connect", target=target, status=status, authorization=authorization,
                         login=_basic(authorization), head=head.decode(errors="replace"))
            if self.misbehave == "stall":
                while sock.recv(65536):
                    pass
                return
            if self.misbehave == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
                return
            if self.misbehave == "close" or not self.threads.sleep(self.delay):
                return
            if status == 200:
                return self._tunnel(sock, target)
            self._refuse(sock, status)

    def _read_head(self, sock):
        """The head of a request, byte by byte: what follows it belongs to the tunnel."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            piece = sock.recv(1)
            if not piece or len(head) > HEAD_MAX:
                return None
            head += piece
        return head

    @staticmethod
    def _parse(head):
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        if method != "CONNECT":
            target = lines[0]
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        return target, next((v for k, v in headers.items() if k.lower() == "proxy-authorization"), None)

    def _judge(self, target, authorization):
        if self.refuse or self.refuse_once:
            status, self.refuse_once = self.refuse_once or self.refuse, None
            return status
        if self.login is not None and ("Basic" not in self.schemes or _basic(authorization) != self.login):
            return 407
        return 200

    def _refuse(self, sock, status):
        challenges = self.schemes if status == 407 else []
        head = f"HTTP/1.1 {status} No\r\n" + "".join(
            f"Proxy-Authenticate: {scheme}" + (' realm="a, b=c"' if scheme == "Basic" else "") + "\r\n"
            for scheme in challenges)
        body = b"<html>no</html>"
        self._send(sock, head.encode() + b"Content-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def _send(self, sock, data):
        if not self.pieces:
            return sock.sendall(data)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(data), self.pieces):
            sock.sendall(data[start:start + self.pieces])
            self.threads.sleep(0.002)   # a segment of its own

    def _tunnel(self, sock, target):
        if self.answer is not None:
            self._send(sock, self.answer)
            if not self.answer.split(b" ")[1:2] in ([b"200"], [b"100"]):
                return
        if self.inspect:
            self._send(sock, b"HTTP/1.1 200 OK\r\n\r\n")
            return self._inspect(sock, target)
        try:
            far = self._dial(target)
        except OSError:
            return self._refuse(sock, 502)
        with far:
            if self.answer is None:
                self._send(sock, b"HTTP/1.1 200 Connection established\r\n\r\n")
            up, down = self._pump(sock, far)
        self.log.add("proxy", "closed", target=target, up=up, down=down)

    def _dial(self, target):
        if target in self.routes:
            return socket.create_connection(("127.0.0.1", self.routes[target]))
        host, port = target.rsplit(":", 1)
        return socket.create_connection((host.strip("[]"), int(port)), 10)

    def _inspect(self, sock, target):
        near = TlsConn(sock, self.inspect)
        try:
            near.handshake()
        except (OSError, ssl.SSLError) as error:
            self.log.add("proxy", "tls-failed", error=str(error))
            return
        if self.onward is None:
            return near.close()
        far = TlsConn(self._dial(target), self.onward, target.rsplit(":", 1)[0])
        far.handshake()
        self.threads.spawn(_copy, far, near, name="proxy-down")
        _copy(near, far)
        far.close()

    def _pump(self, near, far):
        """Bytes both ways until both have ended, or one is broken."""
        counts = {near: 0, far: 0}
        other = {near: far, far: near}
        open_ends = {near, far}
        while open_ends and not self.threads.stopping.is_set():
            for sock in select.select(list(open_ends), [], [], 0.5)[0]:
                try:
                    data = sock.recv(PIECE)
                    if data:
                        other[sock].sendall(data)
                    else:
                        other[sock].shutdown(socket.SHUT_WR)
                except OSError:
                    return counts[near], counts[far]
                counts[sock] += len(data)
                if not data:
                    open_ends.discard(sock)
        return counts[near], counts[far]


def _copy(source, sink):
    while data := source.recv():
        sink.sendall(data)
    sink.finish()


def _basic(authorization):
    """"user:password" of a Basic login, or None."""
    if authorization is None or not authorization.startswith("Basic "):
        return None
    return base64.b64decode(authorization[6:]).decode()
