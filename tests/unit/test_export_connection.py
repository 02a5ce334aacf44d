"""From a connection string to an address: the driver that is there, the user's settings first, secrets kept."""

from __future__ import annotations

import logging
import struct
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import SettingsError, SourceError, SourceUnavailable
from shared.export.apart import Job, _packed, _unpacked
from shared.export.connection import Address, address_of, translated
from shared.export.connection import _packed as packed_token
from shared.export.dialects import OTHER, POSTGRESQL, SQL_SERVER, SQLITE
from shared.export.reading import Layout
from shared.export.sql import Statement

if TYPE_CHECKING:
    from shared.export.dialects import Dialect

SERVER_18, SERVER_17 = "ODBC Driver 18 for SQL Server", "ODBC Driver 17 for SQL Server"
UNICODE, ANSI = "PostgreSQL Unicode", "PostgreSQL ANSI"
INSTALLED = ["SQLite3", ANSI, UNICODE, SERVER_17, SERVER_18]
OURS = {
    "SQLite3": ";StepAPI=1;BigInt=1",
    UNICODE: ";UseDeclareFetch=1;Fetch=2000;BoolsAsChar=0;LFConversion=0",
    SERVER_18: ";Encrypt=yes;ApplicationIntent=ReadOnly",
}
"""What exporting adds, by driver."""
SECRET = "hush-hush"  # noqa: S105


def token() -> str:
    return "a-token"


def no_token() -> str:
    pytest.fail("a token is asked for where none is needed")


# The driver


@pytest.mark.parametrize("driver", OURS)
def test_a_driver_that_is_installed_is_used_and_set_up(driver: str) -> None:
    assert address_of(f"Driver={{{driver}}};Server=x", INSTALLED).text == f"Driver={{{driver}}};Server=x{OURS[driver]}"


