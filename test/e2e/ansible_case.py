"""What the tests with ansible share: the real ansible-core, machines whose port 22 is one real sshd.

What ansible keeps goes into a folder of the test; ssh looks for its files in the
home of /etc/passwd, hence "-F".
"""

import os
import subprocess

from harness import HANG_S, TOOL, TOP, WRAP, EmulatorCase, SshCase, whoami

EXAMPLES = os.path.join(TOP, "contrib", "ansible")


class AnsibleCase(EmulatorCase):
    def setUp(self):
        super().setUp()
        self.env.update(ANSIBLE_CONFIG=self.file("ansible.cfg", ""), ANSIBLE_PYTHON_INTERPRETER="/usr/bin/python3",
                        ANSIBLE_LOCAL_TEMP=self.home + "/local", ANSIBLE_REMOTE_TEMP=self.home + "/remote",
                        ANSIBLE_NOCOLOR="1", LC_ALL="C.UTF-8")

    def ansible(self, *command, cwd=None, **env):
        """Runs ansible-playbook, ansible-inventory, ...  Returns the CompletedProcess."""
        return subprocess.run(command, env={**self.env, **env}, cwd=cwd or self.home, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=10 * HANG_S)


class HostsCase(AnsibleCase, SshCase):
    N = 1                   # machines: host00, host01, ..
    settings = staticmethod(lambda i: {})       # of each, for add_machine

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.emu.remove_machine("web01")
        cls.names = [f"host{i:02}" for i in range(cls.N)]
        for i, name in enumerate(cls.names):
            cls.emu.add_machine(name, port=cls.sshd.port, wait=False, **cls.settings(i))
        for name in cls.names:
            cls.emu.wait(HANG_S, who="agent", what="listening", machine=name)

    def setUp(self):
        super().setUp()
        self.config = self.hosts_config()
        self.control = os.path.join(self.home, "cp")
        self.env.update(ANSIBLE_SSH_CONTROL_PATH_DIR=self.control, ANSIBLE_SSH_COMMON_ARGS=f"-F {self.config}")

    def tearDown(self):
        self.end_masters()

    def end_masters(self):
        """Those of ControlPersist would live on for a minute."""
        for name in os.listdir(self.control) if os.path.isdir(self.control) else []:
            subprocess.run(["ssh", "-F", "none", "-o", f"ControlPath={self.control}/{name}", "-O", "exit", "x"],
                           capture_output=True, timeout=HANG_S)

    def on_path(self):
        """A PATH whose arc-relay knows the emulated Azure."""
        os.makedirs(self.home + "/bin", exist_ok=True)
        self.file("bin/arc-relay", f"""#!/bin/sh
verb=$1
shift
exec {' '.join([*WRAP, TOOL])} "$verb" --cloud-file {self.emu.cloud_file} "$@"
""", 0o700)
        return f"{self.home}/bin:{self.env['PATH']}"

    def hosts_config(self):
        """What config install writes for all machines, and what this ssh needs besides."""
        env = {**self.env, "XDG_CACHE_HOME": self.home + "/other-cache"}     # so that ours is cold
        done = subprocess.run([*WRAP, TOOL, "config", "install", "--file", self.home + "/hosts.conf",
                               *self.relay_options(), "--user", whoami(), "--identity", self.sshd.path("user_key")],
                              env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.file("config", f"Include {self.home}/hosts.conf\n\n"
                         "Host *\n    StrictHostKeyChecking accept-new\n    BatchMode yes\n")
