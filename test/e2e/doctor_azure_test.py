"""Goal: doctor says of each way to Azure and of each thing that a machine needs there that it is good,
or what is wrong with it and what cures it; it changes nothing, and guesses nothing that Azure does not say.
"""

import json
import os
import re
import subprocess

import tap
from harness import HANG_S, TOOL, WRAP, EmulatorCase, Fault, clean_env, free_port
from arm import LIST_CREDENTIALS
from faults import BAD_SIGNATURE, NO_LISTENERS, agent_refusal
from proxy import HttpProxy
import certs

RELAY = "ns1.relay.emulated.test"
PROVIDER = "Microsoft.HybridConnectivity"
MACHINE_READ = "Microsoft.HybridCompute/machines/read"
ENDPOINT_READ = f"{PROVIDER}/endpoints/read"
SERVICE_READ = f"{PROVIDER}/endpoints/serviceConfigurations/read"
OURS = ("network", "login", "azure", "relay")
DATE = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"


def named(checks, name):
    return [check for check in checks if check["name"] == name]


class DoctorCase(EmulatorCase):
    """The relay's name leads to it by a proxy; management is reached straight."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.way = HttpProxy(cls.emu.log, cls.emu.threads).start()
        cls.way.routes[f"{RELAY}:443"] = cls.emu.relay_port
        cls.host = f"127.0.0.1:{cls.emu.arm_port}"

    @classmethod
    def tearDownClass(cls):
        cls.way.stop()
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.emu.faults.clear()
        self.way.reset()
        self.emu.arm.provider_state, self.emu.arm.registering_polls = "Registered", 1
        self.emu.arm.tenant, self.emu.clock_skew = None, 0
        self.emu.arm.denied.clear()
        self.env |= {"HTTPS_PROXY": self.way.url, "NO_PROXY": "127.0.0.1", "TZ": "UTC"}
        self.seen = len(self.emu.log.find(who="arm"))

    def tearDown(self):
        for machine in self.emu.machines():
            self.emu.remove_machine(machine.name, machine.group)
        super().tearDown()

    def web01(self, **settings):
        return self.emu.add_machine("web01", **{"service": "ssh", **settings})

    def examine(self, *args, cloud=None):
        """What it found, but of this computer; (exit status, [finding])."""
        done = subprocess.run(WRAP + [TOOL, "doctor", "--json", "--cloud-file", cloud or self.emu.cloud_file, *args],
                              env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S)
        self.assertRegex(done.stdout, r"\A[\x20-\x7e\n]*\Z")
        self.said = done.stdout + done.stderr
        found = json.loads(done.stdout)["checks"]
        return done.returncode, [check for check in found if check["phase"] in OURS]

    def found(self, name, *args, **how):
        """The findings of one check: [(verdict, what, id, fix)]."""
        _, checks = self.examine(*args, **how)
        return [(check["verdict"], check["what"], check["code"], check["fix"]) for check in named(checks, name)]

    def finds(self, name, verdict, what, code="", fix="", *, args=("web01",), **how):
        """One check finds one thing, in these words; its fix begins so."""
        found = self.found(name, *args, **how)
        self.assertEqual(len(found), 1, found)
        self.assertEqual(found[0][:3], (verdict, what, code), found)
        if fix or code:
            self.assertTrue(found[0][3].startswith(fix), found)

    def fails(self, name, what, code, fix="", **how):
        self.finds(name, "failed", what, code, fix, **how)


class Healthy(DoctorCase):
    def lines(self, *args):
        status, checks = self.examine(*args)
        self.assertEqual({check["verdict"] for check in checks}, {"ok"}, self.said)
        return {name: [check["what"] for check in named(checks, name)] for name in
                dict.fromkeys(check["name"] for check in checks)}

    def test_every_line(self):
        self.web01()
        told = self.lines("web01")
        entra = self.emu.entra
        said = {
            "login-host": rf'{self.host}: 127\.0\.0\.1, TLS 1\.3, issuer "emulated root", \d+ ms',
            "arm-host": rf'{self.host}: 127\.0\.0\.1, TLS 1\.3, issuer "emulated root", \d+ ms',
            "relay-host": rf'{RELAY}: via proxy 127\.0\.0\.1:{self.way.port} \(HTTPS_PROXY\), TLS 1\.3, '
                          r'issuer "emulated root", \d+ ms',
            "login": f"environment: {entra.client}, tenant {entra.tenant}, token until {DATE}",
            "target": rf"web01 in group rg1 of subscription {self.emu.subscription} \(asked just now\)",
            "provider": f"{PROVIDER}: Registered",
            "machine": r"web01 is Connected, agent 1\.45\.02769\.1800, linux",
            "index": "Resource Graph lists web01",
            "endpoint": "it is there",
            "service": "SSH goes to port 22",
            "permissions": f"listCredentials: allowed; relay credential until {DATE}",
            "dial": r"SSH-2\.0-emulated; credential \d+ dns \d+ tcp \d+ proxy \d+ tls \d+ upgrade \d+ banner \d+ ms",
        }
        for name, pattern in said.items():
            self.assertRegex(told[name][0], rf"\A{pattern}\Z")

    def test_it_reads_only(self):
        self.web01()
        self.lines("web01")
        calls = {(row["method"], row["operation"]) for row in self.emu.log.find(who="arm")[self.seen:]
                 if row["operation"]}
        self.assertEqual(calls, {("GET", "subscriptions"), ("POST", "resources"), ("GET", "web01"), ("GET", "default"),
                                 ("GET", PROVIDER.lower()), ("GET", "ssh"), ("POST", "listcredentials")})

    def test_by_id(self):
        self.web01()
        told = self.lines(self.emu.machine_id("web01"))
        self.assertEqual(told["target"], ["web01 in group rg1, by its id"])
        self.assertEqual(told["index"], ["Resource Graph lists web01"])

    def test_without_target(self):
        self.assertEqual(list(self.lines()), ["login-host", "arm-host", "login"])

    def test_another_port(self):
        self.web01(service_port=2222)
        told = self.lines("-p", "2222", "web01")
        self.assertEqual(told["service"], ["SSH goes to port 2222"])

    def test_private_endpoint(self):
        """--connect-to is the way of the dial, and of the look at the relay: no name, no proxy."""
        self.web01()
        self.way.refuse = 403
        told = self.lines("--connect-to", f"127.0.0.1:{self.emu.relay_port}", "web01")
        self.assertRegex(told["relay-host"][0], rf'\A{RELAY}: 127\.0\.0\.1, TLS 1\.3, issuer "emulated root", \d+ ms\Z')
        self.assertRegex(told["dial"][0], r"\ASSH-2\.0-emulated; credential \d+ dns \d+ tcp ")

    def test_through_a_proxy_with_a_login(self):
        self.web01()
        self.way.login = "ann:CANARY"
        self.env |= {"HTTPS_PROXY": f"http://ann:CANARY@127.0.0.1:{self.way.port}", "NO_PROXY": ""}
        told = self.lines("web01")
        self.assertRegex(told["arm-host"][0], rf"\A{self.host}: via proxy 127\.0\.0\.1:{self.way.port} \(HTTPS_PROXY\), ")
        self.assertNotIn("CANARY", self.said)

    def test_no_secret_is_shown(self):
        self.web01()
        _, checks = self.examine("web01", "-vv")
        self.assertGreater(len(checks), 8)
        for secret in (self.emu.entra.secret, "SharedAccessSignature", "eyJ"):
            self.assertNotIn(secret, self.said)


class Network(DoctorCase):
    def arm_is(self, url):
        return self.cloud(managementEndpoint=url)

    def test_certificates(self):
        """Who signed what cannot be trusted is told, and a handshake is all that it gets."""
        for kind, words, issuer in (
                ("unknown-ca", "SSL certificate problem: unable to get local issuer certificate", "stranger"),
                ("expired", "SSL certificate problem: certificate has expired", "emulated root"),
                ("wrong-name", "SSL: no alternative certificate subject name matches target host name '127.0.0.1'",
                 "emulated root")):
            with self.subTest(kind=kind):
                port = self.emu.bad_relay(kind)
                self.fails("arm-host", f'the certificate of 127.0.0.1:{port} cannot be trusted: {words} '
                           f'(issuer "{issuer}")', "E605", "only ", args=(), cloud=self.arm_is(f"https://127.0.0.1:{port}"))
                self.assertEqual(self.emu.count(who="relay", what="request"), 0)

    def test_inspected(self):
        """A company's proxy signs for the relay, and nobody here knows it."""
        self.web01()
        authority = certs.Authority(os.path.join(self.home, "corp"), "Corp Inspection CA")
        self.way.inspect = certs.server_context(*authority.leaf("relay", f"DNS:{RELAY}"))
        self.fails("relay-host", f'the certificate of {RELAY} cannot be trusted: SSL certificate problem: unable to '
                   'get local issuer certificate (issuer "Corp Inspection CA")', "E605")

    def test_tls(self):
        for kind, words in (("reset", "no TLS with 127.0.0.1:{}: "), ("plain", "no TLS with 127.0.0.1:{}: "),
                            ("stall", "no TLS with 127.0.0.1:{}: SSL connection timeout")):
            with self.subTest(kind=kind):
                port = self.emu.bad_relay(kind)
                [(verdict, what, code, _)] = self.found("arm-host", cloud=self.arm_is(f"https://127.0.0.1:{port}"))
                self.assertEqual((verdict, code), ("failed", "E606"))
                self.assertTrue(what.startswith(words.format(port)), what)

    def test_no_way(self):
        port = free_port()
        self.fails("arm-host", f"cannot connect to 127.0.0.1:{port}", "E602", f"open port 443 to 127.0.0.1:{port}",
                   args=(), cloud=self.arm_is(f"https://127.0.0.1:{port}"))
        self.env["NO_PROXY"] = "*"
        self.fails("arm-host", "cannot resolve nowhere.invalid", "E601", "check the network and its DNS", args=(),
                   cloud=self.arm_is("https://nowhere.invalid"))

    def test_proxy(self):
        proxy = f"the proxy 127.0.0.1:{self.way.port} (HTTPS_PROXY)"
        self.env["NO_PROXY"] = ""
        self.way.login = "ann:secret"
        self.fails("arm-host", f"{proxy} wants a user and a password by Basic", "E603", "give --proxy-auth-file", args=())
        self.way.reset()
        self.way.refuse = 403
        self.fails("arm-host", f"{proxy} refuses to connect to {self.host} (status 403)", "E604",
                   f"allow {self.host} at the proxy", args=())

    def test_portal(self):
        """Whatever answers in Azure's place, and however much of it."""
        for body in ("<html><body>Sign in to the hotel</body></html>", "\x1b[31m<html>" + "\x1b]0;x\x07" * 50000, b"\xff\xfe",
                     ""):
            with self.subTest(body=body[:30]):
                self.emu.faults.arm.append(Fault("status", code=200, body=body, content_type="text/html",
                                                 match="/subscriptions"))
                self.fails("arm-host", f"{self.host} answered with status 200 and nothing that Azure would say", "E607",
                           "a captive portal or a proxy may have answered", args=())

    def test_portal_in_place_of_the_relay(self):
        self.web01()
        page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 21\r\n\r\n<HTML>Sign in</HTML>\n"

        def serve(conn):
            conn.recv()
            conn.sendall(page)

        context = certs.server_context(*self.emu._ca.leaf("portal", f"DNS:{RELAY}"))
        self.way.routes[f"{RELAY}:443"] = self.emu._listen("portal", context, serve)
        self.addCleanup(self.way.routes.__setitem__, f"{RELAY}:443", self.emu.relay_port)
        self.fails("relay-host", f"{RELAY} answered with status 200 and nothing that Azure would say", "E607")

    def test_azure_fails(self):
        for code, words, row in ((503, "{} fails with status 503", "E409"),
                                 (429, "{} throttles: too many requests", "E408")):
            self.emu.faults.arm.append(Fault("status", code=code, body="<html>", match="/subscriptions"))
            self.fails("arm-host", words.format(self.host), row, "try again", args=())

    def test_the_relay_is_not_known(self):
        self.web01(endpoint=False, service_port=None)
        self.finds("relay-host", "skipped", "the relay's name is not known without a relay credential")


