"""The device authorization grant (RFC 8628) as Entra does it.

    POST /{tenant}/oauth2/v2.0/devicecode   client_id, scope: log rows who="entra", what="devicecode"
    emu.entra.pending_codes()               user codes that nobody has decided on, oldest first
    emu.entra.approve(user_code, upn)       the user signs in
    emu.entra.deny(user_code)               polls answer authorization_declined
    emu.entra.expire(user_code)             polls answer expired_token (70020)
    emu.entra.device_interval               seconds between polls (0), sent as given
    emu.entra.device_lifetime               seconds (900)
    emu.entra.device_penalty                seconds by which slow_down lengthens the interval (5)

Polls are grant_type=urn:ietf:params:oauth:grant-type:device_code at the token endpoint. A poll that
comes after less than nine tenths of the interval is answered slow_down. An unknown or used
device_code is bad_verification_code.
"""

import secrets
import threading
import time

from httpd import Answer
from refusal import Refusal

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
VERIFICATION_URI = "https://microsoft.com/devicelogin"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class DeviceCodes:
    """directory is emu.entra, tokens the UserTokens."""

    def __init__(self, directory, tokens):
        self._directory = directory
        self._tokens = tokens
        self._flows = {}            # device_code -> flow
        self._lock = threading.Lock()

    def begin(self, form, tenant):
        """The Answer to a request for a code."""
        client = self._tokens.check_client(form)
        self._tokens.resource(form["scope"])
        user_code = "".join(secrets.choice(LETTERS) for _ in range(9))
        device_code = "GAQAB" + secrets.token_urlsafe(96)
        directory = self._directory
        with self._lock:
            self._flows[device_code] = {
                "user_code": user_code, "client": client, "tenant": tenant.lower(), "scope": form["scope"],
                "state": "pending", "user": None, "interval": directory.device_interval, "polled": None,
                "ends": directory.clock.now() + directory.device_lifetime}
        return Answer(200, {
            "user_code": user_code, "device_code": device_code, "verification_uri": VERIFICATION_URI,
            "expires_in": directory.device_lifetime, "interval": directory.device_interval,
            "message": f"To sign in, use a web browser to open the page {VERIFICATION_URI} and enter the code "
                       f"{user_code} to authenticate."})

    # --- the user's side ---

    def pending_codes(self):
        with self._lock:
            return [flow["user_code"] for flow in self._flows.values() if flow["state"] == "pending"]

    def approve(self, user_code, upn):
        self._decide(user_code, "approved", self._directory.add_user(upn))

    def deny(self, user_code):
        self._decide(user_code, "denied")

    def expire(self, user_code):
        self._decide(user_code, "expired")

    def _decide(self, user_code, state, user=None):
        with self._lock:
            flow = next((flow for flow in self._flows.values() if flow["user_code"] == user_code), None)
            if flow is None:
                raise KeyError(f"no user code {user_code!r}")
            flow["state"], flow["user"] = state, user

    # --- the client's side ---

    def poll(self, form, tenant, asked):
        """The Answer to one poll."""
        self._tokens.check_client(form)
        with self._lock:
            flow = self._flows.get(form["device_code"])
            self._check(flow, form["client_id"].lower(), tenant)
            del self._flows[form["device_code"]]
        return self._tokens.signed_in(flow["user"], form, flow["scope"], asked)

    def _check(self, flow, client, tenant):
        if flow is None or flow["client"] != client:
            raise Refusal(400, "bad_verification_code", 70018, "The device_code is not known, or was used.")
        if flow["tenant"] != tenant.lower():
            raise Refusal(400, "invalid_grant", 700005, "The code must be redeemed against the tenant that it was "
                                                        "acquired for.")
        if flow["state"] == "expired" or self._directory.clock.now() > flow["ends"]:
            raise Refusal(400, "expired_token", 70020, "The provided value for the input parameter 'device_code' is "
                                                       "not valid. This device code has expired.")
        if flow["state"] == "denied":
            raise Refusal(400, "authorization_declined", 90120, "The request was declined by the user.")
        self._check_pace(flow)
        if flow["state"] == "pending":
            raise Refusal(400, "authorization_pending", 70016,
                          "OAuth 2.0 device flow error. Authorization is pending. Continue polling.")

    def _check_pace(self, flow):
        now, before = time.monotonic(), flow["polled"]
        flow["polled"] = now
        if before is not None and now - before < 0.9 * flow["interval"]:
            flow["interval"] += self._directory.device_penalty
            raise Refusal(400, "slow_down", 70016, "OAuth 2.0 device flow error. Polling too often.")
