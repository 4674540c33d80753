"""Just enough of an HTTP/1.1 server (RFC 9112) for the emulated services.

Reads requests strictly, answers JSON, applies the scripted faults of the
management side. Not here: what the answers say, and WebSocket.
"""

import json
import re
import urllib.parse
import uuid

REASONS = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 302: "Found", 307: "Temporary Redirect",
           400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
           408: "Request Timeout", 409: "Conflict", 410: "Gone", 412: "Precondition Failed",
           415: "Unsupported Media Type", 429: "Too Many Requests", 500: "Internal Server Error",
           502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEAD_LIMIT = 65536


class BadRequest(Exception):
    """The bytes are not a request."""


class Request:
    """A parsed request head; names of headers are compared without case."""

    def __init__(self, head):
        self.head = head
        lines = head.decode("latin-1").split("\r\n")
        parts = lines[0].split(" ")
        if len(parts) != 3 or not TOKEN.fullmatch(parts[0]):
            raise BadRequest(f"request line {lines[0]!r}")
        self.method, self.target, self.version = parts
        if self.version != "HTTP/1.1":
            raise BadRequest(f"version {self.version!r}")
        self.headers = [_header(line) for line in lines[1:]]
        self.path, _, query = self.target.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        self.body = b""

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    def json(self):
        """The body as a JSON object, {} if empty; BadRequest otherwise."""
        if not self.body.strip():
            return {}
        try:
            doc = json.loads(self.body)
        except ValueError as error:
            raise BadRequest(f"body is not JSON: {error}") from None
        if not isinstance(doc, dict):
            raise BadRequest("body is not a JSON object")
        return doc


def _header(line):
    name, colon, value = line.partition(":")
    if not colon or not TOKEN.fullmatch(name) or "\r" in value or "\n" in value or "\0" in value:
        raise BadRequest(f"header line {line!r}")
    return name, value.strip(" \t")


def read_head(conn):
    """The next request on the connection, or None if the peer has no more."""
    if conn.at_end():
        return None
    head = conn.read_until(b"\r\n\r\n", HEAD_LIMIT)
    if head is None:
        raise BadRequest("head too long")
    return Request(head)


def _read_body(conn, request):
    if request.get("Expect", "").lower() == "100-continue":
        conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if "chunked" in request.get("Transfer-Encoding", "").lower():
        return _read_chunks(conn)
    length = request.get("Content-Length", "0")
    if not length.isdigit():
        raise BadRequest(f"Content-Length {length!r}")
    return bytes(conn.read_exact(int(length)))


def _read_chunks(conn):
    body = b""
    while True:
        line = b""
        while not line.endswith(b"\r\n"):
            line += conn.read_exact(1)
        size = int(line.split(b";")[0], 16)
        body += conn.read_exact(size)
        if conn.read_exact(2) != b"\r\n":
            raise BadRequest("chunk without its end")
        if size == 0:
            return body


class Answer:
    """A response: status, JSON document or raw body, headers."""

    def __init__(self, status, doc=None, headers=(), body=None, content_type="application/json; charset=utf-8"):
        self.status = status
        self.doc = doc
        self.headers = list(headers)
        self._body = body
        self.content_type = content_type

    def body(self):
        if self._body is not None:
            return self._body
        return b"" if self.doc is None else json.dumps(self.doc).encode()

    def encode(self, body=None, keep_alive=True):
        body = self.body() if body is None else body
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.status != 204:
            lines += [f"Content-Type: {self.content_type}", f"Content-Length: {len(body)}"]
        if not keep_alive:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"), body


def request_ids():
    """The headers by which Azure's support finds a request again."""
    return [("x-ms-request-id", str(uuid.uuid4())), ("x-ms-correlation-request-id", str(uuid.uuid4()))]


def serve(conn, answer, threads):
    """Answer requests until the connection ends.

    answer(request) gives (Answer, list of faults); the faults shape how it is sent.
    """
    while True:
        try:
            request = read_head(conn)
            if request is None:
                return
            request.body = _read_body(conn, request)
        except BadRequest as error:
            _send(conn, Answer(400, {"error": {"code": "BadRequest", "message": str(error)}}), False)
            conn.finish_and_linger()
            return
        response, faults = answer(request)
        keep_alive = request.get("Connection", "").lower() != "close"
        if not _deliver(conn, response, faults, keep_alive, threads):
            conn.finish_and_linger()
            return


def _send(conn, response, keep_alive):
    head, body = response.encode(keep_alive=keep_alive)
    conn.sendall(head + body)


def _deliver(conn, response, faults, keep_alive, threads):
    """Send the response as the faults say; False if the connection is over."""
    for fault in faults:
        if fault.kind == "delay" and not threads.sleep(fault.seconds):
            return False
        if fault.kind == "edit":
            response.doc = fault.script(response.doc)
        if fault.kind in ENDINGS:
            return ENDINGS[fault.kind](conn, response, fault, threads)
    _send(conn, response, keep_alive)
    return keep_alive


def _stall(conn, response, fault, threads):
    conn.drain()
    return False


def _drop(conn, response, fault, threads):
    conn.drop(fault.how)
    return False


def _raw(conn, response, fault, threads):
    conn.sendall(fault.data)
    conn.finish()
    return False


def _truncate(conn, response, fault, threads):
    head, body = response.encode()
    conn.sendall(head + body[:fault.keep])
    conn.finish(close_notify=False)
    return False


def _slow(conn, response, fault, threads):
    head, body = response.encode(keep_alive=False)
    data = head + body
    for start in range(0, len(data), fault.size):
        conn.sendall(data[start:start + fault.size])
        if not threads.sleep(fault.seconds):
            break
    return False


ENDINGS = {"stall": _stall, "drop": _drop, "raw": _raw, "truncate": _truncate, "slow": _slow}
