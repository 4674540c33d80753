"""Goal: the real ssh takes whatever is written about machines of any names, and
leads each alias to its machine and other hosts nowhere.

Random lists of machines go through sshconf_play; what each could be called is
counted here once more, and `ssh -G` is asked.
"""

import collections
import json
import os
import random
import subprocess
import tempfile
import unittest

import tap
from harness import BUILD, HANG_S, clean_env, scaled

PLAY = os.path.join(BUILD, "test", "play", "sshconf_play")
LISTS = scaled(2000, 50)
SEED = 20260101
GUIDS = ["11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"]
FOREIGN = ["github.com", "example.org", "10.0.0.1", "arc", "web01.arc.example", "x-arc"]
PIECES = ["web", "WEB", "db", "01", ".", "-", "_", "prod", "a", "arc", " ", "*", "?", "!", "'", '"', "\\", "%", "%h", "#",
          "\n", "\r", "\t", "Host *", "ProxyCommand x", "$(x)", "`x`", ",", ";", "(", ")", "ü", "\u202e", "=", "/", "\x1b"]
LETTERS = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


def fits(part):
    return part[:1] in LETTERS and part != "" and set(part) <= LETTERS | set("._-")


def names(machine, bare):
    """All that it could be called, in lower case."""
    name, group = machine["name"], machine["group"]
    if not fits(name):
        return set()
    found = {name}
    if fits(group):
        found.add(f"{name}.{group}")
        found |= {f"{name}.{group}.{s}" for s in (machine["subscription"], machine["subscription_name"]) if fits(s)}
    found = {f"{one}.arc" for one in found}
    if bare and "." not in name and name.lower() != "localhost":
        found.add(name)
    return {one.lower() for one in found}


class Random:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def word(self, *plain):
        if self.random.random() < 0.7:
            return self.random.choice(plain)
        return "".join(self.random.choices(PIECES, k=self.random.randint(0, 5)))

    def machine(self):
        guid = self.random.choice(GUIDS)
        name, group = self.word("web", "Web", "db", "web.prod", "db.x"), self.word("prod", "Prod", "test", "x", "rg(a)")
        return {"id": f"/subscriptions/{guid}/resourceGroups/{group}/providers/Microsoft.HybridCompute/machines/{name}",
                "name": name, "group": group, "subscription": guid,
                "subscription_name": self.word("Contoso", "contoso", "My Test"),
                "os": self.random.choice(["linux", "windows", ""]), "user": self.word("", "me", "CONTOSO\\me")}

    def document(self, folder):
        flag = self.random.choice
        settings = {"entra": flag([True, False]), "bare": flag([True, False]), "mux": flag([True, False]),
                    "wildcard": flag([True, False]), "port": flag([22, 2222]), "tool": "/bin/true",
                    "known_hosts": folder + "/known hosts", "cert_conf": folder + "/cert.conf",
                    "proxy": flag(["/usr/bin/arc-relay-proxy", "/opt/a =b/100%/p;&"])}
        settings |= flag([{}, {"user": "azureuser"}, {"identity_file": "/home/a b/%d"}, {"user_tag": "user"}])
        machines = [self.machine() for _ in range(self.random.randint(1, 8))]
        return {"settings": settings, "machines": list({one["id"].lower(): one for one in machines}.values())}


class Lists(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(self.folder, "config")
        with open(os.path.join(self.folder, "cert.conf"), "w") as file:
            file.write("IdentityFile /of/the/certificate\n")
        os.chmod(file.name, 0o600)

    def write(self, document):
        done = subprocess.run([PLAY], input=json.dumps(document).encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=HANG_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path, "wb") as file:
            file.write(done.stdout)
        os.chmod(self.path, 0o600)

    def ask(self, host):
        """{keyword: value} of what ssh makes of the file."""
        done = subprocess.run(["ssh", "-F", self.path, "-G", "--", host], env=clean_env(self.folder),
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.replace(b"Pseudo-terminal will not be allocated because stdin is not a terminal."
                                             b"\r\n", b""), b"")
        lines = done.stdout.decode().splitlines()
        return {"certified": "identityfile /of/the/certificate" in lines,
                **dict(line.split(" ", 1) for line in lines if " " in line)}

    def check(self, document, choose):
        settings = document["settings"]
        proxy = settings["proxy"].replace("%", "%%")
        owners = collections.defaultdict(set)
        for machine in document["machines"]:
            for name in names(machine, settings["bare"]) if self.is_id(machine) else ():
                owners[name].add(machine["id"].lower())
        ids = {machine["id"].lower(): machine for machine in document["machines"]}
        host = choose(sorted(owners)) if owners else None
        if host:
            said = self.ask(host)
            command = said.get("proxycommand", "").lower()
            if len(owners[host]) == 1:
                (owner,) = owners[host]
                ends = f"'{proxy}' -p %p --deadline 115 -- '{owner}'".lower()
                bad_user = settings.get("user_tag") and not self.is_plain(ids[owner]["user"])
                shown_by_guid = host.endswith(ids[owner]["subscription"] + ".arc")
                if not bad_user and not shown_by_guid:
                    self.assertEqual(command, ends)
                    self.assertEqual(said["port"], str(settings["port"]))
                    self.assertEqual(said["userknownhostsfile"], settings["known_hosts"])
                    certified = ids[owner]["os"] == "linux" or (settings["wildcard"] and host.endswith(".arc"))
                    self.assertEqual(said["certified"], settings["entra"] and certified)
                else:
                    self.assertIn(command, ("", ends, f"'{proxy}' -p %p --deadline 115 -- '%h'".lower()))
            else:
                self.assertIn(command, ("", f"'{proxy}' -p %p --deadline 115 -- '%h'".lower()))
        foreign = self.ask(choose(FOREIGN))
        self.assertFalse({"proxycommand", "hostkeyalias"} & set(foreign) or foreign["certified"], foreign)

    @staticmethod
    def is_plain(user):
        parts = user.split("\\")
        return user == "" or (len(parts) <= 2 and all(
            part[:1] not in ("", ".", "@", "+", "-") and set(part) <= LETTERS | set("._@+-") for part in parts))

    @staticmethod
    def is_id(machine):
        """Could Azure have it?  The rest is left out."""
        return (all(c in LETTERS or c in "_-.()" or c.isalpha() for c in machine["group"])
                and machine["group"] != "" and not machine["group"].endswith(".")
                and not machine["name"].endswith("."))

    def test_random_lists(self):
        source = Random(SEED)
        for i in range(LISTS):
            document = source.document(self.folder)
            self.write(document)
            try:
                self.check(document, source.random.choice)
            except AssertionError:
                print(f"# list {i}: {json.dumps(document)}")
                raise


if __name__ == "__main__":
    tap.main()
