"""Goal: a person logs in once, with or without a browser here, and it lasts; what goes wrong is said in a
sentence and harms no former login; nobody else learns a secret or slips one in.
"""

import base64
import http.client
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import time
import unittest
import urllib.parse

import tap
from harness import HANG_S, MODE, TOOL, TOP, WRAP, Fault, wait_for
from login_case import CODE, URL, LoginCase, Running
from namespaces import unshared

import certs        # of the emulator: harness has put it on the path

ALICE, BOB = "alice@emulated.test", "bob@emulated.test"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
AZ_CLIENT = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
CLAIMS = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'


class DeviceCode(LoginCase):
    def test_what_is_said_asked_and_kept(self):
        err = self.logged_in(ALICE)
        self.assertIn("https://microsoft.com/devicelogin", err)
        self.assertIn(f"logged in as {ALICE}, tenant {self.emu.entra.tenant}, cloud emulated\n", err)
        asked = self.emu.log.find(who="entra", what="devicecode")[-1]
        self.assertIn("/organizations/", asked["path"])
        self.assertEqual(asked["form"], {"client_id": AZ_CLIENT, "scope":
                                         self.emu.management + "/.default offline_access openid profile"})
        self.assertEqual(self.account(), {
            "slot": 0, "kind": "user", "name": ALICE, "tenant": self.emu.entra.tenant, "client": AZ_CLIENT,
            "cloud": "emulated", "authority": self.emu.authority})
        self.assertNotIn(self.kept_secret(), json.dumps(self.account()))
        self.works()
        self.assertEqual(self.tokens()[-1]["form"]["grant_type"], "refresh_token")

    def test_tenant_client_and_claims(self):
        client = "11111111-2222-3333-4444-555555555555"
        self.emu.entra.add_public_client(client)
        self.logged_in(ALICE, "--tenant", self.emu.entra.tenant, "--client-id", client, "--claims", CLAIMS)
        asked = self.emu.log.find(who="entra", what="devicecode")[-1]
        self.assertIn(f"/{self.emu.entra.tenant}/", asked["path"])
        for form in (asked["form"], self.tokens(grant_type=DEVICE_GRANT)[-1]["form"]):
            self.assertEqual((form["client_id"], form["claims"]), (client, CLAIMS))
        self.works()
        self.assertEqual(self.tokens()[-1]["form"]["client_id"], client)
        self.assertNotIn("claims", self.tokens()[-1]["form"])

    def test_pending_and_slow_down(self):
        running = self.start("login", "--device-code", "-v")
        code = running.says(CODE)[1]
        before = len(self.tokens(grant_type=DEVICE_GRANT))
        self.emu.wait(HANG_S, who="entra", what="token", error="authorization_pending", n=before + 2)
        self.emu.faults.entra.append(Fault("status", code=400, error="slow_down"))
        running.says("asking every 5 s from now on: slow_down")
        self.emu.entra.approve(code, ALICE)
        self.assertEqual(running.end()[0], 0)
        slow, last = [row["t"] for row in self.tokens(grant_type=DEVICE_GRANT)][-2:]
        self.assertGreater(last - slow, 4.9)

    def refused(self, status, error, says, decide):
        running = self.start("login", "--device-code")
        decide(running.says(CODE)[1])
        got, out, err = running.end()
        self.assertEqual((got, out), (status, ""), err)
        self.check_line(err, error, says)
        self.assertIsNone(self.account())
        self.assertEqual(self.kept_secrets(), {})

    def test_declined(self):
        self.refused(77, "E304", "the sign-in was declined. fix: arc-relay login", self.emu.entra.deny)

    def test_expired(self):
        self.refused(67, "E303", "the code expired", self.emu.entra.expire)

    def test_blocked_by_policy(self):
        def block(code):
            self.emu.faults.entra.append(Fault("status", code=400, error="invalid_grant", number=53003,
                                               message="Access has been blocked by Conditional Access policies."))
        self.refused(77, "E304", "arc-relay login --browser", block)

    def test_nobody_comes(self):
        self.bad(67, "E303", "login", "--device-code", "--timeout", "2", says="nobody signed in within 2 s")
        self.assertIsNone(self.account())

    def test_a_tenant_or_client_that_is_none(self):
        self.bad(67, "E307", "login", "--device-code", "--tenant", "nowhere.test", says="AADSTS90002")
        self.bad(67, "E307", "login", "--device-code", "--client-id", "1-2", says="AADSTS700016")

    def test_throttled(self):
        self.emu.faults.entra.append(Fault("status", code=429, headers=[("Retry-After", "1")]))
        running = self.start("login", "--device-code", "-v")
        code = running.says(CODE)[1]
        self.emu.entra.approve(code, ALICE)
        self.emu.faults.entra.append(Fault("status", code=429, headers=[("Retry-After", "3600")]))
        running.says("asking every 5 s from now on")    # a code is not thrown away for that
        self.assertEqual(running.end()[0], 0)

    def test_throttled_for_long(self):
        self.emu.faults.entra.append(Fault("status", code=429, headers=[("Retry-After", "3600")]))
        self.bad(75, "E408", "login", "--device-code", says="throttles")

    def test_answers_that_are_none(self):
        for body, error in [("<html>sign in</html>", "E412"), ("{}", "E412"), ("[]", "E412"),
                            ('{"device_code":"","user_code":"a","verification_uri":"b"}', "E412"),
                            ('{"device_code":"CANARY","user_code":7,"verification_uri":"b"}', "E412")]:
            with self.subTest(body=body):
                self.emu.faults.entra.append(Fault("status", code=200, body=body.encode()))
                line = self.bad(76, error, "login", "--device-code")
                self.assertNotIn("CANARY", line)

    def test_no_refresh_token(self):
        def without(document):
            return {key: value for key, value in document.items() if key != "refresh_token"}
        self.emu.faults.entra.extend([Fault("edit", script=without)] * 20)
        status, out, err = self.device_login(ALICE)
        self.assertEqual((status, out), (76, ""), err)
        self.check_line(err, "E412", "no refresh_token")
        self.assertIsNone(self.account())

    def test_an_escape_in_the_message(self):
        def hostile(document):
            return {**document, "verification_uri": "https://evil.test/\x1b[2J"}
        self.emu.faults.entra.append(Fault("edit", script=hostile))
        running = self.start("login", "--device-code", "--timeout", "1")
        self.assertNotIn("\x1b", running.end()[2])

    def test_interrupted(self):
        running = self.start("login", "--device-code")
        running.says(CODE)
        running.child.send_signal(signal.SIGINT)
        status, out, err = running.end()
        self.assertEqual((status, out), (-signal.SIGINT, ""))
        self.assertNotIn("arc-relay:", err)
        self.assertIsNone(self.account())


