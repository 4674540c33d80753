"""Goal: every example of the manual and of README can be pasted: it runs as it stands there, against an emulated Azure
and a real sshd, and does what is said above it.

Only names that a reader would replace too (azureuser, /home/me, a proxy) are replaced.  An example that nothing here
knows, and something here that no example is for, are failures.
"""

import json
import os
import re
import shutil
import stat
import subprocess
import sys

import tap
from harness import (HANG_S, PROXY, TOOL, TOP, WRAP, EmulatorCase, Sshd, clean_env, free_port, relay_info_text,
                     sha256, whoami)
from login_case import CODE, Running
from proxy import HttpProxy
import certs

BROWSER = os.path.join(TOP, "test", "emulator", "browser.py")
NO_CLOUD = "cache|explain|logout|version"       # verbs that talk to nobody
RELAY = "ns1.relay.emulated.test:443"
MACRO = re.compile(r"^\.[A-Z][a-z]\b ?")


def plain(line):
    """A line of mdoc as it is shown."""
    return line.replace("\\e", "\\").replace("\\(dq", '"').replace("\\&", "")


class Example:
    """A display of EXAMPLES, with the words before it."""

    def __init__(self, intro, lines):
        self.intro = " ".join(intro.replace("`", "").split())
        self.lines = lines

    @property
    def commands(self):
        """What follows a prompt, with the lines it goes on on; what is printed stands in between."""
        found, goes_on = [], False
        for line in self.lines:
            if line.startswith("$ ") or goes_on:
                found.append(line.removeprefix("$ "))
                goes_on = line.endswith("\\")
        return found

    @property
    def text(self):
        """All of it, one line where lines are joined by backslashes."""
        return "\n".join(self.lines).replace("\\\n", "") + "\n"


def examples(page):
    with open(os.path.join(TOP, "man", page)) as file:
        section = re.search(r"^\.Sh EXAMPLES\n(.*?)^\.Sh ", file.read(), re.M | re.S)[1]
    found, intro, display = [], "", None
    for line in section.splitlines():
        if display is not None and line != ".Ed":
            display.append(plain(line))
        elif line.startswith(".Bd -literal"):
            display = []
        elif line == ".Ed" or line.startswith(".Dl "):
            found.append(Example(intro, display if line == ".Ed" else [plain(line.removeprefix(".Dl "))]))
            intro, display = "", None
        else:
            intro += " " + plain(MACRO.sub("", line))
    return found, len(re.findall(r"^(?:\.Dl )?\$ ", section, re.M))


def readme():
    """The indented blocks of two sections, as examples: what begins with a program that a reader has is for pasting."""
    with open(os.path.join(TOP, "README.md")) as file:
        section = "".join(re.findall(r"^## (?:Use it|When something is wrong)\n(.*?)(?=^## )", file.read(), re.M | re.S))
    found, intro, n = [], "", 0
    for piece in re.split(r"((?:^    .*\n)+)", section, flags=re.M):
        if piece.startswith("    "):
            lines = [line[4:] for line in piece.splitlines()]
            if re.match(r"(arc-relay|ssh|cd|export) ", lines[0]):
                lines = ["$ " + line for line in lines]
                n += len(lines)
            found.append(Example(intro, lines))
        else:
            intro = piece.strip().rpartition("\n\n")[2]
    return found, n


def example(intro):
    """Marks what is done for the example after these words: it gets the example and runs it."""
    def mark(method):
        method.intro = intro
        return method
    return mark


