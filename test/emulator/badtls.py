"""Relay ports that a careful client must refuse: bad certificates, old TLS, no TLS.

Not here: the good certificates (certs.py).
"""

import os
import socket

import certs
from tlsio import LINGER_ZERO


def context(kind, authority, folder, name, san):
    """A server context that is wrong in the way `kind` says; files are called `name`."""
    if kind == "tls1.1":
        return certs.old_tls_context(*authority.leaf(name, san))
    make = {
        "expired": lambda: authority.dated_leaf(name, san, "20200101000000Z", "20200201000000Z"),
        "not-yet-valid": lambda: authority.dated_leaf(name, san, "20990101000000Z", "20990201000000Z"),
        "wrong-name": lambda: authority.leaf(name, "DNS:other.example.test"),
        "unknown-ca": lambda: certs.Authority(os.path.join(folder, name), "stranger").leaf(name, san),
        "self-signed": lambda: authority.self_signed(name, san),
    }[kind]
    return certs.server_context(*make())


def _stall(sock):
    while sock.recv(65536):
        pass


def _reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)


def _plain(sock):
    sock.recv(65536)
    sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


# Played on the accepted TCP socket, which is closed afterwards.
BROKEN_TCP = {"stall": _stall, "reset": _reset, "plain": _plain}
