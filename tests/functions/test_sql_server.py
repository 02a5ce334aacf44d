"""Microsoft's own ODBC driver, as far as it goes without a server: it is loaded, and reads what it is told."""

from __future__ import annotations

from importlib.metadata import files
from typing import TYPE_CHECKING

import pytest

from shared.errors import SourceError, SourceUnavailable
from shared.export import connection
from shared.export.connection import address_of
from shared.export.dialects import SQL_SERVER

if TYPE_CHECKING:
    from pathlib import Path

NOBODY = "Server=tcp:127.0.0.1,1;Database=company"


@pytest.fixture(scope="module")
def driver() -> Path:
    """The library that the package ``mssql-python-odbc`` brings for Debian."""
    found = [file for file in files("mssql-python-odbc") or () if "libmsodbcsql" in file.name]
    return next(file.locate() for file in found if "debian" in str(file))  # type: ignore[return-value]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT_SECONDS", 1)


@pytest.mark.parametrize(
    "login",
    [
        "Uid=me;Pwd={a;secret}",
        "Authentication=ActiveDirectoryMsi",
        "Authentication=ActiveDirectoryMsi;Uid=00000000-0000-0000-0000-000000000000",
    ],
)
def test_the_driver_takes_the_settings_and_finds_nobody(driver: Path, login: str) -> None:
    address = address_of(f"Driver={{{driver}}};{NOBODY};{login}", [])
    assert address.dialect is SQL_SERVER
    assert address.text.endswith(";Encrypt=yes;ApplicationIntent=ReadOnly")
    with pytest.raises(SourceUnavailable, match="ODBC Driver 18 for SQL Server"), address.connected("sales"):
        pass


def test_the_driver_takes_an_access_token_where_no_login_is_named(driver: Path) -> None:
    address = address_of(f"Driver={{{driver}}};{NOBODY}", [], lambda: "a-token-that-nobody-asks-for")
    assert address.token == "a-token-that-nobody-asks-for"  # noqa: S105  # none
    assert "a-token" not in repr(address)
    with pytest.raises(SourceUnavailable, match="ODBC Driver 18 for SQL Server"), address.connected("sales"):
        pass


def test_a_way_to_log_in_that_the_driver_does_not_know_is_not_tried_again(driver: Path) -> None:
    """Which shows that the other ways were known to it."""
    address = address_of(f"Driver={{{driver}}};{NOBODY};Authentication=ActiveDirectoryMagic", [])
    with pytest.raises(SourceError, match="Invalid value specified for connection string attribute"):
        address.connected("sales").__enter__()


def test_the_newest_driver_for_sql_server_is_found_by_name() -> None:
    installed = ["SQLite3", "ODBC Driver 17 for SQL Server", "ODBC Driver 18 for SQL Server", "PostgreSQL Unicode"]
    address = address_of(f"Driver=SQL Server;{NOBODY};Uid=me;Pwd=x", installed)
    assert "Driver={ODBC Driver 18 for SQL Server}" in address.text
