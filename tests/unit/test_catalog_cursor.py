"""Catalog files: by which column a table is exported, and what the database may be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.catalog.load import load_catalog
from tests.catalog_files import dataset_with, faults_of, write
from tests.phone_data import phone

if TYPE_CHECKING:
    from pathlib import Path


CURSORS = "category, date, integer, text, timestamp"


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("cursor = 3", "dataset.cursor: Expected `str | array | null`, got `int`"),
        ('cursor = ["order_id"]', "dataset.cursor: Expected `array` of length 2, got 1"),
        ('cursor = ["ordered_on", "channel", "order_id"]', "dataset.cursor: Expected `array` of length 2, got 3"),
        ('cursor = ["ordered_on", 1]', "dataset.cursor: Expected `str`, got `int` - at `$[1]`"),
        ('cursor = ""', "dataset.cursor: expected a column that is declared and used, got ''"),
        ('cursor = "changed_at"', "dataset.cursor: expected a column that is declared and used, got 'changed_at'"),
        ('cursor = "secret"', "dataset.cursor: expected a column that is declared and used, got 'secret'"),
        ('cursor = "left_out"', "dataset.cursor: expected a column that is declared and used, got 'left_out'"),
        ('cursor = ["ordered_on", "id"]', "dataset.cursor: expected a column that is declared and used, got 'id'"),
        ('cursor = "person"', "dataset.cursor: 'person' is personal data, and a watermark is stored as it is"),
        (
            'cursor = ["ordered_on", "person"]',
            "dataset.cursor: 'person' is personal data, and a watermark is stored as it is",
        ),
        ('cursor = "amount"', f"dataset.cursor: expected a column of type {CURSORS}, got 'decimal'"),
        (
            'cursor = ["ordered_on", "ordered_on"]',
            "dataset.cursor: 'ordered_on' stands twice; the second column tells rows of the same value apart",
        ),
        ("look_back = 5", "dataset.look_back: means nothing without dataset.cursor"),
        ('cursor = "order_id"\nlook_back = -1', "dataset.look_back: Expected `int` >= 0"),
        ('cursor = "order_id"\nlook_back = 0.5', "dataset.look_back: Expected `int`, got `float`"),
        (
            'cursor = "channel"\nlook_back = 5',
            "dataset.look_back: a category has no distance to look back; expected an integer or a time",
        ),
    ],
)
def test_a_cursor_that_cannot_be_one_is_told(lines: str, fault: str) -> None:
    columns = (
        '[dataset.columns.secret]\ntype = "timestamp"\nrole = "unused"\nreason = "no"\n'
        '[dataset.columns.left_out]\ntype = "category"\npii = "drop"\n'
        '[dataset.columns.person]\ntype = "category"\npii = "hash"\n'
    )
    # That a hash is no feature is another fault, told beside this one.
    assert fault in faults_of(dataset_with(lines, ("[model]\n", f"{columns}[model]\n")))


def test_each_fault_of_a_cursor_is_told() -> None:
    assert faults_of(dataset_with('cursor = ["amount", "nothing"]\nlook_back = 1')) == [
        "dataset.cursor: expected a column that is declared and used, got 'nothing'",
        f"dataset.cursor: expected a column of type {CURSORS}, got 'decimal'",
        "dataset.look_back: a decimal has no distance to look back; expected an integer or a time",
    ]


@pytest.mark.parametrize(
    ("lines", "columns", "look_back"),
    [
        ("", (), 0),
        ("look_back = 0", (), 0),
        ('cursor = "order_id"', ("order_id", "order_id"), 0),
        ('cursor = "order_id"\nlook_back = 1000', ("order_id", "order_id"), 1000),
        ('cursor = "ordered_on"\nlook_back = 86400', ("ordered_on", "order_id"), 86_400),
        ('cursor = "channel"', ("channel", "order_id"), 0),
        ('cursor = ["ordered_on", "channel"]', ("ordered_on", "channel"), 0),
        ('cursor = ["ordered_on", "amount"]', ("ordered_on", "amount"), 0),  # only the first is a watermark
    ],
)
def test_a_cursor_is_told_apart_by_its_second_column_or_by_the_key(
    tmp_path: Path, lines: str, columns: tuple[str, ...], look_back: int
) -> None:
    dataset = load_catalog(write(tmp_path, a=dataset_with(lines))).use_cases[0].dataset
    assert (dataset.cursor_columns, dataset.look_back) == (columns, look_back)


def test_the_built_in_use_case_is_exported_by_its_key() -> None:
    assert phone().dataset.cursor_columns == ("contact_id", "contact_id")
