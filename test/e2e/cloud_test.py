"""Goal: the cloud is the one that was chosen nearest, in both programs; nothing but an explicit
choice leads a login or a session away from Azure's hosts, and what is refused is refused
before a byte leaves.

A proxy is the only way out here and refuses all that is not ours: the hosts that the programs
would call are the ones that it is asked for.
"""

import json
import os
import socket
import subprocess

import tap
from harness import HANG_S, TOOL, WRAP, EmulatorCase, Fault, deadline
from proxy import HttpProxy

PUBLIC, US, CHINA = "login.microsoftonline.com", "login.microsoftonline.us", "login.chinacloudapi.cn"
OWN = """[AzureCloud]
profile = latest

[OwnCloud]
endpoint_management = https://management.own.test/
endpoint_resource_manager = {management}/
endpoint_active_directory = {authority}/
endpoint_active_directory_resource_id = {management}/
suffix_storage_endpoint = own.test
profile = latest
"""


class CloudCase(EmulatorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.emu.add_machine("web01", service="echo")
        cls.way = HttpProxy(cls.emu.log, cls.emu.threads).start()
        cls.here = f"127.0.0.1:{cls.emu.arm_port}"

    @classmethod
    def tearDownClass(cls):
        cls.way.stop()
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.emu.faults.clear()
        self.way.reset()
        self.way.refuse = 403
        self.seen = len(self.emu.log)
        self.env["HTTPS_PROXY"] = self.way.url
        self.rid = self.emu.machine_id("web01")
        os.mkdir(os.path.join(self.home, ".azure"), 0o700)

    def tool(self, *args, cwd=None, **env):
        return subprocess.run(WRAP + [TOOL, "credentials", "--no-cache", *args, self.rid], env={**self.env, **env},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S, cwd=cwd)

    def asked(self):
        """What the proxy was asked for since the last time."""
        rows = self.emu.log[self.seen:]
        self.seen += len(rows)
        return {row["target"] for row in rows if (row["who"], row["what"]) == ("proxy", "connect")}

    def leads_to(self, host, *args, **run):
        done = self.tool(*args, **run)
        self.assertEqual((done.returncode, done.stdout), (77, ""), done.stderr)
        self.assertIn("[E604]", done.stderr)
        self.assertEqual(self.asked(), {host + ":443"})

    def refused(self, status, error, says, *args, **run):
        done = self.tool(*args, **run)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertIn(f"[{error}]" if error else "", done.stderr)
        self.assertIn(says, done.stderr)
        self.assertRegex(done.stderr, r"\Aarc-relay: [^\n]{1,388}\n\Z")
        self.assertEqual(self.asked(), set())
        return done.stderr

    def proxy_refused(self, status, says, *args, env=None, options=(), asked=()):
        child = self.proxy("--log-json", "--no-cache", *deadline(20), *args, options=options, env=env)
        child.stdout.read(1)        # ssh stays until it has heard of it
        err = child.communicate(timeout=HANG_S)[1].decode()
        self.assertEqual(child.returncode, status, err)
        self.assertIn(says, err)
        self.assertEqual(self.asked(), set(asked))
        return err

    def own(self, **changes):
        """A cloud that is registered with the Azure CLI."""
        where = {"management": self.emu.management, "authority": self.emu.authority, **changes}
        return self.file(".azure/clouds.config", OWN.format(**where))


class Choice(CloudCase):
    def test_order(self):
        self.leads_to(PUBLIC)
        self.file(".azure/config", "[core]\nfirst_run = no\n\n[cloud]\nname = AzureChinaCloud\n", 0o600)
        self.leads_to(CHINA)
        self.leads_to(US, AZURE_AUTHORITY_HOST=US)
        self.leads_to(PUBLIC, AZURE_AUTHORITY_HOST=f"https://{PUBLIC}/", AZURE_CLOUD_NAME="AzureCloud")
        self.leads_to(US, AZURE_CLOUD_NAME="AzureUSGovernment")
        self.leads_to(PUBLIC, AZURE_CLOUD_NAME="AzureUSGovernment", ARC_RELAY_CLOUD="azurecloud")
        self.leads_to(US, "--cloud", "AzureUSGovernment", ARC_RELAY_CLOUD="AzureCloud")
        self.way.refuse = None
        done = self.tool("--cloud-file", self.emu.cloud_file, ARC_RELAY_CLOUD="AzureChinaCloud")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.asked(), {self.here})

    def test_another_folder_of_az(self):
        self.file(".azure/config", "[cloud]\nname = AzureChinaCloud\n")
        os.mkdir(os.path.join(self.home, "az2"))
        self.file("az2/config", "[cloud]\nname = AzureUSGovernment\n")
        self.leads_to(US, AZURE_CONFIG_DIR=os.path.join(self.home, "az2"))
        self.leads_to(PUBLIC, AZURE_CONFIG_DIR="az2", cwd=self.home)

    def test_a_config_of_az_that_is_none(self):
        for text in ("", "nonsense", "[cloud]", "[cloud]\nname =\n", "name = AzureChinaCloud\n", "\0" * 1000,
                     "[cloud]\nname = " + "x" * 1000, "[cloud]\nname = AzureChinaCloud\n" + "#" * 70000):
            with self.subTest(text=text[:40]):
                self.file(".azure/config", text)
                self.leads_to(PUBLIC)
        os.remove(os.path.join(self.home, ".azure/config"))
        os.mkfifo(os.path.join(self.home, ".azure/config"))
        self.leads_to(PUBLIC)

    def test_the_session_goes_there_too(self):
        env = {**self.env, "ARC_RELAY_CLOUD": "AzureUSGovernment"}
        self.proxy_refused(77, "[E604]", self.rid, env=env, asked={US + ":443"})
        self.file(".azure/config", "[cloud]\nname = AzureChinaCloud\n")
        self.proxy_refused(77, "[E604]", self.rid, asked={CHINA + ":443"})

    def test_no_such_cloud(self):
        self.own()
        for where, args, env in [("--cloud", ("--cloud", "NoCloud"), {}),
                                 ("ARC_RELAY_CLOUD", (), {"ARC_RELAY_CLOUD": "NoCloud"}),
                                 ("AZURE_CLOUD_NAME", (), {"AZURE_CLOUD_NAME": "NoCloud"})]:
            line = self.refused(78, "E313", f'no cloud is called "NoCloud" ({where})', *args, **env)
            self.assertIn("AzureCloud, AzureUSGovernment, AzureChinaCloud, OwnCloud; any other with --cloud-file", line)
        self.file(".azure/config", "[cloud]\nname = NoCloud\n")
        self.refused(78, "E313", 'no cloud is called "NoCloud" (az cloud set)')
        self.proxy_refused(78, "[E313]", self.rid)

    def test_registered_with_az(self):
        self.way.refuse = None
        self.own()
        self.file(".azure/config", "[cloud]\nname = OwnCloud\n")
        for args, env in [((), {}), (("--cloud", "owncloud"), {}), ((), {"ARC_RELAY_CLOUD": "OwnCloud"})]:
            done = self.tool("--ca-file", self.emu.ca_file, *args, **env)
            self.assertEqual(done.returncode, 76, done.stderr)      # Azure was asked; its relay is a stranger
            self.assertIn('namespaceNameSuffix "relay.emulated.test" is not of an Azure cloud', done.stderr)
            self.assertEqual(self.asked(), {self.here})
        scope = self.emu.log.find(who="entra", what="token")[-1]["form"]["scope"]
        self.assertEqual(scope, f"{self.emu.management}//.default")
        self.way.refuse = 403
        for changes, says in [({"authority": "http://login.own.test"}, "endpoint_active_directory must begin with"),
                              ({"management": "https://u@evil.test"}, "holds a character that it may not"),
                              ({"authority": ""}, "endpoint_active_directory must begin with")]:
            self.own(**changes)
            self.refused(65, "", says, "--ca-file", self.emu.ca_file)
        os.chmod(self.own(), 0o666)
        self.refused(78, "", "can be changed by others", "--ca-file", self.emu.ca_file)


