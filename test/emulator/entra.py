"""Entra ID's endpoints: which request goes where, and the answers' common form.

    POST /{tenant}/oauth2/v2.0/token        log rows who="entra", what="token", form, status, error,
                                            grant, token_type (as asked; None: not said)
    POST /{tenant}/oauth2/v2.0/devicecode   what="devicecode" (devicecode.py)
    GET  /{tenant}/oauth2/v2.0/authorize    what="authorize", query (authcode.py)

Grants: client_credentials with a secret (RFC 6749 section 4.4) or an assertion (assertion.py; the row then
has assertion={"header", "claims"}, decoded), authorization_code, refresh_token (usertokens.py) and the device
code. Each gives a certificate for OpenSSH instead of a token if that is asked for (sshcert.py). The tenant is
emu.entra.tenant, or for users also `organizations` or `common`. Whatever Azure refuses is refused with its words:
`error`, an AADSTS number in error_codes and error_description.
Faults: emu.faults.entra; match="devicecode" breaks only those. Not here: the tenant's content (directory.py).
"""

import html
import re
import urllib.parse

import assertion
import devicecode
import sshcert
from assertion import Assertions
from authcode import AuthCodes
from devicecode import DeviceCodes
from directory import DEFAULT, Directory, parse_claims
from httpd import Answer, request_ids
from refusal import Refusal, need
from tokens import split_jwt
from usertokens import UserTokens

PATH = re.compile(r"/([^/]+)/(?:oauth2/v2\.0/(token|devicecode|authorize)|v2\.0/\.well-known/openid-configuration)",
                  re.IGNORECASE)
FORM = "application/x-www-form-urlencoded"
FOR_USERS = ("organizations", "common")


