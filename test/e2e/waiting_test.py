"""Goal: what needs its time is waited for as long as the user's program does, and everybody knows what is waited for.

ssh's ConnectTimeout, as all that start ssh pass it on; the reason comes before ssh gives up.  A line on a terminal,
lines for ssh -v, and nothing anywhere else.  Nobody dials for a ssh that is gone.
"""

import os
import pty
import re
import signal
import subprocess
import threading
import time

import tap
from harness import HANG_S, MODE, SLOW, Fault, SshCase, random_file, sha256, wait_for
from faults import NO_LISTENERS

AWAY = Fault("status", code=404, text=NO_LISTENERS)
E706 = re.compile(r"arc-relay-proxy: web01: ssh waits no longer than (\d+) s \(ConnectTimeout\), and so far: (.*)\. "
                  r"fix: arc-relay prepare web01, .*ConnectTimeout 120.* \[E706\]")
WAITS = r"arc-relay-proxy: web01: waiting for its Arc agent to listen, \d+ s of \d+"


class Case(SshCase):
    def setUp(self):
        super().setUp()
        self.emu.faults.clear()
        self.addCleanup(self.emu.faults.clear)

    def away(self, times=60, fault=AWAY):
        self.emu.faults.dial.extend([fault] * times)

    def dials(self):
        return self.emu.count(who="relay", what="connect")

    def warm(self):
        """The credential is in the cache afterwards."""
        self.assertEqual(self.run_ssh("ssh", "arc", "true").returncode, 0)

    def terminal(self, *command, until=None, config=None):
        """Runs ssh with a terminal for all three; what is seen there, as bytes."""
        config = config or self.ssh_config()
        pid, fd = pty.fork()
        if pid == 0:
            os.execvpe(command[0], [command[0], "-F", config, *command[1:]], self.env)
        seen = b""
        while True:
            try:
                piece = os.read(fd, 4096)
            except OSError:
                break
            if not piece:
                break
            seen += piece
            if until and re.search(until, seen):
                os.kill(pid, signal.SIGKILL)
        os.close(fd)
        os.waitpid(pid, 0)
        return seen.decode()


