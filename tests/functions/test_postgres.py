"""The private PostgreSQL of the tests: it is real, it can crash, and it leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pyodbc
import pytest

from local.waiting import wait_until
from tests import postgres as module
from tests.postgres import PostgreSQL, PostgreSQLError, remove_leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

ROOT = Path(__file__).resolve().parents[2]
STREAMED = ";UseDeclareFetch=1;Fetch=1000"


def query(connection_string: str, statement: str) -> list[Any]:
    with closing(pyodbc.connect(connection_string)) as connection:
        return [tuple(row) for row in connection.execute(statement).fetchall()]


@pytest.fixture(scope="module")
def stoppable() -> Iterator[PostgreSQL]:
    with PostgreSQL() as running:
        yield running


@pytest.fixture
def own(stoppable: PostgreSQL) -> PostgreSQL:
    """A server that a test may stop."""
    return stoppable.start()


def test_it_answers_in_utf8_and_sorts_by_bytes(postgres: PostgreSQL) -> None:
    rows = query(postgres.connection_string, "SELECT * FROM (VALUES ('z'), ('é🙂'), ('B')) t(a) ORDER BY a")
    assert rows == [("B",), ("z",), ("é🙂",)]


def test_each_new_database_is_empty_and_dropped_while_in_use(postgres: PostgreSQL) -> None:
    with postgres.new_database() as first, postgres.new_database() as second:
        postgres.execute("CREATE TABLE t (a INTEGER, b TEXT)", database=first)
        postgres.execute("INSERT INTO t VALUES (?, ?)", (1, "é"), (2, None), database=first)
        assert query(first, "SELECT a, b FROM t ORDER BY a") == [(1, "é"), (2, None)]
        assert query(second, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []
        left_open = pyodbc.connect(first)
    left_open.close()
    with pytest.raises(pyodbc.OperationalError, match="does not exist"):
        query(first, "SELECT 1")


def test_a_killed_server_starts_again_with_what_was_committed(own: PostgreSQL) -> None:
    own.execute("CREATE TABLE kept AS SELECT 7 AS a")
    own.kill()
    assert not own.running
    with pytest.raises(pyodbc.OperationalError):
        query(own.connection_string, "SELECT 1")
    own.start()
    assert query(own.connection_string, "SELECT a FROM kept") == [(7,)]


def test_a_stopped_server_starts_again_with_its_data(own: PostgreSQL) -> None:
    own.execute("CREATE TABLE t AS SELECT 7 AS a")
    with closing(pyodbc.connect(own.connection_string)):
        own.stop()
    assert query(own.start().connection_string, "SELECT a FROM t") == [(7,)]


def test_a_streamed_result_breaks_off_when_the_server_is_killed(own: PostgreSQL) -> None:
    """With rows left to fetch, the client is told, and does not take what it has for all there is."""
    connection = pyodbc.connect(own.connection_string + STREAMED)
    cursor = connection.execute("SELECT n, repeat('x', 100) FROM generate_series(1, 100000) AS s(n)")
    assert [row[0] for row in cursor.fetchmany(1500)] == list(range(1, 1501))
    own.kill()
    with pytest.raises(pyodbc.Error):
        cursor.fetchall()
    connection.close()


def test_nothing_is_left_of_a_test_run_that_was_killed() -> None:
    """Its server ends with it; its folder goes when the next run starts."""
    script = (
        "import os, signal, tests.postgres as p\n"
        "server = p.PostgreSQL().start()\n"
        "print(server._child.pid, server._folder, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    pid, folder = done.stdout.split()
    wait_until(lambda: not Path("/proc", pid).exists())
    remove_leftovers()
    assert not Path(folder).exists()


def test_a_server_in_use_is_no_leftover(own: PostgreSQL) -> None:
    remove_leftovers()
    assert query(own.connection_string, "SELECT 1") == [(1,)]


def test_a_server_that_does_not_start_says_why(own: PostgreSQL) -> None:
    """As here, where the port is another's."""
    second = PostgreSQL()
    second.port = own.port
    with pytest.raises(PostgreSQLError, match=r"ended with 1 before it answered:\n(.|\n)*Address already in use"):
        second.start()
    second.close()


def test_without_its_programs_the_error_tells_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_server", lambda: None)
    with pytest.raises(PostgreSQLError, match="make setup-tests"):
        PostgreSQL().start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become someone else")
def test_as_root_it_runs_as_another(own: PostgreSQL) -> None:
    assert own._child is not None
    assert Path(f"/proc/{own._child.pid}").stat().st_uid != 0
