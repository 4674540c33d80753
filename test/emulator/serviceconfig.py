"""Service configurations of an endpoint: which port a service of the machine may be reached at.

Not here: the endpoint (arm.py), and PUTs that take long (operations.py).
"""

import re

from armerror import ArmError
from httpd import Answer

SERVICES = {"ssh": "SSH", "wac": "WAC"}


class ServiceConfigs:
    """arm finds the machines and has the settings of operations."""

    def __init__(self, arm, operations):
        self._arm = arm
        self._operations = operations

    def list(self, request, **where):
        machine = self._arm.find_with_endpoint(**where)
        return Answer(200, {"value": [_doc(machine, name, port) for name, port in machine.service_ports.items()]})

    def get(self, request, service, **where):
        machine = self._arm.find_with_endpoint(**where)
        name = service_name(service)
        if name in machine.pending_services:
            operation, port = machine.pending_services[name]
            return Answer(200, _doc(machine, name, port, operation.step()))
        if name not in machine.service_ports:
            raise ArmError(404, "ServiceConfigurationNotFound", f"The service configuration '{name}' was not found.")
        return Answer(200, _doc(machine, name, machine.service_ports[name]))

    def put(self, request, service, **where):
        machine = self._arm.find_with_endpoint(**where)
        name = service_name(service)
        properties = request.json().get("properties") or {}
        if service_name(properties.get("serviceName", name)) != name:
            raise ArmError(400, "BadRequest", "properties.serviceName differs from the name in the path.")
        existed, port = name in machine.service_ports, _port(properties.get("port", 22))
        machine.pending_services.pop(name, None)
        if self._arm.slow_operations:
            return self._begin(machine, name, port)
        machine.service_ports[name] = port
        return Answer(200 if existed else 201, _doc(machine, name, port))

    def _begin(self, machine, name, port):
        operation, answer = self._operations.begin(
            machine.subscription, lambda: machine.service_ports.update({name: port}),
            lambda state: _doc(machine, name, port, state))
        if self._arm.operation_style == "resource":
            machine.pending_services[name] = (operation, port)
        return answer

    def patch(self, request, service, **where):
        self.get(request, service, **where)
        machine = self._arm.find_with_endpoint(**where)
        name = service_name(service)
        machine.service_ports[name] = _port((request.json().get("properties") or {}).get("port"))
        return Answer(200, _doc(machine, name, machine.service_ports[name]))

    def delete(self, request, service, **where):
        machine = self._arm.find_with_endpoint(**where)
        existed = machine.service_ports.pop(service_name(service), None) is not None
        return Answer(200 if existed else 204)


def service_name(text):
    name = SERVICES.get(str(text).lower())
    if name is None:
        raise ArmError(400, "BadRequest", f"The service name '{text}' is not one of SSH, WAC.")
    return name


def _doc(machine, name, port, state="Succeeded"):
    return {"id": f"{machine.rid}/providers/Microsoft.HybridConnectivity/endpoints/default"
                  f"/serviceConfigurations/{name}",
            "name": name, "type": "microsoft.hybridconnectivity/endpoints/serviceconfigurations",
            "properties": {"serviceName": name, "port": port, "provisioningState": state}}


def _port(value):
    """A port as a number; the real service takes a numeric string too."""
    if not re.fullmatch(r"\d{1,5}", str(value)) or not 0 < int(value) < 65536:
        raise ArmError(400, "BadRequest", "properties.port must be a port number.")
    return int(value)
