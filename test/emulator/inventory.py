"""Lists of machines: ARM's list calls with paging, and Azure Resource Graph.

Resource Graph here answers every query with all machines, in the columns that a
client for Arc needs. It does not read the query language.
"""

import re
import urllib.parse

from armerror import ArmError
from httpd import Answer
from operations import address

SUB = r"/subscriptions/(?P<sub>[^/]+)"
GROUP = SUB + r"/resourcegroups/(?P<group>[^/]+)"
MACHINES = r"/providers/microsoft\.hybridcompute/machines"


def machine_doc(machine):
    return {
        "id": machine.rid, "name": machine.name, "type": "Microsoft.HybridCompute/machines",
        "location": machine.location, "tags": machine.tags,
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "status": "Connected" if machine.connected else "Disconnected",
            "lastStatusChange": "2025-01-01T00:00:00Z", "osName": machine.os_name, "osType": machine.os_name,
            "agentVersion": machine.agent_version, "displayName": machine.name, "machineFqdn": machine.name,
            "provisioningState": "Succeeded",
            "agentConfiguration": {"incomingConnectionsPorts": [str(p) for p in machine.incoming_ports or []],
                                   "configMode": "full"}}}


def _in_scope(world, sub, group=None):
    return [machine for machine in world.machines()
            if machine.subscription.lower() == sub.lower()
            and (group is None or machine.group.lower() == group.lower())]


def _page(world, page_size, request, docs):
    """One page; nextLink is an absolute URL that carries the place to go on from."""
    token = request.query.get("$skiptoken", "0")
    if not token.isdigit():
        raise ArmError(400, "InvalidSkipToken", "The $skiptoken is not one that was handed out.")
    start = int(token)
    doc = {"value": docs[start:start + page_size]}
    if start + page_size < len(docs):
        query = {**request.query, "$skiptoken": str(start + page_size)}
        doc["nextLink"] = (f"{address(world.arm.next_link_host, world.management)}{request.path}"
                           f"?{urllib.parse.urlencode(query)}")
    return Answer(200, doc)


def list_machines(world, page_size, request, sub, group=None):
    return _page(world, page_size, request, [machine_doc(m) for m in _in_scope(world, sub, group)])


def list_resources(world, page_size, request, sub, group):
    wanted = re.fullmatch(r"name eq '([^']*)'.*", request.query.get("$filter", ""))
    docs = [{"id": m.rid, "name": m.name, "type": "Microsoft.HybridCompute/machines", "location": m.location}
            for m in _in_scope(world, sub, group)
            if wanted is None or m.name.lower() == wanted.group(1).lower()]
    return _page(world, page_size, request, docs)


def list_subscriptions(world, page_size, request):
    doc = {"id": f"/subscriptions/{world.subscription}", "subscriptionId": world.subscription,
           "displayName": "emulated", "state": "Enabled", "tenantId": world.entra.tenant}
    return Answer(200, {"value": [doc]})


def resource_graph(world, page_size, request):
    body = request.json()
    options = body.get("options") or {}
    scope = {sub.lower() for sub in body.get("subscriptions") or []}
    rows = [_graph_row(m) for m in sorted(world.machines(), key=lambda m: m.rid.lower())
            if not scope or m.subscription.lower() in scope]
    top = min(int(options.get("$top", 100)), 1000, page_size)
    start = int(options.get("$skipToken") or 0)
    page = rows[start:start + top]
    doc = {"totalRecords": len(rows), "count": len(page), "resultTruncated": "false", "facets": [], "data": page}
    if start + top < len(rows):
        doc["$skipToken"] = str(start + top)
    return Answer(200, doc, [("x-ms-user-quota-remaining", "14"), ("x-ms-user-quota-resets-after", "00:00:05")])


def _graph_row(machine):
    doc = machine_doc(machine)
    properties = doc["properties"]
    return {"id": machine.rid, "name": machine.name, "type": "microsoft.hybridcompute/machines",
            "resourceGroup": machine.group.lower(), "subscriptionId": machine.subscription,
            "location": machine.location, "tags": machine.tags, "status": properties["status"],
            "os": properties["osName"], "osName": properties["osName"],
            "agent": properties["agentVersion"], "agentVersion": properties["agentVersion"],
            "properties": properties}


ROUTES = [
    (r"/subscriptions", "GET", list_subscriptions),
    (SUB + MACHINES, "GET", list_machines),
    (GROUP + MACHINES, "GET", list_machines),
    (GROUP + r"/resources", "GET", list_resources),
    (r"/providers/microsoft\.resourcegraph/resources", "POST", resource_graph),
]
