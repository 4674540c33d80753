#!/usr/bin/env python3
"""What arc-relay-proxy costs and how fast it is, against others, in one run.

The limit is socat: TLS by the same OpenSSL between the same pipes and the same kind of server, without WebSocket.
Rounds alternate between all that are compared; told are medians, and the ratio of medians.  Times of a transfer
are taken at its far end, from the first byte to the last; CPU time is the whole process.

usage: bench.py [--rounds N] [--mb N] [--no-huge] [--json FILE] [--svg FILE] [ROW ...]
environment: BUILD  folder of the programs
             PEER_CMD  a further program to compare with: a command for sh, which finds in its environment PORT
                 (of 127.0.0.1), RELAY_HOST, CA, RELAY_INFO (a file for -r), CLOUD_FILE; "exec" it
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import report                                                               # noqa: E402
import rows                                                                 # noqa: E402
from stand import PEERS, TOP, Failed, Stand, say                            # noqa: E402

LATE = "wake_ups"       # is counted while others run, so it comes last


def machine():
    def first(path, start):
        with open(path) as file:
            return next((line.split(":", 1)[1].strip() for line in file if line.startswith(start)), "")

    def version(*command):
        try:
            return subprocess.run(command, capture_output=True, text=True).stdout.strip().split("\n")[0]
        except OSError:
            return ""

    with open("/etc/os-release") as file:
        system = next((line.split("=", 1)[1].strip().strip('"') for line in file
                       if line.startswith("PRETTY_NAME=")), "Linux")
    return {"date": datetime.date.today().isoformat(), "cpu": first("/proc/cpuinfo", "model name"),
            "cpus": os.cpu_count(), "arch": platform.machine(), "system": system, "kernel": platform.release(),
            "openssl": version("openssl", "version"), "load": os.getloadavg()[0],
            "commit": version("git", "-C", TOP, "describe", "--always", "--dirty")}


def main():
    arg = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arg.add_argument("rows", nargs="*", metavar="ROW", help="only these of: " + " ".join(rows.ROWS))
    arg.add_argument("--rounds", type=int, default=7, help="of each (7)")
    arg.add_argument("--mb", type=int, default=512, help="megabytes of a transfer (512)")
    arg.add_argument("--no-huge", action="store_true", help="nothing of 10 GB")
    arg.add_argument("--json", help="build/bench.json; of only some rows: build/bench-part.json")
    arg.add_argument("--svg", help="build/bench.svg, build/bench-part.svg")
    arg = arg.parse_args()
    place = os.path.join(TOP, "build", "bench-part" if arg.rows else "bench")
    if unknown := set(arg.rows) - set(rows.ROWS):
        sys.exit(f"bench: no row {' '.join(unknown)}; there are: {' '.join(rows.ROWS)}")
    names = [name for name in rows.ROWS if not arg.rows or name in arg.rows]
    names.sort(key=lambda name: name == LATE)

    result = {"machine": machine(), "rounds": arg.rounds, "mb": arg.mb, "whole": not arg.rows, "lines": [],
              "missing": [peer.name for peer in PEERS.values() if peer.missing]}
    began = time.monotonic()
    for name in result["missing"]:
        say(f"{name} is not installed")
    with tempfile.TemporaryDirectory(prefix="bench.") as folder:
        run = rows.Run(Stand(folder), arg.rounds, arg.mb, not arg.no_huge)
        if LATE in names:
            rows.rest(run)
        for name in names:
            say(f"{time.monotonic() - began:4.0f} s  {name}")
            try:
                result["lines"] += [{"row": name, **line.as_dict()} for line in rows.ROWS[name](run)]
            except Failed as failed:
                sys.exit(f"bench: {name}: {failed}")
    result["all"] = run.all
    result["seconds"] = round(time.monotonic() - began)
    print(report.table(result))

    for path, text in ((arg.json or place + ".json", json.dumps(result, indent=1) + "\n"),
                       (arg.svg or place + ".svg", report.plot(result))):
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)


if __name__ == "__main__":
    main()
