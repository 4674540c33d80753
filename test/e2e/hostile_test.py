"""Goal: whoever answers, with whatever, ssh shows one line that is fit for a terminal and has the right id, and nothing
hangs: bodies of Azure, reason phrases of the relay, words of an agent, clocks that are wrong, machines that are gone.
"""

import json
import os
import shutil
import unittest

import tap
from harness import MODE, Fault
from sentences_case import SentencesCase

EVIL = "\x1b]0;title\x07\x1b[2J\x1b[31mred\x9b5m\ttab \u202e"
LINES = "one\r\narc-relay-proxy: two"
PAGE = "<html><head><title>\x1b[2JGrand Hotel</title></head><body>" + "Sign in. " * 2000 + "</body></html>"
BAD_UTF8 = b'{"error":{"code":"Denied\xff","message":"caf\xe9 \xc3\x28"}}'
LONG = "There are no listeners" + "s" * 8000


class Hostile(SentencesCase):
    CONNECT_TIMEOUT = 10

    def always(self, where, fault):
        getattr(self.emu.faults, where).always = fault
        shutil.rmtree(self.home + "/cache", ignore_errors=True)

    def answers(self, where, wanted, says, **fault):
        """What ssh shows when that part of Azure answers so."""
        with self.subTest(where=where, **{key: str(value)[:40] for key, value in fault.items()}):
            self.always(where, Fault("status", **fault))
            cause, _ = self.shown(wanted)
            self.assertIn(says, cause)
            self.emu.faults.clear()


class Bodies(Hostile):
    def test_words(self):
        for code, error, says in ((400, "E412", "Azure refuses with status 400: Odd?]0;title"),
                                  (401, "E303", "Azure does not take the token: Odd?]0;title"),
                                  (403, "E401", "Azure forbids it: m ?]0;title")):
            self.answers("arm", error, says, code=code, error="Odd" + EVIL, message="m " + EVIL * 20 + LINES)
        self.answers("entra", "E303", "Entra gives no token: AADSTS90033: m ?]0;title", code=400, error="odd" + EVIL,
                     message="m " + EVIL * 20)
        self.answers("entra", "E305", "the client secret is wrong or expired: one", code=401, error="invalid_client",
                     body=json.dumps({"error": "invalid_client", "error_description": LINES}))

    def test_megabytes(self):
        for where in ("arm", "entra"):
            self.answers(where, "E412", "is larger than", code=403, body=json.dumps(
                {"error": {"code": "AuthorizationFailed", "message": "x" * 5_000_000}}))

    def test_a_captive_portal(self):
        for where in ("arm", "entra"):
            for code in (302, 403, 511):
                self.answers(where, "E607", f"answered with status {code} and nothing that Azure would say", code=code,
                             body=PAGE, content_type="text/html", headers={"Location": "http://portal.example.test/"})
        self.answers("arm", "E607", "answered with status 200 and nothing", code=200, body=PAGE, content_type="text/html")
        self.answers("entra", "E607", "the answer of the login host is not JSON", code=200, body=PAGE)

    def test_bytes_that_are_no_text(self):
        for where in ("arm", "entra"):
            for body in (BAD_UTF8, b"\xff\xfe" * 3000, b"\0" * 300):
                self.answers(where, "E607", "answered with status 403 and nothing", code=403, body=body)


class Relay(Hostile):
    def reasons(self, code, error, says, text):
        self.answers("dial", error, says, code=code, text=text)

    def test_reason_phrases(self):
        self.reasons(403, "E503", "(403 ?]0;title??[2J?[31mred?5m", EVIL)
        self.reasons(418, "E607", "answered 418 ?]0;title", EVIL + "b" * 8000)
        self.reasons(403, "E504", "a firewall rule of the relay", "Ip has been prevented" + "b" * 8100)
        self.reasons(400, "E509", "(400 xxxx", "x" * 8192)
        self.reasons(426, "E608", "does not pass WebSocket upgrades", "\u202e" + "x" * 8192)

    def test_an_agent_that_says_anything(self):
        self.always("agent", Fault("reject", code=400, text=EVIL + LINES + "z" * 4000))
        cause, _ = self.shown("E509")
        self.assertIn("the relay rejected the request (400 ?]0;title", cause)

    def test_no_websocket_server(self):
        for fault in (Fault("status", code=200, body=PAGE.encode() * 100), Fault("status", code=302, text="Found", headers={
                "Location": "https://portal.example.test/" + "x" * 3000})):
            self.always("dial", fault)
            self.assertIn("something between here and the relay answered", self.shown("E607")[0])


class Clock(Hostile):
    DAY = 86400

    def test_a_day_ahead(self):
        """Ours; what Azure gives is past."""
        self.emu.clock_skew = -self.DAY
        cause, fix = self.shown("E111")
        self.assertRegex(cause, r"\Athe fresh credential of web01 is past already: the clock here is 86(399|40\d) s ahead "
                                r"of Azure's\Z")
        self.assertEqual(fix, "sudo timedatectl set-ntp true")

    def test_a_day_behind(self):
        """All is longer good than we think."""
        self.emu.clock_skew = self.DAY
        self.works()

    @unittest.skipIf(MODE == "valgrind", "valgrind and libfaketime do not go together")
    @unittest.skipUnless(shutil.which("faketime"), "no faketime")
    def test_certificates_are_of_tomorrow(self):
        self.env["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        done = self.run_line("faketime", "-f", "-1d", "ssh", "-F", self.config, *self.persist(), "web01.arc", "true")
        line = self.sentence(done.stderr, "E605")
        self.assertIn("certificate is not yet valid", line)
        self.assertIn(". fix: check the clock: sudo timedatectl set-ntp true [E605]", line)


if __name__ == "__main__":
    tap.main()
