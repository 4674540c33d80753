"""Goal: each token service of Azure's machines gives a token for one request, and
for nothing that it says is more sent, or to anybody else.
"""

import json
import os
import socket
import subprocess
import sys
import threading

import azfolder
import tap
from credentials_case import CredentialsCase
from harness import HANG_S, Fault, free_port
from namespaces import ARC_BOX, TOKENS, arc_agent, unshared

NAME = "managed-identity"
BOX = os.path.join(os.path.dirname(os.path.abspath(__file__)), "managed_box.py")
# root may read everything, unless it is told
NOT_PRIVILEGED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


def header(row, name):
    return [value for key, value in row["headers"] if key.lower() == name.lower()]


class ManagedCase(CredentialsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.system = cls.emu.managed.identities

    def setUp(self):
        super().setUp()
        managed = self.managed = self.emu.managed
        managed.identities = self.system[:]
        managed.realm = managed.key_text = None
        managed.key_mode = 0o640
        self.plain = {key: value for key, value in self.env.items() if not key.startswith("AZURE_")}
        self.entra = {key: self.env[key] for key in
                      ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")}
        self.before = len(managed.requests)
        self.box = []
        self.use("imds")

    def use(self, kind, **more):
        self.env = {**self.plain, **(self.managed.env(kind) if kind else {}), **more}
        if kind == "arc":
            self.box = arc_agent(self.managed.tokens_dir)

    def command(self, *args, **where):
        return self.box + super().command(*args, **where)

    def rows(self):
        return self.managed.requests[self.before:]

    def with_az(self):
        """An Azure CLI that gives a token; the folder where it notes that it did."""
        self.plain.update({
            **azfolder.program(self.home, self.plain["PATH"]),
            "FAKE_AZ_DO": f"echo '{json.dumps({'accessToken': self.emu.issue_token()})}'"})
        self.az_log = self.plain["FAKE_AZ_LOG"]

    def said(self, *args):
        """What a good run says on stderr."""
        done = self.credentials(*args)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr


class Kinds(ManagedCase):
    def one_request(self, kind, **expected):
        self.use(kind)
        self.good()
        self.good()     # from the cache
        rows = self.rows()
        self.assertEqual(len(rows), 1)
        self.assertEqual(rows[0]["kind"], kind)
        self.assertEqual({key: rows[0][key] for key in expected}, expected)
        self.assertEqual(header(rows[0], "User-Agent")[0][:10], "arc-relay/")
        self.assertEqual(header(rows[0], "Authorization") + header(rows[0], "X-Forwarded-For"), [])
        self.assertEqual(self.new_requests(), (0, 1))
        return rows[0]

    def test_imds(self):
        row = self.one_request("imds", method="GET", path="/metadata/identity/oauth2/token", query={
            "api-version": "2018-02-01", "resource": self.emu.management})
        self.assertEqual(header(row, "Metadata"), ["true"])

    def test_app_service(self):
        row = self.one_request("app-service", method="GET", path="/msi/token", query={
            "api-version": "2019-08-01", "resource": self.emu.management})
        self.assertEqual(header(row, "X-IDENTITY-HEADER"), [self.managed.header])

    def test_cloud_shell(self):
        row = self.one_request("cloud-shell", method="POST", path="/oauth2/token", query={},
                               form={"resource": self.emu.management})
        self.assertEqual(header(row, "Metadata"), ["true"])

    def test_arc(self):
        self.use("arc")
        self.good()
        self.good()
        first, second = self.rows()
        query = {"api-version": "2020-06-01", "resource": self.emu.management}
        self.assertEqual((first["kind"], first["authorization"], first["status"]), ("arc", None, 401))
        self.assertRegex(second["authorization"], r"\ABasic \S{40,}\Z")
        self.assertEqual(second["status"], 200)
        for row in (first, second):
            self.assertEqual((row["query"], header(row, "Metadata")), (query, ["true"]))
        self.assertEqual(self.new_requests(), (0, 1))

    def test_who_it_is_for(self):
        self.managed.add_identity("other")
        one = self.managed.add_identity("one")
        for kind, sent in (("imds", True), ("app-service", True), ("cloud-shell", False), ("arc", False)):
            with self.subTest(kind=kind):
                self.box = []
                self.use(kind, AZURE_CLIENT_ID=one.client_id)
                said = self.said("-v", "--no-cache")
                self.assertEqual(self.rows()[-1]["query"].get("client_id"), one.client_id if sent else None)
                self.assertEqual("AZURE_CLIENT_ID does not matter" in said, not sent)
        self.use("imds")
        self.box = []
        self.managed.identities.pop(0)
        self.bad(67, "E309", says="export AZURE_CLIENT_ID=CLIENT-ID")

    def test_no_secret_is_seen(self):
        for kind in ("imds", "app-service", "cloud-shell", "arc"):
            self.box = []
            self.use(kind)
            self.managed.key_text = "CANARY-of-the-key"
            said = self.said("-vv", "--no-cache")
            self.assertIn("token from managed-identity", said)
            for secret in (self.managed.header, self.managed.key_text, "eyJ"):
                self.assertNotIn(secret, said)

    def test_kinds_that_are_none_of_ours(self):
        self.with_az()
        for more, what in (({**self.managed.env("app-service"), "IDENTITY_SERVER_THUMBPRINT": "00"}, "fabric"),
                           ({**self.managed.env("cloud-shell"), "MSI_SECRET": "x"}, "ml")):
            with self.subTest(what=what):
                self.use(None, **more)
                self.assertIn("managed-identity: Service Fabric or Azure ML", self.said("-v", "--no-cache"))
                self.bad(67, "E309", "--credential", NAME, says="not supported")
        self.assertEqual(self.rows(), [])


class Chain(ManagedCase):
    def test_its_place(self):
        self.with_az()
        self.use("imds", **self.entra)
        self.good("--no-cache")
        self.assertEqual((len(self.rows()), self.new_requests()), (0, (1, 1)))      # environment first
        self.env.pop("AZURE_CLIENT_ID")
        self.good("--no-cache", "--credential", NAME)
        self.assertEqual(len(self.rows()), 1)
        self.use("imds")
        self.good("--no-cache")
        self.assertEqual(len(self.rows()), 2)
        self.assertFalse(os.path.exists(self.az_log))                               # az last
        self.good("--no-cache", "--credential", "azure-cli")
        self.assertEqual(len(self.rows()), 2)

    def test_named_by_the_variable(self):
        self.entra.pop("AZURE_CLIENT_ID")
        self.use("imds", **self.entra, AZURE_TOKEN_CREDENTIALS="ManagedIdentityCredential")
        self.good("--no-cache")
        self.assertEqual((len(self.rows()), self.new_requests()), (1, (0, 1)))
        self.use(None, AZURE_TOKEN_CREDENTIALS="ManagedIdentityCredential",
                 AZURE_POD_IDENTITY_AUTHORITY_HOST=f"http://127.0.0.1:{free_port()}")
        self.bad(67, "E309", says="no managed identity here")

    def test_nobody_there(self):
        self.with_az()
        deaf = socket.create_server(("127.0.0.1", 0), backlog=0)
        callers = [socket.socket() for _ in range(8)]
        for caller in callers:      # after these, nobody else gets an answer to a SYN
            caller.setblocking(False)
            caller.connect_ex(deaf.getsockname())
        for port in (free_port(), deaf.getsockname()[1]):
            with self.subTest(port=port):
                self.use(None, AZURE_POD_IDENTITY_AUTHORITY_HOST=f"http://127.0.0.1:{port}")
                self.assertIn("cannot connect to 127.0.0.1", self.said("-v", "--no-cache"))
                self.bad(67, "E309", "--credential", NAME, says="no managed identity here: cannot connect")
        for sock in (deaf, *callers):
            sock.close()
        self.use(None, MSI_ENDPOINT=f"http://127.0.0.1:{free_port()}/")
        self.bad(67, "E309", says="no managed identity here: cannot connect")

    def test_a_machine_without_identity(self):
        self.with_az()
        self.use("imds")
        self.managed.identities = []
        self.assertIn("Identity not found", self.said("-v", "--no-cache"))
        self.bad(67, "E309", "--credential", NAME, says="fix: az vm identity assign -g GROUP -n VM")
        self.env["AZURE_CLIENT_ID"] = "0-1-2"
        self.bad(67, "E309", says="client id 0-1-2")
        self.use("app-service")
        self.bad(67, "E309", says="fix: az webapp identity assign -g GROUP -n APP")

    def test_a_demand_for_a_fresh_sign_in(self):
        """Only the source whose token ARM refused may say that it cannot meet it."""
        self.with_az()
        self.emu.arm.challenge('{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}')
        self.addCleanup(self.emu.arm.challenge, None)
        for name in ("imds", "app-service"):
            with self.subTest(name=name):
                self.use(name)
                self.bad(77, "E304", "--no-cache", says="which a managed identity cannot give")
        self.use("imds")
        self.managed.identities = []
        done = self.credentials("-v", "--no-cache")
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("which a managed identity cannot give", done.stderr)

    def in_box(self, *box, args=()):
        """Runs on such a machine; the requests to it, and stderr."""
        self.use(None)
        self.box = [*unshared("-n"), sys.executable, BOX, *box]
        done = self.credentials("-v", "--no-cache", *args)
        return json.loads(done.stdout.splitlines()[-1]), done.stderr

    def test_an_azure_vm(self):
        """Its firmware tells; then the address that all Azure VMs have is asked."""
        for tag, count in (("7783-7084-3265-9085-8269-3286-77", 1), ("No Asset Tag", 0), ("", 0)):
            with self.subTest(tag=tag):
                seen, said = self.in_box("vm", tag)
                self.assertEqual(len(seen), count, said)
                for line in seen:
                    self.assertTrue(line.startswith(
                        "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2F"), line)
                self.assertIn("no token from managed-identity", said)
        self.assertIn("--credential managed-identity asks all the same", said)
        self.assertIn("[E309]", self.in_box("vm", "", args=("--credential", NAME))[1])

    def test_an_installed_arc_agent(self):
        """Nobody set it up for us: who may not use it, goes on to the next."""
        seen, said = self.in_box("arc", "0600")
        self.assertEqual(len(seen), 2, said)
        self.assertIn("[E309]", self.in_box("arc", "0600", args=("--credential", NAME))[1])
        seen, said = self.in_box("arc", "0", *NOT_PRIVILEGED)
        self.assertEqual(len(seen), 1, said)
        self.assertIn("you may not read the keys of the Azure Arc agent", said)
        self.assertIn("no token from managed-identity", said)
        self.assertIn("[E310]", self.in_box("arc", "0", *NOT_PRIVILEGED, args=("--credential", NAME))[1])


class Faults(ManagedCase):
    def test_what_passes_is_waited_for(self):
        soon = {"retry-after-ms": "20"}
        for kind in ("imds", "app-service", "cloud-shell", "arc"):
            codes = (404, 410, 429, 500, 503) if kind == "imds" else (429, 503)
            for fault in (*[Fault("status", code=code, headers=soon) for code in codes], Fault("truncate"),
                          Fault("drop", how="rst")):
                with self.subTest(kind=kind, fault=fault):
                    self.box = []
                    self.use(kind)
                    self.emu.faults.managed.append(fault)
                    before = len(self.rows())
                    self.good("--no-cache")
                    self.assertEqual(len(self.rows()) - before, 3 if kind == "arc" else 2)

    def test_an_answer_that_is_lost_after_the_proof(self):
        """The key of the challenge was used up: another one is asked for."""
        self.use("arc")
        for fault in (Fault("truncate"), Fault("drop")):
            with self.subTest(fault=fault):
                before = len(self.rows())
                self.emu.faults.managed.extend(["ok", fault])
                self.good("--no-cache")
                self.assertEqual([row["status"] for row in self.rows()[before:]], [401, 200, 401, 401, 200])

    def test_what_does_not_pass(self):
        for code, status, error, says in (
                (404, 67, "E309", "IMDS gives no token: it is not ready (status 404). fix: try again in a minute"),
                (410, 67, "E309", "IMDS gives no token: it is being updated (status 410)"),
                (429, 75, "E408", "throttles"), (500, 75, "E409", "500")):
            with self.subTest(code=code):
                before = len(self.rows())
                self.emu.faults.managed.always = Fault("status", code=code, error="")
                self.bad(status, error, "--no-cache", says=says)
                self.assertIn(len(self.rows()) - before, (3, 4, 5))
        self.emu.faults.managed.always = Fault("status", code=404)
        before = len(self.rows())
        self.use("app-service")
        self.bad(67, "E309", "--no-cache", says="App Service gives no token: Scripted fault")
        self.assertEqual(len(self.rows()) - before, 1)
        self.emu.faults.managed.always = Fault("status", code=429, headers={"Retry-After": "3600"})
        self.bad(75, "E408", "--no-cache", says="3600 s")
        self.assertEqual(len(self.rows()) - before, 2)

    def test_refusals(self):
        for kind, code, error, message, says in (
                ("imds", 400, "invalid_resource", "AADSTS500011: Not found.", "login.microsoftonline.com/error"),
                ("imds", 403, "forbidden", "no", "IMDS gives no token: no"),
                ("cloud-shell", 500 - 99, "x", "y", "Cloud Shell gives no token: y")):
            with self.subTest(kind=kind, error=error):
                self.use(kind)
                self.emu.faults.managed.append(Fault("status", code=code, error=error, message=message))
                self.bad(67, "E309", "--no-cache", says=says)
        self.use("app-service", IDENTITY_HEADER="0" * 32)
        self.bad(67, "E309", "--no-cache", says="The header X-IDENTITY-HEADER is missing or wrong")
        self.use("app-service", IDENTITY_HEADER="CANARY\r\nX-Evil: 1")
        before = len(self.rows())
        self.assertNotIn("CANARY", self.bad(78, "E313", "--no-cache", says="IDENTITY_HEADER"))
        self.assertEqual(len(self.rows()), before)

    def test_too_slow(self):
        self.emu.faults.managed.append(Fault("slow", size=100, seconds=0.001))
        self.good("--no-cache")
        for fault in (Fault("stall"), Fault("slow", size=1, seconds=1)):
            with self.subTest(fault=fault):
                before = len(self.rows())
                self.emu.faults.managed.append(fault)
                self.bad(75, "E409", "--no-cache", says="127.0.0.1")
                self.assertEqual(len(self.rows()) - before, 1)

    def test_answers_that_are_none(self):
        for kind in ("imds", "app-service", "cloud-shell"):
            self.use(kind)
            for body, error in (("{}", "E412"), ("<html>", "E607"), ("", "E607"), ('{"access_token":7}', "E412"),
                                ('{"access_token":"CANARY\\r\\nb"}', "E412"), ('{"access_token":""}', "E412"),
                                ('{"access_token":"CANARY","access_token":"b"}', "E607"),
                                ("{" + " " * 100000, "E412"), ("{" + " " * 3000000, "E412")):
                with self.subTest(kind=kind, body=body[:50]):
                    self.emu.faults.managed.append(Fault("status", code=200, body=body))
                    self.assertNotIn("CANARY", self.bad(76, error, "--no-cache"))
            self.emu.faults.managed.append(Fault("raw", data=b"220 mail ready\r\n"))
            self.bad(76, "E412", "--no-cache")
            for code in (301, 302, 307, 308):
                self.emu.faults.managed.append(Fault(
                    "status", code=code, body="", headers={"Location": "http://127.0.0.1/elsewhere"}))
                self.bad(76, "E607", "--no-cache")
        self.assertEqual(self.new_requests(), (0, 0))

    def test_ends_of_a_token(self):
        for change in ({"expires_on": "soon"}, {"expires_on": -1}, {"expires_on": 10 ** 18}, {"expires_in": None},
                       {"expires_on": "11/14/2023 11:13:20 PM +00:00"}):
            with self.subTest(change=change):
                self.emu.faults.managed.append(Fault("edit", script=lambda doc: {**doc, **change}))
                self.good("--no-cache")


class Hostile(ManagedCase):
    """What answers as the Arc agent may be anybody."""

    def refused(self, says="", realm=None, status=76, error="E412"):
        before = len(self.rows())
        self.managed.realm = realm
        line = self.bad(status, error, "--no-cache", says=says)
        rows = self.rows()[before:]
        self.assertEqual([row["authorization"] for row in rows], [None])
        self.assertNotIn("CANARY", line)

    def fifo(self, name):
        """Like a file that tells when somebody opens it; a function that says whether so."""
        path = os.path.join(self.home, name)
        os.mkfifo(path)
        opened = threading.Event()

        def write():
            with open(path, "w"):
                opened.set()
        thread = threading.Thread(target=write)
        thread.start()

        def was_opened():
            before = opened.is_set()
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            thread.join(HANG_S)
            return before
        return path, was_opened

    def test_files_that_are_no_keys(self):
        self.use("arc")
        path, was_opened = self.fifo("canary.key")
        outside, other_opened = self.fifo("canary")
        up = "/.." * 4
        for realm in ("/etc/shadow", "/etc/passwd", path, outside, f"{TOKENS}{up}{path}", f"{TOKENS}/../../../..{path}",
                      f"{TOKENS}/../canary.key", f"{TOKENS}/./a.key", f"{TOKENS}//a.key", f"{TOKENS}/sub/a.key",
                      f"{TOKENS}/", TOKENS, f"{TOKENS}/.key", f"{TOKENS}/..key", f"{TOKENS}/a.pem", f"{TOKENS}/a.KEY",
                      f"{TOKENS}/a.key/", f"{TOKENS}2/a.key", f"{TOKENS}/a b.key", f"{TOKENS}/a%2f.key",
                      f"{TOKENS}/a.key, Basic realm={path}", f'"{TOKENS}/a.key"', f"file://{path}", "a.key", "",
                      f"{TOKENS}/" + "a" * 100 + ".key", f"{TOKENS}/" + "a" * 4000 + ".key", "/proc/self/environ",
                      "/dev/stdin", "~/.ssh/id_rsa"):
            with self.subTest(realm=realm):
                self.refused(realm=realm)
        self.assertEqual((was_opened(), other_opened()), (False, False))

    def test_no_challenge_or_another_one(self):
        self.use("arc")
        for value in (None, "", "Basic", "Bearer realm=x", f"Digest realm={TOKENS}/a.key", f"Basic {TOKENS}/a.key"):
            with self.subTest(value=value):
                self.emu.faults.managed.append(Fault(
                    "status", code=401, headers={} if value is None else {"WWW-Authenticate": value}))
                self.refused()
        self.emu.faults.managed.append(Fault("status", code=200, body='{"access_token":"CANARY"}'))
        self.refused(says="wants no proof")

    def test_what_lies_in_the_folder(self):
        self.use("arc")
        folder = self.managed.tokens_dir
        path, was_opened = self.fifo("canary.key")
        secret = os.path.join(self.home, "secret.key")
        with open(secret, "w") as file:
            file.write("CANARY")
        os.symlink(path, os.path.join(folder, "fifolink.key"))
        os.symlink(secret, os.path.join(folder, "link.key"))
        os.mkfifo(os.path.join(folder, "fifo.key"))
        os.mkdir(os.path.join(folder, "folder.key"))
        for name in ("fifolink", "link", "fifo", "folder", "none"):
            with self.subTest(name=name):
                self.refused(realm=f"{TOKENS}/{name}.key")
        self.assertFalse(was_opened())
        for text in ("CANARY" * 1000, "CANARY\n", "CANARY X", "CANARY\r\nX-Evil: 1", "", "\0"):
            with self.subTest(text=text[:30], length=len(text)):
                self.managed.key_text = text
                self.refused()

    def test_a_folder_that_is_a_link(self):
        self.use("arc")
        box = ARC_BOX.replace(f'mount --bind "$1" {TOKENS}', f'rmdir {TOKENS} && ln -s "$1" {TOKENS}')
        self.box[self.box.index(ARC_BOX)] = box
        self.refused()

    def test_not_in_the_group(self):
        self.use("arc")
        self.managed.key_mode = 0
        self.box += NOT_PRIVILEGED
        self.refused(status=77, error="E310", says='sudo usermod -aG himds "$USER"')

    def test_a_key_that_is_never_good(self):
        self.use("arc")
        self.emu.faults.managed.extend(["ok", Fault("status", code=401)] * 2)
        self.bad(67, "E309", "--no-cache", says="the Azure Arc agent gives no token")
        self.assertEqual(len(self.rows()), 4)


class Network(ManagedCase):
    def listener(self):
        """A port of this machine; a list of the first lines that came there."""
        server, lines = socket.create_server(("127.0.0.1", 0)), []

        def accept():
            while True:
                try:
                    sock, _ = server.accept()
                except OSError:
                    return
                with sock:
                    lines.append(sock.makefile().readline().strip())
                    sock.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        thread = threading.Thread(target=accept)
        thread.start()

        def stop():
            server.shutdown(socket.SHUT_RDWR)
            server.close()
            thread.join()
        self.addCleanup(stop)
        return server.getsockname()[1], lines

    def test_never_through_a_proxy(self):
        for kind in ("imds", "app-service", "cloud-shell", "arc"):
            with self.subTest(kind=kind):
                port, lines = self.listener()
                names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
                proxies = {name: f"http://user:CANARY@127.0.0.1:{port}" for name in (*names, *map(str.lower, names))}
                self.box = []
                self.use(kind, **proxies)
                before = len(self.rows())
                done = self.credentials("--no-cache")
                self.assertEqual([row["status"] for row in self.rows()[before:]][-1:], [200], done.stderr)
                arm = self.emu.management.removeprefix("https://")
                self.assertEqual({line.split()[1] for line in lines}, {arm}, lines)     # the proxy's own business
                self.assertNotIn("CANARY", done.stderr)

    def test_never_elsewhere(self):
        port, lines = self.listener()
        for base in (f"http://evil.test:{port}", f"https://127.0.0.1:{port}", f"http://127.0.0.1@evil.test:{port}",
                     f"http://localhost.evil.test:{port}", f"http://10.1.2.3:{port}", f"http://0.0.0.0:{port}",
                     f"http://127.1:{port}", f"http://[::ffff:127.0.0.1]:{port}", f"ftp://127.0.0.1:{port}",
                     f"127.0.0.1:{port}", f"http://127.0.0.1:{port}\\@evil.test", "http://"):
            for name, kind in (("AZURE_POD_IDENTITY_AUTHORITY_HOST", "imds"), ("IDENTITY_ENDPOINT", "app-service"),
                               ("IDENTITY_ENDPOINT", "arc"), ("MSI_ENDPOINT", "cloud-shell")):
                with self.subTest(base=base, kind=kind):
                    self.use(kind)
                    self.box = []
                    self.env[name] = base + "/x"
                    self.bad(78, "E313", "--no-cache", says=f"{name} does not lead to this machine")
        self.use("arc", IDENTITY_ENDPOINT=f"http://169.254.1.1:{port}/x")
        self.bad(78, "E313", "--no-cache", says="loopback address")
        self.assertEqual((lines, self.rows()), ([], []))


if __name__ == "__main__":
    tap.main()