class Page:
    """One page: its examples in their order, in one home.  Its methods say what is so before and after each."""
    page = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.machine_home = os.path.join(cls.dir, "machine")
        cls.visits = os.path.join(cls.machine_home, "visits")
        cls.sshd = MachineSshd(cls.dir, cls.machine_home, cls.emu.entra.ssh_ca_line)
        cls.emu.entra.add_user(whoami())        # the first principal of the certificate is the user to log in as
        cls.emu.entra.browser_user = whoami()
        for name, group, role in (("web01", "prod", "web"), ("db01", "prod", "db"), ("db01", "test", "db")):
            cls.emu.add_machine(name, group=group, port=cls.sshd.port,
                                tags={"env": group, "role": role, "sshuser": whoami()})
        cls.emu.add_machine("win01", group="prod", lazy=True, os_name="windows", connected=False)
        cls.proxy_server = HttpProxy(cls.emu.log, cls.emu.threads).start()
        cls.proxy_server.routes[RELAY] = cls.emu.relay_port

    @classmethod
    def tearDownClass(cls):
        cls.proxy_server.stop()
        cls.sshd.stop()
        super().tearDownClass()

    def shown(self):
        return examples(self.page)

    # --- a reader's desk ---

    def setUp(self):
        super().setUp()
        self.path = lambda *names: os.path.join(self.home, *names)
        for name in (".ssh", "bin", "work"):
            os.mkdir(self.path(name), 0o700)
        shutil.copy(self.sshd.path("user_key"), self.path(".ssh", "id_ed25519"))
        # what ssh would find in its own home
        self.write(".ssh/config", f"Host *\n    IdentityFile {self.path('.ssh', 'id_ed25519')}\n"
                   f"    UserKnownHostsFile {self.path('.ssh', 'known_hosts')}\n"
                   "    StrictHostKeyChecking accept-new\n    BatchMode yes\n")
        self.before = self.read(".ssh/config")
        self.programs()
        self.env = {**clean_env(self.home), "BROWSER": f"{sys.executable} {BROWSER} {self.emu.ca_file}",
                    "PATH": f"{self.path('bin')}:{os.environ['PATH']}", "DISPLAY": ":0", "LC_ALL": "C.UTF-8",
                    "EXAMPLES_CLOUD": self.emu.cloud_file, "ANSIBLE_NOCOLOR": "1",
                    "ANSIBLE_LOCAL_TEMP": self.path("local"), "ANSIBLE_REMOTE_TEMP": self.machine_home + "/ansible",
                    "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3"}
        self.replaced = {
            "azureuser": whoami(), "/home/me": self.home, "RESOURCE-ID": self.emu.machine_id("web01"),
            "http://proxy.contoso.example:8080": self.proxy_server.url, "/etc/ssl/contoso-ca.pem": self.emu.ca_file,
            "contoso.onmicrosoft.com": self.emu.entra.tenant, "APPLICATION-ID": self.emu.entra.client,
            "/usr/local/bin/": self.path("bin") + "/", "11111111-2222-3333-4444-555555555555": self.emu.subscription,
            "AZURE_TENANT_ID=... AZURE_CLIENT_ID=... AZURE_CLIENT_SECRET=...":
                f"AZURE_TENANT_ID={self.emu.entra.tenant} AZURE_CLIENT_ID={self.emu.entra.client} "
                f"AZURE_CLIENT_SECRET={self.emu.entra.secret}",
        }

    def tearDown(self):
        self.end_masters()

    def end_masters(self):
        """Shared connections would live on for minutes."""
        for entry in os.scandir(self.dir):
            if stat.S_ISSOCK(entry.stat().st_mode):
                subprocess.run(["/usr/bin/ssh", "-F", "none", "-o", f"ControlPath={entry.path}", "-O", "exit", "x"],
                               capture_output=True, timeout=HANG_S)

    def programs(self):
        """Ours with the emulated cloud, and OpenSSH's with a home that is not that of passwd(5)."""
        to_relay = f"--connect-to 127.0.0.1:{self.emu.relay_port}"
        wrap = " ".join(WRAP)
        self.program("arc-relay", f"""
case $1 in
{NO_CLOUD}|-*) exec {wrap} {TOOL} "$@" ;;
config|doctor|enable|prepare) verb=$1; shift; exec {wrap} {TOOL} $verb --cloud-file $EXAMPLES_CLOUD {to_relay} "$@" ;;
*) verb=$1; shift; exec {wrap} {TOOL} $verb --cloud-file $EXAMPLES_CLOUD "$@" ;;
esac""")
        self.program("arc-relay-proxy", f"""
case "$*" in *--proxy*) way= ;; *) way='{to_relay}' ;; esac
exec {wrap} {PROXY} --cloud-file $EXAMPLES_CLOUD $way "$@" """)
        config = f"-o ControlPath={self.dir}/%C"        # a socket's path is short
        self.program("ssh", f"""
case "$*" in *-F*) exec /usr/bin/ssh {config} -o StrictHostKeyChecking=no -o BatchMode=yes \\
    -i {self.path('.ssh', 'id_ed25519')} "$@" ;; esac
exec /usr/bin/ssh -F {self.path('.ssh', 'config')} {config} "$@" """)
        self.program("scp", f'exec /usr/bin/scp -S {self.path("bin", "ssh")} "$@"')
        self.program("pass", f'[ "$*" = "show azure/app" ] && echo "{self.emu.entra.secret}"')

    def program(self, name, text):
        self.write(f"bin/{name}", f"#!/bin/sh\n{text.strip()}\n")
        os.chmod(self.path("bin", name), 0o755)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)

    def read(self, name):
        with open(self.path(name)) as file:
            return file.read()

    def with_ours(self, text):
        for word, ours in self.replaced.items():
            text = text.replace(word, ours)
        return text

    # --- running ---

    def run_example(self, shown, cwd=None, **env):
        """Pastes the commands into a shell whose standard error is a terminal.  What it prints."""
        script = self.with_ours("\n".join(shown.commands)) + "\n"
        self.assertTrue(shown.commands, "no commands")
        self.write("script", script)
        self.write("stdin", "pwd >> visits\n")
        with open(self.path("stdin")) as typed:
            running = Running(["bash", "-e", "-o", "pipefail", self.path("script")], {**self.env, **env},
                              cwd=cwd or self.path("work"), terminal=True, stdin=typed)
        if "--device-code" in script:
            self.emu.entra.approve(running.says(CODE)[1], whoami())
        status, out, self.said = running.end(10 * HANG_S)
        self.assertEqual(status, 0, f"$ {script}{out}{self.said}")
        self.n_run += len([line for line in shown.lines if line.startswith("$ ")])
        return out

    def ssh(self, *args):
        return subprocess.run(["ssh", *args], env=self.env, cwd=self.path("work"), text=True, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=HANG_S)

    def reaches(self, *args):
        """Do these lead ssh to the machine?"""
        done = self.ssh(*args, "pwd")
        self.assertEqual(done.stdout, self.machine_home + "\n", done.stderr)

    def tool(self, *args):
        """What arc-relay prints."""
        return subprocess.run(["arc-relay", *args], env=self.env, cwd=self.path("work"), text=True, check=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG_S).stdout

    def settings_of(self, host):
        return dict(line.split(" ", 1) for line in self.ssh("-G", host).stdout.splitlines())

    def accepted(self):
        with open(self.sshd.path("sshd.log")) as file:
            return [line for line in file if line.startswith("Accepted ")]

    def visited(self):
        """How often a shell of ours ran on the machine since it was last asked."""
        if not os.path.exists(self.visits):
            return 0
        with open(self.visits) as file:
            n = len(file.readlines())
        os.unlink(self.visits)
        return n

    def test_examples(self):
        known = {method.intro: method for method in (getattr(self, name) for name in dir(type(self)))
                 if hasattr(method, "intro")}
        self.n_run = 0
        shown, n_commands = self.shown()
        self.assertGreater(len(shown), 5)
        for one in shown:
            with self.subTest(one.intro):
                mine = [intro for intro in known if one.intro.startswith(intro) and (intro or not one.intro)]
                self.assertEqual(len(mine), 1, "nothing, or too much, is known of this example")
                known.pop(mine[0])(one)
        self.assertEqual(list(known), [], "there is no such example")
        self.assertEqual(self.n_run, n_commands, "commands were not run")


