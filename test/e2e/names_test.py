"""Goal: a machine is reached by what people call it, never another one; a name that is known
costs no request, and one that is not known costs one for all who ask.
"""

import json
import os
import stat
import subprocess
import time

import tap
from harness import HANG_S, TOOL, SshCase, deadline, wait_for
from names_case import DAY, HOUR, NamesCase

VMWARE = "Microsoft.ConnectedVMwarevSphere/virtualMachines"
HOSTILE = ["*", "web?1", "a b", "a\nb", "a\tb", "$(touch x)", "`id`", "../../x", "-oProxyCommand=x", "a'b", 'a"b',
           "a%n", "!web01", "\x1b[31mred", "w\u00f6b", "\u202ebew", "x" * 10000, "a;b", ".x", "x.", "a/b", "web01 "]


class Meaning(NamesCase):
    """Which machine a name means."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        emu = cls.emu
        cls.sub2 = emu.add_subscription(name="My Sub (2)")
        emu.add_machine("Solo", group="Group1", service="echo")
        for group, sub in [("rg1", None), ("rg2", None), ("rg1", cls.sub2)]:
            emu.add_machine("twin", group=group, subscription=sub, lazy=True)
        emu.add_machine("db.one", group="rg.x", lazy=True)
        emu.add_machine("db", group="one", lazy=True)
        emu.add_machine("db.two", group="rg1", lazy=True)
        emu.add_machine("app", group="rg1", lazy=True)
        emu.add_machine("app.arc", group="rg1", lazy=True)
        emu.add_machine("inarc", group="arc", lazy=True)
        emu.add_machine("inarc", group="rg1", lazy=True)
        emu.add_machine("umlaut", group="gr\u00fcn", lazy=True)
        emu.add_machine("vm1", group="rg1", type=VMWARE, lazy=True)

    def leads(self, name, *machine):
        with self.subTest(name=name):
            said = "".join(chr(c) if c < 128 else "?" for c in self.emu.machine_id(*machine).encode())
            self.assertEqual(self.resolved(name).lower(), said.lower())

    def many(self, name, *candidates):
        with self.subTest(name=name):
            line = self.refused(name)
            self.assertIn("several machines can be called that: " + ", ".join(candidates) + ". fix: ", line)
            self.assertTrue(line.endswith(" [E203]\n"))
            for candidate in candidates:
                self.resolved(candidate)

    def test_forms(self):
        sub = self.emu.subscription
        for name in ("Solo", "solo", "SOLO.arc", "solo.group1", "solo.GROUP1.Arc", "solo.group1.emulated",
                     "solo.group1.EMULATED.arc", f"solo.group1.{sub}", f"Solo.Group1.{sub.upper()}.ARC"):
            self.leads(name, "Solo")
        self.leads("twin.rg2", "twin", "rg2")
        self.leads("twin.rg1.emulated", "twin", "rg1", sub)
        self.leads("twin.rg1.my sub (2)", "twin", "rg1", self.sub2)
        self.leads(f"twin.rg1.{self.sub2}.arc", "twin", "rg1", self.sub2)
        self.leads("umlaut.gr\u00fcn", "umlaut")
        self.leads("vm1.arc", "vm1")
        self.assertEqual(self.queries(), 1)

    def test_dots(self):
        self.leads("db.one.rg.x", "db.one")
        self.leads("db", "db", "one")
        self.leads("db.two", "db.two")
        self.leads("db.two.rg1", "db.two")
        self.leads("app", "app")
        self.leads("inarc.arc.arc", "inarc", "arc")
        self.many("db.one", "db", "db.one.rg.x")
        self.many("app.arc", "app.rg1.arc", "app.arc.arc")
        self.many("inarc.arc", "inarc.arc.arc", "inarc.rg1.arc")

    def test_ambiguity(self):
        of_rg1 = [f"twin.rg1.{self.sub2}", "twin.rg1.emulated"]     # as long as it can be typed without quotes
        if self.emu.subscription < self.sub2:
            of_rg1.reverse()
        self.many("twin", *of_rg1, "twin.rg2")
        self.many("TWIN.rg1", *of_rg1)
        status, out, err = self.run_proxy("twin.arc", "-v", input=b"x")
        self.assertEqual(status, 68)
        self.assertIn(b"arc-relay-proxy: twin.arc: several machines", out)      # ssh shows it
        self.assertNotIn("asking", err)

    def test_no_such_machine(self):
        for name in ("sol", "soloo", "solo.group", "group1.solo", "solo.group1.my sub (2)", "nobody.arc"):
            with self.subTest(name=name):
                line = self.refused(name)
                self.assertRegex(line, rf"no machine is called {name.replace('(', '.').replace(')', '.')} among the "
                                       r"\d+ that this login can see\. fix: arc-relay list; .*resource id.*\[E201\]")
        self.assertEqual(self.queries(), 1)
        status, out, err = self.run_proxy("nobody.arc", "-v", input=b"x")
        self.assertEqual(status, 68)
        self.assertIn(b"arc-relay-proxy: nobody.arc: no machine is called nobody.arc among", out)
        self.assertNotIn("asking", err)

    def test_what_can_be_no_name(self):
        for name in ("", "-v", "web 01", "a/b", "../x", "$(id)", "a'b", 'a"b', "a;b", "a\nb", "a%n", "*", "w?", ".arc",
                     "x" * 500, "\u202ex", "\x1b[31m"):
            with self.subTest(name=name):
                self.assertIn("cannot be the name", self.refused(name, status=64))
                child = self.proxy("-v", "--", name)
                out, err = child.communicate(timeout=HANG_S)
                self.assertEqual(child.returncode, 64)
                self.assertNotIn(b"asking", err)
        self.assertEqual((self.queries(), self.new_requests()), (0, (0, 0)))

    def test_the_line_is_whole(self):
        for n in range(12):
            self.emu.add_machine("crowd", group=f"a-group-with-a-long-name-{n:02}", lazy=True)
        line = self.refused("crowd")
        self.assertRegex(line, r": crowd\.a-group-with-a-long-name-00, .* and \d+ more\. fix: type one of these.* \[E203\]$")


class Session(NamesCase):
    """Names as arc-relay-proxy uses them."""

    def test_cold_then_free(self):
        self.session("web01.arc")
        self.assertEqual((self.queries(), self.new_requests()), (1, (1, 1)))
        said = self.session("WEB01", "-v")
        self.assertIn("the cache has a credential of /subscriptions/", said)
        self.assertNotIn("asking", said)
        self.session("web01.rg1.emulated.arc")
        self.session(self.emu.machine_id("web01"))
        self.assertEqual((self.queries(), self.new_requests()), (1, (1, 1)))

    def test_messages_have_the_name_that_was_typed(self):
        self.emu.add_machine("silent", port=1)
        status, out, err = self.run_proxy("Silent.arc", *deadline(3), input=b"x")
        self.assertNotEqual(status, 0)
        self.assertIn(b"arc-relay-proxy: Silent.arc: ", out)

    def test_stale(self):
        self.session("web01")
        before = self.read_names()[0]["written"]
        self.age(2 * HOUR)
        said = self.session("web01", "-v")
        self.assertIn("120 minutes old", said)
        wait_for(lambda: self.read_names()[0]["written"] >= before, "the names were not renewed")
        self.no_renewals()
        self.assertEqual((self.queries(), self.new_requests()), (2, (1, 1)))
        self.assertNotIn("minutes old", self.session("web01", "-v"))

    def test_stale_for_many(self):
        self.session("web01")
        self.age(2 * HOUR)
        started = os.path.join(self.home, "started")
        self.env["ARC_RELAY_HELPER"] = self.file("helper", f"#!/bin/sh\necho >> {started}\nexec {TOOL} \"$@\"\n", 0o700)
        self.sessions(["web01"] * 20)
        self.emu.log.wait(who="arm", operation="resources", n=self.queries_before + 2)
        self.no_renewals()
        self.assertEqual((self.queries(), os.path.getsize(started)), (2, 1))

    def test_stale_by_the_tool(self):
        """It has taken its secrets out of the environment, and hands them on."""
        self.resolved("web01")
        before = self.read_names()[0]["written"]
        self.age(2 * HOUR)
        for path in self.cached_files():        # so that a token is needed
            if len(os.path.basename(path)) == 64:
                os.remove(path)
        self.resolved("web01")
        wait_for(lambda: self.read_names()[0]["written"] >= before, "the names were not renewed")
        self.assertEqual(self.queries(), 2)

    def test_expired(self):
        self.session("web01")
        self.age(31 * DAY)
        self.assertIn("asking", self.session("web01", "-v"))
        self.assertEqual(self.queries(), 2)

    def test_offline(self):
        """Nothing of Azure but the relay can be reached: what is known is good for a month."""
        self.session("web01")
        self.age(29 * DAY)
        env = {"HTTPS_PROXY": "http://127.0.0.1:9"}
        self.assertEqual(self.session("web01", env=env), "")
        self.no_renewals()
        self.assertEqual(self.session("web01", env=env), "")
        self.assertEqual((self.queries(), self.new_requests()), (1, (1, 1)))

    def test_who_renews(self):
        """A process that ssh need not wait for, with nothing of ours but the environment."""
        self.session("web01")
        self.age(2 * HOUR)
        seen = os.path.join(self.home, "seen")
        helper = self.file("helper", f"""#!/bin/sh
