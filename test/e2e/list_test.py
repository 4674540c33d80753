"""Goal: arc-relay list shows the machines that are asked for, all of them or none, in few requests;
names that others chose do no harm to the query, to the terminal or to a script that reads the table.
"""

import json
import os
import pty
import re
import subprocess
import termios

import tap
from harness import HANG_S, MODE, TOOL, WRAP, EmulatorCase, Fault

HEADER = ["NAME", "GROUP", "LOCATION", "OS", "AGENT", "STATUS"]
VMWARE = "Microsoft.ConnectedVMwarevSphere/virtualMachines"
OTHER_KINDS = (VMWARE, "Microsoft.ScVmm/virtualMachines", "Microsoft.AzureStackHCI/virtualMachines")
ASCII = re.compile(r"[\x20-\x7e\n]*")


class ListCase(EmulatorCase):
    def setUp(self):
        super().setUp()
        self.emu.faults.clear()
        self.before = self.requests(0)
        graph = self.emu.graph
        for name in ("page_size", "quota", "retry_after", "casing"):
            self.addCleanup(setattr, graph, name, getattr(graph, name))

    def tearDown(self):
        for machine in self.emu.machines():
            self.emu.remove_machine(machine.name, machine.group, machine.subscription)

    def requests(self, before):
        return self.emu.count(who="arm", operation="resources") - before

    def add(self, name, **settings):
        return self.emu.add_machine(name, lazy=True, **settings)

    def command(self, *args):
        return WRAP + [TOOL, "list", "--cloud-file", self.emu.cloud_file, *args]

    def run_list(self, *args, **more):
        return subprocess.run(self.command(*args), env={**self.env, **more}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=HANG_S)

    def good(self, *args, stderr=""):
        """Its output."""
        done = self.run_list(*args)
        self.assertEqual((done.returncode, done.stderr), (0, stderr))
        self.assertRegex(done.stdout, ASCII)
        return done.stdout

    def json(self, *args):
        return json.loads(self.good("--json", *args))

    def names(self, *args):
        """By --json, and the same by the table."""
        found = [machine["name"] for machine in self.json(*args)]
        rows = self.good(*args).splitlines()
        self.assertEqual(rows[0].split()[:6], HEADER)
        self.assertEqual(len(rows) - 1, len(found))
        return found

    def bad(self, status, *says, args=()):
        done = self.run_list(*args)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertRegex(done.stderr, r"\Aarc-relay: [\x20-\x7e]{1,388}\n\Z")
        for words in says:
            self.assertIn(words, done.stderr)
        return done.stderr

    def page(self, *rows, **more):
        return Fault("status", code=200, body=json.dumps({"data": list(rows), "totalRecords": len(rows), **more}))

    def row(self, name):
        return {"id": f"/x/{name}", "name": name}

    def next_answers(self, *faults):
        self.emu.faults.arm.extend(faults)

    def tls(self):
        return self.emu.count(who="management", what="tls")


