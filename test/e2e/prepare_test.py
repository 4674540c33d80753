"""Goal: after `arc-relay prepare` each session begins at once, without a question to Azure; whoever fails is told with
the reason, once for all that share it; and nothing is left behind when it is interrupted.
"""

import json
import os
import re
import resource
import signal
import subprocess

import tap
from harness import HANG_S, MODE, PROXY, TOOL, WRAP, Fault, SshdCase, deadline, family, stderr_of, wait_for, whoami

NO_ENDPOINT = "SSH was never enabled for {0}. fix: let a contributor run once: arc-relay enable {0} [E404]"


class PrepareCase(SshdCase):
    def setUp(self):
        super().setUp()
        self.emu.faults.clear()
        self.addCleanup(self.clear)
        self.seen = len(self.emu.log)

    def clear(self):
        for machine in self.emu.machines():
            self.emu.remove_machine(machine.name, machine.group)

    def add(self, n, **settings):
        return self.emu.add_machines(n, port=self.sshd.port, **settings)

    def add_broken(self, name, **settings):
        return self.emu.add_machine(name, lazy=True, endpoint=False, service_port=None, **settings)

    def count(self, **match):
        """Rows of this test."""
        return len([row for row in self.emu.log.find(**match) if row in self.emu.log[self.seen:]])

    def command(self, *args):
        return WRAP + [TOOL, "prepare", *self.relay_options(), *args]

    def prepare(self, *args, status=0, **run):
        run.setdefault("stderr", subprocess.PIPE)
        done = subprocess.run(self.command(*args), env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              text=True, timeout=3 * HANG_S, **run)
        self.assertEqual(done.returncode, status, f"{done.stderr}{done.stdout}")
        return done

    def told(self, done, *lines):
        """All that stderr has."""
        self.assertEqual(done.stderr.splitlines(), [f"arc-relay: {line}" for line in lines])

    def dials(self):
        return self.count(who="relay", what="connect")


