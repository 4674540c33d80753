"""Goal: ssh logs in to a real sshd with a certificate of Entra's, which is made and renewed by the Match exec of
arc-relay config --entra while ssh reads its configuration, and nobody notices but by a request in the log.
"""

import os
import re
import shutil
import subprocess
import unittest

import tap
from cert_case import CertCase, listing, read
from harness import HANG_S, MODE, TOOL, WRAP, Sshd, wait_for, whoami

ACCEPTED = re.compile(r"Accepted publickey for (\S+) .*RSA-CERT .* ID ([0-9a-f]+) \(serial (\d+)\)")


class CaSshd(Sshd):
    """It trusts who signs for Entra."""

    def settings(self):
        return f"TrustedUserCAKeys {self.ca}\n" + super().settings()


def two_hours_later():
    """A prefix for a command. Not faketime itself, which does not pass a signal on."""
    if not shutil.which("faketime"):
        raise unittest.SkipTest("no faketime")
    told = subprocess.run(["faketime", "-f", "+0", "env"], capture_output=True, text=True, check=True).stdout
    library = re.search(r"^LD_PRELOAD=.*$", told, re.MULTILINE)[0]
    return ["env", library, "FAKETIME=+7200", "FAKETIME_DONT_FAKE_MONOTONIC=1"]


