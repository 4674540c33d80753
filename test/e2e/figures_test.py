"""Goal: what many parallel starts cost Azure, counted: one token, one listCredentials a
machine, no throttling, and one refusal for all.
"""

import json
import os
import signal
import subprocess
import threading

import tap
from credentials_case import CredentialsCase
from harness import HANG_S, MODE, Fault, wait_for

MANY = {"valgrind": 6, "asan": 60}.get(MODE, 200)


class Gate:
    """Holds answers of the emulator until it is opened, so that all have begun to wait."""

    def __init__(self):
        self._open = threading.Event()
        self.fault = Fault("edit", script=self._hold)

    def _hold(self, document):
        self._open.wait(HANG_S)
        return document

    def open(self):
        self._open.set()


class FiguresCase(CredentialsCase):
    def setUp(self):
        super().setUp()
        self.children = []

    def tearDown(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()

    def start(self, n=MANY, machines=("web01",), args=()):
        started = [subprocess.Popen(self.command(*args, machine=machines[i % len(machines)]), env=self.env,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                   for i in range(n)]
        self.children += started
        return started

    def wait_until_all_wait(self, children):
        """Each was seen asleep: it waits for the lock, or for Azure."""
        awake = set(children)

        def asleep():
            for child in list(awake):
                with open(f"/proc/{child.pid}/stat") as file:
                    if file.read().rsplit(")", 1)[1].split()[0] in "SZ":
                        awake.discard(child)
            return not awake
        wait_for(asleep, "some did not begin to wait")

    def results(self, children):
        """{(status, stdout, stderr)} of all of them."""
        return {(child.returncode, out, err.decode()) for child in children
                for out, err in [child.communicate(timeout=HANG_S)]}

    def all_good(self, children, distinct=1):
        results = self.results(children)
        self.assertEqual({(status, err) for status, _, err in results}, {(0, "")})
        self.assertEqual(len({json.loads(out)["relay"]["hybridConnectionName"] for _, out, _ in results}), distinct)
        return results


class OneMachine(FiguresCase):
    def test_cold(self):
        gate = Gate()
        self.emu.faults.entra.append(gate.fault)
        children = self.start()
        self.wait_until_all_wait(children)
        gate.open()
        self.assertEqual(len(self.all_good(children)), 1)       # the same answer for all
        self.assertEqual(self.new_requests(), (1, 1))
        self.all_good(self.start(20))
        self.assertEqual(self.new_requests(), (1, 1))           # and nothing for who comes later

    def holder(self):
        """The one that asks, and is not answered."""
        gate = Gate()
        self.addCleanup(gate.open)
        self.emu.faults.entra.append(gate.fault)
        (holder,) = self.start(1)
        self.emu.wait(HANG_S, who="entra", what="token", n=self.tokens_before + 1)
        return holder

    def test_the_holder_is_killed(self):
        holder = self.holder()
        children = self.start()
        self.wait_until_all_wait(children)
        holder.send_signal(signal.SIGKILL)
        self.all_good(children)
        tokens, lists = self.new_requests()
        self.assertEqual((tokens, lists), (2, 1))

    def test_the_holder_is_stopped(self):
        holder = self.holder()
        holder.send_signal(signal.SIGSTOP)
        few = min(MANY, 20)     # each of them asks alone in the end
        self.all_good(self.start(few))
        tokens, lists = self.new_requests()
        self.assertLessEqual(tokens, few + 1)
        self.assertLessEqual(lists, few)
        self.assertEqual([path for path in self.cached_files() if self.kind_of(path) == "token"], [])
        holder.send_signal(signal.SIGCONT)

    @staticmethod
    def kind_of(path):
        with open(path) as file:
            text = file.read()
        return json.loads(text)["kind"] if text.startswith("{") else None


class ManyMachines(FiguresCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for i in range(MANY + MANY // 4):
            cls.emu.add_machine(f"m{i}", wait=False)

    def setUp(self):
        super().setUp()
        self.emu.arm.bucket = (200, 10)         # ARM's own: each POST, by principal and subscription

    def tearDown(self):
        super().tearDown()
        self.emu.arm.bucket = None

    def throttled(self):
        return self.emu.count(who="arm", operation="listcredentials", status=429)

    def test_cold(self):
        machines = [f"m{i}" for i in range(MANY)]
        self.all_good(self.start(machines=machines), distinct=MANY)
        self.assertEqual(self.new_requests(), (1, MANY))
        self.assertEqual(self.throttled(), 0)
        self.all_good(self.start(20, machines=machines), distinct=min(20, MANY))
        self.assertEqual(self.new_requests(), (1, MANY))

    def test_more_than_the_bucket_holds(self):
        machines = [f"m{i}" for i in range(MANY + MANY // 4)]
        gate = Gate()
        self.emu.faults.entra.append(gate.fault)
        children = self.start(len(machines), machines=machines)
        self.wait_until_all_wait(children)
        gate.open()
        self.all_good(children, distinct=len(machines))
        self.assertEqual(self.new_requests(), (1, len(machines)))
        self.assertEqual(self.throttled(), 0)


class Refused(FiguresCase):
    """200 starts that are refused: few requests, the same words for all."""

    def all_bad(self, status, error, *faults, most):
        gate = Gate()
        queue = self.emu.faults.arm
        queue.always = faults[0]
        self.emu.faults.entra.append(gate.fault)
        children = self.start()
        self.wait_until_all_wait(children)
        gate.open()
        results = self.results(children)
        self.assertEqual(len(results), 1, results)
        (result,) = results
        self.assertEqual((result[0], result[1]), (status, b""), result[2])
        self.assertIn(f"[{error}]", result[2])
        for n, limit in zip(self.new_requests(), most):
            self.assertLessEqual(n, limit)

    def test_not_allowed(self):
        self.all_bad(77, "E401", Fault("status", code=403, error="AuthorizationFailed", message="no"), most=(1, 1))

    def test_a_token_that_is_refused(self):
        self.all_bad(67, "E303", Fault("status", code=401, error="InvalidAuthenticationToken", message="no"),
                     most=(2, 2))

    def test_throttled_for_long(self):
        self.all_bad(75, "E408", Fault("status", code=429, headers={"Retry-After": "3600"}), most=(1, 1))

    def test_not_there(self):
        self.all_bad(75, "E409", Fault("status", code=503), most=(1, 4))

    def test_no_token(self):
        gate = Gate()
        refusal = [Fault("status", code=401, error="invalid_client", message="no"), gate.fault]
        self.emu.faults.entra.extend([refusal, refusal, refusal])
        children = self.start()
        self.wait_until_all_wait(children)
        gate.open()
        results = self.results(children)
        self.assertEqual({status for status, _, _ in results}, {67})
        self.assertEqual(len(results), 1)
        self.assertEqual(self.new_requests(), (1, 0))


class AzureCli(FiguresCase):
    """az takes a second and 100 MB: one of them for all."""

    def test_one_process(self):
        folder = os.path.join(self.home, "bin")
        calls = os.path.join(self.home, "calls")
        os.mkdir(folder)
        with open(os.path.join(folder, "az"), "w") as file:
            file.write(f'#!/bin/sh\necho . >> {calls}\necho "$TOKEN"\n')
        os.chmod(file.name, 0o755)
        self.env = {name: value for name, value in self.env.items() if not name.startswith("AZURE_")}
        self.env.update(PATH=folder + ":" + self.env["PATH"],
                        TOKEN=json.dumps({"accessToken": self.emu.issue_token(), "expires_on": 4102444800}))
        machines = ["m0", "m1", "m2"]
        for name in machines:
            self.emu.add_machine(name)
        self.all_good(self.start(machines=machines), distinct=len(machines))
        self.assertEqual(open(calls).read(), ".\n")
        self.assertEqual(self.new_requests(), (0, len(machines)))


tap.main()