class Ready(PrepareCase):
    def test_sessions_need_nothing_of_azure(self):
        self.add(20)
        done = self.prepare("m*")
        self.assertRegex(done.stdout, r"\A20 of 20 ready \(\d+\.\d s\)\n\Z")
        self.told(done)
        self.assertEqual((self.count(who="entra", what="token"), self.count(who="arm", operation="resources"),
                          self.count(who="arm", operation="listcredentials"), self.dials()), (1, 1, 20, 20))
        self.emu.faults.arm.always = self.emu.faults.entra.always = Fault("status", code=500)
        for name in ("m1", "m20.arc"):
            child = self.proxy(name)
            first = child.stdout.readline()
            self.assertTrue(first.startswith(b"SSH-2.0-OpenSSH"), child.communicate(timeout=HANG_S))
            child.communicate(timeout=HANG_S)

    def test_ssh_in_time(self):
        """Azure is slower than ssh has patience, and ssh need not ask it."""
        if MODE == "valgrind":
            self.skipTest("slower than ssh's patience by itself")
        self.add(1)
        self.emu.faults.arm.always = Fault("delay", seconds=3, match="listcredentials")
        ssh = ["ssh", "-F", "none", "-i", self.sshd.path("user_key"), "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
               "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
               "ConnectTimeout=2", "-o", "ProxyCommand=" + " ".join(WRAP + [PROXY, *self.relay_options(), "m1"]),
               f"{whoami()}@m1", "echo it is m1"]
        run = lambda: subprocess.run(ssh, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                     timeout=HANG_S)
        self.assertEqual(run().returncode, 255)
        self.prepare("m1")
        done = run()
        self.assertEqual((done.returncode, done.stdout), (0, "it is m1\n"), done.stderr)

    def test_as_ssh_names_them(self):
        """In any form, each once; the names of all machines are asked for once."""
        self.add(4)
        self.emu.add_machine("m1", group="other", lazy=True, port=self.sshd.port)
        done = self.prepare("M2.arc", "m3", "m3.rg1", self.emu.machine_id("m4"), self.emu.machine_id("m2").upper(),
                            "m1.other.arc")
        self.assertRegex(done.stdout, r"\A4 of 4 ready ")
        self.assertEqual((self.count(who="arm", operation="resources"), self.dials()), (1, 4))
        done = self.prepare("m1", status=68)
        self.assertIn("[E203]", done.stderr)

    def test_selected(self):
        self.add(6, group=lambda i: f"g{i % 2}", tags=lambda i: {"env": "prod" if i < 3 else "test"})
        for args, n in ((["-g", "g1"], 3), (["--tag", "env=prod"], 2), (["-g", "g1", "--tag", "env=test"], 2),
                        (["m[12]", "m?"], 0), (["m?", "m1"], 6), (["-g", "g1", "m1", "m5"], 2), (["--query", "name == 'm4'"], 1),
                        (["--status", "connected"], 6)):
            with self.subTest(args=args):
                if n == 0:
                    self.prepare(*args, status=64)
                else:
                    self.assertRegex(self.prepare(*args).stdout, rf"\A{n} of {n} ready ")

    def test_another_port(self):
        machine, = self.add(1)
        machine.service_ports["SSH"] = 2222
        machine.port_map[2222] = self.sshd.port
        self.prepare("m1", "--port", "2222")
        connect = self.emu.log.find(who="relay", what="connect")[-1]
        self.assertEqual(connect["target"], "localhost:2222")

    def test_json(self):
        self.add(2)
        self.add_broken("n1")
        machine, = self.add(1, prefix="p")
        machine.connected = False
        done = self.prepare("m?", "n?", "p?", "--json", status=78)
        m1, m2, n1, p1 = json.loads(done.stdout)
        self.assertEqual((m2["id"], m2["name"], m2["ready"], m2["left_out"], m2["attempts"], m2["error"]),
                         (self.emu.machine_id("m2"), "m2", True, False, 1, None))
        self.assertTrue(m1["banner"].startswith("SSH-2.0-OpenSSH"))
        self.assertEqual(set(m1["phases"]), {"credential", "dns", "tcp", "proxy", "tls", "upgrade", "banner"})
        self.assertGreaterEqual(m1["ms"], sum(ms for phase, ms in m1["phases"].items()) // 2)
        self.assertEqual((n1["name"], n1["ready"], n1["banner"], n1["error"]["id"], n1["error"]["status"]),
                         ("n1", False, None, "E404", 78))
        self.assertEqual((p1["ready"], p1["left_out"], p1["ms"], p1["banner"], p1["error"]["id"]),
                         (False, True, None, None, "E204"))

    def test_verbose(self):
        self.add(2)
        done = self.prepare("-v", "m1", "m2")
        for name in ("m1", "m2"):
            self.assertRegex(done.stderr, rf"(?m)^arc-relay: {name}: ready in \d+ ms: credential \d+ dns \d+ tcp \d+ "
                             r"proxy 0 tls \d+ upgrade \d+ banner \d+ ms$")
        self.assertNotIn("arc-relay-proxy:", done.stderr)
        self.assertIn("arc-relay-proxy:", self.prepare("-vv", "m1").stderr)

    def test_agent_that_comes_late(self):
        machine = self.emu.add_machine("late", endpoint=False, port=self.sshd.port)
        machine.agent_delay = 3
        self.emu.create_endpoint(machine)
        done = self.prepare("-v", self.emu.machine_id("late"))
        self.assertRegex(done.stderr, r"late: ready in \d{4,} ms, attempts \d")

    def test_token_source(self):
        """--credential is for the dials, too, as AZURE_TOKEN_CREDENTIALS is for ssh."""
        self.add(1)
        rid = self.emu.machine_id("m1")
        self.prepare("--credential", "azure-cli", rid, status=67)
        self.prepare("--credential", "environment", rid)
        self.env["AZURE_TOKEN_CREDENTIALS"] = "environment"
        self.emu.faults.arm.always = self.emu.faults.entra.always = Fault("status", code=500)
        self.prepare(rid)           # all that it needs is kept

    def test_without_a_cache(self):
        """It says so; the names are still asked for once."""
        self.add(3)
        self.env["ARC_RELAY_NO_CACHE"] = "1"
        done = self.prepare("m1", "m2.rg1.arc", "m3")
        self.told(done, "ARC_RELAY_NO_CACHE is set: nothing is kept for ssh, and each machine asks for a login of its own")
        self.assertEqual(self.count(who="arm", operation="resources"), 1)
        del self.env["ARC_RELAY_NO_CACHE"]
        self.env["ARC_RELAY_CACHE_DIR"] = self.file("no-folder", "")
        done = self.prepare("m1", "m2.rg1.arc", "m3")
        self.assertIn("without a cache nothing is kept for ssh", done.stderr)
        self.assertEqual(self.count(who="arm", operation="resources"), 2)


class Failures(PrepareCase):
    def test_one(self):
        self.add(3)
        self.emu.add_machine("n1", lazy=True, port_map={22: 1})
        done = self.prepare("*", status=69)
        self.told(done, "n1: nothing listens on port 22 of the machine. fix: on n1 run: sudo systemctl enable --now ssh "
                  "[E505]")
        self.assertRegex(done.stdout, r"\A3 of 4 ready, 1 failed \(")

    def test_many_alike(self):
        """Three are told, the others by their names."""
        self.add(1)
        for i in range(10, 40):
            self.add_broken(f"n{i}")
        done = self.prepare("*", status=78)
        lines = done.stderr.splitlines()
        first = [line.split(":")[1].strip() for line in lines[:3]]
        for name, line in zip(first, lines):
            self.assertEqual(line, f"arc-relay: {name}: " + NO_ENDPOINT.format(name))
        rest = [f"n{i}" for i in range(10, 40) if f"n{i}" not in first]
        self.assertEqual(lines[3:], [f"arc-relay: the same of 27 more: {' '.join(rest[:20])} and 7 more (--json tells all) "
                                     "[E404]"])
        self.assertRegex(done.stdout, r"\A1 of 31 ready, 30 failed \(")

    def test_not_logged_in(self):
        """Words that are of no machine are said once."""
        self.add(4)
        self.env["AZURE_CLIENT_SECRET"] = "wrong"
        done = self.prepare(*(self.emu.machine_id(f"m{i}") for i in range(1, 5)), status=67)
        first, rest = done.stderr.splitlines()
        self.assertRegex(first, r"\Aarc-relay: m\d: .* \[E305\]\Z")
        self.assertRegex(rest, r"\Aarc-relay: the same of 3 more: m\d m\d m\d \[E305\]\Z")

    def test_status_is_that_of_most(self):
        self.add_broken("n1")
        self.emu.add_machine("p1", lazy=True, port_map={22: 1})
        self.prepare("*", status=78)                # as many: the higher one
        self.emu.add_machine("p2", lazy=True, port_map={22: 1})
        self.prepare("*", status=69)

    def test_not_connected(self):
        self.add(2)
        for name in ("n1", "n2"):
            self.emu.add_machine(name, lazy=True, connected=False)
        done = self.prepare("*")
        self.told(done, "left out, for Azure says that they are not connected (2): n1 n2")
        self.assertRegex(done.stdout, r"\A2 of 2 ready, 2 left out \(")
        self.assertEqual(self.dials(), 2)
        done = self.prepare("n*", status=69)
        self.assertRegex(done.stdout, r"\A0 of 0 ready, 2 left out \(")
        for args in (["n1"], ["--status", "disconnected", "--query", "name == 'n1'"], ["-g", "rg1", "n1"]):
            with self.subTest(args=args):
                done = self.prepare(*args, *deadline(2), status=69)
                self.assertRegex(done.stderr, r"\Aarc-relay: n1: .* \[E50[12]\]\n\Z")

    def test_names_that_two_have(self):
        for group in ("a", "b"):
            self.add_broken("n1", group=group)
        self.add_broken("n2")
        done = self.prepare("*", status=78)
        self.assertEqual(sorted(re.findall(r": (n[.\w]+)\b", done.stderr)), ["n1.a", "n1.b", "n2"])
        self.assertRegex(done.stderr, r"arc-relay enable n1\.[ab] \[E404\]")     # that alone is a machine

    def test_no_such_machine(self):
        self.add(1)
        for args in (["nobody"], ["m1", "nobody.arc"], ["x*"], ["-g", "rg1", "nobody"], ["-g", "nogroup"]):
            with self.subTest(args=args):
                self.assertIn("[E201]", self.prepare(*args, status=68).stderr)
        self.assertEqual(self.dials(), 0)

    def test_bad_usage(self):
        rid = "/subscriptions/483cb33e-447a-4715-be4f-b956baee5597/resourceGroups/rg1/providers/Microsoft.HybridCompute/machines/m1"
        for args in ([], ["-P", "0", "m1"], ["-P", "257", "m1"], ["--deadline", "0", "m1"], ["--port", "x", "m1"],
                     ["-g", "rg1", rid], ["m1;reboot"]):
            with self.subTest(args=args):
                self.prepare(*args, status=64)
        self.assertIn("no machine is named", self.prepare(status=64).stderr)

    def test_no_proxy_beside(self):
        alone = os.path.join(self.home, "arc-relay")
        os.link(TOOL, alone) if os.stat(TOOL).st_dev == os.stat(self.home).st_dev else subprocess.run(["cp", TOOL, alone])
        self.add(1)
        done = subprocess.run(WRAP + [alone, "prepare", *self.relay_options(), "m1"], env=self.env, capture_output=True,
                              text=True, timeout=HANG_S)
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertIn("[E109]", done.stderr)


class Many(PrepareCase):
    def busiest(self):
        """How many dials were under way at the same time."""
        rows = self.emu.log[self.seen:]
        begun = {row["id"]: row["t"] for row in rows if (row["who"], row["what"]) == ("relay", "connect")}
        done = {row["id"]: row["t"] for row in rows if (row["who"], row["what"]) == ("relay", "answer")}
        return max(sum(begun[one] <= at < done[one] for one in done if one in begun) for at in begun.values())

    def test_not_too_many_at_once(self):
        self.add(12)
        self.emu.faults.dial.always = Fault("delay", seconds=0.5)
        self.prepare("m*", "-P", "3")
        self.assertEqual(self.busiest(), 3)

    def test_few_descriptors(self):
        """A machine that has been dialled costs no descriptor any more, and nothing else that piles up."""
        self.add(120)
        done = self.prepare("m*", "-P", "4", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32)))
        self.assertRegex(done.stdout, r"\A120 of 120 ready ")

    def test_fewer_than_are_wanted_at_once(self):
        self.add(20)
        done = self.prepare("m*", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16)))
        self.assertRegex(done.stdout, r"\A20 of 20 ready ")

    def terminal(self, *args):
        """stderr as a terminal shows it."""
        return stderr_of(self.command(*args), self.env)[1].decode()

    def test_progress_on_a_terminal(self):
        self.add(4)
        self.add_broken("n1")
        self.emu.faults.dial.always = Fault("delay", seconds=0.5)
        said = self.terminal("*", "-P", "2")
        for line in ("\r0 of 5 ready", "\r2 of 5 ready", "\r4 of 5 ready, 1 failed"):
            self.assertIn(line, said)
        self.assertIn("\rarc-relay: n1: " + NO_ENDPOINT.format("n1"), said)     # at the left again
        self.assertTrue(said.endswith(f"\r{' ' * len('4 of 5 ready, 1 failed')}\r"), repr(said))

    def test_interrupted(self):
        """By a signal to it alone, as from kill(1), or to all, as from a terminal: nothing that it started is left, nor
        what that started."""
        self.add(8)
        self.prepare("m1")          # names, token
        for where, fault in (("dial", Fault("stall")), ("arm", Fault("stall", match="listcredentials"))):
            for number, to in ((signal.SIGINT, os.kill), (signal.SIGINT, os.killpg), (signal.SIGTERM, os.kill),
                               (signal.SIGHUP, os.kill), (signal.SIGHUP, os.killpg)):
                with self.subTest(where=where, number=number, to=to.__name__):
                    self.emu.faults.clear()
                    getattr(self.emu.faults, where).always = fault
                    subprocess.run([TOOL, "cache", "clear"], env=self.env, check=True, capture_output=True)
                    before = len(self.emu.log)
                    child = subprocess.Popen(self.command("m*", "-P", "4"), env=self.env, stdin=subprocess.DEVNULL,
                                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                             start_new_session=True)
                    what = {"dial": {"who": "relay", "what": "connect"}, "arm": {"operation": "listcredentials"}}[where]
                    wait_for(lambda: sum(all(row.get(k) == v for k, v in what.items())
                                         for row in self.emu.log[before:]) >= 4, "no four were asked for")
                    pids = family(child.pid)
                    self.assertGreaterEqual(len(pids), 4)
                    to(child.pid, number)
                    _, err = child.communicate(timeout=HANG_S)
                    self.assertEqual(child.returncode, -number, err)
                    self.assertRegex(err, r"\Aarc-relay: interrupted: 0 of 8 ready \(\d+\.\d s\)\n\Z")
                    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "somebody is left", 5)


if __name__ == "__main__":
    tap.main()
