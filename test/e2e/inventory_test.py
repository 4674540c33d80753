"""Goal: arc-relay inventory is what ansible's inventory scripts are, in one question to Azure,
and nothing that somebody else chose runs in ansible or reaches a group's or host's name.
"""

import json
import os
import re
import subprocess

import tap
from ansible_case import AnsibleCase
from harness import HANG_S, TOOL, WRAP

HOSTILE = ["we b", "-oProxyCommand=x", "a'b", 'a"b', "$(id)", "`id`", "a;b", "a%nb", "*", "web?1", "!x", "a\nb", "{{x}}",
           "würze", "\u202egnp", "x" * 10000, "__ansible_unsafe", "a\\b", "a,b", "a/b"]


class InventoryCase(AnsibleCase):
    def tearDown(self):
        super().tearDown()
        for machine in self.emu.machines():
            self.emu.remove_machine(machine.name, machine.group, machine.subscription)

    def setUp(self):
        super().setUp()
        self.asked_before = self.asked(0, 0)

    def machine(self, name, **settings):
        return self.emu.add_machine(name, lazy=True, **settings)

    def asked(self, tokens, queries):
        return (self.emu.count(who="entra", what="token") - tokens,
                self.emu.count(who="arm", operation="resources") - queries)

    def run_inventory(self, *args, **env):
        return subprocess.run(WRAP + [TOOL, "inventory", "--cloud-file", self.emu.cloud_file, *args],
                              env={**self.env, **env}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=HANG_S)

    def inventory(self, *args, stderr=""):
        done = self.run_inventory(*args)
        self.assertEqual((done.returncode, done.stderr), (0, stderr))
        return json.loads(done.stdout)

    def hosts(self, *args):
        return self.inventory("--list", *args)["arc"]["hosts"]

    def script(self, *args):
        """An inventory script, as a user writes it."""
        command = " ".join(f"'{arg}'" for arg in [*WRAP, TOOL, "inventory", "--cloud-file", self.emu.cloud_file, *args])
        return self.file("arc_inventory", f'#!/bin/sh\nexec {command} "$@"\n', 0o700)


class Shape(InventoryCase):
    def test_variables_of_a_host(self):
        machine = self.machine("Web01", group="My.Group", location="westeurope", agent_version="1.52",
                               tags={"env": "prod", "Owner": "Ops Team", "dotted.name": ""})
        document = self.inventory("--list")
        rid = document["_meta"]["hostvars"]["web01.arc"].pop("arc_resource_id")
        self.assertEqual(rid.lower(), machine.rid.lower())
        self.assertEqual(document["_meta"], {"hostvars": {"web01.arc": {
            "ansible_host": "web01.my.group.emulated.arc", "arc_name": "Web01",
            "arc_group": "my.group", "arc_subscription": self.emu.subscription, "arc_subscription_name": "emulated",
            "arc_location": "westeurope", "arc_os": "linux", "arc_status": "Connected", "arc_agent_version": "1.52",
            "arc_tags": {"env": "prod", "Owner": "Ops Team", "dotted.name": ""}}}})
        del document["_meta"]
        self.assertEqual(document, {group: {"hosts": ["web01.arc"]} for group in (
            "arc", "status_connected", "os_linux", "location_westeurope", "rg_my_group", "sub_emulated",
            "tag_env_prod", "tag_owner_ops_team", "tag_dotted_name")})
        self.assertEqual(self.asked(*self.asked_before), (1, 1))

    def test_one_host(self):
        self.machine("web01")
        self.machine("web02")
        everything = self.inventory("--list")
        before = self.asked(0, 0)
        self.assertEqual(self.inventory("--host", "web02.arc"), everything["_meta"]["hostvars"]["web02.arc"])
        self.assertEqual(self.asked(*before), (0, 1))
        for unknown in ("web03.arc", "web02", "", "*"):
            self.assertEqual(self.inventory("--host", unknown), {})

    def test_no_machines(self):
        self.assertEqual(self.inventory("--list"), {"_meta": {"hostvars": {}}, "arc": {"hosts": []}})

    def test_equal_names_are_qualified(self):
        other = self.emu.add_subscription(name="two")
        for group, subscription in (("rg1", None), ("rg2", None), ("rg2", other)):
            self.machine("web01", group=group, subscription=subscription)
        found = self.inventory("--list")["_meta"]["hostvars"]
        self.assertEqual({name: host["ansible_host"] for name, host in found.items()}, {
            "web01.rg1.arc": "web01.rg1.emulated.arc",
            "web01.rg2.emulated.arc": "web01.rg2.emulated.arc",
            "web01.rg2.two.arc": "web01.rg2.two.arc"})

    def test_ssh_never_gets_the_alias_of_another_machine(self):
        """The selection decides what a host is called, and not where ssh goes."""
        for group in ("rg1", "rg2"):
            self.machine("web01", group=group)
        for args, name in (((), "web01.rg2.arc"), (("-g", "rg2"), "web01.arc")):
            host = self.inventory("--list", *args)["_meta"]["hostvars"][name]
            self.assertEqual(host["ansible_host"], "web01.rg2.emulated.arc")

    def test_windows(self):
        self.machine("win", os_name="windows", connected=False)
        document = self.inventory("--list")
        host = document["_meta"]["hostvars"]["win.arc"]
        self.assertEqual((host["ansible_connection"], host["ansible_shell_type"]), ("ssh", "powershell"))
        for group in ("os_windows", "status_disconnected"):
            self.assertEqual(document[group]["hosts"], ["win.arc"])

    def test_many_in_a_stable_order(self):
        self.emu.add_machines(1500, tags=lambda i: {"odd": "yes"} if i % 2 else {}, group=lambda i: f"rg{i % 7}")
        first = self.run_inventory("--list")
        self.assertEqual(self.asked(*self.asked_before), (1, 2))        # pages of 1,000
        self.assertEqual(first.stdout, self.run_inventory("--list").stdout)
        document = json.loads(first.stdout)
        hosts = document.pop("_meta")["hostvars"]
        self.assertEqual(len(hosts), 1500)
        self.assertEqual(document["arc"]["hosts"], list(hosts))
        self.assertEqual(len(document["tag_odd_yes"]["hosts"]), 750)
        self.assertEqual(sum(len(document[f"rg_rg{i}"]["hosts"]) for i in range(7)), 1500)
        self.assertEqual([*document], sorted(document))


