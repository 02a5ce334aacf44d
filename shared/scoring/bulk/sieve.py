"""From a CSV of any length to the rows that a version takes; those that it does not take are set aside with a reason.

The lines are read as training reads them, in constant memory; a column's values are those of a CSV request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.csv_format import csv_rows, read_csv
from shared.errors import DropError
from shared.scoring.formats.csv_columns import EMPTY, Refused
from shared.scoring.formats.csv_request import CHUNK_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shared.csv_format import Row
    from shared.scoring.rows import Rows
    from shared.scoring.serving.session import LoadedClassifier

    type Numbered = tuple[int, Row]
    """A row, and the number of the line that it ends in, counted from 1."""

KEPT_ROWS = 10_000
"""So many rows that are set aside are kept; the rest are counted."""
KEPT_BYTES = 8 * 1024 * 1024
"""They are in memory until the file has been read."""
KEPT_FIELDS = 100
"""So many fields are kept of those that a row has beyond the header's: a broken file may have millions in a line."""
EXAMPLES = 3
BATCH_BYTES = 4 * 1024 * 1024
"""A batch of rows ends when so much of the file has been read for it: rows may be long."""


class SetAside:
    """The rows that were not scored, and why."""

    def __init__(self) -> None:
        self.rows = 0
        self.examples: list[str] = []
        self._lines: list[bytes] = []
        self._size_bytes = 0

    def add(self, line: int, reason: str, fields: Row) -> None:
        """Count a row, and keep it as long as there is room."""
        self.rows += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(f"line {line}: {reason}")
        if len(self._lines) >= KEPT_ROWS:
            return
        text = csv_rows([[line, reason, *fields]])
        if self._size_bytes + len(text) <= KEPT_BYTES:
            self._lines.append(text)
            self._size_bytes += len(text)

    def csv(self, header: Sequence[str]) -> bytes:
        """The rows that are kept, each behind its line and its reason."""
        return csv_rows([["line", "reason", *header]]) + b"".join(self._lines)


class Sieve:
    """One file's rows. They can be read once."""

    def __init__(self, loaded: LoadedClassifier, chunks: Iterable[bytes], name: str) -> None:
        self._reader = loaded.csv_reader
        self._key = loaded.version.key.name
        self._chunks = chunks
        self._name = name
        self._bytes = 0
        self.header: list[str] = []
        self.rows = 0
        """Read so far, those that were set aside included."""
        self.set_aside = SetAside()

    def __iter__(self) -> Iterator[Rows]:
        """The rows that fit, chunk by chunk. Raises DropError where the file is not a CSV of the version's columns."""
        self.header, lines = read_csv(self._text_alone(), self._name)
        self._check_header()
        for batch in self._batches(lines):
            first = self.rows
            self.rows += len(batch)
            rows = self._fitting(batch, first)
            if rows is not None:
                yield rows

    def _text_alone(self) -> Iterator[bytes]:
        """The chunks, as long as there is no zero byte in them: UTF-16 and what is no text at all are full of them."""
        for chunk in self._chunks:
            if b"\0" in chunk:
                msg = (
                    f"{self._name}: byte {self._bytes + chunk.index(0):,} is a zero byte; expected text saved as UTF-8"
                )
                raise DropError(msg)
            self._bytes += len(chunk)
            yield chunk

    def _batches(self, lines: Iterable[Numbered]) -> Iterator[Sequence[Numbered]]:
        batch: list[Numbered] = []
        begin = self._bytes
        for line in lines:
            batch.append(line)
            if len(batch) == CHUNK_ROWS or self._bytes - begin > BATCH_BYTES:
                yield batch
                batch, begin = [], self._bytes
        if batch:
            yield batch

    def _check_header(self) -> None:
        faults = [
            f"{fault.path}: expected {fault.expected}, got {fault.got}"
            for fault in self._reader.header_faults(self.header)
        ]
        if self._key not in self.header:
            faults.append(f"header, column {self._key}: expected a column that names each row in the answers, got none")
        if faults:
            msg = f"{self._name}: {'; '.join(faults)}"
            raise DropError(msg)

    def _fitting(self, batch: Sequence[Numbered], first: int) -> Rows | None:
        """The rows of a batch that fit; None where none does."""
        width = len(self.header)
        whole = batch
        refused: list[tuple[Numbered, str]] = []
        if set(map(_width, batch)) != {width}:
            whole = [one for one in batch if _width(one) == width]
            expected = f"expected {width} fields, as in the header, got"
            refused = [(one, f"{expected} {_width(one)}") for one in batch if _width(one) != width]
        rows = self._parsed(whole, first, refused) if whole else None
        for (line, fields), reason in sorted(refused, key=lambda one: one[0][0]):
            self.set_aside.add(_begins(line, fields), reason, fields[: width + KEPT_FIELDS])
        return rows

    def _parsed(self, whole: Sequence[Numbered], first: int, refused: list[tuple[Numbered, str]]) -> Rows | None:
        """The rows that are as wide as the header, but for those whose values do not fit: these go to ``refused``."""
        columns = self._reader.parse(self.header, [fields for _, fields in whole])
        reasons = self._reasons(columns)
        rows = self._reader.rows(columns, len(whole), first)
        if not reasons:
            return rows
        refused += [(whole[place], "; ".join(reasons[place])) for place in reasons]
        left = [place for place in range(len(whole)) if place not in reasons]
        return rows.take(left) if left else None

    def _reasons(self, columns: dict[str, list[Any]]) -> dict[int, list[str]]:
        """By place in the batch, only of rows that do not fit."""
        found: dict[int, list[str]] = {}
        for name, values in columns.items():
            if Refused in set(map(type, values)):
                for place, value in enumerate(values):
                    if type(value) is Refused:
                        reason = f"{name}: expected {self._reader.expected(name)}, got {value.shown}"
                        found.setdefault(place, []).append(reason)
            elif name == self._key and None in values:
                for place, value in enumerate(values):
                    if value is None:
                        reason = f"{name}: expected what names the row in the answers, got {EMPTY}"
                        found.setdefault(place, []).append(reason)
        return found


def _width(row: Numbered) -> int:
    return len(row[1])


def _begins(ends: int, fields: Row) -> int:
    """The line in which a row begins that ends in line ``ends``: a quoted field may go over several."""
    return ends - sum(text.count("\n") for text in fields if text)
