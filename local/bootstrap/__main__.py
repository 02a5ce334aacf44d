"""Set Cauce up from nothing: Python 3.13, the pinned packages, Azurite, an ODBC driver and local settings.

This is what `make setup` runs; with `--tests`, what `make test` needs beyond that: PostgreSQL, its ODBC driver, and
the programs that check infra/ and the workflows. All that it fetches stays inside the project (`.venv`, `.local`), but
for Debian packages when it runs as root. A step whose result is there is skipped.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from typing import TYPE_CHECKING

from local.bootstrap.commands import LOCAL, ROOT, VENV, VENV_PYTHON, SetupError, run, say, stamped, step
from local.bootstrap.interpreter import set_up_python
from local.bootstrap.npm import set_up_npm
from local.bootstrap.odbc import set_up_odbc
from local.bootstrap.postgres import set_up_postgres
from local.bootstrap.tools import set_up_tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

AZURITE = "3.35.0"


def fingerprint(files: Iterable[Path]) -> str:
    """Return a hash of the files' contents, for a stamp that no longer matches when any of them changes."""
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def set_up_packages() -> None:
    """Install the pinned packages that run and test Cauce, and the demo's data without its dependencies."""
    files = [ROOT / f"requirements{suffix}.txt" for suffix in ("", "-dev", "-demo")]
    stamp, wanted = VENV / "cauce-packages.sha256", fingerprint(files)
    if stamped(stamp, wanted):
        return say("packages", "already there")
    pip = (VENV_PYTHON, "-m", "pip", "install", "--quiet", "--timeout=120")
    with step("packages", "pip install -r requirements-dev.txt, then requirements-demo.txt"):
        run(*pip, "-r", files[1])
        run(*pip, "--no-deps", "-r", files[2])
        stamp.write_text(wanted)
    return None


def set_up_azurite() -> None:
    """Install Azurite, the storage that stands in for Azure's."""
    set_up_npm(LOCAL / "azurite", "azurite", AZURITE)


def set_up_settings() -> None:
    """Give local runs their settings, unless there are some: those are the user's."""
    settings = ROOT / "local.settings.json"
    if settings.exists():
        return say("settings", "already there")
    shutil.copyfile(ROOT / "local.settings.example.json", settings)
    return say("settings", "local.settings.json copied from local.settings.example.json")


def steps(words: list[str]) -> tuple[Callable[[], None], ...]:
    """Return the steps that the command line asks for."""
    if words == ["--tests"]:
        return (set_up_postgres, set_up_tools)
    return (set_up_python, set_up_packages, set_up_azurite, set_up_odbc, set_up_settings)


def main(*words: str) -> int:
    """Take every step; return the exit code."""
    LOCAL.mkdir(exist_ok=True)
    try:
        for set_up in steps(list(words)):
            set_up()
    except SetupError as error:
        print(f"Set-up stopped. {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
