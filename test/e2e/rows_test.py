"""Goal: every id has its end-to-end test, and the table below says which; those that end a connection and have none of
their own elsewhere are played here, and ssh shows them, after no more attempts than the kind of failure is worth.
"""

import ast
import re
import unittest
from pathlib import Path

import tap
from harness import TOP, Fault, free_port
from sentences_case import SentencesCase
from faults import BAD_SIGNATURE
from proxy import HttpProxy

ELSEWHERE = {
    "E101": "config_faults_test Refused.test_no_ssh",
    "E102": "config_faults_test Refused.test_programs_that_others_can_replace",
    "E106": "refusal_test Arguments.test_files",
    "E107": "config_faults_test Refused.test_a_config_that_others_can_write",
    "E108": "explain_real_test Ssh.test_e108_a_name_that_no_block_is_for",
    "E110": "explain_real_test Ssh.test_e110_a_descriptor_is_wanted",
    "E111": "hostile_test Clock.test_a_day_ahead",
    "E112": "cache_test Verbs.test_usage",
    "E201": "sentences_test Azure.test_the_machine_is_in_another_group_now",
    "E202": "credentials_test Request.test_an_azure_vm",
    "E204": "enable_test Enable.test_the_agent_is_told_of",
    "E205": "enable_test Enable.test_the_agent_is_told_of",
    "E206": "sentences_test Login.test_another_tenant",
    "E207": "doctor_azure_test Machine.test_index_lags",
    "E301": "sentences_test Login.test_not_logged_in",
    "E302": "azcli_test Program.test_refusals",
    "E303": "cert_ssh_test Ssh.test_when_it_cannot_be_renewed",
    "E304": "arm_test Challenges.test_a_challenge_for_claims",
    "E305": "sentences_test Login.test_wrong_secret",
    "E306": "tokens_test Certificates.test_one_that_the_application_does_not_know",
    "E307": "login_test DeviceCode.test_a_tenant_or_client_that_is_none",
    "E308": "tokens_test Federated.test_a_token_that_matches_nothing",
    "E309": "managed_test Chain.test_a_machine_without_identity",
    "E310": "managed_test Hostile.test_not_in_the_group",
    "E311": "cert_test Sources.test_cloud_shell_of_an_older_portal",
    "E312": "cert_test Sources.test_managed_identity",
    "E313": "cloud_test Choice.test_no_such_cloud",
    "E314": "cert_test Files.test_keys_that_will_not_do",
    "E315": "azcli_test Program.test_patience",
    "E401": "sentences_test Azure.test_no_role",
    "E402": "enable_test Enable.test_no_right",
    "E403": "sentences_test Azure.test_provider_not_registered",
    "E404": "sentences_test Azure.test_no_endpoint",
    "E405": "sentences_test Azure.test_no_service_configuration",
    "E406": "sentences_test Machine.test_wrong_port",
    "E407": "enable_test Enable.test_no_right",
    "E412": "hostile_test Bodies.test_megabytes",
    "E501": "sentences_test Machine.test_agent_offline",
    "E502": "sentences_test Machine.test_agent_starting",
    "E504": "deliveries_test Deliveries.test_the_relay_refuses",
    "E505": "sentences_test Machine.test_sshd_stopped",
    "E507": "probe_test Probe.test_cut",
    "E510": "refusal_test Answers.test_no_answer",
    "E511": "probe_test Probe.test_no_ssh_server",
    "E512": "ending_test RelayLeaves.test_download_cut_by_rst_delivers_all_that_was_sent",
    "E514": "explain_test Pasted.test_vague_words_count_only_alone",
    "E603": "sentences_test Way.test_the_proxy_wants_a_login",
    "E605": "sentences_test Way.test_tls_is_inspected",
    "E606": "refusal_test Tls.test_no_tls_at_all",
    "E607": "hostile_test Bodies.test_a_captive_portal",
    "E608": "hostile_test Relay.test_reason_phrases",
    "E701": "explain_real_test Ssh.test_e701_a_key_that_is_not_taken",
    "E702": "explain_real_test Ssh.test_e702_a_certificate_that_is_not_taken",
    "E703": "explain_real_test Ours.test_an_old_ssh",
    "E704": "explain_real_test Ssh.test_e704_a_certificate_that_is_over",
    "E705": "explain_real_test Ssh.test_e705_another_host_key",
    "E706": "explain_real_test Ssh.test_e706_no_banner_in_time",
    "E707": "explain_real_test Ssh.test_e707_a_proxy_that_ends_at_once",
    "E708": "explain_real_test Ssh.test_e708_a_key_that_others_can_read",
    "E709": "explain_real_test Ssh.test_e709_too_many_keys",
    "E710": "explain_real_test Expired.test_e710_an_account_that_has_expired",
    "E711": "explain_real_test Ssh.test_e711_bytes_that_are_changed",
    "E802": "explain_real_test Ssh.test_e808_and_e802_a_machine_of_azure",
    "E804": "explain_real_test Programs.test_e804_an_option_that_az_does_not_know",
    "E808": "explain_real_test Ssh.test_e808_and_e802_a_machine_of_azure",
    "E809": "explain_real_test Ssh.test_e809_other_formats",
}
# what no emulated Azure can play; arc-relay explain knows them by their words (explain_test)
NOT_PLAYED = {
    "E103": "PowerShell says it of a module of its own",
    "E104": "az says it before it starts Microsoft's proxy",
    "E105": "az says it when it cannot download Microsoft's proxy",
    "E208": "az says it; our configuration names no Entra user for Windows",
    "E508": "a setting on the machine, which nothing outside can see",
    "E513": "forty seconds without a byte: unit/pump_life_test has a clock for it",
    "E801": "az aks says it of a file here",
    "E803": "a node of AKS, by what it does not do",
    "E805": "a limit of AKS",
    "E806": "a node of AKS, by what it still does",
    "E807": "az ssh vm says it of a VM",
}
MADE = re.compile(r'"(E[1-8]\d\d)"')


