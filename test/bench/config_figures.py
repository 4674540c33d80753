#!/usr/bin/env python3
"""What names, ssh_config and inventory cost for many machines, against the emulated Azure.

The wall clock is a median, CPU time the least of all rounds.  What is compared is measured in turn, each round the other way
round, so that a machine that is busy with something else slows down all of it.
CPU time and memory are those of the process itself (cost.c); the wall clock has in it what
the emulator, which is Python, takes to answer.  The exponent is the slope in
log-log of the CPU time beyond that of one machine, between the two largest sizes: with
a hundred machines it is lost in the noise of a start.

usage: config_figures.py [--rounds N] [--most MACHINES] [--json FILE]
environment: BUILD  folder of the programs
"""

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, "test", "e2e"), os.path.join(TOP, "test", "emulator")]
from emulator import Emulator                                               # noqa: E402
from harness import BUILD, PROXY, TOOL, clean_env, whoami                          # noqa: E402

COST = os.path.join(BUILD, "test", "bench", "cost")
HANG_S = 600            # nothing here takes so long: against a hang, not a measure
SIZES = (1, 100, 1000, 10000)


def run(command, env, stdout=subprocess.DEVNULL):
    """Runs it.  Returns its wall clock and CPU in ms, and peak RSS in KiB."""
    told, tell = os.pipe()
    with os.fdopen(told) as told:
        done = subprocess.run([COST, str(tell), *command], env=env, stdin=subprocess.DEVNULL, stdout=stdout,
                              stderr=subprocess.PIPE, pass_fds=[tell], timeout=HANG_S)
        os.close(tell)
        cost = [int(word) for word in told.read().split()]
    if done.returncode != 0 or cost[0] != 0:
        sys.exit(f"config_figures: {' '.join(command)}: {cost}: {done.stderr.decode(errors='replace')}")
    return {"wall_ms": cost[1] / 1000, "cpu_ms": cost[2] / 1000, "rss_kib": cost[3]}


def summary(results):
    return {key: (min if key == "cpu_ms" else statistics.median)([r[key] for r in results]) for key in results[0]}


def alternate(rounds, whats, measure):
    """{what: summary} of measure(what) in turn."""
    found = {what: [] for what in whats}
    for i in range(rounds):
        for what in whats if i % 2 == 0 else reversed(whats):
            found[what].append(measure(what))
    return {what: summary(results) for what, results in found.items()}


class Figures:
    def __init__(self, folder, rounds):
        self.folder, self.rounds = folder, rounds
        self.emu = Emulator(os.path.join(folder, "azure")).start()
        self.emu.graph.quota = (10**9, 5.0)     # else a run waits for what the one before it has used up
        self.env = clean_env(folder, XDG_STATE_HOME=folder + "/state", AZURE_TENANT_ID=self.emu.entra.tenant,
                             AZURE_CLIENT_ID=self.emu.entra.client, AZURE_CLIENT_SECRET=self.emu.entra.secret)
        self.cloud = ["--cloud-file", self.emu.cloud_file]
        self.emu.add_machine(name(0), service="source:100", tags=tags(0))

    def path(self, file):
        return os.path.join(self.folder, file)

    def grow(self, n):
        have = len(self.emu.machines())
        for i in range(have, n):
            self.emu.add_machine(name(i), group=f"rg{i % 20}", lazy=True, tags=tags(i))

    def requests(self):
        return self.emu.count(who="entra", what="token") + self.emu.count(who="arm", what="request")

    def tool(self, *args, out=None):
        with open(self.path(out) if out else os.devnull, "w") as file:
            before = self.requests()
            result = run([TOOL, args[0], *self.cloud, *args[1:]], self.env, stdout=file)
        return {**result, "requests": self.requests() - before}

    # --- what is measured ---

    def growth(self, sizes):
        """{verb: {n: figures}}"""
        verbs = {"config": ["config"], "inventory": ["inventory", "--list"], "list --json": ["list", "--json"]}
        table = {verb: {} for verb in verbs}
        for n in sizes:
            self.grow(n)
            self.tool("list")         # the token is there
            row = alternate(self.rounds * (1 if n > 1000 else 5), list(verbs), lambda verb: self.tool(*verbs[verb], out=f"{verb}.{n}"))
            for verb, figures in row.items():
                table[verb][n] = {**figures, "bytes": os.path.getsize(self.path(f"{verb}.{n}"))}
        return table

    def ssh_g(self, n):
        """{config: {host: ms}} of ssh -G."""
        with open(self.path("empty"), "w"):
            pass
        self.tool("config", "--wildcard", "--group", "none-is-called-so", out="wildcard")
        shutil.copy(self.path(f"config.{n}"), self.path("full"))
        hosts = {"first": f"{name(0)}.arc", "middle": f"{name(n // 2)}.arc", "last": f"{name(n - 1)}.arc",
                 "foreign": "www.example.test"}
        whats = [(config, host) for config in ("empty", "wildcard", "full") for host in hosts]
        found = alternate(max(7, self.rounds), whats, lambda what: run(
            ["ssh", "-F", self.path(what[0]), "-G", hosts[what[1]]], self.env))
        return {config: {host: found[config, host]["wall_ms"] for host in hosts}
                for config in ("empty", "wildcard", "full")}

    def names(self, n):
        """{what: figures} of the names that are kept."""
        self.tool("names", "--refresh")
        proxy = [PROXY, *self.cloud, "--connect-to", f"127.0.0.1:{self.emu.relay_port}"]
        commands = {
            "arc-relay names": [TOOL, "names", *self.cloud],
            f"arc-relay names {name(n - 1)}": [TOOL, "names", *self.cloud, name(n - 1)],
            "arc-relay-proxy ID": [*proxy, self.emu.machine_id(name(0))],
            "arc-relay-proxy NAME": [*proxy, f"{name(0)}.arc"],
        }
        for command in commands.values():
            run(command, self.env)      # credentials are there
        before = self.requests()
        found = alternate(3 * self.rounds, list(commands), lambda what: run(commands[what], self.env))
        return found, self.requests() - before

    def certificate(self):
        """{what: figures} of cert ensure with nothing due."""
        commands = {"arc-relay version": [TOOL, "version"],
                    "arc-relay cert ensure --quiet": [TOOL, "cert", "ensure", "--quiet", *self.cloud]}
        env = self.login()
        run(commands["arc-relay cert ensure --quiet"], env)
        before = self.requests()
        found = alternate(10 * self.rounds, list(commands), lambda what: run(commands[what], env))
        return found, self.requests() - before

    def login(self):
        """An environment of a person, who is logged in by device code."""
        env = {key: value for key, value in self.env.items() if not key.startswith("AZURE_CLIENT")}
        child = subprocess.Popen([TOOL, "login", "--device-code", *self.cloud], env=env, stdin=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, text=True)
        said = ""
        while "enter the code " not in said:
            line = child.stderr.readline()
            if not line:
                sys.exit(f"config_figures: login: {said}")
            said += line
        self.emu.entra.approve(said.split("enter the code ")[1].split()[0], "alice@emulated.test")
        child.communicate(timeout=HANG_S)
        return env


