"""Certificates for OpenSSH that Entra signs, and their CA: the token type ssh-cert.

    token_type=ssh-cert, req_cnf, key_id    in any request for a token, with the scope entra.ssh_scope: the answer has
                                            token_type "ssh-cert" and the certificate in base64 as access_token
    emu.entra.ssh_ca_line                   the CA's public key, a line for sshd's TrustedUserCAKeys
    emu.entra.ssh_lifetime                  seconds (3600), from now on; certificates begin 300 s ago
    emu.entra.app_principal                 the object id, which is the application's login name; a user's is the UPN

req_cnf is a JWK as plain JSON: kty RSA; n and e in base64url, without padding or leading zeros; kid, if it is
there, is the key_id. Users get certificates through the Azure CLI's and PowerShell's client ids only (65002).
Layout: PROTOCOL.certkeys of OpenSSH. Not here: the grants (entra.py, usertokens.py), Cloud Shell (managed.py).
"""

import base64
import itertools
import json
import secrets
import subprocess
import threading

import der
from refusal import Refusal, need
from rsa import sign_rs256
from tokens import unb64url

TOKEN_TYPE = "ssh-cert"
SCOPE = "https://ssh.emulated.test/CheckMyAccess/Linux/.default"
USER = 1
ALREADY_S = 300
SIZES = range(2048, 16385)          # bits of a key
PERMITS = ("permit-X11-forwarding", "permit-agent-forwarding", "permit-port-forwarding", "permit-pty",
           "permit-user-rc")


def is_wanted(form):
    """Does the request ask for a certificate? Refusal if for something else or not properly."""
    asked = form.get("token_type")
    if not asked or asked.lower() == "bearer":
        return False
    if asked != TOKEN_TYPE:
        raise Refusal(400, "invalid_request", 90023, f"The token_type '{asked}' is not supported.")
    need(form, "req_cnf", "key_id")
    _read_key(form)
    return True


def _read_key(form):
    """(n, e) of the key in a request."""
    try:
        key = json.loads(form["req_cnf"])
        n, e = (_number(key[name]) for name in ("n", "e"))
        good = (key["kty"] == "RSA" and key.get("kid", form["key_id"]) == form["key_id"]
                and n.bit_length() in SIZES and e > 1 and e % 2)
    except (ValueError, KeyError, TypeError, AttributeError):
        good = False
    if not good:
        raise Refusal(400, "invalid_request", 9002313, "Invalid request. Request is malformed or invalid: req_cnf.")
    return n, e


def _number(text):
    data = unb64url(text)
    if not data or data[0] == 0:
        raise ValueError("not the shortest form")
    return int.from_bytes(data, "big")


def _string(data):
    data = data.encode() if isinstance(data, str) else data
    return len(data).to_bytes(4, "big") + data


def _mpint(number):
    return _string(number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _u64(number):
    return number.to_bytes(8, "big")


class SshCa:
    """clock is that of Entra. The key is made when it is first needed."""

    def __init__(self, clock):
        self._clock = clock
        self._key = None
        self._serial = itertools.count(1)
        self._lock = threading.Lock()
        self.lifetime = 3600

    @property
    def line(self):
        return f"ssh-rsa {base64.b64encode(self._public()).decode()} emulated"

    def _private(self):
        with self._lock:
            if self._key is None:
                done = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                                      stdin=subprocess.DEVNULL, capture_output=True, check=True)
                self._key = der.read_private_key(der.pem(done.stdout.decode(), "PRIVATE KEY"))
            return self._key

    def _public(self):
        n, e, _ = self._private()
        return _string("ssh-rsa") + _mpint(e) + _mpint(n)

    def certify(self, form, principal, about):
        """The certificate in base64; about are (name, text) extensions of Entra's own."""
        n, e = _read_key(form)
        now = int(self._clock.now())
        extensions = [(name, b"") for name in PERMITS]
        extensions += [(f"{name}@sshservice.azure.net", _string(text)) for name, text in about]
        body = b"".join((
            _string("ssh-rsa-cert-v01@openssh.com"), _string(secrets.token_bytes(32)), _mpint(e), _mpint(n),
            _u64(next(self._serial)), USER.to_bytes(4, "big"), _string(form["key_id"]), _string(_string(principal)),
            _u64(now - ALREADY_S), _u64(now + int(self.lifetime)), _string(b""),
            _string(b"".join(_string(name) + _string(data) for name, data in sorted(extensions))),
            _string(b""), _string(self._public())))
        signature = _string("rsa-sha2-256") + _string(sign_rs256(self._private(), body))
        return base64.b64encode(body + _string(signature)).decode()