def test_source(where):
    """The text of a test; "file_test Class.test"."""
    file, _, name = where.partition(" ")
    wanted_class, _, wanted = name.partition(".")
    text = (Path(__file__).parent / (file + ".py")).read_text()
    for part in ast.parse(text).body:
        for function in part.body if isinstance(part, ast.ClassDef) and part.name == wanted_class else ():
            if isinstance(function, ast.FunctionDef) and function.name == wanted:
                return ast.get_source_segment(text, function)
    raise AssertionError(f"there is no {where}")


class Table(unittest.TestCase):
    def test_every_id_is_here_once(self):
        ids = MADE.findall((Path(TOP) / "proxy" / "explain_table.c").read_text())
        here = [name[5:9].upper() for name in dir(Rows) if name.startswith("test_e")]
        self.assertEqual(len(ids), 89)
        self.assertEqual(sorted([*ELSEWHERE, *NOT_PLAYED, *here]), sorted(ids))

    def test_the_tests_are_there(self):
        for one, where in ELSEWHERE.items():
            self.assertIn(one, test_source(where))

    def test_what_our_programs_say_is_played(self):
        made = {one for folder in ("relay", "auth", "proxy") for path in (Path(TOP) / folder).glob("*.c")
                if path.name != "explain_table.c" for one in MADE.findall(path.read_text())}
        self.assertEqual(made & set(NOT_PLAYED), {"E513"})