class Authority(CloudCase):
    def test_known_hosts(self):
        for value, host in [(PUBLIC, PUBLIC), (f"https://{US}", US), (f"https://{CHINA}//", CHINA),
                            ("HTTPS://LOGIN.PARTNER.MICROSOFTONLINE.CN/", "login.partner.microsoftonline.cn"),
                            ("login.windows.net", "login.windows.net"), ("login-us.microsoftonline.com",) * 2]:
            with self.subTest(value=value):
                self.leads_to(host, AZURE_AUTHORITY_HOST=value)

    def test_nothing_leaves(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            there = f"127.0.0.1:{listener.getsockname()[1]}"
            for value in ("https://evil.test", "evil.test", f"https://{there}", f"http://{there}", there,
                          f"http://{PUBLIC}", f"https://{PUBLIC}@evil.test", f"https://{PUBLIC}.evil.test",
                          f"https://{PUBLIC}:443@evil.test", f"https://evil.test/{PUBLIC}", f"https://{PUBLIC}/evil",
                          f"https://evil.test#{PUBLIC}", f"https://evil.test\\{PUBLIC}", "file:///etc/passwd", "/",
                          f"{PUBLIC}\r\nHost: evil.test", f"https://{PUBLIC}%00.evil.test", "x" * 5000):
                with self.subTest(value=value[:60]):
                    env = {"AZURE_AUTHORITY_HOST": value, "NO_PROXY": "127.0.0.1"}
                    self.refused(78, "E313", "AZURE_AUTHORITY_HOST is ", **env)
                    self.refused(78, "E313", "AZURE_AUTHORITY_HOST is ", "--cloud", "AzureCloud", **env)
                    self.refused(78, "E313", "AZURE_AUTHORITY_HOST is ", "--cloud-file", self.emu.cloud_file, **env)
                    self.proxy_refused(78, "[E313]", self.rid, env={**self.env, **env})
            self.assertRaises(BlockingIOError, listener.accept)
        self.assertEqual([row for row in self.emu.log if row["who"] in ("entra", "arm")], [])

    def test_of_another_cloud(self):
        self.refused(78, "E313", "the login host of another cloud", "--cloud", "AzureUSGovernment",
                     AZURE_AUTHORITY_HOST=PUBLIC)
        self.own()
        self.refused(78, "E313", "the login host of another cloud", "--cloud", "OwnCloud",
                     AZURE_AUTHORITY_HOST=PUBLIC)

    def test_of_the_cloud_file(self):
        self.way.refuse = None
        for value in (self.emu.authority, self.emu.authority + "/", self.here, PUBLIC):
            with self.subTest(value=value):
                done = self.tool("--cloud-file", self.emu.cloud_file, AZURE_AUTHORITY_HOST=value)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(self.asked(), {self.here})

    def test_other_variables_lead_nowhere(self):
        self.way.refuse = None
        elsewhere = {name: "https://evil.test" for name in (
            "ARC_RELAY_ARM_ENDPOINT", "ARC_RELAY_AUTHORITY", "ARM_ENDPOINT", "AZURE_RESOURCE_MANAGER_ENDPOINT",
            "AZURE_MANAGEMENT_ENDPOINT", "AZURE_REGIONAL_AUTHORITY_NAME", "AZURE_ENVIRONMENT")}
        done = self.tool("--cloud-file", self.emu.cloud_file, **elsewhere)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.asked(), {self.here})


