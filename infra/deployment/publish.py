"""Sends a package to its app, as it is: what ``az`` has for that asks for a build on the platform."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import httpx

from infra.deployment.azure import NotYet
from infra.deployment.faults import DeploymentError
from infra.packaging.__main__ import build
from infra.packaging.apps import APPS as PACKAGES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.deployment.deployment import Deployment

DONE, FAILED, SUPERSEDED, PARTLY = 4, 3, 5, 6
ENDED = {FAILED: "failed", SUPERSEDED: "was superseded by another one", PARTLY: "went in half"}
CHUNK_BYTES = 1024 * 1024
UPLOAD_SECONDS = 600


def publish(deployment: Deployment, app: str) -> None:
    """Build the package unless it is there, send it, and wait until the platform says that it is in."""
    host = deployment.output(f"{app}ScmHostName")
    package = deployment.packages / f"{app}.zip"
    if deployment.az.dry:
        if deployment.build:
            print(f"  python -m infra.packaging {app} --to {deployment.path(deployment.packages)}")
        url = f"https://{host}/api/publish?RemoteBuild=false&Deployer=cauce"
        print(f"  curl -X POST '{url}' -T {deployment.path(package)} \\")
        print("    -H 'Content-Type: application/zip' -H \"Authorization: Bearer $(az account get-access-token ...)\"")
        return
    if deployment.build:
        build(PACKAGES[app], deployment.packages)
    elif not package.exists():
        message = f"--packages: expected {package}, got no such file; make package builds it"
        raise DeploymentError(message)
    todo = f"Look at Deployment Center of {deployment.app(app)} in the portal, then run make deploy again"
    with httpx.Client(base_url=f"https://{host}", verify=ssl.create_default_context(), timeout=UPLOAD_SECONDS) as scm:
        deployment.patience.until(f"{host} to take the package", lambda: _send(deployment, scm, package), todo=todo)
        found = deployment.patience.until(f"{app}'s package", lambda: _ended(deployment, scm), todo=todo)
    if found["status"] != DONE:
        said = found.get("status_text") or found.get("message") or "it does not say why"
        message = f"the package of {deployment.app(app)} {ENDED[found['status']]}: {said}. {todo}"
        raise DeploymentError(message)
    print(f"  {app}: {package.stat().st_size / 1e6:.1f} MB are in")


def _send(deployment: Deployment, scm: httpx.Client, package: Path) -> bool:
    headers = {**_authorization(deployment), "Content-Type": "application/zip"}
    size = {"Content-Length": str(package.stat().st_size)}
    try:
        query = {"RemoteBuild": "false", "Deployer": "cauce"}
        answer = scm.post("/api/publish", params=query, content=_chunks(package), headers=headers | size)
    except httpx.HTTPError as error:
        reason = f"it does not answer ({error.__class__.__name__}: {error})"
        raise NotYet(reason) from error
    if answer.is_success:
        return True
    later = _why_later(answer)
    if later is not None:
        raise NotYet(later)
    message = f"{scm.base_url.host} refused the package with HTTP {answer.status_code}: {answer.text[:500]}"
    raise DeploymentError(message)


def _why_later(answer: httpx.Response) -> str | None:
    """The reason for which the same request may be taken in a while; None where it never will be."""
    if answer.status_code == 409:
        return "another deployment of the app is running"
    if answer.status_code == 403:
        return "it refuses this address or this login (403), as it does for a minute after its rules have changed"
    if answer.status_code == 400 and "BlobUploadFailedException" in answer.text:
        return "the app may not write its package container yet: its role is spreading"
    if answer.status_code >= 500 or answer.status_code in {404, 429}:
        return f"it is not ready (HTTP {answer.status_code})"
    return None


def _ended(deployment: Deployment, scm: httpx.Client) -> dict[str, Any] | None:
    """What became of the latest deployment, once it has ended. HTTP says 200 of a failure: the body does not."""
    try:
        answer = scm.get("/api/deployments/latest", headers=_authorization(deployment))
        found: dict[str, Any] = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        reason = f"its status cannot be read ({error})"
        raise NotYet(reason) from error
    return found if found.get("status") in {DONE, *ENDED} else None


def _authorization(deployment: Deployment) -> dict[str, str]:
    token = deployment.az("account", "get-access-token")["accessToken"]
    return {"Authorization": f"Bearer {token}"}


def _chunks(package: Path) -> Iterator[bytes]:
    with package.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
