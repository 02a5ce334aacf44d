"""Make `Driver=SQLite3` work with pyodbc: installed by root, unpacked inside the project by anyone else."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
from pathlib import Path

from local.bootstrap.commands import LOCAL, VENV_PYTHON, SetupError, run, say, step

ODBC = LOCAL / "odbc"
DRIVER = "libsqlite3odbc.so"


def set_up_odbc() -> None:
    """Install the driver if it does not work yet; if that cannot be done, unpack it under .local/odbc."""
    failure = odbc_failure()
    if not failure:
        return say("odbc", "already there")
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        message = f"{failure}\nInstall unixODBC and its SQLite driver, registered by the name SQLite3."
        raise SetupError(message)
    if os.geteuid() == 0:
        install_debs()
    if odbc_failure():
        with step("odbc", "unpacking the Debian packages of the SQLite driver under .local/odbc"):
            unpack_debs()
            link_odbc()
    failure = odbc_failure()
    if failure:
        message = f"The ODBC driver is there and does not work. {failure}"
        raise SetupError(message)
    return None


def odbc_failure() -> str:
    """Return what goes wrong when a query goes through pyodbc and the SQLite driver, or nothing."""
    code = "import pyodbc; pyodbc.connect('Driver=SQLite3;Database=:memory:').execute('select 1').fetchall()"
    try:
        run(VENV_PYTHON, "-c", code)
    except SetupError as error:
        return str(error)
    return ""


def install_debs() -> None:
    """Install as root; the package lists are read again only if they turn out to be absent or stale."""
    get = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=60")
    install = (*get, "install", "-y", "--no-install-recommends", "unixodbc", "libsqliteodbc")
    try:
        with step("odbc", "apt-get install unixodbc libsqliteodbc"):
            try:
                run(*install)
            except SetupError:
                run(*get, "update")
                run(*install)
    except SetupError as error:
        say("odbc", f"not installed: {error}")


def unpack_debs() -> None:
    """Download and unpack what is missing, as any user; with package lists of our own if the system's fail."""
    shutil.rmtree(ODBC, ignore_errors=True)
    work = ODBC / "download"
    for folder in ("lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True)
    try:
        download_debs(work)
    except SetupError:
        own = ("-o", f"Dir::State::lists={work / 'lists'}", "-o", f"Dir::Cache={work / 'cache'}")
        run("apt-get", *own, "update")
        download_debs(work, *own)
    for deb in sorted(work.glob("*.deb")):
        run("dpkg-deb", "-x", deb, ODBC)
    shutil.rmtree(work)


def download_debs(folder: Path, *options: str) -> None:
    """Download the driver, the driver manager and those of the libraries they need that the system lacks."""
    get = ("apt-get", *options)
    plan = run(*get, "install", "--simulate", "--no-install-recommends", "libodbc2", "libsqliteodbc")
    missing = packages_to_install(plan)
    if missing:
        run(*get, "download", *missing, cwd=folder)


def packages_to_install(plan: str) -> list[str]:
    """Return the packages that `apt-get install --simulate` would install."""
    return re.findall(r"^Inst (\S+)", plan, re.MULTILINE)


def link_odbc() -> None:
    """Make .venv's Python load the unpacked libraries as it starts, and unixODBC read our list of drivers.

    pyodbc asks for `libodbc.so.2` by name and takes one that is loaded already; LD_LIBRARY_PATH would have to
    be set before Python starts.
    """
    drivers = [*ODBC.rglob(DRIVER), *Path("/usr/lib").glob(f"*/odbc/{DRIVER}")]
    system_list = Path(os.environ.get("ODBCSYSINI", "/etc")) / "odbcinst.ini"
    others = system_list.read_text() if system_list.is_file() else ""
    if drivers:
        (ODBC / "odbcinst.ini").write_text(f"[SQLite3]\nDriver={drivers[0]}\n\n{others}")
    libraries = in_load_order(sorted(ODBC.rglob("lib*.so.[0-9]*")))
    packages = run(VENV_PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    Path(packages, "cauce_odbc.pth").write_text(startup_line(ODBC, libraries))


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
