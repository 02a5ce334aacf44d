"""``make bench-export`` works, on a table too small to measure anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.bench import export_bench
from tests.bench.contenders import ONE_RANGE, PANDAS, TWO_RANGES, WAYS
from tests.bench.export_bench import Run, Table, WrongRows, best, figures

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import PostgreSQL


def run(way: str, seconds: float, megabytes: float = 100, rows: int = 1_000_000) -> Run:
    return Run(way, rows, seconds, seconds, megabytes, megabytes, megabytes)


def test_a_tiny_run_gives_every_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "figures.json"
    assert export_bench.main(["--rows", "2000", "--large", "2500", "--rounds", "1", "--json", str(report)]) == 0
    measured = json.loads(report.read_text())
    assert [(one["way"], one["rows"]) for one in measured["runs"]] == [
        *((way, 2000) for way in WAYS),
        (ONE_RANGE, 2500),
        (TWO_RANGES, 2500),
    ]
    for one in measured["runs"]:
        assert 0 < one["cpu_seconds"] < 60
        assert 0 < one["seconds"] < 60
        assert 10 < one["own_megabytes"] < 1000
    printed = capsys.readouterr().out
    for way in WAYS:
        assert f"| {way} | 2,000 | " in printed
    for figure in measured["asked"]:
        assert figure["what"] in printed
    assert len(measured["asked"]) == 6


def test_rows_that_did_not_arrive_are_not_passed_over(postgres: PostgreSQL) -> None:
    with postgres.new_database() as sql:
        count, checksum = export_bench.fill(sql, 300)
        assert count == 300
        for wrong in ((300, checksum + 1), (301, checksum)):
            with pytest.raises(WrongRows, match=r"Cauce, 1 range: 300 rows, checksum .*; expected"):
                Table(sql, wrong).run(ONE_RANGE, checked=True)


def test_the_fastest_counts_with_the_most_memory() -> None:
    assert best([run("a", 2.0, 90), run("b", 7.0), run("a", 1.0, 80)]) == [run("a", 1.0, 90), run("b", 7.0)]


def test_figures_say_what_was_asked_and_whether_it_is_so() -> None:
    small = [run(ONE_RANGE, 8.0), run(TWO_RANGES, 5.5, 121), run(PANDAS[0], 12.0), run(PANDAS[1], 10.0)]
    found = figures(small, [run(ONE_RANGE, 32.0, 100, 4_000_000)])
    assert [(figure.asked, round(figure.measured, 2), figure.met) for figure in found] == [
        (">= 2.00", 1.82, False),
        (">= 1.25", 1.25, True),
        ("< 120", 100, True),
        ("< 120", 121, False),
        ("< 120", 100, True),
    ]
