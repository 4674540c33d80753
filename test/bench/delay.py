"""A network with a long way: each round trip through it takes so many seconds more.

It accepts at once; what TCP's own handshake would take is added to the client's first bytes instead.
"""

import heapq
import itertools
import select
import socket
import threading
import time


class Forwarder:
    """Forwards from .port to another port of loopback; a "with" ends it.

    flights: how many times the client spoke, after it was silent, until the server's first byte of all that followed.
    """

    def __init__(self, to, rtt_s=0.0):
        self.rtt_s, self.to = rtt_s, to
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.directions = []        # "up" or "down" for each change of who speaks
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _serve(self):
        client, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self.to))
        for sock in (client, server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client, server:
            self._forward(client, server)

    def _forward(self, client, server):
        due, order = [], itertools.count()
        heard = False               # has the server said anything
        while True:
            wait = max(0, due[0][0] - time.monotonic()) if due else None
            for sock in select.select([client, server], [], [], wait)[0]:
                try:
                    data = sock.recv(65536)
                except OSError:
                    return
                if not data:
                    return
                up = sock is client
                heard = heard or not up
                way = "up" if up else "down"
                if self.directions[-1:] != [way]:
                    self.directions.append(way)
                late = self.rtt_s / 2 + (0 if heard else self.rtt_s)
                heapq.heappush(due, (time.monotonic() + late, next(order), server if up else client, data))
            while due and due[0][0] <= time.monotonic():
                _, _, sock, data = heapq.heappop(due)
                try:
                    sock.sendall(data)
                except OSError:
                    return
