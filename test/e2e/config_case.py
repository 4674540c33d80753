"""What the tests of config share: a home with its own ~/.ssh, arc-relay config, and the real ssh to ask."""

import os
import shutil
import stat
import subprocess

from harness import HANG_S, TOOL, WRAP, EmulatorCase

MARK = "# arc-relay: added by arc-relay config install; arc-relay config uninstall removes it"
FIRST = "# >>> arc-relay begin v1: "
TEMP = ".arc-relay-temp."


class ConfigCase(EmulatorCase):
    def setUp(self):
        super().setUp()
        self.emu.faults.clear()
        self.env["XDG_STATE_HOME"] = self.dir + "/state" + os.path.basename(self.home)

    def path(self, *names):
        return os.path.join(self.home, ".ssh", *names)

    @property
    def ours(self):
        return self.path("config.d", "arc-relay.conf")

    @property
    def include(self):
        return f'{MARK}\nInclude "{self.ours}"\n'

    def user_config(self, text, mode=0o600):
        os.makedirs(self.path(), mode=0o700, exist_ok=True)
        with open(self.path("config"), "w", newline="") as file:
            file.write(text)
        os.chmod(self.path("config"), mode)

    def read(self, path=None):
        with open(path or self.ours, newline="") as file:
            return file.read()

    def command(self, *args):
        return WRAP + [TOOL, "config", *args]

    def only(self, *names):
        """A PATH with no other programs."""
        if WRAP:
            self.skipTest("valgrind is a script that needs others")
        folder = self.home + "/only"
        os.makedirs(folder)
        for name in names:
            os.symlink(shutil.which(name), f"{folder}/{name}")
        return {"PATH": folder}

    def way(self):
        return ["--cloud-file", self.emu.cloud_file, "--connect-to", f"127.0.0.1:{self.emu.relay_port}"]

    def config(self, *args, env=None, box=(), **popen):
        """Runs it.  install and print go to the emulator."""
        way = [] if "uninstall" in args or "--help" in args else self.way()
        return subprocess.run([*box, *self.command(*args, *way)], env={**self.env, **(env or {})}, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=5 * HANG_S, **popen)

    def good(self, *args, **how):
        """What it says on stdout."""
        done = self.config(*args, **how)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.said = done.stderr
        return done.stdout

    def install(self, *args, **how):
        return self.good("install", *args, **how)

    def bad(self, status, says, *args, **how):
        """The line of the error, after which nothing may have changed."""
        before = self.tree()
        done = self.config(*args, **how)
        line = done.stderr.splitlines()[-1] if done.stderr else ""
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertRegex(line, r"\Aarc-relay: [ -~]{1,388}\Z")
        self.assertIn(says, line)
        self.assertEqual(self.tree(), before)
        return line

    def tree(self):
        """All that is in ~/.ssh, and whether that is there."""
        found = {}
        for folder, folders, files in os.walk(self.path()):
            for name in [".", *folders, *files]:
                path = os.path.join(folder, name)
                st = os.lstat(path)
                found[os.path.relpath(path, self.path())] = (
                    oct(st.st_mode), st.st_uid, st.st_gid, os.readlink(path) if stat.S_ISLNK(st.st_mode) else
                    open(path, "rb").read() if stat.S_ISREG(st.st_mode) else None)
        return found

    def temps(self):
        return [name for folder in (self.path(), self.path("config.d")) if os.path.isdir(folder)
                for name in os.listdir(folder) if name.startswith(TEMP)]

    def ssh(self, host, config=None):
        """What the real ssh would do for host, as a dict; of repeated keywords the last."""
        done = subprocess.run(["ssh", "-G", "-F", config or self.path("config"), "--", host], env=self.env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        return dict(line.partition(" ")[::2] for line in done.stdout.splitlines())

    def reaches(self, host, machine, config=None, **where):
        """Does ssh go to the machine?  Resource Graph spells some ids its own way."""
        command = self.ssh(host, config).get("proxycommand", "")
        return command.lower().endswith(f"-- '{self.emu.machine_id(machine, **where)}'".lower())
