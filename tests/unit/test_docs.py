"""What the documents say is there, is there."""

from __future__ import annotations

import re
import tomllib

import pytest

from infra.deployment.steps import STEPS
from local.__main__ import _parser
from local.azurite import PROJECT_ROOT
from shared import settings
from shared.export.dialects import DIALECTS
from tests.infra.policies.all import OF_EVENTS, OF_EVERYTHING

README = (PROJECT_ROOT / "README.md").read_text()
SETTINGS = (PROJECT_ROOT / "docs/settings.md").read_text()


def documented() -> set[str]:
    """The settings in the tables of docs/settings.md."""
    first_cells = re.findall(r"^\| (`.*?) \|", SETTINGS, re.MULTILINE)
    return {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}


def read_by_the_code() -> set[str]:
    """The names that shared/settings.py declares."""
    return {value for name, value in vars(settings).items() if name.isupper() and isinstance(value, str)}


def test_every_setting_that_the_code_reads_is_documented() -> None:
    assert read_by_the_code() <= documented()


def test_every_default_is_the_documented_one() -> None:
    product, _, _ = SETTINGS.partition("## Only for the local host")
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| (\d+|true|false) \|$", product, re.MULTILINE))
    defaults = settings.Settings()
    assert rows == {
        "EXPORT_PART_BYTES": str(defaults.export_part_bytes),
        "EXPORT_RANGES": str(defaults.export_ranges),
        "EXPORT_EMPTY_DROPS": str(defaults.export_empty_drops).lower(),
        "EXPORT_ANNOUNCE_AFTER_SECONDS": f"{defaults.export_announce_after_seconds:.0f}",
        "EXPORT_ANNOUNCEMENTS": str(defaults.export_announcements),
        "EXPORT_RETENTION_DAYS": f"{defaults.export_retention_days:.0f}",
        "MODEL_REFRESH_SECONDS": f"{defaults.model_refresh_seconds:.0f}",
        "SCORE_MAX_ROWS": str(defaults.score_max_rows),
        "SCORE_MAX_BYTES": str(defaults.score_max_bytes),
        "SCORE_CSV_MAX_ROWS": str(defaults.score_csv_max_rows),
        "SCORE_CSV_MAX_BYTES": str(defaults.score_csv_max_bytes),
        "SCORE_DROP_MAX_BYTES": str(defaults.score_drop_max_bytes),
        "SCORE_MAX_REQUESTS": str(defaults.score_max_requests),
        "SCORE_MEMORY_BYTES": str(defaults.score_memory_bytes),
        "PREDICTION_LOG_SAMPLE": f"{defaults.prediction_log_sample:.0f}",
        "PREDICTION_LOG_SECONDS": f"{defaults.prediction_log_seconds:.0f}",
        "PREDICTION_LOG_MAX_BYTES": str(defaults.prediction_log_max_bytes),
    }


def test_the_least_length_of_a_key_is_the_documented_one() -> None:
    (row,) = re.findall(r"^\| `PII_HASH_KEY` .*$", SETTINGS, re.MULTILINE)
    assert f"at least {settings.LEAST_KEY_CHARACTERS} characters" in row


def test_what_the_export_adds_to_a_connection_string_is_documented() -> None:
    for dialect in DIALECTS:
        for option, value in dialect.options.items():
            assert f"`{option}={value}`" in SETTINGS, dialect.title


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (PROJECT_ROOT / link).exists()] == []


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (PROJECT_ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+)", README)) <= targets


@pytest.mark.parametrize("line", re.findall(r"python -m local (\w[^`\n]*)", README))
def test_every_command_of_the_readme_is_understood(line: str) -> None:
    _parser().parse_args(line.split())


def test_the_readme_can_be_read_in_one_go() -> None:
    assert len(README.splitlines()) <= 140


def test_the_newest_release_in_the_changelog_is_the_version_of_the_project() -> None:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]
    versions = re.findall(r"^## \[(.+?)\]", (PROJECT_ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert next(version for version in versions if version != "Unreleased") == project["version"]


def test_every_package_is_pinned() -> None:
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-demo.txt"):
        for line in (PROJECT_ROOT / name).read_text().splitlines():
            assert re.match(r"#|-r |[\w-]+==[\w.]+$", line), line


def test_every_alert_has_a_runbook() -> None:
    alerts = re.findall(
        r"^    name: '([a-z-]+)'$", (PROJECT_ROOT / "infra/modules/alerts.bicep").read_text(), re.MULTILINE
    )
    headings = re.findall(r"^### ([a-z-]+)$", (PROJECT_ROOT / "docs/operate.md").read_text(), re.MULTILINE)
    assert headings == alerts
    assert len(alerts) == 10


def test_every_step_of_a_deployment_is_described() -> None:
    described = re.findall(r"^\| ([a-z]+) \| ", (PROJECT_ROOT / "docs/deploy.md").read_text(), re.MULTILINE)
    assert [step for step in STEPS if step not in described] == []


def test_the_count_of_policies_is_right() -> None:
    (said,) = re.findall(r"held by (\d+) policies", README)
    assert int(said) == len(OF_EVERYTHING) + len(OF_EVENTS)
