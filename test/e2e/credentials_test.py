"""Goal: a credential costs one request, however many ask; every refusal of Azure
is told with its remedy; no secret is seen where others look.
"""

import hashlib
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import threading
import time

import azfolder
import tap
from credentials_case import CredentialsCase
from harness import HANG_S, MODE, SLOW, TOOL, WRAP, Fault, wait_for


class Request(CredentialsCase):
    def test_what_is_sent_and_printed(self):
        relay = self.good()
        self.assertEqual(sorted(relay), ["accessKey", "expiresOn", "hybridConnectionName", "namespaceName",
                                         "namespaceNameSuffix", "serviceConfigurationToken"])
        token = self.emu.log.find(who="entra", what="token")[-1]
        self.assertEqual(token["form"], {
            "grant_type": "client_credentials", "client_id": self.emu.entra.client,
            "client_secret": self.emu.entra.secret, "scope": self.emu.management + "/.default"})
        sent = self.emu.log.find(who="arm", operation="listcredentials")[-1]
        self.assertEqual(sent["method"], "POST")
        self.assertEqual(sent["query"], {"expiresin": "10800", "api-version": "2023-03-15"})
        self.assertEqual(json.loads(sent["body"]), {"serviceName": "SSH"})
        headers = {name.lower(): value for name, value in sent["headers"]}
        self.assertRegex(headers["user-agent"], r"\Aarc-relay/")
        self.assertRegex(headers["x-ms-client-request-id"],
                         r"\A[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
        self.assertEqual(headers["content-type"], "application/json")
        self.assertNotIn("accept-encoding", headers)

    def test_spelling_of_the_id(self):
        rid = self.emu.machine_id("web01").replace("resourceGroups", "resourcegroups").upper().lower() + "/"
        self.good(rid=rid)
        self.good()
        self.assertEqual(self.new_requests(), (1, 1))

    def test_bad_usage(self):
        rid = self.emu.machine_id("web01")
        for args, rid in [((), "web 01"), ((), rid + "?x"), ((), rid + "/../x"), (("--port", "0"), rid),
                          (("--port", "65536"), rid), (("--port", "22x"), rid), (("--refused", "xyz"), rid),
                          (("--nonsense",), rid), (("--cloud", "AzureCloud"), rid), ((rid,), rid)]:
            with self.subTest(args=args, rid=rid):
                self.bad(64, "", *args, rid=rid)
        self.assertEqual(self.new_requests(), (0, 0))

    def test_an_azure_vm(self):
        rid = self.emu.machine_id("web01").replace("HybridCompute/machines", "Compute/virtualMachines")
        self.bad(68, "E202", rid=rid)

    def test_not_on_a_terminal(self):
        leader, follower = os.openpty()
        done = subprocess.run(self.command(), env=self.env, stdin=subprocess.DEVNULL, stdout=follower,
                              stderr=subprocess.PIPE, text=True, timeout=HANG_S)
        self.assertEqual(done.returncode, 64)
        self.assertIn("secret", done.stderr)
        os.close(follower)
        os.close(leader)

    def test_errors_for_a_program(self):
        done = self.credentials("--errors-as-json", machine="half")
        error = json.loads(done.stdout)["error"]
        self.assertEqual((done.returncode, done.stderr), (78, ""))
        self.assertEqual((error["status"], error["id"]), (78, "E405"))


class Cache(CredentialsCase):
    def test_the_second_time_costs_nothing(self):
        first = self.good()
        self.assertEqual(self.good(), first)
        self.assertEqual(self.new_requests(), (1, 1))
        self.assertNotEqual(self.good("--refresh"), first)
        self.assertEqual(self.new_requests(), (2, 2))
        self.good("--no-cache")
        self.assertEqual(self.new_requests(), (3, 3))

    def test_who_does_not_share(self):
        self.good()
        self.good("--port", "2222")
        self.assertEqual(self.new_requests(), (1, 2))       # another machine's port, the same token
        self.credentials(env={"AZURE_CLIENT_ID": "another"})
        self.assertEqual(self.new_requests(), (2, 2))

    def test_no_cache_writes_nothing(self):
        self.good("--no-cache")
        self.assertEqual(self.cached_files(), [])

    def test_refused_by_the_relay(self):
        first = self.good()
        refused = hashlib.sha256(first["accessKey"].encode()).hexdigest()
        self.good("--refused", "0" * 64)
        self.assertEqual(self.new_requests(), (1, 1))
        time.sleep(1.1)     # the emulator's tokens differ by their second
        second = self.good("--refused", refused)
        self.assertNotEqual(first["accessKey"], second["accessKey"])
        self.assertEqual(self.good("--refused", refused), second)
        self.assertEqual(self.new_requests(), (1, 2))

    def test_nearly_expired(self):
        def soon(document):
            document["relay"]["expiresOn"] = int(time.time()) + 200
            return document
        self.emu.faults.arm.append(Fault("edit", script=soon))
        self.good()
        self.good()
        self.assertEqual(self.new_requests(), (1, 2))

    def test_modes(self):
        for umask in (0o000, 0o022, 0o077):
            with self.subTest(umask=oct(umask)):
                done = subprocess.run(self.command("--refresh"), env=self.env, stdin=subprocess.DEVNULL,
                                      capture_output=True, umask=umask, timeout=HANG_S)
                self.assertEqual(done.returncode, 0, done.stderr)
                for path in self.cached_files():
                    self.assertEqual(stat.S_IMODE(os.lstat(path).st_mode), 0o600, path)
                    self.assertRegex(os.path.basename(path), r"\A([0-9a-f]{64}(\.lck)?|\.swept)\Z")
                folder = os.path.dirname(self.cached_files()[0])
                self.assertEqual(stat.S_IMODE(os.lstat(folder).st_mode), 0o700)

    def test_damaged_entries_are_replaced(self):
        self.good()
        token, entry = self.entry("token"), self.entry("relay")
        whole = open(entry, "rb").read()
        pieces = [b"", whole[:1], whole[:-1], whole[:len(whole) // 2], b"\0" * 100, b"[" * 65536,
                  whole.replace(b"emulated", b"evil"), b"x" * 100000, open(token, "rb").read()]
        for count, piece in enumerate(pieces, 2):
            with self.subTest(length=len(piece)):
                with open(entry, "wb") as file:
                    file.write(piece)
                self.good()
                self.assertEqual(self.new_requests(), (1, count))
        self.good()
        self.assertEqual(self.new_requests(), (1, len(pieces) + 1))
        shutil.copy(entry, token)
        os.remove(entry)
        self.good()
        self.good()
        self.assertEqual(self.new_requests(), (2, len(pieces) + 2))

    def test_a_cache_that_cannot_be(self):
        for home in ("/dev/null", "relative"):
            with self.subTest(home=home):
                self.good(env={"HOME": home, "XDG_CACHE_HOME": home})

    def good(self, *args, env=None, **where):
        if env is None:
            return super().good(*args, **where)
        done = self.credentials(*args, env=env, **where)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["relay"]


class Parallel(CredentialsCase):
    N = 4 if MODE == "valgrind" else 50     # all of them within one wait for the lock

    def run_all(self, *args):
        children = [subprocess.Popen(self.command(*args), env=self.env, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(self.N)]
        return [(*child.communicate(timeout=HANG_S), child.returncode) for child in children]

    def test_one_request_for_all(self):
        self.emu.faults.entra.append(Fault("delay", seconds=0.4))
        self.emu.faults.arm.append(Fault("delay", seconds=0.3))
        results = set(self.run_all())
        self.assertEqual(len(results), 1)
        out, err, status = results.pop()
        self.assertEqual((err, status), (b"", 0))
        self.assertIn("accessKey", json.loads(out)["relay"])
        self.assertEqual(self.new_requests(), (1, 1))

    def test_one_refusal_for_all_that_wait(self):
        delay = Fault("delay", seconds=4 if MODE == "valgrind" else 1.5)
        self.emu.faults.arm.append([delay, Fault("status", code=403, error="AuthorizationFailed", message="no")])
        self.emu.faults.arm.always = Fault("status", code=403, error="AuthorizationFailed", message="no")
        results = set(self.run_all())
        self.assertEqual(len(results), 1)
        self.assertEqual(results.pop()[2], 77)
        self.assertLessEqual(self.new_requests()[1], 3)

    def test_a_killed_holder(self):
        self.emu.faults.arm.append(Fault("stall"))
        first = subprocess.Popen(self.command(), env=self.env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.emu.wait(HANG_S, who="arm", operation="listcredentials", n=self.lists_before + 1)
        second = subprocess.Popen(self.command(), env=self.env, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        first.kill()
        first.wait()
        out, err = second.communicate(timeout=HANG_S)
        self.assertEqual((second.returncode, err), (0, b""))
        self.assertEqual(self.new_requests(), (1, 2))       # its token was kept before it was killed


class Refusals(CredentialsCase):
    def test_not_set_up(self):
        rid = self.emu.machine_id("new")
        self.bad(78, "E404", machine="new", says="arc-relay enable new")
        self.bad(78, "E405", machine="half", says="arc-relay enable half")

    def test_no_such_machine(self):
        rid = self.emu.machine_id("web01").replace("web01", "web99")
        self.bad(68, "E201", rid=rid, says=f"web99 in group rg1 of subscription {self.emu.subscription}")

    def test_not_registered(self):
        self.emu.arm.provider_state = "NotRegistered"
        self.bad(78, "E403", says="arc-relay register --subscription")

    def test_not_found_in_many_words(self):
        under = "The Resource 'Microsoft.HybridCompute/machines/web01"
        for code, message, error in [
                ("ParentResourceNotFound", "of type 'endpoints', because the parent was not found", "E201"),
                ("ResourceGroupNotFound", "Resource group 'rg1' could not be found.", "E201"),
                ("SubscriptionNotFound", "The subscription could not be found.", "E206"),
                ("ResourceNotFound", under + "' under resource group 'rg1' was not found.", "E201"),
                ("ResourceNotFound", under + "/providers/Microsoft.HybridConnectivity/endpoints/default' "
                                             "was not found.", "E404"),
                ("ResourceNotFound", "Endpoint does not exist.", "E404"),
                ("EndpointNotFound", "", "E404"), ("NotFound", "", "E404")]:
            with self.subTest(code=code, message=message):
                self.emu.faults.arm.append(Fault("status", code=404, error=code, message=message))
                self.bad(78 if error == "E404" else 68, error)

    def test_forbidden(self):
        who = "11111111-2222-3333-4444-555555555555"
        self.emu.faults.arm.append(Fault(
            "status", code=403, error="AuthorizationFailed",
            message=f"The client 'x' with object id '{who}' does not have authorization to perform action "
                    "'Microsoft.HybridConnectivity/endpoints/listCredentials/action'"))
        self.bad(77, "E401", says=f'--assignee {who} --role "Virtual Machine Local User Login" '
                                  f'--scope {self.emu.machine_id("web01")}')

    def test_other_refusals(self):
        for code, word, error, status in [(403, "RequestDisallowedByPolicy", "E411", 77),
                                          (409, "ScopeLocked", "E410", 77),
                                          (400, "InvalidApiVersionParameter", "E412", 76),
                                          (401, "InvalidAuthenticationTokenTenant", "E206", 68)]:
            with self.subTest(word=word):
                self.emu.faults.arm.append(Fault("status", code=code, error=word))
                self.bad(status, error)

    def test_a_token_that_is_refused_is_renewed_once(self):
        refuse = Fault("status", code=401, error="ExpiredAuthenticationToken", message="x")
        self.emu.faults.arm.append(refuse)
        self.good()
        self.assertEqual(self.new_requests(), (2, 2))
        self.emu.faults.arm.extend([refuse, refuse, refuse])
        self.bad(67, "E303")
        self.assertEqual(self.new_requests(), (4, 4))

    def test_what_passes_is_waited_for(self):
        later = {"Retry-After": "1"}
        for queue, fault in [("arm", Fault("status", code=429, headers=later)),
                             ("arm", Fault("status", code=500)),
                             ("arm", Fault("status", code=503, headers=later)),
                             ("arm", Fault("truncate")), ("arm", Fault("drop", how="rst")),
                             ("entra", Fault("status", code=429, headers=later)),
                             ("entra", Fault("status", code=503))]:
            with self.subTest(queue=queue, fault=fault):
                getattr(self.emu.faults, queue).append(fault)
                self.good("--refresh")

    def test_a_date_to_wait_for(self):
        stamp = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 3))
        self.emu.faults.arm.append(Fault("status", code=429, headers={"Retry-After": stamp}))
        begin = time.monotonic()
        self.good()
        self.assertGreater(time.monotonic() - begin, 1)

    def test_a_long_wait_is_not_begun(self):
        for queue in ("arm", "entra"):
            with self.subTest(queue=queue):
                getattr(self.emu.faults, queue).append(
                    Fault("status", code=429, headers={"Retry-After": "3600"}))
                begin = time.monotonic()
                self.bad(75, "E408", "--no-cache", says="3600 s")
                self.assertLess(time.monotonic() - begin, 2 * SLOW)

    def test_no_wait_that_is_longer_than_there_is_time(self):
        """--within: who asks hears the reason while he still listens."""
        begin = time.monotonic()
        self.emu.faults.arm.append(Fault("status", code=429, headers={"Retry-After": "20"}, match="resources"))
        self.bad(75, "E408", "--within", "3000", rid="web01", says="throttles")
        self.good()
        row = b"%020d" % ((time.time() + 15 + 20) * 1000)     # as if 350 had asked just now
        for path in self.cached_files():
            with open(path, "r+b") as file:
                if found := re.search(rb"\b\d{20}$", file.read()):
                    file.seek(found.start())
                    file.write(row)
        self.bad(75, "E408", "--within", "3000", says="this one its credential in 2")
        self.assertLess(time.monotonic() - begin, 15)

    def test_it_gives_up(self):
        self.emu.faults.arm.always = Fault("status", code=502)
        begin = time.monotonic()
        self.bad(75, "E409", says="502")
        self.assertLess(time.monotonic() - begin, 8 * SLOW)
        self.assertLessEqual(self.new_requests()[1], 5)

    def test_redirects_are_not_followed(self):
        for code in (301, 302, 307, 308):
            with self.subTest(code=code):
                self.emu.faults.arm.append(Fault(
                    "status", code=code, body="", headers={"Location": self.emu.management + "/elsewhere"}))
                self.bad(76, "E607")
        self.assertEqual(self.emu.count(who="arm", path="/elsewhere"), 0)


class Answers(CredentialsCase):
    def edited(self, change):
        def script(document):
            change(document["relay"])
            return document
        return Fault("edit", script=script)

    def test_values_that_are_not_let_through(self):
        for field, value in [("namespaceName", "evil.test/"), ("namespaceName", ""), ("namespaceName", None),
                             ("namespaceName", "x" * 1000), ("namespaceNameSuffix", "evil.test"),
                             ("namespaceNameSuffix", "relay.emulated.test@evil.test"),
                             ("hybridConnectionName", "a?sb-hc-action=listen"), ("hybridConnectionName", "a/../b"),
                             ("accessKey", "CANARY\r\nHost: evil"), ("accessKey", 7), ("accessKey", ""),
                             ("accessKey", "CANARY" * 2000), ("serviceConfigurationToken", "CANARY\nx"),
                             ("expiresOn", "soon"), ("expiresOn", -1), ("expiresOn", None)]:
            with self.subTest(field=field, value=str(value)[:30]):
                self.emu.faults.arm.append(self.edited(lambda relay: relay.update({field: value})))
                line = self.bad(76, "E412", says=field)
                self.assertNotIn("CANARY", line)
        self.assertEqual([p for p in self.cached_files() if "accessKey" in open(p).read()], [])

    def test_a_clock_that_is_wrong(self):
        self.emu.clock_skew = -4 * 3600
        self.addCleanup(setattr, self.emu, "clock_skew", 0)
        self.bad(78, "E111", says="the clock here is 14")

    def test_a_credential_of_long_ago(self):
        self.emu.faults.arm.append(self.edited(lambda relay: relay.update(expiresOn=1700000000)))
        self.bad(76, "E412", says="its credential is past already")

    def test_bodies_that_are_none(self):
        good = json.dumps(self.emu.issue_credentials("web01"))
        for body, error in [("", "E607"), ("<html>sign in</html>", "E607"), ("[]", "E607"), ("{}", "E412"),
                            ("{" * 3000, "E412"), (good + "x", "E412"), (good[:-1], "E412"),
                            (good.replace("accessKey", "expiresOn"), "E412"),
                            (good.replace("SharedAccess", "\\u0000"), "E412"), ("{" + " " * 100000, "E412"),
                            ("{" + " " * 3000000, "E412")]:
            with self.subTest(length=len(body), body=body[:30]):
                self.emu.faults.arm.append(Fault("status", code=200, body=body))
                line = self.bad(76, error)
                self.assertNotIn("SharedAccess", line)
        self.assertEqual(self.new_requests()[1], 11)

    def test_tokens_that_are_none(self):
        for body, error in [("{}", "E412"), ("<html>", "E607"), ("", "E607"), ('{"access_token":7}', "E412"),
                            ('{"access_token":"a\\r\\nb"}', "E412"), ('{"access_token":""}', "E412"),
                            ('{"access_token":"a","access_token":"b"}', "E607")]:
            with self.subTest(body=body):
                self.emu.faults.entra.append(Fault("status", code=200, body=body))
                self.bad(76, error)
        self.assertEqual(self.new_requests()[1], 0)


class Login(CredentialsCase):
    def setUp(self):
        super().setUp()
        self.with_az = {**self.env, **azfolder.program(self.home, self.env["PATH"])}
        self.az_log = self.with_az["FAKE_AZ_LOG"]
        for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID"):
            self.with_az.pop(name)
        self.env = {key: value for key, value in self.with_az.items() if not key.startswith("AZURE_")}

    def az(self, script, **more):
        self.env = {**self.with_az, "FAKE_AZ_DO": script, **more}

    def az_prints(self, **document):
        self.az("printf '%s\\n' \"$FAKE_AZ_JSON\"",
                FAKE_AZ_JSON=json.dumps({"accessToken": self.emu.issue_token(), **document}))

    def test_azure_cli(self):
        self.az_prints(expires_on=int(time.time()) + 3600, expiresOn="2099-01-01 00:00:00.000000")
        self.good()
        self.assertEqual(self.new_requests(), (0, 1))
        self.assertEqual(open(self.az_log).read().split("\n"),
                         ["account", "get-access-token", "--output", "json",
                          "--resource", self.emu.management + "/", "--", ""])
        self.assertNotIn("AZURE_CLIENT_SECRET", open(self.az_log + ".env").read())

    def test_azure_cli_before_2_54(self):
        self.az_prints(expiresOn="2099-01-01 00:00:00.000000")
        self.good()

    def test_azure_cli_that_warns(self):
        self.az_prints()
        self.env["FAKE_AZ_DO"] = "echo WARNING: update me >&2;" + self.env["FAKE_AZ_DO"]
        self.good()

    def test_nobody_is_logged_in(self):
        self.az("echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1")
        self.bad(67, "E301", says="az login")

    def test_no_azure_cli(self):
        self.env["PATH"] = "/nowhere"
        done = subprocess.run(self.command(), env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=HANG_S, executable=shutil.which(WRAP[0]) if WRAP else TOOL)
        self.assertEqual((done.returncode, done.stdout), (67, ""))
        self.assertRegex(done.stderr, r"\(tried: environment, [a-z, -]*, azure-cli\)")

    def test_azure_cli_fails(self):
        for script, status, error, says in [
                ("echo 'ERROR: AADSTS700082: The refresh token expired. az login' >&2; exit 1", 67, "E303",
                 "AADSTS700082"),
                ("echo 'json.decoder.JSONDecodeError: Expecting value' >&2; exit 1", 67, "E302", "az account clear"),
                ("echo 'something new' >&2; exit 3", 67, "E301", "something new"),
                ("echo 'Do you want to upgrade? (Y/n)'", 76, "E315", "is not JSON"),
                ("echo '{}'", 76, "E315", "accessToken")]:
            with self.subTest(script=script):
                self.az(script)
                self.bad(status, error, says=says)

    def test_azure_cli_hangs(self):
        self.az("sleep 1000")
        begin = time.monotonic()
        self.bad(75, "E315", says="10 s")
        self.assertLess(time.monotonic() - begin, 10 + 5 * SLOW)

    def test_only_the_named_one(self):
        self.az("exit 1")
        self.bad(67, "E301", "--credential", "environment", says="set AZURE_TENANT_ID")
        self.bad(64, "", "--credential", "nonsense", says="one of: environment, ")
        self.assertFalse(os.path.exists(self.az_log))

    def test_what_entra_refuses(self):
        env = {**self.with_az, "AZURE_TENANT_ID": self.emu.entra.tenant, "AZURE_CLIENT_ID": self.emu.entra.client}
        for change, status, error, says in [
                ({"AZURE_CLIENT_SECRET": "wrong"}, 67, "E305", "Invalid client secret provided"),
                ({"AZURE_CLIENT_ID": "wrong"}, 67, "E307", "AADSTS700016"),
                ({"AZURE_TENANT_ID": "wrong"}, 67, "E307", "AADSTS90002"),
                ({"AZURE_TENANT_ID": "../x"}, 78, "E307", "is not a tenant")]:
            with self.subTest(change=change):
                self.env = {**env, **change}
                self.bad(status, error, says=says)
        self.env = env
        for word, status, error in [("invalid_grant", 67, "E303"), ("interaction_required", 77, "E304")]:
            with self.subTest(word=word):
                self.emu.faults.entra.append(Fault("status", code=400, error=word, message="Told so."))
                self.bad(status, error, says="Told so")
        self.assertFalse(os.path.exists(self.az_log))       # what is set up and fails is not passed over


class Network(CredentialsCase):
    def fails(self, status, error, says, env=None, **changes):
        done = subprocess.run(WRAP + [TOOL, "credentials", "--cloud-file", self.cloud(**changes),
                                      self.emu.machine_id("web01")], env={**self.env, **(env or {})},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertIn(f"[{error}]", done.stderr)
        self.assertIn(says, done.stderr)
        return done.stderr

    def test_no_such_name(self):
        self.fails(69, "E601", "login.invalid", authority="https://login.invalid")

    def test_nobody_there(self):
        self.fails(69, "E602", "127.0.0.1:1", authority="https://127.0.0.1:1")

    def test_a_stranger(self):
        good = json.load(open(self.emu.cloud_file))
        del good["caFile"]
        path = os.path.join(self.home, "cloud.json")
        with open(path, "w") as file:
            json.dump(good, file)
        done = subprocess.run(WRAP + [TOOL, "credentials", "--cloud-file", path, self.emu.machine_id("web01")],
                              env={**self.env, "CURL_CA_BUNDLE": self.emu.ca_file},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S)
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertIn("[E605]", done.stderr)
        self.assertEqual(self.new_requests(), (0, 0))

    def test_bad_certificates(self):
        for kind in ("expired", "not-yet-valid", "wrong-name", "unknown-ca", "self-signed"):
            with self.subTest(kind=kind):
                port = self.emu.bad_relay(kind)
                self.fails(78, "E605", f"127.0.0.1:{port}", authority=f"https://127.0.0.1:{port}")

    def test_no_ca_file(self):
        self.fails(78, "E605", "/nowhere/ca.pem", caFile="/nowhere/ca.pem")

    def test_bad_tls(self):
        for kind in ("plain", "reset", "tls1.1"):
            with self.subTest(kind=kind):
                port = self.emu.bad_relay(kind)
                self.fails(76, "E606", f"127.0.0.1:{port}", authority=f"https://127.0.0.1:{port}")

    def test_a_proxy_that_refuses(self):
        for status, error in [(407, "E603"), (403, "E604"), (502, "E604")]:
            with self.subTest(status=status), socket.create_server(("127.0.0.1", 0)) as server:
                def serve():
                    conn = server.accept()[0]
                    conn.recv(65536)
                    conn.sendall(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)
                    conn.close()
                thread = threading.Thread(target=serve)
                thread.start()
                proxy = f"http://user:CANARY@127.0.0.1:{server.getsockname()[1]}"
                line = self.fails(77, error, "proxy", env={"HTTPS_PROXY": proxy})
                self.assertNotIn("CANARY", line)
                thread.join()


class Secrecy(CredentialsCase):
    def test_nothing_is_told(self):
        keys = os.path.join(self.home, "keys")
        self.emu.faults.arm.append(Fault("delay", seconds=1.0 * SLOW))
        child = subprocess.Popen(self.command("-vv"), env={**self.env, "SSLKEYLOGFILE": keys},
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.emu.wait(HANG_S, who="arm", operation="listcredentials", n=self.lists_before + 1)
        with open(f"/proc/{child.pid}/cmdline") as file:
            seen = file.read()
        out, err = child.communicate(timeout=HANG_S)
        seen += err.decode()
        relay = json.loads(out)["relay"]
        token = next(value for name, value in self.emu.log.find(who="arm", operation="listcredentials")[-1]["headers"]
                     if name.lower() == "authorization").split()[1]
        for secret in (self.emu.entra.secret, token, relay["accessKey"], relay["serviceConfigurationToken"]):
            self.assertNotIn(secret, seen)
        self.assertIn("request ", seen)         # -v does tell what support asks for
        self.assertFalse(os.path.exists(keys))

    def test_version(self):
        for args in (["version"], ["version", "--json"], ["--version"], ["-V"]):
            done = subprocess.run(WRAP + [TOOL, *args], env=self.env, capture_output=True, text=True, timeout=HANG_S)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertRegex(done.stdout, re.compile("arc-relay.*libcurl/.*jansson", re.DOTALL))
        for args, status in (["--help"], 0), (["credentials", "--help"], 0), ([], 64), (["nonsense"], 64):
            done = subprocess.run(WRAP + [TOOL, *args], env=self.env, capture_output=True, text=True, timeout=HANG_S)
            self.assertEqual(done.returncode, status)
        with open("/dev/full", "w") as full:
            done = subprocess.run(WRAP + [TOOL, "--help"], env=self.env, stdout=full, stderr=subprocess.PIPE,
                                  timeout=HANG_S)
        self.assertEqual(done.returncode, 74)


if __name__ == "__main__":
    tap.main()
