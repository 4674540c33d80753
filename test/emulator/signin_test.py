"""Self tests of how users sign in at the emulator: device code, authorization code, refresh tokens."""

import base64
import hashlib
import http.server
import json
import os
import sys
import threading

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]

from faults import Fault
from tokens import split_jwt, unb64url
import tap
from signin_case import JANE, JOHN, OWN, POWERSHELL, REDIRECT, AuthCodeCase, SignInCase


class DeviceCodeTest(SignInCase):
    def test_flow(self):
        status, doc = self.begin()
        self.assertEqual((status, doc["verification_uri"]), (200, "https://microsoft.com/devicelogin"))
        self.assertEqual((doc["expires_in"], doc["interval"]), (900, 0))
        self.assertIn(doc["user_code"], doc["message"])
        self.assertEqual(self.entra.pending_codes(), [doc["user_code"]])
        for _ in range(2):
            self.refused(self.poll(doc["device_code"]), "authorization_pending", 70016)
        self.entra.approve(doc["user_code"], JANE)
        self.assertEqual(self.entra.pending_codes(), [])
        status, got = self.poll(doc["device_code"], client_info="1")
        self.assertEqual((status, got["token_type"], got["foci"]), (200, "Bearer", "1"))
        user = self.entra.users[JANE]
        claims = split_jwt(got["access_token"])[1]
        self.assertEqual((claims["upn"], claims["aud"], claims["appid"]), (JANE, self.emu.management, self.az))
        self.assertTrue(self.entra.accepts(got["access_token"]))
        self.assertEqual(json.loads(unb64url(got["client_info"])), {"uid": user.oid, "utid": self.entra.tenant})
        self.assertEqual(split_jwt(got["id_token"])[1]["preferred_username"], JANE)
        self.refused(self.poll(doc["device_code"]), "bad_verification_code", 70018)
        self.assertEqual(self.emu.log.find(who="entra", what="devicecode")[-1]["form"]["client_id"], self.az)

    def test_what_the_scope_brings(self):
        doc = self.begin(scope=f"{self.emu.management}//.default")[1]
        self.entra.approve(doc["user_code"], JANE)
        got = self.poll(doc["device_code"])[1]
        self.assertFalse({"refresh_token", "id_token", "client_info"} & got.keys())
        self.assertEqual(split_jwt(got["access_token"])[1]["aud"], self.emu.management + "/")

    def test_the_user_decides(self):
        doc = self.begin()[1]
        self.entra.deny(doc["user_code"])
        self.refused(self.poll(doc["device_code"]), "authorization_declined", 90120)
        doc = self.begin()[1]
        self.entra.expire(doc["user_code"])
        self.refused(self.poll(doc["device_code"]), "expired_token", 70020)
        with self.assertRaises(KeyError):
            self.entra.approve("WRONG", JANE)

    def test_time_ends_it(self):
        self.setting("device_lifetime", 0)
        doc = self.begin()[1]
        self.entra.approve(doc["user_code"], JANE)
        self.refused(self.poll(doc["device_code"]), "expired_token", 70020)

    def test_pace(self):
        self.setting("device_interval", 1000)
        doc = self.begin()[1]
        self.assertEqual(doc["interval"], 1000)
        self.refused(self.poll(doc["device_code"]), "authorization_pending", 70016)
        self.entra.approve(doc["user_code"], JANE)
        self.refused(self.poll(doc["device_code"]), "slow_down", 70016)

    def test_pace_after_slow_down(self):
        self.setting("device_interval", 0.001)
        self.setting("device_penalty", 1000)
        doc = self.begin()[1]
        flow = next(flow for flow in self.entra._devices._flows.values() if flow["user_code"] == doc["user_code"])
        self.poll(doc["device_code"])
        flow["polled"] += 10
        self.refused(self.poll(doc["device_code"]), "slow_down", 70016)
        self.refused(self.poll(doc["device_code"]), "slow_down", 70016)

    def test_refused(self):
        doc = self.begin()[1]
        self.refused(self.poll(doc["device_code"] + "x"), "bad_verification_code", 70018)
        self.refused(self.poll(doc["device_code"], client_id=POWERSHELL), "bad_verification_code", 70018)
        self.refused(self.poll(doc["device_code"], self.entra.tenant), "invalid_grant", 700005)
        self.refused(self.poll(None), "invalid_request", 900144)
        self.refused(self.begin(client_id="unknown"), "unauthorized_client", 700016)
        self.refused(self.begin(client_id=self.entra.client), "invalid_client", 7000218, 401)
        self.refused(self.begin(scope=None), "invalid_request", 900144)
        self.refused(self.begin(scope="openid offline_access"), "invalid_scope", 70011)
        self.refused(self.begin(scope="https://other.test/.default"), "invalid_resource", 500011)
        self.refused(self.begin(scope=f"{self.emu.management}/.default https://management.azure.com/.default"),
                     "invalid_request", 28000)
        self.refused(self.begin("consumers"), "invalid_request", 90002)
        self.refused(self.begin("00000000-0000-0000-0000-000000000000"), "invalid_request", 90002)
        self.refused(self.poll(doc["device_code"], client_secret="x"), "invalid_client", 700025, 401)
        for tenant in ("common", self.entra.tenant.upper()):
            self.assertEqual(self.begin(tenant)[0], 200)

    def test_faults(self):
        self.emu.faults.entra.append(Fault("status", code=400, error="invalid_grant", number=53003, match="devicecode"))
        self.assertEqual(self.client.login()[0], 200)
        self.refused(self.begin(), "invalid_grant", 53003)

    def test_an_application_has_no_common_tenant(self):
        self.refused(self.post("token", {"grant_type": "client_credentials"}), "invalid_request", 50194)


