"""Goal: what a session costs, counted and not timed: system calls, copies, allocations, libraries, memory, round trips.

How fast it is, `make bench` tells; here is what would make it slow on any machine.  A number that is
per megabyte is the difference between a long and a short session, so that no start is in it.
"""

import os
import re
import subprocess
import sys
import time
import unittest

import tap
from harness import MODE, PROXY, TOP, tempfile, wait_for

sys.path.insert(0, os.path.join(TOP, "test", "bench"))
import delay                                                                # noqa: E402
from stand import BUILD, MB, OURS, Server, Stand, end, wakeups              # noqa: E402

SHORT, LONG = 8, 40                     # megabytes
COUNT = os.path.join(BUILD, "test", "bench", "count_preload.so")
WAYS = {"send": "sink", "receive": "source"}
NOISE_KIB = 64                          # a few pages, of a stack or the C library
RINGS_KIB = 2 * 2 * 256                 # two, each in two places
FAR_S = 0.5                             # so far away that what is not waited for is said before the answer comes

# What a session may cost.
SYSTEM_CALLS_A_MB = {"send": 60, "receive": 25}
KERNEL_BYTES_A_BYTE = 2.01              # read once, written once; TLS and WebSocket add less than 0.2 % to one of both
COPIED_A_BYTE = 2.05                    # in and out of TLS, in and out of what gathers its records
ALLOCATIONS_A_MB = {"send": 0.5, "receive": 0}  # libwebsockets keeps a copy of what a full socket did not take: rare
OPENSSL_ALLOCATIONS_A_MB = 200          # three for each of 61 TLS records: it can do no better
LIBRARIES = {"libc", "libpthread", "libdl", "libwebsockets", "libssl", "libcrypto", "libjansson", "libmbedcrypto"}


@unittest.skipIf(MODE, "what the programs cost as they are installed")
class Cost(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="cost.")
        cls.stand = Stand(cls.folder.name)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    # --- one session, and what was seen of it ---

    def traced(self, way, mb):
        """(system calls, bytes read and written); self.opened is which files were opened."""
        path = self.path("strace")
        self.stand.transfer(OURS, WAYS[way], mb * MB, wrap=["strace", "-f", "-qq", "-e", "signal=none", "-o", path])
        calls = moved = 0
        self.opened = []
        with open(path) as file:
            for line in file:
                match = re.match(r"\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed>).*= (-?\d+)", line)
                if not match:
                    continue            # the first half of a call that waits
                name, result = match[1], int(match[2])
                calls += 1
                if re.fullmatch(r"p?(read|write)v?(64|2)?|(send|recv)(to|from|msg)|splice|tee|sendfile", name):
                    moved += max(0, result)
                if name.startswith("open") and result >= 0:
                    self.opened += re.findall(r'"([^"]+)"', line)
        return calls, moved

    def counted(self, way, mb):
        """(allocations, those of OpenSSL, bytes copied)"""
        path = self.path("count")
        self.stand.transfer(OURS, WAYS[way], mb * MB, wrap=["env", f"LD_PRELOAD={COUNT}", f"COUNT_FILE={path}"])
        with open(path) as file:
            return [int(word) for word in file.read().split()]

    def both_ways(self, measure):
        """{way: what a long session has more than a short one}"""
        return {way: [b - a for a, b in zip(measure(way, SHORT), measure(way, LONG))] for way in WAYS}

    # --- the tests ---

    def test_system_calls_and_bytes_through_the_kernel(self):
        for way, (calls, moved) in self.both_ways(self.traced).items():
            with self.subTest(way, of="calls"):
                self.assertLessEqual(calls / (LONG - SHORT), SYSTEM_CALLS_A_MB[way])
            with self.subTest(way, of="bytes"):
                self.assertLessEqual(moved / (LONG - SHORT) / MB, KERNEL_BYTES_A_BYTE)
                self.assertGreater(moved / (LONG - SHORT) / MB, 2)

    def test_copies(self):
        for way, (_, _, copied) in self.both_ways(self.counted).items():
            with self.subTest(way):
                self.assertLessEqual(copied / (LONG - SHORT) / MB, COPIED_A_BYTE)

    def test_no_allocation_while_bytes_move(self):
        for way, (allocations, of_openssl, _) in self.both_ways(self.counted).items():
            with self.subTest(way):
                self.assertLessEqual(allocations / (LONG - SHORT), ALLOCATIONS_A_MB[way])
                self.assertLessEqual(of_openssl / (LONG - SHORT), OPENSSL_ALLOCATIONS_A_MB)

    def test_libraries(self):
        self.traced("receive", 1)
        names = {os.path.basename(path).split(".so")[0] for path in self.opened if ".so" in os.path.basename(path)}
        names.discard("ld")             # ld.so.cache
        self.assertIn("libssl", names)
        self.assertEqual(names - LIBRARIES - self.of_libwebsockets(), set())

    def of_libwebsockets(self):
        """What it needs itself: that is the distribution's affair."""
        def needed(path):
            return {name: where for name, where in re.findall(r"(\S+?)\.so\S* => (/\S+)", subprocess.run(
                ["ldd", path], capture_output=True, text=True, check=True).stdout)}

        return set(needed(needed(PROXY)["libwebsockets"]))

    def test_memory_does_not_grow_with_bytes_received(self):
        with Server(self.stand, "ws", "source", 220 * MB) as server:
            child = self.stand.session(OURS, "source", server.port)
            self.assert_does_not_grow(child, lambda: child.stdout.read(MB))

    def test_memory_does_not_grow_with_bytes_sent(self):
        with Server(self.stand, "ws", "sink") as server:
            child = self.stand.session(OURS, "sink", server.port)
            self.assert_does_not_grow(child, lambda: child.stdin.write(bytes(MB)))

    def assert_does_not_grow(self, child, move):
        try:
            for _ in range(16):
                move()
            before = self.resident(child.pid)
            for _ in range(200):
                move()
            after = self.resident(child.pid)
        finally:
            end(child)
        self.assertLessEqual(after["RssAnon"] - before["RssAnon"], NOISE_KIB)
        self.assertLessEqual(after["RssShmem"], RINGS_KIB)

    @staticmethod
    def resident(pid):
        """KiB of its own, and of rings, which it touches little by little."""
        with open(f"/proc/{pid}/status") as file:
            return {line.split(":")[0]: int(line.split()[1]) for line in file if line.startswith("Rss")}

    def test_nothing_wakes_it_while_nothing_happens(self):
        with Server(self.stand, "ws", "idle") as server:
            child = self.stand.idle(OURS, server)
            try:
                wait_for(lambda: self.sleeps(child.pid), "it does not come to rest")
                before = wakeups(child.pid)
                time.sleep(3)           # the thing itself: a while without anything
                self.assertEqual(wakeups(child.pid), before)
                self.assertEqual(len(os.listdir(f"/proc/{child.pid}/task")), 1)
            finally:
                end(child)

    @staticmethod
    def sleeps(pid):
        before = wakeups(pid)
        time.sleep(0.1)
        return wakeups(pid) == before

    def test_round_trips(self):
        """A client hello; then its end with the request: two, after one of TCP. The relay wants group P-384."""
        with Server(self.stand, "ws", "idle") as server, delay.Forwarder(server.port, FAR_S) as way:
            child = self.stand.session(OURS, "idle", way.port)
            try:
                self.assertEqual(child.stdout.read(1), b".")
                self.assertEqual(list(way.directions), ["up", "down"] * 2)
            finally:
                end(child)


tap.main()
