"""The demo company: a bank with one table, ``contacts``, in SQLite, reached through ODBC like any other database.

The rows are real: the UCI Bank Marketing data (Moro, Rita and Cortez, doi:10.24432/C5K306, CC BY 4.0), in time order,
as the package ``mlba`` ships them. They hold day and month but no year and no key; both follow from the order.
"""

from __future__ import annotations

import itertools
from contextlib import closing
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

from local.published import derived_dates, read_published

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyodbc

SOURCE = "mlba/csvFiles/Bank-bias-data.csv.gz"
NUMBERS = frozenset({"age", "balance", "day", "duration", "campaign", "pdays", "previous"})
BATCH_ROWS = 1_000


def connection_string(database: Path) -> str:
    """How ODBC reaches the demo company."""
    return f"Driver=SQLite3;Database={database}"


def found_company(database: Path) -> int:
    """Make the database unless it is there; the number of contacts in it."""
    import pyodbc

    database.parent.mkdir(parents=True, exist_ok=True)
    with closing(pyodbc.connect(connection_string(database))) as connection, closing(connection.cursor()) as cursor:
        if not cursor.tables(table="contacts").fetchone():
            _fill(cursor, bank_contacts())
            connection.commit()  # one transaction: the table is there with all its rows, or not at all
        count: int = cursor.execute("SELECT COUNT(*) FROM contacts").fetchone()[0]
    return count


def published_file() -> Path:
    """The rows as they were published."""
    return Path(str(distribution("mlba").locate_file(SOURCE)))


def bank_contacts() -> Iterator[dict[str, str | int]]:
    """The published rows in their order, with ``contact_id`` and ``contacted_on`` in front."""
    table = read_published(published_file())
    for number, (row, day) in enumerate(zip(table.rows, derived_dates(table), strict=True), start=1):
        published = zip(table.header, row, strict=True)
        values = {name: int(value) if name in NUMBERS else value for name, value in published}
        yield {"contact_id": number, "contacted_on": day.isoformat(), **values}


def _fill(cursor: pyodbc.Cursor, contacts: Iterator[dict[str, str | int]]) -> None:
    first = next(contacts)
    columns = ", ".join(f'"{name}" {_sql_type(name, value)}' for name, value in first.items())
    cursor.execute(f"CREATE TABLE contacts ({columns})")
    places = ", ".join("?" * len(first))
    for batch in itertools.batched(itertools.chain([first], contacts), BATCH_ROWS, strict=False):
        rows = [tuple(contact.values()) for contact in batch]
        cursor.executemany(f"INSERT INTO contacts VALUES ({places})", rows)  # noqa: S608


def _sql_type(name: str, value: str | int) -> str:
    if name == "contact_id":
        return "INTEGER PRIMARY KEY"
    if name == "contacted_on":
        return "DATE NOT NULL"
    return "INTEGER NOT NULL" if isinstance(value, int) else "VARCHAR(40) NOT NULL"


if __name__ == "__main__":
    print(published_file())  # for the Makefile