class Ssh(CertCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(os.path.join(cls.dir, "ca.pub"), "w") as file:
            file.write(cls.emu.entra.ssh_ca_line + "\n")
        CaSshd.ca = file.name
        cls.sshd = CaSshd(os.path.join(cls.dir, "sshd"))
        cls.emu.add_machine("web01", port=cls.sshd.port)
        cls.emu.add_machine("win1", port=cls.sshd.port, os_name="windows")

    @classmethod
    def tearDownClass(cls):
        cls.sshd.stop()
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        if whoami() != whoami().lower():
            self.skipTest("the principal is in lower case, and the user of this test is not")
        self.log_in(whoami())
        done = subprocess.run(WRAP + [TOOL, "config", "--entra", "--cloud-file", self.emu.cloud_file, "--connect-to",
                                      f"127.0.0.1:{self.emu.relay_port}"], env=self.env, capture_output=True, text=True,
                              timeout=HANG_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.config = self.file("config", done.stdout)
        os.mkdir(self.home + "/.ssh", 0o700)
        self.accepted_before = len(self.accepted())

    def accepted(self, sshd=None):
        """(user, key id, serial) of each login so far."""
        return ACCEPTED.findall(read((sshd or self.sshd).path("sshd.log")))

    def command(self, *args):
        if args and args[0] in ("ssh", "scp"):
            return [args[0], "-F", self.config, "-o", "StrictHostKeyChecking=accept-new", "-o", "BatchMode=yes",
                    "-o", "LogLevel=ERROR", *args[1:]]
        return super().command(*args)

    def run_ssh(self, *args, program="ssh", box=(), **run):
        return subprocess.run([*box, *self.command(program, *args)], env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=5 * HANG_S, **run)

    def works(self, requests, box=(), sshd=None):
        """A login, with so many requests for a certificate. Its serial."""
        before = self.count()
        done = self.run_ssh("web01.arc", "echo", "here", box=box)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "here\n", ""))
        self.assertEqual(self.count() - before, requests)
        user, _, serial = self.accepted(sshd)[-1]
        self.assertEqual(user, whoami())
        return int(serial)

    def test_the_first_login_makes_it(self):
        first = self.works(requests=1)
        self.assertEqual(self.works(requests=0), first)
        self.assertIn(f'\nUser "{whoami()}"\n', read(self.state + "/cert.conf"))

    def test_what_ssh_takes(self):
        self.good("ensure")
        said = subprocess.run(self.command("ssh", "-G", "web01.arc"), env=self.env, capture_output=True, text=True).stdout
        for line in (f"user {whoami()}", f"identityfile {self.key}", f"certificatefile {self.key}-cert.pub",
                     "identitiesonly yes"):
            self.assertIn(f"\n{line}\n", "\n" + said)
        before = self.count()
        shutil.rmtree(self.state)
        said = subprocess.run(self.command("ssh", "-G", "win1.arc"), env=self.env, capture_output=True, text=True).stdout
        self.assertNotIn("certificatefile", said)
        self.assertEqual(self.count(), before)

    @unittest.skipIf(MODE == "valgrind", "valgrind and libfaketime do not go together")
    def test_expired_by_the_clock_and_renewed(self):
        """Two hours later, for ssh, sshd and Entra; it is good for one."""
        later = two_hours_later()
        old, key = self.works(requests=1), read(self.key)
        sshd = CaSshd(os.path.join(self.home, "sshd"), later)
        self.addCleanup(sshd.stop)
        ports = self.emu.machine("web01").port_map
        ports[22], was = sshd.port, ports[22]
        self.addCleanup(ports.__setitem__, 22, was)
        os.unlink(self.home + "/.ssh/known_hosts.arc")
        self.env["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        done = self.run_ssh("-o", f"IdentityFile={self.key}", "-l", whoami(), "web01.arc", "true")
        self.assertIn("Permission denied", done.stderr)
        self.emu.clock_skew = 7200
        new = self.works(requests=1, box=later, sshd=sshd)
        self.assertGreater(new, old)
        self.assertEqual(int(re.search(r"Serial: (\d+)", listing(self.key + "-cert.pub"))[1]), new)
        self.assertEqual(read(self.key), key)
        self.assertEqual(self.works(requests=0, box=later, sshd=sshd), new)

    def test_an_expired_one_is_what_sshd_refuses(self):
        """So that the renewal is what makes the other tests pass."""
        self.good("ensure")
        self.age(7200)
        done = self.run_ssh("-o", f"IdentityFile={self.key}", "-o", f"CertificateFile={self.key}-cert.pub",
                            "-o", "PreferredAuthentications=publickey", "-l", whoami(), "win1.arc", "true")
        self.assertEqual(done.returncode, 255)
        self.assertIn("Permission denied", done.stderr)

    def test_due_and_renewed(self):
        self.works(requests=1)
        self.age(3000)
        self.works(requests=1)
        self.works(requests=0)

    def test_when_it_cannot_be_renewed(self):
        self.works(requests=1)
        self.emu.entra.revoke_user(whoami())
        self.age(3000)
        before = len(self.accepted())
        done = self.run_ssh("web01.arc", "true")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(len(self.accepted()), before + 1)
        self.age(7200)
        done = self.run_ssh("web01.arc", "true")
        self.assertEqual((done.returncode, done.stdout), (255, ""))
        self.assertRegex(done.stderr, r"\Aarc-relay: the sign-in expired or was revoked: AADSTS[^\n]+ "
                         r"fix: arc-relay login [^\n]*\[E303\]\n")
        self.assertIn("Permission denied", done.stderr)

    def test_many_at_once(self):
        n = 4 if MODE == "valgrind" else 16
        self.works(requests=1)
        self.age(7200)
        before, logins = self.count(), len(self.accepted())
        children = [subprocess.Popen(self.command("ssh", "web01.arc", "echo", "here"), env=self.env, text=True,
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                    for _ in range(n)]
        done = [(*child.communicate(timeout=5 * HANG_S), child.returncode) for child in children]
        self.assertEqual(set(done), {("here\n", "", 0)})
        self.assertEqual(self.count() - before, 1)
        self.assertEqual(len({serial for _, _, serial in self.accepted()[logins:]}), 1)

    def test_scp(self):
        self.file("from", "some bytes\n")
        done = self.run_ssh(self.home + "/from", f"web01.arc:{self.home}/to", program="scp")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(read(self.home + "/to"), "some bytes\n")

    def test_through_an_agent(self):
        """Loaded into an agent, the files are not needed."""
        socket = os.path.join(self.home, "agent")
        child = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
        self.addCleanup(child.wait)
        self.addCleanup(child.terminate)
        wait_for(lambda: os.path.exists(socket), "no agent")
        self.env["SSH_AUTH_SOCK"] = socket
        self.good("ensure", "--agent", "--quiet")
        os.rename(self.key, self.home + "/moved")
        done = self.run_ssh("-l", whoami(), "win1.arc", "echo", "here")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "here\n", ""))


if __name__ == "__main__":
    tap.main()
