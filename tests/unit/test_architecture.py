"""The rules of docs/design.md that imports show: one direction, and nothing heavy before it is needed."""

from __future__ import annotations

import ast
import importlib
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent.parent
FUNCTIONS = ("export_timer", "train_blob_trigger", "score_http")
STAGES = ("shared.export", "shared.training", "shared.scoring")
PRODUCT = ("shared", *FUNCTIONS)
HEAVY = ("pandas", "sklearn", "scipy", "joblib", "skl2onnx", "onnx", "onnxruntime", "pyodbc")
LONGEST_HANDLER = 40


@dataclass(frozen=True)
class Import:
    """One import: who, what, and where it stands."""

    importer: str
    imported: str
    relative: bool
    at_module_level: bool
    """Whether it runs when the module is loaded: neither inside a function nor for the type checker alone."""

    def __str__(self) -> str:
        return f"{self.importer} imports {self.imported}"

    def of(self, *packages: str) -> bool:
        """Whether what is imported is one of these packages, or in one."""
        return within(self.imported, *packages)


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def modules(*packages: str) -> Iterator[tuple[str, Path]]:
    """All modules of these packages of the project, by name."""
    for package in packages:
        for path in sorted((ROOT / package.replace(".", "/")).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


@cache
def imports(*packages: str) -> tuple[Import, ...]:
    return tuple(
        found for module, path in modules(*packages) for found in imports_of(module, ast.parse(path.read_text()))
    )


def imports_of(module: str, node: ast.AST, *, runs: bool = True) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for name in child.names:
                yield Import(module, name.name, relative=False, at_module_level=runs)
        elif isinstance(child, ast.ImportFrom):
            for name in child.names:
                # ``from shared import wiring`` is an import of shared.wiring.
                yield Import(module, f"{child.module}.{name.name}", relative=child.level > 0, at_module_level=runs)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from imports_of(module, ast.Module(child.body, []), runs=False)
            yield from imports_of(module, ast.Module(child.orelse, []), runs=runs)
        else:
            inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from imports_of(module, child, runs=runs and not inside)


def broken(found: Iterator[Import]) -> list[str]:
    return sorted({str(one) for one in found})


def test_the_walk_sees_imports_wherever_they_stand() -> None:
    source = """
import a
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import b
try:
    from c import d
except ImportError:
    pass
class Box:
    import e
def act():
    import f.g
    if True:
        from . import h
"""
    found = {one.imported: one.at_module_level for one in imports_of("m", ast.parse(source))}
    assert found == {
        "a": True,
        "typing.TYPE_CHECKING": True,
        "b": False,
        "c.d": True,
        "e": True,
        "f.g": False,
        "None.h": False,
    }
    assert {one.importer for one in imports(*PRODUCT)} >= {"shared.wiring", "shared.export.run", "score_http"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_no_other_stage(stage: str) -> None:
    others = [other for other in STAGES if other != stage]
    assert broken(one for one in imports(stage) if one.of(*others)) == []


@pytest.mark.parametrize(
    "below", ["shared.catalog", "shared.store", "shared.features", "shared.csv_format", "shared.markup"]
)
def test_what_stages_share_knows_no_stage(below: str) -> None:
    above = (*STAGES, *FUNCTIONS, "shared.wiring")
    assert broken(one for one in imports("shared") if within(one.importer, below) and one.of(*above)) == []


def test_no_stage_reaches_for_what_wires_it() -> None:
    assert broken(one for one in imports(*STAGES) if one.of("shared.wiring", *FUNCTIONS)) == []


def test_settings_and_errors_know_nothing_else() -> None:
    low = [one for one in imports("shared") if one.importer in {"shared.settings", "shared.errors"}]
    assert broken(one for one in low if one.of("shared") and not one.of("shared.errors")) == []


def test_function_folders_know_each_other_not() -> None:
    assert broken(one for one in imports(*FUNCTIONS) if one.of(*FUNCTIONS)) == []


def test_only_the_store_knows_azure_storage() -> None:
    storage = [one for one in imports(*PRODUCT) if one.of("azure.storage", "azure.core")]
    assert {one.importer for one in storage} == {"shared.store.azure_blobs"}


def test_only_wiring_and_the_store_know_identities() -> None:
    identity = [one for one in imports(*PRODUCT) if one.of("azure.identity")]
    assert {one.importer for one in identity} == {"shared.wiring", "shared.store.azure_blobs"}
    assert not [one for one in identity if one.at_module_level]


def test_only_function_folders_know_azure_functions() -> None:
    assert broken(one for one in imports("shared") if one.of("azure.functions")) == []


def test_the_product_knows_neither_tests_nor_what_is_not_deployed() -> None:
    assert broken(one for one in imports(*PRODUCT) if one.of("local", "tests")) == []


def test_what_is_not_deployed_knows_no_tests() -> None:
    assert broken(one for one in imports("local") if one.of("tests")) == []


def test_imports_are_absolute() -> None:
    """In Azure a function folder is ``__app__.folder``: a relative import would load ``shared`` a second time."""
    assert broken(one for one in imports(*PRODUCT, "local", "tests") if one.relative) == []


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    light = (*FUNCTIONS, "shared.wiring", "shared.settings", "shared.catalog", "shared.store", "shared.features",
             "shared.csv_format", "shared.export", "shared.scoring")  # fmt: skip
    early = [one for one in imports(*PRODUCT) if one.at_module_level and within(one.importer, *light)]
    assert broken(one for one in early if one.of(*HEAVY)) == []
    with_arrays = ("shared.features", "shared.scoring")
    assert broken(one for one in early if one.of("numpy") and not within(one.importer, *with_arrays)) == []


def test_only_the_export_knows_databases() -> None:
    odbc = [one for one in imports(*PRODUCT) if one.of("pyodbc")]
    assert odbc
    assert broken(one for one in odbc if not within(one.importer, "shared.export")) == []


def test_the_export_never_needs_what_training_and_scoring_need() -> None:
    needed = imports("shared.export", "shared.store", "shared.catalog", "shared.csv_format", "export_timer")
    assert broken(one for one in needed if one.of("numpy", *set(HEAVY) - {"pyodbc"})) == []


def test_what_reads_in_a_process_of_its_own_knows_nothing_of_storage_and_no_setting() -> None:
    """It holds a connection to the database and passes rows on: the less it loads, the sooner it begins."""
    reading = {"shared.export.apart", "shared.export.connection", "shared.export.dialects", "shared.export.reading"}
    found = [one for one in imports("shared.export") if one.importer in reading and one.at_module_level]
    assert {one.importer for one in found} == reading
    assert broken(one for one in found if one.of("azure", "shared.store.blobs", "shared.store.azure_blobs")) == []
    assert broken(one for one in found if one.of("shared.wiring", "shared.settings.Settings")) == []


def test_scoring_never_needs_what_training_needs() -> None:
    needed = imports("shared.scoring", "shared.store", "shared.catalog", "score_http")
    assert broken(one for one in needed if one.of(*set(HEAVY) - {"onnxruntime"})) == []


def test_nothing_is_pickled() -> None:
    unsafe = ("pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal")
    stored = [one for one in imports("shared.store", "shared.scoring") if one.of(*unsafe)]
    assert broken(iter(stored)) == []


@pytest.mark.parametrize("name", [*PRODUCT, "local"])
def test_the_projects_packages_are_its_own(name: str) -> None:
    """On some hosting plans an installed package of the same name would come first."""
    found = importlib.import_module(name).__file__
    assert found is not None
    assert Path(found).is_relative_to(ROOT / name)
    assert name not in packages_distributions()
    assert name not in sys.stdlib_module_names


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_handlers_are_short(folder: str) -> None:
    tree = ast.parse((ROOT / folder / "__init__.py").read_text())
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert "main" in functions
    lengths = {name: (node.end_lineno or 0) - node.lineno + 1 for name, node in functions.items()}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_HANDLER} == {}


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_a_function_folder_is_a_handler_and_its_bindings(folder: str) -> None:
    names = {path.name for path in (ROOT / folder).iterdir() if path.name != "__pycache__"}
    assert names == {"__init__.py", "function.json"}
