"""Azure Resource Manager for Arc machines: machine, endpoint, service configuration, credentials.

Paths are compared without case; errors have ARM's shape; every answer carries
the request ids. Not here: lists of machines (inventory.py), Resource Graph (graph.py), which tokens are good
(armtoken.py), throttling (throttle.py), service configurations (serviceconfig.py),
long-running operations (operations.py).
"""

import json
import re
import threading
import urllib.parse
import uuid

import armtoken
import inventory
from armerror import ArmError, error_doc
from httpd import Answer, BadRequest, request_ids
from operations import Operations
from serviceconfig import ServiceConfigs, service_name
from throttle import Throttle
from tokens import mint_jwt

API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")
FIRST_WITH_SERVICES = "2023-03-15"
SHORTEST, LONGEST = 600, 10800

MACHINE = (r"/subscriptions/(?P<sub>[^/]+)/resourcegroups/(?P<group>[^/]+)"
           rf"/providers/(?P<rtype>{inventory.ANY_TYPE})/(?P<name>[^/]+)")
ENDPOINT = MACHINE + r"/providers/microsoft\.hybridconnectivity/endpoints/default"
PROVIDER = r"/subscriptions/(?P<sub>[^/]+)/providers/microsoft\.hybridconnectivity"
LIST_CREDENTIALS = "Microsoft.HybridConnectivity/endpoints/listCredentials/action"
VERBS = {"GET": "read", "HEAD": "read", "DELETE": "delete", "POST": "action"}       # in names of actions; others: write


