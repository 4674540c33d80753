"""Families L limits and T the TLS layer."""

import ws
from conformance.framing import binary, chopped, echoed, fragmented, in_fragments, payload, text, whole
from conformance.runner import ANY, Case, lost
from harness import scaled

ONE = binary(b"1")
MB = 1 << 20
MEMORY_MB = 24          # rings, TLS and libraries; nothing grows with what a peer announces


def announced(size, sent, how, name):
    """A frame of size bytes, of which only some come."""
    def script(peer):
        peer.send(ws.header(ws.BINARY, size, length_bits=64))
        peer.send(payload(sent))
        peer.delivered(sent)
        peer.run.note_memory()
        how(peer)
    return lost(f"frame of {size:#x} bytes, {name} after {sent}", script, out=payload(sent), close=ANY,
                rss_mb=MEMORY_MB)


def small(name, frames, out, **more):
    def script(peer):
        peer.send(frames)
        peer.delivered(len(out))
        peer.run.note_memory()
        peer.close()
    return Case(name, script, out=out, rss_mb=MEMORY_MB, **more)


def one_frame(size):
    def write(peer, data):
        peer.binary(data)
        peer.receive(size)
        peer.run.note_memory()
    return echoed(f"one frame of {size} bytes", size, write, rss_mb=MEMORY_MB)


def round_trips(n, size):
    data = payload(size)

    def script(peer):
        for i in range(1, n + 1):
            peer.binary(data)
            peer.receive(i * size)
        peer.close()
    return Case(f"{n} round trips of {size} bytes", script, echo=True, out=data * n, up=data * n)


def left_inside(size):
    """ssh leaves in the middle of a frame that never ends."""
    def script(peer):
        peer.send(ws.header(ws.BINARY, size, length_bits=64) + payload(1000))
        peer.delivered(1000)
        peer.run.eof()
        peer.expect(ws.CLOSE)
        peer.fin()
    return Case(f"ssh leaves inside a frame of {size:#x} bytes", script, out=payload(1000))


LARGE = scaled(16, 2) * MB
MANY = scaled(1000000, 30000)

