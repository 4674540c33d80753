"""Goal: whoami says for each source of tokens whom Azure takes us for and until when, costs what a connection
costs, and never shows the token.
"""

import json
import os
import re
import subprocess
import time

import azfolder
import tap
from harness import Fault
from login_case import LoginCase
from namespaces import arc_agent

import certs        # of the emulator: harness has put it on the path

ALICE, BOB = "alice@emulated.test", "bob@emulated.test"


class WhoamiCase(LoginCase):
    def setUp(self):
        super().setUp()
        self.box = []

    def command(self, verb, *args):
        return self.box + super().command(verb, *args)

    def ids(self, **more):
        return {"AZURE_TENANT_ID": self.emu.entra.tenant, "AZURE_CLIENT_ID": self.emu.entra.client, **more}

    def ask(self, *args, **more):
        """What --json says, as a dict; nothing else is said."""
        done = self.good("whoami", "--json", *args, **more)
        self.assertEqual((done.stderr, done.stdout.count("\n")), ("", 1))
        return json.loads(done.stdout)

    def told(self, *args, **more):
        """The lines for people, as a dict."""
        done = self.good("whoami", *args, **more)
        self.assertEqual(done.stderr, "")
        return dict(re.fullmatch(r"([a-z ]+): +(.*)", line).groups() for line in done.stdout.splitlines())

    def asked_for_tokens(self):
        return len(self.tokens()) + len(self.emu.managed.requests)


class Sources(WhoamiCase):
    def check(self, source, account, env=None, box=()):
        """In both forms: first asked for, then from the cache."""
        self.env.update(env or {})
        self.box = list(box)
        entra, before = self.emu.entra, time.time()
        first = self.ask()
        asked, oid = self.asked_for_tokens(), self.object_id(account)
        self.assertEqual(first.pop("object_id"), oid)
        ends = first.pop("expires_at")
        self.assertLessEqual(abs(ends - before - entra.lifetime), time.time() - before + 2)
        self.assertEqual(first.pop("expires_on"), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends)))
        self.assertEqual(first, {"source": source, "account": account, "tenant": entra.tenant, "cloud": "emulated",
                                 "management": self.emu.management, "cached": False})
        again = self.ask()
        self.assertEqual((again["expires_at"], again["cached"], again["source"], again["account"]),
                         (ends, True, source, account))
        told = self.told(env={"TZ": "UTC-5:30"})
        left = told.pop("token until")
        self.assertEqual(told, {"account": account, "object id": oid, "tenant": entra.tenant,
                                "source": source, "cloud": f"emulated, {self.emu.management}"})
        local = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(ends + 5.5 * 3600))
        self.assertRegex(left, rf"\A{local} UTC \((5[0-9]) min, from the cache\)\Z")
        self.assertEqual(self.asked_for_tokens(), asked)

    def object_id(self, account):
        known = {self.emu.entra.client: self.emu.entra.app_claims(self.emu.entra.client)["oid"],
                 **{one.client_id: one.object_id for one in self.emu.managed.identities},
                 **{user.upn: user.oid for user in self.emu.entra.users.values()}}
        return known[account]

    def test_environment_secret(self):
        self.check("environment", self.emu.entra.client, self.ids(AZURE_CLIENT_SECRET=self.emu.entra.secret))

    def test_environment_certificate(self):
        cert, key = certs.application(self.home)
        self.emu.entra.add_certificate(cert)
        with open(cert, "a") as file, open(key) as more:
            file.write(more.read())
        os.chmod(cert, 0o600)
        self.check("environment", self.emu.entra.client, self.ids(AZURE_CLIENT_CERTIFICATE_PATH=cert))

    def test_workload_identity(self):
        self.emu.entra.federate(*self.emu.oidc.workload)
        self.check("workload-identity", self.emu.entra.client, self.emu.oidc.workload_env(self.home))

    def test_github(self):
        self.emu.entra.federate(*self.emu.oidc.github)
        self.check("github", self.emu.entra.client, self.ids(**self.emu.oidc.github_env()))

    def test_azure_pipelines(self):
        self.emu.entra.federate(*self.emu.oidc.pipelines)
        self.check("azure-pipelines", self.emu.entra.client, self.emu.oidc.pipelines_env())

    def identity(self):
        (system,) = self.emu.managed.identities
        return system.client_id

    def test_managed_identity_of_a_vm(self):
        self.check("managed-identity", self.identity(), self.emu.managed.env("imds"))

    def test_managed_identity_of_an_app(self):
        self.check("managed-identity", self.identity(), self.emu.managed.env("app-service"))

    def test_managed_identity_of_azure_arc(self):
        self.check("managed-identity", self.identity(), self.emu.managed.env("arc"),
                   arc_agent(self.emu.managed.tokens_dir))

    def test_managed_identity_of_cloud_shell(self):
        self.check("managed-identity", self.emu.managed.cloud_shell_user, self.emu.managed.env("cloud-shell"))

    def test_login(self):
        self.logged_in(ALICE)
        self.check("login", ALICE)

    def test_login_of_a_principal(self):
        self.good("login", "--service-principal", "--tenant", self.emu.entra.tenant, "--client-id",
                  self.emu.entra.client, input=self.emu.entra.secret)
        self.check("login", self.emu.entra.client)

    def test_azure_cli(self):
        self.emu.entra.add_user(ALICE)
        text = json.dumps({"accessToken": self.emu.issue_token(user=ALICE),
                           "expires_on": int(time.time()) + self.emu.entra.lifetime})
        self.check("azure-cli", ALICE, {**azfolder.program(self.home, self.env["PATH"]),
                                        "FAKE_AZ_DO": f"echo '{text}'"})


