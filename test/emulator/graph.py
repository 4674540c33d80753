"""Azure Resource Graph: every query is answered with all machines, in the columns that a client for Arc needs."""

from httpd import Answer
from inventory import properties


class Graph:
    """world is the Emulator."""

    def __init__(self, world):
        self._world = world

    def answer(self, request):
        body = request.json()
        options = body.get("options") or {}
        scope = {sub.lower() for sub in body.get("subscriptions") or []}
        rows = [_row(self._world, m) for m in sorted(self._world.machines(), key=lambda m: m.rid.lower())
                if not scope or m.subscription.lower() in scope]
        top = min(int(options.get("$top", 100)), 1000)
        start = int(options.get("$skipToken") or 0)
        page = rows[start:start + top]
        doc = {"totalRecords": len(rows), "count": len(page), "resultTruncated": "false", "facets": [], "data": page}
        if start + top < len(rows):
            doc["$skipToken"] = str(start + top)
        return Answer(200, doc, [("x-ms-user-quota-remaining", "14"), ("x-ms-user-quota-resets-after", "00:00:05")])


def _row(world, machine):
    about = properties(machine)
    return {"id": machine.rid, "name": machine.name, "type": machine.type.lower(),
            "resourceGroup": machine.group.lower(), "subscriptionId": machine.subscription,
            "subscriptionName": world.subscriptions.get(machine.subscription, ""), "kind": machine.kind or "",
            "location": machine.location, "tags": machine.tags or None, "status": machine.shown_status,
            "os": machine.os_name, "osName": machine.os_name,
            "agent": machine.agent_version, "agentVersion": machine.agent_version, "properties": about}
