"""``make bench-export``, ``bench-score`` and ``bench-soak`` work, on so little that they measure nothing."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from shared.store.records import to_json
from shared.store.registry import VERSION_FILE
from tests import tiny_versions
from tests.bench import export_bench, score_bench, score_csv, score_soak, score_soak_mix, score_soak_report, score_start
from tests.bench.contenders import ONE_RANGE, PANDAS, TWO_RANGES, WAYS
from tests.bench.export_bench import Run, Table, WrongRows, best, figures
from tests.bench.score_fresh import FUNCTION
from tests.bench.score_in_process import HANDLER, Job
from tests.bench.score_model import MODEL, ROOT, FittedModel
from tests.bench.score_requests import Load, WrongAnswer, in_child, refuse_differences
from tests.bench.score_soak_mix import EXPLAINED, FAULTY, SHARES
from tests.bench.score_soak_report import Logged, Sample, Soaked
from tests.phone_data import ROW

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.bench.score_servers import Bench
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


class TinyModel(FittedModel):
    """A version that nobody trained."""

    def rows(self, count: int) -> list[dict[str, Any]]:
        return [{"contact_id": number, **ROW} for number in range(count)]


@pytest.fixture(scope="module")
def tiny_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("model")
    version, files = tiny_versions.make(70, tiny_versions.phone_inputs())
    for name, content in {VERSION_FILE: to_json(version), **files}.items():
        (folder / name).write_bytes(content)
    with score_bench.prepared(TinyModel(folder)) as bench:
        yield bench


@pytest.fixture(autouse=True)
def no_prediction_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process would wait until all is written."""
    monkeypatch.setenv("PREDICTION_LOG_SAMPLE", "0")


def test_a_tiny_run_of_scoring_gives_every_figure_that_needs_no_rival(
    tiny_bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "figures.json"
    arguments = ["--only", "cauce,handler,onnxruntime", "--skip", "start,csv", "--seconds", "0.02", "--rounds", "1"]
    chosen = score_bench.parser().parse_args([*arguments, "--json", str(report)])
    score_bench.run(chosen, tiny_bench, [Load(1, 1), Load(30, 3)])
    measured, printed = json.loads(report.read_text()), capsys.readouterr()
    assert [(one["way"], one["rows"], one["clients"]) for one in measured["requests"]] == [
        ("cauce", 1, 1), ("handler", 1, 1), ("onnxruntime", 1, 1), ("cauce", 30, 3),
    ]  # fmt: skip
    for one in measured["requests"]:
        assert 0 < one["median"] <= one["p99"] < 5000
        assert 3 <= one["requests"] < 100_000
        assert one["per_second"] > 0
    assert [figure["what"] in printed.out for figure in measured["asked"]] == [True] * 3
    assert "1 row, 1 client, round 1 of 1" in printed.err


def test_a_csv_is_timed_and_its_memory_seen(tiny_bench: Bench) -> None:
    (one,) = score_csv.measure(tiny_bench, [HANDLER], times=2, rows=200)
    assert (one.way, one.rows, one.idle_megabytes) == (HANDLER, 200, None)
    assert 0 < one.fastest <= one.seconds < 5
    assert 20 < one.peak_megabytes < 1000


def test_a_start_is_timed_in_a_fresh_process(tiny_bench: Bench) -> None:
    (one,) = score_start.measure(tiny_bench, 1, [FUNCTION])
    assert 0 < one.imports < 5000
    assert one.answer is None
    assert 50 < one.modules < 2000


def told(*probabilities: float) -> list[bytes]:
    return [json.dumps({"predictions": [{"probability": one} for one in probabilities]}).encode()]


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        ([*told(0.5, 0.7)], None),
        ([b"contact_id,probability\n1,0.5\n2,0.70001\n"], None),
        ([*told(0.5), *told(0.7)], None),
        ([*told(0.5, 0.71)], "fastapi and cauce differ by 0.01 on the same rows"),
        ([*told(0.5)], "fastapi answers 1 rows and cauce 2"),
    ],
)
def test_contenders_that_answer_otherwise_are_not_compared(other: list[bytes], complaint: str | None) -> None:
    answers = {"cauce": told(0.5, 0.7), "fastapi": other}
    with pytest.raises(WrongAnswer, match=complaint) if complaint else nullcontext():
        refuse_differences(answers, "2 rows")


