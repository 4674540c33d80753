"""Families C Close and X races between the two directions."""

import signal
import threading
import time

import ws
from conformance.framing import BEFORE, BIG, binary, payload
from conformance.runner import ANY, Case, bad, lost
from conformance.server import Peer
from harness import MODE, SLOW

ONE = binary(b"1")
LINGER_S = 2            # what the client waits for after its own Close


def close_frame(code=None, reason=b"", tail=b""):
    return ws.encode(ws.CLOSE, (b"" if code is None else code.to_bytes(2, "big")) + reason + tail)


def closed(name, frame, code, says=(), send=None, reply=None):
    """Data, then a good Close, which is answered with the same code."""
    status = 0 if code in (1000, None) else 74
    return Case(name, send or (lambda peer: peer.send(ONE + frame)), out=b"1", status=status,
                error="E512" if status else None, says=says, close=reply or code or 1000)


def broken(name, frame):
    """Data, then a Close that is none."""
    return bad(f"bad Close: {name}", lambda peer: peer.send(ONE + frame), out=b"1",
               says=("broke the WebSocket protocol",))


def first(name, frame, **more):
    """Before a byte of data: the SSH server said nothing."""
    return Case(f"{name}, no data", lambda peer: peer.send(frame), **{"status": 69, "error": "E507", **more})


VALID = [1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3001, 3999, 4000, 4999]
INVALID = [0, 1, 2, 100, 500, 999, 1004, 1005, 1006, 1015, 1016, 1017, 1100, 1999, 2000, 2500, 2999, 5000, 5001,
           10000, 32768, 65535]
REASONS = [b"bye", b"r" * 123, "\u20ac\U0001f600".encode(), b"\x1b[2J\x1b]0;x\x07", b"\n{}\"\\", b"%s%n", b"\0"]
NOT_UTF8 = [b"\x80", b"\xff", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\x80", b"\xed\xa0\x80", b"\xed\xbf\xbf",
            b"\xf4\x90\x80\x80", b"\xc3", b"a\xe2\x82", b"\xf8\x88\x80\x80\x80", b"ok\xce", b"\xfe"]


def _byte_by_byte(frame):
    return lambda peer: peer.chop(ONE + frame, 1)


def _then(*more):
    """Data and a Close, and something behind it that counts for nothing."""
    return lambda peer: peer.send(ONE + close_frame(1000) + b"".join(more))


def _ends(how, frames):
    def script(peer):
        peer.send(frames)
        how(peer)
    return script


def rst(peer):
    peer.rst()


def fin(peer):
    peer.fin()


def notify(peer):
    peer.fin(close_notify=True)


