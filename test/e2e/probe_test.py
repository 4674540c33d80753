"""Goal: arc-relay-proxy --probe tells in one line of JSON how far a dial comes, and why no farther.

No byte of SSH is sent, the session is closed in order, and the kept last error stays that of a session.
proxy/prober.c, played by test/play/prober_play.c, runs many of them at once.
"""

import json
import os
import shutil
import socket
import subprocess
import threading

import tap
from harness import BUILD, HANG_S, PROXY, TOOL, WRAP, Fault, SshCase, deadline, free_port, wait_for
from faults import NO_LISTENERS, agent_refusal
from proxy import HttpProxy
import ws

PHASES = ["credential", "dns", "tcp", "proxy", "tls", "upgrade", "banner", "all"]


class Server:
    """A server on a port of its own that says what it is told, and notes what it hears."""

    def __init__(self, *pieces, end=True):
        self.pieces, self.end, self.heard = pieces, end, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with peer:
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    for piece in self.pieces:
                        peer.sendall(piece)
                    if self.end:
                        continue
                    while data := peer.recv(4096):
                        self.heard.append(data)
                except OSError:
                    pass


class Case(SshCase):
    def document(self, *args, status=0, **run):
        """The line of --probe, which must be the only one."""
        run.setdefault("stdin", subprocess.DEVNULL)
        child = self.proxy("--probe", *args, **run)
        out, err = child.communicate(timeout=HANG_S)
        self.assertEqual(child.returncode, status, out + err)
        self.assertEqual(out.count(b"\n"), 1, out)
        self.assertEqual(err, b"")
        return json.loads(out)

    def machine(self, name, **settings):
        self.emu.add_machine(name, **settings)
        self.addCleanup(self.emu.remove_machine, name)
        return self.emu.machine_id(name)

    def speaking(self, *pieces, **how):
        """The id of a machine whose port 22 says that."""
        self.server = Server(*pieces, **how)
        self.addCleanup(self.server.listener.close)
        return self.machine(f"speaker{self.server.port}", port=self.server.port)


