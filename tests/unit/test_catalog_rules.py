"""Catalog files: what columns, targets, names and bounds may be."""

from __future__ import annotations

import pytest

from shared.catalog.load import parse_use_case
from tests.catalog_files import GOOD, changed, faults_of


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
