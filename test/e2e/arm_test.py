"""Goal: when Azure's management endpoint refuses, the user reads what it means and
what to do; a challenge for claims is met once.
"""

import base64
import json

import tap
from arm_case import CredentialsCase
from harness import Fault

LIST_ACTION = "Microsoft.HybridConnectivity/endpoints/listCredentials/action"
OID = "11111111-2222-3333-4444-555555555555"
TENANT = "99999999-8888-7777-6666-555555555555"
CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}'


def challenge(*, claims=None, error="insufficient_claims", tenant="common"):
    """Headers as ARM sends them with a 401."""
    value = f'Bearer realm="", authorization_uri="https://login.windows.net/{tenant}/oauth2/authorize", error="{error}"'
    if claims is not None:
        value += f', claims="{base64.b64encode(claims.encode()).decode()}"'
    return {"WWW-Authenticate": value}


class Explanations(CredentialsCase):
    def refused(self, code, document, status, error, *says, **more):
        self.next_answers(Fault("status", code=code, body=json.dumps(document), **more))
        with self.subTest(document=str(document)[:60], code=code):
            return self.bad(status, error, *says)

    def lacks(self, action, scope=None):
        return {"error": {"code": "AuthorizationFailed", "message": (
            f"The client 'me@test' with object id '{OID}' does not have authorization to perform action '{action}' "
            f"over scope '{scope or self.rid}' or the scope is invalid. If access was recently granted, please "
            "refresh your credentials.")}}

    def test_who_may_not_what(self):
        self.refused(403, self.lacks(LIST_ACTION), 77, "E401", LIST_ACTION,
                     f'--assignee {OID} --role "Virtual Machine Local User Login" --scope {self.rid} ')
        self.refused(403, self.lacks("Microsoft.HybridCompute/machines/read"), 77, "E402",
                     f"Microsoft.HybridCompute/machines/read on {self.rid}", '"Reader"')
        self.refused(403, self.lacks("Microsoft.HybridConnectivity/endpoints/write"), 77, "E407", '"Contributor"')
        self.refused(403, {"error": {"code": "LinkedAuthorizationFailed", "message": "Not you."}}, 77, "E401",
                     "Not you.")
        self.refused(403, {"error": {"code": "Forbidden"}}, 77, "E401", "Forbidden")

    def test_other_tenant(self):
        document = {"error": {"code": "InvalidAuthenticationTokenTenant", "message": "wrong issuer"}}
        self.refused(401, document, 68, "E206", f"arc-relay login --tenant {TENANT}", f"az login --tenant {TENANT}",
                     headers=challenge(error="invalid_token", tenant=TENANT))
        for tenant in ("common", "$(reboot)", "a b", "", "x" * 200):
            self.refused(401, document, 68, "E206", "az login --tenant TENANT",
                         headers=challenge(error="invalid_token", tenant=tenant))

    def test_no_subscription(self):
        self.refused(404, {"error": {"code": "SubscriptionNotFound", "message": "The subscription was not found."}},
                     68, "E206", f"no such subscription as {self.emu.subscription}", "az login --tenant")

    def test_not_registered(self):
        for code, word in [(409, "MissingSubscriptionRegistration"), (400, "NoRegisteredProviderFound")]:
            self.refused(code, {"error": {"code": word, "message": "Not registered."}}, 78, "E403",
                         f"arc-relay register --subscription {self.emu.subscription}")

    def test_locked(self):
        self.refused(409, {"error": {"code": "ScopeLocked", "message": (
            f"The scope '{self.rid}' cannot perform write operation because following scope(s) are locked: "
            "'/subscriptions/x/resourceGroups/rg1'. Please remove the lock and try again.")}},
            77, "E410", "lock on /subscriptions/x/resourceGroups/rg1 ", f"az lock list --resource {self.rid} ")

    def test_policy(self):
        def document(**info):
            return {"error": {"code": "RequestDisallowedByPolicy", "message": "Resource 'default' was disallowed.",
                              "additionalInfo": [{"type": "Other"}, {"type": "PolicyViolation", "info": info}]}}
        self.refused(403, document(policyDefinitionDisplayName="No relays", policyDefinitionName="n1"), 77, "E411",
                     'the Azure policy "No relays" forbids it', "owner")
        self.refused(403, document(policyAssignmentName="a1"), 77, "E411", '"a1"')
        self.refused(403, document(policyAssignmentName=7), 77, "E411", "an Azure policy forbids it")

    def test_not_there(self):
        self.refused(410, {"error": {"code": "Gone", "message": "The machine was deleted."}}, 68, "E201",
                     f"web01 in group rg1 of subscription {self.emu.subscription}")
        self.refused(404, {"error": {"code": "EndpointNotFound", "message": "x"}}, 78, "E404", "arc-relay enable web01")
        self.refused(412, {"error": {"code": "PreconditionFailed", "message": "x"}}, 78, "E405", "arc-relay enable web01")
        self.refused(404, {"error": {"code": "InvalidResourceType", "message": "No such type."}}, 76, "E412",
                     "InvalidResourceType: No such type.")

    def test_shapes_of_error_bodies(self):
        for document, says in [
                ({"error": {"code": "Odd", "message": "Told so."}}, "Odd: Told so."),
                ({"code": "Odd", "message": "Told so."}, "Odd: Told so."),
                ({"Code": "Odd", "Message": "Told so."}, "Odd: Told so."),
                ({"Message": "Told so."}, "Told so."),
                ({"error": {"code": "BadRequest", "message": "See details.",
                            "details": [{"code": "PortTaken", "message": "Port 22 is taken."}]}},
                 "PortTaken: Port 22 is taken."),
                ({"error": {"code": "BadRequest", "message": "", "innererror": {"code": "In", "message": "Inner."}}},
                 "In: Inner."),
                ({"error": {"code": "Precise", "message": "Told so.", "details": [{"code": "X", "message": "y"}]}},
                 "Precise: Told so."),
                ({"error": {"code": "Odd", "message": "one\r\ntwo"}}, "Odd: one"),
                ({"error": {"code": "Odd", "message": "\u001b[31mred\u202e"}}, "Odd: ?[31mred"),
                ({"error": {"code": "Odd" * 1000, "message": "m" * 30000}}, "OddOdd")]:
            self.refused(400, document, 76, "E412", "status 400", says)

    def test_not_azures_own_words(self):
        for body in ("", "[]", '"x"', "{", '{"error":"x"}', '{"error":{"code":7,"message":null}}', "\0", "\xff\xfe"):
            self.next_answers(Fault("status", code=403, body=body))
            with self.subTest(body=body):
                self.bad(76, "E607", "status 403")
        portal = "<html>Blocked by the proxy</html>"
        for code, error, status in [(400, "E607", 76), (401, "E303", 67), (403, "E607", 76), (404, "E607", 76),
                                    (405, "E607", 76), (511, "E607", 76)]:
            with self.subTest(code=code):
                self.always_answers(Fault("status", code=code, body=portal))
                self.assertNotIn("Blocked", self.bad(status, error, str(code)))


