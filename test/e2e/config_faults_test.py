"""Goal: whatever goes wrong in config install, and whenever, the files that worked still do, and the next run leaves
nothing behind.
"""

import concurrent.futures
import grp
import os
import pwd
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

import tap
from config_case import FIRST, MARK, ConfigCase
from harness import HANG_S, MODE, PROXY, TOOL, WRAP, Fault, program_first, scaled, wait_for
from namespaces import unshared

MINE = "Host bastion\n    User me\n"


class Faults(ConfigCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.emu.add_machines(40, prefix="m", group="rg")

    def setUp(self):
        super().setUp()
        self.user_config(MINE)

    def fake(self, script, name="ssh"):
        return program_first(self.home + "/bin", self.env["PATH"], script, name)

    def works(self, user=None):
        """The installation is whole: the next run makes it so, too, and sweeps."""
        self.install(*(["--user", user] if user else []))
        self.assertEqual(self.temps(), [])
        self.assertEqual(self.read(self.path("config")), self.include + MINE)
        self.assertEqual(self.read(self.path("config.arc-relay.bak")), MINE)
        for host in ("m1.arc", "m20.arc", "m40.arc"):
            self.assertTrue(self.reaches(host, host[:-4]))
        self.assertEqual(self.ssh("bastion")["user"], "me")


class Canonical(Faults):
    def test_no_name_is_looked_up(self):
        """The configuration would have ssh ask DNS for whatever it is asked about."""
        self.user_config("CanonicalizeHostname always\nCanonicalizeMaxDots 9\nCanonicalDomains example.invalid\n"
                         "CanonicalizeFallbackLocal no\n" + MINE)
        self.install()


class Damaged(Faults):
    def test_note_of_what_was_made(self):
        """It lies in the folder for state, and is no reason to fail."""
        self.works()
        for text in ("garbage", self.path("config"), "a\0b\n", "\n"):
            with self.subTest(text=text):
                self.install()
                made = os.path.join(self.env["XDG_STATE_HOME"], "arc-relay", "ssh-config.made")
                with open(made, "w") as file:
                    file.write(text)
                os.chmod(made, 0o600)
                self.good("uninstall")
                self.assertEqual(self.read(self.path("config")), MINE)


class Refused(Faults):
    def test_what_is_in_the_place_of_our_file(self):
        os.makedirs(self.path("config.d"))
        precious = self.file("precious", "keep\n")

        def make_socket():
            socket.socket(socket.AF_UNIX).bind(self.ours)

        def foreign():
            self.write_ours(FIRST)
            os.chown(self.ours, 12345, -1)

        cases = [("a symbolic link", lambda: os.symlink(precious, self.ours)),
                 ("a symbolic link", lambda: os.symlink("nowhere", self.ours)),
                 ("a FIFO", lambda: os.mkfifo(self.ours)), ("a folder", lambda: os.mkdir(self.ours)),
                 ("no regular file", make_socket),
                 ("is not from arc-relay", lambda: self.write_ours("Host mine\n")),
                 ("is not from arc-relay", lambda: self.write_ours(""))]
        if os.geteuid() == 0:
            cases.append(("belongs to uid 12345", foreign))
        for says, make in cases:
            for verb in ("install", "uninstall"):
                with self.subTest(says=says, verb=verb):
                    make()
                    self.bad(78, says, verb)
                    (os.rmdir if os.path.isdir(self.ours) and not os.path.islink(self.ours) else os.unlink)(self.ours)
        self.assertEqual(self.read(precious), "keep\n")

    def write_ours(self, text):
        with open(self.ours, "w") as file:
            file.write(text)

    def test_what_is_in_the_place_of_the_config(self):
        for says, status, make in (("a FIFO", 78, os.mkfifo), ("a folder", 78, os.mkdir),
                                   ("cannot follow the link", 66, lambda path: os.symlink("nowhere", path)),
                                   ("a folder", 78, lambda path: os.symlink("/tmp", path))):
            with self.subTest(says=says):
                os.unlink(self.path("config"))
                make(self.path("config"))
                self.bad(status, says, "install")
                if os.path.isdir(self.path("config")) and not os.path.islink(self.path("config")):
                    os.rmdir(self.path("config"))
                    self.user_config("")

    @unittest.skipUnless(os.geteuid() == 0, "only root gives files away")
    def test_a_config_of_somebody_else(self):
        os.chown(self.path("config"), 12345, -1)
        self.bad(78, "belongs to uid 12345", "install")
        os.rename(self.path("config"), self.home + "/theirs")
        os.symlink(self.home + "/theirs", self.path("config"))
        self.bad(78, "belongs to uid 12345", "install")

    def test_a_config_that_others_can_write(self):
        os.chmod(self.path("config"), 0o666)
        self.assertIn("[E107]", self.bad(78, "others can write it", "install"))

    def test_folders_that_others_can_write(self):
        os.makedirs(self.path("config.d"))
        os.chmod(self.path("config.d"), 0o777)
        self.bad(78, "config.d is not yours alone", "install")
        os.chmod(self.path("config.d"), 0o755)
        os.chmod(self.path(), 0o757)
        self.bad(78, ".ssh is not yours alone", "install")

    def test_dotfiles_in_a_folder_that_others_can_write(self):
        os.makedirs(self.home + "/dotfiles")
        os.rename(self.path("config"), self.home + "/dotfiles/config")
        os.symlink(self.home + "/dotfiles/config", self.path("config"))
        os.chmod(self.home + "/dotfiles", 0o777)
        self.bad(78, "dotfiles is not yours alone", "install")
        self.assertEqual(self.read(self.home + "/dotfiles/config"), MINE)

    def test_no_ssh(self):
        self.assertIn("[E101]", self.bad(66, "no ssh on PATH", "install", env=self.only("env")))

    def test_a_config_that_ssh_does_not_accept(self):
        self.user_config("Host a\n    Nonsense 1\n")
        line = self.bad(78, "ssh does not accept config: line 2: Bad configuration option: nonsense. fix: ",
                        "install")
        self.assertIn("repair that first", line)

    def test_file_for_the_config_itself(self):
        self.bad(64, "a file of its own", "install", "--file", self.path("config"))
        self.bad(78, "is not from arc-relay", "install", "--file", self.home + "/.ssh/../.ssh/config")

    def test_file_in_no_folder(self):
        self.bad(73, "no folder for", "install", "--file", self.home + "/none/x.conf")

    def test_no_machines(self):
        self.install()
        before = self.tree()
        self.assertIn("[E201]", self.bad(68, "nothing was changed", "install", "x*"))
        self.install("--wildcard", "x*")
        self.assertIn("Host *.arc ", self.read())
        self.install()
        self.assertEqual(self.tree().keys(), before.keys())

    @unittest.skipUnless(os.geteuid() == 0, "only root can be of another group")
    def test_programs_that_everybody_s_group_can_replace(self):
        """A directory service need not tell who has a group as his first one."""
        bin = self.home + "/bin"
        os.makedirs(bin)
        for program in (PROXY, TOOL):
            shutil.copy(program, bin)
        os.chown(bin, -1, grp.getgrnam("users").gr_gid)
        os.chmod(bin, 0o775)
        passwd = self.file("passwd", f"me:x:0:{grp.getgrnam('users').gr_gid}::{self.home}:/bin/sh\n", 0o644)
        done = subprocess.run([*unshared(), "sh", "-c", 'mount --bind "$1" /etc/passwd && shift && exec "$@"', "sh",
                               passwd, bin + "/arc-relay", "config", *self.way()], env=self.env, capture_output=True,
                              text=True, timeout=HANG_S)
        self.assertEqual((done.returncode, done.stdout), (77, ""))
        self.assertIn(f"theirs: {bin}", done.stderr)

    def test_programs_that_others_can_replace(self):
        bin = self.home + "/our bin"
        os.makedirs(bin)
        for program in (PROXY, TOOL):
            shutil.copy(program, bin)
        tool, proxy = bin + "/arc-relay", bin + "/arc-relay-proxy"

        def install():
            return subprocess.run([tool, "config", "install", *self.way()], env=self.env, capture_output=True,
                                  text=True)

        daemon = grp.getgrnam("daemon").gr_gid      # which the user daemon is in
        cases = [(tool, 0o757, -1, f"put a program of theirs: {tool}"),
                 (bin, 0o757, -1, f"theirs: {bin}. fix: chmod go-w {bin}"), (self.home, 0o707, -1, f"theirs: {self.home}")]
        if os.geteuid() == 0:
            cases += [(proxy, 0o775, daemon, f"put a program of theirs: {proxy}"), (bin, 0o775, daemon, f"theirs: {bin}"),
                      (bin, 0o775, 54321, f"theirs: {bin}")]        # which nobody can say who is in
        for path, mode, group, says in cases:
            with self.subTest(path=path, mode=oct(mode)):
                before = self.tree()
                os.chown(path, -1, group)
                os.chmod(path, mode)
                done = install()
                os.chmod(path, 0o755)
                os.chown(path, -1, os.getegid())
                self.assertEqual((done.returncode, done.stdout), (77, ""))
                self.assertIn(says, done.stderr)
                self.assertEqual(self.tree(), before)
        me = pwd.getpwuid(os.geteuid())
        if grp.getgrgid(me.pw_gid).gr_name == me.pw_name:
            os.chmod(bin, 0o775)        # umask 002, in a group of one's own
        os.chmod(self.home, 0o1777)     # as /tmp: only owners can rename there
        done = install()
        os.chmod(self.home, 0o755)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(self.ssh("m1.arc")["proxycommand"].startswith(f"'{proxy}' "))
        os.unlink(proxy)
        self.assertIn("[E102]", install().stderr)
        os.makedirs(self.home + "/open", mode=0o777)
        os.chmod(self.home + "/open", 0o777)
        shutil.copy(PROXY, self.home + "/open/p")
        os.symlink("../open/p", proxy)
        self.assertIn(f"theirs: {self.home}/open", install().stderr)


class Ssh(Faults):
    """What ssh says decides."""

    def test_another_answer_than_was_written(self):
        self.install()
        for keyword in ("hostname", "proxycommand", "hostkeyalias", "user", "port"):
            with self.subTest(keyword=keyword):
                env = self.fake(f'"$REAL" "$@" | sed "s/^{keyword} .*/{keyword} elsewhere/"')
                self.bad(70, f"does not say the {keyword} that was written", "install", "--user", "alice", env=env)

    def test_samples_are_first_middle_and_last(self):
        hosts = re.findall(r"^Host (\S+)", self.good(), re.M)
        for n in (0, 20, 39):
            with self.subTest(host=hosts[n]):
                env = self.fake(f'for host; do :; done\n[ "$host" != {hosts[n]} ] || set -- -G -F /dev/null "$host"\n'
                                'exec "$REAL" "$@"')
                self.bad(70, f"{hosts[n]} does not say", "install", env=env)

    def test_another_answer_through_the_config(self):
        env = self.fake('case "$*" in *.ssh/.arc-relay-temp*m9.arc) set -- -G -F /dev/null m9.arc;; esac; exec "$REAL" "$@"')
        self.bad(70, "m9.arc does not say", "install", env=env)

    def test_other_hosts_would_change(self):
        env = self.fake('"$REAL" "$@"; case "$*" in *config.d*nobody*) echo proxycommand evil;; esac')
        self.bad(70, "nobody.invalid does not say", "install", env=env)
        env = self.fake('"$REAL" "$@"; ! grep -q arc-relay.temp "$3" || echo proxycommand evil')
        self.bad(70, "other hosts otherwise", "install", env=env)

    def test_a_file_of_ours_that_ssh_refuses_is_repaired(self):
        for spoil in (lambda: os.chmod(self.ours, 0o666), self.append_nonsense):
            self.works()
            spoil()
            done = subprocess.run(["ssh", "-G", "-F", self.path("config"), "bastion"], capture_output=True, text=True)
            self.assertNotEqual(done.returncode, 0, "ssh is of no use any more")
        self.works()

    def append_nonsense(self):
        with open(self.ours, "a") as file:
            file.write("Nonsense 1\n")

    def test_a_config_that_is_saved_meanwhile(self):
        env = self.fake(f'echo "Host new" >> {self.path("config")}; exec "$REAL" "$@"')
        done = self.config("install", env=env)
        self.assertEqual(done.returncode, 70 if "otherwise" in done.stderr else 75, done.stderr)
        self.assertTrue(self.read(self.path("config")).startswith(MINE + "Host new\n"))
        self.assertFalse(os.path.exists(self.ours))
        self.user_config(MINE)
        self.works()

    def test_nothing_of_the_users_is_run(self):
        self.user_config(f"{MINE}Match exec \"touch {self.home}/ran\"\n    Port 7\n")
        self.install("--entra")
        self.assertFalse(os.path.exists(self.home + "/ran"))


class Azure(Faults):
    def test_it_fails_half_way(self):
        self.install("--user", "old")
        self.emu.graph.page_size = 15
        self.addCleanup(setattr, self.emu.graph, "page_size", 1000)
        self.emu.faults.arm = ["ok"] + [Fault("status", code=403, match="resourcegraph")] * 3
        before = self.tree()
        done = self.config("install", "--user", "new")
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertEqual(self.tree(), before)
        self.emu.faults.clear()
        self.works("new")


class Disk(Faults):
    def test_a_limit_on_files(self):
        if MODE == "valgrind":
            self.skipTest("valgrind writes files of its own")
        for size in (0, 100, 4096, 8192):
            with self.subTest(size=size):
                self.bad(73, "File too large", "install", preexec_fn=lambda size=size:
                         resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)), env={"ARC_RELAY_NO_CACHE": "1"})
        self.works()

    def test_a_full_disk(self):
        """A small disk on ~/.ssh, with less and less room on it."""
        self.install("--user", "old")
        script = """mount -t tmpfs -o size=200k,mode=700 tmpfs "$1/.ssh" && cp -a "$1/keep/." "$1/.ssh" &&
            head -c "$2" /dev/zero > "$1/.ssh/filler"; home=$1; shift 2; "$@"; status=$?
            rm "$home/.ssh/filler"; rm -rf "$home/after"; cp -a "$home/.ssh" "$home/after"; exit $status"""
        shutil.copytree(self.path(), self.home + "/keep", symlinks=True)
        before = self.tree()
        failed = 0
        for free in range(0, 140, 8):
            done = self.config("install", "--user", "new", box=[
                *unshared(), "sh", "-c", script, "sh", self.home, str((200 - free) * 1024)])
            after = self.of(self.home + "/after")
            if done.returncode != 0:
                failed += 1
                self.assertIn("No space left on device", done.stderr)
                self.assertEqual(after, before)
            else:
                self.assertIn(b"User new", after["config.d/arc-relay.conf"][3])
        self.assertGreater(failed, 3)
        self.assertEqual(done.returncode, 0, done.stderr)

    def of(self, folder):
        home, self.home = self.home, folder + "/x"
        self.path = lambda *names: os.path.join(folder, *names)
        try:
            return self.tree()
        finally:
            del self.path
            self.home = home

    def test_a_folder_that_is_read_only(self):
        self.install("--user", "old")
        for folder in (self.path(), self.path("config.d")):
            box = [*unshared(), "sh", "-c", 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"',
                   "sh", folder]
            self.bad(73, "Read-only file system", "install", "--user", "new", box=box)
        self.works("new")

    def test_no_state_folder(self):
        self.file("plain", "")
        self.env["XDG_STATE_HOME"] = self.home + "/plain"
        self.assertIn("[E112]", self.bad(73, "no folder for state", "install"))

    def test_no_lock(self):
        self.install()
        os.chmod(self.env["XDG_STATE_HOME"] + "/arc-relay/ssh-config.lck", 0o666)
        self.assertIn("[E112]", self.bad(73, "cannot lock out another", "install"))

    def test_a_failure_leaves_no_folder_behind(self):
        shutil.rmtree(self.path())
        self.bad(70, "does not say", "install", env=self.fake("exec true"))


