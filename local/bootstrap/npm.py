"""Packages from npm, each in a folder of its own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from local.bootstrap.commands import SetupError, run, say, stamped, step

if TYPE_CHECKING:
    from pathlib import Path


def set_up_npm(folder: Path, package: str, version: str) -> None:
    """Install one package, unless it is there: its programs are in ``node_modules/.bin``.

    npm runs in the folder and not with --prefix, which would hide the machine's own npm configuration; the
    package.json keeps it from looking for a project further up.
    """
    stamp = folder / f"{package}.version"
    if stamped(stamp, version) and (folder / "node_modules" / package).exists():
        return say(package, "already there")
    if not shutil.which("npm"):
        message = f"{package} needs Node.js and npm on PATH (Debian: apt-get install nodejs npm)."
        raise SetupError(message)
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "package.json").write_text('{"private": true}\n')
    quiet = ("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
    with step(package, f"npm install {package}@{version}"):
        run("npm", "install", "--save-exact", *quiet, f"{package}@{version}", cwd=folder)
        stamp.write_text(version)
    return None
