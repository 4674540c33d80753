"""Goal: what ssh shows when a machine cannot be reached is one true sentence with the command that cures it, and after
that command ssh works; as with config install, and with a master that outlives its session, whose stderr nobody sees.
"""

import os
import re
import shlex

import tap
from harness import TOOL, WRAP, Fault, free_port
from login_case import CODE, Running
from sentences_case import SentencesCase
from arm import LIST_CREDENTIALS
from proxy import HttpProxy
import certs

OTHER_TENANT = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


class Cures(SentencesCase):
    def command(self, fix):
        """The words of the command of ours that the sentence tells to type."""
        return shlex.split(re.search(r"\barc-relay [^,;]*", fix).group())[1:]

    def follow(self, fix):
        """Does what it tells, letter by letter."""
        return self.tool(*self.command(fix))


class Login(Cures):
    def test_not_logged_in(self):
        self.env = {name: value for name, value in self.env.items() if not name.startswith("AZURE_CLIENT")}
        cause, fix = self.shown("E301")
        self.assertRegex(cause, r"\Anot logged in to Azure \(tried: environment, .*login, azure-cli\)\Z")
        self.assertRegex(fix, r"\Aarc-relay login, or az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and "
                              r"AZURE_CLIENT_SECRET\Z")
        login = Running([*WRAP, TOOL, *self.command(fix), "--cloud-file", self.emu.cloud_file], self.env, terminal=True)
        self.emu.entra.approve(login.says(CODE)[1], "ada@emulated.test")
        status, _, said = login.end()
        self.assertEqual(status, 0, said)
        self.works()

    def test_wrong_secret(self):
        right, self.env["AZURE_CLIENT_SECRET"] = self.env["AZURE_CLIENT_SECRET"], "wrong"
        cause, fix = self.shown("E305")
        self.assertRegex(cause, r"\Athe client secret is wrong or expired: AADSTS7000215: ")
        self.assertIn(f"az ad sp credential reset --id {self.emu.entra.client}", fix)
        self.env["AZURE_CLIENT_SECRET"] = right
        self.works()

    def test_another_tenant(self):
        self.emu.arm.tenant = OTHER_TENANT
        self.addCleanup(setattr, self.emu.arm, "tenant", None)
        cause, fix = self.shown("E206")
        self.assertEqual(cause, f"you are logged in to another tenant than the machine's, which is {OTHER_TENANT}")
        self.assertEqual(fix, f"arc-relay login --tenant {OTHER_TENANT}, or az login --tenant {OTHER_TENANT}")


class Azure(Cures):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.emu.arm.denied.clear)

    def test_no_such_subscription(self):
        """What ARM says of a subscription that is gone, or that the login cannot see."""
        self.emu.faults.arm.always = Fault("status", code=404, error="SubscriptionNotFound", message=(
            f"The subscription '{self.emu.subscription}' could not be found."))
        cause, fix = self.shown("E206")
        self.assertEqual(cause, f"no such subscription as {self.emu.subscription}, or it is of another tenant than your "
                                "login")
        self.assertEqual(fix, "arc-relay login --tenant TENANT, or az login --tenant TENANT")

    def test_the_machine_is_in_another_group_now(self):
        self.emu.add_machine("wanderer", port=self.sshd.port)
        self.install()
        self.emu.remove_machine("wanderer")
        self.emu.add_machine("wanderer", group="rg2", port=self.sshd.port)
        self.addCleanup(self.emu.remove_machine, "wanderer")
        cause, fix = self.shown("E201", host="wanderer.arc")
        self.assertEqual(cause, f"no machine wanderer in group rg1 of subscription {self.emu.subscription}, or you cannot "
                                "read it")
        self.assertEqual(fix, "compare with arc-relay list; if it is gone: arc-relay config install")
        self.assertIn("rg2", self.follow(fix).stdout)
        self.install()
        self.works(host="wanderer.arc")

    def test_no_role(self):
        self.emu.arm.denied.add(LIST_CREDENTIALS)
        cause, fix = self.shown("E401")
        self.assertEqual(cause, f"you may not list relay credentials of web01 ({LIST_CREDENTIALS})")
        words = shlex.split(fix)
        self.assertEqual(words[:-1], ["az", "role", "assignment", "create", "--assignee", self.emu.entra.app_principal,
                                      "--role", "Virtual Machine Local User Login", "--scope"])
        self.assertEqual(words[-1].lower(), self.emu.machine_id("web01").lower())

    def test_provider_not_registered(self):
        self.emu.arm.provider_state, self.emu.arm.registering_polls = "NotRegistered", 0
        cause, fix = self.shown("E403")
        self.assertEqual(cause, "Microsoft.HybridConnectivity is not registered in the subscription")
        self.assertEqual(fix, f"arc-relay register --subscription {self.emu.subscription}, then restart the agent")
        self.follow(fix)
        self.works()

    def test_no_endpoint(self):
        self.emu.add_machine("new", port=self.sshd.port, endpoint=False, service_port=None)
        self.addCleanup(self.emu.remove_machine, "new")
        self.install()
        cause, fix = self.shown("E404", host="new.arc")
        self.assertEqual(cause, "SSH was never enabled for new")
        self.assertEqual(fix, "let a contributor run once: arc-relay enable new")
        self.follow(fix)
        self.works(host="new.arc")

    def test_no_service_configuration(self):
        self.emu.add_machine("half", port=self.sshd.port, service_port=None)
        self.addCleanup(self.emu.remove_machine, "half")
        self.install()
        cause, fix = self.shown("E405", host="half.arc")
        self.assertEqual(cause, "the SSH service of half is not configured in Azure")
        self.assertEqual(fix, "let a contributor run once: arc-relay enable half")
        self.follow(fix)
        self.works(host="half.arc")