@pytest.mark.parametrize(
    ("named", "installed", "used"),
    [
        (SERVER_18, [SERVER_17, "SQLite3"], SERVER_17),
        (SERVER_17, ["SQL Server", SERVER_18, "ODBC Driver 9 for SQL Server"], SERVER_18),
        ("SQL Server", INSTALLED, SERVER_18),
        ("PostgreSQL", INSTALLED, UNICODE),
        ("sqlite", INSTALLED, "SQLite3"),
        (ANSI, INSTALLED, ANSI),
    ],
)
def test_where_the_driver_is_not_installed_the_newest_for_the_database_is_used(
    named: str, installed: list[str], used: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for written in (named, f"{{{named}}}"):
        found = address_of(f"Server=x;DRIVER = {written};Database=y", installed, token)
        assert found.text.startswith(f"Server=x;DRIVER = {{{used}}};Database=y;")
    assert (f"ODBC driver {named!r} is not installed; {used!r} is used" in caplog.text) == (named != used)


@pytest.mark.parametrize("driver", ["/usr/lib/odbc/libsqlite3odbc.so", r"C:\\odbc\\sqlite3odbc.dll"])
def test_a_driver_may_be_a_file(driver: str) -> None:
    found = address_of(f"Driver={driver};Database=x", [])
    assert found.dialect is SQLITE
    assert f"{{{driver}}}" in found.text


@pytest.mark.parametrize(
    ("text", "installed", "told"),
    [
        (None, [], "SQL_CONNECTION_STRING: expected an ODBC connection string, nothing is set"),
        (
            f"Server=x;Pwd={SECRET}",
            ["SQLite3"],
            "SQL_CONNECTION_STRING: names no driver; expected 'Driver={...};...', installed: 'SQLite3'",
        ),
        (
            f"Driver=sqlite;Pwd={SECRET}",
            [],
            "SQL_CONNECTION_STRING: the ODBC driver 'sqlite' is not installed (Debian: libsqliteodbc); installed: none",
        ),
        (
            f"Driver={{No Such}};Pwd={SECRET}",
            ["SQLite3", "SQL Server"],
            "SQL_CONNECTION_STRING: the ODBC driver 'No Such' is not installed; installed: 'SQLite3', 'SQL Server'",
        ),
    ],
)
def test_without_a_driver_it_is_told_what_there_is(text: str | None, installed: list[str], told: str) -> None:
    with pytest.raises(SettingsError) as raised:
        address_of(text, installed)
    assert str(raised.value) == told


def test_a_driver_that_nobody_knows_is_used_as_it_is() -> None:
    assert address_of("Driver={Some Database};Server=x", ["Some Database"]) == Address(
        "Driver={Some Database};Server=x", OTHER
    )


# The user's settings


@pytest.mark.parametrize(
    ("text", "added"),
    [
        (f"Driver={UNICODE};usedeclarefetch=0;FETCH=7", ";BoolsAsChar=0;LFConversion=0"),
        (f"Driver={UNICODE}; LFConversion = 1 ;BoolsAsChar=1", ";UseDeclareFetch=1;Fetch=2000"),
        (f"Driver={SERVER_18};Encrypt=no;Uid=a", ";ApplicationIntent=ReadOnly"),
        ("Driver=SQLite3;stepapi={0};BigInt=", ""),
    ],
)
def test_what_the_user_sets_is_not_set_again(text: str, added: str) -> None:
    assert address_of(text, INSTALLED).text == text.replace("Driver=", "Driver={", 1).replace(";", "};", 1) + added


@pytest.mark.parametrize("end", ["", ";", " ; ", ";;"])
def test_settings_are_added_after_one_semicolon(end: str) -> None:
    assert (
        address_of(f"Driver=SQLite3;Database=x{end}", INSTALLED).text
        == "Driver={SQLite3};Database=x;StepAPI=1;BigInt=1"
    )


def test_a_setting_that_only_stands_in_a_password_is_none_of_the_users() -> None:
    text = f"Driver={UNICODE};Pwd={{x;Fetch=1;}};Server=y"
    assert address_of(text, INSTALLED).text.endswith("Pwd={x;Fetch=1;};Server=y" + OURS[UNICODE])


PASSWORDS = ["a;b", "a}b", "a=b", "{", "}", "};", "a;driver=b", ";Driver={SQLite3};", " ", "x;DSN=y", "π;}}{"]


def braced(value: str) -> str:
    return "{" + value.replace("}", "}}") + "}"


@given(
    st.sampled_from(PASSWORDS) | st.text(";={}dDriverSN x", max_size=30),
    st.booleans(),
    st.sampled_from([UNICODE, "PostgreSQL"]),
)
@settings(deadline=None)
def test_a_password_survives_whatever_it_holds(password: str, first: bool, driver: str) -> None:
    """In braces, with closing braces doubled, as ODBC wants it."""
    secret, named = f"Pwd={braced(password)}", f"Driver={driver}"
    found = address_of(";".join([secret, named] if first else [named, secret]), INSTALLED)
    used = f"Driver={{{UNICODE}}}"
    assert found.dialect is POSTGRESQL
    assert found.text == ";".join([secret, used] if first else [used, secret]) + OURS[UNICODE]


# Logging in


@pytest.mark.parametrize(
    "login", ["Uid=me;Pwd=x", "User ID=me", "PASSWORD=x", "Trusted_Connection=yes", "Authentication=ActiveDirectoryMsi"]
)
def test_a_connection_that_logs_in_by_itself_needs_no_token(login: str) -> None:
    assert address_of(f"Driver={SERVER_18};Server=x;{login}", INSTALLED, no_token).token is None


@pytest.mark.parametrize("driver", ["SQLite3", UNICODE])
def test_only_sql_server_takes_a_token(driver: str) -> None:
    assert address_of(f"Driver={driver};Server=x", INSTALLED, no_token).token is None


def test_sql_server_without_a_login_gets_a_token() -> None:
    assert address_of(f"Driver={SERVER_18};Server=x", INSTALLED, token).token == token()
    assert address_of(f"Driver={SERVER_18};Server=x;App={{a;Uid=me}}", INSTALLED, token).token == token()
    assert address_of("DSN=warehouse", [], token, {"warehouse": SERVER_18}).token == token()
    assert address_of(f"Driver={SERVER_18};Server=x", INSTALLED).token is None


def test_a_token_goes_to_the_driver_as_utf16_behind_its_length() -> None:
    assert packed_token("aé") == struct.pack("<I", 4) + "aé".encode("utf-16-le")


# Secrets


def test_no_secret_stands_in_what_is_printed() -> None:
    address = address_of(f"Driver={SERVER_18};Pwd2={SECRET}", INSTALLED, lambda: SECRET)
    job = Job(address, Statement("SELECT 1"), Layout("log", ("id",)))
    assert SECRET in address.text
    assert address.token == SECRET
    for printed in (repr(address), str(address), repr(job), f"{job}"):
        assert SECRET not in printed


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL, SQL_SERVER, OTHER], ids=lambda dialect: dialect.title)
def test_the_other_process_gets_the_same_address(dialect: Dialect) -> None:
    job = Job(Address(f"Pwd={SECRET}", dialect, "t"), Statement("SELECT ?", (7, "x")), Layout("log", ("id",), True))
    found = _unpacked(_packed(job))
    assert found == job
    assert (found.address.text, found.address.token) == (job.address.text, job.address.token)


