"""Goal: both legs, to Azure's management side and to the relay, take the way that the user
said: through the same proxy with the same login, trusting the same certificates; what is
wrong with the way is told with the proxy's name and the place where it was set.
"""

import json
import os
import subprocess
import sys
import time

import tap
from harness import (HANG_S, PROXY, SLOW, TOOL, WRAP, EmulatorCase, Fault, SshCase, deadline, free_port, wait_for)
from namespaces import unshared
from proxy import HttpProxy
import certs

RELAY = "ns1.relay.emulated.test:443"
PASSWORD = "pa:ss@w/o%rd CANARY"
IN_URL = "pa%3Ass%40w%2Fo%25rd%20CANARY"


class Way:
    """A proxy that knows the relay's name, and programs that are told of no other way there."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.proxy_server = HttpProxy(cls.emu.log, cls.emu.threads).start()
        cls.proxy_server.routes[RELAY] = cls.emu.relay_port
        cls.management = f"127.0.0.1:{cls.emu.arm_port}"

    @classmethod
    def tearDownClass(cls):
        cls.proxy_server.stop()
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.emu.faults.clear()
        self.proxy_server.reset()
        self.url = self.proxy_server.url
        self.seen = len(self.emu.log)

    def relay_options(self, port=None):
        return ["--cloud-file", self.emu.cloud_file]

    def connects(self, **match):
        """The rows of CONNECT since the test began."""
        return [row for row in self.emu.log.find(who="proxy", what="connect", **match)
                if row in self.emu.log[self.seen:]]

    def logins(self):
        return {(row["target"], row["login"]) for row in self.connects(status=200)}

    def need_login(self):
        self.proxy_server.login = f"user:{PASSWORD}"


class Session(Way, SshCase):
    def test_ssh_goes_through_it_on_both_legs(self):
        self.need_login()
        self.env["HTTPS_PROXY"] = f"http://user:{IN_URL}@127.0.0.1:{self.proxy_server.port}"
        data = os.urandom(3_000_000)
        done = self.run_ssh("ssh", "arc", "cat", input=data)
        self.assertEqual((done.returncode, done.stdout == data), (0, True), done.stderr)
        self.assertEqual(self.logins(), {(self.management, f"user:{PASSWORD}"), (RELAY, f"user:{PASSWORD}")})
        row = self.emu.wait(HANG_S, who="proxy", what="closed", target=RELAY)
        self.assertGreater(min(row["up"], row["down"]), len(data))


class Echo(Way, EmulatorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.emu.add_machine("web01", service="echo")

    def proxied(self, url=None, **more):
        return {**self.env, "HTTPS_PROXY": url or self.url, **more}

    def echo(self, *args, target=None, **popen):
        """A session that gives back what it was sent.  Returns what was said on stderr."""
        where = [target] if target else ["-r", self.info_file("web01")]
        child = self.proxy(*args, *where, **popen)
        try:
            child.stdin.write(b"hello")
            child.stdin.flush()
            self.assertEqual(child.stdout.read(5), b"hello", child.stderr)
        finally:
            out, err = child.communicate(timeout=HANG_S)
        self.assertEqual(child.returncode, 0, err)
        return err.decode()

    def told(self, line, *words):
        for word in words:
            self.assertIn(word, line)
        self.assertNotIn("CANARY", line)
        self.assertLessEqual(len(line.splitlines()[-1]), 400)

    def relay_fails(self, status, *words, args=(), within=20, **popen):
        """The relay's leg, which fails with these words."""
        got, _, err = self.run_proxy("--log-json", *args, "-r", self.info_file("web01"), *deadline(within),
                                     input=b"x", **popen)
        self.assertEqual(got, status, err)
        message = json.loads(err.splitlines()[-1])["msg"]
        self.told(message, *words)
        return message

    def credentials(self, *args, env=None, cloud=None):
        return subprocess.run(WRAP + [TOOL, "credentials", "--cloud-file", cloud or self.emu.cloud_file, *args,
                                      self.emu.machine_id("web01")], env=env or self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=HANG_S)

    def management_works(self, *args, **run):
        done = self.credentials("--no-cache", *args, **run)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def management_fails(self, status, *words, args=(), **run):
        done = self.credentials("--no-cache", *args, **run)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.told(done.stderr, *words)
        return done.stderr

    def both_fail(self, status, *words, args=(), env=None):
        """On each leg, with the same words."""
        self.relay_fails(status, *words, args=args, env=env)
        self.management_fails(status, *words, args=args, env=env)


