"""The database's columns against the catalog's: told before a row is read, and all at once."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, get_args
from uuid import UUID

import pytest

from shared.catalog.spec import Column, ColumnType, Dataset
from shared.errors import SourceError
from shared.export.contract import TITLES, check_columns
from tests.fake_source import LOG

if TYPE_CHECKING:
    from collections.abc import Mapping

FOUND: dict[str, type | None] = {"id": int, "note": str, "changed": int, "city": str}
ALL_TYPES: tuple[ColumnType, ...] = get_args(ColumnType)

TAKEN: dict[str, set[type]] = {
    "integer": {int, Decimal},
    "number": {int, Decimal, float},
    "decimal": {int, Decimal, float},
    "boolean": {bool, int},
    "date": {date, datetime},
    "timestamp": {date, datetime},
    "text": set(TITLES),
    "category": set(TITLES),
}
"""What each catalog type takes of a strictly typed database."""
ALSO: dict[str, set[type]] = {"integer": {float}, "decimal": {str}, "date": {str}, "timestamp": {str}}
"""And of one that keeps dates and decimals as text."""


def check(found: Mapping[str, type | None], dataset: Dataset = LOG, *, loosely_typed: bool = False) -> list[str]:
    return check_columns(dataset, found, loosely_typed=loosely_typed)


def fault(found: Mapping[str, type | None], dataset: Dataset = LOG, *, loosely_typed: bool = False) -> str:
    with pytest.raises(SourceError) as raised:
        check(found, dataset, loosely_typed=loosely_typed)
    return str(raised.value)


def test_a_table_that_is_as_declared_has_no_notes() -> None:
    assert check(FOUND) == []
    assert check(dict(reversed(FOUND.items()))) == []


def test_an_unused_column_need_not_be_there() -> None:
    assert check({name: kind for name, kind in FOUND.items() if name != "note"}) == []


def test_a_column_that_is_dropped_as_personal_need_not_be_there() -> None:
    dataset = Dataset(name="log", table="log", columns={**LOG.columns, "phone": Column("text", pii="drop")})
    assert check(FOUND, dataset) == []


def test_columns_that_are_not_in_the_catalog_are_noted() -> None:
    assert check({**FOUND, "new": str, "newer": None}) == [
        "column 'new' is in the database and not in the catalog: it is not exported",
        "column 'newer' is in the database and not in the catalog: it is not exported",
    ]


def test_all_columns_that_are_missing_are_told_at_once() -> None:
    assert fault({"changed": int, "City": str}) == (
        "dataset 'log': the database has no column 'id', 'city'; it has 'changed', 'City'. "
        "Rename in the catalog, or declare the column's role 'unused'"
    )


def test_all_columns_of_another_type_are_told_at_once() -> None:
    message = fault({**FOUND, "id": str, "changed": datetime})
    assert message == (
        "dataset 'log': column 'id': the catalog says integer, the database has text. Correct the type in the "
        "catalog, or give the dataset a query that casts the column; column 'changed': the catalog says integer, the "
        "database has timestamp. Correct the type in the catalog, or give the dataset a query that casts the column"
    )


@pytest.mark.parametrize("loosely_typed", [False, True])
@pytest.mark.parametrize("declared", ALL_TYPES)
def test_each_type_takes_what_can_be_written_as_it(declared: ColumnType, loosely_typed: bool) -> None:
    dataset = Dataset(name="log", table="log", columns={"x": Column(declared)})
    taken = TAKEN[declared] | (ALSO.get(declared, set()) if loosely_typed else set())
    for kind in TITLES:
        if kind in taken:
            assert check({"x": kind}, dataset, loosely_typed=loosely_typed) == []
        else:
            told = f"column 'x': the catalog says {declared}, the database has {TITLES[kind]}."
            assert told in fault({"x": kind}, dataset, loosely_typed=loosely_typed)


@pytest.mark.parametrize("declared", ALL_TYPES)
def test_a_column_without_a_declared_type_may_be_any(declared: ColumnType) -> None:
    assert check({"x": None}, Dataset(name="log", table="log", columns={"x": Column(declared)})) == []


def test_a_type_that_nobody_foresaw_is_called_by_its_own_name() -> None:
    assert "the database has memoryview." in fault({**FOUND, "id": memoryview})


def test_every_type_of_a_driver_has_a_title() -> None:
    assert set(TITLES) >= {int, float, Decimal, bool, str, date, datetime, time, bytes, bytearray, UUID}
