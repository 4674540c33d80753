"""Scripted faults: what they are called, what they take, and the queues that hold them.

A test appends Fault objects to a queue; one item is used up per request. An
item may be 'ok' (nothing goes wrong) or a list of faults that act together.
Not here: how a fault is played (shaping.py for the relay, httpd.py for ARM, Entra
and managed identities, agent.py for the agent).
"""

import threading

NO_ENDPOINT = "Endpoint does not exist"
NO_LISTENERS = "There are no listeners connected for the endpoint"
NOT_ACCEPTED = "None of the connected listeners accepted the connection within the allowed timeout"
BAD_SIGNATURE = "The token has an invalid signature"


def agent_refusal(port):
    """The Arc agent's own words when nothing listens on the port."""
    return f"connection to localhost:{port} failed: dial tcp [::1]:{port}: connect: connection refused"


REQUIRED = object()

# In place of, or before, an answer.
ANSWER_KINDS = {
    "delay": {"seconds": REQUIRED},
    "stall": {},                                    # read on, never answer
    "drop": {"how": "fin"},                         # end without an answer: 'fin' or 'rst'
}

# ARM, Entra, managed identities and federated issuers.
HTTP_KINDS = {
    **ANSWER_KINDS,
    "status": {"code": REQUIRED, "error": "InternalServerError", "message": "Scripted fault.",
               "number": 90033, "headers": (), "body": None, "content_type": "application/json; charset=utf-8"},
    "edit": {"script": REQUIRED},                   # script(document) gives the document to send
    "slow": {"size": 1, "seconds": 0.01},           # the true answer in pieces
    "truncate": {"keep": 10},                       # so many bytes of the body, then FIN
    "raw": {"data": REQUIRED},                      # these bytes instead of a response
}

# The relay, before data flow.
UPGRADE_KINDS = {
    **ANSWER_KINDS,
    "status": {"code": REQUIRED, "text": None, "headers": (), "body": b"", "bare": False},
    "raw": {"data": REQUIRED, "finish": True},      # these bytes instead of a response
    "head": {"data": REQUIRED},                     # these bytes for the 101; b'{accept}' is replaced
    "wrong-accept": {}, "no-accept": {}, "duplicate-accept": {},
    "extension": {"value": "permessage-deflate"},
    "subprotocol": {"value": "ssh"},
    "split101": {"n": 1},                           # the 101 in TLS writes of n bytes
    "early": {"n": None, "payload": None, "wait": 2.0},
    "serve": {"script": REQUIRED},                  # script(conn) owns the connection after the 101
}

# The relay, server to client: how payload is framed and written.
FRAMING_KINDS = {
    "fragments": {"size": REQUIRED, "ping_between": False},
    "text": {},
    "huge": {"n": 1 << 62},
    "empty": {"count": 1, "fragments": False},
    "chop": {"n": REQUIRED},
    "ping-every": {"n": REQUIRED, "size": 4},
}

# The relay, server to client: something happens after so many payload bytes.
EVENT_KINDS = {
    "close": {"code": 1000, "reason": "", "after": 0, "hold": False},
    "after-close": {"code": 1000, "after": 0, "payload": b"after-close"},
    "fin": {"after": 0, "close_notify": False},
    "rst": {"after": 0},
    "half-frame": {"after": 0, "total": 5000, "sent": 100, "then": "rst"},
    "freeze": {"after": 0},                         # neither read nor write any more, stay connected
    "ping-flood": {"n": REQUIRED, "size": 4, "after": 0},
    "masked": {"after": 0, "payload": b"evil"},
    "non-minimal": {"bits": 16, "after": 0, "payload": b"evil"},
    "rsv": {"bits": 4, "opcode": 2, "after": 0, "payload": b"evil"},
    "bad-opcode": {"opcode": 3, "after": 0, "payload": b"evil"},
    "fragmented-ping": {"after": 0},
    "big-ping": {"size": 126, "after": 0},
    "stray-continuation": {"after": 0, "payload": b"evil", "fin": True},
    "message-inside-message": {"after": 0, "payload": b"evil"},
    "length-msb": {"after": 0},                     # a 64-bit length with the top bit set
    "inject": {"data": REQUIRED, "after": 0},       # any bytes, inside TLS
    "tls-garbage": {"data": b"\x00" * 64, "after": 0},      # any bytes, outside TLS
    "html": {"after": 0, "body": b"<html><body>sign in to the hotel network</body></html>\r\n"},
}