class File(CloudCase):
    def test_that_others_can_change(self):
        for mode in (0o666, 0o664, 0o646, 0o602):
            with self.subTest(mode=oct(mode)):
                path = self.cloud(mode)
                line = self.refused(78, "", f"the cloud file {path} can be changed by others", "--cloud-file", path)
                self.assertIn(f"chmod go-w {path}", line)
                self.proxy_refused(78, "can be changed by others", self.rid, options=("--cloud-file", path))

    def test_not_of_the_working_directory(self):
        for name in ("cloud.json", "clouds.config", "config", "arc-relay.json"):
            self.cloud(name=name)
        self.leads_to(PUBLIC, cwd=self.home)
        self.leads_to(PUBLIC, AZURE_CONFIG_DIR=".", cwd=self.home)

    def test_audience(self):
        self.way.refuse = None
        for audience, scope in [(None, f"{self.emu.management}/.default"),
                                (self.emu.management + "/", f"{self.emu.management}//.default")]:
            done = self.tool("--cloud-file", self.cloud(audience=audience))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.emu.log.find(who="entra", what="token")[-1]["form"]["scope"], scope)


class Relay(CloudCase):
    """A relay that nobody chose is not looked up, whoever names it."""

    def test_of_an_answer(self):
        self.way.refuse = None
        for suffix in ("evil.test", "servicebus.windows.net.evil.test", "evil.test/servicebus.windows.net",
                       "servicebus.windows.net@evil.test", "127.0.0.1", ""):
            with self.subTest(suffix=suffix):
                def script(document):
                    document["relay"]["namespaceNameSuffix"] = suffix
                    return document
                self.emu.faults.arm.always = Fault("edit", script=script)
                options = ("--cloud-file", self.emu.cloud_file)
                self.proxy_refused(76, "[E412]", self.rid, options=options, asked={self.here})
        self.assertEqual(self.emu.log.find(who="relay", what="request"), [])

    def test_of_a_file(self):
        path = self.info_file("web01", namespaceNameSuffix="evil.test")
        for options in ((), ("--cloud", "AzureUSGovernment"), ("--cloud-file", self.emu.cloud_file)):
            self.proxy_refused(65, "[E106]", "-r", path, options=options)

    def test_that_the_cloud_file_does_not_name(self):
        self.way.refuse = None
        path = self.cloud(relaySuffix=None)
        self.proxy_refused(76, "[E412]", self.rid, options=("--cloud-file", path), asked={self.here})
        self.proxy_refused(65, "[E106]", "-r", self.info_file("web01"), options=("--cloud-file", path))


tap.main()