class MachineSshd(Sshd):
    """All our machines: who logs in stands in a folder of the test, by key or by a certificate of Entra's."""

    def __init__(self, folder, home, ca_line):
        self.home, self.ca_line = home, ca_line
        os.makedirs(home)
        super().__init__(os.path.join(folder, "sshd"))

    def settings(self):
        with open(self.path("ca.pub"), "w") as file:
            file.write(self.ca_line + "\n")
        return (f"TrustedUserCAKeys {self.path('ca.pub')}\nForceCommand cd {self.home} && export HOME=$PWD && "
                'exec sh -c "${SSH_ORIGINAL_COMMAND:-sh}"\nSubsystem sftp /usr/lib/openssh/sftp-server\n')


class Config(Page, EmulatorCase):
    page = "arc-relay-config.1"

    def installed(self):
        return self.read(".ssh/config.d/arc-relay.conf")

    @example("All machines, once:")
    def all_machines(self, shown):
        self.assertRegex(self.run_example(shown), r"(?m)^4 machines in ~/\.ssh/config\.d/arc-relay\.conf$")
        self.assertEqual(self.emu.log.find(who="entra", what="token")[0]["grant"], "authorization_code")
        self.assertEqual(re.findall(r"^Host (\S+)", self.installed(), re.M),
                         ["db01.prod.arc", "db01.test.arc", "web01.arc", "win01.arc"])
        self.assertTrue(self.read(".ssh/config").endswith(self.before))

    @example("Then, for ever:")
    def ever(self, shown):
        work, there = self.path("work"), self.machine_home
        self.write("work/report.txt", "report\n")
        os.mkdir(self.path("work", "site"))
        self.write("work/site/index.html", "<html>\n")
        project = os.path.join(self.home, "origin")
        me = ("-c", "user.name=me", "-c", "user.email=me@localhost")
        for command in (["init", "-q", project], ["-C", project, *me, "commit", "-q", "--allow-empty", "-m", "first"],
                        ["clone", "-q", "--bare", project, there + "/project.git"]):
            subprocess.run(["git", *command], env=self.env, check=True, stdin=subprocess.DEVNULL, capture_output=True)
        self.run_example(shown)
        self.assertEqual(self.visited(), 1)
        self.assertEqual(sha256(there + "/report.txt"), sha256(work + "/report.txt"))
        self.assertEqual(sha256(there + "/site/index.html"), sha256(work + "/site/index.html"))
        self.assertTrue(os.path.isdir(work + "/project/.git"))
        self.assertIn("arc-", self.read(".ssh/known_hosts.arc"))

    @example("Without azureuser@ , and with a key for it:")
    def user(self, shown):
        self.run_example(shown)
        self.assertEqual(self.visited(), 1)
        settings = self.settings_of("web01.arc")
        self.assertEqual((settings["user"], settings["identityfile"]), (whoami(), self.path(".ssh", "id_ed25519")))

    @example("What would change if it were only the machines of a group")
    def diff(self, shown):
        before = self.installed()
        out = self.run_example(shown)
        self.assertRegex(out, r"(?m)^-Host db01\.test\.arc")
        self.assertRegex(out, r"(?m)^-Host win01\.arc")
        self.assertNotRegex(out, r"(?m)^-Host web01\.arc")
        self.assertEqual(self.installed(), before)

    @example("The machines with the tag env=prod, each with the user that its tag sshuser says:")
    def tag(self, shown):
        self.run_example(shown)
        self.assertEqual(re.findall(r"^Host (\S+)", self.installed(), re.M), ["db01.arc", "web01.arc"])
        self.assertEqual(self.installed().count(f"    User {whoami()}\n"), 2)

    @example("With a certificate of Entra's in place of a key")
    def entra(self, shown):
        self.run_example(shown)
        self.assertEqual(self.visited(), 1)
        self.assertRegex(self.accepted()[-1], rf"^Accepted publickey for {whoami()} .* ssh2: RSA-CERT ")
        self.assertEqual(self.emu.count(who="entra", what="token", token_type="ssh-cert"), 1)

    @example("By the shortest name, and the second time at once:")
    def short(self, shown):
        before = self.emu.count(who="relay", what="connect")
        out = self.run_example(shown)
        self.assertEqual(len(re.findall(r"load average", out)), 2)
        self.assertEqual(self.emu.count(who="relay", what="connect") - before, 1)
        self.end_masters()

    @example("Never again, whatever machines come:")
    def wildcard(self, shown):
        lines, shown.lines = shown.lines, shown.lines[:1]
        self.run_example(shown)
        self.emu.add_machine("new01", group="prod", port=self.sshd.port)
        self.tool("cache", "clear")     # names of before it was there are good for a minute
        shown.lines = lines[1:]
        self.run_example(shown)
        self.assertEqual(self.visited(), 1)

    @example("Only to look at it, or for a file of your own:")
    def printed(self, shown):
        before = self.installed()
        self.run_example(shown)
        self.assertEqual(self.visited(), 1)
        self.assertEqual(self.installed(), before)

    @example("The database servers in a file of their own:")
    def databases(self, shown):
        before = self.installed()
        self.run_example(shown)
        self.assertEqual(self.installed(), before)
        self.assertEqual(re.findall(r"^(?:Host|    User) (\S+)", self.read(".ssh/config.d/databases.conf"), re.M),
                         ["db01.prod.arc", "postgres", "db01.test.arc", "postgres"])
        self.assertEqual(self.settings_of("db01.prod.arc")["user"], "postgres")
        self.assertEqual(self.settings_of("web01.arc")["user"], whoami())
        self.tool("config", "uninstall", "--file", self.path(".ssh", "config.d", "databases.conf"))

    @example("Ansible, with an inventory script")
    def ansible_cfg(self, shown):
        self.write("work/ansible.cfg", shown.text)
        dump = subprocess.run(["ansible-config", "dump", "--only-changed", "-t", "all"], env=self.env, text=True,
                              cwd=self.path("work"), capture_output=True, timeout=HANG_S).stdout
        for setting in (r"DEFAULT_TIMEOUT\(.*\) = 120", r"(?i)pipelining\(.*\) = True",
                        r"DEFAULT_HOST_LIST\(.*\) = .*arc_inventory"):
            self.assertRegex(dump, setting)

    @example("Ansible gives timeout")
    def ansible(self, shown):
        before = self.emu.count(who="relay", what="connect")
        out = self.run_example(shown)
        self.assertRegex(out, r"@tag_env_prod:\n")
        self.assertRegex(out, r"web01\.arc \| SUCCESS => \{[^}]*\"ping\": \"pong\"")
        self.assertEqual(len(re.findall(r"\| SUCCESS", out)), 2)
        self.assertEqual(self.emu.count(who="relay", what="connect") - before, 2)

    @example("VS Code lists the aliases")
    def vscode(self, shown):
        with open(os.path.join(TOP, "contrib", "vscode-settings.json")) as file:
            theirs = json.loads(re.sub(r"^\s*//.*$", "", file.read(), flags=re.M))
        for name, value in json.loads("{" + shown.text + "}").items():
            self.assertEqual(theirs[name], value)

    @example("What it does can be tried without it:")
    def as_vscode(self, shown):
        self.assertRegex(self.run_example(shown), r"\ALinux ")

    @example("Away with it:")
    def uninstall(self, shown):
        self.run_example(shown)
        self.assertFalse(os.path.exists(self.path(".ssh/config.d/arc-relay.conf")))
        self.assertNotIn("config.d/arc-relay.conf", self.read(".ssh/config"))


