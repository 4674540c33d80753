"""Goal: who is logged in with the Azure CLI is served from its files in no time, from its refresh
token with one request, and else by az itself; its folder is never written, and no state of its
files is an error.
"""

import json
import os
import shutil
import signal
import ssl
import subprocess
import time
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import tap
from azfolder import AZ, POWERSHELL, AzFolder
from credentials_case import CredentialsCase
from harness import HANG_S, MODE, SLOW, TOOL, WRAP, Fault

JANE = "jane.doe@emulated.test"
EXPIRED = """ERROR: AADSTS700082: The refresh token has expired due to inactivity. The token was issued on \
2026-01-02T03:04:05.0000000Z and was inactive for 90.00:00:00. Trace ID: 1 Correlation ID: 2 Timestamp: 3
Interactive authentication is needed. Please run:
az login --scope https://management.core.windows.net//.default"""
CORRUPT = """The command failed with an unexpected error. Here is the traceback:
Extra data: line 14 column 2 (char 1851)
Traceback (most recent call last):
  File "/opt/az/lib/python3.12/site-packages/msal/token_cache.py", line 402, in deserialize
json.decoder.JSONDecodeError: Extra data: line 14 column 2 (char 1851)
To check existing issues, please visit: https://github.com/Azure/azure-cli/issues"""
QUESTION = """The command failed with an unexpected error. Here is the traceback:
Traceback (most recent call last):
knack.prompting.NoTTYException
To check existing issues, please visit: https://github.com/Azure/azure-cli/issues"""


