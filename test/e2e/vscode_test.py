"""Goal: VS Code's Remote-SSH works through an alias: a script on stdin of a shell without a
terminal, and a SOCKS port through the same connection, by the settings of the example.
"""

import json
import os
import re
import socket
import subprocess

import tap
from ansible_case import HostsCase
from harness import HANG_S, TOP, free_port, wait_for, can_connect

EXAMPLE = os.path.join(TOP, "contrib", "vscode-settings.json")


def settings():
    with open(EXAMPLE) as file:
        return json.loads(re.sub(r"^\s*//.*$", "", file.read(), flags=re.MULTILINE))


class RemoteSsh(HostsCase):
    def start(self, port, timeout_s):
        return subprocess.Popen(["ssh", "-T", "-D", str(port), "-F", self.config, "-o",
                                 f"ConnectTimeout={timeout_s}", "host00.arc", "bash"], env=self.env,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def through_socks(self, port):
        """The greeting of the machine's own sshd, through the SOCKS port."""
        with socket.create_connection(("127.0.0.1", port), HANG_S) as sock:
            sock.sendall(b"\5\1\0")
            self.assertEqual(sock.recv(2), b"\5\0")
            sock.sendall(b"\5\1\0\1" + socket.inet_aton("127.0.0.1") + self.sshd.port.to_bytes(2, "big"))
            answer = sock.makefile("rb")
            self.assertEqual(answer.read(10)[:2], b"\5\0")
            return answer.readline()

    def test_script_on_stdin_and_socks(self):
        for timeout_s in (15, settings()["remote.SSH.connectTimeout"]):     # its own, and ours
            with self.subTest(timeout_s=timeout_s):
                port = free_port()
                child = self.start(port, timeout_s)
                child.stdin.write("echo 'ready: 3f'\nuname -s\n")
                child.stdin.flush()
                self.assertEqual([child.stdout.readline(), child.stdout.readline()], ["ready: 3f\n", "Linux\n"])
                wait_for(lambda: can_connect(port), "there is no SOCKS port")
                self.assertRegex(self.through_socks(port), rb"\ASSH-2\.0-")
                out, err = child.communicate("echo bye\nexit 3\n", timeout=HANG_S)
                self.assertEqual((out, child.returncode), ("bye\n", 3), err)

    def test_its_list_of_hosts(self):
        """It offers the names of Host lines that are no patterns."""
        with open(self.home + "/hosts.conf") as file:
            self.assertRegex(file.read(), r"(?m)^Host host00\.arc host00\.rg1\.arc ")

    def test_the_example_has_settings_that_there_are(self):
        self.assertLessEqual(settings().keys(), {"remote.SSH.configFile", "remote.SSH.connectTimeout",
                                                 "remote.SSH.useLocalServer"})


if __name__ == "__main__":
    tap.main()