class Deadline(Case):
    def setUp(self):
        super().setUp()
        if MODE == "valgrind":
            self.skipTest("ssh's clock goes no slower")

    def too_late(self, timeout, *command, pattern=E706, **run):
        """ssh, or what starts it, shows the reason before ConnectTimeout is over.  The cause in it."""
        began = time.monotonic()
        done = self.run_ssh(*command, **run)
        took = time.monotonic() - began
        self.assertNotEqual(done.returncode, 0)
        said = done.stderr.decode()
        match = re.search(pattern, said)
        self.assertTrue(match, said)
        self.assertEqual(int(match[1]), timeout)
        self.assertNotIn("Connection timed out", said)
        self.assertLess(took, timeout + (SLOW - 1) * 5)
        self.assertGreater(took, timeout - 3)
        return match[2]

    def test_ssh(self):
        self.away()
        self.assertIn("agent is not listening", self.too_late(5, "ssh", "-o", "ConnectTimeout=5", "arc", "true"))

    def test_as_others_write_it(self):
        self.away()
        for option, seconds in (("-oConnectTimeout 4", 4), ("-vvoconnecttimeout=4s", 4)):
            with self.subTest(option):
                self.too_late(seconds, "ssh", option, "-oConnectTimeout=77", "arc", "true")

    def test_a_relay_that_says_nothing(self):
        self.emu.faults.dial.extend([Fault("stall")] * 9)
        self.assertIn("did not answer the upgrade", self.too_late(4, "ssh", "-oConnectTimeout=4", "arc", "true"))

    def test_a_slow_credential(self):
        """arc-relay knows how long it has, and what it waits for."""
        self.emu.faults.arm.always = Fault("delay", seconds=30)
        self.too_late(3, "ssh", "-oConnectTimeout=3", "arc", "true",
                      pattern=r"(?s)ssh gives up after (\d) s.*(timed out after 1\d\d\d mill).* \[E409\]",
                      config=self.ssh_config(proxy_options="-v"))

    def test_all_that_start_ssh(self):
        self.warm()
        self.away(300)
        config, here = self.ssh_config(), random_file(os.path.join(self.home, "file"), 1000)
        ssh = f"ssh -F {config} -o ConnectTimeout=4"
        commands = {
            "scp": ["scp", "-F", config, "-o", "ConnectTimeout=4", here, f"arc:{here}2"],
            "sftp": ["sftp", "-F", config, "-o", "ConnectTimeout=4", "arc:/etc/hostname", self.home],
            "rsync": ["rsync", "-e", ssh, here, f"arc:{here}3"],
            "git": ["git", "-c", f"core.sshCommand={ssh}", "ls-remote", "arc:/nowhere"],
        }
        said = {}

        def run(name):
            said[name] = subprocess.run(commands[name], env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                                        timeout=HANG_S).stderr.decode()
        threads = [threading.Thread(target=run, args=[name]) for name in commands]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name in commands:
            self.assertRegex(said[name], E706, name)

    def test_the_shorter_one_counts_and_is_told(self):
        config = self.ssh_config(proxy_options="-v --deadline 3")
        for timeout, told in ((60, r"giving up after 3 s \(--deadline\)"), (2, r"ssh gives up after 2 s \(Conn")):
            self.emu.faults.clear()
            self.away(9)
            said = self.run_ssh("ssh", f"-oConnectTimeout={timeout}", "arc", "true", config=config).stderr.decode()
            self.assertRegex(said, told)
            self.assertIn("[E501]" if timeout == 60 else "[E706]", said)

    def test_enough_time(self):
        self.away(2)
        done = self.run_ssh("ssh", "-o", "ConnectTimeout=30", "arc", "echo in")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"in\n", b""))

    def test_a_last_attempt_near_the_end(self):
        """Attempts at 0, 1, 3, 7 s, and not the next at 12 but at 7.5: ssh gives up at 10."""
        self.warm()
        self.away(4)
        done = self.run_ssh("ssh", "-o", "ConnectTimeout=10", "arc", "echo in")
        self.assertEqual((done.returncode, done.stdout), (0, b"in\n"), done.stderr)


class Told(Case):
    def test_terminal(self):
        self.away(3)
        seen = self.terminal("ssh", "arc", "echo in")
        first = re.search(r"\r" + WAITS, seen)
        self.assertTrue(first, seen)
        self.assertGreaterEqual(len(re.findall(WAITS, seen)), 2)
        before, after = seen.split("in\r\n")
        self.assertEqual(after, "")
        self.assertTrue(re.search(r"\r +\r\Z", before), "not cleared: " + repr(before))
        self.assertNotIn("\n", before)

    def test_terminal_at_the_end_of_patience(self):
        self.away()
        seen = self.terminal("ssh", "-oConnectTimeout=5", "arc", "true")
        self.assertRegex(seen, r"\r +\r[^\r]*E706")
        self.assertEqual(seen.count("E706"), 1)

    def test_terminal_and_a_slow_credential(self):
        self.emu.faults.arm.append(Fault("delay", seconds=3))
        self.assertRegex(self.terminal("ssh", "arc", "true"), r"waiting for Azure to hand out a credential, 2 s of 120")

    def test_quiet_is_quiet(self):
        self.away(3)
        self.assertEqual(self.terminal("ssh", "-q", "arc", "echo in"), "in\r\n")

    def test_quick_is_silent(self):
        self.away(1)
        self.assertEqual(self.terminal("ssh", "arc", "echo in"), "in\r\n")

    def test_ssh_v(self):
        self.away(3)
        done = self.run_ssh("ssh", "-v", "arc", "echo in", config=self.ssh_config(LogLevel="DEBUG"))
        self.assertEqual((done.returncode, done.stdout), (0, b"in\n"))
        lines = re.findall(r"banner line \d+: (.*?)\r?\n", done.stderr.decode())
        self.assertGreaterEqual(len(lines), 1)
        for line in lines:
            self.assertRegex(line, rf"\A{WAITS}\Z")

    def test_ssh_v_and_then_the_reason(self):
        self.away()
        done = self.run_ssh("ssh", "-v", "-oConnectTimeout=6", "arc", "true", config=self.ssh_config(LogLevel="DEBUG"))
        self.assertRegex(done.stderr.decode(), rf"(?s)banner line 0: {WAITS}.*{E706.pattern}")

    def test_programs_do_not_mind(self):
        config, here = self.ssh_config(), random_file(os.path.join(self.home, "file"), 100_000)
        subprocess.run(["git", "init", "-q", "--bare", self.home + "/r.git"], check=True, env=self.env)
        ssh = f"ssh -F {config}"
        for name, command in {
                "scp": ["scp", "-F", config, here, f"arc:{here}.scp"],
                "rsync": ["rsync", "-e", ssh, here, f"arc:{here}.rsync"],
                "git": ["git", "-c", f"core.sshCommand={ssh}", "ls-remote", f"arc:{self.home}/r.git"]}.items():
            with self.subTest(name):
                self.away(3)
                done = subprocess.run(command, env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                                      timeout=HANG_S)
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                if name != "git":
                    self.assertEqual(sha256(f"{here}.{name}"), sha256(here))

    def test_only_ssh_is_told_on_stdout(self):
        self.away(3)
        child = self.proxy(self.emu.machine_id("web01"))
        self.assertEqual(child.stdout.read(8), b"SSH-2.0-")
        self.assertEqual(child.communicate(timeout=HANG_S)[1], b"")


