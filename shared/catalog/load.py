"""Read a folder of catalog files."""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.catalog.check import classification_faults, column_faults, dataset_faults, decision_faults, gate_faults
from shared.catalog.decode import decode
from shared.catalog.forecast import Forecast, ForecastCase
from shared.catalog.forecast_check import forecast_faults
from shared.catalog.spec import Classification, ClassificationCase, Column, Dataset, Decision, Gate, UseCase
from shared.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


CASES: dict[object, type[UseCase]] = {"classification": ClassificationCase, "forecast": ForecastCase}
"""By ``model.task``."""


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
    use_case = _decoded(raw, found)
    found += _faults_of_meaning(raw)
    faults += [f"{file}: {fault}" for fault in found]
    return None if found else use_case


def _decoded(raw: dict[str, Any], faults: list[str]) -> UseCase | None:
    """The file as the case that its task says; a classification where it says none, so that more faults are found."""
    task = _at(raw, "model", "task")
    if task is not None and task not in CASES:
        faults.append(f"model.task: expected one of {', '.join(map(repr, CASES))}, got {task!r}")
        return None
    use_case: UseCase = decode(raw, CASES.get(task, ClassificationCase), "", faults)
    return use_case


def _faults_of_meaning(raw: dict[str, Any]) -> Iterator[str]:
    """Checks each section that can be read, whatever is wrong with the others."""
    columns = _at(raw, "dataset", "columns")
    for name in columns if isinstance(columns, dict) else ():
        column = _readable(Column, columns, name)
        if column is not None:
            yield from column_faults(name, column)
    dataset = _readable(Dataset, raw, "dataset")
    if dataset is not None:
        yield from dataset_faults(dataset)
    yield from (_faults_of_forecast if _at(raw, "model", "task") == "forecast" else _faults_of_classification)(
        raw, dataset
    )


def _faults_of_forecast(raw: dict[str, Any], dataset: Dataset | None) -> Iterator[str]:
    model = _readable(Forecast, raw, "model")
    if dataset is not None and model is not None:
        yield from forecast_faults(dataset, model)


def _faults_of_classification(raw: dict[str, Any], dataset: Dataset | None) -> Iterator[str]:
    model, gate = _readable(Classification, raw, "model"), _readable(Gate, raw, "gate")
    decision = _readable(Decision, raw, "model", "decision")
    if dataset is not None and model is not None:
        yield from classification_faults(dataset, model)
    if decision is not None:
        yield from decision_faults(decision)
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
