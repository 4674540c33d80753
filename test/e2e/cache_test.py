"""Goal: the cache is what its owner sees and may throw away; where there can be none the
programs work without, and say so once.
"""

import json
import os
import stat
import subprocess
import time

import tap
from credentials_case import CredentialsCase
from harness import HANG_S, TOOL, WRAP, Fault
from namespaces import unshared

WARNING = r"\Aarc-relay: working without a cache: [^\n]+ \[E112\]\n\Z"


class CacheCase(CredentialsCase):
    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.home, "cache", "arc-relay")

    def cache(self, *args, status=0, env=None):
        done = subprocess.run(WRAP + [TOOL, "cache", *args], env={**self.env, **(env or {})},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout if status == 0 else done.stderr

    def session(self, *args):
        """One of arc-relay-proxy, to its end.  Returns what it said."""
        child = self.proxy(*args, self.emu.machine_id("web01"))
        child.stdin.write(b"hello")
        child.stdin.flush()
        self.assertEqual(child.stdout.read(5), b"hello")
        out, err = child.communicate(timeout=HANG_S)
        self.assertEqual((child.returncode, out), (0, b""), err)
        return err.decode()

    def listed(self):
        return json.loads(self.cache("list", "--json"))


class Verbs(CacheCase):
    def test_list(self):
        self.assertEqual((self.cache("list"), self.listed()), ("", []))
        relay = self.good("--port", "2222")
        entries = sorted(self.listed(), key=lambda entry: entry["kind"])
        self.assertEqual([entry["kind"] for entry in entries], ["relay", "token"])
        for entry in entries:
            self.assertEqual((entry["account"], entry["tenant"], entry["source"]),
                             (self.emu.entra.client, self.emu.entra.tenant, "environment"))
            self.assertEqual(entry["cloud"], json.load(open(self.emu.cloud_file))["name"])
            self.assertLessEqual(abs(entry["written"] - time.time()), HANG_S)
            self.assertLess(entry["bytes"], 4096)
        self.assertEqual((entries[0]["machine"], entries[0]["port"]), (self.emu.machine_id("web01"), 2222))
        self.assertEqual(entries[0]["expires"], relay["expiresOn"])
        self.assertNotIn("machine", entries[1])
        text = self.cache("list")
        self.assertEqual(text.count("\n"), 3)
        self.assertIn("web01.rg1:2222", text)
        self.assertIn(self.emu.entra.client + " (environment)", text)

    def test_list_shows_no_secret(self):
        relay = self.good()
        seen = self.cache("list", "-vv") + self.cache("list", "--json", "-vv")
        token = json.load(open(self.entry("token")))["token"]
        for secret in (token, token[-40:], relay["accessKey"], relay["serviceConfigurationToken"],
                       self.emu.entra.secret):
            self.assertNotIn(secret, seen)

    def test_list_of_what_is_damaged(self):
        self.good()
        entry = json.load(open(self.entry("relay")))
        entry["for"]["account"] = "evil\x1b[2J\n"
        entry["expires"] = 1700000000
        with open(self.entry("relay"), "w") as file:
            json.dump(entry, file)
        with open(os.path.join(self.folder, "a" * 64), "w") as file:
            file.write("{")
        os.chmod(file.name, 0o600)
        text = self.cache("list")
        self.assertEqual(text.count("\n"), 3)
        self.assertNotIn("\x1b", text)
        self.assertIn("expired", text)
        self.assertEqual(len(self.listed()), 2)
        self.assertEqual(self.cache("clear"), "3 entries removed\n")

    def test_clear(self):
        self.emu.add_machine("web02", service="echo")
        self.good()
        self.good("--port", "2222")
        self.good(machine="web02")
        self.assertEqual(self.cache("clear", "web0"), "0 entries removed\n")
        self.assertEqual(self.cache("clear", "WEB02.rg1.arc"), "1 entry removed\n")
        self.assertEqual(json.loads(self.cache("clear", "--json", self.emu.machine_id("web01") + "/")), {"removed": 2})
        self.good()
        self.assertEqual(self.new_requests(), (1, 4))
        self.assertEqual(self.cache("clear", "web01.arc"), "1 entry removed\n")
        self.good()
        self.assertEqual(self.cache("clear"), "2 entries removed\n")
        self.assertEqual(self.cache("clear"), "0 entries removed\n")
        self.good()
        self.assertEqual(self.new_requests(), (2, 6))

    def test_usage(self):
        for args in ([], ["nonsense"], ["list", "web01"], ["clear", "a", "b"], ["clear", "--nonsense"]):
            with self.subTest(args=args):
                self.assertRegex(self.cache(*args, status=64), r"\Aarc-relay: [^\n]+\n\Z")
        self.assertIn("[E112]", self.cache("list", status=73, env={"XDG_CACHE_HOME": "/dev/null"}))


class Places(CacheCase):
    def test_a_folder_of_ones_own(self):
        mine = os.path.join(self.home, "deep", "down")
        env = {"ARC_RELAY_CACHE_DIR": mine}
        self.assertEqual(self.credentials(env=env).stderr, "")
        self.assertEqual(self.credentials(env=env).stderr, "")
        self.assertEqual(self.new_requests(), (1, 1))
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(mine, "arc-relay")).st_mode), 0o700)
        self.assertEqual(self.cached_files(), [])
        done = self.credentials(env={"ARC_RELAY_CACHE_DIR": "relative"})
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr, WARNING)
        self.assertEqual(self.cached_files(), [])       # named, and so there or nowhere

    def test_none_wanted(self):
        for args, env in [(["--no-cache"], {}), ([], {"ARC_RELAY_NO_CACHE": "1"}),
                          (["--no-cache"], {"XDG_CACHE_HOME": "/dev/null"})]:
            with self.subTest(args=args, env=env):
                done = self.credentials(*args, env=env)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.new_requests(), (3, 3))
        self.assertEqual(self.cached_files(), [])
        self.assertEqual(self.credentials(env={"ARC_RELAY_NO_CACHE": "0"}).returncode, 0)
        self.assertNotEqual(self.cached_files(), [])


