"""Goal: arc-relay config writes what ssh needs for every machine, and no more: it comes into ~/.ssh and out of it
again without a trace, whatever is there.
"""

import os
import re
import shutil
import stat
import subprocess
import tempfile

import tap
from config_case import FIRST, MARK, ConfigCase
from harness import HANG_S, MODE, PROXY, TOOL, SshCase, random_file, scaled, sha256, whoami
from namespaces import unshared


class Config(ConfigCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in ("web01", "web02"):
            cls.emu.add_machine(name, group="front", lazy=True, tags={"login": "alice", "env": "prod"})
        for group in ("blue", "green"):
            cls.emu.add_machine("twin", group=group, lazy=True)
        cls.emu.add_machine("win1", group="back", lazy=True, os_name="windows", tags={"login": "Bob Builder"})
        cls.emu.add_machine("bad\n\x1b[31mname", group="b\u00f6se", lazy=True)


class Print(Config):
    def test_blocks_that_ssh_reads(self):
        text = self.good()
        path = self.file("printed", text)
        for host, machine, group in (("web01.arc", "web01", "front"), ("WEB02.arc".lower(), "web02", "front"),
                                     ("twin.blue.arc", "twin", "blue"), ("twin.green.arc", "twin", "green")):
            self.assertTrue(self.reaches(host, machine, path, group=group), host)
        for host in ("web01", "twin.arc", "github.com", "web03.arc"):
            self.assertNotIn("proxycommand", self.ssh(host, path), host)
        self.assertFalse(os.path.exists(self.path()), "nothing is written")

    def test_what_is_left_out_is_named(self):
        self.good()
        self.assertRegex(self.said, r"\Aarc-relay: left out: bad\\x0a\\x1b\[31mname \(b\\u00f6se\): [a-z ]+\n\Z")

    def test_selection(self):
        self.assertEqual(re.findall(r"^Host (\S+)", self.good("web*"), re.M), ["web01.arc", "web02.arc"])
        self.assertEqual(re.findall(r"^Host (\S+)", self.good("--group", "blue"), re.M), ["twin.arc"],
                         "only what is selected counts")
        self.assertEqual(re.findall(r"^Host (\S+)", self.good("--tag", "env=prod", "web02"), re.M), ["web02.arc"])

    def test_no_such_machine(self):
        self.assertIn("[E201]", self.bad(68, 'no machine "web99"', "web99"))
        self.assertIn("[E201]", self.bad(68, "no machine to write a block for", "x*"))

    def test_the_command_line_is_in_the_first_line(self):
        first = self.good("web*", "--user", "alice").splitlines()[0]
        self.assertEqual(first, f"{FIRST}arc-relay config 'web*' --user alice {' '.join(self.way())}")

    def ssh_with(self, *args, host="web01.arc"):
        return self.ssh(host, self.file("printed", self.good(*args)))

    def test_options_reach_ssh(self):
        got = self.ssh_with("--user", "carol", "--port", "2222", "--connect-timeout", "60", "--identity", "/k/id")
        self.assertEqual((got["user"], got["port"], got["connecttimeout"], got["identityfile"], got["identitiesonly"]),
                         ("carol", "2222", "60", "/k/id", "yes"))
        self.assertIn("--deadline 55 ", got["proxycommand"])
        self.assertEqual(self.ssh_with()["controlmaster"], "false")
        self.assertEqual(self.ssh_with("--mux")["controlmaster"], "auto")

    def test_a_block(self):
        got = self.ssh_with()
        self.assertRegex(got["hostkeyalias"], r"\Aarc-[0-9a-f]{16}\Z")
        self.assertEqual((got["userknownhostsfile"], got["connecttimeout"], got["serveraliveinterval"]),
                         (self.path("known_hosts.arc"), "120", "30"))
        self.assertTrue(got["proxycommand"].startswith(f"'{PROXY}' '--cloud-file' '{self.emu.cloud_file}' "))

    def test_user_of_a_tag(self):
        path = self.file("printed", self.good("--user-tag", "login", "--user", "carol"))
        self.assertEqual((self.ssh("web01.arc", path)["user"], self.ssh("twin.blue.arc", path)["user"]), ("alice", "carol"))
        self.assertNotIn("win1", self.read(path))
        self.assertIn("left out: win1 (back): its tag does not say a user", self.said)

    def test_short(self):
        path = self.file("printed", self.good("--short"))
        self.assertTrue(self.reaches("web01", "web01", path))
        self.assertNotIn("proxycommand", self.ssh("twin", path))

    def test_wildcard(self):
        path = self.file("printed", self.good("--wildcard", "web01"))
        self.assertTrue(self.reaches("web01.arc", "web01", path))
        self.assertTrue(self.ssh("anything.arc", path)["proxycommand"].endswith("-- '%h'"))
        self.assertNotIn("proxycommand", self.ssh("anything", path))

    def test_files_become_absolute(self):
        shutil.copy(self.emu.cloud_file, self.home + "/c.json")
        self.file("ca.pem", self.read(os.path.join(os.path.dirname(self.emu.cloud_file), "ca.pem")))
        self.file("login", "u:p\n")
        done = subprocess.run(self.command("--cloud-file", "c.json", "--ca-file", "./ca.pem", "--proxy", "none",
                                           "--proxy-auth-file", "login", "--identity", "id", "web01"),
                              cwd=self.home, env=self.env, capture_output=True, text=True, timeout=HANG_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        got = self.ssh("web01.arc", self.file("printed", done.stdout))
        self.assertIn(f"'--cloud-file' '{self.home}/c.json' '--ca-file' '{self.home}/./ca.pem' '--proxy' 'none' "
                      f"'--proxy-auth-file' '{self.home}/login' -p", got["proxycommand"])
        self.assertEqual(got["identityfile"], self.home + "/id")

    def test_bad_options(self):
        for says, *args in (("--connect-to needs HOST:PORT", "--connect-to", "x"), ("--port", "--port", "0"),
                            ("--connect-timeout", "--connect-timeout", "9"), ("not a user", "--user", "-oFoo"),
                            ("not a user", "--user", "a b"), ("are for config install", "--diff"),
                            ("are for config install", "--file", "/x"), ("are for config install", "--dry-run"),
                            ("password", "--proxy", "http://u:p@h:1"),
                            ("cannot be quoted", "--identity", "/a'b"), ("cannot be quoted", "--identity", "/a\nb")):
            with self.subTest(args=args):
                way = [] if args[0] == "--connect-to" else self.way()
                done = subprocess.run(self.command(*args, *way), env=self.env, capture_output=True, text=True,
                                      timeout=HANG_S)
                self.assertEqual((done.returncode, done.stdout), (64, ""), done.stderr)
                self.assertIn(says, done.stderr)
        self.assertIn("no NAME", self.bad(64, "removes all", "uninstall", "web01"))

    def test_help_fits_a_terminal(self):
        lines = self.good("--help").splitlines()
        self.assertLessEqual(len(lines), 24)
        self.assertLessEqual(max(map(len, lines)), 79)


class Install(Config):
    def test_from_nothing(self):
        out = self.install()
        self.assertEqual(out, "5 machines (1 left out) in ~/.ssh/config.d/arc-relay.conf\n~/.ssh/config includes it\n")
        modes = {name: oct(stat.S_IMODE(os.stat(self.path(name)).st_mode)) for name in
                 (".", "config", "config.d", "config.d/arc-relay.conf")}
        self.assertEqual(modes, {".": "0o700", "config": "0o600", "config.d": "0o700",
                                 "config.d/arc-relay.conf": "0o600"})
        self.assertEqual(self.read(self.path("config")), self.include)
        self.assertEqual(self.temps(), [])
        self.assertTrue(self.reaches("web01.arc", "web01"))
        self.good("uninstall")
        self.assertEqual(self.tree(), {})

    def test_ssh_looks_elsewhere_when_home_is_not_its_own(self):
        self.install()
        self.assertEqual(self.said.count("for this one: ssh -F ~/.ssh/config\n"), 1)
        self.good("install", "--dry-run")
        self.assertNotIn("for this one", self.said)

    def test_beside_what_the_user_has(self):
        mine = "Host bastion *.corp\n    User me\n    ProxyJump gate\nHost *\n    ServerAliveInterval 7\n    User other"
        self.user_config(mine, 0o644)
        before = {host: self.ssh(host) for host in ("bastion", "x.corp", "github.com", "web01")}
        self.assertIn("~/.ssh/config.arc-relay.bak keeps what it was\n", self.install("--user", "alice"))
        self.assertEqual({host: self.ssh(host) for host in before}, before)
        got = self.ssh("web01.arc")
        self.assertEqual((got["user"], got["serveraliveinterval"]), ("alice", "30"))
        self.assertEqual(self.read(self.path("config")), self.include + mine)
        self.assertEqual(self.read(self.path("config.arc-relay.bak")), mine)
        for name in ("config", "config.arc-relay.bak"):
            self.assertEqual(stat.S_IMODE(os.stat(self.path(name)).st_mode), 0o644)

    def test_again_and_again(self):
        self.user_config("Host a\n")
        for _ in range(3):
            out = self.install()
            self.assertEqual(self.read(self.path("config")), self.include + "Host a\n")
        self.assertNotIn("includes it", out)
        self.assertEqual(self.read(self.path("config.arc-relay.bak")), "Host a\n")

    def test_there_and_back(self):
        texts = [None, "", "\n", "Host a", "Host a\n    User b\n", "Host a\r\n    User b\r\n", "Host a\r\n User b",
                 "# \u00fcml\u00e4ut\nHost a\n", MARK + "\nHost a\n", "\n\nHost *\n  User x\n\n\n"]
        for i, text in enumerate(texts):
            with self.subTest(text=text):
                if os.path.exists(self.path()):
                    shutil.rmtree(self.path())
                mode = (0o600, 0o644, 0o400)[i % 3]
                if text is not None:
                    self.user_config(text, mode)
                before = self.tree()
                self.install("web*")
                self.assertEqual(self.read(self.path("config")).count("Include"), 1)
                self.assertTrue(self.reaches("web01.arc", "web01"))
                self.install()
                out = self.good("uninstall")
                self.assertIn("~/.ssh/config.d/arc-relay.conf is gone", out)
                self.assertEqual(self.tree(), before)
        self.assertIn("nothing of arc-relay's is installed", self.good("uninstall"))

    def test_a_folder_of_the_users_stays(self):
        os.makedirs(self.path("config.d"))
        self.install()
        self.good("uninstall")
        self.assertTrue(os.path.isdir(self.path("config.d")))

    def test_a_folder_with_something_in_it_stays(self):
        self.install()
        with open(self.path("config.d", "mine"), "w"):
            pass
        self.good("uninstall")
        self.assertEqual(os.listdir(self.path("config.d")), ["mine"])
        os.unlink(self.path("config.d", "mine"))
        self.install()
        self.good("uninstall")
        self.assertEqual(self.tree(), {})

    def test_what_was_written_meanwhile_stays(self):
        self.user_config("Host a\n")
        self.install()
        self.user_config("# above\n" + self.read(self.path("config")) + "Host b\n    Port 7\n")
        out = self.good("uninstall")
        self.assertEqual(self.read(self.path("config")), "# above\nHost a\nHost b\n    Port 7\n")
        self.assertIn("~/.ssh/config.arc-relay.bak stays", out)
        self.assertEqual(self.read(self.path("config.arc-relay.bak")), "Host a\n")

    def test_a_config_that_came_after_us_stays(self):
        self.install()
        self.user_config(self.read(self.path("config")) + "Host b\n")
        self.good("uninstall")
        self.assertEqual(self.read(self.path("config")), "Host b\n")

    def test_an_include_below_a_host_is_moved_to_the_top(self):
        self.user_config("Host a\n")
        self.install()
        self.user_config("Host a\n" + self.include + "Host b\n")
        self.install()
        self.assertEqual(self.read(self.path("config")), self.include + "Host a\nHost b\n")
        self.assertTrue(self.reaches("web01.arc", "web01"))
        self.assertEqual(self.read(self.path("config.arc-relay.bak")), "Host a\n", "what it was before us")

    def test_host_keys_are_left_and_told(self):
        self.install()
        with open(self.path("known_hosts.arc"), "w") as file:
            file.write("arc-1 ssh-ed25519 AAAA\n")
        self.assertIn("~/.ssh/known_hosts.arc stays", self.good("uninstall"))
        self.assertEqual(os.listdir(self.path()), ["known_hosts.arc"])

    def test_vanished_machines_disappear(self):
        self.emu.add_machine("gone", group="front", lazy=True)
        self.install()
        self.assertTrue(self.reaches("gone.arc", "gone"))
        self.emu.remove_machine("gone")
        self.install()
        self.assertNotIn("proxycommand", self.ssh("gone.arc"))

    def test_a_symlinked_config_stays_one(self):
        os.makedirs(self.path())
        os.makedirs(self.home + "/dotfiles")
        target = self.home + "/dotfiles/ssh config"
        with open(target, "w") as file:
            file.write("Host a\n")
        os.chmod(target, 0o640)
        os.symlink("../dotfiles/ssh config", self.path("config"))
        before = self.tree()
        self.install()
        self.assertEqual(os.readlink(self.path("config")), "../dotfiles/ssh config")
        self.assertEqual(self.read(target), self.include + "Host a\n")
        self.assertEqual(stat.S_IMODE(os.stat(target).st_mode), 0o640)
        self.assertEqual(os.listdir(self.home + "/dotfiles"), ["ssh config"])
        self.good("uninstall")
        self.assertEqual((self.tree(), self.read(target)), (before, "Host a\n"))

    def test_any_umask(self):
        for umask in (0o000, 0o002, 0o022, 0o077, 0o777):
            with self.subTest(umask=oct(umask)):
                shutil.rmtree(self.path(), ignore_errors=True)
                self.env["XDG_STATE_HOME"] = f"{self.home}/state{umask}"
                os.makedirs(self.env["XDG_STATE_HOME"])
                self.install(preexec_fn=lambda umask=umask: os.umask(umask))
                modes = [oct(stat.S_IMODE(os.stat(self.path(*name)).st_mode)) for name in
                         ((), ("config",), ("config.d",), ("config.d", "arc-relay.conf"))]
                self.assertEqual(modes, ["0o700", "0o600", "0o700", "0o600"])
                self.assertTrue(self.reaches("web01.arc", "web01"))

    def test_another_file(self):
        other = self.home + "/my hosts.conf"
        self.assertIn("in ~/my hosts.conf\n", self.install("--file", other, "twin"))
        self.assertEqual(os.listdir(self.path()), ["config"])
        self.assertTrue(self.reaches("twin.blue.arc", "twin", group="blue"))
        self.install("web*")
        self.assertTrue(self.reaches("web01.arc", "web01"))
        self.assertTrue(self.reaches("twin.blue.arc", "twin", group="blue"))
        self.good("uninstall")
        self.assertEqual(self.read(self.path("config")), f'{MARK}\nInclude "{other}"\n')
        self.good("uninstall", "--file", other)
        self.assertEqual(self.tree(), {})
        self.assertFalse(os.path.exists(other))
        self.bad(64, "needs the name of a file", "install", "--file", self.home + "/")
        self.bad(73, f"fix: mkdir -p {self.home}/no/such/", "install", "--file", self.home + "/no/such/file")
        self.bad(78, "fix: HOME=FOLDER", "install", env={"HOME": ""})

    def test_home_of_other_letters(self):
        self.home = self.env["HOME"] = self.home + "/J\u00fcrgen Wei\u00df =1"
        os.makedirs(self.home)
        self.user_config("Host a\n")
        self.install("--mux", "--entra")
        self.assertTrue(self.reaches("web01.arc", "web01"))
        self.good("uninstall")
        self.assertEqual(self.read(self.path("config")), "Host a\n")

    def test_home_that_ssh_cannot_include(self):
        for letter in "'\"\\%$*?[":
            with self.subTest(letter=letter):
                self.env["HOME"] = f"{self.home}/a{letter}b"
                os.makedirs(self.env["HOME"])
                done = self.config("install")
                self.assertEqual((done.returncode, os.listdir(self.env["HOME"])), (64, []), done.stderr)

    def test_dry_run_and_diff_change_nothing(self):
        self.user_config("Host a\n", 0o644)
        before = self.tree()
        self.assertEqual(self.good("install", "--dry-run"),
                         "5 machines (1 left out) would be in ~/.ssh/config.d/arc-relay.conf\n"
                         "~/.ssh/config would include it\n~/.ssh/config.arc-relay.bak would keep what it was\n")
        diff = self.good("install", "--diff", "web01")
        self.assertIn(f"\n+++ {self.ours}\n@@ -0,0 ", diff)
        self.assertIn("\n+Host web01.arc", diff)
        self.assertIn(f'--- {self.path("config")}\n+++ {self.path("config")}\n@@ -1 +1,3 @@\n+{MARK}\n', diff)
        self.assertEqual(self.tree(), before)
        self.assertFalse(os.path.exists(self.env["XDG_STATE_HOME"] + "/arc-relay/ssh-config.made"))
        self.install("web01")
        before = self.tree()
        self.assertEqual(self.good("install", "--diff", "web01"), "")
        diff = self.good("install", "--diff", "web02")
        self.assertEqual([line[:14] for line in diff.splitlines() if re.match("[-+]Host ", line)],
                         ["-Host web01.ar", "+Host web02.ar"])
        self.assertIn("would be gone", self.good("uninstall", "--dry-run"))
        self.assertIn(f"\n+++ /dev/null\n", self.good("uninstall", "--diff"))
        self.assertEqual(self.tree(), before)
        self.assertEqual([name for name in os.listdir(os.environ.get("TMPDIR", "/tmp")) if
                          name.startswith("arc-relay.")], [])

    def test_diff_without_diff(self):
        self.bad(69, "no diff on PATH", "install", "--diff", env=self.only("ssh", "env"))

    def test_entra(self):
        asked = self.emu.count(who="entra", what="token", token_type="ssh-cert")
        self.assertTrue(self.install("--entra", "--user", "alice").startswith("5 machines (1 left out) in "))
        self.assertIn("without Entra's certificate: win1 (back): ", self.said)
        self.assertRegex(self.read(), rf"Match originalhost \S*web01.arc\S* exec \"'{re.escape(TOOL)}' cert ensure --quiet "
                         rf"'--cloud-file' '{re.escape(self.emu.cloud_file)}'\"\n"
                         rf"    Include \"{re.escape(self.env['XDG_STATE_HOME'])}/arc-relay/cert.conf\"")
        self.assertEqual(self.ssh("win1.arc")["user"], "alice")
        self.assertEqual(self.emu.count(who="entra", what="token", token_type="ssh-cert"), asked,
                         "the proof runs no Match exec; ssh -G of a Windows machine neither")


class Short(Config):
    def taken(self, *names):
        """Which of the names mean something else after an install with --short."""
        self.install("--short")
        return [name for name in ("web01", "web02", "win1") if not self.reaches(name, name)]

    def test_names_in_use_keep_their_suffix(self):
        self.user_config("Host web01 !web02\n    HostName 192.0.2.1\n")
        self.assertEqual(self.taken(), ["web01"])
        self.assertEqual(self.ssh("web01")["hostname"], "192.0.2.1")
        self.assertIn("only with .arc: web01 (front): its name alone means something else\n", self.said)
        self.assertTrue(self.reaches("web01.arc", "web01"))

    def test_again_our_own_names_are_not_in_use(self):
        self.assertEqual((self.taken(), self.taken()), ([], []))

    def test_hostname_and_pattern_and_include(self):
        self.user_config("Include more/*.conf\nHost a\n    HostName=WEB01\nHost win*\n    User x\nHost *\n    User y\n")
        os.makedirs(self.path("more"))
        with open(self.path("more", "x.conf"), "w") as file:
            file.write("Host web02\n")
        self.assertEqual(self.taken(), ["web01", "web02", "win1"])

    def test_known_hosts(self):
        os.makedirs(self.path())
        with open(self.path("known_hosts"), "w") as file:
            file.write("web01,192.0.2.1 ssh-ed25519 AAAA\n[web02]:22 ssh-ed25519 AAAA\n")
        self.assertEqual(self.taken(), ["web01", "web02"])

    def test_hashed_known_hosts(self):
        os.makedirs(self.path())
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.home + "/k"], check=True)
        with open(self.path("known_hosts"), "w") as file:
            file.write("other,web02 " + self.read(self.home + "/k.pub"))
        subprocess.run(["ssh-keygen", "-H", "-f", self.path("known_hosts")], check=True, capture_output=True)
        self.assertNotIn("web02", self.read(self.path("known_hosts")))
        self.assertEqual(self.taken(), ["web02"])


