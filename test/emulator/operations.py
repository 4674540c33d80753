"""Long-running operations of ARM, begun by the PUT of a service configuration.

    emu.arm.slow_operations = N         that PUT takes N polls (0: it is done at once)
    emu.arm.operation_style             "azure-async"   201, Azure-AsyncOperation: polls are 200 with a status
                                        "location"      202, Location: polls are 202, at the end the resource
                                        "resource"      201, neither: provisioningState of the resource itself
    emu.arm.operation_result            "Succeeded", "Failed" or "Canceled"; nothing is changed unless Succeeded
    emu.arm.operation_retry_after       Retry-After of the polls, as it is; None: no such header
    emu.arm.operation_host              a host, or scheme://host, instead of ARM's in the address to poll

The address to poll carries a signature and is good byte for byte only. Log rows: operation="operationstatuses".
"""

import secrets
import uuid

from armerror import ArmError, error_doc
from httpd import Answer

RUNNING = "InProgress"


class Operation:
    def __init__(self, polls, result, finish):
        self.polls = polls
        self.result = result
        self._finish = finish

    def step(self):
        """The state that a poll sees."""
        if self.polls > 0:
            self.polls -= 1
            return RUNNING
        if self.result == "Succeeded" and self._finish:
            self._finish()
            self._finish = None
        return self.result


class Operations:
    """arm has the settings, world is the Emulator."""

    def __init__(self, arm, world):
        self._arm = arm
        self._world = world
        self._running = {}          # path and query -> (style, Operation, function that gives the resource)

    def begin(self, sub, finish, resource):
        """The Answer to the PUT. finish() makes the change, resource(state) is the document."""
        arm = self._arm
        operation = Operation(arm.slow_operations, arm.operation_result, finish)
        style = arm.operation_style
        if style == "resource":
            return operation, Answer(201, resource("Creating"))
        target = (f"/subscriptions/{sub}/providers/Microsoft.HybridConnectivity/locations/westeurope/operationStatuses/"
                  f"{uuid.uuid4()}*{secrets.token_hex(32).upper()}?api-version=2023-03-15&t=638000000000000000"
                  f"&c=MIIHpTCC%2BBq&s={secrets.token_urlsafe(32)}&h={secrets.token_urlsafe(32)}")
        self._running[target] = (style, operation, resource)
        name, status, doc = {"azure-async": ("Azure-AsyncOperation", 201, resource("Creating")),
                             "location": ("Location", 202, None)}[style]
        headers = [(name, address(arm.operation_host, self._world.management) + target), *self._retry_after()]
        return operation, Answer(status, doc, headers)

    def _retry_after(self):
        wait = self._arm.operation_retry_after
        return [] if wait is None else [("Retry-After", str(wait))]

    def poll(self, request, **where):
        if request.target not in self._running:
            raise ArmError(404, "OperationNotFound", "There is no operation at that address.")
        style, operation, resource = self._running[request.target]
        state = operation.step()
        headers = self._retry_after() if state == RUNNING else []
        error = {} if state in (RUNNING, "Succeeded") else error_doc("ServiceConfigurationFailed",
                                                                     f"The operation ended as {state}.")
        if style == "azure-async":
            name = request.path.rpartition("/")[2]
            return Answer(200, {"id": request.path, "name": name, "status": state,
                                "startTime": "2025-01-01T00:00:00Z", **error}, headers)
        if state == RUNNING:
            return Answer(202, None, headers)
        return Answer(409, error) if error else Answer(200, resource(state))


def address(instead, true):
    """The true address of ARM, or what a test puts in its place."""
    if instead is None:
        return true
    return instead if "://" in instead else f"https://{instead}"