exec 3< /dev/null
{{ echo "$*"; cut -d' ' -f6 /proc/$$/stat; ls -l /proc/$$/fd; tr '\\0' '\\n' < /proc/$$/environ; }} > {seen}.new
mv {seen}.new {seen}
""", 0o700)
        child = self.proxy("--", "web01", env={**self.env, "ARC_RELAY_HELPER": helper})
        child.stdin.write(b"hello")
        child.stdin.flush()
        self.assertEqual(child.stdout.read(5), b"hello")
        wait_for(lambda: os.path.exists(seen), "nobody was started")
        with open(f"/proc/{child.pid}/task/{child.pid}/children") as file:
            self.assertEqual(file.read(), "")           # nor a zombie
        child.communicate(timeout=HANG_S)
        text = open(seen).read()
        self.assertTrue(text.startswith("names --refresh --when-old --cloud-file " + self.emu.cloud_file), text)
        self.assertNotIn(text.splitlines()[1], (str(os.getsid(0)), "0"))
        self.assertNotIn("pipe:", text)
        self.assertNotIn("socket:", text)
        self.assertIn("AZURE_CLIENT_SECRET=" + self.emu.entra.secret, text)

    def test_fifty_cold(self):
        """Fifty names at once are one query."""
        self.emu.add_machines(50, prefix="node", service="echo")
        self.sessions([f"node{n}" for n in range(1, 51)])
        self.assertEqual((self.queries(), self.new_requests()), (1, (1, 50)))

    def test_fifty_wrong(self):
        children = [self.proxy("--", f"wrong{n}") for n in range(50)]
        for child in children:
            out, err = child.communicate(b"x", timeout=HANG_S)
            self.assertEqual(child.returncode, 68, err)
            self.assertIn(b"E201", out)
        self.assertEqual((self.queries(), self.new_requests()[1]), (1, 0))

    def test_no_cache(self):
        for args, env in [(["--no-cache"], {}), ([], {"ARC_RELAY_NO_CACHE": "1"})]:
            self.session("web01", *args, env=env)
        self.assertEqual((self.queries(), self.new_requests()[1]), (2, 2))
        self.assertEqual(self.cached_files(), [])

    def test_without_a_folder(self):
        """Works, and says once why it is slower."""
        done = self.tool("credentials", "--cloud-file", self.emu.cloud_file, "web01", env={"XDG_CACHE_HOME": "/dev/null"})
        self.assertEqual(done.stderr.count("[E112]"), 1)
        self.assertEqual(self.queries(), 1)


class Changes(NamesCase):
    """What happens to machines, and to who asks."""

    def test_a_new_machine(self):
        self.refused("new1")
        self.emu.add_machine("new1", service="echo")
        self.refused("new1")
        self.assertEqual(self.queries(), 1)             # asked just now
        self.age(61)
        self.session("new1.arc")
        self.assertEqual(self.queries(), 2)

    def test_a_machine_that_moved(self):
        self.emu.add_machine("mover", group="rg1", lazy=True)
        self.assertIn("/rg1/", self.resolved("mover").lower())
        self.emu.remove_machine("mover")
        self.emu.add_machine("mover", group="rg2", lazy=True)
        self.age(600)
        self.tool("cache", "clear", "mover")
        done = self.tool("credentials", "--cloud-file", self.emu.cloud_file, "-v", "mover")
        self.assertIn("/rg2/", done.stderr.lower())
        self.assertEqual(self.queries(), 2)

    def test_a_machine_that_is_gone(self):
        self.emu.add_machine("goner", lazy=True)
        self.resolved("goner")
        self.emu.remove_machine("goner")
        self.age(600)
        self.tool("cache", "clear", "goner")
        self.assertIn("no machine is called goner among", self.refused("goner"))
        self.assertEqual(self.queries(), 2)

    def test_another_identity(self):
        self.resolved("web01")
        other = {"AZURE_CLIENT_SECRET": "wrong"}
        self.assertIn("[E305]", self.refused("web01", status=67, env=other))
        self.assertEqual(self.names(env=other), [])
        self.assertEqual(self.names("WEB"), ["web01.arc"])

    def test_refresh(self):
        self.resolved("web01")
        self.age(600)
        self.resolved("web01", "--refresh")
        self.assertEqual(self.queries(), 2)


class File(NamesCase):
    """What lies in the cache."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        evil = cls.emu.add_subscription(name="evil\tsub\n\x1b[2J")
        cls.emu.add_machine("insub", subscription=evil, lazy=True)
        for name in HOSTILE:
            for where in ({"name": name}, {"name": "odd", "group": name}):
                cls.emu.add_machine(where.pop("name"), lazy=True, endpoint=False, **where)

    def test_hostile_names_are_not_in_it(self):
        self.assertTrue(self.resolved("insub").endswith("/insub"))
        head, rest = self.read_names()
        allowed = {"web01", "new", "half", "insub", "odd"}
        lines = [line.split("\t") for line in rest.splitlines()]
        self.assertEqual({line[0] for line in lines}, allowed)
        self.assertEqual({len(line) for line in lines}, {3})
        for text in ("\x1b", "evil", "xxxx", "\u202e", "$(", "`", "'", '"', "*", "?"):
            self.assertNotIn(text, rest)
        self.assertEqual((len(lines), len(rest.encode())), (head["machines"], head["bytes"]))
        self.assertEqual(stat.S_IMODE(os.stat(self.file_of_names()).st_mode), 0o600)
        self.assertFalse(os.path.exists(os.path.join(self.home, "x")))
        for name in self.names():
            self.assertRegex(name, r"\A[a-z0-9._-]+\.arc\Z")

    def test_poisoned(self):
        """Whatever somebody wrote into it, the machine that Azure names is reached."""
        good = self.resolved("web01")
        evil = good.replace("web01", "half")
        head, rest = self.read_names()
        path = self.file_of_names()
        other = rest.replace(good, evil)
        now = int(time.time() * 1000)
        poisoned = [({**head, "schema": 9}, other), ({**head, "kind": "token"}, other), ({**head, "key": "0" * 64}, other),
                    ({**head, "written": now + DAY * 1000}, other), ({**head, "written": "x"}, other),
                    ({**head, "bytes": head["bytes"] + 1}, other), ({**head, "bytes": head["bytes"] - 1}, other), ({}, other),
                    (head, rest.replace(good, evil + "x" * (len(good) - len(evil)))), (head, rest[:-40]), (head, ""),
                    ({**head, "machines": "x"}, rest), (head, rest.replace("\n", "\0")),
                    ({**head, "bytes": 0, "machines": 5}, "")]
        for number, (new_head, new_rest) in enumerate(poisoned):
            with self.subTest(number=number):
                self.write_names(new_head, new_rest, path)
                self.assertEqual(self.resolved("web01"), good)
        for text in ("", "{", "[]\n", "\0" * 100, "x" * 100000):
            with self.subTest(text=text[:9]):
                with open(path, "w") as file:
                    file.write(text)
                self.assertEqual(self.resolved("web01"), good)
        self.write_names(head, rest)
        os.chmod(path, 0o644)
        self.resolved("web01")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        os.rename(path, path + ".old")
        os.symlink(path + ".old", path)
        self.resolved("web01")
        self.assertFalse(os.path.islink(path))
        self.assertEqual(self.queries(), 1 + len(poisoned) + 5 + 2)

    def test_cache_list_and_clear(self):
        self.resolved("web01")
        self.age(720)
        (names,) = [entry for entry in json.loads(self.tool("cache", "list", "--json").stdout) if entry["kind"] == "names"]
        self.assertEqual((names["machines"], names["bytes"]), (self.read_names()[0]["machines"],
                                                               os.path.getsize(self.file_of_names())))
        self.assertRegex(self.tool("cache", "list").stdout, rf"\nnames .* {names['machines']} machines, 12 min old")
        self.tool("cache", "clear", "web01")
        self.file_of_names()
        self.assertEqual(self.tool("cache", "clear").stdout, "2 entries removed\n")
        self.assertEqual(json.loads(self.tool("cache", "list", "--json").stdout), [])


class Verb(NamesCase):
    """arc-relay names."""

    def test_names(self):
        self.assertEqual(self.names(), [])
        self.assertEqual(self.names("--json"), ["[]"])
        self.assertEqual(self.queries(), 0)
        self.assertEqual(self.names("--refresh"), ["half.arc", "new.arc", "web01.arc"])
        self.assertEqual(self.queries(), 1)
        self.assertEqual(self.names("WE"), ["web01.arc"])
        self.assertEqual(self.names("x"), [])
        self.assertEqual(json.loads("".join(self.names("--json", "web"))),
                         [{"name": "web01.arc", "id": self.emu.graph.spelt(self.emu.machine("web01"))}])
        self.age(2 * HOUR)
        self.assertEqual(self.names("w"), ["web01.arc"])
        self.assertEqual((self.queries(), self.new_requests()[1]), (1, 0))
        self.names("--refresh")
        self.names("--refresh")
        self.assertEqual(self.names("--refresh", "--when-old"), [])
        self.assertEqual(self.queries(), 3)

    def test_wrong(self):
        self.tool("names", "a", "b", status=64)
        for env, status in [({"ARC_RELAY_NO_CACHE": "1"}, 64), ({"XDG_CACHE_HOME": "/dev/null"}, 73)]:
            self.tool("names", "--cloud-file", self.emu.cloud_file, "--refresh", env=env, status=status)
            self.assertEqual(self.names(env=env), [])
            self.assertEqual(self.names("--json", env=env), ["[]"])


class Ssh(SshCase):
    def test_ssh(self):
        config = os.path.join(self.home, "config")
        text = open(self.ssh_config()).read().replace("Host arc\n", "Host *.arc\n").replace("    HostName arc\n", "")
        text = text.replace(self.emu.machine_id("web01"), "-p %p -- '%h'")
        with open(config, "w") as file:
            file.write(text)
        for host in ("web01.arc", "WEB01.rg1.arc"):
            done = self.run_ssh("ssh", host, "echo", "hello", config=config)
            self.assertEqual((done.returncode, done.stdout), (0, b"hello\n"), done.stderr)
        self.assertEqual(self.emu.count(who="arm", operation="resources"), 1)
        done = self.run_ssh("ssh", "nobody.arc", "true", config=config)
        self.assertEqual(done.returncode, 255)
        self.assertIn(b"arc-relay-proxy: nobody.arc: no machine is called nobody.arc among the 1 that", done.stderr)


if __name__ == "__main__":
    tap.main()
