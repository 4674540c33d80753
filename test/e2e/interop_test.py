"""Goal: the client works with WebSocket servers and TLS front ends that nobody here wrote.

python3-websockets and node's ws, each over its own TLS and behind nginx with TLS
1.2 and 1.3: all sizes both ways, who closes and how; and ssh and scp to a real
sshd through nginx and a bridge.  A peer that is not installed is a failure.
"""

import contextlib
import hashlib
import json
import os
import queue
import re
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

import tap
from harness import (E2E, HANG_S, PROXY, WRAP, Sshd, clean_env, free_port, random_file, relay_info_text, scaled,
                     wait_for, whoami)
import certs
from interop.peer import pattern

SUFFIX = "relay.interop.test"
SIZES = (0, 1, 125, 126, 65535, 65536, 1 << 20, scaled(64 << 20, 4 << 20))
IDENTIFICATION = b"SSH-2.0-arc_relay_proxy\r\n"
PYTHON = ["/usr/bin/python3", os.path.join(E2E, "interop", "peer.py")]
NODE = ["node", os.path.join(E2E, "interop", "peer.js")]


class Peer:
    """A server in a process of its own: its port, and what it says of each session."""

    def __init__(self, command, env):
        self.child = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self._rows = {}
        self._lines = queue.Queue()
        self._lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.port = int(self._lines.get(timeout=HANG_S).split()[1])
        except (queue.Empty, IndexError):
            self.stop()
            raise AssertionError(f"{command[1]} did not start") from None

    def _read(self):
        for line in self.child.stdout:
            self._lines.put(line)
        self._lines.put("")         # it has ended

    def session(self, ident):
        """What it saw of the session of that name."""
        with self._lock:
            while ident not in self._rows:
                row = json.loads(self._lines.get(timeout=HANG_S))
                self._rows[row["id"]] = row
            return self._rows[ident]

    def stop(self):
        self.child.terminate()
        self.child.wait()
        self.child.stdout.close()


