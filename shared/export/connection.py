"""From SQL_CONNECTION_STRING to an ODBC connection that is set up for exporting, and from its errors to Cauce's."""

from __future__ import annotations

import logging
import re
import struct
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared.errors import SettingsError, SourceError, SourceUnavailable
from shared.export.dialects import DIALECTS, OTHER, SQL_SERVER, SQL_SERVER_DATETIMEOFFSET, Dialect, dialect_for
from shared.export.dialects import newest_first as sorted_drivers
from shared.settings import SQL_CONNECTION_STRING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyodbc

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_SECONDS = 30
PERMANENT_STATES = ("22", "28", "42", "IM")
"""SQLSTATE classes where trying again cannot help: data, authorisation, syntax and names, driver set-up."""
_PAIR = re.compile(r"\s*([^=;]+?)\s*=\s*(\{(?:[^}]|\}\})*\}|[^;]*)\s*(?:;|\Z)")
_OWN_LOGIN = frozenset({"uid", "user id", "pwd", "password", "authentication", "trusted_connection"})
_ACCESS_TOKEN = 1256
"""SQL_COPT_SS_ACCESS_TOKEN."""


@dataclass(frozen=True)
class Address:
    """All that is needed to connect, from any process. The text and the token are secrets."""

    text: str = field(repr=False)
    dialect: Dialect
    token: str | None = field(default=None, repr=False)

    @contextmanager
    def connected(self, dataset: str) -> Iterator[pyodbc.Connection]:
        """A new connection that commits by itself, closed after the block. Raises SourceError, SourceUnavailable."""
        import pyodbc

        with translated(dataset, self.dialect, pyodbc):
            connection = self._connect()
        try:
            yield connection
        finally:
            with suppress(pyodbc.Error):  # where the database is gone, that has been told
                connection.close()

    def _connect(self) -> pyodbc.Connection:
        import pyodbc

        pyodbc.native_uuid = True  # so that a UUID is announced as one
        attributes = {} if self.token is None else {_ACCESS_TOKEN: _packed(self.token)}
        connection = pyodbc.connect(
            self.text, timeout=CONNECT_TIMEOUT_SECONDS, autocommit=True, attrs_before=attributes
        )
        known = dialect_for(connection.getinfo(pyodbc.SQL_DBMS_NAME))
        if self.dialect is OTHER and known is not OTHER:
            connection.close()
            msg = (
                f"{SQL_CONNECTION_STRING}: leads to {known.title} without saying so; name the driver, since only "
                "then is nothing lost in reading"
            )
            raise SourceError(msg)
        if self.dialect.utf8:
            connection.setencoding("utf-8", ctype=pyodbc.SQL_CHAR)
            for kind in (pyodbc.SQL_CHAR, pyodbc.SQL_WCHAR):
                connection.setdecoding(kind, "utf-8", ctype=pyodbc.SQL_CHAR)
        if self.dialect is SQL_SERVER:
            # Only asked what type it is: the values are read as text.
            connection.add_output_converter(SQL_SERVER_DATETIMEOFFSET, bytes)
        for statement in self.dialect.session:
            connection.execute(statement).close()
        return connection


def address_of(
    text: str | None,
    drivers: Sequence[str],
    token: Callable[[], str] | None = None,
    sources: Mapping[str, str] | None = None,
) -> Address:
    """Complete a connection string: the driver that is installed, and the settings that exporting needs.

    ``token`` is asked for an access token where SQL Server is named and no way to log in. ``sources`` maps the data
    source names of the machine to drivers. Raises SettingsError.
    """
    if text is None:
        msg = f"{SQL_CONNECTION_STRING}: expected an ODBC connection string, nothing is set"
        raise SettingsError(msg)
    pairs = {key.lower(): value for key, value in _PAIR.findall(text)}
    named = pairs.get("driver", "").strip("{}")
    dialect = dialect_for(named or (sources or {}).get(pairs.get("dsn", "").strip("{}"), ""))
    if named:
        text = _with_driver(text, _installed(named, dialect, drivers))
    elif "dsn" not in pairs and "filedsn" not in pairs:
        msg = f"{SQL_CONNECTION_STRING}: names no driver; expected 'Driver={{...}};...', installed: {_listed(drivers)}"
        raise SettingsError(msg)
    options = {key: value for key, value in dialect.options.items() if key.lower() not in pairs}
    complete = text.rstrip("; ") + "".join(f";{key}={value}" for key, value in options.items())
    needs_token = dialect is SQL_SERVER and token is not None and not _OWN_LOGIN & pairs.keys()
    return Address(complete, dialect, token() if needs_token and token else None)


def _installed(named: str, dialect: Dialect, drivers: Sequence[str]) -> str:
    """The driver that is named, or the newest one for the same database."""
    if named in drivers or "/" in named or "\\" in named:
        return named
    same = [name for name in drivers if dialect.driver.search(name)]
    if not same:
        hint = f" ({dialect.install})" if dialect in DIALECTS else ""
        msg = (
            f"{SQL_CONNECTION_STRING}: the ODBC driver {named!r} is not installed{hint}; installed: {_listed(drivers)}"
        )
        raise SettingsError(msg)
    newest = sorted_drivers(same)[0]
    logger.info("ODBC driver %r is not installed; %r is used", named, newest)
    return newest


def _with_driver(text: str, driver: str) -> str:
    place = next(pair for pair in _PAIR.finditer(text) if pair[1].lower() == "driver")
    return f"{text[: place.start(2)]}{{{driver}}}{text[place.end(2) :]}"


def _listed(drivers: Sequence[str]) -> str:
    return ", ".join(map(repr, drivers)) or "none"


def _packed(token: str) -> bytes:
    """As SQL Server's driver takes it: UTF-16 with its length in front."""
    encoded = token.encode("utf-16-le")
    return struct.pack(f"<I{len(encoded)}s", len(encoded), encoded)


@contextmanager
def translated(dataset: str, dialect: Dialect, driver: Any) -> Iterator[None]:
    """Turn the driver's errors into SourceError and SourceUnavailable. Drivers put the SQLSTATE first."""
    try:
        yield
    except driver.Error as error:
        state = str(error.args[0]) if error.args else ""
        told = str(error.args[-1] if error.args else error)
        msg = f"dataset {dataset!r}: the database failed: {told}"
        if state.startswith(PERMANENT_STATES) or any(text in told for text in dialect.permanent):
            raise SourceError(msg) from error
        raise SourceUnavailable(msg) from error
    except (ValueError, ArithmeticError) as error:  # text in another encoding, a date that Python does not have
        msg = f"dataset {dataset!r}: the database holds a value that cannot be read: {_explained(error)}"
        raise SourceError(msg) from error


def _explained(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"a text that is not UTF-8: {error}"
    return str(error)
