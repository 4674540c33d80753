"""Goal: what real programs print when a connection fails is recognised: each is run here, by the version that this system
has, and what it says is given to arc-relay explain.

With EXPLAIN_RECORD=FILE what was printed is added to FILE, in the form of explain_samples.txt.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import unittest

import tap
from harness import (HANG_S, PROXY, TOOL, WRAP, EmulatorCase, Fault, SshCase, Sshd, clean_env, deadline, free_port,
                     whoami)
from namespaces import unshared
from proxy import HttpProxy

PYTHON = "/usr/bin/python3"
NO_LISTENERS = "There are no listeners connected for the endpoint."
LONELY = "ip link set lo up && exec \"$@\""       # a network with loopback only
# a server that takes nobody in any more drops whoever comes, as a firewall does
FULL_PORT = """
import socket, subprocess, sys
server = socket.socket()
server.bind(("127.0.0.1", 22))
server.listen(0)
first = [socket.socket() for _ in range(4)]
for one in first:
    one.setblocking(False)
    one.connect_ex(("127.0.0.1", 22))
sys.exit(subprocess.call(["ssh", "-F", "none", "-o", "ConnectTimeout=1", "ada@127.0.0.1", "true"]))
"""


def version(*command):
    """The first line of what it says of itself."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.split("\n", 1)[0].split(",")[0].split(" (")[0]


SSH = version("ssh", "-V")


class RealCase(unittest.TestCase):
    """known(id, text, by) is what this file is for."""

    def known(self, one, text, by, also=()):
        """The text, printed by a program, is explained by this id first, and by nothing else."""
        text = text.decode(errors="replace") if isinstance(text, bytes) else text
        said = subprocess.run(WRAP + [TOOL, "explain", "-", "--json"], input=text.encode(), capture_output=True,
                              env=clean_env("/nonexistent"), timeout=HANG_S)
        found = [row["id"] for row in json.loads(said.stdout or "[]")]
        self.record(" ".join([one, *also]), text, by)
        self.assertEqual(found, [one, *also], text[-2000:])

    def record(self, ids, text, by):
        if path := os.environ.get("EXPLAIN_RECORD"):
            for name in ("home", "dir"):
                text = text.replace(getattr(self, name, "\0"), "/home/ada")
            text = text.replace(os.path.expanduser("~" + whoami()) + "/", "/home/ada/").replace(os.path.dirname(PROXY), "/usr/local/bin").replace(whoami() + "@", "ada@")
            lines = [line for line in text.replace("\r", "").strip().split("\n")
                     if not line.startswith(("  ", "Traceback", "During handling", "Warning: Permanently"))]
            text = "\n".join(line for line in lines[-24:] if line)
            with open(path, "a") as file:
                file.write(f"== {ids} recorded: {by}\n{text}\n\n")

    def said(self, *command, status=None, **run):
        """All that it prints, stdout and stderr."""
        run.setdefault("stdin", subprocess.DEVNULL)
        run.setdefault("env", getattr(self, "env", None) or clean_env("/nonexistent"))
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=HANG_S, **run)
        if status is not None:
            self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout


