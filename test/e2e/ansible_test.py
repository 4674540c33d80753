"""Goal: ansible-core with its own settings reaches fifty machines at once by their aliases,
and Azure is asked once for what fifty need.
"""

import os
import re
import time

import tap
from ansible_case import EXAMPLES, HostsCase
from harness import MODE

MANY = {"valgrind": 4, "asan": 20}.get(MODE, 50)
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - ping:
"""


def relay_delay(i):
    """Half a second until the relay lets somebody in, and a few seconds now and then."""
    return 3.0 if i % 25 == 7 else 0.5


class FiftyForks(HostsCase):
    N = MANY
    settings = staticmethod(lambda i: {"accept_delay": relay_delay(i)})

    def play(self, **env):
        """Runs PLAY on all machines at once; how many requests that took, see requests."""
        before, began = self.requests(), time.monotonic()
        done = self.ansible("ansible-playbook", "-i", EXAMPLES + "/arc_inventory", "-f", str(MANY),
                            self.file("play.yml", PLAY), PATH=self.on_path(), **env)
        print(f"# {MANY} forks, {env}: {time.monotonic() - began:.1f} s")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(len(re.findall(r"^host\d+\.arc .*\bok=1 .*\bunreachable=0 .*\bfailed=0 ", done.stdout,
                                        re.MULTILINE)), MANY, done.stdout)
        self.end_masters()
        return tuple(after - before for before, after in zip(before, self.requests()))

    def requests(self):
        """(tokens, lists of machines, credentials, connections)"""
        return (self.emu.count(who="entra", what="token"), self.emu.count(who="arm", operation="resources"),
                self.emu.count(who="arm", operation="listcredentials"), self.emu.count(who="relay", what="connect"))

    def test_cold_and_warm(self):
        settings = self.ansible("ansible-config", "dump")
        self.assertRegex(settings.stdout, r"DEFAULT_TIMEOUT\(default\) = 10\n")
        for what, pipelining, asked in (("cold", True, (1, 1, MANY, MANY)), ("warm", False, (0, 1, 0, MANY))):
            with self.subTest(what, pipelining=pipelining):
                self.assertEqual(self.play(ANSIBLE_PIPELINING=str(pipelining)), asked)


class Example(HostsCase):
    """In its folder, with its ansible.cfg, inventory script and playbook."""
    N = 3

    def setUp(self):
        super().setUp()
        del self.env["ANSIBLE_CONFIG"]

    def play(self):
        done = self.ansible("ansible-playbook", "playbook.yml", cwd=EXAMPLES, PATH=self.on_path())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for name in self.names:
            self.assertIn(f'"msg": "{name} in westeurope runs Linux ', done.stdout)
            self.assertRegex(done.stdout, rf"(?m)^{name}\.arc .*\bok=3 .*\bfailed=0 ")
        self.assertEqual(done.stdout.count(" ok=3 "), self.N)

    def test_as_it_is_and_again_when_all_has_expired(self):
        self.emu.add_machine("gone", lazy=True, connected=False)
        self.emu.add_machine("win", lazy=True, os_name="windows")
        self.play()
        self.assertEqual(self.emu.count(who="relay", what="connect"), self.N)       # ControlPersist
        self.assertFalse(os.path.exists(self.env["ANSIBLE_REMOTE_TEMP"]))           # pipelining
        self.end_masters()
        self.emu.clock_skew = 4 * 3600      # a credential has three hours
        before = self.emu.count(who="arm", operation="listcredentials")
        self.play()
        self.assertEqual(self.emu.count(who="arm", operation="listcredentials") - before, self.N)


if __name__ == "__main__":
    tap.main()
