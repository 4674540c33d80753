"""Self tests of the emulator's client assertions and federated issuers; openssl signs, the emulator judges."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import uuid

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]

import assertion
import certs
import der
import rsa
from faults import Fault
from tokens import b64url, sign_jwt, split_jwt
import tap
from client import EmulatorCase, Management

PSS = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_mgf1_md:sha256"]


def openssl_sign(key, data, *options):
    return subprocess.run(["openssl", "dgst", "-sha256", "-sign", key, *options], input=data,
                          capture_output=True, check=True).stdout


class RsaTest(unittest.TestCase):
    """openssl is the other opinion."""

    def test_signatures(self):
        with tempfile.TemporaryDirectory() as folder:
            for bits in (2048, 2050, 3072):     # 2050: other unused bits in the message of PSS
                cert, key_file = certs.application(folder, new_key=("-newkey", f"rsa:{bits}", "-nodes"))
                with open(cert) as file:
                    key, start, end = der.read_certificate(der.pem(file.read(), "CERTIFICATE"))
                self.assertEqual((key[0].bit_length(), key[1]), (bits, 65537))
                self.assertAlmostEqual(start, time.time(), delta=600)
                self.assertEqual(end - start, 30 * 86400)
                self._try(key, key_file)

    def _try(self, key, key_file):
        good = {"RS256": openssl_sign(key_file, b"data"), "PS256": openssl_sign(key_file, b"data", *PSS, "-sigopt",
                                                                               "rsa_pss_saltlen:32")}
        for name, signature in good.items():
            verify, other = rsa.VERIFY[name], good["PS256" if name == "RS256" else "RS256"]
            self.assertTrue(verify(key, b"data", signature))
            self.assertFalse(verify(key, b"Data", signature))
            self.assertFalse(verify(key, b"data", other))
            self.assertFalse(verify(key, b"data", signature[:-1]))
            self.assertFalse(verify(key, b"data", signature + b"\0"))
            self.assertFalse(verify(key, b"data", b"\0" + signature))
            self.assertFalse(verify(key, b"data", b"\xff" * len(signature)))
            for at in (0, len(signature) // 2, len(signature) - 1):
                bent = bytearray(signature)
                bent[at] ^= 1
                self.assertFalse(verify(key, b"data", bytes(bent)))
        for salt in (20, 31, 33):
            signature = openssl_sign(key_file, b"data", *PSS, "-sigopt", f"rsa_pss_saltlen:{salt}")
            self.assertFalse(rsa.verify_ps256(key, b"data", signature))

    def private_key(self, folder):
        """(file, (n, e, d))."""
        _, key_file = certs.application(folder)
        made = subprocess.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", key_file, "-outform", "DER"],
                              capture_output=True, check=True)
        return key_file, der.read_private_key(made.stdout)

    def test_own_signature(self):
        with tempfile.TemporaryDirectory() as folder:
            key_file, key = self.private_key(folder)
            self.assertEqual(rsa.sign_rs256(key, b"data"), openssl_sign(key_file, b"data"))

    def test_pss_encoding(self):
        """Every part of the encoded message is looked at (RFC 8017 section 9.1.1, built step by step)."""
        with tempfile.TemporaryDirectory() as folder:
            n, e, d = self.private_key(folder)[1]
        salt = os.urandom(32)

        def signed(padding=bytes(190), one=b"\x01", trailer=b"\xbc", top=0x7F):
            digest = hashlib.sha256(bytes(8) + hashlib.sha256(b"data").digest() + salt).digest()
            block = padding + one + salt
            mask = b"".join(hashlib.sha256(digest + bytes([0, 0, 0, count])).digest() for count in range(7))
            masked = bytearray(a ^ b for a, b in zip(block, mask))
            masked[0] = masked[0] & 0x7F | (top & 0x80)
            return pow(int.from_bytes(bytes(masked) + digest + trailer, "big") % n, d, n).to_bytes(256, "big")

        self.assertTrue(rsa.verify_ps256((n, e), b"data", signed()))
        for wrong in (signed(trailer=b"\xcc"), signed(one=b"\x02"), signed(padding=bytes(189) + b"\x01"),
                      signed(top=0xFF)):
            self.assertFalse(rsa.verify_ps256((n, e), b"data", wrong))


class AssertionCase(EmulatorCase):
    def setUp(self):
        super().setUp()
        self.client = Management(self.emu)
        self.endpoint = f"{self.emu.authority}/{self.emu.entra.tenant}/oauth2/v2.0/token"

    def ask(self, token, **changes):
        form = {"client_secret": "", "client_assertion": token, "client_assertion_type": assertion.TYPE, **changes}
        return self.client.login(**form)

    def good(self, token, **changes):
        status, doc = self.ask(token, **changes)
        self.assertEqual(status, 200, doc)
        self.assertTrue(self.emu.entra.accepts(doc["access_token"]))

    def bad(self, token, error, number, **changes):
        status, doc = self.ask(token, **changes)
        self.assertEqual((doc["error"], doc["error_codes"]), (error, [number]), doc)
        self.assertEqual(status, 401 if error == "invalid_client" else 400)
        self.assertTrue(doc["error_description"].startswith(f"AADSTS{number}: "))
        return doc["error_description"]


class CertificateTest(AssertionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cert, cls.key = certs.application(cls.folder)
        cls.registered = cls.emu.entra.add_certificate(cls.cert)

    def make(self, header=None, claims=None, key=None, sign=None):
        """An assertion; header and claims replace members, None removes one."""
        now = int(time.time())
        head = {"alg": "PS256", "typ": "JWT", "x5t#S256": self.registered.thumbprint, **(header or {})}
        body = {"aud": self.endpoint, "iss": self.emu.entra.client, "sub": self.emu.entra.client,
                "jti": str(uuid.uuid4()), "nbf": now, "iat": now, "exp": now + 600, **(claims or {})}
        options = [] if head["alg"] == "RS256" else [*PSS, "-sigopt", "rsa_pss_saltlen:32"]
        return sign_jwt(*({k: v for k, v in part.items() if v is not None} for part in (head, body)),
                        sign or (lambda data: openssl_sign(key or self.key, data, *options)))

    def test_thumbprints(self):
        for name, own in (("sha256", self.registered.thumbprint), ("sha1", self.registered.thumbprint_sha1)):
            text = subprocess.run(["openssl", "x509", "-in", self.cert, "-noout", "-fingerprint", "-" + name],
                                  capture_output=True, text=True, check=True).stdout
            self.assertEqual(own, b64url(bytes.fromhex(text.partition("=")[2].strip().replace(":", ""))))
        with open(self.cert) as file:
            self.assertEqual(self.emu.entra.add_certificate(file.read()).der, self.registered.der)

    def test_accepted(self):
        digest = hashlib.sha256(self.registered.der).digest()
        x5c = [base64.b64encode(self.registered.der).decode()]
        for header in ({}, {"alg": "RS256"}, {"x5t#S256": None, "x5t": self.registered.thumbprint_sha1},
                       {"x5t#S256": base64.b64encode(digest).decode()}, {"x5t": self.registered.thumbprint_sha1},
                       {"x5t#S256": base64.urlsafe_b64encode(digest).decode()}, {"x5c": x5c}):
            self.good(self.make(header))
        row = self.emu.log.find(who="entra", what="token")[-1]
        self.assertEqual(row["assertion"]["header"]["x5c"], x5c)
        self.assertEqual(row["assertion"]["claims"]["aud"], self.endpoint)

    def test_signature(self):
        token = self.make()
        head, body, signature = token.split(".")
        claims = {**split_jwt(token)[1], "exp": int(time.time()) + 900}
        self.bad(f"{head}.{b64url(json.dumps(claims).encode())}.{signature}", "invalid_client", 700027)
        self.bad(f"{head}.{body}.{b64url(bytes(256))}", "invalid_client", 700027)
        self.bad(f"{head}.{body}.", "invalid_client", 700027)
        other_cert, other_key = certs.application(self.folder, "other")
        self.bad(self.make(key=other_key), "invalid_client", 700027)
        self.bad(self.make({"alg": "RS256"}, sign=lambda data: openssl_sign(
            self.key, data, *PSS, "-sigopt", "rsa_pss_saltlen:32")), "invalid_client", 700027)
        thumbprint = assertion.Certificate(other_cert).thumbprint
        text = self.bad(self.make({"x5t#S256": thumbprint}, key=other_key), "invalid_client", 700027)
        self.assertIn("The key was not found", text)
        self.good(token)

    def test_header(self):
        self.bad(self.make({"alg": "none"}), "invalid_client", 50027)
        self.bad(self.make({"alg": "ES256"}), "invalid_client", 50027)
        self.bad(self.make({"typ": None}), "invalid_client", 50027)
        self.bad(self.make({"x5t#S256": None}), "invalid_client", 5002723)
        self.bad(self.make({"x5c": ["AAAA"]}), "invalid_client", 700027)
        self.bad(self.make({"x5t": "AAAA"}), "invalid_client", 700027)
        for token in ("x", "a.b", "e30.e30", "e30=.e30.AA", "W10.e30.AA"):
            self.bad(token, "invalid_client", 50027)

    def test_claims(self):
        now = int(time.time())
        bare = self.endpoint.rpartition("/oauth2")[0]
        for claims, number in (({"aud": bare}, 700023), ({"aud": self.endpoint + "/"}, 700023), ({"aud": None}, 700023),
                               ({"sub": "another"}, 50048), ({"iss": "another", "sub": "another"}, 700021),
                               ({"exp": None}, 700024), ({"nbf": None}, 700024), ({"iat": None}, 700024),
                               ({"exp": now - 400, "nbf": now - 1000}, 700024), ({"nbf": now + 400}, 700024),
                               ({"iat": now + 400}, 700024), ({"exp": now - 10}, 700024),
                               ({"exp": str(now + 600)}, 700024), ({"jti": None}, 50027), ({"jti": ""}, 50027)):
            self.bad(self.make(claims=claims), "invalid_client", number)
        self.good(self.make(claims={"nbf": now + 200, "iat": now + 200}))
        self.good(self.make(claims={"nbf": now - 900, "exp": now - 200}))

    def test_replay(self):
        token = self.make()
        self.good(token)
        self.assertIn("jti", self.bad(token, "invalid_client", 50027))

    def test_clock(self):
        self.addCleanup(setattr, self.emu, "clock_skew", 0)
        for skew, number in ((200, None), (-200, None), (1200, 700024), (-400, 700024)):
            self.emu.clock_skew = skew
            if number:
                self.bad(self.make(), "invalid_client", number)
            else:
                self.good(self.make())
        self.emu.clock_skew = 40 * 86400
        later = int(time.time()) + 40 * 86400
        claims = {"nbf": later, "iat": later, "exp": later + 600}
        self.assertIn("expired", self.bad(self.make(claims=claims), "invalid_client", 700027))

    def test_form(self):
        self.bad(self.make(), "invalid_request", 900144, client_assertion_type="")
        status, doc = self.client.login(client_secret="")
        self.assertEqual((status, doc["error"], doc["error_codes"]), (401, "invalid_client", [7000218]))

    def test_what_cannot_be_registered(self):
        cert, _ = certs.application(self.folder, "curve", certs.NEW_KEY)
        with self.assertRaises(ValueError):
            self.emu.entra.add_certificate(cert)


class FederatedTest(AssertionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.issuer, cls.subject = cls.emu.oidc.github

    def test_1_nothing_registered(self):
        text = self.bad(self.emu.oidc.token(self.subject), "invalid_request", 70021)
        self.assertIn(f"Assertion Subject: '{self.subject}'", text)

    def test_2_matching(self):
        self.emu.entra.federate(*self.emu.oidc.github)
        self.emu.entra.federate(*self.emu.oidc.workload, audience="other")
        token = self.emu.oidc.token(self.subject)
        self.good(token)
        self.good(token)                # such a token may be used again
        oidc = self.emu.oidc
        self.assertIn(oidc.pipelines[0], self.bad(oidc.token(self.subject, issuer=oidc.pipelines[0]),
                                                  "invalid_request", 700211))
        self.assertIn("'repo:x'", self.bad(oidc.token("repo:x"), "invalid_request", 700213))
        self.assertIn("'api://x'", self.bad(oidc.token(self.subject, "api://x"), "invalid_request", 700212))
        workload = oidc.token(oidc.workload[1], issuer=oidc.workload[0])
        self.bad(workload, "invalid_request", 700212)
        self.bad(oidc.token(self.subject, lifetime=-400), "invalid_client", 700024)
        head, body, signature = token.split(".")
        self.bad(f"{head}.{body}.{signature[:-8]}AAAAAAAA", "invalid_client", 50013)
        claims = {**split_jwt(token)[1], "exp": int(time.time()) + 9000}
        self.bad(f"{head}.{b64url(json.dumps(claims).encode())}.{signature}", "invalid_client", 50013)

    # --- where tokens come from ---

    def fetch(self, method, url, headers, body=None):
        status, text = self.client.request(method, url.removeprefix(self.emu.management), body, headers)
        return status, json.loads(text) if text.startswith(b"{") else text

    def test_github(self):
        self.emu.entra.federate(*self.emu.oidc.github)
        env = self.emu.oidc.github_env()
        url = env["ACTIONS_ID_TOKEN_REQUEST_URL"]
        asked = url + "&audience=" + urllib.parse.quote(assertion.AUDIENCE, safe="")
        right = {"Authorization": f"Bearer {env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}
        status, doc = self.fetch("GET", asked, right)
        self.assertEqual(status, 200)
        self.good(doc["value"])
        status, doc = self.fetch("GET", url, right)
        self.bad(doc["value"], "invalid_request", 700212)
        self.assertEqual(self.fetch("GET", asked, {})[0], 401)
        self.assertEqual(self.fetch("GET", asked, {"Authorization": "Bearer x"})[0], 401)
        self.assertEqual(self.fetch("GET", asked.replace("x=y&", ""), right)[0], 401)
        self.assertEqual(self.fetch("POST", asked, right)[0], 405)
        self.assertEqual(self.emu.log.find(who="oidc")[-1]["kind"], "github")

    def test_pipelines(self):
        self.emu.entra.federate(*self.emu.oidc.pipelines)
        env = self.emu.oidc.pipelines_env()
        base, connection = env["SYSTEM_OIDCREQUESTURI"], env["AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"]
        url = f"{base}?api-version=7.1&serviceConnectionId={connection}"
        right = {"Authorization": f"Bearer {env['SYSTEM_ACCESSTOKEN']}", "Content-Type": "application/json",
                 "X-TFS-FedAuthRedirect": "Suppress"}
        status, doc = self.fetch("POST", url, right, "")
        self.assertEqual(status, 200)
        self.good(doc["oidcToken"])
        self.assertEqual(env["AZURESUBSCRIPTION_CLIENT_ID"], self.emu.entra.client)
        wrong = {**right, "Authorization": "Bearer x"}
        del wrong["X-TFS-FedAuthRedirect"]
        for where, headers, body, status in (
                (url, wrong, "", 302), (url, {**wrong, "X-TFS-FedAuthRedirect": "Suppress"}, "", 401),
                (url.replace("7.1", "7.0"), right, "", 400), (base, right, "", 400), (url, right, "{}", 415),
                (url, {**right, "Content-Type": "text/plain"}, "", 415), (url + "0", right, "", 404),
                (url.replace("jobs", "job"), right, "", 404)):
            self.assertEqual(self.fetch("POST", where, headers, body)[0], status, (where, headers))
        self.assertEqual(self.fetch("GET", url, right)[0], 405)

    def test_workload(self):
        self.emu.entra.federate(*self.emu.oidc.workload)
        env = self.emu.oidc.workload_env(self.folder)
        with open(env["AZURE_FEDERATED_TOKEN_FILE"]) as file:
            self.good(file.read().strip())
        self.assertEqual((env["AZURE_CLIENT_ID"], env["AZURE_TENANT_ID"]),
                         (self.emu.entra.client, self.emu.entra.tenant))
        env = self.emu.oidc.workload_env(self.folder, lifetime=-400)
        with open(env["AZURE_FEDERATED_TOKEN_FILE"]) as file:
            self.bad(file.read().strip(), "invalid_client", 700024)

    def test_faults(self):
        self.emu.faults.oidc.append(Fault("status", code=503))
        self.assertEqual(self.fetch("GET", self.emu.oidc.github_env()["ACTIONS_ID_TOKEN_REQUEST_URL"], {})[0], 503)


if __name__ == "__main__":
    tap.main()
