"""``python -m local propose`` on a table that it has never seen: what the draft says of each column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.catalog.load import parse_use_case
from tests.phone_data import to_csv
from tests.proposing import customers, drafted, loaded

if TYPE_CHECKING:
    from pathlib import Path

    from shared.catalog.spec import Column


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
