"""Thousands of requests that the API's own description suggests, right ones and wrong ones, to the app on its host."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite
from local.launch import PROJECT_ROOT, RunningHost, start_host
from shared.settings import BUILT_IN_CATALOG
from shared.store.azure_blobs import AzureBlobs
from shared.store.registry import Registry
from tests.explaining import serve_explained
from tests.slow import at_length
from tests.tiny_versions import MODEL, make, phone_inputs, promote, register, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OTHER, NONE_YET = "sales", "fax"
OWN_FRAME = re.compile(r'File "[^"]*/(shared|score_http)/')
CASES_OF_EACH = at_length(8, 400)
"""Drawn for each address, beside those that follow from the description itself."""
LEAST_CASES = at_length(200, 2_000)
SECONDS = at_length(120, 900)
CONFIG = f"""
[phases.coverage]
# No platform has the others' methods.
unexpected-methods = ["put", "patch", "delete", "options", "trace"]

# A model without a version is answered with 503, as documented.
[[operations]]
include-path-regex = "/models/({NONE_YET}|[{{])"
checks.not_a_server_error.expected-statuses = ["2xx", "4xx", "503"]
"""


@dataclass
class App:
    """The app, and what it serves."""

    host: RunningHost
    folder: Path


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """Three models: one with all types of inputs that explains, the built-in one, one that has no version yet."""
    catalog = tmp_path / "catalog"
    catalog.mkdir()
    text = (BUILT_IN_CATALOG / "phone.toml").read_text()
    for model in (MODEL, OTHER, NONE_YET):
        renamed = text.replace(f'name = "{MODEL}"', f'name = "{model}"').replace(
            'name = "contacts"', f'name = "of-{model}"'
        )
        (catalog / f"{model}.toml").write_text(renamed)
    with Azurite() as storage:
        environment = {
            "DataStorage": storage.connection_string,
            "AzureWebJobsStorage": storage.connection_string,
            "CATALOG_DIR": str(catalog),
            "EXPORT_SCHEDULE": "0 0 2 1 1 *",
            "AzureWebJobs.export_timer.Disabled": "true",
            "MODEL_REFRESH_SECONDS": "1",
            "SCORE_MAX_ROWS": "40",
            "AzureFunctionsWebHost__hostid": f"score-{uuid.uuid4().hex[:12]}",
        }
        with BlobServiceClient.from_connection_string(storage.connection_string) as service:
            fill(Registry(AzureBlobs(service)))
            with start_host(PROJECT_ROOT, environment, output=tmp_path / "host.log", kind="local") as host:
                yield App(host, tmp_path)


def fill(registry: Registry) -> None:
    register(registry, 1)
    serve(registry, 2, column=0, weight=0.01)
    serve_explained(registry, 3, column=0, weight=0.02)
    version, files = make(4, phone_inputs(), column=1, weight=0.01)
    version = msgspec.structs.replace(version, model=OTHER)
    registry.register(version, files)
    promote(registry, version)


def schemathesis(app: App) -> tuple[dict[str, Any], str]:
    """What became of a run, and what it printed."""
    config, report = app.folder / "schemathesis.toml", app.folder / "report.json"
    config.write_text(CONFIG)
    command = [
        sys.executable, "-m", "schemathesis.cli", "--no-color", "--config-file", str(config),
        "run", f"{app.host.url}/api/openapi.json", "--header", f"x-functions-key: {app.host.function_key}",
        "--max-examples", str(CASES_OF_EACH), "--seed", "1", "--continue-on-failure",
        "--report", "json", "--report-json-path", str(report),
    ]  # fmt: skip
    environment = {
        **os.environ, "SCHEMATHESIS_HOOKS": "tests.functions.schemathesis_hooks", "PYTHONPATH": str(PROJECT_ROOT),
    }  # fmt: skip
    done = subprocess.run(
        command, cwd=app.folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert report.exists(), done.stdout + done.stderr
    found: dict[str, Any] = json.loads(report.read_text())
    return found, done.stdout


@pytest.mark.timeout(SECONDS + 60)
def test_whatever_is_sent_the_answer_is_as_described(app: App) -> None:
    report, printed = schemathesis(app)
    assert report["failures"] == report["errors"] == [], printed
    assert (report["exit_code"], report["complete"]) == (0, True), printed
    assert {name: phase["status"] for name, phase in report["phases"].items()} == dict.fromkeys(
        ("examples", "coverage", "fuzzing", "stateful"), "success"
    )
    assert report["operations"]["tested"] == report["operations"]["total"] == 12
    assert report["test_cases"]["generated"] >= LEAST_CASES
    warned = [warning for found in report["warnings"].values() for warning in found if NONE_YET not in str(warning)]
    assert not warned
    for model in (MODEL, OTHER):
        rates = report["valid_rates"][f"POST /models/{model}/score"].values()
        assert sum(rate["accepted"] for rate in rates) > 10 * sum(rate["rejected"] for rate in rates)
    own = [line for line in app.host.output.read_text().splitlines() if OWN_FRAME.search(line)]
    assert own == [], "the app raised something"
