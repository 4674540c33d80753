"""The rows of the benchmark: what is measured, against whom, and what is wanted.

Each row is a function of (Run) that returns Lines.  What is compared is measured in turn, each round
the other way round, so that a machine that is busy with something else slows down all of it.
"""

import collections
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

from stand import (CEILING, EMPTY, HANG_S, LIMIT, MB, NO_TLS, OURS, PEERS, PIPE, PROXY, SAME_GROUP, TOP,
                   TRANSFERS, WEBSOCKETS, Failed, Server, end, memory_kib, rss_kib, say, there, wakeups)
import delay
from harness import Sshd, whoami
from report import number

ROWS = {}       # name -> function, in the order in which they are run
WAYS = {"send": "sink", "receive": "source"}
STARTS = 7      # for each round: starts are short


def row(function):
    ROWS[function.__name__] = function
    return function


class Run:
    """mb: megabytes of a transfer; huge: also 10 GB; all: measured values by what and who, for the plot."""

    def __init__(self, stand, rounds, mb, huge):
        self.stand, self.rounds, self.mb, self.huge = stand, rounds, mb, huge
        self.all = collections.defaultdict(dict)
        self.resting = {}           # idle sessions whose wake-ups are counted meanwhile

    def size(self, who, mb=None):
        return int((mb or self.mb) * MB / (3 if who in PEERS and PEERS[who].slow else 1))

    def alternate(self, whos, measure, times=None):
        """{who: {key: [values]}} of measure(who), which gives {key: value}; without those who fail."""
        found = {who: collections.defaultdict(list) for who in whos}
        for i in range(times or self.rounds):
            for who in list(found) if i % 2 == 0 else reversed(list(found)):
                try:
                    measured = measure(who)
                except Failed as failed:
                    if who not in PEERS or who == OURS:
                        sys.exit(f"bench: {who}: {failed}")
                    say(f"goes on without {who}: {failed}")
                    del found[who]
                    continue
                for key, value in measured.items():
                    found[who][key].append(value)
        return found


def summary(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)} if values else None


class Line:
    """One line of the table.  Without a reference ours itself is compared with reach and aim."""

    def __init__(self, what, unit, ours, than=None, theirs=None, reach=None, aim=None, more=False, note=""):
        self.what, self.unit, self.than, self.reach, self.aim, self.more, self.note = (
            what, unit, than, reach, aim, more, note)
        self.ours = summary(ours if isinstance(ours, list) else [ours] if ours is not None else [])
        self.theirs = summary(theirs if isinstance(theirs, list) else [theirs] if theirs is not None else [])
        self.ratio = None
        if self.ours and self.theirs and self.theirs["median"]:
            self.ratio = self.ours["median"] / self.theirs["median"]
        self.verdict = self.judge()

    def judge(self):
        if self.ours is None or (self.than and self.theirs is None):
            return "not measured"
        value = self.ratio if self.than else self.ours["median"]
        if self.reach is None:
            return ""
        sign = -1 if self.more else 1
        good = [word for word, limit in (("aim", self.aim), ("reach", self.reach))
                if round(value, 2) * sign <= limit * sign]
        return good[0] if good else "missed"

    def as_dict(self):
        return dict(vars(self))


def best(found, whos, key):
    """Who of them has the highest median."""
    whos = [who for who in whos if who in found]
    return max(whos, key=lambda who: statistics.median(found[who][key])) if whos else None


# --- bytes ---

def transfers(run, way, whos):
    found = run.alternate(whos, lambda who: run.stand.transfer(who, WAYS[way], run.size(who)))
    for who in found:
        run.all[f"{way} MB/s"][who] = summary(found[who]["mb_s"])
        run.all[f"{way} CPU s/GB"][who] = summary(found[who]["cpu_s_gb"])
    return found


