"""Client assertions (RFC 7523): who the application says it is, proved by a signature.

    emu.entra.add_certificate(pem_path_or_text)     register a certificate of the application: a Certificate
                                                    with thumbprint (SHA-256) and thumbprint_sha1, base64url
    emu.entra.federate(issuer, subject, audience)   register a federated identity credential

An assertion signed with a registered certificate has the header alg RS256 or PS256, typ JWT, x5t#S256 or
x5t (base64 of either alphabet, padded or not), perhaps x5c, and the claims aud (the URL of the token
endpoint that was called), iss and sub (the client id), jti (never seen before), nbf, iat, exp.
Any other is a token of a federated issuer: emu.oidc knows the keys; iss, sub and aud must be registered.
Clocks may differ by five minutes. What is refused: 700027 signature or unknown thumbprint, 700024 time,
700023 audience, 700021 not this application, 50048 iss is not sub, 5002723 no thumbprint, 50027 form;
federated: 70021 nothing registered, 700211 issuer, 700213 subject, 700212 audience.
"""

import base64
import binascii
import hashlib
import os
import threading

import der
import rsa
from refusal import Refusal
from tokens import b64url, split_jwt

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
AUDIENCE = "api://AzureADTokenExchange"
SKEW_S = 300


class Certificate:
    """A certificate that the application registered."""

    def __init__(self, pem_path_or_text):
        text = pem_path_or_text
        if "-----BEGIN" not in text:
            with open(os.fspath(text)) as file:
                text = file.read()
        self.der = der.pem(text, "CERTIFICATE")
        self.key, self.not_before, self.not_after = der.read_certificate(self.der)
        if self.key is None:
            raise ValueError("the key of the certificate is not RSA")
        self.thumbprint = b64url(hashlib.sha256(self.der).digest())
        self.thumbprint_sha1 = b64url(hashlib.sha1(self.der).digest())