class Ends(WhoamiCase):
    def test_an_end_that_no_token_has(self):
        """az may print any number; none is believed that is not of the next day."""
        self.env.update(azfolder.program(self.home, self.env["PATH"]))
        day = 24 * 3600
        for end in (9 * 10**18, 99999999999, -9 * 10**18):
            with self.subTest(end=end):
                text = json.dumps({"accessToken": self.emu.issue_token(), "expires_on": end})
                self.env["FAKE_AZ_DO"] = f"echo '{text}'"
                before = time.time()
                got = self.ask("--no-cache")["expires_at"]
                if end < 0:
                    self.assertEqual(got, 0)
                else:
                    self.assertTrue(before - 1 + day <= got <= time.time() + day, got)
                self.assertIn("token until", self.told("--no-cache"))


class Options(WhoamiCase):
    def test_the_named_one(self):
        self.logged_in(ALICE)
        env = self.ids(AZURE_CLIENT_SECRET=self.emu.entra.secret)
        self.assertEqual(self.ask(env=env)["source"], "environment")
        self.assertEqual(self.ask("--credential", "login", env=env)["account"], ALICE)
        self.assertEqual(self.ask(env={**env, "AZURE_TOKEN_CREDENTIALS": "dev"})["source"], "login")
        self.bad(67, "E301", "whoami", "--credential", "azure-cli", env={**env, "PATH": "/nonexistent"}
                 if not self.command("whoami")[0].endswith("valgrind") else env)
        self.bad(64, "", "whoami", "--credential", "nonsense")

    def test_a_tenant(self):
        self.logged_in(ALICE)
        self.assertEqual(self.ask("--tenant", self.emu.entra.tenant)["tenant"], self.emu.entra.tenant)
        self.bad(67, "E307", "whoami", "--tenant", "elsewhere.test", says="AADSTS90002")
        self.assertIn("/elsewhere.test/", self.tokens()[-1]["path"])
        self.works()            # the refresh token is still the login's

    def test_without_cache(self):
        self.logged_in(ALICE)
        self.assertFalse(self.ask("--no-cache")["cached"])
        self.assertFalse(self.ask()["cached"])
        self.assertFalse(self.ask("--no-cache")["cached"])
        self.assertTrue(self.ask()["cached"])

    def test_nobody(self):
        self.bad(67, "E301", "whoami", says="arc-relay login")
        self.bad(64, "", "whoami", "x")

    def test_refused(self):
        self.logged_in(ALICE)
        self.emu.entra.revoke_user(ALICE)
        self.bad(67, "E303", "whoami", says="arc-relay login --tenant " + self.emu.entra.tenant)

    def test_a_connection_shares_the_token(self):
        self.logged_in(ALICE)
        before = self.asked_for_tokens()
        self.ask()
        self.good("credentials", self.emu.machine_id("web01"))
        self.assertTrue(self.ask()["cached"])
        self.assertEqual(self.asked_for_tokens(), before + 1)

    def test_the_token_is_not_shown(self):
        self.logged_in(ALICE)
        for args in ((), ("--json",), ("-vv",)):
            done = self.good("whoami", "--no-cache", *args)
            self.assertNotRegex(done.stdout + done.stderr, r"eyJ|[\w-]{43}")
            self.assertNotIn(self.kept_secret(), done.stdout + done.stderr)

    def test_standard_output_that_is_full(self):
        self.logged_in(ALICE)
        with open("/dev/full", "w") as full:
            for args in ((), ("--json",)):
                done = subprocess.run(self.command("whoami", *args), env=self.env, stdout=full,
                                      stderr=subprocess.PIPE)
                self.assertEqual(done.returncode, 74)

    def test_a_token_without_claims(self):
        """Access tokens may be opaque: what is not known is said so, or left out."""
        self.logged_in(ALICE)

        def opaque(document):
            return {**document, "access_token": "opaque", "id_token": "opaque"}
        for _ in range(2):
            self.emu.faults.entra.append(Fault("edit", script=opaque))
        answer = self.ask("--no-cache")
        self.assertNotIn("object_id", answer)
        self.assertEqual(answer["account"], ALICE)
        self.assertNotIn("object id", self.told("--no-cache"))


class Change(WhoamiCase):
    """Nobody is served with what is another one's."""

    def test_another_login(self):
        self.logged_in(ALICE)
        self.assertEqual(self.ask()["account"], ALICE)
        self.logged_in(BOB)
        self.assertEqual((self.ask()["account"], self.ask()["cached"]), (BOB, True))
        self.logged_in(ALICE)
        self.assertFalse(self.ask()["cached"])      # what she signs in for may be more than she had

    def test_logged_out(self):
        self.logged_in(ALICE)
        self.ask()
        self.good("credentials", self.emu.machine_id("web01"))
        self.good("whoami", env=self.ids(AZURE_CLIENT_SECRET=self.emu.entra.secret))
        self.good("logout")
        self.bad(67, "E301", "whoami")
        left = json.loads(self.good("cache", "list", "--json").stdout)
        self.assertEqual([entry["source"] for entry in left], ["environment"])

    def test_a_failure_is_forgotten_too(self):
        self.logged_in(ALICE)
        self.emu.entra.revoke_user(ALICE)
        self.bad(67, "E303", "whoami")
        self.logged_in(ALICE)
        self.assertEqual(self.ask()["account"], ALICE)


if __name__ == "__main__":
    tap.main()
