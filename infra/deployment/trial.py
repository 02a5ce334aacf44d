"""The smoke test: a drop becomes a version, and the version answers."""

from __future__ import annotations

import json
import ssl
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from infra.deployment.azure import NotYet
from infra.deployment.faults import AzError, DeploymentError
from infra.smoke.orders import DATASET, MODEL, ROW, orders_csv
from shared.store import names

if TYPE_CHECKING:
    from infra.deployment.deployment import Deployment

SPREADING = ("AuthorizationPermissionMismatch", "AuthorizationFailure")


def try_it(deployment: Deployment) -> None:
    """Drop made-up orders, wait for the version that comes of them, and score one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record = _train(deployment, folder)
    if deployment.az.dry:
        print(f"  curl -X POST {deployment.output('scoringUrl')}/api/models/{MODEL}/score -d '{json.dumps(ROW)}'")
        return
    if record.get("outcome") != "promoted":
        message = (
            f"the smoke test's training ended {record.get('outcome')!r}: {record.get('reasons') or record.get('error')}"
        )
        raise DeploymentError(message)
    print(f"  trained: {record['version']} serves")
    answer = _score(deployment)
    print(f"  scored: {json.dumps(answer['predictions'][0])}")


def _train(deployment: Deployment, folder: Path) -> dict[str, Any]:
    """Drop the orders, and return the run record of what became of them."""
    rows = folder / "orders.csv"
    # Each time other rows: the same ones would be an event that was there before.
    rows.write_bytes(orders_csv(seed=int(datetime.now(UTC).timestamp())))
    blob = f"{DATASET}/orders-{names.stamp(datetime.now(UTC))}.csv"
    storage = ("--blob-endpoint", deployment.output("dataBlobEndpoint"), "--auth-mode", "login")

    def drop() -> dict[str, Any]:
        words = (
            "storage",
            "blob",
            "upload",
            *storage,
            "--container-name",
            "drops",
            "--name",
            blob,
            "--file",
            str(rows),
        )
        try:
            taken: dict[str, Any] = deployment.az(*words, otherwise={})
        except AzError as error:
            if error.has(*SPREADING) or any(code in str(error) for code in SPREADING):
                reason = "storage refuses whoever deploys: the role is spreading, or OPERATORS_ID is somebody else"
                raise NotYet(reason) from error
            raise
        return taken

    todo = "Look at docs/deploy.md, When the smoke test fails"
    taken = deployment.patience.until("the drop to be taken", drop, todo=todo)
    modified = datetime.fromisoformat(taken.get("lastModified", "2026-01-01T00:00:00+00:00"))
    etag = f'"{taken.get("etag", "").strip('"')}"'  # as the pipeline sees it
    slot = names.upload_slot(f"drops/{blob}", etag, modified)
    container, _, path = names.run_record(DATASET, slot, MODEL).partition("/")
    file = folder / "run.json"

    def look() -> dict[str, Any] | None:
        words = ("storage", "blob", "download", *storage, "--container-name", container, "--name", path)
        try:
            deployment.az(*words, "--file", str(file), "--no-progress")
        except AzError as error:
            if "BlobNotFound" in str(error) or "does not exist" in str(error):
                reason = f"{container}/{path} is not there"
                raise NotYet(reason) from error
            raise
        record: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        return record

    return deployment.patience.until("a version", look, todo=todo)


def _score(deployment: Deployment) -> dict[str, Any]:
    """The answer of one row. A new edge takes some minutes until all of it knows where to send."""
    words = ("functionapp", "keys", "list", "--resource-group", deployment.group, "--name", deployment.app("scoring"))
    key = deployment.az(*words)["functionKeys"]["default"]
    url = f"{deployment.output('scoringUrl')}/api/models/{MODEL}/score"

    def ask() -> dict[str, Any]:
        try:
            answer = httpx.post(
                url, json=ROW, headers={"x-functions-key": key}, timeout=60, verify=ssl.create_default_context()
            )
        except httpx.HTTPError as error:
            reason = f"{error.__class__.__name__}: {error}"
            raise NotYet(reason) from error
        if answer.status_code != 200:
            reason = f"HTTP {answer.status_code}: {answer.text[:300]}"
            raise NotYet(reason)
        scored: dict[str, Any] = answer.json()
        return scored

    return deployment.patience.until(url, ask, todo="Look at docs/deploy.md, When the smoke test fails")