class Entra(Directory):
    """world is the Emulator."""

    def __init__(self, world, tenant, client, secret, scopes):
        super().__init__(world.clock, tenant, client, secret, scopes)
        self._log = world.log
        self._faults = world.faults
        self._assertions = Assertions(world)
        self._users = UserTokens(self)
        self._devices = DeviceCodes(self, self._users)
        self._codes = AuthCodes(self, self._users)
        self.add_certificate = self._assertions.add_certificate
        self.federate = self._assertions.federate
        self.pending_codes = self._devices.pending_codes
        self.approve = self._devices.approve
        self.deny = self._devices.deny
        self.expire = self._devices.expire

    def owns(self, path):
        return PATH.fullmatch(path) is not None

    def answer(self, request):
        """(Answer, faults) for one request."""
        faults = self._faults.entra.take(request.path)
        tenant, what = PATH.fullmatch(request.path).groups()
        what = (what or "configuration").lower()
        serve = {"configuration": self._configuration, "token": self._token, "devicecode": self._device_code,
                 "authorize": self._authorize}[what]
        try:
            response = _scripted(faults, self.clock) or serve(request, urllib.parse.unquote(tenant))
        except Refusal as refusal:
            response = refusal.answer(self.clock)
            if what == "authorize":
                response = _page(response)
        response.headers += request_ids()[:1] + [("Cache-Control", "no-store, no-cache")]
        form = dict(urllib.parse.parse_qsl(request.body.decode("latin-1")))
        self._log.add("entra", what, status=response.status, error=(response.doc or {}).get("error"), form=form,
                      grant=form.get("grant_type"), token_type=form.get("token_type"), method=request.method,
                      path=request.path, query=request.query, headers=request.headers,
                      faults=[fault.kind for fault in faults], **_decoded(form))
        return response, faults

    # --- endpoints ---

    def _token(self, request, tenant):
        form = _form(request)
        need(form, "grant_type")
        grant = form["grant_type"]
        sshcert.is_wanted(form)     # what is badly asked for costs no code
        if grant == "client_credentials":
            self._check_tenant(tenant)
            return self._client_credentials(form, f"https://{request.get('Host')}{request.path}")
        self._check_tenant(tenant, for_users=True)
        if grant == "refresh_token":
            need(form, "client_id", "refresh_token")
            return self._users.refresh(form, parse_claims(form))
        if grant == "authorization_code":
            need(form, "client_id", "code", "redirect_uri", "code_verifier")
            return self._codes.redeem(form, tenant, parse_claims(form))
        if grant == devicecode.GRANT:
            need(form, "client_id", "device_code")
            return self._devices.poll(form, tenant, parse_claims(form))
        raise Refusal(400, "unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{grant}'.")

    def _configuration(self, request, tenant):
        """What the endpoints are (OpenID Connect Discovery); a part."""
        self._check_tenant(tenant, for_users=True)
        base = f"https://{request.get('Host')}/{tenant}"
        return Answer(200, {"issuer": f"{base}/v2.0", "token_endpoint": f"{base}/oauth2/v2.0/token",
                            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode"})

    def _device_code(self, request, tenant):
        form = _form(request)
        self._check_tenant(tenant, for_users=True)
        need(form, "client_id", "scope")
        return self._devices.begin(form, tenant)

    def _authorize(self, request, tenant):
        if request.method != "GET":
            raise Refusal(405, "invalid_request", 900561, "The endpoint only accepts GET requests.")
        self._check_tenant(tenant, for_users=True)
        need(request.query, "client_id")
        return self._codes.authorize(request.query, tenant)

    def _check_tenant(self, tenant, for_users=False):
        if tenant.lower() == self.tenant.lower() or for_users and tenant.lower() in FOR_USERS:
            return
        if tenant.lower() in FOR_USERS:
            raise Refusal(400, "invalid_request", 50194, f"Usage of the /{tenant} endpoint is not supported for such "
                                                         "apps. Use a tenant-specific endpoint.")
        raise Refusal(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")

    # --- the application itself ---

    def _client_credentials(self, form, endpoint):
        need(form, "client_id", "scope")
        if form["client_id"].lower() != self.client.lower():
            raise Refusal(400, "unauthorized_client", 700016,
                          f"Application with identifier '{form['client_id']}' was not found in the directory.")
        self._check_credential(form, endpoint)
        if form["scope"] not in (*self.scopes, self.ssh_scope):
            raise Refusal(400, "invalid_scope", 1002012,
                          f"The provided value for scope {form['scope']} is not valid. Client credential flows "
                          "must have a scope value with /.default suffixed to the resource identifier.")
        return Answer(200, self.granted(form, self.app_claims(self.client), form["scope"][:-len(DEFAULT)],
                                        parse_claims(form)))

    def _check_credential(self, form, endpoint):
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


def _form(request):
    if request.method != "POST":
        raise Refusal(405, "invalid_request", 900561, "The endpoint only accepts POST requests.")
    if not request.get("Content-Type", "").startswith(FORM):
        raise Refusal(400, "invalid_request", 900144, "The request body must be form encoded.")
    return dict(urllib.parse.parse_qsl(request.body.decode("latin-1"), keep_blank_values=True))


def _decoded(form):
    """assertion={"header", "claims"} for the log; nothing if there is none that can be read."""
    try:
        header, claims = split_jwt(form.get("client_assertion", ""))[:2]
        return {"assertion": {"header": header, "claims": claims}}
    except ValueError:
        return {}


def _page(answer):
    """The same for a person at a browser."""
    text = f"<html><body><h1>Sign in</h1><p>{html.escape(answer.doc['error_description'])}</p></body></html>"
    return Answer(405 if answer.status == 405 else 400, body=text.encode(), content_type="text/html; charset=utf-8")


def _scripted(faults, clock):
    for fault in faults:
        if fault.kind == "status":
            if fault.body is not None:
                return Answer(fault.code, headers=fault.headers, body=fault.body, content_type=fault.content_type)
            answer = Refusal(fault.code, fault.error, fault.number, fault.message).answer(clock)
            answer.headers += list(fault.headers)
            return answer
    return None
