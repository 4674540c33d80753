"""TLS messages that Python's ssl cannot send, by OpenSSL itself (ctypes).

A Context stands in for an ssl.SSLContext of a server: wrap_bio() gives an object
with the methods of ssl.SSLObject that TlsConn uses, and besides: KeyUpdate,
session tickets in mid-stream, HelloRequest, padded records, short records.
"""

import ctypes
import ctypes.util
import ssl

ERROR_WANT_READ = 2
ERROR_ZERO_RETURN = 6
FILETYPE_PEM = 1
CTRL_SET_MIN_PROTO = 123
CTRL_SET_MAX_PROTO = 124
CTRL_SET_MAX_SEND_FRAGMENT = 52
VERSIONS = {"1.2": 0x0303, "1.3": 0x0304}

_lib = ctypes.CDLL(ctypes.util.find_library("ssl") or "libssl.so.3")
_crypto = ctypes.CDLL(ctypes.util.find_library("crypto") or "libcrypto.so.3")
_pointer, _int, _long, _bytes = ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_char_p


def _function(lib, name, result, *args):
    function = getattr(lib, name)
    function.restype, function.argtypes = result, args
    return function


_method = _function(_lib, "TLS_server_method", _pointer)
_ctx_new = _function(_lib, "SSL_CTX_new", _pointer, _pointer)
_ctx_ctrl = _function(_lib, "SSL_CTX_ctrl", _long, _pointer, _int, _long, _pointer)
_ctx_chain = _function(_lib, "SSL_CTX_use_certificate_chain_file", _int, _pointer, _bytes)
_ctx_key = _function(_lib, "SSL_CTX_use_PrivateKey_file", _int, _pointer, _bytes, _int)
_new = _function(_lib, "SSL_new", _pointer, _pointer)
_free = _function(_lib, "SSL_free", None, _pointer)
_set_bio = _function(_lib, "SSL_set_bio", None, _pointer, _pointer, _pointer)
_accept = _function(_lib, "SSL_set_accept_state", None, _pointer)
_handshake = _function(_lib, "SSL_do_handshake", _int, _pointer)
_read = _function(_lib, "SSL_read", _int, _pointer, _pointer, _int)
_write = _function(_lib, "SSL_write", _int, _pointer, _bytes, _int)
_shutdown = _function(_lib, "SSL_shutdown", _int, _pointer)
_error = _function(_lib, "SSL_get_error", _int, _pointer, _int)
_ctrl = _function(_lib, "SSL_ctrl", _long, _pointer, _int, _long, _pointer)
_key_update = _function(_lib, "SSL_key_update", _int, _pointer, _int)
_ticket = _function(_lib, "SSL_new_session_ticket", _int, _pointer)
_renegotiate = _function(_lib, "SSL_renegotiate", _int, _pointer)
_padding = _function(_lib, "SSL_set_block_padding", _int, _pointer, ctypes.c_size_t)
_bio_new = _function(_crypto, "BIO_new", _pointer, _pointer)
_bio_mem = _function(_crypto, "BIO_s_mem", _pointer)
_bio_read = _function(_crypto, "BIO_read", _int, _pointer, _pointer, _int)
_bio_write = _function(_crypto, "BIO_write", _int, _pointer, _bytes, _int)
_clear_errors = _function(_crypto, "ERR_clear_error", None)


class Context:
    def __init__(self, cert, key, version):
        self._ctx = _ctx_new(_method())
        number = VERSIONS[version]
        if not (_ctx_chain(self._ctx, cert.encode()) == 1
                and _ctx_key(self._ctx, key.encode(), FILETYPE_PEM) == 1
                and _ctx_ctrl(self._ctx, CTRL_SET_MIN_PROTO, number, None) == 1
                and _ctx_ctrl(self._ctx, CTRL_SET_MAX_PROTO, number, None) == 1):
            raise ssl.SSLError("cannot set up a native TLS server")

    def wrap_bio(self, incoming, outgoing, server_side, server_hostname=None):
        assert server_side and server_hostname is None
        return Connection(self._ctx, incoming, outgoing)


class Connection:
    def __init__(self, ctx, incoming, outgoing):
        self._incoming, self._outgoing = incoming, outgoing     # ssl.MemoryBIO
        self._ssl = _new(ctx)
        self._in, self._out = _bio_new(_bio_mem()), _bio_new(_bio_mem())
        _set_bio(self._ssl, self._in, self._out)    # takes both
        _accept(self._ssl)

    def __del__(self):
        _free(self._ssl)

    def _do(self, function, *args):
        """function(ssl, ...), with what came in put before it and what goes out taken after."""
        data = self._incoming.read()
        if data:
            _bio_write(self._in, data, len(data))
        _clear_errors()
        result = function(self._ssl, *args)
        error = _error(self._ssl, result) if result <= 0 else 0
        piece = ctypes.create_string_buffer(65536)
        while (n := _bio_read(self._out, piece, len(piece))) > 0:
            self._outgoing.write(piece.raw[:n])
        if error == ERROR_WANT_READ:
            raise ssl.SSLWantReadError()
        if error == ERROR_ZERO_RETURN:
            raise ssl.SSLZeroReturnError()
        if error:
            raise ssl.SSLError(f"OpenSSL error {error}")
        return result

    def do_handshake(self):
        self._do(_handshake)

    def read(self, size, buffer):
        piece = (ctypes.c_char * min(size, 65536)).from_buffer(buffer)
        return self._do(_read, piece, len(piece))

    def write(self, data):
        return self._do(_write, bytes(data), len(data))

    def unwrap(self):
        _shutdown(self._ssl)
        self._do(_handshake)        # hands out what shutdown wrote

    # --- messages of TLS itself: they go out with the next flush ---

    def key_update(self, ask_peer):
        """TLS 1.3: new keys for what we send; ask_peer: the peer shall do the same."""
        assert _key_update(self._ssl, 1 if ask_peer else 0) == 1
        self._do(_handshake)

    def new_ticket(self):
        """TLS 1.3: one more NewSessionTicket."""
        assert _ticket(self._ssl) == 1
        self._do(_handshake)

    def hello_request(self):
        """TLS 1.2: asks the client to negotiate again."""
        assert _renegotiate(self._ssl) == 1
        self._do(_handshake)

    def pad_records(self, block):
        """TLS 1.3: from now on every record is padded to a multiple of block bytes."""
        assert _padding(self._ssl, block) == 1

    def short_records(self, size):
        """From now on no record has more than size bytes (at least 512)."""
        assert _ctrl(self._ssl, CTRL_SET_MAX_SEND_FRAGMENT, size, None) == 1
