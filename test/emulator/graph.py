"""Azure Resource Graph: one query over the machines of all subscriptions, page after page.

    POST /providers/Microsoft.ResourceGraph/resources       {"query", "subscriptions", "options"}
    emu.graph.page_size             the most rows of a page (1000), whatever $top asks for
    emu.graph.quota                 (queries, seconds): so many of one principal in so long, then 429 RateLimiting;
                                    None: nobody is refused
    emu.graph.retry_after           does a 429 carry Retry-After
    emu.graph.casing                are some ids spelt in Azure's other way, as they are (one in four, by name)
    emu.graph.spelt(machine)        the id as it is here

Tables are Resources, with the machines, and ResourceContainers, with subscriptions and resource groups. Pages of one
query show one moment; a $skipToken belongs to its query and scope, and is given only if the result has the column
id. Log rows are ARM's: who="arm", operation="resources"; faults: emu.faults.arm with match="resourcegraph".
Not here: the query language (graphquery.py).
"""

import collections
import math
import secrets
import time
import uuid
import zlib

import graphquery
import inventory
from armerror import ArmError
from graphquery import DYNAMIC, STRING
from httpd import Answer

LONGEST_PAGE = 1000
KEPT = 256                          # tokens
HEADER_QUOTA = (15, 5.0)            # what the headers tell where no quota is set
TEXTS = ("id", "name", "type", "tenantId", "kind", "location", "resourceGroup", "subscriptionId", "managedBy",
         "apiVersion")
VALUES = ("sku", "plan", "properties", "tags", "identity", "zones", "extendedLocation")
COLUMNS = {**{name: STRING for name in TEXTS}, **{name: DYNAMIC for name in VALUES}}
BLANK = {**{name: "" for name in TEXTS}, **{name: None for name in VALUES}}
CONTAINER = "microsoft.resources/subscriptions"


class GraphError(ArmError):
    """details are dicts with code, message and maybe more."""

    def __init__(self, status, code, details, headers=()):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S.0000000Z", time.gmtime())
        super().__init__(status, code, f"Please provide below info when asking for support: timestamp = {stamp}, "
                                       f"correlationId = {uuid.uuid4()}.", headers)
        self.details = details


def _bad(code, message, *more):
    return GraphError(400, "BadRequest", [{"code": code, "message": message}, *more])


