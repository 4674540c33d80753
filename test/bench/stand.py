"""The test stand: a relay of our own (server.c), who is measured against it, and one run of each.

A stand has a folder with a CA, the relay's certificate, a cloud and relay information, made by the
emulator of test/emulator, which is stopped again: what is measured talks to server.c alone.
"""

import json
import os
import select
import shlex
import shutil
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(TOP, "test", "e2e"), os.path.join(TOP, "test", "emulator")]
import emulator                                                             # noqa: E402
from harness import BUILD, PROXY, clean_env                                 # noqa: E402

SERVER, PIPE, EMPTY, P384 = (os.path.join(BUILD, "test", "bench", name)
                             for name in ("server", "pipe", "empty", "p384_preload.so"))
HOST = f"{emulator.NAMESPACE}.{emulator.SUFFIX}"
MB = 1000 * 1000
FRAME = 65532           # payload of a frame from the relay: with its header four TLS records
HANG_S = 600            # nothing here takes so long: against a hang, not a measure


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


# --- who is measured ---

class Peer:
    """name: as it stands in tables; wire: what it speaks, "ws", "tls" or "tcp"."""

    def __init__(self, name, wire, program, command, says=None):
        self.name, self.wire, self.command, self.says = name, wire, command, says
        self.program = shutil.which(program) or program
        self.missing = not os.path.exists(self.program)
        self.slow = False       # moves fewer bytes, or a round would take long


def proxy_command(stand, mode, port):
    return [PROXY, "--connect-to", f"127.0.0.1:{port}", "--cloud-file", stand.cloud, "-r", stand.info]


def socat_command(remote, *options):
    def command(stand, mode, port):
        there = remote.format(port=port, ca=stand.ca, host=HOST)
        return ["socat", *options, *{"source": ["-u", there, "STDOUT"], "sink": ["-u", "STDIN", there]}.get(
            mode, [there, "STDIO"])]
    return command


SOCAT_TLS = "OPENSSL:127.0.0.1:{port},cafile={ca},verify=1,commonname={host},nodelay"


def ncat_command(stand, mode, port):
    one_way = {"source": ["--recv-only"], "sink": ["--send-only"]}.get(mode, [])
    return ["ncat", "--ssl", *one_way, "127.0.0.1", str(port)]


PEERS = {peer.name: peer for peer in (
    Peer("arc-relay-proxy", "ws", PROXY, proxy_command),
    Peer("socat OPENSSL", "tls", "socat", socat_command(SOCAT_TLS, "-b65536")),
    Peer("socat with 8 KiB", "tls", "socat", socat_command(SOCAT_TLS)),      # as it is without -b
    Peer("socat, no TLS", "tcp", "socat", socat_command("TCP:127.0.0.1:{port},nodelay", "-b65536")),
    Peer("ncat", "tls", "ncat", ncat_command),
    Peer("socat with P-384", "tls", "socat", lambda stand, mode, port: [
        "env", "LD_PRELOAD=" + P384, *socat_command(SOCAT_TLS, "-b65536")(stand, mode, port)]),
    Peer("python3-websockets", "ws", "/usr/lib/python3/dist-packages/websockets", lambda stand, mode, port: [
        "/usr/bin/python3", os.path.join(HERE, "peer_websockets.py"), str(port), HOST, stand.ca]),
    Peer("node ws", "ws", "/usr/share/nodejs/ws", lambda stand, mode, port: [
        "node", os.path.join(HERE, "peer_ws.js"), str(port), HOST, stand.ca]),
    Peer("the server's client", "tls", SERVER, lambda stand, mode, port: [
        SERVER, str(port), mode, str(stand.size)]),
)}
OURS, LIMIT = "arc-relay-proxy", "socat OPENSSL"
WEBSOCKETS = ["python3-websockets", "node ws"]
CEILING, NO_TLS = "the server's client", "socat, no TLS"
SAME_GROUP = "socat with P-384"     # it knows only P-256, which is quicker than what the relay wants
TRANSFERS = [name for name in PEERS if name != SAME_GROUP]
for slow in (*WEBSOCKETS, "ncat"):
    PEERS[slow].slow = True
if os.environ.get("PEER_CMD"):
    PEERS["PEER_CMD"] = Peer("PEER_CMD", os.environ.get("PEER_WIRE", "ws"), "/bin/sh", lambda stand, mode, port: [
        "/bin/sh", "-c", os.environ["PEER_CMD"]])
    TRANSFERS.append("PEER_CMD")


def there(*names):
    """Those of the peers that are installed."""
    return [name for name in names if name in PEERS and not PEERS[name].missing]


# --- processes ---

class Failed(Exception):
    """Somebody who is measured did not do what was wanted."""



def end(child):
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream is not None:
            stream.close()
    if child.poll() is None:
        child.kill()
    child.wait()


def wait_cost(child, watch=None):
    """Waits for a child.  Returns its CPU seconds, and those in user space; watch(pid) is called meanwhile."""
    limit = time.monotonic() + HANG_S
    while time.monotonic() < limit:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid != 0:
            child.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_utime + usage.ru_stime, usage.ru_utime
        if watch:
            watch(child.pid)
        time.sleep(0.005)
    raise subprocess.TimeoutExpired(child.args, HANG_S)


