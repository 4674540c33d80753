"""Families F framing, P ping and pong, R/O reserved bits and opcodes, G fragmentation."""

import random
import threading

import ws
from conformance.runner import ANY, Case, bad, lost
from harness import scaled

PATTERN = random.Random(6455).randbytes(1_000_003)     # fits no size of a buffer


def payload(size):
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


def binary(data, fin=True, opcode=ws.BINARY, **odd):
    return ws.encode(opcode, data, fin, **odd)


# --- F: lengths and chops ---


def echoed(name, size, write, **more):
    """A message that is given back: both directions are exact."""
    data = payload(size)

    def script(peer):
        write(peer, data)
        peer.receive(size)
        peer.close()
    return Case(name, script, echo=True, out=data, up=data, **more)


def whole(peer, data):
    peer.binary(data)


def chopped(n):
    return lambda peer, data: peer.chop(binary(data), n)


def text(peer, data):
    peer.send(binary(data, opcode=ws.TEXT))


def cut_header(size, at):
    """The header ends in one record, after a frame that shows it was seen, and goes on in another."""
    def write(peer, data):
        frame = binary(data[1:])
        peer.send(binary(data[:1]) + frame[:at])
        peer.delivered(1)
        peer.send(frame[at:])
    return echoed(f"{size} bytes, header cut after {at}", size + 1, write)


def streamed(peer, data):
    """What is there of a frame is delivered before the rest comes."""
    frame = binary(data)
    header = len(frame) - len(data)
    for i in range(0, len(data), 100):
        peer.send(frame[i and header + i:header + i + 100])
        peer.delivered(min(i + 100, len(data)))


SIZES = [1, 2, 3, 124, 125, 126, 127, 128, 255, 256, 1000, 4096, 16383, 16384, 16385, 32768, 65527, 65528, 65529,
         65534, 65535, 65536, 65537, 131072, 262143, 262144, 262145, 1 << 20]

def unread_empties(n):
    """Data and many empty frames by turns, while ssh reads nothing: what is passed over lies between what is kept."""
    def script(peer):
        data = payload(1 << 20)
        sender = threading.Thread(target=lambda: (peer.send(binary(data), *[(EMPTY * n + ONE) * 4] * 8), peer.close()))
        sender.start()
        peer.run.wait_full_out()
        peer.run.release()
        sender.join()
    return Case(f"empty: {n} frames by turns with data while ssh does not read", script, held=True,
                out=payload(1 << 20) + b"1" * 32)


EMPTY = binary(b"")
ONE = binary(b"1")


def empties(name, frames, out=b"1"):
    return Case(f"empty: {name}", lambda peer: (peer.send(frames), peer.close()), out=out)


FRAMING = [
    *(echoed(f"{size} bytes", size, whole) for size in SIZES),
    *(echoed(f"{size} bytes as text", size, text) for size in SIZES if size < 70000),
    *(echoed(f"{size} bytes in records of {n}", size, chopped(n))
      for n, most in ((1, 1000), (7, 5000), (64, 40000), (997, 70000), (1300, 70000), (2048, 70000), (9999, 1 << 21))
      for size in SIZES if n < size <= most),
    *(cut_header(size, at) for size, header in ((1, 2), (125, 2), (126, 4), (65535, 4), (65536, 10), (70000, 10))
      for at in range(1, header + 1)),
    echoed("5000 bytes, a hundred at a time", 5000, streamed),
    echoed("random bytes as text", 1000, text),
    empties("one frame", EMPTY + ONE),
    empties("last", ONE + EMPTY),
    empties("text", binary(b"", opcode=ws.TEXT) + ONE),
    empties("ten thousand frames", EMPTY * 10000 + ONE),
    empties("fragments first, between and last",
            binary(b"", False) + binary(b"1", False, ws.CONT) + binary(b"", False, ws.CONT)
            + binary(b"", True, ws.CONT)),
    empties("ten thousand fragments",
            binary(b"", False) + binary(b"", False, ws.CONT) * 10000 + binary(b"1", True, ws.CONT)),
    *(unread_empties(n) for n in (1, 100, 5000, 20000)),
    Case("empty: nothing else", lambda peer: (peer.send(EMPTY), peer.close()), status=69, error="E507"),
]

# --- violations, at several places ---