class Machine(Cures):
    CONNECT_TIMEOUT = 10

    def test_sshd_stopped(self):
        ports = self.emu.machine("web01").port_map
        right, ports[22] = ports[22], free_port()
        self.addCleanup(ports.update, {22: right})
        cause, fix = self.shown("E505")
        self.assertEqual(cause, "nothing listens on port 22 of the machine")
        self.assertEqual(fix, "on web01 run: sudo systemctl enable --now ssh")
        ports[22] = right
        self.works()

    def test_wrong_port(self):
        machine = self.emu.machine("web01")
        self.addCleanup(machine.service_ports.update, SSH=22)
        machine.port_map[2222] = self.sshd.port
        cause, fix = self.shown("E406", "-p", "2222")
        self.assertEqual(cause, "Azure does not allow port 2222 of the machine (403 port 2222 is not the port 22 of the service "
                                "configuration)")
        self.assertEqual(fix, "use -p with the port that it allows, or let a contributor run: arc-relay enable web01 --port "
                              "2222")
        self.works("-p", "22")
        self.follow(fix)
        self.works("-p", "2222")

    def test_port_that_the_agent_does_not_allow(self):
        machine = self.emu.machine("web01")
        self.addCleanup(setattr, machine, "incoming_ports", None)
        machine.incoming_ports = [2022]
        cause, fix = self.shown("E406")
        self.assertRegex(cause, r"\Athe machine's Arc agent lets nobody in on port 22 \(403 ")
        self.assertEqual(fix, "on web01 add 22 to its ports: sudo azcmagent config set incomingconnections.ports PORT,PORT")
        machine.incoming_ports = [2022, 22]
        self.works()

    def test_an_agent_that_says_nothing(self):
        """It takes the connection and drops it: what it was is not guessed, and the fix has who can tell."""
        machine = self.emu.machine("web01")
        self.addCleanup(setattr, machine, "on_forbidden", "reject")
        machine.on_forbidden = "drop"
        cause, fix = self.shown("E507", "-p", "2222")
        self.assertEqual(cause, "the connection to port 2222 of the machine was cut before its SSH server said a word")
        self.assertEqual(fix, "is the port allowed in Azure? arc-relay doctor web01 -p 2222; on it: is sshd running? and see "
                              "sudo azcmagent config get incomingconnections.ports")
        said = " ".join(self.tool(*self.command(fix), status=None).stdout.split())
        self.assertIn("Azure allows port 22 for SSH on web01, and you ask for 2222", said)

    def test_deleted_meanwhile(self):
        """With a credential that was kept."""
        self.emu.add_machine("gone", port=self.sshd.port)
        self.install()
        self.works(host="gone.arc")
        self.emu.remove_machine("gone")
        cause, _ = self.shown("E201", host="gone.arc")
        self.assertRegex(cause, r"\Ano machine gone in group rg1 of subscription ")
        self.emu.add_machine("gone", port=self.sshd.port)
        self.addCleanup(self.emu.remove_machine, "gone")

    def test_made_anew_meanwhile(self):
        """The endpoint has another name then, of which a kept credential knows nothing."""
        machine = self.emu.add_machine("anew", port=self.sshd.port)
        self.addCleanup(self.emu.remove_machine, "anew")
        self.install()
        self.works(host="anew.arc")
        self.emu.delete_endpoint(machine)
        machine.number += 1
        machine.service_ports["SSH"] = 22
        self.emu.create_endpoint(machine)
        self.works(host="anew.arc")

    def test_agent_offline(self):
        self.emu.disconnect("web01")
        self.addCleanup(self.emu.reconnect, "web01")
        cause, fix = self.shown("E501")
        self.assertEqual(cause, "the machine's Arc agent is not listening (off, restarting or blocked: Azure does not say "
                                "which)")
        self.assertEqual(fix, "on web01 see: sudo azcmagent show; restart it with: sudo systemctl restart himdsd arcproxyd")
        self.emu.reconnect("web01")
        self.works()

    def test_agent_starting(self):
        """A new machine: ssh waits for its agent as long as it may, says so, and is right the next time."""
        machine = self.emu.add_machine("fresh", port=self.sshd.port, endpoint=False, service_port=None, agent_delay=3600)
        self.addCleanup(self.emu.remove_machine, "fresh")
        self.tool("enable", "--no-wait", "fresh")
        self.install()
        cause, fix = self.shown("E502", host="fresh.arc")
        self.assertRegex(cause, r"\Athe machine's endpoint is new, or its Arc agent has not picked it up \(30-90 s\)")
        self.assertEqual(fix, "try again in a minute; if it stays: arc-relay enable fresh --recreate")
        before = self.emu.count(who="relay", what="connect")
        self.assertGreater(before, 1)
        self.emu.agent(machine).start(delay=1.5)
        self.works(host="fresh.arc")
        self.assertGreater(self.emu.count(who="relay", what="connect") - before, 1)

    def test_ssh_waits_no_longer(self):
        """Its ConnectTimeout is shorter than what the agent needs: said before ssh says that it timed out."""
        self.emu.disconnect("web01")
        self.addCleanup(self.emu.reconnect, "web01")
        cause, fix = self.shown("E706", "-o", "ConnectTimeout=2")
        self.assertRegex(cause, r"\Assh waits no longer than 2 s \(ConnectTimeout\), and so far: the machine's Arc agent is "
                                r"not listening \(off, restarting or blocked")
        self.assertEqual(fix, "arc-relay prepare web01, then again; or give it time: ConnectTimeout 120 (ansible: timeout = "
                              "120)")
        machine = self.emu.machine("web01")
        machine.connected = True
        self.emu.agent(machine).start(delay=3)
        self.follow(fix)
        self.works("-o", "ConnectTimeout=2")

    def test_ssh_waits_no_longer_for_the_relay(self):
        self.emu.faults.dial.always = Fault("stall")
        cause, fix = self.shown("E706", "-o", "ConnectTimeout=2")
        self.assertRegex(cause, r"\Assh waits no longer than 2 s \(ConnectTimeout\), and so far: the relay did not answer the "
                                r"upgrade for \d s\Z")
        self.emu.faults.clear()
        self.follow(fix)
        self.works("-o", "ConnectTimeout=2")

    def test_a_server_that_says_nothing(self):
        """The way is open, and ssh would only say that it timed out."""
        self.emu.faults.dial.append(Fault("never-write"))
        cause, fix = self.shown("E511", "-o", "ConnectTimeout=2")
        self.assertRegex(cause, r"\Awhat listens on port 22 of the machine says nothing for \d s: it hangs, or is no SSH "
                                r"server\Z")
        self.assertEqual(fix, "on web01 see what it is: sudo ss -ltnp; the port of its SSH server is given with -p PORT")
        self.works("-o", "ConnectTimeout=2")

    def test_ssh_waits_no_longer_for_azure(self):
        self.emu.faults.arm.always = Fault("stall")
        cause, fix = self.shown("E409", "-o", "ConnectTimeout=3")
        self.assertRegex(cause, rf"\A127\.0\.0\.1:{self.emu.arm_port} does not answer in time: .* timed out after \d+ ")
        self.assertEqual(fix, "try again; https://azure.status.microsoft")