class Challenges(CredentialsCase):
    DOCUMENT = json.dumps({"error": {"code": "TokenCreatedWithOutdatedPolicies", "message": "Sign in again."}})

    def refusal(self, **more):
        return Fault("status", code=401, body=self.DOCUMENT, headers=challenge(**more))

    def test_a_challenge_for_claims(self):
        text = base64.b64encode(CLAIMS.encode()).decode()
        for tenant, fix in [
                ("common", f"arc-relay login --claims {text}, or az login --claims-challenge {text} ["),
                (TENANT, f"arc-relay login --tenant {TENANT} --claims {text} [")]:
            self.next_answers(*[self.refusal(claims=CLAIMS, tenant=tenant)] * 2)
            self.bad(77, "E304", fix)
        self.assertEqual(self.requests(), 4)

    def test_a_long_one_is_not_cut_in_half(self):
        self.next_answers(*[self.refusal(claims=json.dumps({"a": "b" * 1900}))] * 2)
        self.assertNotIn("--claims", self.bad(77, "E304", "or az login"))

    def test_what_is_no_challenge(self):
        for more in [{"claims": CLAIMS, "error": "invalid_token"}, {"claims": "{"}, {"claims": "7"}, {"claims": "[]"},
                     {"claims": '{"a":"\0"}'}, {"claims": json.dumps({"a": "b" * 3000})}, {}]:
            with self.subTest(**more):
                self.next_answers(*[self.refusal(**more)] * 2)
                self.bad(67, "E303", "TokenCreatedWithOutdatedPolicies")

    def test_a_token_with_these_claims_heals_it(self):
        self.emu.arm.challenge(CLAIMS)
        self.addCleanup(self.emu.arm.challenge, None)
        self.good()
        self.assertEqual(self.requests(), 2)


tap.main()