class AzCase(CredentialsCase):
    caching = ("--no-cache",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.emu.entra.add_user(JANE)

    def setUp(self):
        super().setUp()
        self.emu.arm.challenge(None)
        self.az = AzFolder(self.home, self.emu)
        self.env = {name: value for name, value in self.env.items() if not name.startswith("AZURE_")}
        self.env.update(PATH=f"{self.az.bin}:{self.env['PATH']}", FAKE_AZ_LOG=self.az.log)
        self.says("exit 9")
        self.az.profile()

    def command(self, *args, **where):
        return super().command(*self.caching, "--credential", "azure-cli", *args, **where)

    def credentials(self, *args, env=None, **run):
        program = shutil.which(WRAP[0]) if WRAP else TOOL       # whatever PATH is
        return subprocess.run(self.command(*args), env={**self.env, **(env or {})}, executable=program,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S, **run)

    # --- what there is ---

    def says(self, script):
        self.env["FAKE_AZ_DO"] = script

    def gives(self, **document):
        """az gives a token; what it prints beside it."""
        self.env["FAKE_AZ_JSON"] = json.dumps({
            "accessToken": self.emu.entra.issue(user=JANE), "expires_on": int(time.time()) + 3600,
            "expiresOn": "2099-01-01 00:00:00.000000", "subscription": "s", "tenant": self.emu.entra.tenant,
            "tokenType": "Bearer", **document})
        self.says("printf '%s\\n' \"$FAKE_AZ_JSON\"")

    def token(self):
        return self.emu.entra.issue(user=JANE)

    def refresh_token(self, client=AZ):
        """Jane signs in as with az login --use-device-code."""
        answer = self.post("devicecode", client_id=client,
                           scope=f"{self.emu.management}/.default offline_access openid profile")
        self.emu.entra.approve(answer["user_code"], JANE)
        answer = self.post("token", client_id=client, device_code=answer["device_code"],
                           grant_type="urn:ietf:params:oauth:grant-type:device_code")
        self.tokens_before, self.lists_before = self.requests(0, 0)
        return answer["refresh_token"]

    def post(self, endpoint, **form):
        url = f"{self.emu.authority}/{self.emu.entra.tenant}/oauth2/v2.0/{endpoint}"
        context = ssl.create_default_context(cafile=self.emu.ca_file)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                             urllib.request.HTTPSHandler(context=context))
        with opener.open(url, urllib.parse.urlencode(form).encode()) as answer:
            return json.load(answer)

    # --- what happens ---

    def served(self, tokens, lists, calls, *args, env=None):
        """It works, with so many token requests, listCredentials and starts of az; what -v told."""
        tokens_before, lists_before = self.requests(0, 0)
        calls_before, state = len(self.az.calls), self.az.state()
        done = self.credentials("-v", *args, env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("accessKey", json.loads(done.stdout)["relay"])
        self.assertEqual((*self.requests(tokens_before, lists_before), len(self.az.calls) - calls_before),
                         (tokens, lists, calls), done.stderr)
        self.assertEqual(self.az.state(), state)
        return done.stderr

    def fails(self, status, error, says, tokens=0, calls=1, *args):
        state, calls_before, tokens_before = self.az.state(), len(self.az.calls), self.requests(0, 0)[0]
        line = self.bad(status, error, *args, says=says)
        self.assertEqual((self.requests(tokens_before, 0)[0], len(self.az.calls) - calls_before),
                         (tokens, calls), line)
        self.assertEqual(self.az.state(), state)
        return line

    def without_az(self):
        """Nor with one that this machine may have."""
        os.remove(os.path.join(self.az.bin, "az"))
        self.env["PATH"] = self.az.bin

    def token_at_arm(self):
        headers = self.emu.log.find(who="arm", operation="listcredentials")[-1]["headers"]
        (value,) = [value for name, value in headers if name.lower() == "authorization"]
        return value.removeprefix("Bearer ")


class AccessToken(AzCase):
    def test_costs_nothing(self):
        token = self.token()
        self.az.cache(self.az.access(token))
        said = self.served(0, 1, 0)
        self.assertEqual(self.token_at_arm(), token)
        self.assertIn(f"token from azure-cli, {len(token)} bytes, for {JANE} of tenant {self.emu.entra.tenant}", said)

    def test_spellings(self):
        aud = self.emu.management
        for what, change in [
                ("v2 scope", {"target": f"{aud}/.default"}), ("sorted", {"target": f"{aud}//.default {aud}//x"}),
                ("capital letters", {"target": f"{aud}//.default".upper()}), ("type", {"token_type": "bearer"}),
                ("numbers", {"expires_on": int(time.time()) + 3600}), ("more", {"refresh_on": "1", "new": [{}]})]:
            with self.subTest(what=what):
                token = self.token()
                self.az.cache(self.az.access(token, **change))
                self.served(0, 1, 0)
                self.assertEqual(self.token_at_arm(), token)
        for what, options in [("upper keys", {"spell": str.upper}), ("wild keys", {"spell": lambda key: key[::-1]}),
                              ("user", {"user": JANE.upper()}), ("mode", {"mode": 0o400})]:
            with self.subTest(what=what):
                self.az.cache(self.az.access(self.token()), **options)
                self.served(0, 1, 0)
        for bom in (b"", b"\xef\xbb\xbf"):
            self.az.profile(bom=bom)
            self.served(0, 1, 0)

    def test_the_one_that_lasts_longest(self):
        token = self.token()
        self.az.cache(self.az.access(self.token(), 1000),
                      self.az.access(token, 3000, f"{self.emu.management}/.default"))
        self.served(0, 1, 0)
        self.assertEqual(self.token_at_arm(), token)

    def test_through_a_link(self):
        self.az.cache(self.az.access(self.token()))
        os.rename(self.az.path("msal_token_cache.json"), os.path.join(self.home, "elsewhere"))
        os.symlink(os.path.join(self.home, "elsewhere"), self.az.path("msal_token_cache.json"))
        self.served(0, 1, 0)

    def test_another_folder(self):
        self.az.cache(self.az.access(self.token()))
        os.rename(self.az.folder, self.az.folder + "2")
        self.az.folder += "2"
        self.served(0, 1, 0, env={"AZURE_CONFIG_DIR": self.az.folder})
        self.gives()
        self.served(0, 1, 1)
        os.chdir(self.home)     # a relative name would be another folder wherever we are
        self.served(0, 1, 1, env={"AZURE_CONFIG_DIR": ".azure2"})

    def test_the_session_needs_no_az(self):
        self.az.cache(self.az.access(self.token()))
        child = self.proxy(self.emu.machine_id("web01"))
        child.stdin.write(b"hello")
        child.stdin.flush()
        self.assertEqual(child.stdout.read(5), b"hello")
        out, err = child.communicate(timeout=HANG_S)
        self.assertEqual((child.returncode, out), (0, b""), err)
        self.assertEqual((self.new_requests(), self.az.calls), ((0, 1), []))


class RefreshToken(AzCase):
    def test_one_request(self):
        refresh = self.refresh_token()
        for left in (-100, 0, 290):
            with self.subTest(left=left):
                self.az.cache(self.az.access(self.token(), left), self.az.refresh(refresh))
                self.served(1, 1, 0)
        row = self.emu.log.find(who="entra", what="token")[-1]
        self.assertEqual(row["form"], {
            "grant_type": "refresh_token", "client_id": AZ, "refresh_token": refresh,
            "scope": f"{self.emu.management}/.default offline_access openid profile"})
        self.assertEqual(row["path"], f"/{self.emu.entra.tenant}/oauth2/v2.0/token")
        self.az.cache(self.az.access(self.token(), 330 * SLOW), self.az.refresh(refresh))
        self.served(0, 1, 0)

    def test_of_the_family(self):
        self.az.cache(self.az.refresh(self.refresh_token(POWERSHELL), client_id=POWERSHELL))
        self.served(1, 1, 0)

    def test_the_newest(self):
        refresh = self.refresh_token()
        self.az.cache(self.az.refresh("OLD", age=100), self.az.refresh(refresh, target=""))
        self.served(1, 1, 0)

    def test_for_a_challenge(self):
        claims = json.dumps({"access_token": {"nbf": {"essential": True, "value": "1700000000"}}})
        self.az.cache(self.az.access(self.token()), self.az.refresh(self.refresh_token()))
        self.emu.arm.challenge(claims)
        self.served(1, 2, 0)
        form = self.emu.log.find(who="entra", what="token")[-1]["form"]
        self.assertEqual(json.loads(form["claims"]), json.loads(claims))

    def test_for_a_challenge_of_an_older_token(self):
        """Ours is challenged; the one that az has got since was not made for these claims either."""
        self.caching = ()
        self.az.cache(self.az.access(self.token()))
        self.served(0, 1, 0)
        self.az.cache(self.az.access(self.token()), self.az.refresh(self.refresh_token()))
        self.emu.arm.challenge(json.dumps({"access_token": {"nbf": {"essential": True, "value": "1700000000"}}}))
        self.served(1, 2, 0, "--port", "2222")

    def test_for_an_access_token_that_is_refused(self):
        self.az.cache(self.az.access(self.token()), self.az.refresh(self.refresh_token()))
        self.emu.entra.revoke_all()
        self.served(1, 2, 0)

    def test_that_does_not_do(self):
        """az is asked, and what it says counts."""
        refresh = self.refresh_token()
        for what, fault in [("gone", Fault("status", code=400, error="invalid_grant", message="Gone.")),
                            ("mfa", Fault("status", code=400, error="interaction_required", message="More.")),
                            ("nonsense", Fault("status", code=200, body="{}")), ("cut", Fault("truncate"))]:
            with self.subTest(what=what):
                self.az.cache(self.az.refresh(refresh))
                self.emu.faults.entra.always = fault
                self.gives()
                self.assertIn("az: its refresh token does not do", self.served_by_az())
        self.emu.faults.entra.always = Fault("status", code=400, error="invalid_grant", message="Gone.")
        self.says(f"cat >&2 <<'END'\n{EXPIRED}\nEND\nexit 1")
        self.bad(67, "E303", says="az gets no token: AADSTS700082")

    def served_by_az(self):
        calls_before = len(self.az.calls)
        done = self.credentials("-v")
        self.assertEqual((done.returncode, len(self.az.calls) - calls_before), (0, 1), done.stderr)
        return done.stderr

    def test_that_was_revoked(self):
        self.az.cache(self.az.refresh(self.refresh_token()))
        self.emu.entra.revoke_user(JANE)
        self.gives()
        self.served(1, 1, 1)

    def test_without_az(self):
        self.without_az()
        self.az.cache(self.az.refresh(self.refresh_token()))
        self.served(1, 1, 0)
        self.emu.entra.revoke_user(JANE)
        self.fails(67, "E303", "AADSTS50173", 1, 0)


class Folder(AzCase):
    """States of the folder with which az is asked, and gives a token."""

    def served_by_az(self, tokens=0):
        self.gives()
        said = self.served(tokens, 1, 1)
        self.assertEqual(self.az.calls[-1], ["account", "get-access-token", "--output", "json",
                                             "--resource", self.emu.management + "/"])
        return said

    def test_nothing_of_use(self):
        self.assertIn("msal_token_cache.json is not used: No such file", self.served_by_az())
        self.az.write("msal_token_cache.bin", b"\1\0\0\0\xd0\x8c\x9d\xdf")
        self.served_by_az()
        self.az.cache()
        self.served_by_az()

    def test_somebody_else(self):
        self.az.cache(self.az.access(self.token()))
        self.az.profile(user="root@emulated.test")
        self.served_by_az()
        self.az.profile(tenant="99999999-0000-0000-0000-000000000000")
        self.served_by_az()
        self.az.profile(kind="servicePrincipal")
        self.served_by_az()
        self.az.profile(user="systemAssignedIdentity", kind="servicePrincipal")
        self.served_by_az()
        self.az.profile()
        self.az.cache(self.az.access(self.token()), accounts=[self.az.account(JANE, "u9.t9")])
        self.assertIn("not exactly one account of that name", self.served_by_az())

    def test_another_tenant_of_the_user(self):
        """The refresh token is good there, as far as anybody here knows."""
        self.az.cache(self.az.access(self.token()), self.az.refresh(self.refresh_token()))
        self.az.profile(tenant="99999999-0000-0000-0000-000000000000")
        self.served_by_az(tokens=1)
        self.assertEqual(self.emu.log.find(who="entra", what="token")[-1]["path"],
                         "/99999999-0000-0000-0000-000000000000/oauth2/v2.0/token")

    def test_files_that_are_not_to_be_trusted(self):
        for mode in (0o620, 0o602, 0o666):
            with self.subTest(mode=oct(mode)):
                self.az.cache(self.az.access(self.token()), mode=mode)
                self.assertIn("is not used: Operation not permitted", self.served_by_az())
        if os.geteuid() == 0:
            self.az.cache(self.az.access(self.token()))
            os.chown(self.az.path("msal_token_cache.json"), 12345, -1)
            self.assertIn("is not used: Operation not permitted", self.served_by_az())

    def test_files_that_are_none(self):
        for name in ("msal_token_cache.json", "azureProfile.json"):
            for make in (os.mkdir, os.mkfifo, lambda path: os.symlink("nowhere", path)):
                with self.subTest(name=name, make=make):
                    self.az.cache(self.az.access(self.token()))
                    self.az.profile()
                    os.remove(self.az.path(name))
                    make(self.az.path(name))
                    self.served_by_az()
                    os.rmdir(self.az.path(name)) if make == os.mkdir else os.remove(self.az.path(name))

    def test_files_that_are_too_large(self):
        text = self.az.cache(self.az.access(self.token()))
        self.az.write("msal_token_cache.json", text + " " * (4 << 20))
        self.assertIn("is not used: File too large", self.served_by_az())

    def test_profiles(self):
        self.az.cache(self.az.access(self.token()))
        for text in ("", "{", "[]x", "null", '{"subscriptions":[{"isDefault":true}]}', '{"subscriptions":[7]}'):
            with self.subTest(text=text):
                self.az.write("azureProfile.json", text)
                self.served_by_az()
        self.az.profile(default=False)
        self.served_by_az()
        os.remove(self.az.path("azureProfile.json"))
        self.served_by_az()

    def test_nobody(self):
        """Who logged out with az is not asked again."""
        self.az.cache(self.az.access(self.token()))
        for text in ('{"installationId": "x", "subscriptions": []}', "{}"):
            self.az.write("azureProfile.json", b"\xef\xbb\xbf" + text.encode())
            self.fails(67, "E301", "the credential azure-cli is not set up here", 0, 0)

    def test_a_cache_that_is_cut(self):
        """200 places; az prints the token each time."""
        text = self.az.cache(self.az.access(self.token()), self.az.refresh("R"))
        self.gives()
        cuts = [len(text) * n // 200 for n in range(200)][::20 if MODE == "valgrind" else 1]

        def run(cut):
            home = os.path.join(self.home, str(cut))
            os.makedirs(os.path.join(home, ".azure"), 0o700)
            for name, content in (("azureProfile.json", profile), ("msal_token_cache.json", text[:cut].encode())):
                path = os.path.join(home, ".azure", name)
                with open(path, "wb") as file:
                    file.write(content)
                os.chmod(path, 0o600)
            log = os.path.join(home, "az.log")
            done = self.credentials(env={"HOME": home, "FAKE_AZ_LOG": log})
            with open(path, "rb") as file:
                same = file.read() == text[:cut].encode()
            return cut, done.returncode, done.stderr, os.path.exists(log), same

        with open(self.az.path("azureProfile.json"), "rb") as file:
            profile = file.read()
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(run, cuts))
        self.assertEqual(results, [(cut, 0, "", True, True) for cut in cuts])
        self.assertEqual(self.new_requests(), (0, len(cuts)))


class Program(AzCase):
    """What is asked of az, and what it says."""

    def test_environment(self):
        self.gives()
        secrets = {name: "CANARY" for name in (
            "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD", "SYSTEM_ACCESSTOKEN",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "IDENTITY_HEADER", "MSI_SECRET")}
        needs = {"HTTPS_PROXY": "http://user:needed@127.0.0.1:1", "NO_PROXY": "127.0.0.1", "AZURE_CORE_OUTPUT": "x"}
        self.served(0, 1, 1, env={**secrets, **needs})
        with open(self.az.log + ".env") as file:
            seen = file.read()
        self.assertNotIn("CANARY", seen)
        for name, value in needs.items():
            self.assertIn(f"{name}={value}\n", seen)

    def test_refusals(self):
        for script, status, error, says in [
                (EXPIRED, 67, "E303", "az gets no token: AADSTS700082: The refresh token has expired"),
                (EXPIRED, 67, "E303", "fix: az login --scope https://management.core.windows.net//.default [E303]"),
                ("ERROR: AADSTS50076: MFA", 67, "E303", "AADSTS50076: MFA. fix: az login [E303]"),
                (CORRUPT, 67, "E302", "fix: az account clear && az login"),
                (f"ERROR: User '{JANE}' does not exist in MSAL token cache. Run `az login`.", 67, "E302", "corrupt"),
                ("ERROR: Please run 'az login' to setup account.", 67, "E301", "is not set up here. fix: az login"),
                ("ERROR: No subscription found. Run 'az account set' to select one.", 67, "E301", "not set up here"),
                (QUESTION, 75, "E315", "az asks a question, and nobody can answer it here"),
                ("WARNING: x\nERROR: something new\nand more", 67, "E301", "(status 1): something new. fix"),
                ("Traceback\nValueError: x\nTo check existing issues, look there", 67, "E301", "ValueError: x. fix"),
                ("\33]0;x\7\nERROR: \33[31mred", 67, "E301", "(status 1): ?[31mred"), ("", 67, "E301", "(status 1)")]:
            with self.subTest(error=error, says=says):
                self.says(f"cat >&2 <<'END'\n{script}\nEND\nexit 1")
                self.fails(status, error, says)

    def test_output(self):
        for output, says in [
                ("Do you want to upgrade? (Y/n)", "what az printed is not JSON"), ("", "is not JSON"),
                ("WARNING: upgrade\n{\"accessToken\": \"x\"}", "is not JSON near byte"),
                ("{\"accessToken\": \"x\"}\nNew Azure CLI version available.", "is not JSON near byte"),
                ("{}", "has no accessToken"), ("{\"accessToken\": 7}", "has no accessToken"), ("[]", "has no access")]:
            with self.subTest(output=output):
                self.says(f"cat <<'END'\n{output}\nEND")
                self.fails(76, "E315", says)
        self.says("echo '{\"accessToken\": \"a b\"}'")
        self.fails(76, "E412", "is not one word")
        self.says("yes '{\"accessToken\": \"x\"}' | head -c 1000000")
        self.fails(76, "E315", "is not JSON")

    def test_warnings_that_are_well_placed(self):
        self.gives()
        self.env["FAKE_AZ_DO"] = "echo WARNING: update me >&2;" + self.env["FAKE_AZ_DO"]
        self.served(0, 1, 1)

    def test_older_versions(self):
        for document in ({"expires_on": None}, {"expires_on": None, "expiresOn": "2099-01-01T00:00:00+00:00"},
                         {"tenant": None}, {"expires_on": "4070908800"}):
            with self.subTest(document=document):
                self.gives(**document)
                self.assertIn(f"for {JANE} of tenant {self.emu.entra.tenant}", self.served(0, 1, 1))

    def test_patience(self):
        self.says("echo $$ > \"$FAKE_AZ_LOG.pid\"; sleep 1000")
        begin = time.monotonic()
        self.env["ARC_RELAY_AZ_TIMEOUT"] = "1"
        line = self.fails(75, "E315", "az did not answer in 1 s")
        self.assertIn("arc-relay login", line)
        self.assertLess(time.monotonic() - begin, 10 * SLOW)
        with open(self.az.log + ".pid") as file:
            pid = int(file.read())
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)
        for value in ("0", "601", "-1", "x", "1s", " 1", "99999999999999999999"):
            with self.subTest(value=value):
                self.env["ARC_RELAY_AZ_TIMEOUT"] = value
                self.fails(78, "", "ARC_RELAY_AZ_TIMEOUT needs a number of seconds from 1 to 600", 0, 0)

    def test_not_there(self):
        self.without_az()
        self.az.write("msal_token_cache.bin", b"\1\0\0\0")
        self.fails(75, "E315", f"{JANE} is logged in with the Azure CLI, but there is no az on PATH", 0, 0)
        os.remove(self.az.path("azureProfile.json"))
        self.fails(67, "E301", "the credential azure-cli is not set up here", 0, 0)

    def test_not_to_be_started(self):
        os.chmod(os.path.join(self.az.bin, "az"), 0o644)
        self.env["PATH"] = self.az.bin
        self.fails(71, "E315", "cannot run az: Permission denied", 0, 0)

    def test_where_children_are_ignored(self):
        """Whoever starts us may have SIGCHLD ignored."""
        self.gives()
        done = self.credentials(preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Whoami(AzCase):
    def whoami(self, tokens, calls, *args):
        before, calls_before = self.requests(0, 0), len(self.az.calls)
        done = subprocess.run(WRAP + [TOOL, "whoami", "--json", "--no-cache", "--credential", "AzureCliCredential",
                                      "--cloud-file", self.emu.cloud_file, *args], env=self.env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual((*self.requests(*before), len(self.az.calls) - calls_before), (tokens, 0, calls))
        document = json.loads(done.stdout)
        self.assertEqual(document["source"], "azure-cli")
        return document["account"], document["tenant"]

    def test_each_way(self):
        refresh = self.refresh_token()
        who = (JANE, self.emu.entra.tenant)
        self.az.cache(self.az.access(self.token()))
        self.assertEqual(self.whoami(0, 0), who)
        self.az.cache(self.az.refresh(refresh))
        self.assertEqual(self.whoami(1, 0), who)
        self.az.cache()
        self.gives()
        self.assertEqual(self.whoami(0, 1), who)
        os.remove(self.az.path("azureProfile.json"))
        self.assertEqual(self.whoami(0, 1), who)        # by the token's own words

    def test_another_tenant(self):
        """What az keeps for its own tenant says nothing of another one."""
        who = (JANE, self.emu.entra.tenant)
        self.az.profile(tenant="99999999-0000-0000-0000-000000000000")
        self.az.cache(self.az.access(self.token()), self.az.refresh(self.refresh_token()))
        self.assertEqual(self.whoami(1, 0, "--tenant", self.emu.entra.tenant), who)
        self.az.cache()
        self.gives()
        self.assertEqual(self.whoami(0, 1, "--tenant", self.emu.entra.tenant), who)
        self.assertEqual(self.az.calls[-1][-2:], ["--tenant", self.emu.entra.tenant])

    def test_names_that_would_play_with_the_terminal(self):
        self.az.profile(user="jane\33[31m\n", tenant="t\33]0;x\7")
        self.az.cache(self.az.access(self.token(), realm="t\33]0;x\7"), user="jane\33[31m\n")
        self.assertEqual(self.whoami(0, 0), ("jane?[31m?", "t?]0;x?"))


class Secrecy(AzCase):
    def test_nothing_is_told(self):
        refresh = self.refresh_token()
        for what, entries in [("cached", [self.az.access("CANARY" + "a" * 50)]),
                              ("refreshed", [self.az.refresh(refresh)]), ("bad", [self.az.refresh("CANARY-r")])]:
            with self.subTest(what=what):
                self.az.cache(*entries)
                self.gives()
                done = self.credentials("-vv")
                seen = done.stderr + json.dumps(self.az.calls)
                if os.path.exists(self.az.log):
                    with open(self.az.log + ".env") as file:
                        seen += file.read().replace(self.env["FAKE_AZ_JSON"], "")
                for secret in ("CANARY", "DECOY", refresh, self.token_at_arm()):
                    self.assertNotIn(secret, seen)


tap.main()
