"""A copy of infra/ that a test may change, evaluated by the compiler."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.infra.compiler import INFRA, printed, scope_of
from tests.infra.deployed import Deployed, read

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = """\
using '../events.bicep'

param pipelineAppName = 'cauce-pipeline'
param topicName = 'evgt'
param dataAccountName = 'stdata'
"""


def copied(folder: Path) -> Path:
    """infra/ in a folder of its own, with parameters for the events phase, which get them from the deployment."""
    ignored = shutil.ignore_patterns("*.snapshot.json", "__pycache__", "*.py")
    infra = folder / "infra"
    shutil.copytree(INFRA, infra, ignore=ignored)
    (infra / "parameters" / "events.bicepparam").write_text(EVENTS)
    return infra


def evaluated(infra: Path, parameters: str) -> tuple[Deployed, str]:
    """What a parameters file of such a copy comes to, and what the compiler said of it."""
    file = infra / "parameters" / f"{parameters}.bicepparam"
    said = printed("snapshot", file, *scope_of(file)).strip()
    snapshot = file.with_suffix(".snapshot.json")
    assert snapshot.exists(), said
    return read(snapshot), said


def evaluated_events(folder: Path) -> Deployed:
    """The events phase."""
    return evaluated(copied(folder), "events")[0]