class Rows(SentencesCase):
    CONNECT_TIMEOUT = 10

    def setUp(self):
        super().setUp()
        self.dials_before = self.emu.count(who="relay", what="connect")
        self.calls_before = self.emu.count(who="arm", operation="listcredentials")

    def dials(self):
        return self.emu.count(who="relay", what="connect") - self.dials_before

    def calls(self):
        return self.emu.count(who="arm", operation="listcredentials") - self.calls_before

    def relay_says(self, code, text, error, dials=None):
        self.emu.faults.dial.always = Fault("status", code=code, text=text)
        told = self.shown(error)
        if dials is not None:
            self.assertEqual(self.dials(), dials)
        return told

    def azure_says(self, wanted, calls, **answer):
        self.emu.faults.arm.always = Fault("status", **answer)
        told = self.shown(wanted)
        self.assertEqual((self.calls(), self.dials()), (calls, 0))
        return told

    def by_way_of(self, proxy):
        """ssh with that environment goes through a proxy, on both legs."""
        self.cloud_file = self.cloud(caFile=None)
        self.relay_options = lambda port=None: ["--cloud-file", self.cloud_file]
        self.env["SSL_CERT_FILE"] = self.emu.ca_file
        self.install()
        return {"HTTPS_PROXY": proxy}

    # --- here, and the machine ---

    def test_e109_the_companion_is_missing(self):
        cause, fix = self.shown("E109", env={"ARC_RELAY_HELPER": "/nonexistent/arc-relay"})
        self.assertEqual(cause, "cannot start /nonexistent/arc-relay: No such file or directory")
        self.assertEqual(fix, "install arc-relay beside arc-relay-proxy, or set ARC_RELAY_HELPER to its path")

    def test_e203_a_name_of_two(self):
        for group in ("rg1", "rg2"):
            self.emu.add_machine("twin", group=group, lazy=True)
            self.addCleanup(self.emu.remove_machine, "twin", group)
        self.install("--wildcard")
        cause, fix = self.shown("E203", host="twin.arc")
        self.assertEqual(cause, "several machines can be called that: twin.rg1.arc, twin.rg2.arc")
        self.assertIn("one of these", fix)

    # --- Azure ---

    def test_e408_azure_throttles(self):
        cause, fix = self.azure_says("E408", 1, code=429, error="TooManyRequests", headers={"Retry-After": "600"})
        self.assertEqual((cause, fix), (f"127.0.0.1:{self.emu.arm_port} throttles: too many requests", "try again in 600 s"))

    def test_e409_azure_fails(self):
        cause, fix = self.azure_says("E409", 3, code=503)
        self.assertEqual(cause, f"127.0.0.1:{self.emu.arm_port} fails with status 503")
        self.assertEqual(fix, "try again; https://azure.status.microsoft")

    def test_e410_a_lock(self):
        rid = self.emu.machine_id("web01")
        cause, fix = self.azure_says("E410", 1, code=409, error="ScopeLocked", message=(
            f"The scope '{rid}' cannot perform write operation because following scope(s) are locked: '{rid}'."))
        self.assertEqual(cause, f"a read-only lock on {rid} forbids it")
        self.assertEqual(fix.lower(), f"az lock list --resource {rid}".lower())

    def test_e411_a_policy(self):
        cause, fix = self.azure_says("E411", 1, code=403, error="RequestDisallowedByPolicy")
        self.assertEqual((cause, fix), ("an Azure policy forbids it", "ask the policy's owner"))

    # --- relay and agent ---

    def test_e503_the_credential_is_refused(self):
        """Once more with a new one."""
        cause, _ = self.relay_says(401, BAD_SIGNATURE, "E503", dials=2)
        self.assertEqual(cause, "the relay refused the credential (401 The token has an invalid signature)")
        self.assertEqual(self.calls(), 2)

    def test_e506_busy(self):
        cause, fix = self.relay_says(503, "Server busy", "E506")
        self.assertEqual(cause, "the relay or the machine's agent is busy (503 Server busy)")
        self.assertEqual(fix, "try again in a minute")
        self.assertTrue(1 < self.dials() <= 5)

    def test_e509_refused(self):
        cause, _ = self.relay_says(400, "Bad Request", "E509", dials=1)
        self.assertEqual(cause, "the relay rejected the request (400 Bad Request)")

    # --- the way ---

    def test_e604_a_proxy_that_refuses(self):
        proxy = HttpProxy(self.emu.log, self.emu.threads).start()
        self.addCleanup(proxy.stop)
        proxy.refuse = 403
        cause, fix = self.shown("E604", env=self.by_way_of(proxy.url))
        self.assertEqual(cause, f"the proxy 127.0.0.1:{proxy.port} (HTTPS_PROXY) refuses to connect to "
                                f"127.0.0.1:{self.emu.arm_port} (status 403)")
        self.assertEqual(fix, f"allow 127.0.0.1:{self.emu.arm_port} at the proxy, or add it to NO_PROXY")

    def test_e601_no_such_name(self):
        cause, fix = self.shown("E601", env=self.by_way_of("http://proxy.invalid:8080"))
        self.assertEqual(cause, "cannot resolve the name of the proxy proxy.invalid:8080 (HTTPS_PROXY)")
        self.assertEqual(fix, "check the proxy proxy.invalid:8080 (HTTPS_PROXY), or go without with --proxy none")

    def test_e602_nobody_there(self):
        nobody = free_port()
        cause, fix = self.shown("E602", env=self.by_way_of(f"http://127.0.0.1:{nobody}"))
        self.assertEqual(cause, f"cannot connect to the proxy 127.0.0.1:{nobody} (HTTPS_PROXY): Connection refused")
        self.assertEqual(fix, f"check the proxy 127.0.0.1:{nobody} (HTTPS_PROXY), or go without with --proxy none")


if __name__ == "__main__":
    tap.main()
