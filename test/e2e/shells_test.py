"""Goal: whatever shell a user has, and whatever a machine or a host is called, ssh
starts arc-relay-proxy with exactly the arguments that are meant, and nothing else.

What sshconf_play writes is run by the real ssh and as an ssh without any check of
host names would run it.  In the place of the programs is a script that notes down
its arguments.
"""

import json
import os
import subprocess
import tempfile
import unittest

import tap
from config_case import ConfigCase
from harness import BUILD, HANG_S, clean_env, whoami

PLAY = os.path.join(BUILD, "test", "play", "sshconf_play")
SHELLS = ["/bin/sh", "/bin/bash", "/bin/dash", "/usr/bin/zsh", "/usr/bin/fish", "/usr/bin/tcsh"]
GUID = "11111111-2222-3333-4444-555555555555"
GROUPS = ["prod", "rg(prod).ü", "(a)", "ü", "-x", "a_b.c-d", "グループ", "(((", "é)"]
STUB = """#!/bin/sh
printf '%s\\0' "$0" "$@" END >> "$RECORD"
"""
# ends in .arc, so that the wildcard is meant; x must not appear
HOSTILE = [body + ".arc" for body in (
    "`touch x`", "$(touch x)", "${IFS}touch${IFS}x", "a;touch x;", "a|touch x|", "a||touch x", "a&touch x&",
    "a&&touch x", "a>x", "a>>x", "a<x", "(touch x)", "{touch,x}", "a\ntouch x\n", "\ntouch x\n", "a\rtouch x\r",
    "a\ttouch x", "a'", "';touch x;'", "'`touch x`'", "'$(touch x)'", "a\"", "\";touch x;\"", "a\\", "a\\'",
    "a\\';touch x;'", "a\\\ntouch x\n", "!", "a!touch", "!!", "!touch", "a!", "%n", "%%n", "%h`touch x`", "%p", "#",
    "a #", "~", "~root", "*", "?", "[a-z]", "a b", " touch x", "$HOME", "$?", "$'\\ntouch x\\n'", "@(touch x)",
    "=(touch x)", "<(touch x)", "^touch^x", "a=x", "-oProxyCommand=touch x", "\x1b[31m", "ü", "\u202ex", "\x7f")]


def machine(name, group="prod", **more):
    return {"id": f"/subscriptions/{GUID}/resourceGroups/{group}/providers/Microsoft.HybridCompute/"
                  f"machines/{name}", "name": name, "group": group, "subscription": GUID,
            "subscription_name": "Contoso", **more}


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = folder.name
        self.cwd = self.path("cwd")
        os.mkdir(self.cwd)
        self.record = self.path("record")
        self.proxy = self.stub("a (b) ü;100%/~x=/arc-relay-proxy")
        self.tool = self.stub("c&d *é/arc-relay")

    def path(self, *parts):
        return os.path.join(self.home, *parts)

    def stub(self, name):
        path = self.path(name)
        os.makedirs(os.path.dirname(path))
        with open(path, "w") as file:
            file.write(STUB)
        os.chmod(path, 0o700)
        return path

    def env(self, shell, locale="C"):
        return clean_env(self.home, SHELL=shell, RECORD=self.record, LC_ALL=locale)

    def config(self, machines, **settings):
        """The file that is written for them."""
        document = {"machines": machines, "args": [{"is": "--proxy-auth-file"}, {"is": "/a b/~&"}],
                    "settings": {"proxy": self.proxy, "tool": self.tool,
                                 "known_hosts": self.path("known hosts"),
                                 "cert_conf": self.path("cert.conf"), **settings}}
        done = subprocess.run([PLAY], input=json.dumps(document).encode(), capture_output=True,
                              timeout=HANG_S, check=True)
        path = self.path("config")
        with open(path, "wb") as file:
            file.write(done.stdout)
        os.chmod(path, 0o600)
        return path

    def calls(self):
        """[[program, argument, ...]] since the last time."""
        try:
            with open(self.record, "rb") as file:
                data = file.read().decode(errors="surrogateescape")
        except FileNotFoundError:
            return []
        os.unlink(self.record)
        self.assertTrue(data.endswith("\0END\0"), data)
        return [call.split("\0") for call in data[:-len("\0END\0")].split("\0END\0")]

    def expected(self, target):
        return [self.proxy, "--proxy-auth-file", "/a b/~&", "-p", "22", "--deadline", "115", "--", target]

    def ssh(self, shell, config, *words, locale="C"):
        return subprocess.run(["ssh", "-F", config, "-o", "BatchMode=yes", *words],
                              env=self.env(shell, locale), cwd=self.cwd, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=HANG_S)

    def shell(self, shell, command, host, locale="C"):
        """As ssh does: tokens are pasted, then it is the shell's."""
        text = command.replace("%%", "\0").replace("%p", "22").replace("%h", host).replace("\0", "%")
        return subprocess.run([shell, "-c", "exec " + text], env=self.env(shell, locale), cwd=self.cwd,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG_S)

    def nothing_ran(self, what):
        self.assertEqual(os.listdir(self.cwd), [], what)

    def commands(self, config):
        with open(config) as file:
            return [line.split(None, 1)[1].rstrip("\n") for line in file if line.startswith("    ProxyCommand ")]