class Ssh(RealCase, SshCase):
    """OpenSSH on this side, and its sshd."""

    def ssh(self, *args, config=None, box=(), **settings):
        settings.setdefault("LogLevel", "INFO")
        return self.said(*box, "ssh", "-F", config or self.ssh_config(**settings), *args, "arc", "true", status=255)

    def straight(self, port=None, **settings):
        """To the sshd itself, without any proxy."""
        return {"HostName": "127.0.0.1", "Port": str(port or self.sshd.port), "ProxyCommand": "none", **settings}

    def key(self, name, *args):
        path = os.path.join(self.home, name)
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-f", path, *(args or ("-t", "ed25519"))], check=True)
        return path

    def test_e107_configuration_that_others_can_write(self):
        home = os.path.expanduser("~" + whoami())
        box = [*unshared(), "sh", "-c", 'mount -t tmpfs tmpfs "$0" && mkdir -m 700 "$0/.ssh" && touch "$0/.ssh/config" && '
               'chmod 666 "$0/.ssh/config" && exec "$@"', home]
        self.known("E107", self.said(*box, "ssh", "arc", "true", status=255), f"ssh, {SSH}")

    def test_e108_a_name_that_no_block_is_for(self):
        box = [*unshared("-n"), "sh", "-c", LONELY, "sh"]
        self.known("E108", self.said(*box, "ssh", "-F", "none", "web01.arc", "true", status=255), f"ssh, {SSH}")

    def test_e109_a_program_that_is_not_on_path(self):
        for shell, more in (("dash", ()), ("bash", ()), ("zsh", ()), ("fish", ()), ("tcsh", ())):
            if not (path := shutil.which(shell)):
                continue
            with self.subTest(shell):
                env = {**self.env, "SHELL": path, "PATH": "/nonexistent"}
                text = self.said(shutil.which("ssh"), "-F", self.ssh_config(
                    ProxyCommand="arc-relay-proxy %n", LogLevel="INFO"), "arc", "true", status=255, env=env)
                self.known("E109", text, f"ssh, {SSH}, with SHELL={path}")

    def test_e102_a_program_that_cannot_be_run(self):
        path = self.file("sshProxy_linux_amd64_1_3_026973", "", mode=0o600)
        if os.geteuid() == 0:
            os.chmod(path, 0o600)       # no bit for anybody: not even root runs it
        for shell in ("dash", "bash", "zsh", "fish", "tcsh"):
            if not (program := shutil.which(shell)):
                continue
            with self.subTest(shell):
                text = self.said("ssh", "-F", self.ssh_config(ProxyCommand=path, LogLevel="INFO"), "arc", "true",
                                 status=255, env={**self.env, "SHELL": program})
                self.known("E102", text, f"ssh, {SSH}, with SHELL={program}")

    def test_e110_a_descriptor_is_wanted(self):
        self.known("E110", self.ssh(ProxyUseFdpass="yes"), f"ssh, {SSH}")

    def test_e701_a_key_that_is_not_taken(self):
        self.known("E701", self.ssh(IdentityFile=self.key("other")), f"ssh, {SSH}")
        self.known("E701", self.ssh("-v", IdentityFile=self.key("another")), f"ssh -v, {SSH}")

    def test_e702_a_certificate_that_is_not_taken(self):
        key, _ = self.certificate()
        self.known("E702", self.ssh("-v", IdentityFile=key), f"ssh -v, {SSH}")

    def certificate(self, *options):
        """A key with a certificate by a CA, and the public key of that."""
        key, ca = self.key("id_rsa", "-t", "rsa", "-b", "2048"), self.key("ca")
        subprocess.run(["ssh-keygen", "-q", "-s", ca, "-I", "ada", "-n", whoami(), *options, key + ".pub"], check=True)
        return key, ca + ".pub"

    def server(self, **settings):
        """An sshd with more settings."""
        class MoreSshd(Sshd):
            def settings(self):
                return "".join(f"{name} {value}\n" for name, value in settings.items()) + super().settings()
        sshd = MoreSshd(os.path.join(self.home, "sshd"))
        self.addCleanup(sshd.stop)
        return sshd

    def test_e703_no_way_to_sign(self):
        key, ca = self.certificate()
        sshd = self.server(TrustedUserCAKeys=ca, PubkeyAcceptedAlgorithms="ssh-ed25519")
        self.ssh(**self.straight(sshd.port, IdentityFile=key))
        with open(sshd.path("sshd.log")) as file:
            self.known("E703", file.read(), f"sshd -e, {SSH}")
        self.known("E703", self.ssh("-v", **self.straight(sshd.port, IdentityFile=key, PubkeyAcceptedAlgorithms="ssh-ed25519")),
                   f"ssh -v, {SSH}", also=["E701"])

    def test_e702_a_certificate_among_keys(self):
        keys = [self.certificate()[0]] + [self.key(f"other{n}") for n in range(3)]
        self.known("E702", self.ssh("-v", IdentityFile="\n    IdentityFile ".join(keys)), f"ssh -v, {SSH}, with more keys")

    def test_e704_a_certificate_that_is_over(self):
        key, ca = self.certificate("-V", "20200101:20200102")
        sshd = self.server(TrustedUserCAKeys=ca)
        self.ssh(**self.straight(sshd.port, IdentityFile=key))
        with open(sshd.path("sshd.log")) as file:
            self.known("E704", file.read(), f"sshd -e, {SSH}")

    def test_e705_another_host_key(self):
        with open(self.key("other") + ".pub") as file:
            key = " ".join(file.read().split()[:2])
        known = self.file("known_hosts", f"arc {key}\n")
        self.known("E705", self.ssh(UserKnownHostsFile=known, StrictHostKeyChecking="yes"), f"ssh, {SSH}")

    def test_e706_no_banner_in_time(self):
        self.known("E706", self.ssh(ProxyCommand="sleep 60", ConnectTimeout="1"), f"ssh, {SSH}, with a ProxyCommand")
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.known("E706", self.ssh(**self.straight(silent.getsockname()[1], ConnectTimeout="1")), f"ssh, {SSH}")

    def test_e707_a_proxy_that_ends_at_once(self):
        self.known("E707", self.ssh(ProxyCommand="false"), f"ssh, {SSH}")
        with socket.create_server(("127.0.0.1", 0)) as server:
            threading.Thread(target=lambda: server.accept()[0].close(), daemon=True).start()
            self.known("E707", self.ssh(**self.straight(server.getsockname()[1])), f"ssh, {SSH}")

    def test_e708_a_key_that_others_can_read(self):
        key = shutil.copy(self.sshd.path("user_key"), self.home)
        os.chmod(key, 0o644)
        self.known("E708", self.ssh(IdentityFile=key), f"ssh, {SSH}", also=["E701"])

    def test_e709_too_many_keys(self):
        sshd = self.server(MaxAuthTries=1)
        keys = "\n    IdentityFile ".join(self.key(f"key{n}") for n in range(3))
        self.known("E709", self.ssh(**self.straight(sshd.port, IdentityFile=keys)), f"ssh, {SSH}")

    def test_e711_bytes_that_are_changed(self):
        spoil = self.file("spoil.py", f"""
import os, socket, sys, threading
s = socket.create_connection(("127.0.0.1", {self.sshd.port}))
def up():
    while piece := os.read(0, 65536):
        s.sendall(piece)
threading.Thread(target=up, daemon=True).start()
seen = 0
while piece := bytearray(s.recv(65536)):
    if seen > 2200:
        piece[len(piece) // 2] ^= 1
    seen += len(piece)
    os.write(1, piece)
""")
        for mac, cipher in (("hmac-sha2-256", "aes128-ctr"), ("hmac-sha2-256-etm@openssh.com", "aes128-ctr")):
            self.known("E711", self.ssh(ProxyCommand=f"{PYTHON} {spoil}", MACs=mac, Ciphers=cipher),
                       f"ssh, {SSH}, with {mac}")

    def test_e511_no_ssh_server(self):
        def serve(server):
            conn, _ = server.accept()
            conn.sendall(b"HTTP/1.1 400 Bad Request\r\nServer: nginx/1.22.1\r\nContent-Type: text/html\r\n"
                         b"Connection: close\r\n\r\n<html>\r\n<head><title>400 Bad Request</title></head>\r\n\0")
            conn.recv(65536)
            conn.close()
        with socket.create_server(("127.0.0.1", 0)) as server:
            threading.Thread(target=serve, args=(server,), daemon=True).start()
            self.known("E511", self.ssh(**self.straight(server.getsockname()[1])), f"ssh, {SSH}, to a web server")

    def test_e513_a_path_that_dies(self):
        child = subprocess.Popen(["ssh", "-F", self.ssh_config(LogLevel="INFO", ServerAliveInterval="1",
                                                              ServerAliveCountMax="1"),
                                  "arc", "echo up; exec cat"], env=self.env, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(child.stdout.readline(), b"up\n")
        with open(f"/proc/{child.pid}/task/{child.pid}/children") as file:
            pid = int(file.read().split()[0])
        os.kill(pid, signal.SIGSTOP)
        child.wait(HANG_S)
        os.kill(pid, signal.SIGKILL)
        child.stdin.close()
        self.known("E513", child.stderr.read(), f"ssh, {SSH}, with ServerAliveInterval")
        child.stdout.close()
        child.stderr.close()

    def test_e809_other_formats(self):
        rsa = self.key("id_rsa", "-t", "rsa", "-b", "2048", "-m", "PEM")
        pem, der = os.path.join(self.home, "myCert.pem"), os.path.join(self.home, "myCert.cer")
        subprocess.run(["openssl", "req", "-x509", "-key", rsa, "-days", "2", "-subj", "/CN=ada", "-out", pem], check=True)
        subprocess.run(["openssl", "x509", "-outform", "der", "-in", pem, "-out", der], check=True)
        os.chmod(pem, 0o600)
        os.chmod(der, 0o600)
        for path in (pem, der):
            self.known("E809", self.ssh(IdentityFile=path), f"ssh -i, {SSH}", also=["E701"])
            self.known("E809", self.said("ssh-keygen", "-l", "-f", path), f"ssh-keygen -l, {SSH}")

    def test_e808_and_e802_a_machine_of_azure(self):
        box = [*unshared("-n"), "sh", "-c", LONELY, "sh"]
        text = self.said(*box, PYTHON, "-c", FULL_PORT, status=255)
        self.known("E808", text, f"ssh, {SSH}, to an address that drops all")
        box = [*unshared("-n"), "sh", "-c", LONELY, "sh"]
        text = self.said(*box, "ssh", "-F", "none", "ada@127.0.0.1", "true", status=255)
        self.known("E802", text, f"ssh, {SSH}, to an address where nobody listens")


class Expired(RealCase, SshCase):
    def test_e710_an_account_that_has_expired(self):
        if os.geteuid() != 0 or not os.path.exists("/etc/pam.d/sshd"):
            self.skipTest("it takes root and PAM")
        with open("/etc/shadow") as file:
            lines = [line.split(":") for line in file.read().splitlines()]
        for line in lines:
            if line[0] == whoami():
                line[7] = "18001"       # days since 1970
        shadow = self.file("shadow", "".join(":".join(line) + "\n" for line in lines))

        sshd = Sshd(os.path.join(self.home, "sshd"), box=[
            *unshared(), "sh", "-c", 'mount --bind "$0" /etc/shadow && exec "$@" -o UsePAM=yes', shadow])
        self.addCleanup(sshd.stop)
        config = self.ssh_config(HostName="127.0.0.1", Port=str(sshd.port), ProxyCommand="none",
                                 IdentityFile=sshd.path("user_key"), LogLevel="INFO")
        text = self.said("ssh", "-F", config, "arc", "true", status=255)
        self.known("E710", text, f"ssh, {SSH}, to its sshd with PAM")


class Network(RealCase, EmulatorCase):
    """curl, git, Python and others on the way to a host."""

    def setUp(self):
        super().setUp()
        self.lonely = [*unshared("-n"), "sh", "-c", LONELY, "sh"]
        self.curl = version("curl", "--version").split(" (")[0]
        self.git = version("git", "--version")

    def python(self, text, box=(), **run):
        return self.said(*box, PYTHON, "-c", text, **run)

    def test_e601_no_name(self):
        self.known("E601", self.said(*self.lonely, "curl", "-sS", "https://management.azure.com"), self.curl)
        self.known("E601", self.python("import urllib.request as u; u.urlopen('https://login.microsoftonline.com')",
                                       self.lonely), f"urllib of {version(PYTHON, '-V')}")
        self.known("E601", self.said(*self.lonely, "git", "ls-remote", "https://management.azure.com/x"), self.git)

    def test_e602_no_way(self):
        closed = free_port()
        self.known("E602", self.said("curl", "-sS", "--noproxy", "*", f"https://127.0.0.1:{closed}"), self.curl)
        self.known("E602", self.said(*self.lonely, "curl", "-sS", "https://192.0.2.1"), self.curl)
        self.known("E602", self.python(f"import urllib.request as u; u.urlopen('https://127.0.0.1:{closed}')"),
                   f"urllib of {version(PYTHON, '-V')}")

    def test_e603_and_e604_a_proxy_that_refuses(self):
        proxy = HttpProxy(user="ada", password="x").start()
        self.addCleanup(proxy.stop)
        env = {**self.env, "https_proxy": proxy.url, "HTTPS_PROXY": proxy.url}
        for one, refuse in (("E603", None), ("E604", 403), ("E604", 502)):
            proxy.login, proxy.refuse = (proxy.login, None) if refuse is None else (None, refuse)
            self.known(one, self.said("curl", "-sS", "https://management.azure.com", env=env), self.curl)
            self.known(one, self.python("import urllib.request as u; u.urlopen('https://management.azure.com')", env=env),
                       f"urllib of {version(PYTHON, '-V')}")
            self.known(one, self.said("git", "ls-remote", "https://management.azure.com/x", env=env), self.git)

    def test_e605_a_certificate_of_somebody(self):
        url = f"https://127.0.0.1:{self.emu.relay_port}/"
        self.known("E605", self.said("curl", "-sS", url), self.curl)
        self.known("E605", self.python(f"import urllib.request as u; u.urlopen('{url}')"),
                   f"urllib of {version(PYTHON, '-V')}")
        self.known("E605", self.said("git", "ls-remote", url), self.git)

    def test_e606_tls_is_cut(self):
        for how, answer in (("cut", b""), ("an alert", bytes((21, 3, 3, 0, 2, 2, 40))), ("no TLS", b"HTTP/1.1 400 no\r\n\r\n")):
            def serve(server):
                for _ in range(2):
                    try:
                        conn, _ = server.accept()
                    except OSError:
                        return
                    conn.recv(65536)
                    conn.sendall(answer)
                    conn.close()
            with socket.create_server(("127.0.0.1", 0)) as server, self.subTest(how):
                threading.Thread(target=serve, args=(server,), daemon=True).start()
                url = f"https://127.0.0.1:{server.getsockname()[1]}/"
                self.known("E606", self.said("curl", "-sS", url), f"{self.curl}, TLS: {how}")
                self.known("E606", self.python(f"import urllib.request as u; u.urlopen('{url}')"),
                           f"urllib of {version(PYTHON, '-V')}, TLS: {how}")


class Programs(RealCase):
    """What az prints of Python's own is printed by Python here."""

    def python(self, text):
        return self.said(PYTHON, "-c", text)

    def test_e101_no_ssh_keygen(self):
        self.known("E101", self.python("import os, subprocess; os.environ['PATH'] = ''; subprocess.call(['ssh-keygen'])"),
                   f"subprocess of {version(PYTHON, '-V')}")

    def test_e302_a_file_that_is_no_json(self):
        self.known("E302", self.python("import json; json.loads('')"), f"json of {version(PYTHON, '-V')}")

    def test_e412_a_member_that_is_missing(self):
        self.known("E412", self.python("{}['serviceConfigurationToken']"), f"{version(PYTHON, '-V')}")

    def test_e804_an_option_that_az_does_not_know(self):
        self.known("E804", self.python("import argparse; argparse.ArgumentParser('az aks nodepool update').parse_args("
                                       "['--ssh-access', 'disabled'])"), f"argparse of {version(PYTHON, '-V')}")


class Ours(RealCase, SshCase):
    """Each line of our own programs is known by its id."""

    def line(self, status, *args, **run):
        got, _, err = self.run_proxy(*args, input=b"x", **run)
        self.assertEqual(got, status, err)
        return err

    def dial(self, *faults, port=()):
        self.emu.faults.dial.extend(list(faults) * 9)
        try:
            return self.run_proxy(*port, self.emu.machine_id("web01"), *deadline(1), input=b"x")[2]
        finally:
            self.emu.faults.dial.clear()

    def test_relay(self):
        for one, fault in (("E501", Fault("status", code=404, text=NO_LISTENERS)),
                           ("E502", Fault("status", code=404, text="Endpoint does not exist")),
                           ("E503", Fault("status", code=401, text="The token has an invalid signature")),
                           ("E504", Fault("status", code=403, text="Ip has been prevented to connect to the endpoint.")),
                           ("E505", Fault("status", code=503, text="connection to localhost:22 failed: dial tcp")),
                           ("E506", Fault("status", code=503, text="busy")),
                           ("E509", Fault("status", code=400, text="no")),
                           ("E607", Fault("raw", data=b"HTTP/1.1 200 OK\r\n\r\n<html>")),
                           ("E608", Fault("status", code=426, text="Upgrade Required")),
                           ("E606", Fault("drop", how="rst"))):
            with self.subTest(one):
                text = self.dial(fault)
                if f"[{one}]" in text:      # what is told of it is refusal_test's to prove
                    self.known(one, text, "arc-relay-proxy")

    def tool(self, *args, **run):
        return self.said(*WRAP, TOOL, *args, "--cloud-file", self.emu.cloud_file, **run)

    def test_machine(self):
        for one, how in (("E204", {"connected": False}), ("E205", {"agent_version": "1.12.1"})):
            self.emu.add_machine("m" + one, service="echo", **how)
            self.addCleanup(self.emu.remove_machine, "m" + one)
            self.known(one, self.tool("enable", self.emu.machine_id("m" + one)), "arc-relay enable")

    def test_here(self):
        self.known("E106", self.run_proxy("-r", "/nonexistent", input=b"x")[2], "arc-relay-proxy")
        env = {**self.env, "ARC_RELAY_HELPER": "/nonexistent"}
        self.known("E109", self.run_proxy(self.emu.machine_id("web01"), input=b"x", env=env)[2], "arc-relay-proxy")
        self.known("E101", self.tool("config", "install", env={**self.env, "PATH": "/nonexistent"}), "arc-relay config install")
        env = {**self.env, "ARC_RELAY_CACHE_DIR": self.file("plain", "no folder")}
        self.known("E112", self.tool("whoami", env=env), "arc-relay whoami")
        self.emu.clock_skew = -4 * 3600
        self.addCleanup(setattr, self.emu, "clock_skew", 0)
        self.known("E111", self.tool("credentials", "--no-cache", self.emu.machine_id("web01")), "arc-relay credentials")

    def test_an_old_ssh(self):
        ssh = self.file("ssh", "#!/bin/sh\necho OpenSSH_7.5p1 >&2\n", mode=0o755)
        text = self.tool("doctor", env={**self.env, "PATH": f"{os.path.dirname(ssh)}:{self.env['PATH']}"})
        self.assertIn("[E703]", text)
        self.known("E703", [line for line in text.splitlines() if "[E703]" in line][0], "arc-relay doctor")

    def test_names(self):
        for group in ("a", "b"):
            self.emu.add_machine("twin", group=group, lazy=True, endpoint=False)
            self.addCleanup(self.emu.remove_machine, "twin", group)
        self.known("E203", self.tool("credentials", "twin"), "arc-relay credentials")
        self.known("E201", self.tool("credentials", "nobody"), "arc-relay credentials")

    def test_login(self):
        env = {name: value for name, value in self.env.items() if not name.startswith("AZURE_CLIENT")}
        self.known("E301", self.tool("whoami", env={**env, "PATH": "/nonexistent"}), "arc-relay whoami")
        self.known("E305", self.tool("whoami", env={**self.env, "AZURE_CLIENT_SECRET": "wrong"}), "arc-relay whoami")

    def test_azure(self):
        for one, fault in (("E401", ("AuthorizationFailed", 403)), ("E403", ("MissingSubscriptionRegistration", 409)),
                           ("E410", ("ScopeLocked", 409)), ("E411", ("RequestDisallowedByPolicy", 403))):
            with self.subTest(one):
                self.emu.faults.arm.append(Fault("status", code=fault[1], error=fault[0], message="no"))
                self.known(one, self.tool("credentials", "--no-cache", self.emu.machine_id("web01")), "arc-relay credentials")
                self.emu.faults.arm.clear()

    def test_through_ssh(self):
        self.emu.faults.dial.extend([Fault("status", code=503, text="connection to localhost:22 failed: no")] * 9)
        for more in ({}, {"ControlMaster": "auto", "ControlPath": "none"}):
            done = self.run_ssh("ssh", "arc", "true", config=self.ssh_config(LogLevel="INFO", **more))
            self.known("E505", done.stdout + done.stderr, f"ssh, {SSH}, with arc-relay-proxy")


class Harmless(RealCase, SshCase):
    """In what is printed when all is well nothing is recognised."""

    def harmless(self, by, *command, **run):
        text = self.said(*command, status=0, **run)
        said = subprocess.run(WRAP + [TOOL, "explain", "-", "--json"], input=text.encode(), capture_output=True,
                              env=clean_env("/nonexistent"), timeout=HANG_S)
        self.assertEqual((said.stdout, said.returncode), (b"[]\n", 69), text)

    def test_ssh(self):
        verbose = self.ssh_config(name="verbose", proxy_options="-vv", LogLevel="DEBUG3")
        self.harmless("ssh", "ssh", "-F", verbose, "arc", "true")
        self.harmless("scp", "scp", "-v", "-F", verbose, verbose, "arc:" + self.home + "/copy")
        self.harmless("sftp", "sftp", "-F", verbose, "-b", self.file("batch", "ls\n"), "arc")
        self.harmless("ssh -G", "ssh", "-G", "-F", verbose, "arc")
        if shutil.which("rsync"):
            self.harmless("rsync", "rsync", "-avvv", "-e", f"ssh -v -F {verbose}", self.home + "/batch", "arc:" + self.home + "/r")

    def test_git(self):
        config = self.ssh_config(proxy_options="-v")
        here = {"env": {**self.env, "GIT_SSH_COMMAND": f"ssh -v -F {config}", "GIT_TRACE": "1", "GIT_TRACE_PACKET": "1",
                        "GIT_CONFIG_GLOBAL": "/dev/null"}}
        bare, work = os.path.join(self.home, "bare.git"), os.path.join(self.home, "work")
        self.harmless("git", "git", "init", "--bare", bare)
        self.harmless("git", "git", "clone", "-v", f"arc:{bare}", work, **here)
        self.harmless("git", "git", "-C", work, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--allow-empty", "-m", "x")
        self.harmless("git", "git", "-C", work, "push", "-v", "origin", "HEAD", **here)

    def test_ours(self):
        self.harmless("curl", "curl", "-sv", "--cacert", self.emu.ca_file, "--resolve",
                      f"ns1.relay.emulated.test:{self.emu.relay_port}:127.0.0.1",
                      f"https://ns1.relay.emulated.test:{self.emu.relay_port}/")
        cloud = ["--cloud-file", self.emu.cloud_file]
        for verb in (["whoami"], ["list"], ["list", "--json"], ["config"], ["inventory", "--list"],
                     ["credentials", "-vv", self.emu.machine_id("web01")], ["enable", self.emu.machine_id("web01")]):
            self.harmless(verb[0], *WRAP, TOOL, verb[0], *cloud, *verb[1:])
        self.harmless("doctor", *WRAP, TOOL, "doctor", *self.relay_options(), "web01")
        for verb in ("explain", "login", "enable", "config", "cert", "version"):
            self.harmless("--help", *WRAP, TOOL, verb, "--help")


if __name__ == "__main__":
    tap.main()
