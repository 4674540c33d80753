#!/usr/bin/env python3
"""How fast arc-relay-proxy carries bytes, what it costs, and how soon it is up.

The measure is socat: TLS from the same OpenSSL between the same pipes and the
same server, without WebSocket.  The rounds alternate between the two, so that a
machine that is busy with something else slows down both; what is told is the
median, and the ratio of the medians.  Times of a transfer are taken at its far
end, from the first byte to the last; CPU time is the whole process.  The row
"ceiling" is the server with a client of its own kind, and "server busy" the CPU time of
the server in each transfer: near 100 % it would be the server that was measured.

usage: bench.py [--rounds N] [--mb N] [--frame BYTES] [--json FILE]
environment: BUILD  folder of the programs
"""

import argparse
import json
import os
import platform
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build", "release"))
PROXY = os.path.join(BUILD, "arc-relay-proxy")
SERVER = os.path.join(BUILD, "test", "bench", "server")
PIPE = os.path.join(BUILD, "test", "bench", "pipe")
SOCAT = shutil.which("socat")

HOST = "ns1.relay.bench.test"
MB = 1000 * 1000
HANG_S = 120            # nothing here takes so long: against a hang, not a measure
STARTS = 50


# --- the set-up ---

def openssl(folder, *args):
    subprocess.run(["openssl", *args], cwd=folder, check=True, timeout=HANG_S,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def write(folder, name, content):
    with open(os.path.join(folder, name), "w") as file:
        file.write(content if isinstance(content, str) else json.dumps(content))


def make_files(folder):
    """A CA, the relay's certificate, a cloud, and relay information for each mode."""
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    write(folder, "leaf.ext", f"subjectAltName=DNS:{HOST}\nbasicConstraints=CA:FALSE\n")
    openssl(folder, "req", "-x509", *curve, "-days", "30", "-subj", "/CN=bench CA",
            "-keyout", "ca.key", "-out", "ca.pem")
    openssl(folder, "req", *curve, "-subj", f"/CN={HOST}", "-keyout", "leaf.key",
            "-out", "leaf.csr")
    openssl(folder, "x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "30", "-extfile", "leaf.ext", "-out", "leaf.pem")
    write(folder, "cloud.json", {
        "name": "bench", "managementEndpoint": "https://127.0.0.1:1",
        "authority": "https://127.0.0.1:1", "relaySuffix": "relay.bench.test",
        "caFile": os.path.join(folder, "ca.pem")})
    for mode in ("source", "sink", "idle"):
        write(folder, mode, {"relay": {
            "namespaceName": "ns1", "namespaceNameSuffix": "relay.bench.test",
            "hybridConnectionName": "bench/" + mode, "accessKey": "x",
            "expiresOn": int(time.time()) + 24 * 3600}})


class Server:
    """One server.c; a "with" ends it."""

    def __init__(self, folder, mode, size, frame):
        self.child = subprocess.Popen(
            [SERVER, os.path.join(folder, "leaf.pem"), os.path.join(folder, "leaf.key"),
             mode, str(size), str(frame)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.port = int(self.child.stdout.readline())

    def told(self):
        """What it says of the connection that has just ended: (bytes, seconds, cpu)."""
        if not select.select([self.child.stdout], [], [], 10)[0]:
            sys.exit("bench: the server did not see the end of the connection")
        _, size, seconds, cpu = self.child.stdout.readline().split()
        return int(size), float(seconds), float(cpu)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait()
        self.child.stdout.close()


class Bench:
    def __init__(self, folder, size, frame):
        self.folder, self.size, self.frame = folder, size, frame
        keep = {k: os.environ[k] for k in ("PATH", "TMPDIR") if k in os.environ}
        self.env = {**keep, "HOME": folder, "XDG_CACHE_HOME": folder, "LC_ALL": "C"}

    def serve(self, who, mode, size=0):
        return Server(self.folder, "ws" if who == "proxy" else mode, size, self.frame)

    def command(self, who, mode, port):
        """What is measured, connected to the server at port that plays mode."""
        if who == "proxy":
            return [PROXY, "--connect-to", f"127.0.0.1:{port}", "--cloud-file",
                    os.path.join(self.folder, "cloud.json"),
                    "-r", os.path.join(self.folder, mode)]
        if who == "ceiling":
            return [SERVER, str(port), mode, str(self.size)]
        remote = (f"OPENSSL:127.0.0.1:{port},cafile={self.folder}/ca.pem,verify=1,"
                  f"commonname={HOST}")
        return [SOCAT, *{"source": ["-u", remote, "STDOUT"], "sink": ["-u", "STDIN", remote],
                         "idle": [remote, "STDIO"]}[mode]]

    def start(self, command, **popen):
        return subprocess.Popen(command, env=self.env, **popen)

    def transfer(self, who, mode):
        """Moves the bytes once.  Returns MB/s and CPU seconds per GB of `who`, and how
        busy the server was meanwhile (1.0: all the time, it may have been the bottleneck)."""
        with self.serve(who, mode, self.size) as server:
            command = self.command(who, mode, server.port)
            if mode == "source":
                child = self.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                near = self.start([PIPE, "drain"], stdin=child.stdout, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE)
                child.stdout.close()
            else:
                near = self.start([PIPE, "fill", str(self.size)], stdout=subprocess.PIPE)
                child = self.start(command, stdin=near.stdout, stdout=subprocess.PIPE)
                near.stdout.close()
            try:
                said = near.communicate(timeout=HANG_S)[1]
                cpu = wait_cpu(child)
                size, seconds, server_cpu = server.told()
                if mode == "source" and who != "ceiling":
                    size, seconds = said.split()
                    size, seconds = int(size), float(seconds)
            finally:
                for process in (near, child):
                    end(process)
        if child.returncode != 0 or size != self.size:
            sys.exit(f"bench: {who} {mode}: status {child.returncode}, "
                     f"{size} of {self.size} bytes")
        return {"mb_s": size / MB / seconds, "cpu_s_gb": cpu * 1000 * MB / size,
                "server_busy": server_cpu / seconds}

    def first_byte(self, who):
        """Milliseconds from exec to the first byte that the far end sent."""
        with self.serve(who, "idle") as server:
            began = time.monotonic()
            child = self.start(self.command(who, "idle", server.port),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            try:
                if not os.read(child.stdout.fileno(), 1):
                    sys.exit(f"bench: {who} did not connect")
                return (time.monotonic() - began) * 1000
            finally:
                end(child)

    def version(self):
        """Milliseconds from exec to the exit of one that does nothing."""
        began = time.monotonic()
        subprocess.run([PROXY, "--version"], env=self.env, check=True, timeout=HANG_S,
                       stdout=subprocess.DEVNULL)
        return (time.monotonic() - began) * 1000

    def memory(self, who):
        """KiB of memory of an idle session.  Private: what one more session costs."""
        with self.serve(who, "idle") as server:
            child = self.start(self.command(who, "idle", server.port),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            try:
                os.read(child.stdout.fileno(), 1)
                time.sleep(0.2)         # it may still be tidying up
                kib = {}
                with open(f"/proc/{child.pid}/smaps_rollup") as file:
                    for line in file.read().splitlines()[1:]:
                        key, value = line.split()[:2]
                        kib[key] = int(value)
                return {"rss": kib["Rss:"], "pss": kib["Pss:"],
                        "private": kib["Private_Clean:"] + kib["Private_Dirty:"]}
            except PermissionError:     # it hides from all but root
                return None
            finally:
                end(child)


def wait_cpu(child):
    """Waits for a child.  Returns the CPU seconds that it took."""
    limit = time.monotonic() + HANG_S
    while time.monotonic() < limit:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid != 0:
            child.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_utime + usage.ru_stime
        time.sleep(0.005)
    raise subprocess.TimeoutExpired(child.args, HANG_S)


def end(child):
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream is not None:
            stream.close()
    if child.poll() is None:
        child.kill()
    child.wait()


# --- the table ---

def summary(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values),
            "all": values}


def alternate(rounds, whos, measure):
    """measure(who) in turn, each round the other way round.  Returns {who: results}."""
    found = {who: [] for who in whos}
    for i in range(rounds):
        for who in whos if i % 2 == 0 else reversed(whos):
            found[who].append(measure(who))
    return found


def transfers(bench, mode, rounds, whos):
    row = {}
    for who, results in alternate(rounds, whos, lambda who: bench.transfer(who, mode)).items():
        row[who] = {key: summary([r[key] for r in results]) for key in results[0]}
    if "socat" in row:
        row["ratio"] = row["proxy"]["mb_s"]["median"] / row["socat"]["mb_s"]["median"]
    return row


def print_transfers(rows):
    print(f"\n{'':17}{'median':>8}{'min':>8}{'max':>8}  MB/s{'ratio':>8}{'CPU s/GB':>10}"
          f"{'server busy':>13}", flush=True)
    for name, row in rows.items():
        for who in [w for w in row if w != "ratio"]:
            r = row[who]
            ratio = f"{row['ratio']:.2f}" if who == "proxy" and "ratio" in row else ""
            print(f"{name:9}{who:8}{r['mb_s']['median']:8.0f}{r['mb_s']['min']:8.0f}"
                  f"{r['mb_s']['max']:8.0f}{ratio:>14}{r['cpu_s_gb']['median']:10.2f}"
                  f"{r['server_busy']['median']:12.0%}")


def print_starts(rows):
    print(f"\n{'start-up, ms':30}{'median':>8}{'min':>8}{'max':>8}")
    for name, r in rows.items():
        print(f"{name:30}{r['median']:8.1f}{r['min']:8.1f}{r['max']:8.1f}")


def print_memory(rows):
    print(f"\n{'idle session, KiB':30}{'private':>8}{'pss':>8}{'rss':>8}")
    for name, r in rows.items():
        print(f"{name:30}" + (f"{r['private']:8}{r['pss']:8}{r['rss']:8}" if r else
                              "  only root can see it"))


def machine():
    version = subprocess.run(["openssl", "version"], capture_output=True, text=True).stdout
    return {"cpus": os.cpu_count(), "arch": platform.machine(), "kernel": platform.release(),
            "openssl": version.strip(), "load": os.getloadavg()[0]}


def main():
    arg = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arg.add_argument("--rounds", type=int, default=7, help="of each transfer (7)")
    arg.add_argument("--mb", type=int, default=512, help="megabytes of each transfer (512)")
    arg.add_argument("--frame", type=int, default=65532,
                     help="payload of a frame that the relay sends (65532: four TLS records)")
    arg.add_argument("--json", default=os.path.join(TOP, "build", "bench.json"),
                     help="where the numbers go (build/bench.json)")
    arg = arg.parse_args()
    whos = ["proxy", "socat"] if SOCAT else ["proxy"]
    result = {"machine": machine(), "rounds": arg.rounds, "mb": arg.mb, "frame": arg.frame}

    with tempfile.TemporaryDirectory(prefix="bench.") as folder:
        make_files(folder)
        bench = Bench(folder, arg.mb * MB, arg.frame)
        print(f"{arg.rounds} rounds of {arg.mb} MB on {result['machine']['cpus']} CPUs, "
              f"load {result['machine']['load']:.1f}")
        result["transfer"] = {
            name: transfers(bench, mode, arg.rounds, whos + ["ceiling"])
            for name, mode in (("receive", "source"), ("send", "sink"))}
        print_transfers(result["transfer"])

        starts = {"arc-relay-proxy --version": summary([bench.version() for _ in range(STARTS)])}
        for who, ms in alternate(STARTS, whos, bench.first_byte).items():
            starts[f"{who}, to the first byte"] = summary(ms)
        result["start_ms"] = starts
        print_starts(starts)

        result["idle_kib"] = {who: bench.memory(who) for who in whos}
        print_memory(result["idle_kib"])

    os.makedirs(os.path.dirname(os.path.abspath(arg.json)), exist_ok=True)
    with open(arg.json, "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
