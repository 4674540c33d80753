"""Goal: no byte is lost and no process stays behind, however a session ends.

ssh goes away at any moment, the relay goes away at any moment, a reader stops.
"""

import fcntl
import hashlib
import os
import select
import signal
import subprocess
import termios
import time

import tap
from harness import HANG_S, MODE, SLOW, EmulatorCase, Fault, SshCase, scaled, wait_for

MB = 1 << 20


def memory_kb(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


class Case(EmulatorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.emu.add_machine("echo", service="echo")
        cls.emu.add_machine("sink", service="sink")
        cls.emu.add_machine("tcp", service="tcp")
        cls.emu.add_machine("source", service=f"source:{scaled(30 * MB, 3 * MB)}")

    def open_session(self, machine="tcp", **popen):
        """A session whose far end the test holds.  Returns (process, socket)."""
        child = self.proxy("-r", self.info_file(machine), **popen)
        far = self.emu.service(machine).accept(HANG_S)
        far.sendall(b"!")   # when this comes, the session is open
        self.assertEqual(child.stdout.read(1), b"!")
        return child, far

    def ended(self, child, within_s=HANG_S):
        """Waits for its end.  Returns the seconds that took."""
        began = time.monotonic()
        child.wait(within_s)
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe and not pipe.closed:
                pipe.close()
        return time.monotonic() - began


class SshLeaves(Case):
    def test_one_byte_from_printf_arrives(self):
        """printf x | arc-relay-proxy: the writer is gone before the session is open."""
        child = self.proxy("-r", self.info_file("tcp"))
        child.stdin.write(b"x")
        child.stdin.close()
        far = self.emu.service("tcp").accept(HANG_S)
        self.assertEqual(far.recv(10), b"x")
        self.assertEqual(far.recv(10), b"")
        self.ended(child)
        self.assertEqual(child.returncode, 0)

    def test_nobody_reads_stderr(self):
        """It stays open and is full: ssh is told, and the program goes."""
        ours, theirs = os.pipe()
        self.addCleanup(os.close, ours)
        os.set_blocking(theirs, False)
        for size in (4096, 1):
            try:
                while True:
                    os.write(theirs, b"x" * size)
            except BlockingIOError:
                pass
        os.set_blocking(theirs, True)
        child = self.proxy("web01", options=["--cloud-file", self.home + "/none"], stderr=theirs)
        os.close(theirs)
        self.assertIn(b"cannot read", child.stdout.read1())
        child.stdin.close()
        self.ended(child)

    def test_end_of_stdin_sends_everything_then_close_1000(self):
        data = os.urandom(scaled(8 * MB, MB) + 13)
        before = self.emu.count(what="sink")
        status, out, err = self.run_proxy("-r", self.info_file("sink"), input=data)
        self.assertEqual((status, out, err), (0, b"", ""))
        row = self.emu.log.wait(what="sink", n=before + 1)
        self.assertEqual(row["sha256"], hashlib.sha256(data).hexdigest())
        last = self.emu.log.find(who="relay", what="connect")[-1]["id"]
        closed = self.emu.log.wait(who="relay", what="closed", id=last)
        self.assertEqual(closed["sender_code"], 1000)

    def test_leaves_when_stdin_ends_before_the_session_is_open(self):
        self.emu.faults.dial.append(Fault("stall"))
        child = self.proxy("-r", self.info_file("echo"))
        wait_for(lambda: self.emu.faults.dial == [] or not list(self.emu.faults.dial), "no dial")
        dials = self.emu.count(who="relay", what="connect")
        child.stdin.close()
        self.assertLess(self.ended(child), 0.25 * SLOW)
        self.assertEqual(child.returncode, 0)
        self.assertEqual(self.emu.count(who="relay", what="connect"), dials)

    def test_leaves_on_signals_while_waiting_for_a_listener(self):
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                self.emu.faults.dial.extend([Fault("status", code=404, text="Endpoint does not exist")] * 9)
                dials = self.emu.count(who="relay", what="connect")
                child = self.proxy("-r", self.info_file("echo"))
                self.emu.log.wait(who="relay", what="connect", n=dials + 1)
                child.send_signal(number)
                self.assertLess(self.ended(child), 0.25 * SLOW)
                self.assertEqual(child.returncode, 0)
                self.emu.faults.dial.clear()

    def test_reader_gone_while_idle(self):
        child, far = self.open_session()
        child.stdout.close()
        self.assertLess(self.ended(child), 0.5 * SLOW)
        self.assertEqual(child.returncode, 0)
        self.assertEqual(far.recv(1), b"")

    def test_reader_gone_under_load(self):
        child = self.proxy("-r", self.info_file("source"))
        self.assertEqual(len(child.stdout.read(100_000)), 100_000)
        child.stdout.close()
        self.assertLess(self.ended(child), 0.5 * SLOW)
        self.assertEqual(child.returncode, 0)

    def test_sighup_with_bytes_on_their_way(self):
        child, far = self.open_session()
        data = os.urandom(200_000)
        os.set_blocking(child.stdin.fileno(), True)
        child.stdin.write(data)
        child.stdin.flush()
        child.send_signal(signal.SIGHUP)
        got = b""
        while piece := far.recv(65536):
            got += piece
        self.assertEqual(got, data)
        self.ended(child)
        self.assertEqual(child.returncode, 0)

    def test_idle_session_answers_signals(self):
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                child, far = self.open_session()
                child.send_signal(number)
                self.ended(child)
                self.assertEqual((child.returncode, far.recv(1)), (0, b""))

    def test_reply_after_the_end_of_stdin_is_delivered(self):
        """The relay keeps the way back open while our Close is on its way."""
        def script(conn):
            frames = []
            while True:
                frame = conn.recv_frame()
                if frame.opcode == 8:
                    break
                frames.append(frame)
            conn.send_frame(2, b"late reply")
            conn.send_close(1000)

        self.emu.faults.dial.append(Fault("serve", script=script))
        status, out, err = self.run_proxy("-r", self.info_file("echo"), input=b"request")
        self.assertEqual((status, out, err), (0, b"late reply", ""))


class RelayLeaves(Case):
    def bytes_before(self, fault, size):
        """Downloads under the fault.  Returns (status, bytes that came, stderr)."""
        self.emu.faults.dial.append(fault)
        child = self.proxy("-r", self.info_file("source"))
        digest, count = hashlib.sha256(), 0
        while piece := child.stdout.read(1 << 20):
            digest.update(piece)
            count += len(piece)
        err = child.stderr.read().decode()
        self.ended(child)
        self.assertEqual(count, size)
        self.assertEqual(digest.hexdigest(), self.emu.source_sha256(size))
        return child.returncode, err

    SIZE = scaled(30 * MB, 3 * MB)

    def test_download_cut_by_rst_delivers_all_that_was_sent(self):
        for size in (1, 70_000, self.SIZE - 1):
            with self.subTest(size=size):
                status, err = self.bytes_before(Fault("rst", after=size), size)
                self.assertEqual(status, 74)
                self.assertIn("[E512]", err)

    def test_download_cut_by_fin(self):
        for close_notify in (False, True):
            with self.subTest(close_notify=close_notify):
                status, err = self.bytes_before(
                    Fault("fin", after=100_001, close_notify=close_notify), 100_001)
                self.assertEqual(status, 74)
                self.assertIn("without a word", err)

    def test_lost_in_the_middle_of_a_frame(self):
        status, err = self.bytes_before(Fault("half-frame", after=50_000, total=5000, sent=100), 50_100)
        self.assertEqual(status, 74, err)

    def test_close_codes(self):
        for code, status, word in ((1000, 0, ""), (1001, 74, "1001"), (1008, 74, "expired"),
                                   (1011, 74, "1011")):
            with self.subTest(code=code):
                got, err = self.bytes_before(Fault("close", code=code, reason="why", after=10_000), 10_000)
                self.assertEqual(got, status, err)
                self.assertIn(word, err)

    def test_close_while_stdin_stays_open(self):
        child, far = self.open_session()
        far.sendall(b"bye")
        far.close()
        self.assertEqual(child.stdout.read(), b"bye")
        self.assertLess(self.ended(child), 1 * SLOW)
        self.assertEqual(child.returncode, 0)

    def test_slow_reader_gets_all_after_the_relay_closed(self):
        child = self.proxy("-r", self.info_file("source"))
        digest, count = hashlib.sha256(), 0
        while piece := child.stdout.read1(16384):
            digest.update(piece)
            count += len(piece)
            if count % (1 << 18) < 16384:
                select.select([], [], [], 0.01)
        self.assertEqual((count, digest.hexdigest()), (self.SIZE, self.emu.source_sha256(self.SIZE)))
        self.ended(child)
        self.assertEqual(child.returncode, 0)


class Stopped(Case):
    def on_the_way(self):
        """Bytes between us and the relay that the system keeps, when that has settled."""
        port = f":{self.emu.relay_port:04X}"

        def count():
            with open("/proc/net/tcp") as file:
                rows = [row.split() for row in file.readlines()[1:]]
            return sum(int(n, 16) for row in rows if port in (row[1][-5:], row[2][-5:])
                       for n in row[4].split(":"))
        seen = [-1]
        wait_for(lambda: seen.append(count()) or seen[-1] == seen[-2], "it does not settle")
        return seen[-1]

    def test_what_the_connection_did_not_take_goes_out_later(self):
        """The last bytes wait in our own buffer, and nothing else happens meanwhile."""
        child, far = self.open_session()
        size, before, now = 0, 0, 0
        while before == 0 or now > before:      # the relay still reads, or the system takes more
            child.stdin.write(bytes(30_000))
            child.stdin.flush()
            size += 30_000
            wait_for(lambda: fcntl.ioctl(child.stdin, termios.FIONREAD, b"1234") == bytes(4), "it does not read")
            before, now = now, self.on_the_way()
        far.settimeout(HANG_S)
        while size > 0:
            size -= len(far.recv(MB))
        far.close()
        self.ended(child)

    def test_reader_stopped_for_30_s(self):
        """Back-pressure: memory does not grow, the CPU rests, nothing is lost."""
        size = scaled(200 * MB, 20 * MB)
        self.emu.add_machine("much", service=f"source:{size}")
        child = self.proxy("-r", self.info_file("much"))
        digest = hashlib.sha256(child.stdout.read(65536))
        count = 65536
        before_kb, before_cpu = memory_kb(child.pid), self.cpu_s(child.pid)
        time.sleep(30)
        self.assertLess(memory_kb(child.pid) - before_kb, 1024 * SLOW)
        self.assertLess(self.cpu_s(child.pid) - before_cpu, 0.5 * SLOW)
        while piece := child.stdout.read(1 << 20):
            digest.update(piece)
            count += len(piece)
        self.assertEqual((count, digest.hexdigest()), (size, self.emu.source_sha256(size)))
        self.ended(child)
        self.assertEqual(child.returncode, 0)

    def cpu_s(self, pid):
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_stopped_helper_goes_on(self):
        child, far = self.open_session()
        far.sendall(b"before")
        self.assertEqual(child.stdout.read(6), b"before")
        child.send_signal(signal.SIGSTOP)
        far.sendall(b"meanwhile")
        select.select([], [], [], 1)
        child.send_signal(signal.SIGCONT)
        self.assertEqual(child.stdout.read(9), b"meanwhile")
        child.stdin.close()
        self.ended(child)
        self.assertEqual(child.returncode, 0)

    def test_peer_that_never_reads(self):
        self.emu.faults.dial.append(Fault("never-read"))
        child = self.proxy("-r", self.info_file("echo"))
        os.set_blocking(child.stdin.fileno(), False)
        sent = 0
        while select.select([], [child.stdin], [], 3)[1]:
            try:
                sent += os.write(child.stdin.fileno(), bytes(65536))
            except BlockingIOError:
                continue
            self.assertLess(sent, 100 * MB, "nothing ever stopped the writer")
        child.send_signal(signal.SIGHUP)
        self.assertLess(self.ended(child), 5 * SLOW)


class KilledSsh(SshCase):
    def test_no_process_stays_when_ssh_is_killed(self):
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                ssh = subprocess.Popen(["ssh", "-F", self.ssh_config(), "arc", "echo up; exec sleep 600"],
                                       env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL)
                self.assertEqual(ssh.stdout.readline(), b"up\n")
                helpers = self.children(ssh.pid)
                self.assertTrue(helpers)
                ssh.send_signal(number)
                ssh.wait()
                began = time.monotonic()
                wait_for(lambda: not any(os.path.exists(f"/proc/{pid}/exe") and alive(pid)
                                         for pid in helpers), "a helper stayed")
                if not MODE:
                    self.assertLess(time.monotonic() - began, 1)
                ssh.stdin.close()
                ssh.stdout.close()

    def children(self, pid):
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    tap.main()
