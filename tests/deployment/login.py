"""The real ``az``, told of a cloud on this machine and logged in to it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from local.bootstrap.tools import program
from tests.deployment.cloud import SUBSCRIPTION, TENANT
from tests.infra.compiler import INFRA, compiler

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.deployment.certificates import Certificate
    from tests.deployment.cloud import Cloud

DEPLOYER = "33333333-3333-3333-3333-333333333333"


@contextmanager
def identity() -> Iterator[str]:
    """An address that gives tokens, as a machine with a managed identity has one."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing."""

        def do_GET(self) -> None:
            resource = parse_qs(urlsplit(self.path).query)["resource"][0]
            expires = int(time.time()) + 86_400
            token = unsigned_token(resource, expires)
            content = json.dumps(
                {"access_token": token, "expires_on": str(expires), "resource": resource, "token_type": "Bearer"}
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/token"
    finally:
        server.shutdown()
        server.server_close()


def unsigned_token(resource: str, expires: int) -> str:
    """A token that says what ``az`` and Azurite look for; nobody here checks who signed it."""
    identity = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ci"
    claims = {"aud": resource.rstrip("/"), "iss": f"https://sts.windows.net/{TENANT}/", "tid": TENANT, "oid": DEPLOYER}
    times = {"iat": expires - 86_400, "nbf": expires - 86_400, "exp": expires, "idtyp": "app", "xms_mirid": identity}
    parts: list[dict[str, Any]] = [{"alg": "RS256", "typ": "JWT"}, claims | times | {"ver": "1.0"}]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])


def logged_in(cloud: Cloud, certificate: Certificate, tokens: str, home: Path) -> Mapping[str, str]:
    """The environment in which ``az`` is logged in to ``cloud``."""
    tools = home / "tools"
    tools.mkdir()
    # ``az`` asks the compiler anew each time, which is most of what a deployment takes here.
    (tools / "bicep").symlink_to(Path(__file__).parent / "remembering_bicep.sh")
    path = os.pathsep.join([str(program("azure-cli", "az").parent), str(tools), os.environ["PATH"]])
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "PYTHON"))},
        "PATH": path,
        "AZURE_CONFIG_DIR": str(home),
        "REQUESTS_CA_BUNDLE": str(certificate.file),
        "SSL_CERT_FILE": str(certificate.file),
        "IDENTITY_ENDPOINT": tokens,
        "IDENTITY_HEADER": "header",
        "REMEMBERED": str(tools),
        "REAL_BICEP": str(compiler()),
        "INFRA": str(INFRA),
    }
    endpoints = {
        "resource-manager": cloud.url,
        "active-directory": cloud.url,
        "active-directory-resource-id": cloud.url,
        "active-directory-graph-resource-id": cloud.url,
        "management": cloud.url,
    }
    named = [word for name, url in endpoints.items() for word in (f"--endpoint-{name}", url)]
    settings = ("bicep.use_binary_from_path=true", "bicep.check_version=false", "core.collect_telemetry=no")
    _az(environment, "config", "set", *settings, "core.survey_message=no")
    _az(environment, "cloud", "register", "--name", "local", "--skip-endpoint-discovery", *named)
    _az(environment, "cloud", "set", "--name", "local")
    _az(environment, "login", "--identity")
    return environment


def _az(environment: Mapping[str, str], *words: str) -> None:
    done = subprocess.run(["az", *words], env=dict(environment), capture_output=True, text=True, check=False)  # noqa: S607
    assert done.returncode == 0, done.stderr