class Browser(LoginCase):
    """The browser is a program of this test, or the test itself."""

    def setUp(self):
        super().setUp()
        self.bin = os.path.join(self.home, "bin")
        os.mkdir(self.bin)
        self.browser_log, self.seen = os.path.join(self.home, "browser.log"), 0
        self.env["PATH"] = self.bin + ":" + self.env["PATH"]
        self.env["BROWSER"] = self.program("idle-browser", "pass")

    def program(self, name, script):
        """A program on PATH that appends its arguments to a log and then does that."""
        path = os.path.join(self.bin, name)
        with open(path, "w") as file:
            file.write(f"#!/usr/bin/python3\nimport json, os, sys\nsys.path.insert(0, {TOP + '/test/emulator'!r})\n"
                       f"with open({self.browser_log!r}, 'a') as log:\n"
                       f"    log.write(json.dumps([sys.argv, sorted(os.environ)]) + '\\n')\n{script}\n")
        os.chmod(path, 0o755)
        return name

    def real_browser(self, name="real-browser"):
        return self.program(name, "import browser\nprint(*browser.browse(sys.argv[-1], "
                                  f"{self.emu.ca_file!r}), file=open({self.browser_log + '.page'!r}, 'w'))")

    def begin(self, *args, **more):
        """Starts a login; (running, address of Entra's page)."""
        running = self.start("login", "--browser", *args, **more)
        return running, running.says(URL)[0]

    def port_of(self, url):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
        return urllib.parse.urlsplit(query["redirect_uri"][0]).port

    def state_of(self, url):
        return urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["state"][0]

    def visit(self, port, target, host="127.0.0.1", method="GET"):
        """(status, headers, page)"""
        conn = http.client.HTTPConnection(host, port, timeout=HANG_S)
        conn.request(method, target)
        answer = conn.getresponse()
        page = answer.read().decode()
        conn.close()
        return answer.status, answer.headers, page

    def finish(self, running, url):
        """The person signs in after all."""
        status, page = self.emu.browse(url)
        self.assertEqual(status, 200)
        self.assertIn("You can close this window", page)
        status, out, err = running.end()
        self.assertEqual((status, out), (0, ""), err)
        self.assertEqual(self.account()["name"], self.emu.entra.browser_user)
        return err

    def opened(self):
        """(argv, names in the environment) of what was started since the last time, waiting for it."""
        def lines():
            if not os.path.exists(self.browser_log):
                return []
            with open(self.browser_log) as log:
                return [line for line in log if line.endswith("\n")][self.seen:]
        line = wait_for(lines, "no browser was started")[0]
        self.seen += 1
        return json.loads(line)

    # --- the way it goes ---

    def test_signing_in(self):
        running = self.start("login", "--browser", "--tenant", self.emu.entra.tenant, "--claims", CLAIMS,
                             env={"BROWSER": self.real_browser(), "AZURE_CLIENT_SECRET": "CANARY"})
        status, out, err = running.end()
        self.assertEqual((status, out), (0, ""), err)
        self.assertIn("logged in as jane.doe@emulated.test", err)
        argv, names = self.opened()
        self.assertEqual(argv[1:], [URL.search(err)[0]])
        self.assertNotIn("AZURE_CLIENT_SECRET", names)
        query = self.emu.log.find(who="entra", what="authorize")[-1]["query"]
        self.assertEqual((query["response_type"], query["code_challenge_method"], query["client_id"],
                          query["claims"], query["prompt"]), ("code", "S256", AZ_CLIENT, CLAIMS, "select_account"))
        form = self.tokens(grant_type="authorization_code")[-1]["form"]
        self.assertEqual((form["redirect_uri"], form["claims"]), (query["redirect_uri"], CLAIMS))
        self.assertRegex(form["code_verifier"], r"\A[A-Za-z0-9_-]{43}\Z")
        for secret in (form["code"], form["code_verifier"], self.kept_secret()):
            self.assertNotIn(secret, err)
        self.works()

    def test_arguments_of_the_browser(self):
        for value, want in [("my-browser --new %s --last", ["--new", None, "--last"]),
                            ("my-browser  -x\t", ["-x", None]), ("my-browser --url=%s", ["--url=" + "{}"])]:
            with self.subTest(value=value):
                self.program("my-browser", "pass")
                running, url = self.begin(env={"BROWSER": value})
                self.finish(running, url)
                self.assertEqual(self.opened()[0][1:], [url if word is None else word.format(url) for word in want])

    def test_xdg_open(self):
        self.program("xdg-open", "pass")
        for value in ("", "/nonexistent/browser"):
            with self.subTest(value=value):
                running, url = self.begin(env={"BROWSER": value})
                self.finish(running, url)
                self.assertEqual(self.opened()[0][1:], [url])

    def test_no_browser_at_all(self):
        env = {**self.env, "BROWSER": "/nonexistent", "PATH": self.bin}
        running = Running(self.command("login", "--browser"), env, executable=shutil.which(WRAP[0]) if WRAP else TOOL)
        running.says("No browser was found")
        self.finish(running, running.says(URL)[0])

    def test_a_browser_that_fails(self):
        running, url = self.begin(env={"BROWSER": self.program("sick-browser", "sys.exit(3)")})
        running.says("The browser did not open")
        self.finish(running, url)

    def test_over_ipv6_too(self):
        running, url = self.begin()
        if not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"):
            self.finish(running, url)
            return
        self.assertEqual(self.visit(self.port_of(url), "/favicon.ico", "::1")[0], 404)
        self.finish(running, url)

    def test_only_loopback(self):
        running, url = self.begin()
        with open("/proc/net/tcp") as file:
            rows = [line.split() for line in file]
        where = [row[1] for row in rows if row[1].endswith(f":{self.port_of(url):04X}") and row[3] == "0A"]
        self.assertEqual(where, [f"0100007F:{self.port_of(url):04X}"])
        self.finish(running, url)

    # --- what else may come to that port ---

    def test_another_state(self):
        running, url = self.begin("-v")
        state = self.state_of(url)
        for query in (f"code=CANARY&state={state[:-1]}", f"code=CANARY&state={state}x", "code=CANARY",
                      "code=CANARY&state=", f"code=CANARY&state={state}&state={state}",
                      "error=access_denied&state=x", f"state={state}"):
            with self.subTest(query=query):
                status, headers, page = self.visit(self.port_of(url), "/?" + query)
                self.assertEqual(status, 400)
                self.assertNotIn("CANARY", page)
                self.assertEqual(headers["Content-Security-Policy"], "default-src 'none'")
        before = len(self.tokens())
        err = self.finish(running, url)
        self.assertEqual(len(self.tokens()), before + 1)
        self.assertIn("a visitor without our state is refused", err)
        self.assertNotIn("CANARY", err)

    def test_other_requests(self):
        running, url = self.begin()
        port, state = self.port_of(url), self.state_of(url)
        for method, target, want in [("GET", "/favicon.ico", 404), ("GET", "/", 400),
                                     ("GET", f"/callback?code=a&state={state}", 404),
                                     ("POST", f"/?code=a&state={state}", 400),
                                     ("HEAD", f"/?code=a&state={state}", 400),
                                     ("GET", "/?" + "a" * 8100, 400), ("GET", "/?" + "a" * 9000, 414)]:
            with self.subTest(method=method, target=target[:40]):
                self.assertEqual(self.visit(port, target, method=method)[0], want)
        self.finish(running, url)

    def test_garbage(self):
        running, url = self.begin()
        for data in (b"", b"\n", b"\0\0\0\n", b"SSH-2.0-x\r\n", b"GET\r\n\r\n", b"\x16\x03\x01" + b"x" * 600,
                     b"x" * 100000):
            with self.subTest(data=data[:20]), socket.create_connection(("127.0.0.1", self.port_of(url))) as conn:
                try:
                    conn.sendall(data)
                    conn.shutdown(socket.SHUT_WR)
                    while conn.recv(65536):
                        pass
                except OSError:
                    pass
        self.finish(running, url)

    def test_connections_that_say_nothing(self):
        """As browsers open them in advance: they do not keep the answer out."""
        running, url = self.begin()
        idle = [socket.create_connection(("127.0.0.1", self.port_of(url))) for _ in range(20)]
        half = socket.create_connection(("127.0.0.1", self.port_of(url)))
        half.sendall(b"GET /?code=x")
        self.finish(running, url)
        for conn in [*idle, half]:
            conn.close()

    def test_in_pieces(self):
        running, url = self.begin()
        conn = socket.create_connection(("127.0.0.1", self.port_of(url)))
        for byte in f"GET /?error=access_denied&state={self.state_of(url)} HTTP/1.1\r\nHost: localhost\r\n\r\n":
            conn.sendall(byte.encode())
        self.assertIn(b"You are not signed in", conn.recv(65536))
        conn.close()
        status, _, err = running.end()
        self.assertEqual(status, 77)
        self.check_line(err, "E304", "access_denied")

    def test_a_second_answer(self):
        running, url = self.begin()
        port = self.port_of(url)
        first = socket.create_connection(("127.0.0.1", port))       # stays, so that the port does
        second = socket.create_connection(("127.0.0.1", port))
        before = len(self.tokens())
        first.sendall(f"GET /?code=first&state={self.state_of(url)} HTTP/1.1\r\n\r\n".encode())
        second.sendall(f"GET /?code=second&state={self.state_of(url)} HTTP/1.1\r\n\r\n".encode())
        answers = sorted(conn.makefile("rb").readline() for conn in (first, second))
        self.assertEqual(answers, [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 410 Gone\r\n"])
        first.close()
        second.close()
        status, _, err = running.end()
        self.assertEqual(status, 67, err)           # the emulator does not know that code
        self.assertEqual(len(self.tokens()), before + 1)
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.1", port))

    # --- what is not granted ---

    def test_no_consent(self):
        self.emu.entra.consent = False
        running, url = self.begin()
        self.assertIn("You are not signed in", self.emu.browse(url)[1])
        status, out, err = running.end()
        self.assertEqual((status, out), (77, ""))
        self.check_line(err, "E304", "the sign-in was refused: AADSTS65004")
        self.assertIsNone(self.account())

    def test_nobody_comes(self):
        self.bad(67, "E303", "login", "--browser", "--timeout", "1", says="nobody signed in within 1 s")

    def test_a_code_that_entra_does_not_take(self):
        self.logged_in(ALICE)
        self.emu.faults.entra.append("ok")          # the page
        self.emu.faults.entra.append(Fault("status", code=400, error="invalid_grant", number=70008,
                                           message="The code has expired."))
        running, url = self.begin()
        self.emu.browse(url)
        status, _, err = running.end()
        self.assertEqual(status, 67)
        self.check_line(err, "E303", "AADSTS70008")
        self.assertEqual(self.account()["name"], ALICE)


class Choice(Browser):
    """Which way without being told.  Inherits the tools, not the tests."""

    def at_terminal(self, **env):
        return self.start("login", terminal=True, env={"BROWSER": "idle-browser", **env})

    def is_device_code(self, running):
        self.emu.entra.approve(running.says(CODE)[1], ALICE)
        status, _, err = running.end()
        self.assertEqual(status, 0, err)
        self.assertIn(f"logged in as {ALICE}", err)
        return err

    def test_a_desktop(self):
        for name in ("DISPLAY", "WAYLAND_DISPLAY"):
            running = self.at_terminal(**{name: ":0"})
            url = running.says(URL)[0]
            self.assertEqual(self.emu.browse(url)[0], 200)
            self.assertEqual(running.end()[0], 0)

    def test_no_desktop(self):
        self.is_device_code(self.at_terminal())

    def test_over_ssh(self):
        for name in ("SSH_CONNECTION", "SSH_TTY"):
            self.is_device_code(self.at_terminal(DISPLAY=":0", **{name: "x"}))

    def test_a_desktop_without_browser(self):
        self.is_device_code(self.at_terminal(DISPLAY=":0", BROWSER="/nonexistent"))

    def test_progress_on_a_terminal(self):
        running = self.at_terminal()
        running.says(r"\rwaiting for the sign-in, \d+ s left ")
        self.assertIn("\r" + 40 * " " + "\rlogged in as", self.is_device_code(running))

    def test_no_terminal(self):
        self.bad(64, "", "login", says="arc-relay login --device-code", env={"DISPLAY": ":0"})

    def test_bad_usage(self):
        for args in (["--device-code", "--browser"], ["--service-principal", "--browser"], ["x"],
                     ["--tenant", "a/b"], ["--tenant", ""], ["--client-id", "a b"], ["--client-id", "1" * 40],
                     ["--service-principal"], ["--service-principal", "--tenant", "t"],
                     ["--certificate", "x"], ["--claims", "x!"], ["--claims", "{"], ["--timeout", "0"],
                     ["--timeout", "1h"], ["--secret", "x"]):
            with self.subTest(args=args):
                self.bad(64, "", "login", *args)
        self.assertFalse(os.path.exists(self.state))


for name in [name for name in dir(Browser) if name.startswith("test_") and name not in vars(Choice)]:
    setattr(Choice, name, None)


class Kept(LoginCase):
    def test_a_second_login_replaces(self):
        self.logged_in(ALICE)
        first = self.kept_secret()
        self.logged_in(BOB)
        self.assertEqual(self.account()["name"], BOB)
        self.assertNotEqual(self.kept_secret(), first)
        self.works()

    def test_a_failed_one_does_not(self):
        self.logged_in(ALICE)
        before = self.account(), self.kept_secrets()
        self.bad(67, "E303", "login", "--device-code", "--timeout", "1")
        self.emu.faults.entra.append(Fault("status", code=500))
        self.assertEqual((self.account(), self.kept_secrets()), before)
        self.works()

    def test_whatever_the_umask(self):
        for mask in (0, 0o022, 0o077, 0o777):
            with self.subTest(mask=oct(mask)):
                before = os.umask(mask)
                try:
                    running = self.start("login", "--device-code")
                finally:
                    os.umask(before)
                self.emu.entra.approve(running.says(CODE)[1], ALICE)
                self.assertEqual(running.end()[0], 0)
                self.kept_secret()

    def cannot_be_kept(self, **env):
        """A login that ends with a sentence before anybody signs in, and changes nothing."""
        before = len(self.emu.log.find(who="entra"))
        said = self.bad(73, "", "login", "--device-code", says="the login cannot be kept", env=env)
        self.assertEqual(len(self.emu.log.find(who="entra")), before)
        return said

    def test_a_folder_that_others_can_write(self):
        self.logged_in(ALICE)
        os.chmod(self.state, 0o770)
        self.assertIn("0700", self.cannot_be_kept())
        self.assertEqual(self.credentials().returncode, 67)
        os.chmod(self.state, 0o700)
        self.assertEqual(self.account()["name"], ALICE)
        self.works()

    def test_a_folder_that_is_a_link(self):
        self.logged_in(ALICE)
        os.rename(self.state, self.state + ".real")
        os.symlink(self.state + ".real", self.state)
        self.cannot_be_kept()
        os.unlink(self.state)
        os.rename(self.state + ".real", self.state)
        self.assertEqual(self.account()["name"], ALICE)

    @unittest.skipIf(os.geteuid() != 0, "only root can give a folder away")
    def test_a_folder_of_somebody_else(self):
        self.logged_in(ALICE)
        os.chown(self.state, 12345, 12345)
        self.cannot_be_kept()
        os.chown(self.state, 0, 0)
        self.assertEqual(self.account()["name"], ALICE)

    def test_a_place_that_takes_nothing(self):
        self.cannot_be_kept(XDG_STATE_HOME="/proc")
        self.assertIn("HOME", self.cannot_be_kept(XDG_STATE_HOME="", HOME=""))

    def test_a_place_that_can_only_be_read(self):
        """As in a container: the login there is good, and nothing is lost."""
        self.logged_in(ALICE)
        before = self.account(), self.kept_secrets()
        box = [*unshared(), "sh", "-c", 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"',
               "sh", self.state]
        for command, status, says in [
                (self.command("credentials", "--no-cache", "-v", self.emu.machine_id("web01")), 0, "is not kept"),
                (self.command("logout"), 73, "cannot write account.json of the login: Read-only")]:
            done = subprocess.run(box + command, env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=HANG_S)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertIn(says, done.stderr)
        running = Running(box + self.command("login", "--device-code"), self.env)
        self.emu.entra.approve(running.says(CODE)[1], BOB)
        status, _, err = running.end()
        self.assertEqual(status, 73, err)
        self.check_line(err, "", "of the login: Read-only")
        self.assertEqual((self.account(), self.kept_secrets()), before)
        self.works()

    def test_files_of_others(self):
        self.logged_in(ALICE)
        for name in ("account.json", "login.0"):
            with self.subTest(name=name):
                path = os.path.join(self.state, name)
                os.chmod(path, 0o644)
                self.assertEqual(self.credentials().returncode, 67)
                os.chmod(path, 0o600)
                self.works()

    def test_another_cloud(self):
        self.logged_in(ALICE)
        with open(self.emu.cloud_file) as file:
            cloud = json.load(file)
        before = len(self.tokens())
        for change in ({"name": "other"}, {"authority": self.emu.authority + "/x"}):
            path = os.path.join(self.home, "cloud.json")
            with open(path, "w") as file:
                json.dump({**cloud, **change}, file)
            done = subprocess.run(WRAP + [TOOL, "credentials", "--cloud-file", path, "-v", "--credential", "login",
                                          self.emu.machine_id("web01")], env=self.env, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=HANG_S)
            self.assertEqual(done.returncode, 67)
            self.assertIn(f"the login of {ALICE} is for emulated", done.stderr)
        self.assertEqual(len(self.tokens()), before)        # no other host is given it


class Refresh(LoginCase):
    def setUp(self):
        super().setUp()
        self.logged_in(ALICE)

    def test_the_newest_is_kept(self):
        first = self.kept_secret()
        self.works()
        second = self.kept_secret()
        self.assertNotEqual(first, second)
        self.works()
        sent = [row["form"]["refresh_token"] for row in self.tokens(grant_type="refresh_token")[-2:]]
        self.assertEqual(sent, [first, second])

    def test_many_at_a_time(self):
        self.emu.entra.strict_rotation = True
        count = 5 if MODE == "valgrind" else 20
        command = self.command("credentials", "--no-cache", self.emu.machine_id("web01"))
        children = [subprocess.Popen(command, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, text=True) for _ in range(count)]
        errors = [child.communicate(timeout=HANG_S)[1] for child in children]
        self.assertEqual([child.returncode for child in children], [0] * count, errors)
        self.works()

    def test_used_up_by_a_process_that_was_killed(self):
        """Its successor is lost with it where Entra is strict: said so, not repeated."""
        self.emu.entra.strict_rotation = True
        token = self.kept_secret()
        self.works()
        path = os.path.join(self.state, next(iter(self.kept_secrets())))
        with open(path, "w") as file:
            file.write(token)
        before = len(self.tokens())
        done = self.credentials()
        self.assertEqual(done.returncode, 67)
        self.check_line(done.stderr, "E303", "arc-relay login --tenant")
        self.assertEqual(len(self.tokens()), before + 1)

    def test_revoked(self):
        self.emu.entra.revoke_user(ALICE)
        done = self.credentials()
        self.assertEqual((done.returncode, done.stdout), (67, ""))
        self.check_line(done.stderr, "E303", f"fix: arc-relay login --tenant {self.emu.entra.tenant} [")
        self.logged_in(ALICE, "--tenant", self.emu.entra.tenant)
        self.works()

    def test_mfa(self):
        """The command that the error shows, typed as it stands, helps."""
        self.emu.entra.demand_mfa(ALICE)
        done = self.credentials()
        self.assertEqual((done.returncode, done.stdout), (77, ""))
        line = self.check_line(done.stderr, "E304", "AADSTS50076")
        fix = line.partition(". fix: arc-relay login ")[2].rpartition(" [")[0]
        parsed = subprocess.run(["sh", "-c", f"printf '%s\\n' {fix}"], capture_output=True, text=True, check=True)
        args = parsed.stdout.splitlines()
        self.assertEqual((args[0], args[1], args[2]), ("--tenant", self.emu.entra.tenant, "--claims"))
        self.logged_in(ALICE, *args)
        self.assertEqual(self.tokens(grant_type=DEVICE_GRANT)[-1]["form"]["claims"],
                         base64.b64decode(args[3]).decode())
        self.works()

    def test_claims_that_do_not_fit(self):
        def refuse(document):
            return {**document, "claims": json.dumps({"a": "x" * 300})}
        self.emu.faults.entra.append([Fault("status", code=400, error="interaction_required", message="No."),
                                      Fault("edit", script=refuse)])
        done = self.credentials()
        self.assertEqual(done.returncode, 77)
        self.check_line(done.stderr, "E304", f"fix: arc-relay login --tenant {self.emu.entra.tenant} [")

    def test_claims_that_do_not_fit_beside_a_long_tenant(self):
        """Half a command is none."""
        tenant = "t" * 62 + ".onmicrosoft.test"

        def refuse(document):
            return {**document, "claims": json.dumps({"a": "x" * 100})}
        self.emu.faults.entra.append([Fault("status", code=400, error="interaction_required", message="No."),
                                      Fault("edit", script=refuse)])
        self.bad(77, "E304", "whoami", "--no-cache", "--tenant", tenant, says=f"fix: arc-relay login --tenant {tenant} [")

    def test_a_token_that_cannot_be_kept(self):
        """Still good for this once; said with -v."""
        (name,) = self.kept_secrets()
        self.emu.faults.entra.append(Fault("delay", seconds=1))
        running = self.start("credentials", "--no-cache", "-v", self.emu.machine_id("web01"))
        self.emu.wait(HANG_S, who="entra", what="token", n=len(self.tokens()) + 1)
        path = os.path.join(self.state, name)
        os.rename(path, path + ".old")
        os.mkdir(path)
        status, _, err = running.end()
        self.assertEqual(status, 0, err)
        self.assertIn("the new refresh token is not kept", err)


class Principal(LoginCase):
    def log_in(self, *args, input=None, **more):
        return self.run_tool("login", "--service-principal", "--tenant", self.emu.entra.tenant, "--client-id",
                             self.emu.entra.client, *args,
                             input=self.emu.entra.secret + "\n" if input is None else input, **more)

    def test_a_secret_on_standard_input(self):
        for end in ("", "\n", "\r\n", "\nmore"):
            with self.subTest(end=end):
                done = self.log_in(input=self.emu.entra.secret + end)
                self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
                self.assertIn(f"logged in as {self.emu.entra.client}", done.stderr)
                self.assertEqual(self.kept_secret(), self.emu.entra.secret)
        self.assertEqual(self.account()["kind"], "service-principal")
        self.works()
        self.assertEqual(self.tokens()[-1]["form"]["grant_type"], "client_credentials")

    def test_a_secret_typed(self):
        running = self.start("login", "--service-principal", "--tenant", self.emu.entra.tenant, "--client-id",
                             self.emu.entra.client, terminal=True)
        running.says("Client secret: ")
        running.type(self.emu.entra.secret + "\n")
        status, out, err = running.end()
        self.assertEqual((status, out), (0, ""), err)
        self.assertNotIn(self.emu.entra.secret, err)
        self.works()

    def test_interrupted_while_typing(self):
        """The terminal echoes again afterwards."""
        running = self.start("login", "--service-principal", "--tenant", "t", "--client-id", "c", terminal=True)
        running.says("Client secret: ")
        self.assertFalse(running.echoes())
        running.child.send_signal(signal.SIGTERM)
        wait_for(running.echoes, "it does not echo")
        self.assertEqual(running.end()[0], -signal.SIGTERM)
        self.assertIsNone(self.account())

    def certificate(self, name="app"):
        """A PEM file with certificate and key; the certificate alone."""
        cert, key = certs.application(self.home, name)
        path = os.path.join(self.home, name + "-both.pem")
        with open(path, "w") as file:
            for part in (cert, key):
                with open(part) as source:
                    file.write(source.read())
        os.chmod(path, 0o600)
        return path, cert

    def test_a_certificate(self):
        path, cert = self.certificate()
        self.emu.entra.add_certificate(cert)
        where = os.getcwd()
        os.chdir(self.home)
        try:
            done = self.log_in("--certificate", os.path.basename(path), input="")
        finally:
            os.chdir(where)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        self.assertEqual((self.account()["certificate"], self.kept_secrets()), (os.path.realpath(path), {}))
        self.works()
        self.assertIn("client_assertion", self.tokens()[-1]["form"])
        os.unlink(path)
        done = self.credentials()
        self.assertNotEqual(done.returncode, 0)
        self.check_line(done.stderr, "", path)

    def test_a_certificate_that_does_not_do(self):
        self.logged_in(ALICE)
        path, cert = self.certificate("stranger")
        for file, status, error in [(path, 67, "E306"), (cert, 67, "E306"), ("/nowhere.pem", 66, "")]:
            with self.subTest(file=file):
                done = self.log_in("--certificate", file, input="")
                self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
                self.check_line(done.stderr, error)
        self.assertEqual(self.account()["name"], ALICE)

    def test_a_wrong_secret(self):
        self.logged_in(ALICE)
        for input, status, error in [("wrong\n", 67, "E305"), ("", 66, ""), ("\n", 66, ""), ("x" * 5000, 66, "")]:
            done = self.log_in(input=input)
            self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
            self.check_line(done.stderr, error)
        self.assertEqual(self.account()["name"], ALICE)

    def test_a_secret_that_was_changed(self):
        self.log_in()
        secret, self.emu.entra.secret = self.emu.entra.secret, "another"
        try:
            done = self.credentials()
        finally:
            self.emu.entra.secret = secret
        self.assertEqual(done.returncode, 67)
        self.check_line(done.stderr, "E305")


class Logout(LoginCase):
    def test_forgets(self):
        self.logged_in(ALICE)
        done = self.good("logout")
        self.assertEqual((done.stdout, done.stderr),
                         (f"logged out: {ALICE}, tenant {self.emu.entra.tenant}\n", ""))
        self.assertEqual((self.account(), self.kept_secrets()), (None, {}))
        self.assertEqual(self.credentials().returncode, 67)
        self.assertEqual(self.good("logout").stdout, "nobody was logged in\n")

    def test_what_is_damaged(self):
        self.logged_in(ALICE)
        with open(os.path.join(self.state, "account.json"), "w") as file:
            file.write("{")
        self.assertEqual(self.credentials().returncode, 67)
        self.good("logout")
        self.assertEqual((self.account(), self.kept_secrets()), (None, {}))

    def test_bad_usage(self):
        self.bad(64, "", "logout", "x")
        self.bad(64, "", "logout", "--nonsense")

    def test_a_folder_that_is_not_trusted(self):
        self.logged_in(ALICE)
        os.chmod(self.state, 0o777)
        self.bad(73, "", "logout", says="0700")


class Secrecy(LoginCase):
    def test_nothing_is_told(self):
        """Nor stands in an argument of ours, or of the browser."""
        seen = ""
        argv = os.path.join(self.home, "argv")
        browser = os.path.join(self.home, "browser")
        with open(browser, "w") as file:
            file.write(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >> {argv}\nenv >> {argv}\n")
        os.chmod(browser, 0o755)
        running = self.start("login", "--browser", "-vv", env={"BROWSER": browser})
        url = running.says(URL)[0]
        seen += open(f"/proc/{running.child.pid}/cmdline").read()
        wait_for(lambda: os.path.exists(argv), "no browser was started")
        self.emu.browse(url)
        status, out, err = running.end()
        self.assertEqual(status, 0, err)
        form = self.tokens(grant_type="authorization_code")[-1]["form"]
        secrets = {form["code"], form["code_verifier"], self.kept_secret()}
        seen += out + err + open(argv).read()

        running = self.start("login", "--device-code", "-vv")
        self.emu.entra.approve(running.says(CODE)[1], ALICE)
        status, out, err = running.end()
        self.assertEqual(status, 0, err)
        secrets |= {self.tokens(grant_type=DEVICE_GRANT)[-1]["form"]["device_code"], self.kept_secret()}
        seen += out + err

        self.emu.faults.entra.append(Fault("delay", seconds=1))
        before = len(self.tokens())
        running = self.start("credentials", "--no-cache", "-vv", self.emu.machine_id("web01"))
        self.emu.wait(HANG_S, who="entra", what="token", n=before + 1)
        seen += open(f"/proc/{running.child.pid}/cmdline").read()
        seen += running.end()[2] + self.good("logout", "-vv").stderr
        for secret in secrets:
            self.assertGreater(len(secret), 20)
            self.assertNotIn(secret, seen)
        self.assertIn("arc-relay: ", seen)

    def test_no_file_for_others(self):
        self.logged_in(ALICE)
        self.works()
        secret = self.kept_secret()
        for folder, _, names in os.walk(self.home):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, errors="replace") as file:
                    if secret in file.read():
                        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600, path)


if __name__ == "__main__":
    tap.main()
