"""The Arc agent of one machine: a listener of the relay that dials localhost.

It keeps a control channel open, and for each `accept` checks the target and the
service configuration token, dials the port, then the rendezvous, and copies
bytes. It is a client like any other: real TLS, real masked frames.
Not here: the relay's side of all that.
"""

import base64
import json
import os
import socket
import threading
import time
import urllib.parse
import uuid

import ws
from faults import agent_refusal
from tlsio import TlsConn
from tokens import read_jwt

READ_SIZE = 65536
FIRST_RETRY, LAST_RETRY = 0.05, 1.0


class Reject(Exception):
    def __init__(self, status, text):
        super().__init__(text)
        self.status = status
        self.text = text


class Agent:
    """start() connects the control channel and keeps it; stop() is the machine going away."""

    def __init__(self, machine, world):
        self.machine = machine
        self._world = world         # the Emulator: ports, keys, log, threads, faults
        self._log = world.log
        self._threads = world.threads
        self._lock = threading.Lock()
        self._generation = 0        # stop() makes running control loops stale
        self._conns = set()
        self.listening = threading.Event()

    # --- control channel ---

    def start(self, delay=0.0):
        with self._lock:
            self._generation += 1
            generation = self._generation
        self._threads.spawn(self._control_loop, generation, delay, name=f"agent-{self.machine.name}")

    def stop(self):
        """Drop the control channel and every session at once."""
        with self._lock:
            self._generation += 1
            conns = list(self._conns)
        self.listening.clear()
        for conn in conns:
            conn.kill()

    def _current(self, generation):
        return generation == self._generation and not self._threads.stopping.is_set()

    def _control_loop(self, generation, delay):
        retry = FIRST_RETRY
        if not self._threads.sleep(delay):
            return
        while self._current(generation):
            try:
                self._control(generation)
                retry = FIRST_RETRY
            except OSError as error:
                self._log.add("agent", "control-failed", machine=self.machine.name, error=str(error))
            finally:
                self.listening.clear()
            if not self._threads.sleep(retry):
                return
            retry = min(retry * 2, LAST_RETRY)

    def _control(self, generation):
        world, path = self._world, self.machine.entity
        with self._lock:
            if not self._current(generation):
                return              # the endpoint may be gone: do not register it again
            world.relay.add_entity(path)
        token = world.rules.mint(world.rules.listener, f"http://{world.relay.host}/{path}/", world.clock.now() + 3600)
        conn, status, reason = self._upgrade(
            world.relay.host, f"/$hc/{path}?sb-hc-action=listen&sb-hc-id={uuid.uuid4()}",
            [("ServiceBusAuthorization", token)])
        try:
            if status != 101:
                raise OSError(f"listen refused: {status} {reason}")
            self._log.add("agent", "listening", machine=self.machine.name)
            if self._current(generation):
                self.listening.set()
                self._read_control(conn)
        finally:
            self._forget(conn)

    def _read_control(self, conn):
        reader = ws.FrameReader(conn, self._violation, from_client=False)
        while True:
            frame = reader.next()
            if frame is None:
                return
            if frame.opcode == ws.PING:
                conn.sendall(ws.encode_masked(ws.PONG, bytes(frame.payload)))
            elif frame.opcode == ws.CLOSE:
                conn.sendall(ws.encode_masked(ws.CLOSE, bytes(frame.payload)))
                return
            elif frame.opcode == ws.TEXT:
                message = json.loads(bytes(frame.payload))
                if "accept" in message:
                    self._threads.spawn(self._accept, message["accept"], name="agent-accept")

    def _violation(self, rule, detail):
        self._log.add("agent", "violation", rule=rule, detail=detail, machine=self.machine.name)

    # --- one session ---

    def _accept(self, accept):
        self._log.add("agent", "accept", machine=self.machine.name, id=accept["id"], message=accept)
        faults = self._world.faults.agent.take()
        delay = self.machine.accept_delay + sum(f.seconds for f in faults if f.kind == "delay")
        if any(fault.kind == "ignore" for fault in faults) or not self._threads.sleep(delay):
            return
        tcp = None
        try:
            for fault in faults:
                if fault.kind == "reject":
                    raise Reject(fault.code, fault.text)
            drop = any(fault.kind == "drop" for fault in faults)
            port = self._allowed_port(accept["connectHeaders"])
            drop = drop or port is None
            tcp = None if drop else self._dial(port)
            self._rendezvous(accept, tcp)
        except Reject as reject:
            self._reject(accept, reject)
        finally:
            if tcp:
                tcp.close()

    def _allowed_port(self, connect_headers):
        """The port that the sender may have; None if the machine then accepts and drops."""
        headers = {name.lower(): value for name, value in connect_headers.items()}
        host, _, port = headers.get("microsoft-guestgateway-target", "").rpartition(":")
        if host != "localhost" or not port.isdigit():
            raise Reject(400, "the target header is missing or does not name localhost and a port")
        problem = self._port_problem(int(port), headers.get("service-configuration-token"))
        if problem and self.machine.on_forbidden == "drop":
            return None
        if problem:
            raise Reject(403, problem)
        return int(port)

    def _port_problem(self, port, token):
        machine = self.machine
        if machine.incoming_ports is not None and port not in machine.incoming_ports:
            return f"port {port} is not in incomingconnections.ports of the agent"
        if not machine.require_token:
            return None
        if token is None:
            return "the service configuration token is missing"
        claims = read_jwt(token, self._world.service_key, self._world.clock.now())
        if claims is None or claims.get("machine") != machine.rid.lower():
            return "the service configuration token is not valid"
        if claims.get("port") != port:
            return f"port {port} is not the port {claims.get('port')} of the service configuration"
        return None

    def _dial(self, port):
        real = self.machine.port_map.get(port, port)
        try:
            tcp = socket.create_connection(("127.0.0.1", real), timeout=10)
        except OSError:
            self._log.add("agent", "refused", machine=self.machine.name, port=port)
            raise Reject(503, agent_refusal(port)) from None
        tcp.settimeout(None)
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._log.add("agent", "dialled", machine=self.machine.name, port=port, real_port=real)
        return tcp

    def _reject(self, accept, reject):
        self._log.add("agent", "reject", machine=self.machine.name, status=reject.status, text=reject.text)
        address = (f"{accept['address']}&sb-hc-statusCode={reject.status}"
                   f"&sb-hc-statusDescription={urllib.parse.quote(reject.text, safe='')}")
        conn, status, _ = self._upgrade(*_split(address))
        self._forget(conn)
        self._log.add("agent", "rejected", machine=self.machine.name, status=status)

    def _rendezvous(self, accept, tcp):
        conn, status, reason = self._upgrade(*_split(accept["address"]))
        try:
            self._log.add("agent", "rendezvous", machine=self.machine.name, id=accept["id"], status=status)
            if status == 101 and tcp:
                Session(conn, tcp, self.machine.half_close, self._violation, self._threads).run()
        finally:
            self._forget(conn)

    # --- connections ---

    def _upgrade(self, host, target, headers=()):
        """Dial the relay and ask for a WebSocket: (connection, status, reason phrase)."""
        sock = socket.create_connection(("127.0.0.1", self._world.relay_port))
        conn = TlsConn(sock, self._world.client_context, host)
        with self._lock:
            self._conns.add(conn)
        try:
            conn.handshake()
            lines = [f"GET {target} HTTP/1.1", f"Host: {host}", "Connection: Upgrade", "Upgrade: websocket",
                     "Sec-WebSocket-Version: 13",
                     f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}"]
            lines += [f"{name}: {value}" for name, value in headers]
            conn.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            status_line = (conn.read_until(b"\r\n\r\n", 16384) or b"").decode("latin-1").split("\r\n")[0]
            _, status, reason = (status_line + "  ").split(" ", 2)
            return conn, int(status), reason.strip()
        except (OSError, ValueError):
            self._forget(conn)
            raise OSError("the relay did not answer") from None

    def _forget(self, conn):
        with self._lock:
            self._conns.discard(conn)
        conn.close()


