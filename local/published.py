"""A table as somebody published it: a compressed text file with any usual separator, often without a key or a date.

``read_published`` takes it as it is, ``complete`` adds the key and the time that a catalog wants, as far as they follow
from the order of the rows, and ``to_csv`` writes what training reads.
"""

from __future__ import annotations

import calendar
import csv
import gzip
import io
import itertools
import lzma
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import IO, TYPE_CHECKING, cast

from shared.csv_format import FIELD_LIMIT_CHARACTERS, csv_rows
from shared.errors import DropError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from shared.catalog.spec import Dataset

SEPARATORS = (",", ";", "\t", "|")
HEAD_CHARACTERS = 256 * 1024
HEAD_ROWS = 20
REMEMBERED_TEXTS = 100_000
"""So many different values are held once, however often they stand in the file."""
BATCH_ROWS = 10_000
FIRST_YEAR = 2008
MOST_YEARS = 60
"""More than so many new years mean that the rows are not in the order of time."""
DAYS = {str(number): number for number in range(1, 32)}
MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
MONTHS |= {str(number): number for number in range(1, 13)}
WEEKDAYS = {name.lower(): number for number, name in enumerate(calendar.day_abbr)}
_GZIP, _XZ, _ZIP = b"\x1f\x8b", b"\xfd7zXZ\x00", b"PK\x03\x04"


@dataclass(frozen=True)
class Published:
    """All fields are texts; an empty one has no value."""

    name: str
    """Of the file, for messages."""
    header: list[str]
    rows: list[list[str]]

    def column(self, name: str) -> list[str]:
        """All values of one column."""
        place = self.header.index(name)
        return [row[place] for row in self.rows]


@contextmanager
def published_rows(path: Path) -> Iterator[tuple[list[str], Iterator[list[str]]]]:
    """The header of a file whose first line names the columns, and its rows as they are read.

    Raises SettingsError and DropError, each with one line, also while the rows are read.
    """
    csv.field_size_limit(FIELD_LIMIT_CHARACTERS)
    with _told(path):
        with _opened(path) as file:
            head = file.read(HEAD_CHARACTERS)
        separator = _separator(head)
        with _opened(path) as file:
            reader = csv.reader(file, delimiter=separator, strict=True)
            header = next((row for row in _counted(reader, path.name) if row), None)
            if header is None:
                msg = f"{path.name}: is empty; expected a header and rows"
                raise DropError(msg)
            _check_header(header, path.name)
            yield header, _rows(reader, len(header), path.name)


def read_published(path: Path) -> Published:
    """All of such a file. Raises as ``published_rows`` does, and where there are no rows."""
    with published_rows(path) as (header, rows):
        table = Published(path.name, header, list(rows))
    if not table.rows:
        msg = f"{path.name}: has a header and no rows"
        raise DropError(msg)
    return table


def complete(table: Published, dataset: Dataset) -> Published:
    """The columns that the catalog uses, in its order: an integer key and the time are added where the file has none.

    Raises DropError naming what is missing and cannot be derived.
    """
    wanted = dataset.used_columns()
    missing = [name for name in wanted if name not in table.header]
    derived = {}
    key, time = dataset.column_with("key"), dataset.column_with("time")
    if key in missing and wanted[key].type == "integer":
        derived[key] = [str(number) for number in range(1, len(table.rows) + 1)]
    unknown = [name for name in missing if name not in {*derived, time}]
    if unknown:
        hint = "; an integer key would be numbered from 1" if key in unknown else ""
        msg = f"{table.name}: has no column {_listed(unknown)}{hint}; it has {_listed(table.header)}"
        raise DropError(msg)
    if time in missing:
        derived[time] = [day.isoformat() for day in derived_dates(table, time)]
    columns = [derived[name] if name in derived else table.column(name) for name in wanted]
    return Published(table.name, list(wanted), [list(row) for row in zip(*columns, strict=True)])


def to_csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """The file that training reads: comma-separated, an empty field for what has no value."""
    batches = itertools.batched(([field or None for field in row] for row in rows), BATCH_ROWS, strict=False)
    return b"".join(map(csv_rows, itertools.chain([[header]], batches)))


def ready(path: Path, dataset: Dataset) -> bytes:
    """A published file as a drop of this dataset."""
    table = complete(read_published(path), dataset)
    return to_csv(table.header, table.rows)


def derived_dates(table: Published, wanted: str = "date") -> list[date]:
    """The date of each row, from its month and its day or weekday. The rows must stand in the order of time.

    Years are counted from FIRST_YEAR on: a new one begins wherever a month is earlier than the one before it. Without
    a day of the month, a date moves on to the next such weekday wherever the weekday changes, up to the month's end.
    Raises DropError where the file does not have these columns, or they do not hold dates.
    """
    named = {name.strip().casefold(): name for name in table.header}
    if "month" not in named or not {"day", "day_of_week"} & named.keys():
        msg = (
            f"{table.name}: has no column {wanted!r}, and no 'month' with 'day' or 'day_of_week' that it would follow "
            "from; add a column with the date of each row (2026-11-23), or name one that is there in the catalog"
        )
        raise DropError(msg)
    months = _numbers(table, named["month"], MONTHS, "jan to dec, or 1 to 12")
    years = _years(months, table.name)
    if "day" in named:
        return list(_dates(table, years, months, _numbers(table, named["day"], DAYS, "1 to 31")))
    return list(_dates_by_weekday(years, months, _numbers(table, named["day_of_week"], WEEKDAYS, "mon to sun")))


