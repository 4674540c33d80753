"""The opening handshake (RFC 6455 section 4.2) as the relay sees it.

Takes a request's address apart, checks the upgrade, and writes 101 heads,
right or bent by faults. Not here: who may connect to what (relay.py).
"""

import base64
import binascii
import urllib.parse
import uuid

import ws
from httpd import BadRequest, Request


class Call:
    """A request to the relay with its address taken apart."""

    def __init__(self, request, conn):
        self.request = request
        self.conn = conn
        target = request.target
        if "?" not in target:       # some clients are said to send the question mark encoded
            at = target.upper().find("%3F")
            if at >= 0:
                plain = target[:at] + "?" + target[at + 3:]
                request = Request(request.head.replace(target.encode(), plain.encode(), 1))
        self.query = request.query
        prefix, self.path = request.path[:5], urllib.parse.unquote(request.path[5:])
        if prefix != "/$hc/" or not self.path:
            raise BadRequest("the path does not begin with /$hc/")
        self.host = request.get("Host", "").partition(":")[0]
        self.action = self.query.get("sb-hc-action", "")
        self.ident = self.query.get("sb-hc-id") or str(uuid.uuid4())
        self.token = request.get("ServiceBusAuthorization") or self.query.get("sb-hc-token")

    def upgrade_problem(self):
        """What is wrong with the opening handshake (RFC 6455 section 4.2.1), or None."""
        get = self.request.get
        try:
            key = base64.b64decode(get("Sec-WebSocket-Key", ""), validate=True)
        except binascii.Error:
            key = b""
        checks = [(self.request.method == "GET", "method is not GET"),
                  (len(self.request.all("Host")) == 1, "not exactly one Host"),
                  (get("Upgrade", "").lower() == "websocket", "Upgrade is not websocket"),
                  ("upgrade" in get("Connection", "").lower(), "Connection lacks Upgrade"),
                  (get("Sec-WebSocket-Version") == "13", "Sec-WebSocket-Version is not 13"),
                  (len(key) == 16, "Sec-WebSocket-Key is not 16 bytes of base64")]
        return next((text for good, text in checks if not good), None)

    def switching_head(self, faults=()):
        """The 101, bent by faults."""
        accept = ws.accept_key(self.request.get("Sec-WebSocket-Key", ""))
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        accepts = [f"Sec-WebSocket-Accept: {accept}"]
        for fault in faults:
            if fault.kind == "head":
                return fault.data.replace(b"{accept}", accept.encode())
            if fault.kind == "no-accept":
                accepts = []
            elif fault.kind == "wrong-accept":
                accepts = [f"Sec-WebSocket-Accept: {ws.accept_key('wrong')}"]
            elif fault.kind == "duplicate-accept":
                accepts = accepts * 2
            elif fault.kind == "extension":
                lines.append(f"Sec-WebSocket-Extensions: {fault.value}")
            elif fault.kind == "subprotocol":
                lines.append(f"Sec-WebSocket-Protocol: {fault.value}")
        return ("\r\n".join(lines + accepts) + "\r\n\r\n").encode()


def refusal_head(status, reason, headers=(), body=b""):
    lines = [f"HTTP/1.1 {status} {reason}"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"Content-Length: {len(body)}", "Connection: close"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace") + body
