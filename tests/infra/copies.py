"""A copy of infra/ that a test may change."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.infra.compiler import INFRA

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = """\
using '../events.bicep'

param pipelineAppName = 'cauce-pipeline'
param topicName = 'evgt'
param dataAccountName = 'stdata'
"""


def copied(folder: Path) -> Path:
    """infra/ without the linter's rules, with parameters for the events phase, which else come from the deployment."""
    infra = folder / "infra"
    ignored = shutil.ignore_patterns("*.snapshot.json", "__pycache__", "*.py", "bicepconfig.json")
    shutil.copytree(INFRA, infra, ignore=ignored)
    (infra / "parameters" / "events.bicepparam").write_text(EVENTS)
    return infra
