"""What is loaded when a function is loaded, seen in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
FUNCTIONS = ("export_timer", "train_blob_trigger", "score_http")
SCORING = ("score_http", "shared.scoring.run", "shared.scoring.serving.session", "shared.store.azure_blobs")
EXPORT = ("shared.export.run", "shared.export.apart", "shared.export.source", "shared.export.retention")
TRAINING_ONLY = ("pandas", "sklearn", "scipy", "joblib", "skl2onnx", "onnx", "pyodbc")
HEAVY = (*TRAINING_ONLY, "onnxruntime", "numpy", "azure.storage", "azure.identity")

WATCHED = """
import importlib, os, socket, sys

read = []
class Watched(type(os.environ)):
    def __getitem__(self, name):
        read.append(name)
        return super().__getitem__(name)

def no_connection(*_args, **_kwargs):
    raise AssertionError("a connection was made at import")

import azure.functions, dataclasses, datetime, functools, pathlib, typing  # what any function imports; not ours
os.environ.__class__ = Watched
socket.socket.connect = no_connection
module = importlib.import_module({folder!r})
os.environ.__class__ = Watched.__base__
from shared import wiring
built = [name for name, made in vars(wiring).items() if hasattr(made, "cache_info") and made.cache_info().currsize]
print(read, built, callable(module.main))
"""


def in_a_process(code: str) -> str:
    """What ``code`` prints in a fresh interpreter that is told nothing by its environment."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env={"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def loaded_by(*modules: str, among: tuple[str, ...]) -> set[str]:
    listed = f"import sys, {', '.join(modules)}\nprint(*(name for name in {among!r} if name in sys.modules))"
    return set(in_a_process(listed).split())


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_loading_a_function_loads_nothing_heavy(folder: str) -> None:
    assert loaded_by(folder, among=HEAVY) == set()


def test_the_scorer_loads_nothing_that_only_training_needs() -> None:
    assert loaded_by(*SCORING, among=TRAINING_ONLY) == set()


@pytest.mark.parametrize("module", EXPORT)
def test_the_export_loads_nothing_heavy_before_it_begins(module: str) -> None:
    """Each of these alone; the second is a process that is started for every range of keys."""
    assert loaded_by(module, among=(*HEAVY, "azure.functions")) == set()


def test_the_export_and_its_wiring_load_no_identity_until_it_is_asked_for() -> None:
    code = (
        "import os, sys\nos.environ.update(DataStorage='UseDevelopmentStorage=true', SQL_CONNECTION_STRING='x')\n"
        "from shared import wiring\nmade = wiring.exporter()\n"
        "print(*sorted(name for name in ('azure.identity', 'azure.storage', 'pyodbc') if name in sys.modules))"
    )
    assert in_a_process(code) == "azure.storage"


def test_the_watch_sees_what_is_loaded() -> None:
    assert loaded_by("shared.scoring.serving.session", among=("numpy", "pandas")) == {"numpy"}


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_loading_a_function_reads_no_setting_and_builds_nothing(folder: str) -> None:
    assert in_a_process(WATCHED.format(folder=folder)) == "[] [] True"
