"""Goal: bash, zsh and fish complete verbs, options and machines; no request is made, and nothing
that stands on the line is run.
"""

import os
import pty
import re
import shutil
import subprocess
import unittest

import tap
from harness import BUILD, HANG_S, TOP
from names_case import NamesCase

FOLDER = os.path.join(TOP, "contrib", "completions")
BASH = """
source "$1/arc-relay.bash"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_arc_relay
((${#COMPREPLY[@]} == 0)) || printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = "source $FOLDER/arc-relay.fish; complete -C\"$LINE\""
ZSH = """
PROMPT='READY>' LISTMAX=10000
compadd() {
    local -a hits
    if (( $argv[(I)-[OAD]] )); then
        builtin compadd "$@"
        return
    fi
    builtin compadd -A hits "$@"
    (( $#hits )) && print -l -- $hits >> $FOUND
    builtin compadd "$@"
}
fpath=($FOLDER $fpath)
autoload -U compinit
compinit -u -C -d $DUMP
"""


class Completions(NamesCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, group in [("web02", "rg1"), ("web02", "rg2"), ("db.one", "rg1")]:
            cls.emu.add_machine(name, group=group, lazy=True)

    def setUp(self):
        super().setUp()
        self.env.update(FOLDER=FOLDER, PATH=os.path.abspath(BUILD) + ":" + self.env["PATH"], TERM="xterm")
        self.names("--refresh")
        self.queries_before, requests = self.all_queries(), self.new_requests()
        self.addCleanup(lambda: self.assertEqual((self.queries(), self.new_requests()), (0, requests)))

    def run_shell(self, *command, **env):
        done = subprocess.run(command, env={**self.env, **env}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=HANG_S, cwd=self.home)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    # each: what is offered after these words, of which the last is under the cursor

    def bash(self, *words):
        return set(self.run_shell("bash", "--norc", "-c", BASH, "bash", FOLDER, *words))

    def fish(self, *words):
        lines = self.run_shell("fish", "--no-config", "-c", FISH, LINE=" ".join(words))
        return {line.split("\t")[0] for line in lines}

    def zsh(self, *words):
        found = os.path.join(self.home, "found")
        open(found, "w").close()
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(self.home)
            os.execvpe("zsh", ["zsh", "-f", "-i"], {**self.env, "FOUND": found, "DUMP": os.path.join(self.dir, "zcompdump")})
        setup = self.file("setup.zsh", ZSH)
        os.write(fd, f"source {setup}\n".encode())
        self.read_until(fd, b"READY>")
        os.write(fd, " ".join(words).encode() + b"\t\x15exit\n")
        self.read_until(fd, None)
        os.close(fd)
        os.waitpid(pid, 0)
        return set(open(found).read().split("\n")) - {""}

    @staticmethod
    def read_until(fd, mark):
        seen = b""
        while mark is None or mark not in seen:
            try:
                piece = os.read(fd, 4096)
            except OSError:
                piece = b""
            if not piece:
                return
            seen += piece

    def check(self, offered):
        cloud = self.emu.cloud_file
        both_web02 = {"web02.rg1.arc", "web02.rg2.arc"}
        with self.subTest("verbs"):
            self.assertEqual(offered("arc-relay", "na"), {"names"})
            self.assertLessEqual({"cache", "credentials", "list", "login", "names", "version"}, offered("arc-relay", ""))
            self.assertEqual(offered("arc-relay", "cache", "cl"), {"clear"})
            self.assertEqual(offered("arc-relay", "config", ""), {"install", "uninstall"})
            self.assertEqual(offered("arc-relay", "cert", ""), {"ensure"})
        with self.subTest("options"):
            self.assertEqual(offered("arc-relay-proxy", "--proxy"), {"--proxy", "--proxy-auth-file"})
            self.assertEqual(offered("arc-relay", "credentials", "--refr"), {"--refresh"})
            self.assertEqual(offered("arc-relay", "login", "--cloud", "AzureC"), {"AzureCloud", "AzureChinaCloud"})
            self.assertEqual(offered("arc-relay", "credentials", "--credential", "azure-c"), {"azure-cli"})
            self.file("some.pem", "")
            self.assertIn("some.pem", offered("arc-relay-proxy", "--ca-file", "so"))
            self.assertEqual(offered("arc-relay-proxy", "--port", ""), set())
        with self.subTest("machines"):
            self.assertEqual(offered("arc-relay-proxy", "--cloud-file", cloud, "web"), {"web01.arc"} | both_web02)
            self.assertEqual(offered("arc-relay-proxy", "--cloud-file", cloud, "--", "web02"), both_web02)
            self.assertEqual(offered("arc-relay-proxy", "--cloud-file", cloud, "web01.rg"), {"web01.rg1.arc"})
            self.assertEqual(offered("arc-relay", "credentials", "--cloud-file", cloud, "db"), {"db.one.arc"})
            self.assertEqual(offered("arc-relay", "names", "--cloud-file", cloud, "half"), {"half.arc"})
            self.assertEqual(offered(os.path.join(os.path.abspath(BUILD), "arc-relay-proxy"), "--cloud-file", cloud,
                                     "web02.rg2"), {"web02.rg2.arc"})
            self.assertEqual(offered("arc-relay", "whoami", "--cloud-file", cloud, "web"), set())
            self.assertEqual(offered("arc-relay-proxy", "web"), set())      # of another cloud
        with self.subTest("nothing is run"):
            for word in ("$(touch${IFS}evil)", "`touch${IFS}evil`", "-x/e;touch${IFS}evil;"):
                offered("arc-relay-proxy", "--cloud-file", f"'{word}'", "web")
                offered("arc-relay", f"'{word}'", "web")
                offered("arc-relay", "credentials", f"'{word}'", "web")
            self.assertNotIn("evil", os.listdir(self.home))

    def test_bash(self):
        self.check(self.bash)
        self.assertEqual(self.bash("arc-relay-proxy", "--cloud-file", "=", self.emu.cloud_file, "WEB01"), {"web01.arc"})
        self.assertEqual(self.bash("arc-relay", "login", "--cloud", "="), {"AzureCloud", "AzureChinaCloud", "AzureUSGovernment"})

    def test_bash_knows_all_that_help_tells(self):
        """--help is read by a program here."""
        verbs = re.findall(r"^  ([a-z]+) ", "\n".join(self.run_shell("arc-relay", "--help")), re.MULTILINE)
        self.assertGreater(len(verbs), 5)
        for command in [["arc-relay-proxy"], *(["arc-relay", verb] for verb in verbs)]:
            text = "\n".join(self.run_shell(*command, "--help"))
            told = set(re.findall(r"^ +(?:-\w, )?(--[\w-]+)", text, re.MULTILINE))
            with self.subTest(command=command):
                self.assertGreater(len(told), 1)
                self.assertEqual(self.bash(*command, "--"), told)

    @unittest.skipUnless(shutil.which("zsh"), "no zsh")
    def test_zsh(self):
        self.check(self.zsh)
        self.assertEqual(self.zsh("arc-relay-proxy", "--cloud-file=" + self.emu.cloud_file, "web01"), {"web01.arc"})

    @unittest.skipUnless(shutil.which("fish"), "no fish")
    def test_fish(self):
        self.check(self.fish)
        self.assertEqual(self.fish("arc-relay-proxy", "--cloud-file=" + self.emu.cloud_file, "web01"), {"web01.arc"})
        self.assertEqual(self.fish("arc-relay", "login", "--cloud=AzureU"), {"--cloud=AzureUSGovernment"})


if __name__ == "__main__":
    tap.main()