class Sessions(SshCase, ConfigCase):
    """300 machines, one of which each session picks; nothing is configured by hand."""

    N = scaled(300, 20)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.emu.add_machines(cls.N, prefix="node", port=cls.sshd.port, group=lambda i: f"rg{i % 7}",
                             tags=lambda i: {"login": whoami()})

    def setUp(self):
        super().setUp()
        self.user_config(f"Host *\n    StrictHostKeyChecking accept-new\n    BatchMode yes\n    LogLevel ERROR\n")
        out = self.install("--identity", self.sshd.path("user_key"), "--user-tag", "login", "node*")
        self.assertTrue(out.startswith(f"{self.N} machines in "), out)

    def run_all(self, n, *box):
        """ssh, scp up and down, and rsync to machine n by its names."""
        run = {"config": self.path("config")}
        done = self.run_box(box, "ssh", "-F", run["config"], f"node{n}.arc", "echo", "it is", f"node{n}")
        self.assertEqual(done.stdout, f"it is node{n}\n".encode(), done.stderr)
        source = random_file(self.home + "/source", 100_000)
        for pair in ((source, f"node{n}.rg{n % 7}.arc:{self.home}/there"), (f"NODE{n}.arc".lower() + f":{self.home}/there",
                                                                           self.home + "/back")):
            done = self.run_box(box, "scp", "-q", "-F", run["config"], *pair)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(sha256(source), sha256(self.home + "/back"))
        done = self.run_box(box, "rsync", "-a", "--delete", "-e", f"ssh -F {run['config']}",
                            self.path() + "/", f"node{n}.arc:{self.home}/copy/")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        subprocess.run(["diff", "-r", "-x", "known_hosts.arc", self.path(), self.home + "/copy"], check=True)

    def run_box(self, box, *command):
        return subprocess.run([*box, *command], env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=5 * HANG_S)

    def test_programs_by_alias_and_hours_later(self):
        for n in (1, self.N // 2, self.N):
            self.run_all(n)
        keys = self.read(self.path("known_hosts.arc"))
        self.assertRegex(keys, r"\A(arc-[0-9a-f]{16} \S+ \S+\n){3}\Z")
        if MODE:
            self.skipTest("a test clock and a sanitizer exclude each other")
        files = {path: (os.stat(path).st_mtime_ns, self.read(path)) for path in (self.ours, self.path("config"))}
        dials = self.emu.count(who="arm", operation="listcredentials")
        self.emu.clock_skew = 4 * 3600
        try:
            self.env["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
            self.run_all(1, "faketime", "-f", "+4h")
            self.run_all(2, "faketime", "-f", "+4h")
        finally:
            self.emu.clock_skew = 0
        self.assertGreaterEqual(self.emu.count(who="arm", operation="listcredentials") - dials, 2,
                                "the credentials of four hours ago are over")
        self.assertEqual({path: (os.stat(path).st_mtime_ns, self.read(path)) for path in files}, files)

    def test_as_it_is_typed(self):
        """Without -F: ssh finds ~/.ssh/config by passwd(5), and looks at owners and modes itself."""
        self.home = self.env["HOME"] = tempfile.mkdtemp(prefix="c.", dir="/tmp")    # a socket's path has 107 bytes
        self.addCleanup(shutil.rmtree, self.home)
        self.user_config("Host *\n    StrictHostKeyChecking accept-new\n    BatchMode yes\n    LogLevel ERROR\n", 0o644)
        passwd = self.file("passwd", f"me:x:0:0::{self.home}:/bin/sh\n", 0o644)
        box = [*unshared(), "sh", "-c", 'mount --bind "$1" /etc/passwd && shift && exec "$@"', "sh", passwd]
        self.install("node*", "--identity", self.sshd.path("user_key"), "--user-tag", "login", "--mux", "--short", box=box)
        self.assertEqual(self.said, "", "ssh looks where we wrote")
        dials = self.emu.count(who="relay", what="connect")
        for host in ("node3.arc", "node3", "node3.rg3.arc"):
            done = self.run_box(box, "ssh", host, "echo", "hello")
            self.assertEqual((done.stdout, done.stderr, done.returncode), (b"hello\n", b"", 0))
        self.assertEqual(self.emu.count(who="relay", what="connect") - dials, 1, "one connection is shared by all names")
        self.run_box(box, "ssh", "-O", "exit", "node3.arc")
        self.good("uninstall", box=box)
        self.assertNotEqual(self.run_box(box, "ssh", "node3.arc", "true").returncode, 0)


if __name__ == "__main__":
    tap.main()
