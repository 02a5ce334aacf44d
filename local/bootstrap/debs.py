"""Debian packages: installed by root, unpacked inside the project by anyone else."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from local.bootstrap.commands import SetupError, run, say, step

if TYPE_CHECKING:
    from pathlib import Path

# What programs need only to compile queries to machine code: 110 MB that nothing here uses.
UNUSED = "libllvm"


def can_get_debs() -> bool:
    """Say whether this machine has apt and dpkg."""
    return bool(shutil.which("apt-get") and shutil.which("dpkg-deb"))


def install_debs(name: str, *packages: str) -> None:
    """Install as root; the package lists are read again only if they turn out to be absent or stale."""
    get = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=60")
    install = (*get, "install", "-y", "--no-install-recommends", *packages)
    try:
        with step(name, f"apt-get install {' '.join(packages)}"):
            try:
                run(*install)
            except SetupError:
                run(*get, "update")
                run(*install)
    except SetupError as error:
        say(name, f"not installed: {error}")


def unpack_debs(folder: Path, *packages: str) -> None:
    """Download and unpack what is missing, as any user; with package lists of our own if the system's fail."""
    shutil.rmtree(folder, ignore_errors=True)
    work = folder / "download"
    for part in ("lists/partial", "cache/archives/partial"):
        (work / part).mkdir(parents=True)
    try:
        download_debs(work, packages)
    except SetupError:
        own = ("-o", f"Dir::State::lists={work / 'lists'}", "-o", f"Dir::Cache={work / 'cache'}")
        run("apt-get", *own, "update")
        download_debs(work, packages, *own)
    for deb in sorted(work.glob("*.deb")):
        run("dpkg-deb", "-x", deb, folder)
    shutil.rmtree(work)


def download_debs(folder: Path, packages: tuple[str, ...], *options: str) -> None:
    """Download the packages and those of the libraries they need that the system lacks."""
    get = ("apt-get", *options)
    plan = run(*get, "install", "--simulate", "--no-install-recommends", *packages)
    missing = [package for package in packages_to_install(plan) if not package.startswith(UNUSED)]
    if missing:
        run(*get, "download", *missing, cwd=folder)


def packages_to_install(plan: str) -> list[str]:
    """Return the packages that `apt-get install --simulate` would install."""
    return re.findall(r"^Inst (\S+)", plan, re.MULTILINE)


def unpacked_libraries(folder: Path) -> list[Path]:
    """Return the shared libraries that other programs and libraries ask for by name."""
    return sorted(folder.rglob("lib*.so.[0-9]*"))
