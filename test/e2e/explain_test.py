"""Goal: what went wrong can be asked for after the event: the last error of a session, an id, or what
somebody saw, whatever else is in it.
"""

import base64
import json
import os
import re
import stat
import subprocess
import time
import unittest
from pathlib import Path

import tap
from explain_samples import ALL, FIRST
from harness import HANG_S, WRAP, Fault, SshCase, clean_env, deadline

TOP = Path(__file__).resolve().parents[2]
ARC_RELAY = os.path.join(os.environ.get("BUILD", "build/release"), "arc-relay")
BY_ID = {"E806"}        # nothing is printed that tells it: known only by the id in a line of ours
NO_LISTENERS = "There are no listeners connected for the endpoint."


def explain(case, *args, status=0, input=b"", env=None):
    """What it prints, and its words on stderr."""
    done = subprocess.run(WRAP + [ARC_RELAY, "explain", *args], input=input, env=env or clean_env("/nonexistent"),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=HANG_S)
    case.assertEqual(done.returncode, status, done.stderr)
    return done.stdout.decode(), done.stderr.decode()


class ExplainCase(SshCase):
    def setUp(self):
        super().setUp()
        self.kept = os.path.join(self.home, ".local/state/arc-relay/last-error")

    def explain(self, *args, status=0):
        return explain(self, *args, status=status, env=self.env)[0]

    def fails(self, *options):
        """A session that fails with E501; the line of it."""
        self.emu.faults.dial.extend([Fault("status", code=404, text=NO_LISTENERS)] * 9)
        status, _, err = self.run_proxy(*options, *deadline(1), input=b"x")
        self.assertEqual(status, 69, err)
        self.emu.faults.dial.clear()
        return err.splitlines()[-1]


class LastError(ExplainCase):
    def test_it_is_kept(self):
        began = int(time.time())
        line = self.fails(self.emu.machine_id("web01"))
        with open(self.kept) as file:
            kept = json.load(file)
        self.assertTrue(began <= kept.pop("time") <= time.time())
        self.assertEqual(kept, {"target": self.emu.machine_id("web01"), "id": "E501", "status": 69, "line": line})
        self.assertEqual(stat.S_IMODE(os.stat(self.kept).st_mode), 0o600)
        self.assertIn(f"exit status 69:\n{line}\n", self.explain())
        told = json.loads(self.explain("--json"))
        self.assertRegex(told.pop("time"), r"^20..-..-..T..:..:..Z$")
        for name in ("phase", "cause", "fix"):
            self.assertTrue(told.pop(name))
        self.assertIs(told.pop("retryable"), True)
        self.assertEqual(told, kept)

    def test_the_next_one_replaces_it(self):
        self.fails(self.emu.machine_id("web01"))
        status, _, _ = self.run_proxy("-r", os.path.join(self.home, "missing"), input=b"x")
        self.assertEqual(status, 66)
        told = json.loads(self.explain("--json"))
        self.assertEqual((told["target"], told["id"], told["status"]), ("", "E106", 66))
        self.assertEqual(sorted(os.listdir(os.path.dirname(self.kept))), ["last-error"])

    def test_nothing_is_kept_of_a_good_session_or_a_wrong_command_line(self):
        status, _, err = self.run_proxy(self.emu.machine_id("web01"), input=b"")
        self.assertEqual(status, 0, err)
        status, _, _ = self.run_proxy("--no-such-option", input=b"x")
        self.assertEqual(status, 64)
        self.assertFalse(os.path.exists(self.kept))
        self.assertIn("has not failed", self.explain())
        self.assertEqual(self.explain("--json"), "{}\n")

    def test_a_folder_that_cannot_be_written(self):
        self.env["XDG_STATE_HOME"] = self.file("plain", "no folder")
        self.assertIn("[E501]", self.fails(self.emu.machine_id("web01")))
        self.explain(status=73)

    def test_no_secret(self):
        info = self.info_file("web01")
        self.fails("-r", info)
        with open(info) as file:
            relay = json.loads(base64.b64decode(file.read()))["relay"]
        with open(self.kept) as file:
            text = file.read()
        for secret in (relay["accessKey"], relay["serviceConfigurationToken"]):
            self.assertNotIn(secret[-20:], text)

    def test_a_file_that_says_anything(self):
        self.fails(self.emu.machine_id("web01"))
        for text, words in (("", "has not failed"), ("[]", "has not failed"), ("{\"line\": 3}", "has not failed"),
                            ('{"line":"a\\u001b[2Jb","time":1,"status":69}', "a?[2Jb"), ("x" * 9999, "has not failed")):
            with open(self.kept, "w") as file:
                file.write(text)
            self.assertIn(words, self.explain())


class ThroughSsh(ExplainCase):
    def test_ssh_ends_and_it_is_there(self):
        self.emu.faults.dial.extend([Fault("status", code=401, text="no")] * 9)
        done = self.run_ssh("ssh", "arc", "true")
        self.assertEqual(done.returncode, 255)
        self.assertIn("E503", self.explain())


class Ids(unittest.TestCase):
    def test_an_id(self):
        out, err = explain(self, "e505")
        self.assertEqual(err, "")
        self.assertTrue(out.startswith("E505 "), out)
        for words in ("exit status 69", "cause:  The Arc agent is well", "do:     On Linux", "actively refused"):
            self.assertIn(words, out)
        self.assertLess(max(map(len, out.splitlines())), 80)

    def test_json(self):
        said = json.loads(explain(self, "E501", "--json")[0])
        self.assertEqual({said.pop("id"), said.pop("phase"), said.pop("status"), said.pop("retryable")},
                         {"E501", "relay", 69, True})
        self.assertTrue(said.pop("cause") and said.pop("fix"))
        self.assertEqual(said, {})

    def test_no_such_id(self):
        for one in ("E999", "501", "", "E5011"):
            self.assertIn("from E101 to E809", explain(self, one, status=64)[1])
        explain(self, "E501", "E502", status=64)