class Assertions:
    """world is the Emulator: clock, entra, oidc."""

    def __init__(self, world):
        self._world = world
        self._certificates = []
        self._federated = []
        self._seen = set()
        self._lock = threading.Lock()

    def add_certificate(self, pem_path_or_text):
        certificate = Certificate(pem_path_or_text)
        self._certificates.append(certificate)
        return certificate

    def federate(self, issuer, subject, audience=AUDIENCE):
        self._federated.append((issuer, subject, audience))

    def check(self, token, client, endpoint):
        """Refusal unless the assertion proves that it comes from the application `client`."""
        try:
            parts = split_jwt(token)
        except ValueError as error:
            raise _invalid(50027, f"Invalid JWT token: {error}.") from None
        header, claims = parts[:2]
        if claims.get("iss") == client or "x5t" in header or "x5t#S256" in header:
            self._check_certified(*parts, client, endpoint)
        else:
            self._check_federated(*parts)

    # --- with a certificate ---

    def _check_certified(self, header, claims, signed, signature, client, endpoint):
        if header.get("typ") != "JWT" or header.get("alg") not in rsa.VERIFY:
            raise _invalid(50027, "Invalid JWT token: typ is not JWT, or alg is none of RS256, PS256.")
        certificate = self._find(header)
        if not rsa.VERIFY[header["alg"]](certificate.key, signed, signature):
            raise _bad_key("Key was found, but use of the key to verify the signature failed.", certificate)
        if claims.get("aud") != endpoint:
            raise _invalid(700023, f"Client assertion audience claim does not match Realm issuer '{endpoint}'.")
        if claims.get("iss") != claims.get("sub"):
            raise _invalid(50048, "Subject mismatches Issuer claim in the client assertion.")
        if claims.get("sub") != client:
            raise _invalid(700021, "Client assertion application identifier doesn't match 'client_id' parameter.")
        self._check_times(claims, ("nbf", "iat", "exp"))
        now = self._world.clock.now()
        if not certificate.not_before - SKEW_S <= now <= certificate.not_after:
            raise _bad_key("The key used is expired.", certificate)
        self._check_fresh(claims.get("jti"))

    def _find(self, header):
        given = {name: _b64(header[name]) for name in ("x5t#S256", "x5t") if name in header}
        if not given:
            raise _invalid(5002723, "Invalid JWT token. No certificate SHA-1 thumbprint, nor certificate SHA-256 "
                                    "thumbprint is specified in the token header.")
        for certificate in self._certificates:
            own = {"x5t#S256": hashlib.sha256(certificate.der).digest(), "x5t": hashlib.sha1(certificate.der).digest()}
            if all(own[name] == value for name, value in given.items()):
                self._check_chain(header, certificate)
                return certificate
        raise _bad_key("The key was not found.")

    @staticmethod
    def _check_chain(header, certificate):
        """x5c, if sent, begins with the certificate in the standard alphabet (RFC 7515 section 4.1.6)."""
        chain = header.get("x5c")
        if chain is None:
            return
        leaf = chain[0] if isinstance(chain, list) and chain else None
        if leaf != base64.b64encode(certificate.der).decode():
            raise _bad_key("x5c does not begin with the certificate of the thumbprint.", certificate)

    def _check_times(self, claims, names):
        now = self._world.clock.now()
        times = [claims.get(name) for name in names]
        if not all(isinstance(value, int) and not isinstance(value, bool) for value in times) \
                or claims["exp"] <= claims["nbf"] or now > claims["exp"] + SKEW_S \
                or max(value for name, value in zip(names, times) if name != "exp") > now + SKEW_S:
            raise _invalid(700024, f"Client assertion is not within its valid time range. Current time: {int(now)}, "
                                   f"assertion: {dict(zip(names, times))}.")

    def _check_fresh(self, jti):
        if not isinstance(jti, str) or not jti:
            raise _invalid(50027, "Invalid JWT token: there is no jti.")
        with self._lock:
            if jti in self._seen:
                raise _invalid(50027, "Invalid JWT token: its jti was used before.")
            self._seen.add(jti)

    # --- of a federated issuer ---

    def _check_federated(self, header, claims, signed, signature):
        issuer, subject, audience = (claims.get(name) for name in ("iss", "sub", "aud"))
        if not self._federated:
            raise _unmatched(70021, f". Assertion Issuer: '{issuer}'. Assertion Subject: '{subject}'. "
                                    f"Assertion Audience: '{audience}'")
        left = [record for record in self._federated if record[0] == issuer]
        if not left:
            raise _unmatched(700211, f" issuer '{issuer}'")
        if header.get("alg") != "RS256" or not rsa.verify_rs256(self._world.oidc.public_key, signed, signature):
            raise _invalid(50013, "Assertion failed signature validation. [Reason - The key was not found.]")
        self._check_times(claims, ("nbf", "iat", "exp"))
        left = [record for record in left if record[1] == subject]
        if not left:
            raise _unmatched(700213, f" subject '{subject}'")
        if not any(record[2] == audience for record in left):
            raise _unmatched(700212, f" audience '{audience}'")


def _b64(text):
    """The bytes of either base64 alphabet, padded or not; the service is as lenient."""
    try:
        plain = str(text).rstrip("=").replace("+", "-").replace("/", "_")
        return base64.urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
    except binascii.Error:
        return b""


def _invalid(number, message):
    return Refusal(401, "invalid_client", number, message)


def _bad_key(reason, certificate=None):
    known = f", Thumbprint of key used by client: '{certificate.thumbprint}'" if certificate else ""
    return _invalid(700027, "The certificate with identifier used to sign the client assertion is not registered on "
                            f"application. [Reason - {reason}{known}]")


def _unmatched(number, what):
    return Refusal(400, "invalid_request", number,
                   f"No matching federated identity record found for presented assertion{what}. Check your federated "
                   "identity credential Subject, Audience and Issuer against the presented assertion.")
