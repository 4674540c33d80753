"""Self tests of the emulator's managed identity endpoints and of what is in a token."""

import base64
import email.utils
import json
import os
import select
import socket
import sys
import time
import urllib.parse

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]

from faults import Fault
from tokens import unb64url
import tap
from client import EmulatorCase, Management

METADATA = {"Metadata": "true"}


def claims_of(token):
    return json.loads(unb64url(token.split(".")[1]))


class TokenTest(EmulatorCase):
    def setUp(self):
        super().setUp()
        self.client = Management(self.emu)

    def arm_says(self, token):
        self.client.token = token
        status, doc = self.client.list_credentials("web")
        return status, (doc.get("error") or {}).get("code")

    def test_claims_of_an_application(self):
        status, doc = self.client.login()
        claims = claims_of(doc["access_token"])
        self.assertEqual((claims["aud"], claims["tid"]), (self.emu.management, self.emu.entra.tenant))
        self.assertEqual((claims["appid"], claims["idtyp"]), (self.emu.entra.client, "app"))
        self.assertEqual(claims["exp"] - claims["iat"], 3599)
        self.assertEqual(claims["iss"], f"https://sts.windows.net/{self.emu.entra.tenant}/")
        self.assertNotIn("upn", claims)
        self.assertEqual(self.arm_says(doc["access_token"]), (200, None))

    def test_claims_of_a_user(self):
        user = self.emu.entra.add_user("jane.doe@emulated.test")
        claims = claims_of(self.emu.entra.issue(user="Jane.Doe@emulated.test"))
        self.assertEqual((claims["upn"], claims["name"], claims["oid"]), (user.upn, "Jane Doe", user.oid))
        self.assertNotIn("idtyp", claims)

    def test_what_arm_refuses(self):
        token = self.emu.issue_token()
        head, body, signature = token.split(".")
        self.assertEqual(self.arm_says(f"{head}.{body}.{signature[::-1]}"), (401, "InvalidAuthenticationToken"))
        self.assertEqual(self.arm_says(self.emu.issue_token(-1)), (401, "ExpiredAuthenticationToken"))
        self.emu.entra.revoke_all()
        self.assertFalse(self.emu.entra.accepts(token))
        self.assertEqual(self.arm_says(token), (401, "InvalidAuthenticationToken"))

    def test_one_clock(self):
        self.addCleanup(setattr, self.emu, "clock_skew", 0)
        token = self.emu.issue_token(600)
        self.emu.clock_skew = 7200
        self.assertEqual(self.arm_says(token), (401, "ExpiredAuthenticationToken"))
        date = email.utils.parsedate_to_datetime(self.client.headers["Date"]).timestamp()
        self.assertAlmostEqual(date - time.time(), 7200, delta=60)
        _, doc = self.client.login()
        self.assertAlmostEqual(claims_of(doc["access_token"])["iat"] - time.time(), 7200, delta=60)
        date = email.utils.parsedate_to_datetime(self.client.headers["Date"]).timestamp()
        self.assertAlmostEqual(date - time.time(), 7200, delta=60)
        relay = self.client.list_credentials("web")[1]["relay"]
        self.assertAlmostEqual(relay["expiresOn"] - time.time(), 7200 + 10800, delta=60)
        self.opened(relay=relay)
        self.emu.clock_skew = -86400
        self.assertEqual(self.arm_says(token), (200, None))