class Tool(Page, EmulatorCase):
    page = "arc-relay.1"

    def tokens(self, **match):
        return self.emu.count(who="entra", what="token", **match)

    def logged_in(self, shown, grant, **env):
        """A login by this grant; as whom."""
        before = self.tokens(grant=grant)
        self.run_example(shown, **env)
        self.assertEqual(self.tokens(grant=grant) - before, 1)
        self.assertIn("logged in as", self.said)
        return self.account()["name"]

    def account(self):
        return json.loads(self.read(".local/state/arc-relay/account.json"))

    @example("On a laptop:")
    def laptop(self, shown):
        self.assertEqual(self.logged_in(shown, "authorization_code"), whoami())

    @example("On a server, from a terminal without a browser:")
    def server(self, shown):
        self.assertEqual(self.logged_in(shown, "urn:ietf:params:oauth:grant-type:device_code"), whoami())

    @example("An application, whose secret is in a password store:")
    def application(self, shown):
        self.assertEqual(self.logged_in(shown, "client_credentials"), self.emu.entra.client)

    @example("The same with a certificate:")
    def certificate(self, shown):
        cert, key = certs.application(self.home, "app")
        self.emu.entra.add_certificate(cert)
        with open(cert) as one, open(key) as other:
            self.write("app.pem", one.read() + other.read())
        os.chmod(self.path("app.pem"), 0o600)
        self.assertEqual(self.logged_in(shown, "client_credentials"), self.emu.entra.client)
        self.assertEqual(self.account()["certificate"], self.path("app.pem"))

    @example("All machines by name, for ssh 1 :")
    def config(self, shown):
        self.run_example(shown)
        self.reaches("web01.arc")

    @example("The machines whose name begins with web, and those of two tags that are connected:")
    def listed(self, shown):
        tables = re.split(r"^NAME .*\n", self.run_example(shown), flags=re.M)
        self.assertEqual([re.findall(r"^\S+ +\S+", table, re.M) for table in tables],
                         [[], ["web01  prod"], ["db01  prod"]])

    @example("Machines with an old agent, in the language of Azure Resource Graph:")
    def query(self, shown):
        self.emu.add_machine("old01", group="prod", lazy=True, agent_version="1.28.02260.736")
        self.assertEqual(re.findall(r"^\S+", self.run_example(shown), re.M), ["NAME", "old01"])

    @example("SSH for a new machine, once, by someone with the role Contributor;")
    def enable(self, shown):
        self.emu.delete_endpoint(self.emu.machine("web01"))
        self.emu.arm.provider_state = "NotRegistered"
        self.assertRegex(self.run_example(shown), r"(?s)Registered now.*web01: answers after \d+ s: SSH-2\.0-OpenSSH")

    @example("What keeps ssh from a machine?")
    def doctor(self, shown):
        out = self.run_example(shown)
        self.assertIn("ok    relay    dial: SSH-2.0-OpenSSH", out)
        self.assertNotIn("FAIL", out)
        self.assertTrue(out.endswith(" ms\n"), out)        # of the dial: jq has printed nothing

    @example("What was the last failure of a session?")
    def explain(self, shown):
        self.ssh("-o", "ProxyCommand arc-relay-proxy nobody", "x", "true")
        self.write("work/output.txt", "Connection timed out during banner exchange\n")
        self.assertRegex(self.run_example(shown), r"(?s)no machine is called nobody.*E201.*E706 +line 1")

    @example("Nobody shall reach a machine by SSH any more:")
    def disable(self, shown):
        self.run_example(shown)
        self.assertIn("E405", self.ssh("-o", "ProxyCommand arc-relay-proxy --no-cache web01", "x", "true").stderr)
        self.tool("enable", "web01")

    @example("Before ansible goes to many machines at once:")
    def prepare(self, shown):
        self.assertRegex(self.run_example(shown), r"\A2 of 2 ready, 1 left out \(|\A2 of 2 ready \(")

    @example("All resource ids, for a script:")
    def ids(self, shown):
        self.assertEqual(len(re.findall(r"^/subscriptions/\S+$", self.run_example(shown), re.M)), 5)

    @example("An SSH certificate, and what is in it:")
    def ssh_certificate(self, shown):
        out = self.run_example(shown)
        self.assertIn("principal: ", out)
        self.assertIn("ssh-rsa-cert-v01@openssh.com user certificate", out)

    @example("For a script: whose token would it be?")
    def whose(self, shown):
        self.assertEqual(self.run_example(shown), self.emu.entra.client + "\n")

    @example("Does the managed identity of this machine work?")
    def managed(self, shown):
        self.assertRegex(self.run_example(shown, **self.emu.managed.env("imds")), r"(?m)^source: +managed-identity$")

    @example("May I connect to this machine?")
    def may_i(self, shown):
        self.assertEqual(self.run_example(shown), "")
        self.assertIn("/providers/", self.said)

    @example("A role was just given; do not wait for what is kept:")
    def refresh(self, shown):
        def asked():
            return self.emu.count(who="arm", operation="listcredentials")
        before = asked()
        self.run_example(shown)
        self.assertEqual(asked() - before, 1)

    @example("Write a file for r of arc-relay-proxy 1")
    def relay_info(self, shown):
        self.run_example(shown)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("work", "relay_info")).st_mode), 0o600)
        self.reaches("-o", f"ProxyCommand arc-relay-proxy -r {self.path('work', 'relay_info')}", "x")

    @example("Behind a proxy that opens TLS:")
    def proxy(self, shown):
        with open(self.emu.cloud_file) as file:
            cloud = {name: value for name, value in json.load(file).items() if name != "caFile"}
        self.write("cloud.json", json.dumps(cloud))
        os.chmod(self.path("cloud.json"), 0o600)
        self.assertEqual(self.logged_in(shown, "authorization_code", EXAMPLES_CLOUD=self.path("cloud.json")), whoami())
        self.assertGreater(self.emu.count(who="proxy", what="connect", status=200), 0)

    @example("US Government:")
    def government(self, shown):
        """The emulated cloud is asked, whatever is exported: that it counts is cloud_test's."""
        self.assertEqual(self.logged_in(shown, "authorization_code"), whoami())

    @example("What is kept, and away with what is kept for one machine:")
    def kept(self, shown):
        self.tool("credentials", "web01")
        out = self.run_example(shown)
        self.assertRegex(out, r"(?m)^relay .* web01\.prod:22 ")
        self.assertNotIn("web01", self.tool("cache", "list"))


