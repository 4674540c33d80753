"""Issuers of federated tokens: GitHub Actions, Azure DevOps, and the file of a Kubernetes workload.

    emu.oidc.github, pipelines, workload    (issuer, subject) of each: emu.entra.federate(*emu.oidc.github)
    emu.oidc.token(subject, audience=..., lifetime=..., issuer=...)     a token, RS256
    emu.oidc.github_env()       ACTIONS_ID_TOKEN_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN
        GET  {URL}&audience=A   Authorization: Bearer {request token}  ->  {"value": token}
    emu.oidc.pipelines_env()    SYSTEM_OIDCREQUESTURI, SYSTEM_ACCESSTOKEN, AZURESUBSCRIPTION_SERVICE_CONNECTION_ID,
                                AZURESUBSCRIPTION_CLIENT_ID, AZURESUBSCRIPTION_TENANT_ID
        POST {URI}?api-version=7.1&serviceConnectionId=ID, empty, Content-Type: application/json
             Authorization: Bearer {access token}, X-TFS-FedAuthRedirect: Suppress  ->  {"oidcToken": token}
             without that last header a wrong access token is redirected (302) to a page for people
    emu.oidc.workload_env(folder)   writes a token file: AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_ID, AZURE_TENANT_ID
    emu.oidc.lifetime           seconds, of every token from now on

On the HTTPS management port. Log rows: who="oidc", what="request", kind "github" or "pipelines".
Faults: emu.faults.oidc. Not here: which tokens Entra takes (assertion.py).
"""

import os
import secrets
import subprocess
import threading
import uuid

import der
import rsa
from assertion import AUDIENCE
from httpd import Answer
from tokens import sign_jwt

GITHUB = "/_github/token"
PIPELINES = "/_pipelines/"


class Oidc:
    """See the module's text. world is the Emulator."""

    def __init__(self, world):
        self._world = world
        self._lock = threading.Lock()
        self._private = None
        self._kid = secrets.token_hex(8)
        self.lifetime = 600
        self.github = ("https://token.actions.githubusercontent.com", "repo:contoso/web:ref:refs/heads/main")
        self.pipelines = (f"https://vstoken.dev.azure.com/{uuid.uuid4()}", "sc://contoso/web/arc")
        self.workload = ("https://oidc.emulated.test/cluster1/", "system:serviceaccount:default:web")
        self._request_token = secrets.token_urlsafe(32)
        self._access_token = secrets.token_urlsafe(32)
        self.connection_id = str(uuid.uuid4())
        self._job = f"contoso/web/_apis/distributedtask/hubs/build/plans/{uuid.uuid4()}/jobs/{uuid.uuid4()}/oidctoken"

    # --- tokens ---

    def _key(self):
        """Made at the first use: few tests need one."""
        with self._lock:
            if self._private is None:
                made = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-outform", "DER",
                                       "-pkeyopt", "rsa_keygen_bits:2048"],
                                      stdin=subprocess.DEVNULL, capture_output=True, check=True)
                self._private = der.read_private_key(made.stdout)
            return self._private

    @property
    def public_key(self):
        return self._key()[:2]

    def token(self, subject, audience=AUDIENCE, lifetime=None, issuer=None):
        now = int(self._world.clock.now())
        claims = {"iss": issuer or self.github[0], "sub": subject, "aud": audience, "jti": str(uuid.uuid4()),
                  "iat": now, "nbf": now, "exp": now + int(self.lifetime if lifetime is None else lifetime)}
        header = {"alg": "RS256", "typ": "JWT", "kid": self._kid}
        return sign_jwt(header, claims, lambda data: rsa.sign_rs256(self._key(), data))

    # --- environments ---

    def github_env(self):
        return {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{self._world.management}{GITHUB}?x=y",
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self._request_token}

    def pipelines_env(self):
        entra = self._world.entra
        return {"SYSTEM_OIDCREQUESTURI": f"{self._world.management}{PIPELINES}{self._job}",
                "SYSTEM_ACCESSTOKEN": self._access_token,
                "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": self.connection_id,
                "AZURESUBSCRIPTION_CLIENT_ID": entra.client, "AZURESUBSCRIPTION_TENANT_ID": entra.tenant}

    def workload_env(self, folder, **token):
        """A token file in folder; the environment that names it. token: arguments of token()."""
        path = os.path.join(folder, "federated-token")
        text = self.token(**{"issuer": self.workload[0], "subject": self.workload[1], **token})
        with open(path, "w") as file:
            file.write(text + "\n")
        return {"AZURE_FEDERATED_TOKEN_FILE": path, "AZURE_CLIENT_ID": self._world.entra.client,
                "AZURE_TENANT_ID": self._world.entra.tenant}

    # --- requests ---

    def owns(self, path):
        return path == GITHUB or path.startswith(PIPELINES)

    def answer(self, request):
        """(Answer, faults) for one request."""
        faults = self._world.faults.oidc.take(request.path)
        kind = "github" if request.path == GITHUB else "pipelines"
        response = _scripted(faults) or {"github": self._github, "pipelines": self._pipelines}[kind](request)
        self._world.log.add("oidc", "request", kind=kind, method=request.method, path=request.path,
                            query=request.query, headers=request.headers, body=request.body,
                            status=response.status, faults=[fault.kind for fault in faults])
        return response, faults

    def _github(self, request):
        if request.method != "GET":
            return Answer(405, {"message": "Only GET is allowed here."})
        if request.get("Authorization") != f"Bearer {self._request_token}" or request.query.get("x") != "y":
            return Answer(401, {"message": "The request token is missing or wrong, or the URL was changed."})
        issuer, subject = self.github
        token = self.token(subject, request.query.get("audience") or "https://github.com/contoso", issuer=issuer)
        return Answer(200, {"count": len(token), "value": token})

    def _pipelines(self, request):
        if request.path != PIPELINES + self._job:
            return Answer(404, {"message": "There is no such plan or job."})
        if request.method != "POST":
            return Answer(405, {"message": "Only POST is allowed here."})
        if request.get("Authorization") != f"Bearer {self._access_token}":
            if request.get("X-TFS-FedAuthRedirect") == "Suppress":
                return Answer(401)
            return Answer(302, headers=[("Location", f"{self._world.management}/_signin")],
                          body=b"<html>sign in</html>", content_type="text/html")
        if request.query.get("api-version") != "7.1":
            return Answer(400, {"typeKey": "VssVersionNotSpecifiedException",
                                "message": "No api-version was supplied, or not one that is known."})
        if request.get("Content-Type") != "application/json" or request.body:
            return Answer(415, {"message": "Send an empty body of the type application/json."})
        if request.query.get("serviceConnectionId", "").lower() != self.connection_id:
            return Answer(404, {"message": "The service connection was not found."})
        issuer, subject = self.pipelines
        return Answer(200, {"oidcToken": self.token(subject, issuer=issuer)})


def _scripted(faults):
    for fault in faults:
        if fault.kind == "status":
            return Answer(fault.code, {"message": fault.message}, fault.headers, fault.body, fault.content_type)
    return None
