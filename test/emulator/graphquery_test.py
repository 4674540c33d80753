"""Self tests of the emulated Resource Graph: the query language, pages, quota, and what there is to see."""

import itertools
import json
import os
import sys
import threading
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]

import graphquery
from faults import Fault
import tap
from client import Dial, EmulatorCase, Management
from graphquery import DYNAMIC, NUMBER, STRING, QueryError, Table

GRAPH = "/providers/Microsoft.ResourceGraph/resources"
WEB = {"name": "web01", "group": "Prod", "size": 3, "tags": {"env": "prod", "Cost Center": "a'b\\c\"d"},
       "properties": {"status": "Connected", "ports": [22, 80], "deep": {"n": 7}}}
DB = {"name": "DB-1", "group": "prod", "size": 10, "tags": None, "properties": {"status": "", "ports": []}}
OLD = {"name": "web-old x", "group": "test", "size": 3, "tags": {"env": "Prod"}, "properties": {}}
TABLES = {
    "resources": Table({"name": STRING, "group": STRING, "size": NUMBER, "tags": DYNAMIC, "properties": DYNAMIC},
                       [WEB, DB, OLD]),
    "groups": Table({"group": STRING, "size": NUMBER, "owner": STRING},
                    [{"group": "prod", "size": 1, "owner": "jane"}, {"group": "prod", "size": 2, "owner": "joe"},
                     {"group": "Prod", "size": 9, "owner": "ann"}])}


def rows(query):
    return graphquery.run(query, TABLES).rows


def names(predicate):
    return [row["name"] for row in rows(f"Resources | where {predicate}")]