def both_speeds(run, way, reach, aim, cpu_reach, cpu_aim):
    found = transfers(run, way, there(*TRANSFERS))
    ours, limit = found[OURS], found.get(LIMIT, {})
    other = best(found, WEBSOCKETS, "mb_s")
    busy = statistics.median(ours["server_busy"])
    lines = [
        Line(way, "MB/s", ours["mb_s"], LIMIT, limit.get("mb_s"), reach, aim, more=True),
        Line(f"{way}, best WebSocket", "MB/s", ours["mb_s"], other or " or ".join(WEBSOCKETS),
             found[other]["mb_s"] if other else None, 2.5, 3.5, more=True),
        Line(f"{way}, CPU", "s/GB", ours["cpu_s_gb"], LIMIT, limit.get("cpu_s_gb"), cpu_reach, cpu_aim),
    ]
    lines += [Line(f"{way}, {who}", "MB/s", ours["mb_s"], who, found[who]["mb_s"])
              for who in found if who not in (OURS, LIMIT, other)]
    lines.append(Line(f"{way}, CPU, not in the kernel", "s/GB", ours["user_s_gb"], LIMIT, limit.get("user_s_gb")))
    lines.append(Line(f"{way}, the server's CPU", "%", busy * 100,
                      note="100: the server itself would be the limit"))
    return lines


@row
def send(run):
    return both_speeds(run, "send", 0.90, 1.00, 1.3, 1.0)


@row
def receive(run):
    return both_speeds(run, "receive", 1.50, 1.80, 0.7, 0.6)


