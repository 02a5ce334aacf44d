"""The folder that a package is made of: the app's code, and what it installs without what never runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from infra.packaging.apps import ROOT, SMOKE
from infra.packaging.locks import pip

if TYPE_CHECKING:
    from pathlib import Path

    from infra.packaging.apps import App

SITE = ".python_packages/lib/site-packages"
"""Where the platform looks for packages."""
MOUNTED = "/home/site/wwwroot"
"""Where the platform puts the package: tracebacks name files there."""
NEVER_RUN_FOLDERS = ("tests", "test", "include")
NEVER_RUN_FILES = ("*.pyi", "*.pyx", "*.pxd", "*.pxi", "*.h", "*.hpp", "*.c", "*.cpp", "*.cc", "*.a", "*.f90")


def lay_out(app: App, folder: Path) -> None:
    """Put everything of one package into an empty folder. Raises PackagingError where pip fails."""
    _copy_code(app, folder)
    site = folder / SITE
    pip("--no-deps", "--require-hashes", "--no-compile", "--target", str(site), "-r", str(app.lock))
    _strip(site, app.unused)
    _compile(folder)


def _copy_code(app: App, folder: Path) -> None:
    shutil.copy(ROOT / "host.json", folder)
    for part in (*app.functions, "shared"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in app.without:
        shutil.rmtree(folder / part)
    shutil.copy(SMOKE, folder / "shared" / "catalog")


def _strip(site: Path, unused: tuple[str, ...]) -> None:
    """Tests, headers, sources of what is compiled; scripts, whose first line names this machine's Python."""
    shutil.rmtree(site / "bin", ignore_errors=True)
    for name in NEVER_RUN_FOLDERS:
        for found in sorted(site.glob(f"**/{name}")):
            if found.is_dir():
                shutil.rmtree(found)
    for part in unused:
        shutil.rmtree(site / part)
    for pattern in NEVER_RUN_FILES:
        for found in site.rglob(pattern):
            found.unlink()
    # What pip notes of where the files came from: a path of this machine, and who asked for them.
    for name in ("direct_url.json", "INSTALLER", "REQUESTED", "RECORD"):
        for found in site.glob(f"*.dist-info/{name}"):
            found.unlink()


def _compile(folder: Path) -> None:
    """Compile every module here, as the package is read-only there: else each cold start would compile all it imports.

    The same bytes come of the same sources: the compiled files are not asked for the sources' times, sets are always in
    the same order, and one process compiles all files in the order of their names.
    """
    command = [sys.executable, "-m", "compileall", "-q", "-q", "-j1", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), "-p", MOUNTED, str(folder)]
    # A file that does not compile is one that a library keeps for another Python; it is found out when it is imported.
    subprocess.run(command, env={"PYTHONHASHSEED": "0"}, check=False)
