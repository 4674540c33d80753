"""What the end-to-end tests share: the programs, the emulator, a real sshd.

Programs run with a clean environment of their own: nothing of the caller's
account, cache or configuration is read or written.
"""

import base64
import hashlib
import json
import os
import pty
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

E2E = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(E2E))
sys.path[:0] = [E2E, os.path.join(TOP, "test", "emulator")]
from emulator import Emulator       # noqa: E402
from faults import Fault            # noqa: E402,F401

BUILD = os.environ.get("BUILD", os.path.join(TOP, "build", "release"))
MODE = os.environ.get("MODE", "")
SLOW = {"asan": 3, "valgrind": 20}.get(MODE, 1)     # how much longer things may take
PROXY = os.path.join(BUILD, "arc-relay-proxy")
TOOL = os.path.join(BUILD, "arc-relay")
WRAP = ["valgrind", "-q", "--error-exitcode=99", "--leak-check=full",
        "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"] if MODE == "valgrind" else []
os.umask(0o022)         # the caller's may make files that our programs rightly distrust
HANG_S = 60 * SLOW      # nothing here takes so long: against a hang, not a measure


def deadline(seconds):
    """Options that bound a dial which is bound to fail."""
    return ["--deadline", str(seconds * {"asan": 2, "valgrind": 6}.get(MODE, 1))]


def scaled(size, smaller):
    """A size of bytes that the slow ways of running use a smaller one for."""
    return smaller if MODE else size


