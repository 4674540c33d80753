"""The authorization code grant with PKCE (RFC 6749 section 4.1, RFC 7636, RFC 8252) and the user at the browser.

    GET /{tenant}/oauth2/v2.0/authorize     log rows who="entra", what="authorize", query
    emu.entra.browser_user                  who is signed in at the browser
    emu.entra.consent                       False: the user says no (error=access_denied)
    emu.browse(url)                         a browser: follows the redirects; (status, page) of the last answer

Wanted: response_type=code, client_id of a public client, redirect_uri http://localhost with any port and no path,
scope, state, code_challenge of 43 characters with code_challenge_method=S256; if given, response_mode=query,
prompt other than none, login_hint, claims, nonce. Of http://127.0.0.1 Entra ignores no port, and Microsoft's
own applications have not registered it: only a client of add_public_client() may use it, or a path.
A wrong client, tenant or redirect_uri gets a page (400) and no redirect. A code is good once, for
ten minutes, for the same client, tenant and redirect_uri, and with the right code_verifier.
"""

import base64
import hashlib
import hmac
import re
import secrets
import threading
import urllib.parse

from directory import parse_claims
from httpd import Answer
from refusal import Refusal
from usertokens import FAMILY

REDIRECT = re.compile(r"http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?(/[A-Za-z0-9/._-]*)?")
REDIRECT_OF_FAMILY = re.compile(r"http://localhost(:[0-9]{1,5})?/?")
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
CODE_LIFE_S = 600


class AuthCodes:
    """directory is emu.entra, tokens the UserTokens."""

    def __init__(self, directory, tokens):
        self._directory = directory
        self._tokens = tokens
        self._codes = {}
        self._lock = threading.Lock()

    # --- at the browser ---

    def authorize(self, query, tenant):
        """The Answer to the browser; Refusal where nobody can be redirected."""
        client = self._tokens.check_client(query)
        target = query.get("redirect_uri", "")
        if not (REDIRECT_OF_FAMILY if client in FAMILY else REDIRECT).fullmatch(target):
            raise Refusal(400, "invalid_request", 50011,
                          f"The redirect URI '{target}' specified in the request does not match the redirect URIs "
                          f"configured for the application '{client}'.")
        try:
            fields = self._granted(query, tenant, client, target)
        except Refusal as refusal:
            fields = {"error": refusal.error, "error_description": refusal.description}
        if "state" in query:
            fields["state"] = query["state"]
        return Answer(302, headers=[("Location", f"{target}?{urllib.parse.urlencode(fields)}")], body=b"")

    def _granted(self, query, tenant, client, target):
        self._check(query)
        if not self._directory.consent:
            raise Refusal(400, "access_denied", 65004, "User declined to consent to access the app.")
        user = self._directory.add_user(self._directory.browser_user)
        code = "1.A" + secrets.token_urlsafe(96)
        with self._lock:
            self._codes[code] = {
                "user": user, "client": client, "tenant": tenant.lower(), "redirect_uri": target,
                "scope": query["scope"], "challenge": query["code_challenge"], "nonce": query.get("nonce"),
                "asked": parse_claims(query), "ends": self._directory.clock.now() + CODE_LIFE_S, "used": False}
        fields = {"code": code, "session_state": secrets.token_hex(16)}
        if query.get("client_info") == "1":
            fields["client_info"] = self._tokens.client_info(user)
        return fields

    def _check(self, query):
        def refuse(error, number, message):
            raise Refusal(400, error, number, message)
        if query.get("response_type") != "code":
            refuse("unsupported_response_type", 700054, "response_type must be 'code'.")
        if query.get("response_mode", "query") != "query":
            refuse("invalid_request", 90023, "response_mode must be 'query'.")
        if not query.get("scope"):
            refuse("invalid_request", 900144, "The request must contain the following parameter: 'scope'.")
        self._tokens.resource(query["scope"])
        if query.get("code_challenge_method") != "S256":
            refuse("invalid_request", 50149, "Invalid Code_Challenge_method parameter.")
        if not re.fullmatch(r"[A-Za-z0-9_-]{43}", query.get("code_challenge", "")):
            refuse("invalid_request", 501491, "Invalid size of Code_Challenge parameter.")
        if query.get("prompt") == "none":
            refuse("interaction_required", 50058, "A silent sign-in was asked for, but no user is signed in.")
        if query.get("prompt", "login") not in ("login", "select_account", "consent"):
            refuse("invalid_request", 90023, "prompt has an unknown value.")

    # --- the client's side ---

    def redeem(self, form, tenant, asked):
        """The Answer to grant_type=authorization_code."""
        client = self._tokens.check_client(form)
        with self._lock:
            record = self._codes.get(form["code"])
            self._check_code(record, form, client, tenant)
            record["used"] = True
        return self._tokens.signed_in(record["user"], form, form.get("scope") or record["scope"],
                                      {**record["asked"], **asked}, record["nonce"])

    def _check_code(self, record, form, client, tenant):
        def refuse(number, message):
            raise Refusal(400, "invalid_grant", number, message)
        if record is None or record["client"] != client:
            refuse(70000, "Provided grant is invalid or malformed.")
        if record["used"]:
            refuse(54005, "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use "
                          "an existing refresh token.")
        if self._directory.clock.now() > record["ends"]:
            refuse(70008, "The provided authorization code or refresh token has expired due to inactivity.")
        if record["tenant"] != tenant.lower():
            refuse(700005, "The code must be redeemed against the tenant that it was acquired for.")
        if record["redirect_uri"] != form.get("redirect_uri"):
            refuse(500112, f"The reply address '{form.get('redirect_uri')}' does not match the reply address "
                           f"'{record['redirect_uri']}' provided when requesting Authorization code.")
        verifier = form.get("code_verifier", "")
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if not VERIFIER.fullmatch(verifier) or not hmac.compare_digest(digest, record["challenge"]):
            refuse(501481, "The Code_Verifier does not match the code_challenge supplied in the authorization request.")
