"""Just enough DER (X.690) to read an RSA key or certificate (RFC 5280, RFC 8017, RFC 5958)."""

import base64
import datetime
import re

INTEGER, OCTET_STRING, UTC_TIME, SEQUENCE, CONTEXT_0 = 0x02, 0x04, 0x17, 0x30, 0xA0
RSA_ENCRYPTION = bytes.fromhex("2a864886f70d010101")


def pem(text, label):
    """The bytes of the first block with that label; ValueError if there is none."""
    found = re.search(f"-----BEGIN {label}-----(.*?)-----END {label}-----", text, re.DOTALL)
    if not found:
        raise ValueError(f"no {label} in the PEM text")
    return base64.b64decode(found.group(1))


def items(data):
    """[(tag, content)] of all elements in a row."""
    found, at = [], 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at:at + size], "big"), at + size
        if at + length > len(data):
            raise ValueError("DER ends too early")
        found.append((tag, data[at:at + length]))
        at += length
    return found


def _inside(data):
    """The elements of the one SEQUENCE that data is."""
    (tag, content), = items(data)
    if tag != SEQUENCE:
        raise ValueError("not a SEQUENCE")
    return items(content)


def _integers(data):
    return [int.from_bytes(content, "big") for tag, content in _inside(data) if tag == INTEGER]


def _time(tag, content):
    form = "%y%m%d%H%M%SZ" if tag == UTC_TIME else "%Y%m%d%H%M%SZ"
    return datetime.datetime.strptime(content.decode(), form).replace(tzinfo=datetime.timezone.utc).timestamp()


def read_certificate(data):
    """((n, e) or None if the key is not RSA, not before, not after)."""
    (_, body), *_ = _inside(data)
    fields = items(body)
    if fields[0][0] == CONTEXT_0:       # the version
        fields = fields[1:]
    start, end = (_time(*moment) for moment in items(fields[3][1]))
    (_, algorithm), (_, bits) = items(fields[5][1])
    key = tuple(_integers(bits[1:])) if items(algorithm)[0][1] == RSA_ENCRYPTION else None
    return key, start, end


def read_private_key(data):
    """(n, e, d) of an RSA key, in PKCS #1 or within PKCS #8."""
    wrapped = [content for tag, content in _inside(data) if tag == OCTET_STRING]
    return tuple(_integers(wrapped[0] if wrapped else data)[1:4])