class Graph:
    """world is the Emulator."""

    def __init__(self, world):
        self._world = world
        self.page_size = LONGEST_PAGE
        self.quota = None
        self.retry_after = True
        self.casing = True
        self._windows = {}          # principal -> [end of its window, queries in it]
        self._pages = collections.OrderedDict()     # $skipToken -> (query, scope, Table, first row)

    def answer(self, request, principal):
        """The Answer; ArmError if there is none."""
        told = self._take_quota(principal)
        body = request.json()
        query, options = body.get("query"), body.get("options") or {}
        if not isinstance(query, str) or not query.strip():
            raise _bad("EmptyQuery", "Query is empty. Please provide a query.")
        if options.get("resultFormat", "objectArray") != "objectArray":
            raise _bad("InvalidResultFormat", "This emulation gives objectArray only.")
        scope = self._scope(body.get("subscriptions"))
        top, start = _number(options, "$top", 100, 1, LONGEST_PAGE), _number(options, "$skip", 0, 0, 10**9)
        table = None
        if options.get("$skipToken"):
            table, start = self._continued(options["$skipToken"], query, scope)
        return Answer(200, self._page(query, scope, table or self._run(query, scope), start, top), told)

    def _page(self, query, scope, table, start, top):
        end = start + min(top, self.page_size)
        rows, more = table.rows[start:end], end < len(table.rows)
        doc = {"totalRecords": len(table.rows), "count": len(rows), "resultTruncated": "true" if more else "false",
               "facets": [], "data": rows}
        if more and "id" in table.columns:
            doc["$skipToken"] = token = secrets.token_urlsafe(48)
            self._pages[token] = (query, scope, table, end)
            while len(self._pages) > KEPT:
                self._pages.popitem(last=False)
        return doc

    def _continued(self, token, query, scope):
        """(Table, first row) of a further page."""
        record = self._pages.get(token) if isinstance(token, str) else None
        if record is None or record[:2] != (query, scope):
            raise _bad("InvalidSkipToken", "The skip token is invalid, or it belongs to another query.")
        return record[2:]

    def _run(self, query, scope):
        try:
            return graphquery.run(query, self._tables(scope))
        except graphquery.QueryError as error:
            raise _bad("InvalidQuery", "Query is invalid. Please refer to the documentation for the Azure Resource "
                                       "Graph service and fix the error before retrying.", error.detail) from None

    def _scope(self, subscriptions):
        """The subscriptions to look into, in lower case."""
        known = {guid.lower() for guid in self._world.subscriptions}
        if not subscriptions:
            return known
        if not isinstance(subscriptions, list) or not all(isinstance(guid, str) for guid in subscriptions):
            raise _bad("InvalidSubscriptionsInQueryRequest", "subscriptions must be an array of strings.")
        found = known & {guid.lower() for guid in subscriptions}
        if not found:
            raise _bad("NoValidSubscriptionsInQueryRequest",
                       "There must be at least one subscription that is eligible to contain resources. "
                       f"Given: '{','.join(subscriptions)}'.")
        return found

    # --- quota ---

    def _take_quota(self, principal):
        """Headers about the quota; GraphError when it is used up."""
        limit, seconds = self.quota or HEADER_QUOTA
        now = time.monotonic()
        window = self._windows.get(principal)
        if window is None or window[0] <= now:
            window = self._windows[principal] = [now + seconds, 0]
        window[1] += 1
        wait = math.ceil(window[0] - now)
        told = [("x-ms-user-quota-remaining", str(max(0, limit - window[1]))),
                ("x-ms-user-quota-resets-after", f"{wait // 3600:02}:{wait // 60 % 60:02}:{wait % 60:02}")]
        if self.quota and window[1] > limit:
            raise GraphError(429, "RateLimiting", [{
                "code": "RateLimiting", "message": "Client application has been throttled and should not attempt to "
                "repeat the request until an amount of time has elapsed. Please see "
                "https://aka.ms/resourcegraph-throttling for help."}],
                told + ([("Retry-After", str(wait))] if self.retry_after else []))
        return told

    # --- tables ---

    def _tables(self, scope):
        world = self._world
        machines = [machine for machine in world.machines() if machine.subscription.lower() in scope]
        containers = [self._subscription(guid, name) for guid, name in world.subscriptions.items()
                      if guid.lower() in scope]
        containers += [self._group(*place) for place in {(m.subscription, m.group) for m in machines}]
        return {"resources": _table([self._machine(machine) for machine in machines]),
                "resourcecontainers": _table(containers)}

    def _machine(self, machine):
        return {**BLANK, "id": self.spelt(machine), "name": machine.name, "type": machine.type.lower(),
                "tenantId": self._world.entra.tenant, "kind": machine.kind or "", "location": machine.location,
                "resourceGroup": machine.group.lower(), "subscriptionId": machine.subscription,
                "properties": inventory.properties(machine), "tags": machine.tags or None,
                "identity": {"type": "SystemAssigned"}}

    def spelt(self, machine):
        """The id, in one of the spellings that Azure uses."""
        if not self.casing or zlib.crc32(machine.name.lower().encode(errors="surrogatepass")) % 4:
            return machine.rid
        return (f"/subscriptions/{machine.subscription}/resourcegroups/{machine.group}"
                f"/providers/{machine.type.lower()}/{machine.name}")

    def _subscription(self, guid, name):
        return {**BLANK, "id": f"/subscriptions/{guid}", "name": name, "type": CONTAINER, "subscriptionId": guid,
                "tenantId": self._world.entra.tenant, "properties": {"state": "Enabled"}}

    def _group(self, guid, group):
        return {**BLANK, "id": f"/subscriptions/{guid}/resourceGroups/{group}", "name": group,
                "type": f"{CONTAINER}/resourcegroups", "resourceGroup": group.lower(), "subscriptionId": guid,
                "location": "westeurope", "tenantId": self._world.entra.tenant,
                "properties": {"provisioningState": "Succeeded"}}


def _table(rows):
    return graphquery.Table(COLUMNS, sorted(rows, key=lambda row: row["id"].lower()))


def _number(options, name, default, least, most):
    value = options.get(name, default)
    if type(value) is not int or not least <= value <= most:
        raise _bad("InvalidPagingParameter", f"The value of {name} must be a number from {least} to {most}.")
    return value