CLOSES = [
    *(closed(f"Close {code}", close_frame(code), code, () if code == 1000 else (str(code),)) for code in VALID),
    closed("Close without code", close_frame(), None),
    *(closed(f"Close {code} with {reason!r}", close_frame(code, reason), code)
      for code in (1000, 1011, 4000) for reason in REASONS),
    closed("1001 is explained", close_frame(1001, b"gone"), 1001, ("removed or the agent restarted",)),
    closed("1008 is explained", close_frame(1008, b"token"), 1008, ("credential expired",)),
    closed("1011 tells its reason", close_frame(1011, b"no such thing"), 1011, ("1011", "no such thing")),
    *(closed(f"Close {code} byte by byte", None, code, send=_byte_by_byte(close_frame(code, b"why")))
      for code in (1000, 1001, 1011)),
    *(broken(f"code {code}", close_frame(code)) for code in INVALID),
    *(broken(f"code {code} with a reason", close_frame(code, b"x")) for code in (999, 1005, 1006, 5000)),
    *(broken(f"reason {reason!r}", close_frame(1000, reason)) for reason in NOT_UTF8),
    broken("one byte", ws.encode(ws.CLOSE, b"\x03")),
    broken("reason of 124 bytes", close_frame(1000, b"r" * 124)),
    broken("not final", ws.encode(ws.CLOSE, b"\x03\xe8", False)),
    bad("one byte, no data", lambda peer: peer.send(ws.encode(ws.CLOSE, b"\x03"))),
    *(first(f"Close {code}", close_frame(code), close=code) for code in (1000, 1001, 1008, 1011)),
    first("Close without code", close_frame()),
    first("Close after empty frames", binary(b"") * 3 + close_frame(1000)),
    # after a Close nothing counts any more
    closed("a second Close", close_frame(1000), 1000, send=_then(close_frame(1011))),
    closed("data after Close", close_frame(1000), 1000, send=_then(binary(b"evil"))),
    closed("ping after Close", close_frame(1000), 1000, send=_then(ws.encode(ws.PING, b"p"))),
    closed("violation after Close", close_frame(1000), 1000, send=_then(b"\xff" * 100)),
    closed("a lot after Close", close_frame(1000), 1000, send=_then(binary(payload(60000)))),
    closed("Close inside a message", close_frame(1000), 1000,
           send=lambda peer: peer.send(binary(b"1", False) + close_frame(1000))),
    closed("Close and the end", close_frame(1000), 1000, send=_ends(fin, ONE + close_frame(1000))),
    closed("Close and close_notify", close_frame(1000), 1000, send=_ends(notify, ONE + close_frame(1000))),
    closed("Close 1001 and the end", close_frame(1001), 1001, send=_ends(fin, ONE + close_frame(1001))),
    Case("Close and reset", _ends(rst, ONE + close_frame(1000)), out=b"1", close=ANY, truncated=True),
    Case("Close 1011 and reset", _ends(rst, ONE + close_frame(1011)), out=b"1", close=ANY, truncated=True,
         status=74, error="E512"),
    Case("big data, Close", lambda peer: (peer.binary(payload(1 << 20)), peer.close()), out=payload(1 << 20)),
    # no Close at all
    *(lost(f"no Close: {name}", _ends(how, ONE), out=b"1", says=("without a word",), close=ANY)
      for name, how in (("the end", fin), ("close_notify", notify), ("reset", rst))),
    *(Case(f"no Close, no data: {name}", _ends(how, b""), status=69, error="E507", close=ANY)
      for name, how in (("the end", fin), ("close_notify", notify), ("reset", rst))),
    *(lost(f"a part of a Close, {n} bytes", _ends(fin, ONE + close_frame(1000, b"reason")[:n]), out=b"1")
      for n in range(1, 10)),
    *(lost(f"{name} inside a frame after {n} bytes", _ends(how, binary(payload(5000))[:4 + n]), out=payload(n),
           close=ANY)
      for name, how in (("the end", fin), ("close_notify", notify), ("reset", rst)) for n in (1, 100, 4999)),
    *(lost(f"{name} after a megabyte", _ends(how, binary(payload(1 << 20))), out=payload(1 << 20), close=ANY)
      for name, how in (("the end", fin), ("close_notify", notify), ("reset", rst))),
    lost("the end inside a ping", _ends(fin, ONE + ws.encode(ws.PING, b"12345")[:4]), out=b"1"),
]

# --- X ---


def after_eof(name, then, **more):
    """ssh says "abc" and leaves; then(peer) follows the client's Close."""
    def script(peer):
        frame = peer.expect(ws.CLOSE)
        assert frame.close_code == 1000 and peer.data == b"abc", (frame.close_code, peer.data)
        then(peer)
    return Case(f"ssh left: {name}", script, **{"stdin": b"abc", "eof": True, "up": b"abc", **more})


def _now_and_then(peer):
    """Each byte begins the wait anew."""
    for _ in range(4):
        time.sleep(0.7 * LINGER_S)
        peer.binary(b"x")
    peer.close()


def _late(peer):
    time.sleep(0.75 * LINGER_S)
    peer.binary(b"late reply")
    peer.close()


def crossing(i):
    """Both sides close at the same moment."""
    def script(peer):
        peer.binary(b"1")
        peer.delivered(1)
        for step in (peer.run.eof, peer.close) if i % 2 else (peer.close, peer.run.eof):
            step()
    return Case(f"crossing Closes, {i}", script, out=b"1", stdin=b"abc" * (i % 3), up=b"abc" * (i % 3))


def end_crossing(i, name, how):
    """The connection ends while ssh leaves: all that was delivered before is there, and no alarm."""
    def script(peer):
        peer.binary(b"1")
        peer.delivered(1)
        peer.run.eof()
        peer.expect(ws.CLOSE)
        how(peer)
        peer.rst()
    return Case(f"the client's Close crosses {name}a reset, {i}", script, out=b"1")


def _prefix(data):
    return BIG.startswith(data)


def _close_while_sending(peer):
    peer.receive(1 << 20)
    peer.binary(b"enough")
    peer.close()


def _close_while_blocked(peer):
    peer.run.wait_full()
    peer.binary(b"enough")
    peer.close()
    peer.delivered(6)


def _close_while_blocked_never_read(peer):
    _close_while_blocked(peer)
    peer.run.child.wait(CHILD_S)


CHILD_S = 15 * SLOW


def while_blocked(name, how, **more):
    """The connection ends while the client's writes are blocked: what came down is delivered, at once."""
    def script(peer):
        peer.run.wait_full()
        peer.binary(b"last words")
        how(peer)
        peer.run.child.wait(CHILD_S)
    return lost(f"{name} while the client cannot write", script, deaf=True, stdin=BIG, up=ANY, close=ANY,
                truncated=True, out=b"last words", **more)