class Selection(InventoryCase):
    def test_selection(self):
        self.machine("web01", tags={"env": "prod", "team": "a"})
        self.machine("web02", tags={"env": "test", "team": "a"}, group="rg2")
        self.machine("db01", tags={"env": "prod", "team": "b"}, connected=False)
        for args, names in (((), "db01 web01 web02"), (("web*",), "web01 web02"), (("WEB01", "db01"), "db01 web01"),
                            (("-g", "RG2"), "web02"), (("--tag", "env=prod"), "db01 web01"),
                            (("--tag", "env=prod", "--tag", "team=a"), "web01"),
                            (("--status", "connected"), "web01 web02"), (("--query", "name endswith '2'"), "web02")):
            with self.subTest(args):
                self.assertEqual(self.hosts(*args), [f"{name}.arc" for name in names.split()])

    def test_user_of_a_tag(self):
        for name, tags in (("a", {"ssh_user": "azureuser"}), ("b", {}), ("c", {"ssh_user": "-oProxyCommand=id"}),
                           ("d", {"SSH_User": "CORP\\me"}), ("e", {"ssh_user": ""}), ("f", {"ssh_user": "{{ x }}"})):
            self.machine(name, tags=tags)
        found = self.inventory("--list", "--user-tag", "ssh_user", stderr="".join(
            f"arc-relay: left out: {name} (rg1): its tag does not say a user\n" for name in "cf"))
        self.assertEqual({name: host.get("ansible_user") for name, host in found["_meta"]["hostvars"].items()},
                         {"a.arc": "azureuser", "b.arc": None, "d.arc": "CORP\\me", "e.arc": None})
        self.assertEqual(found["arc"]["hosts"], ["a.arc", "b.arc", "d.arc", "e.arc"])

    def test_hostile_names(self):
        self.machine("web01", tags={name: name for name in HOSTILE})
        good = self.run_inventory("--list").stdout
        for name in HOSTILE:
            self.machine(name)
        done = self.run_inventory("--list")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.words(done.stdout) - self.words(good), set())
        self.assertEqual(len(re.findall(r"^arc-relay: left out: [ -~]* \(rg1\): [a-z ]+$", done.stderr, re.MULTILINE)),
                         len(HOSTILE), done.stderr)
        document = json.loads(done.stdout)
        tags = document.pop("_meta")["hostvars"]["web01.arc"]["arc_tags"]
        self.assertEqual({name: value if isinstance(value, str) else value["__ansible_unsafe"]
                          for name, value in tags.items()},
                         {name: name for name in HOSTILE if name not in ("{{x}}", "__ansible_unsafe")})
        self.assertEqual([group for group in document if not re.fullmatch(r"[a-z][a-z0-9_]*", group)], [])

    @staticmethod
    def words(text):
        return set(re.findall(r'"[^"]*"', text))


