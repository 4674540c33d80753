"""An Azure VM as far as a program can see: managed_vm.py ASSET-TAG COMMAND ...

Must be alone in a mount and a network namespace (unshare -mn). Gives the machine
the tag in its firmware's tables and a token service at 169.254.169.254 that knows
no identity, runs the command, and prints the first lines of the requests as JSON.
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

ADDRESS = "169.254.169.254"
SIOCSIFFLAGS, SIOCSIFADDR, IFF_UP = 0x8914, 0x8916, 1
seen = []


class Imds(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        seen.append(self.requestline)
        body = json.dumps({"error": "identity_not_found", "error_description": "Identity not found"}).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def set_up_network():
    address = struct.pack("H2s4s8x", socket.AF_INET, b"", socket.inet_aton(ADDRESS))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, SIOCSIFADDR, struct.pack("16s16s", b"lo:1", address))
        for name in (b"lo", b"lo:1"):
            fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sH14x", name, IFF_UP))


def set_up_firmware(tag):
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/sys/class"], check=True)
    os.makedirs("/sys/class/dmi/id")
    with open("/sys/class/dmi/id/chassis_asset_tag", "w") as file:
        file.write(tag + "\n")


def main():
    set_up_network()
    set_up_firmware(sys.argv[1])
    server = http.server.HTTPServer((ADDRESS, 80), Imds)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    subprocess.run(sys.argv[2:])
    server.shutdown()
    print(json.dumps(seen))


main()
