"""Goal: Azure is waited for as it asks, and no longer than is right; what it answers
costs no more memory than is right, leads to no other host, and is not quoted.
"""

import base64
import gzip
import io
import json
import os
import re
import subprocess
import time

import tap
from arm_case import CredentialsCase
from harness import MODE, Fault


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


tap.main()
