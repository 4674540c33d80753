"""The Azure CLI as a test needs it: its folder with the files that it writes, and a program in its place.

    az = AzFolder(home, emu)        # home/.azure, and home/bin/az for PATH
    az.profile(user="jane@x.test")  # azureProfile.json
    az.cache(az.access(token))      # msal_token_cache.json, with much else in it
    az.calls                        # the argument lists that the program was started with

What is written has the members, the spelling and the order of the real files (version 2.6x on Linux). The
cache always holds what must not be taken too: tokens of another user, tenant, audience, cloud and client,
expired ones, and ones that are bound to a key.
"""

import hashlib
import json
import os
import stat
import time
import urllib.parse

AZ = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
POWERSHELL = "1950a258-227b-4e31-a9cf-717495945fc2"
PROGRAM = """#!/bin/sh
{ printf '%s\\n' "$@"; echo --; } >> "$FAKE_AZ_LOG"
env > "$FAKE_AZ_LOG.env"
eval "$FAKE_AZ_DO"
"""
BOM = b"\xef\xbb\xbf"


def program(home, path):
    """Puts a program az into home/bin. The variables by which it is found, ahead of path, and told where to log.

    What it shall do is FAKE_AZ_DO, a line for the shell.
    """
    folder = os.path.join(home, "bin")
    os.mkdir(folder)
    with open(os.path.join(folder, "az"), "w") as file:
        file.write(PROGRAM)
    os.chmod(file.name, 0o755)
    return {"PATH": f"{folder}:{path}", "FAKE_AZ_LOG": os.path.join(home, "az.log")}


class AzFolder:
    def __init__(self, home, emu):
        self.folder = os.path.join(home, ".azure")
        self.bin = os.path.join(home, "bin")
        self.log = os.path.join(home, "az.log")
        self.tenant = emu.entra.tenant
        self.audience = emu.management
        self.host = urllib.parse.urlsplit(emu.authority).hostname
        os.mkdir(self.folder, 0o700)
        program(home, "")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content, mode=0o600):
        if not isinstance(content, (bytes, str)):
            content = json.dumps(content)
        with open(self.path(name), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(file.name, mode)

    # --- azureProfile.json ---

    def profile(self, user="jane.doe@emulated.test", tenant=None, kind="user", default=True, bom=BOM, mode=0o664):
        """The default subscription is the second of three."""
        def subscription(number, name, home, is_default, who):
            return {"id": f"00000000-0000-0000-0000-00000000000{number}", "name": name, "state": "Enabled",
                    "user": who, "isDefault": is_default, "tenantId": home, "environmentName": "AzureCloud",
                    "homeTenantId": home, "tenantDefaultDomain": "emulated.test", "managedByTenants": []}
        other = {"name": "joe@other.test", "type": "user"}
        document = {"installationId": "4f1d5f5e-0d4d-11ef-8a4b-00155d4a1f00", "subscriptions": [
            subscription(1, "Bücher", "99999999-0000-0000-0000-000000000000", False, other),
            subscription(2, "work", tenant or self.tenant, default, {"name": user, "type": kind}),
            subscription(3, "N/A(tenant level account)", self.tenant, False, other)]}
        self.write("azureProfile.json", bom + json.dumps(document, ensure_ascii=False).encode(), mode)

    # --- msal_token_cache.json ---

    def entry(self, kind, secret, home="u1.t1", **more):
        return {"credential_type": kind, "secret": secret, "home_account_id": home, "environment": self.host,
                "client_id": AZ, **more}

    def access(self, secret, left=3600, target=None, realm=None, **more):
        """An access token; left: seconds that it is good for."""
        now = int(time.time())
        target = target or f"{self.audience}//user_impersonation {self.audience}//.default"
        return self.entry("AccessToken", secret, **{
            "target": target, "realm": realm or self.tenant, "token_type": "Bearer",
            "cached_at": str(now - 60), "expires_on": str(now + left),
            "extended_expires_on": str(now + left), **more})

    def refresh(self, secret, age=0, **more):
        return self.entry("RefreshToken", secret, **{
            "target": f"{self.audience}//user_impersonation {self.audience}//.default",
            "last_modification_time": str(int(time.time()) - age), "family_id": "1", **more})

    def account(self, user, home="u1.t1", realm="organizations", **more):
        return {"home_account_id": home, "environment": self.host, "realm": realm,
                "local_account_id": home.split(".")[0], "username": user, "authority_type": "MSSTS",
                "account_source": "authorization_code", **more}

    def decoys(self):
        """What must never be taken; each secret says why."""
        graph = "https://graph.microsoft.com//.default"
        return [
            self.access("DECOY-user", 9000, home="u2.t2"), self.access("DECOY-audience", 9000, graph),
            self.access("DECOY-tenant", 9000, realm="organizations"),
            self.access("DECOY-cloud", 9000, environment="login.microsoftonline.us"),
            self.access("DECOY-client", 9000, client_id=POWERSHELL),
            self.access("DECOY-expired", -9000),
            self.access("DECOY-pop", 9000, token_type="pop", key_id="k1"),
            self.access("DECOY-ssh", 9000, "https://pas.windows.net/CheckMyAccess/Linux/.default",
                        token_type="ssh-cert", key_id="k2"),
            self.refresh("DECOY-refresh-user", -100, home="u2.t2"),
            self.refresh("DECOY-refresh-client", -100, client_id="11111111-1111-1111-1111-111111111111",
                         family_id="2"),
            self.refresh("DECOY-refresh-cloud", -100, environment="login.microsoftonline.us")]

    def cache(self, *entries, user="jane.doe@emulated.test", accounts=(), decoys=True, spell=str.lower, mode=0o600):
        """Returns the text. spell: what becomes of the entries' keys."""
        document = {"AccessToken": {}, "Account": {}, "IdToken": {}, "RefreshToken": {}, "AppMetadata": {
            f"appmetadata-{self.host}-{AZ}": {"client_id": AZ, "environment": self.host, "family_id": "1"}}}
        for one in (*(self.decoys() if decoys else ()), *entries):
            key = "-".join([one["home_account_id"], one["environment"], one["credential_type"], one["client_id"],
                            one.get("realm", ""), one["target"], one.get("key_id", "")])
            document[one["credential_type"]][spell(key)] = one
        for one in (self.account(user), self.account(user, realm=self.tenant),
                    self.account("joe@other.test", "u2.t2"), *accounts):
            document["Account"][spell(f"{one['home_account_id']}-{one['environment']}-{one['realm']}")] = one
        text = json.dumps(document, indent=4)
        self.write("msal_token_cache.json", text, mode)
        return text

    # --- what happened ---

    @property
    def calls(self):
        """The arguments of each start, as lists."""
        if not os.path.exists(self.log):
            return []
        with open(self.log) as file:
            return [call.split("\n")[:-1] for call in file.read().split("--\n")[:-1]]

    def state(self):
        """Of every file in the folder and of the folder itself: all but when it was read."""
        found = {}
        for folder, _, names in os.walk(self.folder):
            for path in [folder, *(os.path.join(folder, name) for name in names)]:
                info = os.lstat(path)
                found[path] = (info.st_mode, info.st_uid, info.st_size, info.st_mtime_ns, info.st_ctime_ns)
                if stat.S_ISREG(info.st_mode):
                    with open(path, "rb") as file:
                        found[path] += (hashlib.sha256(file.read()).hexdigest(),)
        return found
