"""A replay answers each block before it knows it, with the version of that moment, and counts right."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import msgspec
import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from local.replay import command, world
from local.replay.chart import Chart, Line
from local.replay.figures import of_world
from local.replay.history import blocks_of, read_history
from local.replay.shelf import Shelf
from local.replay.world import POLICIES, World
from shared.errors import CatalogError, DropError, SettingsError
from shared.store.records import RunRecord
from shared.store.registry import Registry
from shared.training import shuffled
from tests.phone_data import contacts, to_csv
from tests.replay_bench import (
    EVERY,
    ROWS,
    SECONDS,
    START,
    WATCHING,
    QuickTrainer,
    publish,
    quick_use_case,
    walked,
    weight,
)

if TYPE_CHECKING:
    from pathlib import Path

    from local.replay.history import Block, History

RANDOM_SPLIT = {"auc": 0.91, "average_precision": 0.8, "brier": 0.1, "log_loss": 0.3, "base_rate": 0.425}


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> QuickTrainer:
    quick = QuickTrainer(due=(START + EVERY,))
    monkeypatch.setattr(world, "train", quick)
    monkeypatch.setattr(shuffled, "random_split_metrics", lambda *_: RANDOM_SPLIT)
    return quick


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def history(file: Path) -> History:
    return read_history(file, quick_use_case())


@pytest.fixture(scope="module")
def blocks(history: History) -> list[Block]:
    return blocks_of(history, START, EVERY)


def replay(*arguments: str) -> int:
    """The command, as ``python -m local`` calls it."""
    parser = argparse.ArgumentParser()
    command.add_to(parser.add_subparsers())
    parsed = parser.parse_args(["replay", *arguments])
    code: int = parsed.run(parsed)
    return code


def test_no_version_answers_rows_that_it_knew(history: History, blocks: list[Block], trainer: QuickTrainer) -> None:
    for one in walked(history, blocks).values():
        registry = Registry(one.blobs)
        known = [registry.version("phone", step.version).data.rows for step in one.steps]
        assert all(rows <= step.block.rows.start for rows, step in zip(known, one.steps, strict=True))
        if one.policy == "every":
            assert known == [block.rows.start for block in blocks[1:]]


def test_the_figures_are_those_of_the_answers(history: History, blocks: list[Block], trainer: QuickTrainer) -> None:
    rows = contacts(ROWS)
    bought = np.array([row["y"] == "yes" for row in rows[START:]])
    expected: list[float] = []
    for block in blocks[1:]:
        known = weight(block.rows.start)
        expected += [1 / (1 + math.exp(1.5 - known * row["balance"])) for row in rows[block.rows]]
    every = walked(history, blocks)["every"]
    np.testing.assert_allclose(np.concatenate([step.probability for step in every.steps]), expected, rtol=1e-5)

    told = of_world(every)
    # In 32 bits, as the graph answers: large scores tie there.
    answers = np.array(expected, dtype=np.float32)
    assert told.rows == ROWS - START
    assert told.base_rate == pytest.approx(bought.mean())
    assert told.figures["auc"] == pytest.approx(roc_auc_score(bought, answers), abs=1e-6)
    assert told.figures["average_precision"] == pytest.approx(average_precision_score(bought, answers), abs=1e-6)
    assert told.figures["brier"] == pytest.approx(brier_score_loss(bought, answers), rel=1e-5)
    assert told.figures["log_loss"] == pytest.approx(log_loss(bought, answers), rel=1e-4)
    best = np.argsort(-answers, kind="stable")
    for share, count in ((10, 6), (50, 30)):
        lift = bought[best[:count]].mean() / bought.mean()
        assert told.figures[f"lift_at_{share}_percent"] == pytest.approx(lift)
    tenths = np.array_split(np.argsort(answers, kind="stable"), 10)
    error = sum(len(rows) * abs(answers[rows].mean() - bought[rows].mean()) for rows in tenths) / len(bought)
    assert told.figures["calibration_error"] == pytest.approx(error, rel=1e-4)
    second = told.blocks[1]
    inside = slice(EVERY, 2 * EVERY)
    assert second.auc == pytest.approx(roc_auc_score(bought[inside], answers[inside]), abs=1e-6)
    assert second.rows == EVERY
    assert second.base_rate == pytest.approx(bought[inside].mean())
    assert (second.first[:10], second.last[:10]) == ("2024-01-14", "2024-01-15")


def test_a_block_of_one_outcome_has_no_auc(history: History, trainer: QuickTrainer) -> None:
    first, *others = blocks_of(history, START, 1)
    never = World("never", history, Shelf())
    never.begin(first)
    for block in others:
        never.live(block)
    told = of_world(never)
    assert {block.auc for block in told.blocks} == {None}
    assert told.figures["auc"] > 0.5


def test_each_policy_retrains_when_it_should(history: History, blocks: list[Block], trainer: QuickTrainer) -> None:
    told = {policy: of_world(one) for policy, one in walked(history, blocks).items()}
    counts = {policy: (one.retrainings, one.promotions) for policy, one in told.items()}
    assert counts == {"automatic": (1, 1), "every": (3, 3), "never": (0, 0)}
    assert [block.outcome for block in told["automatic"].blocks] == ["promoted", "not due", "not due"]
    assert [block.outcome for block in told["never"].blocks] == [None, None, None]
    assert told["automatic"].blocks[1].reasons == ("nothing moved",)
    assert [told[policy].blocks[0].due for policy in POLICIES] == [("old",), ("every block is due",), ()]
    assert len({block.version for block in told["never"].blocks}) == 1
    first, second, third = (block.version for block in told["automatic"].blocks)
    assert first != second == third == told["automatic"].blocks[0].made


def test_a_version_that_was_kept_back_is_a_retraining_and_no_promotion(
    history: History, blocks: list[Block], trainer: QuickTrainer
) -> None:
    every = walked(history, blocks)["every"]
    record = every.steps[1].record
    assert record is not None
    every.steps[1] = replace(every.steps[1], record=msgspec.structs.replace(record, outcome="kept"))
    told = of_world(every)
    assert (told.retrainings, told.promotions) == (3, 2)
    assert told.blocks[1].made == record.version


def test_what_one_world_has_trained_another_takes_over_at_its_price(
    history: History, blocks: list[Block], trainer: QuickTrainer
) -> None:
    worlds = walked(history, blocks)
    assert len(trainer.made) == len(set(trainer.made)) == 4
    told = {policy: of_world(one).seconds for policy, one in worlds.items()}
    assert told == {"automatic": SECONDS + 2 * WATCHING, "every": 3 * SECONDS, "never": 0.0}
    assert worlds["never"].first.version == worlds["every"].first.version
    made = {name.split("/")[2] for name in worlds["automatic"].blobs.blobs if name.startswith("models/phone/2")}
    assert made == {trainer.made[0], trainer.made[1]}


def test_the_json_holds_everything_and_nothing_else_is_on_stdout(
    file: Path, tmp_path: Path, trainer: QuickTrainer, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "new" / "report.html"
    assert replay("phone", "--csv", str(file), "--every", "25", "--json", "--report", str(report)) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["asked"] == {"model": "phone", "file": str(file), "start": "80%", "every": 25}
    assert (told["first_rows"], told["rows"], told["refused"]) == (START, ROWS - START, 0)
    assert told["random_split"] == RANDOM_SPLIT
    assert [one["policy"] for one in told["policies"]] == ["automatic", "every", "never"]
    for one in told["policies"]:
        assert set(one["figures"]) >= {
            "auc", "average_precision", "brier", "log_loss", "calibration_error", "lift_at_10_percent",
            "lift_at_50_percent",
        }  # fmt: skip
        assert [block["rows"] for block in one["blocks"]] == [25, 25, 10]
        assert set(one["blocks"][0]) == {
            "block", "first", "last", "rows", "base_rate", "auc", "version", "outcome", "reasons", "due", "made",
        }  # fmt: skip
    assert report.is_file()


def test_a_person_gets_a_table_and_a_report(
    file: Path, tmp_path: Path, trainer: QuickTrainer, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.html"
    replay("phone", "--csv", str(file), "--from", "2024-01-13", "--every", "30", "--report", str(report))
    shown = capsys.readouterr().out
    for word in ("automatic", "every block", "never", "random split", "0.910", "base rate 42.5%", str(report)):
        assert word in shown
    page = report.read_text()
    assert ET.fromstring(page.removeprefix("<!DOCTYPE html>\n")).tag == "html"  # noqa: S314  # the page is our own
    assert page.count("<polyline") == 4
    assert page.count("<circle") == page.count("<title>automatic: ") + page.count("<title>every block: ") == 3
    assert "replay phone --csv" in page
    assert "--from 2024-01-13 --every 30" in page
    assert "<script" not in page
    assert "nothing moved" in page


def test_one_policy_alone(
    file: Path, tmp_path: Path, trainer: QuickTrainer, capsys: pytest.CaptureFixture[str]
) -> None:
    report = str(tmp_path / "report.html")
    replay("phone", "--csv", str(file), "--policy", "never", "--json", "--report", report)
    (only,) = json.loads(capsys.readouterr().out)["policies"]
    assert (only["policy"], only["rows"], len(only["blocks"])) == ("never", ROWS - START, 1)
    assert len(trainer.made) == 1


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"model": "phones"}, SettingsError, "there is no model 'phones' in the catalog; there is: phone"),
        ({"--csv": "nowhere.csv"}, SettingsError, "nowhere.csv: no such file"),
        ({"--from": "100%"}, SettingsError, "--from 100%: leaves no rows after it to answer; there are 300"),
        ({"--from": "0%"}, SettingsError, "--from 0%: leaves no rows before it to learn from"),
        ({"--from": "2023-01-01"}, SettingsError, "no rows before it .* from 2024-01-01 to 2024-01-16"),
        ({"--from": "2025-01-01"}, SettingsError, "no rows after it"),
        ({"--from": "lately"}, SettingsError, "expected a share such as 80%, or a date such as .*, got 'lately'"),
        ({"--every": "0"}, SettingsError, "--every: expected at least 1 row, got 0"),
        ({"--catalog": "nowhere"}, CatalogError, "expected at least one"),
    ],
)
def test_what_cannot_be_replayed_is_said_in_one_line(
    file: Path, trainer: QuickTrainer, changes: dict[str, str], error: type[Exception], words: str
) -> None:
    asked = {"model": "phone", "--csv": str(file), **changes}
    model = asked.pop("model")
    with pytest.raises(error, match=words):
        replay(model, *(word for pair in asked.items() for word in pair))


def test_where_nothing_serves_there_is_nothing_to_replay(
    history: History, blocks: list[Block], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = RunRecord(
        dataset="contacts", slot=blocks[0].slot, model="phone", drop="d", outcome="kept", reasons=("no better",)
    )  # fmt: skip
    monkeypatch.setattr(world, "train", lambda *_: refused)
    with pytest.raises(DropError, match=r"nothing serves.*first training was kept: no better"):
        World("never", history, Shelf()).begin(blocks[0])


def test_a_chart_leaves_gaps_and_marks_on_the_axis() -> None:
    line = Line("one", "one", (0.5, None, 0.7, 0.71, None), ((1, "here"),))
    drawn = Chart("c", "A & B", "words", "x", "y", ("a", "b", "c", "d", "e"), (line,)).draw()
    assert drawn.count("<polyline") == 2
    assert 'cy="300"' in drawn
    assert "A &amp; B" in drawn


def test_with_the_training_itself(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_bytes(to_csv(contacts(900)))
    history = read_history(path, quick_use_case())
    blocks = blocks_of(history, 700, 100)
    worlds = walked(history, blocks)
    told = {policy: of_world(one) for policy, one in worlds.items()}
    assert all(one.figures["auc"] > 0.8 for one in told.values())
    assert told["every"].retrainings == 2
    made = {block.made for one in told.values() for block in one.blocks if block.made}
    assert len(worlds["every"].shelf.versions) == 1 + len(made)
    assert told["never"].retrainings == told["never"].seconds == 0
    assert {one.first.version for one in (worlds["automatic"], worlds["never"])} == {told["never"].blocks[0].version}
    assert shuffled.random_split_metrics(history.table, history.use_case)["auc"] > 0.8
    for one in worlds.values():
        known = [Registry(one.blobs).version("phone", step.version).data.rows for step in one.steps]
        assert all(rows <= step.block.rows.start for rows, step in zip(known, one.steps, strict=True))
