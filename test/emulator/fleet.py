"""The machines of all subscriptions, and their agents.

    emu.add_machine(name, group=, subscription=, type=, lazy=, ...)     a Machine; equal names in two groups are fine
    emu.add_machines(n, prefix="m", ...)            many at once, all lazy: m1, m2, ..; a value that is callable is
                                                    asked with the number: group=lambda i: f"rg{i % 7}"
    emu.remove_machine(name), machine(name), machine_id(name)           group= and subscription= where one is not enough
    emu.add_subscription(guid=None, name="sub2")    its GUID; emu.subscriptions maps GUIDs to names

A lazy machine costs no thread and no connection: its agent starts when the relay is first asked for it.
TYPES are the kinds of machine that can be connected to. Not here: what an agent does (agent.py), lists
(inventory.py, graph.py).
"""

import threading
import uuid

from agent import Agent
from services import Service

SERVER = "Microsoft.HybridCompute/machines"
TYPES = {name.lower(): name for name in (
    SERVER, "Microsoft.ConnectedVMwarevSphere/virtualMachines", "Microsoft.ScVmm/virtualMachines",
    "Microsoft.AzureStackHCI/virtualMachines")}
SKUS = {"linux": "Ubuntu 22.04.4 LTS", "windows": "Windows Server 2022 Datacenter"}
ENTITY_PARTS = 5                    # of the name of a hybrid connection, between slashes


class Machine:
    """An Arc-enabled machine: what ARM knows of it and what its agent may do."""

    def __init__(self, name, group, subscription):
        self.name = name
        self.group = group
        self.subscription = subscription
        self.type = SERVER
        self.kind = None            # "VMware", "SCVMM", "HCI", "AWS"
        self.number = uuid.uuid4().int % 10**18
        self.port_map = {}          # port named by the client -> TCP port really dialled
        self.has_endpoint = False
        self.service_ports = {}     # service name ("SSH") -> port in the service configuration
        self.pending_services = {}  # service name -> (long-running operation, port)
        self.lazy = False           # its agent starts at the first dial
        self.connected = True       # is the agent program running
        self.status = None          # what Azure shows instead of Connected or Disconnected
        self.agent_delay = 0.0      # seconds from the creation of the endpoint to `listen`
        self.put_disturbs = False   # does a repeated PUT of the endpoint upset the agent
        self.require_token = True   # False: an old agent, which looks at incoming_ports only
        self.incoming_ports = None  # azcmagent config incomingconnections.ports; None: no list
        self.on_forbidden = "reject"    # or "drop": accept the rendezvous, then cut it
        self.half_close = False     # does the agent deliver what the service still says after a Close
        self.accept_delay = 0.0
        self.tags = {}
        self.os_name = "linux"
        self.os_sku = None          # None: one that goes with os_name
        self.location = "westeurope"
        self.agent_version = "1.45.02769.1800"

    @property
    def rid(self):
        return (f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"
                f"/providers/{TYPES.get(self.type.lower(), self.type)}/{self.name}")

    @property
    def entity(self):
        """Name of the hybrid connection, shaped like real ones."""
        name = self.rid.lower().encode(errors="backslashreplace").decode()
        digest = uuid.uuid5(uuid.NAMESPACE_URL, name).hex * 2
        return f"{self.type.lower()}/{digest}/{self.number}/v2"

    @property
    def shown_sku(self):
        return self.os_sku or SKUS.get(self.os_name.lower(), self.os_name)

    @property
    def shown_status(self):
        return self.status or ("Connected" if self.connected else "Disconnected")


