"""Make ODBC drivers work with pyodbc: installed by root, unpacked inside the project by anyone else."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

from local.bootstrap.commands import LOCAL, VENV_PYTHON, SetupError, run, say, step
from local.bootstrap.debs import can_get_debs, install_debs, unpack_debs, unpacked_libraries

ODBC = LOCAL / "odbc"


@dataclass(frozen=True)
class Driver:
    """An ODBC driver: its name in connection strings, its Debian package and library, and Python that tries it."""

    name: str
    package: str
    library: str
    trial: str


SQLITE = Driver(
    "SQLite3",
    "libsqliteodbc",
    "libsqlite3odbc.so",
    "import pyodbc; pyodbc.connect('Driver=SQLite3;Database=:memory:').execute('select 1').fetchall()",
)
# No server is there yet: that nobody answers is for the driver to say, as an OperationalError; without a driver
# unixODBC raises another error.
POSTGRESQL = Driver(
    "PostgreSQL Unicode",
    "odbc-postgresql",
    "psqlodbcw.so",
    "import contextlib, pyodbc\n"
    "with contextlib.suppress(pyodbc.OperationalError):\n"
    "    pyodbc.connect('Driver=PostgreSQL Unicode;Server=127.0.0.1;Port=1;Database=x;Uid=x')",
)
ALL = (SQLITE, POSTGRESQL)


def set_up_odbc() -> None:
    """Make the driver of the demo's database work."""
    set_up_driver("odbc", SQLITE)


def set_up_driver(name: str, driver: Driver) -> None:
    """Install a driver if it does not work yet; if that cannot be done, unpack it under .local/odbc."""
    failure = driver_failure(driver)
    if not failure:
        return say(name, "already there")
    if not can_get_debs():
        message = f"{failure}\nInstall unixODBC and its driver registered by the name {driver.name}."
        raise SetupError(message)
    if os.geteuid() == 0:
        install_debs(name, "unixodbc", driver.package)
    if driver_failure(driver):
        with step(name, f"unpacking the Debian packages of the {driver.name} driver under .local/odbc"):
            unpack_drivers(driver)
    failure = driver_failure(driver)
    if failure:
        message = f"The {driver.name} driver is there and does not work. {failure}"
        raise SetupError(message)
    return None


def driver_failure(driver: Driver) -> str:
    """Return what goes wrong when pyodbc loads and uses the driver, or nothing."""
    try:
        run(VENV_PYTHON, "-c", driver.trial)
    except SetupError as error:
        return str(error)
    return ""


def unpack_drivers(wanted: Driver) -> None:
    """Unpack the driver, and again those that were unpacked before: the folder is made anew."""
    drivers = [driver for driver in ALL if driver == wanted or any(ODBC.rglob(driver.library))]
    unpack_debs(ODBC, "libodbc2", *(driver.package for driver in drivers))
    link_odbc()


def link_odbc() -> None:
    """Make .venv's Python load the unpacked libraries as it starts, and unixODBC read our list of drivers.

    pyodbc asks for `libodbc.so.2` by name and takes one that is loaded already; LD_LIBRARY_PATH would have to
    be set before Python starts.
    """
    system_list = Path(os.environ.get("ODBCSYSINI", "/etc")) / "odbcinst.ini"
    others = system_list.read_text() if system_list.is_file() else ""
    (ODBC / "odbcinst.ini").write_text("".join(map(registration, ALL)) + others)
    libraries = in_load_order(unpacked_libraries(ODBC))
    packages = run(VENV_PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    Path(packages, "cauce_odbc.pth").write_text(startup_line(ODBC, libraries))


def registration(driver: Driver) -> str:
    """Return the entry of a driver in unixODBC's list, or nothing where the driver is not there."""
    found = [*ODBC.rglob(driver.library), *Path("/usr/lib").glob(f"*/odbc/{driver.library}")]
    return f"[{driver.name}]\nDriver={found[0]}\n\n" if found else ""


def startup_line(odbc: Path, libraries: list[Path]) -> str:
    """Return the line of a .pth file, run by Python as it starts, that makes an unpacked driver usable."""
    load = f"[ctypes.CDLL(path) for path in {[str(path) for path in libraries]!r} if os.path.exists(path)]"
    return f"import ctypes, os; os.environ['ODBCSYSINI'] = {str(odbc)!r}; {load}\n"


def in_load_order(libraries: list[Path]) -> list[Path]:
    """Order libraries so that each comes after those it needs, by loading them; leave out any that never loads."""
    ordered: list[Path] = []
    while loaded := [path for path in libraries if path not in ordered and loads(path)]:
        ordered += loaded
    return ordered


def loads(library: Path) -> bool:
    """Say whether a shared library can be loaded, given those that are loaded already."""
    try:
        ctypes.CDLL(str(library))
    except OSError:
        return False
    return True
