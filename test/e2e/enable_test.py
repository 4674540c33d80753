"""Goal: one command sets a machine up, and writes nothing that is there already; who may
not is told what to hand to whom; nothing is deleted that was not shown.
"""

import json
import os
import pty
import re
import shlex
import signal
import subprocess

import tap
from harness import HANG_S, PROXY, TOOL, WRAP, EmulatorCase, Fault, SshdCase, deadline, family, stderr_of, wait_for, whoami

PROVIDER = "Microsoft.HybridConnectivity"


class EnableCase(EmulatorCase):
    def setUp(self):
        super().setUp()
        self.emu.faults.clear()
        arm = self.emu.arm
        arm.provider_state, arm.registering_polls = "Registered", 1
        arm.slow_operations, arm.operation_style, arm.operation_result = 0, "azure-async", "Succeeded"
        self.seen = len(self.emu.log.find(who="arm"))

    def tearDown(self):
        for machine in self.emu.machines():
            self.emu.remove_machine(machine.name)
        super().tearDown()

    def add(self, name, **settings):
        return self.emu.add_machine(name, service="echo", **settings)

    def new(self, delay=0.0):
        machine = self.add("new", endpoint=False, service_port=None)
        machine.agent_delay = delay
        return machine

    waits = False           # enable, until the machine answers

    def command(self, verb, *args):
        more = [] if verb != "enable" else self.relay_options()[2:] if self.waits else ["--no-wait"]
        return WRAP + [TOOL, verb, "--cloud-file", self.emu.cloud_file, *more, *args]

    def run_verb(self, verb, *args, status=0, says="", **run):
        run.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run(self.command(verb, *args), env=self.env, capture_output=True, text=True,
                              timeout=HANG_S, **run)
        self.assertEqual(done.returncode, status, done.stderr + done.stdout)
        self.assertIn(says, done.stderr + done.stdout)
        return done

    def result(self, verb, *args):
        return json.loads(self.run_verb(verb, "--json", *args).stdout)

    def writes(self):
        """What was written in this test, in order."""
        return [(row["method"], row["operation"]) for row in self.emu.log.find(who="arm")[self.seen:]
                if row["method"] in ("PUT", "PATCH", "DELETE") or row["operation"] == "register"]

    def dial(self, name, *args):
        """A line there and back by the proxy."""
        child = subprocess.Popen(WRAP + [PROXY, "--cloud-file", self.emu.cloud_file, "--connect-to",
                                         f"127.0.0.1:{self.emu.relay_port}", *args, self.emu.machine_id(name)],
                                 env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        child.stdin.write(b"SSH-2.0-hello\r\n")
        child.stdin.flush()
        first = child.stdout.read(15)
        _, err = child.communicate(timeout=HANG_S)
        self.assertEqual((child.returncode, first), (0, b"SSH-2.0-hello\r\n"), err)


ENDPOINT, SERVICE = ("PUT", "default"), ("PUT", "ssh")


class Enable(EnableCase):
    def test_fresh_machine(self):
        self.new(delay=3)
        self.run_verb("credentials", self.emu.machine_id("new"), status=78, says="arc-relay enable new")
        done = self.run_verb("enable", "new")
        self.assertEqual(done.stdout, "new: endpoint created\nnew: SSH goes to port 22 now\n"
                         "new: its agent needs 30 to 90 s to notice; ssh waits for it\n")
        self.assertEqual(done.stderr, "")
        self.assertEqual(self.writes(), [ENDPOINT, SERVICE])
        self.dial("new", *deadline(30))

    def test_again_writes_nothing(self):
        self.add("web01", service_port=2222)
        self.assertEqual(self.run_verb("enable", "web01").stdout,
                         "web01: endpoint was there\nweb01: SSH goes to port 2222, as before\n")
        self.assertEqual(self.result("enable", "web01", "--port", "2222")["changed"], False)
        self.assertEqual(self.writes(), [])

    def test_only_the_service_is_missing(self):
        machine = self.add("half", service_port=None)
        machine.put_disturbs = True
        told = self.result("enable", self.emu.machine_id("half"))
        self.assertEqual((told["endpoint"], told["service"], told["port"]), ("existed", "created", 22))
        self.assertEqual(self.writes(), [SERVICE])

    def test_without_a_cache(self):
        """As all verbs: nothing is kept when none is wanted."""
        self.add("half", service_port=None)
        rid, cache = self.emu.machine_id("half"), os.path.join(self.env["XDG_CACHE_HOME"], "arc-relay")
        self.env["ARC_RELAY_NO_CACHE"] = "1"
        for verb in (["enable", rid], ["disable", "--yes", rid], ["register"]):
            with self.subTest(verb=verb):
                self.run_verb(*verb)
                self.assertEqual([file for _, _, files in os.walk(cache) for file in files], [])

    def test_another_port(self):
        machine = self.add("web01")
        machine.port_map[2222] = machine.port_map.get(22, 22)
        self.run_verb("credentials", "--port", "2222", self.emu.machine_id("web01"))
        self.run_verb("enable", "web01", "--port", "2222", says="SSH goes to port 2222 now, no longer to 22")
        self.assertEqual(self.writes(), [SERVICE])
        self.assertEqual(machine.service_ports, {"SSH": 2222})
        lists = self.emu.count(who="arm", operation="listcredentials")
        self.run_verb("credentials", "--port", "2222", self.emu.machine_id("web01"))     # what was kept is of port 22
        self.assertEqual(self.emu.count(who="arm", operation="listcredentials"), lists + 1)

    def test_recreate_keeps_the_port(self):
        machine = self.add("web01", service_port=2222)
        told = self.result("enable", "web01", "--recreate")
        self.assertEqual((told["endpoint"], told["service"], told["port"]), ("recreated", "recreated", 2222))
        self.assertEqual(self.writes(), [("DELETE", "default"), ENDPOINT, SERVICE])
        self.assertEqual(machine.service_ports, {"SSH": 2222})

    def test_long_operations(self):
        for style in ("azure-async", "location", "resource"):
            with self.subTest(style=style):
                machine = self.add("half", service_port=None)
                self.emu.arm.slow_operations, self.emu.arm.operation_style = 1, style
                self.run_verb("enable", "half")
                self.assertEqual(machine.service_ports, {"SSH": 22})
                self.emu.remove_machine("half")

    def test_an_operation_that_fails_or_never_ends(self):
        self.add("half", service_port=None)
        self.emu.arm.slow_operations, self.emu.arm.operation_result = 1, "Failed"
        self.run_verb("enable", "half", status=76, says="[E412]")
        self.emu.arm.slow_operations = 10000
        self.run_verb("enable", "--timeout", "1", "half", status=75, says="[E409]")

    def test_no_right(self):
        self.add("half", service_port=None)
        rid = self.emu.machine_id("half")
        for on, words, after, commands in (
                (f"{PROVIDER}/endpoints/serviceConfigurations/write", "E407", 4, 1),
                (f"{PROVIDER}/endpoints/read", "E402", 2, 2)):
            for form in ((), ("--json",)):
                with self.subTest(on=on, form=form):
                    self.emu.faults.clear()
                    self.forbid(on, rid, after)
                    done = self.run_verb("enable", rid, *form, status=77, says=f"[{words}]")
                    self.assertIn(f"you lack {on}", done.stderr)
                    told = list(json.loads(done.stdout)["commands"].values()) if form else done.stdout.splitlines()
                    self.assertEqual(len(told), commands)
                    self.check_command(told[-1], rid + f"/providers/{PROVIDER}/endpoints/default"
                                       "/serviceConfigurations/SSH", {"serviceName": "SSH", "port": 22})
                    if commands == 2:
                        self.check_command(told[0], rid + f"/providers/{PROVIDER}/endpoints/default",
                                           {"type": "default"})
        self.assertEqual(self.emu.machine("half").service_ports, {})

    def forbid(self, action, rid, after):
        doc = {"error": {"code": "AuthorizationFailed", "message":
                         f"The client 'a' with object id 'b' does not have authorization to perform action '{action}' "
                         f"over scope '{rid}' or the scope is invalid."}}
        self.emu.faults.arm.extend(["ok"] * after)
        self.emu.faults.arm.append(Fault("status", code=403, body=json.dumps(doc)))

    def check_command(self, line, url, properties):
        """As a shell reads it."""
        words = shlex.split(line)
        self.assertEqual(words[:5] + words[6:7], ["az", "rest", "--method", "put", "--url", "--body"])
        self.assertEqual(words[5], url + "?api-version=2023-03-15")
        self.assertEqual(json.loads(words[7]), {"properties": properties})

    def test_not_registered(self):
        self.new()
        self.add("web01")
        self.emu.arm.registering_polls = 100
        for state in ("NotRegistered", "Registering", "Unregistered"):
            for args in (["new"], ["web01", "--recreate"]):
                with self.subTest(state=state, args=args):
                    self.emu.arm.provider_state = state
                    done = self.run_verb("enable", *args, status=78)
                    self.assertEqual(done.stderr, f"arc-relay: {PROVIDER} is not registered in the subscription of "
                                     f"{args[0]}: it is {state}. fix: arc-relay register --subscription "
                                     f"{self.emu.subscription}, then restart the agent [E403]\n")
        self.assertEqual(self.writes(), [])

    def test_who_may_not_read_the_provider(self):
        self.add("half", service_port=None)
        self.forbid(f"{PROVIDER}/read", f"/subscriptions/{self.emu.subscription}", 0)
        self.run_verb("enable", self.emu.machine_id("half"))
        self.assertEqual(self.writes(), [SERVICE])

    def meanwhile(self, what, match="endpoints/default"):
        """Somebody does that after Azure has answered the first such request, and before the answer is here."""
        self.emu.faults.arm.append(Fault("edit", script=lambda document: [document, what()][0], match=match))

    def test_deleted_in_between(self):
        self.new()
        rid = self.emu.machine_id("new")
        self.meanwhile(lambda: self.emu.remove_machine("new"))
        self.run_verb("enable", rid, status=68, says="[E201]")
        self.assertEqual(self.writes(), [ENDPOINT])

    def test_endpoint_taken_away_in_between(self):
        """Looked at once more, and made."""
        machine = self.add("half", service_port=None)
        self.meanwhile(lambda: self.emu.delete_endpoint(machine), "serviceconfigurations")
        told = self.result("enable", self.emu.machine_id("half"))
        self.assertEqual((told["endpoint"], told["service"]), ("recreated", "created"))
        self.assertEqual(self.writes(), [SERVICE, ENDPOINT, SERVICE])

    def test_somebody_else_was_first(self):
        """What Azure refuses for it is looked at once more, and what is there by then is not written again."""
        for status in (409, 412):
            with self.subTest(status=status):
                machine = self.new()
                machine.put_disturbs = True
                self.meanwhile(lambda: self.emu.create_endpoint(machine))
                self.emu.faults.arm.append(self.conflict(status))
                self.run_verb("enable", self.emu.machine_id("new"))
                self.assertEqual(self.writes(), [ENDPOINT, SERVICE])
                self.emu.remove_machine("new")
                self.seen = len(self.emu.log.find(who="arm"))

    def conflict(self, status):
        doc = {"error": {"code": "Conflict", "message": "Another operation is in progress."}}
        return Fault("status", code=status, body=json.dumps(doc), match="endpoints/default")

    def test_somebody_else_does_not_stop(self):
        self.add("half", service_port=None)
        self.emu.faults.arm.extend(["ok"] * 5 + [self.conflict(409)] + ["ok"] * 3 + [self.conflict(409)])
        done = self.run_verb("enable", "half.rg1.arc", status=75)
        self.assertEqual(done.stderr, "arc-relay: somebody else changes half, too: Azure refuses with status 409: Conflict: "
                         "Another operation is in progress.. fix: arc-relay enable half.rg1.arc [E409]\n")
        self.assertEqual(self.writes(), [SERVICE, SERVICE])

    def test_no_such_machine(self):
        self.new()
        rid = self.emu.machine_id("new")
        self.emu.remove_machine("new")
        self.run_verb("enable", rid, status=68, says="[E201]")
        self.run_verb("disable", rid, "--yes", status=68, says="[E201]")
        self.assertEqual(self.writes(), [])

    def test_the_agent_is_told_of(self):
        machine = self.new()
        machine.status, machine.agent_version = "Disconnected", "1.30.02313.900"
        done = self.run_verb("enable", "new")
        self.assertIn("new is Disconnected since 2025-01-01T00:00:00Z", done.stderr)
        self.assertIn("[E204]", done.stderr)
        self.assertIn("1.30.02313.900, too old for a service configuration", done.stderr)
        self.assertIn("[E205]", done.stderr)
        machine.status, machine.agent_version = "Connected", "1.31.0.1"
        self.assertEqual(self.run_verb("enable", "new").stderr, "")

    def test_two_at_once(self):
        machine = self.new()
        self.emu.arm.slow_operations = 1
        started = [subprocess.Popen(self.command("enable", "new", "--port", "22"), env=self.env, text=True,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                   for _ in range(2)]
        for child in started:
            out, err = child.communicate(timeout=HANG_S)
            self.assertEqual((child.returncode, err), (0, ""), out)
        self.assertEqual(machine.service_ports, {"SSH": 22})
        self.dial("new", *deadline(30))

    def test_bad_usage(self):
        for args in ((), ("a", "b"), ("a", "--port", "0"), ("a", "--port", "65536"), ("a", "--timeout", "x")):
            with self.subTest(args=args):
                self.run_verb("enable", *args, status=64)


class Wait(EnableCase, SshdCase):
    """The machine is a real sshd, whose agent takes AGENT_S seconds to listen.  They are seconds of a clock, for the
    program that is tested waits by its own; 40 of them are as good as these, and AGENT_S=40 shows that.
    """
    waits = True
    AGENT_S = float(os.environ.get("AGENT_S", "4"))

    def fresh(self, name="web01", port=None, delay=0.0, **settings):
        machine = self.emu.add_machine(name, endpoint=False, service_port=None, port=port or self.sshd.port, **settings)
        machine.agent_delay = delay
        return machine

    def ssh_config(self):
        """As arc-relay writes it.  Returns its path."""
        done = subprocess.run(WRAP + [TOOL, "config", *self.relay_options(), "--user", whoami(), "--identity",
                                      self.sshd.path("user_key"), "web01"], env=self.env, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.file("ssh_config", f"UserKnownHostsFile {self.home}/known_hosts\nStrictHostKeyChecking accept-new\n"
                         f"BatchMode yes\nLogLevel ERROR\n{done.stdout}")

    def test_fresh_machine_then_ssh(self):
        """What a new user does: one command, then ssh."""
        self.fresh(delay=self.AGENT_S)
        done = self.run_verb("enable", "web01")
        self.assertRegex(done.stdout, r"\Aweb01: endpoint created\nweb01: SSH goes to port 22 now\n"
                         r"web01: answers after \d+ s: SSH-2\.0-OpenSSH_.*\n\Z")
        self.assertGreaterEqual(int(re.search(r"after (\d+) s", done.stdout)[1]), int(self.AGENT_S) - 1)
        self.assertEqual(done.stderr, "")
        ssh = subprocess.run(["ssh", "-F", self.ssh_config(), "web01.arc", "echo it is $((6 * 7))"], env=self.env,
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S)
        self.assertEqual((ssh.returncode, ssh.stdout), (0, "it is 42\n"), ssh.stderr)
        self.assertEqual(self.writes(), [ENDPOINT, SERVICE])

    def test_ssh_waits_as_well(self):
        self.fresh(delay=self.AGENT_S)
        done = self.run_verb("enable", "--no-wait", "web01")
        self.assertIn("its agent needs 30 to 90 s to notice; ssh waits for it", done.stdout)
        ssh = subprocess.run(["ssh", "-F", self.ssh_config(), "web01.arc", "echo it is $((6 * 7))"], env=self.env,
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S)
        self.assertEqual((ssh.returncode, ssh.stdout), (0, "it is 42\n"), ssh.stderr)

    def test_nothing_to_do_dials_nobody(self):
        self.emu.add_machine("web01", port=self.sshd.port)
        self.run_verb("enable", "web01")
        self.assertEqual(self.emu.count(who="relay", what="connect", path=self.emu.machine("web01").entity), 0)

    def test_not_connected(self):
        """Nobody would come."""
        self.fresh(connected=False)
        done = self.run_verb("enable", "web01")
        self.assertEqual(done.stdout, "web01: endpoint created\nweb01: SSH goes to port 22 now\n"
                         "web01: its agent needs 30 to 90 s to notice; ssh waits for it\n")
        self.assertIn("[E204]", done.stderr)

    def test_nothing_listens(self):
        self.fresh(port=1)
        done = self.run_verb("enable", "web01", status=69)
        self.assertEqual(done.stdout, "web01: endpoint created\nweb01: SSH goes to port 22 now\n")
        self.assertEqual(done.stderr, "arc-relay: nothing listens on port 22 of the machine. fix: on web01 run: sudo "
                         "systemctl enable --now ssh [E505]\n")

    def test_agent_that_does_not_come(self):
        self.fresh(delay=1000)
        done = self.run_verb("enable", "--timeout", "4", "web01", status=75)
        self.assertRegex(done.stderr, r"\Aarc-relay: .* \[E502\]\n\Z")
        told = self.run_verb("enable", "--timeout", "2", "--recreate", "--json", "web01", status=75)
        told = json.loads(told.stdout)
        self.assertEqual((told["endpoint"], told["changed"], told["listens"], told["error"]["id"]),
                         ("recreated", True, False, "E502"))

    def test_json(self):
        self.fresh()
        told = self.result("enable", "web01")
        self.assertEqual((told["listens"], told["banner"][:16], "error" in told), (True, "SSH-2.0-OpenSSH_", False))
        self.assertNotIn("listens", self.result("enable", "web01"))

    def test_azure_needs_a_moment(self):
        """listCredentials does not know yet what was written."""
        for status in (404, 412):
            with self.subTest(status=status):
                self.fresh()
                doc = {"error": {"code": "EndpointNotFound", "message": "not yet"}}
                self.emu.faults.arm.append(Fault("status", code=status, body=json.dumps(doc), match="listcredentials"))
                self.run_verb("enable", "web01", says="web01: answers after")
                self.emu.remove_machine("web01")

    def test_azure_needs_for_ever(self):
        self.fresh()
        self.emu.faults.arm.always = Fault("status", code=412, error="PreconditionFailed", match="listcredentials")
        done = self.run_verb("enable", "--timeout", "3", "web01.rg1.arc", status=78)
        self.assertEqual(done.stderr, "arc-relay: the SSH service of web01 is not configured in Azure. fix: arc-relay "
                         "enable web01.rg1.arc --recreate [E405]\n")

    def test_who_may_not_use_it(self):
        """To set it up is one right, to list its credentials another."""
        self.fresh()
        doc = {"error": {"code": "AuthorizationFailed", "message": "The client 'a' with object id 'b' does not have "
                         f"authorization to perform action '{PROVIDER}/endpoints/listCredentials/action' over scope 'x'"}}
        self.emu.faults.arm.append(Fault("status", code=403, body=json.dumps(doc), match="listcredentials"))
        done = self.run_verb("enable", "web01")
        self.assertIn("you may not list relay credentials of web01", done.stderr)

    def test_progress_on_a_terminal(self):
        self.fresh(delay=3.5)
        status, said = stderr_of(self.command("enable", "web01"), self.env)
        self.assertEqual(status, 0, said)
        self.assertIn(b"\rwaiting for web01: 2 s\rwaiting for web01: 3 s", said)
        self.assertNotIn(b"waiting for web01: 1 s", said)
        self.assertTrue(said.endswith(b" \r"), said)

    def test_interrupted(self):
        """What was written stays, and nothing that was started."""
        self.fresh(delay=1000)
        child = subprocess.Popen(self.command("enable", "web01"), env=self.env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.emu.log.wait(HANG_S, who="relay", what="connect", path=self.emu.machine("web01").entity)
        pids = family(child.pid)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=HANG_S)
        self.assertEqual((child.returncode, out, err), (-signal.SIGINT, "web01: endpoint created\n"
                                                        "web01: SSH goes to port 22 now\n", ""))
        self.assertNotEqual(pids, [])
        wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "somebody is left", 5)

    def test_two_at_once(self):
        """The second finds what the first has made, or makes it once more; both see it answer."""
        machine = self.fresh(delay=2)
        machine.put_disturbs = True
        started = [subprocess.Popen(self.command("enable", "web01"), env=self.env, text=True, stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
        for child in started:
            out, err = child.communicate(timeout=HANG_S)
            self.assertEqual((child.returncode, err), (0, ""), out)
        self.assertLessEqual(len([one for one in self.writes() if one == ENDPOINT]), 2)


class Disable(EnableCase):
    def test_needs_a_yes(self):
        self.add("web01")
        done = self.run_verb("disable", "web01", status=64, says="fix: --yes")
        self.assertIn("service configuration of SSH, port 22", done.stderr)
        self.assertEqual(self.writes(), [])

    def asked(self, answer):
        leader, follower = pty.openpty()
        os.write(leader, answer)
        try:
            return self.run_verb("disable", "web01", stdin=follower)
        finally:
            os.close(leader)
            os.close(follower)

    def test_asks_on_a_terminal(self):
        self.add("web01")
        self.assertEqual(self.asked(b"\n").stdout, "web01: nothing deleted\n")
        self.assertEqual(self.writes(), [])
        done = self.asked(b"y\n")
        self.assertIn("delete it? [y/N]", done.stderr)
        self.assertEqual(self.writes(), [("DELETE", "ssh")])

    def test_the_service_only(self):
        machine = self.add("web01")
        self.run_verb("credentials", self.emu.machine_id("web01"))
        told = self.result("disable", "web01", "--yes")
        self.assertEqual((told["endpoint_deleted"], told["service_deleted"], told["port_before"]), (False, True, 22))
        self.assertEqual((machine.has_endpoint, machine.service_ports), (True, {}))
        self.run_verb("credentials", self.emu.machine_id("web01"), status=78, says="[E405]")
        self.assertEqual(self.run_verb("disable", "web01").stdout, "web01: nothing to delete\n")
        self.assertEqual(self.writes(), [("DELETE", "ssh")])

    def test_the_endpoint(self):
        machine = self.add("web01")
        self.run_verb("disable", "web01", "--endpoint", "-y", says="the endpoint, and with it every service")
        self.assertEqual((machine.has_endpoint, self.writes()), (False, [("DELETE", "default")]))
        self.run_verb("disable", "web01", "--endpoint", says="nothing to delete")


class Register(EnableCase):
    def test_progress_until_registered(self):
        self.emu.arm.provider_state = "NotRegistered"
        done = self.run_verb("register")
        self.assertIn(f"arc-relay: {PROVIDER}: Registering (0 s)\n", done.stderr)
        self.assertIn("Registered now", done.stdout)
        self.assertEqual(self.writes(), [("POST", "register")])

    def test_registered_already(self):
        name = self.emu.subscriptions[self.emu.subscription]
        for args in ((), ("--subscription", self.emu.subscription.upper()), ("--subscription", name.upper())):
            with self.subTest(args=args):
                told = self.result("register", *args)
                self.assertEqual(told, {"subscription": self.emu.subscription, "state": "Registered",
                                        "changed": False})
        self.assertEqual(self.writes(), [])

    def test_stuck(self):
        self.emu.arm.provider_state, self.emu.arm.registering_polls = "Registering", 10000
        done = self.run_verb("register", "--timeout", "2", status=78)
        self.assertEqual(done.stderr.splitlines()[-1], f"arc-relay: {PROVIDER} is not registered in the subscription: still "
                         "Registering after 2 s. fix: Azure goes on with it; look again in some minutes with arc-relay "
                         f"register --subscription {self.emu.subscription} [E403]")
        self.assertEqual(self.writes(), [])

    def test_not_asked_while_it_is_being_unregistered(self):
        self.emu.arm.provider_state = "Unregistering"
        self.run_verb("register", "--timeout", "1", status=78, says="still Unregistering after 1 s")
        self.assertEqual(self.writes(), [])

    def test_no_such_subscription(self):
        self.run_verb("register", "--subscription", "nonsense", status=68, says="[E206]")

    def test_no_right(self):
        self.emu.arm.provider_state = "NotRegistered"
        doc = {"error": {"code": "AuthorizationFailed", "message":
                         f"The client 'a' with object id 'b' does not have authorization to perform action "
                         f"'{PROVIDER}/register/action' over scope '/subscriptions/{self.emu.subscription}'"}}
        self.emu.faults.arm.append(Fault("status", code=403, body=json.dumps(doc), match="register"))
        self.run_verb("register", status=77, says=f"az provider register -n {PROVIDER} --subscription")


if __name__ == "__main__":
    tap.main()
