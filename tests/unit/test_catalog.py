"""Catalog files: what is declared is what is used, and a fault is told with its path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.catalog.load import load_catalog
from shared.errors import CatalogError
from shared.settings import BUILT_IN_CATALOG, Settings
from tests.catalog_files import GOOD, changed, faults_of, write
from tests.phone_data import phone

if TYPE_CHECKING:
    from pathlib import Path


def load_fault(folder: Path) -> str:
    with pytest.raises(CatalogError) as raised:
        load_catalog(folder)
    return str(raised.value)


def test_the_good_file_has_no_faults() -> None:
    assert faults_of(GOOD) == []


def test_the_built_in_catalog_loads() -> None:
    assert [use_case.model.name for use_case in load_catalog(BUILT_IN_CATALOG).use_cases] == ["phone", "sales"]
    assert phone().model.decision.threshold == pytest.approx(0.1)


def test_what_is_known_after_the_call_or_left_out_reaches_neither_a_model_nor_an_export() -> None:
    dataset = phone().dataset
    reasons = dataset.unusable()
    assert reasons.keys() == {"duration", "pdays"}
    assert reasons["duration"].startswith("the length of the call is known when it has ended")
    assert "four rows in five" in reasons["pdays"]
    assert not reasons.keys() & dataset.features().keys()
    assert not reasons.keys() & dataset.used_columns().keys()
    assert dataset.columns["duration"].known == "after"


def test_the_target_is_exported_but_is_no_feature() -> None:
    dataset = phone().dataset
    assert "y" in dataset.used_columns()
    assert not {"y", "contact_id"} & dataset.features().keys()
    assert dataset.column_with("target") == "y"
    assert dataset.column_with("key") == "contact_id"
    assert dataset.column_with("time") == "contacted_on"


def test_columns_keep_the_order_of_the_file(tmp_path: Path) -> None:
    dataset = load_catalog(write(tmp_path, a=GOOD)).use_cases[0].dataset
    assert list(dataset.used_columns()) == ["order_id", "ordered_on", "amount", "channel", "returned"]
    assert list(dataset.features()) == ["amount", "channel"]


def test_use_cases_are_found_by_model_and_by_dataset(tmp_path: Path) -> None:
    catalog = load_catalog(write(tmp_path, a=GOOD))
    assert catalog.model("returns") is catalog.trained_on("orders") is catalog.use_cases[0]
    assert catalog.model("orders") is None
    assert catalog.trained_on("returns") is None


def test_files_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    second = changed(('"orders"', '"visits"'), ('"returns"', '"buyers"'))
    catalog = load_catalog(write(tmp_path, b=GOOD, a=second))
    assert [use_case.model.name for use_case in catalog.use_cases] == ["buyers", "returns"]


def test_a_folder_of_ones_own_is_read_by_its_setting(tmp_path: Path) -> None:
    settings = Settings.from_env({"DataStorage": "x", "CATALOG_DIR": str(write(tmp_path, mine=GOOD))})
    assert load_catalog(settings.catalog_dir).model("returns")
    assert load_catalog(settings.catalog_dir).model("phone") is None


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        # Form: what the types say.
        ('type = "decimal"', "", "dataset.columns.amount.type: is missing"),
        ('title = "What comes back"', "", "model.title: is missing"),
        (
            'type = "decimal"',
            'type = "money"',
            ("dataset.columns.amount.type: expected one of 'integer', 'number', 'decimal', 'boolean', 'category', "
            "'text', 'date', 'timestamp', got 'money'"),
        ),
        (
            'task = "classification"',
            'task = "guess"',
            "model.task: expected one of 'classification', 'forecast', got 'guess'",
        ),
        ("min = 0", 'min = "low"', "dataset.columns.amount.min: Expected `float | null`, got `str`"),
        ("cost = 1", "cost = true", "model.decision.cost: Expected `float`, got `bool`"),
        ("cost = 1", "cost = -1", "model.decision.cost: Expected `float` > 0.0"),
        ("cost = 1", "cost = nan", "model.decision.cost: Expected `float` > 0.0"),
        ("gain = 10", "gain = 0", "model.decision.gain: Expected `float` > 0.0"),
        ('act = "check"', "act = 1", "model.decision.act: Expected `str`, got `int`"),
        ('levels = ["web", "shop"]', 'levels = ["web", 1]', ("dataset.columns.channel.levels: Expected `str`, got `int`"
         " - at `$[1]`")),
        # Meaning: what no type can say.
        (
            'type = "decimal"\nmin = 0\nmax = 1000',
            'type = "text"',
            ("dataset.columns.amount.role: a text column cannot be a feature; expected one of boolean, category, "
            "decimal, integer, number"),
        ),
        (
            'type = "decimal"',
            'type = "decimal"\nknown = "after"',
            ("dataset.columns.amount.known: a feature must be known before the decision; a column known after it is "
            "'unused'"),
        ),
        (
            'type = "decimal"',
            'type = "decimal"\nrole = "unused"',
            "dataset.columns.amount.reason: an unused column says why it is unused",
        ),
        (
            'type = "date"',
            'type = "integer"',
            "dataset.columns.ordered_on.type: the time column is a date or a timestamp, not 'integer'",
        ),
        (
            'role = "key"',
            'role = "key"\nnullable = true',
            "dataset.columns.order_id.nullable: the key column cannot be empty",
        ),
        (
            'type = "category"\nlevels = ["web", "shop"]',
            'type = "category"\nmin = 1',
            "dataset.columns.channel.min, max: bounds are for decimal, integer, number columns, not for 'category'",
        ),
        ("min = 0", "min = 2000", "dataset.columns.amount.min: 2000 is above max, 1000"),
        (
            "max = 1000",
            'levels = ["1"]',
            "dataset.columns.amount.levels: are for category columns, not for 'decimal'",
        ),
        ('["web", "shop"]', '["web", "web"]', "dataset.columns.channel.levels: each level stands once"),
        ('table = "dbo.orders"', "", "dataset: expected one of 'table', 'query' or 'dropped = true', got none"),
        (
            'table = "dbo.orders"',
            'table = "a"\nquery = "SELECT 1"',
            "dataset: expected one of 'table', 'query' or 'dropped = true', got table, query",
        ),
        (
            'table = "dbo.orders"',
            'table = "dbo.orders"\ndropped = true',
            "dataset: expected one of 'table', 'query' or 'dropped = true', got table, dropped",
        ),
        (
            'table = "dbo.orders"',
            'dropped = true\ncursor = "order_id"',
            "dataset.cursor: means nothing where rows are dropped, and none are exported",
        ),
        (
            'role = "key"',
            "",
            "dataset.columns: expected one column with role 'key', got none",
        ),
        (
            'type = "decimal"\nmin = 0\nmax = 1000',
            'type = "date"\nrole = "time"',
            "dataset.columns: expected one column with role 'time', got ordered_on, amount",
        ),
        ('positive = "yes"', 'positive = "maybe"', ("model.positive: expected a level of 'returned' (no, yes), got "
         "'maybe'")),
        ("cost = 1", "cost = 10", "model.decision.cost: 10 is not below gain, 10: acting would never pay"),
        ('skip = "send"', 'skip = "check"', "model.decision.skip: must differ from act"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_path(old: str, new: str, fault: str) -> None:
    assert faults_of(changed((old, new))) == [fault]