class Arm:
    """world is the Emulator: machines, keys, faults, log."""

    def __init__(self, world):
        self._world = world
        self._log = world.log
        self._lock = threading.Lock()
        self.sas_slack = 600            # the real service signs for longer than expiresOn says
        self.provider_state = "Registered"
        self.registering_polls = 1      # answers `Registering` after a registration
        self.page_size = 100
        self.next_link_host = None      # a host, or scheme://host, instead of ARM's in nextLink
        self.tenant = None              # of the subscriptions, if not Entra's
        self.denied = set()             # actions that nobody has a role for, such as LIST_CREDENTIALS
        self.slow_operations = 0
        self.operation_style = "azure-async"
        self.operation_result = "Succeeded"
        self.operation_retry_after = 0
        self.operation_host = None
        self._bucket = None
        self._challenge = None
        self._throttle = Throttle()
        self._operations = Operations(self, world)
        self._services = ServiceConfigs(self, self._operations)
        self._routes = [(re.compile(pattern, re.IGNORECASE), methods) for pattern, methods in (
            (MACHINE, {"GET": self._machine}),
            (ENDPOINT, {"GET": self._get_endpoint, "PUT": self._put_endpoint, "DELETE": self._delete_endpoint}),
            (ENDPOINT + r"/listcredentials", {"POST": self._list_credentials}),
            (ENDPOINT + r"/serviceconfigurations", {"GET": self._services.list}),
            (ENDPOINT + r"/serviceconfigurations/(?P<service>[^/]+)",
             {"GET": self._services.get, "PUT": self._services.put,
              "PATCH": self._services.patch, "DELETE": self._services.delete}),
            (PROVIDER, {"GET": self._get_provider}),
            (PROVIDER + r"/locations/[^/]+/operationstatuses/[^/]+", {"GET": self._operations.poll}),
            (PROVIDER + r"/register", {"POST": self._register_provider}),
            (r"/providers/microsoft\.resourcegraph/resources", {"POST": self._graph}),
            *((pattern, {method: self._bind(function)}) for pattern, method, function in inventory.ROUTES),
        )]

    def _bind(self, function):
        return lambda request, **where: function(self._world, self.page_size, request, **where)

    @property
    def bucket(self):
        return self._bucket

    @bucket.setter
    def bucket(self, limits):
        self._bucket = limits
        self._throttle.set(limits)

    def challenge(self, claims_json):
        self._challenge = None if claims_json is None else json.loads(claims_json)

    # --- one request ---

    def answer(self, request):
        """(Answer, faults) for one request."""
        faults = self._world.faults.arm.take(request.path)
        told = request_ids()
        try:
            response = self._scripted(faults) or self._checked(request, told)
        except ArmError as error:
            response = Answer(error.status, error_doc(error.code, error.message, error.details), error.headers)
        except BadRequest as error:
            response = Answer(400, error_doc("InvalidRequestContent", str(error)))
        response.headers += told
        failure = (response.doc or {}).get("error") or {}
        self._log.add("arm", "request", method=request.method, path=request.path, query=request.query,
                      operation=_operation(request), status=response.status, error=failure.get("code"),
                      body=request.body, headers=request.headers, faults=[fault.kind for fault in faults])
        return response, faults

    def _scripted(self, faults):
        for fault in faults:
            if fault.kind == "status":
                return Answer(fault.code, error_doc(fault.error, fault.message), fault.headers, fault.body,
                              fault.content_type)
        return None

    def _checked(self, request, told):
        """The Answer; `told` gets headers that the client is told in any case."""
        scheme, _, token = request.get("Authorization", "").partition(" ")
        claims = armtoken.check(token if scheme.lower() == "bearer" else "", self._world,
                                self.tenant or self._world.entra.tenant, self._challenge)
        header, wait = self._throttle.take(claims["oid"], request.method)
        told.append(header)
        if wait is not None:
            raise ArmError(429, "SubscriptionRequestsThrottled",
                           f"Number of 'write' requests for actor '{claims['oid']}' exceeded. Please try again after "
                           f"'{wait}' seconds after additional tokens are available.", [("Retry-After", str(wait))])
        version = request.query.get("api-version")
        if not version:
            raise ArmError(400, "MissingApiVersionParameter",
                           "The api-version query parameter (?api-version=) is required for all requests.")
        if not API_VERSION.fullmatch(version):
            raise ArmError(400, "InvalidApiVersionParameter", f"The api-version '{version}' is invalid.")
        request.principal = claims["oid"]
        self._need_role(request, claims)
        return self._route(request)

    def _need_role(self, request, claims):
        action, scope = _action(request)
        for denied in self.denied:
            if action == denied.lower():
                raise ArmError(403, "AuthorizationFailed",
                               f"The client '{claims.get('upn', claims['appid'])}' with object id '{claims['oid']}' does "
                               f"not have authorization to perform action '{denied}' over scope '{scope}' or the scope "
                               "is invalid. If access was recently granted, please refresh your credentials.")

    def _graph(self, request):
        return self._world.graph.answer(request, request.principal)

    def _route(self, request):
        path = urllib.parse.unquote(request.path).rstrip("/")
        for pattern, methods in self._routes:
            where = pattern.fullmatch(path)
            if where is None:
                continue
            if request.method not in methods:
                raise ArmError(405, "MethodNotAllowed", f"The method {request.method} is not allowed here.")
            with self._lock:
                return methods[request.method](request, **where.groupdict())
        raise ArmError(404, "InvalidResourceType", "The resource type could not be found.")

    def _find(self, sub, group, name, rtype):
        machine = self._world.find_machine(sub, group, name, rtype)
        if machine is None:
            raise ArmError(404, "ResourceNotFound",
                           f"The Resource '{rtype}/{name}' under resource group "
                           f"'{group}' was not found.")
        return machine

    def find_with_endpoint(self, **where):
        machine = self._find(**where)
        if not machine.has_endpoint:
            raise ArmError(404, "EndpointNotFound", f"The endpoint 'default' of '{machine.name}' was not found.")
        return machine

    def _need_provider(self):
        if self.provider_state != "Registered":
            raise ArmError(409, "MissingSubscriptionRegistration",
                           "The subscription is not registered to use namespace 'Microsoft.HybridConnectivity'.")

    # --- machine, endpoint ---

    def _machine(self, request, **where):
        return Answer(200, inventory.machine_doc(self._find(**where)))

    def _get_endpoint(self, request, **where):
        return Answer(200, _endpoint_doc(self.find_with_endpoint(**where)))

    def _put_endpoint(self, request, **where):
        machine = self._find(**where)
        self._need_provider()
        kind = (request.json().get("properties") or {}).get("type")
        if kind not in ("default", "custom"):
            raise ArmError(400, "BadRequest", "properties.type must be 'default' or 'custom'.")
        self._world.create_endpoint(machine)
        return Answer(200, _endpoint_doc(machine))

    def _delete_endpoint(self, request, **where):
        machine = self._find(**where)
        existed = machine.has_endpoint
        self._world.delete_endpoint(machine)
        return Answer(200 if existed else 204)

    # --- credentials ---

    def _list_credentials(self, request, **where):
        machine = self._find(**where)
        self._need_provider()
        machine = self.find_with_endpoint(**where)
        lifetime = _lifetime(request.query.get("expiresin", str(LONGEST)))
        service = request.json().get("serviceName")
        if request.query["api-version"] < FIRST_WITH_SERVICES:
            service = None
        return Answer(200, self.credentials(machine, lifetime, service and service_name(service)))

    def credentials(self, machine, lifetime, service=None):
        """The document of listCredentials; with a token if a service is named."""
        expires = int(self._world.clock.now()) + lifetime
        relay = self._relay_info(machine, expires)
        if service:
            if service not in machine.service_ports:
                raise ArmError(412, "PreconditionFailed",
                               f"The service configuration '{service}' does not exist for the endpoint 'default'.")
            relay["serviceConfigurationToken"] = self._service_token(machine, service, expires)
        return {"relay": relay}

    def _relay_info(self, machine, expires):
        world = self._world
        key = world.rules.mint(world.rules.sender, f"http://{world.relay.host}/{machine.entity}/",
                               expires + self.sas_slack)
        namespace, _, suffix = world.relay.host.partition(".")
        return {"namespaceName": namespace, "namespaceNameSuffix": suffix,
                "hybridConnectionName": machine.entity, "accessKey": key, "expiresOn": expires}

    def _service_token(self, machine, name, expires):
        return mint_jwt({"service": name, "port": machine.service_ports[name], "exp": expires,
                         "machine": machine.rid.lower(), "jti": str(uuid.uuid4())}, self._world.service_key)

    # --- resource provider ---

    def _get_provider(self, request, sub):
        if self.provider_state == "Registering":
            self.registering_polls -= 1
            if self.registering_polls < 0:
                self.provider_state = "Registered"
        return Answer(200, self._provider_doc(sub))

    def _register_provider(self, request, sub):
        if self.provider_state != "Registered":
            self.provider_state = "Registering"
        return Answer(200, self._provider_doc(sub))

    def _provider_doc(self, sub):
        return {"id": f"/subscriptions/{sub}/providers/Microsoft.HybridConnectivity",
                "namespace": "Microsoft.HybridConnectivity", "registrationState": self.provider_state}


def _action(request):
    """(what it does in the words of roles, lower case; the resource)."""
    path = urllib.parse.unquote(request.path).rstrip("/")
    below = path.rpartition("/providers/")[2]
    parts = below.split("/")
    kinds = [parts[0], *parts[1::2]]
    if request.method == "POST":
        path = path.rpartition("/")[0]
    return "/".join([*kinds, VERBS.get(request.method, "write")]).lower(), path


def _operation(request):
    """The last word of the path, lower case: what tests count by."""
    if "/operationstatuses/" in request.path.lower():
        return "operationstatuses"
    return request.path.rstrip("/").rpartition("/")[2].lower()


def _endpoint_doc(machine):
    return {"id": f"{machine.rid}/providers/Microsoft.HybridConnectivity/endpoints/default",
            "name": "default", "type": "microsoft.hybridconnectivity/endpoints",
            "properties": {"type": "default", "provisioningState": "Succeeded"}}


def _lifetime(text):
    if not text.isdigit() or not SHORTEST <= int(text) <= LONGEST:
        raise ArmError(400, "BadRequest", f"expiresin must be between {SHORTEST} and {LONGEST} seconds.")
    return int(text)
