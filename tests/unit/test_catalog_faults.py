"""Catalog files: every fault of every file is told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.catalog.load import Catalog, load_catalog
from shared.errors import CatalogError
from tests.catalog_files import GOOD, changed, faults_of, write

if TYPE_CHECKING:
    from pathlib import Path


def load_fault(folder: Path) -> str:
    with pytest.raises(CatalogError) as raised:
        load_catalog(folder)
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", ["dataset: is missing", "model: is missing"]),
        ("dataset = 1\nmodel = []", ["dataset: expected a table, got int", "model: expected a table, got list"]),
        ("dataset.name = 'orders'\ndataset.columns = 'x'", ["model: is missing",
         "dataset.columns: expected a table, got str"]),
        ("dataset.name = 'orders'\ndataset.columns.a = 'integer'", ["model: is missing",
         "dataset.columns.a: expected a table, got str"]),
    ],
)  # fmt: skip
def test_sections_are_tables(text: str, faults: list[str]) -> None:
    assert faults_of(text) == faults


def test_faults_of_form_and_of_meaning_are_told_together() -> None:
    text = changed(
        ("[model]\n", "[model]\ntitel = 'x'\n"),  # an unknown key
        ('title = "What comes back"', ""),  # a missing one
        ("min = 0", "min = 2000"),  # bounds that cross
        ("cost = 1", "cost = 11"),  # a decision that never pays
        ('type = "integer"', 'type = "int"'),  # a type that is none
    )
    assert [fault.split(": ")[0] for fault in faults_of(text)] == [
        "dataset.columns.order_id.type",
        "model.titel",
        "model.title",
        "dataset.columns.amount.min",
        "model.decision.cost",
    ]


def test_a_section_is_judged_whatever_is_wrong_with_the_others() -> None:
    text = changed(('title = "What comes back"', ""), ('table = "dbo.orders"', ""), ("cost = 1", "cost = true"))
    assert [fault.split(": ")[0] for fault in faults_of(text)] == ["model.title", "model.decision.cost", "dataset"]


def test_what_follows_from_a_fault_is_not_told_as_well() -> None:
    """A key column whose type is misspelt is no missing key column."""
    (fault,) = faults_of(changed(('type = "integer"', 'type = "int"')))
    assert fault.startswith("dataset.columns.order_id.type: expected one of")


def test_several_faults_of_one_column_are_told_together() -> None:
    text = changed(
        ('type = "decimal"', 'type = "text"\nrole = "unused"'), ("max = 1000", "max = -1\nlevels = ['a', 'a']")
    )
    assert [fault.removeprefix("dataset.columns.amount.").split(":")[0] for fault in faults_of(text)] == [
        "reason",
        "min, max",
        "min",
        "levels",
        "levels",
    ]


def test_the_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    message = load_fault(
        write(
            tmp_path,
            a=changed(("cost = 1", "cost = 10")),
            b=changed(('type = "date"', 'type = "day"')),
            c="[dataset",
            d=GOOD,
        )
    )
    lines = message.splitlines()
    assert lines[0] == "the catalog has faults:"
    assert [line.split(": ")[0].strip() for line in lines[1:]] == ["a.toml", "b.toml", "c.toml"]


def test_what_is_not_toml_is_told_with_its_place(tmp_path: Path) -> None:
    assert "a.toml: is not TOML: " in load_fault(write(tmp_path, a="[dataset]\nname = orders"))
    assert "line 2" in load_fault(tmp_path)


def test_what_is_not_text_is_not_toml(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"title = '\xff'")
    assert "a.toml: is not TOML: " in load_fault(tmp_path)


def test_an_empty_folder_is_no_catalog(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a use case")
    assert f"{tmp_path}: expected at least one *.toml file, found none" in load_fault(tmp_path)


def test_a_name_belongs_to_one_file(tmp_path: Path) -> None:
    message = load_fault(write(tmp_path, a=GOOD, b=GOOD))
    assert "model.name: 'returns' is declared in 2 files; each name belongs to one" in message
    assert "dataset.name: 'orders' is declared in 2 files; each name belongs to one" in message


def test_two_models_do_not_share_a_dataset(tmp_path: Path) -> None:
    message = load_fault(write(tmp_path, a=GOOD, b=changed(('"returns"', '"others"'))))
    assert "dataset.name: 'orders'" in message
    assert "model.name" not in message


def test_a_catalog_is_what_was_declared_and_cannot_be_changed(tmp_path: Path) -> None:
    use_case = load_catalog(write(tmp_path, a=GOOD)).use_cases[0]
    with pytest.raises(AttributeError):
        use_case.model.name = "other"  # type: ignore[misc]
    assert Catalog((use_case,)) == load_catalog(tmp_path)
