"""What the tests of logging in share: a person without any login, a terminal, a look into the state folder."""

import json
import os
import pty
import re
import select
import stat
import subprocess
import termios
import time

from harness import HANG_S, TOOL, WRAP, EmulatorCase

CODE = re.compile(r"enter the code (\S+)")
URL = re.compile(r"https://\S+/authorize\?\S+")


class Running:
    """A program whose standard error is read while it runs."""

    def __init__(self, command, env, stdin=None, terminal=False, **popen):
        self._leader, follower = None, subprocess.DEVNULL
        popen["stderr"] = subprocess.PIPE
        if terminal:
            self._leader, follower = pty.openpty()
            popen["stderr"] = follower
        stdin = follower if stdin is None else stdin
        self.child = subprocess.Popen(command, env=env, stdin=stdin, stdout=subprocess.PIPE, **popen)
        if terminal:
            os.close(follower)
        self._fd = self._leader if terminal else self.child.stderr.fileno()
        self.err = ""

    def _read(self, wait_s):
        if not select.select([self._fd], [], [], wait_s)[0]:
            return True
        try:
            data = os.read(self._fd, 65536)
        except OSError:         # a terminal that nobody has open any more
            data = b""
        self.err += data.decode(errors="replace")
        return bool(data)

    def says(self, pattern):
        """The match of pattern in standard error, waiting for it."""
        end = time.monotonic() + HANG_S
        while not (match := re.search(pattern, self.err)):
            if time.monotonic() > end or not self._read(1):
                self.child.kill()
                self.child.communicate()
                raise AssertionError(f"{pattern!r} is not in {self.err!r}")
        return match

    def type(self, text):
        os.write(self._leader, text.encode())

    def echoes(self):
        """Does its terminal show what is typed?"""
        return bool(termios.tcgetattr(self._leader)[3] & termios.ECHO)

    def end(self, limit_s=HANG_S):
        """(status, stdout, stderr) when it has ended."""
        end = time.monotonic() + limit_s
        while self._read(1):
            if time.monotonic() > end:
                self.child.kill()
                raise AssertionError(f"it does not end: {self.err!r}")
        out = self.child.stdout.read().decode()
        self.child.stdout.close()
        if self._leader is None:
            self.child.stderr.close()
        else:
            os.close(self._leader)
        return self.child.wait(HANG_S), out, self.err


class LoginCase(EmulatorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.emu.add_machine("web01", service="echo")

    def setUp(self):
        super().setUp()
        self.emu.faults.clear()
        entra = self.emu.entra
        entra.strict_rotation, entra.consent, entra.device_interval = False, True, 0
        entra.browser_user = "jane.doe@emulated.test"
        self.env = {key: value for key, value in self.env.items() if not key.startswith("AZURE_")}
        self.env["XDG_STATE_HOME"] = os.path.join(self.home, "state")
        self.state = os.path.join(self.home, "state", "arc-relay")

    # --- programs ---

    def command(self, verb, *args):
        cloud = [] if verb in ("logout", "cache") else ["--cloud-file", self.emu.cloud_file]
        return WRAP + [TOOL, verb, *cloud, *args]

    def start(self, verb, *args, env=None, **more):
        return Running(self.command(verb, *args), {**self.env, **(env or {})}, **more)

    def run_tool(self, verb, *args, env=None, input=""):
        return subprocess.run(self.command(verb, *args), env={**self.env, **(env or {})}, input=input,
                              capture_output=True, text=True, timeout=HANG_S)

    def good(self, verb, *args, **more):
        done = self.run_tool(verb, *args, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def bad(self, status, error, verb, *args, says="", **more):
        """The last line on standard error; nothing is on the other."""
        done = self.run_tool(verb, *args, **more)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        return self.check_line(done.stderr, error, says)

    def check_line(self, err, error, says=""):
        line = err.splitlines()[-1]
        self.assertRegex(line, r"\Aarc-relay: [^\r]{1,388}\Z")
        self.assertIn(f"[{error}]" if error else "arc-relay: ", line)
        self.assertIn(says, line)
        return line

    def credentials(self, *args, **more):
        return self.run_tool("credentials", "--no-cache", *args, self.emu.machine_id("web01"), **more)

    def works(self, *args, **more):
        done = self.credentials(*args, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    # --- logging in ---

    def device_login(self, upn, *args, **more):
        """By device code, approved.  Returns (status, stdout, stderr)."""
        running = self.start("login", "--device-code", *args, **more)
        self.emu.entra.approve(running.says(CODE)[1], upn)
        return running.end()

    def logged_in(self, upn="alice@emulated.test", *args, **more):
        status, out, err = self.device_login(upn, *args, **more)
        self.assertEqual((status, out), (0, ""), err)
        return err

    # --- the state folder ---

    def account(self):
        """account.json, or None."""
        path = os.path.join(self.state, "account.json")
        if not os.path.exists(path):
            return None
        with open(path) as file:
            return json.load(file)

    def kept_secrets(self):
        """{name: content} of the files that hold one; each must be private."""
        found = {}
        for name in sorted(os.listdir(self.state)) if os.path.isdir(self.state) else []:
            path = os.path.join(self.state, name)
            self.assertEqual(stat.S_IMODE(os.lstat(path).st_mode), 0o600, name)
            if not name.endswith(".lck") and name != "account.json":
                with open(path) as file:
                    found[name] = file.read()
        if found:
            self.assertEqual(stat.S_IMODE(os.lstat(self.state).st_mode), 0o700)
        return found

    def kept_secret(self):
        (secret,) = self.kept_secrets().values()
        return secret

    def tokens(self, **form):
        """Log rows of token requests whose form has these."""
        return [row for row in self.emu.log.find(who="entra", what="token")
                if all(row["form"].get(key) == value for key, value in form.items())]