def name(i):
    return f"host{i:05}"


def tags(i):
    return {"env": ("prod", "test", "dev")[i % 3], "owner": f"team {i % 50}", "ssh_user": "azureuser"}


def exponent(rows):
    """Of CPU time, less that of the fewest machines, between the two largest sizes."""
    base = rows[min(rows)]["cpu_ms"]
    (n, less), (most, more) = [(n, rows[n]["cpu_ms"] - base) for n in sorted(rows)[-2:]]
    return math.log(more / less) / math.log(most / n) if 0 < less < more and n > min(rows) else float("nan")


# --- the tables ---

def print_growth(table):
    for verb, rows in table.items():
        print(f"\n{'arc-relay ' + verb:24}{'wall ms':>10}{'CPU ms':>10}{'RSS KiB':>10}{'requests':>10}{'bytes':>12}")
        for n, r in rows.items():
            print(f"{n:>10} machines     {r['wall_ms']:10.0f}{r['cpu_ms']:10.1f}{r['rss_kib']:10.0f}"
                  f"{r['requests']:10.0f}{r['bytes']:12}")
        print(f"{'':14}CPU grows as n^{exponent(rows):.2f}, "
              f"{1000 * (rows[max(rows)]['cpu_ms'] - rows[min(rows)]['cpu_ms']) / max(rows):.0f} us a machine")


def print_ssh_g(table, n):
    print(f"\n{'ssh -G, ms':24}{'first':>10}{'middle':>10}{'last':>10}{'foreign':>10}")
    labels = {"empty": "no config", "wildcard": "wildcard block", "full": f"{n} blocks"}
    for config, row in table.items():
        print(f"{labels[config]:24}" + "".join(f"{row[host]:10.1f}" for host in ("first", "middle", "last", "foreign")))


def print_commands(title, found, requests):
    print(f"\n{title:36}{'wall ms':>10}{'CPU ms':>10}{'RSS KiB':>10}")
    for what, r in found.items():
        print(f"{what:36}{r['wall_ms']:10.1f}{r['cpu_ms']:10.1f}{r['rss_kib']:10.0f}")
    print(f"{'requests to Azure meanwhile':36}{requests:10}")


def main():
    arg = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arg.add_argument("--rounds", type=int, default=7, help="of each measure, or a multiple of it (7)")
    arg.add_argument("--most", type=int, default=SIZES[-1], help=f"machines ({SIZES[-1]})")
    arg.add_argument("--json", default=os.path.join(TOP, "build", "config_figures.json"),
                     help="where the numbers go (build/config_figures.json)")
    arg = arg.parse_args()
    sizes = [n for n in SIZES if n <= arg.most]
    most = sizes[-1]
    with tempfile.TemporaryDirectory(prefix="figures.") as folder:
        figures = Figures(folder, arg.rounds)
        print(f"{arg.rounds} rounds or more, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, "
              f"{subprocess.run(['ssh', '-V'], capture_output=True, text=True).stderr.split(',')[0]}, {whoami()}")
        result = {"growth": figures.growth(sizes)}
        print_growth(result["growth"])
        result["ssh_g_ms"] = figures.ssh_g(most)
        print_ssh_g(result["ssh_g_ms"], most)
        result["names"] = figures.names(most)
        print_commands(f"{most} names", *result["names"])
        result["certificate"] = figures.certificate()
        print_commands("certificate", *result["certificate"])
        figures.emu.stop()
    os.makedirs(os.path.dirname(os.path.abspath(arg.json)), exist_ok=True)
    with open(arg.json, "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