def _slow_reader(peer):
    """The wait after the Close counts from the last byte that went on (D58)."""
    data = payload(1 << 21)
    sender = threading.Thread(target=lambda: (peer.binary(data, data), peer.close()), daemon=True)
    sender.start()
    time.sleep(1.5 * LINGER_S)
    peer.run.release()
    peer.delivered(2 * len(data))
    sender.join()


def signalled(number):
    def script(peer):
        peer.receive(3)
        peer.binary(b"1")
        peer.delivered(1)
        peer.run.signal(number)
        peer.expect(ws.CLOSE)
        peer.close()
    return Case(f"{number.name} after data", script, stdin=b"abc", up=b"abc", out=b"1")


def _both_ways(peer):
    data = payload(1 << 20)
    for i in range(0, len(data), 1 << 16):
        peer.binary(data[i:i + (1 << 16)])
    peer.receive(len(BIG))
    peer.delivered(len(data))
    peer.close()


def _reply_to_nothing_read(peer):
    """D30: neither side reads at first."""
    data = payload(1 << 21)
    sender = threading.Thread(target=lambda: peer.binary(data), daemon=True)
    sender.start()
    peer.run.wait_full()
    peer.run.release()
    peer.delivered(len(data))
    sender.join()
    peer.receive(len(BIG))
    peer.close()


RACES = [
    after_eof("Close follows", lambda peer: peer.close()),
    after_eof("Close without code follows", lambda peer: peer.send(close_frame())),
    after_eof("Close 1011 follows", lambda peer: peer.close(1011)),
    after_eof("nothing follows", lambda peer: None, least_s=0.9 * LINGER_S, leaves_s=1.5 * LINGER_S),
    after_eof("the end follows", fin),
    after_eof("close_notify follows", notify),
    after_eof("a reset follows", rst),
    after_eof("data and Close follow", lambda peer: (peer.binary(b"reply"), peer.close()), out=b"reply"),
    after_eof("a megabyte and Close follow", lambda peer: (peer.binary(payload(1 << 20)), peer.close()),
              out=payload(1 << 20)),
    after_eof("data and the end follow", lambda peer: (peer.binary(b"reply"), peer.fin()), out=b"reply"),
    after_eof("half a frame and the end follow", lambda peer: (peer.send(binary(b"reply")[:-2]), peer.fin()),
              out=b"rep"),
    after_eof("a ping follows", lambda peer: (peer.ping(b"p"), peer.binary(b"1"), peer.close()), out=b"1"),
    after_eof("a violation follows", lambda peer: peer.send(BEFORE + b"\xff\xff" + ONE), out=b"before"),
    after_eof("a late reply", _late, out=b"late reply"),
    after_eof("a reply now and then", _now_and_then, out=b"xxxx"),
    *(crossing(i) for i in range(20)),
    *(end_crossing(i, name, how) for i in range(4) for name, how in (
        ("", lambda peer: None), ("the end and ", fin), ("close_notify and ", notify), ("a Close and ", Peer.close))),
    Case("all of a large input before Close",
         lambda peer: (peer.receive(len(BIG)), peer.expect(ws.CLOSE), peer.close()), stdin=BIG, eof=True, up=BIG),
    Case("Close while the client sends", _close_while_sending, stdin=BIG, up=_prefix, out=b"enough"),
    Case("Close while the client cannot write, then it can", _close_while_blocked, deaf=True, stdin=BIG, up=_prefix,
         out=b"enough"),
    Case("Close while the client cannot write", _close_while_blocked_never_read, deaf=True, stdin=BIG, up=_prefix,
         out=b"enough", close=ANY, truncated=True, least_s=0.9 * LINGER_S),
    while_blocked("the end", fin, most_s=3),
    while_blocked("close_notify", notify, most_s=3),
    while_blocked("a reset", rst, most_s=3),
    Case("Close, and ssh reads much later", _slow_reader, held=True, out=payload(1 << 21) * 2),
    Case("both directions full", _reply_to_nothing_read, deaf=True, held=True, stdin=BIG, up=BIG, out=payload(1 << 21),
         pongs=ANY),
    Case("both directions at once", _both_ways, stdin=BIG, up=BIG, out=payload(1 << 20)),
    *([] if MODE == "valgrind" else
      [signalled(number) for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)]),
    Case("ping, then Close at once, ten times over",
         lambda peer: peer.send(ONE + ws.encode(ws.PING, b"p") * 10 + close_frame(1000)), out=b"1", pongs=[b"p"] * 10),
]