class ExpressionTest(unittest.TestCase):
    def both(self, predicate, *wanted):
        self.assertEqual(names(predicate), list(wanted), predicate)
        rest = [row["name"] for row in (WEB, DB, OLD) if row["name"] not in wanted]
        self.assertEqual(names(f"not({predicate})"), rest, predicate)

    def test_strings(self):
        for predicate, *wanted in (
                ("name == 'web01'", "web01"), ("name == 'WEB01'",), ("name != 'WEB01'", "web01", "DB-1", "web-old x"),
                ("name =~ 'WEB01'", "web01"), ("name !~ 'WEB01'", "DB-1", "web-old x"), ("'WEB01' =~ name", "web01"),
                ("name contains 'EB'", "web01", "web-old x"), ("name contains_cs 'EB'",),
                ("name !contains 'EB'", "DB-1"), ("name startswith 'db'", "DB-1"), ("name startswith_cs 'db'",),
                ("name !startswith 'db'", "web01", "web-old x"), ("name endswith 'X'", "web-old x"),
                ("name endswith_cs 'X'",), ("name !endswith_cs 'x'", "web01", "DB-1"), ("name has 'WEB'", "web-old x"),
                ("name has_cs 'WEB'",), ("name has 'old'", "web-old x"), ("name !has 'old'", "web01", "DB-1"),
                ("name has 'db-1'", "DB-1"), ("name has 'ol'",), ("name has 'b01'",),
                ("name in ('db-1', 'web01')", "web01"),
                ("name in~ ('db-1')", "DB-1"), ("name !in ('web01')", "DB-1", "web-old x"),
                ("name !in~ ('db-1','WEB01')", "web-old x"), ("name matches regex '^web[0-9]+$'", "web01"),
                ("name matches regex @'\\d\\d'", "web01"), ("name matches regex '(?i)^db'", "DB-1"),
                ("name matches regex 'o'", "web-old x")):
            self.both(predicate, *wanted)

    def test_dynamic(self):
        for predicate, *wanted in (
                ("properties.status == 'Connected'", "web01"), ("properties.status =~ 'connected'", "web01"),
                ("properties.Status == 'Connected'",), ("tags.env =~ 'PROD'", "web01", "web-old x"),
                ("tags['env'] == 'prod'", "web01"), ("tags.ENV == 'prod'",),
                ('tags["Cost Center"] contains "\'b"', "web01"),
                ("tags['nothing'] == 'x'",), ("tags.env != 'prod'", "DB-1", "web-old x"),
                ("isempty(properties.status)", "DB-1", "web-old x"), ("isnotempty(tags)", "web01", "web-old x"),
                ("isnull(properties.status)", "web-old x"), ("isnotnull(tags.env)", "web01", "web-old x"),
                ("properties.ports[0] == 22", "web01"), ("properties.deep.n > 6.5", "web01"),
                ("properties.status > 1",), ("tostring(properties.ports) == '[22,80]'", "web01"),
                ("properties.ports[5] == 22",), ("tags.env in~ ('prod')", "web01", "web-old x")):
            self.both(predicate, *wanted)

    def test_logic(self):
        for predicate, *wanted in (
                ("name == 'web01' or name == 'DB-1' and size == 3", "web01"),
                ("(name == 'web01' or name == 'DB-1') and size == 10", "DB-1"),
                ("size >= 3 and size < 10", "web01", "web-old x"), ("size <= 3", "web01", "web-old x"),
                ("true", "web01", "DB-1", "web-old x"), ("false or isempty('')", "web01", "DB-1", "web-old x"),
                ("(size == 3) == false", "DB-1"), ("tolower(name) == 'db-1'", "DB-1"),
                ("toupper(name) == 'WEB01'", "web01"), ("strcat(group, '/', size) == 'prod/10'", "DB-1"),
                ("tolower(tostring(properties.status)) == 'connected'", "web01"),
                ("coalesce(tostring(properties.status), 'none') == 'none'", "DB-1", "web-old x"),
                ("iff(size == 3, group, name) == 'DB-1'", "DB-1"), ("iif(size == 3, tags, tags).env =~ 'PROD'", "web01",
                                                                    "web-old x")):
            self.both(predicate, *wanted)

        self.both(" and ".join(["(true)"] * 200), "web01", "DB-1", "web-old x")

    def test_literals(self):
        value = "a'b\\c\"d"
        for literal in (
                "'a\\'b\\\\c\"d'", '"a\'b\\\\c\\"d"', "@'a''b\\c\"d'", '@"a\'b\\c""d"', "'\\x61\\u0027b\\\\c\\\"d'"):
            self.assertEqual(rows(f"Resources | where name == 'web01' | project v={literal}"), [{"v": value}], literal)
            self.assertEqual(names(f"tags['Cost Center'] == {literal}"), ["web01"], literal)
        self.assertEqual(rows("Resources | limit 1 | project v='\\n\\t\\r\\0\\U0001F600|//', w='ü\u202e'"),
                         [{"v": "\n\t\r\0\U0001F600|//", "w": "ü\u202e"}])
        self.assertEqual(rows("Resources // '\n | limit 1 // x\n| project v=1.5, w=2, x=true, y=false"),
                         [{"v": 1.5, "w": 2, "x": True, "y": False}])