class Login(Echo):
    def setUp(self):
        super().setUp()
        self.need_login()

    def both_log_in(self, *args, env):
        self.echo(*args, env=env)
        tls = self.emu.count(who="management", what="tls")
        self.management_works(*args, env=env)
        self.assertEqual(self.emu.count(who="management", what="tls") - tls, 2)     # not kept with the login
        self.assertEqual(self.logins(), {(self.management, f"user:{PASSWORD}"), (RELAY, f"user:{PASSWORD}")})

    def test_of_the_url(self):
        self.both_log_in(env=self.proxied(f"http://user:{IN_URL}@127.0.0.1:{self.proxy_server.port}/"))

    def test_of_a_file(self):
        path = self.file("login", f"user:{PASSWORD}\nanother line\n")
        self.both_log_in("--proxy", self.url, "--proxy-auth-file", path, env=self.env)

    def test_of_a_file_that_a_variable_names(self):
        path = self.file("login", f"user:{PASSWORD}")
        self.both_log_in(env=self.proxied(ARC_RELAY_PROXY_AUTH_FILE=path))

    def test_a_long_one(self):
        self.proxy_server.login = "user:" + "x" * 1000
        env = self.proxied(f"http://user:{'x' * 1000}@127.0.0.1:{self.proxy_server.port}")
        self.echo(env=env)
        self.management_works(env=env)

    def test_the_companion_is_told_the_same(self):
        path = self.file("login", f"user:{PASSWORD}")
        self.echo("--proxy", self.url, "--proxy-auth-file", path, target=self.emu.machine_id("web01"))
        self.assertEqual(self.logins(), {(self.management, f"user:{PASSWORD}"), (RELAY, f"user:{PASSWORD}")})

    def test_none(self):
        self.both_fail(77, "127.0.0.1:", "(HTTPS_PROXY)", "wants a user and a password by Basic", "--proxy-auth-file",
                       "[E603]", env=self.proxied())

    def test_wrong(self):
        self.both_fail(77, "does not accept the user and password of HTTPS_PROXY", "[E603]",
                       env=self.proxied(f"http://user:CANARY2@127.0.0.1:{self.proxy_server.port}"))
        path = self.file("login", "user:CANARY3")
        self.both_fail(77, "does not accept", path, "[E603]", args=["--proxy", self.url, "--proxy-auth-file", path])
        self.assertEqual(self.connects(status=200), [])

    def test_a_wrong_one_is_tried_once(self):
        self.relay_fails(77, "[E603]", env=self.proxied(f"http://user:CANARY2@127.0.0.1:{self.proxy_server.port}"))
        self.assertEqual(len(self.connects()), 1)

    def test_no_basic(self):
        self.proxy_server.schemes = ["NTLM", "Negotiate"]
        for url in (self.url, f"http://user:{IN_URL}@127.0.0.1:{self.proxy_server.port}"):
            self.relay_fails(77, "wants a login by NTLM, Negotiate and takes no Basic", "px or cntlm", "--proxy",
                             "[E603]", env=self.proxied(url))
            self.management_fails(77, "(HTTPS_PROXY)", "NTLM", "[E603]", env=self.proxied(url))

    def test_ntlm_is_begun_on_the_management_leg(self):
        if "NTLM" not in subprocess.run([TOOL, "version"], capture_output=True, text=True).stdout and \
                "NTLM" not in subprocess.run(["curl", "-V"], capture_output=True, text=True).stdout:
            self.skipTest("this libcurl has no NTLM")
        self.proxy_server.schemes = ["NTLM"]
        self.management_fails(77, "does not accept", "it wants NTLM", "[E603]",
                              env=self.proxied(f"http://user:{IN_URL}@127.0.0.1:{self.proxy_server.port}"))
        self.assertTrue(any((row["authorization"] or "").startswith("NTLM ") for row in self.connects()))

    def test_files_that_are_refused(self):
        for name, text, mode, word in (("open", f"user:{PASSWORD}", 0o644, "chmod 600"), ("none", None, 0, "No such"),
                                       ("one", "CANARY", 0o600, "USER:PASSWORD"), ("empty", "", 0o600, "USER:PASS")):
            with self.subTest(name):
                path = os.path.join(self.home, name) if text is None else self.file(name, text, mode)
                self.both_fail(78, path, word, "[E603]", args=["--proxy", self.url, "--proxy-auth-file", path])
        self.assertEqual(self.connects(), [])

    def test_not_on_the_command_line(self):
        self.both_fail(64, "do not belong on a command line", "--proxy-auth-file",
                       args=["--proxy", f"http://user:{IN_URL}@127.0.0.1:{self.proxy_server.port}"])

    def test_it_is_nowhere_seen(self):
        url = f"http://user:{IN_URL}@127.0.0.1:{self.proxy_server.port}"
        self.emu.faults.arm.append(Fault("delay", seconds=1.0 * SLOW))
        child = self.proxy("-vv", self.emu.machine_id("web01"), env=self.proxied(url))
        lists = self.emu.count(who="arm", operation="listcredentials")
        self.emu.wait(HANG_S, who="arm", operation="listcredentials", n=lists + 1)
        helper = wait_for(lambda: children(child.pid), "no companion was started")[0]
        seen = command_line(child.pid) + command_line(helper)
        self.assertIn("credentials", seen)
        out, err = child.communicate(b"x", timeout=HANG_S)
        self.assertEqual(child.returncode, 0, err)
        self.assertIn("with a login", err.decode())
        for secret in ("CANARY", IN_URL, "dXNlcjpwYTpzc0B3L28l"):     # the beginning in base64
            self.assertNotIn(secret, seen + err.decode() + out.decode(errors="replace"))


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return file.read().split()


