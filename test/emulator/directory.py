"""The tenant: its applications and users, and the access tokens that were issued.

emu.entra is a Directory with endpoints (entra.py), so all of this is reached there:

    entra.tenant, client, secret            the tenant and its one confidential application
    entra.scopes                            accepted values of `scope`; [n] minus "/.default" is a resource
    entra.lifetime                          seconds; of every token issued from now on
    entra.issue(lifetime=None, user=None)   a token that ARM accepts, for the application or for a user's name
    entra.revoke_all()                      ARM accepts none of those issued so far
    entra.accepts(token), claims_of(token)
    entra.public_client                     an application that users may sign in to
    entra.add_user(upn)                     a User (upn, name, oid); users[upn.lower()]
    entra.ssh_scope                         that of certificates for OpenSSH (sshcert.py)

A token is a JWT with HS256 and the claims aud, iss, tid, sub, oid, iat, nbf, exp, uti, and
    appid, idtyp "app"       for an application
    upn, unique_name, name   for a user (and appid, scp)
    appid, idtyp, xms_mirid  for a managed identity
ARM looks tokens up here, so that a revoked one is refused although its signature is good.
Not here: which request gets a token, and the settings of the user's ways to sign in, which are told in
usertokens.py, devicecode.py and authcode.py.
"""

import hashlib
import json
import secrets
import threading
import uuid

import sshcert
from refusal import Refusal
from tokens import mint_jwt

ISSUER = "https://sts.windows.net"
PUBLIC_CLIENT = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"      # the Azure CLI, known in every tenant
CAPABILITY = "cp1"              # "I handle claims challenges", asked for as claim xms_cc
DEFAULT = "/.default"


class User:
    def __init__(self, upn, tenant):
        self.upn = upn
        self.name = upn.partition("@")[0].replace(".", " ").title()
        self.oid = stable_guid(f"{tenant}/{upn.lower()}")
        self.generation = 0         # refresh tokens of earlier ones are revoked
        self.mfa_demanded = False


def parse_claims(form):
    """The decoded `claims` parameter (OpenID Connect Core section 5.5), {} if there is none."""
    try:
        doc = json.loads(form.get("claims") or "{}")
    except ValueError:
        doc = None
    if not isinstance(doc, dict) or not isinstance(doc.get("access_token", {}), dict):
        raise Refusal(400, "invalid_request", 9002313, "The claims parameter is not a JSON object.")
    return doc


def stable_guid(text):
    """A GUID that only depends on the text."""
    return str(uuid.UUID(hashlib.sha256(text.encode()).hexdigest()[:32], version=4))


