"""Goal: each thing that stops a connection is told as one line with cause and fix.

Arguments and files: nothing is dialled.  TLS: the host and the issuer are named.
The relay's answers: the row of arc-relay-errors(7), retried as it says.
"""

import os
import re
import time

import tap
from harness import EmulatorCase, Fault, deadline, relay_info_text
from faults import BAD_SIGNATURE, NO_ENDPOINT, NO_LISTENERS, NOT_ACCEPTED, agent_refusal

IDENTIFICATION = b"SSH-2.0-arc_relay_proxy\r\n"


class Case(EmulatorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.emu.add_machine("web01", service="echo")

    def refused(self, status, *words, args, **run):
        """Runs it to its end: one line on stderr with all words, the same for ssh."""
        run.setdefault("input", b"x")
        got, out, err = self.run_proxy(*args, **run)
        self.assertEqual(got, status, err)
        self.assertTrue(err, "nothing was said")
        last = err.splitlines()[-1]
        for word in words:
            self.assertIn(word, last)
        self.assertLessEqual(len(last), 1024 if last.startswith("{") else 400)
        if out:
            self.assertTrue(out.startswith(IDENTIFICATION), out[:80])
            for word in words:
                self.assertIn(word.encode(), out)
        return last

    def dials(self):
        return self.emu.count(who="relay", what="connect")


class Arguments(Case):
    def refused_without_dialling(self, status, *words, args, **run):
        before = self.contacts()
        self.refused(status, *words, args=args, **run)
        self.assertEqual(self.contacts(), before, "something was dialled")

    def contacts(self):
        """Connections to anything: only agents make one by themselves, at their start."""
        return self.emu.count(what="tls") + self.emu.count(what="tls-failed")

    def file(self, data):
        path = os.path.join(self.home, "info")
        with open(path, "wb") as file:
            file.write(data)
        return path

    def test_files(self):
        missing = os.path.join(self.home, "missing")
        good = self.emu.issue_credentials("web01")

        def without(name):
            return {"relay": {k: v for k, v in good["relay"].items() if k != name}}

        def with_(**changes):
            return {"relay": {**good["relay"], **changes}}
        cases = [
            ("missing", missing, 66, "No such file"),
            ("directory", self.home, 66, "cannot read relay information"),
            ("empty", self.file(b""), 65, "empty"),
        ]
        for name, path, status, word in cases:
            with self.subTest(name):
                self.refused_without_dialling(status, word, "[E106]", "fix: ", args=["-r", path])
        texts = [
            ("not base64", b"\x00\x01\xff not base64 !!", 65, "E106"),
            ("not json", relay_info_text(["x"]).encode(), 65, "E106"),
            ("not json 2", b"eyJhIjo=", 65, "E106"),
            ("10 MB", b"A" * 10_000_000, 65, "E106"),
            ("expired", relay_info_text(with_(expiresOn=1700000000)).encode(), 65, "2023-11-14"),
            ("foreign suffix", relay_info_text(with_(namespaceNameSuffix="evil.test")).encode(), 65,
             "namespaceNameSuffix"),
            ("header injection", relay_info_text(with_(accessKey="x\r\nHost: evil")).encode(), 65,
             "accessKey"),
            ("path injection", relay_info_text(
                with_(hybridConnectionName="x?sb-hc-action=listen&")).encode(), 65,
             "hybridConnectionName"),
        ]
        texts += [(f"no {name}", relay_info_text(without(name)).encode(), 65, name)
                  for name in good["relay"] if name != "serviceConfigurationToken"]
        for name, data, status, word in texts:
            with self.subTest(name):
                self.refused_without_dialling(status, word, args=["-r", self.file(data)])

    def test_options(self):
        info, rid = self.info_file("web01"), self.emu.machine_id("web01")
        for args, word in (
                (["-r", info, "-p", "0"], "port"), (["-r", info, "-p", "65536"], "port"),
                (["-r", info, "-p", "ssh"], "port"), (["-r", info, "-p", ""], "port"),
                (["-r", info, rid], "both"), ([rid, rid], "one target"),
                (["--nonsense", rid], "--nonsense"), (["-r"], "-r"),
                (["--deadline", "0", rid], "--deadline"), (["web 01"], "resource id"),
                ([], "SSHPROXY_RELAY_INFO"), (["-p", "22", "-p", "23", rid], "twice")):
            with self.subTest(args=args):
                self.refused_without_dialling(64, word, args=args)

    def test_secrets_are_not_shown(self):
        document = self.emu.issue_credentials("web01")
        document["relay"]["expiresOn"] = 1
        for text in (relay_info_text(document), relay_info_text(document)[:-9]):
            _, out, err = self.run_proxy("-vv", "-r", self.info_file("web01", text=text), input=b"x")
            for key in ("accessKey", "serviceConfigurationToken"):
                self.assertNotIn(document["relay"][key], err + out.decode(errors="replace"))


class Tls(Case):
    def refused_by(self, kind, status, *words):
        log = len(self.emu.log)
        self.refused(status, *words, port=self.emu.bad_relay(kind),
                     args=["-r", self.info_file("web01"), *deadline(3)])
        self.assertEqual([r for r in self.emu.log[log:] if r["what"] == "connect"], [])

    HOST = "ns1.relay.emulated.test"

    def test_wrong_host_name(self):
        self.refused_by("wrong-name", 78, self.HOST, "not for this host", "issuer", "[E605]")

    def test_unknown_ca(self):
        self.refused_by("unknown-ca", 78, self.HOST, "signed by", "[E605]")

    def test_self_signed(self):
        self.refused_by("self-signed", 78, self.HOST, "signed by", "[E605]")

    def test_expired(self):
        self.refused_by("expired", 78, self.HOST, "expired on", "issuer", "[E605]")

    def test_not_yet_valid(self):
        self.refused_by("not-yet-valid", 78, self.HOST, "check the clock", "[E605]")

    def test_tls_1_1(self):
        self.refused_by("tls1.1", 76, self.HOST, "protocol version", "[E606]")

    def test_reset_in_the_handshake(self):
        self.refused_by("reset", 76, self.HOST, "[E606]")

    def test_no_tls_at_all(self):
        self.refused_by("plain", 76, self.HOST, "[E606]")

    def test_nobody_listens(self):
        from harness import free_port
        self.refused(69, "cannot connect to", "Connection refused", "[E602]", port=free_port(),
                     args=["-r", self.info_file("web01"), *deadline(2)])

    def test_no_such_ca_file(self):
        self.refused(78, "/no/such/file", "[E605]",
                     args=["-r", self.info_file("web01"), "--ca-file", "/no/such/file"])

    def test_unknown_name(self):
        status, _, err = self.run_proxy("-r", self.info_file("web01"), *deadline(2),
                                        "--connect-to", "name.invalid:443", input=b"x",
                                        options=["--cloud-file", self.emu.cloud_file])
        self.assertEqual(status, 69, err)
        self.assertIn("cannot resolve name.invalid", err)


class Answers(Case):
    def answer(self, fault, status, *words, times=60, within=3, dials=None, target=False):
        self.emu.faults.dial.extend([fault] * times)
        before = self.dials()
        where = [self.emu.machine_id("web01")] if target else ["-r", self.info_file("web01")]
        line = self.refused(status, *words, args=[*where, *deadline(within)])
        self.assertNotIn("TrackingId", line.split("fix:")[0] if target else "")
        if dials is not None:
            self.assertEqual(self.dials() - before, dials)

    def test_404_no_listener(self):
        self.answer(Fault("status", code=404, text=NO_LISTENERS), 69, "not listening", "[E501]")

    def test_404_listener_did_not_accept(self):
        self.answer(Fault("status", code=404, text=NOT_ACCEPTED), 69, "did not answer", "[E501]")

    def test_404_no_endpoint(self):
        self.answer(Fault("status", code=404, text=NO_ENDPOINT), 75, "endpoint", "[E502]")

    def test_each_404_three_times_then_it_works(self):
        for text in (NO_LISTENERS, NOT_ACCEPTED, NO_ENDPOINT):
            with self.subTest(text):
                self.emu.faults.dial.extend([Fault("status", code=404, text=text)] * 2)
                before = self.dials()
                child = self.proxy("-r", self.info_file("web01"))
                child.stdin.write(b"hello")
                child.stdin.flush()
                self.assertEqual(child.stdout.read(5), b"hello")
                child.communicate(timeout=60)
                self.assertEqual((child.returncode, self.dials() - before), (0, 3))

    def test_401_from_a_file_is_final(self):
        self.answer(Fault("status", code=401, text=BAD_SIGNATURE), 77, BAD_SIGNATURE, "[E503]", dials=1)

    def test_401_with_a_target_is_tried_once_with_a_new_credential(self):
        lists = self.emu.count(who="arm", operation="listcredentials")
        self.answer(Fault("status", code=401, text=BAD_SIGNATURE), 77, "[E503]", dials=2, target=True)
        self.assertEqual(self.emu.count(who="arm", operation="listcredentials") - lists, 2)

    def test_403_with_a_target_heals(self):
        self.emu.faults.dial.append(Fault("status", code=403, text="no"))
        child = self.proxy(self.emu.machine_id("web01"))
        child.stdin.write(b"hello")
        child.stdin.flush()
        self.assertEqual(child.stdout.read(5), b"hello")
        child.communicate(timeout=60)
        self.assertEqual(child.returncode, 0)

    def test_403_firewall(self):
        self.answer(Fault("status", code=403, text="Ip has been prevented to connect to the endpoint"),
                    77, "firewall", "[E504]", dials=1)

    def test_503_agent_cannot_reach_the_port(self):
        self.answer(Fault("status", code=503, text=agent_refusal(22)), 69,
                    "nothing listens on port 22", "systemctl", "[E505]", within=9, dials=3)

    def test_503_from_the_real_agent(self):
        self.emu.add_machine("noport", port=1)
        got = self.refused(69, "nothing listens on port 22 of the machine", "[E505]",
                           args=[self.emu.machine_id("noport"), *deadline(9)])
        self.assertLessEqual(len(got), 400)

    def test_503_busy(self):
        self.answer(Fault("status", code=503, text="Server busy"), 75, "Server busy", "[E506]")

    def test_others(self):
        for code, status, words in ((400, 76, ["[E509]"]), (410, 76, ["[E509]"]), (429, 75, ["[E506]"]),
                                    (500, 75, ["[E506]"]), (502, 75, ["[E506]"]), (504, 75, ["[E506]"]),
                                    (426, 76, ["[E608]"]), (418, 76, ["418", "[E607]"])):
            with self.subTest(code=code):
                self.answer(Fault("status", code=code, text="because"), status, "because", *words,
                            within=2)
                self.emu.faults.dial.clear()

    def test_redirect_is_not_followed(self):
        self.answer(Fault("status", code=302, headers={"Location": "https://127.0.0.1:1/"}), 76,
                    "302", "[E607]", dials=1)

    def test_captive_portal(self):
        self.answer(Fault("status", code=200, body=b"<html>sign in</html>"), 76, "200", "[E607]", dials=1)

    def test_wrong_accept_key_and_others(self):
        for kind in ("wrong-accept", "no-accept", "duplicate-accept", "extension", "subprotocol"):
            with self.subTest(kind):
                self.answer(Fault(kind), 76, "[E607]", dials=1)
                self.emu.faults.dial.clear()

    def test_no_answer(self):
        began = time.monotonic()
        self.answer(Fault("stall"), 75, "did not answer", "[E510]", within=2)
        self.assertGreater(time.monotonic() - began, 1.9)

    def test_hostile_reason_is_harmless(self):
        self.emu.faults.dial.append(Fault("status", code=418, text="a\x1b]0;x\x07\x1b[2J" + "b" * 3000))
        _, out, err = self.run_proxy(self.emu.machine_id("web01"), "-v", input=b"x")
        self.assertIsNone(re.search(r"[^\n -~]", err), err)
        self.assertLess(len(out), 512)

    def test_close_before_a_byte(self):
        self.emu.faults.dial.append(Fault("close", code=1000, after=0))
        child = self.proxy("-r", self.info_file("web01"))   # ssh is still there
        out, err = child.stdout.read(), child.stderr.read()
        child.communicate()
        self.assertEqual(child.returncode, 69, err)
        for text in (out, err):
            self.assertIn(b"was cut before", text)
            self.assertIn(b"[E507]", text)


if __name__ == "__main__":
    tap.main()
