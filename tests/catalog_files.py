"""A catalog file without faults, and what it takes to spoil it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.catalog.load import parse_use_case

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


def dataset_with(lines: str, *replacements: tuple[str, str]) -> str:
    """The good file with these lines in its ``[dataset]``."""
    return changed(('table = "dbo.orders"', f'table = "dbo.orders"\n{lines}'), *replacements)


def write(folder: Path, **files: str) -> Path:
    """A folder of use cases, by their names."""
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text)
    return folder
