"""Goal: what people run over the connection works with the real programs.

ssh, scp, sftp, rsync and git against a real sshd, through arc-relay-proxy, TLS
and the emulated relay; with and without ControlPersist.
"""

import os
import subprocess

import tap
from harness import HANG_S, PROXY, SshCase, Fault, deadline, random_file, relay_info_text, scaled, sha256, wait_for


class Programs(SshCase):
    def test_ssh_command_and_exit_status(self):
        done = self.run_ssh("ssh", "-T", "arc", "printf out; printf err >&2; exit 7")
        self.assertEqual((done.stdout, done.stderr, done.returncode), (b"out", b"err", 7))

    def test_ssh_carries_stdin(self):
        data = os.urandom(3_000_017)
        done = self.run_ssh("ssh", "-T", "arc", "cat", input=data)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, data)

    def test_scp_up_and_down(self):
        for size in (0, 1, 125, 126, 65535, 65536, 1 << 20, scaled(50 << 20, 5 << 20)):
            with self.subTest(size=size):
                source = random_file(os.path.join(self.home, "source"), size)
                there = os.path.join(self.home, "there")
                back = os.path.join(self.home, "back")
                for pair in ((source, f"arc:{there}"), (f"arc:{there}", back)):
                    done = self.run_ssh("scp", "-q", *pair)
                    self.assertEqual((done.returncode, done.stderr), (0, b""))
                self.assertEqual(sha256(source), sha256(there))
                self.assertEqual(sha256(source), sha256(back))

    def test_sftp(self):
        source = random_file(os.path.join(self.home, "source"), 1_000_003)
        batch = f"put {source} {self.home}/there\nget {self.home}/there {self.home}/back\n"
        done = self.run_ssh("sftp", "-q", "-b", "-", "arc", input=batch.encode())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sha256(source), sha256(os.path.join(self.home, "back")))

    def test_rsync(self):
        tree = os.path.join(self.home, "tree")
        for i in range(scaled(300, 30)):
            folder = os.path.join(tree, f"d{i % 7}")
            os.makedirs(folder, exist_ok=True)
            random_file(os.path.join(folder, f"f{i}"), i * 37)
        config = self.ssh_config()
        for _ in range(2):      # again: nothing to do
            done = subprocess.run(["rsync", "-a", "--delete", "-e", f"ssh -F {config}",
                                   tree + "/", f"arc:{self.home}/copy/"],
                                  env=self.env, capture_output=True, timeout=10 * HANG_S)
            self.assertEqual(done.returncode, 0, done.stderr)
        subprocess.run(["diff", "-r", tree, self.home + "/copy"], check=True)

    def test_git_clone_and_push(self):
        def git(*args, cwd=self.home):
            done = subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.test",
                                   *args], cwd=cwd, capture_output=True, timeout=10 * HANG_S,
                                  env={**self.env, "GIT_SSH_COMMAND": f"ssh -F {config}"})
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout

        config = self.ssh_config()
        git("init", "-q", "origin")
        origin, clone = self.home + "/origin", self.home + "/clone"
        random_file(origin + "/blob", scaled(5 << 20, 1 << 20))
        git("add", ".", cwd=origin)
        git("commit", "-qm", "one", cwd=origin)
        git("clone", "-q", f"arc:{origin}", "clone")
        self.assertEqual(sha256(origin + "/blob"), sha256(clone + "/blob"))
        random_file(clone + "/new", 4321)
        git("add", ".", cwd=clone)
        git("commit", "-qm", "two", cwd=clone)
        git("push", "-q", "origin", "HEAD:refs/heads/pushed", cwd=clone)
        self.assertEqual(git("rev-parse", "HEAD", cwd=clone), git("rev-parse", "pushed", cwd=origin))

    def test_control_master_with_control_persist(self):
        config = self.ssh_config(ControlMaster="auto", ControlPersist="60s",
                                 ControlPath=os.path.join(self.home, "cm"))
        before = self.emu.count(who="relay", what="connect")
        for word in ("one", "two", "three"):
            done = self.run_ssh("ssh", "arc", "echo", word, config=config)
            self.assertEqual(done.stdout.decode(), word + "\n", done.stderr)
        self.assertEqual(self.emu.count(who="relay", what="connect") - before, 1)
        done = self.run_ssh("ssh", "-O", "exit", "arc", config=config)
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_for(lambda: self.emu.count(who="relay", what="closed", id=self.last_id()),
                 "the master's session stayed open")

    def last_id(self):
        return self.emu.log.find(who="relay", what="connect")[-1]["id"]

    def test_second_ssh_asks_azure_nothing(self):
        config = self.ssh_config()
        self.assertEqual(self.run_ssh("ssh", "arc", "true", config=config).returncode, 0)
        tokens, lists = self.emu.count(who="entra"), self.emu.count(who="arm")
        self.assertEqual(self.run_ssh("ssh", "arc", "true", config=config).returncode, 0)
        self.assertEqual((self.emu.count(who="entra"), self.emu.count(who="arm")), (tokens, lists))

    def test_sessions_end_with_close_1000(self):
        self.assertEqual(self.run_ssh("ssh", "arc", "true").returncode, 0)
        row = self.emu.wait(who="relay", what="closed", id=self.last_id())
        self.assertEqual(row["sender_code"], 1000)
        self.assertEqual(self.emu.count(what="violation"), 0)


class DropIn(SshCase):
    """As Microsoft's sshproxy is started."""

    def config(self, command, **settings):
        path = self.ssh_config(**settings)
        with open(path) as file:
            lines = [f"    ProxyCommand {command}\n" if "ProxyCommand" in line else line for line in file]
        with open(path, "w") as file:
            file.writelines(lines)
        return path

    def test_az_ssh_config_with_the_path_changed(self):
        options = " ".join(self.relay_options())
        config = self.config(f'"{PROXY}" -r "{self.info_file("web01")}" -p 22 {options}')
        done = self.run_ssh("ssh", "arc", "echo ok", config=config)
        self.assertEqual(done.stdout, b"ok\n", done.stderr)

    def test_az_ssh_arc_passes_the_environment(self):
        text = relay_info_text(self.emu.issue_credentials("web01"))
        self.env["SSHPROXY_RELAY_INFO"] = text
        config = self.config(f'"{PROXY}" -p 22 {" ".join(self.relay_options())}')
        done = self.run_ssh("ssh", "arc", "echo ok", config=config)
        self.assertEqual(done.stdout, b"ok\n", done.stderr)

    def test_error_line_is_what_az_looks_for(self):
        self.emu.faults.dial.extend([Fault("status", code=404, text="Endpoint does not exist")] * 20)
        status, _, err = self.run_proxy("-r", self.info_file("web01"), *deadline(2), input=b"x")
        self.assertEqual(status, 75)
        lines = err.splitlines()
        self.assertRegex(lines[-1], r'^\{"level":"fatal","msg":"sshproxy: error connecting to the '
                         r'address: 404 Endpoint does not exist\..*"proxyVersion":".*","time":".*"\}$')
        self.assertTrue(all(line.startswith('{"level":"') for line in lines), err)


if __name__ == "__main__":
    tap.main()