class RealAnsible(InventoryCase):
    def test_ansible_inventory_accepts_it(self):
        self.emu.add_machines(5, tags=lambda i: {"env": "prod" if i % 2 else "te st", "größe": "{{ 7 * 7 }}"},
                              location=lambda i: "westeurope")
        script = self.script("--user-tag", "env", "m*")
        done = self.ansible("ansible-inventory", "-i", script, "--list")
        self.assertEqual(done.returncode, 0, done.stderr)
        ours, theirs = self.inventory("--list", "m1"), json.loads(done.stdout)
        self.assertEqual(theirs["_meta"]["hostvars"]["m1.arc"]["arc_tags"],
                         ours["_meta"]["hostvars"]["m1.arc"]["arc_tags"])
        graph = self.ansible("ansible-inventory", "-i", script, "--graph")
        self.assertRegex(graph.stdout, r"\|--@tag_env_prod:\n  \|  \|--m1\.arc\n  \|  \|--m3\.arc\n  \|  \|--m5\.arc\n")
        self.assertIn("left out: m2 (rg1): its tag does not say a user", graph.stderr)
        self.assertEqual(re.findall(r"(?i)invalid|group names|not be", graph.stderr.replace("does not", "")), [])

    def test_nothing_of_it_is_run(self):
        """A text of an inventory is a template to ansible, and a template runs programs."""
        mark = os.path.join(self.home, "mark")
        template = f"{{{{ lookup('pipe', 'touch {mark}') }}}}"
        block = f"{{% set x = lookup('pipe', 'touch {mark}') %}}"
        self.machine("web01", agent_version=template, location=block, os_name="linux",
                     tags={"note": template, "more": block, template: "name", "__ansible_vault": "x", "good": "yes"})
        play = """
- hosts: arc
  gather_facts: false
  connection: local
  tasks:
    - debug: var=arc_tags
    - debug: msg="{{ arc_tags.note }} {{ arc_agent_version }} {{ arc_location }}"
    - debug: msg="{{ item }}"
      loop: "{{ arc_tags.keys() | list }}"
    - debug: msg="{{ item.key }} is {{ item.value }}"
      loop: "{{ arc_tags | dict2items }}"
    - set_fact: copy="{{ arc_tags }}" note="{{ hostvars[inventory_hostname].arc_tags.note }}"
    - debug: msg="{{ copy }} {{ copy.note }} {{ note }} {{ again }}"
      vars: {again: "{{ arc_tags.note }}"}
    - debug: msg="{{ vars }}"
    - debug: msg=done
      when: arc_tags.good == 'yes' and arc_tags.note != ''
"""
        done = self.ansible("ansible-playbook", "-i", self.script(), self.file("play.yml", play))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn('"note": "{{ lookup(', done.stdout)       # it is shown as it is
        self.assertIn('"msg": "done"', done.stdout)
        self.assertFalse(os.path.exists(mark))

    def test_nor_is_the_name_of_a_tag(self):
        mark = os.path.join(self.home, "mark")
        self.machine("web01", tags={f"{{{{ lookup('pipe', 'touch {mark}') }}}}": "plain", "good": "yes"})
        play = """
- hosts: arc
  gather_facts: false
  connection: local
  tasks:
    - debug: msg="key {{ item }}"
      loop: "{{ arc_tags.keys() | list }}"
"""
        done = self.ansible("ansible-playbook", "-i", self.script(), self.file("play.yml", play))
        self.assertIn('"msg": "key good"', done.stdout, done.stderr)
        self.assertFalse(os.path.exists(mark))
        self.assertIn("web01 (rg1), tag {{ lookup", done.stderr)

    def test_a_failure_is_shown(self):
        done = self.ansible("ansible-inventory", "-i", self.script(), "--list", AZURE_CLIENT_SECRET="wrong")
        self.assertIn("had an execution error: arc-relay: ", done.stderr.replace("\n", " "))
        self.assertIn("invalid client secret", done.stderr.replace("\n", " ").lower())


class Usage(InventoryCase):
    def bad(self, status, says, *args, **env):
        done = self.run_inventory(*args, **env)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertRegex(done.stderr, r"\Aarc-relay: [^\n]*" + says + r"[^\n]*\n\Z")

    def test_refusals(self):
        self.bad(os.EX_USAGE, "--list or --host")
        self.bad(os.EX_USAGE, "--list or --host", "--list", "--host", "x")
        self.bad(os.EX_NOHOST, r"web09.*\[E201\]", "--list", "web09")
        self.bad(os.EX_NOUSER, r"\[E305\]", "--list", AZURE_CLIENT_SECRET="wrong")


if __name__ == "__main__":
    tap.main()
