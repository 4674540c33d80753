"""Goal: no secret is seen where others look: in what is printed, at the highest verbosity and
on every path of error, also when Azure repeats it; in arguments and environments of children;
in files that are not ours alone; in the memory of a session.
"""

import base64
import json
import os
import socket
import subprocess
import threading
import time
import urllib.parse

import tap
from azfolder import AzFolder
from canary import Secrets, memory_of, private_lines
from harness import HANG_S, MODE, PROXY, TOOL, WRAP, EmulatorCase, Fault
from namespaces import arc_agent

import certs        # of the emulator, which harness has found

USER = "jane.doe@emulated.test"
RECORDER = """#!/bin/sh
{ printf '%s\\n' "$0" "$@"; [ -n "$NO_ENV" ] || env; } >> "$RECORD"
"""
TOLD = {"client": "entra", "federated": "entra", "refresh": "entra", "request": "oidc", "system": "oidc",
        "header": "managed", "himds": "managed", "token": "arm"}        # who knows a secret, and can repeat it
VERBS = ("credentials",) if MODE == "valgrind" else ("credentials", "whoami")


def openssl(*args):
    subprocess.run(["openssl", *args], stdin=subprocess.DEVNULL, capture_output=True, check=True)


def read(path):
    with open(path) as file:
        return file.read()


