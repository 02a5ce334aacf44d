"""Reading a dataset out of the SQL database, through ODBC."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from shared.errors import SettingsError, SourceError, SourceUnavailable
from shared.settings import SQL_CONNECTION_STRING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    import pyodbc

    from shared.catalog.spec import Dataset

BATCH_ROWS = 5_000
CONNECT_TIMEOUT_SECONDS = 30
PERMANENT_STATES = ("22", "28", "42", "IM")
"""SQLSTATE classes where trying again cannot help: data, authorisation, syntax and names, driver set-up."""


@dataclass(frozen=True)
class Rows:
    """An open result set. ``batches`` yields lists of up to BATCH_ROWS rows and can be read once."""

    columns: Sequence[str]
    types: Sequence[type]
    batches: Iterator[list[Sequence[Any]]]


class Source(Protocol):
    """Where datasets come from."""

    def open(self, dataset: Dataset) -> AbstractContextManager[Rows]:
        """The dataset's used columns, in the catalog's order. Raises SourceError, SourceUnavailable."""


class OdbcSource:
    """Any database with an ODBC driver."""

    def __init__(self, connection_string: str | None) -> None:
        self._connection_string = connection_string

    @contextmanager
    def open(self, dataset: Dataset) -> Iterator[Rows]:
        """See Source. The connection lives as long as the block."""
        if self._connection_string is None:
            msg = f"{SQL_CONNECTION_STRING}: expected an ODBC connection string, nothing is set"
            raise SettingsError(msg)
        import pyodbc

        with _translated(dataset.name, pyodbc):
            connection = pyodbc.connect(self._connection_string, timeout=CONNECT_TIMEOUT_SECONDS, autocommit=True)
        with closing(connection), closing(connection.cursor()) as cursor:
            with _translated(dataset.name, pyodbc):
                _check_columns(dataset, cursor)
                columns = list(dataset.used_columns())
                mark = connection.getinfo(pyodbc.SQL_IDENTIFIER_QUOTE_CHAR)
                # Column names come from the catalog and are quoted; values never enter the statement.
                chosen = ", ".join(_quoted(column, mark) for column in columns)
                cursor.execute(f"SELECT {chosen} FROM {_relation(dataset)}")  # noqa: S608
                types = [column[1] for column in cursor.description]
            yield Rows(columns, types, _batches(dataset.name, cursor, pyodbc))


def _relation(dataset: Dataset) -> str:
    return dataset.table or f"({dataset.query}) AS source_rows"


def _quoted(name: str, mark: str) -> str:
    """``mark`` is the database's own: in MySQL a name in double quotes is a text constant. A space means none."""
    mark = mark.strip()
    return mark + (name.replace(mark, 2 * mark) if mark else name) + mark


def _check_columns(dataset: Dataset, cursor: pyodbc.Cursor) -> None:
    """Ask for no rows first: some databases take a quoted name that is no column for a text constant."""
    cursor.execute(f"SELECT * FROM {_relation(dataset)} WHERE 1 = 0")  # noqa: S608
    found = [column[0] for column in cursor.description]
    missing = [name for name in dataset.used_columns() if name not in found]
    if missing:
        msg = (
            f"dataset {dataset.name!r}: the database has no column {', '.join(map(repr, missing))}; "
            f"it has {', '.join(map(repr, found))}. Rename in the catalog, or declare the column's role 'unused'"
        )
        raise SourceError(msg)


def _batches(dataset: str, cursor: pyodbc.Cursor, driver: Any) -> Iterator[list[Sequence[Any]]]:
    while True:
        with _translated(dataset, driver):
            batch: list[Sequence[Any]] = cursor.fetchmany(BATCH_ROWS)
        if not batch:
            return
        yield batch


@contextmanager
def _translated(dataset: str, driver: Any) -> Iterator[None]:
    """Turn the driver's errors into Cauce's. Drivers put the SQLSTATE first."""
    try:
        yield
    except driver.Error as error:
        state = str(error.args[0]) if error.args else ""
        msg = f"dataset {dataset!r}: the database failed: {error.args[-1] if error.args else error}"
        if state.startswith(PERMANENT_STATES):
            raise SourceError(msg) from error
        raise SourceUnavailable(msg) from error
    except (ValueError, ArithmeticError) as error:  # text in another encoding, a date that Python does not have
        msg = f"dataset {dataset!r}: the database holds a value that cannot be read: {error}"
        raise SourceError(msg) from error
