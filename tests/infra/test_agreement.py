"""Code, function.json, host.json and Bicep say the same."""

import json
import re
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import shared.settings
from infra.snapshots import SIZES, deployed
from local.host.blobqueue import POISON_QUEUE
from local.host.ncrontab import Schedule
from shared.settings import Settings
from shared.training import policy
from shared.training.forecast import policy as forecast_policy
from tests.infra.compiler import INFRA
from tests.infra.policies.apps import FUNCTIONS, app, settings
from tests.infra.policies.keeping import CONTAINERS

ROOT = INFRA.parent
PLATFORMS = re.compile(r"AzureWebJobs.*|APPLICATIONINSIGHTS_.*|DataStorage__(queueServiceUri|credential)")
"""Read by the host or by the blob trigger, not by our code."""


def function(name: str) -> dict[str, Any]:
    """The one binding in."""
    bindings = json.loads((ROOT / name / "function.json").read_text())["bindings"]
    (found,) = [binding for binding in bindings if binding.get("direction") == "in"]
    return dict(found)


def known() -> set[str]:
    """The settings that the code reads."""
    return {value for name, value in vars(shared.settings).items() if name.isupper() and value == _setting(value)}


def _setting(value: object) -> object:
    named = isinstance(value, str) and re.fullmatch(r"[A-Z_]{8,}|DataStorage(__\w+)?", value)
    return value if named else None


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("which", FUNCTIONS)
def test_every_setting_of_a_deployment_is_read(which: str, size: str) -> None:
    read = known() | {"EXPORT_SCHEDULE"}
    assert [
        name for name in settings(deployed(size), which) if name not in read and not PLATFORMS.fullmatch(name)
    ] == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("which", FUNCTIONS)
def test_every_setting_that_is_read_is_set_or_has_a_default(which: str, size: str) -> None:
    """Only storage has none; and the settings of a deployment are taken as they are."""
    found = settings(deployed(size), which)
    resolved = {name: re.sub(r"^\[.*", "a value that is known once deployed", value) for name, value in found.items()}
    taken = Settings.from_env(resolved)
    assert taken.storage_uri
    assert taken.storage_client_id
    assert taken.pii_hash_key
    assert len(fields(Settings)) == len(known()), "a setting without its name in shared/settings.py"


@pytest.mark.parametrize("size", SIZES)
def test_the_pipeline_has_what_its_triggers_name(size: str) -> None:
    found = settings(deployed(size), "pipeline")
    schedule = function("export_timer")["schedule"]
    assert schedule.strip("%") in found
    connection = function("train_blob_trigger")["connection"]
    assert {f"{connection}__blobServiceUri", f"{connection}__queueServiceUri"} <= set(found)


def test_the_functions_of_a_deployment_are_the_folders() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/function.json")}
    assert {name for names in FUNCTIONS.values() for name in names} == folders


def test_events_tell_of_the_container_that_the_trigger_watches() -> None:
    source = (INFRA / "events.bicep").read_text()
    container = function("train_blob_trigger")["path"].partition("/")[0]
    assert f"var watched = '{container}'" in source
    assert "var functionName = 'train_blob_trigger'" in source
    assert function("train_blob_trigger")["source"] == "EventGrid"


def test_the_containers_are_those_that_the_code_writes_to() -> None:
    """Every ``container/path`` that names.py spells, and Event Grid's dead letters."""
    source = (ROOT / "shared" / "store" / "names.py").read_text()
    spelt = set(re.findall(r'f?"(?:\^)?([a-z]+)/[{(]', source))
    assert spelt <= CONTAINERS
    assert CONTAINERS - spelt - {"deadletter"} == set(), "a container that no name is spelt for"


def test_no_parameter_asks_for_a_secret() -> None:
    """They are in the vault, or made there: what is in no parameter is in no history of deployments."""
    for file in INFRA.rglob("*.bicep"):
        names = re.findall(r"^param (\w+)", file.read_text(), re.MULTILINE)
        named = [name for name in names if re.search(r"secret|password|connection|key$", name, re.IGNORECASE)]
        assert named == [], file.name


@pytest.mark.parametrize("size", SIZES)
def test_the_schedule_is_one_that_the_host_takes(size: str) -> None:
    schedule = settings(deployed(size), "pipeline")["EXPORT_SCHEDULE"]
    assert len(schedule.split()) == 6
    assert Schedule(schedule).next_after(datetime(2026, 11, 27, tzinfo=UTC)) == datetime(2026, 11, 27, 2, tzinfo=UTC)


def test_the_alert_of_poison_agrees_with_the_host() -> None:
    host = json.loads((ROOT / "host.json").read_text())
    assert host["extensions"]["blobs"]["poisonBlobThreshold"] == 5
    alerts = (INFRA / "modules" / "alerts.bicep").read_text()
    assert "failed five times" in alerts
    assert f'Uri has "{POISON_QUEUE}"' in alerts


def test_the_alert_of_drift_knows_how_the_code_words_it() -> None:
    """Each word of the query stands in the text of a trigger, and in no reason that is no drift."""
    source = (INFRA / "modules" / "alerts.bicep").read_text()
    (listed,) = re.findall(r"var driftWords = \[\n(.*?)\]", source, re.DOTALL)
    words = re.findall(r"'([^']+)'", listed)
    texts = "".join(Path(str(module.__file__)).read_text() for module in (policy, forecast_policy))
    assert len(words) == 6
    assert [word for word in words if word not in texts] == []
    run = (ROOT / "shared" / "training" / "run.py").read_text()
    assert '"%s: slot %s was due: %s"' in run
    assert '"%s: slot %s refused: %s"' in run


@pytest.mark.parametrize("size", SIZES)
def test_the_runtime_is_the_one_that_the_project_is_written_for(size: str) -> None:
    runtime = app(deployed(size), "scoring")["properties"]["functionAppConfig"]["runtime"]
    assert f'requires-python = ">={runtime["version"]}"' in (ROOT / "pyproject.toml").read_text()


def test_main_and_subscription_have_the_same_parameters() -> None:
    def declared(file: str) -> list[tuple[str, str]]:
        found = re.findall(r"((?:@[^\n]*\n)+)param (\w+ [^\n]*)", (INFRA / file).read_text())
        return [(decorators, parameter.split(" = ")[0]) for decorators, parameter in found]

    mine = declared("main.bicep")
    assert [one for one in declared("subscription.bicep") if not one[1].startswith("groupName")] == mine