class Machines(Case):
    def test_arguments_are_exact(self):
        machines = [machine(f"m{i}", group) for i, group in enumerate(GROUPS)]
        config = self.config(machines)
        for shell in SHELLS:
            for i, one in enumerate(machines):
                with self.subTest(shell=shell, group=one["group"]):
                    self.ssh(shell, config, f"m{i}.arc")
                    self.assertEqual(self.calls(), [self.expected(one["id"])])
        self.nothing_ran("no host")

    def test_and_in_the_locale_of_the_letters(self):
        one = machine("web", "rg(prod).ü")
        config = self.config([one])
        for shell in SHELLS:
            for locale in ("C", "C.UTF-8"):
                with self.subTest(shell=shell, locale=locale):
                    self.ssh(shell, config, "web.arc", locale=locale)
                    self.assertEqual(self.calls(), [self.expected(one["id"])])
                    self.shell(shell, self.commands(config)[0], "web.arc", locale=locale)
                    self.assertEqual(self.calls(), [self.expected(one["id"])])

    def test_the_certificate_is_asked_for(self):
        with open(self.path("cert.conf"), "w") as file:
            file.write("User from-the-certificate\n")
        os.chmod(self.path("cert.conf"), 0o600)
        config = self.config([machine("Lin", os="linux"), machine("win", os="windows")], entra=True, user="me")
        for shell in SHELLS:
            ensure = [[self.tool, "cert", "ensure", "--quiet"]]
            for host, user, calls in (("lin.arc", b"from-the-certificate", ensure),
                                      ("Lin.arc", b"from-the-certificate", ensure),
                                      ("Lin.prod.Contoso.arc", b"from-the-certificate", ensure),
                                      ("win.arc", b"me", []), ("web.example", whoami().encode(), [])):
                with self.subTest(shell=shell, host=host):
                    done = self.ssh(shell, config, "-G", host)
                    self.assertIn(b"user " + user + b"\n", done.stdout)
                    self.assertEqual(self.calls(), calls)


class Wildcard(Case):
    def hosts_for(self, shell, config):
        """Without those for which arc-relay config writes no such block: a line break, csh, an ssh that takes it."""
        if shell.endswith("csh") and self.ssh(shell, config, "-G", "a\nb.arc").returncode == 0:
            return [host for host in HOSTILE if "\n" not in host]
        return HOSTILE

    def test_hostile_hosts_through_ssh(self):
        config = self.config([], wildcard=True)
        for shell in SHELLS:
            for host in self.hosts_for(shell, config):
                with self.subTest(shell=shell, host=host):
                    self.ssh(shell, config, "--", host)
                    self.nothing_ran(host)
                    self.assertIn(self.calls(), ([], [self.expected(host.lower())]))

    def test_a_host_as_it_is_typed(self):
        config = self.config([machine("listed")], wildcard=True)
        for shell in SHELLS:
            for host in ("web01.arc", "Web01.Prod.arc", "a_b.c-d.arc"):
                with self.subTest(shell=shell, host=host):
                    self.ssh(shell, config, host)
                    self.assertEqual(self.calls(), [self.expected(host.lower())])

    def test_hostile_hosts_without_a_check_of_ssh(self):
        """As OpenSSH before 9.6 has none: what the block's pattern lets through.

        A line break ends a quote in csh, and no pattern can name it: who has csh and
        such an ssh gets no wildcard block from arc-relay config.
        """
        command = self.commands(self.config([], wildcard=True))[0]
        for shell in SHELLS:
            for host in HOSTILE:
                if "'" in host or "!" in host or (shell.endswith("csh") and "\n" in host):
                    continue
                with self.subTest(shell=shell, host=host):
                    self.shell(shell, command, host)
                    self.nothing_ran(host)
                    self.assertEqual(self.calls(), [self.expected(host)])

    def test_the_pattern_keeps_quotes_out(self):
        config = self.config([], wildcard=True)
        for host in HOSTILE:
            with self.subTest(host=host):
                done = self.ssh("/bin/sh", config, "-G", "--", host)
                if done.returncode != 0:
                    continue    # this ssh refuses it
                self.assertEqual(b"proxycommand" in done.stdout, "'" not in host and "!" not in host)


class OldSsh(ConfigCase):
    """The wildcard block, csh, and an ssh that takes any host name."""

    def setUp(self):
        super().setUp()
        self.emu.add_machine("web01", port=22)
        self.env["PATH"] = self.home + ":" + self.env["PATH"]

    def ssh(self, check):
        self.file("ssh", f"#!/bin/sh\n{check}\nPATH=${{PATH#*:}} exec ssh \"$@\"\n", mode=0o700)

    def test_only_csh_is_refused(self):
        self.ssh('case $* in *"\n"*) exit 0 ;; esac')
        for shell in SHELLS[:-1]:
            self.good("--wildcard", env={"SHELL": shell})
        for shell in ("/bin/csh", "/usr/bin/tcsh"):
            self.bad(78, f"no --wildcard with {shell}", "--wildcard", env={"SHELL": shell})
            self.bad(78, f"no --wildcard with {shell}", "install", "--wildcard", env={"SHELL": shell})
            self.good(env={"SHELL": shell})

    def test_an_ssh_that_checks_host_names_will_do(self):
        self.ssh('case $* in *"\n"*) echo "hostname contains invalid characters" >&2; exit 255 ;; esac')
        self.good("--wildcard", env={"SHELL": "/usr/bin/tcsh"})


if __name__ == "__main__":
    tap.main()
