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
    from shared.store.records import Outcome

TODO = "Look at docs/deploy.md, When the smoke test fails"
TRAINED: tuple[Outcome, ...] = ("promoted", "kept")
"""A second smoke test's version may be no better than the first's: then that one answers."""
SPREADING = ("AuthorizationPermissionMismatch", "AuthorizationFailure")


def try_it(deployment: Deployment) -> None:
    """Drop made-up orders, wait for the version that comes of them, and score one."""
    if deployment.az.dry:
        return _print(deployment)
    with tempfile.TemporaryDirectory() as name:
        record = _train(deployment, Path(name))
    if record.get("outcome") not in TRAINED:
        message = f"the smoke test's training ended {record.get('outcome')!r}: {record.get('reasons')}"
        raise DeploymentError(message)
    print(f"  trained: {record['version']}, {record['outcome']}")
    answer = _score(deployment)
    print(f"  scored: {json.dumps(answer['predictions'][0])}")
    return None


def _print(deployment: Deployment) -> None:
    """The commands, where they are not run."""
    storage = _storage(deployment)
    deployment.az("storage", "blob", "upload", *storage, *_blob("drops", f"{DATASET}/orders.csv", "orders.csv"))
    run = _blob("runs", f"{DATASET}/<slot>/{MODEL}.json", "run.json")
    deployment.az("storage", "blob", "download", *storage, *run)
    print(f"  curl -X POST {deployment.output('scoringUrl')}/api/models/{MODEL}/score -d '{json.dumps(ROW)}'")


def _storage(deployment: Deployment) -> tuple[str, ...]:
    return ("--blob-endpoint", deployment.output("dataBlobEndpoint"), "--auth-mode", "login", "--no-progress")


def _blob(container: str, name: str, file: str) -> tuple[str, ...]:
    return ("--container-name", container, "--name", name, "--file", file)


def _train(deployment: Deployment, folder: Path) -> dict[str, Any]:
    """Drop the orders, and return the run record of what became of them."""
    rows, file = folder / "orders.csv", folder / "run.json"
    # Each time other rows: the same ones would make a version that is there.
    rows.write_bytes(orders_csv(seed=int(datetime.now(UTC).timestamp())))
    name = f"{DATASET}/orders-{names.stamp(datetime.now(UTC))}.csv"
    storage = _storage(deployment)

    def drop() -> dict[str, Any]:
        try:
            upload = deployment.az("storage", "blob", "upload", *storage, *_blob("drops", name, str(rows)))
        except AzError as error:
            if any(code in str(error) for code in SPREADING):
                reason = "storage refuses whoever deploys: the role is spreading, or OPERATORS_ID is somebody else"
                raise NotYet(reason) from error
            raise
        taken: dict[str, Any] = upload
        return taken

    taken = deployment.patience.until("the drop to be taken", drop, todo=TODO)
    etag = f'"{taken["etag"].strip('"')}"'  # as the pipeline sees it
    slot = names.upload_slot(f"drops/{name}", etag, datetime.fromisoformat(taken["lastModified"]))
    container, _, path = names.run_record(DATASET, slot, MODEL).partition("/")

    def look() -> dict[str, Any]:
        try:
            deployment.az("storage", "blob", "download", *storage, *_blob(container, path, str(file)))
        except AzError as error:
            if "BlobNotFound" in str(error) or "does not exist" in str(error):
                reason = f"{container}/{path} is not there"
                raise NotYet(reason) from error
            raise
        record: dict[str, Any] = json.loads(file.read_text())
        return record

    return deployment.patience.until("a version", look, todo=TODO)


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

    return deployment.patience.until(url, ask, todo=TODO)