class OperatorTest(unittest.TestCase):
    def test_project(self):
        self.assertEqual(rows("resources | where size == 10 | project name, g = group, properties.status, "
                              "tags['env'], tostring(properties.deep.n), strcat('a')"),
                         [{"name": "DB-1", "g": "prod", "properties_status": "", "tags_env": None,
                           "properties_deep_n": "", "Column6": "a"}])

        self.assertEqual(rows("Resources | project name == 'DB-1'"),
                         [{"Column1": False}, {"Column1": True}, {"Column1": False}])

    def test_extend(self):
        found = rows("Resources | extend os = 'x', name = toupper(name) | project name, os, size | take 1")
        self.assertEqual(found, [{"name": "WEB01", "os": "x", "size": 3}])
        self.assertEqual(list(rows("Resources | extend os='x'")[0]), [*WEB, "os"])

    def test_order(self):
        def ordered(how):
            return [row["name"] for row in rows(f"Resources | {how}")]
        self.assertEqual(ordered("order by name asc"), ["DB-1", "web-old x", "web01"])
        self.assertEqual(ordered("where true"), ["web01", "DB-1", "web-old x"])     # nothing was moved
        self.assertEqual(ordered("sort by name"), ["web01", "web-old x", "DB-1"])       # descending, as in Kusto
        self.assertEqual(ordered("order by size desc, name asc"), ["DB-1", "web-old x", "web01"])
        self.assertEqual(ordered("order by size asc, name desc"), ["web01", "web-old x", "DB-1"])
        self.assertEqual(ordered("order by tolower(name) asc | limit 1"), ["DB-1"])
        self.assertEqual(ordered("order by tostring(tags.env) desc, name asc"), ["web01", "web-old x", "DB-1"])

    def test_count(self):
        self.assertEqual(rows("Resources | where size == 3 | count"), [{"Count": 2}])
        self.assertEqual(rows("Resources | limit 0 | count"), [{"Count": 0}])

    def test_join(self):
        found = rows("Resources | join kind = leftouter (Groups | where size != 2) on group | project name, group, "
                     "size, owner, size1, group1")
        self.assertEqual(found, [
            {"name": "web01", "group": "Prod", "size": 3, "owner": "ann", "size1": 9, "group1": "Prod"},
            {"name": "DB-1", "group": "prod", "size": 10, "owner": "jane", "size1": 1, "group1": "prod"},
            {"name": "web-old x", "group": "test", "size": 3, "owner": "", "size1": None, "group1": ""}])
        found = rows("Resources | join kind=leftouter (Groups | project g=group, owner) on $left.group == $right.g "
                     "| project name, owner")
        self.assertEqual([(row["name"], row["owner"]) for row in found],
                         [("web01", "ann"), ("DB-1", "jane"), ("DB-1", "joe"), ("web-old x", "")])
        found = rows("Resources | join kind=inner (Groups) on group, size")
        self.assertEqual(found, [])
        found = rows("Resources | join kind=inner (Groups | extend size = 10) on group, size | project owner")
        self.assertEqual(found, [{"owner": "jane"}, {"owner": "joe"}])