def rss_kib(pid):
    """0 when it has just ended."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024
    except (OSError, IndexError):
        return 0


def memory_kib(pid):
    """Resident; proportional and unique if we may see them: our program hides from all but root."""
    kib = {"rss": rss_kib(pid)}
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            fields = {key: int(value) for key, value, *_ in (line.split() for line in file.readlines()[1:])}
        kib.update(pss=fields["Pss:"], unique=fields["Private_Clean:"] + fields["Private_Dirty:"])
    except OSError:
        pass
    return kib


def wakeups(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("voluntary"))
    return total


class Server:
    """One server.c; a "with" ends it."""

    def __init__(self, stand, wire, mode, size=0, frame=FRAME):
        self.child = subprocess.Popen([SERVER, *stand.leaf, wire, str(mode), str(size), str(frame)],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.port = int(self.child.stdout.readline())

    def told(self):
        """What it says of the connection that has just ended."""
        if not select.select([self.child.stdout], [], [], 20)[0]:
            raise Failed("the server did not see the end of a connection")
        names = ("bytes", "seconds", "cpu", "accepted", "established")
        return dict(zip(names, map(float, os.read(self.child.stdout.fileno(), 4096).split())))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait()
        self.child.stdout.close()


class Stand:
    def __init__(self, folder):
        azure = os.path.join(folder, "azure")
        self.folder, self.ca, self.size = folder, os.path.join(azure, "ca.pem"), 0
        self.leaf = [os.path.join(azure, "certs", name) for name in ("relay.pem", "relay.key")]
        self.info = self.write("relay_info", json.dumps({"relay": {
            "namespaceName": emulator.NAMESPACE, "namespaceNameSuffix": emulator.SUFFIX,
            "hybridConnectionName": "bench", "accessKey": "x", "expiresOn": int(time.time()) + 24 * 3600}}))
        with emulator.Emulator(azure) as emu:
            self.cloud = emu.cloud_file
            self.env = clean_env(folder, AZURE_TENANT_ID=emu.entra.tenant, AZURE_CLIENT_ID=emu.entra.client,
                                 AZURE_CLIENT_SECRET=emu.entra.secret, NODE_PATH="/usr/share/nodejs")
            emu.add_machine("web01", service="sink")
            self.machine = emu.machine_id("web01")
            # leaves a credential in the cache
            subprocess.run(self.cached_command(emu.relay_port), env=self.env, check=True, timeout=HANG_S,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path

    def cached_command(self, port):
        return [PROXY, "--connect-to", f"127.0.0.1:{port}", "--cloud-file", self.cloud, self.machine]

    def command(self, who, mode, port):
        """What is measured, connected to the server at port that plays mode."""
        return PEERS[who].command(self, mode, port)

    def start(self, command, port=0, **popen):
        """A child in a clean environment; PEER_CMD finds in it where to connect to."""
        env = {**self.env, **popen.pop("env", {}), "PORT": str(port), "RELAY_HOST": HOST, "CA": self.ca,
               "RELAY_INFO": self.info, "CLOUD_FILE": self.cloud}
        return subprocess.Popen(command, env=env, **popen)

    def session(self, who, mode, port, **popen):
        popen = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, **popen}
        return self.start(self.command(who, mode, port), port, **popen)

    def idle(self, who, server):
        """A session that is up and has nothing to do."""
        child = self.session(who, "idle", server.port)
        if not os.read(child.stdout.fileno(), 1):
            raise Failed("it did not connect")
        return child

    def near(self, args, **popen):
        return self.start([PIPE, *map(str, args)], stderr=subprocess.PIPE, **popen)

    def transfer(self, who, mode, size, frame=FRAME, block=65536, wrap=(), watch=None):
        """Moves size bytes once; mode: source, sink or both.  What it cost, and how busy the server was meanwhile
        (1.0: all the time; it may have been the bottleneck)."""
        self.size = int(size)
        with Server(self, PEERS[who].wire, mode, self.size, frame) as server:
            command = [*wrap, *self.command(who, mode, server.port)]
            ours, theirs = os.pipe()
            if mode == "sink":
                child = self.start(command, server.port, stdin=ours, stdout=subprocess.PIPE)
                near = self.near(["fill", self.size, block, child.pid], stdout=theirs)
            else:
                child = self.start(command, server.port, stdin=ours, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL if mode == "both" else None)
                near = self.near(["drain", child.pid] if mode == "source" else ["both", self.size],
                                 stdin=child.stdout, stdout=theirs)
                child.stdout.close()
            os.close(ours)
            os.close(theirs)
            try:
                cpu, user = wait_cost(child, watch)
                said = near.communicate(timeout=HANG_S)[1].split()
                told = server.told()
            finally:
                end(near)
                end(child)
        moved, seconds = told["bytes"], told["seconds"]
        marks = [float(word) for word in said[2:]]
        if mode != "sink" and who != CEILING:
            moved, seconds = float(said[0]), max(float(said[1]), seconds if mode == "both" else 0)
        if moved != self.size or (child.returncode != 0 and mode != "both"):
            raise Failed(f"status {child.returncode}, {moved:.0f} of {self.size} bytes")
        ways = 2 if mode == "both" else 1
        gb = ways * moved / MB / 1000
        return {"mb_s": gb * 1000 / max(seconds, 1e-9), "cpu_s_gb": cpu / gb, "user_s_gb": user / gb,
                "cpu_s": cpu, "marks": marks, "server_busy": told["cpu"] / max(seconds, 1e-9)}

    def shell(self, who, mode, port):
        return " ".join(map(shlex.quote, self.command(who, mode, port)))
