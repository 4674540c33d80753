"""Test case and small client for the emulator's own tests, written apart from its codec.

It can also break rules on purpose. Not a model of arc-relay-proxy.
"""

import base64
import http.client
import json
import os
import shutil
import socket
import ssl
import struct
import tempfile
import unittest
import urllib.parse

from emulator import Emulator
from tlsio import TlsConn


class Management:
    """Requests to Entra and ARM as a careful application would send them."""

    def __init__(self, emu):
        self._emu = emu
        self.token = None

    def request(self, method, path, body=None, headers=()):
        context = ssl.create_default_context(cafile=self._emu.ca_file)
        conn = http.client.HTTPSConnection("127.0.0.1", self._emu.arm_port, context=context, timeout=20)
        try:
            conn.request(method, path, body, dict(headers))
            answer = conn.getresponse()
            self.headers = answer.headers
            return answer.status, answer.read()
        finally:
            conn.close()

    def plain(self, method, url, body=None, headers=()):
        """A request without TLS: (status, document)."""
        parts = urllib.parse.urlsplit(url)
        conn = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
        try:
            conn.request(method, parts._replace(scheme="", netloc="").geturl(), body, dict(headers))
            answer = conn.getresponse()
            self.headers = answer.headers
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            conn.close()

    def login(self, **changes):
        form = {"grant_type": "client_credentials", "client_id": self._emu.entra.client,
                "client_secret": self._emu.entra.secret, "scope": f"{self._emu.management}/.default", **changes}
        status, body = self.request("POST", f"/{self._emu.entra.tenant}/oauth2/v2.0/token",
                                    urllib.parse.urlencode(form),
                                    {"Content-Type": "application/x-www-form-urlencoded"})
        doc = json.loads(body)
        self.token = doc.get("access_token")
        return status, doc

    def arm(self, method, path, doc=None, version="2023-03-15", query=""):
        body = None if doc is None else json.dumps(doc)
        status, body = self.request(method, f"{path}?api-version={version}{query}", body,
                                    {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"})
        return status, json.loads(body) if body else None

    def list_credentials(self, name, doc={"serviceName": "SSH"}, **options):
        path = self._emu.machine_id(name) + "/providers/Microsoft.HybridConnectivity/endpoints/default/listCredentials"
        return self.arm("POST", path, doc, **options)


class Dial:
    """One upgrade request to the relay; status, reason, and then frames."""

    def __init__(self, emu, relay, port=22, relay_port=None, question="?", context=None, headers=None):
        self.host = f"{relay['namespaceName']}.{relay['namespaceNameSuffix']}"
        context = context or ssl.create_default_context(cafile=emu.ca_file)
        sock = socket.create_connection(("127.0.0.1", relay_port or emu.relay_port))
        self.conn = TlsConn(sock, context, self.host)
        try:
            self.conn.handshake()
        except BaseException:
            sock.close()
            raise
        self.buffer = b""
        self.conn.sendall(self._head(relay, port, question, headers or {}))

    def _head(self, relay, port, question, changes):
        fields = {"Host": self.host, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                  "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
                  "ServiceBusAuthorization": relay["accessKey"],
                  "Microsoft-Guestgateway-Target": f"localhost:{port}",
                  "Service-Configuration-Token": relay.get("serviceConfigurationToken")}
        fields.update(changes)
        self.ident = os.urandom(8).hex()
        path = f"/$hc/{relay['hybridConnectionName']}{question}sb-hc-action=connect&sb-hc-id={self.ident}"
        lines = [f"GET {path} HTTP/1.1"] + [f"{k}: {v}" for k, v in fields.items() if v is not None]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def answer(self):
        """(status, reason phrase); headers are left in self.headers."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.headers = lines[1:]
        _, status, self.reason = lines[0].split(" ", 2)
        return int(status), self.reason

    def _more(self):
        if not self.conn.readable(20):
            raise TimeoutError
        data = self.conn.recv()
        if not data:
            raise EOFError
        self.buffer += data

    def send(self, payload, opcode=2, first=0x80, masked=True, length=None, key=None):
        n = len(payload)
        length = length or (struct.pack("!B", n) if n < 126 else struct.pack("!BH", 126, n)
                            if n < 65536 else struct.pack("!BQ", 127, n))
        length = bytes([length[0] | (0x80 if masked else 0)]) + length[1:]
        key = (key or os.urandom(4)) if masked else b""
        if masked:
            pad = (key * (n // 4 + 1))[:n]
            payload = (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(n, "big")
        self.conn.sendall(bytes([first | opcode]) + length + key + payload)

    def close_frame(self, code=1000):
        self.send(struct.pack("!H", code), opcode=8)

    def _take(self, n):
        while len(self.buffer) < n:
            self._more()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def recv(self):
        """(first byte, payload) of the next frame."""
        first, second = self._take(2)
        length = second & 127
        if length == 126:
            length = struct.unpack("!H", self._take(2))[0]
        elif length == 127:
            length = struct.unpack("!Q", self._take(8))[0]
        key = self._take(4) if second & 128 else None
        payload = self._take(length)
        return first, payload if key is None else bytes(b ^ key[i % 4] for i, b in enumerate(payload))

    def recv_payload(self, total):
        """At least so many payload bytes of data frames."""
        data = b""
        while len(data) < total:
            first, payload = self.recv()
            if first & 15 < 8:
                data += payload
        return data

    def end(self):
        """Read to the end of the stream: 'close_notify', 'fin' or 'reset'."""
        try:
            while True:
                self._more()
        except EOFError:
            return self.conn.ended_by

    def close(self):
        self.conn.close()


class EmulatorCase(unittest.TestCase):
    """Starts one emulator per test class, with an echo machine `web`."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="emulator-test-")
        cls.emu = Emulator(cls.folder).start()
        cls.emu.add_machine("web", service="echo")
        cls.relay = cls.emu.issue_credentials("web")["relay"]

    @classmethod
    def tearDownClass(cls):
        left = cls.emu.stop()
        shutil.rmtree(cls.folder)
        bugs = cls.emu.log.find(who="emulator", what="bug")
        assert not left and not bugs, (left, bugs)

    def setUp(self):
        self.emu.faults.clear()

    def dial(self, fault=None, **options):
        if fault:
            self.emu.faults.dial.append(fault)
        dial = Dial(self.emu, options.pop("relay", self.relay), **options)
        self.addCleanup(dial.close)
        return dial

    def opened(self, fault=None, **options):
        dial = self.dial(fault, **options)
        self.assertEqual(dial.answer()[0], 101)
        return dial
