"""What the tests of sentences share: a user with what `arc-relay config install` wrote, and a machine at the other
end; what ssh shows when a session cannot be, taken apart.

One emulator and one sshd serve a class; each test has a home, a login and a cache of its own.
"""

import json
import os
import re
import subprocess

from harness import HANG_S, TOOL, WRAP, SshCase, whoami

# ssh's own words around ours: the first line is all that a user reads of the second
LINE = re.compile(r"arc-relay-proxy: [ -~]*? \[E\d{3}\]")
TRACKING = re.compile(r"TrackingId|SystemTracker|Timestamp:|_G\d+|eyJ|sig=|SharedAccessSignature", re.IGNORECASE)


class SentencesCase(SshCase):
    CONNECT_TIMEOUT = 120       # what config install writes

    def setUp(self):
        super().setUp()
        self.emu.faults.clear()
        self.emu.clock_skew = 0
        self.emu.arm.provider_state, self.emu.arm.registering_polls = "Registered", 1
        self.env["XDG_STATE_HOME"] = os.path.join(self.home, "state")
        self.control = os.path.join(self.home, "cm")
        self.config = self.install()

    def tearDown(self):
        self.end_master()

    # --- what a user has ---

    def install(self, *options, env=None):
        """A configuration that includes what config install writes; its path."""
        env = {**(env or self.env), "XDG_CACHE_HOME": self.home + "/other-cache"}       # so that ours is cold
        done = subprocess.run([*WRAP, TOOL, "config", "install", "--file", self.home + "/hosts.conf",
                               *self.relay_options(), "--user", whoami(), "--identity", self.sshd.path("user_key"),
                               "--connect-timeout", str(self.CONNECT_TIMEOUT), *options], env=env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.file("config", f"Include {self.home}/hosts.conf\n\nHost *\n    StrictHostKeyChecking accept-new\n"
                         f"    UserKnownHostsFile {self.home}/known_hosts\n    BatchMode yes\n")

    def persist(self):
        return ["-o", "ControlMaster=auto", "-o", "ControlPersist=60s", "-o", f"ControlPath={self.control}"]

    def end_master(self):
        """The one of ControlPersist would live on for a minute."""
        if os.path.exists(self.control):
            subprocess.run(["ssh", "-F", "none", "-o", f"ControlPath={self.control}", "-O", "exit", "x"],
                           capture_output=True, timeout=HANG_S)

    # --- what a user does ---

    def run_line(self, *command, env=None, **run):
        """Runs something.  Returns the CompletedProcess, with text."""
        run.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(command, env={**self.env, **(env or {})}, capture_output=True, timeout=5 * HANG_S,
                              encoding="utf-8", errors="surrogateescape", **run)

    def ssh(self, *options, host="web01.arc", persist=True, env=None):
        return self.run_line("ssh", "-F", self.config, *(self.persist() if persist else []), *options, host,
                             "echo in", env=env)

    def works(self, *options, host="web01.arc", env=None):
        done = self.ssh(*options, host=host, env=env)
        self.assertEqual((done.returncode, done.stdout), (0, "in\n"), done.stderr)
        self.end_master()
        return done.stderr

    def tool(self, verb, *args, status=0, env=None):
        way = [] if verb in ("explain", "cache", "logout") else ["--cloud-file", self.emu.cloud_file]
        if verb in ("enable", "prepare"):       # they dial
            way += ["--connect-to", f"127.0.0.1:{self.emu.relay_port}"]
        done = self.run_line(*WRAP, TOOL, verb, *way, *args, env=env)
        if status is not None:
            self.assertEqual(done.returncode, status, done.stderr)
        return done

    # --- what a user reads ---

    def sentence(self, text, error, copies=1):
        """The line of ours in text: there is only one, it is fit to be shown, and explain has it."""
        found = LINE.findall(text)
        self.assertEqual(len(found), copies, text)
        (line,) = set(found)
        self.assertTrue(line.endswith(f" [{error}]"), line)
        self.assertLessEqual(len(line), 400)
        self.assertRegex(line, r"\A[ -~]+\Z")
        self.assertRegex(line, r"\Aarc-relay-proxy: \S+: .+\. fix: .+ \[E\d{3}\]\Z")
        self.assertNotRegex(line, TRACKING)
        self.secrets_are_not_in(text)
        kept = json.loads(self.tool("explain", "--json").stdout)
        self.assertEqual((kept["id"], kept["line"]), (error, line))
        self.assertIn(line, self.tool("explain").stdout)
        return line

    def secrets_are_not_in(self, text):
        self.assertNotIn(self.emu.entra.secret, text)

    def shown(self, error, *options, host="web01.arc", env=None):
        """(cause, fix) of the one sentence that ssh shows when its master is to stay."""
        done = self.ssh(*options, host=host, env=env)
        self.assertEqual((done.returncode, done.stdout), (255, ""), done.stderr)
        line = self.sentence(done.stderr, error)
        self.assertIn(f"Received disconnect from UNKNOWN port 65535:2: {line}", done.stderr)
        cause, fix = re.fullmatch(r"arc-relay-proxy: \S+: (.+)\. fix: (.+) \[E\d{3}\]", line).groups()
        return cause, fix