class ManagedTest(EmulatorCase):
    def setUp(self):
        super().setUp()
        self.client = Management(self.emu)
        self.managed = self.emu.managed
        self.base = f"http://127.0.0.1:{self.managed.port}"
        self.addCleanup(setattr, self.managed, "identities", list(self.managed.identities))

    def get(self, path, headers=METADATA, method="GET", **query):
        query = {name: value for name, value in {"resource": self.emu.management, **query}.items() if value}
        url = path if path.startswith("http") else self.base + path
        return self.client.plain(method, f"{url}?{urllib.parse.urlencode(query)}", None, headers)

    def imds(self, headers=METADATA, path="/metadata/identity/oauth2/token", version="2018-02-01", **more):
        return self.get(path, headers, **{"api-version": version, **more})

    def refused(self, answer, status, error):
        self.assertEqual((answer[0], answer[1]["error"]), (status, error), answer)
        return answer[1]["error_description"]

    # --- IMDS ---

    def test_imds(self):
        self.assertEqual(self.managed.env("imds"), {"AZURE_POD_IDENTITY_AUTHORITY_HOST": self.base})
        status, doc = self.imds()
        self.assertEqual((status, doc["token_type"], doc["expires_in"]), (200, "Bearer", "3599"))
        self.assertAlmostEqual(int(doc["expires_on"]), time.time() + 3599, delta=60)
        self.assertIsInstance(doc["expires_on"], str)
        claims = claims_of(doc["access_token"])
        self.assertEqual(claims["xms_mirid"], self.managed.identities[0].resource_id)
        self.assertEqual((claims["appid"], claims["idtyp"]), (self.managed.identities[0].client_id, "app"))
        self.assertTrue(self.emu.entra.accepts(doc["access_token"]))
        row = self.managed.requests[-1]
        self.assertEqual((row["kind"], row["method"], row["query"]["resource"], row["status"]),
                         ("imds", "GET", self.emu.management, 200))

    def test_imds_refuses(self):
        self.assertIn("metadata header", self.refused(self.imds({}), 400, "invalid_request"))
        self.refused(self.imds({**METADATA, "X-Forwarded-For": "10.0.0.1"}), 400, "invalid_request")
        self.refused(self.imds(version=None), 400, "invalid_request")
        self.refused(self.imds(version="2017-01-01"), 400, "invalid_request")
        self.refused(self.imds(resource=None), 400, "invalid_request")
        self.refused(self.imds(resource=self.emu.management + "/.default"), 400, "invalid_resource")
        self.refused(self.imds(method="POST"), 405, "method_not_allowed")
        self.refused(self.imds(path="/metadata/other"), 404, "not_found")

    def test_selectors(self):
        one = self.managed.add_identity("one")
        self.assertEqual(self.imds()[1]["client_id"], self.managed.identities[0].client_id)
        for name, value in (("client_id", one.client_id.upper()), ("object_id", one.object_id),
                            ("msi_res_id", one.resource_id)):
            status, doc = self.imds(**{name: value})
            self.assertEqual((status, doc.get("client_id")), (200, one.client_id), name)
        self.refused(self.imds(client_id=one.object_id), 400, "identity_not_found")
        self.refused(self.imds(client_id=one.client_id, object_id=one.object_id), 400, "invalid_request")
        self.managed.identities = [one]
        self.assertEqual(self.imds()[1]["client_id"], one.client_id)
        self.managed.add_identity("two")
        self.assertIn("Multiple", self.refused(self.imds(), 400, "invalid_request"))
        self.managed.identities = []
        self.assertEqual(self.refused(self.imds(), 400, "identity_not_found"), "Identity not found")

    # --- App Service ---

    def test_app_service(self):
        env = self.managed.env("app-service")
        good = {"X-IDENTITY-HEADER": env["IDENTITY_HEADER"]}
        status, doc = self.imds(good, env["IDENTITY_ENDPOINT"], "2019-08-01")
        self.assertEqual((status, "expires_in" in doc), (200, False))
        self.assertTrue(doc["expires_on"].isdigit())
        self.assertTrue(self.emu.entra.accepts(doc["access_token"]))
        for headers, version, status in (({}, "2019-08-01", 401), ({"X-IDENTITY-HEADER": "x"}, "2019-08-01", 401),
                                         (METADATA, "2019-08-01", 401), (good, "2018-02-01", 400), (good, None, 400)):
            got, doc = self.imds(headers, env["IDENTITY_ENDPOINT"], version)
            self.assertEqual((got, doc["statusCode"]), (status, status), headers)

    # --- Arc ---

    def arc(self, authorization=None, **more):
        headers = {**METADATA, **({"Authorization": authorization} if authorization else {})}
        return self.imds(headers, self.managed.env("arc")["IDENTITY_ENDPOINT"], "2020-06-01", **more)

    def key(self):
        """The content of the file that a first request is told of."""
        self.refused(self.arc(), 401, "unauthorized")
        challenge = self.client.headers["WWW-Authenticate"]
        self.assertRegex(challenge, r"\ABasic realm=/var/opt/azcmagent/tokens/[0-9a-f-]{36}\.key\Z")
        path = os.path.join(self.managed.tokens_dir, os.path.basename(challenge))
        with open(path) as file:
            return path, file.read()

    def test_arc(self):
        path, key = self.key()
        status, doc = self.arc(f"Basic {key}")
        self.assertEqual((status, doc["token_type"]), (200, "Bearer"))
        self.assertIn("xms_mirid", claims_of(doc["access_token"]))
        self.assertEqual(self.managed.requests[-1]["authorization"], f"Basic {key}")
        self.assertFalse(os.path.exists(path))
        self.refused(self.arc(f"Basic {key}"), 401, "unauthorized")     # each is good once

    def test_arc_refuses(self):
        _, key = self.key()
        for wrong in (f"Bearer {key}", f"Basic {key}x", "Basic " + base64.b64encode(key.encode()).decode(), "Basic"):
            self.refused(self.arc(wrong), 401, "unauthorized")
        self.assertEqual(self.arc(f"Basic {key}")[0], 200)
        self.refused(self.imds({}, self.managed.env("arc")["IDENTITY_ENDPOINT"], "2020-06-01"), 400, "invalid_request")
        self.refused(self.imds(path="/himds/metadata/identity/oauth2/token"), 400, "invalid_request")

    def test_arc_under_the_plain_path(self):
        self.refused(self.imds(version="2020-06-01"), 401, "unauthorized")
        self.assertEqual(self.managed.requests[-1]["kind"], "arc")

    def test_hostile_arc(self):
        self.addCleanup(setattr, self.managed, "realm", None)
        self.managed.realm = "/etc/shadow"
        self.arc()
        self.assertEqual(self.client.headers["WWW-Authenticate"], "Basic realm=/etc/shadow")
        self.managed.realm = None
        self.managed.key_text, self.managed.key_mode = "x" * 5000, 0o400
        path, key = self.key()
        self.managed.key_text, self.managed.key_mode = None, 0o640
        self.assertEqual((len(key), os.stat(path).st_mode & 0o777), (5000, 0o400))

    # --- Cloud Shell ---

    def test_cloud_shell(self):
        url = self.managed.env("cloud-shell")["MSI_ENDPOINT"]
        form = urllib.parse.urlencode({"resource": self.emu.management + "/"})
        typed = {"Content-Type": "application/x-www-form-urlencoded"}
        status, doc = self.client.plain("POST", url, form, {**METADATA, **typed})
        self.assertEqual((status, doc["token_type"], doc["expires_in"]), (200, "Bearer", "3599"))
        self.assertEqual(claims_of(doc["access_token"])["upn"], self.managed.cloud_shell_user)
        for method, body, headers, status in (("POST", form, typed, 400), ("POST", form, METADATA, 400),
                                              ("POST", "", {**METADATA, **typed}, 400), ("GET", None, METADATA, 405)):
            self.assertEqual(self.client.plain(method, url, body, headers)[0], status)

    # --- faults ---

    def test_faults(self):
        for code in (404, 410, 429, 500):
            self.emu.faults.managed.append(Fault("status", code=code, headers={"Retry-After": "1"}))
            self.assertEqual(self.imds()[0], code)
            self.assertEqual(self.client.headers["Retry-After"], "1")
        for fault in (Fault("drop"), Fault("drop", how="rst"), Fault("truncate", keep=10), Fault("raw", data=b"x\r\n")):
            self.emu.faults.managed.append(fault)
            with self.assertRaises(Exception):
                self.imds()
        self.emu.faults.managed.append(Fault("slow", size=100, seconds=0.001))
        self.emu.faults.managed.append(Fault("edit", script=lambda doc: {**doc, "expires_on": "soon"}))
        self.assertEqual(self.imds()[0], 200)
        self.assertEqual(self.imds()[1]["expires_on"], "soon")
        with self.assertRaises(ValueError):
            self.emu.faults.managed.append(Fault("never-read"))

    def test_stall(self):
        self.emu.faults.managed.append(Fault("stall"))
        with socket.create_connection(("127.0.0.1", self.managed.port)) as sock:
            sock.sendall(b"GET /metadata/identity/oauth2/token HTTP/1.1\r\nHost: x\r\n\r\n")
            self.emu.wait(who="managed", faults=["stall"])
            self.assertEqual(select.select([sock], [], [], 0)[0], [])
            sock.shutdown(socket.SHUT_WR)
            self.assertEqual(sock.recv(1), b"")


if __name__ == "__main__":
    tap.main()
