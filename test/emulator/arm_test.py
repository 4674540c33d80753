"""Self tests of the emulator's ARM: throttling, claims challenges, paging, long-running operations."""

import base64
import json
import os
import re
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]

import throttle
from faults import Fault
import tap
from client import EmulatorCase, Management

SERVICE = "/providers/Microsoft.HybridConnectivity/endpoints/default/serviceConfigurations/SSH"
WRITES = "x-ms-ratelimit-remaining-subscription-writes"
READS = "x-ms-ratelimit-remaining-subscription-reads"


class ArmCase(EmulatorCase):
    def setUp(self):
        super().setUp()
        self.client = Management(self.emu)
        self.client.login()
        self.arm = self.emu.arm
        self.addCleanup(setattr, self.arm, "bucket", None)

    def setting(self, name, value):
        self.addCleanup(setattr, self.arm, name, getattr(self.arm, name))
        setattr(self.arm, name, value)

    def code(self, answer):
        """(status, code of the error)."""
        return answer[0], ((answer[1] or {}).get("error") or {}).get("code")

    def get(self, url):
        """A GET of an absolute URL, as it is."""
        self.assertTrue(url.startswith(self.emu.management + "/"), url)
        status, body = self.client.request("GET", url.removeprefix(self.emu.management), None,
                                           {"Authorization": f"Bearer {self.client.token}"})
        return status, json.loads(body) if body else None


class ThrottleTest(ArmCase):
    def test_counted_but_not_enforced(self):
        self.arm.bucket = None
        self.client.list_credentials("web")
        first = int(self.client.headers[WRITES])
        self.client.list_credentials("web")
        self.assertEqual(first, 199)
        self.assertLessEqual(int(self.client.headers[WRITES]), first)
        self.client.arm("GET", self.emu.machine_id("web"))
        self.assertIn(READS, self.client.headers)
        self.assertNotIn(WRITES, self.client.headers)

    def test_enforced(self):
        self.arm.bucket = (3, 0.001)
        left = []
        for _ in range(3):
            self.assertEqual(self.client.list_credentials("web")[0], 200)
            left.append(int(self.client.headers[WRITES]))
        self.assertEqual(left, [2, 1, 0])
        self.assertEqual(self.code(self.client.list_credentials("web")), (429, "SubscriptionRequestsThrottled"))
        self.assertEqual(self.client.headers[WRITES], "0")
        self.assertIn(int(self.client.headers["Retry-After"]), range(900, 1001))
        self.assertEqual(self.client.arm("PUT", self.emu.machine_id("web") + SERVICE, {})[0], 429)
        self.assertEqual(self.client.arm("GET", self.emu.machine_id("web"))[0], 200)
        self.emu.entra.add_user("jane@emulated.test")
        self.client.token = self.emu.issue_token(user="jane@emulated.test")
        self.assertEqual(self.client.list_credentials("web")[0], 200)      # another principal, another bucket

    def test_refill(self):
        bucket = throttle.Bucket(2, 10)
        self.assertEqual([bucket.take()[0] for _ in range(2)], [1, 0])
        left, wait = bucket.take()
        self.assertEqual((left, 0 < wait <= 0.1), (0, True))
        bucket._at -= 0.15
        self.assertEqual(bucket.take(), (0, 0))
        bucket._at -= 60
        self.assertEqual(bucket.take(), (1, 0))     # never more than the burst


class ChallengeTest(ArmCase):
    CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}'

    def test_challenge(self):
        self.arm.challenge(self.CLAIMS)
        self.addCleanup(self.arm.challenge, None)
        self.assertEqual(self.client.list_credentials("web")[0], 401)
        found = re.fullmatch(r'Bearer realm="", authorization_uri="([^"]*)", error="insufficient_claims", '
                             r'claims="([^"]*)"', self.client.headers["WWW-Authenticate"])
        self.assertEqual(found[1], f"{self.emu.authority}/common/oauth2/authorize")
        asked = json.loads(base64.b64decode(found[2], validate=True))
        self.assertEqual(asked, json.loads(self.CLAIMS))
        self.client.login()                                     # a new token without the claims does not do
        self.assertEqual(self.client.list_credentials("web")[0], 401)
        self.client.login(claims='{"access_token":{"nbf":{"essential":true,"value":"1"}}}')
        self.assertEqual(self.client.list_credentials("web")[0], 401)
        asked["access_token"]["xms_cc"] = {"values": ["cp1"]}   # what a client adds does not matter
        self.client.login(claims=json.dumps(asked))
        self.assertEqual(self.client.list_credentials("web")[0], 200)
        self.arm.challenge(None)
        self.client.login()
        self.assertEqual(self.client.list_credentials("web")[0], 200)

    def test_tenant(self):
        self.setting("tenant", "00000000-1111-4222-8333-444444444444")
        self.assertEqual(self.code(self.client.list_credentials("web")), (401, "InvalidAuthenticationTokenTenant"))
        self.assertIn(f'authorization_uri="{self.emu.authority}/{self.arm.tenant}"',
                      self.client.headers["WWW-Authenticate"])


