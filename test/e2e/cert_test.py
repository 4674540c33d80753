"""Goal: an SSH certificate of Entra's from each login that can have one, with one request for all that want it,
none while it is good, and nothing of anybody's replaced but what is ours.
"""

import base64
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import time
import unittest

import tap
from azfolder import AzFolder
from cert_case import FILES, USER, CertCase, listing, make_key, read
from harness import HANG_S, MODE, SLOW, TOOL, WRAP, Fault, free_port, wait_for, whoami

CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
OTHER = "11111111-2222-4333-8444-555555555555"


class Request(CertCase):
    """What is asked for, and what is made of the answer."""

    def test_what_is_sent(self):
        self.good(requests=1)
        form = self.rows()[-1]["form"]
        jwk = json.loads(form["req_cnf"])
        self.assertEqual(sorted(jwk), ["e", "kid", "kty", "n"])
        self.assertEqual((jwk["kty"], jwk["e"], jwk["kid"]), ("RSA", "AQAB", form["key_id"]))
        self.assertRegex(form["key_id"], r"\A[0-9a-f]{64}\Z")
        self.assertEqual(len(base64.urlsafe_b64decode(jwk["n"] + "==")), 3072 // 8)
        self.assertEqual((form["token_type"], form["scope"]), ("ssh-cert", self.emu.entra.ssh_scope))

    def test_files(self):
        self.good()
        self.assertEqual(self.names(), FILES)
        public = subprocess.run(["ssh-keygen", "-y", "-f", self.key], capture_output=True, text=True, check=True).stdout
        self.assertEqual(read(self.key + ".pub").split()[:2], public.split()[:2])
        told = listing(self.key + "-cert.pub")
        self.assertIn("ssh-rsa-cert-v01@openssh.com user certificate", told)
        self.assertIn(f"\n                {self.emu.entra.app_principal}\n", told)
        fingerprint = subprocess.run(["ssh-keygen", "-l", "-f", self.key], capture_output=True, text=True).stdout.split()[1]
        self.assertIn(fingerprint, told)
        self.assertEqual([line for line in read(self.state + "/cert.conf").splitlines() if line[0] != "#"],
                         [f'User "{self.emu.entra.app_principal}"', f'IdentityFile "{self.key}"',
                          f'CertificateFile "{self.key}-cert.pub"', "IdentitiesOnly yes"])

    def test_what_is_shown(self):
        before = int(time.time())
        shown = self.shown()
        self.assertEqual({name: shown[name] for name in ("principal", "certificate", "key", "key_id", "renewed", "agent")},
                         {"principal": self.emu.entra.app_principal, "certificate": self.key + "-cert.pub",
                          "key": self.key, "key_id": self.rows()[-1]["form"]["key_id"], "renewed": True, "agent": False})
        self.assertLessEqual(abs(shown["expires_at"] - before - 3600), HANG_S)
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(shown["expires_at"]))
        due = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(shown["expires_at"] - 3900 // 5))
        self.assertEqual((shown["valid_until"], shown["renewed_after"]), (end, due))
        self.assertIs(self.shown()["renewed"], False)
        text = self.good(env={"TZ": "XYZ-3"})
        local = time.strftime("%Y-%m-%d %H:%M:%S XYZ", time.gmtime(shown["expires_at"] + 3 * 3600))
        self.assertIn(f"valid until:   {local} (", text)
        self.assertEqual(text.count("\n"), 6)
        self.assertIn(f"private key:   {self.key}\n", text)
        self.assertRegex(self.good("ensure"), r"\Acertificate for [0-9a-f-]{36}, until [^\n]+\n\Z")
        self.assertEqual(self.good("ensure", "--quiet") + self.good("--quiet"), "")

    def test_the_principal_is_lower_case(self):
        self.log_in("Alice.B@Emulated.test")
        self.assertEqual(self.shown()["principal"], "alice.b@emulated.test")
        self.assertIn('User "alice.b@emulated.test"\n', read(self.state + "/cert.conf"))

    def test_answers_that_will_not_do(self):
        self.good()
        form, blob = self.rows()[-1]["form"], self.sign()
        other = make_key(os.path.join(self.home, "other"))
        jwk = json.loads(form["req_cnf"])
        jwk["n"] = jwk["n"][:-4] + ("AAAB" if jwk["n"][-4:] != "AAAB" else "AAAD")
        another = self.sign(form={**form, "req_cnf": json.dumps(jwk)})
        raw = bytearray(base64.b64decode(blob))
        at = raw.index(len(form["key_id"]).to_bytes(4, "big") + form["key_id"].encode())
        raw[at - 1] = 2
        host = base64.b64encode(raw).decode()
        bad_user = self.sign("a b\nHost *")
        self.age(3700)      # what there is has expired
        for changes, error, says in [
                ({"token_type": "Bearer"}, "E412", 'asked for an SSH certificate, environment gave a token of type "Bearer"'),
                ({"token_type": None}, "E412", 'of type ""'),
                ({"access_token": None}, "E412", "no access_token"),
                ({"access_token": "AAAA"}, "E412", r"\(4 bytes\) is none"),
                ({"access_token": "&&&"}, "E412", "is none"),
                ({"access_token": blob[:-40]}, "E412", "is none"),
                ({"access_token": other.split("-----")[2].replace("\n", "")}, "E412", "is none"),
                ({"access_token": another}, "E412", "is for another key"),
                ({"access_token": host}, "E412", "is one for hosts, not for users"),
                ({"access_token": self.sign("")}, "E412", "is for nobody"),
                ({"access_token": bad_user}, "E412", r'is for "a b\?host \*", which cannot be a User'),
                ({"access_token": self.sign("-oProxyCommand=x")}, "E412", "cannot be a User of ssh_config"),
                ({"access_token": self.sign(skew=-4000)}, "E111", "our clock says 20.*timedatectl"),
                ({"access_token": self.sign(skew=4000)}, "E111", "our clock says 20.*timedatectl")]:
            with self.subTest(says=says):
                files = self.snapshot()
                self.forget_failures()
                self.answers(**changes)
                status = 78 if error == "E111" else 76
                self.bad(status, error, says, "ensure", "--quiet", requests=1)
                self.assertEqual(self.snapshot(), files)
        self.forget_failures()
        self.good("ensure")

    def test_small_differences_of_the_clocks(self):
        self.emu.clock_skew = 500       # it begins 200 s from now
        self.good(requests=1)
        self.good(requests=0)

    def test_a_long_life_is_told(self):
        self.emu.entra.ssh_lifetime = 25 * 3600
        done = self.cert("ensure")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("more than a day", done.stderr)
        self.assertEqual(self.good("ensure", "--quiet"), "")

    def test_usage(self):
        self.bad(64, "", 'takes no argument but "ensure"', "show")
        self.bad(64, "", 'takes no argument but "ensure"', "ensure", "ensure")
        self.bad(64, "", "--file needs the name of a file", "--file", "/tmp/")
        self.assertEqual(self.names(), [])


class Sources(CertCase):
    """Each login that can have one, and what the others are told."""

    def federated(self):
        oidc = self.emu.oidc
        for credential in (oidc.github, oidc.pipelines, oidc.workload):
            self.emu.entra.federate(*credential)
        return {"AZURE_TENANT_ID": self.emu.entra.tenant, "AZURE_CLIENT_ID": self.emu.entra.client}

    def test_application(self):
        self.assertEqual(self.shown(requests=1)["principal"], self.emu.entra.app_principal)
        self.assertEqual(self.rows()[-1]["grant"], "client_credentials")

    def test_federated(self):
        ids, oidc = self.federated(), self.emu.oidc
        self.nobody()
        for env in ({**oidc.workload_env(self.home)}, {**ids, **oidc.github_env()}, oidc.pipelines_env()):
            with self.subTest(env=sorted(env)):
                self.assertEqual(self.shown(requests=1, env=env)["principal"], self.emu.entra.app_principal)
                self.assertIn("client_assertion", self.rows()[-1]["form"])

    def test_login_of_a_person(self):
        self.log_in(USER)
        self.assertEqual(self.shown(requests=1)["principal"], USER)
        row = self.rows()[-1]
        self.assertEqual((row["grant"], row["form"]["client_id"]), ("refresh_token", CLI))
        self.assertEqual(row["form"]["scope"], self.emu.entra.ssh_scope + " offline_access openid profile")

    def test_a_login_goes_on_working(self):
        """The refresh token that came with the certificate is kept."""
        self.emu.entra.strict_rotation = True
        self.addCleanup(setattr, self.emu.entra, "strict_rotation", False)
        self.log_in(USER)
        self.good(requests=1)
        self.age(3500)
        self.good(requests=1)
        done = subprocess.run(WRAP + [TOOL, "whoami", "--cloud-file", self.emu.cloud_file], env=self.env,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(USER, done.stdout)

    def test_login_of_a_service_principal(self):
        self.nobody()
        done = subprocess.run(WRAP + [TOOL, "login", "--cloud-file", self.emu.cloud_file, "--service-principal",
                                      "--tenant", self.emu.entra.tenant, "--client-id", self.emu.entra.client],
                              env=self.env, input=self.emu.entra.secret, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.shown(requests=1)["principal"], self.emu.entra.app_principal)

    def test_login_with_another_client_id(self):
        self.emu.entra.add_public_client(OTHER)
        self.log_in(USER, "--client-id", OTHER)
        self.bad(67, "E307", r"this client id may not ask for SSH certificates \(AADSTS65002\).*"
                 r"fix: arc-relay login, without --client-id", requests=1)
        self.assertEqual(self.names(), ["id_rsa"])

    def az(self, **profile):
        self.nobody()
        az = AzFolder(self.home, self.emu)
        az.profile(**profile)
        self.env.update(PATH=f"{az.bin}:{self.env['PATH']}", FAKE_AZ_LOG=az.log, FAKE_AZ_DO="exit 9")
        return az

    def az_refresh_token(self):
        """As az login leaves it."""
        self.log_in(USER)
        token = next(read(f"{self.state}/{name}") for name in ("login.0", "login.1")
                     if os.path.exists(f"{self.state}/{name}"))
        shutil.rmtree(self.state)
        return token

    def test_azure_cli(self):
        token = self.az_refresh_token()
        az = self.az(user=USER)
        az.cache(az.access("a-token-for-management"), az.refresh(token), user=USER)
        state = az.state()
        self.assertEqual(self.shown(requests=1)["principal"], USER)
        self.assertEqual(self.rows()[-1]["grant"], "refresh_token")
        self.assertEqual((az.state(), az.calls), (state, []))

    def test_azure_cli_that_we_cannot_read(self):
        for profile, cache, fix in [({"user": USER}, None, "arc-relay login"),
                                    ({"user": OTHER, "kind": "servicePrincipal"}, None,
                                     "arc-relay login --service-principal --tenant T --client-id C"),
                                    ({"user": USER}, "no refresh token", "arc-relay login")]:
            with self.subTest(profile=profile, cache=cache):
                shutil.rmtree(os.path.join(self.home, ".azure"), ignore_errors=True)
                shutil.rmtree(os.path.join(self.home, "bin"), ignore_errors=True)
                az = self.az(**profile)
                if cache:
                    az.cache(az.access("a-token-for-management"), user=USER)
                self.bad(67, "E301", f"of the login of {profile['user']}. fix: {fix} \\[", requests=0)
                self.assertEqual(az.calls, [])

    def test_azure_cli_of_a_managed_identity(self):
        self.az(user="systemAssignedIdentity", kind="servicePrincipal")
        self.bad(67, "E312", "a managed identity gets no SSH certificate", requests=0)

    def test_azure_cli_whose_login_has_ended(self):
        token = self.az_refresh_token()
        az = self.az(user=USER)
        az.cache(az.refresh(token), user=USER)
        self.emu.entra.revoke_user(USER)
        self.bad(67, "E303", "AADSTS.*fix: arc-relay login")

    def test_managed_identity(self):
        self.nobody()
        for kind, status in (("imds", 67), ("app-service", 67), ("arc", 67)):
            with self.subTest(kind=kind):
                requests = len(self.emu.managed.requests)
                self.bad(status, "E312", "a managed identity gets no SSH certificate. fix: arc-relay login",
                         env=self.emu.managed.env(kind), requests=0)
                self.bad(status, "E312", "gets no SSH", "--credential", "managed-identity", env=self.emu.managed.env(kind))
                self.assertEqual(len(self.emu.managed.requests), requests)

    def test_a_machine_that_may_have_an_identity_hinders_no_login(self):
        self.log_in(USER)
        self.assertEqual(self.shown(env=self.emu.managed.env("imds"))["principal"], USER)

    def test_cloud_shell(self):
        self.nobody()
        env = self.emu.managed.env("cloud-shell")
        self.assertEqual(self.shown(env=env)["principal"], self.emu.managed.cloud_shell_user)
        form = self.emu.managed.requests[-1]["form"]
        self.assertEqual((form["resource"], form["token_type"]),
                         (self.emu.entra.ssh_scope.removesuffix("/.default"), "ssh-cert"))
        self.assertEqual(json.loads(form["req_cnf"])["kid"], form["key_id"])

    def test_cloud_shell_of_an_older_portal(self):
        self.nobody()
        env = self.emu.managed.env("cloud-shell")
        self.emu.managed.cloud_shell_certs = False
        self.bad(67, "E311", "this Cloud Shell gives no SSH certificates. fix: az login", env=env)
        self.emu.faults.managed.append(Fault("status", code=400, body=json.dumps({"error": {
            "code": "InvalidRequest", "message": "token_type ssh-cert is not supported by this version of Azure "
            "Portal"}}).encode()))
        self.bad(67, "E311", "gives no SSH", env=env, box=["env", "XDG_STATE_HOME=" + self.home + "/other"])

    def test_nobody(self):
        self.nobody()
        done = self.cert("ensure", "--quiet")
        self.assertEqual((done.returncode, done.stdout), (67, ""))
        self.assertIn("not logged in to Azure (tried: environment, ", done.stderr)

    def test_another_tenant(self):
        self.log_in(USER)
        other = "99999999-0000-4000-8000-000000000000"
        self.cert("--tenant", other)
        self.assertIn(f"/{other}/oauth2/", self.emu.log.find(who="entra")[-1]["path"])

    def test_clouds_without_certificates(self):
        for path in (self.cloud(sshScope=None), ):
            done = subprocess.run(WRAP + [TOOL, "cert", "--cloud-file", path], env=self.env, capture_output=True,
                                  text=True, timeout=HANG_S)
            self.assertEqual((done.returncode, done.stdout), (78, ""))
            self.assertRegex(done.stderr, r'nothing says who gives SSH certificates in the cloud .*"sshScope" \[E313\]')

    def test_the_scope_of_another_cloud(self):
        path = self.cloud(sshScope="https://pas.windows.net/CheckMyAccess/Linux/.default")
        done = subprocess.run(WRAP + [TOOL, "cert", "--cloud-file", path], env=self.env, capture_output=True,
                              text=True, timeout=HANG_S)
        self.assertEqual((done.returncode, done.stdout), (78, ""))
        self.assertRegex(done.stderr, r"does not know https://pas.windows.net/CheckMyAccess/Linux/.default, which gives "
                         r"SSH certificates \(AADSTS\d+\).*\[E313\]")


class Renewal(CertCase):
    def test_when(self):
        """After 80 % of its life, which begins 300 s before it is got."""
        self.good(requests=1)
        for age, requests in ((0, 0), (2700, 0), (2900, 1), (3500, 1), (4000, 1), (-200, 0), (-900, 1)):
            with self.subTest(age=age):
                self.age(age)
                self.good("ensure", "--quiet", requests=requests)
                self.good("ensure", "--quiet", requests=0)

    def test_the_key_stays(self):
        self.good()
        key = read(self.key)
        self.age(3500)
        self.good("ensure", requests=1)
        self.assertEqual(read(self.key), key)

    def test_nothing_due_changes_nothing(self):
        self.good()
        files, all_names = self.snapshot(), sorted(os.listdir(self.state))
        self.good("ensure", "--quiet", requests=0)
        self.assertEqual((self.snapshot(), sorted(os.listdir(self.state))), (files, all_names))

    @unittest.skipIf(MODE, "what the sanitizers and valgrind do is not ours")
    def test_nothing_due_is_all_reading(self):
        self.good()
        trace = os.path.join(self.home, "trace")
        env = {"LD_BIND_NOW": ""}
        done = self.cert("ensure", "--quiet", env=env, box=["strace", "-f", "-o", trace])
        if "ptrace" in done.stderr:
            self.skipTest(done.stderr)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        calls = [line.split(" ", 1)[1].strip() for line in read(trace).splitlines()]
        self.assertTrue([call for call in calls if "id_rsa-cert.pub" in call])
        wrong = [call for call in calls if re.match(
            r"(socket|connect|bind|write|pwrite64|writev|sendto|sendmsg|rename\w*|unlink\w*|link\w*|chmod|fchmod\w*|flock|"
            r"ftruncate|truncate|fsync|utime\w*|execve|clone\w*|fork|vfork)\(", call) or
            re.match(r"open(at)?\(.*O_(CREAT|WRONLY|RDWR|TRUNC)", call)]
        wrong = [call for call in wrong if not call.startswith("execve(")]
        self.assertEqual(wrong, [])
        # only folders that are there already
        self.assertTrue(all("EEXIST" in call for call in calls if call.startswith("mkdir")))

    def test_fifty_at_once_ask_once(self):
        self.parallel(50 if MODE != "valgrind" else 8, requests=1)
        self.assertEqual(self.names(), FILES)
        self.age(4000)
        self.parallel(50 if MODE != "valgrind" else 8, requests=1)
        self.age(3500)
        self.parallel(50 if MODE != "valgrind" else 8, requests=1)

    def parallel(self, n, requests, status=0):
        before = self.emu.count(who="entra", what="token")
        children = [subprocess.Popen(self.command("ensure", "--quiet"), env=self.env, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(n)]
        done = [(*child.communicate(timeout=HANG_S), child.returncode) for child in children]
        self.assertEqual({(out, code) for out, _, code in done}, {("", status)}, done)
        self.assertEqual(self.emu.count(who="entra", what="token") - before, requests)
        return {err for _, err, _ in done}

    def test_fifty_that_are_refused(self):
        """They share the refusal, and what is still good is used."""
        self.good()
        n = 50 if not MODE else 4       # all of them must have begun within 3 s
        self.age(3500)
        self.refuse()
        self.emu.faults.entra.append(Fault("delay", seconds=1))
        self.assertEqual(self.parallel(n, requests=1), {""})
        self.age(4000)
        self.forget_failures()
        self.emu.faults.entra.append(Fault("delay", seconds=1))
        (told,) = self.parallel(n, requests=1, status=67)
        self.assertRegex(told, r"\Aarc-relay: .*AADSTS7000215.*\[E305\]\n\Z")

    def refuse(self):
        """Entra takes the secret no more, until the next test."""
        secret, self.emu.entra.secret = self.emu.entra.secret, "another"
        self.addCleanup(setattr, self.emu.entra, "secret", secret)

    def test_a_failure_while_it_is_good(self):
        self.good()
        self.age(3500)
        self.refuse()
        files = self.snapshot()
        done = self.cert("ensure", "--quiet", "-v")
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertRegex(done.stderr, "the certificate is not renewed: .*AADSTS7000215")
        self.assertEqual(self.good("ensure", "--quiet"), "")
        self.assertEqual(self.snapshot(), files)

    def test_no_network(self):
        """The last seconds of it are good too; then it is an error with a cause."""
        self.good()
        path = self.cloud(authority=f"https://127.0.0.1:{free_port()}")
        command = WRAP + [TOOL, "cert", "ensure", "--quiet", "--cloud-file", path]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=HANG_S)
        # another login host is another identity
        self.assertEqual((done.returncode, done.stdout), (69, ""), done.stderr)
        self.assertIn("[E602]", done.stderr)
        for age, status in ((3500, 0), (3580 - HANG_S // 4, 0), (3700, 69)):
            with self.subTest(age=age):
                self.age(age)
                self.emu.faults.entra.extend(Fault("drop") for _ in range(30))
                done = self.cert("ensure", "--quiet")
                self.emu.faults.clear()
                self.assertEqual((done.returncode == 0, done.stdout, bool(done.stderr)), (status == 0, "", status != 0))

    def test_for_whom_it_was_made(self):
        self.good(requests=1)
        first = read(self.key + "-cert.pub")
        application = self.env
        self.log_in(USER)
        self.assertEqual(self.shown(requests=1)["principal"], USER)
        self.good(requests=0)
        self.log_in("bob@emulated.test")
        self.assertEqual(self.shown(requests=1)["principal"], "bob@emulated.test")
        self.good("--tenant", self.emu.entra.tenant, requests=1)
        self.good("--credential", "login", requests=1)
        self.env = application
        self.assertEqual(self.shown("--credential", "environment", requests=1)["principal"], self.emu.entra.app_principal)
        self.assertNotEqual(read(self.key + "-cert.pub"), first)

    def test_the_certificate_of_another_login_is_not_used(self):
        self.good()
        self.nobody()
        done = self.cert("ensure", "--quiet")
        self.assertEqual((done.returncode, done.stdout), (67, ""))
        self.assertIn("not logged in", done.stderr)

    def test_logout(self):
        self.log_in(USER)
        self.good()
        self.assertEqual(self.names(), FILES)
        done = subprocess.run(WRAP + [TOOL, "logout"], env=self.env, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("removed: the SSH certificate and its key\n", done.stdout)
        self.assertEqual(self.names(), [])
        done = subprocess.run(WRAP + [TOOL, "logout"], env=self.env, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "nobody was logged in\n", ""))

    def test_logout_waits_for_a_renewal(self):
        """Or it would write a certificate for the key that is gone."""
        self.log_in(USER)
        self.emu.faults.entra.append(Fault("delay", seconds=1))
        child = subprocess.Popen(self.command("ensure"), env=self.env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_for(lambda: not self.emu.faults.entra, "no request")
        done = subprocess.run(WRAP + [TOOL, "logout"], env=self.env, capture_output=True, text=True)
        child.communicate(timeout=HANG_S)
        self.assertIn("removed: the SSH certificate", done.stdout)
        self.assertEqual((child.returncode, self.names()), (0, []))

    def test_a_holder_that_was_killed(self):
        self.emu.faults.entra.append(Fault("stall"))
        child = subprocess.Popen(self.command("ensure"), env=self.env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_for(lambda: os.path.exists(self.key), "no key")
        wait_for(lambda: not self.emu.faults.entra, "no request")
        child.kill()
        child.communicate()
        self.assertEqual(self.names(), ["id_rsa"])
        key = read(self.key)
        self.good("ensure")
        self.assertEqual(read(self.key), key)


class Files(CertCase):
    """Nothing of anybody's is replaced but what is ours; nothing is followed; nothing is half there."""

    def test_modes(self):
        for mask in ("000", "077", "777"):
            with self.subTest(umask=mask):
                self.good("ensure", box=["sh", "-c", f'umask {mask}; exec "$@"', "sh"])
                self.assertEqual(self.names(), FILES)       # which looks at the modes
                self.good("ensure", "--file", f"{self.home}/k{mask}", box=["sh", "-c", f'umask {mask}; exec "$@"', "sh"])
                for name in (f"k{mask}", f"k{mask}.pub", f"k{mask}-cert.pub"):
                    self.assertEqual(stat.S_IMODE(os.stat(f"{self.home}/{name}").st_mode), 0o600)
                shutil.rmtree(self.state)

    def test_a_file_of_ones_own(self):
        folder = os.path.join(self.home, "keys")
        os.mkdir(folder, 0o755)
        for name, args in (("new", None), ("openssh", []), ("pem", ["-m", "PEM"]), ("pkcs8", ["-m", "PKCS8"]),
                           ("2048", ["-b", "2048"])):
            with self.subTest(name=name):
                path = os.path.join(folder, name)
                key = make_key(path, "rsa", "", *args) if args is not None else None
                public = read(path + ".pub") if key else None
                shown = self.shown("--file", path, requests=1)
                self.assertEqual((shown["key"], shown["certificate"]), (path, path + "-cert.pub"))
                listing(path + "-cert.pub")
                self.good("ensure", "--file", path, requests=0)
                if key:
                    self.assertEqual((read(path), read(path + ".pub")), (key, public))
                done = subprocess.run(["ssh-keygen", "-y", "-f", path], capture_output=True, text=True)
                self.assertEqual(done.stdout.split()[:2], read(path + ".pub").split()[:2])
        self.assertEqual(self.names(), [])
        self.assertFalse(os.path.exists(folder + "/cert.conf"))
        self.good("ensure", "--file", "new", cwd=folder, requests=0)      # a relative name
        self.good("ensure", "--file", "../keys/new", cwd=folder, requests=0)

    def test_a_public_half_that_is_missing_is_made(self):
        path = os.path.join(self.home, "k")
        make_key(path)
        os.unlink(path + ".pub")
        self.good("--file", path)
        self.assertRegex(read(path + ".pub"), r"\Assh-rsa \S+ arc-relay\n\Z")

    def test_keys_that_will_not_do(self):
        make_key(self.home + "/ed", "ed25519")
        make_key(self.home + "/ec", "ecdsa")
        make_key(self.home + "/ecpem", "ecdsa", "", "-m", "PEM")
        make_key(self.home + "/small", "rsa", "", "-b", "1024")
        make_key(self.home + "/smallpem", "rsa", "", "-b", "1024", "-m", "PEM")
        make_key(self.home + "/locked", "rsa", "a password")
        make_key(self.home + "/lockedpem", "rsa", "a password", "-m", "PEM")
        make_key(self.home + "/lockedpk", "rsa", "a password", "-m", "PKCS8")
        make_key(self.home + "/open")
        os.chmod(self.home + "/open", 0o644)
        self.file("text", "hello\n")
        self.file("empty", "")
        make_key(self.home + "/good")
        os.symlink("good", self.home + "/link")
        os.symlink("nowhere", self.home + "/nowhere-link")
        os.link(self.home + "/good", self.home + "/twice")
        os.mkfifo(self.home + "/fifo", 0o600)
        os.mkdir(self.home + "/folder", 0o700)
        for name, says in [("ed", "is ssh-ed25519: Entra signs RSA only"), ("ec", "is ecdsa-sha2-nistp256: Entra"),
                           ("ecpem", "is of another kind: Entra signs RSA only"), ("small", "less than 2048"),
                           ("smallpem", "less than 2048"), ("locked", "is encrypted"), ("lockedpem", "is encrypted"),
                           ("lockedpk", "is encrypted"), ("text", "holds no private key"),
                           ("open", "mode 0600 and no link"), ("empty", "mode 0600 and no link"),
                           ("link", "mode 0600 and no link"), ("nowhere-link", "mode 0600 and no link"),
                           ("twice", "mode 0600 and no link"), ("fifo", "mode 0600 and no link"),
                           ("folder", "mode 0600 and no link"), ("ed.pub", "mode 0600 and no link")]:
            with self.subTest(name=name):
                before = sorted(os.listdir(self.home))
                self.bad(65, "E314", says, "ensure", "--quiet", "--file", f"{self.home}/{name}", requests=0)
                self.assertEqual(sorted(set(os.listdir(self.home)) - {"state"}), sorted(set(before) - {"state"}))
        self.assertFalse(os.path.exists(self.home + "/nowhere"))

    def test_what_lies_beside_the_key(self):
        path = os.path.join(self.home, "k")
        make_key(path)
        with open(path + "-cert.pub", "w") as file:
            file.write("ssh-rsa-cert-v01@openssh.com AAAA somebody's\n")
        self.bad(65, "E314", "k-cert.pub is there, and not from arc-relay", "--file", path)
        self.assertIn("somebody's", read(path + "-cert.pub"))
        os.unlink(path + "-cert.pub")
        os.symlink("elsewhere", path + "-cert.pub")
        self.bad(65, "E314", "k-cert.pub is there, and not from arc-relay", "--file", self.home + "/../" +
                 os.path.basename(self.home) + "/k", box=["env", f"XDG_STATE_HOME={self.home}/2"])
        self.assertFalse(os.path.exists(self.home + "/elsewhere"))
        os.unlink(path + "-cert.pub")
        make_key(self.home + "/other")
        shutil.copy(self.home + "/other.pub", path + ".pub")
        self.bad(65, "E314", "k.pub is not the public half", "--file", path, box=["env", f"XDG_STATE_HOME={self.home}/3"])
        self.assertEqual(read(path + ".pub"), read(self.home + "/other.pub"))

    def test_folders_that_will_not_do(self):
        os.mkdir(self.home + "/open")
        os.chmod(self.home + "/open", 0o777)
        self.bad(73, "", "others can change what lies there", "--file", self.home + "/open/k", requests=0)
        self.bad(66, "", "cannot open the folder", "--file", self.home + "/missing/k", requests=0)
        self.bad(73, "", "HOME is not set", env={"XDG_STATE_HOME": "", "HOME": ""}, requests=0)
        for name in ('quo"te', "back\\slash", "do${LLAR}"):
            self.bad(78, "", "cannot stand in ssh_config", env={"XDG_STATE_HOME": f"{self.home}/{name}"}, requests=0)

    def test_a_percent_sign_in_the_path(self):
        env = {"XDG_STATE_HOME": f"{self.home}/100%h x"}
        self.good("ensure", env=env)
        conf = f"{self.home}/100%h x/arc-relay/cert.conf"
        self.assertIn(f'IdentityFile "{self.home}/100%%h x/arc-relay/id_rsa"\n', read(conf))
        done = subprocess.run(["ssh", "-G", "-F", conf, "host"], capture_output=True, text=True, check=True)
        self.assertIn(f"identityfile {self.home}/100%%h x/arc-relay/id_rsa\n", done.stdout)

    def test_planted_links(self):
        """In a folder that is ours alone only we can plant them; they lead nowhere all the same."""
        target = self.file("target", "mine\n")
        os.makedirs(self.state, 0o700)
        os.chmod(self.state, 0o700)
        for name in ("id_rsa.pub", "id_rsa-cert.pub", "cert.conf"):
            os.symlink(target, os.path.join(self.state, name))
        self.good("ensure")
        self.assertEqual(self.names(), FILES)
        self.assertEqual(read(target), "mine\n")
        for name in FILES:
            self.assertFalse(os.path.islink(os.path.join(self.state, name)))
        os.unlink(self.key)
        os.symlink(target, self.key)
        self.bad(65, "E314", "id_rsa is not a key file of yours alone", "ensure")
        self.assertEqual(read(target), "mine\n")

    def test_files_that_are_damaged(self):
        """Nothing is due, and yet something is wrong: it is put right, with a request only where it must."""
        self.good()
        for name, content, requests in [("id_rsa.pub", "", 0), ("id_rsa.pub", "ssh-rsa AAAA x\n", 0), ("cert.conf", "", 0),
                                        ("cert.conf", "Match all\nProxyCommand evil\n", 0), ("id_rsa-cert.pub", "", 1),
                                        ("id_rsa-cert.pub", "ssh-rsa-cert-v01@openssh.com AAAA arc-relay:x\n", 1),
                                        ("id_rsa-cert.pub", "\0" * 5000, 1), ("id_rsa.pub", None, 0),
                                        ("cert.conf", None, 0), ("id_rsa-cert.pub", None, 1), ("id_rsa", None, 1)]:
            with self.subTest(name=name, content=content):
                good = self.snapshot()
                path = os.path.join(self.state, name)
                os.unlink(path)
                if content is not None:
                    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                        file.write(content)
                self.good("ensure", "--quiet", requests=requests)
                self.assertEqual(self.names(), FILES)
                if not requests:
                    self.assertEqual({n: s[0] for n, s in self.snapshot().items()}, {n: s[0] for n, s in good.items()})
                listing(self.key + "-cert.pub")

    def test_a_certificate_for_another_key(self):
        self.good()
        blob = self.sign()
        os.unlink(self.key)
        self.good("ensure", requests=1)
        self.put(blob)
        self.good("ensure", requests=1)

    def test_files_that_others_can_read(self):
        self.good()
        os.chmod(self.key + "-cert.pub", 0o644)
        self.good("ensure", requests=1)
        self.assertEqual(self.names(), FILES)
        os.chmod(self.key, 0o644)
        self.bad(65, "E314", "mode 0600 and no link. fix: chmod 600", "ensure", requests=0)
        os.chmod(self.key, 0o600)
        os.chmod(self.state, 0o755)
        self.bad(73, "", "not a folder of yours with mode 0700", "ensure", requests=0)

    @unittest.skipIf(MODE == "valgrind", "too slow to be killed often")
    def test_killed_while_it_writes(self):
        """Whenever it is killed, what is there is whole, and the next one goes on."""
        self.good()
        whole = read(self.key)
        for n in range(12):
            self.age(4000)
            child = subprocess.Popen(self.command("ensure", "--quiet"), env=self.env, stdin=subprocess.DEVNULL)
            try:
                child.wait(0.004 * n * SLOW)
            except subprocess.TimeoutExpired:
                child.kill()
            child.wait()
            listing(self.key + "-cert.pub")
            self.assertEqual(read(self.key), whole)
            self.assertEqual([name for name in self.names() if not name.startswith(".t.")], FILES)
            subprocess.run(["ssh", "-G", "-F", self.state + "/cert.conf", "x"], capture_output=True, check=True)
        self.good("ensure", "--quiet")

    @unittest.skipIf(MODE == "valgrind", "its own memory does not fit")
    def test_killed_between_write_and_rename(self):
        self.good()
        self.age(4000)
        files = self.snapshot()
        box = ["strace", "-f", "-o", "/dev/null", "-e", "trace=renameat", "-e", "inject=renameat:signal=KILL:when=1"]
        done = self.cert("ensure", "--quiet", box=box)
        if "ptrace" in done.stderr or "strace:" in done.stderr:
            self.skipTest(done.stderr)
        self.assertNotEqual(done.returncode, 0)
        now = self.snapshot()
        self.assertEqual({name: now[name] for name in FILES}, files)
        listing(self.key + "-cert.pub")
        self.good("ensure", "--quiet")

    def test_a_full_disk(self):
        self.good()
        self.age(4000)
        files = self.snapshot()
        done = self.cert("ensure", box=["sh", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$@"', "sh"])
        self.assertEqual(done.returncode, 73, done.stderr)
        self.assertRegex(done.stderr, r"\Aarc-relay: cannot write [^\n]+/id_rsa-cert.pub: [^\n]+ free the disk[^\n]+\n\Z")
        self.assertEqual(self.snapshot(), files)
        self.good("ensure")


class Agent(CertCase):
    def setUp(self):
        super().setUp()
        self.socket = os.path.join(self.home, "agent")
        self.child = subprocess.Popen(["ssh-agent", "-D", "-a", self.socket], stdout=subprocess.DEVNULL)
        self.addCleanup(self.child.wait)
        self.addCleanup(self.child.terminate)
        wait_for(lambda: os.path.exists(self.socket), "no agent")
        self.env["SSH_AUTH_SOCK"] = self.socket

    def held(self):
        done = subprocess.run(["ssh-add", "-L"], env=self.env, capture_output=True, text=True)
        return [line.split()[:2] for line in done.stdout.splitlines() if line.startswith("ssh-rsa")]

    def test_key_and_certificate(self):
        self.assertIs(self.shown("--agent")["agent"], True)
        self.assertEqual(sorted(kind for kind, _ in self.held()), ["ssh-rsa", "ssh-rsa-cert-v01@openssh.com"])
        self.assertIn(["ssh-rsa-cert-v01@openssh.com", read(self.key + "-cert.pub").split()[1]], self.held())
        self.good("ensure", "--agent", "--quiet", requests=0)
        self.assertEqual(len(self.held()), 2)

    def test_for_as_long_as_it_is_good(self):
        self.good()
        record = os.path.join(self.home, "record")
        folder = os.path.join(self.home, "bin")
        os.mkdir(folder)
        with open(folder + "/ssh-add", "w") as file:
            file.write(f'#!/bin/sh\nprintf "%s\\n" "$@" > {record}\n')
        os.chmod(folder + "/ssh-add", 0o755)
        left = self.shown("--agent", env={"PATH": folder + ":" + self.env["PATH"]})["expires_at"] - time.time()
        args = read(record).split("\n")
        self.assertEqual(args[:2] + args[3:], ["-q", "-t", "--", self.key, ""])
        self.assertLessEqual(abs(int(args[2]) - left), HANG_S)

    def test_no_agent(self):
        self.good()
        del self.env["SSH_AUTH_SOCK"]
        self.bad(69, "", "SSH_AUTH_SOCK is not set. fix: eval ", "--agent", requests=0)
        self.bad(69, "", "nobody answers at SSH_AUTH_SOCK", "--agent", env={"SSH_AUTH_SOCK": self.home + "/none"})
        self.bad(66, "E101", "no ssh-add on PATH", "--agent", env={"SSH_AUTH_SOCK": self.socket, "PATH": "/nowhere"},
                 box=[shutil.which("env")]) if not WRAP else None


if __name__ == "__main__":
    tap.main()