class Outdated(Case):
    """The relay knows no endpoint, and the credential is from the cache: Azure is asked once more."""

    def setUp(self):
        super().setUp()
        self.emu.add_machine("again", port=self.sshd.port)
        self.assertEqual(self.run_ssh("ssh", "arc", "true", config=self.ssh_config("again")).returncode, 0)
        self.emu.remove_machine("again")
        self.before = self.emu.count(who="arm", operation="listcredentials")

    def asked(self):
        return self.emu.count(who="arm", operation="listcredentials") - self.before

    def try_it(self, *options):
        rid = "/".join(self.emu.machine_id("web01").split("/")[:-1]) + "/again"
        with open(self.ssh_config(), "r+") as file:
            text = file.read().replace(self.emu.machine_id("web01"), rid)
        return self.run_ssh("ssh", *options, "arc", "echo in", config=self.file("config2", text))

    def test_made_again(self):
        self.emu.add_machine("again", port=self.sshd.port)
        self.addCleanup(self.emu.remove_machine, "again")
        done = self.try_it()
        self.assertEqual((done.stdout, self.asked()), (b"in\n", 1), done.stderr)

    def test_gone_for_ever(self):
        began = time.monotonic()
        self.assertIn(b"[E201]", self.try_it().stderr)
        self.assertLess(time.monotonic() - began, 10 * SLOW)

    def test_what_azure_cannot_say_is_waited_for(self):
        self.emu.faults.arm.always = Fault("status", code=503)
        done = self.try_it("-oConnectTimeout=6")
        self.assertRegex(done.stderr, rb"so far: the machine's endpoint is new.* \[E706\]")


class Gone(Case):
    def test_no_dial_after_ssh_has_left(self):
        for how in (signal.SIGKILL, signal.SIGINT):
            with self.subTest(how):
                self.emu.faults.clear()
                self.away(1)
                before = self.dials()
                child = subprocess.Popen(["ssh", "-F", self.ssh_config(), "arc", "true"], env=self.env,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                wait_for(lambda: not list(self.emu.faults.dial), "no dial")
                child.send_signal(how)
                child.communicate(timeout=HANG_S)       # stderr ends when arc-relay-proxy has left
                self.assertEqual(self.dials(), before + 1)


if __name__ == "__main__":
    tap.main()