# The relay, the whole data phase.
LEG_KINDS = {
    "never-read": {}, "never-write": {}, "no-pong": {},
    "idle-cut": {"seconds": REQUIRED, "how": "fin"},    # cut when silent for so long
}

DIAL_KINDS = {**UPGRADE_KINDS, **FRAMING_KINDS, **EVENT_KINDS, **LEG_KINDS}

AGENT_KINDS = {
    "delay": {"seconds": REQUIRED},                 # before the rendezvous is dialled
    "ignore": {},                                   # never dial the rendezvous
    "reject": {"code": REQUIRED, "text": REQUIRED},
    "drop": {},                                     # accept, then cut
}


class Fault:
    """Fault('close', code=1001, after=100): a kind and its arguments, read as attributes."""

    def __init__(self, kind, **args):
        tables = [table for table in (DIAL_KINDS, HTTP_KINDS, AGENT_KINDS) if kind in table]
        if not tables:
            raise ValueError(f"no fault is called {kind!r}")
        self.kind = kind
        self.match = args.pop("match", None)    # HTTP: only for requests whose path contains this
        self._args = args
        if not any(set(args) <= set(table[kind]) for table in tables):
            raise ValueError(f"fault {kind!r} does not take all of {sorted(args)}")

    def filled(self, table):
        """The same fault with the defaults of the side that plays it."""
        if self.kind not in table:
            raise ValueError(f"fault {self.kind!r} cannot be played here")
        unknown = set(self._args) - set(table[self.kind])
        missing = [name for name, value in table[self.kind].items()
                   if value is REQUIRED and name not in self._args]
        if unknown or missing:
            raise ValueError(f"fault {self.kind!r}: unknown {sorted(unknown)}, missing {missing}")
        full = Fault(self.kind)
        full.match = self.match
        full._args = {**table[self.kind], **self._args}
        if isinstance(full._args.get("headers"), dict):
            full._args["headers"] = list(full.headers.items())
        if isinstance(full._args.get("body"), str):
            full._args["body"] = full.body.encode()
        return full

    def __getattr__(self, name):
        try:
            return self.__dict__["_args"][name]
        except KeyError:
            raise AttributeError(name) from None

    def __repr__(self):
        return f"Fault({self.kind!r}, {self._args})"


class FaultQueue(list):
    """First in, first out, one item per request; `always` acts on every request."""

    def __init__(self, table):
        super().__init__()
        self._table = table
        self._lock = threading.Lock()
        self.always = None

    def append(self, item):
        self._filled(item)              # a misspelt fault is refused here, in the test's own line
        super().append(item)

    def extend(self, items):
        for item in items:
            self.append(item)

    def take(self, path=""):
        """The faults for one request, with defaults filled in."""
        with self._lock:
            faults = self._filled(self.always)
            if self and all(_fits(fault, path) for fault in self._filled(self[0])):
                faults = faults + self._filled(self.pop(0))
        return [fault for fault in faults if _fits(fault, path)]

    def _filled(self, item):
        if item is None or item == "ok":
            return []
        return [fault.filled(self._table) for fault in (item if isinstance(item, list) else [item])]


def _fits(fault, path):
    return fault.match is None or fault.match.lower() in path.lower()


class Faults:
    """emu.faults: the queues by name. `faults.always` is short for `faults.dial.always`."""

    def __init__(self):
        self.dial = FaultQueue(DIAL_KINDS)
        self.arm = FaultQueue(HTTP_KINDS)
        self.entra = FaultQueue(HTTP_KINDS)
        self.managed = FaultQueue(HTTP_KINDS)
        self.oidc = FaultQueue(HTTP_KINDS)
        self.agent = FaultQueue(AGENT_KINDS)

    def __setattr__(self, name, value):
        """`faults.dial = [...]` and `+=` fill the queue that is there."""
        queue = self.__dict__.get(name)
        if queue is None:
            super().__setattr__(name, value)
        else:
            items = list(value)
            queue.clear()
            queue.extend(items)

    @property
    def always(self):
        return self.dial.always

    @always.setter
    def always(self, item):
        self.dial.always = item

    def clear(self):
        for queue in (self.dial, self.arm, self.entra, self.managed, self.oidc, self.agent):
            queue.clear()
            queue.always = None
