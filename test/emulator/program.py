"""The emulator's command line: `emulator.py --dir DIR --machine NAME=PORT --machines 300`.

Writes cloud.json, ca.pem, ssh_ca.pub (for sshd's TrustedUserCAKeys), ports (KEY=value lines)
and log.jsonl into the folder, says `ready`, and runs until told to end. Not here: the emulator.
"""

import argparse
import json
import os
import shlex
import signal
import sys
import threading

from emulator import Emulator
from faults import Fault

QUEUES = ("dial", "arm", "entra", "managed", "oidc", "agent")


def _arguments():
    parser = argparse.ArgumentParser(description="Emulated Azure on loopback; prints `ready`, ends at SIGTERM.")
    parser.add_argument("--dir", required=True, help="folder for cloud.json, ports, log.jsonl and certificates")
    parser.add_argument("--machine", action="append", default=[], metavar="NAME[=PORT|=SERVICE][,KEY=VALUE ...]",
                        help="a machine whose service configuration port 22 leads to PORT, or to an echo, sink or "
                             "source:N service; KEY is group, subscription (its name), tag:T, os, kind, type, status "
                             "or location")
    parser.add_argument("--group", default="rg1", help="of machines that do not say theirs")
    parser.add_argument("--machines", type=int, default=0, metavar="N", help="machines m1 to mN besides, that all "
                        "lead to --machines-port, in seven groups, with tags env and role")
    parser.add_argument("--machines-port", type=int, metavar="PORT")
    parser.add_argument("--port-map", action="append", default=[], metavar="PORT=REAL",
                        help="the agents dial REAL when asked for localhost:PORT")
    parser.add_argument("--no-endpoint", action="append", default=[], metavar="NAME",
                        help="this machine has neither endpoint nor service configuration yet")
    for queue in QUEUES:
        parser.add_argument(f"--{queue}-fault", action="append", default=[], metavar="JSON",
                            help=f'e.g. {{"kind":"status","code":503}} (queue: {queue})')
    parser.add_argument("--until-eof", action="store_true", help="end when standard input ends")
    return parser.parse_args()


def _add_machines(emu, args):
    port_map = {int(a): int(b) for a, b in (pair.split("=") for pair in args.port_map)}
    for item in args.machine:
        first, *more = item.split(",")
        name, _, target = first.partition("=")
        new = name in args.no_endpoint
        kind = {"port": int(target)} if target.isdigit() else {"service": target} if target else {}
        emu.add_machine(name, endpoint=not new, service_port=None if new else 22, port_map=port_map,
                        **{"group": args.group, **kind, **_settings(emu, more)})
    emu.add_machines(args.machines, port=args.machines_port, port_map=port_map, group=lambda n: f"group{n % 7}",
                     tags=lambda n: {"env": "prod" if n % 3 else "test", "role": ("web", "db", "build")[n % 3]})


def _settings(emu, pairs):
    """What KEY=VALUE pairs say, for add_machine()."""
    found = {"tags": {}}
    for key, value in (pair.split("=", 1) for pair in pairs):
        if key.startswith("tag:"):
            found["tags"][key[4:]] = value
        elif key == "subscription":
            guids = [guid for guid, name in emu.subscriptions.items() if name == value]
            found[key] = guids[0] if guids else emu.add_subscription(name=value)
        elif key in ("group", "kind", "type", "status", "location", "os"):
            found["os_name" if key == "os" else key] = value
        else:
            sys.exit(f"emulator.py: --machine has no {key!r}")
    return found


def _add_faults(emu, args):
    for queue in QUEUES:
        for text in getattr(args, f"{queue}_fault"):
            fault = json.loads(text)
            getattr(emu.faults, queue).append(fault if fault == "ok" else Fault(fault.pop("kind"), **fault))


def _write_ports(emu):
    """KEY=value lines that a shell can source."""
    rows = [("ARM_PORT", emu.arm_port), ("RELAY_PORT", emu.relay_port), ("MANAGED_PORT", emu.managed.port),
            ("CLOUD_FILE", emu.cloud_file),
            ("CA_FILE", emu.ca_file), ("TENANT_ID", emu.entra.tenant), ("CLIENT_ID", emu.entra.client),
            ("CLIENT_SECRET", emu.entra.secret), ("SUBSCRIPTION_ID", emu.subscription),
            ("ARM_TOKEN", emu.issue_token(86400))]
    rows += [(f"MACHINE_ID_{n}", machine.rid) for n, machine in enumerate(emu.machines(), 1) if not machine.lazy]
    path = os.path.join(emu.folder, "ports")
    with open(path + ".new", "w") as file:
        file.writelines(f"{key}={shlex.quote(str(value))}\n" for key, value in rows)
    os.rename(path + ".new", path)


def main():
    args = _arguments()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    signal.signal(signal.SIGINT, lambda *_: ended.set())
    os.makedirs(args.dir, exist_ok=True)
    with open(os.path.join(args.dir, "log.jsonl"), "w", buffering=1) as log:
        emu = Emulator(args.dir, mirror=lambda row: log.write(json.dumps(row, default=repr) + "\n"))
        emu.start()
        _add_machines(emu, args)
        _add_faults(emu, args)
        with open(os.path.join(args.dir, "ssh_ca.pub"), "w") as file:
            file.write(emu.entra.ssh_ca_line + "\n")
        _write_ports(emu)
        print("ready", flush=True)
        if args.until_eof:
            threading.Thread(target=lambda: (sys.stdin.buffer.read(), ended.set()), daemon=True).start()
        while not ended.wait(3600):
            pass
        left = emu.stop()
    return 1 if left else 0
