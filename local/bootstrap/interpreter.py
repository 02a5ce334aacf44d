"""Find a Python 3.13 that runs (on PATH, in pyenv, through uv) and make .venv with it."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local.bootstrap.commands import LOCAL, VENV, VENV_PYTHON, SetupError, run, say, step

if TYPE_CHECKING:
    from collections.abc import Mapping

UV = "0.13.9"
PACKAGES = VENV / "lib" / "python3.13" / "site-packages"


def set_up_python() -> None:
    """Make .venv with Python 3.13; one that does not run, or was cut off before pip was in it, is made anew."""
    version = usable_version(VENV_PYTHON)
    if version and (PACKAGES / "pip" / "__main__.py").is_file():
        return say("python", f"already there ({version})")
    python = find_python()
    with step("python", f"making .venv with {usable_version(python)}, {python}"):
        make_venv(python)
    return None


def usable_version(python: Path) -> str | None:
    """Return the version of an interpreter if it runs and is a 3.13, which is what the app is deployed on.

    A pyenv shim is on PATH whether or not it leads to an interpreter, and a build without ssl cannot install
    anything: only a run tells.
    """
    code = "import ctypes, ssl, sys; print('.'.join(map(str, sys.version_info[:3])))"
    try:
        version = run(python, "-I", "-c", code).strip()
    except SetupError:
        return None
    return version if version.startswith("3.13.") else None


def find_python() -> Path:
    """Return a Python 3.13 that runs, from PATH, pyenv or uv in this order."""
    tried = candidates(os.environ, Path.home())
    for python in tried:
        if usable_version(python):
            return python
    try:
        python = python_from_uv()
    except SetupError as error:
        raise not_found(tried, str(error)) from error
    if not usable_version(python):
        raise not_found(tried, f"{python} does not run")
    return python


def not_found(tried: list[Path], with_uv: str) -> SetupError:
    """Return the error that tells which interpreters were passed over, how uv failed and what to do."""
    passed = ", ".join(map(str, tried)) or "nothing there"
    return SetupError(
        f"Python 3.13 was not found.\nOn PATH and in pyenv, no 3.13 that runs: {passed}.\nWith uv: {with_uv}\n"
        "Install Python 3.13 with its venv module (Debian 13: apt-get install python3-venv; elsewhere: "
        "pyenv install 3.13, or uv python install 3.13), then run this again."
    )


def candidates(environment: Mapping[str, str], home: Path) -> list[Path]:
    """Return the interpreters worth trying, best first: those on PATH, then pyenv's."""
    folders = [Path(folder) for folder in environment.get("PATH", "").split(":") if folder]
    on_path = [folder / name for name in ("python3.13", "python3") for folder in folders]
    in_pyenv = [python for root in pyenv_roots(environment, home) for python in pyenv_pythons(root)]
    return [python for python in on_path + in_pyenv if os.access(python, os.X_OK)]


def pyenv_roots(environment: Mapping[str, str], home: Path) -> list[Path]:
    """Return the folders where pyenv may keep interpreters: the usual two and those behind shims on PATH."""
    named = [Path(environment["PYENV_ROOT"])] if environment.get("PYENV_ROOT") else []
    on_path = environment.get("PATH", "").split(":")
    behind_shims = [Path(folder).parent for folder in on_path if folder.endswith("/shims")]
    return list(dict.fromkeys([*named, home / ".pyenv", *behind_shims]))


def pyenv_pythons(root: Path) -> list[Path]:
    """Return the 3.13 interpreters of a pyenv root, newest first; none if the folder is closed to this user."""
    names = [path.name for path in root.glob("versions/3.13.*")] if os.access(root, os.X_OK) else []
    patches = [int(name.rpartition(".")[2]) for name in names if re.fullmatch(r"3\.13\.\d+", name)]
    return [root / "versions" / f"3.13.{patch}" / "bin" / "python" for patch in sorted(patches, reverse=True)]


def python_from_uv() -> Path:
    """Return the Python 3.13 that uv knows of, which it downloads if there is none."""
    uv = find_uv()
    find = (uv, "python", "find", "--system", "3.13")
    try:
        return Path(run(*find).strip())
    except SetupError:
        with step("python", "uv python install 3.13"):
            run(uv, "python", "install", "3.13")
        return Path(run(*find).strip())


def find_uv() -> str:
    """Return the uv on PATH, else one fetched from PyPI into .local/uv with the pip of this interpreter."""
    private = LOCAL / "uv"
    existing = shutil.which("uv") or shutil.which("uv", path=str(private / "bin"))
    if existing:
        return existing
    with step("uv", f"pip install uv=={UV} into .local/uv"):
        try:
            run(sys.executable, "-m", "pip", "install", "--quiet", f"--target={private}", f"uv=={UV}")
        except SetupError:  # no pip here: a virtual environment may bring one
            run(sys.executable, "-m", "venv", "--clear", private)
            run(private / "bin" / "pip", "install", "--quiet", f"uv=={UV}")
    return str(private / "bin" / "uv")


def make_venv(python: Path) -> None:
    """Make .venv with pip in it; Debian's Python may lack the module for that, and then another pip puts it there."""
    try:
        run(python, "-m", "venv", "--clear", VENV)
    except SetupError as error:
        try:
            run(python, "-m", "venv", "--clear", "--without-pip", VENV)
            run(sys.executable, "-m", "pip", "install", "--quiet", f"--target={PACKAGES}", "pip")
        except SetupError as second:
            message = f"{error}\n{second}\nInstall Python's venv module (Debian: apt-get install python3-venv)."
            raise SetupError(message) from second
