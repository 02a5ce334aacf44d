"""A table's first rows, through ODBC, as an export would write them."""

from __future__ import annotations

import itertools
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from local.published import Published
from shared.catalog.spec import Column, Dataset
from shared.csv_format import csv_rows, read_csv
from shared.errors import DropError, SourceError
from shared.export.bands import EVERYTHING
from shared.export.contract import check_columns
from shared.export.source import OdbcSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.catalog.spec import ColumnType

MOST_ROWS = 50_000


class _Typed(Protocol):
    """What an open dataset knows beyond its public face."""

    @property
    def types(self) -> Mapping[str, type]: ...


@dataclass(frozen=True)
class Announced:
    """The types that the database has for its columns; none where a file was read."""

    types: Mapping[str, type]
    loosely: bool = False
    binary: tuple[str, ...] = ()
    """Pictures and the like, which are not read."""

    def takes(self, name: str, kind: ColumnType) -> bool:
        """Whether an export accepts the column as this type."""
        if name not in self.types:
            return True
        dataset = Dataset(name="draft", columns={name: Column(kind)})
        try:
            check_columns(dataset, {name: self.types[name]}, loosely_typed=self.loosely)
        except SourceError:
            return False
        return True


NOTHING = Announced({})


def read_table(connection_string: str | None, table: str, rows: int = MOST_ROWS) -> tuple[Published, Announced]:
    """At most ``rows`` rows, in the order in which the database gives them.

    Raises SettingsError, SourceError, SourceUnavailable, DropError.
    """
    source = OdbcSource(connection_string)
    # Without a column first: the session then says which there are.
    with source.open(Dataset(name=table, table=table, columns={})) as session:
        announced = dict(cast("_Typed", session).types)
    types = {name: kind for name, kind in announced.items() if kind not in {bytes, bytearray}}
    dataset = Dataset(name=table, table=table, columns={name: Column("text", nullable=True) for name in types})
    with source.open(dataset) as session, closing(session.read(EVERYTHING)) as chunks:
        data = itertools.chain([csv_rows([list(types)])], (chunk.data for chunk in chunks))
        header, numbered = read_csv(data, table)
        kept = [[field or "" for field in row] for _, row in itertools.islice(numbered, rows)]
        loosely = _is_loose(session)
    if not kept:
        msg = f"{table}: has no rows to draw anything from"
        raise DropError(msg)
    return Published(table, header, kept), Announced(types, loosely, tuple(announced.keys() - types))


def _is_loose(session: object) -> bool:
    """SQLite keeps any value in any column."""
    return bool(getattr(getattr(session, "layout", None), "lettered", False))
