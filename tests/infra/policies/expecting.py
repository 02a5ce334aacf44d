"""What policies are written with: each one yields, in words, what a deployment has wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from infra.snapshots import Deployed, Resource, at

type Faults = Iterator[str]
type Policy = Callable[[Deployed], Faults]


def differing(resource: Resource, expected: dict[str, Any]) -> Faults:
    """``{"properties.sku.name": "FC1"}``: whichever value is another one, or is not there."""
    for path, value in expected.items():
        found = at(resource, path)
        if found != value or type(found) is not type(value):
            yield f"{resource['type']} {resource['name']}: {path}: expected {value!r}, got {found!r}"


def other_than(what: str, found: Any, expected: Any) -> Faults:
    """One fault where the two are not equal; of sets, only what differs."""
    if isinstance(expected, set):
        found = set(found)
        if found - expected:
            yield f"{what}: not expected: {sorted(map(str, found - expected))}"
        if expected - found:
            yield f"{what}: missing: {sorted(map(str, expected - found))}"
    elif found != expected:
        yield f"{what}: expected {expected!r}, got {found!r}"
