"""A case, the client process that plays it, and the verdict.

Not here: the server's end (server.py).
"""

import collections
import fcntl
import json
import os
import re
import selectors
import socket
import struct
import subprocess
import termios
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Optional

import ws
from conformance.server import GOOD_HEAD, SUFFIX, WAIT_S
from harness import MODE, PROXY, SLOW, WRAP, clean_env, relay_info_text

IDENTIFICATION = b"SSH-2.0-arc_relay_proxy\r\n"
ANY = object()
CASE_S = 20 * SLOW      # no case takes so long: against a hang, not a measure


@dataclass
class Case:
    name: str
    script: Optional[Callable] = None   # script(peer), after the answer
    head: bytes = GOOD_HEAD             # the answer; {accept} is replaced
    answer: Optional[Callable] = None   # answer(peer), in place of head
    deaf: bool = False                  # the server reads only when the script says so
    tls: str = "1.3"
    # the client
    stdin: bytes = b""                  # kept open afterwards, unless:
    eof: bool = False
    echo: bool = False                  # what it delivers is given back to it
    held: bool = False                  # nobody reads its stdout until run.release()
    deadline: int = 60
    # the oracle
    out: bytes = b""                    # all that is delivered, exactly
    status: Any = 0                     # an exit status
    error: Optional[str] = None         # the id on stderr
    says: tuple = ()                    # words on stderr
    close: Any = 1000                   # code of the one Close that the client sends; None: none; ANY
    up: Any = b""                       # payload that arrived at the server, exactly; a predicate; ANY
    pongs: Any = field(default_factory=list)    # payloads, in order; ANY
    dials: Any = 1
    or_refused: bool = False            # it may also refuse the answer
    truncated: bool = False             # the client's last frame may be incomplete
    rss_mb: Optional[int] = None
    leaves_s: Optional[float] = 1.5     # how soon it ends when the script has; None: whenever
    least_s: float = 0
    most_s: float = CASE_S


def lost(name, script=None, **more):
    """A session that ends without a Close, after data."""
    return Case(name, script, **{"status": 74, "error": "E512", "close": None, **more})


def bad(name, script=None, **more):
    """A session that the client ends for a violation."""
    return Case(name, script, **{"status": 76, "error": "E512", "close": 1002, **more})


def refused(name, **more):
    """An answer that is no WebSocket's: not a frame is sent."""
    return Case(name, **{"status": 76, "error": "E607", "close": None, "deadline": 1, "leaves_s": None, **more})


