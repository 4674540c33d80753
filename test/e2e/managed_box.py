"""A machine of Azure, as far as a program can see.

    managed_box.py vm ASSET-TAG COMMAND ...     the tag in the firmware's tables, and IMDS at its address,
                                                which knows no identity
    managed_box.py arc MODE COMMAND ...         an installed Arc agent, whose key has that mode (octal)

Must be alone in a mount and a network namespace (unshare -mn). Runs the command,
then prints the first lines of the requests as JSON.
"""

import fcntl
import http.server
import json
import os
import socket
import struct
import subprocess
import sys
import threading

IMDS = ("169.254.169.254", 80)
HIMDS = ("127.0.0.1", 40342)
AGENT = "/var/opt/azcmagent"
SIOCSIFFLAGS, SIOCSIFADDR, IFF_UP = 0x8914, 0x8916, 1
seen = []


class Service(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        seen.append(self.requestline)
        body = json.dumps({"error": "identity_not_found", "error_description": "Identity not found"}).encode()
        if self.server.server_address == HIMDS and "Authorization" not in self.headers:
            self.send_response(401)
            self.send_header("WWW-Authenticate", f"Basic realm={AGENT}/tokens/a.key")
        else:
            self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def set_up_network():
    address = struct.pack("H2s4s8x", socket.AF_INET, b"", socket.inet_aton(IMDS[0]))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, SIOCSIFADDR, struct.pack("16s16s", b"lo:1", address))
        for name in (b"lo", b"lo:1"):
            fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sH14x", name, IFF_UP))


def put(path, text, mode):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)


def set_up_files(kind, what):
    top = "/sys" if kind == "vm" else "/var/opt"
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", top], check=True)
    if kind == "vm":
        put("/sys/class/dmi/id/chassis_asset_tag", what + "\n", 0o444)
    else:
        put(f"{AGENT}/bin/himds", "", 0o755)
        put(f"{AGENT}/tokens/a.key", "key", int(what, 8))


def main():
    kind, what = sys.argv[1:3]
    set_up_network()
    set_up_files(kind, what)
    server = http.server.HTTPServer(IMDS if kind == "vm" else HIMDS, Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    subprocess.run(sys.argv[3:])
    server.shutdown()
    print(json.dumps(seen))


main()
