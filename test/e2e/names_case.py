"""What the tests of names share: machines by name, queries counted, the file of names made older or worse."""

import glob
import json
import os
import re
import subprocess
import time

from credentials_case import CredentialsCase
from harness import HANG_S, TOOL, WRAP, wait_for

HOUR, DAY = 3600, 86400


class NamesCase(CredentialsCase):
    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.home, "cache", "arc-relay")
        self.queries_before = self.all_queries()
        self.addCleanup(self.no_renewals)

    # --- Azure ---

    def all_queries(self):
        return self.emu.count(who="arm", operation="resources")

    def queries(self):
        return self.all_queries() - self.queries_before

    # --- what a user does ---

    def tool(self, *args, status=0, env=None):
        done = subprocess.run(WRAP + [TOOL, *args], env={**self.env, **(env or {})}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=HANG_S)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def resolved(self, name, *args, env=None):
        """The id that a name leads to."""
        done = self.tool("credentials", "--cloud-file", self.emu.cloud_file, "-v", *args, "--", name, env=env)
        self.assertIn("accessKey", done.stdout)
        return re.search(r"^arc-relay: (.*) is (/subscriptions/\S+)$", done.stderr, re.MULTILINE)[2]

    def refused(self, name, *args, status=68, env=None):
        done = self.tool("credentials", "--cloud-file", self.emu.cloud_file, *args, "--", name, status=status, env=env)
        self.assertRegex(done.stderr, r"\Aarc-relay: [^\n]{1,388}\n\Z")
        self.assertEqual(done.stdout, "")
        return done.stderr

    def session(self, name, *args, env=None):
        """One of arc-relay-proxy with an echo, to its end.  Returns what it said."""
        child = self.proxy(*args, "--", name, env={**self.env, **(env or {})})
        child.stdin.write(b"hello")
        child.stdin.flush()
        heard = child.stdout.read(5)
        out, err = child.communicate(timeout=HANG_S)
        self.assertEqual((child.returncode, heard, out), (0, b"hello", b""), err)
        return err.decode()

    def sessions(self, names):
        """All at the same time."""
        children = [self.proxy("--", name) for name in names]
        for child in children:
            child.stdin.write(b"x")
            child.stdin.flush()
        heard = [child.stdout.read(1) for child in children]
        for child in children:
            _, err = child.communicate(timeout=HANG_S)
            self.assertEqual((child.returncode, err), (0, b""))
        self.assertEqual(heard, [b"x"] * len(names))

    def names(self, *args, **run):
        return self.tool("names", "--cloud-file", self.emu.cloud_file, *args, **run).stdout.splitlines()

    # --- the file ---

    def file_of_names(self):
        (path,) = [path for path in glob.glob(os.path.join(self.folder, "names.*")) if not path.endswith(".lck")]
        return path

    def read_names(self):
        with open(self.file_of_names()) as file:
            head, _, rest = file.read().partition("\n")
        return json.loads(head), rest

    def write_names(self, head, rest, path=None):
        with open(path or self.file_of_names(), "w") as file:
            file.write(json.dumps(head, separators=(",", ":")) + "\n" + rest)

    def age(self, seconds):
        """Make the names so much older, and forget that somebody renews them."""
        head, rest = self.read_names()
        head["written"] = int((time.time() - seconds) * 1000)
        self.write_names(head, rest)
        for path in glob.glob(os.path.join(self.folder, "names.*.lck")):
            os.remove(path)

    def no_renewals(self):
        """Waits until none is under way."""
        def running():
            for path in glob.glob("/proc/[0-9]*/cmdline"):
                try:
                    with open(path, "rb") as file:
                        words = file.read().split(b"\0")
                except OSError:
                    continue
                if b"--when-old" in words and self.emu.cloud_file.encode() in words:
                    return True
            return False
        wait_for(lambda: not running(), "a renewal does not end")
