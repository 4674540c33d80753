"""Self tests of the emulator's certificates for OpenSSH; ssh-keygen, ssh and sshd are the other opinion."""

import base64
import calendar
import getpass
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]

from faults import Fault
from tokens import b64url
import tap
from signin_case import JANE, OWN, POWERSHELL, AuthCodeCase

METADATA = {"Metadata": "true", "Content-Type": "application/x-www-form-urlencoded"}
CHINA = "https://pas.chinacloudapi.cn/CheckMyAccess/Linux/.default"


def wire_strings(blob):
    """The strings of which an SSH blob is made."""
    found = []
    while blob:
        end = 4 + int.from_bytes(blob[:4], "big")
        found.append(blob[4:end])
        blob = blob[end:]
    return found


def run(*command, env=None):
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
                          env={"PATH": os.environ["PATH"], "TZ": "UTC", "LC_ALL": "C", **(env or {})})


class CertCase(AuthCodeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keys = tempfile.mkdtemp(dir=cls.folder)
        cls.key_file = cls.path("id")
        run("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", cls.key_file)
        with open(cls.path("id.pub")) as file:
            cls.public = base64.b64decode(file.read().split()[1])
        cls.e, cls.n = (part.lstrip(b"\0") for part in wire_strings(cls.public)[1:])

    @classmethod
    def path(cls, name):
        return os.path.join(cls.keys, name)

    def setUp(self):
        super().setUp()
        self.addCleanup(setattr, self.emu, "clock_skew", 0)
        self.addCleanup(setattr, self.entra, "ssh_lifetime", 3600)
        self.jwk = {"kty": "RSA", "n": b64url(self.n), "e": b64url(self.e), "kid": "k1"}
        self.want = {"token_type": "ssh-cert", "key_id": "k1", "req_cnf": json.dumps(self.jwk)}

    def certificate(self, doc):
        """What ssh-keygen reads of the certificate in an answer: name -> lines; it looks at the signature too."""
        self.assertEqual(doc["token_type"], "ssh-cert", doc)
        with open(self.path("id-cert.pub"), "w") as file:
            file.write(f"ssh-rsa-cert-v01@openssh.com {doc['access_token']}\n")
        done = run("ssh-keygen", "-L", "-f", self.path("id-cert.pub"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        found, name = {}, None
        for line in done.stdout.splitlines()[1:]:
            deep = re.match(r" {16}(.*)", line)
            if deep:
                found[name].append(deep[1].strip())
            else:
                name, _, text = line.strip().partition(":")
                found[name] = [text.strip()] if text.strip() else []
        return found

    def app(self, **changes):
        return self.client.login(**{"scope": self.entra.ssh_scope, **self.want, **changes})

    def user(self, token=None, upn=JANE, **changes):
        token = token or self.sign_in(upn)["refresh_token"]
        return self.refresh(token, **{"scope": f"{self.entra.ssh_scope} offline_access openid profile", **self.want,
                                      **changes})


class CertificateTest(CertCase):
    def test_of_an_application(self):
        before = int(time.time())
        status, doc = self.app()
        self.assertEqual((status, doc["token_type"], doc["expires_in"]), (200, "ssh-cert", 3600))
        cert = self.certificate(doc)
        self.assertEqual(cert["Type"], ["ssh-rsa-cert-v01@openssh.com user certificate"])
        fingerprint = run("ssh-keygen", "-l", "-f", self.path("id.pub")).stdout.split()[1]
        self.assertEqual(cert["Public key"], [f"RSA-CERT {fingerprint}"])
        with open(self.path("ca.pub"), "w") as file:
            file.write(self.entra.ssh_ca_line + "\n")
        fingerprint = run("ssh-keygen", "-l", "-f", self.path("ca.pub")).stdout.split()[1]
        self.assertEqual(cert["Signing CA"], [f"RSA {fingerprint} (using rsa-sha2-256)"])
        self.assertEqual((cert["Key ID"], cert["Principals"], cert["Critical Options"]),
                         (['"k1"'], [self.entra.app_principal], ["(none)"]))
        self.assertEqual([line for line in cert["Extensions"] if line.startswith("permit-")], [
            "permit-X11-forwarding", "permit-agent-forwarding", "permit-port-forwarding", "permit-pty",
            "permit-user-rc"])
        names = [line.split()[0] for line in cert["Extensions"]]
        self.assertEqual(names, sorted(names))              # PROTOCOL.certkeys wants it
        start, end = self.validity(cert)
        self.assertIn(start, range(before - 300, before - 240))
        self.assertEqual(end - start, 3900)

    def validity(self, cert):
        found = re.fullmatch(r"from (\S+) to (\S+)", cert["Valid"][0])
        return [calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S")) for text in found.groups()]

    def test_of_a_user(self):
        self.entra.add_user("Ann.Poe@Emulated.test")
        status, doc = self.user(upn="Ann.Poe@Emulated.test", client_info="1")
        cert = self.certificate(doc)
        self.assertEqual(cert["Principals"], ["Ann.Poe@Emulated.test"])
        self.assertTrue({"refresh_token", "id_token", "client_info", "foci"} <= doc.keys())
        self.assertEqual(self.refresh(doc["refresh_token"])[1]["token_type"], "Bearer")     # for ARM
        self.assertTrue(any(line.startswith("upn@sshservice.azure.net") for line in cert["Extensions"]))

    def test_every_grant(self):
        self.entra.browser_user = JANE
        scope = f"{self.entra.ssh_scope} offline_access"
        answers = [self.redeem(self.code(scope=scope), **self.want), self.user(client_id=POWERSHELL)]
        flow = self.begin(scope=scope)[1]
        self.entra.approve(flow["user_code"], JANE)
        answers.append(self.poll(flow["device_code"], **self.want))
        for status, doc in answers:
            self.assertEqual(self.certificate(doc)["Principals"], [JANE])
        self.emu.entra.federate(*self.emu.oidc.github)
        status, doc = self.app(client_secret="", client_assertion=self.emu.oidc.token(self.emu.oidc.github[1]),
                               client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        self.assertEqual(self.certificate(doc)["Principals"], [self.entra.app_principal])

    def test_clock_and_lifetime(self):
        self.emu.clock_skew = 86400
        self.entra.ssh_lifetime = 60
        doc = self.app()[1]
        start, end = self.validity(self.certificate(doc))
        self.assertEqual((doc["expires_in"], end - start), (60, 360))
        self.assertAlmostEqual(start + 300, time.time() + 86400, delta=60)

    def test_each_is_new(self):
        first, second = (self.app()[1]["access_token"] for _ in range(2))
        self.assertNotEqual(first, second)
        self.assertEqual(self.certificate(self.app(req_cnf=json.dumps({
            name: self.jwk[name] for name in ("n", "e", "kty")}))[1])["Key ID"], ['"k1"'])

    def test_log(self):
        before = self.emu.count(who="entra", what="token", token_type="ssh-cert")
        self.user()
        self.assertEqual(self.emu.count(who="entra", what="token", token_type="ssh-cert"), before + 1)
        row = self.emu.log.find(who="entra", what="token")[-1]
        self.assertEqual((row["grant"], row["status"], row["form"]["key_id"]), ("refresh_token", 200, "k1"))
        self.client.login()
        self.assertIsNone(self.emu.log.find(who="entra", what="token")[-1]["token_type"])

    def test_cloud_file(self):
        with open(self.emu.cloud_file) as file:
            self.assertEqual(json.load(file)["sshScope"], self.entra.ssh_scope)

    def test_fault(self):
        self.emu.faults.entra.append(Fault("status", code=400, error="invalid_grant", number=53003))
        self.refused(self.app(), "invalid_grant", 53003)


class RefusedTest(CertCase):
    def test_key(self):
        for changes in ({"kty": "EC"}, {"kty": None}, {"n": b64url(self.n) + "="}, {"n": b64url(b"\0" + self.n)},
                        {"n": base64.b64encode(self.n).decode()}, {"n": ""}, {"n": None}, {"n": b64url(self.n[:128])},
                        {"e": ""}, {"e": "AQ"}, {"e": "BA"}, {"e": 65537}, {"kid": "k2"}, {"n": 1}):
            bad = {**self.jwk, **changes}
            bad = {name: value for name, value in bad.items() if value is not None}
            self.refused(self.app(req_cnf=json.dumps(bad)), "invalid_request", 9002313)
        for text in (b64url(json.dumps(self.jwk).encode()), "[]", "x", "null", '"x"', "{", json.dumps([self.jwk])):
            self.refused(self.app(req_cnf=text), "invalid_request", 9002313)
        self.refused(self.app(req_cnf=""), "invalid_request", 900144)
        self.refused(self.app(key_id=""), "invalid_request", 900144)

    def test_token_type(self):
        for text in ("pop", "SSH-cert", "ssh-cert "):
            self.refused(self.app(token_type=text), "invalid_request", 90023)
        for text in ("", "bearer", "Bearer"):
            self.assertEqual(self.app(token_type=text)[1]["token_type"], "Bearer")

    def test_scope(self):
        self.refused(self.user(scope=CHINA), "invalid_resource", 500011)
        self.refused(self.app(scope=CHINA), "invalid_scope", 1002012)
        self.refused(self.user(scope=self.scope), "invalid_scope", 70011)
        self.refused(self.app(scope=f"{self.emu.management}/.default"), "invalid_scope", 70011)
        self.refused(self.app(scope=self.entra.ssh_scope.removesuffix("/.default")), "invalid_scope", 1002012)
        self.refused(self.begin(scope=CHINA), "invalid_resource", 500011)

    def test_other_client(self):
        token = self.sign_in(client_id=OWN)["refresh_token"]
        doc = self.refused(self.user(token, client_id=OWN), "invalid_request", 65002)
        self.assertIn(f"first party application '{OWN}'", doc["error_description"])
        self.refused(self.user(token, client_id=OWN, token_type=None), "invalid_request", 65002)

    def test_what_is_badly_asked_for_costs_nothing(self):
        self.setting("strict_rotation", True)
        token = self.sign_in()["refresh_token"]
        self.refused(self.user(token, key_id=None), "invalid_request", 900144)
        self.refused(self.user(token, scope=self.scope), "invalid_scope", 70011)
        self.assertEqual(self.user(token)[0], 200)
        self.refused(self.user(token), "invalid_grant", 70000)
        code = self.code(scope=self.entra.ssh_scope)
        self.refused(self.redeem(code, **{**self.want, "req_cnf": "x"}), "invalid_request", 9002313)
        self.assertEqual(self.redeem(code, **self.want)[0], 200)

    def test_not_for_arm(self):
        for form in (self.want, {}):
            self.client.token = self.client.login(scope=self.entra.ssh_scope, **form)[1]["access_token"]
            self.assertEqual(self.client.arm("GET", self.emu.machine_id("web"))[0], 401)


class ManagedTest(CertCase):
    def ask(self, kind, **form):
        """(status, document) of a managed identity endpoint, asked for a certificate."""
        env = self.emu.managed.env(kind)
        form = urllib.parse.urlencode({"resource": self.entra.ssh_resource, **self.want, **form})
        if kind == "cloud-shell":
            return self.client.plain("POST", env["MSI_ENDPOINT"], form, METADATA)
        url = env["AZURE_POD_IDENTITY_AUTHORITY_HOST"] + "/metadata/identity/oauth2/token?api-version=2018-02-01&"
        return self.client.plain("GET", url + form, headers={"Metadata": "true"})

    def test_cloud_shell(self):
        status, doc = self.ask("cloud-shell")
        cert = self.certificate(doc)
        self.assertEqual((status, cert["Principals"]), (200, [self.emu.managed.cloud_shell_user]))
        self.assertEqual(doc["expires_in"], "3600")
        self.assertAlmostEqual(int(doc["expires_on"]), time.time() + 3600, delta=60)
        self.assertEqual(self.emu.managed.requests[-1]["token_type"], "ssh-cert")
        for changes in ({"req_cnf": "x"}, {"token_type": "pop"}, {"resource": self.emu.management}):
            self.assertEqual(self.ask("cloud-shell", **changes)[0], 400, changes)
        self.assertEqual(self.ask("cloud-shell", token_type="")[1]["token_type"], "Bearer")

    def test_an_old_portal(self):
        self.addCleanup(setattr, self.emu.managed, "cloud_shell_certs", True)
        self.emu.managed.cloud_shell_certs = False
        self.assertEqual([self.ask("cloud-shell")[1][name] for name in ("token_type", "resource")],
                         ["Bearer", self.entra.ssh_resource])

    def test_imds_knows_nothing_of_it(self):
        status, doc = self.ask("imds")
        self.assertEqual((status, doc["token_type"]), (200, "Bearer"))


class LoginTest(CertCase):
    """A real ssh and a real sshd."""

    def setUp(self):
        super().setUp()
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.path("host"))
        with open(self.path("ca.pub"), "w") as file:
            file.write(self.entra.ssh_ca_line + "\n")
        with open(self.path("principals"), "w") as file:
            file.write(f"{JANE}\n")
        with open(self.path("sshd_config"), "w") as file:
            file.write(f"HostKey {self.path('host')}\nTrustedUserCAKeys {self.path('ca.pub')}\n"
                       f"AuthorizedPrincipalsFile {self.path('principals')}\nAuthorizedKeysFile none\n"
                       "StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n")
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)

    def login(self, answer):
        """Does the certificate of an answer let us in?"""
        self.certificate(answer[1])
        done = run("ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i", self.key_file,
                   "-o", f"CertificateFile={self.path('id-cert.pub')}", "-o", "StrictHostKeyChecking=no",
                   "-o", "UserKnownHostsFile=/dev/null", "-o", f"User={getpass.getuser()}",
                   "-o", f"ProxyCommand=/usr/sbin/sshd -i -e -f {self.path('sshd_config')}", "emulated", "echo in")
        return done.stdout == "in\n" and done.returncode == 0

    def test_login(self):
        self.assertTrue(self.login(self.user()))
        self.assertFalse(self.login(self.app()))            # another principal
        self.emu.clock_skew = -7200
        self.assertFalse(self.login(self.user()))           # over
        self.emu.clock_skew = 7200
        self.assertFalse(self.login(self.user()))           # not yet


if __name__ == "__main__":
    tap.main()