class Proxy(Page, EmulatorCase):
    page = "arc-relay-proxy.1"

    def setUp(self):
        super().setUp()
        self.env.update(AZURE_TENANT_ID=self.emu.entra.tenant, AZURE_CLIENT_ID=self.emu.entra.client,
                        AZURE_CLIENT_SECRET=self.emu.entra.secret)

    @example("arc-relay config install writes blocks for all machines")
    def block(self, shown):
        self.write(".ssh/config", self.with_ours(shown.text) + self.before)
        self.reaches("web01")

    @example("With a resource id the same machine is meant for ever.")
    def resource_id(self, shown):
        self.reaches("-o", self.with_ours(shown.text), "x")

    @example("(one line without the backslashes). See where the time goes, and whether a machine answers:")
    def times(self, shown):
        out = self.run_example(shown)
        self.assertIn("Transferred: sent", self.said)       # of ssh
        self.assertRegex(self.said, r"dns \d+ tcp \d+ tls \d+ upgrade \d+ banner \d+ ms")
        self.assertIn('"banner":"SSH-2.0-OpenSSH', out)

    @example("Behind a proxy that wants a password")
    def proxy(self, shown):
        self.proxy_server.login = "user:secret"
        self.write(".proxy-login", "user:secret\n")
        os.chmod(self.path(".proxy-login"), 0o600)
        self.reaches("-o", self.with_ours(shown.text), "x")
        self.assertGreater(self.emu.count(who="proxy", what="connect", status=200), 0)

    @example("With the service principal of a pipeline, and no login on the machine:")
    def pipeline(self, shown):
        self.env = {name: value for name, value in self.env.items() if not name.startswith("AZURE_")}
        self.run_example(shown)
        self.assertEqual(self.visited(), 1)

    @example("Use what az ssh config wrote:")
    def az(self, shown):
        self.write("relay_info", relay_info_text(self.emu.issue_credentials("web01")))
        self.reaches("-o", self.with_ours(shown.text), "x")


