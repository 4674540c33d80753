"""A certificate authority for one run, made with the openssl program.

Good certificates for the management port and the relay, and on request bad
ones (expired, not yet valid, other name, unknown CA, self signed); and those by which
an application signs in.
Not here: TLS connections.
"""

import os
import ssl
import subprocess
import warnings

CONFIG = """\
[req]
distinguished_name = dn
prompt = no
[dn]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {san}
[ca]
default_ca = dated
[dated]
database = {dir}/index.txt
serial = {dir}/serial
new_certs_dir = {dir}
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
"""

NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


class Authority:
    """Key and certificate of a CA under `folder`; leaf certificates beside it."""

    def __init__(self, folder, name="emulated root"):
        os.makedirs(folder, exist_ok=True)
        self._folder = folder
        self.cert = os.path.join(folder, "ca.pem")
        self._key = os.path.join(folder, "ca.key")
        self._openssl("req", "-x509", *NEW_KEY, "-days", "30", "-subj", f"/CN={name}",
                      "-config", self._config("DNS:unused"), "-extensions", "root",
                      "-keyout", self._key, "-out", self.cert)

    def leaf(self, name, san):
        """(certificate file, key file) signed by this CA."""
        cert, key = self._files(name)
        self._openssl("req", "-x509", *NEW_KEY, "-days", "30", "-subj", f"/CN={name}",
                      "-CA", self.cert, "-CAkey", self._key,
                      "-config", self._config(san), "-extensions", "leaf",
                      "-keyout", key, "-out", cert)
        return cert, key

    def self_signed(self, name, san):
        cert, key = self._files(name)
        self._openssl("req", "-x509", *NEW_KEY, "-days", "30", "-subj", f"/CN={name}",
                      "-config", self._config(san), "-extensions", "leaf", "-keyout", key, "-out", cert)
        return cert, key

    def dated_leaf(self, name, san, start, end):
        """A leaf with chosen dates, YYYYMMDDHHMMSSZ; only `openssl ca` can set both."""
        cert, key = self._files(name)
        request = os.path.join(self._folder, f"{name}.csr")
        config = self._config(san)
        open(os.path.join(self._folder, "index.txt"), "w").close()
        self._openssl("req", "-new", *NEW_KEY, "-subj", f"/CN={name}", "-config", config,
                      "-keyout", key, "-out", request)
        self._openssl("ca", "-batch", "-notext", "-rand_serial", "-config", config, "-extensions", "leaf",
                      "-cert", self.cert, "-keyfile", self._key, "-in", request, "-out", cert,
                      "-startdate", start, "-enddate", end)
        return cert, key

    def _files(self, name):
        return (os.path.join(self._folder, f"{name}.pem"), os.path.join(self._folder, f"{name}.key"))

    def _config(self, san):
        path = os.path.join(self._folder, "openssl.cnf")
        with open(path, "w") as file:
            file.write(CONFIG.format(san=san, dir=self._folder))
        return path

    def _openssl(self, *args):
        done = subprocess.run(["openssl", *args], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"openssl {args[0]}: {done.stderr.strip()}")


def application(folder, name="app", new_key=("-newkey", "rsa:2048", "-nodes"), days=30):
    """(certificate file, key file) of an application, as people make them: self-signed, RSA."""
    cert, key = (os.path.join(folder, f"{name}.{end}") for end in ("pem", "key"))
    subprocess.run(["openssl", "req", "-x509", *new_key, "-days", str(days), "-subj", f"/CN={name}",
                    "-keyout", key, "-out", cert], stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return cert, key


def server_context(cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(cert, key)
    context.sni_callback = lambda tls, name, _: setattr(tls, "sni", name)
    return context


def old_tls_context(cert, key):
    """Speaks TLS 1.0 and 1.1 only."""
    context = server_context(cert, key)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)     # old on purpose
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def client_context(ca_file):
    return ssl.create_default_context(cafile=ca_file)
