"""Goal: doctor finds, with the real ssh and real files, each thing on this computer that keeps ssh from a machine, tells
a cause once, and cures what can be cured after asking; whatever is broken, it comes to an end and tells the rest.
"""

import json
import os
import pty
import resource
import shutil
import stat
import subprocess
import tempfile
import time

import tap
from config_case import ConfigCase
from harness import HANG_S, PROXY, TOOL, WRAP, SshdCase, program_first, wait_for, whoami
from namespaces import unshared

LOCAL = ("ssh", "files", "config", "keys", "cache", "clock", "sandbox", "last-error")
ELSEWHERE = ("relay-host",)     # its name is in no DNS


class DoctorCase(ConfigCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.emu.add_machine("web01", service="echo")
        cls.emu.add_machine("db01", service="echo")

    def setUp(self):
        super().setUp()
        self.emu.clock_skew = 0
        self.state = os.path.join(self.env["XDG_STATE_HOME"], "arc-relay")

    def command(self, verb, *args):
        return WRAP + [TOOL, *([] if verb in ("config", "doctor", "cert") else ["config"]), verb, *args]

    def run_doctor(self, *args, env=None, box=(), **popen):
        popen.setdefault("stdin", subprocess.DEVNULL)
        popen.setdefault("stdout", subprocess.PIPE)
        return subprocess.run([*box, *self.command("doctor", "--cloud-file", self.emu.cloud_file, *args)], text=True,
                              env={**self.env, **(env or {})}, stderr=subprocess.PIPE, timeout=5 * HANG_S, **popen)

    def doctor(self, *args, **how):
        """{name: [what it found]}; what HOME is for passwd(5) is a matter of its own."""
        done = self.run_doctor("--json", *args, **how)
        self.assertEqual(done.stderr, "")
        document = json.loads(done.stdout)
        self.assertEqual(document["status"], done.returncode)
        found = {}
        for one in document["checks"]:
            self.assertEqual(set(one), {"phase", "name", "verdict", "what", "code", "cause", "fix", "retryable",
                                        "status", "ms"})
            if ", and HOME is" not in one["cause"]:
                found.setdefault(one["name"], []).append(one)
        failed = [one for one in document["checks"] if one["verdict"] == "failed"]
        self.assertEqual(document["status"], failed[0]["status"] if failed else 0)
        return found

    def finds(self, name, verdict, code, says, *args, fix="", **how):
        """One of the things that the check found; and no other check of this computer is unwell."""
        found = self.doctor(*args, **how)
        same = [one for one in found[name] if (one["verdict"], one["code"]) == (verdict, code)]
        self.assertTrue(same, found[name])
        self.assertIn(says, same[0]["what"])
        self.assertIn(fix, same[0]["fix"])
        self.assertLess(len(same[0]["what"]), 256)
        for other in set(LOCAL) - {name}:
            self.assertEqual([one for one in found[other] if one["verdict"] in ("warning", "failed")], [], other)
        return found

    def all_well(self, name="", *args, **how):
        found = self.doctor(*args, **how)
        for one in sum(found.values(), []):
            if one["name"] not in ELSEWHERE and (not name or one["name"] == name):
                self.assertIn(one["verdict"], ("ok", "note"), one)
        return found

    def fake(self, script, name="ssh"):
        return program_first(self.home + "/bin", self.env["PATH"], script, name)

    def write(self, path, text, mode=0o600):
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)

    def real_ssh(self, host="web01.arc"):
        """What ssh itself says of the configuration, read as it reads its own."""
        self.write(self.home + "/probe", f'Include "{self.path("config")}"\n')
        return subprocess.run(["ssh", "-G", "-F", self.home + "/probe", host], env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=HANG_S)


