"""The secrets of the key vault, made where they are missing and never shown.

They go through Resource Manager, not through the vault's own address: it reaches a vault that is closed to the
internet, and asks for no role beyond those that deploying takes.
"""

from __future__ import annotations

import json
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from infra.deployment.deployment import APPS
from infra.deployment.faults import AzError

if TYPE_CHECKING:
    from infra.deployment.deployment import Deployment

VAULT_API = "2026-02-01"
SITE_API = "2025-03-01"
HASH_KEY = "pii-hash-key"
CONNECTION = "sql-connection-string"


def make_secrets(deployment: Deployment) -> None:
    """The key of hashes, which is made once and never again; a database's connection string, if it is given."""
    if not _is_there(deployment, HASH_KEY):
        _put(deployment, HASH_KEY, secrets.token_urlsafe(48))
        print(f"  {HASH_KEY}: made")
    given = deployment.az.environment.get("SQL_CONNECTION_STRING", "")
    if given:
        _put(deployment, CONNECTION, given)
        print(f"  {CONNECTION}: set to SQL_CONNECTION_STRING")
    elif "kind: 'secret'" in deployment.parameters.read_text() and not _is_there(deployment, CONNECTION):
        print(
            f"  {CONNECTION}: there is none, so exports will fail and say so. Set it with:\n"
            f"    SQL_CONNECTION_STRING='Driver={{ODBC Driver 18 for SQL Server}};Server=...' make deploy FROM=secrets"
        )
    for app in APPS:
        # What was looked up before the secret was there is looked up again.
        site = f"{_group(deployment)}/providers/Microsoft.Web/sites/{deployment.app(app)}"
        url = f"{site}/config/configreferences/appsettings/refresh?api-version={SITE_API}"
        deployment.az("rest", "--method", "post", "--url", url)


def _is_there(deployment: Deployment, name: str) -> bool:
    try:
        deployment.az("rest", "--method", "get", "--url", _secret(deployment, name))
    except AzError as error:
        if error.has("SecretNotFound", "NotFound", "ResourceNotFound") or "Not Found" in str(error):
            return False
        raise
    return not deployment.az.dry


def _put(deployment: Deployment, name: str, value: str) -> None:
    """By way of a file that nobody else can read: the words of a command are seen by everybody on the machine."""
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder) / "secret.json"
        body.touch(mode=0o600)
        body.write_text(json.dumps({"properties": {"value": value}}))
        shown = "<secret>.json" if deployment.az.dry else str(body)
        deployment.az("rest", "--method", "put", "--url", _secret(deployment, name), "--body", f"@{shown}")


def _secret(deployment: Deployment, name: str) -> str:
    vault = f"{_group(deployment)}/providers/Microsoft.KeyVault/vaults/{deployment.output('keyVaultName')}"
    return f"{vault}/secrets/{name}?api-version={VAULT_API}"


def _group(deployment: Deployment) -> str:
    return f"/subscriptions/{{subscriptionId}}/resourceGroups/{deployment.group}"