class Run:
    """One case being played."""

    def __init__(self, case, number, server, folder):
        self.case = case
        self.number = number
        self.server = server
        self.folder = folder
        self.lock = threading.Lock()
        self.dials = 0
        self.peer = None
        self.served = threading.Event()
        self.trouble = []
        self.script_ended = 0
        self.out = bytearray()
        self.err = bytearray()
        self._out_changed = threading.Condition()
        self._inbox = collections.deque()   # from scripts: bytes for stdin, or None for its end
        self._to_stdin = bytearray(case.stdin)
        self._eof = case.eof
        self._held = case.held
        self.fed = 0                # bytes of stdin that the client's pipe has taken
        self.peak_mb = 0
        self._wake, self._woken = socket.socketpair()

    # --- for scripts ---

    def write(self, data):
        """ssh says something."""
        self._inbox.append(data)
        self._wake.send(b"w")

    def eof(self):
        """ssh ends."""
        self._inbox.append(None)
        self._wake.send(b"e")

    def release(self):
        """Somebody reads the client's stdout now."""
        self._held = False
        self._wake.send(b"r")

    def signal(self, number):
        self.child.send_signal(number)

    def note_memory(self):
        """The most that the client has used up to now, for rss_mb."""
        with open(f"/proc/{self.child.pid}/status") as file:
            self.peak_mb = int(re.search(r"VmHWM:\s*(\d+)", file.read())[1]) / 1024

    def wait_out(self, size, limit_s):
        with self._out_changed:
            if not self._out_changed.wait_for(lambda: len(self.out) >= size, limit_s):
                raise AssertionError(f"only {len(self.out)} of {size} bytes were delivered")

    def wait_full(self):
        """Until the client takes no more of its stdin."""
        self._wait_quiet(lambda: self.fed)

    def _wait_quiet(self, look):
        """Until what look() sees has stayed for a while.  Nothing announces this, and no verdict depends on it."""
        last, quiet, end = 0, 0, time.monotonic() + WAIT_S
        while quiet < 5 and time.monotonic() < end:
            time.sleep(0.02)
            now = look()
            quiet = quiet + 1 if now == last > 0 else 0
            last = now

    def wait_full_out(self):
        """Until the client has filled its stdout, and as likely its own buffers."""
        self._wait_quiet(lambda: struct.unpack("i", fcntl.ioctl(self.child.stdout, termios.FIONREAD, b"    "))[0])

    # --- playing ---

    def command(self):
        path = f"{self.folder}/info-{self.number}"
        name = f"case/{self.number}"
        self.server.runs["/$hc/" + name] = self
        with open(path, "w") as file:
            file.write(relay_info_text({"relay": {
                "namespaceName": "ns1", "namespaceNameSuffix": SUFFIX, "hybridConnectionName": name,
                "accessKey": "SharedAccessSignature sr=x", "expiresOn": int(time.time()) + 3600,
                "serviceConfigurationToken": "token"}}))
        return [*WRAP, PROXY, "--cloud-file", f"{self.folder}/cloud.json", "-r", path,
                "--connect-to", f"127.0.0.1:{self.server.ports[self.case.tls]}",
                "--deadline", str(self.case.deadline * SLOW)]

    def play(self):
        """Returns what is wrong, as a list of texts."""
        began = time.monotonic()
        self.child = subprocess.Popen(self.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, env=clean_env(self.folder), bufsize=0)
        try:
            finished = self._attend(began + CASE_S)
            try:
                self.child.wait(WAIT_S if finished else 0)
            except subprocess.TimeoutExpired:
                finished = False
        finally:
            if self.child.poll() is None:
                self.child.kill()
                self.child.wait()
            for file in (self.child.stdin, self.child.stdout, self.child.stderr, self._wake, self._woken):
                file.close()
        self.ended = time.monotonic()
        self.seconds = self.ended - began
        if not finished:
            self.trouble.append(f"it hung for {CASE_S} s")
        if self.dials and not self.served.wait(2 * WAIT_S):
            self.trouble.append("the server's script does not end")
        return Verdict(self).problems

    def _attend(self, end):
        """Serves the client's three pipes until it ends.  False if it does not."""
        stdin, stdout, stderr = self.child.stdin, self.child.stdout, self.child.stderr
        os.set_blocking(stdin.fileno(), False)
        with selectors.DefaultSelector() as waiting:
            def watch(file, mask, wanted):
                if wanted != (file in waiting.get_map()):
                    waiting.register(file, mask) if wanted else waiting.unregister(file)

            waiting.register(self._woken, selectors.EVENT_READ)
            out_open = err_open = True
            while out_open or err_open:
                if not stdin.closed:
                    watch(stdin, selectors.EVENT_WRITE, bool(self._to_stdin))
                    if self._eof and not self._to_stdin:
                        stdin.close()
                watch(stdout, selectors.EVENT_READ, out_open and not self._held)
                watch(stderr, selectors.EVENT_READ, err_open)
                events = waiting.select(max(0, end - time.monotonic()))
                if not events:
                    return False
                for file in (key.fileobj for key, _ in events):
                    if file is stdin:
                        self._feed()
                    elif file is stdout:
                        out_open = self._take()
                    elif file is stderr:
                        data = os.read(stderr.fileno(), 65536)
                        self.err += data
                        err_open = bool(data)
                    else:
                        self._read_inbox()
        return True

    def _read_inbox(self):
        self._woken.recv(64)
        while self._inbox:
            data = self._inbox.popleft()
            if data is None:
                self._eof = True
            else:
                self._to_stdin += data

    def _feed(self):
        try:
            with memoryview(self._to_stdin) as view:
                n = os.write(self.child.stdin.fileno(), view[:1 << 20])
            del self._to_stdin[:n]
            self.fed += n
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self._to_stdin.clear()
            self._eof = True

    def _take(self):
        data = os.read(self.child.stdout.fileno(), 1 << 18)
        with self._out_changed:
            self.out += data
            self._out_changed.notify_all()
        if self.case.echo:
            self._to_stdin += data
        if self.out.startswith(IDENTIFICATION):
            self._eof = True        # as ssh leaves when it is told to
        return bool(data)