def _numbers(table: Published, column: str, known: dict[str, int], expected: str) -> list[int]:
    """By the first three letters, or by the number without its leading zero."""
    found = []
    for row, text in enumerate(table.column(column), start=1):
        plain = text.strip().lower()
        number = known.get(plain[:3] if plain.isalpha() else plain.lstrip("0"))
        if number is None:
            msg = f"{table.name}: row {row}: {column}: expected {expected}, got {text!r}: no date follows from it"
            raise DropError(msg)
        found.append(number)
    return found


def _years(months: Sequence[int], name: str) -> list[int]:
    new_years = itertools.accumulate((now < before for before, now in itertools.pairwise(months)), initial=FIRST_YEAR)
    years = list(map(int, new_years))
    if years[-1] > FIRST_YEAR + MOST_YEARS:
        msg = (
            f"{name}: the month falls back {years[-1] - FIRST_YEAR:,} times, so the rows are not in the order of time "
            "and no date follows from it; sort the file, or add a column with the date of each row"
        )
        raise DropError(msg)
    return years


def _dates(table: Published, years: Iterable[int], months: Iterable[int], days: Iterable[int]) -> Iterator[date]:
    for row, (year, month, day) in enumerate(zip(years, months, days, strict=True), start=1):
        try:
            yield date(year, month, day)
        except ValueError as error:
            msg = f"{table.name}: row {row}: month {month} of {year} has no day {day}: no date follows from it"
            raise DropError(msg) from error


def _dates_by_weekday(years: Iterable[int], months: Iterable[int], weekdays: Iterable[int]) -> Iterator[date]:
    day, last = date.min, -1
    for year, month, weekday in zip(years, months, weekdays, strict=True):
        if (day.year, day.month) != (year, month):
            first = date(year, month, 1)
            day = first + timedelta(days=(weekday - first.weekday()) % 7)
        elif weekday != last:
            # Where a month's rows change weekday more often than it has days, the rest falls on its last day.
            step = timedelta(days=(weekday - day.weekday()) % 7 or 7)
            day = min(day + step, date(year, month, calendar.monthrange(year, month)[1]))
        last = weekday
        yield day


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What can be wrong with a file, in one line."""
    try:
        yield
    except UnicodeDecodeError as error:
        msg = f"{path.name}: is not UTF-8 text; expected a text file saved as UTF-8"
        raise DropError(msg) from error
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error) as error:
        msg = f"{path.name}: is damaged and cannot be unpacked: {error}"
        raise DropError(msg) from error
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror or error}"
        raise SettingsError(msg) from error


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    """The text, unpacked by what the file begins with, whatever it is called."""
    with path.open("rb") as raw:
        begin = raw.read(len(_XZ))
        raw.seek(0)
        if begin.startswith(_ZIP):
            msg = f"{path.name}: is an archive or an Excel workbook; unpack it, or save it as CSV"
            raise DropError(msg)
        with _unpacked(raw, begin) as unpacked, io.TextIOWrapper(unpacked, "utf-8-sig", newline="") as text:
            yield text


def _unpacked(raw: IO[bytes], begin: bytes) -> IO[bytes]:
    if begin.startswith(_GZIP):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
    return lzma.LZMAFile(raw) if begin.startswith(_XZ) else raw


def _separator(head: str) -> str:
    """The one that cuts the header and the first rows into the most fields."""
    return max(SEPARATORS, key=lambda separator: _fit(head, separator))


def _fit(head: str, separator: str) -> tuple[bool, int]:
    """Whether it cuts all first rows into as many fields, and the header's number of them."""
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=separator, strict=True)
    cut, widths = len(head) == HEAD_CHARACTERS, []
    try:
        for row in itertools.islice(filter(None, reader), HEAD_ROWS):
            widths.append(len(row))  # noqa: PERF401 - what was read before an error counts
    except csv.Error:
        if not cut:  # else the end of the head may lie inside a quoted field
            return False, max(widths[:1], default=0)
    else:
        if cut and 1 < len(widths) < HEAD_ROWS:
            widths.pop()  # the last one may be half a row
    return len(set(widths)) == 1 and widths[0] > 1, max(widths[:1], default=0)


def _check_header(header: list[str], name: str) -> None:
    if any("\0" in field for field in header):
        msg = f"{name}: is not text; expected a text file saved as UTF-8"
        raise DropError(msg)
    twice = sorted({field for field in header if header.count(field) > 1})
    if twice:
        msg = f"{name}: the header has a column more than once: {_listed(twice)}"
        raise DropError(msg)


def _rows(reader: Iterator[list[str]], width: int, name: str) -> Iterator[list[str]]:
    """A value that comes again is the same object: most columns have few."""
    known: dict[str, str] = {}
    for row in _counted(reader, name):
        if len(row) == width:
            yield [known.get(field) or _remember(known, field) for field in row]
        elif row:
            line = getattr(reader, "line_num", 0)
            msg = f"{name}: line {line}: expected {width} fields as in the header, got {len(row)}"
            raise DropError(msg)


def _remember(known: dict[str, str], text: str) -> str:
    if len(known) < REMEMBERED_TEXTS:
        known[text] = text
    return text


def _counted(reader: Iterator[list[str]], name: str) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        msg = f"{name}: line {getattr(reader, 'line_num', 0)} is not CSV: {error}"
        raise DropError(msg) from error


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
