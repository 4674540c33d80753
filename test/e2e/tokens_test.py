"""Goal: each source of the environment and of pipelines gives a token for one request of the form
that Entra asks for; what is wrong with it is told with its remedy; its secrets stay with us.
"""

import json
import os
import re
import subprocess

import tap
from harness import HANG_S, MODE, SLOW, TOOL, WRAP, EmulatorCase, Fault

import certs        # of the emulator, which harness has found

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
UUID = r"\A[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z"


def openssl(*args):
    subprocess.run(["openssl", *args], stdin=subprocess.DEVNULL, capture_output=True, check=True)


def read(path):
    with open(path) as file:
        return file.read()


class TokensCase(EmulatorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.emu.add_machine("web01", service="echo")
        cls.ids = {"AZURE_TENANT_ID": cls.emu.entra.tenant, "AZURE_CLIENT_ID": cls.emu.entra.client}

    def setUp(self):
        super().setUp()
        self.emu.faults.clear()
        self.env = {name: value for name, value in self.env.items() if not name.startswith("AZURE_")}

    def run_tool(self, env, *args):
        return subprocess.run(WRAP + [TOOL, "credentials", "--cloud-file", self.emu.cloud_file, *args,
                                      self.emu.machine_id("web01")], env={**self.env, **env},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S)

    def counts(self):
        return (self.emu.count(who="entra", what="token"), self.emu.count(who="oidc", what="request"),
                self.emu.count(who="arm", operation="listcredentials"))

    def good(self, env, *args, oidc=0, stderr=""):
        """It works, with one request for the token and one for the credential.  The token request's row."""
        before = self.counts()
        done = self.run_tool(env, "--no-cache", *args)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(json.loads(done.stdout)), ["relay"])
        self.assertRegex(done.stderr, stderr or r"\A\Z")
        self.assertEqual(tuple(b - a for a, b in zip(before, self.counts())), (1, oidc, 1))
        return self.emu.log.find(who="entra", what="token")[-1]

    def bad(self, env, status, error, says, *args, requests=0, warns=0):
        """The line on stderr, after that many warnings; and the token requests that it took."""
        before = self.counts()[0]
        done = self.run_tool(env, "--no-cache", *args)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1 + warns, done.stderr)
        self.assertRegex(lines[-1], r"\Aarc-relay: .{1,388}\Z")
        self.assertRegex(lines[-1], r"\. fix: ")
        self.assertTrue(not error or lines[-1].endswith(f" [{error}]"), lines[-1])
        self.assertRegex(lines[-1], says)
        self.assertEqual(self.counts()[0] - before, requests)
        return lines[-1]

    def is_assertion_form(self, row):
        """The form of a token request with a client assertion; the assertion's decoded parts."""
        form = dict(row["form"])
        self.assertEqual(len(form.pop("client_assertion").split(".")), 3)
        self.assertEqual(form, {"grant_type": "client_credentials", "client_id": self.emu.entra.client,
                                "client_assertion_type": ASSERTION, "scope": self.emu.management + "/.default"})
        return row["assertion"]["header"], row["assertion"]["claims"]