class Way(Cures):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.proxy_server = HttpProxy(cls.emu.log, cls.emu.threads).start()
        cls.proxy_server.routes["ns1.relay.emulated.test:443"] = cls.emu.relay_port
        cls.inspector = certs.Authority(os.path.join(cls.dir, "inspector"), "Example Corp TLS Inspection")
        cls.inspecting = certs.server_context(*cls.inspector.leaf("inspector", "DNS:*.relay.emulated.test,IP:127.0.0.1"))

    @classmethod
    def tearDownClass(cls):
        cls.proxy_server.stop()
        super().tearDownClass()

    def setUp(self):
        self.proxy_server.reset()
        super().setUp()
        self.env["HTTPS_PROXY"] = self.proxy_server.url

    def install(self):
        """As for Azure: the computer trusts the certificates, and nothing says where TCP shall go."""
        self.env["SSL_CERT_FILE"] = self.emu.ca_file
        self.cloud_file = self.cloud(caFile=None)
        return super().install()

    def relay_options(self, port=None):
        return ["--cloud-file", self.cloud_file]

    def on_both_legs(self, error, cure, **settings):
        """[(cause, fix)] of a proxy with these settings: on the way to Azure, and to the relay with a kept credential."""
        told = []
        for leg in ("Azure", "relay"):
            with self.subTest(leg=leg):
                if told:
                    self.proxy_server.reset()
                    self.works()
                for name, value in settings.items():
                    setattr(self.proxy_server, name, value)
                told.append(self.shown(error))
                self.works(env=cure(told[-1][1]))
                self.tool("cache", "clear")
        return told

    def exported(self, fix, names):
        """The variable that the fix tells to export, with these names filled in."""
        for name, value in names.items():
            fix = fix.replace(name, value)
        return dict([re.search(r"export (\w+)=(\S+)", fix).groups()])

    def test_the_proxy_wants_a_login(self):
        proxy = f"127.0.0.1:{self.proxy_server.port}"
        told = self.on_both_legs(
            "E603", lambda fix: self.exported(fix, {"USER": "ada", "PASSWORD": "secret-of-ada", "PROXY:PORT": proxy}),
            login="ada:secret-of-ada")
        self.assertEqual(set(told), {(
            f"the proxy {proxy} (HTTPS_PROXY) wants a user and a password by Basic",
            "give --proxy-auth-file FILE with USER:PASSWORD in it, or export HTTPS_PROXY=http://USER:PASSWORD@PROXY:PORT")})

    def test_tls_is_inspected(self):
        with open(self.inspector.cert) as its, open(self.emu.ca_file) as ours:
            both = self.file("CA.pem", its.read() + ours.read())
        azure, relay = self.on_both_legs("E605", lambda fix: self.exported(fix, {"/PATH/CA.pem": both}),
                                         inspect=self.inspecting, onward=self.emu.client_context)
        self.assertRegex(azure[0], rf"\Athe certificate of 127\.0\.0\.1:{self.emu.arm_port} cannot be trusted: .* "
                                   r'certificate \(issuer "Example Corp TLS Inspection"\)\Z')
        self.assertEqual(azure[1], "check the clock; if your network inspects TLS, add its CA: export "
                                   "SSL_CERT_FILE=/PATH/CA.pem")
        self.assertRegex(relay[0], r"\Athe certificate of ns1\.relay\.emulated\.test is signed by CN=Example Corp TLS "
                                   r"Inspection: .* certificate\Z")
        self.assertEqual(relay[1], "if a proxy inspects TLS here, add its CA: export SSL_CERT_FILE=/PATH/CA.pem")


if __name__ == "__main__":
    tap.main()
