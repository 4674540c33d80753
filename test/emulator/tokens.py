"""Minting and checking the two kinds of token that travel to the relay.

Shared access signatures of Azure Relay, and the service configuration token
(an HS256 JWT, RFC 7519) that tells the Arc agent which port may be dialled.
Not here: Entra's access tokens, which are opaque (entra.py).
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
import urllib.parse

SEND, LISTEN = "Send", "Listen"


def sas_string_to_sign(encoded_uri, expiry):
    return f"{encoded_uri}\n{expiry}"


def sas_signature(key, text):
    digest = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def mint_sas(encoded_uri, key_name, key, expiry):
    """encoded_uri is already percent-encoded, in the letter case that shall be sent."""
    signature = sas_signature(key, sas_string_to_sign(encoded_uri, expiry))
    return (f"SharedAccessSignature sr={encoded_uri}&sig={urllib.parse.quote(signature, safe='')}"
            f"&se={expiry}&skn={urllib.parse.quote(key_name, safe='')}")


def encode_uri(uri):
    return urllib.parse.quote(uri, safe="")


def encode_uri_like_service(uri):
    """Lower-case hex digits, as in tokens that the real service hands out."""
    return re.sub("%[0-9A-F]{2}", lambda match: match.group().lower(), encode_uri(uri))


class Refused(Exception):
    """A token that does not open the door: status and text for the reason phrase."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status
        self.text = text


class SasRules:
    """Shared access policies of the emulated namespace."""

    def __init__(self):
        self.sender = "sender" + time.strftime("%Y%m%d", time.gmtime())
        self.listener = "listener"
        self._rules = {self.sender: (secrets.token_urlsafe(32) + "=", {SEND}),
                       self.listener: (secrets.token_urlsafe(32) + "=", {LISTEN})}

    def add(self, name, key, rights):
        self._rules[name] = (key, set(rights))

    def mint(self, rule, uri, expiry):
        return mint_sas(encode_uri_like_service(uri), rule, self._rules[rule][0], int(expiry))

    def check(self, token, host, path, right):
        """Raise Refused unless the token opens host/path for that right."""
        if not token:
            raise Refused(401, "MissingToken: The authorization header or token is missing")
        fields = _sas_fields(token)
        key, rights = self._rules.get(urllib.parse.unquote(fields["skn"]), (None, set()))
        wanted = sas_signature(key or "", sas_string_to_sign(fields["sr"], fields["se"]))
        if key is None or not hmac.compare_digest(wanted, urllib.parse.unquote(fields["sig"])):
            raise Refused(401, "The token has an invalid signature")
        if int(fields["se"]) < time.time():
            raise Refused(401, "ExpiredToken: The token is expired")
        if not _covers(urllib.parse.unquote(fields["sr"]), host, path):
            raise Refused(403, "InvalidAudience: The token is not valid for this hybrid connection")
        if right not in rights:
            raise Refused(403, f"Unauthorized access. '{right}' claim(s) are required to perform this operation")


def _sas_fields(token):
    scheme, _, rest = token.partition(" ")
    fields = dict(part.partition("=")[::2] for part in rest.split("&"))
    if scheme != "SharedAccessSignature" or not {"sr", "sig", "se", "skn"} <= fields.keys() \
            or not fields["se"].isdigit():
        raise Refused(401, "MalformedToken: The token is malformed")
    return fields


def _covers(uri, host, path):
    """Is host/path at or below the token's resource? The scheme does not matter."""
    place = uri.partition("://")[2].rstrip("/").lower()
    wanted = f"{host}/{path}".lower()
    return wanted == place or wanted.startswith(place + "/")


def _b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def mint_jwt(claims, key):
    head = _b64url(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    body = _b64url(json.dumps(claims).encode())
    signature = hmac.new(key, f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{_b64url(signature)}"


def read_jwt(token, key):
    """The claims of a token that is well signed and not expired, else None."""
    try:
        head, body, signature = token.split(".")
        wanted = hmac.new(key, f"{head}.{body}".encode(), hashlib.sha256).digest()
        claims = json.loads(_unb64url(body))
        good = hmac.compare_digest(wanted, _unb64url(signature))
    except ValueError:
        return None
    return claims if good and claims.get("exp", 0) > time.time() else None
