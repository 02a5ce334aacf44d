"""Pins of everything that a package installs, resolved for the platform that it runs on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.packaging.apps import ROOT

if TYPE_CHECKING:
    from infra.packaging.apps import App

# The platform's image is Debian 12 on x64, whose libraries are newer than any of these asks for.
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
FOR_THE_PLATFORM = [
    *(word for platform in PLATFORMS for word in ("--platform", platform)),
    *("--implementation", "cp", "--python-version", "3.13", "--abi", "cp313", "--abi", "abi3", "--abi", "none"),
    "--only-binary=:all:",
]
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
HEADER = "# Everything in the package of the {app} app, for Linux on x64 and Python 3.13. Written by: make lock\n"


class PackagingError(Exception):
    """A package cannot be built; the message says what was tried and what to do."""


def pins(file: Path) -> dict[str, str]:
    """Name to version of each line ``name==version``, names as ``normal`` writes them."""
    return {normal(name): version for name, version in PIN.findall(file.read_text())}


def normal(name: str) -> str:
    """A distribution's name as all spellings of it are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def write_lock(app: App) -> None:
    """Resolve the app's requirements, at the versions of requirements.txt, into its lock."""
    wanted = pins(ROOT / "requirements.txt")
    lines = "".join(f"{name}=={wanted[name]}\n" for name in app.requirements)
    with tempfile.TemporaryDirectory() as folder:
        asked, report = Path(folder) / "asked.txt", Path(folder) / "report.json"
        asked.write_text(lines)
        pip("--dry-run", "--ignore-installed", "--target", folder, "--report", str(report), "-r", str(asked))
        resolved: list[dict[str, Any]] = json.loads(report.read_text())["install"]
    entries = sorted(_entry(one) for one in resolved)
    app.lock.parent.mkdir(exist_ok=True)
    app.lock.write_text(HEADER.format(app=app.name) + "".join(entries))


def pip(*words: str) -> None:
    """``pip install`` for the platform, without a word. Raises PackagingError with its last lines."""
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input", "--timeout=120")
    command = [sys.executable, "-m", "pip", "install", *quiet, *FOR_THE_PLATFORM, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join(f"  {line}" for line in done.stderr.strip().splitlines()[-10:])
        message = f"pip ended with code {done.returncode}:\n{tail}"
        raise PackagingError(message)


def _entry(resolved: dict[str, Any]) -> str:
    name, version = normal(resolved["metadata"]["name"]), resolved["metadata"]["version"]
    return f"{name}=={version} --hash=sha256:{resolved['download_info']['archive_info']['hashes']['sha256']}\n"