def command_line(pid):
    with open(f"/proc/{pid}/cmdline") as file:
        return file.read()


class Choice(Echo):
    def test_which_variable(self):
        bad = f"http://127.0.0.1:{free_port()}"
        names = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "http_proxy", "HTTP_PROXY"]
        for at, name in enumerate(names):
            with self.subTest(name):
                env = {**self.env, name: self.url, **{other: bad for other in names[at + 1:]}}
                before = len(self.connects())
                self.echo("-v", env=env)
                self.management_works(env=env)
                self.assertEqual(len(self.connects()) - before, 2)      # relay; token and listCredentials

    def test_http_proxy_reaches_the_companion(self):
        self.echo(target=self.emu.machine_id("web01"), env={**self.env, "http_proxy": self.url})
        self.assertEqual({target for target, _ in self.logins()}, {RELAY, self.management})

    def test_no_cgi(self):
        env = {**self.env, "HTTP_PROXY": self.url, "REQUEST_METHOD": "GET"}
        self.relay_fails(69, "cannot resolve ns1.relay.emulated.test", "[E601]", env=env, within=2)
        self.assertEqual(self.connects(), [])

    def test_no_proxy(self):
        for value in ("relay.emulated.test", ".Emulated.Test", "x, *", "ns1.relay.emulated.test:443"):
            with self.subTest(value):
                self.relay_fails(69, "cannot resolve ns1.relay.emulated.test", "[E601]", within=2,
                                 env=self.proxied(NO_PROXY=value))
        for value in ("127.0.0.1", "127.0.0.0/8", "*", "::1 127.0.0.1", self.management):
            with self.subTest(value):
                self.management_works(env=self.proxied(NO_PROXY=value))
                self.management_works(env=self.proxied(no_proxy=value, NO_PROXY="nothing"))
        self.assertEqual(self.connects(), [])

    def test_no_proxy_for_others(self):
        env = self.proxied(no_proxy="example.test,10.0.0.0/8,127.0.0.1:1", NO_PROXY="*")
        self.echo(env=env)
        self.management_works(env=env)
        self.assertEqual(len(self.connects()), 2)

    def test_the_option_goes_before_all(self):
        bad = f"http://127.0.0.1:{free_port()}"
        env = {**self.env, "https_proxy": bad, "NO_PROXY": "*"}
        for url in (self.url, f"127.0.0.1:{self.proxy_server.port}"):
            self.echo("--proxy", url, env=env)
            self.management_works("--proxy", url, env=env)
        self.assertEqual(len(self.connects()), 4)
        self.management_works("--proxy", "none", env=self.proxied(bad))
        self.relay_fails(69, "cannot resolve ns1", "[E601]", args=["--proxy", "none"], env=self.proxied(), within=2)
        self.assertEqual(len(self.connects()), 4)

    def test_connect_to_needs_none(self):
        self.echo("--connect-to", f"127.0.0.1:{self.emu.relay_port}", env=self.proxied(f"127.0.0.1:{free_port()}"))
        self.assertEqual(self.connects(), [])

    def test_other_kinds(self):
        for url, word in (("https://127.0.0.1:1", "TLS to the proxy"), ("socks5h://u:CANARY@127.0.0.1:1", "SOCKS"),
                          ("ftp://127.0.0.1", "only http://"), ("http://u:CANARY@h:x", "host or port"),
                          ("http://u:CANARY%@h:1", "user or password")):
            with self.subTest(url):
                self.both_fail(78, "ALL_PROXY", word, "[E604]", env={**self.env, "ALL_PROXY": url})
        self.both_fail(64, "--proxy", "SOCKS", args=["--proxy", "socks5://127.0.0.1:1080"])