class Readme(Page, EmulatorCase):
    def shown(self):
        return readme()

    def paste(self, shown):
        return self.run_example(shown, cwd=TOP)

    @example("")
    def quick_start(self, shown):
        self.paste(shown)
        self.assertEqual(self.visited(), 1)

    @example("**Entra login.**")
    def entra(self, shown):
        self.paste(shown)
        self.assertEqual(self.visited(), 1)
        self.assertIn(" ssh2: RSA-CERT ", self.accepted()[-1])

    @example("**Ansible** needs no plugin.")
    def ansible(self, shown):
        out = self.paste(shown)
        self.assertIn("@tag_env_prod:\n", out)
        self.assertEqual(len(re.findall(r"^\S+\.arc .* ok=3 .* unreachable=0 .* failed=0 ", out, re.M)), 3, out)

    @example("**By hand,** without config install")
    def by_hand(self, shown):
        self.write(".ssh/config", self.with_ours(shown.text) + self.before)
        self.reaches("web01")

    @example("**Behind a proxy,**")
    def proxy(self, shown):
        shown.lines.append("$ arc-relay list --credential login")     # something that goes this way
        before = self.emu.count(who="proxy", what="connect", status=200)
        self.paste(shown)
        self.assertGreater(self.emu.count(who="proxy", what="connect", status=200), before)
        self.n_run -= 1

    @example("**As drop-in.**")
    def drop_in(self, shown):
        folder = self.path("az_ssh_config", "my-group-web01")
        os.makedirs(folder)
        self.write(folder + "/my-group-web01-relay_info", relay_info_text(self.emu.issue_credentials("web01")))
        self.reaches("-o", self.with_ours(shown.text), "x")

    @example("It is said in one line, through ssh itself")
    def failure(self, shown):
        said = " ".join(shown.text.split())
        self.emu.add_machine("closed", group="prod", port=free_port())
        done = self.ssh("-o", f"ProxyCommand arc-relay-proxy '{self.emu.machine_id('closed')}'", "x", "true")
        self.assertEqual(" ".join(done.stderr.splitlines()[0].split()), said.replace("web01", "closed"))

    @example("Where that is not enough:")
    def doctor(self, shown):
        self.tool("config", "install")          # an example before has replaced it
        out = self.paste(shown)
        self.assertEqual(out.count("ok    relay    dial: SSH-2.0-OpenSSH"), 2)
        self.assertNotIn("FAIL", out)
        self.assertIn("[E505]", out)        # of the example before


if __name__ == "__main__":
    tap.main()
