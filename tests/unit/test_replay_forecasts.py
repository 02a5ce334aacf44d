"""Forecasts replayed on past order lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from local.__main__ import main
from tests.forecast_world import CATALOG, csv_of, lines, small_trees

if TYPE_CHECKING:
    from pathlib import Path

DAYS = 160


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    (tmp_path / "sales.toml").write_text(CATALOG + "\n[retraining]\nevery_days = 10\n")
    (tmp_path / "lines.csv").write_bytes(csv_of(lines(DAYS)))
    return ["replay", "sales", "--csv", str(tmp_path / "lines.csv"), "--catalog", str(tmp_path)]


def test_each_drop_is_judged_by_the_days_until_the_next_one(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with small_trees():
        assert main([*command, "--from", "2026-10-26", "--every", "14", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [step["last_day"] for step in found["steps"]] == ["2026-10-25", "2026-11-08"]
    assert [step["outcome"] for step in found["steps"]] == ["promoted", "promoted"]
    assert [level["level"] for level in found["means"]] == ["total", "product", "country"]
    assert 0 < found["means"][1]["wape"] < found["means"][1]["naive_wape"] < 1
    assert 0.6 < found["means"][1]["coverage_90"] <= 1


def test_the_figures_are_shown_for_people(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with small_trees():
        assert main([*command, "--from", "2026-11-09", "--every", "14"]) == 0
    told = capsys.readouterr().out
    assert "1 drops, 14 days apart, 1 retrainings" in told


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--policy", "never"], "a forecast is replayed as the catalog retrains"),
        (["--every", "0"], "--every: expected at least 1 day, got 0"),
        (["--from", "2031-01-01"], "leaves no rows after it to answer"),
        (["--from", "30%"], "nothing serves, so there is nothing to replay"),
    ],
)
def test_what_cannot_be_replayed_is_told(
    command: list[str], more: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, *more]) == 1
    assert told in capsys.readouterr().out.replace("\n", " ")
