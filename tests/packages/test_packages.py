"""The two packages: what is in them, that they are the same twice, and that each runs with nothing but itself."""

import ast
import re
import subprocess
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest

from infra.packaging.__main__ import build
from infra.packaging.apps import APPS, MB, ROOT
from infra.packaging.locks import pins
from infra.packaging.tree import SITE
from infra.smoke.orders import MODEL, ROW, orders_csv
from local.azurite import Azurite
from local.eventgrid import EventGridRelay
from local.waiting import wait_until
from shared.store.azure_blobs import connect
from shared.store.blobs import Blobs
from shared.store.registry import Registry, Serving
from tests.packages.lonely_host import KEY, base_python, start

pytestmark = [pytest.mark.xdist_group("packages"), pytest.mark.timeout(900)]

TRAINING_ONLY = ("pandas", "sklearn", "scipy", "joblib", "skl2onnx", "onnx", "pyodbc", "holidays", "threadpoolctl")
RESOURCES = {
    "scoring": ("shared/catalog/phone.toml", "shared/scoring/openapi/docs.html", "shared/scoring/openapi/docs.css"),
    "pipeline": ("shared/catalog/sales.toml", "shared/training/card.html", "shared/training/forecast/card.html"),
}


def names_in(archive: Path) -> list[str]:
    with ZipFile(archive) as package:
        return package.namelist()


def trained(blobs: Blobs, log: Path) -> Serving | None:
    assert "Traceback" not in log.read_text(), log.read_text()
    return Registry(blobs).champion(MODEL)


@pytest.mark.parametrize("name", APPS)
def test_a_package_weighs_no_more_than_it_may(name: str, built: dict[str, Path]) -> None:
    assert 10 * MB < built[name].stat().st_size <= APPS[name].most_bytes


@pytest.mark.parametrize("name", APPS)
def test_a_package_holds_its_functions_and_what_they_read(name: str, built: dict[str, Path]) -> None:
    names = names_in(built[name])
    found = {one.partition("/")[0] for one in names if one.endswith("function.json")}
    assert found == set(APPS[name].functions)
    assert {"host.json", "shared/catalog/smoke.toml", *RESOURCES[name]} <= set(names)


@pytest.mark.parametrize("name", APPS)
def test_a_package_holds_nothing_that_never_runs(name: str, built: dict[str, Path]) -> None:
    never = re.compile(
        r"/tests?/|\.pyi$|\.h$|local\.settings|\.azurite|^tests|^local/|^docs/|site-packages/bin/|direct_url\.json"
    )
    assert [one for one in names_in(built[name]) if never.search(one)] == []


@pytest.mark.parametrize("name", APPS)
def test_a_package_is_compiled_as_far_as_it_is_ours(name: str, built: dict[str, Path]) -> None:
    names = set(names_in(built[name]))
    ours = [one for one in names if one.endswith(".py") and not one.startswith(".python_packages")]
    compiled = [re.sub(r"([^/]+)\.py$", r"__pycache__/\1.cpython-313.pyc", one) for one in ours]
    assert len(ours) > 20
    assert [one for one in compiled if one not in names] == []


def test_the_scoring_package_has_nothing_to_train_with(built: dict[str, Path]) -> None:
    names = names_in(built["scoring"])
    site = {one.removeprefix(f"{SITE}/").partition("/")[0] for one in names if one.startswith(SITE)}
    assert [one for one in TRAINING_ONLY if one in site] == []
    assert [one for one in names if one.startswith(("shared/training", "shared/export"))] == []


def test_the_same_sources_make_the_same_bytes(built: dict[str, Path], tmp_path: Path) -> None:
    """Of the smaller one, built again in another folder; the other is built by the same steps."""
    assert build(APPS["scoring"], tmp_path).read_bytes() == built["scoring"].read_bytes()


@pytest.mark.parametrize("name", APPS)
def test_a_lock_holds_the_versions_that_are_tested(name: str) -> None:
    locked, tested = pins(APPS[name].lock), pins(ROOT / "requirements.txt")
    assert [one for one in APPS[name].requirements if locked[one] != tested[one]] == []
    lines = [line for line in APPS[name].lock.read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==\S+ --hash=sha256:[0-9a-f]{64}", line)] == []


def test_every_requirement_is_in_a_package_or_in_the_worker() -> None:
    packed = {name for app in APPS.values() for name in app.requirements}
    assert set(pins(ROOT / "requirements.txt")) - packed == {"azure-functions-runtime-v1"}


@pytest.mark.parametrize("name", APPS)
def test_everything_that_the_code_imports_is_in_its_package(name: str, unpacked: dict[str, Path]) -> None:
    """Also what a function imports only once it runs, and also what is imported for types alone."""
    package = unpacked[name]
    imported: set[str] = set()
    for file in sorted(package.glob("shared/**/*.py")) + sorted(package.glob("*/__init__.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module))
    elsewhere = tuple(part.replace("/", ".") for part in APPS[name].without)
    lines = [f"import {module}\n" for module in sorted(imported) if not (elsewhere and module.startswith(elsewhere))]
    words = [base_python(), "-S", "-c", "".join(lines)]
    path = f"{package / SITE}:{package}"
    done = subprocess.run(words, env={"PYTHONPATH": path}, cwd="/", capture_output=True, text=True, check=False)
    assert len(imported) > 20
    assert done.returncode == 0, done.stderr


def test_each_package_answers_alone(unpacked: dict[str, Path], host: Path, tmp_path: Path) -> None:
    """The one trains on a drop, the other scores with what came of it: neither finds a library but its own."""
    with Azurite() as azurite:
        storage = azurite.connection_string
        environment = {"AzureWebJobsStorage": storage, "DataStorage": storage, "EXPORT_SCHEDULE": "0 0 2 * * *"}
        blobs = connect(storage, None, None, patient=True)
        with start(unpacked["pipeline"], host, environment, tmp_path / "pipeline.log") as pipeline:
            relay = EventGridRelay(storage, pipeline.url, poll_seconds=0.2).start()
            try:
                blobs.upload(f"drops/{MODEL}/orders.csv", [orders_csv()])
                serving = wait_until(lambda: trained(blobs, tmp_path / "pipeline.log"), 120)
            finally:
                relay.stop()
        with start(unpacked["scoring"], host, environment, tmp_path / "scoring.log") as scoring:
            url, headers = f"{scoring.url}/api/models/{MODEL}/score", {"x-functions-key": KEY}
            answer = httpx.post(url, json=ROW, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.json()["version"] == serving.champion.version
    assert "Traceback" not in (tmp_path / "scoring.log").read_text()