class RefreshTest(SignInCase):
    def test_rotation(self):
        first = self.sign_in()["refresh_token"]
        status, doc = self.refresh(first)
        self.assertEqual(status, 200)
        self.assertNotEqual(doc["refresh_token"], first)
        self.assertEqual(split_jwt(doc["access_token"])[1]["upn"], JANE)
        self.assertEqual(self.refresh(first)[0], 200)
        self.assertEqual(self.refresh(doc["refresh_token"], self.entra.tenant)[0], 200)
        self.setting("strict_rotation", True)
        self.assertEqual(self.refresh(first)[0], 200)
        self.refused(self.refresh(first), "invalid_grant", 70000)

    def test_refused(self):
        token = self.sign_in()["refresh_token"]
        self.refused(self.refresh("x"), "invalid_grant", 9002313)
        self.refused(self.refresh(None), "invalid_request", 900144)
        self.refused(self.refresh(token, scope="https://other.test/.default"), "invalid_resource", 500011)
        self.refused(self.refresh(token, "00000000-0000-0000-0000-000000000000"), "invalid_request", 90002)
        self.refused(self.refresh(token, client_id=OWN), "invalid_grant", 70000)
        self.refused(self.refresh(token, client_id=self.entra.client), "invalid_client", 7000218, 401)
        self.assertEqual(self.refresh(token, client_id=POWERSHELL)[0], 200)

    def test_outside_the_family(self):
        doc = self.sign_in(client_id=OWN)
        self.assertNotIn("foci", doc)
        self.refused(self.refresh(doc["refresh_token"]), "invalid_grant", 70000)
        self.assertEqual(self.refresh(doc["refresh_token"], client_id=OWN)[0], 200)

    def test_revoked(self):
        jane, john = self.sign_in()["refresh_token"], self.sign_in(JOHN)["refresh_token"]
        self.entra.revoke_user(JANE)
        self.refused(self.refresh(jane), "invalid_grant", 50173)
        self.assertEqual(self.refresh(john)[0], 200)
        self.assertEqual(self.refresh(self.sign_in()["refresh_token"])[0], 200)

    def test_mfa(self):
        token = self.sign_in()["refresh_token"]
        self.entra.demand_mfa(JANE)
        doc = self.refused(self.refresh(token), "interaction_required", 50076)
        self.assertIn("capolids", json.loads(doc["claims"])["access_token"])
        self.sign_in()
        self.assertEqual(self.refresh(token)[0], 200)

    def test_unused_for_long(self):
        token = self.sign_in()["refresh_token"]
        self.addCleanup(setattr, self.emu, "clock_skew", 0)
        self.emu.clock_skew = 91 * 86400
        self.refused(self.refresh(token), "invalid_grant", 700082)

    def test_claims(self):
        token = self.sign_in()["refresh_token"]
        asked = {"access_token": {"xms_cc": {"values": ["cp1"]}}}
        doc = self.refresh(token, claims=json.dumps(asked))[1]
        self.assertEqual(split_jwt(doc["access_token"])[1]["xms_cc"], ["cp1"])
        self.assertEqual(self.entra.asked_of(doc["access_token"]), asked)
        self.assertNotIn("xms_cc", split_jwt(self.refresh(token)[1]["access_token"])[1])
        self.refused(self.refresh(token, claims="{"), "invalid_request", 9002313)