class Login(DoctorCase):
    def test_not_logged_in(self):
        self.web01()
        self.env = clean_env(self.home, TZ="UTC")
        status, checks = self.examine("web01")
        [login] = named(checks, "login")
        self.assertEqual((status, login["code"], login["verdict"]), (67, "E301", "failed"))
        self.assertEqual(login["cause"], "not logged in to Azure (tried: environment, workload-identity, github, "
                         "azure-pipelines, managed-identity, login, azure-cli)")
        self.assertEqual({check["what"] for check in checks if check["phase"] in ("azure", "relay")},
                         {"not looked at: it needs login login"})

    def test_refused(self):
        self.env["AZURE_CLIENT_SECRET"] = "wrong"
        [(verdict, _, code, _)] = self.found("login")
        self.assertEqual((verdict, code), ("failed", "E305"))

    def test_one_reason_is_told_once(self):
        port = free_port()
        self.finds("login", "skipped", "fails for the same reason as network login-host", args=(),
                   cloud=self.cloud(authority=f"https://127.0.0.1:{port}"))


class Machine(DoctorCase):
    def test_target(self):
        self.web01()
        self.emu.add_machine("web01", group="rg2", service="ssh")
        self.fails("target", "no machine is called web02 among the 2 that this login can see", "E201", "arc-relay list",
                   args=("web02",))
        [(verdict, what, code, _)] = self.found("target", "web01")
        self.assertEqual((verdict, code), ("failed", "E203"))
        self.assertIn("web01.rg2", what + self.said)

    def test_deleted_in_between(self):
        """The name is known from before."""
        self.web01()
        self.examine("web01")
        self.emu.remove_machine("web01")
        status, checks = self.examine("web01")
        [machine] = named(checks, "machine")
        self.assertEqual((status, machine["code"]), (68, "E201"))
        self.assertEqual(machine["what"], f"no machine web01 in group rg1 of subscription {self.emu.subscription}, or "
                         "you cannot read it")
        self.assertEqual(named(checks, "endpoint")[0]["what"], "fails for the same reason as azure machine")
        self.assertEqual(named(checks, "permissions")[0]["what"], "fails for the same reason as azure machine")
        self.assertEqual(named(checks, "index")[0]["verdict"], "skipped")

    def test_another_tenant(self):
        self.web01()
        self.emu.arm.tenant = "11111111-2222-3333-4444-555555555555"
        rid = self.emu.machine_id("web01")
        [(verdict, what, code, fix)] = self.found("provider", rid)
        self.assertEqual((verdict, code), ("failed", "E206"))
        self.assertIn("11111111-2222-3333-4444-555555555555", what + fix)

    def test_state(self):
        machine = self.web01()
        machine.status = "Disconnected"
        self.fails("machine", "web01 is Disconnected since 2025-01-01T00:00:00Z: its Arc agent does not report to Azure",
                   "E204", "on the machine: sudo azcmagent show")
        machine.status = "Expired\x1b[31m"
        self.fails("machine", "web01 is Expired?[31m since 2025-01-01T00:00:00Z: its Arc agent does not report to Azure",
                   "E204")

    def test_agent_version(self):
        machine = self.web01()
        for version, verdict, what in (("1.30.1", "warning", "a service configuration"), ("1.12.9", "failed", "SSH")):
            machine.agent_version = version
            found = self.found("machine", "web01")
            self.assertEqual(found[0][:2], ("ok", f"web01 is Connected, agent {version}, linux"))
            self.assertEqual(found[1], (verdict, f"the Arc agent of web01 is {version}, too old for {what}", "E205",
                                        "upgrade azcmagent on the machine to 1.31 or later"))
        machine.agent_version = "1.31.0"
        self.assertEqual(len(self.found("machine", "web01")), 1)

    def test_of_another_kind(self):
        self.emu.add_machine("vm1", type="microsoft.connectedvmwarevsphere/virtualmachines", service="ssh")
        self.finds("machine", "note", "vm1 is there; Azure does not say whether its agent is connected", args=("vm1",))

    def test_index_lags(self):
        self.web01()
        self.emu.faults.arm.always = Fault("edit", match="resourcegraph", script=lambda doc: {
            "totalRecords": 0, "count": 0, "data": [], "facets": [], "resultTruncated": "false"})
        self.finds("index", "warning", "Resource Graph, by which names are found, does not list web01 yet",
                   "E207", "if it was connected minutes ago", args=(self.emu.machine_id("web01"),))


