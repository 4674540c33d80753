"""The relay: listen, connect, accept and reject of Azure Relay Hybrid Connections.

The rules are those of arc-relay-protocol(7): refusals speak in the reason
phrase, a rendezvous is good once and for 30 s, a rejection answers the listener
with 410 and the sender with the listener's words.
Not here: data flow after the handshake (bridge.py), faults on it (shaping.py).
"""

import itertools
import json
import threading
import time
import urllib.parse

import faults as F
import ws
from bridge import Bridge, Leg, ScriptConn
from httpd import REASONS, BadRequest, read_head
from shaping import Down
from tlsio import Gone
from tokens import LISTEN, SEND, Refused
from upgrade import Call, refusal_head

HC_LISTENER_LIMIT = 25


class Pending:
    """A sender that waits for a listener to dial its rendezvous."""

    def __init__(self, ident):
        self.ident = ident
        self.answered = threading.Event()   # a listener came, or never will
        self.joined = threading.Event()     # the sender's thread has decided
        self.taken = False
        self.listener = None                # the Leg of the listener that accepted
        self.bridge = None
        self.refusal = None                 # (status, text) of the listener that rejected


class Entity:
    """A registered hybrid connection and its connected listeners."""

    def __init__(self, path):
        self.path = path
        self.listeners = []
        self.turn = itertools.count()

    def next_listeners(self):
        """All listeners, each time beginning with another one."""
        start = next(self.turn)
        return [self.listeners[(start + i) % len(self.listeners)] for i in range(len(self.listeners))]