LIMITS = [
    *(announced(size, sent, how, name)
      for size, sent in (((1 << 31) + 1, MB), ((1 << 32) + 5, 4 * MB), (1 << 62, MB), ((1 << 63) - 1, 1000))
      for name, how in (("the end", lambda peer: peer.fin()), ("close_notify", lambda peer: peer.fin(True)),
                        ("a reset", lambda peer: peer.rst()))),
    left_inside(1 << 32), left_inside((1 << 63) - 1),
    *(one_frame(size) for size in (MB, 4 * MB, LARGE)),
    *(in_fragments(4 * MB if n >= 1024 else scaled(MB, 100000), n)
      for n in (64, 256, 1024, 4096, 16384, 65536, 262144, MB)),
    *(echoed(f"{scaled(MB, 100000)} bytes of text in records of {n}", scaled(MB, 100000), chopped(n))
      for n in (64, 128, 256, 512, 1024, 2048)),
    echoed("a megabyte of text", MB, text),
    small(f"{MANY} frames of a byte", b"".join([ONE]) * MANY, b"1" * MANY),
    small(f"{MANY} empty frames", binary(b"") * MANY + ONE, b"1"),
    small(f"{MANY} pongs", ws.encode(ws.PONG) * MANY + ONE, b"1"),
    small(f"{MANY // 10} pings", (ws.encode(ws.PING) + ONE) * (MANY // 10), b"1" * (MANY // 10), pongs=ANY),
    small("65536 fragments of a byte", fragmented(payload(65536), 1), payload(65536)),
    *(round_trips(scaled(500, 50), size) for size in (1, 16, 64, 256, 1024, 4096)),
]

# --- T ---


def each_version(make):
    return [make(version) for version in ("1.2", "1.3")]


def named(name, version, case):
    case.name, case.tls = f"TLS {version}: {name}", version
    return case


def bytewise(peer, data):
    """TCP segments of a byte."""
    peer.segments(binary(data), 1)


def three_records(peer, data):
    """Records that end inside the header and inside the payload, all in one segment."""
    frame = binary(data)
    peer.tls(lambda tls: (tls.write(frame[:1]), tls.write(frame[1:10]), tls.write(frame[10:])))


def many_in_one(peer, data):
    peer.send(b"".join(binary(data[i:i + 3]) for i in range(0, len(data), 3)))


def sixteen_records(peer, data):
    step = len(data) // 16
    peer.tls(lambda tls: [tls.write(binary(data[i:i + step])) for i in range(0, len(data), step)])


def spoilt(name, spoil, **more):
    """A record that is not what was sent: nothing of it and nothing after it is delivered."""
    def make(version):
        def script(peer):
            peer.binary(b"before")
            records = [peer.conn.records(lambda tls, data=data: tls.write(binary(data)))
                       for data in (b"evil" * 10, b"after")]
            peer.conn.send_below_tls(spoil(records[0]) + records[1])
            peer.fin()
        return named(name, version, lost(name, script, out=b"before", close=ANY, **more))
    return each_version(make)


def flip(at):
    def spoil(record):
        record = bytearray(record)
        record[at] ^= 0x20
        return bytes(record)
    return spoil


def cut_short(peer):
    """The connection ends inside a record: none of the record can be trusted."""
    peer.binary(b"before")
    peer.conn.send_below_tls(peer.conn.records(lambda tls: tls.write(binary(b"evil" * 100)))[:200])
    peer.fin()


def _with(tls_message, data=b"after"):
    """Something of TLS itself between two frames, in records of its own and in one segment."""
    def script(peer):
        peer.binary(b"before")
        peer.delivered(6)
        peer.tls(tls_message)
        peer.binary(data)
        peer.delivered(6 + len(data))
        peer.tls(lambda tls: (tls.write(binary(b"x")), tls_message(tls), tls.write(binary(b"y"))))
        peer.delivered(8 + len(data))
        peer.receive(8 + len(data))
        peer.close()
    return script


def tls_messages(name, message, tls="native 1.3", data=b"after"):
    out = b"before" + data + b"xy"
    return Case(f"{tls}: {name}", _with(message, data), tls=tls, echo=True, out=out, up=out)


def inside_a_frame(name, message):
    """The same between the bytes of one frame."""
    def script(peer):
        frame = binary(payload(300))
        for i in range(len(frame)):
            peer.send(frame[i:i + 1])
            if i % 20 < 3:
                peer.tls(message)
        peer.receive(300)
        peer.close()
    return Case(f"native 1.3: {name} inside a frame", script, tls="native 1.3", echo=True, out=payload(300),
                up=payload(300))


def tickets_with_the_head(cut):
    """The session tickets come with the answer and the first frames, in segments cut there."""
    def answer(peer):
        data = peer.held + peer.conn.records(lambda tls: tls.write(peer.head() + ONE))
        peer.conn.send_below_tls(data[:cut])
        if data[cut:]:
            peer.conn.wait_sent()
            peer.conn.send_below_tls(data[cut:])
        peer.delivered(1)
        peer.close()
    return Case(f"tickets with the answer, cut at {cut}", tls="held tickets", answer=answer, out=b"1")


def _hello_request(peer):
    """TLS 1.2: the client does not negotiate again; it says so in an alert, which ends our side."""
    peer.binary(b"before")
    peer.delivered(6)
    peer.tls(lambda tls: tls.hello_request())
    assert peer.read_to_the_end(), "no answer to HelloRequest"
    assert peer.conn.ended_by == "tls-error", peer.conn.ended_by
    peer.fin()


def _data_after_close_notify(peer):
    peer.binary(b"before")
    records = peer.conn.records(lambda tls: tls.write(binary(b"evil")))
    peer.tls(lambda tls: _unwrap(tls))
    peer.conn.send_below_tls(records)
    peer.fin()


def _unwrap(tls):
    try:
        tls.unwrap()
    except OSError:         # want-read: the peer's close_notify is not here
        pass


def update(ask):
    return lambda tls: tls.key_update(ask)


TLS = [
    *(named(name, version, echoed(name, size, write))
      for version in ("1.2", "1.3") for name, size, write in (
          ("a frame", 1000, whole), ("a megabyte", MB, whole), ("records of a byte", 300, chopped(1)),
          ("segments of a byte", 300, bytewise), ("a frame in three records", 1000, three_records),
          ("many frames in a record", 15000, many_in_one), ("sixteen records in a segment", 160000, sixteen_records),
          ("records of 16383 bytes", 200000, chopped(16383)))),
    *(named(f"{name} and no Close", version, lost(name, script, out=b"1"))
      for version in ("1.2", "1.3") for name, script in (
          ("close_notify", lambda peer: (peer.send(ONE), peer.fin(True))),
          ("no close_notify", lambda peer: (peer.send(ONE), peer.fin(False))))),
    *(named("close_notify, then data", version, lost("", _data_after_close_notify, out=b"before", close=ANY))
      for version in ("1.2", "1.3")),
    *(named("the end inside a record", version, lost("", cut_short, out=b"before", close=ANY))
      for version in ("1.2", "1.3")),
    *(case for at in (0, 1, 3, 5, 6, 12, 20, -17, -16, -1) for case in spoilt(f"a bit flipped at {at}", flip(at))),
    *spoilt("a record twice", lambda record: b"" + record[:0] + b"\x17\x03\x03\x00\x13" + bytes(19)),
    *spoilt("a record missing", lambda record: b""),
    *spoilt("plain bytes", lambda record: b"HTTP/1.1 400 Bad Request\r\n\r\n" * 3),
    *spoilt("zeros", lambda record: bytes(100)),
    *spoilt("plain fatal alert", lambda record: b"\x15\x03\x03\x00\x02\x02\x28"),
    *spoilt("too long a record", lambda record: b"\x17\x03\x03\xff\xff" + bytes(70000)),
    *spoilt("a frame outside TLS", lambda record: binary(b"evil")),
    tls_messages("nothing", lambda tls: None), tls_messages("nothing", lambda tls: None, "native 1.2"),
    tls_messages("a session ticket", lambda tls: tls.new_ticket()),
    tls_messages("ten session tickets", lambda tls: [tls.new_ticket() for _ in range(10)]),
    tls_messages("new keys", update(False)), tls_messages("new keys on both sides", update(True)),
    tls_messages("new keys ten times", lambda tls: [tls.key_update(False) for _ in range(10)]),
    tls_messages("new keys, a ticket and a megabyte", lambda tls: (tls.key_update(True), tls.new_ticket()),
                 data=payload(MB)),
    tls_messages("padded records", lambda tls: tls.pad_records(512)),
    tls_messages("much padding", lambda tls: tls.pad_records(16384), data=payload(50000)),
    *(tls_messages("records of 512 bytes", lambda tls: tls.short_records(512), tls, payload(200000))
      for tls in ("native 1.2", "native 1.3")),
    inside_a_frame("new keys", update(False)), inside_a_frame("new keys on both sides", update(True)),
    inside_a_frame("a ticket", lambda tls: tls.new_ticket()),
    lost("native 1.2: HelloRequest", _hello_request, tls="native 1.2", out=b"before", close=ANY, truncated=True),
    *(tickets_with_the_head(cut) for cut in (1, 4, 5, 6, 50, 100, 250, 260, 300, 510, 520, 600, 100000)),
]
