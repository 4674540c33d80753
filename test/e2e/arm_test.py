"""Goal: whatever Azure's management endpoint answers, the user reads what it means
and what to do; lists and long-running operations come to an end; a token goes to
no other host; nothing that is said costs more memory or time than is right.
"""

import base64
import gzip
import io
import json
import os
import re
import socket
import subprocess
import time

import tap
from harness import BUILD, HANG_S, MODE, TOOL, WRAP, EmulatorCase, Fault, clean_env

PLAY = os.path.join(BUILD, "test", "play", "arm_play")
LIST_ACTION = "Microsoft.HybridConnectivity/endpoints/listCredentials/action"
OID = "11111111-2222-3333-4444-555555555555"
TENANT = "99999999-8888-7777-6666-555555555555"
CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}'


def challenge(*, claims=None, error="insufficient_claims", tenant="common"):
    """Headers as ARM sends them with a 401."""
    value = f'Bearer realm="", authorization_uri="https://login.windows.net/{tenant}/oauth2/authorize", error="{error}"'
    if claims is not None:
        value += f', claims="{base64.b64encode(claims.encode()).decode()}"'
    return {"WWW-Authenticate": value}


class Bystander:
    """A host that must not be spoken to: it only counts who comes."""

    def __init__(self):
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.setblocking(False)
        self.url = f"https://127.0.0.1:{self._server.getsockname()[1]}"

    def visitors(self):
        """How many connections came; the queue of the kernel has them all."""
        count = 0
        while True:
            try:
                self._server.accept()[0].close()
                count += 1
            except BlockingIOError:
                return count

    def close(self):
        self._server.close()


