"""What the tests of credentials share: arc-relay credentials against the emulator, counted."""

import json
import os
import subprocess

from harness import HANG_S, TOOL, WRAP, EmulatorCase


class CredentialsCase(EmulatorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.emu.add_machine("web01", service="echo")
        cls.emu.add_machine("new", endpoint=False, service_port=None)
        cls.emu.add_machine("half", service_port=None)

    def setUp(self):
        super().setUp()
        self.emu.faults.clear()
        self.emu.arm.provider_state = "Registered"
        self.tokens_before, self.lists_before = self.requests(0, 0)

    def requests(self, tokens, lists):
        """How many token requests and listCredentials there were, beyond these."""
        return (self.emu.count(who="entra", what="token") - tokens,
                self.emu.count(who="arm", operation="listcredentials") - lists)

    def new_requests(self):
        return self.requests(self.tokens_before, self.lists_before)

    def command(self, *args, machine="web01", rid=None):
        return WRAP + [TOOL, "credentials", "--cloud-file", self.emu.cloud_file, *args,
                       rid or self.emu.machine_id(machine)]

    def credentials(self, *args, env=None, **where):
        return subprocess.run(self.command(*args, **where), env={**self.env, **(env or {})},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S)

    def good(self, *args, **where):
        """The relay information that is printed, as a dict."""
        done = self.credentials(*args, **where)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count("\n"), 1)
        return json.loads(done.stdout)["relay"]

    def bad(self, status, error, *args, says="", **where):
        """The line on stderr, which must be the only output.  --refresh: not what just failed for another."""
        done = self.credentials("--refresh", *args, **where)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertRegex(done.stderr, r"\Aarc-relay: [^\n]{1,388}\n\Z")
        self.assertIn(f"[{error}]" if error else "arc-relay: ", done.stderr)
        self.assertIn(says, done.stderr)
        return done.stderr

    def cached_files(self):
        folder = os.path.join(self.home, "cache", "arc-relay")
        return [os.path.join(folder, name) for name in os.listdir(folder)] if os.path.isdir(folder) else []

    def entry(self, kind):
        """The one file of the cache that has such an entry."""
        (path,) = [path for path in self.cached_files() if f'"kind":"{kind}"' in open(path).read()]
        return path
