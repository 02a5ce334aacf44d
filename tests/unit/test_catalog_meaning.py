"""Faults of what the catalog says of features: segments, trust and calendars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.catalog.load import parse_use_case

if TYPE_CHECKING:
    from shared.catalog.spec import UseCase

CATALOG = """
[dataset]
name = "orders"
table = "dbo.orders"

[dataset.columns.order_id]
type = "integer"
role = "key"

[dataset.columns.ordered_on]
type = "date"
role = "time"

[dataset.columns.amount]
type = "decimal"

[dataset.columns.channel]
type = "category"

[dataset.columns.remark]
type = "category"
role = "unused"
reason = "written later"

[dataset.columns.returned]
type = "boolean"
role = "target"
known = "after"

[model]
name = "returns"
title = "What comes back"
task = "classification"
positive = "true"

[model.decision]
act = "check"
skip = "send"
cost = 1
gain = 10
"""


def read(text: str) -> tuple[UseCase | None, list[str]]:
    faults: list[str] = []
    use_case = parse_use_case(text.encode(), "f.toml", faults)
    return use_case, [fault.removeprefix("f.toml: ") for fault in faults]


def with_line(column: str, line: str) -> str:
    """The catalog with one more line in a column's declaration."""
    head = f"[dataset.columns.{column}]\n"
    assert CATALOG.count(head) == 1
    return CATALOG.replace(head, f"{head}{line}\n")


def gate(line: str) -> str:
    return f"{CATALOG}\n[gate]\n{line}\n"


@pytest.mark.parametrize(
    "text",
    [
        CATALOG,
        gate('segments = ["channel"]'),
        gate("segments = []"),
        with_line("amount", 'trusted = "agreed on before"'),
        with_line("ordered_on", 'calendar = "weekday"'),
        with_line("ordered_on", 'calendar = "weekday"\ntrusted = "the shop is closed on Sundays"'),
        f"{CATALOG}\n[retraining]\nevery_days = 7\n",
    ],
)
def test_what_can_be_meant_has_no_faults(text: str) -> None:
    use_case, faults = read(text)
    assert faults == []
    assert use_case is not None


@pytest.mark.parametrize("name", ["amount", "remark", "ordered_on", "returned", "shop"])
def test_a_segment_is_a_feature_that_is_a_category(name: str) -> None:
    use_case, faults = read(gate(f'segments = ["channel", "{name}"]'))
    assert use_case is None
    assert faults == [f"gate.segments: expected features of type 'category', got '{name}'"]


def test_a_date_with_a_weekday_is_no_segment() -> None:
    text = with_line("ordered_on", 'calendar = "weekday"') + '\n[gate]\nsegments = ["ordered_on"]\n'
    assert read(text)[1] == ["gate.segments: expected features of type 'category', got 'ordered_on'"]


@pytest.mark.parametrize(
    ("column", "role"), [("order_id", "key"), ("ordered_on", "time"), ("returned", "target"), ("remark", "unused")]
)
def test_only_a_feature_is_trusted(column: str, role: str) -> None:
    assert read(with_line(column, 'trusted = "it is right"'))[1] == [
        f"dataset.columns.{column}.trusted: is for features, not for a column with role '{role}'"
    ]


def test_trust_has_a_reason() -> None:
    assert read(with_line("amount", 'trusted = " "'))[1] == [
        "dataset.columns.amount.trusted: says why the feature may explain the target so well"
    ]


@pytest.mark.parametrize(
    ("column", "role"), [("order_id", "key"), ("returned", "target"), ("remark", "unused"), ("amount", "feature")]
)
def test_only_a_time_has_a_calendar(column: str, role: str) -> None:
    faults = read(with_line(column, 'calendar = "weekday"'))[1]
    assert f"dataset.columns.{column}.calendar: is what of a time is a feature; expected role 'time', got '{role}'" in (
        faults
    )


def test_the_gate_is_checked_beside_the_faults_of_other_sections() -> None:
    faults = read(gate('segments = ["shop"]').replace("cost = 1\n", ""))[1]
    assert any("model.decision.cost" in fault for fault in faults)
    assert any("gate.segments" in fault for fault in faults)
