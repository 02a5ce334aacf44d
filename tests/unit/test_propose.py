"""``python -m local propose``: what a draft says of tables that it has never seen."""

from __future__ import annotations

import argparse
import csv
import io
import lzma
import tomllib
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from local.company import bank_contacts
from local.propose.alone import auc_alone, placeholder
from local.propose.command import add_to
from local.propose.domains import bounds, closed_levels
from local.propose.kinds import Profile, kind_of
from local.propose.proposal import propose
from local.propose.signs import personal, sounds_later
from local.published import Published, complete, read_published
from shared.catalog.load import load_catalog, parse_use_case
from shared.errors import DropError, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from shared.catalog.spec import Column, UseCase

CATALOGS = "tests/catalogs"
ROWS = 600
CITIES = ("Bern", "Genf", "Basel")
PLANS = ("basic", "plus", "pro")


def customers() -> list[dict[str, Any]]:
    """Of a made-up company: who leaves when the contract ends. Those who complain, and those who pay much."""
    random = np.random.default_rng(7)
    made = []
    for number in range(ROWS):
        complaints, charges = int(random.poisson(0.6)), round(float(random.uniform(10, 120)), 2)
        leaves = complaints + charges / 60 + random.normal(0, 0.8) > 2.6
        signed = date(2023, 1, 1) + timedelta(days=number // 3)
        made.append(
            {
                "customer_id": f"C{number:05}",
                "signed_on": signed.isoformat(),
                "last_seen": f"2025-01-01T{number % 24:02}:00:00",
                "contact_email": f"person{number}@example.org",
                "mobile": f"+41 79 {number:03} {number % 97:02} {number % 89:02}",
                "first name": f"Name{number}",
                "city": CITIES[number % 3],
                "plan": PLANS[int(random.integers(3))] if number % 10 else "",
                "complaints": complaints,
                "monthly_charges": f"{charges:.2f}",
                "load": round(float(random.normal()), 3) if number % 7 else "",
                "seats": "n/a" if number % 100 == 3 else int(random.integers(1, 40)),
                "autopay": "yes" if random.random() < 0.5 else "no",
                "senior": int(random.random() < 0.2),
                "currency": "CHF",
                "cancellation_fee": int(leaves) * 50 + int(random.integers(0, 20)),
                "closed_tickets": int(random.integers(0, 9)),
                "remarks": f"the customer number {number} said this and that",
                "renewed": f"{1 + number % 28:02}.{1 + number % 12:02}.2024",
                "score": f"{number % 50},{number % 10}",
                "days_since_offer": -1 if (no_offer := random.random() < 0.85) else int(random.integers(0, 200)),
                "offer": "none" if no_offer else ("mail" if random.random() < 0.5 else "call"),
                "churn": "yes" if leaves else "no",
            }
        )
    return made


def to_csv(rows: list[dict[str, Any]], separator: str = ",") -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0], delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_to(parser.add_subparsers(required=True))
    parsed = parser.parse_args(["propose", *arguments])
    code: int = parsed.run(parsed)
    return code


def drafted(folder: Path, data: bytes, target: str, *options: str, name: str = "customers.csv") -> str:
    (folder / name).write_bytes(data)
    out = folder / "catalog" / "draft.toml"
    out.parent.mkdir(exist_ok=True)
    assert run("--csv", str(folder / name), "--target", target, "--out", str(out), *options) == 0
    return out.read_text()


def loaded(folder: Path) -> UseCase:
    (use_case,) = load_catalog(folder / "catalog").use_cases
    return use_case


def column_of(**texts: list[str]) -> Profile:
    ((name, values),) = texts.items()
    return Profile(name, values)


@pytest.fixture(scope="module")
def churn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("churn")
    return folder, drafted(folder, to_csv(customers()), "churn")


@pytest.fixture(scope="module")
def columns(churn: tuple[Path, str]) -> dict[str, Column]:
    return loaded(churn[0]).dataset.columns


