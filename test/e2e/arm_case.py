"""What the tests of Azure's management endpoint share."""

import os
import socket
import subprocess

from harness import BUILD, HANG_S, TOOL, WRAP, EmulatorCase, clean_env

PLAY = os.path.join(BUILD, "test", "play", "arm_play")


class Bystander:
    """A host that must not be spoken to: it only counts who comes."""

    def __init__(self):
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.setblocking(False)
        self.url = f"https://127.0.0.1:{self._server.getsockname()[1]}"

    def visitors(self):
        """How many connections came; the queue of the kernel has them all."""
        count = 0
        while True:
            try:
                self._server.accept()[0].close()
                count += 1
            except BlockingIOError:
                return count

    def close(self):
        self._server.close()


class ArmCase(EmulatorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.emu.add_machine("web01", service="echo")
        cls.rid = cls.emu.machine_id("web01")

    def setUp(self):
        super().setUp()
        self.emu.faults.clear()
        self.before = self.emu.count(who="arm", what="request")

    def requests(self):
        """How many came to ARM in this test."""
        return self.emu.count(who="arm", what="request") - self.before

    def next_answers(self, *faults):
        self.emu.faults.arm.extend(faults)

    def always_answers(self, fault):
        self.emu.faults.arm.always = fault
        self.addCleanup(self.emu.faults.clear)

    def bystander(self):
        host = Bystander()
        self.addCleanup(host.close)
        return host


class CredentialsCase(ArmCase):
    def command(self, *args):
        # each run asks anew: no answer, good or bad, is shared
        return WRAP + [TOOL, "credentials", "--cloud-file", self.emu.cloud_file, "--no-cache", *args, self.rid]

    def run_it(self, *args):
        return subprocess.run(self.command(*args), env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=HANG_S)

    def good(self, *args):
        """What -v says, if asked."""
        done = self.run_it(*args)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("accessKey", done.stdout)
        return done.stderr

    def bad(self, status, error, *says):
        """The line on stderr, which must be the only output."""
        done = self.run_it()
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertRegex(done.stderr, r"\Aarc-relay: [\x20-\x7e]{1,388}\n\Z")
        for words in [f"[{error}]", *says]:
            self.assertIn(words, done.stderr)
        return done.stderr


class PlayCase(ArmCase):
    """The callers that are still to come, played by test/play/arm_play.c."""

    def play(self, *args, token=None, cloud_file=None):
        done = subprocess.run(
            WRAP + [PLAY, args[0], cloud_file or self.emu.cloud_file, *args[1:]], env=clean_env(self.home),
            input=(token or self.emu.issue_token()) + "\n", capture_output=True, text=True, timeout=HANG_S)
        lines = done.stderr.splitlines()
        return done.returncode, done.stdout.split("\n")[:-1], lines[-1] if lines else "", done.stderr
