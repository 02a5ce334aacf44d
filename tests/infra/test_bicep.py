"""The official compiler has nothing to say, and the committed snapshots are what the files come to."""

from pathlib import Path

import pytest

from infra.snapshots import deployed
from tests.infra.compiler import INFRA, bicep, needs_compiler, printed, scope_of
from tests.infra.service import Service

FILES = sorted(path for path in INFRA.rglob("*") if path.suffix in {".bicep", ".bicepparam"})
PARAMETERS = [path for path in FILES if path.suffix == ".bicepparam"]

pytestmark = [needs_compiler, pytest.mark.xdist_group("bicep")]


def named(path: Path) -> str:
    return path.relative_to(INFRA).as_posix()


@pytest.mark.parametrize("file", FILES, ids=named)
def test_the_linter_has_nothing_to_say_with_every_rule_an_error(file: Path, service: Service) -> None:
    assert service.diagnostics(file) == []


@pytest.mark.parametrize("file", FILES, ids=named)
def test_a_file_is_formatted(file: Path, service: Service) -> None:
    assert service.formatted(file) == file.read_text()


@pytest.mark.parametrize("file", PARAMETERS, ids=named)
def test_a_snapshot_is_what_the_files_come_to(file: Path, service: Service) -> None:
    """Where this fails: ``make snapshots``, and look at the difference before it is committed."""
    evaluated = service.snapshot(file)
    assert evaluated.resources == deployed(file.stem).resources
    assert evaluated.outputs == deployed(file.stem).outputs


def test_the_compiler_itself_validates_a_snapshot_and_prints_nothing() -> None:
    large = INFRA / "parameters" / "large.bicepparam"
    done = bicep("snapshot", large, *scope_of(large), "--mode", "validate")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert printed("lint", INFRA / "subscription.bicep") == ""


def test_a_rule_that_is_broken_is_noticed(service: Service, tmp_path: Path) -> None:
    (tmp_path / "bicepconfig.json").write_text((INFRA / "bicepconfig.json").read_text())
    file = tmp_path / "unused.bicep"
    file.write_text("param days int\n")
    assert {"no-unused-params", "use-description-params"} <= {found["code"] for found in service.diagnostics(file)}


def test_a_snapshot_that_is_out_of_date_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "small.bicep").write_text("param days int\n\noutput days int = days\n")
    parameters = tmp_path / "small.bicepparam"
    parameters.write_text("using 'small.bicep'\n\nparam days = 1\n")
    parameters.with_suffix(".snapshot.json").write_text('{"predictedResources": [{"id": "gone"}], "diagnostics": []}')
    assert bicep("snapshot", parameters, *scope_of(parameters), "--mode", "validate").returncode != 0