class Directory:
    """See the module's text."""

    def __init__(self, clock, tenant, client, secret, scopes):
        self.clock = clock
        self.tenant = tenant
        self.client = client
        self.secret = secret
        self.scopes = scopes
        self.resource = "https://management.azure.com"      # of issue()
        self.lifetime = 3599
        self.public_client = PUBLIC_CLIENT
        self.public_clients = set()
        self.users = {}
        self.browser_user = "jane.doe@emulated.test"
        self.consent = True
        self.device_interval = 0
        self.device_lifetime = 900
        self.device_penalty = 5
        self.strict_rotation = False
        self.refresh_lifetime = 90 * 86400
        self.ssh_scope = sshcert.SCOPE
        self._ssh_ca = sshcert.SshCa(clock)
        self._key = secrets.token_bytes(32)
        self._issued = {}
        self._lock = threading.Lock()

    # --- who there is ---

    def add_user(self, upn):
        return self.users.setdefault(upn.lower(), User(upn, self.tenant))

    def add_public_client(self, client_id):
        self.public_clients.add(client_id.lower())

    def revoke_user(self, upn):
        self.users[upn.lower()].generation += 1

    def demand_mfa(self, upn):
        self.users[upn.lower()].mfa_demanded = True

    def resources(self):
        return [scope[:-len(DEFAULT)] for scope in [*self.scopes, self.ssh_scope]]

    @property
    def ssh_resource(self):
        return self.ssh_scope[:-len(DEFAULT)]

    def known_resource(self, text):
        """Is this the resource of an accepted scope? One slash more or less at its end does not matter."""
        return text.rstrip("/") in {resource.rstrip("/") for resource in self.resources()}

    # --- certificates (sshcert.py) ---

    @property
    def ssh_ca_line(self):
        return self._ssh_ca.line

    @property
    def ssh_lifetime(self):
        return self._ssh_ca.lifetime

    @ssh_lifetime.setter
    def ssh_lifetime(self, seconds):
        self._ssh_ca.lifetime = seconds

    @property
    def app_principal(self):
        return self.app_claims(self.client)["oid"]

    def granted(self, form, who, resource, asked=None):
        """The members of an answer that carry what was asked for: a token for `who` (claims), or a certificate."""
        if not sshcert.is_wanted(form):
            token = self.mint(who, resource, asked=asked)
            return {"token_type": "Bearer", "expires_in": self.lifetime, "ext_expires_in": self.lifetime,
                    "access_token": token}
        if resource.rstrip("/") != self.ssh_resource:
            raise Refusal(400, "invalid_scope", 70011, f"The provided value for scope {resource}{DEFAULT} is not "
                                                       f"valid for token_type '{sshcert.TOKEN_TYPE}'.")
        about = [("oid", who["oid"]), ("tid", self.tenant)]
        about += [(ours, who[theirs]) for ours, theirs in (("upn", "upn"), ("displayname", "name")) if theirs in who]
        return {"token_type": sshcert.TOKEN_TYPE, "expires_in": self.ssh_lifetime,
                "ext_expires_in": self.ssh_lifetime,
                "access_token": self._ssh_ca.certify(form, who.get("upn", who["oid"]), about)}

    # --- tokens ---

    def issue(self, lifetime=None, user=None):
        """A token that ARM accepts, without any request."""
        if user is None:
            return self.mint(self.app_claims(self.client), self.resource, lifetime)
        return self.mint(self.user_claims(self.users[user.lower()], self.public_client), self.resource, lifetime)

    def app_claims(self, client):
        return {"appid": client, "oid": stable_guid(f"{self.tenant}/{client.lower()}"), "idtyp": "app"}

    def user_claims(self, user, client):
        return {"appid": client, "oid": user.oid, "upn": user.upn, "unique_name": user.upn, "name": user.name,
                "scp": "user_impersonation"}

    def mint(self, who, resource, lifetime=None, asked=None):
        """A token for `who` (claims); `asked` is the decoded `claims` parameter of the request."""
        now = int(self.clock.now())
        claims = {"aud": resource, "iss": f"{ISSUER}/{self.tenant}/", "tid": self.tenant, "iat": now, "nbf": now,
                  "exp": now + int(self.lifetime if lifetime is None else lifetime), **who, "sub": who["oid"],
                  "uti": secrets.token_urlsafe(16), "ver": "1.0"}
        wanted = (asked or {}).get("access_token") or {}
        if CAPABILITY in (wanted.get("xms_cc") or {}).get("values", []):
            claims["xms_cc"] = [CAPABILITY]
        token = mint_jwt(claims, self._key)
        with self._lock:
            self._issued[token] = (claims, asked or {})
        return token

    def revoke_all(self):
        with self._lock:
            self._issued.clear()

    def claims_of(self, token):
        """The claims of a token that was issued and not revoked; it may have expired."""
        with self._lock:
            return self._issued.get(token, (None, None))[0]

    def asked_of(self, token):
        """The `claims` parameter that the token was requested with."""
        with self._lock:
            return self._issued.get(token, (None, {}))[1]

    def accepts(self, token):
        claims = self.claims_of(token)
        return claims is not None and claims["exp"] > self.clock.now()