class RefusedTest(unittest.TestCase):
    def refused(self, query):
        with self.assertRaises(QueryError, msg=query) as caught:
            rows(query)
        detail = caught.exception.detail
        self.assertTrue(detail["message"])
        return detail

    def test_syntax(self):
        for query, line, column, token in (
                ("Resources | where name = 'x'", 1, 23, "="), ("Resources | where name == 'it''s'", 1, 30, "'s'"),
                ("Resources | where name == 'x", 1, 26, "'"), ("Resources | where", 1, 17, "<EOF>"),
                ("Resources |", 1, 11, "<EOF>"), ("Resources where true", 1, 10, "where"),
                ("Resources\n| where name == 'a\nb'", 2, 16, "'"),
                ("Resources | where name == 'a\\qb'", 1, 26, "'a\\qb'"),
                ("Resources | where name == '\\U00110000'", 1, 26, "'\\U00110000'"),
                ("Resources | limit \u0663", 1, 18, "\u0663"),
                ("Resources | where name == 'a' and", 1, 33, "<EOF>"),
                ("Resources | where (name == 'a'", 1, 30, "<EOF>"),
                ("Resources | where name == 'a')", 1, 29, ")"), ("Resources | limit x", 1, 18, "x"),
                ("Resources | limit 1.5", 1, 18, "1.5"), ("Resources | where name == @'a\\'b'", 1, 32, "'"),
                ("Resources | order name", 1, 18, "name"), ("Resources | where name in 'x'", 1, 26, "'x'"),
                ("Resources | where name == 'a' == 'b'", 1, 30, "=="),
                ("Resources | where not name == 'a'", 1, 22, "name"),
                ("Resources | where name == ‘a’", 1, 26, "‘"), ("Resources; Resources", 1, 9, ";"),
                ("Resources | join (Groups) on group", 1, 17, "("), ("Resources | project a=", 1, 22, "<EOF>"),
                ("Resources | join kind=fullouter (Groups) on group", 1, 22, "fullouter"),
                ("Resources | where name == \"a\" \\", 1, 30, "\\"), ("Resources | where in~ == 'a'", 1, 18, "in~"),
                ("Resources | where " + "(" * 5000, 1, 118, "("), ("Resources | where 1a == 1", 1, 18, "1")):
            self.assertEqual(self.refused(query) | {"message": ""},
                             {"code": "ParserFailure", "message": "", "line": line, "characterPositionInLine": column,
                              "token": token}, query)

    def test_unknown(self):
        for query, token in (("Resources | whre true", "whre"), ("Resources | mv-expand tags", "mv-expand"),
                             ("Resources | where case(true, true, false)", "case"),
                             ("Resources | WHERE true", "WHERE")):
            self.assertEqual(self.refused(query), {"code": "InvalidQueryLanguage", "message": "InvalidQueryLanguage",
                                                   "line": -1, "characterPositionInLine": -1, "token": token})
        self.assertEqual(self.refused("Machines | count")["code"], "DisallowedLogicalTableName")

    def test_the_first_is_told(self):
        self.assertIn("'nobody'", self.refused("Resources | where nobody == 'x' and tolower(1) == ''")["message"])

    def test_meaning(self):
        for query in ("where nobody == 'x'", "where Name == 'x'", "where name", "where tags.env", "where size == 'x'",
                      "where size =~ 'x'", "where name < 'x'", "where name.x == 'y'", "order by tags.env",
                      "order by tags", "project name, name", "project a=name, a=group", "where name and true",
                      "where not(name)", "where not(true, true)", "where iff(name, true, true)",
                      "where iff(true, name, true)", "where iff(true, true)", "where iff(true)",
                      "where coalesce(name, size) == ''", "where tolower(tags.env) == 'x'",
                      "join kind=leftouter (Groups) on nobody", "join kind=leftouter (Groups) on name",
                      "extend t=tags | join kind=leftouter (Resources | extend t=tags) on t",
                      "where name matches regex '('", "where name matches regex '(?=x)'",
                      "where name matches regex '(a)\\\\1'", "where name matches regex 'a++'",
                      "project name | where size == 3",
                      "where tostring() == ''"):
            self.assertIn(self.refused(f"Resources | {query}")["code"],
                          ("Default", "ParserFailure") if "()" in query else ("Default",), query)


class GraphCase(EmulatorCase):
    def setUp(self):
        super().setUp()
        self.client = Management(self.emu)
        self.client.login()

    def setting(self, name, value):
        self.addCleanup(setattr, self.emu.graph, name, getattr(self.emu.graph, name))
        setattr(self.emu.graph, name, value)

    def ask(self, query="Resources", body={}, **options):
        return self.client.arm("POST", GRAPH, {"query": query, **body, "options": {
            "$" + name if name in ("top", "skip", "skipToken") else name: value for name, value in options.items()}},
            version="2022-10-01")

    def data(self, query, **options):
        status, doc = self.ask(query, **options)
        self.assertEqual(status, 200, doc)
        return doc["data"]

    def refused(self, query="Resources", body={}, **options):
        """(status, codes)"""
        status, doc = self.ask(query, body, **options)
        error = doc["error"]
        return status, [error["code"], *(detail["code"] for detail in error["details"])]