class Verdict:
    """What is wrong with a run that has ended."""

    def __init__(self, run):
        self.run = run
        self.case = run.case
        self.problems = list(run.trouble)
        if self.case.or_refused and run.child.returncode != 0:
            self.case = replace(self.case, status=run.child.returncode, out=b"", close=None, dials=ANY,
                                error={75: "E510", 76: "E607"}.get(run.child.returncode, "E607"))
        self._end()
        self._stdout()
        self._stderr()
        self._frames()

    def check(self, good, text):
        if not good:
            self.problems.append(text)

    def same(self, what, got, wanted):
        if isinstance(wanted, (bytes, bytearray)) and len(wanted) > 200:
            self.check(got == wanted, f"{what}: {len(got)} bytes {bytes(got[:40])!r}.., "
                       f"not {len(wanted)}, first difference at {_difference(got, wanted)}")
        else:
            self.check(got == wanted, f"{what}: {got!r}, not {wanted!r}")

    def _end(self):
        run, case = self.run, self.case
        self.same("exit status", run.child.returncode, case.status)
        if case.dials is not ANY:
            self.same("dials", run.dials, case.dials)
        self.check(run.seconds <= case.most_s * SLOW, f"took {run.seconds:.1f} s")
        if case.leaves_s and run.script_ended:
            late = run.ended - run.script_ended
            self.check(late <= case.leaves_s * SLOW, f"ended only {late:.1f} s after the server's script")
        self.check(run.seconds >= case.least_s, f"took only {run.seconds:.1f} s")
        if case.rss_mb and not MODE:
            self.check(0 < run.peak_mb <= case.rss_mb, f"grew to {run.peak_mb:.0f} MB")

    def _stdout(self):
        """What was delivered; and, when that was nothing, the reason in SSH's own words."""
        out = bytes(self.run.out)
        if self.case.status == 0 or self.case.out:
            return self.same("stdout", out, self.case.out)
        if not out.startswith(IDENTIFICATION):
            return self.check(False, f"no last words on stdout: {out[:80]!r}")
        packet = out[len(IDENTIFICATION):]
        size, _, kind, _, length = struct.unpack("!IBBII", packet[:14])
        self.same("size of the last words", len(packet), 4 + size)
        self.same("SSH message", kind, 1)
        self.check(f"[{self.case.error}]".encode() in packet[14:14 + length], f"last words: {packet!r}")
        return None

    def _stderr(self):
        err = self.run.err.decode("utf-8", "backslashreplace")
        err = re.sub(r"(?m)^==\d+==.*\n", "", err)     # valgrind's; what matters is in the status
        if self.case.status == 0:
            return self.same("stderr", err, "")
        self.check(re.fullmatch(r"[\n -~]*", err), f"stderr is not plain: {err!r}")
        rows = []
        for line in err.splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                self.check(False, f"stderr: {line!r}")
        fatal = [row["msg"] for row in rows if row.get("level") == "fatal"]
        self.same("number of error messages", len(fatal), 1)
        for word in (f"[{self.case.error}]", *self.case.says):
            self.check(fatal and word in fatal[0], f"{word!r} is not in {err!r}")
        return None

    def _frames(self):
        peer, case = self.run.peer, self.case
        if peer is None:
            return self.check(case.dials in (0, ANY), "the client never dialled")
        for rule in peer.violations:
            self.check(False, f"the client broke a rule: {rule}")
        codes = [frame.close_code for frame in peer.frames if frame.opcode == ws.CLOSE]
        if case.close is not ANY:
            self.same("Close sent", codes, [] if case.close is None else [case.close])
        if callable(case.up):
            self.check(case.up(bytes(peer.data)), f"received from the client: {len(peer.data)} bytes that are wrong")
        elif case.up is not ANY:
            self.same("received from the client", bytes(peer.data), case.up)
        if case.pongs is not ANY:
            pongs = [bytes(frame.payload) for frame in peer.frames if frame.opcode == ws.PONG]
            self.check(pongs == case.pongs, f"pongs: {pongs[:20]!r}.., not {case.pongs[:20]!r}..")
        self.check(case.truncated or not peer.truncated, "the client's last frame is incomplete")
        return None


def _difference(a, b):
    """Where a and b, which are not the same, part."""
    at = next((i for i in range(0, len(a), 4096) if a[i:i + 4096] != b[i:i + 4096]), len(a))
    return next((i for i in range(at, min(len(a), len(b))) if a[i] != b[i]), min(len(a), len(b)))