class SetUp(DoctorCase):
    def test_provider(self):
        self.web01()
        self.emu.arm.provider_state = "NotRegistered"
        register = f"arc-relay register --subscription {self.emu.subscription}"
        status, checks = self.examine("web01")
        [found] = named(checks, "provider")
        self.assertEqual((status, found["verdict"], found["code"], found["fix"]), (78, "failed", "E403", register))
        self.assertEqual(found["what"], f"{PROVIDER} is NotRegistered in the subscription")
        self.assertEqual(named(checks, "permissions")[0]["what"], "fails for the same reason as azure provider")

    def test_stuck_in_registering(self):
        self.web01()
        self.emu.arm.provider_state, self.emu.arm.registering_polls = "Registering", 10000
        self.finds("provider", "warning", f"{PROVIDER} is Registering in the subscription", "E403",
                   f"it takes minutes; this waits for it: arc-relay register --subscription {self.emu.subscription}")

    def test_no_endpoint(self):
        self.web01(endpoint=False, service_port=None)
        status, checks = self.examine("web01")
        [found] = named(checks, "endpoint")
        self.assertEqual((status, found["verdict"], found["code"]), (78, "failed", "E404"))
        self.assertEqual(found["what"], "SSH was never enabled for web01")
        self.assertEqual(found["fix"], "let a contributor run once: arc-relay enable web01")
        for name in ("service", "permissions"):
            self.assertEqual(named(checks, name)[0]["what"], "fails for the same reason as azure endpoint")

    def test_no_service_configuration(self):
        self.web01(service_port=None)
        self.fails("service", "the SSH service of web01 is not configured in Azure", "E405",
                   "let a contributor run once: arc-relay enable web01")

    def test_another_port(self):
        self.web01(service_port=2222)
        for args, asked in (((), 22), (("-p", "443"), 443)):
            self.fails("service", f"Azure allows port 2222 for SSH on web01, and you ask for {asked}", "E406",
                       f"ssh -p 2222, or arc-relay enable --port {asked} web01", args=(*args, "web01"))

    def test_each_right(self):
        """A right that is missing is told of itself, and of nothing else."""
        self.web01()
        rid = self.emu.machine_id("web01")
        endpoint = f"{rid}/providers/{PROVIDER}/endpoints/default"
        for right, name, verdict, code, what in (
                (MACHINE_READ, "machine", "warning", "E402", f"you lack {MACHINE_READ} on {rid}"),
                (ENDPOINT_READ, "endpoint", "warning", "E402", f"you lack {ENDPOINT_READ} on {endpoint}"),
                (SERVICE_READ, "service", "warning", "E402",
                 f"you lack {SERVICE_READ} on {endpoint}/serviceConfigurations/SSH"),
                (f"{PROVIDER}/read", "provider", "note", "",
                 f"{PROVIDER}: unknown, for you may not read subscription {self.emu.subscription}"),
                (LIST_CREDENTIALS, "permissions", "failed", "E401",
                 f"you may not list relay credentials of web01 ({LIST_CREDENTIALS})")):
            with self.subTest(right=right):
                self.emu.arm.denied = {right}
                _, checks = self.examine(rid)
                bad = [check for check in checks if check["verdict"] != "ok" and check["name"] not in ("relay-host", "dial")]
                self.assertEqual([(check["name"], check["verdict"], check["code"]) for check in bad],
                                 [(name, verdict, code)], self.said)
                self.assertTrue(bad[0]["what"].startswith(what[:200]), bad)
                if code == "E402":
                    self.assertEqual(bad[0]["fix"], 'ask for the role "Reader" there, if it is there at all: Azure '
                                     "does not say; ssh needs listCredentials only")

    def test_role_to_ask_for(self):
        self.web01()
        self.emu.arm.denied = {LIST_CREDENTIALS}
        [(_, _, _, fix)] = self.found("permissions", "web01")
        self.assertIn("Virtual Machine Local User Login", fix)

    def test_locks_and_policies(self):
        self.web01()
        for code, row, what in (
                ("ScopeLocked", "E410", "a read-only lock forbids it"),
                ("RequestDisallowedByPolicy", "E411", "an Azure policy forbids it")):
            body = json.dumps({"error": {"code": code, "message": "no"}})
            self.emu.faults.arm.always = Fault("status", code=403, body=body, match="listcredentials")
            self.fails("permissions", what, row)

    def test_what_no_azure_would_say(self):
        """Megabytes, a terminal's controls, HTML, what is not UTF-8: a line all the same."""
        self.web01()
        for body in (b"\x1b[2J" * 100000, b"<html>" + b"x" * 3000000, b'{"error":{"code":"\xff","message":"\xc3"}}',
                     b'{"error":{"code":"A\\u001b[2J","message":"\\u202e\\u0007"}}', b""):
            for status in (200, 403, 404):
                with self.subTest(status=status, body=body[:40]):
                    self.emu.faults.arm.always = Fault("status", code=status, body=body, match="/serviceconfigurations/")
                    [(verdict, _, code, _)] = self.found("service", self.emu.machine_id("web01"))
                    self.assertEqual(verdict, "failed")
                    self.assertRegex(code, r"\AE\d{3}\Z")

    def test_throttled(self):
        self.web01()
        self.emu.faults.arm.always = Fault("status", code=429, headers=[("Retry-After", "60")], body="",
                                           match="hybridcompute/machines/web01")
        found = self.found("machine", self.emu.machine_id("web01"))
        self.assertEqual(found, [("failed", f"{self.host} throttles: too many requests", "E408", "try again in 60 s")])

    def test_clock(self):
        """A day behind Azure's: its credential is past, they say, and the clock is why."""
        self.web01()
        self.emu.clock_skew = -86400
        [(verdict, what, code, fix)] = self.found("permissions", self.emu.machine_id("web01"))
        self.assertEqual((verdict, code, fix), ("failed", "E111", "sudo timedatectl set-ntp true"))
        self.assertRegex(what, "the fresh credential of web01 is past already: the clock here is 8(640.|639.) s ahead of "
                         "Azure's")


