"""A million rows are trained on within the memory that the catalog allows, and the version says that it is a sample."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from local.azurite import PROJECT_ROOT
from tests.end_to_end.training_process import Asked, Trained
from tests.worlds import stable

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 1_000_000
COLUMNS = ("contract_id", "renewal_at", "months", "fee", "satisfaction", "plan", "town", "autopay", "left")
"""A key, a time, six features and the target."""
SECONDS = 60.0
"""A budget that lets the search end within two minutes."""
MEMORY_MB = 1_200


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """In a process of its own, whose peak is that of the training alone."""
    file = tmp_path_factory.mktemp("million") / "contracts.csv"
    file.write_bytes(stable(ROWS).of(COLUMNS).to_csv())
    try:
        return _trained(file)
    finally:
        file.unlink()


def _trained(file: Path) -> Trained:
    asked = Asked(file=str(file), features=COLUMNS[2:-1], seconds=SECONDS, memory_mb=MEMORY_MB)
    child = subprocess.run(
        [sys.executable, "-m", "tests.end_to_end.training_process"],
        input=msgspec.json.encode(asked), stdout=subprocess.PIPE, cwd=PROJECT_ROOT, check=True, timeout=800,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    return msgspec.json.decode(child.stdout, type=Trained)


@pytest.mark.timeout(900)
@pytest.mark.xdist_group("a million rows")
def test_a_million_rows_are_sampled_to_fit_into_memory_and_said_to_be(trained: Trained) -> None:
    assert trained.outcome == "promoted", trained.reasons
    assert trained.rows == ROWS
    assert trained.sampled_from == ROWS
    assert 100_000 < trained.train_rows < ROWS
    assert f"{ROWS:,}" in trained.card
    assert f"{trained.train_rows:,}" in trained.card
    assert trained.peak_mb <= MEMORY_MB