class CanaryCase(EmulatorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.emu.add_machine("web01", service="echo")
        cls.emu.entra.add_user(USER)

    def setUp(self):
        super().setUp()
        self.emu.faults.clear()
        self.before = len(self.emu.log)
        self.plain = {name: value for name, value in self.env.items() if not name.startswith("AZURE_")}
        self.plain["XDG_STATE_HOME"] = os.path.join(self.home, "state")
        self.env = {**self.plain, "AZURE_TENANT_ID": self.emu.entra.tenant,
                    "AZURE_CLIENT_ID": self.emu.entra.client, "AZURE_CLIENT_SECRET": self.emu.entra.secret}
        self.secrets = Secrets(client=self.emu.entra.secret)
        self.ours = {os.path.join(self.home, "cache", "arc-relay"), os.path.join(self.home, "state", "arc-relay")}
        self.inputs = set()         # files that the test itself has written
        self.record = os.path.join(self.home, "record")
        self.box = []

    # --- running and looking ---

    def command(self, verb, *args):
        machine = [self.emu.machine_id("web01")] if verb == "credentials" else []
        cloud = [] if verb in ("cache", "logout") else ["--cloud-file", self.emu.cloud_file]
        return [*self.box, *WRAP, TOOL, verb, *cloud, "-vv", *args, *machine]

    def run_tool(self, verb, *args, **more):
        more.setdefault("input", "")
        return subprocess.run(self.command(verb, *args), env=self.env, capture_output=True, text=True,
                              timeout=HANG_S, **more)

    def look(self, done, is_product=False):
        """At what it printed; is_product: stdout is the secret that was asked for."""
        self.secrets.learn(self.emu.log[self.before:])
        if is_product and done.stdout:
            relay = json.loads(done.stdout)["relay"]
            self.secrets.add("access key", relay["accessKey"])
            self.secrets.add("service token", relay["serviceConfigurationToken"])
        else:
            self.assertEqual(self.secrets.seen_in(done.stdout), [], done.args)
        self.assertEqual(self.secrets.seen_in(done.stderr), [], done.stderr)

    def look_at_files(self):
        bad = [row for row in self.secrets.bad_files(self.home, self.ours) if row[0] not in self.inputs]
        self.assertEqual(bad, [])

    def echo(self, queue, quoted):
        """A script for an error's document: the peer repeats each secret of the request, one in each text."""
        def script(document):
            learnt = Secrets()
            learnt.learn([self.emu.log.find(who=queue)[-1]])
            told = [urllib.parse.quote(text, safe="") if quoted else text
                    for text in [*learnt.named.values(), *self.told(queue)]]
            told = (told * 4)[self.turn % max(1, len(told)):] or [""]
            self.turn += 1
            if not isinstance(document, dict):
                return document
            inner = document["error"] if isinstance(document.get("error"), dict) else document
            for number, name in enumerate(("message", "code", "error_description", "error_codes", "Message")):
                inner[name] = told[number % len(told)] if number % 2 else f"AADSTS1: {told[number % len(told)]}"
            return document
        self.turn = 0
        return script

    def told(self, queue):
        return [text for name, text in self.secrets.named.items() if TOLD.get(name) == queue]

    def refusals(self, queue):
        """Faults under which the endpoint repeats what it was sent."""
        for quoted in (False, True):
            for code, error in ((400, "invalid_grant"), (401, "invalid_client"), (403, "AuthorizationFailed"),
                                (404, "ResourceNotFound")):
                if (queue, code) == ("managed", 404):
                    continue    # IMDS says so while it is updated: patience is not the subject here
                yield [Fault("status", code=code, error=error), Fault("edit", script=self.echo(queue, quoted))]
        for secret in self.told(queue):
            head = {"x-ms-request-id": secret, "x-ms-correlation-request-id": secret, "WWW-Authenticate": secret,
                    "Location": "https://" + secret, "Retry-After": "3600"}
            clean = {name: "".join(c for c in value if " " <= c <= "~") for name, value in head.items()}
            yield Fault("status", code=302, body=secret, headers=clean)
            yield Fault("status", code=429, body=secret, headers=clean)
            yield Fault("status", code=403, body=f"<html>{secret}</html>", content_type="text/html", headers=clean)
            yield Fault("status", code=200, body=json.dumps({"access_token": 7, "value": secret, "relay": secret}))
            yield Fault("status", code=200, body=secret)
            yield Fault("raw", data=b"HTTP/1.1 400 " + secret.encode() + b"\r\nContent-Length: 0\r\n\r\n")

    def run_faulty(self, queue, fault, *command):
        faults = getattr(self.emu.faults, queue)
        if "himds" in self.secrets.named:     # it is in the second request
            faults.extend(["ok"] + 9 * [fault])
        else:
            faults.always = fault
        done = self.run_tool(*command)
        faults.always = None
        faults.clear()
        return done

    def whole(self, *queues):
        """Success, then every refusal of these endpoints, by each verb; and the files afterwards."""
        for verb in ("credentials", "whoami"):
            done = self.run_tool(verb)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.look(done, verb == "credentials")
        for queue in queues:
            for fault in self.refusals(queue):
                for verb in VERBS:
                    if verb == "whoami" and queue == "arm":
                        continue
                    args = ["--refresh"] if verb == "credentials" else ["--no-cache"]
                    done = self.run_faulty(queue, fault, verb, *args)
                    with self.subTest(queue=queue, fault=fault, verb=verb):
                        if verb == "credentials" or done.returncode != 0:
                            self.assertNotEqual(done.returncode, 0, done.stdout)
                        self.look(done, verb == "credentials")
        done = self.run_tool("cache", "list", "--json")
        self.look(done)
        self.look_at_files()


class Sources(CanaryCase):
    def application(self, **more):
        self.env = {**self.plain, "AZURE_TENANT_ID": self.emu.entra.tenant,
                    "AZURE_CLIENT_ID": self.emu.entra.client, **more}

    def test_client_secret(self):
        self.whole("entra", "arm")

    def test_a_secret_that_needs_quoting(self):
        for secret in ("a+b/c=d e&f%g\"h\\i+j/k=l m&n%o", "pass:word?#<0123456789>'"):
            self.application(AZURE_CLIENT_SECRET=secret)
            self.secrets = Secrets(client=secret)
            for fault in self.refusals("entra"):
                self.look(self.run_faulty("entra", fault, "credentials", "--refresh"))
        self.look_at_files()

    def test_certificate(self):
        cert, key = certs.application(self.home, "canary")
        self.emu.entra.add_certificate(cert)
        locked, both = os.path.join(self.home, "locked.pem"), os.path.join(self.home, "both.pem")
        openssl("pkcs8", "-topk8", "-in", key, "-out", locked, "-passout", "pass:canary-of-the-key-9f3a")
        with open(both, "w") as file:
            file.write(read(locked) + read(cert))
        os.chmod(both, 0o600)
        self.inputs = {cert, key, locked, both}
        self.secrets = Secrets(password="canary-of-the-key-9f3a")
        lines = read(key).splitlines()
        self.secrets.add("key", lines[len(lines) // 2])
        self.secrets.add("key too", lines[3])
        self.application(AZURE_CLIENT_CERTIFICATE_PATH=both,
                         AZURE_CLIENT_CERTIFICATE_PASSWORD="canary-of-the-key-9f3a")
        self.whole("entra")
        self.env["AZURE_CLIENT_CERTIFICATE_PASSWORD"] = "canary-of-the-key-9f3a" + "x"
        self.look(self.run_tool("credentials", "--refresh"))
        with open(both, "w") as file:
            file.write(read(key)[:-60])
        self.look(self.run_tool("credentials", "--refresh"))

    def test_the_key_of_ssh_certificates(self):
        folder = os.path.join(self.home, "state", "arc-relay")
        key = os.path.join(folder, "id_rsa")
        done = self.run_tool("cert")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = private_lines(read(key))
        self.assertGreater(len(lines), 20)
        for number, line in enumerate(lines):
            self.secrets.add(f"line {number}", line)
        self.look(done)
        bin = os.path.join(self.home, "bin")
        os.mkdir(bin)
        with open(bin + "/ssh-add", "w") as file:
            file.write(RECORDER)
        os.chmod(file.name, 0o755)
        self.env.update(PATH=f"{bin}:{self.env['PATH']}", SSH_AUTH_SOCK="/nowhere", RECORD=self.record)
        self.look(self.run_tool("cert", "--agent", "--json"))
        self.assertIn("ssh-add", read(self.record))
        self.assertEqual(self.secrets.seen_in(read(self.record)), [])
        for fault in self.refusals("entra"):
            for name in os.listdir(folder):
                if name == "id_rsa-cert.pub" or len(name) == 64:
                    os.unlink(os.path.join(folder, name))
            done = self.run_faulty("entra", fault, "cert", "ensure")
            self.assertNotEqual(done.returncode, 0)
            self.look(done)
        self.look_at_files()
        with open(key, "r+") as file:
            file.truncate(1500)
        self.look(self.run_tool("cert"))

    def test_workload(self):
        env = self.emu.oidc.workload_env(self.home)
        self.emu.entra.federate(*self.emu.oidc.workload)
        self.inputs = {env["AZURE_FEDERATED_TOKEN_FILE"]}
        self.secrets = Secrets(federated=read(env["AZURE_FEDERATED_TOKEN_FILE"]).strip())
        self.application(**env)
        self.whole("entra")

    def test_github(self):
        env = self.emu.oidc.github_env()
        self.emu.entra.federate(*self.emu.oidc.github)
        self.secrets = Secrets(request=env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
        self.application(**env)
        self.whole("oidc", "entra")

    def test_pipelines(self):
        env = self.emu.oidc.pipelines_env()
        self.emu.entra.federate(*self.emu.oidc.pipelines)
        self.secrets = Secrets(system=env["SYSTEM_ACCESSTOKEN"])
        self.env = {**self.plain, **env}
        self.whole("oidc", "entra")

    def test_managed_identities(self):
        for kind in ("imds", "app-service", "cloud-shell"):
            with self.subTest(kind=kind):
                env = self.emu.managed.env(kind)
                self.secrets = Secrets(**{"header": env["IDENTITY_HEADER"]} if "IDENTITY_HEADER" in env else {})
                self.env = {**self.plain, **env}
                self.whole("managed")

    def test_arc(self):
        self.secrets = Secrets(himds="canary-of-himds-7e21d0aa53c94c0e")
        self.emu.managed.key_text = "canary-of-himds-7e21d0aa53c94c0e"
        self.env = {**self.plain, **self.emu.managed.env("arc")}
        self.box = arc_agent(self.emu.managed.tokens_dir)
        self.whole("managed")

    def log_in(self):
        child = subprocess.Popen(self.command("login", "--device-code"), env=self.env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + HANG_S
        while not (codes := self.emu.entra.pending_codes()) and time.monotonic() < end:
            time.sleep(0.02)
        self.emu.entra.approve(codes[0], USER)
        out, err = child.communicate(timeout=HANG_S)
        self.assertEqual(child.returncode, 0, err)
        done = subprocess.CompletedProcess(child.args, 0, out, err)
        (secret,) = [path for path in self.state_files() if "account.json" not in path and not path.endswith(".lck")]
        self.secrets.add("first", read(secret))     # Entra gives another one each time
        return done

    def state_files(self):
        folder = os.path.join(self.home, "state", "arc-relay")
        return [os.path.join(folder, name) for name in os.listdir(folder)]

    def test_login(self):
        self.env, self.secrets = self.plain, Secrets()
        self.look(self.log_in())
        self.whole("entra")
        for fault in self.refusals("entra"):
            self.look(self.run_faulty("entra", fault, "login", "--device-code"))
        self.look(self.run_tool("logout"))
        self.look_at_files()

    def test_login_of_an_application(self):
        self.env = self.plain
        self.look(self.run_tool("login", "--service-principal", "--tenant", self.emu.entra.tenant, "--client-id",
                                self.emu.entra.client, input=self.emu.entra.secret + "\n"))
        self.whole("entra")

    def test_azure_cli(self):
        az = AzFolder(self.home, self.emu)
        az.profile(user=USER)
        token = self.emu.entra.issue(user=USER)
        az.cache(az.access(token), az.refresh("0.canary-of-az-refresh-51c7"), user=USER)
        self.inputs = {az.path("msal_token_cache.json")}
        self.secrets = Secrets(token=token, refresh="0.canary-of-az-refresh-51c7")
        self.env = {**self.plain, "PATH": f"{az.bin}:{self.plain['PATH']}", "FAKE_AZ_LOG": az.log,
                    "FAKE_AZ_DO": "exit 9"}
        self.whole("arm")
        az.cache(az.refresh("0.canary-of-az-refresh-51c7"), user=USER)
        for fault in self.refusals("entra"):
            self.look(self.run_faulty("entra", fault, "credentials", "--refresh"))
        self.look_at_files()


class Elsewhere(CanaryCase):
    def test_what_children_get(self):
        """az, a browser and arc-relay itself: arguments, and the environment of those that are not ours."""
        folder = os.path.join(self.home, "bin")
        os.mkdir(folder)
        for name in ("az", "browser"):
            with open(os.path.join(folder, name), "w") as file:
                file.write(RECORDER)
            os.chmod(file.name, 0o755)
        self.env.update(PATH=folder + ":" + self.env["PATH"], RECORD=self.record, DISPLAY=":9",
                        BROWSER=os.path.join(folder, "browser"), IDENTITY_HEADER="canary-of-the-header-33",
                        SYSTEM_ACCESSTOKEN="canary-of-the-pipeline-44", AZURE_PASSWORD="canary-of-a-user-55",
                        ACTIONS_ID_TOKEN_REQUEST_TOKEN="canary-of-the-action-66",
                        AZURE_CLIENT_CERTIFICATE_PASSWORD="canary-of-the-key-77", MSI_SECRET="canary-of-msi-88")
        self.secrets.named.update({name: value for name, value in self.env.items() if "canary-" in value})
        self.look(self.run_tool("credentials", "--credential", "azure-cli"))
        self.look(self.run_tool("login", "--browser", "--timeout", "1"))
        told = read(self.record)
        self.assertIn("get-access-token", told)
        self.assertIn("/authorize?", told)
        self.assertEqual(self.secrets.seen_in(told), [])

    def test_what_arc_relay_shows_of_itself(self):
        """While it waits: its arguments, its environment, no core, and not to be looked into."""
        self.env["IDENTITY_HEADER"] = "canary-of-the-header-33"
        self.secrets.add("header", "canary-of-the-header-33")
        self.emu.faults.entra.append(Fault("stall"))
        before = self.emu.count(who="entra", what="token")
        child = subprocess.Popen(self.command("credentials"), env=self.env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.emu.wait(HANG_S, who="entra", what="token", n=before + 1)
        self.assertEqual(self.secrets.seen_in(read(f"/proc/{child.pid}/cmdline")), [])
        if not WRAP:    # valgrind keeps the environment of the program in its own
            self.assertEqual(self.environment_of(child.pid), [])
            self.assertRegex(read(f"/proc/{child.pid}/limits"), r"Max core file size +0 +0 ")
        child.terminate()
        child.communicate()

    def environment_of(self, pid):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                return self.secrets.seen_in(file.read())
        except PermissionError:     # for all but root, and so it shall be
            return []

    def session(self):
        """arc-relay-proxy, when the first byte has come back."""
        with open(os.path.join(self.home, "helper"), "w") as file:
            file.write(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {self.record}\nexec {" ".join(WRAP)} {TOOL} "$@"\n')
        os.chmod(file.name, 0o755)
        self.env["ARC_RELAY_HELPER"] = file.name
        child = self.proxy("-vv", self.emu.machine_id("web01"))
        child.stdin.write(b"hello")
        child.stdin.flush()
        self.assertEqual(child.stdout.read(5), b"hello")
        for path in (os.path.join(folder, name) for folder in self.ours if os.path.isdir(folder)
                     for name in os.listdir(folder)):
            if read(path).startswith("{") and (relay := json.loads(read(path)).get("relay")):
                self.secrets.add("access key", relay["accessKey"])
                self.secrets.add("service token", relay["serviceConfigurationToken"])
        self.secrets.learn(self.emu.log[self.before:])
        self.assertIn("access key", self.secrets.named)
        return child

    def test_a_session(self):
        child = self.session()
        self.assertEqual(self.secrets.seen_in(read(f"/proc/{child.pid}/cmdline")), [])
        self.assertEqual(self.secrets.seen_in(read(self.record)), [])
        if not MODE:        # what a checker keeps of memory is its own
            self.assertEqual(self.environment_of(child.pid), [])
            self.look_into(child.pid)
        out, err = child.communicate(timeout=HANG_S)
        self.assertEqual((self.secrets.seen_in(out), self.secrets.seen_in(err)), ([], []))
        self.look_at_files()

    def look_into(self, pid):
        try:
            seen = [self.secrets.seen_in_bytes(piece) for piece in memory_of(pid)]
        except PermissionError:
            self.assertNotEqual(os.geteuid(), 0)    # nobody but root may look at all
            return
        self.assertGreater(len(seen), 10)
        self.assertEqual([names for names in seen if names], [])

    def test_a_relay_that_repeats(self):
        """Also one from a file or the environment: the credential's own words come back as the reason."""
        document = self.emu.issue_credentials("web01")
        key = document["relay"]["accessKey"]
        signature = urllib.parse.parse_qs(key.split(" ", 1)[-1])["sig"][0]
        self.secrets = Secrets(key=key, plain=signature, token=document["relay"]["serviceConfigurationToken"])
        path = self.info_file("web01", text=base64.b64encode(json.dumps(document).encode()).decode())
        self.inputs = {path}
        for secret in (key, document["relay"]["serviceConfigurationToken"], key[-60:]):
            for code in (400, 401, 403, 410):
                self.emu.faults.dial.append(Fault("status", code=code, text=secret[:450]))
                child = self.proxy("-vv", "-r", path, "--deadline", "5")
                out, err = child.stdout.read(), child.stderr.read()     # stdin stays open, as ssh's does
                child.stdin.close()
                self.emu.faults.dial.clear()
                self.assertNotEqual(child.wait(HANG_S), 0, err)
                self.assertEqual((self.secrets.seen_in(out), self.secrets.seen_in(err)), ([], []), err)
        self.look_at_files()

    def test_files_that_are_not_what_they_should_be(self):
        """What is read and refused is not quoted."""
        secret = "canary-of-a-file-0b7d55e1"
        self.secrets = Secrets(file=secret)
        path = os.path.join(self.home, "given")
        for text in (secret, "{" + secret, json.dumps({"relay": {"accessKey": secret, "expiresOn": secret}}),
                     json.dumps({"relay": {"namespaceName": secret + "/", "namespaceNameSuffix": secret,
                                           "hybridConnectionName": secret, "accessKey": secret + "\r\n",
                                           "expiresOn": 4102444800}}),
                     base64.b64encode(secret.encode()).decode()):
            with open(path, "w") as file:
                file.write(text)
            for command, env in [([PROXY, "-vv", "-r", path], {}), ([PROXY, "-vv"], {"SSHPROXY_RELAY_INFO": text})]:
                done = subprocess.run(WRAP + command, env={**self.env, **env}, stdin=subprocess.DEVNULL,
                                      capture_output=True, timeout=HANG_S)
                self.assertNotEqual(done.returncode, 0)
                self.assertEqual(self.secrets.seen_in(done.stderr + done.stdout.replace(secret.encode() + b"/", b"")),
                                 [], done.stderr)

    def test_a_password_of_the_proxy(self):
        secret = "canary-of-the-proxy-c0ffee"
        self.secrets = Secrets(proxy=secret, client=self.emu.entra.secret)
        file = os.path.join(self.home, "proxy-auth")
        with open(file, "w") as auth:
            auth.write(f"user:{secret}\n")
        os.chmod(file, 0o600)
        self.inputs = {file}
        for status in (200, 403, 407, 502):
            for by_file in (False, True):
                with socket.create_server(("127.0.0.1", 0)) as server:
                    def serve():
                        try:
                            while True:
                                conn = server.accept()[0]
                                conn.recv(65536)
                                conn.sendall(f"HTTP/1.1 {status} {secret}\r\nProxy-Authenticate: Basic "
                                             f"realm=\"{secret}\"\r\nContent-Length: 0\r\n\r\n".encode())
                                conn.close()
                        except OSError:
                            pass
                    thread = threading.Thread(target=serve)
                    thread.start()
                    port = server.getsockname()[1]
                    env = {} if by_file else {"HTTPS_PROXY": f"http://user:{secret}@127.0.0.1:{port}"}
                    args = ["--proxy", f"http://127.0.0.1:{port}", "--proxy-auth-file", file] if by_file else []
                    for command in ([TOOL, "credentials", "--refresh"], [PROXY, "--deadline", "5"]):
                        done = subprocess.run(WRAP + [*command, "--cloud-file", self.emu.cloud_file, "-vv", *args,
                                              self.emu.machine_id("web01")], env={**self.env, **env},
                                              stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG_S)
                        with self.subTest(status=status, by_file=by_file, command=command):
                            self.assertNotEqual(done.returncode, 0)
                            self.assertEqual(self.secrets.seen_in(done.stdout + done.stderr), [], done.stderr)
                    server.shutdown(socket.SHUT_RDWR)
                    thread.join()
        self.look_at_files()


if __name__ == "__main__":
    tap.main()
