"""Family H: the opening handshake.  What is no WebSocket's answer delivers nothing."""

import time

import ws
from conformance.runner import ANY, Case, lost, refused
from conformance.server import GOOD_HEAD
from harness import SLOW

HELLO = ws.encode(ws.BINARY, b"hello")
CLOSE = ws.encode(ws.CLOSE, ws.close_payload(1000))

# Exit status and error id by HTTP status; all others: 76, E607.
ANSWERS = {400: (76, "E509"), 401: (77, "E503"), 403: (77, "E503"), 404: (75, "E502"), 408: (75, "E510"),
           410: (76, "E509"), 426: (76, "E608"), 429: (75, "E506"),
           **{code: (75, "E506") for code in (500, 501, 502, 503, 504, 505, 507, 511, 520, 599)}}
RETRIED = {404, 408, 429, *range(500, 600)}     # how often depends on the deadline
CODES = [200, 201, 202, 204, 206, 300, 301, 302, 303, 304, 305, 307, 308, 400, 401, 402, 403, 404, 405, 406,
         407, 408, 409, 410, 411, 413, 414, 417, 418, 421, 425, 426, 429, 431, 451, *list(ANSWERS)[9:]]

BODIES = {
    "empty": b"Content-Length: 0\r\n\r\n",
    "html": b"Content-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>",
    "chunked": b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "endless": b"Connection: close\r\n\r\n" + b"x" * 300000,
    "shaped like frames": b"Content-Length: 9\r\n\r\n" + HELLO + b"\x88\x00",
}


def status(code, body="empty", reason="Because"):
    exit_status, error = ANSWERS.get(code, (76, "E607"))
    head = f"HTTP/1.1 {code} {reason}\r\n".encode() + BODIES[body]
    return refused(f"status {code} {reason[:20]!r}, body {body}", head=head, status=exit_status, error=error,
                   says=(str(code),) if code != 404 else (), dials=ANY if code in RETRIED else 1)


def answer(*lines, first=b"HTTP/1.1 101 Switching Protocols", upgrade=b"Upgrade: websocket",
           connection=b"Connection: Upgrade", accept=b"Sec-WebSocket-Accept: {accept}"):
    return b"\r\n".join(line for line in (first, upgrade, connection, accept, *lines, b"", b"")
                        if line is not None)


def taken(name, head=None, **more):
    """An odd answer that is good all the same."""
    return Case(f"taken: {name}", _hello_and_close, head=head or GOOD_HEAD, out=b"hello", **more)


def not_taken(name, head, **more):
    """A 101 that is not from a WebSocket server, with a frame behind it."""
    return refused(f"refused: {name}", head=head + HELLO, **more)


def harmless(name, head=None, **more):
    """What may be taken or refused, if only nothing false is delivered."""
    tail = HELLO + CLOSE
    return Case(f"harmless: {name}", head=head and head + tail, out=b"hello", or_refused=True, deadline=1, leaves_s=None, **more)


def _hello_and_close(peer):
    peer.send(HELLO)
    peer.close()


GOOD = [
    taken("as the relay says it"),
    taken("Upgrade in capitals", answer(upgrade=b"Upgrade: WebSocket")),
    taken("Connection in small letters", answer(connection=b"Connection: upgrade")),
    taken("Connection with keep-alive", answer(connection=b"Connection: keep-alive, Upgrade")),
    taken("Connection twice", answer(b"Connection: keep-alive")),
    taken("names in capitals", answer(upgrade=b"UPGRADE: websocket", connection=b"CONNECTION: Upgrade",
                                      accept=b"SEC-WEBSOCKET-ACCEPT: {accept}")),
    taken("names in small letters", answer(upgrade=b"upgrade: websocket", connection=b"connection: Upgrade",
                                           accept=b"sec-websocket-accept: {accept}")),
    taken("no blank behind the colon", answer(upgrade=b"Upgrade:websocket", connection=b"Connection:Upgrade",
                                              accept=b"Sec-WebSocket-Accept:{accept}")),
    taken("other reason phrase", answer(first=b"HTTP/1.1 101 Web Socket Protocol Handshake")),
    taken("empty reason phrase", answer(first=b"HTTP/1.1 101 ")),
    taken("Date and Server", answer(b"Date: Sat, 01 Jan 2028 00:00:00 GMT", b"Server: Microsoft-HTTPAPI/2.0")),
    taken("unknown headers", answer(*(b"X-%d: %d" % (i, i) for i in range(50)))),
    taken("a header of 4 KB", answer(b"X-Long: " + b"x" * 4000)),
    taken("a cookie", answer(b"Set-Cookie: a=b; Secure")),
    taken("blanks behind the values", answer(
        upgrade=b"Upgrade: websocket ", connection=b"Connection: Upgrade\t",
        accept=b"Sec-WebSocket-Accept:   {accept} \t ")),
    taken("empty extension list", answer(b"Sec-WebSocket-Extensions:")),
]