class Choice(ListCase):
    def setUp(self):
        super().setUp()
        sub2 = next((guid for guid, name in self.emu.subscriptions.items() if name == "Second Sub"), None)
        self.sub2 = sub2 or self.emu.add_subscription(name="Second Sub")
        self.add("Web01", group="prod", tags={"Env": "Prod", "os.release": "12"})
        self.add("web02", group="prod", tags={"env": "Test"}, connected=False, location="northeurope")
        self.add("db01", group="Data", tags={"ENV": "prod", "tier": ""}, os_name="windows")
        self.add("web01", group="lab", subscription=self.sub2)

    def test_everything(self):
        self.assertEqual(self.names(), ["db01", "web01", "Web01", "web02"])
        self.assertEqual(self.requests(self.before), 2)

    def test_names_and_globs(self):
        for args, names in ((["WEB01"], ["web01", "Web01"]), (["web*"], ["web01", "Web01", "web02"]),
                            (["?b*", "web02"], ["db01", "web02"]), (["db01", "WEB02"], ["db01", "web02"]),
                            (["*1"], ["db01", "web01", "Web01"]), (["*"], ["db01", "web01", "Web01", "web02"]),
                            (["x*"], [])):
            with self.subTest(args=args):
                self.assertEqual(self.names(*args), names)

    def test_options(self):
        for args, names in ((["-g", "PROD"], ["Web01", "web02"]), (["--group=data"], ["db01"]),
                            (["--subscription", self.sub2.upper()], ["web01"]),
                            (["--subscription", "second SUB"], ["web01"]),
                            (["--subscription", "emulated"], ["db01", "Web01", "web02"]),
                            (["--status", "disconnected"], ["web02"]),
                            (["--tag", "ENV"], ["db01", "Web01", "web02"]), (["--tag", "env=PROD"], ["db01", "Web01"]),
                            (["--tag", "env=pro"], []), (["--tag", "tier="], ["db01"]), (["--tag", "tie"], []),
                            (["--tag", "os.release=12"], ["Web01"]), (["--tag", "os=12"], []),
                            (["--query", "location == 'northeurope'"], ["web02"]),
                            (["--query", "os == 'windows' or status != 'Connected'"], ["db01", "web02"]),
                            (["--query", "tags['os.release'] =~ '12' // that's it"], ["Web01"]),
                            (["--query", "name startswith 'web'\nand\n\nlocation !~ 'x'"], ["web01", "Web01", "web02"])):
            with self.subTest(args=args):
                self.assertEqual(self.names(*args), names)

    def test_all_at_once(self):
        args = ["-g", "prod", "--subscription", "emulated", "--tag", "env=prod", "--tag", "os.release",
                "--status", "CONNECTED", "--query", "name has 'web01' or name == 'db01'"]
        self.assertEqual(self.names(*args), ["Web01"])
        self.assertEqual(self.names(*args, "web01"), ["Web01"])
        self.assertEqual(self.names(*args, "d*"), [])
        self.assertEqual(self.names(*args, "--tag", "tier"), [])

    def test_a_name_that_is_not_there(self):
        done = self.run_list("web02", "web3", "x*")
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (68, 2))
        self.assertIn('there is no machine "web3"', done.stderr)
        self.bad(68, '"nosuch"', "[E201]", args=["nosuch"])
        self.bad(68, '"web01"', "[E201]", args=["web01", "-g", "data"])
        self.bad(68, '"web01.arc"', "without .arc", "[E201]", args=["web01.arc"])
        done = self.run_list("--json", "nosuch")
        self.assertEqual((done.returncode, done.stdout), (68, "[]\n"))

    def test_several_subscriptions(self):
        rows = [re.split(r"  +", line) for line in self.good().splitlines()]
        self.assertEqual(rows[0], [*HEADER, "SUBSCRIPTION"])
        self.assertEqual([row[6] for row in rows[1:]], ["emulated", "Second Sub", "emulated", "emulated"])
        self.assertEqual(self.good("-g", "prod").splitlines()[0].split(), HEADER)

    def test_a_subscription_without_a_name(self):
        """Who may not read the subscription is not told its name."""
        self.next_answers(self.page({**self.row("a"), "subscriptionId": "s1"},
                                    {**self.row("b"), "subscriptionId": "s2", "subscriptionName": "two"}))
        self.assertEqual([line.split()[-1] for line in self.good().splitlines()], ["SUBSCRIPTION", "s1", "two"])

    def test_fields(self):
        one, = self.json("web02")
        self.assertEqual(one, {
            "id": self.emu.machine_id("web02"), "name": "web02", "group": "prod", "subscription": self.emu.subscription,
            "subscriptionName": "emulated", "type": "microsoft.hybridcompute/machines", "kind": "",
            "location": "northeurope", "os": "linux", "agent": self.emu.machine("web02").agent_version,
            "status": "Disconnected", "tags": {"env": "Test"}} | {"id": one["id"]})
        self.assertEqual(one["id"].lower(), self.emu.machine_id("web02").lower())
        tags = next(machine["tags"] for machine in self.json() if machine["name"] == "Web01")
        self.assertEqual(tags, {"Env": "Prod", "os.release": "12"})

    def test_wrong_command_lines(self):
        for args, words in ((["--tag", "=x"], "--tag"), (["--tag", ""], "tag is empty"), (["a\nb"], "control"),
                            (["-g", ""], "--group is empty"), (["--status", "\x1b[31m"], "control"),
                            (["--query", " "], "--query is empty"), (["--json", "--json"], "twice"),
                            (["-g", b"\xff"], "UTF-8"), (["--query", "x" * 70000], "too long"),
                            (["--credential", "nosuch"], "nosuch")):
            with self.subTest(args=args):
                self.bad(64, words, args=args)
        self.assertEqual(self.requests(self.before), 0)

    def test_a_query_that_azure_refuses(self):
        for query, words in (("name ==", "at its end"), ("name ==\n'a' 'b'", "at line 2, character 4, near \"'b'\""),
                             ("name = 'a'", "at line 1, character 5, near \"=\""), ("nosuch(name)", "InvalidQueryLanguage")):
            with self.subTest(query=query):
                self.bad(64, "--query", words, "location == 'westeurope'", args=["--query", query])


