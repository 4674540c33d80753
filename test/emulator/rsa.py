"""RSA signatures with SHA-256 by plain arithmetic (RFC 8017): RS256 and PS256 of RFC 7518.

Written for judging a client; a key is (n, e) or (n, e, d). Not for secrets: it takes its time in the open.
"""

import hashlib
import hmac

SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
SALT = 32


def _size(n):
    return (n.bit_length() + 7) // 8


def _padded(n, data):
    """EMSA-PKCS1-v1_5 of the data, as long as the modulus."""
    info = SHA256_INFO + hashlib.sha256(data).digest()
    return b"\x00\x01" + b"\xff" * (_size(n) - len(info) - 3) + b"\x00" + info


def _opened(key, signature):
    """The encoded message in a signature; None if the signature cannot be one of the key."""
    n, e = key[:2]
    value = int.from_bytes(signature, "big")
    if len(signature) != _size(n) or value >= n:
        return None
    return pow(value, e, n).to_bytes(_size(n), "big")


def sign_rs256(key, data):
    n, _, d = key
    return pow(int.from_bytes(_padded(n, data), "big"), d, n).to_bytes(_size(n), "big")


def verify_rs256(key, data, signature):
    opened = _opened(key, signature)
    return opened is not None and hmac.compare_digest(opened, _padded(key[0], data))


def _mgf1(seed, size):
    blocks = (hashlib.sha256(seed + count.to_bytes(4, "big")).digest() for count in range(size // 32 + 1))
    return b"".join(blocks)[:size]


def verify_ps256(key, data, signature):
    """EMSA-PSS-VERIFY with SHA-256, MGF1 with SHA-256 and a salt of exactly 32 bytes."""
    opened = _opened(key, signature)
    if opened is None:
        return False
    bits = key[0].bit_length() - 1
    encoded = opened[-((bits + 7) // 8):]
    unused = 8 * len(encoded) - bits
    masked, digest, end = encoded[:-33], encoded[-33:-1], encoded[-1]
    if end != 0xBC or masked[0] >> (8 - unused):
        return False
    block = bytearray(a ^ b for a, b in zip(masked, _mgf1(digest, len(masked))))
    block[0] &= 0xFF >> unused
    salt = bytes(block[-SALT:])
    if block[:-SALT] != bytes(len(block) - SALT - 1) + b"\x01":
        return False
    again = hashlib.sha256(bytes(8) + hashlib.sha256(data).digest() + salt).digest()
    return hmac.compare_digest(again, digest)


VERIFY = {"RS256": verify_rs256, "PS256": verify_ps256}