class Impossible(CacheCase):
    """The tool works without a cache, and says so once."""

    def works(self, wrap=(), env=None):
        before = self.new_requests()
        done = subprocess.run([*wrap, *self.command()], env={**self.env, **(env or {})}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=HANG_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("accessKey", json.loads(done.stdout)["relay"])
        self.assertRegex(done.stderr, WARNING)
        self.assertEqual(self.new_requests(), (before[0] + 1, before[1] + 1))
        return done.stderr

    def test_no_home(self):
        for home in (None, "/nonexistent", "relative", "/dev/null"):
            with self.subTest(home=home):
                self.env.pop("XDG_CACHE_HOME", None)
                self.env.pop("HOME", None)
                self.works(env={} if home is None else {"HOME": home})
        self.assertFalse(os.path.exists("/nonexistent"))

    def test_open_to_others(self):
        os.makedirs(self.folder, 0o700)
        for mode in (0o770, 0o750, 0o701, 0o777):
            with self.subTest(mode=oct(mode)):
                os.chmod(self.folder, mode)
                self.assertIn("0700", self.works())
                self.assertEqual((os.listdir(self.folder), stat.S_IMODE(os.stat(self.folder).st_mode)), ([], mode))

    def test_links(self):
        elsewhere = os.path.join(self.home, "elsewhere")
        os.makedirs(elsewhere, 0o700)
        os.makedirs(os.path.dirname(self.folder))
        os.symlink(elsewhere, self.folder)
        self.works()
        os.remove(self.folder)
        open(self.folder, "w").close()
        self.works()
        self.assertEqual(os.listdir(elsewhere), [])

    def test_somebody_elses(self):
        if os.geteuid() != 0:
            self.skipTest("only root can give a folder away")
        os.makedirs(self.folder, 0o700)
        os.chown(self.folder, 1, -1)
        self.works()
        self.assertEqual(os.listdir(self.folder), [])
        os.rmdir(self.folder)
        os.chown(os.path.dirname(self.folder), 1, -1)   # root with the HOME of a user
        self.assertIn("not root's", self.works())
        self.assertEqual(os.listdir(os.path.dirname(self.folder)), [])

    def mounted(self, options, then):
        """A command prefix that sees another file system in place of the cache."""
        os.makedirs(self.folder, 0o700, exist_ok=True)
        script = f'mount -t tmpfs -o mode=700,{options} none "$0" && {then} && exec "$@"'
        return [*unshared(), "sh", "-c", script, self.folder]

    def test_full(self):
        fill = 'cd "$0" && { head -c 1000000 /dev/zero > fill 2> /dev/null || :; }'
        self.assertIn("No space left", self.works(self.mounted("size=16k", fill)))

    def test_read_only(self):
        self.assertIn("Read-only", self.works(self.mounted("size=1m", 'mount -o remount,ro "$0"')))

    def test_no_locks(self):
        """As on a file system that has none: no waiting, whole files all the same."""
        self.good()
        for path in self.cached_files():
            os.remove(path)
            if path.endswith(".lck"):
                os.mkfifo(path, 0o600)
        relay = self.good()
        self.assertEqual(self.good(), relay)
        self.assertEqual(self.new_requests(), (2, 2))

    def test_said_once_by_both_programs(self):
        self.env["XDG_CACHE_HOME"] = "/dev/null"
        self.assertRegex(self.session(), WARNING)


class Proxy(CacheCase):
    """arc-relay-proxy and what is cached."""

    def setUp(self):
        super().setUp()
        self.calls = os.path.join(self.home, "calls")
        helper = os.path.join(self.home, "helper")
        with open(helper, "w") as file:
            file.write(f'#!/bin/sh\necho "$*" >> {self.calls}\nexec {" ".join(WRAP)} {TOOL} "$@"\n')
        os.chmod(helper, 0o755)
        self.env["ARC_RELAY_HELPER"] = helper

    def children(self):
        return open(self.calls).read().splitlines() if os.path.exists(self.calls) else []

    def test_a_helper_that_is_stopped(self):
        """It is given up at the deadline, or when ssh leaves, and does not stay behind."""
        with open(self.env["ARC_RELAY_HELPER"], "w") as file:
            file.write(f'#!/bin/sh\necho $$ >> {self.calls}\nkill -STOP $$\n')
        for ssh_leaves, status, says in [(False, 75, b"no credential from Azure in time"), (True, 0, b"")]:
            child = self.proxy("--deadline", "1", self.emu.machine_id("web01"))
            if not ssh_leaves:
                child.wait(HANG_S)
            out, err = child.communicate(timeout=HANG_S)
            self.assertEqual(child.returncode, status, err)
            self.assertIn(says, err)
        for pid in self.children():
            self.assertFalse(os.path.exists(f"/proc/{pid}"))

    def test_warm(self):
        self.good()
        before = self.emu.count()
        self.assertEqual(self.session() + self.session(), "")
        self.assertEqual((self.new_requests(), self.children()), ((1, 1), []))
        self.assertEqual([row for row in self.emu.log[before:] if row["who"] in ("entra", "arm", "managed")], [])

    def test_another_identity(self):
        self.session()
        self.env["AZURE_TENANT_ID"] = self.emu.entra.tenant.upper()
        self.session()
        self.assertEqual(len(self.children()), 2)

    def test_no_cache(self):
        self.session()
        self.session("--no-cache")
        self.assertEqual(len(self.children()), 2)
        self.assertIn("--no-cache", self.children()[1])
        self.assertEqual(self.new_requests(), (2, 2))

    def test_a_refused_token_is_dropped(self):
        self.good()
        self.emu.entra.revoke_all()
        self.good("--port", "2222")     # another entry, the same token
        self.assertEqual(self.new_requests(), (2, 3))
        self.good("--port", "2223")
        self.assertEqual(self.new_requests(), (2, 4))
        refuse = Fault("status", code=401, error="InvalidAuthenticationToken", message="x")
        self.emu.faults.arm.extend([refuse, refuse])
        self.bad(67, "E303", "--port", "2224")
        self.assertEqual(self.new_requests(), (4, 6))

    def test_a_refused_token_without_a_successor(self):
        self.good()
        self.emu.entra.revoke_all()
        self.emu.faults.entra.append(Fault("status", code=401, error="invalid_client", message="AADSTS7000215: x"))
        done = self.credentials("--port", "2222")
        self.assertEqual(done.returncode, 67, done.stderr)
        self.assertIn("[E305]", done.stderr)
        self.assertEqual([entry["kind"] for entry in self.listed()], ["relay"])

    def test_claims_that_are_missing(self):
        self.good()
        challenge = '{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}'
        self.emu.arm.challenge(challenge)
        try:
            self.good("--port", "2222")
            self.good("--port", "2223")
        finally:
            self.emu.arm.challenge(None)
        self.assertEqual(self.new_requests(), (2, 4))
        form = self.emu.log.find(who="entra", what="token")[-1]["form"]
        self.assertIn("1700000000", form.get("claims", ""))


if __name__ == "__main__":
    tap.main()
