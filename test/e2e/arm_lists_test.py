"""Goal: Azure's lists and long-running operations come to their end, whatever goes
wrong on the way; a token goes to no other host.
"""

import json
import os
import subprocess

import tap
from arm_case import PLAY, PlayCase
from canary import memory_of
from harness import HANG_S, MODE, Fault, clean_env


def inherited_sockets(pid):
    """Descriptors of sockets that a child of the process would have."""
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with open(f"/proc/{pid}/fdinfo/{fd}") as info:
            flags = int(info.read().split("flags:")[1].split()[0], 8)
        if os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:") and not flags & os.O_CLOEXEC:
            found.append(fd)
    return found


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
        if MODE == "valgrind":          # so many requests are too long for it
            return
        pages = iter(range(10 ** 6))
        self.always_answers(Fault("edit", script=lambda document: {
            "value": [], "nextLink": f"{self.emu.management}{self.path}&n={next(pages)}"}))
        before = self.requests()
        self.fails("E412", "500 pages")
        self.assertEqual(self.requests() - before, 500)

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

    def connections(self, *faults, requests=8):
        """How many TLS connections a list of eight pages took; no request had to be waited for."""
        self.emu.arm.page_size = 1
        self.next_answers(*faults)
        tls, before = self.emu.count(who="management", what="tls"), self.requests()
        status, names, line, everything = self.list()
        self.assertEqual((status, sorted(names)), (0, self.names), line)
        self.assertNotIn("again", everything)
        self.assertEqual(self.requests() - before, requests)
        return self.emu.count(who="management", what="tls") - tls

    def test_one_connection(self):
        self.assertEqual(self.connections(), 1)

    def test_connections_that_end(self):
        """After an answer, while nobody looks; or when the next request is on its way already."""
        for how in ("fin", "rst"):
            with self.subTest(how=how):
                self.assertEqual(self.connections("ok", Fault("drop", how=how), "ok", requests=9), 2)
        self.always_answers(Fault("truncate", keep=1 << 30))
        self.assertEqual(self.connections(), 8)

    def test_what_is_kept_of_a_request(self):
        """A connection, and not what was sent on it."""
        if MODE:
            self.skipTest("what a checker keeps of memory is its own")
        token = self.emu.issue_token()
        with subprocess.Popen([PLAY, "hold", self.emu.cloud_file, self.path], env=clean_env(self.home),
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as play:
            play.stdin.write(token.encode() + b"\n")
            play.stdin.flush()
            for _ in self.names:
                play.stdout.readline()
            self.assertEqual(inherited_sockets(play.pid), [])
            try:
                pieces = list(memory_of(play.pid))
            except PermissionError:
                self.assertNotEqual(os.geteuid(), 0)
                pieces = []
            play.stdin.close()
        # pieces of memory that are used again begin with a link
        self.assertEqual([len(piece) for piece in pieces if token[-40:].encode() in piece], [])

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

    def test_a_service_that_takes_its_time(self):
        arm = self.emu.arm
        path = self.rid + "/providers/Microsoft.HybridConnectivity/endpoints/default/serviceConfigurations/SSH"
        for name, value in [("slow_operations", 1), ("operation_retry_after", None), ("operation_style", None),
                            ("operation_result", "Succeeded")]:
            self.addCleanup(setattr, arm, name, getattr(arm, name))
            setattr(arm, name, value)
        port = 2200
        for style in ("azure-async", "location", "resource"):
            for result, status in [("Succeeded", 0), ("Failed", 76)]:
                with self.subTest(style=style, result=result):
                    arm.operation_style, arm.operation_result = style, result
                    port += 1
                    body = json.dumps({"properties": {"serviceName": "SSH", "port": port}})
                    done = self.play("wait", "PUT", path + "?api-version=2023-03-15", body, str(HANG_S * 1000))
                    self.assertEqual(done[0], status, done[3])
                    self.assertEqual(self.emu.machine("web01").service_ports["SSH"] == port, result == "Succeeded")

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