class Failures(Echo):
    def test_403(self):
        self.proxy_server.refuse = 403
        self.relay_fails(77, "127.0.0.1:", "(HTTPS_PROXY)", f"refuses to connect to {RELAY} (status 403)", "NO_PROXY",
                         "[E604]", env=self.proxied())
        self.assertEqual(len(self.connects()), 1)
        self.management_fails(77, "(HTTPS_PROXY)", f"refuses to connect to {self.management} (status 403)", "[E604]",
                              env=self.proxied())

    def test_502(self):
        self.proxy_server.refuse = 502
        self.both_fail(77, "(--proxy)", "(status 502)", "[E604]", args=["--proxy", self.url])

    def test_502_once(self):
        self.proxy_server.refuse_once = 502
        self.echo(env=self.proxied())
        self.assertEqual([row["status"] for row in self.connects()], [502, 200])

    def test_nobody_there(self):
        port = free_port()
        self.both_fail(69, f"cannot connect to the proxy 127.0.0.1:{port} (https_proxy)", "Connection refused",
                       "[E602]", env={**self.env, "https_proxy": f"http://127.0.0.1:{port}"})

    def test_no_such_name(self):
        self.both_fail(69, "cannot resolve the name of the proxy proxy.invalid:3128 (all_proxy)", "[E601]",
                       env={**self.env, "all_proxy": "http://u:CANARY@proxy.invalid:3128"})

    def test_it_closes(self):
        for how in ("close", "reset"):
            with self.subTest(how):
                self.proxy_server.misbehave = how
                self.both_fail(69, "ended the connection", "(HTTPS_PROXY)", "[E604]", env=self.proxied())

    def test_it_is_silent(self):
        self.proxy_server.misbehave = "stall"
        self.relay_fails(69, "does not answer the wish to connect to ns1.relay.emulated.test", "[E604]",
                         env=self.proxied(), within=2)
        self.management_fails(69, "does not answer", self.management, "[E604]", env=self.proxied())

    def test_it_is_no_proxy(self):
        for answer in (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\0\0\r\n\r\n", b"HTTP/2 200\r\n\r\n",
                       b"x" * 70_000):
            with self.subTest(answer[:20]):
                self.proxy_server.answer = answer
                self.relay_fails(69, "is no HTTP proxy", "[E604]", env=self.proxied(), within=2)

    def test_it_is_slow(self):
        self.proxy_server.delay = 1.5
        self.echo(env=self.proxied())

    def test_answers_in_other_words(self):
        for answer in (b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\n\n", b"HTTP/1.1 200 \r\nVia: x\r\nA: b\r\n\r\n",
                       b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
                       b"HTTP/1.1 200 OK\r\n" + b"X-Long: y\r\n" * 1000 + b"\r\n"):
            for pieces in (None, 1 if len(answer) < 200 else 1000):
                with self.subTest(answer[:40], pieces=pieces):
                    self.proxy_server.answer, self.proxy_server.pieces = answer, pieces
                    self.echo(env=self.proxied())

    def test_an_end_without_an_answer(self):
        self.proxy_server.answer = b"HTTP/1.1 200 Conn"
        self.proxy_server.misbehave = "close"
        self.relay_fails(69, "ended the connection", "[E604]", env=self.proxied(), within=2)

    def test_hostile_words(self):
        self.proxy_server.login = "nobody:nothing"
        self.proxy_server.schemes = ["\x1b]0;x\x07" + "b" * 300, 'Basic realm="a, Evil"', "N\xffTLM"]
        line = self.relay_fails(77, "[E603]", env=self.proxied())
        self.assertRegex(line, r"\A[ -~]*\Z")
        self.assertNotIn("Evil", line)