def test_a_draft_is_a_catalog_that_loads(churn: tuple[Path, str]) -> None:
    use_case = loaded(churn[0])
    assert (use_case.dataset.name, use_case.model.name, use_case.model.positive) == ("customers", "customers", "yes")
    assert list(use_case.dataset.columns) == list(customers()[0])
    assert use_case.model.decision.cost < use_case.model.decision.gain
    assert max(map(len, churn[1].splitlines())) <= 200


def test_roles_are_found(columns: dict[str, Column]) -> None:
    roles = {column.role: name for name, column in columns.items() if column.role not in {"feature", "unused"}}
    assert roles == {"key": "customer_id", "time": "signed_on", "target": "churn"}
    assert columns["churn"].levels == ("no", "yes")
    assert columns["last_seen"].role == "unused"
    assert [name for name, column in columns.items() if column.role == "feature"] == [
        "city", "plan", "complaints", "monthly_charges", "load", "seats", "autopay", "senior", "offer",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("customer_id", "text"), ("signed_on", "date"), ("last_seen", "timestamp"), ("city", "category"),
        ("complaints", "integer"), ("monthly_charges", "decimal"), ("load", "number"), ("seats", "integer"),
        ("senior", "boolean"), ("remarks", "text"),
    ],
)  # fmt: skip
def test_types_are_found(columns: dict[str, Column], name: str, kind: str) -> None:
    assert columns[name].type == kind


def test_what_is_empty_somewhere_may_be_empty(columns: dict[str, Column]) -> None:
    assert [name for name, column in columns.items() if column.nullable] == ["plan", "load"]


def test_only_closed_sets_have_levels(columns: dict[str, Column]) -> None:
    assert {name: column.levels for name, column in columns.items() if column.levels} == {
        "autopay": ("no", "yes"),
        "churn": ("no", "yes"),
    }


def test_bounds_hold_what_was_seen_and_more(columns: dict[str, Column]) -> None:
    charges = columns["monthly_charges"]
    assert (charges.min, charges.max) == (0, 230)
    assert columns["complaints"].min == 0
    assert columns["customer_id"].min is columns["customer_id"].max is None


@pytest.mark.parametrize(("name", "what"), [
    ("contact_email", "e-mail"), ("mobile", "telephone"), ("first name", "names"),
])  # fmt: skip
def test_personal_data_stays_where_it_is(columns: dict[str, Column], name: str, what: str) -> None:
    column = columns[name]
    assert (column.role, column.pii) == ("unused", "drop")
    assert what in (column.reason or "")


@pytest.mark.parametrize(
    ("name", "known", "reason"),
    [
        ("cancellation_fee", "after", "explains the target too well alone (AUC 1.00)"),
        ("closed_tickets", "after", "as its name says"),
        ("currency", "before", "100.0 % of the rows hold the same value, 'CHF'"),
        ("remarks", "before", "free text"),
        ("renewed", "before", "dates that are not written as 2026-11-23"),
        ("score", "before", "numbers with commas in them"),
        ("days_since_offer", "before", "hold the same value, -1, which stands for none, and 'offer' says which"),
        ("last_seen", "before", "a second time"),
    ],
)
def test_what_a_model_should_not_see_is_unused(columns: dict[str, Column], name: str, known: str, reason: str) -> None:
    assert (columns[name].role, columns[name].known) == ("unused", known)
    assert reason in (columns[name].reason or "")


def test_what_is_uncertain_is_asked_a_handful_of_times(churn: tuple[Path, str]) -> None:
    asked = [line for line in churn[1].splitlines() if line.startswith("# ? ")]
    text = " ".join(line.removeprefix("# ? ") for line in asked)
    assert text.count("?") == 5
    assert "'seats' also holds 'n/a'" in text
    assert "is 'cancellation_fee' really known only after" in text
    assert "which of 'signed_on', 'last_seen' is the moment of the decision" in text
    assert "is 'closed_tickets' known before the decision" in text


