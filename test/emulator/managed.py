"""Managed identity endpoints, on a plain HTTP port of their own.

    emu.managed.env(kind)           the environment that leads a client to one of them; kind is
        "imds"          GET  /metadata/identity/oauth2/token?api-version=2018-02-01&resource=R
                        Metadata: true; no X-Forwarded-For; client_id, object_id or msi_res_id
        "app-service"   GET  /msi/token?api-version=2019-08-01&resource=R    X-IDENTITY-HEADER: H
                        client_id, principal_id, object_id or mi_res_id
        "arc"           GET  /himds/metadata/identity/oauth2/token?api-version=2020-06-01&resource=R
                        Metadata: true; 401 names a key file; then Authorization: Basic CONTENT
        "cloud-shell"   POST /oauth2/token, form resource=R, Metadata: true; a user's token
    emu.managed.port
    emu.managed.requests            the log rows, who="managed", what="request": kind, method, path, query,
                                    headers, authorization, form (POST), token_type (asked for), status, error
    emu.managed.identities          list of Identity; empty: none is assigned (400 identity_not_found)
    emu.managed.add_identity(name)  a user-assigned Identity: client_id, object_id, resource_id
    emu.managed.tokens_dir          where the key files of Arc really are; the challenge always says
                                    /var/opt/azcmagent/tokens, so bind-mount the folder there
    emu.managed.realm               instead of the path in the challenge, verbatim; None: the true one
    emu.managed.key_text, key_mode  content (None: random) and mode of the key files
    emu.managed.cloud_shell_user    whose tokens Cloud Shell gives
    emu.managed.cloud_shell_certs   does it give certificates (sshcert.py); False: a Bearer token, as the old portal

With an api-version of Arc (2019-11-01, 2020-06-01) /metadata/identity/oauth2/token is Arc's.
A key file is good for one request. Answers carry expires_on and expires_in as strings.
Faults: emu.faults.managed. Not here: what is in a token (directory.py).
"""

import os
import secrets
import threading
import urllib.parse
import uuid

import httpd
import refusal
from directory import stable_guid
from httpd import Answer
from plainio import PlainConn
from tlsio import Listener

REALM_DIR = "/var/opt/azcmagent/tokens"
METADATA = "/metadata/identity/oauth2/token"
ARC_VERSIONS = ("2019-11-01", "2020-06-01")
SELECTORS = {"imds": ("client_id", "object_id", "msi_res_id"),
             "app-service": ("client_id", "principal_id", "object_id", "mi_res_id"), "arc": ()}


class Identity:
    """One managed identity; system is True for the system-assigned one."""

    def __init__(self, resource_id, system):
        self.resource_id = resource_id
        self.system = system
        self.client_id = stable_guid(resource_id + "/client")
        self.object_id = stable_guid(resource_id + "/object")

    def is_called(self, selector, value):
        own = {"client_id": self.client_id, "object_id": self.object_id, "principal_id": self.object_id}
        return own.get(selector, self.resource_id).lower() == value.lower()

    def claims(self):
        return {"appid": self.client_id, "oid": self.object_id, "idtyp": "app", "xms_mirid": self.resource_id}


class Refusal(Exception):
    def __init__(self, status, error, message, headers=()):
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message
        self.headers = headers


