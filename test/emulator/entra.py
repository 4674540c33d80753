"""Entra ID's endpoints: which request goes where, and the answers' common form.

    POST /{tenant}/oauth2/v2.0/token        log rows who="entra", what="token", form, status, error

Grants: client_credentials with a secret (RFC 6749 section 4.4) or an assertion (assertion.py); the row of
one with an assertion has assertion={"header", "claims"}, decoded. Whatever Azure refuses is
refused with its words: `error`, an AADSTS number in error_codes and error_description.
Not here: the tenant's content (directory.py).
"""

import json
import re
import time
import urllib.parse
import uuid

import assertion
from assertion import Assertions, Refusal
from directory import DEFAULT, Directory
from httpd import Answer, request_ids
from tokens import split_jwt

TOKEN_PATH = re.compile(r"/([^/]+)/oauth2/v2\.0/token", re.IGNORECASE)
FORM = "application/x-www-form-urlencoded"


class Entra(Directory):
    """world is the Emulator."""

    def __init__(self, world, tenant, client, secret, scopes):
        super().__init__(world.clock, tenant, client, secret, scopes)
        self._log = world.log
        self._faults = world.faults
        self._assertions = Assertions(world)
        self.add_certificate = self._assertions.add_certificate
        self.federate = self._assertions.federate
        self._grants = {"client_credentials": self._client_credentials}

    def owns(self, path):
        return TOKEN_PATH.fullmatch(path) is not None

    def answer(self, request):
        """(Answer, faults) for one request."""
        faults = self._faults.entra.take(request.path)
        try:
            response = _scripted(faults, self.clock) or self._token(request)
        except Refusal as refusal:
            response = failure(*refusal.what, self.clock, **refusal.more)
        response.headers += request_ids()[:1] + [("Cache-Control", "no-store, no-cache")]
        form = dict(urllib.parse.parse_qsl(request.body.decode("latin-1")))
        self._log.add("entra", "token", status=response.status, error=(response.doc or {}).get("error"),
                      form=form, headers=request.headers, faults=[fault.kind for fault in faults], **_decoded(form))
        return response, faults

    def _token(self, request):
        form = _form(request)
        self._check_tenant(urllib.parse.unquote(TOKEN_PATH.fullmatch(request.path).group(1)))
        need(form, "grant_type")
        grant = self._grants.get(form["grant_type"])
        if grant is None:
            raise Refusal(400, "unsupported_grant_type", 70003,
                          f"The app requested an unsupported grant type '{form['grant_type']}'.")
        return grant(form, f"https://{request.get('Host')}{request.path}")

    def _check_tenant(self, tenant):
        if tenant.lower() != self.tenant.lower():
            raise Refusal(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")

    # --- the application itself ---

    def _client_credentials(self, form, endpoint):
        need(form, "client_id", "scope")
        if form["client_id"].lower() != self.client.lower():
            raise Refusal(400, "unauthorized_client", 700016,
                          f"Application with identifier '{form['client_id']}' was not found in the directory.")
        if "client_assertion" in form:
            if form.get("client_assertion_type") != assertion.TYPE:
                raise Refusal(400, "invalid_request", 900144, "client_assertion_type must be " + assertion.TYPE)
            self._assertions.check(form["client_assertion"], form["client_id"], endpoint)
        elif not form.get("client_secret"):
            raise Refusal(401, "invalid_client", 7000218, "The request body must contain the following parameter: "
                                                          "'client_assertion' or 'client_secret'.")
        elif form["client_secret"] != self.secret:
            raise Refusal(401, "invalid_client", 7000215,
                          "Invalid client secret provided. Ensure the secret being sent in the request is the "
                          "client secret value, not the client secret ID, for a secret added to app "
                          f"'{self.client}'.")
        if form["scope"] not in self.scopes:
            raise Refusal(400, "invalid_scope", 1002012,
                          f"The provided value for scope {form['scope']} is not valid. Client credential flows "
                          "must have a scope value with /.default suffixed to the resource identifier.")
        token = self.mint(self.app_claims(self.client), form["scope"][:-len(DEFAULT)], asked=asked_claims(form))
        return Answer(200, {"token_type": "Bearer", "expires_in": self.lifetime,
                            "ext_expires_in": self.lifetime, "access_token": token})


def _form(request):
    if request.method != "POST":
        raise Refusal(405, "invalid_request", 900561, "The endpoint only accepts POST requests.")
    if not request.get("Content-Type", "").startswith(FORM):
        raise Refusal(400, "invalid_request", 900144, "The request body must be form encoded.")
    return dict(urllib.parse.parse_qsl(request.body.decode("latin-1"), keep_blank_values=True))


def need(form, *names):
    for name in names:
        if not form.get(name):
            raise Refusal(400, "invalid_request", 900144,
                          f"The request body must contain the following parameter: '{name}'.")


def _decoded(form):
    """assertion={"header", "claims"} for the log; nothing if there is none that can be read."""
    try:
        header, claims = split_jwt(form.get("client_assertion", ""))[:2]
        return {"assertion": {"header": header, "claims": claims}}
    except ValueError:
        return {}


def asked_claims(form):
    """The decoded `claims` parameter (OpenID Connect Core section 5.5), {} if there is none."""
    try:
        doc = json.loads(form.get("claims") or "{}")
    except ValueError:
        doc = None
    if not isinstance(doc, dict):
        raise Refusal(400, "invalid_request", 9002313, "The claims parameter is not a JSON object.")
    return doc


def failure(status, error, number, message, clock, **more):
    """An error answer with the fields of the real service."""
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    stamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(clock.now()))
    return Answer(status, {
        "error": error,
        "error_description": f"AADSTS{number}: {message} Trace ID: {trace} "
                             f"Correlation ID: {correlation} Timestamp: {stamp}",
        "error_codes": [number], "timestamp": stamp, "trace_id": trace, "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={number}", **more})


def _scripted(faults, clock):
    for fault in faults:
        if fault.kind == "status":
            if fault.body is not None:
                return Answer(fault.code, headers=fault.headers, body=fault.body, content_type=fault.content_type)
            answer = failure(fault.code, fault.error, fault.number, fault.message, clock)
            answer.headers += list(fault.headers)
            return answer
    return None
