"""The local host around an unpacked package, with the package's own libraries and no other of ours."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local.children import Child
from local.launch import PROJECT_ROOT, RunningHost
from local.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

NEEDS = ("aiohttp", "croniter", "azure-functions-runtime-v1", "azure-storage-queue")
"""What the host itself imports, as the platform's worker has libraries of its own."""
SITE = ".python_packages/lib/site-packages"
KEY = "test-function-key"


def base_python() -> str:
    """The interpreter without what is installed for the tests."""
    return str(getattr(sys, "_base_executable", sys.executable))


def host_folder(folder: Path) -> Path:
    """A folder with the host and what it needs, linked file by file from where the tests run."""
    shutil.copytree(PROJECT_ROOT / "local", folder / "local", ignore=shutil.ignore_patterns("__pycache__"))
    seen: set[str] = set()
    waiting = list(NEEDS)
    while waiting:
        name = re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", waiting.pop(), maxsplit=1)[0]).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # asked for on another Python
        waiting += [one for one in distribution.requires or [] if "extra ==" not in one]
        _link(distribution, folder)
    return folder


def start(package: Path, host: Path, environment: Mapping[str, str], log: Path) -> RunningHost:
    """Run an unpacked package: its libraries come first, then the host's; those that tests run with are not there."""
    command = [base_python(), "-S", "-m", "local.host", "--root", str(package), "--port", "0"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
    with log.open("wb") as stream:
        child = Child(
            command,
            output=stream,
            environment={
                **kept,
                "PYTHONPATH": os.pathsep.join([str(package / SITE), str(host)]),
                "PYTHONDONTWRITEBYTECODE": "1",
                "CAUCE_FUNCTION_KEY": KEY,
                "CAUCE_HOST_VISIBILITY_SECONDS": "30",
                **environment,
            },
            folder=host,
        )

    def ready() -> re.Match[str] | None:
        assert child.exit_code is None, log.read_text()
        return re.search(r"^host ready (\S+)$", log.read_text(errors="replace"), re.MULTILINE)

    found = wait_until(ready, 90)
    assert found is not None
    return RunningHost(found[1], KEY, None, log, child)


def _link(distribution: importlib.metadata.Distribution, folder: Path) -> None:
    for file in distribution.files or []:
        if file.suffix == ".pyc" or ".." in file.parts:
            continue
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(Path(str(file.locate())).resolve())