class MachinesTest(GraphCase):
    def tearDown(self):
        for machine in self.emu.machines():
            if machine.name != "web":
                self.emu.remove_machine(machine.name, machine.group, machine.subscription)

    def one(self, name, query="Resources"):
        found = self.data(f"{query} | where name == '{name}'")
        self.assertEqual(len(found), 1, name)
        return found[0]

    def test_columns(self):
        self.emu.add_machine("Win", "RG-X", endpoint=False, os_name="windows", kind="AWS", status="Error",
                             tags={"a b": "c"}, location="eastus")
        row = self.one("Win")
        self.assertEqual((row["id"], row["type"], row["resourceGroup"], row["subscriptionId"], row["kind"]),
                         (self.emu.machine_id("Win"), "microsoft.hybridcompute/machines", "rg-x",
                          self.emu.subscription, "AWS"))
        self.assertEqual((row["tags"], row["location"]), ({"a b": "c"}, "eastus"))
        wanted = {"status": "Error", "osName": "windows", "osSku": "Windows Server 2022 Datacenter"}
        self.assertLessEqual(wanted.items(), row["properties"].items())
        self.assertIsNone(self.one("web")["tags"])
        self.emu.machine("Win").connected, self.emu.machine("Win").status = False, None
        self.assertEqual(self.one("Win")["properties"]["status"], "Disconnected")

    def test_spelling_of_ids(self):
        self.emu.add_machines(40)
        ids = [row["id"] for row in self.data("Resources | where name startswith 'm' | project id", top=50)]
        mine = [machine.rid for machine in self.emu.machines() if machine.name != "web"]
        self.assertNotEqual(sorted(ids), sorted(mine))
        self.assertEqual({text.lower() for text in ids}, {text.lower() for text in mine})
        self.assertIn(sum("/resourcegroups/" in text for text in ids), range(5, 16))
        self.setting("casing", False)
        ids = [row["id"] for row in self.data("Resources | where name startswith 'm' | project id", top=50)]
        self.assertEqual(sorted(ids), sorted(mine))

    def test_other_types(self):
        for rtype in ("Microsoft.ConnectedVMwarevSphere/virtualMachines", "microsoft.scvmm/virtualmachines",
                      "Microsoft.AzureStackHCI/virtualMachines"):
            self.emu.add_machine("vm", rtype.partition("/")[0], service="echo", type=rtype, lazy=True)
            row = self.one("vm", "Resources | where type =~ '" + rtype + "'")
            self.assertEqual((row["type"], row["id"].lower()),
                             (rtype.lower(), self.emu.machine_id("vm", rtype.partition("/")[0]).lower()))
            self.assertEqual(row["properties"]["osProfile"]["osType"], "Linux")
            self.assertEqual(row["properties"]["guestAgentProfile"]["status"], "Connected")
            self.assertNotIn("status", row["properties"])
            status, doc = self.client.arm("GET", row["id"])
            self.assertEqual((status, doc["type"].lower()), (200, rtype.lower()))
            credentials = row["id"] + "/providers/Microsoft.HybridConnectivity/endpoints/default/listCredentials"
            status, doc = self.client.arm("POST", credentials, {"serviceName": "SSH"})
            dial = self.dial(relay=doc["relay"])
            self.assertEqual((status, dial.answer()[0]), (200, 101))
            dial.send(b"hello")
            self.assertEqual(dial.recv_payload(5), b"hello")
        server = "/".join(("/subscriptions", self.emu.subscription, "resourceGroups/microsoft.scvmm/providers",
                           "Microsoft.HybridCompute/machines/vm"))
        self.assertEqual(self.client.arm("GET", server)[0], 404)

    def test_subscriptions(self):
        other = self.emu.add_subscription("AAAAAAAA-1111-4222-8333-444444444444", "Prod'n")
        self.addCleanup(self.emu.subscriptions.pop, other)
        self.emu.add_machine("twin", "g1", endpoint=False)
        self.emu.add_machine("twin", "g1", subscription=other, endpoint=False)
        query = ("Resources | where name =~ 'TWIN' | join kind=leftouter (ResourceContainers | where type =~ "
                 "'microsoft.resources/subscriptions' | project subscriptionId, subscriptionName=name) "
                 "on subscriptionId | project id, subscriptionName, subscriptionId1 | order by subscriptionName asc")
        self.assertEqual([(row["subscriptionName"], row["subscriptionId1"]) for row in self.data(query)],
                         [("Prod'n", other), ("emulated", self.emu.subscription)])
        found = self.data("ResourceContainers | where type endswith '/resourcegroups' | project name, subscriptionId")
        self.assertIn({"name": "g1", "subscriptionId": other}, found)
        doc = self.ask("ResourceContainers | project name", {"subscriptions": [other]})[1]
        self.assertEqual(doc["data"], [{"name": "Prod'n"}, {"name": "g1"}])
        for scope, wanted in (([other.lower()], [other]), ([self.emu.subscription, other], None), ([], None),
                              ([other, "00000000-0000-4000-8000-000000000000"], [other])):
            doc = self.ask("Resources | where name == 'twin'", {"subscriptions": scope})[1]
            self.assertEqual({row["subscriptionId"] for row in doc["data"]},
                             set(wanted or [other, self.emu.subscription]))
        self.assertEqual(self.refused(body={"subscriptions": ["00000000-0000-4000-8000-000000000000"]}),
                         (400, ["BadRequest", "NoValidSubscriptionsInQueryRequest"]))
        self.assertRaises(KeyError, self.emu.machine, "twin")
        self.assertEqual(self.emu.machine("twin", subscription=other).subscription, other)
        listed = self.client.arm("GET", "/subscriptions", version="2022-12-01")[1]["value"]
        self.assertEqual([(row["subscriptionId"], row["displayName"]) for row in listed],
                         [(self.emu.subscription, "emulated"), (other, "Prod'n")])

    def test_order(self):
        for name, group in (("z1", "a-group"), ("a1", "z-group"), ("m1", "M-group")):
            self.emu.add_machine(name, group, endpoint=False)
        self.assertEqual(self.data("Resources | where name endswith '1' | project name"),
                         [{"name": "z1"}, {"name": "m1"}, {"name": "a1"}])

    def test_hostile_names(self):
        names = ["a\nHost *", "nul\0", "q'\"`$(id)%n", "-oProxyCommand=x", "..", "x/y", "\u202eevil", "ümläut",
                 "\ud800", "n" * 10000, " ", "*", ""]
        for name in names:
            self.emu.add_machine(name, endpoint=False, tags={name: name})
        found = {row["name"]: row for row in self.data("Resources | where name != 'web'")}
        self.assertEqual(set(found), set(names))
        self.assertEqual({name: row["tags"] for name, row in found.items()}, {name: {name: name} for name in names})

    def test_removed(self):
        self.emu.add_machine("gone", service="echo")
        relay = self.emu.issue_credentials("gone")["relay"]
        self.emu.remove_machine("gone")
        self.assertEqual(self.data("Resources | where name == 'gone'"), [])
        self.assertEqual(self.dial(relay=relay).answer()[0], 404)

    def test_thousands(self):
        began = time.monotonic()
        made = self.emu.add_machines(10000, "n", group=lambda i: f"rg{i % 7}", tags=lambda i: {"i": str(i)})
        self.assertLess(time.monotonic() - began, 5)        # against a thread or a connection for each
        self.assertEqual((len(made), made[-1].name, made[8].group), (10000, "n10000", "rg2"))
        self.assertEqual([t.name for t in threading.enumerate() if "agent-n" in t.name], [])
        self.assertEqual(self.ask("Resources | where name matches regex '^n[0-9]+$'")[1]["totalRecords"], 10000)
        self.assertEqual(self.data("Resources | where tags.i == '77' | project resourceGroup"),
                         [{"resourceGroup": "rg0"}])
        for machine in made:
            del self.emu._machines[machine.rid.lower()]     # remove_machine() for so many takes its time