class Killed(Faults):
    def test_during_the_proof(self):
        """kill -9 while ssh is asked: what is new lies beside what is old."""
        self.install("--user", "old")
        for then in (lambda: self.works("new"), lambda: self.good("uninstall")):
            self.kill_during_the_proof()
            then()
            self.assertEqual(self.temps(), [])
        self.assertEqual(self.tree().keys(), {".", "config"})

    def kill_during_the_proof(self):
        before = self.tree()
        user = self.ssh("m1.arc")["user"]
        fifo = tempfile.mkdtemp(dir=self.home) + "/asked"
        os.mkfifo(fifo)
        env = self.fake(f'echo $$ > {fifo}; exec sleep 600')
        child = subprocess.Popen([TOOL, "config", "install", "--user", "new", *self.way()], env={**self.env, **env},
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        with open(fifo) as file:
            asked = int(file.readline())
        child.kill()
        os.kill(asked, signal.SIGKILL)
        child.communicate()
        self.assertTrue(self.temps())
        self.assertEqual({name: what for name, what in self.tree().items() if ".arc-relay-temp." not in name}, before)
        self.assertEqual(self.ssh("m1.arc")["user"], user)

    def test_at_any_rename(self):
        """Killed at the first, second, .. rename, mkdir or unlink of a first install, of a second and of an uninstall."""
        if MODE or os.geteuid() != 0:
            self.skipTest("needs to trace a program that forbids it to all but root")
        for call in ("renameat", "mkdir", "unlinkat"):
            for n in range(1, 100):
                with self.subTest(call=call, n=n):
                    shutil.rmtree(self.path())
                    shutil.rmtree(self.env["XDG_STATE_HOME"], ignore_errors=True)
                    self.user_config(MINE)
                    ends = [self.killed(call, n, "install", "--user", "first")]
                    self.is_good()
                    self.works("second")
                    ends.append(self.killed(call, n, "install", "--user", "third"))
                    self.is_good()
                    self.assertIn(self.ssh("m1.arc")["user"], ("second", "third"))
                    self.works("fourth")
                    ends.append(self.killed(call, n, "uninstall"))
                    self.is_good()
                    self.install()
                    self.good("uninstall")
                    self.assertEqual(self.tree().keys(), {".", "config"})
                    self.assertEqual(self.read(self.path("config")), MINE)
                if not any(ends):
                    break
            self.assertLess(n, 40)
            self.assertGreater(n, 1, f"no {call} was met")

    def killed(self, call, n, *args):
        """Runs it to its n-th call, if it makes so many; was it killed there?"""
        done = self.config(*args, box=["strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
                                       "-e", f"inject={call}:signal=KILL:when={n}"])
        self.assertIn(done.returncode, (0, -signal.SIGKILL), done.stderr)
        return done.returncode != 0

    def is_good(self):
        """ssh reads it: hosts of the user's are as they were, and each of our files is whole or not there."""
        self.assertEqual(self.ssh("bastion")["user"], "me")
        self.assertTrue(self.read(self.path("config")).endswith(MINE))
        if os.path.exists(self.ours):
            self.assertTrue(self.reaches("m40.arc", "m40", self.ours))
        if os.path.exists(self.path("config.arc-relay.bak")):
            self.assertEqual(self.read(self.path("config.arc-relay.bak")), MINE)


class Together(Faults):
    def test_fifty_at_once(self):
        count = scaled(50, 8)
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            runs = list(pool.map(lambda i: self.config("install", "--user", f"user{i}"), range(count)))
        self.assertEqual([done.returncode for done in runs], [0] * count, [done.stderr for done in runs])
        user = self.ssh("m1.arc")["user"]
        alone = self.good("--user", user).splitlines()
        self.assertEqual(self.read().splitlines()[1:], alone[1:])
        self.assertEqual(self.read(self.path("config")), self.include + MINE)
        self.assertEqual(self.read(self.path("config.arc-relay.bak")), MINE)
        self.assertEqual(self.temps(), [])

    def test_install_and_uninstall_at_once(self):
        def run(i):
            return self.config("uninstall") if i % 2 else self.config("install")

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            runs = list(pool.map(run, range(scaled(16, 8))))
        self.assertEqual({done.returncode for done in runs}, {0}, [done.stderr for done in runs])
        self.install()
        self.good("uninstall")
        self.assertEqual(self.tree().keys(), {".", "config"})
        self.assertEqual(self.read(self.path("config")), MINE)


class Hostile(ConfigCase):
    NAMES = ["*", "?", "!x", "a b", "a,b", "-oProxyCommand=x", "x\nProxyCommand touch", "x\rHost *", "a'b", 'a"b', "a`b",
             "a$(touch x)", "a\\b", "a%hb", "a#b", "a\tb", "\x1b[31m", "\u202egnp", "\u00fcml\u00e4ut", "n" * 10_000, "..",
             "../../etc/x", "a=b", "{a,b}", "~", "localhost*", "Host", "Match all", "Include x", "nul\0.arc"]

    def test_names_and_tags(self):
        for i, name in enumerate(self.NAMES):
            self.emu.add_machine(name, group="rg", lazy=True, tags={"login": name})
            self.emu.add_machine(f"fine{i}", group="rg", lazy=True, tags={"login": name})
            self.emu.add_machine(f"ok{i}", group=name, lazy=True)
        self.emu.add_machine("fine", group="rg", lazy=True)
        self.user_config("Host github.com *.corp\n    User git\nHost *\n    Port 77\n")
        hosts = ("github.com", "x.corp", "localhost", "web01", "x", "a", "b", "Host", "fine", "anything.example")
        before = {host: self.ssh(host) for host in hosts}
        out = self.install("--user-tag", "login", "--short")
        self.assertLess(int(re.match(r"\d+", out)[0]), 3 * len(self.NAMES))
        self.assertEqual({host: self.ssh(host) for host in hosts if host not in ("fine", "Host")},
                         {host: was for host, was in before.items() if host not in ("fine", "Host")})
        self.assertTrue(self.reaches("fine.arc", "fine"))
        for line in self.read().splitlines()[2:]:
            self.assertRegex(line, r"\A(?:Host( [A-Za-z0-9][A-Za-z0-9._-]*)+|    [A-Za-z]+ [^\x00-\x1f\x7f]+|# <<< arc-relay end)\Z")
        self.assertRegex(self.said, r"\A[ -~\n]*\Z")


if __name__ == "__main__":
    tap.main()