class Trust(Echo):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stranger = certs.Authority(os.path.join(cls.dir, "stranger"), "stranger root")
        cls.inspector = certs.server_context(*cls.stranger.leaf(
            "inspector", "DNS:ns1.relay.emulated.test,IP:127.0.0.1"))

    def setUp(self):
        super().setUp()
        self.no_ca = self.cloud(caFile=None)

    def options(self):
        return ["--cloud-file", self.no_ca]

    def both_trust(self, *args, says=None, **variables):
        env = self.proxied(**variables)
        err = self.echo("-v", *args, env=env, options=self.options())
        err += self.management_works("-v", *args, env=env, cloud=self.no_ca)
        self.assertEqual(err.count("trusting the certificates in"), 2)
        self.assertIn(says or "trusting", err)

    def both_refuse(self, *words, status=78, args=(), **variables):
        env = self.proxied(**variables)
        self.relay_fails(status, *words, "[E605]", args=args, env=env, options=self.options())
        self.management_fails(status, *words, "[E605]", args=args, env=env, cloud=self.no_ca)

    def hashed(self, *files):
        folder = os.path.join(self.home, "hashed")
        os.mkdir(folder, 0o755)
        for file in files:
            digest = subprocess.run(["openssl", "x509", "-noout", "-hash", "-in", file], capture_output=True,
                                    text=True, check=True).stdout.strip()
            os.symlink(file, os.path.join(folder, digest + ".0"))
        return folder

    def test_tls_is_with_the_host_not_with_the_proxy(self):
        self.proxy_server.inspect = self.inspector
        sessions = self.emu.count(who="relay", what="connect")
        self.relay_fails(78, "the certificate of ns1.relay.emulated.test", "stranger root", "[E605]",
                         env=self.proxied())
        self.management_fails(78, f"the certificate of {self.management}", "[E605]", env=self.proxied())
        self.assertEqual(self.emu.count(who="relay", what="connect"), sessions)

    def test_nobody_said(self):
        self.both_refuse("the certificate of")

    def test_ca_file(self):
        self.both_trust("--ca-file", self.emu.ca_file, says=f"{self.emu.ca_file} only")
        self.both_trust("--ca-file", self.emu.ca_file, SSL_CERT_FILE="/nowhere", SSL_CERT_DIR="/nowhere")
        self.both_refuse("the certificate of", args=["--ca-file", self.stranger.cert], SSL_CERT_FILE=self.emu.ca_file)

    def test_cert_file_is_added(self):
        self.both_trust(SSL_CERT_FILE=self.emu.ca_file, says=f"and {self.emu.ca_file}")
        self.both_refuse("the certificate of", SSL_CERT_FILE=self.stranger.cert)

    def test_cert_file_and_ca_file_of_the_cloud(self):
        self.echo(env=self.proxied(SSL_CERT_FILE="/nowhere"))
        self.management_works(env=self.proxied(SSL_CERT_FILE="/nowhere"))

    def test_cert_dir(self):
        folder = self.hashed(self.emu.ca_file)
        self.both_trust(SSL_CERT_DIR=folder, says=folder)
        self.both_trust(SSL_CERT_DIR=f"/usr:{folder}")
        self.both_trust(SSL_CERT_DIR=folder, SSL_CERT_FILE=self.stranger.cert)

    def test_cert_dir_with_others(self):
        folder = self.hashed(self.stranger.cert)
        self.both_refuse("the certificate of", SSL_CERT_DIR=folder)
        self.both_trust(SSL_CERT_DIR=folder, SSL_CERT_FILE=self.emu.ca_file)

    def test_other_variables_are_not_asked(self):
        ca = self.emu.ca_file
        self.both_refuse("the certificate of", CURL_CA_BUNDLE=ca, REQUESTS_CA_BUNDLE=ca, NODE_EXTRA_CA_CERTS=ca,
                         OPENSSL_CONF=ca, AZURE_CLI_CA_BUNDLE=ca)

    def test_what_cannot_be_taken_is_told_before_a_connection(self):
        empty, writable = self.file("empty", ""), self.file("writable", open(self.emu.ca_file).read(), 0o666)
        for path, word in (("/nowhere/ca.pem", "No such file"), (self.home, "not a file"), (empty, "no certificate"),
                           (writable, "everybody can write")):
            self.both_refuse(path, word, "(SSL_CERT_FILE)", SSL_CERT_FILE=path)
            self.both_refuse(path, word, "(--ca-file", args=["--ca-file", path])
        for path, word in (("/nowhere", "No such file"), ("certs", "absolute"), (empty, "not a folder")):
            self.both_refuse(path, word, "(SSL_CERT_DIR)", SSL_CERT_DIR=path)
        self.both_refuse("ca.pem", "absolute", "(SSL_CERT_FILE)", SSL_CERT_FILE="ca.pem")
        self.assertEqual(self.connects(), [])


