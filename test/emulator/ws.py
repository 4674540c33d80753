"""A strict RFC 6455 codec, written for judging a client and for sending any bytes.

FrameReader reads frames and reports every rule the sender breaks; it goes on
as well as it can, so that one test sees all of them. The encoders can also
produce frames that no correct endpoint would send.
Not here: what frames mean to the relay, and connections.
"""

import base64
import hashlib
import os
import struct

from tlsio import Gone

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
OPCODES = {CONT, TEXT, BINARY, CLOSE, PING, PONG}
FRAME_LIMIT = 64 * 1024 * 1024
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

# XOR_TABLES[k] maps each byte b to b ^ k: bytes.translate() then masks at C speed.
XOR_TABLES = [bytes(byte ^ key for byte in range(256)) for key in range(256)]


def accept_key(key):
    """Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455 section 4.2.2)."""
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def mask(payload, key):
    """XOR with the masking key, a whole payload at a time."""
    out = bytearray(len(payload))
    for i in range(4):
        out[i::4] = payload[i::4].translate(XOR_TABLES[key[i]])
    return out


def header(opcode, length, fin=True, rsv=0, masked=False, length_bits=None):
    """A frame header; length_bits 16 or 64 forces a longer form than needed."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    bit = 0x80 if masked else 0
    if length_bits is None:
        length_bits = 7 if length < 126 else 16 if length < 65536 else 64
    if length_bits == 7:
        return struct.pack("!BB", first, bit | length)
    if length_bits == 16:
        return struct.pack("!BBH", first, bit | 126, length)
    return struct.pack("!BBQ", first, bit | 127, length)


def encode(opcode, payload=b"", fin=True, **odd):
    """A server's frame: not masked."""
    return b"".join((header(opcode, len(payload), fin, **odd), payload))


def encode_masked(opcode, payload=b"", fin=True):
    """A client's frame."""
    key = os.urandom(4)
    return b"".join((header(opcode, len(payload), fin, masked=True), key, mask(payload, key)))


def close_payload(code, reason=""):
    return b"" if code is None else struct.pack("!H", code) + reason.encode()[:123]


class Frame:
    __slots__ = ("opcode", "fin", "payload")

    def __init__(self, opcode, fin, payload):
        self.opcode = opcode
        self.fin = fin
        self.payload = payload

    @property
    def close_code(self):
        return struct.unpack("!H", self.payload[:2])[0] if len(self.payload) >= 2 else None

    @property
    def close_reason(self):
        return bytes(self.payload[2:]).decode("utf-8", "replace")


class FrameReader:
    """Reads frames from a connection; report(rule, detail) is told of each violation."""

    def __init__(self, conn, report, from_client):
        self._conn = conn
        self._report = report
        self._from_client = from_client
        self._in_message = False
        self._closed = False
        self._last_key = None
        self._keys = set()
        self._frames = 0

    def next(self):
        """The next frame; None at the end of the stream; Gone if it ends inside a frame."""
        if self._conn.at_end():
            return None
        first, second = self._conn.read_exact(2)
        opcode, fin, length = first & 15, bool(first & 0x80), second & 0x7F
        if self._closed:
            self._report("frame-after-close", f"opcode {opcode}")
        if first & 0x70:
            self._report("rsv-bits", f"first byte {first:#04x}")
        length = self._read_length(length)
        self._check_opcode(opcode, fin, length)
        self._frames += 1
        payload = self._read_payload(length, bool(second & 0x80))
        if opcode == CLOSE:
            self._closed = True
            self._check_close(payload)
        return Frame(opcode, fin, payload)

    def _read_length(self, length):
        if length < 126:
            return length
        size = 2 if length == 126 else 8
        value = int.from_bytes(self._conn.read_exact(size), "big")
        if value < (126 if size == 2 else 65536):
            self._report("length-not-minimal", f"{value} in {size} bytes")
        if value > FRAME_LIMIT:
            self._report("frame-too-big", f"{value} bytes")
            raise Gone("cannot go on after a frame of that size")
        return value

    def _check_opcode(self, opcode, fin, length):
        if opcode not in OPCODES:
            self._report("reserved-opcode", f"opcode {opcode}")
        elif opcode >= CLOSE:
            if length > 125:
                self._report("control-too-long", f"{length} bytes")
            if not fin:
                self._report("control-fragmented", f"opcode {opcode}")
        else:
            self._check_data(opcode, fin, length)

    def _check_data(self, opcode, fin, length):
        if opcode == CONT and not self._in_message:
            self._report("stray-continuation", "")
        if opcode != CONT and self._in_message:
            self._report("message-inside-message", f"opcode {opcode}")
        if length == 0:
            self._report("empty-data-frame", "")
        self._in_message = not fin

    def _read_payload(self, length, masked):
        if masked != self._from_client:
            self._report("not-masked" if self._from_client else "masked", "")
        if not masked:
            return self._conn.read_exact(length)
        key = bytes(self._conn.read_exact(4))
        self._check_key(key)
        return mask(self._conn.read_exact(length), key)

    def _check_key(self, key):
        """Keys must be fresh. A few repeats are chance (32 random bits), many are not."""
        if key == self._last_key:
            self._report("masking-key-repeated", key.hex())
        self._last_key = key
        if len(self._keys) < 65536:
            self._keys.add(key)
            if self._frames == 4096 and len(self._keys) < 4090:
                self._report("masking-keys-not-random", f"{len(self._keys)} different in {self._frames}")

    def _check_close(self, payload):
        if len(payload) == 1:
            self._report("close-payload", "one byte")
        code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1000
        if not (code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014)
                or 3000 <= code < 5000):
            self._report("close-code", str(code))
        try:
            payload[2:].decode()
        except UnicodeDecodeError:
            self._report("close-reason", "not UTF-8")