class Pasted(unittest.TestCase):
    def seen(self, text, status=0):
        """[(id, line)] of what is recognised."""
        text = text if isinstance(text, bytes) else text.encode()
        said = json.loads(explain(self, "-", "--json", input=text, status=status)[0])
        return [(one["id"], one["line"]) for one in said]

    def test_samples(self):
        self.assertGreater(len(ALL), 150)
        for one in ALL:
            with self.subTest(one.source):
                self.assertEqual([found for found, _ in self.seen(one.text, 0 if one.ids else 69)], one.ids, one.text)

    def test_every_row_has_a_sample(self):
        for one in re.findall(r'\{ "(E\d{3})"', (TOP / "proxy" / "explain_table.c").read_text()):
            self.assertEqual("seen:" in explain(self, one)[0], one in FIRST and one not in BY_ID, one)
        self.assertEqual({one for one in BY_ID if f"[{one}]" in FIRST[one]}, BY_ID)

    def test_places(self):
        text = "hello\n" + FIRST["E410"] + "\n\n" + FIRST["E709"] + FIRST["E410"]
        self.assertEqual(self.seen(text), [("E410", 2), ("E709", 5)])

    def test_the_cause_is_told_before_what_comes_of_it(self):
        sshproxy = next(one.text for one in ALL if one.ids == ["E501"] and not one.recorded)
        ours = "arc-relay-proxy: web01: nothing listens on port 22. fix: start it [E505]\n"
        for text, ids in ((FIRST["E701"] + FIRST["E708"], ["E708", "E701"]),
                          (FIRST["E112"] + FIRST["E601"], ["E601", "E112"]),
                          ("ERROR: Please run 'az login' to setup account.\n" + FIRST["E605"], ["E605", "E301"]),
                          (sshproxy + FIRST["E602"] + ours, ["E505", "E501", "E602"]),
                          (FIRST["E706"] + FIRST["E707"] + ours, ["E505", "E706"])):
            self.assertEqual([one for one, _ in self.seen(text)], ids, text)

    def test_our_own_line_is_known_by_its_id(self):
        self.assertEqual(self.seen("arc-relay-proxy: web01: cannot resolve x: Permission denied (publickey [E601]\n"),
                         [("E601", 1)])

    def test_a_line_of_ours_that_has_its_reason_in_it(self):
        self.assertEqual(self.seen("arc-relay-proxy: web01: ssh waits no longer than 10 s (ConnectTimeout), and so far: the machine's "
                                   "Arc agent is not listening (off, restarting or blocked). fix: arc-relay prepare [E706]\n"),
                         [("E501", 1), ("E706", 1)])
        self.assertEqual(self.seen("arc-relay-proxy: web01: ssh waits no longer than 10 s (ConnectTimeout) [E706]\n"), [("E706", 1)])

    def test_colours_and_line_ends_and_letters(self):
        self.assertEqual(self.seen(b"\x1b[31mERROR\x1b[0m: (scope\x1b[1mLOCKED)\r\n"), [("E410", 1)])
        self.assertEqual(self.seen("There are no listeners\r\n   connected for the endpoint"), [("E501", 1)])

    def test_vague_words_count_only_alone(self):
        self.assertEqual(self.seen(FIRST["E514"] + FIRST["E709"]), [("E709", 2)])

    def test_nothing_known(self):
        for text in (b"", b"all is well\n", b"\x00\xff\x1b[", b"[E999]", os.urandom(4096), b"\x1b" * 9999):
            self.assertEqual(self.seen(text, status=69), [])
        self.assertIn("no cause is recognised", explain(self, "-", input=b"x", status=69)[1])

    def test_long_input(self):
        self.assertEqual(self.seen(FIRST["E410"].encode() + b"a" * 4000000), [("E410", 1)])
        self.assertEqual(self.seen(b"all is well\n" * 1000000 + FIRST["E410"].encode()), [("E410", 1000001)])
        self.seen(b"404 the resource " * 200000, status=69)

    def test_nothing_of_it_reaches_the_terminal(self):
        noise = b"\x1b[2J\x1b]0;x\x07\x00\x9b31m\xff\xfe\x7f\x08\r"
        for text in (noise, noise.join(FIRST["E501"].encode().splitlines(True)), noise + FIRST["E505"].encode() + noise):
            for args in (["-"], ["-", "--json"]):
                done = subprocess.run(WRAP + [ARC_RELAY, "explain", *args], input=text, capture_output=True, timeout=HANG_S,
                                      env=clean_env("/nonexistent"))
                self.assertRegex(done.stdout + done.stderr, rb"\A[ -~\n]*\Z")
        self.assertRegex(explain(self, "\x1b[2J", status=64)[1], r"\A[ -~\n]*\Z")

    def test_text_for_people(self):
        out = explain(self, "-", input=(FIRST["E410"] + FIRST["E709"]).encode())[0]
        self.assertRegex(out, r"(?s)^E410    line 1, azure, exit status 77\n.*\n\nE709    line 2, ssh")


if __name__ == "__main__":
    tap.main()
