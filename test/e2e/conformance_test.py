"""Goal: the client's WebSocket is right, judged case by case by a server that can send anything.

After the families of the Autobahn testsuite, for a client that is a pipe of
bytes: what is delivered, what is sent, what is said and how it ends.
CASES=text runs only the cases whose name has that in it.
"""

import concurrent.futures
import json
import os
import shutil
import sys
import tempfile
import time
import unittest

import tap
import harness
from conformance import closing, framing, handshake, limits
from conformance.runner import Run
from conformance.server import SUFFIX, Server

AT_A_TIME = 2 if harness.MODE == "valgrind" else 8
HARMLESS = ["Pragma", "Cache-Control"]      # libwebsockets adds them


class Conformance(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="conformance.")
        cls.server = Server(cls.dir)
        with open(os.path.join(cls.dir, "cloud.json"), "w") as file:
            json.dump({"name": "conformance", "managementEndpoint": "https://127.0.0.1:1",
                       "authority": "https://127.0.0.1:1", "relaySuffix": SUFFIX,
                       "caFile": cls.server.ca_file}, file)
        cls.total = 0

    @classmethod
    def tearDownClass(cls):
        left = cls.server.stop()
        shutil.rmtree(cls.dir, ignore_errors=True)
        if left:
            raise AssertionError(f"threads of the server still run: {left}")

    def play(self, family, cases):
        """Runs the cases, several at a time; each that fails is a subtest that fails."""
        cases = [case for case in cases if os.environ.get("CASES", "") in case.name]
        if harness.MODE == "valgrind":
            cases = cases[::8]          # seconds for each start
        began = time.monotonic()
        runs = [Run(case, Conformance.total + i, self.server, self.dir) for i, case in enumerate(cases)]
        Conformance.total += len(cases)
        with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
            for run, problems in zip(runs, pool.map(Run.play, runs)):
                with self.subTest(run.case.name):
                    if problems:
                        self.fail("\n".join(problems))
        print(f"# {family}: {len(cases)} cases, {time.monotonic() - began:.1f} s", file=sys.stderr)

    def test_h_opening_handshake(self):
        self.play("H", handshake.CASES)

    def test_f_framing(self):
        self.play("F", framing.FRAMING)

    def test_r_reserved_bits_opcodes_masks_and_lengths(self):
        self.play("R", framing.VIOLATIONS)

    def test_g_fragmentation(self):
        self.play("G", framing.FRAGMENTS)

    def test_u_text_is_bytes(self):
        self.play("U", framing.TEXTS)

    def test_p_ping_and_pong(self):
        self.play("P", framing.PINGS)

    def test_c_close(self):
        self.play("C", closing.CLOSES)

    def test_x_races(self):
        self.play("X", closing.RACES)

    def test_l_limits(self):
        self.play("L", limits.LIMITS)

    def test_t_tls(self):
        self.play("T", limits.TLS)

    def test_request(self):
        """Every request that was ever sent: what it must have, and nothing that asks for more."""
        self.play("requests", handshake.GOOD)
        wanted = {"Host": f"ns1.{SUFFIX}", "Connection": "Upgrade", "Upgrade": "websocket",
                  "Sec-WebSocket-Version": "13", "ServiceBusAuthorization": "SharedAccessSignature sr=x",
                  "Service-Configuration-Token": "token", "Microsoft-Guestgateway-Target": "localhost:22"}
        calls = self.server.calls
        for call in calls:
            got = call.request.headers
            self.assertIsNone(call.upgrade_problem())
            self.assertEqual(sorted(name for name, _ in got if name not in HARMLESS),
                             sorted([*wanted, "Sec-WebSocket-Key"]))
            for name, value in wanted.items():
                self.assertEqual(call.request.all(name), [value])
            self.assertEqual(sorted(call.query), ["sb-hc-action", "sb-hc-id"])
        for name, values in (("key", [call.request.get("Sec-WebSocket-Key") for call in calls]),
                             ("id", [call.ident for call in calls])):
            self.assertEqual(len(set(values)), len(calls), f"a {name} was used twice")


if __name__ == "__main__":
    tap.main()