class Healthy(DoctorCase):
    def test_nothing_is_there_yet(self):
        found = self.all_well()
        self.assertTrue(set(LOCAL) <= set(found))
        self.assertIn("arc-relay config install", found["config"][0]["what"])
        self.assertFalse(os.path.exists(self.path()), "nothing is made")

    def test_as_a_user_has_it(self):
        """With the home of passwd(5), where ssh looks by itself."""
        passwd = self.file("passwd", f"me:x:{os.getuid()}:0::{self.home}:/bin/sh\n", 0o644)
        box = [*unshared(), "sh", "-c", 'mount --bind "$1" /etc/passwd && shift && exec "$@"', "sh", passwd]
        self.install("--user", "joe", "--wildcard")
        done = self.run_doctor(box=box)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        lines = done.stdout.splitlines()
        for line in lines:
            self.assertRegex(line, r"\A(ok    |-     )(local|network|login|azure|relay) +[a-z-]+: \S|\A {15}\S")
            self.assertLess(len(line), 80)
        self.assertIn("ok    local    config: 2 machines in ~/.ssh/config.d/arc-relay.conf, and *.arc", lines)
        self.assertIn("ok    local    files: ssh reads ~/.ssh/config", lines)

    def test_home_is_not_where_ssh_looks(self):
        done = self.run_doctor()
        words = " ".join(done.stdout.split())
        self.assertIn(f"ssh takes its configuration from {os.path.expanduser('~' + whoami())}/.ssh, and HOME is "
                      f"{self.home} fix: export HOME=", words)
        self.assertEqual(done.returncode, 0, "a warning is no failure")

    def test_folders_of_all_kinds(self):
        """~/.ssh is a link; a large configuration; one that ends in the middle of a line."""
        os.makedirs(self.home + "/elsewhere", mode=0o700)
        os.symlink(self.home + "/elsewhere", self.path())
        self.install()
        self.all_well()
        with open(self.path("config"), "a") as file:
            file.write("".join(f"Host h{i}\n    HostName h{i}.example.com\n" for i in range(220_000)) + "Host last")
        self.assertGreater(os.path.getsize(self.path("config")), 9_000_000)
        self.all_well()


class Beside(DoctorCase):
    def test_checks_run_beside_each_other(self):
        """The first in the table ends when the last two have been heard of; in a row it never would."""
        env = {**self.env, **self.fake(f"while [ ! -e {self.home}/go ]; do sleep 0.05; done; exec $REAL \"$@\"")}
        before = {who: self.emu.count(who=who) for who in ("arm", "entra")}
        child = subprocess.Popen(self.command("doctor", "--cloud-file", self.emu.cloud_file, "--json"), env=env,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        wait_for(lambda: all(self.emu.count(who=who) > n for who, n in before.items()), "the others wait for it")
        self.write(self.home + "/go", "")
        found = json.loads(child.communicate(timeout=HANG_S)[0])["checks"]
        self.assertEqual([(one["name"], one["verdict"]) for one in found][0], ("ssh", "ok"), "told in their order")

    def test_few_descriptors(self):
        """Not enough for all at once: some wait until others have ended."""
        few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))
        self.all_well(preexec_fn=few)
        self.assertEqual(set(self.doctor("web01", preexec_fn=few)), set(self.doctor("web01")))


class Ssh(DoctorCase):
    def test_there_is_none(self):
        found = self.finds("ssh", "failed", "E101", "there is no ssh on PATH", env=self.only("env"),
                           fix="sudo apt install openssh-client")
        for name in ("files", "config", "keys"):
            self.assertEqual([(one["verdict"], one["what"]) for one in found[name]],
                             [("skipped", "not looked at: it needs local ssh")])

    def test_versions(self):
        for says, verdict, code, what in (
                ("OpenSSH_6.6.1p1, OpenSSL 1.0.1e-fips", "failed", "", "OpenSSH_6.6.1p1 cannot read Include"),
                ("OpenSSH_7.2p2 Ubuntu-4", "failed", "", "cannot read Include"),
                ("OpenSSH_7.6p1 Ubuntu-4, OpenSSL 1.0.2n", "warning", "E703", "RSA certificate"),
                ("Dropbear v2022.83\33[31m", "warning", "", "not OpenSSH: Dropbear v2022.83?[31m"),
                ("", "warning", "", "not OpenSSH"),
                ("OpenSSH_10.0p2, OpenSSL 3.5.0", "ok", "", "OpenSSH_10.0p2")):
            with self.subTest(says=says):
                env = self.fake(f"[ \"$1\" = -V ] || exec $REAL \"$@\"; printf '%s\\n' '{says}' >&2")
                one = self.doctor(env=env)["ssh"][0]
                self.assertEqual((one["verdict"], one["code"]), (verdict, code))
                self.assertIn(what, one["what"])

    def test_it_hangs(self):
        """It is ended, and what has nothing to do with it is told."""
        env = self.fake(f"[ \"$1\" = -V ] && exec $REAL -V; echo $$ >> {self.home}/pids; exec sleep 1000")
        self.user_config("Host a\n")
        found = self.doctor(env=env)
        self.assertEqual((found["files"][0]["status"], found["files"][0]["what"]), (75, "ssh did not answer in 5 s"))
        self.assertEqual(found["clock"][0]["verdict"], "ok")
        for pid in self.read(self.home + "/pids").split():
            wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "it still runs")


