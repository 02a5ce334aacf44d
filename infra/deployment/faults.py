"""What went wrong, dug out of what ``az`` prints, and what to do about it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HINTS = {
    "AuthorizationFailed": (
        "whoever deploys needs the roles Contributor and Role Based Access Control Administrator on the resource group "
        "(docs/deploy.md, Roles)"
    ),
    "AuthorizationPermissionMismatch": (
        "a role on the data is missing or still spreading; it takes up to ten minutes: run make deploy again"
    ),
    "AuthenticationFailed": "log in again: az login",
    "ExpiredAuthenticationToken": "the login ran out: az login, then run make deploy again",
    "DeploymentActive": "another deployment into this group is running: wait for it, then run make deploy again",
    "Conflict": "something else changes the same resource: wait a minute, then run make deploy again",
    "InvalidTemplateDeployment": "the details above name the resource and the rule that refused it",
    "LocationNotAvailableForResourceType": "choose another LOCATION (docs/deploy.md, Regions)",
    "MissingSubscriptionRegistration": "run make deploy FROM=providers",
    "QuotaExceeded": "ask for more in the portal under Quotas, or deploy into another LOCATION",
    "RequestDisallowedByPolicy": "a policy of your company forbids it: show the message to whoever keeps the policies",
    "ResourceGroupNotFound": "run make deploy FROM=group",
    "ScopeLocked": "a lock protects it (docs/deploy.md, Taking it down)",
    "SubscriptionNotFound": "choose one: az account set --subscription NAME",
    "VaultAlreadyExists": "a deleted vault of this name is kept 90 days: az keyvault recover --name NAME",
}
CODED = re.compile(r"\((?P<code>[A-Z][A-Za-z0-9]+)\)\s+(?P<message>.+)")
QUOTED = re.compile(
    r"""["']code["']:\s*["'](?P<code>\w+)["'],\s*["']message["']:\s*["'](?P<message>.*?)(?<!\\)["']""", re.DOTALL
)
WRAPPERS = {"DeploymentFailed", "InvalidTemplateDeployment", "ResourceDeploymentFailure"}


@dataclass(frozen=True)
class Fault:
    """One thing that Azure has against a request."""

    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class DeploymentError(Exception):
    """A step cannot be done; the message says what was tried and what to do."""


class AzError(DeploymentError):
    """``az`` ended with an error. ``faults`` are what it says, the innermost first."""

    def __init__(self, command: str, exit_code: int, output: str) -> None:
        self.faults = tuple(found_in(output))
        lines = [str(fault) for fault in self.faults] or output.strip().splitlines()[-5:]
        hints = [HINTS[fault.code] for fault in self.faults if fault.code in HINTS]
        said = "".join(f"\n  {line}" for line in lines)
        todo = f"\n  what to do: {hints[0]}" if hints else ""
        super().__init__(f"`{command}` ended with code {exit_code}:{said}{todo}")

    def has(self, *codes: str) -> bool:
        """Whether one of the faults is one of these."""
        return any(fault.code in codes for fault in self.faults)


def found_in(output: str) -> Iterator[Fault]:
    """The faults in an error of ``az``: of its JSON where it prints some, else of its text, or of a traceback's."""
    seen = set()
    start = output.find("{")
    found = list(_of_json(output[start:])) if start >= 0 else []
    for fault in found or [*_matches(CODED, output), *_matches(QUOTED, output)]:
        if fault not in seen:
            seen.add(fault)
            yield fault


def _of_json(text: str) -> Iterator[Fault]:
    try:
        content, _ = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return
    if isinstance(content, dict):
        content = content.get("properties", content)
        yield from _leaves(content.get("error", content))


def _leaves(error: Any) -> Iterator[Fault]:
    """An error's details in place of the error, down to those that have none."""
    if not isinstance(error, dict):
        return
    details = error.get("details") or []
    if not details and error.get("code") in WRAPPERS | {"Conflict", "BadRequest"}:
        # The inner error often stands as text in the message of the outer one.
        inner = list(_of_json(str(error.get("message", ""))))
        if inner:
            yield from inner
            return
    if details:
        for detail in details:
            yield from _leaves(detail)
    elif error.get("code") or error.get("message"):
        yield Fault(str(error.get("code", "Error")), " ".join(str(error.get("message", "")).split()))


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[Fault]:
    for match in pattern.finditer(text):
        yield Fault(match["code"], " ".join(match["message"].split()))
