"""Goal: every size arrives whole, both ways, compared by hash.

Sizes around the borders of WebSocket lengths, TLS records and the ring; 1 GiB;
and the same under every way in which a relay may cut and mix its frames.
"""

import hashlib
import subprocess
import threading

import tap
from harness import MODE, EmulatorCase, Fault, random_file, scaled, sha256

MB = 1 << 20
SIZES = [0, 1, 125, 126, 127, 65527, 65528, 65529, 65535, 65536, 262143, 262144, 262145, MB,
         scaled(1024 * MB, 32 * MB)]


class Sizes(EmulatorCase):
    def test_up(self):
        self.emu.add_machine("sink", service="sink")
        for n, size in enumerate(SIZES, 1):
            with self.subTest(size=size):
                source = random_file(f"{self.home}/source", size)
                with open(source, "rb") as stdin:
                    child = self.proxy("-r", self.info_file("sink"), stdin=stdin)
                    out, err = child.communicate()
                self.assertEqual((child.returncode, out, err), (0, b"", b""))
                row = self.emu.log.wait(timeout=60, what="sink", n=n)
                self.assertEqual((row["bytes"], row["sha256"]), (size, sha256(source)))

    def test_down(self):
        for n, size in enumerate(SIZES):
            with self.subTest(size=size):
                machine = f"source{n}"
                self.emu.add_machine(machine, service=f"source:{size}")
                child = self.proxy("-r", self.info_file(machine))
                digest = hashlib.sha256()
                while piece := child.stdout.read(MB):
                    if size == 0:   # nothing came: the reason is told instead
                        self.assertIn(b"[E507]", piece)
                        break
                    digest.update(piece)
                else:
                    self.assertEqual(digest.hexdigest(), self.emu.source_sha256(size))
                child.communicate()
                self.assertEqual(child.returncode, 69 if size == 0 else 0)

    def test_both_ways_at_once(self):
        size = scaled(64 * MB, 4 * MB)
        self.emu.add_machine("echo", service="echo")
        source = random_file(f"{self.home}/source", size)
        self.assertEqual(self.echo(source), sha256(source))

    def echo(self, source):
        """Sends the file and gives the hash of what comes back; ends when all came."""
        child = self.proxy("-r", self.info_file("echo"))

        def feed():
            with open(source, "rb") as file:
                while piece := file.read(100_003):
                    child.stdin.write(piece)
            child.stdin.flush()

        feeder = threading.Thread(target=feed)
        feeder.start()
        digest, left = hashlib.sha256(), self.size_of(source)
        while left > 0:
            piece = child.stdout.read1(min(left, MB))
            self.assertTrue(piece, child.stderr.read() if not piece else "")
            digest.update(piece)
            left -= len(piece)
        feeder.join()
        child.communicate()
        self.assertEqual(child.returncode, 0)
        return digest.hexdigest()

    def size_of(self, path):
        with open(path, "rb") as file:
            return file.seek(0, 2)


class Framing(EmulatorCase):
    """The relay's side may frame, cut and mix as it likes."""

    FAULTS = [
        *(Fault("fragments", size=size) for size in (1, 2, 7, 125, 126, 65535, 65536, 100_000)),
        Fault("fragments", size=1000, ping_between=True),
        Fault("text"),
        *(Fault("huge", n=n) for n in (65536, 1 << 24, 1 << 32, 1 << 62)),
        Fault("empty", count=3), Fault("empty", count=3, fragments=True),
        *(Fault("chop", n=n) for n in (1, 13, 16384)),
        *(Fault("ping-every", n=n) for n in (1, 1000, 70_000)),
        Fault("ping-flood", n=1000), Fault("no-pong"),
        *(Fault("early", n=n) for n in (None, 1, 2, 3, 10)),
        *(Fault("split101", n=n) for n in (1, 50)),
        [Fault("fragments", size=333), Fault("chop", n=17), Fault("ping-every", n=5000)],
    ]

    def test_every_way(self):
        size = 300_007 if not MODE else 60_007
        expected = self.emu.source_sha256(size)
        for n, fault in enumerate(self.FAULTS):
            kinds = fault if isinstance(fault, list) else [fault]
            small = any(f.kind in ("chop", "fragments", "ping-every") and
                        1 in (getattr(f, "n", 0), getattr(f, "size", 0)) for f in kinds)
            want = size // 10 if small else size
            with self.subTest([(f.kind, f._args) for f in kinds]):
                machine = f"m{n}"
                self.emu.add_machine(machine, service=f"source:{want}")
                self.emu.faults.dial.append(fault)
                child = self.proxy("-r", self.info_file(machine))
                out, err = child.stdout.read(), child.stderr.read()
                child.communicate()
                self.assertEqual(hashlib.sha256(out).hexdigest(),
                                 expected if want == size else self.emu.source_sha256(want), err)
        self.assertEqual(self.emu.log.find(what="violation"), [])


if __name__ == "__main__":
    tap.main()