class Kinds(ListCase):
    def test_all(self):
        for number, kind in enumerate(OTHER_KINDS):
            self.add(f"vm{number}", type=kind, os_name="Windows", agent_version="1.2", connected=number != 1)
        found = self.json()
        self.assertEqual([machine["type"] for machine in found], [kind.lower() for kind in OTHER_KINDS])
        self.assertEqual([(m["os"], m["agent"], m["status"]) for m in found],
                         [("windows", "1.2", "Connected"), ("windows", "1.2", "Disconnected"),
                          ("windows", "1.2", "Connected")])
        self.assertEqual(self.names("--status", "disconnected"), ["vm1"])

    def test_one_machine_is_one_row(self):
        """A newer VMware machine is an Arc server with a kind, and may be there in its old shape."""
        row = {"resourceGroup": "rg", "subscriptionId": "s", "name": "vm"}
        server = {**row, "id": "/s/hybrid/vm", "type": "microsoft.hybridcompute/machines", "kind": "VMware"}
        old = {**row, "id": "/s/connected/VM", "name": "VM", "type": VMWARE.lower()}
        elsewhere = {**old, "id": "/s/other/vm", "resourceGroup": "rg2"}
        for rows in ([server, old, elsewhere], [elsewhere, old, server, server]):
            self.next_answers(self.page(*rows))
            self.assertEqual([(m["id"], m["kind"]) for m in self.json()],
                             [("/s/hybrid/vm", "VMware"), ("/s/other/vm", "")])


