"""Entra ID's token endpoint, client credentials only (RFC 6749 section 4.4).

Tokens are random strings; ARM asks here whether one is good.
"""

import re
import secrets
import threading
import time
import urllib.parse
import uuid

from httpd import Answer, request_ids

TOKEN_PATH = re.compile(r"/([^/]+)/oauth2/v2\.0/token", re.IGNORECASE)


class Entra:
    """One tenant with one application."""

    def __init__(self, tenant, client, secret, scopes, log, faults):
        self.tenant = tenant
        self.client = client
        self.secret = secret
        self.scopes = scopes        # accepted values of `scope`
        self.lifetime = 3599
        self._log = log
        self._faults = faults
        self._issued = {}
        self._lock = threading.Lock()

    def owns(self, path):
        return TOKEN_PATH.fullmatch(path) is not None

    def issue(self, lifetime=None):
        """A token that ARM accepts, without any request."""
        token = secrets.token_urlsafe(48)
        with self._lock:
            self._issued[token] = time.time() + (self.lifetime if lifetime is None else lifetime)
        return token

    def revoke_all(self):
        with self._lock:
            self._issued.clear()

    def accepts(self, token):
        with self._lock:
            return self._issued.get(token, 0) > time.time()

    def answer(self, request):
        """(Answer, faults) for one request."""
        faults = self._faults.entra.take(request.path)
        response = _scripted(faults) or self._token(request)
        response.headers += request_ids()[:1] + [("Cache-Control", "no-store, no-cache")]
        error = (response.doc or {}).get("error")
        self._log.add("entra", "token", status=response.status, error=error,
                      form=dict(urllib.parse.parse_qsl(request.body.decode("latin-1"))),
                      headers=request.headers, faults=[fault.kind for fault in faults])
        return response, faults

    def _token(self, request):
        if request.method != "POST":
            return failure(405, "invalid_request", 900561, "The endpoint only accepts POST requests.")
        if not request.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            return failure(400, "invalid_request", 900144, "The request body must be form encoded.")
        form = dict(urllib.parse.parse_qsl(request.body.decode("latin-1"), keep_blank_values=True))
        tenant = urllib.parse.unquote(TOKEN_PATH.fullmatch(request.path).group(1))
        if tenant.lower() != self.tenant.lower():
            return failure(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        return self._client_credentials(form)

    def _client_credentials(self, form):
        for name in ("grant_type", "client_id", "client_secret", "scope"):
            if not form.get(name):
                return failure(400, "invalid_request", 900144,
                               f"The request body must contain the following parameter: '{name}'.")
        if form["grant_type"] != "client_credentials":
            return failure(400, "unsupported_grant_type", 70003,
                           f"The app requested an unsupported grant type '{form['grant_type']}'.")
        if form["client_id"].lower() != self.client.lower():
            return failure(400, "unauthorized_client", 700016,
                           f"Application with identifier '{form['client_id']}' was not found in the directory.")
        if form["client_secret"] != self.secret:
            return failure(401, "invalid_client", 7000215,
                           "Invalid client secret provided. Ensure the secret being sent in the request is the "
                           "client secret value, not the client secret ID, for a secret added to app "
                           f"'{self.client}'.")
        if form["scope"] not in self.scopes:
            return failure(400, "invalid_scope", 1002012,
                           f"The provided value for scope {form['scope']} is not valid. Client credential flows "
                           "must have a scope value with /.default suffixed to the resource identifier.")
        return Answer(200, {"token_type": "Bearer", "expires_in": self.lifetime,
                            "ext_expires_in": self.lifetime, "access_token": self.issue()})


def failure(status, error, number, message):
    """An error answer with the fields of the real service."""
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    stamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
    return Answer(status, {
        "error": error,
        "error_description": f"AADSTS{number}: {message} Trace ID: {trace} "
                             f"Correlation ID: {correlation} Timestamp: {stamp}",
        "error_codes": [number], "timestamp": stamp, "trace_id": trace, "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={number}"})


def _scripted(faults):
    for fault in faults:
        if fault.kind == "status":
            if fault.body is not None:
                return Answer(fault.code, headers=fault.headers, body=fault.body, content_type=fault.content_type)
            answer = failure(fault.code, fault.error, fault.number, fault.message)
            answer.headers += list(fault.headers)
            return answer
    return None
