"""A secret in all the forms in which it could be told, and where to look for it."""

import base64
import os
import re
import stat
import urllib.parse

SHORTEST = 8        # a shorter text is in everything


def base64_cores(data):
    """What base64 makes of data, wherever it begins: without the ends that depend on what is around it."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            text = encode(b"\0" * before + data).decode()
            first = -(-before * 8 // 6)
            last = (before + len(data)) * 8 // 6
            yield text[first:last]


def forms(secret):
    """Every form, as a set of texts."""
    data = secret.encode()
    found = {secret, secret[-24:], data.hex(), data.hex().upper(), urllib.parse.quote(secret, safe=""),
             urllib.parse.quote_plus(secret), *base64_cores(data)}
    return {form for form in found if len(form) >= min(SHORTEST, len(secret))}


def readable_secret(text):
    """The part of a secret that is one: of a SAS token its signature, of a JWT what follows its header."""
    if match := re.search(r"sig=([^&]+)", text):
        return match[1]
    return text.split(".", 1)[1] if text.startswith("eyJ") and "." in text else text


def private_lines(pem):
    """Those of an RSA key (PKCS#1) that hold no number of its public half, which stands in front."""
    lines = [line for line in pem.splitlines() if "-----" not in line]
    return lines[len(lines) // 4 + 2:-1]


class Secrets:
    """What must not be seen: by name."""

    def __init__(self, **named):
        self.named = dict(named)

    def add(self, name, text):
        self.named[name] = text

    def learn(self, log):
        """The secrets that were sent, from the rows of the emulator's log."""
        for number, row in enumerate(log):
            for field in ("client_secret", "client_assertion", "refresh_token", "code", "code_verifier", "device_code"):
                if text := (row.get("form") or {}).get(field):
                    self.add(f"{field} {number}", text)
            for name, value in row.get("headers") or ():
                if name.lower() == "authorization" and " " in value:
                    self.add(f"authorization {number}", value.split(" ", 1)[1])

    def seen_in(self, text):
        """Names of those that text has in some form."""
        if isinstance(text, bytes):
            text = text.decode("latin-1")
        return sorted(name for name, secret in self.named.items()
                      if any(form in text for form in forms(readable_secret(secret))))

    def seen_in_bytes(self, data):
        """The same, only as it is: for much data."""
        return sorted(name for name, secret in self.named.items()
                      if readable_secret(secret).encode() in data)

    def bad_files(self, top, allowed):
        """Files below top that have a secret and are not of mode 0600 in a folder of mode 0700 that is allowed."""
        bad = []
        for folder, _, names in os.walk(top):
            for path in (os.path.join(folder, name) for name in names):
                if not stat.S_ISREG(os.lstat(path).st_mode):
                    continue
                with open(path, "rb") as file:
                    seen = self.seen_in(file.read())
                private = (stat.S_IMODE(os.stat(path).st_mode), stat.S_IMODE(os.stat(folder).st_mode))
                if seen and (folder not in allowed or private != (0o600, 0o700)):
                    bad.append((path, [oct(mode) for mode in private], seen))
        return bad


def memory_of(pid):
    """The bytes that a process can write to, piece by piece; PermissionError if we may not."""
    with open(f"/proc/{pid}/mem", "rb", 0) as memory, open(f"/proc/{pid}/maps") as maps:
        for line in maps:
            where, mode = line.split()[:2]
            low, high = (int(word, 16) for word in where.split("-"))
            if mode.startswith("rw") and "[v" not in line:
                try:
                    memory.seek(low)
                    yield memory.read(high - low)
                except OSError:
                    pass        # a page of a device
