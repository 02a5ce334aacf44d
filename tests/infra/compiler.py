"""The Bicep compiler, where there is one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

INFRA = Path(__file__).resolve().parents[2] / "infra"
MISSING = (
    "there is no Bicep compiler: tests of infra/ are left out. To have them: az bicep install, or a bicep from "
    "https://github.com/Azure/bicep/releases on PATH or named by $BICEP"
)
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
GROUP = "rg-cauce"
LOCATION = "westeurope"


@cache
def compiler() -> Path | None:
    """Named by $BICEP, on PATH, or where ``az bicep install`` puts it."""
    named = os.environ.get("BICEP")
    found = named or shutil.which("bicep") or str(Path.home() / ".azure" / "bin" / "bicep")
    return Path(found) if Path(found).is_file() else None


needs_compiler = pytest.mark.skipif(compiler() is None, reason=MISSING)


def bicep(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run it. Its exit code is 0 even where it warns: look at what it printed."""
    path = compiler()
    if path is None:
        pytest.skip(MISSING)
    return subprocess.run([str(path), *map(str, arguments)], capture_output=True, text=True, check=False)


def printed(*arguments: str | Path) -> str:
    """All that it said."""
    done = bicep(*arguments)
    return done.stdout + done.stderr


def scope_of(parameters: Path) -> list[str]:
    """What a snapshot is told of where it would be deployed."""
    where = ["--subscription-id", SUBSCRIPTION, "--location", LOCATION]
    return [*where, "--resource-group", GROUP] if is_of_a_group(parameters) else where


def is_of_a_group(parameters: Path) -> bool:
    """Whether they are of a template that is deployed into a resource group, and not into a subscription."""
    return "subscription.bicep" not in parameters.read_text()


def write_snapshots() -> None:
    """Evaluate every parameters file anew, into the snapshot beside it: ``make snapshots``."""
    if compiler() is None:
        raise SystemExit(MISSING)
    for parameters in sorted((INFRA / "parameters").glob("*.bicepparam")):
        said = printed("snapshot", parameters, *scope_of(parameters)).strip()
        _order(parameters.with_suffix(".snapshot.json"))
        print(f"{parameters.stem:12}  {said or 'written'}")


def _order(snapshot: Path) -> None:
    """The compiler writes outputs in another order each time, which no review should have to look at."""
    content = json.loads(snapshot.read_text())
    content["outputs"] = dict(sorted(content["outputs"].items()))
    snapshot.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    write_snapshots()