EVIL = b"evil"
MASKED = [(f"masked {name}", ws.encode_masked(opcode, data)) for name, opcode, data in (
    ("binary", ws.BINARY, EVIL), ("text", ws.TEXT, EVIL), ("ping", ws.PING, EVIL), ("pong", ws.PONG, b""),
    ("Close", ws.CLOSE, ws.close_payload(1000)))] + [
    ("masked with a key of zeros", ws.header(ws.BINARY, 4, masked=True) + bytes(4) + EVIL),
    ("masked empty", ws.encode_masked(ws.BINARY))]
LENGTHS = [
    *((f"{n} in 16 bits", binary(payload(n), length_bits=16)) for n in (0, 1, 125)),
    *((f"{n} in 64 bits", binary(payload(n), length_bits=64)) for n in (0, 1, 125, 126, 65535)),
    *((f"length {n:#x}", ws.header(ws.BINARY, n, length_bits=64) + EVIL)
      for n in (1 << 63, (1 << 63) + 4, (1 << 64) - 1)),
]
CONTROL = [
    *((f"opcode {opcode} of {n} bytes", ws.encode(opcode, b"c" * n))
      for opcode in (8, 9, 10) for n in (126, 127, 65536)),
    *((f"opcode {opcode}, length in {bits} bits", ws.encode(opcode, b"\x03\xe8", length_bits=bits))
      for opcode in (8, 9, 10) for bits in (16, 64)),
    *((f"fragmented opcode {opcode}", ws.encode(opcode, b"\x03\xe8", False) + ws.encode(ws.CONT, b""))
      for opcode in (8, 9, 10)),
]
RESERVED_BITS = [(f"rsv {rsv}, opcode {opcode}", ws.encode(opcode, b"\x03\xe8", rsv=rsv))
                 for opcode in (1, 2, 8, 9, 10) for rsv in range(1, 8)]
RESERVED_OPCODES = [(f"opcode {opcode}", ws.encode(opcode, EVIL)) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)]
STRAY = [("stray continuation", binary(EVIL, True, ws.CONT)),
         ("stray continuation that goes on", binary(EVIL, False, ws.CONT)),
         ("stray empty continuation", binary(b"", True, ws.CONT))]

BEFORE, AFTER = binary(b"before"), binary(b"after") + ws.encode(ws.PING, b"after")


def first(name, frame):
    return bad(f"{name}: first", lambda peer: peer.send(frame + AFTER), says=("broke the WebSocket protocol",))


def among(name, frame):
    return bad(f"{name}: between frames", lambda peer: peer.send(BEFORE + frame + AFTER), out=b"before")


def later(name, frame):
    """When all before it is delivered, byte by byte."""
    def script(peer):
        peer.send(BEFORE)
        peer.delivered(6)
        try:
            peer.chop(frame[:20], 1)
            peer.send(frame[20:] + AFTER)
        except OSError:
            pass        # the client left as early as it may
    return bad(f"{name}: byte by byte", script, out=b"before")


def inside(name, frame):
    message = binary(b"bef", False) + binary(b"ore", False, ws.CONT)
    return bad(f"{name}: inside a message", lambda peer: peer.send(message + frame + AFTER), out=b"before")


def given_away(name, frame):
    """The first two bytes are enough to tell, whatever length is announced."""
    def script(peer):
        peer.send(BEFORE + bytes([frame[0], frame[1] & 0x80 | 127]))
        peer.expect(ws.CLOSE)
    return bad(f"{name}: two bytes", script, out=b"before")


def everywhere(rows, *places):
    return [place(name, frame) for name, frame in rows for place in places]


VIOLATIONS = [
    *everywhere(MASKED + LENGTHS, first, among, later, inside),
    *everywhere(MASKED, given_away),
    *everywhere(RESERVED_BITS, among),
    *everywhere(RESERVED_BITS[::3], first, later, inside, given_away),
    *everywhere(RESERVED_OPCODES, first, among, later, inside, given_away),
    *everywhere(STRAY, first, among, later),
    # after a message of fragments has ended there is none to go on with
    *everywhere([(name, binary(b"", False) + binary(b"", True, ws.CONT) + frame) for name, frame in STRAY], among),
    bad("HTML", lambda peer: peer.send(b"<html><body>sign in</body></html>\r\n")),
    bad("HTML after data", lambda peer: peer.send(BEFORE + b"<html>"), out=b"before"),
    bad("an HTTP answer", lambda peer: peer.send(b"HTTP/1.1 200 OK\r\n\r\n")),
    bad("SSH without frames", lambda peer: peer.send(b"SSH-2.0-OpenSSH_9.2\r\n")),
    # 0x00.. is a stray continuation
    bad("zeros", lambda peer: peer.send(bytes(1000))),
]

