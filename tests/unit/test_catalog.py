"""Catalog files: what is declared is what is used, and every fault of every file is told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.catalog.load import Catalog, load_catalog, parse_use_case
from shared.errors import CatalogError
from shared.settings import BUILT_IN_CATALOG, Settings
from tests.phone_data import phone

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """
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
min = 0
max = 1000

[dataset.columns.channel]
type = "category"
levels = ["web", "shop"]

[dataset.columns.returned]
type = "category"
role = "target"
known = "after"
levels = ["no", "yes"]

[model]
name = "returns"
title = "What comes back"
task = "classification"
positive = "yes"

[model.decision]
act = "check"
skip = "send"
cost = 1
gain = 10
"""


def changed(*replacements: tuple[str, str]) -> str:
    """The good file with some of its text replaced."""
    text = GOOD
    for old, new in replacements:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the good file"
        text = text.replace(old, new)
    return text


def faults_of(text: str) -> list[str]:
    """The faults of one file, without its name."""
    faults: list[str] = []
    use_case = parse_use_case(text.encode(), "f.toml", faults)
    assert (use_case is None) == bool(faults)
    return [fault.removeprefix("f.toml: ") for fault in faults]


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text)
    return folder


def load_fault(folder: Path) -> str:
    with pytest.raises(CatalogError) as raised:
        load_catalog(folder)
    return str(raised.value)


def test_the_good_file_has_no_faults() -> None:
    assert faults_of(GOOD) == []


def test_the_built_in_catalog_loads() -> None:
    assert [use_case.model.name for use_case in load_catalog(BUILT_IN_CATALOG).use_cases] == ["phone"]
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
            'task = "forecast"',
            "model.task: expected one of 'classification', got 'forecast'",
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
        ('table = "dbo.orders"', "", "dataset: expected either 'table' or 'query', neither is given"),
        (
            'table = "dbo.orders"',
            'table = "a"\nquery = "SELECT 1"',
            "dataset: expected either 'table' or 'query', both are given",
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


def dataset_with(lines: str, *replacements: tuple[str, str]) -> str:
    """The good file with these lines in its ``[dataset]``."""
    return changed(('table = "dbo.orders"', f'table = "dbo.orders"\n{lines}'), *replacements)


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


@pytest.mark.parametrize("kind", ["number", "date", "text"])
def test_a_target_is_a_category_or_a_boolean(kind: str) -> None:
    text = changed(('type = "category"\nrole = "target"', f'type = "{kind}"\nrole = "target"'), ('["no", "yes"]', "[]"))
    fault = f"dataset.columns.returned.type: the target of a classification is a category or a boolean, not {kind!r}"
    assert fault in faults_of(text)


def test_a_boolean_target_is_true_or_false() -> None:
    boolean = (
        ('type = "category"\nrole = "target"', 'type = "boolean"\nrole = "target"'),
        ('levels = ["no", "yes"]', ""),
    )
    assert faults_of(changed(*boolean, ('positive = "yes"', 'positive = "true"'))) == []
    assert faults_of(changed(*boolean)) == [
        "model.positive: expected a level of 'returned' (false, true), got 'yes'",
    ]


def test_a_dataset_without_features_teaches_nothing() -> None:
    unused = 'role = "unused"\nreason = "no"'
    text = changed(('type = "decimal"', f'type = "decimal"\n{unused}'), ('levels = ["web", "shop"]', unused))
    assert faults_of(text) == ["dataset.columns: expected at least one column with role 'feature', got none"]


@pytest.mark.parametrize("role", ["key", "time", "target"])
def test_columns_that_every_row_needs_are_never_empty(role: str) -> None:
    faults = faults_of(changed((f'role = "{role}"', f'role = "{role}"\nnullable = true')))
    assert [fault for fault in faults if fault.endswith(f".nullable: the {role} column cannot be empty")] == faults
    assert len(faults) == 1


@pytest.mark.parametrize("role", ["key", "time"])
def test_keys_and_times_are_known_before_the_decision(role: str) -> None:
    (fault,) = faults_of(changed((f'role = "{role}"', f'role = "{role}"\nknown = "after"')))
    assert f"known: a {role} must be known before the decision" in fault


@pytest.mark.parametrize("name", ["Orders", "or", "1orders", "orders-", "or_ders", "o" * 64, "orders/x", "orders\\n"])
def test_names_are_fit_for_blobs_and_urls(name: str) -> None:
    (fault,) = faults_of(changed(('name = "orders"', f'name = "{name}"')))
    assert fault.startswith("dataset.name: Expected `str` matching regex")


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("training", "holdout", "0.6"),
        ("training", "folds", "0"),
        ("training", "history", "[]"),
        ("training", "history", '["some"]'),
        ("training", "min_rows", "10"),
        ("training", "max_refused", "1.5"),
        ("training", "seconds", "0"),
        ("gate", "confidence", "0.5"),
        ("gate", "min_rows", "5"),
    ],
)
def test_training_and_gate_stay_within_bounds(section: str, key: str, value: str) -> None:
    (fault,) = faults_of(f"{GOOD}\n[{section}]\n{key} = {value}\n")
    assert fault.startswith(f"{section}.{key}: ")


def test_training_and_gate_are_read() -> None:
    faults: list[str] = []
    text = f'{GOOD}\n[training]\nfolds = 3\nhistory = [500, "all"]\n[gate]\nmin_rows = 99\n'
    use_case = parse_use_case(text.encode(), "f.toml", faults)
    assert use_case is not None
    assert (use_case.training.folds, use_case.training.history) == (3, (500, "all"))
    assert use_case.gate.min_rows == 99


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("min = 0", "minimum = 0", "dataset.columns.amount.minimum: is not known here; did you mean 'min'?"),
        ("skip =", "skp = 'x'\nskip =", "model.decision.skp: is not known here; did you mean 'skip'?"),
        (
            "skip =",
            "zzzz = 'x'\nskip =",
            "model.decision.zzzz: is not known here; expected one of act, cost, gain, skip",
        ),
        ("[dataset]", "[trainning]\nfolds = 2\n[dataset]", "trainning: is not known here; did you mean 'training'?"),
    ],
)
def test_an_unknown_key_is_told_with_what_was_probably_meant(old: str, new: str, fault: str) -> None:
    assert faults_of(changed((old, new))) == [fault]


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