class PagingTest(ArmCase):
    def setUp(self):
        super().setUp()
        for n in range(4):
            if f"m{n}" not in {machine.name for machine in self.emu.machines()}:
                self.emu.add_machine(f"m{n}", endpoint=False)
        self.path = f"/subscriptions/{self.emu.subscription}/providers/Microsoft.HybridCompute/machines"
        self.setting("page_size", 2)

    def test_pages(self):
        status, doc = self.client.arm("GET", self.path)
        names = [row["name"] for row in doc["value"]]
        while "nextLink" in doc:
            self.assertIn("skiptoken=", doc["nextLink"])
            status, doc = self.get(doc["nextLink"])
            names += [row["name"] for row in doc["value"]]
        self.assertEqual((status, sorted(names)), (200, ["m0", "m1", "m2", "m3", "web"]))

    def test_hostile(self):
        for host, start in (("evil.test", "https://evil.test/subscr"), ("http://x:1", "http://x:1/subscr")):
            self.setting("next_link_host", host)
            self.assertTrue(self.client.arm("GET", self.path)[1]["nextLink"].startswith(start))
        self.assertEqual(self.code(self.client.arm("GET", self.path, query="&$skiptoken=x")), (400, "InvalidSkipToken"))


class OperationTest(ArmCase):
    def setUp(self):
        super().setUp()
        self.setting("slow_operations", 2)
        if "slow" not in {machine.name for machine in self.emu.machines()}:
            self.emu.add_machine("slow", service_port=None, service="echo")
        self.emu.machine("slow").service_ports.clear()
        self.service = self.emu.machine_id("slow") + SERVICE

    def put(self, port=22):
        status, doc = self.client.arm("PUT", self.service, {"properties": {"serviceName": "SSH", "port": port}})
        return status, doc, self.client.headers.get("Azure-AsyncOperation") or self.client.headers.get("Location")

    def test_azure_async(self):
        self.setting("operation_retry_after", 7)
        polls = self.emu.count(who="arm", operation="operationstatuses")
        status, doc, url = self.put()
        self.assertEqual((status, doc["properties"]["provisioningState"]), (201, "Creating"))
        self.assertEqual(self.client.headers["Retry-After"], "7")
        states = []
        for _ in range(3):
            self.assertEqual(self.client.list_credentials("slow")[0], 412)
            status, doc = self.get(url)
            states.append((status, doc["status"], self.client.headers.get("Retry-After")))
        self.assertEqual(states, [(200, "InProgress", "7"), (200, "InProgress", "7"), (200, "Succeeded", None)])
        self.assertEqual(self.client.list_credentials("slow")[0], 200)
        self.assertEqual(self.emu.count(who="arm", operation="operationstatuses"), polls + 3)

    def test_byte_for_byte(self):
        url = self.put()[2]
        for other in (url.replace("%2B", "+"), url + "&x=1", url.lower(), url.partition("&")[0]):
            self.assertEqual(self.code(self.get(other)), (404, "OperationNotFound"), other)
        self.assertEqual(self.get(url)[0], 200)
        self.client.token = "x"
        self.assertEqual(self.get(url)[0], 401)

    def test_failed(self):
        for result in ("Failed", "Canceled"):
            self.setting("operation_result", result)
            url = self.put()[2]
            doc = [self.get(url)[1] for _ in range(3)][-1]
            self.assertEqual((doc["status"], doc["error"]["code"]), (result, "ServiceConfigurationFailed"))
            self.assertEqual(self.client.list_credentials("slow")[0], 412)

    def test_location(self):
        self.setting("operation_style", "location")
        status, doc, url = self.put(2222)
        self.assertEqual((status, doc), (202, None))
        self.assertEqual([self.get(url)[0] for _ in range(2)], [202, 202])
        status, doc = self.get(url)
        self.assertEqual((status, doc["properties"]["port"]), (200, 2222))
        self.setting("operation_result", "Failed")
        url = self.put()[2]
        self.assertEqual([self.get(url)[0] for _ in range(3)], [202, 202, 409])

    def test_resource(self):
        self.setting("operation_style", "resource")
        status, doc, url = self.put()
        self.assertEqual((status, url), (201, None))
        states = [self.client.arm("GET", self.service)[1]["properties"]["provisioningState"] for _ in range(3)]
        self.assertEqual(states, ["InProgress", "InProgress", "Succeeded"])
        self.assertEqual(self.client.list_credentials("slow")[0], 200)

    def test_hostile(self):
        self.setting("operation_host", "evil.test")
        self.setting("operation_retry_after", None)
        self.assertTrue(self.put()[2].startswith("https://evil.test/subscriptions/"))
        self.assertNotIn("Retry-After", self.client.headers)

    def test_a_poll_that_fails(self):
        url = self.put()[2]
        self.emu.faults.arm.append(Fault("status", code=503, match="operationStatuses"))
        self.assertEqual([self.get(url)[0] for _ in range(2)], [503, 200])


if __name__ == "__main__":
    tap.main()
