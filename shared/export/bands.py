"""Which rows an export reads: the table cut into bands of the cursor column, each read by one statement.

The rows that are new lie above the watermark. But a row may be committed late, under a value that has been passed, and
several rows may share the value of the watermark, of which some come later. So the rows from the look-back on are read
once more, and those that went out before (see ``boundary``) are left out. Rows without a cursor value are read each
time in the same way.

    watermark - look_back      watermark                newest - look_back      newest
    |------ met again ---------|------- settled --------|------- fresh ---------|

What lies above ``newest``, the highest value when the export began, is left to the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.export.cursor import Value, earlier

if TYPE_CHECKING:
    from shared.catalog.spec import Dataset


@dataclass(frozen=True)
class Bound:
    """A comparison of a column with a value: ``column operator value``."""

    column: str
    operator: str
    value: Value


@dataclass(frozen=True)
class Band:
    """Rows for which all ``bounds`` hold, and where the column ``empty`` is NULL if one is named."""

    bounds: tuple[Bound, ...] = ()
    empty: str | None = None
    may_be_known: bool = False
    """Rows may have gone out before."""
    may_come_again: bool = False
    """Rows may be met again by a later export."""

    @property
    def divisible(self) -> bool:
        """Nothing has to be looked up or remembered, so several processes may share the reading."""
        return not (self.may_be_known or self.may_come_again)


EVERYTHING = Band()


def plan(dataset: Dataset, watermark: Value | None, newest: Value | None) -> list[Band]:
    """The bands of an export that goes on from ``watermark``; all of the table where it is None.

    ``newest`` is None where no row has a cursor value.
    """
    if not dataset.cursor_columns:
        return [EVERYTHING]
    column, kind = dataset.cursor_columns[0], dataset.columns[dataset.cursor_columns[0]].type
    bands = [Band(empty=column, may_be_known=True, may_come_again=True)]
    if newest is None:
        return bands
    kept_from = earlier(newest, dataset.look_back, kind)
    if newest == watermark:
        met_again = (Bound(column, ">=", kept_from), Bound(column, "<=", newest))
        return [Band(met_again, may_be_known=True, may_come_again=True), *bands]
    above = () if watermark is None else (Bound(column, ">", watermark),)
    bands += [
        Band((*above, Bound(column, "<", kept_from))),
        Band((*above, Bound(column, ">=", kept_from), Bound(column, "<=", newest)), may_come_again=True),
    ]
    if watermark is None:
        return bands
    met_again = (Bound(column, ">=", earlier(watermark, dataset.look_back, kind)), Bound(column, "<=", watermark))
    return [
        Band((*met_again, Bound(column, "<", kept_from)), may_be_known=True),
        Band((*met_again, Bound(column, ">=", kept_from)), may_be_known=True, may_come_again=True),
        *bands,
    ]


def since(dataset: Dataset, start: Value, newest: Value | None) -> list[Band]:
    """The bands of an export of everything from ``start`` on, whether it went out before or not."""
    column = dataset.cursor_columns[0]
    kind = dataset.columns[column].type
    bands = [Band(empty=column, may_be_known=True, may_come_again=True)]
    if newest is None:
        return bands
    kept_from = earlier(newest, dataset.look_back, kind)
    begin = Bound(column, ">=", start)
    return [
        *bands,
        Band((begin, Bound(column, "<", kept_from))),
        Band((begin, Bound(column, ">=", kept_from), Bound(column, "<=", newest)), may_come_again=True),
    ]
