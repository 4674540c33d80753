"""Goal: what went wrong can be asked for after the event: the last error of a session, kept."""

import base64
import json
import os
import stat
import subprocess
import time

import tap
from harness import HANG_S, WRAP, Fault, SshCase, deadline

ARC_RELAY = os.path.join(os.environ.get("BUILD", "build/release"), "arc-relay")
NO_LISTENERS = "There are no listeners connected for the endpoint."


class ExplainCase(SshCase):
    def setUp(self):
        super().setUp()
        self.kept = os.path.join(self.home, ".local/state/arc-relay/last-error")

    def explain(self, *args, status=0, input=b"", env=None):
        done = subprocess.run(WRAP + [ARC_RELAY, "explain", *args], input=input, env=env or self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=HANG_S)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout.decode()

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


if __name__ == "__main__":
    tap.main()