def test_two_edits_make_it_ones_own(churn: tuple[Path, str]) -> None:
    _, text = churn
    gain = next(line for line in text.splitlines() if line.startswith("gain = "))
    asked = text.index("[dataset.columns.closed_tickets]")
    block = text[asked : text.index("\n\n", asked)]
    mine = text.replace(gain, "gain = 40.0").replace(block, block.splitlines()[0] + '\ntype = "integer"\nmin = 0')
    faults: list[str] = []
    use_case = parse_use_case(mine.encode(), "mine.toml", faults)
    assert faults == []
    assert use_case is not None
    assert use_case.model.decision.gain == 40
    assert "closed_tickets" in use_case.dataset.features()


def test_the_terminal_says_what_was_done_and_what_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drafted(tmp_path, to_csv(customers()), "churn")
    told = capsys.readouterr().out
    assert "drafted from 600 rows of customers.csv" in told
    assert "9 features, 11 columns unused" in told
    assert "1. cost and gain" in told
    assert "'closed_tickets' known before the decision" in told
    assert "CATALOG_DIR" in told
    assert told.endswith("python -m local drop customers.csv --dataset customers\n")


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("bank")
    derived = {"contact_id", "contacted_on"}
    rows = [{name: value for name, value in row.items() if name not in derived} for row in bank_contacts()]
    data = lzma.compress(to_csv(rows, ";"), preset=0)
    return folder, drafted(folder, data, "y", name="2008 Bank_calls.csv.xz")


def test_the_telemarketing_data_are_drafted_as_an_expert_would(bank: tuple[Path, str]) -> None:
    folder, text = bank
    dataset = loaded(folder).dataset
    unused = {name: column.known for name, column in dataset.columns.items() if column.role == "unused"}
    assert unused == {"duration": "after", "pdays": "before"}
    assert "with AUC 0.8" in text[: text.index("[dataset.columns.duration]")].splitlines()[-1]
    assert "81.7 % of the rows hold the same value, -1" in (dataset.columns["pdays"].reason or "")
    assert dataset.columns["month"].levels is not None
    assert (dataset.columns["day"].min, dataset.columns["day"].max) == (1, 31)
    assert "# ?" not in text.replace("'# ?'", "")


def test_a_key_and_a_date_that_the_file_lacks_are_declared_and_derived(bank: tuple[Path, str]) -> None:
    folder, text = bank
    dataset = loaded(folder).dataset
    assert (dataset.column_with("key"), dataset.column_with("time")) == ("id", "recorded_on")
    assert "# The file has no key: this is the number of the row, from 1." in text
    assert "2008-05-05 to 2010-11-17" in text
    found = complete(read_published(folder / "2008 Bank_calls.csv.xz"), dataset)
    first = next(bank_contacts())
    assert found.rows[0][:3] == ["1", first["contacted_on"], "58"]
    assert len(found.rows) == 45_211


def test_names_are_made_valid(bank: tuple[Path, str]) -> None:
    assert loaded(bank[0]).model.name == "data-2008-bank-calls"
    assert loaded(bank[0]).dataset.table == "data_2008_bank_calls"


def test_the_drafted_and_edited_catalog_of_the_tests_loads(request: pytest.FixtureRequest) -> None:
    (use_case,) = load_catalog(request.config.rootpath / CATALOGS).use_cases
    dataset = use_case.dataset
    assert (dataset.column_with("key"), dataset.column_with("time")) == ("contact_id", "contacted_on")
    assert set(dataset.unusable()) == {"duration", "pdays"}
    assert dataset.columns["duration"].known == "after"
    assert {"euribor3m", "nr.employed", "default", "poutcome"} <= dataset.features().keys()


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
    from local.propose.draft import draft

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


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["0", "1", ""], "boolean"), (["True", "false"], "boolean"), (["1", "2"] * 9, "integer"),
        (["1.5", "2"] * 9, "number"), (["1e5", "-.5"] * 9, "number"), (["1.50", "22.75"] * 9, "decimal"),
        (["007", "08"] * 9, "category"), (["nan", "inf"] * 9, "category"), (["2026-02-29"] * 9, "category"),
        (["2024-02-29"] * 9, "date"), (["2024-02-29 10:11:12+01:00"] * 9, "timestamp"),
        ([f"word {number}" for number in range(99)], "text"), ([""] * 9, "category"),
    ],
)  # fmt: skip
def test_a_type_is_the_narrowest_that_fits(texts: list[str], kind: str) -> None:
    assert kind_of(column_of(x=texts)).type == kind


