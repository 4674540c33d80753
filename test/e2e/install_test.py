"""Goal: make install puts programs, manual and completions where others look for them, and make uninstall takes all of
it away.
"""

import os
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

import tap
from harness import BUILD, HANG_S, TOP, clean_env

PLACES = {"bin": 0o755, "share/man/man1": 0o644, "share/man/man7": 0o644,
          "share/bash-completion/completions": 0o644, "share/zsh/site-functions": 0o644,
          "share/fish/vendor_completions.d": 0o644}


class Install(unittest.TestCase):
    def setUp(self):
        self.dest = tempfile.mkdtemp(prefix="install.")
        self.addCleanup(shutil.rmtree, self.dest)

    def make(self, target):
        """With what is built already, and not as the make that runs the tests was told."""
        done = subprocess.run(["make", "-s", "-C", TOP, "-o", "all", target, f"DESTDIR={self.dest}", "PREFIX=/opt/arc",
                               f"VARIANT={os.path.basename(BUILD)}"], env=clean_env(self.dest),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S)
        self.assertEqual(done.returncode, 0, done.stderr)

    def files(self):
        """{folder: names} below the prefix; nothing is elsewhere."""
        found = {}
        for folder, _, names in os.walk(self.dest):
            if names:
                found[os.path.relpath(folder, self.dest + "/opt/arc")] = sorted(names)
        return found

    def path(self, *names):
        return os.path.join(self.dest, "opt", "arc", *names)

    def test_install_and_uninstall(self):
        self.make("install")
        pages = os.listdir(os.path.join(TOP, "man"))
        self.assertEqual(self.files(), {
            "bin": ["arc-relay", "arc-relay-proxy"],
            "share/man/man1": sorted(page for page in pages if page.endswith(".1")),
            "share/man/man7": sorted(page for page in pages if page.endswith(".7")),
            "share/bash-completion/completions": ["arc-relay", "arc-relay-proxy"],
            "share/zsh/site-functions": ["_arc-relay"],
            "share/fish/vendor_completions.d": ["arc-relay-proxy.fish", "arc-relay.fish"]})
        for folder, names in self.files().items():
            for name in names:      # a link leads to a file that is there
                self.assertEqual(stat.S_IMODE(os.stat(self.path(folder, name)).st_mode), PLACES[folder], name)
        self.make("install")        # over what is there
        self.make("uninstall")
        self.assertEqual(self.files(), {})

    def test_what_is_installed_works(self):
        self.make("install")
        for program in ("arc-relay", "arc-relay-proxy"):
            done = subprocess.run([self.path("bin", program), "--version"], capture_output=True, text=True, timeout=HANG_S)
            self.assertRegex(done.stdout, rf"\A{program} \d")
            done = subprocess.run(["bash", "-c", f". {self.path('share/bash-completion/completions', program)}; "
                                   f"complete -p {program}"], capture_output=True, text=True, timeout=HANG_S)
            self.assertTrue(re.search(rf"-F \S+ {program}$", done.stdout), done)


if __name__ == "__main__":
    tap.main()