def _split(address):
    """(host, path and query) of a wss address."""
    host_port, _, rest = address.removeprefix("wss://").partition("/")
    return host_port.partition(":")[0], "/" + rest


class Session:
    """Bytes between a TCP connection and a data WebSocket."""

    def __init__(self, conn, tcp, half_close, report, threads):
        self._conn = conn
        self._tcp = tcp
        self._half_close = half_close
        self._reader = ws.FrameReader(conn, report, from_client=False)
        self._threads = threads
        self._lock = threading.Lock()
        self._closed = False

    def run(self):
        down = self._threads.spawn(self._tcp_to_ws, name="agent-down")
        try:
            self._ws_to_tcp()
        except OSError:
            pass
        if not self._half_close:
            _shutdown(self._tcp, socket.SHUT_RDWR)
        down.join()
        self._conn.finish()

    def _tcp_to_ws(self):
        buffer = bytearray(READ_SIZE)
        try:
            while n := self._tcp.recv_into(buffer):
                self._send(ws.BINARY, buffer[:n])
        except OSError:
            pass
        self._close(1000)

    def _ws_to_tcp(self):
        while True:
            frame = self._reader.next()
            if frame is None:
                return _shutdown(self._tcp, socket.SHUT_RDWR)
            if frame.opcode == ws.PING:
                self._send(ws.PONG, bytes(frame.payload))
            elif frame.opcode == ws.CLOSE:
                return self._peer_closed(frame)
            elif frame.opcode in (ws.BINARY, ws.TEXT, ws.CONT) and not self._closed:
                self._to_tcp(frame.payload)

    def _to_tcp(self, payload):
        try:
            self._tcp.sendall(payload)
        except OSError:
            self._close(1000)       # the service is gone; what still comes is read and dropped

    def _peer_closed(self, frame):
        if self._half_close:
            _shutdown(self._tcp, socket.SHUT_WR)    # _tcp_to_ws goes on and closes at the end
        else:
            self._close(frame.close_code)
            _shutdown(self._tcp, socket.SHUT_RDWR)

    def _send(self, opcode, payload):
        with self._lock:
            if not self._closed:
                self._conn.sendall(ws.encode_masked(opcode, payload))

    def _close(self, code):
        with self._lock:
            if self._closed:
                return
            self._closed = True
            try:
                self._conn.sendall(ws.encode_masked(ws.CLOSE, ws.close_payload(code)))
            except OSError:
                pass


def _shutdown(sock, how):
    try:
        sock.shutdown(how)
    except OSError:
        pass