@row
def both(run):
    """Both directions at once; the sum."""
    whos = there(OURS, LIMIT)
    found = run.alternate(whos, lambda who: run.stand.transfer(who, "both", run.size(who) // 2))
    return [Line("both directions at once", "MB/s", found[OURS]["mb_s"], LIMIT,
                 found.get(LIMIT, {}).get("mb_s"), more=True),
            Line("both directions at once, CPU", "s/GB", found[OURS]["cpu_s_gb"], LIMIT,
                 found.get(LIMIT, {}).get("cpu_s_gb"))]


@row
def frames(run):
    """receive: so many bytes a frame from the relay; send: a write of so many by ssh."""
    lines = []
    for kib in (1, 4, 16, 64, 256, 1024):
        for way, mode in WAYS.items():
            whos = there(OURS, LIMIT)
            found = run.alternate(whos, lambda who: run.stand.transfer(
                who, mode, run.size(who) // 4, frame=kib * 1024, block=kib * 1024))
            lines.append(Line(f"{way}, {kib} KiB each", "MB/s", found[OURS]["mb_s"], LIMIT,
                              found.get(LIMIT, {}).get("mb_s"), more=True))
    return lines


@row
def keys(run):
    """A byte there and back, 1,000 times."""
    def once(who):
        with Server(run.stand, PEERS[who].wire, "echo") as server:
            child = run.stand.session(who, "echo", server.port)
            near = run.stand.near(["keys", 1000], stdin=child.stdout, stdout=child.stdin)
            try:
                p50, p99 = map(float, near.communicate(timeout=HANG_S)[1].split())
            finally:
                end(near)
                end(child)
        return {"p50": p50, "p99": p99}

    whos = there(OURS, LIMIT, NO_TLS, "ncat", *WEBSOCKETS)
    found = run.alternate(whos, once)
    for who in found:
        run.all["keystroke p99 us"][who] = summary(found[who]["p99"])
    return [Line("keystroke p50", "us", found[OURS]["p50"], LIMIT, found.get(LIMIT, {}).get("p50")),
            Line("keystroke p99", "us", found[OURS]["p99"], LIMIT, found.get(LIMIT, {}).get("p99"), 1.2, 1.0)]


# --- starting ---

def begin(run, command, server, env=None):
    """Milliseconds from exec to the first SYN, to TLS being up, to the first byte."""
    child = run.stand.start([PIPE, "start", *command], server.port, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env or {})
    try:
        words = child.communicate(timeout=HANG_S)[1].split()
    finally:
        end(child)
    began, byte = float(words[-2]), float(words[-1])
    told = server.told()
    return {"syn": (told["accepted"] - began) * 1000, "tls": (told["established"] - began) * 1000,
            "byte": (byte - began) * 1000}


EMPTY_NAME = "empty program"


def commands(run, ports):
    made = {who: run.stand.command(who, "idle", ports[PEERS[who].wire]) for who in PEERS if who != CEILING}
    made["cached"] = run.stand.cached_command(ports["ws"])
    made[EMPTY_NAME] = [EMPTY, str(ports["tcp"])]
    return made


@contextlib.contextmanager
def three_servers(run):
    with Server(run.stand, "ws", "idle") as ws, Server(run.stand, "tls", "idle") as tls, \
         Server(run.stand, "tcp", "idle") as tcp:
        servers = {"ws": ws, "tls": tls, "tcp": tcp}
        yield servers, commands(run, {wire: server.port for wire, server in servers.items()})


def server_of(who, servers):
    return servers[PEERS[who].wire if who in PEERS else "tcp" if who == EMPTY_NAME else "ws"]


@row
def start(run):
    with three_servers(run) as (servers, command):
        def once(who):
            return begin(run, command[who], server_of(who, servers))

        quick = [*there(OURS, LIMIT, SAME_GROUP), EMPTY_NAME, "cached"]
        found = run.alternate(quick, once, run.rounds * STARTS)
        found.update(run.alternate(there("ncat", *WEBSOCKETS), once))
    run.all["first byte ms"] = {who: summary(found["cached" if who == OURS else who]["byte"])
                                for who in found if who in PEERS}
    limit = found.get(LIMIT, {})
    same = found.get(SAME_GROUP, {})
    return [Line("exec to first SYN", "ms", found[OURS]["syn"], EMPTY_NAME, found[EMPTY_NAME]["syn"], 1.3, 1.1),
            Line("exec to established", "ms", found[OURS]["tls"], SAME_GROUP, same.get("tls")),
            Line("exec to first byte, cached credential", "ms", found["cached"]["byte"], SAME_GROUP,
                 same.get("byte"), 1.5, 1.1),
            Line("exec to first byte, cached credential", "ms", found["cached"]["byte"], LIMIT, limit.get("byte"),
                 note="P-256: less work"),
            Line("exec to first byte, -r FILE", "ms", found[OURS]["byte"], SAME_GROUP, same.get("byte"))]


def cold_copy(folder, program):
    """Copies of a program and its libraries, which nobody else has mapped: (program, files, environment)."""
    os.makedirs(folder, exist_ok=True)
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    files = []
    for path in [program, *re.findall(r"=> (/\S+)", listed)]:
        files.append(shutil.copy(path, folder))
    for path in files:
        with open(path) as file:
            os.fsync(file.fileno())
    return files[0], files, {"LD_LIBRARY_PATH": folder}


@row
def cold(run):
    """As start, with program and libraries read from the disk."""
    place = os.path.join(TOP, "build", "cold")
    programs = {OURS: PROXY, EMPTY_NAME: EMPTY}
    if there(LIMIT):
        programs[LIMIT] = PEERS[LIMIT].program
    copies = {who: cold_copy(os.path.join(place, str(i)), path) for i, (who, path) in enumerate(programs.items())}
    try:
        with three_servers(run) as (servers, command):
            def once(who):
                program, files, env = copies[who]
                for path in files:
                    with open(path) as file:
                        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                return begin(run, [program, *command[who][1:]], server_of(who, servers), env)

            found = run.alternate(list(copies), once)
    finally:
        shutil.rmtree(place)
    return [Line("exec to first SYN, cold", "ms", found[OURS]["syn"], EMPTY_NAME, found[EMPTY_NAME]["syn"]),
            Line("exec to first byte, cold", "ms", found[OURS]["byte"], LIMIT,
                 found.get(LIMIT, {}).get("byte"))]


@row
def trips(run):
    """Network round trips to the first byte, counted by making each of them long."""
    long_s = 0.05
    with three_servers(run) as (servers, _):
        def once(who):
            server, took = servers[PEERS[who].wire], {}
            for rtt in (0, long_s):
                with delay.Forwarder(server.port, rtt) as way:
                    took[rtt] = begin(run, run.stand.command(who, "idle", way.port), server)["byte"]
            return took

        found = run.alternate(there(OURS, SAME_GROUP), once)
    # the least of each: what is beyond it is the machine
    trip = {who: (min(took[long_s]) - min(took[0])) / long_s / 1000 for who, took in found.items()}
    note = f", {LIMIT} {trip[SAME_GROUP]:.2f}" if SAME_GROUP in trip else ""
    return [Line("round trips to first byte", "", round(trip[OURS]), reach=3, aim=3,
                 note=f"measured {trip[OURS]:.2f}{note}")]


# --- memory and rest ---

@row
def memory(run):
    def once(who):
        with Server(run.stand, PEERS[who].wire, "idle") as server:
            child = run.stand.idle(who, server)
            try:
                time.sleep(0.2)         # it may still be tidying up
                return memory_kib(child.pid)
            finally:
                end(child)

    whos = there(OURS, LIMIT, "ncat", *WEBSOCKETS)
    found = run.alternate(whos, once, 3)
    for who in found:
        run.all["idle MB"][who] = summary([kib / 1024 for kib in found[who]["rss"]])
    run.all["idle KiB"] = found
    lines = []
    for key, words, reach, aim in (("rss", "resident memory, idle", 8, 6), ("pss", "proportional memory, idle",
                                   None, None), ("unique", "unique memory, idle", None, None)):
        ours = [kib / 1024 for kib in found[OURS].get(key, [])] or None
        theirs = [kib / 1024 for kib in found.get(LIMIT, {}).get(key, [])] or None
        lines.append(Line(words, "MB", ours, reach=reach, aim=aim, note=f"{LIMIT}: {statistics.median(theirs):.1f}"
                          if theirs else "" if ours else "only root can see it"))
    return lines


def settled(pid):
    """Resident KiB once it no longer changes."""
    before, same = -1, 0
    for _ in range(200):
        kib = rss_kib(pid)
        same = same + 1 if kib == before else 0
        if same == 10:
            break
        before = kib
        time.sleep(0.05)
    return kib


@row
def stalled(run):
    """The relay sends, and ssh does not read: memory beyond that of an idle session."""
    def once(who):
        kib = {}
        for mode in ("idle", "source"):
            with Server(run.stand, PEERS[who].wire, mode, 10**12) as server:
                child = (run.stand.idle(who, server) if mode == "idle" else
                         run.stand.session(who, mode, server.port, stderr=subprocess.DEVNULL))
                if mode == "source":
                    os.read(child.stdout.fileno(), 1)
                try:
                    kib[mode] = settled(child.pid)
                finally:
                    end(child)
        return {"mb": (kib["source"] - kib["idle"]) / 1024}

    found = run.alternate(there(OURS, LIMIT), once, 3)
    return [Line("growth with a stalled reader", "MB", found[OURS]["mb"], reach=0.5, aim=0,
                 note=f"{LIMIT}: {statistics.median(found[LIMIT]['mb']):.2f}" if LIMIT in found else "")]


@row
def many(run):
    """200 sessions at once."""
    n, lines = 200, []

    def once(who):
        with Server(run.stand, PEERS[who].wire, "idle") as server:
            children = []
            try:
                for _ in range(n):
                    children.append(run.stand.idle(who, server))
                time.sleep(0.5)
                seen = [memory_kib(child.pid) for child in children]
            finally:
                for child in children:
                    end(child)
        return {key: statistics.mean(kib[key] for kib in seen) / 1024 for key in seen[0]}

    found = {who: once(who) for who in there(OURS, LIMIT)}
    for key, words, reach, aim in (("unique", "unique", 1.5, 1.0), ("pss", "proportional", None, None)):
        other = found.get(LIMIT, {}).get(key)
        lines.append(Line(f"{words} memory of each of {n} sessions", "MB", found[OURS].get(key), reach=reach, aim=aim,
                          note=f"{LIMIT}: {other:.2f}" if other else "only root can see it"))
    return lines


REST_S = 60


def rest(run):
    """Begins what wake_ups ends: idle sessions, watched while other rows run."""
    for who in there(OURS, LIMIT, *WEBSOCKETS):
        server = Server(run.stand, PEERS[who].wire, "idle")
        child = run.stand.idle(who, server)
        run.resting[who] = server, child
    time.sleep(0.3)
    run.resting = {who: (server, child, time.monotonic(), wakeups(child.pid))
                   for who, (server, child) in run.resting.items()}


@row
def wake_ups(run):
    """Voluntary context switches a minute, of a session with nothing to do but a ping every 30 s."""
    found = {}
    for who, (server, child, began, before) in run.resting.items():
        time.sleep(max(0, began + REST_S - time.monotonic()))
        minutes = (time.monotonic() - began) // 30 / 2     # between two pings there is nothing
        found[who] = (wakeups(child.pid) - before) / minutes
        end(child)
        server.__exit__()
    note = ", ".join(f"{who}: {n:.0f}" for who, n in found.items() if who != OURS)
    return [Line("wake-ups a minute, idle", "", found[OURS], reach=4, aim=2, note=note)]


# --- how it grows ---

def a_gb(marks):
    """CPU seconds a GB of the next 1, 10, ... MB of a session, from its first megabyte on."""
    return {str(mb): (cpu - marks[0]) * 1000 / mb for mb, cpu in zip((1, 10, 100, 1000, 10_000), marks[1:])}


@row
def growth(run):
    """How CPU time grows with bytes, in a session that is up."""
    lines = []
    for way, mode in WAYS.items():
        def once(mb):
            return a_gb(run.stand.transfer(OURS, mode, (mb + 2) * MB)["marks"])

        found = run.alternate([1000], once)[1000]
        short = run.alternate([10], once, run.rounds * STARTS)[10]
        found.update(short)                         # more of them
        for mb in (1, 10, 100, 1000):
            lines.append(Line(f"{way} {mb} MB, CPU", "s/GB", found[str(mb)]))
        run.all[f"{way} CPU s/GB by MB"] = {mb: summary(values) for mb, values in found.items()}
        if run.huge:
            lines += ten_gb(run, way, mode, found["10"])
    return lines


def ten_gb(run, way, mode, of_ten):
    say(f"growth: {way} 10 GB")
    seen = []
    began = time.monotonic()

    def watch(pid):
        if time.monotonic() > began + 0.5:      # well beyond 10 MB
            seen.append(rss_kib(pid))

    marks = run.stand.transfer(OURS, mode, 10_002 * MB, watch=watch)["marks"]
    seen = [kib for kib in seen if kib > 0]
    return [Line(f"{way} 10 GB, CPU, against 10 MB", "s/GB", a_gb(marks)["10000"], "10 MB", of_ten, 1.05, 1.00),
            Line(f"{way} 10 GB, growth of memory", "MB", (max(seen) - seen[0]) / 1024, reach=0.5, aim=0)]


# --- end to end ---

CIPHER = "aes128-gcm@openssh.com"


def ssh_config(run, sshd, name, command):
    lines = {"User": whoami(), "ProxyCommand": command, "IdentityFile": sshd.path("user_key"), "IdentitiesOnly": "yes",
             "StrictHostKeyChecking": "no", "UserKnownHostsFile": "/dev/null", "BatchMode": "yes",
             "LogLevel": "ERROR", "Ciphers": CIPHER, "Compression": "no"}
    return run.stand.write(name, "Host bench\n" + "".join(f"    {k} {v}\n" for k, v in lines.items()))


@contextlib.contextmanager
def ways_in(run):
    """{who: an ssh_config whose host "bench" is a real sshd}, and a folder in memory."""
    sshd = Sshd(os.path.join(run.stand.folder, "sshd"))
    place = os.path.join("/dev/shm" if os.access("/dev/shm", os.W_OK) else run.stand.folder, f"bench.{os.getpid()}")
    os.mkdir(place, 0o700)
    try:
        with Server(run.stand, "ws", sshd.port) as ws, Server(run.stand, "tls", sshd.port) as tls:
            config = {OURS: ssh_config(run, sshd, "config.ours", run.stand.shell(OURS, "agent", ws.port))}
            if there(LIMIT):
                config[LIMIT] = ssh_config(run, sshd, "config.socat", run.stand.shell(LIMIT, "agent", tls.port))
            if shutil.which("nc"):
                config["nc"] = ssh_config(run, sshd, "config.nc", f"nc 127.0.0.1 {sshd.port}")
            yield config, place
    finally:
        shutil.rmtree(place)
        sshd.stop()
        shutil.rmtree(sshd.folder)


def fill_file(path, size):
    piece = os.urandom(MB)
    with open(path, "wb") as file:
        for _ in range(max(1, int(size) // MB)):
            file.write(piece)
    return os.path.getsize(path)


def timed(run, command):
    began = time.monotonic()
    done = run.stand.start(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = done.communicate(timeout=HANG_S)[1]
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: {said.decode(errors='replace')}")
    return time.monotonic() - began


def end_to_end(run, what, commands_of, **wanted):
    """commands_of(config, source, target) -> {label: command}"""
    lines = []
    with ways_in(run) as (configs, place):
        source, target = os.path.join(place, "source"), os.path.join(place, "target")
        os.mkdir(source)
        size = sum(fill_file(os.path.join(source, f"{i}"), run.mb * 2 * MB / 8) for i in range(8))
        for label, command in commands_of(source, target).items():
            def once(who):
                shutil.rmtree(target, ignore_errors=True)
                os.mkdir(target)
                seconds = timed(run, [word.replace("CONFIG", configs[who]) for word in command])
                if sum(entry.stat().st_size for entry in os.scandir(target)) != size:
                    raise Failed(f"{what}: not all arrived")
                return {"mb_s": size / MB / seconds}

            found = run.alternate(list(configs), once)
            for who in found:
                run.all[f"{label} MB/s"][who] = summary(found[who]["mb_s"])
            lines.append(Line(f"{label}, {size / MB / 1000:.1f} GB", "MB/s", found[OURS]["mb_s"], "nc",
                              found.get("nc", {}).get("mb_s"), more=True, **wanted))
            if LIMIT in found:
                lines.append(Line(f"{label}, {size / MB / 1000:.1f} GB", "MB/s", found[OURS]["mb_s"],
                                  LIMIT, found[LIMIT]["mb_s"], more=True))
    return lines


@row
def scp(run):
    return end_to_end(run, "scp", lambda source, target: {
        "scp there": ["sh", "-c", f"scp -q -F CONFIG {source}/* bench:{target}/"],
        "scp back": ["scp", "-q", "-F", "CONFIG", f"bench:{source}/*", f"{target}/"]}, reach=0.75, aim=0.90)


@row
def rsync(run):
    if not shutil.which("rsync"):
        return [Line("rsync", "MB/s", None, "nc")]
    return end_to_end(run, "rsync", lambda source, target: {
        "rsync there": ["rsync", "-a", "--whole-file", "-e", "ssh -F CONFIG", source + "/", f"bench:{target}/"]})


# --- what does not depend on time ---

@row
def syscalls(run):
    """Without those of the start: the difference of two sizes."""
    def count(who, mode, mb):
        path = os.path.join(run.stand.folder, "strace")
        run.stand.transfer(who, mode, mb * MB, wrap=["strace", "-f", "-c", "-o", path])
        with open(path) as file:
            return sum(int(words[3]) for words in map(str.split, file)
                       if len(words) >= 5 and words[0][0].isdigit() and words[-1] != "total")

    lines = []
    if not shutil.which("strace"):
        return [Line("system calls", "/MB", None)]
    for way, mode in WAYS.items():
        found = {who: [(count(who, mode, 144) - count(who, mode, 16)) / 128] for who in there(OURS, LIMIT)}
        lines.append(Line(f"system calls, {way}", "/MB", found[OURS], LIMIT, found.get(LIMIT)))
    return lines


def instructions(path):
    """{library or program: how many} in a file that callgrind wrote."""
    found, where, names, skip = collections.Counter(), "", {}, False
    with open(path) as file:
        for line in file:
            if line.startswith(("ob=", "cob=")):    # a name is told once, then its number
                number, _, name = line.split("=", 1)[1].strip().partition(" ")
                name = names.setdefault(number, name)
                if line.startswith("ob="):
                    where = os.path.basename(name).split(".so")[0]
            elif line.startswith("calls="):
                skip = True             # the next line is the cost of who is called
            elif line[:1].isdigit() or line[:1] in "+-*":
                if not skip:
                    found[where] += int(line.split()[1])
                skip = False
    return found


@row
def callgrind(run):
    """Instructions a MB, the difference of two sizes, and of a start, which is a session of one byte: where they are."""
    if not shutil.which("valgrind"):
        return [Line("instructions", "k/MB", None, note="no valgrind here")]

    def count(who, mode, size):
        path = os.path.join(run.stand.folder, "callgrind.out")
        run.stand.transfer(who, mode, size, wrap=[
            "valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={path}"])
        return instructions(path)

    lines = []
    for way, mode in WAYS.items():
        found = {}
        for who in there(OURS, LIMIT):
            a, b = count(who, mode, 2 * MB), count(who, mode, 10 * MB)
            found[who] = {name: (b[name] - a[name]) / 8000 for name in b}
        lines += by_library(f"instructions, {way}", "k/MB", found)
    found = {who: {name: n / 1000 for name, n in count(who, "source", 1).items()} for who in there(OURS, LIMIT)}
    return lines + by_library("instructions of a start", "k", found)


def by_library(what, unit, found):
    """Lines for all, for what is not encryption, and for each library that has a hundredth of it."""
    than = next((who for who in found if who != OURS), None)
    theirs = found.get(than, {})

    def line(words, value):
        return Line(f"{what}{words}", unit, value(found[OURS]), than, value(theirs) if theirs else None)

    whole = sum(found[OURS].values())
    return [line("", lambda of: sum(of.values())),
            line(", not libcrypto", lambda of: sum(of.values()) - of.get("libcrypto", 0)),
            *(Line(f"{what}, {name}", unit, n, note=f"{than}: {number(theirs.get(name, 0))}" if than else "")
              for name, n in sorted(found[OURS].items(), key=lambda item: -item[1]) if n > whole / 100)]
