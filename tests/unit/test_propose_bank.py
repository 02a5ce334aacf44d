"""``python -m local propose`` on the telemarketing data: drafted as an expert would, and what the file lacks."""

from __future__ import annotations

import lzma
from typing import TYPE_CHECKING

import pytest

from local.company import bank_contacts
from local.published import complete, read_published
from shared.catalog.load import load_catalog
from tests.phone_data import to_csv
from tests.proposing import drafted, loaded

if TYPE_CHECKING:
    from pathlib import Path


CATALOGS = "tests/catalogs"


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("bank")
    derived = {"contact_id", "contacted_on"}
    rows = [{name: value for name, value in row.items() if name not in derived} for row in bank_contacts()]
    data = lzma.compress(to_csv(rows, separator=";"), preset=0)
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