def test_a_tiny_soak_counts_answers_memory_and_the_log(
    tiny_bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score_soak, "SAMPLE_SECONDS", 0.05)
    monkeypatch.setattr(score_soak, "MOVE_SECONDS", 0.05)
    monkeypatch.setattr(score_soak_mix, "DISTINCT", 1)
    report = tmp_path / "soak.json"
    chosen = score_soak.parser().parse_args(["--requests", "1000", "--clients", "3", "--json", str(report)])
    assert score_soak.run(chosen, tiny_bench) == 0
    measured, printed = json.loads(report.read_text()), capsys.readouterr()
    *kinds, every = measured["requests"]
    assert {one["kind"]: one["requests"] for one in kinds} == SHARES
    assert every["requests"] == sum(SHARES.values())
    expected = {FAULTY: {"400", "404", "406", "415", "422"}, EXPLAINED: {"409"}}
    assert all(one["statuses"].keys() == expected.get(one["kind"], {"200"}) for one in kinds)
    assert all(0 < one["median"] <= one["p99"] < 5000 for one in measured["requests"])
    log = measured["prediction log"]
    assert log["lines"] + log["lost"] == log["answered"] == every["rows"] > 2000
    assert all(50 < one["megabytes"] < 500 for one in measured["samples"])
    assert measured["moves of champion.json"] >= 2
    assert [figure["what"] in printed.out for figure in measured["asked"]] == [True] * 4
    assert "soaking, " in printed.err


def soaked(megabytes: Sequence[float], statuses: dict[int, int], rows: int = 100, wrongs: int = 0) -> Soaked:
    """The samples are a hundred requests apart, from the start on."""
    return Soaked(
        times={"one row": array("d", [0.001] * 100)},
        statuses=Counter({("one row", status): count for status, count in statuses.items()}),
        rows=Counter({"one row": rows}),
        seconds=1.0,
        samples=[Sample(place, 100 * place, one) for place, one in enumerate(megabytes)],
        moves=0,
        wrongs=wrongs,
        wrong=[],
    )


FLAT = [50.0, *[100.0] * 20]


@pytest.mark.parametrize(
    ("of", "logged", "met"),
    [
        (soaked(FLAT, {200: 100}), Logged(100, 0), [True, True, True, True]),
        (soaked(FLAT, {200: 100}), Logged(60, 40), [True, True, True, True]),
        (soaked([*FLAT[:-1], 110.0], {200: 100}), Logged(100, 0), [True, True, True, True]),
        (soaked([*FLAT[:-2], 110.1, 100.0], {200: 100}), Logged(100, 0), [False, True, True, True]),
        (soaked(FLAT, {200: 100, 503: 1}, wrongs=1), Logged(100, 0), [True, False, False, True]),
        (soaked(FLAT, {200: 100, 422: 1}, wrongs=1), Logged(100, 0), [True, True, False, True]),
        (soaked(FLAT, {200: 100}), Logged(59, 40), [True, True, True, False]),
        (soaked(FLAT, {200: 100}), Logged(61, 40), [True, True, True, False]),
    ],
)
def test_a_soak_says_what_was_not_as_it_must_be(of: Soaked, logged: Logged, met: list[bool]) -> None:
    assert [figure.met for figure in score_soak_report.figures(of, logged)] == met


def test_memory_after_warm_up_is_told_with_its_slope() -> None:
    held = score_soak_report.memory([Sample(place, 1000 * place, 60.0 + place * (place > 1)) for place in range(21)])
    assert (held.settled, held.highest, held.last) == (64.0, 80.0, 80.0)
    assert held.slope == pytest.approx(100.0)


def test_a_refused_request_ends_the_measurement(tiny_bench: Bench) -> None:
    job = Job([b'{"age": "old"}'], f"models/{MODEL}/score", tiny_bench.settings, 0)
    with pytest.raises(WrongAnswer, match=r"(?s)handler, a bad row: .*urn:cauce:faulty-rows"):
        in_child(HANDLER, "a bad row", "tests.bench.score_in_process", job, HANDLER)


def test_rivals_have_the_libraries_that_the_model_was_fitted_with() -> None:
    ours, theirs = (
        dict(line.split("==") for line in (ROOT / name).read_text().splitlines() if "==" in line)
        for name in ("requirements.txt", "requirements-bench.txt")
    )
    shared = ours.keys() & theirs.keys()
    assert {"numpy", "onnxruntime", "pandas", "scikit-learn", "scipy"} <= shared
    assert {name: ours[name] for name in shared} == {name: theirs[name] for name in shared}