class Words(ListCase):
    HOSTILE = ["o'hara", "back\\slash", "\\'", "') or (1 == 1", "a|take 1", 'q"q', "//c", "%s%n", "$(id)", "[x]", "a b", "ü"]

    def test_names_in_queries(self):
        for name in self.HOSTILE:
            self.add(name, group=name, tags={name: name})
        for name in self.HOSTILE:
            with self.subTest(name=name):
                self.assertEqual(self.names("--", name), [name])
                self.assertEqual(self.names("-g", name), [name])
                if "=" not in name:
                    self.assertEqual(self.names("--tag", f"{name}={name}"), [name])
                self.assertEqual(self.names("--status", name), [])
                self.assertEqual(self.names("--subscription", name), [])

    def test_names_on_a_terminal(self):
        shown = {"\u202egnp": r"\u202egnp", "\x1b[31mred": r"\x1b[31mred", "a\nb": r"a\x0ab", "a\tb\x7f": r"a\x09b\x7f",
                 "c1\x9b31m": r"c1\u009b31m", "\U0001f600": r"\U0001f600", "back\\x1b": r"back\\x1b", "w\u00fcrze": r"w\u00fcrze", "a\0b": r"a\ufffdb"}
        for name in shown:
            self.add(name, group=name, tags={name: name})
        for out in (self.good(), self.terminal()[0]):
            rows = [re.split(r"  +", line) for line in out.splitlines()]
            self.assertEqual({row[0] for row in rows[1:]}, set(shown.values()))
            self.assertTrue(all(row[0] == row[1] for row in rows[1:]))
            where = out.index("LOCATION")
            self.assertEqual({line[where - 2:where + 1] for line in out.splitlines()[1:]}, {"  w"})
        names = {name.replace("\0", "\ufffd") for name in shown}
        self.assertEqual({m["name"] for m in self.json()}, names)
        self.assertEqual({name for m in self.json() for name in m["tags"]}, names)

    def terminal(self, *args, **more):
        """What a terminal is sent: (stdout, stderr)."""
        ends = [pty.openpty(), pty.openpty()]
        for _, end in ends:
            mode = termios.tcgetattr(end)
            mode[1] &= ~termios.OPOST
            termios.tcsetattr(end, termios.TCSANOW, mode)
        child = subprocess.Popen(self.command(*args), env=self.env, stdin=subprocess.DEVNULL, stdout=ends[0][1],
                                 stderr=ends[1][1], **more)
        for _, end in ends:
            os.close(end)
        texts = []
        for master, _ in ends:
            text = b""
            try:
                while piece := os.read(master, 65536):
                    text += piece
            except OSError:
                pass        # the other end is closed
            os.close(master)
            texts.append(text.decode("ascii"))
        self.assertEqual(child.wait(HANG_S), 0)
        return texts

    def test_long_names(self):
        self.add("x" * 10000, group="short")
        self.add("\u00e4" * 30, group="short")
        self.assertIn("x" * 10000 + "  short", self.good())
        out, err = self.terminal()
        rows = out.splitlines()
        self.assertEqual(rows[1], "x" * 37 + "...  short  westeurope  linux  1.45.02769.1800  Connected")
        self.assertEqual(rows[2].split("  ")[0].rstrip(), r"\u00e4" * 6 + "...")
        self.assertEqual({line.index("westeurope") for line in rows[1:]}, {rows[0].index("LOCATION")})
        self.assertEqual(err, "2 machines\n")

    def test_count(self):
        self.assertEqual(self.terminal()[1], "0 machines\n")
        self.add("one")
        self.assertEqual(self.terminal()[1], "1 machine\n")
        self.assertEqual(self.terminal("--json")[1], "")

    def test_a_person_who_waits(self):
        self.emu.add_machines(30)
        self.emu.graph.page_size = 10
        slow = Fault("delay", seconds=2.5)
        self.next_answers("ok", slow)
        err = self.terminal()[1]
        self.assertEqual(err, "\r20 of 30 machines\r" + " " * 17 + "\r30 machines\n")

    def test_a_reader_that_has_seen_enough(self):
        self.add("one")
        for args in ([], ["--json"]):
            child = subprocess.Popen(self.command(*args), env=self.env, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            child.stdout.close()
            self.assertEqual((child.stderr.read(), child.wait(HANG_S)), (b"", 74))
            child.stderr.close()
        with open("/dev/full", "w") as full:
            done = subprocess.run(self.command(), env=self.env, stdout=full, stderr=subprocess.PIPE, timeout=HANG_S)
        self.assertEqual((done.returncode, done.stderr),
                         (74, b"arc-relay: cannot write to stdout: No space left on device\n"))

    def test_nothing_is_said(self):
        self.next_answers(self.page({"id": "/x", "name": "a", "os": None, "location": 7}))
        self.assertEqual([line.split() for line in self.good().splitlines()], [HEADER, ["a"] + ["-"] * 5])


class Pages(ListCase):
    def test_many(self):
        count = 250 if MODE == "valgrind" else 2500
        self.emu.graph.page_size = count // 2 - 1
        self.emu.add_machines(count, tags={"n": "1"})
        tls = self.tls()
        rows = self.json()
        self.assertEqual(len({row["id"].lower() for row in rows}), count)
        self.assertEqual(self.requests(self.before), 3)
        self.assertEqual(self.tls() - tls, 1)       # of token and list together
        self.assertEqual([row["name"] for row in rows], sorted(row["name"] for row in rows))

    def test_ten_pages_on_one_connection(self):
        self.emu.add_machines(100)
        self.emu.graph.page_size = 10
        tls = self.tls()
        self.assertEqual(len(self.names("*")), 100)
        self.assertEqual((self.requests(self.before), self.tls() - tls), (20, 2))

    def test_an_end_of_a_connection_is_not_seen(self):
        self.emu.add_machines(50)
        self.emu.graph.page_size = 10
        self.next_answers("ok", Fault("drop", how="rst"), "ok", Fault("drop"), Fault("truncate", keep=1 << 20))
        self.assertEqual(len(self.json()), 50)

    def test_trouble_in_the_middle(self):
        self.emu.add_machines(30)
        self.emu.graph.page_size = 10
        self.good()
        for fault in (Fault("status", code=500), Fault("status", code=429, headers={"retry-after-ms": "10"}),
                      Fault("truncate"), Fault("status", code=401, error="ExpiredAuthenticationToken", message="x")):
            with self.subTest(fault=fault):
                self.next_answers("ok", fault)
                tokens = self.emu.count(who="entra", what="token")
                self.assertEqual(len(self.json()), 30)
                self.assertEqual(self.emu.count(who="entra", what="token") - tokens,
                                 int("Token" in str(fault)))

    def test_a_token_that_is_refused(self):
        refused = Fault("status", code=401, error="InvalidAuthenticationToken", message="x")
        self.emu.add_machines(3)
        self.json()
        tokens = self.emu.count(who="entra", what="token")
        self.next_answers(refused)
        self.assertEqual(len(self.json()), 3)
        self.assertEqual(self.emu.count(who="entra", what="token") - tokens, 1)
        self.next_answers(refused, refused)
        self.bad(67, "[E303]")
        self.assertEqual(self.emu.count(who="entra", what="token") - tokens, 2)
        self.emu.graph.page_size = 1
        self.next_answers(refused, "ok", refused)
        self.bad(67, "[E303]")      # once a list
        self.assertEqual(self.emu.count(who="entra", what="token") - tokens, 3)

    def test_without_a_cache(self):
        self.emu.add_machines(30)
        self.emu.graph.page_size = 10
        tokens = self.emu.count(who="entra", what="token")
        done = self.run_list("--json", ARC_RELAY_NO_CACHE="1")
        self.assertEqual((done.returncode, len(json.loads(done.stdout))), (0, 30), done.stderr)
        self.assertEqual(self.emu.count(who="entra", what="token") - tokens, 1)

    def test_quota(self):
        """What is left of it is not overdrawn; who finds it empty waits, whether told by Retry-After or not."""
        self.emu.add_machines(60)
        self.emu.graph.page_size = 10
        self.emu.graph.quota = (2, 1.0)
        for retry_after in (True, False):
            self.emu.graph.retry_after = retry_after
            before = self.emu.count(who="arm", operation="resources", status=429)
            self.assertEqual(len(self.json()), 60)
            self.assertLessEqual(self.emu.count(who="arm", operation="resources", status=429) - before, 1)

    def test_throttled_for_long(self):
        """Longer than a request has patience, but not longer than a list has."""
        self.add("a")
        resets = [("x-ms-user-quota-resets-after", "00:00:08")]
        self.next_answers(Fault("status", code=429, headers=resets))
        self.assertEqual(self.names(), ["a"])
        self.emu.faults.clear()
        self.next_answers(Fault("status", code=429, headers=[("x-ms-user-quota-resets-after", "00:02:00")]))
        self.bad(75, "120 s", "[E408]")
        self.next_answers(Fault("status", code=429, headers=[("Retry-After", "soon")]))
        self.bad(75, "[E408]")

    def test_lists_that_are_none(self):
        for fault, words in ((Fault("status", code=200, body="{}"), 'has no array "data"'),
                             (Fault("status", code=200, body="<html>"), "JSON"),
                             (Fault("status", code=200, body=""), "is empty"),
                             (self.page(7), "a row that is no machine"), (self.page({"name": "a"}), "no machine"),
                             (self.page(self.row("a"), resultTruncated="true"), "is cut short"),
                             (self.page(self.row("a"), totalRecords=3), "has 1 of 3 machines"),
                             (self.page(self.row("a"), totalRecords="many"), "totalRecords"),
                             (self.page(**{"$skipToken": ["x"]}), "$skipToken"),
                             (Fault("status", code=200, body='{"data":[' + "{}," * 600000 + "{}]}"), "too many values"),
                             (Fault("status", code=200, body='"' + "x" * (8 << 20) + '"'), "8388608 bytes")):
            with self.subTest(words=words):
                self.next_answers(fault)
                self.bad(76, words, "[E412]")

    def test_lists_without_an_end(self):
        again = {"$skipToken": "CANARY"}
        self.next_answers(self.page(self.row("a"), **again), self.page(self.row("b"), **again), self.page(self.row("c")))
        self.assertNotIn("CANARY", self.bad(76, "page 2", "back", "[E412]"))
        self.emu.faults.clear()
        if MODE == "valgrind":          # so many requests are too long for it
            return
        self.next_answers(*[self.page(**{"$skipToken": f"t{number}"}) for number in range(500)])
        self.bad(76, "500 pages", "[E412]")
        self.assertEqual(self.emu.faults.arm, [])

    def test_machines_that_come_and_go(self):
        """Between two pages: the list is no whole one of any moment, and that is no error."""
        self.next_answers(self.page(self.row("a"), totalRecords=3, **{"$skipToken": "x"}),
                          self.page(self.row("b"), totalRecords=4))
        self.assertEqual([machine["name"] for machine in self.json()], ["a", "b"])
        self.next_answers(self.page(self.row("a"), totalRecords=3, **{"$skipToken": "x"}),
                          self.page(self.row("b"), totalRecords=3))
        self.bad(76, "has 2 of 3 machines", "[E412]")

    def test_names_are_kept_of_all_machines_only(self):
        self.emu.add_machines(3)

        def kept():
            folder = os.path.join(self.home, "cache", "arc-relay")
            return sum('"names"' in open(os.path.join(folder, name), errors="replace").read(300)
                       for name in os.listdir(folder) if os.path.isfile(os.path.join(folder, name)))
        for args in (["m1"], ["-g", "rg1"], ["--status", "connected"], ["*", "--tag", "x"], ["--query", "1 == 1"]):
            self.good(*args)
            self.assertEqual(kept(), 0, args)
        self.good("x*")
        self.assertEqual(kept(), 1)


if __name__ == "__main__":
    tap.main()