# --- G: fragments ---


def fragmented(data, size, between=b""):
    parts = [data[i:i + size] for i in range(0, len(data), size)]
    last = len(parts) - 1
    return between.join(binary(part, i == last, ws.CONT if i else ws.BINARY) for i, part in enumerate(parts))


def in_fragments(size, n, chop=None):
    def write(peer, data):
        frames = fragmented(data, n)
        peer.chop(frames, chop or len(frames))
    return echoed(f"{size} bytes in fragments of {n}" + (f" in records of {chop}" if chop else ""), size, write)


def pong_before_the_end(n):
    """Each pong comes before the message goes on."""
    def script(peer):
        for i in range(n):
            peer.send(binary(b"%d" % i, False, ws.CONT if i else ws.BINARY))
            peer.ping(b"p%d" % i)
            peer.expect(ws.PONG, b"p%d" % i)
        peer.send(binary(b"", True, ws.CONT))
        peer.close()
    return Case(f"{n} fragments with a ping behind each", script,
                out=b"".join(b"%d" % i for i in range(n)), pongs=[b"p%d" % i for i in range(n)])


def one_write(name, frames, out, **more):
    return Case(name, lambda peer: (peer.send(frames), peer.close()), out=out, **more)


FRAGMENTS = [
    *(in_fragments(size, n) for size in (2, 3, 126, 1000, 65536, 262145) for n in (1, 2, 125, 126, 1300, 65535)
      if n < size and size // n < 20000),
    *(in_fragments(5000, n, chop) for n in (1, 3, 126, 997) for chop in (1, 13, 1024) if 5000 // n * 4 // chop < 6000),
    in_fragments(scaled(65536, 6000), 1),
    *(pong_before_the_end(n) for n in (1, 2, 10)),
    one_write("pings between fragments in one record",
              fragmented(b"abcdef", 1, ws.encode(ws.PING, b"x")), b"abcdef", pongs=[b"x"] * 5),
    one_write("pongs between fragments", fragmented(b"abcdef", 1, ws.encode(ws.PONG, b"x")), b"abcdef"),
    one_write("text in fragments", binary(b"a", False, ws.TEXT) + binary(b"b", True, ws.CONT), b"ab"),
    one_write("two messages of fragments", fragmented(b"abc", 1) * 2, b"abcabc"),
    one_write("characters cut by fragments", fragmented("\u20ac\U0001f600".encode(), 1),
              "\u20ac\U0001f600".encode()),
    *(bad(f"new message inside: opcode {opcode}, {how}",
          lambda peer, opcode=opcode, fin=fin: peer.send(binary(b"before", False) + binary(EVIL, fin, opcode) + AFTER),
          out=b"before")
      for opcode in (ws.TEXT, ws.BINARY) for how, fin in (("final", True), ("not final", False))),
    bad("new message inside, after a ping",
        lambda peer: peer.send(binary(b"before", False) + ws.encode(ws.PING) + binary(EVIL)), out=b"before", pongs=ANY),
    one_write("Close inside a message", binary(b"abc", False), b"abc"),
    lost("the end inside a message", lambda peer: (peer.send(binary(b"abc", False)), peer.fin()), out=b"abc"),
    *(lost(f"the end in a frame of {size} after {n} bytes",
           lambda peer, size=size, n=n: (peer.send(binary(payload(size))[:n]), peer.fin()),
           **({"out": payload(size)[:n - header]} if n > header else {"status": 69, "error": "E507"}))
      for size, header in ((100, 2), (5000, 4), (70000, 10)) for n in (1, 2, 3, 9, 10, 11, 90)),
]

# --- text is bytes ---

UTF8 = ["\u03ba\u1f79\u03c3\u03bc\u03b5".encode(), b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\xe0\x80\xaf",
        b"\xfe", b"\xff", b"\xc3", b"\x80", b"\xf8\x88\x80\x80\x80", b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80edited", b"\0",
        b"\xef\xbf\xbf", b"\xf0\x80\x80\x80"]
TEXTS = [one_write(f"text {data!r}, {how}", frames(data), data) for data in UTF8 for how, frames in (
    ("whole", lambda data: binary(data, opcode=ws.TEXT)),
    ("in fragments", lambda data: binary(data[:1], False, ws.TEXT) + binary(data[1:], True, ws.CONT)))]

# --- P: ping and pong ---


def pinged(name, *payloads, chop=None):
    def script(peer):
        frames = binary(b"a") + b"".join(ws.encode(ws.PING, data) for data in payloads) + binary(b"b")
        peer.chop(frames, chop or len(frames))
        peer.delivered(2)
        peer.close()
    return Case(name, script, out=b"ab", pongs=list(payloads))


def one_by_one(n):
    def script(peer):
        for i in range(n):
            peer.ping(b"%d" % i)
            peer.expect(ws.PONG, b"%d" % i)
        peer.binary(b"x")
        peer.close()
    return Case(f"{n} pings, each after the pong of the last", script, out=b"x", pongs=[b"%d" % i for i in range(n)])


def fresh_keys(n):
    """Masking keys: no two in a row the same (the parser looks), and every byte value equally often."""
    def script(peer):
        peer.send(ws.encode(ws.PING, b"k") * n, binary(b"x"))
        for _ in range(n):
            peer.expect(ws.PONG)
        seen = b"".join(peer.parser.keys[:n])
        expected = len(seen) / 256
        chi2 = sum((seen.count(value) - expected) ** 2 / expected for value in range(256))
        assert chi2 < 420, f"the masking keys are not random: chi square {chi2:.0f} of 255"
        peer.close()
    return Case(f"keys of {n} pongs", script, out=b"x", pongs=[b"k"] * n)


def ping_flood_unread(n):
    """D26: pings to a client whose writes are blocked: data keeps coming down, memory stays."""
    def script(peer):
        peer.run.wait_full()
        for i in range(n):
            peer.ping(b"%d" % i)
        peer.binary(b"still alive")
        peer.delivered(11)
        peer.run.note_memory()
        peer.receive(len(BIG))
        peer.expect(ws.PONG)
        peer.close()
    return Case(f"{n} pings while the client cannot write", script, deaf=True, stdin=BIG, up=BIG,
                out=b"still alive", pongs=ANY, rss_mb=24)


BIG = payload(12 << 20)     # more than the kernel's buffers and pipes hold


def ping_in_a_half_written_frame(k):
    """D24: the server stops reading after k bytes, pings, and reads on."""
    def script(peer):
        peer.conn.at_end()              # k bytes are here, and no more is read yet
        assert len(peer.conn.read_ahead(k)) == k
        peer.run.wait_full()
        peer.ping(b"half way")
        peer.binary(b"down")
        peer.delivered(4)
        peer.receive(len(BIG))
        peer.expect(ws.PONG, b"half way")
        peer.close()
    return Case(f"ping when {k} bytes of the client's frames are read", script, deaf=True, stdin=BIG, up=BIG,
                out=b"down", pongs=[b"half way"])


PINGS = [
    pinged("empty", b""), pinged("text", b"hello"), pinged("binary", bytes(range(256))[131:]),
    pinged("125 bytes", b"p" * 125), pinged("125 bytes in records of 1", b"p" * 125, chop=1),
    pinged("10 in one record", *(b"%d" % i for i in range(10))),
    pinged("10 in records of 1", *(b"%d" % i for i in range(10)), chop=1),
    pinged("10 empty ones", *[b""] * 10), pinged("10 of 125 bytes", *(b"%125d" % i for i in range(10))),
    pinged("1000 at once", *(b"%d" % i for i in range(1000))),
    *(pinged(f"of {n} bytes", b"p" * n) for n in (1, 4, 5, 63, 64, 124)),
    one_by_one(scaled(500, 50)),
    fresh_keys(5000),
    one_write("unsolicited pong", ws.encode(ws.PONG, b"x") + ONE, b"1"),
    one_write("unsolicited empty pong", ws.encode(ws.PONG) + ONE, b"1"),
    one_write("unsolicited pong, then ping", ws.encode(ws.PONG, b"x") + ws.encode(ws.PING, b"y") + ONE, b"1",
              pongs=[b"y"]),
    one_write("a thousand pongs", ws.encode(ws.PONG, b"q" * 125) * 1000 + ONE, b"1"),
    Case("ping and Close in one record",
         lambda peer: peer.send(ONE + ws.encode(ws.PING, b"p") + ws.encode(ws.CLOSE, b"\x03\xe8")),
         out=b"1", pongs=[b"p"]),
    ping_flood_unread(20000),
    *(ping_in_a_half_written_frame(k) for k in (1, 7, 8, 9, 1000, 16384, 65528, 65536, 65537)),
    *everywhere(CONTROL, first, among, later, inside),
]