class Managed:
    """See the module's text. world is the Emulator."""

    def __init__(self, world, tokens_dir):
        self._world = world
        self._group = f"/subscriptions/{world.subscription}/resourcegroups/rg1/providers"
        self.identities = [Identity(f"{self._group}/Microsoft.Compute/virtualMachines/vm1", True)]
        self.tokens_dir = tokens_dir
        self.header = secrets.token_hex(16).upper()
        self.realm = None
        self.key_text = None
        self.key_mode = 0o640
        self.cloud_shell_user = "cloud.shell@emulated.test"
        self.cloud_shell_certs = True
        self._keys = {}
        self._lock = threading.Lock()

    def start(self):
        """Begin to listen; the Listener."""
        os.makedirs(self.tokens_dir, exist_ok=True)
        listener = Listener(self._world.threads, self._serve, "managed")
        self.port = listener.port
        return listener

    def _serve(self, sock):
        httpd.serve(PlainConn(sock), self._answer, self._world.threads)

    def env(self, kind):
        base = f"http://127.0.0.1:{self.port}"
        return {
            "imds": {"AZURE_POD_IDENTITY_AUTHORITY_HOST": base},
            "app-service": {"IDENTITY_ENDPOINT": f"{base}/msi/token", "IDENTITY_HEADER": self.header},
            "arc": {"IDENTITY_ENDPOINT": f"{base}/himds{METADATA}", "IMDS_ENDPOINT": base},
            "cloud-shell": {"MSI_ENDPOINT": f"{base}/oauth2/token"},
        }[kind]

    @property
    def requests(self):
        return self._world.log.find(who="managed", what="request")

    def add_identity(self, name):
        identity = Identity(f"{self._group}/Microsoft.ManagedIdentity/userAssignedIdentities/{name}", False)
        self.identities.append(identity)
        return identity

    # --- one request ---

    def _answer(self, request):
        """(Answer, faults) for one request."""
        faults = self._world.faults.managed.take(request.path)
        kind = _kind(request)
        try:
            response = _scripted(faults) or self._by_kind(kind, request)
        except Refusal as refusal:
            response = Answer(refusal.status, _error_doc(kind, refusal.status, refusal.error, refusal.message),
                              refusal.headers)
        response.headers.insert(0, ("Date", self._world.clock.http_date()))
        self._world.log.add(
            "managed", "request", kind=kind, method=request.method, path=request.path, query=request.query,
            headers=request.headers, authorization=request.get("Authorization"), form=_form(request),
            token_type=_form(request).get("token_type"), status=response.status,
            error=(response.doc or {}).get("error"), faults=[f.kind for f in faults])
        return response, faults

    def _by_kind(self, kind, request):
        if kind is None:
            raise Refusal(404, "not_found", "There is no such path here.")
        wanted = "POST" if kind == "cloud-shell" else "GET"
        if request.method != wanted:
            raise Refusal(405, "method_not_allowed", f"Only {wanted} is allowed here.")
        return {"imds": self._imds, "app-service": self._app_service, "arc": self._arc,
                "cloud-shell": self._cloud_shell}[kind](request)

    def _imds(self, request):
        _need_metadata(request)
        _need_version(request, ("2018-02-01",))
        return self._token("imds", request)

    def _app_service(self, request):
        if request.get("X-IDENTITY-HEADER") != self.header:
            raise Refusal(401, "Unauthorized", "The header X-IDENTITY-HEADER is missing or wrong.")
        _need_version(request, ("2019-08-01",))
        return self._token("app-service", request)

    def _arc(self, request):
        _need_metadata(request)
        _need_version(request, ARC_VERSIONS)
        self._resource(request.query)
        scheme, _, key = request.get("Authorization", "").partition(" ")
        with self._lock:
            good = scheme == "Basic" and self._keys.pop(key, None)
        if not good:
            raise Refusal(401, "unauthorized", "Show the content of the file that the challenge names.",
                          [("WWW-Authenticate", f"Basic realm={self._challenge()}")])
        os.remove(good)
        return self._token("arc", request)

    def _challenge(self):
        """Write a new key file; the path to tell."""
        name = f"{uuid.uuid4()}.key"
        text = secrets.token_urlsafe(48) if self.key_text is None else self.key_text
        path = os.path.join(self.tokens_dir, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, self.key_mode)
        with self._lock:
            self._keys[text] = path
        return f"{REALM_DIR}/{name}" if self.realm is None else self.realm

    def _cloud_shell(self, request):
        _need_metadata(request)
        if not request.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            raise Refusal(400, "invalid_request", "The request body must be form encoded.")
        entra = self._world.entra
        resource = self._resource(_form(request))
        user = entra.add_user(self.cloud_shell_user)
        return self._issued(entra.user_claims(user, entra.public_client), resource,
                            _form(request) if self.cloud_shell_certs else {})

    # --- tokens ---

    def _token(self, kind, request):
        resource = self._resource(request.query)
        identity = self._selected(kind, request.query)
        answer = self._issued(identity.claims(), resource)
        answer.doc["client_id"] = identity.client_id
        if kind == "app-service":
            del answer.doc["expires_in"], answer.doc["not_before"]
        return answer

    def _issued(self, claims, resource, form={}):
        try:
            given = self._world.entra.granted(form, claims, resource)
        except refusal.Refusal as refused:
            raise Refusal(400, refused.error, refused.description) from None
        now, lifetime = int(self._world.clock.now()), int(given["expires_in"])
        return Answer(200, {
            "access_token": given["access_token"], "expires_in": str(lifetime), "expires_on": str(now + lifetime),
            "not_before": str(now), "resource": resource, "token_type": given["token_type"]})

    def _resource(self, fields):
        resource = fields.get("resource")
        if not resource:
            raise Refusal(400, "invalid_request", "The parameter 'resource' is missing.")
        if not self._world.entra.known_resource(resource):
            raise Refusal(400, "invalid_resource",
                          f"AADSTS500011: The resource principal named {resource} was not found in the tenant.")
        return resource

    def _selected(self, kind, query):
        chosen = [(name, query[name]) for name in SELECTORS[kind] if name in query]
        if len(chosen) > 1:
            raise Refusal(400, "invalid_request", "Only one of the parameters that select an identity may be given.")
        fitting = [identity for identity in self.identities
                   if not chosen or identity.is_called(*chosen[0])]
        system = [identity for identity in fitting if identity.system]
        if not chosen and system:
            return system[0]
        if not fitting:
            raise Refusal(400, "identity_not_found", "Identity not found")
        if len(fitting) > 1:
            raise Refusal(400, "invalid_request", "Multiple user assigned identities exist, please specify the "
                                                  "clientId / resourceId of the identity in the token request")
        return fitting[0]


def _kind(request):
    path = request.path
    if path == METADATA:
        return "arc" if request.query.get("api-version") in ARC_VERSIONS else "imds"
    return {f"/himds{METADATA}": "arc", "/msi/token": "app-service", "/oauth2/token": "cloud-shell"}.get(path)


def _form(request):
    return dict(urllib.parse.parse_qsl(request.body.decode("latin-1")))


def _need_metadata(request):
    if request.get("Metadata", "").lower() != "true":
        raise Refusal(400, "invalid_request", "Required metadata header not specified")
    if request.get("X-Forwarded-For") is not None:
        raise Refusal(400, "invalid_request", "Requests with the header X-Forwarded-For are refused")


def _need_version(request, versions):
    version = request.query.get("api-version")
    if version is None:
        raise Refusal(400, "invalid_request", "Required query variable 'api-version' is missing")
    if version not in versions:
        raise Refusal(400, "invalid_request", f"The api-version '{version}' is not one of {', '.join(versions)}")


def _error_doc(kind, status, error, message):
    if kind == "app-service":
        return {"statusCode": status, "message": message, "correlationId": str(uuid.uuid4())}
    if kind == "cloud-shell":
        return {"error": {"code": error, "message": message}}
    return {"error": error, "error_description": message}


def _scripted(faults):
    for fault in faults:
        if fault.kind == "status":
            doc = {"error": fault.error, "error_description": fault.message}
            return Answer(fault.code, doc, fault.headers, fault.body, fault.content_type)
    return None
