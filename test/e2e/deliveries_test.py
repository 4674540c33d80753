"""Goal: whatever program runs ssh, its user reads the same sentence, also where stderr goes nowhere; and afterwards
arc-relay explain has it.
"""

import json
import os
import shlex

import tap
from ansible_case import AnsibleCase
from harness import Fault, free_port
from login_case import Running
from sentences_case import LINE, SentencesCase
from arm import LIST_CREDENTIALS

HOST = "web01.arc"
FIREWALL = "Ip has been prevented to connect to the endpoint"


class Deliveries(AnsibleCase, SentencesCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.emu.arm.denied.clear)

    def programs(self, options):
        """{name: a command line that goes to HOST}."""
        ssh = shlex.join(["ssh", "-F", self.config, *options])
        return {
            "ssh": ["ssh", "-F", self.config, *options, HOST, "true"],
            "scp": ["scp", "-F", self.config, *options, self.config, f"{HOST}:x"],
            "sftp": ["sftp", "-F", self.config, *options, "-b", os.devnull, HOST],
            "rsync": ["rsync", "-e", ssh, self.config, f"{HOST}:x"],
            "git": ["git", "-c", f"core.sshCommand={ssh}", "ls-remote", f"{HOST}:x"],
            "vscode": ["ssh", "-T", "-D", str(free_port()), "-F", self.config, *options, "-o", "ConnectTimeout=15", HOST,
                       "bash"],
            "ansible": ["ansible", "-i", f"{HOST},", "-m", "ping", f"--ssh-common-args=-F {self.config} "
                        + shlex.join(options), HOST],
        }

    def all_say(self, error):
        """The sentence, which each program shows."""
        lines = set()
        for persist in (True, False):
            options = self.persist() if persist else ["-o", "ControlMaster=no", "-o", "ControlPath=none"]
            for name, command in self.programs(options).items():
                with self.subTest(name, persist=persist):
                    self.forget()
                    done = self.run_line(*command)
                    self.assertNotEqual(done.returncode, 0)
                    text = (done.stdout + done.stderr).replace('\\"', '"')      # ansible's answer is JSON
                    lines.add(self.sentence(text, error, copies=1 if persist else 2))
        self.assertEqual(len(lines), 1, lines)
        return lines.pop()

    def forget(self):
        """What the last one kept."""
        path = os.path.join(self.env["XDG_STATE_HOME"], "arc-relay", "last-error")
        if os.path.exists(path):
            os.unlink(path)

    def test_azure_refuses(self):
        """A long one, with quotes."""
        self.emu.arm.denied.add(LIST_CREDENTIALS)
        line = self.all_say("E401")
        self.assertGreater(len(line), 350)
        self.assertIn('--role "Virtual Machine Local User Login" --scope /subscriptions/', line)

    def test_the_relay_refuses(self):
        self.emu.faults.dial.always = Fault("status", code=403, text=FIREWALL)
        self.assertIn("a firewall rule of the relay blocks this computer's address", self.all_say("E504"))


class Stderr(SentencesCase):
    """Where stderr is seen, too."""

    def setUp(self):
        super().setUp()
        self.emu.faults.dial.always = Fault("status", code=403, text=FIREWALL)

    def test_on_a_terminal_it_is_told_once(self):
        for options in ([], self.persist()):
            with self.subTest(options=options):
                status, _, said = Running(["ssh", "-F", self.config, *options, HOST, "true"], self.env, terminal=True).end()
                self.assertEqual(status, 255)
                self.sentence(said, "E504")

    def test_tracking_ids_are_for_those_who_ask(self):
        done = self.ssh("-v")               # ssh's, not ours
        self.sentence(done.stderr, "E504", copies=2)
        with open(self.home + "/hosts.conf") as file:
            text = file.read()
        self.file("hosts.conf", text.replace(" -p %p", " -v -p %p"))
        done = self.ssh(persist=False)
        self.assertIn("TrackingId:", done.stderr)
        self.assertNotIn("TrackingId:", "".join(LINE.findall(done.stderr)))


class MidSession(SentencesCase):
    """When the machine's SSH server has spoken no word of ours can be put in between: it is kept, and on stderr."""

    def test_a_session_that_is_cut(self):
        for persist in (True, False):
            with self.subTest(persist=persist):
                self.emu.faults.dial.append(Fault("rst", after=20000))
                options = self.persist() if persist else []
                done = self.run_line("ssh", "-F", self.config, *options, HOST, "head -c 100000 /dev/zero")
                self.assertEqual(done.returncode, 255)
                kept = json.loads(self.tool("explain", "--json").stdout)
                self.assertEqual(kept["id"], "E512")
                self.assertEqual(kept["line"] in done.stderr, not persist)


if __name__ == "__main__":
    tap.main()
