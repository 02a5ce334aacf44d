"""A private PostgreSQL server, as real as the company's, that starts in half a second and leaves nothing behind.

``make setup-tests`` has its programs there.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pyodbc

from local.bootstrap.postgres import find_server, server_environment
from local.children import Child
from local.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_FOLDER = "cauce-postgres-"
# Nothing here has to survive a machine that loses power; what is committed does survive `kill`. Without jit, no LLVM.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "jit": "off",
    "timezone": "UTC",
}


class PostgreSQLError(RuntimeError):
    """PostgreSQL is not installed, or did not start; the message has what it printed."""


class PostgreSQL:
    """One server on a free port of this machine, with its data in a temporary folder until ``close``.

    ``stop`` or ``kill``, then ``start``, give the same data on the same port.
    """

    def __init__(self, start_seconds: float = 60.0) -> None:
        self.port = _free_port()
        self._start_seconds = start_seconds
        self._folder: Path | None = None
        self._child: Child | None = None
        self._databases = count(1)

    def start(self) -> Self:
        """Start it and wait until it answers.

        :raises PostgreSQLError: not installed, or it does not answer in time; with the end of its log.
        """
        if self._child is not None:
            return self
        programs = _programs()
        folder = self._folder = self._folder or _new_data(programs)
        try:
            self._child = _serve(programs, folder, self.port)
            self._wait_until_it_answers(self._child, folder)
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """End it in good order, connections with it; nothing happens when it is not running."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it at once, as a crash would: what is not committed is lost, and clients get no answer."""
        self._end(signal.SIGQUIT)

    def close(self) -> None:
        """End it and remove its data."""
        self.kill()
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder)

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._child is not None and self._child.exit_code is None

    @property
    def connection_string(self) -> str:
        """For the database ``postgres``; valid across stop and start."""
        return self._connection_string("postgres")

    def execute(self, statement: str, *rows: Sequence[Any], database: str | None = None) -> None:
        """Run a statement, once for each row of parameters if there are any, and commit.

        :param database: the connection string of a database; without it, ``postgres``.
        """
        with closing(pyodbc.connect(database or self.connection_string, autocommit=not rows)) as connection:
            if rows:
                connection.cursor().executemany(statement, rows)
                connection.commit()
            else:
                connection.execute(statement)

    @contextmanager
    def new_database(self) -> Iterator[str]:
        """The connection string of a database that is empty, and dropped at the end, whoever still uses it."""
        name = f"fresh_{next(self._databases)}"
        self.execute(f"CREATE DATABASE {name}")
        try:
            yield self._connection_string(name)
        finally:
            self.start()
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _connection_string(self, database: str) -> str:
        return f"Driver=PostgreSQL Unicode;Server=127.0.0.1;Port={self.port};Database={database};Uid=cauce"

    def _end(self, how: signal.Signals) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.kill(child.pid, how)
            child.wait(20)
        child.kill()

    def _wait_until_it_answers(self, child: Child, folder: Path) -> None:
        log = folder / "log"

        def answers() -> bool:
            if child.exit_code is not None:
                msg = f"PostgreSQL ended with {child.exit_code} before it answered:\n{_tail(log)}"
                raise PostgreSQLError(msg)
            return _answers(self.connection_string, folder)

        try:
            wait_until(answers, self._start_seconds)
        except (TimeoutError, pyodbc.Error) as error:
            msg = f"PostgreSQL did not answer within {self._start_seconds:g} s: {error}\n{_tail(log)}"
            raise PostgreSQLError(msg) from error

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


def remove_leftovers() -> None:
    """Remove the folders of test runs that were killed: their processes ended then, their data stayed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*-*"):
        maker = folder.name.removeprefix(_FOLDER).partition("-")[0]
        if not _lives(int(maker)):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _programs() -> Path:
    programs = find_server()
    if programs is None:
        msg = "PostgreSQL's server is not there: run 'make setup-tests'"
        raise PostgreSQLError(msg)
    return programs


def _new_data(programs: Path) -> Path:
    """A new folder, which tells whose it is, with the data of a new server."""
    remove_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-"))
    user = _user()
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    unsafe_and_fast = ("--auth=trust", "--no-sync", "--no-instructions")
    done = subprocess.run(
        [*_as_user(), programs / "initdb", "--username=cauce", "--encoding=UTF8", "--locale=C.UTF-8", *unsafe_and_fast,
         "--pgdata", folder / "data"],
        cwd=folder,
        env=_environment(programs),
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        shutil.rmtree(folder)
        msg = f"initdb ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        raise PostgreSQLError(msg)
    return folder


def _serve(programs: Path, folder: Path, port: int) -> Child:
    """Start the server; it ends at once, with all its processes, when this one does."""
    settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
    own = ["-D", str(folder / "data"), "-k", str(folder), "-p", str(port)]
    with (folder / "log").open("ab") as log:
        return Child(
            [*_as_user("--pdeathsig=QUIT"), str(programs / "postgres"), *own, *settings],
            output=log,
            environment=_environment(programs),
            folder=folder,
            death_signal=signal.SIGQUIT,
        )


def _answers(connection_string: str, folder: Path) -> bool:
    """Whether the server answers whose data is in that folder: the port may be another's by now."""
    try:
        with closing(pyodbc.connect(connection_string)) as connection:
            return bool(connection.execute("SHOW data_directory").fetchval() == str(folder / "data"))
    except pyodbc.OperationalError:
        return False


def _environment(programs: Path) -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8", **server_environment(programs)}


def _user() -> pwd.struct_passwd | None:
    """Whose the server is: another's where the tests run as root, since PostgreSQL refuses to."""
    if os.geteuid() != 0:
        return None
    users = {user.pw_name: user for user in pwd.getpwall()}
    return users.get("postgres") or users["nobody"]


def _as_user(*options: str) -> list[str]:
    """The start of a command line that runs the rest as that user.

    ``setpriv`` and not ``Child`` asks for the signal at the parent's death then: the kernel forgets it as users change.
    """
    user = _user()
    if user is None:
        return []
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *options]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tail(log: Path, characters: int = 3000) -> str:
    return log.read_text(errors="replace")[-characters:]
