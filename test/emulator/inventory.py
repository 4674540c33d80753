"""Machines as ARM describes them, and its list calls with paging. Not here: Resource Graph (graph.py)."""

import re
import urllib.parse

from armerror import ArmError
from fleet import SERVER, TYPES
from httpd import Answer
from operations import address

SUB = r"/subscriptions/(?P<sub>[^/]+)"
GROUP = SUB + r"/resourcegroups/(?P<group>[^/]+)"
ANY_TYPE = "|".join(re.escape(name) for name in TYPES)
MACHINES = rf"/providers/(?P<rtype>{ANY_TYPE})"


def machine_doc(machine):
    doc = {"id": machine.rid, "name": machine.name, "type": TYPES.get(machine.type.lower(), machine.type),
           "location": machine.location, "tags": machine.tags, "identity": {"type": "SystemAssigned"},
           "properties": properties(machine)}
    return {**doc, "kind": machine.kind} if machine.kind else doc


def properties(machine):
    """What its resource provider tells of a machine: two shapes."""
    if machine.type.lower() != SERVER.lower():
        return {"provisioningState": "Succeeded", "osProfile": {"computerName": machine.name,
                                                                "osType": machine.os_name.capitalize()},
                "guestAgentProfile": {"agentVersion": machine.agent_version, "status": machine.shown_status}}
    return {
        "status": machine.shown_status, "lastStatusChange": "2025-01-01T00:00:00Z",
        "osName": machine.os_name, "osType": machine.os_name, "osSku": machine.shown_sku,
        "agentVersion": machine.agent_version, "displayName": machine.name, "machineFqdn": machine.name,
        "provisioningState": "Succeeded",
        "agentConfiguration": {"incomingConnectionsPorts": [str(p) for p in machine.incoming_ports or []],
                               "configMode": "full"}}


def _in_scope(world, sub, group=None, rtype=None):
    return [machine for machine in world.machines()
            if machine.subscription.lower() == sub.lower()
            and (group is None or machine.group.lower() == group.lower())
            and (rtype is None or machine.type.lower() == rtype.lower())]


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


def list_machines(world, page_size, request, sub, rtype, group=None):
    return _page(world, page_size, request, [machine_doc(m) for m in _in_scope(world, sub, group, rtype)])


def list_resources(world, page_size, request, sub, group):
    wanted = re.fullmatch(r"name eq '([^']*)'.*", request.query.get("$filter", ""))
    docs = [{"id": m.rid, "name": m.name, "type": machine_doc(m)["type"], "location": m.location}
            for m in _in_scope(world, sub, group)
            if wanted is None or m.name.lower() == wanted.group(1).lower()]
    return _page(world, page_size, request, docs)


def list_subscriptions(world, page_size, request):
    return Answer(200, {"value": [
        {"id": f"/subscriptions/{guid}", "subscriptionId": guid, "displayName": name, "state": "Enabled",
         "tenantId": world.entra.tenant} for guid, name in world.subscriptions.items()]})


ROUTES = [
    (r"/subscriptions", "GET", list_subscriptions),
    (SUB + MACHINES, "GET", list_machines),
    (GROUP + MACHINES, "GET", list_machines),
    (GROUP + r"/resources", "GET", list_resources),
]