class Files(DoctorCase):
    def test_others_can_write_it(self):
        self.user_config("Host a\n", 0o666)
        self.assertIn("Bad owner or permissions", self.real_ssh().stderr)
        self.finds("files", "failed", "E107", "ssh refuses ~/.ssh/config, because others can write it",
                   fix="chmod 600 ~/.ssh/config")
        os.chmod(self.path("config"), 0o644)
        self.all_well("files")

    def test_somebody_elses(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to give a file away")
        self.user_config("Host a\n")
        os.chown(self.path("config"), 12345, -1)
        self.assertIn("Bad owner or permissions", self.real_ssh().stderr)
        self.finds("files", "failed", "E107", "ssh refuses ~/.ssh/config, because it belongs to somebody else",
                   fix="sudo chown $USER ~/.ssh/config")

    def test_a_file_that_it_includes(self):
        self.user_config(f"Host a\n    Include {self.path('more.conf')}\n")
        self.write(self.path("more.conf"), "User b\n", 0o606)
        self.assertIn("Bad owner or permissions", self.real_ssh().stderr)
        self.finds("files", "failed", "E107", "ssh refuses ~/.ssh/more.conf", fix="chmod 600 ~/.ssh/more.conf")

    def test_a_folder(self):
        self.user_config("Host a\n")
        os.chmod(self.path(), 0o777)
        self.finds("files", "warning", "E107", "others can write the folder ~/.ssh", fix="chmod 700 ~/.ssh")

    def test_a_line_that_ssh_cannot_read(self):
        self.user_config("Host a\n    Bogus yes\n")
        found = self.finds("files", "failed", "", "line 2: Bad configuration option: bogus")
        self.assertEqual(found["config"][0]["what"], "ssh cannot read its configuration")
        self.user_config("Host a\n    User \33[31m\377\n".encode().decode("latin-1"))
        self.all_well("files")

    def test_it_cannot_be_read(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to be somebody else")
        self.home = self.env["HOME"] = tempfile.mkdtemp(prefix="d.", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.home)
        self.user_config("Host a\n", 0o200)
        self.env |= {"XDG_STATE_HOME": self.home + "/state", "XDG_CACHE_HOME": self.home + "/cache", "PATH": "/usr/bin:/bin"}
        for path in (self.home, self.path(), self.path("config")):
            os.chown(path, 65534, 65534)
        cloud = self.home + "/cloud.json"
        with open(self.emu.cloud_file) as file:
            document = json.load(file)
        shutil.copy(document["caFile"], self.home + "/ca.pem")
        self.write(cloud, json.dumps({**document, "caFile": self.home + "/ca.pem"}), 0o644)
        os.chmod(self.home + "/ca.pem", 0o644)
        tool = shutil.copy(TOOL, self.home)        # where he may run it, wherever this is built
        box = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        done = subprocess.run([*box, tool, "doctor", "--json", "--cloud-file", cloud], env=self.env, capture_output=True,
                              stdin=subprocess.DEVNULL, text=True, timeout=HANG_S)
        files = [one for one in json.loads(done.stdout)["checks"] if one["name"] == "files" and one["verdict"] == "failed"]
        self.assertIn("Permission denied", files[0]["what"])
        self.assertIn("see that it is a file that you can read", files[0]["fix"])

    def test_no_file_at_all(self):
        os.makedirs(self.path("config"), mode=0o700)
        self.assertIn(self.doctor()["files"][0]["verdict"], ("ok", "failed"))
        os.rmdir(self.path("config"))
        os.mkfifo(self.path("config"), 0o600)
        found = self.doctor()
        self.assertEqual(found["files"][0]["what"], "ssh did not answer in 5 s")
        self.assertEqual(found["clock"][0]["verdict"], "ok")


class Config(DoctorCase):
    def setUp(self):
        super().setUp()
        self.install("--user", "joe")

    def set(self, text, keep=True):
        self.write(self.path("config"), text + (self.include if keep else ""))

    def test_include_below_a_host(self):
        self.set("Host bastion\n    User me\n")
        self.assertFalse(self.ssh("web01.arc").get("proxycommand"))
        again = f"arc-relay config install --user joe --cloud-file {self.emu.cloud_file} --connect-to "
        self.finds("config", "failed", "E108", 'the Include in line 4 of ~/.ssh/config belongs to line 1, "Host bastion"',
                   fix=again)
        self.set("Host bastion\n    User me\nMatch all\n")
        self.assertTrue(self.reaches("web01.arc", "web01"))
        self.all_well("config")

    def test_no_include(self):
        self.set("Host bastion\n", keep=False)
        self.finds("config", "failed", "E108", "nothing in ~/.ssh/config includes ~/.ssh/config.d/arc-relay.conf")
        self.set(f"Include {self.path()}/config.d/*.conf\n", keep=False)
        self.all_well("config")
        os.unlink(self.path("config"))
        self.finds("config", "failed", "E108", "nothing in ~/.ssh/config includes")

    def test_another_proxy_command(self):
        self.set("Match host web*\n    ProxyCommand nc -- %h %p\nMatch all\n")
        self.finds("config", "failed", "E108", "ssh takes another ProxyCommand for web01.arc: nc -- %h %p", "web01")
        self.assertEqual(self.doctor("db01")["config"][-1]["verdict"], "ok")

    def test_fdpass(self):
        self.set("Host web*\n    ProxyUseFdpass yes\nHost *\n")
        self.finds("config", "failed", "E110", "ProxyUseFdpass is on for web01.arc", "web01")

    def test_timeouts(self):
        self.set("Host web*\n    ConnectTimeout 15\nHost *\n")
        self.finds("config", "warning", "E706", "ssh gives web01.arc up after 15 s", "web01", fix="ConnectTimeout 120")
        self.set("Host web*\n    ConnectTimeout 200\nHost *\n")
        self.all_well("config", "web01")

    def test_the_program_is_gone(self):
        text = self.read()
        self.write(self.ours, text.replace(PROXY, "/nonexistent/arc-relay-proxy"))
        self.finds("config", "failed", "E102", "there is no program /nonexistent/arc-relay-proxy")
        plain = self.home + "/arc-relay-proxy"
        self.write(plain, "#!/bin/sh\n", 0o644)
        self.write(self.ours, text.replace(PROXY, plain))
        self.finds("config", "failed", "E102", f"there is no program {plain}")
        os.chmod(plain, 0o755)
        self.all_well("config")

    def test_a_block_of_the_users_own(self):
        self.set("Host my.arc\n    ProxyCommand arc-relay-proxy my\n", keep=False)
        os.unlink(self.ours)
        self.finds("config", "warning", "E109", "the ProxyCommand of my.arc has no absolute path: arc-relay-proxy", "my.arc")
        self.set(f'Host my.arc\n    ProxyCommand "{PROXY}" my\n', keep=False)
        self.assertEqual(self.doctor("my.arc")["config"][0]["what"], f"my.arc goes through {PROXY}")

    def test_a_machine_that_came_later(self):
        self.emu.add_machine("new01", service="echo")
        self.addCleanup(self.emu.remove_machine, "new01")
        self.finds("config", "failed", "", "ssh knows no way to new01.arc: it is not in ~/.ssh/config.d/arc-relay.conf",
                   "new01", fix="arc-relay config install --user joe")
        self.all_well("config", "web01.rg1")
        self.all_well("config", self.emu.machine_id("db01"))

    def test_a_file_that_was_changed(self):
        self.write(self.ours, self.read().replace("ProxyCommand", "ProxyCommando", 1))
        found = self.doctor()["config"]
        self.assertEqual((found[0]["verdict"], found[0]["status"]), ("failed", 65))
        self.assertIn("is not as it should be, near line 6: no ProxyCommand", found[0]["what"])
        self.write(self.ours, "not ours at all\n")
        self.assertIn("with the options that it had", self.doctor()["config"][0]["fix"])


class Keys(DoctorCase):
    def key(self, name, mode):
        os.makedirs(self.path(), mode=0o700, exist_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.path(name)], check=True)
        os.chmod(self.path(name), mode)

    def test_others_can_read_it(self):
        for name, options in (("id_ed25519", []), ("mine", ["--identity", self.path("mine")])):
            with self.subTest(name=name):
                self.key(name, 0o644)
                said = subprocess.run(["ssh-keygen", "-y", "-f", self.path(name)], capture_output=True, text=True).stderr
                self.assertIn("UNPROTECTED PRIVATE KEY FILE", said)
                self.install(*options)
                self.finds("keys", "failed", "E708", f"others can read the private key ~/.ssh/{name}",
                           fix=f"chmod 600 ~/.ssh/{name}")
                os.chmod(self.path(name), 0o400)
                self.assertEqual(self.all_well("keys")["keys"][0]["what"], "1 private key that nobody else can read")

    def test_ssh_does_not_say_which(self):
        """Its configuration cannot be read, and its usual keys are looked at all the same."""
        self.key("id_ed25519", 0o640)
        self.user_config("Bogus\n")
        self.assertEqual(self.doctor()["keys"][0]["code"], "E708")


class Certificate(DoctorCase):
    def cert(self, lifetime=3600):
        self.emu.entra.ssh_lifetime = lifetime
        self.addCleanup(setattr, self.emu.entra, "ssh_lifetime", 3600)
        done = subprocess.run(self.command("cert", "ensure", "--cloud-file", self.emu.cloud_file), env=self.env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.state + "/id_rsa-cert.pub"

    def end(self):
        """A certificate that is over."""
        self.cert(2)
        end = time.time() + 2
        wait_for(lambda: time.time() > end + 1, "time stands still")
        self.emu.entra.ssh_lifetime = 3600

    def test_good(self):
        self.cert()
        self.assertIn("certificate of Entra's until 20", self.all_well("keys")["keys"][0]["what"])

    def test_over(self):
        self.end()
        self.finds("keys", "warning", "E704", "the certificate for ssh is over since 20", fix="arc-relay cert ensure")
        done = self.run_doctor("--fix", "--yes")
        self.assertIn(f"arc-relay cert ensure --cloud-file {self.emu.cloud_file}", done.stdout)
        self.assertEqual(self.doctor()["keys"][0]["verdict"], "ok")

    def test_over_and_ssh_renews_it(self):
        self.install("--entra")
        self.end()
        self.assertIn("ssh will have it renewed", self.all_well("keys")["keys"][0]["what"])

    def test_not_for_its_key(self):
        path = self.cert()
        for text in ("garbage\n", None):
            with self.subTest(text=text):
                if text is not None:
                    self.write(path, text)
                else:
                    os.unlink(self.state + "/id_rsa")
                self.finds("keys", "warning", "E704", "cannot be used with its key", fix="arc-relay cert ensure")


class Clock(DoctorCase):
    def test_it_is_wrong(self):
        for skew, says in ((7200, r"the clock here is 7\d\d\d s behind that of 127.0.0.1"),
                           (-86400, r"the clock here is 86\d\d\d s ahead of that of 127.0.0.1")):
            self.emu.clock_skew = skew
            one = self.doctor()["clock"][0]
            self.assertEqual((one["verdict"], one["code"], one["status"]), ("failed", "E111", 78))
            self.assertRegex(one["what"], says)
            self.assertEqual(one["fix"], "sudo timedatectl set-ntp true")
        self.emu.clock_skew = 240
        self.assertEqual(self.doctor()["clock"][0]["verdict"], "ok")


class Cache(DoctorCase):
    def test_it_cannot_be_used(self):
        os.makedirs(self.home + "/open/arc-relay", mode=0o700)
        os.chmod(self.home + "/open/arc-relay", 0o777)
        for folder in (self.home + "/open", "/proc/nowhere", "/dev/null/x"):
            with self.subTest(folder=folder):
                done = self.run_doctor("--json", env={"ARC_RELAY_CACHE_DIR": folder})
                one = next(one for one in json.loads(done.stdout)["checks"] if one["name"] == "cache")
                self.assertEqual((one["verdict"], one["code"], done.stderr), ("warning", "E112", ""), "told once")
                self.assertIn("there is no cache", one["what"])
                self.assertIn("ARC_RELAY_CACHE_DIR", one["fix"])

    def test_it_cannot_be_written(self):
        self.doctor()
        box = [*unshared(), "sh", "-c", 'mount -t tmpfs -o size=4k,mode=700 tmpfs "$1" && mkdir -m 700 "$1/arc-relay" && '
               'dd if=/dev/zero of="$1/fill" bs=4k count=1 2>/dev/null; shift && exec "$@"', "sh", self.home + "/cache"]
        done = self.run_doctor("--json", box=box)
        one = next(one for one in json.loads(done.stdout)["checks"] if one["name"] == "cache")
        self.assertEqual((one["verdict"], one["code"]), ("warning", "E112"), one)
        self.assertIn("cannot write to the cache: No space left", one["what"])

    def test_it_leaves_nothing(self):
        self.doctor()
        self.assertEqual([name for name in os.listdir(self.home + "/cache/arc-relay") if "doctor" in name], [])

    def test_it_is_not_wanted(self):
        self.assertIn("ARC_RELAY_NO_CACHE forbids one", self.doctor(env={"ARC_RELAY_NO_CACHE": "1"})["cache"][0]["what"])

    def test_state(self):
        self.env["XDG_STATE_HOME"] = "/proc/nowhere"
        one = self.doctor()["cache"][1]
        self.assertEqual((one["verdict"], one["code"]), ("warning", "E112"))
        self.assertIn("there is no folder for state", one["what"])


class LastError(DoctorCase):
    def test_it_is_told(self):
        self.assertEqual(self.doctor()["last-error"][0]["what"], "none is kept")
        status, _, said = self.run_proxy("--deadline", "5", "-r", "/nonexistent/info")
        self.assertNotEqual(status, 0)
        one = self.doctor()["last-error"][0]
        self.assertEqual(one["verdict"], "note")
        self.assertRegex(one["what"], r"\A\d+ s ago: ")
        self.assertIn("/nonexistent/info", one["what"])


class Fix(DoctorCase):
    def setUp(self):
        super().setUp()
        self.install("--user", "joe")
        self.write(self.path("config"), "Host bastion\n" + self.include, 0o666)
        os.chmod(self.path(), 0o777)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.path("id_ed25519")], check=True)
        os.chmod(self.path("id_ed25519"), 0o640)

    def mode(self, name=""):
        return stat.S_IMODE(os.stat(self.path(name)).st_mode)

    def modes(self):
        return [self.mode(name) for name in ("", "config", "id_ed25519")]

    def asked(self, answers, *args):
        """With a terminal on which a person types."""
        leader, follower = pty.openpty()
        os.write(leader, answers)
        try:
            return self.run_doctor("--fix", *args, stdin=follower)
        finally:
            os.close(leader)
            os.close(follower)

    def test_another_file_by_then(self):
        """Who may write the folder may swap what is in it while the user thinks."""
        self.write(self.home + "/private", "mine")
        leader, follower = pty.openpty()
        child = subprocess.Popen(self.command("doctor", "--cloud-file", self.emu.cloud_file, "--fix"), env=self.env,
                                 stdin=follower, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        said = b""
        while not said.endswith(b"/config? [y/N] "):
            said += child.stderr.read(1)
            if said.endswith(b".ssh? [y/N] "):
                os.write(leader, b"n\n")
        os.unlink(self.path("config"))
        os.symlink(self.home + "/private", self.path("config"))
        os.write(leader, b"y\n" + b"n\n" * 9)
        self.assertIn(b"/config: somebody changed it meanwhile\n", child.communicate(timeout=HANG_S)[1])
        os.close(leader)
        os.close(follower)
        self.assertEqual(stat.S_IMODE(os.stat(self.home + "/private").st_mode), 0o600)

    def test_nobody_can_be_asked(self):
        done = self.run_doctor("--fix")
        self.assertEqual(done.returncode, 64)
        self.assertIn("nobody can be asked: standard input is no terminal. fix: --yes", done.stderr)
        self.assertEqual(self.modes(), [0o777, 0o666, 0o640])

    def test_no(self):
        done = self.asked(b"n\n" * 9)
        self.assertEqual(self.modes(), [0o777, 0o666, 0o640])
        self.assertEqual(done.returncode, 78)
        self.assertNotIn("looking again", done.stdout)
        self.assertIn(f"chmod 755 {self.path()}? [y/N] ", done.stderr)

    def test_some(self):
        self.asked(b"y\nn\ny\n" + b"n\n" * 9)
        self.assertEqual(self.modes(), [0o755, 0o666, 0o600])

    def test_yes(self):
        before = self.read(self.ours)
        done = self.run_doctor("--fix", "--yes")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(self.modes(), [0o755, 0o644, 0o600])
        first, second = done.stdout.split("\nlooking again:\n")
        self.assertIn("ssh refuses ~/.ssh/config", first)
        self.assertIn("FAIL  local    config: the Include", first)
        self.assertNotIn("local    ssh:", second, "only what was not well is looked at again")
        self.assertIn("ok    local    files: ssh reads ~/.ssh/config", second)
        self.assertIn("ok    local    config: 2 machines in ~/.ssh/config.d/arc-relay.conf", second)
        self.assertEqual(self.read(self.ours), before, "with the options that it had")
        self.assertEqual(self.ssh("web01.arc")["user"], "joe")
        self.assertEqual(self.run_doctor("--fix").returncode, 0, "nothing is left to ask for")

    def test_each_alone(self):
        for name, mode in (("", 0o700), ("config", 0o600), ("id_ed25519", 0o600)):
            os.chmod(self.path(name), mode)
        self.write(self.path("config"), self.include)
        for name, bad, good in (("", 0o772, 0o750), ("config", 0o642, 0o640), ("config.d/arc-relay.conf", 0o646, 0o644),
                                ("id_ed25519", 0o640, 0o600)):
            with self.subTest(name=name):
                os.chmod(self.path(name), bad)
                done = self.run_doctor("--fix", "--yes")
                self.assertEqual((done.returncode, self.mode(name)), (0, good), done.stdout)
                os.chmod(self.path(name), 0o700 if name == "" else 0o600)
                self.assertNotIn("\nSome of it can be cured", self.run_doctor().stdout)

    def test_a_command_that_is_no_longer_known(self):
        for name, mode in (("", 0o700), ("config", 0o600), ("id_ed25519", 0o600)):
            os.chmod(self.path(name), mode)
        first = self.read().splitlines()[0]
        for line in ("# >>> arc-relay begin v1: rm -rf install", "# >>> arc-relay begin v1: arc-relay config install 'x"):
            self.write(self.ours, self.read().replace(first, line))
            first = line
            done = self.run_doctor("--fix", "--yes")
            self.assertEqual(done.returncode, 78)
            self.assertIn("does not tell which command wrote it", done.stderr)
            self.assertNotIn("looking again", done.stdout)

    def test_it_fails(self):
        """The verb tells why, and the failure is still there."""
        for name, mode in (("", 0o700), ("config", 0o600), ("id_ed25519", 0o600)):
            os.chmod(self.path(name), mode)
        self.write(self.ours, self.read().replace(self.emu.cloud_file, "/nonexistent/cloud.json", 1))
        done = self.run_doctor("--fix", "--yes")
        self.assertIn("cannot read the cloud file /nonexistent/cloud.json", done.stderr)
        self.assertIn("FAIL  local    config", done.stdout.split("looking again")[1])
        self.assertEqual(done.returncode, 78)

    def test_not_with_json(self):
        done = self.run_doctor("--fix", "--json")
        self.assertEqual((done.returncode, done.stdout), (64, ""))


class FixAzure(DoctorCase, SshdCase):
    """What is missing in Azure, by the verbs that make it."""

    def test_a_fresh_machine(self):
        self.emu.add_machine("fresh", port=self.sshd.port, endpoint=False, service_port=None)
        self.emu.arm.provider_state = "NotRegistered"
        done = self.run_doctor("--fix", "--yes", "--connect-to", f"127.0.0.1:{self.emu.relay_port}", "fresh")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        first, second = done.stdout.split("\nlooking again:\n")
        self.assertIn("FAIL  azure    endpoint: SSH was never enabled for fresh", first)
        self.assertIn(f"arc-relay register --cloud-file {self.emu.cloud_file} --subscription {self.emu.subscription}\n", first)
        self.assertIn(f"--connect-to 127.0.0.1:{self.emu.relay_port} -- {self.emu.machine_id('fresh')}\n", first)
        for line in ("azure    provider: Microsoft.HybridConnectivity: Registered", "azure    endpoint: it is there",
                     "azure    permissions: listCredentials: allowed", "relay    dial: SSH-2.0-OpenSSH"):
            self.assertIn("ok    " + line, second)

    def test_the_command_that_it_names(self):
        """With what was typed: without the port, another one would be set."""
        self.emu.add_machine("new", endpoint=False, service_port=None)
        done = self.run_doctor("-p", "2222", "new")
        self.assertTrue(done.stdout.endswith(f"arc-relay doctor --fix --cloud-file {self.emu.cloud_file} -p 2222 new\n"),
                        done.stdout)


class Faults(DoctorCase):
    def test_no_home(self):
        for home in ("", "/nonexistent", "relative"):
            with self.subTest(home=home):
                found = self.doctor(env={"HOME": home})
                self.assertEqual([one["verdict"] for one in found["files"]], ["failed"])
                self.assertIn("there is no home", found["files"][0]["what"])
                self.assertEqual(found["clock"][0]["verdict"], "ok")
                self.assertEqual(found["login"][0]["verdict"], "ok")

    def test_targets(self):
        for target in ("", "../x", "a b", "-oProxyCommand=x", "$(touch x)", "a\nb", "x" * 5000, "/subscriptions/x", "a'b"):
            with self.subTest(target=target[:20]):
                done = self.run_doctor("--", target)
                self.assertEqual((done.returncode, done.stdout), (64, ""), done.stderr)
                self.assertRegex(done.stderr, r"\Aarc-relay: [ -~]{1,400}\n\Z")
        self.assertEqual(self.run_doctor("web01", "db01").returncode, 64)
        self.assertEqual(self.run_doctor("--check", "nothing").returncode, 64)

    def test_nobody_reads(self):
        with open("/dev/full", "w") as full:
            done = self.run_doctor(stdout=full)
        self.assertEqual(done.returncode, 74)
        self.assertIn("cannot write to stdout", done.stderr)
        child = subprocess.Popen(self.command("doctor", "--cloud-file", self.emu.cloud_file), env=self.env,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        child.stdout.close()
        self.assertNotIn(child.wait(timeout=HANG_S), (0, 139))
        child.stderr.close()

    def test_it_is_killed(self):
        """Its checks go with it."""
        if WRAP:
            self.skipTest("the check is not what was started")
        env = {**self.env, **self.fake(f"kill -STOP $PPID; echo $PPID > {self.home}/check")}
        child = subprocess.Popen(self.command("doctor", "--cloud-file", self.emu.cloud_file), env=env,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        check = wait_for(lambda: os.path.exists(self.home + "/check") and self.read(self.home + "/check").strip(),
                         "no check has begun")
        self.assertTrue(os.path.exists(f"/proc/{check}"))
        child.kill()
        child.wait()
        wait_for(lambda: not os.path.exists(f"/proc/{check}") or "Z (" in self.read(f"/proc/{check}/status"),
                 "its check lives on")

    def test_a_person_waits(self):
        """Who sits at a terminal is told what takes so long; nobody else is."""
        env = {**self.env, **self.fake("exec sleep 30")}
        leader, follower = pty.openpty()
        child = subprocess.Popen(self.command("doctor", "--cloud-file", self.emu.cloud_file), env=env,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=follower, text=True)
        os.close(follower)
        out, _ = child.communicate(timeout=HANG_S)
        said = os.read(leader, 4096).decode()
        os.close(leader)
        self.assertRegex(said, r"\Aarc-relay: waiting for ssh \(\d+ s\)\r\n")
        self.assertIn("ssh did not answer in 5 s", out)


if __name__ == "__main__":
    tap.main()