class AuthCodeTest(AuthCodeCase):
    def test_flow(self):
        _, fields, _ = self.authorize(client_info="1", login_hint=JANE, prompt="select_account", nonce="n1")
        self.assertEqual(fields["state"], "s 1&")
        self.assertIn("client_info", fields)
        status, doc = self.redeem(fields["code"])
        self.assertEqual(status, 200, doc)
        self.assertEqual(split_jwt(doc["access_token"])[1]["upn"], self.entra.browser_user)
        self.assertEqual(split_jwt(doc["id_token"])[1]["nonce"], "n1")
        self.assertEqual(self.refresh(doc["refresh_token"])[0], 200)
        self.refused(self.redeem(fields["code"]), "invalid_grant", 54005)
        row = self.emu.log.find(who="entra", what="authorize")[-1]
        self.assertEqual((row["query"]["login_hint"], row["status"]), (JANE, 302))

    def test_another_user(self):
        self.setting("browser_user", JOHN)
        self.assertEqual(split_jwt(self.redeem(self.code())[1]["access_token"])[1]["upn"], JOHN)

    def test_no_consent(self):
        self.setting("consent", False)
        status, fields, _ = self.authorize()
        self.assertEqual((status, fields["error"], fields["state"]), (302, "access_denied", "s 1&"))
        self.assertNotIn("code", fields)

    def test_refused_at_the_browser(self):
        for changes, word in (
                ({"response_type": "token"}, "unsupported_response_type"), ({"scope": None}, "AADSTS900144"),
                ({"code_challenge_method": None}, "AADSTS50149"), ({"scope": "openid"}, "AADSTS70011"),
                ({"code_challenge_method": "plain"}, "AADSTS50149"), ({"prompt": "none"}, "AADSTS50058"),
                ({"code_challenge": None}, "AADSTS501491"), ({"code_challenge": "x" * 44}, "AADSTS501491"),
                ({"response_mode": "fragment"}, "AADSTS90023"), ({"claims": "["}, "AADSTS9002313")):
            status, fields, target = self.authorize(**changes)
            self.assertEqual((status, target, fields["state"]), (302, REDIRECT, "s 1&"), changes)
            self.assertIn(word, str(fields))
            self.assertNotIn("code", fields)

    def test_never_redirected(self):
        for changes in ({"client_id": "unknown"}, {"client_id": self.entra.client}, {"redirect_uri": None},
                        {"redirect_uri": "https://localhost:50000"}, {"redirect_uri": "http://localhost:50000/path"},
                        {"redirect_uri": "http://127.0.0.1:50000"}, {"redirect_uri": "http://localhost.evil.test"},
                        {"redirect_uri": "http://localhost:50000@evil.test"}, {"tenant": "consumers"}):
            status, page = self.emu.browse(self.url(**changes))
            self.assertEqual((status, "AADSTS" in page), (400, True), changes)
        status, _ = self.client.request("POST", self.url().removeprefix(self.emu.authority))
        self.assertEqual(status, 405)

    def test_loopback_literal_of_a_registered_client(self):
        target = "http://127.0.0.1:50000/answer"
        code = self.code(client_id=OWN, redirect_uri=target)
        self.assertEqual(self.redeem(code, client_id=OWN, redirect_uri=target)[0], 200)

    def test_refused_at_the_token_endpoint(self):
        code = self.code()
        self.refused(self.redeem(code, code_verifier=self.verifier[::-1]), "invalid_grant", 501481)
        self.refused(self.redeem(code, code_verifier=self.challenge), "invalid_grant", 501481)
        self.refused(self.redeem(code, code_verifier=None), "invalid_request", 900144)
        self.refused(self.redeem(code, redirect_uri=REDIRECT + "/"), "invalid_grant", 500112)
        self.refused(self.redeem(code, client_id=POWERSHELL), "invalid_grant", 70000)
        self.refused(self.redeem(code, self.entra.tenant), "invalid_grant", 700005)
        self.refused(self.redeem(code + "x"), "invalid_grant", 70000)
        self.assertEqual(self.redeem(code)[0], 200)
        short = "x" * 42
        digest = hashlib.sha256(short.encode()).digest()
        code = self.code(code_challenge=base64.urlsafe_b64encode(digest).rstrip(b"=").decode())
        self.refused(self.redeem(code, code_verifier=short), "invalid_grant", 501481)

    def test_code_ends(self):
        code = self.code()
        self.addCleanup(setattr, self.emu, "clock_skew", 0)
        self.emu.clock_skew = 601
        self.refused(self.redeem(code), "invalid_grant", 70008)

    def test_claims_travel(self):
        asked = {"access_token": {"nbf": {"essential": True, "value": "1"}}}
        doc = self.redeem(self.code(claims=json.dumps(asked)))[1]
        self.assertEqual(self.entra.asked_of(doc["access_token"]), asked)

    def test_browse(self):
        seen = []

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"done")

            def log_message(self, *args):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Page)
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        url = self.url(redirect_uri=f"http://localhost:{server.server_port}")
        self.assertEqual(self.emu.browse(url), (200, "done"))
        thread.join()
        server.server_close()
        self.assertRegex(seen[0], r"\A/\?code=.*&state=s\+1%26")
        with self.assertRaises(ValueError):
            self.emu.browse("https://login.microsoftonline.com/")


if __name__ == "__main__":
    tap.main()
