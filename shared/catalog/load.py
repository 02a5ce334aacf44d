"""Read a folder of catalog files."""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.catalog.check import column_faults, dataset_faults, decision_faults, gate_faults, target_faults
from shared.catalog.decode import decode
from shared.catalog.spec import Column, Dataset, Decision, Gate, Model, UseCase
from shared.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Catalog:
    """All use cases, in the order of their file names."""

    use_cases: tuple[UseCase, ...]

    def model(self, name: str) -> UseCase | None:
        """The use case whose model has this name."""
        return next((use_case for use_case in self.use_cases if use_case.model.name == name), None)

    def trained_on(self, dataset: str) -> UseCase | None:
        """The use case whose model is trained on this dataset."""
        return next((use_case for use_case in self.use_cases if use_case.dataset.name == dataset), None)


def load_catalog(folder: Path) -> Catalog:
    """Read every ``*.toml`` in ``folder``; raise CatalogError with all faults of all files."""
    faults: list[str] = []
    use_cases = [parse_use_case(path.read_bytes(), path.name, faults) for path in sorted(folder.glob("*.toml"))]
    good = tuple(use_case for use_case in use_cases if use_case is not None)
    if not use_cases:
        faults.append(f"{folder}: expected at least one *.toml file, found none")
    faults += _clashes(good)
    if faults:
        msg = "the catalog has faults:\n  " + "\n  ".join(faults)
        raise CatalogError(msg)
    return Catalog(good)


def parse_use_case(text: bytes, file: str, faults: list[str]) -> UseCase | None:
    """Parse one file; its faults, prefixed with ``file``, are appended to ``faults``."""
    found: list[str] = []
    try:
        raw = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(f"{file}: is not TOML: {error}")
        return None
    use_case = decode(raw, UseCase, "", found)
    found += _faults_of_meaning(raw)
    faults += [f"{file}: {fault}" for fault in found]
    return None if found else use_case


def _faults_of_meaning(raw: dict[str, Any]) -> Iterator[str]:
    """Checks each section that can be read, whatever is wrong with the others."""
    columns = _at(raw, "dataset", "columns")
    for name in columns if isinstance(columns, dict) else ():
        column = _readable(Column, columns, name)
        if column is not None:
            yield from column_faults(name, column)
    dataset, model = _readable(Dataset, raw, "dataset"), _readable(Model, raw, "model")
    decision = _readable(Decision, raw, "model", "decision")
    if dataset is not None:
        yield from dataset_faults(dataset)
    if dataset is not None and model is not None:
        yield from target_faults(dataset, model)
    if decision is not None:
        yield from decision_faults(decision)
    gate = _readable(Gate, raw, "gate")
    if dataset is not None and gate is not None:
        yield from gate_faults(dataset, gate)


def _readable[S](kind: type[S], raw: dict[str, Any], *path: str) -> S | None:
    """The section at ``path``, or None where it has faults of form: what follows from those is not told as well."""
    faults: list[str] = []
    section: S = decode(_at(raw, *path), kind, "", faults)
    return None if faults else section


def _at(raw: Any, *path: str) -> Any:
    for name in path:
        raw = raw.get(name) if isinstance(raw, dict) else None
    return raw


def _clashes(use_cases: tuple[UseCase, ...]) -> Iterator[str]:
    for kind, names in (
        ("model", [use_case.model.name for use_case in use_cases]),
        ("dataset", [use_case.dataset.name for use_case in use_cases]),
    ):
        for name, count in Counter(names).items():
            if count > 1:
                yield f"{kind}.name: {name!r} is declared in {count} files; each name belongs to one"