def clean_env(home, **more):
    """The token service of the machine that runs the tests, if it is one of Azure, is not asked."""
    keep = {k: os.environ[k] for k in
            ("PATH", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS") if k in os.environ}
    return {**keep, "HOME": home, "XDG_CACHE_HOME": home + "/cache", "LC_ALL": "C",
            "AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:9", **more}


def relay_info_text(document):
    """Relay information as `az ssh config` writes it."""
    return base64.b64encode(json.dumps(document).encode()).decode()


class EmulatorCase(unittest.TestCase):
    """A test case with an emulated Azure of its own, shared by the class."""

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="e2e.")
        cls.emu = Emulator(os.path.join(cls.dir, "azure")).start()

    @classmethod
    def tearDownClass(cls):
        cls.emu.stop()
        shutil.rmtree(cls.dir, ignore_errors=True)

    def setUp(self):
        self.home = tempfile.mkdtemp(dir=self.dir)
        self.env = clean_env(self.home, AZURE_TENANT_ID=self.emu.entra.tenant,
                             AZURE_CLIENT_ID=self.emu.entra.client,
                             AZURE_CLIENT_SECRET=self.emu.entra.secret)
        self.emu.faults.dial.clear()

    def file(self, name, text, mode=0o600):
        path = os.path.join(self.home, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def cloud(self, mode=0o644, name="cloud.json", **changes):
        """A cloud file of the emulator with these members changed; None takes one away."""
        with open(self.emu.cloud_file) as file:
            document = {**json.load(file), **changes}
        return self.file(name, json.dumps({k: v for k, v in document.items() if v is not None}), mode)

    # --- arc-relay-proxy without ssh ---

    def info_file(self, machine, name="relay_info", text=None, **changes):
        """A file for -r; changes replace members of the document."""
        document = self.emu.issue_credentials(machine)
        for key, value in changes.items():
            if value is None:
                del document["relay"][key]
            else:
                document["relay"][key] = value
        path = os.path.join(self.home, name)
        with open(path, "w") as file:
            file.write(relay_info_text(document) if text is None else text)
        return path

    def relay_options(self, port=None):
        return ["--cloud-file", self.emu.cloud_file,
                "--connect-to", f"127.0.0.1:{port or self.emu.relay_port}"]

    def proxy(self, *args, stdin=subprocess.PIPE, port=None, env=None, options=None, **popen):
        """Starts arc-relay-proxy towards the emulated relay."""
        options = self.relay_options(port) if options is None else options
        popen.setdefault("stdout", subprocess.PIPE)
        popen.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen(WRAP + [PROXY, *options, *args],
                                stdin=stdin, env=env or self.env, **popen)

    def run_proxy(self, *args, input=b"", **popen):
        """Runs it to its end.  Returns (status, stdout, stderr)."""
        child = self.proxy(*args, **popen)
        out, err = child.communicate(input, timeout=HANG_S)
        return child.returncode, out, err.decode(errors="replace")


class Sshd:
    """A real sshd on a free port of loopback, for the user who runs the tests.

    box: what it is started by.
    """

    def __init__(self, folder, box=()):
        self.folder = folder
        os.makedirs(folder, mode=0o700, exist_ok=True)
        for name in ("host_key", "user_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                            self.path(name)], check=True)
        shutil.copy(self.path("user_key.pub"), self.path("authorized_keys"))
        self.port = free_port()
        with open(self.path("sshd_config"), "w") as file:
            file.write(f"""
ListenAddress 127.0.0.1:{self.port}
HostKey {self.path("host_key")}
AuthorizedKeysFile {self.path("authorized_keys")}
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
MaxStartups 300
SetEnv SHLVL=2
{self.settings()}
""")
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        self.child = subprocess.Popen([*box, "/usr/sbin/sshd", "-D", "-e", "-f", self.path("sshd_config")],
                                      stderr=open(self.path("sshd.log"), "w"))
        wait_for(lambda: can_connect(self.port), "sshd did not start")

    def settings(self):
        """More lines of its sshd_config."""
        return "Subsystem sftp internal-sftp"

    def path(self, name):
        return os.path.join(self.folder, name)

    def stop(self):
        self.child.terminate()
        self.child.wait()


class SshdCase(EmulatorCase):
    """A real sshd, for machines that a test makes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sshd = Sshd(os.path.join(cls.dir, "sshd"))

    @classmethod
    def tearDownClass(cls):
        cls.sshd.stop()
        super().tearDownClass()


class SshCase(SshdCase):
    """An emulated machine "web01" whose port 22 is a real sshd."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.emu.add_machine("web01", port=cls.sshd.port)

    def ssh_config(self, machine="web01", name="config", proxy_options="", **settings):
        """An ssh_config whose host "arc" is the machine.  Returns its path."""
        path = os.path.join(self.home, name)
        command = " ".join(WRAP + [PROXY, *self.relay_options(), proxy_options,
                                   self.emu.machine_id(machine)])
        lines = {"HostName": "arc", "User": whoami(), "ProxyCommand": command,
                 "IdentityFile": self.sshd.path("user_key"), "IdentitiesOnly": "yes",
                 "UserKnownHostsFile": os.path.join(self.home, "known_hosts"),
                 "StrictHostKeyChecking": "accept-new", "BatchMode": "yes",
                 "LogLevel": "ERROR", **settings}
        with open(path, "w") as file:
            file.write("Host arc\n" + "".join(f"    {k} {v}\n" for k, v in lines.items()))
        return path

    def run_ssh(self, *command, config=None, **run):
        """Runs ssh, scp, sftp, ... with -F config.  Returns the CompletedProcess."""
        config = config or self.ssh_config()
        run.setdefault("stdin", subprocess.DEVNULL)
        if "input" in run:
            del run["stdin"]
        return subprocess.run([command[0], "-F", config, *command[1:]], env=self.env,
                              capture_output=True, timeout=10 * HANG_S, **run)


def whoami():
    return subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def wait_for(condition, what, limit_s=HANG_S):
    """Polls until condition() is true; its value.  For states that announce nothing."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(what)


def family(pid):
    """The pids of all that a process has started, and they in turn."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            children = [int(word) for word in file.read().split()]
    except FileNotFoundError:
        return []
    return children + [one for child in children for one in family(child)]


def program_first(folder, path, script, name):
    """A program of that name in folder, first on path; $REAL is the real one.  The variable by which it is found."""
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{name}", "w") as file:
        file.write(f"#!/bin/sh\nREAL={shutil.which(name)}\n{script}\n")
    os.chmod(f"{folder}/{name}", 0o755)
    return {"PATH": f"{folder}:{path}"}


def stderr_of(command, env):
    """What a program shows on a terminal that is its standard error alone.  Its exit status, and that."""
    leader, follower = pty.openpty()
    child = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=follower)
    os.close(follower)
    said = b""
    try:
        while piece := os.read(leader, 4096):
            said += piece
    except OSError:
        pass                        # it has ended
    os.close(leader)
    return child.wait(timeout=HANG_S), said


def random_file(path, size):
    with open("/dev/urandom", "rb") as source, open(path, "wb") as file:
        while size > 0:
            size -= file.write(source.read(min(size, 1 << 20)))
    return path


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
