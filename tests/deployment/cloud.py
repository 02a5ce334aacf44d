"""What stands for Azure: Resource Manager, the apps' SCM and the scoring app, over TLS on one port of this machine.

It answers what the real ``az`` asks, remembers every request with its body, and fails where a test tells it to.
"""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from infra.deployment.steps import PROVIDERS
from tests.deployment.certificates import server_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.deployment.certificates import Certificate

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
TENANT = "22222222-2222-2222-2222-222222222222"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-cauce"
FUNCTIONS = {"cauce-scoring": ["score_http"], "cauce-pipeline": ["export_timer", "train_blob_trigger"]}


@dataclass(frozen=True)
class Request:
    """One that was made."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body. ``az`` writes a template into it as it is, after a name without quotes."""
        return json.loads(re.sub(rb",\s*template:\s*\{", b', "template": {', self.body, count=1))

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Answer:
    """What a request gets."""

    status: int = 200
    content: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def refusal(status: int, code: str, message: str) -> Answer:
    """An error as Resource Manager words it."""
    return Answer(status, {"error": {"code": code, "message": message}})


@dataclass
class Cloud:
    """The state of it, and what goes wrong in it."""

    port: int = 0
    outputs: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    providers: dict[str, str] = field(default_factory=lambda: dict.fromkeys(PROVIDERS, "Registered"))
    secrets: dict[str, str] = field(default_factory=dict)
    functions: dict[str, list[str]] = field(
        default_factory=lambda: {app: list(names) for app, names in FUNCTIONS.items()}
    )
    deployments: dict[str, dict[str, Any]] = field(default_factory=dict)
    failing: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Deployment name to the error that it ends with."""
    statuses: list[dict[str, Any]] = field(default_factory=list)
    """What SCM says of the latest package, one after the other; the last one stays."""
    faults: list[tuple[str, Answer]] = field(default_factory=list)
    """Answers in place of the right ones, each given once, to the first request whose ``METHOD path`` matches."""

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def made(self, pattern: str) -> list[Request]:
        """The requests whose ``METHOD path`` matches."""
        return [request for request in self.requests if re.search(pattern, str(request))]

    def answer(self, request: Request) -> Answer:
        """The answer to one, or the fault that is due."""
        self.requests.append(request)
        for place, (pattern, answer) in enumerate(self.faults):
            if re.search(pattern, str(request)):
                del self.faults[place]
                return answer
        for pattern, handler in ROUTES:
            match = re.fullmatch(pattern, str(request), re.IGNORECASE)
            if match:
                return handler(self, request, *match.groups())
        return refusal(404, "ResourceNotFound", f"{request} is nothing that this cloud has")


def _subscriptions(_cloud: Cloud, _request: Request) -> Answer:
    one = {"id": f"/subscriptions/{SUBSCRIPTION}", "subscriptionId": SUBSCRIPTION, "tenantId": TENANT}
    named = {"displayName": "A company", "state": "Enabled", "authorizationSource": "RoleBased"}
    return Answer(content={"value": [{**one, **named, "managedByTenants": []}]})


def _tenants(_cloud: Cloud, _request: Request) -> Answer:
    return Answer(content={"value": [{"id": f"/tenants/{TENANT}", "tenantId": TENANT}]})


def _providers(cloud: Cloud, _request: Request) -> Answer:
    listed = [{"namespace": name, "registrationState": state} for name, state in cloud.providers.items()]
    return Answer(content={"value": listed})


def _register(cloud: Cloud, _request: Request, name: str) -> Answer:
    cloud.providers[name] = "Registered"
    return Answer(content={"namespace": name, "registrationState": "Registering"})


def _group(_cloud: Cloud, request: Request) -> Answer:
    known = {"id": GROUP, "name": "rg-cauce", "type": "Microsoft.Resources/resourceGroups"}
    return Answer(201, {**known, **request.json, "properties": {"provisioningState": "Succeeded"}})


def _validated(_cloud: Cloud, request: Request, name: str) -> Answer:
    properties = {"provisioningState": "Succeeded", "mode": "Incremental", "validatedResources": []}
    return Answer(content={"id": f"{GROUP}/validate", "name": name, "properties": {**properties, "parameters": {}}})


def _deploy(cloud: Cloud, request: Request, name: str) -> Answer:
    cloud.deployments[name] = request.json
    return Answer(201, _deployment(cloud, name, "Accepted"))


def _deployed(cloud: Cloud, _request: Request, name: str) -> Answer:
    if name not in cloud.deployments:
        return refusal(404, "DeploymentNotFound", f"Deployment '{name}' could not be found.")
    return Answer(content=_deployment(cloud, name, "Failed" if name in cloud.failing else "Succeeded"))


def _deployment(cloud: Cloud, name: str, state: str) -> dict[str, Any]:
    outputs = {key: {"type": "String", "value": value} for key, value in cloud.outputs.items()}
    properties: dict[str, Any] = {"provisioningState": state, "mode": "Incremental", "outputs": outputs}
    if state == "Failed":
        properties["error"] = cloud.failing[name]
    return {"id": f"{GROUP}/providers/Microsoft.Resources/deployments/{name}", "name": name, "properties": properties}


def _what_if(_cloud: Cloud, _request: Request, _name: str) -> Answer:
    change = {"resourceId": f"{GROUP}/providers/Microsoft.Web/sites/cauce-scoring", "changeType": "Create"}
    after = {
        "id": change["resourceId"],
        "name": "cauce-scoring",
        "type": "Microsoft.Web/sites",
        "apiVersion": "2025-03-01",
    }
    return Answer(content={"status": "Succeeded", "properties": {"changes": [{**change, "after": after}]}})


def _secret(cloud: Cloud, request: Request, name: str) -> Answer:
    if request.method == "PUT":
        cloud.secrets[name] = request.json["properties"]["value"]
    if name not in cloud.secrets:
        return refusal(404, "SecretNotFound", f"A secret with (name/id) {name} was not found in this key vault.")
    return Answer(content={"name": name, "properties": {"attributes": {"enabled": True}}})


def _nothing(_cloud: Cloud, _request: Request, *_: str) -> Answer:
    return Answer(content={})


def _functions(cloud: Cloud, _request: Request, app: str) -> Answer:
    value = [{"name": f"{app}/{name}", "properties": {"name": name}} for name in cloud.functions.get(app, [])]
    return Answer(content={"value": value})


def _site(_cloud: Cloud, _request: Request, app: str) -> Answer:
    identity = {"id": f"{GROUP}/providers/Microsoft.Web/sites/{app}", "name": app, "location": "westeurope"}
    return Answer(content={**identity, "kind": "functionapp,linux", "properties": {"state": "Running"}})


def _keys(_cloud: Cloud, _request: Request, _app: str) -> Answer:
    return Answer(content={"masterKey": "m", "functionKeys": {"default": "the-scoring-key"}, "systemKeys": {}})


def _publish(_cloud: Cloud, _request: Request) -> Answer:
    return Answer(202, {"id": "1"})


def _latest(cloud: Cloud, _request: Request) -> Answer:
    found = cloud.statuses[0] if cloud.statuses else {"status": 4}
    if len(cloud.statuses) > 1:
        del cloud.statuses[0]
    return Answer(content=found)


def _score(_cloud: Cloud, request: Request) -> Answer:
    if request.headers.get("x-functions-key") != "the-scoring-key":
        return Answer(401)
    return Answer(
        content={"model": "smoke", "version": "v", "predictions": [{"probability": 0.8, "decision": "check"}]}
    )


SITES = "(?:/subscriptions/[^/]+/resourceGroups/rg-cauce/providers/Microsoft.Web/sites/([^/]+))"
DEPLOYMENTS = "/subscriptions/[^/]+/resourcegroups/rg-cauce/providers/Microsoft.Resources/deployments/([^/]+)"
ROUTES: list[tuple[str, Callable[..., Answer]]] = [
    ("GET /subscriptions", _subscriptions),
    ("GET /tenants", _tenants),
    ("GET /subscriptions/[^/]+/providers", _providers),
    ("POST /subscriptions/[^/]+/providers/([^/]+)/register", _register),
    ("PUT /subscriptions/[^/]+/resourcegroups/rg-cauce", _group),
    (f"POST {DEPLOYMENTS}/validate", _validated),
    (f"POST {DEPLOYMENTS}/whatIf", _what_if),
    (f"PUT {DEPLOYMENTS}", _deploy),
    (f"GET {DEPLOYMENTS}", _deployed),
    ("(?:GET|PUT) .*/Microsoft.KeyVault/vaults/kv-cauce/secrets/([^/]+)", _secret),
    (f"POST {SITES}/config/configreferences/appsettings/refresh", _nothing),
    (f"GET {SITES}/functions", _functions),
    (f"GET {SITES}", _site),
    (f"POST {SITES}/host/default/listkeys", _keys),
    ("POST /api/publish", _publish),
    ("GET /api/deployments/latest", _latest),
    ("POST /api/models/smoke/score", _score),
]


@contextmanager
def running(certificate: Certificate) -> Iterator[Cloud]:
    """A cloud that answers on a free port until the block ends."""
    cloud = Cloud()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Nothing: a test looks at ``cloud.requests``."""

        def _take(self) -> None:
            parts = urlsplit(self.path)
            body = self._chunked() if "chunked" in self.headers.get("Transfer-Encoding", "") else self._whole()
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = cloud.answer(Request(self.command, parts.path, parse_qs(parts.query), headers, body))
            content = b"" if answer.content is None else json.dumps(answer.content).encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _whole(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def _chunked(self) -> bytes:
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_PATCH = _take  # noqa: N815

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    server.socket = server_context(certificate).wrap_socket(server.socket, server_side=True)
    cloud.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield cloud
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