class Probe(Case):
    def test_all_is_well(self):
        got = self.document(self.emu.machine_id("web01"))
        self.assertEqual((got["target"], got["port"], got["attempts"], got["error"]),
                         (self.emu.machine_id("web01"), 22, 1, None))
        self.assertRegex(got["banner"], r"^SSH-2\.0-OpenSSH_[ -~]+$")
        phases = got["phases"]
        self.assertEqual(list(phases), PHASES)
        self.assertEqual(phases["proxy"], 0)
        self.assertLessEqual(sum(phases[p] for p in PHASES[:-1]), phases["all"] + len(PHASES))

    def test_ends_in_order_and_sends_no_byte(self):
        rid = self.speaking(b"SSH-2.0-x\r\n", end=False)
        before = self.emu.count(who="relay", what="connect")
        self.document(rid)
        dial = self.emu.log.wait(who="relay", what="connect", n=before + 1)
        closed = self.emu.wait(who="relay", what="closed", id=dial["id"])
        self.assertEqual((closed["sender_code"], closed["bytes_up"]), (1000, 0), closed)
        self.assertEqual(self.server.heard, [])

    def test_relay_information_of_a_file(self):
        got = self.document("-r", self.info_file("web01"))
        self.assertEqual((got["target"], got["error"]), ("", None))

    def test_a_full_disk(self):
        with open("/dev/full", "wb") as full:
            child = self.proxy("--probe", self.emu.machine_id("web01"), stdin=subprocess.DEVNULL, stdout=full)
            child.stderr.read()
            self.assertEqual(child.wait(HANG_S), 74)
            child.stderr.close()

    def test_a_terminal(self):
        ours, theirs = os.openpty()
        child = self.proxy("--probe", self.emu.machine_id("web01"), stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        text = b""
        while not text.endswith(b"\n"):
            text += os.read(ours, 4096)
        self.assertEqual(child.wait(HANG_S), 0)
        os.close(ours)
        self.assertIn("OpenSSH", json.loads(text)["banner"])

    def test_waits_as_a_session_does(self):
        self.emu.faults.dial.extend([Fault("status", code=404, text=NO_LISTENERS)] * 2)
        got = self.document(self.emu.machine_id("web01"))
        self.assertEqual((got["attempts"], got["error"]), (3, None))
        self.assertGreater(got["phases"]["all"], 1500)

    def test_banners(self):
        for banner, *pieces in (("SSH-2.0-x y", b"Hello\r\n", b"SSH-2.0-x y\r\nmore"),
                                ("SSH-1.99-z", *(bytes([b]) for b in b"SSH-1.99-z\n")),
                                ("SSH-2.0-a?[31mb", b"x" * 5000 + b"\n", b"SSH-2.0-a\x1b[31mb\r\n")):
            with self.subTest(banner):
                got = self.document(self.speaking(*pieces, end=False))
                self.assertEqual((got["banner"], got["error"]), (banner, None))
                self.doCleanups()

    def refused(self, status, id, *words, args=None, retryable=False, **run):
        got = self.document(*(args or [self.emu.machine_id("web01")]), status=status, **run)
        self.assertIsNone(got["banner"])
        error = got["error"]
        self.assertEqual((error["id"], error["status"], error["retryable"]), (id, status, retryable), error)
        for word in words:
            self.assertIn(word, error["cause"])
        self.assertTrue(error["fix"] or status == 64)
        return got

    def test_no_ssh_server(self):
        for first, word in ((b"HTTP/1.1 400 Bad Request\r\n\r\n", '"HTTP/1.1 400 Bad Request??'),
                            (b"\x1b[2J\xff\x01", '"?[2J??"'), (b"\0SSH-2.0-x\r\n", '"?SSH-2.0-x??"'),
                            (b"Exceeded MaxStartups\r\n", "Exceeded MaxStartups"), (b"SSH-1.5-x\r\n", "SSH-1.5-x"),
                            (b"SSH-2.0-" + b"x" * 300, "SSH-2.0-xxx"), (b"y" * 80_000, "yyy"),
                            (b"line\n" * 1100, "line?line")):
            with self.subTest(word):
                self.refused(69, "E511", "port 22 of the machine", word, args=[self.speaking(first)])
                self.doCleanups()

    def test_silent(self):
        self.refused(69, "E511", "says nothing for", args=[self.speaking(end=False), *deadline(2)])

    def test_pings_without_end(self):
        def flood(conn):
            while True:
                conn.send_raw(ws.encode(ws.PING, b"x") * 1000)
        self.emu.faults.dial.append(Fault("serve", script=flood))
        self.refused(69, "E511", "says nothing for", args=[self.emu.machine_id("web01"), *deadline(2)])

    def test_cut(self):
        self.refused(69, "E507", "was cut before", args=[self.speaking()])

    def test_relay_and_agent_say_no(self):
        self.emu.faults.dial.extend([Fault("status", code=503, text=agent_refusal(22))] * 3)
        got = self.refused(69, "E505", "nothing listens on port 22", retryable=True)
        self.assertEqual(got["attempts"], 3)
        self.assertEqual(list(got["phases"]), [p for p in PHASES if p != "banner"])

    def test_nobody_there(self):
        got = self.refused(69, "E602", "Connection refused", retryable=True, port=free_port(),
                           args=[self.emu.machine_id("web01"), *deadline(1)])
        self.assertEqual(list(got["phases"]), ["credential", "dns", "proxy", "all"])

    def test_no_such_machine(self):
        got = self.refused(68, "E201", args=["nobody"])
        self.assertEqual((got["target"], got["attempts"]), ("nobody", 0))

    def test_wrong_options(self):
        for args in (["--nonsense"], ["-p", "0", "web01"], ["--"]):
            with self.subTest(args=args):
                self.assertEqual(self.refused(64, "", args=args)["attempts"], 0)

    def test_last_error_stays_that_of_a_session(self):
        self.run_proxy("nobody", input=b"x")
        kept = os.path.join(self.home, ".local/state/arc-relay/last-error")
        with open(kept) as file:
            before = file.read()
        self.refused(68, "E201", args=["somebody"])
        with open(kept) as file:
            self.assertEqual(file.read(), before)

    def test_ends_when_told_to_or_unread(self):
        for how in ("term", "unread"):
            with self.subTest(how):
                self.emu.faults.dial.append(Fault("stall"))
                child = self.proxy("--probe", self.emu.machine_id("web01"), stdin=subprocess.DEVNULL)
                wait_for(lambda: not list(self.emu.faults.dial), "no dial")
                if how == "term":
                    child.terminate()
                    out, _ = child.communicate(timeout=HANG_S)
                    self.assertIn("told to stop", json.loads(out)["error"]["cause"])
                else:
                    child.stdout.close()
                    child.stderr.read()
                self.assertEqual(child.wait(HANG_S), 75)
                child.stderr.close()


class Timings(Case):
    """At -v a session and a probe tell how long each phase took, when the server has spoken."""

    def lines(self, *options, ends=False):
        child = self.proxy("-v", *options, self.emu.machine_id("web01"), stdin=subprocess.PIPE)
        child.stdout.read() if ends else child.stdout.read(4)
        lines = child.communicate(timeout=HANG_S)[1].decode().splitlines()
        answer = [i for i, line in enumerate(lines) if "answer: 101" in line]
        self.assertEqual(len(answer), 1, lines)
        return lines[answer[0] + 1:]

    def test_session_and_probe(self):
        for options in ([], ["--probe"]):
            self.assertRegex(self.lines(*options)[0],
                             r"^arc-relay-proxy: dns \d+ tcp \d+ tls \d+ upgrade \d+ banner \d+ ms$")

    def test_the_banner_counts_from_the_101(self):
        self.emu.faults.dial.append(Fault("delay", seconds=1))
        self.assertRegex(self.lines()[0], r" upgrade 1\d\d\d banner \d{1,3} ms$")

    def test_without_a_banner(self):
        self.emu.faults.dial.append(Fault("close", code=1000, after=0))
        self.assertRegex(self.lines(ends=True)[0], r" tls \d+ upgrade \d+ ms$")

    def test_json(self):
        row = json.loads(self.lines("--log-json")[0])
        self.assertEqual(row["msg"].split()[0::2], ["dns", "tcp", "tls", "upgrade", "banner", "ms"])
        for name, ms in zip(row["msg"].split()[0::2], row["msg"].split()[1::2]):
            self.assertEqual(row[name], int(ms))

    def test_with_a_proxy(self):
        proxy = HttpProxy(self.emu.log, self.emu.threads).start()
        self.addCleanup(proxy.stop)
        proxy.routes["ns1.relay.emulated.test:443"] = self.emu.relay_port
        child = self.proxy("-v", "--probe", "--proxy", proxy.url, "-r", self.info_file("web01"),
                           options=["--cloud-file", self.emu.cloud_file], stdin=subprocess.DEVNULL)
        self.assertRegex(child.communicate(timeout=HANG_S)[1].decode(),
                         r": dns \d+ tcp \d+ proxy \d+ tls \d+ upgrade \d+ banner \d+ ms\n")


class Prober(Case):
    def setUp(self):
        super().setUp()
        self.bin = os.path.join(self.home, "bin")
        os.mkdir(self.bin)
        for program in (PROXY, TOOL, os.path.join(BUILD, "test/play/prober_play")):
            shutil.copy(program, self.bin)

    def play(self, *args, within=20, way=None, **run):
        run.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(WRAP + [self.bin + "/prober_play", "--cloud-file", self.emu.cloud_file, *(way or []),
                                        f"127.0.0.1:{self.emu.relay_port}", "22", str(within), *args],
                                env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **run)

    def lines(self, *args, **run):
        """What was found, by the target."""
        child = self.play(*args, **run)
        out, err = child.communicate(timeout=HANG_S)
        self.assertEqual(err, "")
        return {line.split()[0]: line for line in out.splitlines()}

    def test_many_at_once(self):
        rids = [self.machine(f"many{i}", port=self.sshd.port if i else 1) for i in range(8)]
        found = self.lines(*rids, "nobody")
        self.assertEqual(set(found), {*rids, "nobody"})
        for rid in rids[1:]:
            self.assertRegex(found[rid], r" attempts=1 all=\d+ tls=\d+ banner=\d+ \[SSH-2\.0-OpenSSH[^]]*\] 0 - $")
        self.assertRegex(found[rids[0]], r" attempts=3 all=\d+ tls=\d+ banner=-1 \[\] 69 retryable nothing listens")
        self.assertRegex(found["nobody"], r" attempts=0 all=\d+ tls=-1 banner=-1 \[\] 68 - no machine")

    def test_options_are_passed_on(self):
        rid = self.emu.machine_id("web01")
        self.assertIn("/no/such/file", self.lines(rid, way=["--ca-file", "/no/such/file"])[rid])
        self.assertIn(" 64 ", self.lines(rid, way=["--cloud", "AzureCloud"])[rid])

    def test_the_choice_of_a_credential_is_passed_on(self):
        for name, environment in (("environment", "managed-identity"), ("managed-identity", "")):
            self.env.update(PLAY_CREDENTIAL=name, AZURE_TOKEN_CREDENTIALS=environment)
            found = self.lines(self.emu.machine_id("web01"), within=5)[self.emu.machine_id("web01")]
            self.assertIn("OpenSSH" if name == "environment" else " 67 ", found)

    def test_stop(self):
        self.emu.faults.dial.append(Fault("stall"))
        child = self.play("stop", self.emu.machine_id("web01"), stdin=subprocess.PIPE)
        pid = int(child.stdout.readline())
        wait_for(lambda: not list(self.emu.faults.dial), "no dial")
        child.communicate("", timeout=HANG_S)
        self.assertFalse(os.path.exists(f"/proc/{pid}"))
        self.assertEqual(child.returncode, 0)

    def test_an_end_without_an_answer(self):
        for text, says in (("exit 3", "status 3"), ("kill -9 $$", "signal 9"), ("echo nonsense", "status 0"),
                           ("yes", "signal")):
            with self.subTest(text):
                with open(self.bin + "/arc-relay-proxy", "w") as file:
                    file.write("#!/bin/sh\n" + text)
                self.assertIn("70 - arc-relay-proxy ended without an answer (" + says, self.lines("x")["x"])

    def test_not_there(self):
        os.unlink(self.bin + "/arc-relay-proxy")
        child = self.play("x")
        self.assertIn("E109 cannot start", child.communicate(timeout=HANG_S)[0])


if __name__ == "__main__":
    tap.main()