class Patience(Echo):
    def test_the_first_byte_may_take_long(self):
        self.need_login()
        self.emu.faults.arm.append(Fault("delay", seconds=7))
        self.management_works(env=self.proxied(f"http://user:{IN_URL}@127.0.0.1:{self.proxy_server.port}"))

    def test_an_answer_that_trickles_is_given_up(self):
        self.emu.faults.arm.append(Fault("slow", size=1, seconds=0.5))
        began = time.monotonic()
        self.management_fails(75, "the answer of", "so slowly", "[E409]")
        self.assertLess(time.monotonic() - began, HANG_S / 2)   # the body alone would take minutes


class Names(Echo):
    """A name server that says nothing: it is the name that is told of, not the connection."""

    def silent(self, *command):
        box = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dns_box.py")
        cloud = self.cloud(managementEndpoint="https://management.silent.test",
                           authority="https://login.silent.test")
        done = subprocess.run([*unshared("-n"), sys.executable, box, *WRAP, *command, "--cloud-file", cloud],
                              env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=HANG_S)
        self.assertEqual(done.returncode, 69, done.stderr)
        return done.stderr

    def test_of_the_login(self):
        self.assertRegex(self.silent(TOOL, "whoami"), r"\Aarc-relay: cannot resolve login\.silent\.test\. .*\[E601\]\n\Z")

    def test_of_the_relay(self):
        said = self.silent(PROXY, *deadline(3), "-r", self.info_file("web01"))
        self.assertIn("cannot resolve ns1.relay.emulated.test: no answer in time", said)
        self.assertIn("[E601]", said)


if __name__ == "__main__":
    tap.main()
