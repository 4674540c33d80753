"""Self tests of the emulator's data phase: bridge, violations, shaping faults."""

import hashlib
import os
import sys
import threading
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]

from faults import Fault
from services import pattern, pattern_sha256
import tap
from client import EmulatorCase


class DataTest(EmulatorCase):
    def test_echo(self):
        dial = self.opened()
        dial.send(b"hello")
        self.assertEqual(dial.recv(), (0x82, b"hello"))
        dial.send(b"p1", opcode=9)
        self.assertEqual(dial.recv(), (0x8A, b"p1"))
        dial.close_frame(1000)
        self.assertEqual(dial.recv(), (0x88, b"\x03\xe8"))
        self.assertEqual(dial.end(), "close_notify")
        dial.close()
        row = self.emu.wait(who="relay", what="closed", id=dial.ident)
        self.assertEqual((row["by"], row["sender_code"], row["bytes_up"], row["bytes_down"]), ("sender", 1000, 5, 5))
        self.assertEqual(self.emu.count(what="violation", id=dial.ident), 0)

    def test_round_trip_32_mib(self):
        dial = self.opened()
        data = os.urandom(1 << 20) * 32
        def send():
            for start in range(0, len(data), 65528):
                dial.send(data[start:start + 65528])
        writer = threading.Thread(target=send)
        writer.start()
        digest, total = hashlib.sha256(), 0
        while total < len(data):
            payload = dial.recv()[1]
            digest.update(payload)
            total += len(payload)
        writer.join()
        self.assertEqual(digest.digest(), hashlib.sha256(data).digest())

    def test_source_and_sink(self):
        self.emu.add_machine("source", service="source:3000000")
        dial = self.opened(relay=self.emu.issue_credentials("source")["relay"])
        data = dial.recv_payload(3000000)
        self.assertEqual(hashlib.sha256(data).hexdigest(), pattern_sha256(3000000))
        self.assertEqual(dial.recv(), (0x88, b"\x03\xe8"))
        dial.close_frame()
        self.assertEqual(dial.end(), "close_notify")
        self.emu.add_machine("sink", service="sink")
        dial = self.opened(relay=self.emu.issue_credentials("sink")["relay"])
        for start in range(0, len(data), 50000):
            dial.send(data[start:start + 50000])
        dial.close_frame()
        row = self.emu.wait(who="service", what="sink")
        self.assertEqual((row["bytes"], row["sha256"], row["end"]), (3000000, pattern_sha256(3000000), "fin"))

    def test_half_close(self):
        self.emu.add_machine("late", service="tcp", half_close=True)
        dial = self.opened(relay=self.emu.issue_credentials("late")["relay"])
        sock = self.emu.service("late").accept()
        dial.send(b"question")
        dial.close_frame()
        self.assertEqual(sock.recv(100), b"question")
        self.assertEqual(sock.recv(100), b"")
        sock.sendall(b"answer")
        self.assertEqual(dial.recv(), (0x82, b"answer"))
        sock.close()
        self.assertEqual(dial.recv(), (0x88, b"\x03\xe8"))

    def violation(self, rule, act):
        dial = self.opened()
        act(dial)
        self.emu.wait(who="relay", what="violation", rule=rule, id=dial.ident)
        dial.close()

    def test_violations(self):
        self.violation("not-masked", lambda d: d.send(b"x", masked=False))
        self.violation("length-not-minimal", lambda d: d.send(b"xyz", length=b"\x7e\x00\x03"))
        self.violation("rsv-bits", lambda d: d.send(b"x", first=0xC0))
        self.violation("reserved-opcode", lambda d: d.send(b"x", opcode=5))
        self.violation("control-too-long", lambda d: d.send(b"x" * 126, opcode=9))
        self.violation("control-fragmented", lambda d: d.send(b"x", opcode=9, first=0))
        self.violation("empty-data-frame", lambda d: d.send(b""))
        self.violation("stray-continuation", lambda d: d.send(b"x", opcode=0))
        self.violation("message-inside-message", lambda d: (d.send(b"x", first=0), d.send(b"y")))
        self.violation("masking-key-repeated", lambda d: (d.send(b"x", key=b"same"), d.send(b"y", key=b"same")))
        self.violation("frame-after-close", lambda d: (d.close_frame(), d.close_frame()))
        self.violation("close-code", lambda d: d.close_frame(1005))
        self.violation("pong-unasked", lambda d: d.send(b"?", opcode=10))

    def test_lost_sender_and_agent(self):
        dial = self.opened()
        dial.close()
        row = self.emu.wait(who="relay", what="closed", id=dial.ident)
        self.assertEqual((row["by"], row["sender_code"]), ("sender", 1006))
        self.emu.add_machine("away", service="echo")
        dial = self.opened(relay=self.emu.issue_credentials("away")["relay"])
        self.emu.disconnect("away")
        self.assertEqual((dial.end(), dial.buffer), ("fin", b""))


