#!/usr/bin/python3
"""Emulated Azure in one process on loopback: Entra, managed identities, ARM, the relay and Arc agents.

Reached as a custom cloud through the cloud.json that it writes; nothing leaves
the machine and nothing is written outside the given folder. In tests:

    emu = Emulator(folder); emu.start()
    emu.add_machine("web01", port=sshd_port)
    emu.faults.dial.append(Fault("status", code=404, text=NO_LISTENERS))
    ... run a client with emu.cloud_file and emu.relay_port ...
    ... or with the environment emu.managed.env("imds") ...
    emu.log.wait(who="relay", what="closed"); emu.stop()

What each part offers is told at the top of its file: entra.py (and directory.py, assertion.py,
devicecode.py, authcode.py, usertokens.py, sshcert.py), managed.py, oidc.py, arm.py, fleet.py (machines), graph.py,
faults.py, agent.py.

As a program: emulator.py --help.
"""

import itertools
import json
import os
import resource
import secrets
import shutil
import ssl
import sys
import uuid

sys.dont_write_bytecode = True      # nothing is written outside the emulator's folder

import badtls
import certs
import browser
import httpd
from arm import Arm
from entra import Entra
from faults import Faults
from fleet import Fleet
from graph import Graph
from managed import Managed
from oidc import Oidc
from relay import Relay
from services import pattern_sha256
from tlsio import Listener, TlsConn
from tokens import SasRules
from world import Clock, Log, Threads

SUFFIX = "relay.emulated.test"
NAMESPACE = "ns1"
NODE = "g0-emulated-001-sb"
RELAY_SAN = f"DNS:*.{SUFFIX}"
ARM_SCOPES = ("https://management.azure.com/.default", "https://management.core.windows.net//.default")