class Relay:
    """One relay namespace. serve(conn) handles one TLS connection after its handshake."""

    def __init__(self, host, node_host, rules, faults, threads, log):
        self.host = host
        self.node_host = node_host
        self.rules = rules
        self.accept_timeout = 30.0
        self.wake = lambda path: None       # called when a sender dials what nobody listens on
        self._faults = faults
        self._threads = threads
        self._log = log
        self._entities = {}
        self._pending = {}
        self._lock = threading.Lock()
        self._seen_ids = set()
        self._seen_keys = set()

    # --- entities ---

    def add_entity(self, path):
        with self._lock:
            self._entities.setdefault(path.lower(), Entity(path))

    def remove_entity(self, path):
        with self._lock:
            entity = self._entities.pop(path.lower(), None)
        for leg in entity.listeners if entity else []:
            leg.send_close(1001, "The hybrid connection was deleted")
            leg.conn.finish()

    def _find_entity(self, path):
        """(entity, rest of the path): a sender may add a suffix to the name."""
        parts = path.split("/")
        with self._lock:
            for n in range(len(parts), 0, -1):
                entity = self._entities.get("/".join(parts[:n]).lower())
                if entity:
                    return entity, "/".join(parts[n:])
        return None, ""

    # --- one request ---

    def serve(self, conn):
        try:
            request = read_head(conn)
            if request is None:
                self._log.add("relay", "no-request", how=conn.ended_by)
                return
            call = Call(request, conn)
        except BadRequest as error:
            self._log.add("relay", "bad-request", error=str(error))
            conn.sendall(refusal_head(400, f"Bad Request. {error}"))
            conn.finish_and_linger()
            return
        except Gone:
            self._log.add("relay", "no-request", how=conn.ended_by)
            return
        handler = {"listen": self._listen, "connect": self._connect, "accept": self._accept}.get(call.action)
        if handler is None:
            self._refuse(call, 400, f"Unsupported action '{call.action}'")
        else:
            handler(call)

    def _authorize(self, call, right):
        """Raise Refused unless the request is an upgrade with a good token."""
        problem = call.upgrade_problem()
        if problem:
            raise Refused(400, f"Bad Request: {problem}")
        self.rules.check(call.token, call.host, call.path, right)

    def _refuse(self, call, status, text, headers=(), body=b"", bare=False):
        tracking = "" if bare else self.tracking(call)
        self._log.add("relay", "answer", action=call.action, id=call.ident, status=status, text=text)
        call.conn.sendall(refusal_head(status, text + tracking, headers, body))
        call.conn.finish_and_linger()

    def tracking(self, call):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        return f". TrackingId:{call.ident}_G13, SystemTracker:sb://{self.host}/{call.path}, Timestamp:{stamp}"

    # --- the listener's control channel ---

    def _listen(self, call):
        self._log.add("relay", "listen", path=call.path, id=call.ident)
        entity, rest = self._find_entity(call.path)
        try:
            self._authorize(call, LISTEN)
            if entity is None or rest:
                raise Refused(404, F.NO_ENDPOINT)
            if len(entity.listeners) >= HC_LISTENER_LIMIT:
                raise Refused(403, "The limit of listeners for the endpoint is reached")
        except Refused as refused:
            return self._refuse(call, refused.status, refused.text)
        leg = Leg("control", call.conn, call.ident, self._log)
        with self._lock:            # no sender may come between the two
            call.conn.sendall(call.switching_head())
            entity.listeners.append(leg)
        self._log.add("relay", "listening", path=call.path)
        try:
            self._read_control(leg, call)
        finally:
            with self._lock:
                entity.listeners.remove(leg)
            self._log.add("relay", "unlisten", path=call.path)
            call.conn.finish()

    def _read_control(self, leg, call):
        while True:
            frame = leg.next_data()
            if frame is None:
                return
            if frame.opcode == ws.CLOSE:
                return leg.send_close(frame.close_code or 1000)
            message = json.loads(bytes(frame.payload))
            if "renewToken" in message:
                try:
                    self.rules.check(message["renewToken"].get("token"), call.host, call.path, LISTEN)
                except Refused as refused:
                    return leg.send_close(1008, refused.text)

    # --- the sender ---

    def _connect(self, call):
        faults = self._faults.dial.take(call.path)
        self._log_connect(call, faults)
        try:
            if self._answer_by_fault(call, faults):
                return
            self._authorize(call, SEND)
            if self._play_script(call, faults):
                return
            pending = self._rendezvous(call)
        except Refused as refused:
            return self._refuse(call, refused.status, refused.text)
        if pending.refusal:
            status, text = pending.refusal
            return self._refuse(call, status, text, bare=True)
        try:
            self._join(call, pending, faults)
        finally:
            pending.joined.set()

    def _log_connect(self, call, faults):
        request = call.request
        self._log.add("relay", "connect", path=call.path, id=call.ident, head=request.head,
                      headers=request.headers, target=request.get("Microsoft-Guestgateway-Target"),
                      service_token=request.get("Service-Configuration-Token"), query=call.query,
                      faults=[fault.kind for fault in faults])
        for name, value, seen in (("sb-hc-id", call.query.get("sb-hc-id"), self._seen_ids),
                                  ("Sec-WebSocket-Key", request.get("Sec-WebSocket-Key"), self._seen_keys)):
            if value in seen:
                self._log.add("relay", "violation", rule="reused", detail=name, leg="sender", id=call.ident)
            if value:
                seen.add(value)
        if request.get("Sec-WebSocket-Extensions"):
            self._log.add("relay", "extension-offered", id=call.ident)

    def _answer_by_fault(self, call, faults):
        """Play the faults that take the place of the answer; True if one did."""
        for fault in faults:
            if fault.kind == "delay":
                if not self._threads.sleep(fault.seconds):
                    return True
            elif fault.kind == "status":
                text = REASONS.get(fault.code, "Scripted fault") if fault.text is None else fault.text
                self._refuse(call, fault.code, text, fault.headers, fault.body, fault.bare)
                return True
            elif fault.kind in ("stall", "drop", "raw"):
                self._log.add("relay", "answer", action="connect", id=call.ident, status=None, text=fault.kind)
                SILENT[fault.kind](call.conn, fault)
                self._log.add("relay", "gone", id=call.ident, how=call.conn.ended_by)
                return True
        return False

    def _play_script(self, call, faults):
        """Hand the sender's leg to a test's function, without any listener."""
        for fault in faults:
            if fault.kind == "serve":
                self._log.add("relay", "answer", action="connect", id=call.ident, status=101, text="")
                call.conn.sendall(call.switching_head(faults))
                fault.script(ScriptConn(Leg("sender", call.conn, call.ident, self._log)))
                return True
        return False

    def _rendezvous(self, call):
        """Tell a listener and wait for it; Refused if none comes."""
        entity, suffix = self._find_entity(call.path)
        if entity is None or not entity.listeners:
            self.wake(call.path)
            entity, suffix = self._find_entity(call.path)
        if entity is None:
            raise Refused(404, F.NO_ENDPOINT)
        if not entity.listeners:
            raise Refused(404, F.NO_LISTENERS)
        pending = Pending(call.ident + "_G0")
        with self._lock:
            self._pending[pending.ident] = pending
        message = json.dumps({"accept": self._accept_message(call, pending, suffix)}).encode()
        try:
            if not any(_try_send(leg, message) for leg in entity.next_listeners()):
                raise Refused(503, "The listener could not be reached")
            pending.answered.wait(self.accept_timeout)
        finally:
            with self._lock:
                self._pending.pop(pending.ident, None)
                came = pending.taken
        if not came:
            raise Refused(404, F.NOT_ACCEPTED)
        pending.answered.wait()     # it came in the last moment and is about to say so
        return pending

    def _accept_message(self, call, pending, suffix):
        query = [(name, value) for name, value in call.query.items() if not name.startswith("sb-hc-")]
        query += [("sb-hc-action", "accept"), ("sb-hc-id", pending.ident)]
        headers = {name: value for name, value in call.request.headers if name.lower() != "servicebusauthorization"}
        address, port = call.conn.sock.getpeername()[:2]
        return {"address": f"wss://{self.node_host}:443/$hc/{call.path}?{urllib.parse.urlencode(query)}",
                "id": pending.ident, "connectHeaders": headers,
                "remoteEndpoint": {"address": address, "port": port}}

    def _join(self, call, pending, faults):
        """Send both 101 and move frames until the session ends; the sender's thread."""
        leg = Leg("sender", call.conn, call.ident, self._log)
        leg.answer_pings = not any(fault.kind == "no-pong" for fault in faults)
        down = Down(leg, faults, self._threads)
        bridge = pending.bridge = Bridge(leg, pending.listener, down, self._threads, self._log)
        bridge.frozen = any(fault.kind == "never-read" for fault in faults)
        down.on_freeze = lambda: setattr(bridge, "frozen", True)
        head = call.switching_head(faults)
        pieces = next((fault.n for fault in faults if fault.kind == "split101"), None)
        self._log.add("relay", "answer", action="connect", id=call.ident, status=101, text="")
        try:
            pending.listener.conn.sendall(pending.listener.head)
            down.open(head, pieces)
        except OSError:
            pass                    # run_up finds the sender gone and tells the listener
        pending.joined.set()
        bridge.run_up()

    # --- the rendezvous ---

    def _accept(self, call):
        ident = call.query.get("sb-hc-id", "")
        with self._lock:
            pending = self._pending.pop(ident, None)
            if pending:
                pending.taken = True
        self._log.add("relay", "accept", id=ident, known=pending is not None)
        if pending is None or call.upgrade_problem():
            return self._refuse(call, 403, "Forbidden: the rendezvous is unknown, used or expired")
        if "sb-hc-statusCode" in call.query:
            return self._reject(call, pending)
        leg = Leg("listener", call.conn, ident, self._log)
        leg.head = call.switching_head()
        pending.listener = leg
        pending.answered.set()
        pending.joined.wait()
        if pending.bridge:
            pending.bridge.run_down()

    def _reject(self, call, pending):
        code = call.query["sb-hc-statusCode"]
        text = call.query.get("sb-hc-statusDescription", "Rejected by user code")
        status = int(code) if code.isdigit() and 100 <= int(code) <= 599 else 400
        self._log.add("relay", "reject", id=pending.ident, status=status, text=text)
        pending.refusal = (status, text)
        pending.answered.set()
        self._refuse(call, 410, "Gone")

    def stop(self):
        with self._lock:
            waiting = list(self._pending.values())
        for pending in waiting:
            pending.answered.set()


def _try_send(leg, message):
    try:
        leg.send(ws.TEXT, message)
        return True
    except OSError:
        return False


def _raw(conn, fault):
    conn.sendall(fault.data)
    if fault.finish:
        conn.finish()
    conn.drain()


SILENT = {"stall": lambda conn, fault: conn.drain(), "drop": lambda conn, fault: conn.drop(fault.how), "raw": _raw}
