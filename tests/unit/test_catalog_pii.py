"""Catalog files: what is to become of personal data is decided, or told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.catalog.load import load_catalog
from shared.errors import CatalogError
from tests.catalog_files import changed, faults_of, write

if TYPE_CHECKING:
    from pathlib import Path


def load_fault(folder: Path) -> str:
    with pytest.raises(CatalogError) as raised:
        load_catalog(folder)
    return str(raised.value)


UNDECIDED = (
    'says that this is personal data, not how it may be exported; expected pii = "hash" (a keyed hash goes out) or '
    'pii = "drop" (nothing does)'
)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('type = "decimal"', 'type = "decimal"\npii = true', f"dataset.columns.amount.pii: {UNDECIDED}"),
        ('role = "key"', 'role = "key"\npii = true', f"dataset.columns.order_id.pii: {UNDECIDED}"),
        (
            'type = "decimal"',
            'type = "decimal"\npii = "mask"',
            "dataset.columns.amount.pii: Invalid enum value 'mask'",
        ),
        (
            'type = "decimal"',
            'type = "decimal"\npii = 1',
            "dataset.columns.amount.pii: Expected `bool | str`, got `int`",
        ),
        (
            'type = "decimal"',
            'type = "decimal"\npii = "hash"',
            "dataset.columns.amount.pii: a hash says nothing as a feature: no request brings it; expected 'drop'",
        ),
        (
            'role = "target"',
            'role = "target"\npii = "hash"',
            (
                "dataset.columns.returned.pii: a hash says nothing as a target: no request brings it; "
                "expected another column for it"
            ),
        ),
        (
            'role = "key"',
            'role = "key"\npii = "hash"',
            "dataset.columns.order_id.pii: a hash is text: expected type 'category' or 'text', got 'integer'",
        ),
        (
            'role = "time"',
            'role = "time"\npii = "hash"',
            "dataset.columns.ordered_on.pii: a hash is text: expected type 'category' or 'text', got 'date'",
        ),
        (
            'type = "decimal"',
            'type = "decimal"\nrole = "unused"\npii = true',
            "dataset.columns.amount.reason: an unused column says why it is unused",
        ),
    ],
)
def test_personal_data_that_nobody_has_decided_about_is_told(old: str, new: str, fault: str) -> None:
    assert faults_of(changed((old, new))) == [fault]


@pytest.mark.parametrize(
    ("role", "column", "instead"),
    [
        ("key", "order_id", "'hash', or another column for it"),
        ("time", "ordered_on", "another column for it"),
        ("target", "returned", "another column for it"),
    ],
)
def test_a_column_that_every_row_needs_cannot_be_dropped(role: str, column: str, instead: str) -> None:
    assert faults_of(changed((f'role = "{role}"', f'role = "{role}"\npii = "drop"'))) == [
        f"dataset.columns.{column}.pii: the {role} column cannot be dropped; expected {instead}"
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('type = "decimal"', 'type = "decimal"\npii = false'),
        ('type = "decimal"', 'type = "decimal"\npii = "drop"'),
        ('type = "integer"\nrole = "key"', 'type = "text"\nrole = "key"\npii = "hash"'),
        ('type = "decimal"', 'type = "decimal"\nrole = "unused"\nreason = "a name"\npii = true'),
        ('type = "decimal"', 'type = "decimal"\nrole = "unused"\nreason = "a name"\npii = "drop"'),
    ],
)
def test_personal_data_whose_way_is_decided_has_no_faults(old: str, new: str) -> None:
    assert faults_of(changed((old, new))) == []


def test_what_is_dropped_is_as_if_it_were_unused(tmp_path: Path) -> None:
    dropped = ('type = "decimal"', 'type = "decimal"\npii = "drop"')
    reasoned = ('levels = ["web", "shop"]', 'pii = "drop"\nreason = "it names the seller"')
    third = ("[model]\n", '[dataset.columns.size]\ntype = "integer"\n[model]\n')
    dataset = load_catalog(write(tmp_path, a=changed(dropped, reasoned, third))).use_cases[0].dataset
    assert list(dataset.used_columns()) == ["order_id", "ordered_on", "returned", "size"]
    assert list(dataset.features()) == ["size"]
    assert dataset.unusable() == {
        "amount": "personal data, which stays in the database",
        "channel": "it names the seller",
    }


def test_what_is_hashed_is_exported(tmp_path: Path) -> None:
    hashed = changed(('type = "integer"\nrole = "key"', 'type = "text"\nrole = "key"\npii = "hash"'))
    dataset = load_catalog(write(tmp_path, a=hashed)).use_cases[0].dataset
    assert "order_id" in dataset.used_columns()
    assert dataset.unusable() == {}


def test_dropping_every_feature_leaves_nothing_to_learn_from() -> None:
    text = changed(('type = "decimal"', 'type = "decimal"\npii = "drop"'), ('levels = ["web", "shop"]', 'pii = "drop"'))
    assert faults_of(text) == ["dataset.columns: expected at least one column with role 'feature', got none"]
