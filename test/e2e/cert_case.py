"""What the tests of arc-relay cert share: the verb against the emulated Entra, counted, and its files looked at."""

import json
import os
import stat
import subprocess

from harness import HANG_S, TOOL, WRAP, EmulatorCase, Fault, whoami

USER = "alice@emulated.test"
FILES = ["cert.conf", "id_rsa", "id_rsa-cert.pub", "id_rsa.pub"]


def read(path):
    with open(path) as file:
        return file.read()


def listing(path):
    """What ssh-keygen -L says of a certificate."""
    return subprocess.run(["ssh-keygen", "-L", "-f", path], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=True).stdout


def make_key(path, kind="rsa", password="", *args):
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", password, "-f", path, *args], stdin=subprocess.DEVNULL,
                   check=True)
    return read(path)


class CertCase(EmulatorCase):
    """The environment logs the emulator's application in."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for upn in (USER, whoami()):
            cls.emu.entra.add_user(upn)

    def setUp(self):
        super().setUp()
        self.emu.faults.clear()
        self.emu.clock_skew = 0
        self.emu.entra.ssh_lifetime = 3600
        self.emu.managed.cloud_shell_certs = True
        self.env["XDG_STATE_HOME"] = os.path.join(self.home, "state")
        self.state = os.path.join(self.home, "state", "arc-relay")
        self.key = os.path.join(self.state, "id_rsa")
        self.before = self.count()

    def nobody(self):
        """Takes the application's login out of the environment."""
        self.env = {key: value for key, value in self.env.items() if not key.startswith("AZURE_")}
        return self.env

    # --- running ---

    def command(self, *args):
        return WRAP + [TOOL, "cert", "--cloud-file", self.emu.cloud_file, *args]

    def cert(self, *args, env=None, box=(), **run):
        return subprocess.run([*box, *self.command(*args)], env={**self.env, **(env or {})},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S, **run)

    def good(self, *args, requests=None, **more):
        """It works, with so many token requests.  What it prints."""
        before = self.count()
        done = self.cert(*args, **more)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        if requests is not None:
            self.assertEqual(self.count() - before, requests)
        return done.stdout

    def bad(self, status, error, says, *args, requests=None, **more):
        """The line on stderr, which is the only output."""
        before = self.count()
        done = self.cert(*args, **more)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertRegex(done.stderr, r"\Aarc-relay: [^\n]{1,388}\n\Z")
        self.assertIn(f"[{error}]" if error else "arc-relay: ", done.stderr)
        self.assertRegex(done.stderr, says)
        if requests is not None:
            self.assertEqual(self.count() - before, requests)
        return done.stderr

    def shown(self, *args, **more):
        return json.loads(self.good("--json", *args, **more))

    def log_in(self, upn, *args):
        """With arc-relay login; nobody is in the environment then."""
        self.nobody()
        child = subprocess.Popen(WRAP + [TOOL, "login", "--cloud-file", self.emu.cloud_file, "--device-code", *args],
                                 env=self.env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        code = ""
        while "enter the code" not in code:
            code = child.stderr.readline()
        self.emu.entra.approve(code.split("enter the code ")[1].split()[0], upn)
        child.communicate(timeout=HANG_S)
        self.assertEqual(child.returncode, 0)

    # --- what happened ---

    def rows(self):
        """Of requests for certificates."""
        return self.emu.log.find(who="entra", what="token", token_type="ssh-cert")

    def count(self):
        return self.emu.count(who="entra", what="token", token_type="ssh-cert")

    # --- files ---

    def names(self):
        """Those in the folder for state that have to do with certificates; each must be private."""
        names = sorted(os.listdir(self.state)) if os.path.isdir(self.state) else []
        for name in names:
            self.assertEqual(stat.S_IMODE(os.lstat(os.path.join(self.state, name)).st_mode), 0o600, name)
        if names:
            self.assertEqual(stat.S_IMODE(os.lstat(self.state).st_mode), 0o700)
        return [name for name in names if not name.endswith(".lck") and len(name) < 64 and
                name not in (".swept", "account.json", "login.0", "login.1")]

    def snapshot(self):
        """Names, contents and times of the files."""
        found = {}
        for name in self.names():
            path = os.path.join(self.state, name)
            found[name] = (read(path), os.lstat(path).st_mtime_ns, os.lstat(path).st_ino)
        return found

    def forget_failures(self):
        """What was just refused is asked again, without waiting."""
        for name in os.listdir(self.state):
            if len(name) == 64:
                os.unlink(os.path.join(self.state, name))

    def sign(self, principal=USER, skew=0, lifetime=3600, form=None):
        """A certificate for the key that was last asked for, from skew seconds beside now."""
        self.emu.entra.ssh_lifetime = lifetime
        was, self.emu.clock_skew = self.emu.clock_skew, skew
        blob = self.emu.entra._ssh_ca.certify(form or self.rows()[-1]["form"], principal, [])
        self.emu.clock_skew = was
        self.emu.entra.ssh_lifetime = 3600
        return blob

    def put(self, blob, path=None):
        """The certificate in the place of the one that is there, made for the same login."""
        path = path or self.key + "-cert.pub"
        kind, _, comment = read(path).split(" ", 2)
        with open(path, "w") as file:
            file.write(f"{kind} {blob} {comment}")
        os.chmod(path, 0o600)

    def age(self, seconds, lifetime=3600):
        """As if the certificate had been got so many seconds ago."""
        principal = listing(self.key + "-cert.pub").split("Principals: \n")[1].split()[0]
        self.put(self.sign(principal, -seconds, lifetime))

    def answers(self, **changes):
        """Entra's next answer has these members."""
        self.emu.faults.entra.append(Fault("edit", script=lambda document: {**document, **changes}))