class ArmCase(EmulatorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.emu.add_machine("web01", service="echo")
        cls.rid = cls.emu.machine_id("web01")

    def setUp(self):
        super().setUp()
        self.emu.faults.clear()
        self.before = self.emu.count(who="arm", what="request")

    def requests(self):
        """How many came to ARM in this test."""
        return self.emu.count(who="arm", what="request") - self.before

    def next_answers(self, *faults):
        self.emu.faults.arm.extend(faults)

    def always_answers(self, fault):
        self.emu.faults.arm.always = fault
        self.addCleanup(self.emu.faults.clear)

    def bystander(self):
        host = Bystander()
        self.addCleanup(host.close)
        return host


class CredentialsCase(ArmCase):
    def command(self, *args):
        # each run asks anew: no answer, good or bad, is shared
        return WRAP + [TOOL, "credentials", "--cloud-file", self.emu.cloud_file, "--no-cache", *args, self.rid]

    def run_it(self, *args):
        return subprocess.run(self.command(*args), env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=HANG_S)

    def good(self, *args):
        """What -v says, if asked."""
        done = self.run_it(*args)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("accessKey", done.stdout)
        return done.stderr

    def bad(self, status, error, *says):
        """The line on stderr, which must be the only output."""
        done = self.run_it()
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertRegex(done.stderr, r"\Aarc-relay: [\x20-\x7e]{1,388}\n\Z")
        for words in [f"[{error}]", *says]:
            self.assertIn(words, done.stderr)
        return done.stderr


class Explanations(CredentialsCase):
    def refused(self, code, document, status, error, *says, **more):
        self.next_answers(Fault("status", code=code, body=json.dumps(document), **more))
        with self.subTest(document=str(document)[:60], code=code):
            return self.bad(status, error, *says)

    def lacks(self, action, scope=None):
        return {"error": {"code": "AuthorizationFailed", "message": (
            f"The client 'me@test' with object id '{OID}' does not have authorization to perform action '{action}' "
            f"over scope '{scope or self.rid}' or the scope is invalid. If access was recently granted, please "
            "refresh your credentials.")}}

    def test_who_may_not_what(self):
        self.refused(403, self.lacks(LIST_ACTION), 77, "E401", LIST_ACTION,
                     f'--assignee {OID} --role "Virtual Machine Local User Login" --scope {self.rid} ')
        self.refused(403, self.lacks("Microsoft.HybridCompute/machines/read"), 77, "E402",
                     f"Microsoft.HybridCompute/machines/read on {self.rid}", '"Reader"')
        self.refused(403, self.lacks("Microsoft.HybridConnectivity/endpoints/write"), 77, "E407", '"Contributor"')
        self.refused(403, {"error": {"code": "LinkedAuthorizationFailed", "message": "Not you."}}, 77, "E401",
                     "Not you.")
        self.refused(403, {"error": {"code": "Forbidden"}}, 77, "E401", "Forbidden")

    def test_other_tenant(self):
        document = {"error": {"code": "InvalidAuthenticationTokenTenant", "message": "wrong issuer"}}
        self.refused(401, document, 68, "E206", f"arc-relay login --tenant {TENANT}", f"az login --tenant {TENANT}",
                     headers=challenge(error="invalid_token", tenant=TENANT))
        for tenant in ("common", "$(reboot)", "a b", "", "x" * 200):
            self.refused(401, document, 68, "E206", "az login --tenant TENANT",
                         headers=challenge(error="invalid_token", tenant=tenant))

    def test_no_subscription(self):
        self.refused(404, {"error": {"code": "SubscriptionNotFound", "message": "The subscription was not found."}},
                     68, "E206", f"no such subscription as {self.emu.subscription}", "az login --tenant")

    def test_not_registered(self):
        for code, word in [(409, "MissingSubscriptionRegistration"), (400, "NoRegisteredProviderFound")]:
            self.refused(code, {"error": {"code": word, "message": "Not registered."}}, 78, "E403",
                         f"az provider register -n Microsoft.HybridConnectivity --subscription {self.emu.subscription}")

    def test_locked(self):
        self.refused(409, {"error": {"code": "ScopeLocked", "message": (
            f"The scope '{self.rid}' cannot perform write operation because following scope(s) are locked: "
            "'/subscriptions/x/resourceGroups/rg1'. Please remove the lock and try again.")}},
            77, "E410", "lock on /subscriptions/x/resourceGroups/rg1 ", f"az lock list --resource {self.rid} ")

    def test_policy(self):
        def document(**info):
            return {"error": {"code": "RequestDisallowedByPolicy", "message": "Resource 'default' was disallowed.",
                              "additionalInfo": [{"type": "Other"}, {"type": "PolicyViolation", "info": info}]}}
        self.refused(403, document(policyDefinitionDisplayName="No relays", policyDefinitionName="n1"), 77, "E411",
                     'the Azure policy "No relays" forbids it', "owner")
        self.refused(403, document(policyAssignmentName="a1"), 77, "E411", '"a1"')
        self.refused(403, document(policyAssignmentName=7), 77, "E411", "an Azure policy forbids it")

    def test_not_there(self):
        self.refused(410, {"error": {"code": "Gone", "message": "The machine was deleted."}}, 68, "E201",
                     f"web01 in group rg1 of subscription {self.emu.subscription}")
        self.refused(404, {"error": {"code": "EndpointNotFound", "message": "x"}}, 78, "E404", "az ssh arc")
        self.refused(412, {"error": {"code": "PreconditionFailed", "message": "x"}}, 78, "E405", "az ssh arc")
        self.refused(404, {"error": {"code": "InvalidResourceType", "message": "No such type."}}, 76, "E412",
                     "InvalidResourceType: No such type.")

    def test_shapes_of_error_bodies(self):
        for document, says in [
                ({"error": {"code": "Odd", "message": "Told so."}}, "Odd: Told so."),
                ({"code": "Odd", "message": "Told so."}, "Odd: Told so."),
                ({"Code": "Odd", "Message": "Told so."}, "Odd: Told so."),
                ({"Message": "Told so."}, "Told so."),
                ({"error": {"code": "BadRequest", "message": "See details.",
                            "details": [{"code": "PortTaken", "message": "Port 22 is taken."}]}},
                 "PortTaken: Port 22 is taken."),
                ({"error": {"code": "BadRequest", "message": "", "innererror": {"code": "In", "message": "Inner."}}},
                 "In: Inner."),
                ({"error": {"code": "Precise", "message": "Told so.", "details": [{"code": "X", "message": "y"}]}},
                 "Precise: Told so."),
                ({"error": {"code": "Odd", "message": "one\r\ntwo"}}, "Odd: one"),
                ({"error": {"code": "Odd", "message": "\u001b[31mred\u202e"}}, "Odd: ?[31mred"),
                ({"error": {"code": "Odd" * 1000, "message": "m" * 30000}}, "OddOdd")]:
            self.refused(400, document, 76, "E412", "status 400", says)

    def test_not_azures_own_words(self):
        for code in (400, 401, 403, 404, 405, 511):
            for body in ("<html>Blocked by policy of the proxy</html>", "", "[]", '"x"', "{", '{"error":"x"}',
                         '{"error":{"code":7,"message":null}}', "\0", "\xff\xfe"):
                with self.subTest(code=code, body=body):
                    self.next_answers(*[Fault("status", code=code, body=body)] * (2 if code in (401, 511) else 1))
                    if code == 511:     # "Network Authentication Required": of a portal
                        self.always_answers(Fault("status", code=code, body=body))
                        self.bad(75, "E409", "511")
                        self.emu.faults.clear()
                        break
                    if code == 401:
                        self.bad(67, "E303", "status 401")
                    else:
                        self.assertNotIn("Blocked", self.bad(76, "E607", f"status {code}"))


class Challenges(CredentialsCase):
    DOCUMENT = json.dumps({"error": {"code": "TokenCreatedWithOutdatedPolicies", "message": "Sign in again."}})

    def refusal(self, **more):
        return Fault("status", code=401, body=self.DOCUMENT, headers=challenge(**more))

    def test_a_challenge_for_claims(self):
        self.next_answers(*[self.refusal(claims=CLAIMS, tenant=TENANT)] * 2)
        in_base64 = base64.b64encode(CLAIMS.encode()).decode()
        self.bad(77, "E304", "arc-relay login", f"az login --tenant {TENANT} --claims-challenge {in_base64} ")
        self.assertEqual(self.requests(), 2)

    def test_a_long_one_is_not_cut_in_half(self):
        self.next_answers(*[self.refusal(claims=json.dumps({"a": "b" * 1900}))] * 2)
        self.assertNotIn("--claims", self.bad(77, "E304", "or az login"))

    def test_what_is_no_challenge(self):
        for more in [{"claims": CLAIMS, "error": "invalid_token"}, {"claims": "{"}, {"claims": "7"}, {"claims": "[]"},
                     {"claims": '{"a":"\0"}'}, {"claims": json.dumps({"a": "b" * 3000})}, {}]:
            with self.subTest(**more):
                self.next_answers(*[self.refusal(**more)] * 2)
                self.bad(67, "E303", "TokenCreatedWithOutdatedPolicies")

    def test_a_new_token_heals_it(self):
        self.next_answers(self.refusal(claims=CLAIMS))
        self.good()
        self.assertEqual(self.requests(), 2)


class Waits(CredentialsCase):
    def throttled(self, code=429, **headers):
        return Fault("status", code=code, error="TooManyRequests", message="Slowly.",
                     headers={name.replace("_", "-"): value for name, value in headers.items()})

    def test_what_is_honoured(self):
        for headers in [{"Retry_After": "0"}, {"retry_after_ms": "300"}, {"x_ms_retry_after_ms": "300"},
                        {"Retry_After": "3600", "retry_after_ms": "20"}, {"Retry_After": "1"},
                        {"x_ms_retry_after_ms": "-1", "Retry_After": "1"}]:
            for code in (429, 503):
                with self.subTest(code=code, **headers):
                    self.next_answers(self.throttled(code, **headers))
                    said = self.good("-v")
                    if headers.get("retry_after_ms") == "300":
                        wait = int(re.search(r"again in (\d+) ms", said).group(1))
                        self.assertTrue(300 <= wait < 600, said)
        self.assertEqual(self.requests(), 24)

    def test_too_long_is_not_begun(self):
        for says, headers in [("3600 s", {"Retry_After": "3600"}), ("8 s", {"retry_after_ms": "7500"}),
                              ("86400 s", {"Retry_After": "9" * 30}),
                              ("86400 s", {"Retry_After": "Fri, 31 Dec 9999 23:59:59 GMT"})]:
            with self.subTest(**headers):
                self.next_answers(self.throttled(**headers))
                self.bad(75, "E408", f"try again in {says}")
        self.assertEqual(self.requests(), 4)

    def test_nobody_knows_how_long(self):
        for value in ("-1", "soon", "1.5", "1e18", "Sun, 99 Nov 1994 08:49:37 GMT"):
            with self.subTest(value=value):
                self.next_answers(self.throttled(Retry_After=value))
                self.bad(75, "E408", "try again in a minute")
        self.assertEqual(self.requests(), 5)
        self.next_answers(self.throttled(503, Retry_After="soon"))
        self.good()                     # a failing host is asked again all the same

    def test_the_servers_date_is_of_the_servers_clock(self):
        self.emu.clock_skew = 7200
        self.addCleanup(setattr, self.emu, "clock_skew", 0)
        then = time.gmtime(time.time() + 7200 + 600)
        self.next_answers(self.throttled(Retry_After=time.strftime("%a, %d %b %Y %H:%M:%S GMT", then)))
        line = self.bad(75, "E408")
        self.assertTrue(500 < int(re.search(r"try again in (\d+) s", line).group(1)) <= 600, line)


class Headers(CredentialsCase):
    def test_what_v_tells_and_nothing_else_does(self):
        extra = {"x-ms-failure-cause": "gateway", "x-ms-ratelimit-remaining-subscription-writes": "7",
                 "x-ms-ratelimit-remaining-subscription-global-reads": "49",
                 "x-ms-ratelimit-remaining-subscription-reads": "50",
                 "x-ms-ratelimit-remaining-subscription-deletes": "few"}
        fault = Fault("status", code=400, error="Odd", message="Told so.", headers=extra)
        self.next_answers(fault, fault)
        told = self.run_it("-v").stderr
        for words in ("refused by: gateway", "7 subscription-writes left", "49 subscription-global-reads left",
                      "request ", "correlation "):
            self.assertIn(words, told)
        for words in ("subscription-reads", "few", "Bearer", "eyJ"):
            self.assertNotIn(words, told)
        self.assertEqual(self.run_it().stderr.count("\n"), 1)

    def test_hostile_headers(self):
        extra = {"x-ms-failure-cause": "\x1b[31m", "x-ms-request-id": "a b", "x-ms-correlation-request-id": "c" * 500,
                 "x-ms-ratelimit-remaining-subscription-writes": "-1"}
        self.next_answers(Fault("status", code=400, error="Odd", message="x", headers=extra))
        self.assertNotRegex(self.run_it("-vv").stderr, r"[^\x20-\x7e\n]|c{100}|-1 subscription")


class Bodies(CredentialsCase):
    def answers(self, body, status=76, error="E412", code=200, says=(), **more):
        self.next_answers(Fault("status", code=code, body=body, **more))
        with self.subTest(body=str(body)[:40], length=len(body), code=code):
            line = self.bad(status, error, *says)
            self.assertNotRegex(line, "CANARY|SharedAccess|eyJ")

    def test_nothing_to_read(self):
        for code in (200, 201, 202, 204):
            self.answers("", code=code, error="E607")

    def test_bombs_and_garbage(self):
        good = json.dumps(self.emu.issue_credentials("web01"))
        self.answers('{"a":' * 10000 + "1" + "}" * 10000, says=["JSON"])
        self.answers('{"relay":[' + "{}," * (1 << 18) + "{}]}", says=["65536"])
        self.answers('{"relay":[' + "{}," * 20000 + "{}]}", says=["namespaceName"])
        self.answers('{"relay":{},"relay":{}}', says=["twice"])
        self.answers(good + "CANARY", says=["JSON"])
        self.answers(good.encode() + b"\0")
        self.answers(good.replace("namespaceName", "namespace\\u0000Name", 1))
        self.answers(b'{"relay":"CANARY\xff\xfe"}')
        self.answers(b"\xef\xbb\xbf" + good.encode(), error="E607")
        self.answers(good.encode("utf-16"), error="E607")
        self.answers(base64.b64encode(good.encode()), error="E607")     # as az writes it into files, not as ARM

    def test_fields(self):
        for field, value in [("accessKey", None), ("accessKey", ["CANARY"]), ("accessKey", "C" * 30000),
                             ("accessKey", "CANARY\r\nX: y"), ("namespaceName", {"a": 1}),
                             ("namespaceNameSuffix", None), ("namespaceNameSuffix", "127.0.0.1"),
                             ("hybridConnectionName", "x" * 60000), ("serviceConfigurationToken", None),
                             ("expiresOn", 1.5), ("expiresOn", "1e9"), ("expiresOn", 1 << 70)]:
            document = self.emu.issue_credentials("web01")
            document["relay"][field] = value
            self.answers(json.dumps(document), says=[] if value == 1 << 70 else [field])

    def test_blanks_around_it_are_no_fault(self):
        self.next_answers(Fault("status", code=200, body=" \r\n" + json.dumps(self.emu.issue_credentials("web01"))))
        self.good()

    def test_redirects_lead_nowhere(self):
        other = self.bystander()
        for code in (301, 302, 303, 307, 308):
            self.answers("", code=code, error="E607", headers={"Location": other.url + "/x"})
        self.assertEqual((self.requests(), other.visitors()), (5, 0))

    def memory(self):
        """Peak of the process in KiB, and what it said."""
        child = subprocess.Popen(self.command(), env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        with child.stdout, child.stderr:
            child.stdout.read()
            line = child.stderr.read()
            _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        return usage.ru_maxrss, line

    def test_compressed_answers_stay_so(self):
        good = json.dumps(self.emu.issue_credentials("web01")).encode()
        bomb = gzip.compress(b'{"a":"' + b" " * (32 << 20) + b'"}')
        self.answers(gzip.compress(good), error="E607", headers={"Content-Encoding": "gzip"})
        self.next_answers(Fault("status", code=200, body=good, headers={"Content-Encoding": "gzip"}))
        self.good()                     # it says so and is not: harmless
        packed = io.BytesIO()
        for start in range(0, len(bomb), 8192):
            piece = bomb[start:start + 8192]
            packed.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        usual, _ = self.memory()
        for fault in [Fault("status", code=200, body=bomb, headers={"Content-Encoding": "gzip"}),
                      Fault("raw", data=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" +
                            packed.getvalue() + b"0\r\n\r\n")]:
            self.next_answers(fault)
            peak, line = self.memory()
            self.assertRegex(line, r"\[E(412|607)\]\n\Z")
            if not MODE:
                self.assertLess(peak, usual + 2048)


class PlayCase(ArmCase):
    """The callers that are still to come, played by test/play/arm_play.c."""

    def play(self, *args, token=None, cloud_file=None):
        done = subprocess.run(
            WRAP + [PLAY, args[0], cloud_file or self.emu.cloud_file, *args[1:]], env=clean_env(self.home),
            input=(token or self.emu.issue_token()) + "\n", capture_output=True, text=True, timeout=HANG_S)
        lines = done.stderr.splitlines()
        return done.returncode, done.stdout.split("\n")[:-1], lines[-1] if lines else "", done.stderr


class Lists(PlayCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for n in range(7):
            cls.emu.add_machine(f"m{n}", endpoint=False, service_port=None, wait=False)
        cls.names = sorted(["web01"] + [f"m{n}" for n in range(7)])
        cls.path = (f"/subscriptions/{cls.emu.subscription}/providers/Microsoft.HybridCompute/machines"
                    "?api-version=2022-11-10")

    def setUp(self):
        super().setUp()
        self.emu.arm.page_size = 3

    def list(self, *args, **more):
        return self.play("list", *(args or [self.path]), **more)

    def fails(self, error, *says, printed=None):
        """The list ends with this sentence; returns what it had given by then."""
        status, names, line, everything = self.list()
        self.assertEqual(status, {"E412": 76, "E408": 75, "E409": 75, "E303": 67}[error], everything)
        for words in [f"[{error}]", *says]:
            self.assertIn(words, line)
        self.assertNotIn("CANARY", everything)
        if printed is not None:
            self.assertEqual(len(names), printed)

    def page(self, *names, **more):
        return Fault("status", code=200, body=json.dumps({"value": [{"name": name} for name in names], **more}))

    def test_pages(self):
        for size, pages in [(100, 1), (8, 1), (3, 3), (1, 8)]:
            with self.subTest(size=size):
                before = self.requests()
                self.emu.arm.page_size = size
                status, names, line, _ = self.list()
                self.assertEqual((status, sorted(names)), (0, self.names), line)
                self.assertEqual(self.requests() - before, pages)

    def test_nothing_in_it(self):
        for document in [{"value": []}, {"value": [], "nextLink": None}, {"value": [], "nextLink": ""}]:
            self.next_answers(Fault("status", code=200, body=json.dumps(document)))
            self.assertEqual(self.list()[:2], (0, []))

    def test_an_empty_page_is_not_the_end(self):
        self.next_answers(self.page(nextLink=self.emu.management + self.path))
        self.assertEqual(self.list(self.path + "&first=1")[0], 0)
        self.assertEqual(self.requests(), 4)

    def test_links_are_followed_byte_by_byte(self):
        tail = "/x/../y/./%2f%2F%20~!$&'()*+,;=:@?$skiptoken=a%3D%3d+/&t=1&t=2&s={}|^`\"<>&c=~"
        self.next_answers(self.page("a", nextLink=self.emu.management.upper().replace("HTTPS", "Https") + tail),
                          self.page("b"))
        self.assertEqual(self.list()[:2], (0, ["a", "b"]))
        request = self.emu.log.find(who="arm", what="request")[-1]
        self.assertEqual(request["path"], tail.partition("?")[0])
        self.assertEqual(request["query"]["s"], "{}|^`\"<>")

    def test_links_to_other_hosts(self):
        other = self.bystander()
        here = self.emu.management
        port = here.rpartition(":")[2]
        for link in [other.url + "/x", other.url, f"{here}@{other.url[8:]}/x", f"{here}.evil.test/x",
                     here.replace("https", "http") + "/x", f"//{here[8:]}/x", "/x", "x", f"https:{here[6:]}x",
                     f"https://me:pw@{here[8:]}/x", f"https://127.0.0.1:{port}1/x", "https://127.0.0.1/x",
                     f"https://127.0.0.2:{port}/x", f"https://localhost:{port}/x", f"{here}\\@{other.url[8:]}/x",
                     f"{here}#@{other.url[8:]}/x", f"{here}?@{other.url[8:]}/x", f"{here}/x#y", f"{here}/x y",
                     f"{here}/x\r\nX: y", f"{here}/\u00e9", f"{here}/{'x' * 9000}", f" {here}/x", here]:
            with self.subTest(link=link[:80]):
                self.next_answers(self.page("a", nextLink=link))
                self.fails("E412", "page 1", "another host", printed=1)
        self.assertEqual((self.requests(), other.visitors()), (24, 0))

    def test_lists_without_an_end(self):
        here = self.emu.management + "/a"
        self.next_answers(self.page("a", nextLink=here), self.page("b", nextLink=here), self.page("c"))
        self.fails("E412", "page 2", "back", printed=2)
        self.assertEqual(self.requests(), 2)
        self.emu.faults.clear()
        self.next_answers(self.page(nextLink=self.emu.management + self.path))
        self.fails("E412", "page 1", "back")
        self.emu.faults.clear()
        if MODE == "valgrind":          # a thousand requests are too many for it
            return
        pages = iter(range(10 ** 6))
        self.always_answers(Fault("edit", script=lambda document: {
            "value": [], "nextLink": f"{self.emu.management}{self.path}&n={next(pages)}"}))
        before = self.requests()
        self.fails("E412", "1000 pages")
        self.assertEqual(self.requests() - before, 1000)

    def test_what_is_no_list(self):
        for body, says in [("{}", "value"), ('{"value":{"name":"CANARY"}}', "value"), ('{"value":null}', "value"),
                           ('{"value":"CANARY"}', "value"), ("[]", "value"), ("", "empty"), ("<html>CANARY", "JSON"),
                           ('{"value":[],"value":[]}', "twice"), ('{"value":[]}CANARY', "JSON"),
                           (b'{"value":["CANARY\xff"]}', "JSON"), (b'\xef\xbb\xbf{"value":[]}', "JSON"),
                           ('{"value":[],"nextLink":7}', "nextLink"),
                           ('{"value":[],"nextLink":["CANARY"]}', "nextLink"),
                           ("[" * 100000, "JSON"), ('{"value":[' + "{}," * 600000 + "{}]}", "too many values"),
                           ('{"value":["' + "CANARY" * 800000 + '"]}', "4194304 bytes")]:
            with self.subTest(body=str(body[:40]), length=len(body)):
                self.next_answers(Fault("status", code=200, body=body))
                self.fails("E412", says, printed=0)

    def test_items_of_any_kind(self):
        self.next_answers(Fault("status", code=200, body='{"value":[{"name":7},null,[],"x",{"name":"a"}]}'))
        self.assertEqual(self.list()[:2], (0, ["-", "-", "-", "-", "a"]))

    def test_the_caller_has_enough(self):
        status, names, line, _ = self.list(self.path, "5")
        self.assertEqual((status, len(names), self.requests()), (70, 4, 2))
        self.assertIn("enough", line)

    def test_a_page_of_full_size(self):
        machine = {"name": "x", "properties": {"status": "Connected", "model": "m" * 400}}
        count = (4 << 20) // (len(json.dumps(machine)) + 2) - 1
        self.next_answers(Fault("status", code=200, body=json.dumps({"value": [machine] * count})))
        status, names, line, _ = self.list()
        self.assertEqual((status, len(names)), (0, count), line)

    def test_trouble_in_the_middle(self):
        for fault in [Fault("status", code=429, headers={"retry-after-ms": "10"}), Fault("status", code=500),
                      Fault("drop", how="rst"), Fault("truncate")]:
            with self.subTest(fault=fault):
                self.next_answers("ok", fault)
                status, names, line, _ = self.list()
                self.assertEqual((status, sorted(names)), (0, self.names), line)
        self.next_answers("ok", Fault("status", code=429, headers={"Retry-After": "60"}))
        self.fails("E408", "60 s", printed=3)
        self.next_answers("ok", Fault("status", code=401, error="ExpiredAuthenticationToken", message="x"))
        self.fails("E303", printed=3)


class Operations(PlayCase):
    PATH = "/subscriptions/s/thing"
    SOON = ("retry-after-ms", "1")

    def wait(self, within_ms=HANG_S * 1000, method="PUT"):
        return self.play("wait", method, self.PATH, "{}", str(within_ms))

    def link(self, path="/operations/1?t=1&s=%2f"):
        return self.emu.management + path

    def begun(self, header="Azure-AsyncOperation", code=202, url=None, body=""):
        return Fault("status", code=code, body=body, headers=[(header, url or self.link()), self.SOON])

    def state(self, word, code=200, **more):
        return Fault("status", code=code, body=json.dumps({"status": word, **more}), headers=[self.SOON])

    def thing(self, word, code=200):
        return Fault("status", code=code, body=json.dumps({"name": "thing", "properties": {"provisioningState": word}}),
                     headers=[self.SOON])

    def done(self, *faults, asked=(), **more):
        """It ends well; returns the last answer.  asked: the paths of all requests after the first."""
        before = self.emu.count(who="arm", what="request")
        self.next_answers(*faults)
        status, lines, _, everything = self.wait(**more)
        self.assertEqual(status, 0, everything)
        self.assertEqual(self.emu.faults.arm, [])
        rows = self.emu.log.find(who="arm", what="request")[before:]
        self.assertEqual([row["path"] for row in rows[1:]], list(asked))
        self.assertTrue(all(row["method"] == "GET" for row in rows[1:]))
        return lines[0]

    def fails(self, faults, error, *says, status=76, **more):
        with self.subTest(error=error, says=says):
            self.next_answers(*faults)
            got, lines, line, everything = self.wait(**more)
            self.assertEqual((got, lines, self.emu.faults.arm), (status, [], []), everything)
            for words in [f"[{error}]", *says]:
                self.assertIn(words, line)
            self.emu.faults.clear()
            return everything

    def test_by_its_status(self):
        url = "/operations/1"
        for code in (200, 201, 202):
            with self.subTest(code=code):
                last = self.done(self.begun(code=code, body='{"properties":{"provisioningState":"Succeeded"}}'),
                                 self.state("Accepted"), self.state("InProgress", percentComplete=50),
                                 self.state("sUCCEEDED"), asked=[url] * 3)
                self.assertIn("sUCCEEDED", last)
        self.done(Fault("status", code=202, body="", headers=[
            ("Location", self.link("/other")), ("Azure-AsyncOperation", self.link()), self.SOON]),
            Fault("status", code=202, body="", headers=[self.SOON]), self.state("Succeeded"), asked=[url] * 2)
        self.assertEqual(self.emu.log.find(who="arm", what="request")[-1]["query"], {"t": "1", "s": "/"})

    def test_by_its_location(self):
        self.assertEqual(self.done(
            self.begun("Location"), Fault("status", code=202, body="", headers=[self.SOON]),
            Fault("status", code=202, body="", headers=[("Location", self.link("/operations/2")), self.SOON]),
            Fault("status", code=200, body='{"name":"result"}'),
            asked=["/operations/1", "/operations/1", "/operations/2"]), '200 {"name":"result"}')
        self.assertEqual(self.done(self.begun("Location"), Fault("status", code=204), asked=["/operations/1"],
                                   method="DELETE"), "204 ")

    def test_by_the_resource(self):
        last = self.done(self.thing("Creating", 201), self.thing("Updating"), self.thing("Succeeded"),
                         asked=[self.PATH] * 2)
        self.assertIn("Succeeded", last)

    def test_nothing_to_wait_for(self):
        for fault in [self.thing("Succeeded"), Fault("status", code=200, body='{"name":"x"}'),
                      Fault("status", code=204), Fault("status", code=200, body="")]:
            self.done(fault)

    def test_it_fails(self):
        error = {"code": "PortTaken", "message": "Port 22 is taken."}
        self.fails([self.begun(), self.state("InProgress"), self.state("Failed", error=error)], "E412",
                   "the operation failed in Azure: PortTaken: Port 22 is taken.")
        self.fails([self.begun(), self.state("Canceled", error=error)], "E412", "was canceled", "PortTaken")
        self.fails([self.begun(), self.state("Failed")], "E412", "the operation failed in Azure [")
        self.fails([self.thing("Creating", 201), self.thing("Failed")], "E412", "the operation failed")
        self.fails([self.begun("Location"), Fault("status", code=409, error="Conflict", message="Told so.")], "E412",
                   "Conflict: Told so.")

    def test_too_late(self):
        self.always_answers(self.begun("Location"))
        self.fails([], "E409", "has not finished", status=75, within_ms=300)
        self.assertGreater(self.requests(), 1)

    def test_the_last_look_is_at_the_deadline(self):
        long = Fault("status", code=202, body="", headers=[("Location", self.link()), ("Retry-After", "86400")])
        self.next_answers(long, Fault("status", code=200, body="{}"))
        self.assertEqual(self.wait(within_ms=300)[:2], (0, ["200 {}"]))

    def test_looks_that_fail_are_made_again(self):
        self.done(self.begun(), Fault("status", code=500), Fault("drop", how="rst"), self.state("Succeeded"),
                  asked=["/operations/1"] * 3)
        # more than one call endures: it waits as it is told, and looks again
        slow = Fault("status", code=503, headers=[("retry-after-ms", "7100")])
        self.done(self.begun(), slow, self.state("Succeeded"), asked=["/operations/1"] * 2)
        self.fails([self.begun(), Fault("status", code=429, headers=[("Retry-After", "3600")])], "E408", "3600 s",
                   status=75, within_ms=5000)
        self.fails([self.begun(), Fault("status", code=404, error="NotFound", message="Forgotten.")], "E412",
                   "Forgotten.")
        self.fails([self.begun(), Fault("status", code=401, error="ExpiredAuthenticationToken", message="x")], "E303",
                   status=67)

    def test_other_hosts(self):
        other = self.bystander()
        for url in (other.url + "/x", "http" + self.link()[5:], "/operations/1", "x"):
            for header in ("Azure-AsyncOperation", "Location"):
                self.fails([self.begun(header, url=url)], "E412", "another host")
        self.fails([self.begun("Location"), self.begun("Location", url=other.url)], "E412", "another host")
        self.assertEqual(other.visitors(), 0)

    def test_answers_that_are_none(self):
        self.fails([Fault("status", code=202, body="")], "E412", "does not say where")
        for body in ("", "<html>CANARY", "{}", '{"status":7}', '{"status":null}', "[]", '{"status":"A","status":"B"}'):
            told = self.fails([self.begun(), Fault("status", code=200, body=body)], "E412", "Azure's answer about")
            self.assertNotIn("CANARY", told)

    def test_what_is_told_on_the_way(self):
        self.next_answers(self.begun(), self.state("\u001b[31mred", percentComplete=7), self.state("Succeeded"))
        told = self.wait()[3]
        self.assertNotRegex(told, r"[^\x20-\x7e\n]")
        self.assertIn("?[31mred", told)
        self.assertIn("7 %", told)


tap.main()