class Nginx:
    """nginx as TLS front: for each peer a port with TLS 1.2 and one with TLS 1.3 only."""

    SERVER = """
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_protocols TLSv{version};
        ssl_certificate {cert};
        ssl_certificate_key {key};
        location / {{
            proxy_pass http://127.0.0.1:{peer};
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            {upgrade}
        }}
    }}
"""
    CONFIG = """
daemon off;
{user}worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{servers}}}
"""

    UPGRADE = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'

    def __init__(self, folder, cert, key, peers, no_upgrade=()):
        os.mkdir(folder)
        self.ports = {(name, version): free_port() for name in peers for version in ("1.2", "1.3")}
        servers = "".join(self.SERVER.format(port=port, version=version, cert=cert, key=key, peer=peers[name],
                                          upgrade="" if name in no_upgrade else self.UPGRADE)
                          for (name, version), port in self.ports.items())
        config = os.path.join(folder, "nginx.conf")
        with open(config, "w") as file:
            file.write(self.CONFIG.format(folder=folder, servers=servers,
                                          user="user root;\n" if os.geteuid() == 0 else ""))
        program = shutil.which("nginx") or "/usr/sbin/nginx"    # not in everybody's path
        usage = subprocess.run([program, "-h"], capture_output=True, text=True).stderr
        early = ["-e", f"{folder}/error.log"] if "-e filename" in usage else []     # since 1.19.5
        self.child = subprocess.Popen([program, "-p", folder, "-c", config, *early], stdin=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
        wait_for(lambda: self.child.poll() is not None or os.path.exists(f"{folder}/pid"), "nginx did not start")
        if self.child.poll() is not None:
            with open(f"{folder}/error.log") as log:
                raise AssertionError(f"nginx: {log.read()}")

    def stop(self):
        self.child.terminate()
        self.child.wait()


class Interop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.addClassCleanup(cls.stack.close)
        cls.dir = tempfile.mkdtemp(prefix="interop.")
        cls.stack.callback(shutil.rmtree, cls.dir, ignore_errors=True)
        cls.env = clean_env(cls.dir)
        authority = certs.Authority(os.path.join(cls.dir, "certs"))
        cert, key = authority.leaf("relay", f"DNS:*.{SUFFIX}")
        cls.cloud_file = os.path.join(cls.dir, "cloud.json")
        with open(cls.cloud_file, "w") as file:
            json.dump({"name": "interop", "managementEndpoint": "https://127.0.0.1:1",
                       "authority": "https://127.0.0.1:1", "relaySuffix": SUFFIX, "caFile": authority.cert}, file)
        node_env = {**cls.env, "NODE_PATH": "/usr/share/nodejs:/usr/lib/nodejs"}
        peers = {}
        for name, command, env in (("python", PYTHON, cls.env), ("node", NODE, node_env)):
            peers[name] = cls.start(Peer(command, env))
            peers[name, "tls"] = cls.start(Peer([*command, "--tls", cert, key], env))
        cls.certificate, cls.python_port = (cert, key), peers["python"].port
        nginx = cls.start(Nginx(os.path.join(cls.dir, "nginx"), cert, key,
                                {"python": peers["python"].port, "node": peers["node"].port,
                                 "nobody": free_port(), "no upgrades": peers["python"].port}, ["no upgrades"]))
        # way -> (port to dial, the peer that is behind it)
        cls.ways = {f"{name} itself": (peers[name, "tls"].port, peers[name, "tls"]) for name in ("python", "node")}
        cls.ways.update({f"nginx with TLS {version} before {name}": (nginx.ports[name, version], peers[name])
                         for name in ("python", "node") for version in ("1.2", "1.3")})
        cls.nginx = nginx
        cls.number = 0

    @classmethod
    def start(cls, server):
        cls.stack.callback(server.stop)
        return server

    # --- the client ---

    def command(self, port, what):
        """(command line, name of the session)"""
        Interop.number += 1
        ident = f"s{Interop.number}"
        info = os.path.join(self.dir, ident)
        with open(info, "w") as file:
            file.write(relay_info_text({"relay": {
                "namespaceName": "ns1", "namespaceNameSuffix": SUFFIX,
                "hybridConnectionName": f"interop/{what}.{ident}", "accessKey": "SharedAccessSignature sr=x",
                "expiresOn": int(time.time()) + 3600}}))
        return [*WRAP, PROXY, "-r", info, "--cloud-file", self.cloud_file, "--deadline", "60",
                "--connect-to", f"127.0.0.1:{port}"], ident

    def proxy(self, way, what):
        port, peer = self.ways[way]
        command, ident = self.command(port, what)
        return self.popen(command), peer, ident

    def popen(self, command):
        child = subprocess.Popen(command, env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        self.addCleanup(self.forget, child)
        return child

    @staticmethod
    def forget(child):
        if child.poll() is None:
            child.kill()
        child.communicate()

    def read(self, child, size):
        """Exactly size bytes of its stdout."""
        timer = threading.Timer(5 * HANG_S, child.kill)
        timer.start()
        data = child.stdout.read(size)
        timer.cancel()
        self.assertEqual(len(data), size)
        return data

    def ended(self, child, input=None):
        """Its status, the rest of stdout, and stderr."""
        out, err = child.communicate(input, timeout=5 * HANG_S)
        # valgrind tells there of what a thread still had, too; a real leak is in the status
        return child.returncode, out, re.sub(r"(?m)^==\d+==.*\n", "", err.decode())

    def each(self, test, sizes=SIZES):
        for way in self.ways:
            for size in sizes:
                with self.subTest(way=way, size=size):
                    test(way, size)

    # --- tests ---

    def test_echo(self):
        def test(way, size):
            child, peer, ident = self.proxy(way, "echo")
            data = os.urandom(size)

            def feed():
                child.stdin.write(data)
                child.stdin.flush()
            feeder = threading.Thread(target=feed)
            feeder.start()
            back = self.read(child, size)
            feeder.join()
            self.assertEqual(sha256(back), sha256(data))
            self.assertEqual(self.ended(child), (0, b"", ""))
            self.check_session(peer, ident, data)
        self.each(test, SIZES[1:])

    def test_client_ends_at_once(self):
        """All that was said arrives before the Close."""
        def test(way, size):
            child, peer, ident = self.proxy(way, "sink")
            data = os.urandom(size)
            self.assertEqual(self.ended(child, data), (0, b"", ""))
            if size > 0:        # else ssh has left before the session was up
                self.check_session(peer, ident, data)
        self.each(test)

    def test_client_ends_later_without_a_byte(self):
        for way in self.ways:
            with self.subTest(way=way):
                child, peer, ident = self.proxy(way, "echo")
                child.stdin.write(b"x")
                child.stdin.flush()
                self.assertEqual(self.read(child, 1), b"x")     # the session is up
                self.assertEqual(self.ended(child), (0, b"", ""))
                self.check_session(peer, ident, b"x")

    def check_session(self, peer, ident, data):
        row = peer.session(ident)
        self.assertEqual((row["bytes"], row["sha256"], row["code"]), (len(data), sha256(data), 1000))

    def test_server_closes_after_data(self):
        def test(way, size):
            for message in (65536, 1000) if size == 1 << 20 else (size if size > 1 << 20 else 65536,):
                child, _, _ = self.proxy(way, f"source/{size}/{message}")
                timer = threading.Timer(5 * HANG_S, child.kill)
                timer.start()
                out = child.stdout.read()           # stdin stays open: ssh waits for us
                timer.cancel()
                status, _, err = self.ended(child)
                if size == 0:
                    self.assertEqual(status, 69)
                    self.assertIn("[E507]", err)
                    self.assertTrue(out.startswith(IDENTIFICATION), out[:80])
                else:
                    self.assertEqual((status, err), (0, ""))
                    self.assertEqual((len(out), sha256(out)), (size, sha256(pattern(size))))
        self.each(test)

    def refused(self, port, status, *words):
        command, _ = self.command(port, "echo")
        command[command.index("--deadline") + 1] = str(scaled(1, 20))
        done = subprocess.run(command, env=self.env, input=b"x", capture_output=True, timeout=HANG_S)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertTrue(done.stdout.startswith(IDENTIFICATION), done.stdout[:80])
        for word in words:
            self.assertIn(word, done.stderr.decode())
            self.assertIn(word.encode(), done.stdout)

    def test_nginx_does_not_reach_its_peer(self):
        for version in ("1.2", "1.3"):
            self.refused(self.nginx.ports["nobody", version], 75, "502 Bad Gateway", "[E506]")

    def test_nginx_does_not_pass_upgrades(self):
        for version in ("1.2", "1.3"):
            self.refused(self.nginx.ports["no upgrades", version], 76, "426 Upgrade Required", "[E608]")

    def test_connection_cut_by_nginx(self):
        """Its end without a Close: all that came is delivered, and it is told."""
        folder = tempfile.mkdtemp(dir=self.dir)
        nginx = Nginx(os.path.join(folder, "nginx"), *self.certificate, {"python": self.python_port})
        self.addCleanup(nginx.stop)
        child = self.popen(self.command(nginx.ports["python", "1.3"], "echo")[0])
        child.stdin.write(b"said")
        child.stdin.flush()
        self.assertEqual(self.read(child, 4), b"said")
        nginx.child.terminate()
        self.assertEqual(child.stdout.read(), b"")
        status, _, err = self.ended(child)
        self.assertEqual(status, 74, err)
        self.assertIn("[E512]", err)

    # --- ssh ---

    def ssh_config(self, sshd, version):
        command, _ = self.command(self.nginx.ports["python", version], f"tcp/{sshd.port}")
        path = os.path.join(self.dir, "config")
        lines = {"HostName": "interop", "User": whoami(), "ProxyCommand": " ".join(command),
                 "IdentityFile": sshd.path("user_key"), "IdentitiesOnly": "yes",
                 "UserKnownHostsFile": os.path.join(self.dir, "known_hosts"),
                 "StrictHostKeyChecking": "accept-new", "BatchMode": "yes", "LogLevel": "ERROR"}
        with open(path, "w") as file:
            file.write("Host interop\n" + "".join(f"    {k} {v}\n" for k, v in lines.items()))
        return path

    def test_ssh_and_scp_through_nginx(self):
        sshd = Sshd(os.path.join(self.dir, "sshd"))
        self.addCleanup(sshd.stop)
        source, there, back = (os.path.join(self.dir, name) for name in ("source", "there", "back"))
        random_file(source, scaled(8 << 20, 1 << 20))
        for version in ("1.2", "1.3"):
            with self.subTest(version=version):
                config = self.ssh_config(sshd, version)

                def run(*command, **more):
                    return subprocess.run([command[0], "-F", config, *command[1:]], env=self.env, capture_output=True,
                                          timeout=10 * HANG_S, **more)
                done = run("ssh", "-T", "interop", "cat; printf err >&2; exit 7", input=b"said")
                self.assertEqual((done.stdout, done.stderr, done.returncode), (b"said", b"err", 7))
                for pair in ((source, f"interop:{there}"), (f"interop:{there}", back)):
                    done = run("scp", "-q", *pair, stdin=subprocess.DEVNULL)
                    self.assertEqual((done.returncode, done.stderr), (0, b""))
                self.assertEqual(file_sha256(source), file_sha256(there))
                self.assertEqual(file_sha256(source), file_sha256(back))
                os.unlink(there)
                os.unlink(back)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def file_sha256(path):
    with open(path, "rb") as file:
        return sha256(file.read())


if __name__ == "__main__":
    tap.main()
