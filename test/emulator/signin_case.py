"""How a test of the emulator signs a user in: device code, authorization code, refresh token."""

import base64
import hashlib
import json
import secrets
import urllib.parse

import devicecode
from client import EmulatorCase, Management

JANE, JOHN = "jane.doe@emulated.test", "john.roe@emulated.test"
POWERSHELL = "1950a258-227b-4e31-a9cf-717495945fc2"
OWN = "11111111-2222-4333-8444-555555555555"
REDIRECT = "http://localhost:50000"


class SignInCase(EmulatorCase):
    def setUp(self):
        super().setUp()
        self.client = Management(self.emu)
        self.entra = self.emu.entra
        self.az = self.entra.public_client
        self.scope = f"{self.emu.management}/.default offline_access openid profile"
        for upn in (JANE, JOHN):
            self.entra.add_user(upn)
        self.entra.add_public_client(OWN)

    def setting(self, name, value):
        self.addCleanup(setattr, self.entra, name, getattr(self.entra, name))
        setattr(self.entra, name, value)

    def post(self, endpoint, form, tenant="organizations"):
        status, body = self.client.request("POST", f"/{tenant}/oauth2/v2.0/{endpoint}",
                                           urllib.parse.urlencode({k: v for k, v in form.items() if v is not None}),
                                           {"Content-Type": "application/x-www-form-urlencoded"})
        return status, json.loads(body)

    def refused(self, answer, error, number, status=400):
        self.assertEqual((answer[0], answer[1]["error"], answer[1]["error_codes"]), (status, error, [number]), answer)
        return answer[1]

    def refresh(self, token, tenant="organizations", **changes):
        return self.post("token", {"grant_type": "refresh_token", "client_id": self.az, "refresh_token": token,
                                   "scope": self.scope, **changes}, tenant)

    # --- device code ---

    def begin(self, tenant="organizations", **changes):
        return self.post("devicecode", {"client_id": self.az, "scope": self.scope, **changes}, tenant)

    def poll(self, code, tenant="organizations", **changes):
        return self.post("token", {"grant_type": devicecode.GRANT, "client_id": self.az, "device_code": code,
                                   **changes}, tenant)

    def sign_in(self, upn=JANE, **changes):
        """The document of tokens after a device code."""
        doc = self.begin(**changes)[1]
        self.entra.approve(doc["user_code"], upn)
        status, doc = self.poll(doc["device_code"], client_id=changes.get("client_id", self.az), client_info="1")
        self.assertEqual(status, 200, doc)
        return doc


class AuthCodeCase(SignInCase):
    def setUp(self):
        super().setUp()
        self.verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        self.challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def url(self, tenant="organizations", **changes):
        query = {"response_type": "code", "client_id": self.az, "redirect_uri": REDIRECT, "scope": self.scope,
                 "state": "s 1&", "code_challenge": self.challenge, "code_challenge_method": "S256", **changes}
        query = urllib.parse.urlencode({k: v for k, v in query.items() if v is not None})
        return f"{self.emu.authority}/{tenant}/oauth2/v2.0/authorize?{query}"

    def authorize(self, *args, **changes):
        """(status, the fields of the redirect, the URL before them)."""
        url = self.url(*args, **changes).removeprefix(self.emu.authority)
        status, _ = self.client.request("GET", url)
        target, _, query = self.client.headers.get("Location", "").partition("?")
        return status, dict(urllib.parse.parse_qsl(query)), target

    def code(self, **changes):
        status, fields, target = self.authorize(**changes)
        self.assertEqual((status, target), (302, changes.get("redirect_uri", REDIRECT)), fields)
        return fields["code"]

    def redeem(self, code, tenant="organizations", **changes):
        return self.post("token", {"grant_type": "authorization_code", "client_id": self.az, "code": code,
                                   "redirect_uri": REDIRECT, "code_verifier": self.verifier, **changes}, tenant)