class ShapingTest(EmulatorCase):
    """Faults of the data phase; the machine `src` sends 300000 known bytes."""

    TOTAL = 300000

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.emu.add_machine("src", service=f"source:{cls.TOTAL}")
        cls.source = cls.emu.issue_credentials("src")["relay"]

    def exact(self, fault, opcodes=None, sizes=None):
        """All bytes arrive whatever the framing; the first bytes of the frames are returned."""
        dial = self.opened(fault, relay=self.source)
        data, firsts = bytearray(), []
        while True:
            first, payload = dial.recv()
            firsts.append(first)
            if first == 0x88:
                break
            if first & 15 < 8:
                data += payload
                if sizes:
                    self.assertIn(len(payload), sizes)
            if first == 0x89:
                dial.send(payload, opcode=10)
        self.assertEqual((len(data), hashlib.sha256(data).hexdigest()), (self.TOTAL, pattern_sha256(self.TOTAL)))
        return firsts

    def test_framings(self):
        self.assertEqual(set(self.exact(Fault("text"))), {0x81, 0x88})
        self.assertLessEqual({0x02, 0x00, 0x80}, set(self.exact(Fault("fragments", size=1000))))
        self.assertIn(0x89, self.exact(Fault("fragments", size=999, ping_between=True)))
        self.assertIn(0x82, self.exact(Fault("empty", count=3)))
        self.assertIn(0x00, self.exact(Fault("empty", count=3, fragments=True)))
        self.assertEqual(self.exact(Fault("ping-every", n=10000)).count(0x89), 30)
        self.exact(Fault("chop", n=777))
        self.exact([Fault("fragments", size=5000), Fault("chop", n=4096), Fault("ping-flood", n=1000, after=100000)])
        self.assertEqual(self.exact(Fault("huge", n=100000), sizes={100000}), [0x82] * 3 + [0x88])
        self.exact(Fault("early"))
        self.exact(Fault("early", n=1))
        self.exact(Fault("early", n=30000))
        self.exact([Fault("delay", seconds=0.01), Fault("split101", n=7)])
        self.assertEqual(self.emu.count(what="violation", rule="pong-unasked"), 0)

    def test_early_bytes_share_a_record(self):
        dial = self.dial(Fault("early", n=100), relay=self.source)
        dial.conn.tls = spy = RecordSizes(dial.conn.tls)
        dial.answer()
        head = "HTTP/1.1 101 Switching Protocols\r\n" + "\r\n".join(dial.headers) + "\r\n\r\n"
        self.assertEqual(spy.sizes[0], len(head) + 100)
        dial = self.dial(Fault("early", payload=b"SSH-2.0-x\r\n"))
        dial.answer()
        self.assertEqual(dial.buffer, b"\x82\x0bSSH-2.0-x\r\n")

    def test_ends(self):
        whole = b"".join(pattern(self.TOTAL))
        for fault, wire_end in ((Fault("fin", after=70000), "fin"), (Fault("rst", after=70000), "reset")):
            dial = self.opened(fault, relay=self.source)
            self.assertEqual(dial.recv_payload(70000), whole[:70000])
            self.assertEqual((dial.end(), dial.buffer), (wire_end, b""))
        dial = self.opened(Fault("half-frame", after=1000, total=5000, sent=100), relay=self.source)
        self.assertEqual(dial.recv_payload(1000), whole[:1000])
        self.assertEqual(dial.end(), "reset")
        self.assertEqual(dial.buffer, b"\x82\x7e\x13\x88" + whole[1000:1100])
        dial = self.opened(Fault("close", code=1008, reason="token expired", after=1000), relay=self.source)
        dial.recv_payload(1000)
        self.assertEqual(dial.recv(), (0x88, b"\x03\xf0token expired"))
        dial.close_frame(1008)
        self.assertEqual(dial.end(), "close_notify")
        dial = self.opened(Fault("after-close"))
        self.assertEqual([dial.recv()[0] for _ in range(3)], [0x88, 0x82, 0x89])

    def test_wrong_frames(self):
        for fault, wire in ((Fault("masked"), None), (Fault("non-minimal"), b"\x82\x7e\x00\x04evil"),
                            (Fault("non-minimal", bits=64), b"\x82\x7f" + b"\0" * 7 + b"\x04evil"),
                            (Fault("rsv", bits=4), b"\xc2\x04evil"), (Fault("rsv", bits=1, opcode=9), b"\x99\x04evil"),
                            (Fault("bad-opcode", opcode=11), b"\x8b\x04evil"),
                            (Fault("fragmented-ping"), b"\x09\x04half\x80\x04half"),
                            (Fault("big-ping"), b"\x89\x7e\x00\x7e" + b"b" * 126),
                            (Fault("stray-continuation"), b"\x80\x04evil"),
                            (Fault("message-inside-message"), b"\x02\x04evil\x82\x04evil"),
                            (Fault("inject", data=b"any"), b"any"), (Fault("html", body=b"<html>"), b"<html>")):
            dial = self.opened(fault)
            while len(dial.buffer) < len(wire or b"12345"):
                dial._more()
            if wire:
                self.assertEqual(dial.buffer, wire)
            else:
                self.assertEqual(dial.recv(), (0x82, b"evil"))
        self.assertEqual(self.opened(Fault("tls-garbage")).end(), "tls-error")

    def test_silence(self):
        dial = self.opened(Fault("no-pong"))
        dial.send(b"1", opcode=9)
        dial.send(b"x")
        self.assertEqual(dial.recv(), (0x82, b"x"))
        for fault in (Fault("never-write"), Fault("freeze"), Fault("never-read")):
            dial = self.opened(fault, relay=self.source if fault.kind != "never-read" else self.relay)
            dial.send(b"x")
            self.assertFalse(dial.conn.readable(0.1))
            dial.close()
            self.emu.wait(who="relay", what="closed", id=dial.ident)
        dial = self.opened(Fault("idle-cut", seconds=0.1))
        self.assertEqual(dial.end(), "fin")

    def test_never_read_fills_up(self):
        dial = self.opened(Fault("never-read"))
        dial.conn.sock.settimeout(0.5)
        with self.assertRaises(TimeoutError):
            for _ in range(2000):
                dial.send(b"x" * 65536)

    def test_serve(self):
        seen = []
        def script(conn):
            conn.send_raw(b"\x82\x02hi")
            seen.append(conn.recv_frame().payload)
            conn.send_close(4000, "bye")
            seen.append(conn.recv_frame().close_code)
            conn.finish()
        dial = self.opened(Fault("serve", script=script))
        self.assertEqual(dial.recv(), (0x82, b"hi"))
        dial.send(b"yo")
        self.assertEqual(dial.recv(), (0x88, b"\x0f\xa0bye"))
        dial.close_frame(4000)
        self.assertEqual(dial.end(), "close_notify")
        self.assertEqual(seen, [b"yo", 4000])


class RecordSizes:
    """Notes what each read of an SSL object gives: never more than one TLS record."""

    def __init__(self, tls):
        self._tls = tls
        self.sizes = []

    def read(self, n, buffer):
        self.sizes.append(self._tls.read(n, buffer))
        return self.sizes[-1]

    def __getattr__(self, name):
        return getattr(self._tls, name)


if __name__ == "__main__":
    tap.main()