class Dial(DoctorCase):
    """The whole way, to the banner."""

    def dial_fails(self, fault, what, code, fix, **how):
        self.emu.faults.dial.always = fault
        self.addCleanup(self.emu.faults.clear)
        self.fails("dial", what, code, fix, **how)

    def test_rows(self):
        self.web01()
        for status, text, what, code, fix in (
                (404, NO_LISTENERS, "the machine's Arc agent is not listening (off, restarting or blocked: Azure does not say "
                 "which)", "E501", "on web01 see: sudo azcmagent show"),
                (401, BAD_SIGNATURE, f"the relay refused the credential (401 {BAD_SIGNATURE})", "E503", "check the clock"),
                (403, "Ip has been prevented to connect to the endpoint", "a firewall rule of the relay blocks this "
                 "computer's address (403 Ip has been prevented to connect to the endpoint)", "E504",
                 "ask its administrator"),
                (503, agent_refusal(22), "nothing listens on port 22 of the machine", "E505",
                 "on web01 run: sudo systemctl enable --now ssh"),
                (400, "No", "the relay rejected the request (400 No)", "E509", "get new relay information")):
            with self.subTest(code=code):
                self.dial_fails(Fault("status", code=status, text=text), what, code, fix)


if __name__ == "__main__":
    tap.main()
