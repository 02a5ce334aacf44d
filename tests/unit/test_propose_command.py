"""``python -m local propose``: what it prints, the files that it takes, and what it says of those it does not."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from local.propose.draft import draft
from local.propose.proposal import propose
from local.published import Published
from shared.errors import DropError, SettingsError
from tests.phone_data import to_csv
from tests.proposing import customers, drafted, loaded, run

if TYPE_CHECKING:
    from pathlib import Path


def test_the_terminal_says_what_was_done_and_what_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drafted(tmp_path, to_csv(customers()), "churn")
    told = capsys.readouterr().out
    assert "drafted from 600 rows of customers.csv" in told
    assert "9 features, 11 columns unused" in told
    assert "1. cost and gain" in told
    assert "'closed_tickets' known before the decision" in told
    assert "CATALOG_DIR" in told
    assert told.endswith("python -m local drop customers.csv --dataset customers\n")


def test_a_file_without_any_time_is_asked_for_one(tmp_path: Path) -> None:
    rows = [{"x": number % 17, "y": number % 3 == 0} for number in range(90)]
    text = drafted(tmp_path, to_csv(rows), "y", "--positive", "False", "--name", "no-time")
    assert "# ? the rows have no date to be split by" in text
    assert loaded(tmp_path).dataset.column_with("time") == "recorded_on"
    assert loaded(tmp_path).model.positive == "False"


def test_names_that_are_taken_or_cannot_be_declared_do_no_harm(tmp_path: Path) -> None:
    rows = [
        {"": number, "id": number % 5, "recorded_on": "x", 'say "x"': 1, "a.b c": number % 7, "month": "may",
         "day_of_week": ("mon", "tue", "wed")[number // 50], "né": number * 1.5, "y": number % 4 == 0}
        for number in range(150)
    ]  # fmt: skip
    text = drafted(tmp_path, to_csv(rows), "y")
    assert "cannot name them" in text
    dataset = loaded(tmp_path).dataset
    assert (dataset.column_with("key"), dataset.column_with("time")) == ("row_id", "dated_on")
    assert {"a.b c", "né"} <= dataset.columns.keys()


def test_values_of_any_kind_leave_the_draft_readable() -> None:
    awkward = ['a"b', "c\\d", "e\nf", "g\x7fh", "i\x01j", "tab\tk"]
    rows = [[awkward[number % 6], awkward[number % 2]] for number in range(60)]
    proposal = propose(Published("t", ["x", "y"], rows), "y")
    text = draft(proposal, "any", "any", origin="t\n.csv", is_file=True)
    assert tomllib.loads(text)["dataset"]["columns"]["y"]["levels"] == ['a"b', "c\\d"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--target", "chrun"], "has no column 'chrun' for a target (is it 'churn'?)"),
        (["--target", "monthly_charges"], "the target of a classification has 2 to 20"),
        (["--target", "currency"], "'currency' has 1 different value(s)"),
        (["--target", "churn", "--positive", "maybe"], "--positive maybe: expected a value of 'churn': no, yes"),
        (["--target", "churn", "--name", "No"], "--name No: expected 3 to 63 lower-case letters"),
        (["--target", "churn", "--out", "."], "is there already"),
        (["--target", "churn", "--out", "none/of/these.toml"], "cannot be written: No such file"),
    ],
)
def test_a_wrong_command_is_told_in_one_line(tmp_path: Path, options: list[str], told: str) -> None:
    path = tmp_path / "customers.csv"
    path.write_bytes(to_csv(customers()))
    out = [] if "--out" in options else ["--out", str(tmp_path / "x.toml")]
    with pytest.raises(SettingsError) as caught:
        run("--csv", str(path), *options, *out)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DropError, match="is empty"):
        drafted(tmp_path, b"", "y")
