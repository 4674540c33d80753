"""Minting and checking signed tokens: shared access signatures, and JWTs (RFC 7519) with HS256.

Shared access signatures open Azure Relay. The service configuration token is a
JWT that tells the Arc agent which port may be dialled; Entra's access tokens
have the same form. Not here: who gets a token (directory.py), and RSA (rsa.py).
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

    def __init__(self, clock):
        self._clock = clock
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
        if int(fields["se"]) < self._clock.now():
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


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text):
    """ValueError unless it is base64url without padding."""
    if re.search(r"[^A-Za-z0-9_-]", text) or len(text) % 4 == 1:
        raise ValueError("not base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sign_jwt(header, claims, sign):
    """sign(bytes) gives the signature."""
    text = f"{b64url(json.dumps(header).encode())}.{b64url(json.dumps(claims).encode())}"
    return f"{text}.{b64url(sign(text.encode()))}"


def split_jwt(token):
    """(header, claims, signed bytes, signature), nothing checked but the form; ValueError if it has none."""
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("not three parts")
    header, claims = (json.loads(unb64url(part)) for part in parts[:2])
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise ValueError("not JSON objects")
    return header, claims, f"{parts[0]}.{parts[1]}".encode(), unb64url(parts[2])


def mint_jwt(claims, key):
    return sign_jwt({"alg": "HS256", "typ": "JWT"}, claims, lambda data: hmac.new(key, data, hashlib.sha256).digest())


def read_jwt(token, key, now=None):
    """The claims of a token that is well signed and not expired, else None."""
    try:
        _, claims, signed, signature = split_jwt(token)
    except ValueError:
        return None
    good = hmac.compare_digest(hmac.new(key, signed, hashlib.sha256).digest(), signature)
    return claims if good and claims.get("exp", 0) > (time.time() if now is None else now) else None