BENT = [
    not_taken("no accept", answer(accept=None)),
    not_taken("empty accept", answer(accept=b"Sec-WebSocket-Accept:")),
    not_taken("accept of another key", answer(accept=b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")),
    not_taken("accept and more", answer(accept=b"Sec-WebSocket-Accept: {accept}x")),
    not_taken("accept, NUL and more", answer(accept=b"Sec-WebSocket-Accept: {accept}\0x")),
    not_taken("Upgrade, NUL and more", answer(upgrade=b"Upgrade: websocket\0x")),
    not_taken("blank before the colon", answer(accept=b"Sec-WebSocket-Accept : {accept}")),
    not_taken("accept in quotes", answer(accept=b'Sec-WebSocket-Accept: "{accept}"')),
    not_taken("accept twice", answer(b"Sec-WebSocket-Accept: {accept}")),
    not_taken("accept and a wrong one", answer(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")),
    not_taken("a wrong one and accept", answer(b"Sec-WebSocket-Accept: {accept}",
                                               accept=b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")),
    not_taken("accept of 5 KB", answer(accept=b"Sec-WebSocket-Accept: " + b"{accept}" * 180)),
    not_taken("accept under the name of the key", answer(accept=b"Sec-WebSocket-Key: {accept}")),
    not_taken("no Upgrade", answer(upgrade=None)),
    not_taken("empty Upgrade", answer(upgrade=b"Upgrade:")),
    not_taken("Upgrade twice", answer(b"Upgrade: websocket")),
    not_taken("Upgrade to websocket or h2c", answer(upgrade=b"Upgrade: websocket, h2c")),
    not_taken("Upgrade to h2c", answer(upgrade=b"Upgrade: h2c")),
    not_taken("Upgrade to websockets", answer(upgrade=b"Upgrade: websockets")),
    not_taken("Upgrade to websocket/13", answer(upgrade=b"Upgrade: websocket/13")),
    not_taken("no Connection", answer(connection=None)),
    not_taken("empty Connection", answer(connection=b"Connection:")),
    not_taken("Connection: close", answer(connection=b"Connection: close")),
    not_taken("Connection: keep-alive", answer(connection=b"Connection: keep-alive")),
    not_taken("Connection: not-upgrade", answer(connection=b"Connection: not-upgrade")),
    not_taken("Connection: upgraded", answer(connection=b"Connection: keep-alive, upgraded")),
    not_taken("permessage-deflate", answer(b"Sec-WebSocket-Extensions: permessage-deflate")),
    not_taken("permessage-deflate with options",
              answer(b"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover")),
    not_taken("x-webkit-deflate-frame", answer(b"Sec-WebSocket-Extensions: x-webkit-deflate-frame")),
    not_taken("unknown extension", answer(b"Sec-WebSocket-Extensions: foo")),
    not_taken("extension of 5 KB", answer(b"Sec-WebSocket-Extensions: " + b"e" * 5000)),
    not_taken("subprotocol", answer(b"Sec-WebSocket-Protocol: ssh")),
    not_taken("two subprotocols", answer(b"Sec-WebSocket-Protocol: ssh, chat")),
    not_taken("Content-Length 0", answer(b"Content-Length: 0")),
    not_taken("Content-Length 7", answer(b"Content-Length: 7")),
    not_taken("chunked", answer(b"Transfer-Encoding: chunked")),
    not_taken("Transfer-Encoding identity", answer(b"Transfer-Encoding: identity")),
    not_taken("status 1010", answer(first=b"HTTP/1.1 1010 Switching Protocols")),
    not_taken("status 10", answer(first=b"HTTP/1.1 10 Switching Protocols")),
    not_taken("status -101", answer(first=b"HTTP/1.1 -101 Switching Protocols")),
    not_taken("status 0x65", answer(first=b"HTTP/1.1 0x65 Switching Protocols")),
    not_taken("not HTTP", answer(first=b"HTPT/1.1 101 Switching Protocols"), dials=ANY),
    not_taken("RTSP", answer(first=b"RTSP/1.1 101 Switching Protocols"), dials=ANY),
    not_taken("no status line", answer(first=None), dials=ANY),
    not_taken("100 first", b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD_HEAD),
    not_taken("103 first", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + GOOD_HEAD),
    not_taken("102 first", b"HTTP/1.1 102 Processing\r\n\r\n" + GOOD_HEAD),
]


ODD = [
    harmless("lines end with LF", GOOD_HEAD.replace(b"\r\n", b"\n")),
    harmless("HTTP/1.0", answer(first=b"HTTP/1.0 101 Switching Protocols")),
    harmless("HTTP/2", answer(first=b"HTTP/2 101 Switching Protocols")),
    harmless("http in small letters", answer(first=b"http/1.1 101 Switching Protocols")),
    harmless("no reason phrase", answer(first=b"HTTP/1.1 101")),
    harmless("status 0101", answer(first=b"HTTP/1.1 0101 x")),
    harmless("two blanks before the status", answer(first=b"HTTP/1.1  101 x")),
    harmless("a blank line first", b"\r\n" + GOOD_HEAD),
    harmless("folded header", answer(b"X-Folded: a\r\n b")),
    harmless("folded accept", answer(accept=b"Sec-WebSocket-Accept:\r\n {accept}")),
    harmless("NUL in an unknown header", answer(b"X-Nul: a\0b")),
    harmless("NUL in an unknown name", answer(b"X-\0Nul: a")),
    harmless("CR in an unknown header", answer(b"X-Cr: a\rb")),
    harmless("CR before another header", answer(b"X-Cr: a\rSec-WebSocket-Protocol: ssh")),
    harmless("a line without colon", answer(b"nonsense")),
    harmless("a header without name", answer(b": x")),
    harmless("a header of one letter", answer(b"X: x")),
    harmless("half a name of a known header", answer(b"Sec-WebSocket: x")),
    harmless("bytes above ASCII", answer("X-\u00fc: \u00e9".encode())),
    harmless("empty Content-Length", answer(b"Content-Length:")),
    harmless("empty Transfer-Encoding", answer(b"Transfer-Encoding:")),
    harmless("Connection: close as well", answer(b"Connection: close")),
    harmless("Connection with a long list", answer(connection=b"Connection: " + b"x" * 70 + b", Upgrade")),
    harmless("1000 headers", answer(*(b"X-%d: %d" % (i, i) for i in range(1000)))),
    harmless("header of 12 KB", answer(b"Server: " + b"x" * 12000)),
    harmless("header of 64 KB", answer(b"X-Long: " + b"x" * 65000)),
    harmless("reason phrase of 3 KB", answer(first=b"HTTP/1.1 101 " + b"r" * 3000)),
]


def _then_fin(data):
    def answer_(peer):
        peer.send(data)
        peer.fin()
    return answer_


def _then_rst(data):
    def answer_(peer):
        peer.send(data)
        peer.rst()
    return answer_


def endless(name, begin, more):
    """A head that never ends.  32 MB is more than the kernel's buffers hold."""
    def answer_(peer):
        peer.send(begin)
        for _ in range(32 << 20 >> 13):
            peer.send(more * (8192 // len(more)))
        raise AssertionError("the client took 32 MB")
    return refused(f"endless: {name}", answer=answer_, dials=ANY)


def _slow(seconds):
    def answer_(peer):
        for byte in peer.head():
            peer.send(bytes([byte]))
            time.sleep(seconds * SLOW)
    return answer_


def cut(name, data, end=_then_fin):
    """An answer that is no HTTP, or a part of it."""
    return refused(name, answer=end(data), dials=ANY)


# No HTTP at all, or no end of it.
NOISE = [
    cut("nothing but the end", b""),
    cut("nothing but a reset", b"", _then_rst),
    cut("half a status line, the end", b"HTTP/1.1 10"),
    cut("half a head, the end", GOOD_HEAD[:60]),
    cut("half a head, a reset", GOOD_HEAD[:60], _then_rst),
    cut("an SSH server", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
    cut("frames at once", HELLO + CLOSE),
    cut("zeros", bytes(4096)),
    cut("blank lines", b"\r\n\r\n"),
    cut("random bytes", bytes(i * 167 % 251 for i in range(5000))),
    cut("HTTP/0.9", b"<html>hello</html>\r\n\r\n"),
    cut("an answer of HTTP/2", b"\0\0\x12\x04\0\0\0\0\0" + bytes(18)),
    endless("headers", b"HTTP/1.1 101 x\r\n", b"X-Endless: and on\r\n"),
    endless("value", b"HTTP/1.1 101 x\r\nX-Endless: ", b"x"),
    endless("name", b"HTTP/1.1 101 x\r\nX-", b"x"),
    endless("reason phrase", b"HTTP/1.1 101 ", b"x"),
    endless("blank lines", b"", b"\r\n"),
    refused("stall", answer=lambda peer: None, status=75, error="E510", least_s=0.9, most_s=3),
    refused("stall in the head", answer=lambda peer: peer.send(GOOD_HEAD[:80]), status=75, error="E510",
            least_s=0.9, most_s=3),
    refused("a byte now and then", answer=_slow(0.05), status=75, error="E510", least_s=0.9, most_s=3),
]

# One byte a record, and the first frames in the same record as the head.
EARLY = HELLO + ws.encode(ws.BINARY, bytes(range(256)) * 70)
EARLY_OUT = b"hello" + bytes(range(256)) * 70


def early(n):
    def answer_(peer):
        head = peer.head()
        peer.send(head + EARLY[:n], EARLY[n:])
        peer.delivered(len(EARLY_OUT))
        peer.close()
    return Case(f"{n} bytes of frames with the head", answer=answer_, out=EARLY_OUT)


def _one_write(tail):
    return lambda peer: peer.send(peer.head() + tail)


def _chopped(n):
    return lambda peer: (peer.chop(peer.head(), n), _hello_and_close(peer))


def _cut_head(at):
    def answer_(peer):
        head = peer.head()
        peer.send(head[:at], head[at:] + HELLO + CLOSE)
    return answer_


TOGETHER = [
    *(early(n) for n in (1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 100, 1400, 8000, 15000, 16000, 16200, 16384,
                         len(EARLY) - 1, len(EARLY))),
    *(Case(f"head in records of {n}", answer=_chopped(n), out=b"hello") for n in (1, 2, 3, 7, 16, 100)),
    *(Case(f"head cut at {at}", answer=_cut_head(at), out=b"hello") for at in (-1, -2, -3, -4, 5, 12, 34)),
    Case("head, frame and Close in one record", answer=_one_write(HELLO + CLOSE), out=b"hello"),
    Case("head and Close in one record", answer=_one_write(CLOSE), status=69, error="E507"),
    Case("head and violation in one record", answer=_one_write(HELLO + b"\xff\xff" + HELLO), out=b"hello",
         status=76, error="E512", close=1002),
    lost("head, frame and the end", answer=lambda peer: (peer.send(peer.head() + HELLO), peer.fin()),
         out=b"hello"),
    lost("head, half a frame and the end",
         answer=lambda peer: (peer.send(peer.head() + HELLO[:5]), peer.fin()), out=b"hel"),
    lost("head, frame and a reset", answer=lambda peer: (peer.send(peer.head() + HELLO), peer.rst()),
         out=b"hello", close=ANY),
    lost("head and the end", answer=lambda peer: (peer.send(peer.head()), peer.fin()),
         status=69, error="E507"),
]

CASES = [
    *(status(code) for code in dict.fromkeys(CODES)),
    *(status(code, body) for code in (200, 403, 404, 503) for body in BODIES if body != "empty"),
    *(status(code, reason=reason) for code in (400, 418, 503)
      for reason in ("", "\x1b[2J\x07\x7f", "r" * 400, "%s%n%x", "\xff\xfe")),
    *GOOD, *BENT, *ODD, *NOISE, *TOGETHER,
]