class LazyTest(GraphCase):
    def relay_of(self, name):
        return self.emu.issue_credentials(name)["relay"]

    def test_starts_at_the_first_dial(self):
        echo = self.emu.service("web").port
        self.emu.add_machines(3, "lazy", port=echo)
        self.assertEqual(self.emu.count(who="agent", what="listening", machine="lazy2"), 0)
        dials = [Dial(self.emu, self.relay_of("lazy2")) for _ in range(3)]
        for dial in dials:
            self.addCleanup(dial.close)
            self.assertEqual(dial.answer()[0], 101)
            dial.send(b"x")
            self.assertEqual(dial.recv_payload(1), b"x")
        self.assertEqual(self.emu.count(who="agent", what="listening", machine="lazy2"), 1)
        self.assertEqual(self.emu.count(who="agent", what="listening", machine="lazy3"), 0)

    def test_away(self):
        self.emu.add_machine("away", port=self.emu.service("web").port, lazy=True, connected=False)
        dial, began = self.dial(relay=self.relay_of("away")), time.monotonic()
        self.assertEqual(dial.answer()[0], 404)
        self.assertIn("no listeners", dial.reason)
        self.assertLess(time.monotonic() - began, 9)        # nobody waits for an agent that cannot start
        self.emu.reconnect("away")
        self.assertEqual(self.dial(relay=self.relay_of("away")).answer()[0], 101)
        self.emu.disconnect("away")
        self.assertEqual(self.dial(relay=self.relay_of("away")).answer()[0], 404)

    def test_away_before_the_first_dial(self):
        self.emu.add_machine("shy", port=self.emu.service("web").port, lazy=True)
        self.emu.disconnect("shy")
        self.emu.reconnect("shy")
        self.assertEqual(self.emu.count(who="agent", what="listening", machine="shy"), 0)
        self.assertEqual(self.dial(relay=self.relay_of("shy")).answer()[0], 101)


