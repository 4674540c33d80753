"""Self tests of the emulator: tokens, ARM, Entra, handshake, program.

The data phase: dataphase_test.py.
"""

import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]

import faults as F
import tokens
import ws
from emulator import Emulator
from faults import Fault
import tap
from client import Dial, EmulatorCase, Management

ENDPOINT = "/providers/Microsoft.HybridConnectivity/endpoints/default"


class SasVector(unittest.TestCase):
    """The worked example of arc-relay-protocol(7)."""

    def test_vector(self):
        uri = tokens.encode_uri("https://contoso.servicebus.windows.net/my/hybrid")
        key = "dGVzdC1rZXktMDEyMzQ1Njc4OQ=="
        self.assertEqual(tokens.sas_signature(key, tokens.sas_string_to_sign(uri, 1700000000)),
                         "OWdbJuHHbP8iL96jIh17j9oFR6JJw1MQ7e4N4fhx8vQ=")
        self.assertEqual(tokens.mint_sas(uri, "sender", key, 1700000000),
                         "SharedAccessSignature sr=https%3A%2F%2Fcontoso.servicebus.windows.net%2Fmy%2Fhybrid"
                         "&sig=OWdbJuHHbP8iL96jIh17j9oFR6JJw1MQ7e4N4fhx8vQ%3D&se=1700000000&skn=sender")

    def test_accept_key(self):
        self.assertEqual(ws.accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")

    def test_mask(self):
        for n in (0, 1, 3, 4, 5, 1000, 65537):
            data = os.urandom(n)
            self.assertEqual(ws.mask(ws.mask(data, b"abcd"), b"abcd"), data)
        self.assertEqual(ws.mask(b"Hello", bytes.fromhex("37fa213d")), bytes.fromhex("7f9f4d5158"))


class ManagementTest(EmulatorCase):
    def setUp(self):
        super().setUp()
        self.client = Management(self.emu)
        self.client.login()

    def test_login_and_credentials(self):
        status, doc = self.client.login()
        self.assertEqual((status, doc["token_type"]), (200, "Bearer"))
        self.assertIsInstance(doc["expires_in"], int)
        status, doc = self.client.list_credentials("web", query="&expiresin=3600")
        self.assertEqual(status, 200)
        self.assertTrue(doc["relay"]["accessKey"].startswith("SharedAccessSignature sr=http%3a%2f%2fns1"))
        self.assertIn("x-ms-correlation-request-id", self.client.headers)
        claims = tokens.read_jwt(doc["relay"]["serviceConfigurationToken"], self.emu.service_key)
        self.assertEqual((claims["service"], claims["port"]), ("SSH", 22))
        self.assertEqual(self.client.list_credentials("web", doc=None)[1]["relay"].keys()
                         & {"serviceConfigurationToken"}, set())

    def test_wrong_secret(self):
        status, doc = self.client.login(client_secret="wrong")
        self.assertEqual((status, doc["error"], doc["error_codes"]), (401, "invalid_client", [7000215]))

    def test_bad_token(self):
        self.client.token = "x"
        status, doc = self.client.list_credentials("web")
        self.assertEqual((status, doc["error"]["code"]), (401, "InvalidAuthenticationToken"))
        self.assertIn("WWW-Authenticate", self.client.headers)

    def test_expiresin_bounds(self):
        for seconds, status in ((599, 400), (600, 200), (10800, 200), (10801, 400)):
            self.assertEqual(self.client.list_credentials("web", query=f"&expiresin={seconds}")[0], status)

    def test_enable_a_machine(self):
        self.emu.add_machine("new", endpoint=False, service_port=None, service="echo")
        rid = self.emu.machine_id("new")
        self.assertEqual(self.client.list_credentials("new")[0], 404)
        self.assertEqual(self.client.arm("PUT", rid.upper() + ENDPOINT, {"properties": {"type": "default"}})[0], 200)
        status, doc = self.client.list_credentials("new")
        self.assertEqual((status, doc["error"]["code"]), (412, "PreconditionFailed"))
        service = rid + ENDPOINT + "/serviceConfigurations/ssh"
        status, doc = self.client.arm("PUT", service, {"properties": {"serviceName": "SSH", "port": "22"}})
        self.assertEqual((status, doc["properties"]["port"]), (201, 22))
        self.assertEqual(self.client.arm("PATCH", service, {"properties": {"port": 2222}})[0], 200)
        self.assertEqual(self.client.arm("GET", service)[1]["properties"]["port"], 2222)
        self.assertEqual(self.client.list_credentials("new")[0], 200)
        self.assertEqual(self.client.arm("DELETE", rid + ENDPOINT)[0], 200)
        self.assertEqual(self.client.arm("DELETE", rid + ENDPOINT)[0], 204)
        missing = rid.replace("/new", "/none")
        status, doc = self.client.arm("GET", missing)
        self.assertEqual((status, doc["error"]["code"]), (404, "ResourceNotFound"))

    def test_provider(self):
        path = f"/subscriptions/{self.emu.subscription}/providers/Microsoft.HybridConnectivity"
        self.emu.arm.provider_state = "NotRegistered"
        status, doc = self.client.list_credentials("web")
        self.assertEqual((status, doc["error"]["code"]), (409, "MissingSubscriptionRegistration"))
        self.client.arm("POST", path + "/register")
        states = [self.client.arm("GET", path)[1]["registrationState"] for _ in range(2)]
        self.assertEqual(states, ["Registering", "Registered"])

    def test_lists(self):
        sub = f"/subscriptions/{self.emu.subscription}"
        self.emu.arm.page_size = 1
        self.emu.add_machine("second", group="rg2", endpoint=False)
        first = self.client.arm("GET", sub + "/providers/Microsoft.HybridCompute/machines")[1]
        self.assertEqual(len(first["value"]), 1)
        rest = first["nextLink"].removeprefix(self.emu.management)
        status, body = self.client.request("GET", rest, None, {"Authorization": f"Bearer {self.client.token}"})
        self.assertEqual((status, len(json.loads(body)["value"])), (200, 1))
        self.emu.arm.page_size = 100
        found = self.client.arm("GET", sub + "/resourceGroups/RG2/resources",
                                query="&$filter=name%20eq%20'SECOND'")[1]["value"]
        self.assertEqual([row["name"] for row in found], ["second"])
        graph = self.client.arm("POST", "/providers/Microsoft.ResourceGraph/resources", {"query": "Resources"})[1]
        self.assertLessEqual({"web", "second"}, {row["name"] for row in graph["data"]})

    def test_scripted(self):
        self.emu.faults.arm.append(Fault("status", code=429, error="TooManyRequests", headers={"Retry-After": "7"}))
        self.assertEqual(self.client.list_credentials("web")[0], 429)
        self.assertEqual(self.client.headers["Retry-After"], "7")
        self.emu.faults.arm.append(Fault("edit", script=lambda doc: {"relay": {**doc["relay"], "expiresOn": "1"}}))
        self.assertEqual(self.client.list_credentials("web")[1]["relay"]["expiresOn"], "1")
        for fault in (Fault("drop"), Fault("drop", how="rst"), Fault("truncate", keep=10), Fault("raw", data=b"x\r\n")):
            self.emu.faults.arm.append(fault)
            with self.assertRaises(Exception):
                self.client.list_credentials("web")
        self.emu.faults.arm.append(Fault("slow", size=100, seconds=0.001))
        self.emu.faults.arm.append(Fault("delay", seconds=0.05, match="listcredentials"))
        self.assertEqual(self.client.list_credentials("web")[0], 200)
        self.assertEqual(self.client.list_credentials("web")[0], 200)
        self.emu.faults.entra.append(Fault("status", code=400, error="invalid_grant", number=50076, message="MFA."))
        self.assertEqual(self.client.login()[1]["error_codes"], [50076])
        with self.assertRaises(ValueError):
            self.emu.faults.arm.append(Fault("never-read"))

    def test_curl(self):
        if not shutil.which("curl"):
            self.skipTest("no curl")
        url = (f"{self.emu.management}{self.emu.machine_id('web')}{ENDPOINT}"
               "/listCredentials?api-version=2023-03-15")
        out = subprocess.run(["curl", "-sS", "--cacert", self.emu.ca_file, "-H",
                              f"Authorization: Bearer {self.emu.issue_token()}", "-H", "Expect: 100-continue",
                              "-d", '{"serviceName":"SSH"}', url, url], capture_output=True, text=True, check=True)
        self.assertEqual(out.stdout.count("serviceConfigurationToken"), 2)


class HandshakeTest(EmulatorCase):
    def refused(self, fault, status, text):
        got, reason = self.dial(fault).answer()
        self.assertEqual(got, status)
        self.assertTrue(reason.startswith(text), reason)
        return reason

    def test_status_faults(self):
        for status, text in ((404, F.NO_ENDPOINT), (404, F.NO_LISTENERS), (404, F.NOT_ACCEPTED), (400, "Bad Request"),
                             (401, F.BAD_SIGNATURE), (403, "Forbidden"), (503, "Busy"), (500, "Internal"),
                             (429, "Too Many Requests"), (302, "Found"), (200, "OK")):
            reason = self.refused(Fault("status", code=status, text=text), status, text)
            self.assertRegex(reason, r"\. TrackingId:\S+_G13, SystemTracker:sb://ns1\.relay\.emulated\.test/"
                                     r"microsoft\S+, Timestamp:\d{4}-")
        self.refused(Fault("status", code=503, text=F.agent_refusal(22), bare=True), 503, F.agent_refusal(22))
        dial = self.dial(Fault("status", code=429, headers={"Retry-After": "3"}))
        dial.answer()
        self.assertIn("Retry-After: 3", dial.headers)

    def test_token_checks(self):
        forged = {**self.relay, "accessKey": self.relay["accessKey"].replace("sig=", "sig=x")}
        self.assertEqual(self.dial(relay=forged).answer()[0], 401)
        self.assertTrue(self.dial(relay=forged).answer()[1].startswith(F.BAD_SIGNATURE))
        for rule, path, end, status in (("listener", self.relay["hybridConnectionName"], 60, 403),
                                        (self.emu.rules.sender, "other", 60, 403),
                                        (self.emu.rules.sender, "", 60, 101),
                                        (self.emu.rules.sender, self.relay["hybridConnectionName"], -1, 401)):
            key = self.emu.rules.mint(rule, f"https://ns1.relay.emulated.test/{path}", time.time() + end)
            self.assertEqual(self.dial(relay={**self.relay, "accessKey": key}).answer()[0], status, (rule, path))
        self.assertEqual(self.dial(headers={"ServiceBusAuthorization": None}).answer()[0], 401)
        self.assertEqual(self.dial(headers={"Sec-WebSocket-Version": "12"}).answer()[0], 400)

    def test_encoded_question_mark(self):
        self.opened(question="%3F")

    def test_token_in_query(self):
        token = urllib.parse.quote(self.relay["accessKey"], safe="")
        dial = self.opened(question=f"?sb-hc-token={token}&extra=1&", headers={"ServiceBusAuthorization": None})
        message = self.emu.wait(who="agent", what="accept", id=dial.ident + "_G0")["message"]
        self.assertIn("?extra=1&sb-hc-action=accept&sb-hc-id=", message["address"])
        self.assertNotIn("Signature", str(message))

    def test_curve(self):
        with tempfile.TemporaryDirectory() as folder, Emulator(folder, relay_curve="secp384r1") as emu:
            emu.add_machine("web", service="echo")
            dial = Dial(emu, emu.issue_credentials("web")["relay"])
            self.addCleanup(dial.close)
            self.assertEqual(dial.answer()[0], 101)

    def test_queue_assignment(self):
        self.emu.faults.dial = [Fault("status", code=500)]
        self.emu.faults.dial += ["ok", Fault("status", code=503)]
        self.assertEqual([self.dial().answer()[0] for _ in range(4)], [500, 101, 503, 101])

    def test_unknown_and_absent(self):
        name = "microsoft.hybridcompute/machines/none"
        key = self.emu.rules.mint(self.emu.rules.sender, "https://ns1.relay.emulated.test", time.time() + 60)
        status, reason = self.dial(relay={**self.relay, "hybridConnectionName": name, "accessKey": key}).answer()
        self.assertEqual((status, reason[:len(F.NO_ENDPOINT)]), (404, F.NO_ENDPOINT))
        self.emu.disconnect("web")
        status, reason = self.dial().answer()
        self.assertEqual((status, reason[:len(F.NO_LISTENERS)]), (404, F.NO_LISTENERS))
        self.emu.reconnect("web")
        self.opened()

    def test_agent_refuses(self):
        self.emu.add_machine("down", port_map={22: 1})
        relay = self.emu.issue_credentials("down")["relay"]
        self.assertEqual(self.dial(relay=relay).answer(), (503, F.agent_refusal(22)))
        self.emu.wait(who="agent", what="rejected", status=410)
        status, reason = self.dial(port=2222).answer()
        self.assertEqual(status, 403)
        self.assertIn("not the port 22", reason)
        status, reason = self.dial(headers={"Service-Configuration-Token": None}).answer()
        self.assertEqual((status, reason), (403, "the service configuration token is missing"))
        self.emu.faults.agent.append(Fault("reject", code=599, text="odd & 100 %"))
        self.assertEqual(self.dial().answer(), (599, "odd & 100 %"))

    def test_accept_and_drop(self):
        self.emu.add_machine("dropper", service="echo", on_forbidden="drop")
        dial = self.opened(relay=self.emu.issue_credentials("dropper")["relay"], port=99)
        self.assertEqual(dial.end(), "fin")

    def test_not_accepted(self):
        self.emu.faults.agent.append(Fault("ignore"))
        self.emu.relay.accept_timeout = 0.2
        status, reason = self.dial().answer()
        self.emu.relay.accept_timeout = 30
        self.assertEqual((status, reason[:len(F.NOT_ACCEPTED)]), (404, F.NOT_ACCEPTED))

    def test_rendezvous_is_single_use(self):
        dial = self.opened()
        ident = dial.ident + "_G0"
        self.emu.wait(who="agent", what="rendezvous", id=ident, status=101)
        agent = self.emu.agent(self.emu.machine("web"))
        message = self.emu.log.find(who="agent", what="accept", id=ident)[0]["message"]
        self.assertNotIn("servicebusauthorization", {name.lower() for name in message["connectHeaders"]})
        conn, status, _ = agent._upgrade("g0-emulated-001-sb.relay.emulated.test",
                                         "/$hc/" + message["address"].partition("/$hc/")[2])
        conn.close()
        self.assertEqual(status, 403)

    def test_bad_answers(self):
        good = ws.accept_key
        for fault, check in ((Fault("wrong-accept"), 1), (Fault("no-accept"), 0), (Fault("duplicate-accept"), 2)):
            dial = self.opened(fault)
            self.assertEqual(sum(h.startswith("Sec-WebSocket-Accept") for h in dial.headers), check)
        self.assertIn("Sec-WebSocket-Extensions: permessage-deflate", _headers(self.opened(Fault("extension"))))
        self.assertIn("Sec-WebSocket-Protocol: ssh", _headers(self.opened(Fault("subprotocol"))))
        self.opened(Fault("split101", n=1))
        dial = self.opened(Fault("head", data=b"HTTP/1.1 101 X\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"))
        self.assertEqual(len(dial.headers[0].split()[1]), len(good("x")))
        for fault in (Fault("drop"), Fault("drop", how="rst")):
            self.assertEqual(self.dial(fault).end(), fault.filled(F.DIAL_KINDS).how.replace("rst", "reset"))
        dial = self.dial(Fault("stall"))
        time.sleep(0.05)
        dial.close()
        self.emu.wait(who="relay", what="gone", id=dial.ident)

    def test_bad_certificates(self):
        for kind, words in (("expired", "expired"), ("wrong-name", "mismatch"), ("unknown-ca", "unable to get"),
                            ("self-signed", "self-signed"), ("not-yet-valid", "not yet valid")):
            with self.assertRaises(ssl.SSLError) as caught:
                Dial(self.emu, self.relay, relay_port=self.emu.bad_relay(kind))
            self.assertIn(words, str(caught.exception))
        for kind in ("tls1.1", "reset", "plain"):
            with self.assertRaises(OSError):
                Dial(self.emu, self.relay, relay_port=self.emu.bad_relay(kind))
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.load_verify_locations(self.emu.ca_file)
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        dial = self.dial(relay_port=self.emu.bad_relay("tls1.1"), context=old)
        self.assertEqual(dial.conn.tls.version(), "TLSv1.1")


def _headers(dial):
    return dial.headers


class ProgramTest(unittest.TestCase):
    def start(self, *args):
        """(the running program, what it wrote for a shell)."""
        here = os.path.dirname(os.path.abspath(__file__))
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        program = subprocess.Popen(
            [sys.executable, "-B", os.path.join(here, "emulator.py"), "--dir", folder.name, "--until-eof", *args],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(program.stdout.close)
        self.addCleanup(self.end, program)
        self.assertEqual(program.stdout.readline(), "ready\n")
        with open(os.path.join(folder.name, "ports")) as file:
            return program, dict(line.rstrip("\n").split("=", 1) for line in file)

    def end(self, program):
        program.stdin.close()
        self.assertEqual(program.wait(10), 0)

    def test_program(self):
        _, ports = self.start("--machine", "web01=echo", "--machine", "web02", "--dial-fault",
                              '{"kind":"status","code":503}')
        self.assertTrue(ports["MACHINE_ID_2"].endswith("/machines/web02"))
        self.assertTrue(os.path.exists(ports["CA_FILE"]))

    def test_many_machines(self):
        _, ports = self.start("--machines", "20", "--machines-port", "22", "--machine",
                              "db=echo,group=G 1,subscription=second,tag:env=x=y,os=windows,kind=HCI,location=eastus",
                              "--machine", "dc,subscription=second")
        folder = os.path.dirname(ports["CA_FILE"])
        with open(os.path.join(folder, "ssh_ca.pub")) as file:
            self.assertTrue(file.read().startswith("ssh-rsa AAAA"))
        context = ssl.create_default_context(cafile=ports["CA_FILE"])
        conn = http.client.HTTPSConnection("127.0.0.1", int(ports["ARM_PORT"]), context=context, timeout=20)
        self.addCleanup(conn.close)
        conn.request("POST", "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01",
                     json.dumps({"query": "Resources | order by name asc"}),
                     {"Authorization": f"Bearer {ports['ARM_TOKEN']}"})
        rows = json.loads(conn.getresponse().read())["data"]
        self.assertEqual((len(rows), [row["name"] for row in rows[:3]]), (22, ["db", "dc", "m1"]))
        self.assertEqual((rows[0]["resourceGroup"], rows[0]["tags"], rows[0]["kind"], rows[0]["location"],
                          rows[0]["properties"]["osName"]), ("g 1", {"env": "x=y"}, "HCI", "eastus", "windows"))
        self.assertEqual(rows[0]["subscriptionId"], rows[1]["subscriptionId"])
        self.assertNotEqual(rows[0]["subscriptionId"], rows[2]["subscriptionId"])
        self.assertEqual(rows[2]["tags"], {"env": "prod", "role": "db"})


if __name__ == "__main__":
    tap.main()
