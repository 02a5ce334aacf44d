"""What a column's values and its name tell: its type, levels, bounds, whether it is personal or known too late."""

from __future__ import annotations

import numpy as np
import pytest

from local.propose.alone import auc_alone, placeholder
from local.propose.domains import bounds, closed_levels
from local.propose.kinds import Profile, kind_of
from local.propose.signs import personal, sounds_later


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
    assert kind_of(Profile("x", texts)).type == kind


def test_levels_are_written_as_the_column_writes_them() -> None:
    assert closed_levels(Profile("x", ["Mon", "Tue", "Fri"])) == ("Mon", "Tue", "Wed", "Thu", "Fri")
    assert closed_levels(Profile("x", ["MONDAY", "TUESDAY", "SUNDAY"]))[-1] == "SUNDAY"  # type: ignore[index]
    assert closed_levels(Profile("x", ["Y", "N"])) == ("N", "Y")
    assert closed_levels(Profile("x", ["yes", "no", "unknown"])) is None


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