class Fleet:
    """See the module's text. The Emulator is one; it has log, threads, relay and the like."""

    def __init__(self, subscription):
        self.subscription = subscription
        self.subscriptions = {subscription: "emulated"}
        self._machines = {}         # resource id in lower case -> Machine
        self._agents = {}           # the same -> Agent
        self._lazy = {}             # hybrid connection in lower case -> Machine that began lazy
        self._services = []         # (name of the machine, Service)
        self._lock = threading.Lock()
        self._live = False

    # --- what there is ---

    def add_subscription(self, guid=None, name="sub2"):
        guid = guid or str(uuid.uuid4())
        self.subscriptions[guid] = name
        return guid

    def add_machine(self, name, group="rg1", port=None, endpoint=True, service_port=22, service=None,
                    port_map=None, wait=True, subscription=None, **settings):
        """Create a machine and start its agent.

        service_port is the port of the service configuration "SSH" (None: there is none);
        the agent really dials `port`, or the port of `service` ('echo', 'sink', 'source:N',
        'ssh', 'tcp'). settings are attributes of Machine.
        """
        machine = Machine(name, group, subscription or self.subscription)
        for key, value in settings.items():
            if not hasattr(machine, key):
                raise TypeError(f"a machine has no {key!r}")
            setattr(machine, key, value)
        if service:
            self._services.append((name, Service(service, name, self.log, self.threads)))
            port = self._services[-1][1].port
        if port:
            machine.port_map[service_port or 22] = port
        machine.port_map.update(port_map or {})
        machine.has_endpoint = endpoint
        if service_port:
            machine.service_ports["SSH"] = service_port
        self._machines[machine.rid.lower()] = machine
        if machine.lazy:
            self._lazy[machine.entity.lower()] = machine
        elif self._live:
            self._start_agent(machine, wait)
        return machine

    def add_machines(self, n, prefix="m", start=1, **settings):
        return [self.add_machine(f"{prefix}{number}", lazy=True, **{
            key: value(number) if callable(value) else value for key, value in settings.items()})
            for number in range(start, start + n)]

    def remove_machine(self, name, group=None, subscription=None):
        machine = self.machine(name, group, subscription)
        self.delete_endpoint(machine)
        self._lazy.pop(machine.entity.lower(), None)
        self._agents.pop(machine.rid.lower(), None)
        del self._machines[machine.rid.lower()]

    def machine(self, name, group=None, subscription=None):
        """The one that is called so; KeyError if there is none or more than one."""
        found = [machine for machine in self.machines() if machine.name == name
                 and group in (None, machine.group) and subscription in (None, machine.subscription)]
        if len(found) != 1:
            raise KeyError(f"{len(found)} machines are called {name!r}")
        return found[0]

    def machines(self):
        return list(self._machines.values())

    def machine_id(self, name, group=None, subscription=None):
        return self.machine(name, group, subscription).rid

    def find_machine(self, sub, group, name, rtype=SERVER):
        rid = f"/subscriptions/{sub}/resourceGroups/{group}/providers/{rtype}/{name}"
        return self._machines.get(rid.lower())

    def service(self, name):
        """The service given to add_machine; .accept() for kind 'tcp'."""
        return [service for owner, service in self._services if owner == name][-1]

    # --- agents ---

    def agent(self, machine):
        with self._lock:
            return self._agents.setdefault(machine.rid.lower(), Agent(machine, self))

    def go_live(self):
        """Start the agents of all machines so far."""
        self._live = True
        for machine in self.machines():
            if not machine.lazy:
                self._start_agent(machine)

    def stop_fleet(self):
        for stoppable in [*self._agents.values(), *(service for _, service in self._services)]:
            stoppable.stop()

    def _start_agent(self, machine, wait=True):
        if not machine.has_endpoint:
            return
        if not machine.connected:
            self.relay.add_entity(machine.entity)   # it was registered once
            return
        agent = self.agent(machine)
        agent.start()
        if wait and not agent.listening.wait(10):
            raise RuntimeError(f"the agent of {machine.name} did not start")

    def wake(self, path):
        """Somebody dials a hybrid connection that nobody listens on: maybe its machine is lazy."""
        machine = self._lazy.get("/".join(path.split("/")[:ENTITY_PARTS]).lower())
        if machine is None:
            return
        with self._lock:
            first, machine.lazy = machine.lazy, False
        if first:
            self._start_agent(machine, wait=False)
        if machine.has_endpoint and machine.connected:
            self.agent(machine).listening.wait(10)

    def create_endpoint(self, machine):
        """What the PUT of the endpoint does."""
        agent = self.agent(machine)
        existed, machine.has_endpoint = machine.has_endpoint, True
        if machine.lazy or (existed and not machine.put_disturbs):
            return
        if existed:
            agent.stop()
            self.relay.remove_entity(machine.entity)
        if machine.connected:
            agent.start(machine.agent_delay)

    def delete_endpoint(self, machine):
        machine.has_endpoint = False
        machine.service_ports.clear()
        self.agent(machine).stop()
        self.relay.remove_entity(machine.entity)

    def disconnect(self, name):
        """The machine goes away: control channel and sessions are cut."""
        machine = self.machine(name)
        machine.connected = False
        agent = self.agent(machine)
        listened = agent.listening.is_set()
        agent.stop()
        if listened:
            self.log.wait(who="relay", what="unlisten", path=machine.entity)

    def reconnect(self, name):
        machine = self.machine(name)
        machine.connected = True
        if not machine.lazy:
            self._start_agent(machine)