class PagesTest(GraphCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.emu.add_machines(25)

    def pages(self, query, **options):
        """All answers."""
        found, token = [], None
        for _ in range(50):
            status, doc = self.ask(query, **options, **({"skipToken": token} if token else {}))
            self.assertEqual(status, 200, doc)
            found.append(doc)
            token = doc.get("$skipToken")
            if token is None:
                return found
        self.fail("no end of pages")

    def test_all(self):
        pages = self.pages("Resources | project id, name", top=10)
        self.assertEqual([(page["count"], page["resultTruncated"], page["totalRecords"]) for page in pages],
                         [(10, "true", 26), (10, "true", 26), (6, "false", 26)])
        ids = [row["id"].lower() for page in pages for row in page["data"]]
        self.assertEqual(ids, sorted(machine.rid.lower() for machine in self.emu.machines()))
        self.assertEqual(len(self.pages("Resources | project id", top=26)), 1)
        self.assertEqual(len(self.pages("Resources | project id", top=25)), 2)

    def test_order(self):
        pages = self.pages("Resources | project id, name | order by name desc", top=20)
        names = [row["name"] for page in pages for row in page["data"]]
        self.assertEqual(names, sorted(names, reverse=True))

    def test_default_and_least(self):
        self.setting("page_size", 7)
        self.assertEqual([page["count"] for page in self.pages("Resources")], [7, 7, 7, 5])
        self.setting("page_size", 1000)
        self.emu.add_machines(100, "d")
        self.assertEqual([page["count"] for page in self.pages("Resources")], [100, 26])
        for machine in self.emu.machines():
            if machine.name.startswith("d"):
                self.emu.remove_machine(machine.name)

    def test_without_id(self):
        status, doc = self.ask("Resources | project name", top=10)
        self.assertEqual((doc["count"], doc["totalRecords"], doc["resultTruncated"]), (10, 26, "true"))
        self.assertNotIn("$skipToken", doc)

    def test_skip(self):
        whole = self.data("Resources | project id")
        self.assertEqual(self.data("Resources | project id", skip=20, top=3), whole[20:23])

    def test_tokens(self):
        token = self.ask("Resources | project id", top=10)[1]["$skipToken"]
        again = [self.ask("Resources | project id", top=10, skipToken=token)[1]["data"] for _ in range(2)]
        self.assertEqual(again[0], again[1])
        self.assertEqual(self.refused("Resources | project id, name", skipToken=token)[1][1], "InvalidSkipToken")
        self.assertEqual(self.refused("Resources | project id", {"subscriptions": [self.emu.subscription]},
                                      skipToken=token + "x")[1][1], "InvalidSkipToken")
        self.assertEqual(self.refused("Resources | project id", skipToken="10")[1][1], "InvalidSkipToken")

    def test_one_moment(self):
        first = self.ask("Resources | project id", top=20)[1]
        self.emu.add_machine("0", endpoint=False)
        second = self.ask("Resources | project id", top=20, skipToken=first["$skipToken"])[1]
        self.emu.remove_machine("0")
        self.assertEqual((second["totalRecords"], second["count"]), (26, 6))

    def test_bad_options(self):
        for options in ({"top": 0}, {"top": 1001}, {"top": "10"}, {"top": True}, {"skip": -1},
                        {"resultFormat": "table"}):
            self.assertEqual(self.refused("Resources", **options)[0], 400, options)
        self.assertEqual(self.refused(" "), (400, ["BadRequest", "EmptyQuery"]))
        self.assertEqual(self.refused("Resources | where 'x"), (400, ["BadRequest", "InvalidQuery", "ParserFailure"]))
        self.assertEqual(self.refused(body={"subscriptions": "x"})[0], 400)


class QuotaTest(GraphCase):
    LEFT, RESETS = "x-ms-user-quota-remaining", "x-ms-user-quota-resets-after"

    def test_counted_but_not_enforced(self):
        left = []
        for _ in range(17):
            self.data("Resources")
            left.append(int(self.client.headers[self.LEFT]))
            self.assertRegex(self.client.headers[self.RESETS], r"^00:00:0[1-5]$")
        self.assertTrue(any(a > b for a, b in itertools.pairwise(left)), left)

    def test_enforced(self):
        self.setting("quota", (2, 3700))
        self.emu.entra.add_user("jane@emulated.test")
        self.client.token = self.emu.issue_token(user="jane@emulated.test")
        self.data("Resources")
        self.assertEqual(self.client.headers[self.LEFT], "1")
        self.assertEqual(self.client.headers[self.RESETS], "01:01:40")
        self.data("Resources")
        self.assertEqual(self.client.headers[self.LEFT], "0")
        self.assertEqual(self.refused(), (429, ["RateLimiting", "RateLimiting"]))
        self.assertEqual((self.client.headers[self.LEFT], self.client.headers["Retry-After"]), ("0", "3700"))
        self.setting("retry_after", False)
        self.assertEqual(self.refused()[0], 429)
        self.assertNotIn("Retry-After", self.client.headers)
        self.emu.entra.add_user("joe@emulated.test")
        self.client.token = self.emu.issue_token(user="joe@emulated.test")
        self.data("Resources")                                                  # another principal

    def test_refilled(self):
        graph = self.emu.graph
        self.setting("quota", (1, 60))
        graph._windows.clear()
        self.data("Resources")
        self.assertEqual(self.refused()[0], 429)
        for window in graph._windows.values():
            window[0] -= 61
        self.data("Resources")

    def test_fault(self):
        self.emu.faults.arm.append(Fault("status", code=503, match="resourcegraph"))
        self.client.arm("GET", self.emu.machine_id("web"))
        self.assertEqual([self.ask()[0] for _ in range(2)], [503, 200])

    def test_log(self):
        before = self.emu.count(who="arm", operation="resources")
        self.ask("Resources | count")
        row = self.emu.log.find(who="arm", operation="resources")[-1]
        self.assertEqual(self.emu.count(who="arm", operation="resources"), before + 1)
        self.assertEqual((json.loads(row["body"])["query"], row["status"]), ("Resources | count", 200))
        self.client.token = "x"
        self.assertEqual(self.ask()[0], 401)


if __name__ == "__main__":
    tap.main()