# Errors of the driver


class DriverError(Exception):
    """As ``pyodbc.Error``."""


DRIVER = SimpleNamespace(Error=DriverError)


@pytest.mark.parametrize(
    ("arguments", "dialect", "kind"),
    [
        (("08001", "cannot connect"), OTHER, SourceUnavailable),
        (("40001", "deadlock"), OTHER, SourceUnavailable),
        (("HYT00", "timeout"), OTHER, SourceUnavailable),
        (("HY000", "anything"), OTHER, SourceUnavailable),
        ((), OTHER, SourceUnavailable),
        (("only a message",), OTHER, SourceUnavailable),
        (("22018", "a cast"), OTHER, SourceError),
        (("28000", "no login"), OTHER, SourceError),
        (("42S02", "no table"), OTHER, SourceError),
        (("IM002", "no driver"), OTHER, SourceError),
        (("HY000", "[SQLite]no such table: log (1)"), SQLITE, SourceError),
        (("HY000", "[SQLite]no such table: log (1)"), OTHER, SourceUnavailable),
        (("HY000", 'near "x": syntax error'), SQLITE, SourceError),
        (("HY000", "file is not a database"), SQLITE, SourceError),
        (("HY000", "database is locked"), SQLITE, SourceUnavailable),
    ],
)
def test_the_state_or_the_message_decides_whether_to_try_again(
    arguments: tuple[str, ...], dialect: Dialect, kind: type[Exception]
) -> None:
    error = DriverError(*arguments)
    with pytest.raises((SourceError, SourceUnavailable)) as raised, translated("log", dialect, DRIVER):
        raise error
    assert type(raised.value) is kind
    assert str(raised.value) == f"dataset 'log': the database failed: {arguments[-1] if arguments else ''}"
    assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("year 0 is out of range"), "year 0 is out of range"),
        (OverflowError("huge"), "huge"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "a text that is not UTF-8: 'utf-8' codec"),
    ],
)
def test_a_value_that_cannot_be_read_will_not_be_readable_later(error: Exception, told: str) -> None:
    with pytest.raises(SourceError) as raised, translated("log", OTHER, DRIVER):
        raise error
    assert str(raised.value).startswith(f"dataset 'log': the database holds a value that cannot be read: {told}")


def test_what_is_neither_passes_as_it_is() -> None:
    error: Any = KeyError("x")
    with pytest.raises(KeyError) as raised, translated("log", OTHER, DRIVER):
        raise error
    assert raised.value is error
    with translated("log", OTHER, DRIVER):
        pass
