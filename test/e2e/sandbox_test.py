"""Goal: whoever takes a session over has got hold of nothing else, and nobody who uses one notices.

An older kernel is played by a filter around the program that answers for what it would not have.
"""

import ctypes
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import unittest

import tap
from harness import BUILD, HANG_S, MODE, PROXY, TOOL, EmulatorCase, Fault, SshCase, family, random_file, scaled, \
    sha256, wait_for

PLAY = os.path.join(BUILD, "test", "play", "sandbox_play")
SECCOMP, LANDLOCK = {"x86_64": 317, "aarch64": 277}.get(os.uname().machine), 444
MB = 1 << 20
LIBC = ctypes.CDLL(None, use_errno=True)
ENOSYS = 38


def has_landlock():
    return LIBC.syscall(LANDLOCK, None, 0, 1)


def without(*calls):
    """A preexec_fn: these system calls are not there."""
    def code(op, k, then=0, otherwise=0):
        return struct.pack("HBBI", op, then, otherwise, k)

    program = code(0x20, 0)                         # load the number of the call
    for nr in calls:
        program += code(0x15, nr, 0, 1) + code(0x06, 0x00050000 | ENOSYS)
    program += code(0x06, 0x7fff0000)
    code_at = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = [("n", ctypes.c_ushort), ("code", ctypes.c_void_p)]

    whole = Program(len(program) // 8, ctypes.addressof(code_at))

    def enter(keep=code_at):
        if LIBC.prctl(38, 1, 0, 0, 0) != 0 or LIBC.prctl(22, 2, ctypes.byref(whole)) != 0:
            os._exit(125)
    return enter


# What the sandbox is there for, by who denies it; and what must go on.
FILES = {"read", "write", "make", "make-elsewhere", "make-above", "remove", "remove-elsewhere", "rename",
         "rename-elsewhere", "link", "folder", "read-folder", "list", "run", "run-ours"}
CALLS = FILES | {"thread", "chmod", "stat", "socket", "connect", "bind", "listen", "kill", "trace", "peek", "fork", "dumps", "user",
                 "type", "code", "new-code", "file-of-memory"}
ELSEWHERE = {"make-elsewhere", "make-above", "remove-elsewhere", "rename-elsewhere"}    # a path in memory: not for seccomp
GOES_ON = {"memory", "new", "mode", "put", "replace", "new-again", "drop"}


@unittest.skipIf(MODE, "there is none with sanitizers or valgrind")
@unittest.skipUnless(SECCOMP, "no table for this machine")
class Inside(EmulatorCase):
    """What somebody in there can do."""

    def attempts(self, *calls):
        """(what the sandbox says of itself, {attempt: name of errno, or "done"})"""
        self.folder = os.path.join(self.home, "folder")
        os.mkdir(self.folder)
        self.file("folder/kept", "old")
        secret = self.file("secret", "secret")
        with socket.create_server(("127.0.0.1", 0)) as server:
            done = subprocess.run([PLAY, self.folder, secret, str(server.getsockname()[1])], env=self.env, text=True,
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG_S, preexec_fn=without(*calls) if calls else None)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        said, *lines = done.stdout.splitlines()
        return said, dict(line.split() for line in lines)

    def assert_goes_on(self, got):
        self.assertEqual({what for what in GOES_ON if got[what] != "done"}, set())
        self.assertEqual(os.listdir(self.folder), ["kept"])
        with open(os.path.join(self.folder, "kept")) as file:
            self.assertEqual(file.read(), "new")

    @unittest.skipIf(has_landlock() < 1, "no Landlock")
    def test_both(self):
        said, got = self.attempts()
        self.assertEqual(said, "Landlock, seccomp")
        self.assertEqual(set(got), CALLS | GOES_ON | {"i386"})
        self.assertEqual({what for what in CALLS if got[what] == "done"}, set())
        self.assertEqual(got["i386"], "ENOSYS")
        self.assert_goes_on(got)

    def test_without_landlock(self):
        said, got = self.attempts(LANDLOCK)
        self.assertEqual(said, "no Landlock (Function not implemented), seccomp")
        self.assertEqual({what for what in CALLS - ELSEWHERE if got[what] != "ENOSYS"}, set())
        self.assertIn("kept", os.listdir(self.folder))

    @unittest.skipIf(has_landlock() < 1, "no Landlock")
    def test_without_seccomp(self):
        said, got = self.attempts(SECCOMP)
        self.assertEqual(said, "Landlock, no seccomp (Function not implemented)")
        denied = FILES | ({"connect", "bind"} if has_landlock() >= 4 else set()) \
            | ({"kill"} if has_landlock() >= 6 else set())
        self.assertEqual({what for what in denied if got[what] not in ("EACCES", "EPERM", "EXDEV")}, set())
        self.assertEqual({what for what in GOES_ON if got[what] != "done"}, set())


class Case(EmulatorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for service in ("echo", "sink", "tcp"):
            cls.emu.add_machine(service, service=service)
        cls.emu.add_machine("source", service=f"source:{scaled(30 * MB, 3 * MB)}")

    def setUp(self):
        super().setUp()
        self.env["XDG_STATE_HOME"] = os.path.join(self.home, "state")
        self.kept = os.path.join(self.home, "state", "arc-relay", "last-error")

    def open_session(self, *options, **popen):
        """(process, far end)"""
        child = self.proxy(*options, self.emu.machine_id("tcp"), **popen)
        far = self.emu.service("tcp").accept(HANG_S)
        far.sendall(b"!")
        self.assertEqual(child.stdout.read(1), b"!")
        return child, far

    def cut(self, *options, **popen):
        """The line that a session tells that breaks, which must be what is kept, too."""
        self.emu.faults.dial.append(Fault("rst", after=100))
        child = self.proxy(*options, self.emu.machine_id("source"), **popen)
        self.assertEqual(len(child.stdout.read()), 100)
        err = self.end_of(child, 74)
        self.assertIn("[E512]", err)
        with open(self.kept) as file:
            self.assertIn(json.load(file)["line"], err)
        self.assertEqual(os.listdir(os.path.dirname(self.kept)), ["last-error"])
        return err

    def end_of(self, child, status):
        """What it says until it ends, by itself."""
        err = child.stderr.read().decode()
        self.assertEqual(child.wait(HANG_S), status, err)
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe and not pipe.closed:
                pipe.close()
        return err

    def status(self, pid):
        with open(f"/proc/{pid}/status") as file:
            fields = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        return fields["Seccomp"], fields["NoNewPrivs"]

    def finish(self, child, far):
        far.close()
        return self.end_of(child, 0)


@unittest.skipIf(MODE, "there is none with sanitizers or valgrind")
@unittest.skipUnless(SECCOMP, "no table for this machine")
class Session(Case):
    def test_it_is_in_there(self):
        child, far = self.open_session()
        self.assertEqual(self.status(child.pid), ("2", "1"))
        self.finish(child, far)

    def test_not_before_it_is_up(self):
        """Who waits may have to start arc-relay, and to dial again."""
        self.emu.faults.dial.append(Fault("stall"))
        child = self.proxy("-r", self.info_file("echo"))
        wait_for(lambda: not list(self.emu.faults.dial), "no dial")
        self.assertEqual(self.status(child.pid), ("0", "0"))
        child.communicate(timeout=HANG_S)

    def test_not_with_foreign_code(self):
        child, far = self.open_session("-vv", env={**self.env, "LD_PRELOAD": "libc.so.6"})
        self.assertEqual(self.status(child.pid), ("0", "0"))
        self.assertIn("sandbox: none with LD_PRELOAD\n", self.finish(child, far))

    @unittest.skipIf(has_landlock() < 1, "no Landlock")
    def test_it_is_told(self):
        child, far = self.open_session("-vv")
        self.assertIn("sandbox: Landlock, seccomp\n", self.finish(child, far))

    def test_an_older_kernel(self):
        for calls in ((LANDLOCK,), (SECCOMP,), (LANDLOCK, SECCOMP)):
            with self.subTest(calls):
                said = self.cut("-vv", preexec_fn=without(*calls))
                for nr, name in ((LANDLOCK, "Landlock"), (SECCOMP, "seccomp")):
                    self.assertEqual(f"no {name} (Function not implemented)" in said, nr in calls, said)
                os.unlink(self.kept)

    def test_doctor(self):
        for calls, verdict, what in (((LANDLOCK, SECCOMP), "note", "no Landlock (Function not implemented), no seccomp "
                                      "(Function not implemented): a session works without"),
                                     ((), "ok", "Landlock, seccomp"))[:2 if has_landlock() > 0 else 1]:
            done = subprocess.run([TOOL, "doctor", "--check", "sandbox"], env=self.env, capture_output=True,
                                  timeout=HANG_S, preexec_fn=without(*calls) if calls else None)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(what.encode(), done.stdout)


class LastError(Case):
    def test_it_is_kept(self):
        self.cut()

    def test_it_replaces_another(self):
        self.cut()
        first = os.stat(self.kept).st_ino
        self.cut("--log-json")
        self.assertNotEqual(os.stat(self.kept).st_ino, first)

    def test_explain_has_it(self):
        self.cut()
        done = subprocess.run([TOOL, "explain"], env=self.env, capture_output=True, text=True, timeout=HANG_S)
        self.assertIn("E512", done.stdout)

    def test_no_folder_can_be_had(self):
        """The session works, and so does what it tells."""
        self.file("state", "no folder")
        self.emu.faults.dial.append(Fault("rst", after=100))
        child = self.proxy(self.emu.machine_id("source"))
        self.assertEqual(len(child.stdout.read()), 100)
        self.assertIn("[E512]", self.end_of(child, 74))


@unittest.skipIf(MODE, "there is none with sanitizers or valgrind")
@unittest.skipUnless(shutil.which("strace"), "no strace")
@unittest.skipUnless(SECCOMP, "no table for this machine")
class Nothing(Case):
    """Nothing that a session still wants is denied to it, however it ends."""

    def setUp(self):
        super().setUp()
        self.traces = os.path.join(self.home, "traces")
        os.mkdir(self.traces)

    def traced(self, name, machine, *options, fault=None, **popen):
        if fault:
            self.emu.faults.dial.append(fault)
        wrap = ["strace", "-D", "-f", "-qq", "-o", os.path.join(self.traces, name)]
        dials = self.emu.count(who="relay", what="connect")
        child = subprocess.Popen([*wrap, PROXY, *self.relay_options(), *options, self.emu.machine_id(machine)],
                                 env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 **popen)
        self.emu.log.wait(who="relay", what="connect", n=dials + 1)
        return child

    def whole(self, name):
        with open(os.path.join(self.traces, name)) as file:
            text = file.read()
        return text if text.splitlines()[-1:] and "exit_group(" in text.splitlines()[-1] else None

    def denied(self, name):
        """Lines of the trace, after the sandbox was entered."""
        text = wait_for(lambda: self.whole(name), "strace does not end")
        entered = re.search(r"^(\d+) +seccomp\(.* = 0\n", text, re.MULTILINE)
        self.assertIsNotNone(entered, name)
        inside = re.findall(rf"^{entered[1]} +(.*)", text[entered.end():], re.MULTILINE)
        return [line for line in inside if re.search(r" = -1 (ENOSYS|EACCES|EPERM) ", line)]

    def test_every_end(self):
        ends = {"dead": (74, self.traced("dead", "tcp", "-v", fault=Fault("freeze", after=1)))}
        far = self.emu.service("tcp").accept(HANG_S)
        far.sendall(b"!")                       # the path is dead from here on; it takes 40 s to be seen

        for name, options in (("cut", ()), ("cut-v", ("-vv",)), ("cut-json", ("-vv", "--log-json"))):
            ends[name] = 74, self.traced(name, "source", *options, fault=Fault("rst", after=1000))
        ends["no-banner"] = 69, self.traced("no-banner", "source", fault=Fault("close", code=1000))
        ends["closed"] = 0, self.traced("closed", "source", fault=Fault("close", code=1000, after=MB))
        ends["protocol"] = 76, self.traced("protocol", "source", fault=Fault("bad-opcode", after=MB))
        ends["all"] = 0, self.traced("all", "source")
        for name, number in (("term", signal.SIGTERM), ("hup", signal.SIGHUP), ("term-v", signal.SIGTERM)):
            child = self.traced(name, "echo", *(["-vv"] if name == "term-v" else []))
            child.stdin.write(b"x")
            child.stdin.flush()
            self.assertEqual(child.stdout.read(1), b"x")
            child.send_signal(number)
            ends[name] = 0, child
        child = self.traced("reader-gone", "source")
        child.stdout.read(MB)
        child.stdout.close()
        child.stdout = None
        ends["reader-gone"] = 0, child
        child = self.traced("file", "sink", "-v")
        child.stdin.write(os.urandom(3 * MB))
        child.stdin.close()
        child.stdin = None
        ends["file"] = 0, child

        for name, (status, child) in reversed(ends.items()):
            with self.subTest(name):
                if child.stdout:
                    while child.stdout.read(MB):
                        pass
                self.end_of(child, status)
                self.assertEqual(self.denied(name), [])
        far.close()

    def test_both_descriptors_on_one_open_file(self):
        """Its flags are put back, which is a call of its own."""
        ours, its = socket.socketpair()
        with ours, its:
            trace = os.path.join(self.traces, "socket")
            child = subprocess.Popen(["strace", "-D", "-f", "-qq", "-o", trace, PROXY, *self.relay_options(), "-r",
                                      self.info_file("echo")], env=self.env, stdin=its, stdout=its)
            its.close()
            ours.sendall(b"x")
            self.assertEqual(ours.recv(1), b"x")
            ours.close()
            self.assertEqual(child.wait(HANG_S), 0)
        self.assertEqual(self.denied("socket"), [])


class Ssh(SshCase):
    """What people do."""

    def test_a_command_and_files_both_ways(self):
        size = scaled(30 * MB, 3 * MB)
        there, back = os.path.join(self.home, "there"), os.path.join(self.home, "back")
        whole = random_file(os.path.join(self.home, "whole"), size)
        self.assertEqual(self.run_ssh("ssh", "arc", "echo up").stdout, b"up\n")
        for command in ((whole, f"arc:{there}"), (f"arc:{there}", back)):
            done = self.run_ssh("scp", *command)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sha256(back), sha256(whole))

    def test_both_ways_at_once(self):
        with open(random_file(os.path.join(self.home, "whole"), scaled(30 * MB, 3 * MB)), "rb") as file:
            data = file.read()
        done = self.run_ssh("ssh", "arc", "cat", input=data)
        self.assertEqual(hashlib.sha256(done.stdout).digest(), hashlib.sha256(data).digest())

    @unittest.skipIf(MODE or not SECCOMP, "there is none")
    def test_ssh_has_it(self):
        ssh = subprocess.Popen(["ssh", "-F", self.ssh_config(), "arc", "echo up; exec cat"], env=self.env,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(ssh.stdout.readline(), b"up\n")
        seccomp = []
        for pid in family(ssh.pid):
            with open(f"/proc/{pid}/status") as file:
                seccomp += re.findall(r"Seccomp:\t(\d)", file.read())
        self.assertIn("2", seccomp)
        ssh.communicate(timeout=HANG_S)
        self.assertEqual(ssh.returncode, 0)


if __name__ == "__main__":
    tap.main()