class Certificates(TokensCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cert, cls.key = certs.application(cls.dir)
        cls.other, cls.other_key = certs.application(cls.dir, "other")
        cls.registered = cls.emu.entra.add_certificate(cls.cert)

    def file(self, *parts, mode=0o600):
        """A file of the parts, which are names of files or text."""
        path = os.path.join(self.home, "app.pem")
        with open(path, "w") as file:
            file.write("".join(read(part) if os.path.exists(part) else part for part in parts))
        os.chmod(path, mode)
        return path

    def use(self, path, **more):
        return {**self.ids, "AZURE_CLIENT_CERTIFICATE_PATH": path, **more}

    def converted(self, *args):
        """The private key as openssl writes it then."""
        path = os.path.join(self.home, "key")
        openssl(*args, "-in", self.key, "-out", path)
        return path

    def test_what_is_sent(self):
        header, claims = self.is_assertion_form(self.good(self.use(self.file(self.key, self.cert))))
        self.assertEqual(header, {"alg": "PS256", "typ": "JWT", "x5t#S256": self.registered.thumbprint})
        self.assertRegex(claims.pop("jti"), UUID)
        now = claims.pop("iat")
        self.assertLess(abs(now - self.emu.clock.now()), 300)
        self.assertEqual(claims, {
            "aud": f"{self.emu.authority}/{self.emu.entra.tenant}/oauth2/v2.0/token",
            "iss": self.emu.entra.client, "sub": self.emu.entra.client, "nbf": now, "exp": now + 600})

    def test_another_assertion_each_time(self):
        env = self.use(self.file(self.key, self.cert))
        rows = [self.good(env)["assertion"]["claims"]["jti"] for _ in range(2)]
        self.assertNotEqual(*rows)

    def test_the_chain_is_sent_when_asked_for(self):
        path = self.file(self.other, self.cert, self.key)
        ours, other = ("".join(read(path).splitlines()[1:-1]) for path in (self.cert, self.other))
        for value in ("1", "true", "TRUE"):
            row = self.good(self.use(path, AZURE_CLIENT_SEND_CERTIFICATE_CHAIN=value))
            self.assertEqual(row["assertion"]["header"]["x5c"], [ours, other])
        for value in ("0", "false", ""):
            row = self.good(self.use(path, AZURE_CLIENT_SEND_CERTIFICATE_CHAIN=value))
            self.assertNotIn("x5c", row["assertion"]["header"])

    def test_forms_of_a_key(self):
        for args in (["rsa", "-traditional"], ["pkcs8", "-topk8", "-nocrypt"]):
            with self.subTest(args=args):
                self.good(self.use(self.file(self.cert, self.converted(*args))))

    def test_forms_of_an_encrypted_key(self):
        for args in (["pkcs8", "-topk8"], ["pkcs8", "-topk8", "-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"],
                     ["pkcs8", "-topk8", "-v2", "des3"], ["rsa", "-traditional", "-aes256"]):
            with self.subTest(args=args):
                path = self.file(self.cert, self.converted(*args, "-passout", "pass:it is secret"))
                self.good(self.use(path, AZURE_CLIENT_CERTIFICATE_PASSWORD="it is secret"))
                told = self.bad(self.use(path, AZURE_CLIENT_CERTIFICATE_PASSWORD="it is wrong"), 67, "E306",
                                "the password does not open .*app.pem.*AZURE_CLIENT_CERTIFICATE_PASSWORD")
                self.assertNotIn("it is wrong", told)
                self.bad(self.use(path), 67, "E306", "app.pem is encrypted.*set AZURE_CLIENT_CERTIFICATE_PASSWORD")

    def test_files_that_will_not_do(self):
        scrypt = self.converted("pkcs8", "-topk8", "-scrypt", "-passout", "pass:x")
        for parts, says in [
                ([self.cert], "app.pem holds no private key.*cat"),
                ([self.key], "app.pem holds no certificate"),
                ([self.key, self.other], "belongs to none of its certificates"),
                ([""], "is no PEM file"), (["x" * 70000], "app.pem: File too large"),
                ([self.cert, "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"], "cannot be read"),
                ([self.key, "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----\n"], "no certificate"),
                ([self.cert, read(scrypt)], "cannot be read.*openssl pkey -aes256")]:
            with self.subTest(says=says):
                self.bad(self.use(self.file(*parts), AZURE_CLIENT_CERTIFICATE_PASSWORD="x"), 67, "E306", says)
        self.bad(self.use(self.home + "/absent"), 67, "E306", "cannot read the certificate .*absent: No such file")
        self.bad(self.use(self.home), 67, "E306", "cannot read the certificate .*: Is a directory")

    def test_keys_that_entra_does_not_take(self):
        for new_key, says in [
                (("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"), "is EC: Entra takes RSA"),
                (("-newkey", "rsa:1024", "-nodes"), "has 1024 bits: Entra takes 2048")]:
            with self.subTest(says=says):
                cert, key = certs.application(self.home, "odd", new_key)
                self.bad(self.use(self.file(cert, key)), 67, "E306", says + ".*az ad app credential reset")

    def test_pkcs12(self):
        path = os.path.join(self.home, "app.pfx")
        openssl("pkcs12", "-export", "-in", self.cert, "-inkey", self.key, "-passout", "pass:x", "-out", path)
        told = self.bad(self.use(path), 67, "E306", "app.pfx is no PEM file")
        openssl("pkcs12", "-nodes", "-in", path, "-passin", "pass:x", "-out", path + ".pem")     # what the fix says
        self.assertIn(f"openssl pkcs12 -nodes -in {path} -out ", told)
        self.good(self.use(path + ".pem"))

    def test_dates(self):
        authority = certs.Authority(os.path.join(self.home, "ca"))
        new_key, certs.NEW_KEY = certs.NEW_KEY, ["-newkey", "rsa:2048", "-nodes"]
        try:
            past = authority.dated_leaf("past", "DNS:x", "20200101000000Z", "20210304050607Z")
            future = authority.dated_leaf("future", "DNS:x", "20900102030405Z", "20910101000000Z")
        finally:
            certs.NEW_KEY = new_key
        self.bad(self.use(self.file(*past)), 67, "E306", "expired on 2021-03-04.*az ad app credential reset")
        self.bad(self.use(self.file(*future)), 67, "E306", "is not valid before 2090-01-02.*date")

    def test_one_that_the_application_does_not_know(self):
        path = self.file(self.other, self.other_key)
        sha1 = subprocess.run(["openssl", "x509", "-in", self.other, "-noout", "-fingerprint", "-sha1"],
                              capture_output=True, text=True, check=True).stdout.split("=")[1].strip().replace(":", "")
        told = self.bad(self.use(path), 67, "E306", "does not accept the certificate", requests=1)
        self.assertIn(f"thumbprint {sha1} (AADSTS700027)", told)
        self.assertIn(f"az ad app credential reset --id {self.emu.entra.client} --append --cert @{path} ", told)

    def test_a_file_that_everybody_can_read(self):
        path = self.file(self.cert, self.key, mode=0o644)
        self.good(self.use(path), stderr=rf"\Aarc-relay: .*everybody can read .*{path}: chmod 600 it\n\Z")

    def test_a_secret_goes_before(self):
        row = self.good(self.use("/absent", AZURE_CLIENT_SECRET=self.emu.entra.secret))
        self.assertEqual(row["form"]["client_secret"], self.emu.entra.secret)


class Federated(TokensCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for credential in (cls.emu.oidc.github, cls.emu.oidc.pipelines, cls.emu.oidc.workload):
            cls.emu.entra.federate(*credential)

    def workload(self, **token):
        return self.emu.oidc.workload_env(self.home, **token)

    def github(self, **more):
        return {**self.ids, **self.emu.oidc.github_env(), **more}

    def pipelines(self, **more):
        return {**self.emu.oidc.pipelines_env(), **more}

    def asked(self):
        """The last request to the issuer and its headers."""
        row = self.emu.log.find(who="oidc", what="request")[-1]
        return row, {name.lower(): value for name, value in row["headers"]}

    def test_workload_identity(self):
        env = self.workload()
        row = self.good(env)
        self.is_assertion_form(row)
        self.assertEqual(row["form"]["client_assertion"], read(env["AZURE_FEDERATED_TOKEN_FILE"]).strip())

    def test_github(self):
        row = self.good(self.github(), oidc=1)
        self.is_assertion_form(row)
        asked, headers = self.asked()
        self.assertEqual((asked["method"], asked["query"], asked["body"]),
                         ("GET", {"x": "y", "audience": "api://AzureADTokenExchange"}, b""))
        token = self.emu.oidc.github_env()["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
        self.assertEqual(headers["authorization"], f"Bearer {token}")

    def test_github_with_a_url_without_query(self):
        url = self.github()["ACTIONS_ID_TOKEN_REQUEST_URL"].split("?")[0]
        self.bad(self.github(ACTIONS_ID_TOKEN_REQUEST_URL=url), 67, "E308", "GitHub gives no token .status 401.")
        self.assertEqual(self.asked()[0]["query"], {"audience": "api://AzureADTokenExchange"})

    def test_github_towards_other_clouds(self):
        with open(self.emu.cloud_file) as file:
            cloud = json.load(file)
        cloud["caFile"] = os.path.join(os.path.dirname(self.emu.cloud_file), cloud["caFile"])
        path = os.path.join(self.home, "cloud.json")
        for name, audience in [("AzureUSGovernment", "api://AzureADTokenExchangeUSGov"),
                               ("AzureChinaCloud", "api://AzureADTokenExchangeChina")]:
            with open(path, "w") as file:
                json.dump({**cloud, "name": name}, file)
            self.emu.entra.federate(*self.emu.oidc.github, audience)
            done = subprocess.run(WRAP + [TOOL, "credentials", "--no-cache", "--cloud-file", path,
                                          self.emu.machine_id("web01")], env={**self.env, **self.github()},
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.asked()[0]["query"]["audience"], audience)

    def test_cold_and_warm(self):
        for env, oidc in [(self.workload(), 0), (self.github(), 1), (self.pipelines(), 1)]:
            before = self.counts()
            for wanted in ((1, oidc, 1), (1, oidc, 1)):
                done = self.run_tool(env)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(tuple(b - a for a, b in zip(before, self.counts())), wanted)

    def test_azure_pipelines(self):
        row = self.good(self.pipelines(), oidc=1)
        self.is_assertion_form(row)
        asked, headers = self.asked()
        self.assertEqual((asked["method"], asked["query"], asked["body"]),
                         ("POST", {"api-version": "7.1", "serviceConnectionId": self.emu.oidc.connection_id}, b""))
        self.assertEqual(headers["authorization"], "Bearer " + self.pipelines()["SYSTEM_ACCESSTOKEN"])
        self.assertEqual((headers["x-tfs-fedauthredirect"], headers["content-type"], headers["content-length"]),
                         ("Suppress", "application/json", "0"))

    def test_azure_pipelines_with_names_of_the_sdks(self):
        env = {name: value for name, value in self.pipelines().items()
               if name not in ("AZURESUBSCRIPTION_CLIENT_ID", "AZURESUBSCRIPTION_TENANT_ID")}
        self.good({**env, **self.ids}, oidc=1)

    def test_files_without_a_token(self):
        env = self.workload()
        path = env["AZURE_FEDERATED_TOKEN_FILE"]
        for text in ("", "\n", "no token", "a.b.c", "e30.e30.e30 e30", "a" * 70000):
            with self.subTest(text=text[:20]):
                with open(path, "w") as file:
                    file.write(text)
                self.bad(env, 67, "E308", f"{path} holds no federated token|cannot read .*{path}: File too large")
        os.unlink(path)
        self.bad(env, 67, "E308", f"cannot read the federated token {path}: No such file.*pod")

    def test_a_token_that_matches_nothing(self):
        client = self.emu.entra.client
        issuer, subject = self.emu.oidc.workload
        for token, says in [
                ({"issuer": "https://x.test"}, f"issuer https://x.test subject {subject} .AADSTS700211."),
                ({"subject": "system:x"}, f"issuer {issuer} subject system:x .AADSTS700213."),
                ({"audience": "api://x"}, "audience api://x .AADSTS700212."),
                ({"lifetime": -1000}, f"token of issuer {issuer} expired .AADSTS700024.")]:
            with self.subTest(token=token):
                told = self.bad(self.workload(**token), 67, "E308", says, requests=1)
                if "lifetime" not in token:
                    self.assertIn(f"az ad app federated-credential list --id {client}", told)

    def test_an_issuer_that_refuses(self):
        self.bad(self.github(ACTIONS_ID_TOKEN_REQUEST_TOKEN="x"), 67, "E308",
                 "GitHub gives no token .status 401.*permissions: id-token: write")
        self.bad(self.pipelines(SYSTEM_ACCESSTOKEN="x"), 67, "E308",
                 "Azure DevOps gives no token .status 401.*SYSTEM_ACCESSTOKEN: ..System.AccessToken.")
        self.bad(self.pipelines(AZURESUBSCRIPTION_SERVICE_CONNECTION_ID="0000"), 67, "E308", "status 404")
        for code in (203, 302):     # pages to sign in
            self.emu.faults.oidc.append(Fault("status", code=code, body=b"<html>sign in</html>", headers=[
                ("Location", self.emu.management + "/_signin")], content_type="text/html"))
            self.bad(self.pipelines(), 67, "E308", f"Azure DevOps gives no token .status {code}.")

    def test_answers_that_are_none(self):
        for body in (b"", b"<html>", b"{}", b'{"value":7}', b'{"value":"opaque"}', b'{"value":"a.e30.b\\u0000"}',
                     b'{"oidcToken":"a.e30.b"}'):
            with self.subTest(body=body):
                self.emu.faults.oidc.append(Fault("status", code=200, body=body))
                self.bad(self.github(), 67, "E308", "GitHub gives no token .status 200.")
        body = json.dumps({"value": self.emu.oidc.token(self.emu.oidc.github[1])}).encode()
        self.emu.faults.oidc.append(Fault("status", code=403, body=body))
        self.bad(self.github(), 67, "E308", "GitHub gives no token .status 403.")
        self.emu.faults.oidc.append(Fault("status", code=200, body=b"[" * 70000))
        done = self.run_tool(self.github(), "--no-cache")
        self.assertIn("larger than 65536 bytes", done.stderr)
        self.assertEqual(done.returncode, 76)

    def test_an_issuer_that_is_busy(self):
        self.emu.faults.oidc.append(Fault("status", code=503, headers=[("Retry-After", "1")]))
        self.good(self.github(), oidc=2)
        host = self.emu.management.removeprefix("https://")
        for code, error, says in [(429, "E408", f"{host} throttles"), (503, "E409", f"{host} fails with status 503")]:
            self.emu.faults.oidc.append(Fault("status", code=code, headers=[("Retry-After", "30")]))
            self.bad(self.github(), 75, error, says)

    def test_urls_that_are_not_asked(self):
        host = self.emu.management.removeprefix("https://")
        before = self.counts()
        for url in (f"http://{host}/_github/token?x=y", f"https://user@{host}/x", "https://", "https:///x", "file:///x",
                    f"https://{host}/x#y", f"https://{host}/x y", f"https://{host}\\@x/", "https://" + "x" * 3000):
            with self.subTest(url=url[:40]):
                self.bad(self.github(ACTIONS_ID_TOKEN_REQUEST_URL=url), 67, "E308", "GitHub's tokens is not https")
        self.bad(self.pipelines(SYSTEM_OIDCREQUESTURI=f"http://{host}/"), 67, "E308", "Azure DevOps's tokens is not https")
        self.bad(self.pipelines(AZURESUBSCRIPTION_SERVICE_CONNECTION_ID="x&y=z"), 67, "E308", "is no GUID: x&y=z")
        self.bad(self.github(ACTIONS_ID_TOKEN_REQUEST_TOKEN="x\r\nHost: y"), 67, "E308", "GitHub .* is not one word")
        self.assertEqual(self.counts(), before)


class Choice(TokensCase):
    """Which source is asked."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for credential in (cls.emu.oidc.github, cls.emu.oidc.pipelines, cls.emu.oidc.workload):
            cls.emu.entra.federate(*credential)

    def setUp(self):
        super().setUp()
        self.az_log = os.path.join(self.home, "az.log")
        az = os.path.join(self.home, "az")
        with open(az, "w") as file:
            file.write(f"#!/bin/sh\nenv > '{self.az_log}'\ncat '{self.home}/az.out'\n")
        os.chmod(az, 0o755)
        with open(self.home + "/az.out", "w") as file:
            json.dump({"accessToken": self.emu.entra.issue(), "expires_on": 9999999999}, file)
        self.env["PATH"] = self.home + ":" + self.env["PATH"]
        self.all = {**self.emu.oidc.workload_env(self.home), **self.emu.oidc.github_env(),
                    **self.emu.oidc.pipelines_env(), **self.ids, "AZURE_CLIENT_SECRET": self.emu.entra.secret}

    def source(self, env, *args):
        """The name of the source whose token was used."""
        done = self.run_tool(env, "--no-cache", "-v", *args)
        self.assertEqual(done.returncode, 0, done.stderr)
        return re.search(r"^arc-relay: token from ([a-z-]+), \d+ bytes", done.stderr, re.MULTILINE)[1]

    def without(self, *names):
        return {name: value for name, value in self.all.items() if name not in names}

    def test_the_order(self):
        gone = []
        for name, variable in [("environment", "AZURE_CLIENT_SECRET"),
                               ("workload-identity", "AZURE_FEDERATED_TOKEN_FILE"),
                               ("github", "ACTIONS_ID_TOKEN_REQUEST_URL"), ("azure-pipelines", "SYSTEM_ACCESSTOKEN")]:
            self.assertEqual(self.source(self.without(*gone)), name)
            gone.append(variable)
        self.assertFalse(os.path.exists(self.az_log))

    def test_by_name(self):
        for ours, of_the_sdks, source in [
                ("environment", "EnvironmentCredential", "environment"),
                ("WORKLOAD-IDENTITY", "workloadidentitycredential", "workload-identity"),
                ("azure-pipelines", "AzurePipelinesCredential", "azure-pipelines"),
                ("azure-cli", "AzureCLICredential", "azure-cli")]:
            with self.subTest(source=source):
                self.assertEqual(self.source(self.all, "--credential", ours), source)
                self.assertEqual(self.source({**self.all, "AZURE_TOKEN_CREDENTIALS": of_the_sdks}), source)
        self.assertEqual(self.source(self.all, "--credential", "AzureCliCredential"), "azure-cli")
        self.assertEqual(self.source({**self.all, "AZURE_TOKEN_CREDENTIALS": "azure-cli"}, "--credential", "github"),
                         "github")

    def test_by_group(self):
        self.assertEqual(self.source({**self.all, "AZURE_TOKEN_CREDENTIALS": "Dev"}), "azure-cli")
        self.assertEqual(self.source({**self.all, "AZURE_TOKEN_CREDENTIALS": "PROD"}), "environment")
        self.assertEqual(self.source({**self.all, "AZURE_TOKEN_CREDENTIALS": ""}), "environment")
        os.unlink(self.az_log)
        told = self.bad({**self.ids, "AZURE_TOKEN_CREDENTIALS": "prod"}, 67, "E301", "not logged in to Azure .tried: ")
        self.assertRegex(told, r"environment, workload-identity.*, as AZURE_TOKEN_CREDENTIALS=prod says.*arc-relay login")
        self.assertFalse(os.path.exists(self.az_log))

    def test_unknown_names(self):
        self.bad({**self.all, "AZURE_TOKEN_CREDENTIALS": "VisualStudioCredential"}, 78, "",
                 'AZURE_TOKEN_CREDENTIALS: no credential is called "VisualStudioCredential".*prod, dev or one of: env')
        self.bad(self.all, 64, "", 'no credential is called "x".*one of: environment, ', "--credential", "x")

    def test_one_that_is_not_set_up(self):
        for name, needs in [("environment", "AZURE_CLIENT_CERTIFICATE_PATH"),
                            ("workload-identity", "AZURE_FEDERATED_TOKEN_FILE"),
                            ("github", "permissions: id-token: write"),
                            ("azure-pipelines", "SYSTEM_ACCESSTOKEN")]:
            with self.subTest(name=name):
                self.bad({}, 67, "E301", f"the credential {name} is not set up here. fix: .*{needs}",
                         "--credential", name)
        self.assertFalse(os.path.exists(self.az_log))

    def test_half_of_it_is_set(self):
        for env, says in [
                ({"AZURE_CLIENT_ID": "x", "AZURE_CLIENT_SECRET": "x"}, "environment: AZURE_TENANT_ID not set"),
                ({"AZURE_CLIENT_CERTIFICATE_PATH": "x"}, "environment: AZURE_TENANT_ID and AZURE_CLIENT_ID not set"),
                ({**self.ids, "AZURE_USERNAME": "u@x", "AZURE_PASSWORD": "canary"}, "AZURE_PASSWORD are not used"),
                ({**self.ids, "GITHUB_ACTIONS": "true"}, "github: .*id-token: write")]:
            with self.subTest(says=says):
                done = self.run_tool(env, "--no-cache", "-v")
                self.assertEqual(done.returncode, 0, done.stderr)       # az did it
                self.assertRegex(done.stderr, says)
                self.assertNotIn("canary", done.stderr)

    def test_what_fails_is_not_passed_over(self):
        self.bad({**self.all, "AZURE_CLIENT_SECRET": "wrong"}, 67, "E305", "az ad sp credential reset --id " +
                 self.emu.entra.client, requests=1)
        self.bad({**self.without("AZURE_CLIENT_SECRET"), "AZURE_FEDERATED_TOKEN_FILE": "/absent"}, 67, "E308", "/absent")
        self.assertFalse(os.path.exists(self.az_log))

    def test_a_child_learns_no_secret(self):
        secrets = {name: f"canary-{name}" for name in (
            "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "SYSTEM_ACCESSTOKEN", "IDENTITY_HEADER", "MSI_SECRET",
            "SSHPROXY_RELAY_INFO")}
        self.assertEqual(self.source({**secrets, "AZURE_CONFIG_DIR": "/kept"}, "--credential", "azure-cli"), "azure-cli")
        seen = read(self.az_log)
        self.assertNotIn("canary", seen)
        self.assertIn("AZURE_CONFIG_DIR=/kept", seen)


class Secrecy(TokensCase):
    """At the highest verbosity, while a request is under way."""

    def look(self, env):
        """Everything that others can see of a run: output, command line and environment."""
        self.emu.faults.arm.append(Fault("delay", seconds=1.0 * SLOW))
        before = self.emu.count(who="arm", operation="listcredentials")
        child = subprocess.Popen(
            WRAP + [TOOL, "credentials", "-vv", "--no-cache", "--cloud-file", self.emu.cloud_file,
                    self.emu.machine_id("web01")],
            env={**self.env, **env}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.emu.wait(HANG_S, who="arm", operation="listcredentials", n=before + 1)
        seen = read(f"/proc/{child.pid}/cmdline")
        if MODE != "valgrind":      # there the environment is valgrind's own
            try:
                seen += read(f"/proc/{child.pid}/environ")
                self.assertIn("AZURE_CLIENT_ID=", seen)
            except PermissionError:
                pass                # not even ours to read: the process is not dumpable
        err = child.communicate(timeout=HANG_S)[1].decode()
        self.assertEqual(child.returncode, 0, err)
        return seen + err

    def tokens(self):
        """What the last run got and sent, in pieces that no other text has."""
        form = self.emu.log.find(who="entra", what="token")[-1]["form"]
        sent = self.emu.log.find(who="arm", operation="listcredentials")[-1]["headers"]
        token = next(value for name, value in sent if name.lower() == "authorization").split()[1]
        return token.split(".")[1:] + form.get("client_assertion", "").split(".")[1:]

    def test_a_client_secret(self):
        seen = self.look({**self.ids, "AZURE_CLIENT_SECRET": self.emu.entra.secret, "AZURE_PASSWORD": "canary"})
        for secret in (self.emu.entra.secret, "canary", *self.tokens()):
            self.assertNotIn(secret, seen)

    def test_a_certificate(self):
        new_key = ("-newkey", "rsa:2048", "-passout", "pass:canary")
        cert, key = certs.application(self.home, "app", new_key)
        self.emu.entra.add_certificate(cert)
        with open(self.home + "/both", "w") as file:
            file.write(read(cert) + read(key))
        os.chmod(self.home + "/both", 0o600)
        seen = self.look({**self.ids, "AZURE_CLIENT_CERTIFICATE_PATH": self.home + "/both",
                          "AZURE_CLIENT_CERTIFICATE_PASSWORD": "canary"})
        for secret in ("canary", read(key).splitlines()[3], *self.tokens()):
            self.assertNotIn(secret, seen)

    def test_pipelines(self):
        for env, credential, secret in [
                ({**self.ids, **self.emu.oidc.github_env()}, self.emu.oidc.github, "ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
                ({**self.ids, **self.emu.oidc.pipelines_env()}, self.emu.oidc.pipelines, "SYSTEM_ACCESSTOKEN")]:
            self.emu.entra.federate(*credential)
            seen = self.look(env)
            for text in (env[secret], *self.tokens()):
                self.assertNotIn(text, seen)


tap.main()
