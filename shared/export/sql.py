"""The SELECT statements of an export: plain enough for every database, names quoted, values as parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shared.catalog.spec import Dataset
    from shared.export.bands import Band, Bound
    from shared.export.cursor import Value
    from shared.export.dialects import Dialect


@dataclass(frozen=True)
class Statement:
    """A text with a question mark for each parameter."""

    text: str
    parameters: tuple[Value, ...] = ()

    def __str__(self) -> str:
        """For a person: the parameters behind the text."""
        values = ", ".join(repr(str(value)) if not isinstance(value, int) else str(value) for value in self.parameters)
        return f"{self.text}  -- {values}" if values else self.text


@dataclass(frozen=True)
class Writer:
    """Writes the statements for one dataset in one database.

    ``mark`` is what the database quotes names with: in MySQL a name in double quotes is a text constant. A space
    means none.
    """

    dataset: Dataset
    dialect: Dialect
    mark: str

    def describe(self) -> Statement:
        """No rows, all columns."""
        return Statement(f"SELECT * FROM {self._relation} WHERE 1 = 0")  # noqa: S608

    def select(self, band: Band, types: Mapping[str, type]) -> Statement:
        """The used columns, in the catalog's order, of a band's rows. ``types`` are those that the driver announces."""
        columns = ",\n  ".join(
            self._read(name, types[name], place) for place, name in enumerate(self.dataset.used_columns())
        )
        return self._from(columns, band.bounds, band.empty)

    def newest(self, bounds: Sequence[Bound]) -> Statement:
        """The highest cursor value within ``bounds``."""
        column = self.dataset.cursor_columns[0]
        template = self.dialect.newest.get(self.dataset.columns[column].type, "MAX({0})")
        return self._from(f"{template.format(self._quoted(column))} AS newest_value", bounds)

    def key_bounds(self, band: Band) -> Statement:
        """The lowest and the highest key within a band."""
        key = self._quoted(self.dataset.column_with("key"))
        template = self.dialect.newest.get("integer", "MAX({0})")
        lowest, highest = template.replace("MAX", "MIN").format(key), template.format(key)
        columns = f"{lowest} AS lowest_key, {highest} AS highest_key"
        return self._from(columns, band.bounds, band.empty)

    def count(self, bounds: Sequence[Bound]) -> Statement:
        """How many rows lie within ``bounds``."""
        return self._from("COUNT(*)", bounds)

    def _read(self, name: str, announced: type, place: int) -> str:
        """SQLite's driver spoils the long name that an expression has without one of its own, and then fails."""
        template = self.dialect.reads.get(announced)
        return self._quoted(name) if template is None else f"{template.format(self._quoted(name))} AS value_{place}"

    @property
    def _relation(self) -> str:
        return self.dataset.table or f"({self.dataset.query}) AS source_rows"

    def _from(self, columns: str, bounds: Iterable[Bound], empty: str | None = None) -> Statement:
        bounds = list(bounds)
        conditions = [f"{self._quoted(bound.column)} {bound.operator} ?" for bound in bounds]
        if empty is not None:
            conditions.append(f"{self._quoted(empty)} IS NULL")
        where = f"\nWHERE {' AND '.join(conditions)}" if conditions else ""
        text = f"SELECT {columns}\nFROM {self._relation}{where}"
        return Statement(text, tuple(bound.value for bound in bounds))

    def _quoted(self, name: str) -> str:
        mark = self.mark.strip()
        return mark + (name.replace(mark, 2 * mark) if mark else name) + mark
