"""What a user who has signed in gets, and the grant refresh_token.

    emu.entra.add_public_client(client_id)  a further application that users may sign in to, outside the family
    emu.entra.strict_rotation               True: a refresh token is good once (else the old one stays good)
    emu.entra.refresh_lifetime              seconds without use after which a refresh token ends (700082)
    emu.entra.revoke_user(upn)              the refresh tokens of the user end (invalid_grant 50173)
    emu.entra.demand_mfa(upn)               the next refresh is refused (interaction_required 50076, with
                                            `claims`) until the user signs in again

The answer has access_token; refresh_token if offline_access was asked for; id_token with openid;
client_info with client_info=1; foci "1" for the family of Microsoft's own applications, whose
refresh tokens are good for all of them. A refresh always gives a new refresh token.
Not here: how the user signs in (devicecode.py, authcode.py).
"""

import json
import secrets
import threading
import uuid

from directory import DEFAULT
from httpd import Answer
from refusal import Refusal
from tokens import b64url, mint_jwt

FAMILY = {"04b07795-8ddb-461a-bbee-02f9e1bf7b46", "1950a258-227b-4e31-a9cf-717495945fc2"}   # Azure CLI, PowerShell
SSH_APPLICATION = "ce6ff14a-7fdc-4685-bbe0-f6afdfcddaac"     # Azure Linux VM Sign-In
OIDC_SCOPES = {"openid", "profile", "email", "offline_access"}


class UserTokens:
    """directory is emu.entra."""

    def __init__(self, directory):
        self._directory = directory
        self._refresh = {}          # token -> {"user", "client", "scope", "used", "family"}
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()

    # --- applications and scopes ---

    def check_client(self, form):
        """The client id of a request for a user; Refusal unless it is a public client that we know."""
        client = form["client_id"].lower()
        if client == self._directory.client.lower():
            raise Refusal(401, "invalid_client", 7000218, "The request body must contain the following parameter: "
                                                          "'client_assertion' or 'client_secret'.")
        if client not in FAMILY | self._directory.public_clients:
            raise Refusal(400, "unauthorized_client", 700016,
                          f"Application with identifier '{client}' was not found in the directory.")
        if "client_secret" in form or "client_assertion" in form:
            raise Refusal(401, "invalid_client", 700025, "Client is public so neither 'client_assertion' nor "
                                                         "'client_secret' should be presented.")
        return client

    def resource(self, scope):
        """The one resource that a scope names."""
        wanted = [word for word in scope.split() if word not in OIDC_SCOPES]
        found = {word.removesuffix(DEFAULT).removesuffix("/user_impersonation") for word in wanted}
        if not wanted or any("://" not in word for word in wanted):
            raise Refusal(400, "invalid_scope", 70011,
                          f"The provided value for the input parameter 'scope' is not valid: '{scope}'.")
        if len(found) > 1:
            raise Refusal(400, "invalid_request", 28000, "The scope names more than one resource.")
        resource = found.pop()
        if resource in wanted or not self._directory.known_resource(resource):
            raise Refusal(400, "invalid_resource", 500011,
                          f"The resource principal named {resource} was not found in the tenant.")
        return resource

    # --- answers ---

    def signed_in(self, user, form, scope, asked, nonce=None):
        """The Answer for a user who has just signed in."""
        user.mfa_demanded = False
        return self._answer(user, form, scope, asked, nonce, refreshable="offline_access" in scope.split())

    def _answer(self, user, form, scope, asked, nonce, refreshable):
        directory, client = self._directory, form["client_id"].lower()
        resource = self.resource(scope)
        if resource.rstrip("/") == directory.ssh_resource and client not in FAMILY:
            raise Refusal(400, "invalid_request", 65002,
                          f"Consent between first party application '{client}' and first party resource "
                          f"'{SSH_APPLICATION}' must be configured via preauthorization - applications owned and "
                          "operated by Microsoft must get approval from the API owner before requesting tokens for "
                          "that API.")
        doc = {"scope": f"{resource}/user_impersonation {resource}{DEFAULT}",
               **directory.granted(form, directory.user_claims(user, client), resource, asked)}
        if refreshable:
            doc["refresh_token"] = self._new_refresh(user, client, scope)
        if client in FAMILY:
            doc["foci"] = "1"
        if "openid" in scope.split():
            doc["id_token"] = self._id_token(user, client, nonce)
        if form.get("client_info") == "1":
            doc["client_info"] = self.client_info(user)
        return Answer(200, doc)

    def client_info(self, user):
        return b64url(json.dumps({"uid": user.oid, "utid": self._directory.tenant}).encode())

    def _id_token(self, user, client, nonce):
        directory = self._directory
        now = int(directory.clock.now())
        claims = {"aud": client, "iss": f"https://login.microsoftonline.com/{directory.tenant}/v2.0", "iat": now,
                  "nbf": now, "exp": now + 3600, "name": user.name, "oid": user.oid, "sub": user.oid,
                  "preferred_username": user.upn, "tid": directory.tenant, "ver": "2.0"}
        return mint_jwt({**claims, **({"nonce": nonce} if nonce else {})}, self._key)

    # --- refresh tokens ---

    def _new_refresh(self, user, client, scope):
        token = "1.A" + secrets.token_urlsafe(96)
        with self._lock:
            self._refresh[token] = {"user": user, "client": client, "scope": scope, "ended": None,
                                    "used": self._directory.clock.now(), "generation": user.generation}
        return token

    def refresh(self, form, asked):
        """The Answer to grant_type=refresh_token."""
        client = self.check_client(form)
        record = self._refresh.get(form["refresh_token"])
        self._check_refresh(record, client)
        answer = self._answer(record["user"], form, form.get("scope") or record["scope"], asked, None, refreshable=True)
        record["used"] = self._directory.clock.now()
        if self._directory.strict_rotation:
            record["ended"] = True
        return answer

    def _check_refresh(self, record, client):
        if record is None:
            raise _invalid_grant(9002313, "Invalid request. Request is malformed or invalid.")
        if record["client"] != client and not {record["client"], client} <= FAMILY:
            raise _invalid_grant(70000, "Provided grant is invalid or malformed: it was issued to another client.")
        if record["ended"]:
            raise _invalid_grant(70000, "Provided grant is invalid or malformed: it was used before.")
        user = record["user"]
        if record["generation"] != user.generation:
            raise _invalid_grant(50173, "The provided grant has expired due to it being revoked, a fresh auth token is "
                                        "needed. The user might have changed or reset their password.")
        if self._directory.clock.now() - record["used"] > self._directory.refresh_lifetime:
            raise _invalid_grant(700082, "The refresh token has expired due to inactivity.")
        if user.mfa_demanded:
            raise self.interaction_required()

    @staticmethod
    def interaction_required():
        wanted = {"access_token": {"capolids": {"essential": True, "values": [str(uuid.uuid4())]}}}
        return Refusal(400, "interaction_required", 50076,
                       "Due to a configuration change made by your administrator, or because you moved to a new "
                       "location, you must use multi-factor authentication to access the resource.",
                       suberror="basic_action", claims=json.dumps(wanted))


def _invalid_grant(number, message):
    return Refusal(400, "invalid_grant", number, message)