def test_levels_are_written_as_the_column_writes_them() -> None:
    assert closed_levels(column_of(x=["Mon", "Tue", "Fri"])) == ("Mon", "Tue", "Wed", "Thu", "Fri")
    assert closed_levels(column_of(x=["MONDAY", "TUESDAY", "SUNDAY"]))[-1] == "SUNDAY"  # type: ignore[index]
    assert closed_levels(column_of(x=["Y", "N"])) == ("N", "Y")
    assert closed_levels(column_of(x=["yes", "no", "unknown"])) is None


@pytest.mark.parametrize(
    ("name", "texts", "expected"),
    [
        ("x", ["17", "98"], (0, 180)), ("x", ["-3", "4"], (-10, 11)), ("month", ["3", "11"], (1, 12)),
        ("x", ["5000", "5200"], (4800, 5400)), ("x", ["7"], (0, 14)), ("x", ["-50", "-1"], (-99, 0)),
    ],
)  # fmt: skip
def test_bounds_are_rounded_outward(name: str, texts: list[str], expected: tuple[int, int]) -> None:
    assert bounds(Profile(name, texts), "integer") == expected


def test_a_name_tells_what_is_known_later() -> None:
    assert [name for name in ("duration", "callDuration", "CLOSED_AT", "final.result") if not sounds_later(name)] == []
    assert [name for name in ("poutcome", "last_duration", "previous outcome", "age") if sounds_later(name)] == []


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("x", "CH93007620{:011}", "bank accounts"), ("x", "(044) 123 {:04}", "telephone numbers"),
        ("x", "user{}@firm.ch", "e-mail addresses"), ("birth_date", "19{:02}-01-01", "dates of birth"),
        ("street", "Hauptstrasse {}", "addresses"), ("product name", "screw {}", None), ("amount", "123456{:02}", None),
        ("day", "2024-01-{:02}", None), ("day", "01.02.20{:02}", None), ("ratio", "-0.1234567{:02}", None),
    ],
)  # fmt: skip
def test_personal_data_are_known_by_name_and_look(name: str, value: str, what: str | None) -> None:
    assert personal(Profile(name, [value.format(number) for number in range(10, 40)])) == what


def test_few_values_are_nobodys() -> None:
    assert personal(Profile("PhoneService", ["Yes", "No"] * 20)) is None


def test_a_placeholder_stands_apart() -> None:
    assert placeholder(Profile("x", ["999"] * 8 + ["1", "12"])) == "999"
    assert placeholder(Profile("x", ["-1"] * 8 + ["0", "12"])) == "-1"
    assert placeholder(Profile("x", ["0"] * 8 + ["1", "2"])) is None
    assert placeholder(Profile("x", ["-1"] * 5 + ["0", "12"] * 5)) is None


def test_emptiness_alone_may_give_the_outcome_away() -> None:
    positive = np.arange(100) % 4 == 0
    filled = Profile("x", ["2024-01-01" if one else "" for one in positive])
    assert auc_alone(filled, "date", positive) == 1
    noise = Profile("x", [str(number * 7919 % 101) for number in range(100)])
    assert auc_alone(noise, "integer", positive) < 0.65
    assert auc_alone(noise, "category", positive) < 0.65
