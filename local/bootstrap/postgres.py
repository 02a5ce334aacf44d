"""Have the programs of a PostgreSQL server, for tests that start one of their own, and its ODBC driver."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from local.bootstrap.commands import LOCAL, SetupError, run, say, step
from local.bootstrap.debs import can_get_debs, install_debs, unpack_debs, unpacked_libraries
from local.bootstrap.odbc import POSTGRESQL, set_up_driver

POSTGRES = LOCAL / "postgres"
CLUSTERS = Path("/etc/postgresql-common/createcluster.conf")


def set_up_postgres() -> None:
    """Make the driver work, and have the server's programs: from the system, else unpacked under .local/postgres."""
    set_up_driver("pg odbc", POSTGRESQL)
    if find_server():
        return say("postgres", "already there")
    if not can_get_debs():
        message = "Tests need PostgreSQL's server: its programs `initdb` and `postgres` were not found on PATH."
        raise SetupError(message)
    if os.geteuid() == 0:
        want_no_cluster(CLUSTERS)
        install_debs("postgres", "postgresql")
    if not find_server():
        with step("postgres", "unpacking the Debian packages of PostgreSQL under .local/postgres"):
            unpack_debs(POSTGRES, "postgresql")
    if not find_server():
        message = f"PostgreSQL is there and does not run. {server_failure(newest_server(POSTGRES / 'usr'))}"
        raise SetupError(message)
    return None


def find_server() -> Path | None:
    """Return the folder of a server's programs that run: what was unpacked here first, then the system's."""
    on_path = shutil.which("initdb")
    found = (newest_server(POSTGRES / "usr"), newest_server(Path("/usr")), Path(on_path).parent if on_path else None)
    return next((folder for folder in found if folder and not server_failure(folder)), None)


def newest_server(prefix: Path) -> Path | None:
    """Return the newest of the servers that Debian's packages put side by side, if there is any."""
    folders = [initdb.parent for initdb in prefix.glob("lib/postgresql/*/bin/initdb")]
    return max(folders, key=lambda folder: [int(part) for part in re.findall(r"\d+", folder.parent.name)], default=None)


def server_failure(programs: Path | None) -> str:
    """Return what goes wrong when the server's program starts, or nothing; a missing library shows here."""
    if programs is None:
        return "Its programs are not where they should be."
    libraries = [f"{name}={value}" for name, value in server_environment(programs).items()]
    try:
        run("env", *libraries, programs / "postgres", "--version")
    except SetupError as error:
        return str(error)
    return ""


def server_environment(programs: Path) -> dict[str, str]:
    """Return what a server's programs need in their environment: unpacked, they find their libraries through it."""
    if POSTGRES not in programs.parents:
        return {}
    folders = {str(library.parent) for library in unpacked_libraries(POSTGRES)}
    return {"LD_LIBRARY_PATH": ":".join(sorted(folders))}


def want_no_cluster(settings: Path) -> None:
    """Ask Debian's packages, before they are there, not to make and start a database of their own.

    A file that exists is the machine's own choice.
    """
    if not settings.exists():
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(
            "# Written by the set-up of Cauce, whose tests start servers of their own.\ncreate_main_cluster = false\n"
        )
