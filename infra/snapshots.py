"""The snapshots: the resources that each size of company deploys, as the Bicep compiler evaluates them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

type Resource = dict[str, Any]

PARAMETERS = Path(__file__).parent / "parameters"
SIZES = ("small", "large", "subscription")


@dataclass(frozen=True)
class Deployed:
    """All resources of one deployment."""

    size: str
    resources: tuple[Resource, ...]
    outputs: Resource = field(default_factory=dict)

    def of(self, kind: str) -> list[Resource]:
        """Those of a type, written as ``Storage/storageAccounts``."""
        return [one for one in self.resources if one["type"] == f"Microsoft.{kind}"]

    def named(self, kind: str, beginning: str) -> Resource:
        """The one of a type whose name begins so."""
        (found,) = [one for one in self.of(kind) if one["name"].startswith(beginning)]
        return found

    def under(self, kind: str, parent: Resource) -> list[Resource]:
        """Those of a type in a resource, or scoped to it or to what it holds."""
        return [one for one in self.of(kind) if one["id"].startswith(parent["id"] + "/")]

    @property
    def private(self) -> bool:
        """Whether it has a network of its own."""
        return bool(self.of("Network/virtualNetworks"))


def deployed(size: str) -> Deployed:
    """The committed snapshot of ``parameters/{size}.bicepparam``."""
    return read(PARAMETERS / f"{size}.snapshot.json")


@cache
def read(path: Path) -> Deployed:
    """A snapshot file."""
    return from_text(path.name.partition(".")[0], path.read_text())


def from_text(size: str, snapshot: str) -> Deployed:
    """What stands in a snapshot file."""
    content = json.loads(snapshot)
    return Deployed(size, tuple(content["predictedResources"]), content.get("outputs") or {})


def values(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value inside, with where it stands: ``properties.sku.name``."""
    if isinstance(node, dict):
        for key, inner in node.items():
            yield from values(inner, f"{path}.{key}" if path else key)
    elif isinstance(node, list):
        for place, inner in enumerate(node):
            yield from values(inner, f"{path}[{place}]")
    else:
        yield path, node


def at(resource: Resource, path: str) -> Any:
    """The value at ``a.b.c``; None where there is none."""
    found: Any = resource
    for key in path.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found