class Emulator(Fleet):
    """See the module's text. Parts: log, faults, entra, managed, oidc, arm, graph, relay, rules, clock.

    clock_skew is how many seconds the clock of all these services is ahead of the clients'.
    """

    def __init__(self, folder, tenant=None, client=None, secret=None, subscription=None, relay_curve=None,
                 mirror=None):
        self.folder = os.path.realpath(folder)
        self.relay_curve = relay_curve      # 'secp384r1': others cost a HelloRetryRequest, as in Azure
        super().__init__(subscription or str(uuid.uuid4()))
        self.log = Log(mirror)
        self.threads = Threads(self.log)
        self.faults = Faults()
        self.clock = Clock()
        self.rules = SasRules(self.clock)
        self.service_key = secrets.token_bytes(32)
        self.entra = Entra(self, tenant or str(uuid.uuid4()), client or str(uuid.uuid4()),
                           secret or secrets.token_urlsafe(24), list(ARM_SCOPES))
        self.oidc = Oidc(self)
        self.managed = Managed(self, os.path.join(self.folder, "azcmagent-tokens"))
        self.relay = Relay(f"{NAMESPACE}.{SUFFIX}", f"{NODE}.{SUFFIX}", self.rules,
                           self.faults, self.threads, self.log)
        self.relay.wake = self.wake
        self.graph = Graph(self)
        self.arm = Arm(self)
        self._listeners = []
        self._bad_count = itertools.count()
        self.cloud_file = os.path.join(self.folder, "cloud.json")

    # --- life ---

    def start(self):
        os.makedirs(self.folder, exist_ok=True)
        _raise_descriptor_limit()
        self._switch_interval = sys.getswitchinterval()
        sys.setswitchinterval(0.001)    # many short turns: a relay is all hand-overs
        self._ca = certs.Authority(os.path.join(self.folder, "certs"))
        self.ca_file = os.path.join(self.folder, "ca.pem")
        shutil.copyfile(self._ca.cert, self.ca_file)
        self.client_context = certs.client_context(self.ca_file)
        relay_context = certs.server_context(*self._ca.leaf("relay", RELAY_SAN))
        if self.relay_curve:
            relay_context.set_ecdh_curve(self.relay_curve)
        management_context = certs.server_context(*self._ca.leaf("management", "IP:127.0.0.1,DNS:localhost"))
        self.relay_port = self._listen("relay", relay_context, self.relay.serve)
        self.arm_port = self._listen("management", management_context, self._serve_management)
        self.management = self.authority = f"https://127.0.0.1:{self.arm_port}"
        self.entra.scopes += [f"{self.management}/.default", f"{self.management}//.default"]
        self.entra.resource = self.management
        self._listeners.append(self.managed.start())
        self._write_cloud()
        self.go_live()
        return self

    def stop(self):
        """End everything; the names of threads that did not end (none, if all is well)."""
        self.threads.stop()
        self.stop_fleet()
        for stoppable in [self.relay, *self._listeners]:
            stoppable.stop()
        sys.setswitchinterval(self._switch_interval)
        return self.threads.join()

    def __enter__(self):
        return self.start()

    def __exit__(self, *error):
        self.stop()

    def _write_cloud(self):
        with open(self.cloud_file, "w") as file:
            json.dump({"name": "emulated", "managementEndpoint": self.management, "authority": self.authority,
                       "relaySuffix": SUFFIX, "caFile": self.ca_file, "sshScope": self.entra.ssh_scope}, file, indent=1)
        os.chmod(self.cloud_file, 0o644)    # one that others can change is refused

    # --- listeners ---

    def _listen(self, name, context, serve):
        listener = Listener(self.threads, lambda sock: self._serve_tls(name, sock, context, serve), name)
        self._listeners.append(listener)
        return listener.port

    def _serve_tls(self, name, sock, context, serve):
        conn = TlsConn(sock, context)
        try:
            conn.handshake()
        except (OSError, ssl.SSLError) as error:
            self.log.add(name, "tls-failed", error=str(error))
            return
        self.log.add(name, "tls", version=conn.tls.version(), cipher=conn.tls.cipher()[0],
                     alpn=conn.tls.selected_alpn_protocol(), resumed=conn.tls.session_reused, sni=conn.sni)
        serve(conn)

    def _serve_management(self, conn):
        httpd.serve(conn, self._answer, self.threads)

    def _answer(self, request):
        part = next((part for part in (self.entra, self.oidc) if part.owns(request.path)), self.arm)
        response, faults = part.answer(request)
        response.headers.insert(0, ("Date", self.clock.http_date()))
        return response, faults

    def bad_relay(self, kind):
        """A further relay port whose TLS is wrong; the port number.

        kind: expired, not-yet-valid, wrong-name, unknown-ca, self-signed, tls1.1,
        stall (TCP only, never a TLS byte), reset (RST at once), plain (HTTP without TLS).
        """
        if kind in badtls.BROKEN_TCP:
            listener = Listener(self.threads, badtls.BROKEN_TCP[kind], f"bad-{kind}")
            self._listeners.append(listener)
            return listener.port
        name = f"bad{next(self._bad_count)}"
        context = badtls.context(kind, self._ca, os.path.dirname(self._ca.cert), name, RELAY_SAN)
        return self._listen(f"bad-{kind}", context, self.relay.serve)

    # --- for tests ---

    @property
    def clock_skew(self):
        return self.clock.skew

    @clock_skew.setter
    def clock_skew(self, seconds):
        self.clock.skew = seconds

    def count(self, **match):
        return self.log.count(**match)

    def wait(self, timeout=10, **match):
        return self.log.wait(timeout, **match)

    def browse(self, url):
        """What a user's browser does with a URL: follows redirects; (status, page) of the last answer."""
        return browser.browse(url, self.ca_file)

    def issue_token(self, lifetime=None, user=None):
        """An ARM token as from `az account get-access-token`."""
        return self.entra.issue(lifetime, user)

    def issue_credentials(self, name, lifetime=3600):
        """The document of listCredentials, without a request."""
        return self.arm.credentials(self.machine(name), lifetime, "SSH")

    source_sha256 = staticmethod(pattern_sha256)


def _raise_descriptor_limit():
    """A session takes ten descriptors here, and 200 sessions at once must work."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8192 if hard == resource.RLIM_INFINITY else min(hard, 8192)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    import program
    sys.exit(program.main())
