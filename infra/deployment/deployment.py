"""What every step of a deployment works with."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.deployment.azure import Patience
from infra.deployment.faults import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.deployment.azure import Az
    from infra.deployment.state import State

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
APPS = ("scoring", "pipeline")


@dataclass(frozen=True)
class Deployment:
    """One deployment: into which group, of which size, with what, and how far it is."""

    az: Az
    state: State
    group: str
    location: str
    parameters: Path
    packages: Path
    """The folder of the two zips."""
    build: bool = True
    """Whether they are built anew."""
    patience: Patience = field(default_factory=Patience)

    def output(self, name: str) -> str:
        """An output of main.bicep; its name in angle brackets where commands are only printed."""
        if self.az.dry:
            return f"<{name}>"
        if name not in self.state.outputs:
            message = f"{name}: is not known yet; run make deploy FROM=infrastructure"
            raise DeploymentError(message)
        return self.state.outputs[name]

    def app(self, which: str) -> str:
        """The name of the scoring or the pipeline app."""
        return self.output(f"{which}AppName")

    def path(self, file: Path) -> str:
        """A file as a person would write it, who stands in the project."""
        return str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else str(file)


def what_is_asked(parameters: Path, location: str, environment: Mapping[str, str]) -> str:
    """A digest of all that says what infrastructure there will be."""
    asked = hashlib.sha256()
    for source in sorted(INFRA.rglob("*.bicep")):
        asked.update(source.read_bytes())
    given = [environment.get(name, "") for name in ASKED]
    for part in (parameters.read_text(), location, *given):
        asked.update(part.encode())
    return asked.hexdigest()


def claims(token: str) -> dict[str, Any]:
    """What an access token says of who holds it. It is not checked: whoever it is shown to does that."""
    body = token.split(".")[1]
    content: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return content


def missing_variables(parameters: Path, environment: Mapping[str, str]) -> list[str]:
    """What a parameters file reads from the environment that has no sensible default, and is not there."""
    source = parameters.read_text()
    return [name for name in ASKED if f"readEnvironmentVariable('{name}'" in source and not environment.get(name)]


ASKED = {
    "ALERT_EMAIL": "the address that hears of alerts and of the budget",
    "SQL_ADMINISTRATORS": "the name of the Entra group that administers the database",
    "SQL_ADMINISTRATORS_ID": "the object id of that group",
}
