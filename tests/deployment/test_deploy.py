"""``make deploy`` from nothing, with the real ``az``."""

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from infra.deployment import azure
from infra.deployment.deployment import INFRA, ROOT
from infra.deployment.steps import STEPS
from tests.deployment.login import DEPLOYER
from tests.deployment.world import PACKAGES, Deploying
from tests.infra.compiler import bicep, needs_compiler

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [needs_compiler, pytest.mark.xdist_group("deployment")]

IN_ORDER = [
    "GET .*/providers$",
    "PUT .*/resourcegroups/rg-cauce$",
    "PUT .*/deployments/cauce-infrastructure$",
    "PUT .*/secrets/pii-hash-key$",
    "POST .*/cauce-scoring/config/configreferences/appsettings/refresh$",
    "POST /api/publish$",
    "GET /api/deployments/latest$",
    "GET .*/cauce-pipeline/functions$",
    "PUT .*/deployments/cauce-events$",
    "POST /api/models/smoke/score$",
]


def compiled(file: str) -> object:
    return json.loads(bicep("build", INFRA / file, "--stdout").stdout)


def test_from_nothing_to_an_app_that_answers(
    deploying: Deploying, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPERATORS_ID")
    cloud = deploying.cloud
    assert deploying() == 0
    printed = capsys.readouterr().out

    firsts = [cloud.requests.index(cloud.made(pattern)[0]) for pattern in IN_ORDER]
    assert firsts == sorted(firsts)

    body = cloud.deployments["cauce-infrastructure"]["properties"]
    assert body["template"] == compiled("main.bicep")
    parameters = {name: one["value"] for name, one in body["parameters"].items()}
    assert parameters["alertEmail"] == "owner@example.com"
    assert (parameters["operatorsId"], parameters["operatorsType"]) == (DEPLOYER, "ServicePrincipal")
    assert body["mode"] == "Incremental"

    events = cloud.deployments["cauce-events"]["properties"]
    assert events["template"] == compiled("events.bicep")
    given = {name: one["value"] for name, one in events["parameters"].items()}
    assert given == {"pipelineAppName": "cauce-pipeline", "topicName": "evgt", "dataAccountName": "stdata"}

    sent = cloud.made("POST /api/publish")
    assert [request.body for request in sent] == [PACKAGES["scoring"], PACKAGES["pipeline"]]
    assert {request.query["RemoteBuild"][0] for request in sent} == {"false"}
    assert {request.headers["content-type"] for request in sent} == {"application/zip"}
    assert all(request.headers["authorization"].startswith("Bearer ey") for request in sent)

    for place, step in enumerate(STEPS, 1):
        assert f"[{place}/{len(STEPS)}] {step}\n" in printed
    assert printed.count(" s\n") >= len(STEPS)
    assert f"Cauce answers at {cloud.url}/api" in printed
    secret = cloud.secrets["pii-hash-key"]
    assert len(secret) >= 32
    assert secret not in printed
    assert "the-scoring-key" not in printed
    assert secret not in json.dumps(deploying.state)

    # Once more: everything is looked at again, and the key of the hashes stays what it is.
    cloud.requests.clear()
    assert deploying("--until", "secrets") == 0
    assert cloud.secrets["pii-hash-key"] == secret
    assert cloud.made("PUT .*/secrets/") == []


def test_what_if_changes_nothing(deploying: Deploying, capfd: pytest.CaptureFixture[str]) -> None:
    assert deploying("--what-if") == 0
    assert "cauce-scoring" in capfd.readouterr().out
    assert [str(one) for one in deploying.cloud.requests if one.method == "PUT"] == []
    assert len(deploying.cloud.made("POST .*/whatIf")) == 1


def test_a_dry_run_prints_every_command_and_asks_nobody(
    deploying: Deploying, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there is no ``az`` at all."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert deploying("--dry-run") == 0
    printed = capsys.readouterr().out
    for words in (
        "az provider list",
        "az group create --name rg-cauce",
        "az deployment group create --resource-group rg-cauce --template-file infra/main.bicep",
        "secrets/pii-hash-key",
        "api/publish?RemoteBuild=false",
        "az functionapp function list",
        "--template-file infra/events.bicep",
        "az storage blob upload",
        "/api/models/smoke/score",
    ):
        assert words in printed
    assert deploying.cloud.requests == []
    assert not (deploying.folder / "state").exists()


def test_the_command_of_the_readme_sends_what_the_snapshots_evaluate(
    deploying: Deploying, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it stands there, and with the real client."""
    command = (
        "az deployment group create --resource-group rg-cauce --template-file infra/main.bicep "
        "--parameters infra/parameters/small.bicepparam"
    )
    assert command in (ROOT / "README.md").read_text()
    done = subprocess.run(command.split(), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (name,) = deploying.cloud.deployments
    assert deploying.cloud.deployments[name]["properties"]["template"] == compiled("main.bicep")


def test_a_database_that_needs_a_connection_string_is_told_of(
    deploying: Deploying, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deploying.done_until("secrets")
    assert deploying("--until", "secrets") == 0
    assert "sql-connection-string: there is none, so exports will fail" in capsys.readouterr().out
    monkeypatch.setenv("SQL_CONNECTION_STRING", "Driver=x;Pwd=hidden")
    assert deploying("--from", "secrets", "--until", "secrets") == 0
    assert deploying.cloud.secrets["sql-connection-string"] == "Driver=x;Pwd=hidden"
    assert "hidden" not in capsys.readouterr().out


def test_a_provider_is_registered_where_it_is_not(deploying: Deploying) -> None:
    deploying.cloud.providers["Microsoft.EventGrid"] = "NotRegistered"
    assert deploying("--until", "providers") == 0
    assert [str(one).rsplit("/", 2)[1] for one in deploying.cloud.made("POST .*/register")] == ["Microsoft.EventGrid"]


def test_nobody_to_alert_is_refused_before_anything_is_made(
    deploying: Deploying, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALERT_EMAIL")
    assert deploying() == 1
    said = capsys.readouterr().err
    assert "ALERT_EMAIL: expected the address that hears of alerts and of the budget, got nothing" in said
    assert "ALERT_EMAIL=... make deploy" in said
    assert deploying.cloud.requests == []


def test_without_az_the_line_that_installs_it_is_told(
    deploying: Deploying, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert deploying() == 1
    assert "pip install azure-cli" in capsys.readouterr().err


def test_parameters_that_are_not_there_are_named(deploying: Deploying, capsys: pytest.CaptureFixture[str]) -> None:
    assert deploying("--parameters", "infra/parameters/medium.bicepparam") == 1
    assert "expected a file like infra/parameters/small.bicepparam, got infra/parameters/medium.bicepparam" in (
        capsys.readouterr().err
    )


def test_a_package_that_is_not_built_is_named(deploying: Deploying, capsys: pytest.CaptureFixture[str]) -> None:
    deploying.done_until("packages")
    (deploying.packages / "pipeline.zip").unlink()
    assert deploying() == 1
    assert "got no such file; make package builds it" in capsys.readouterr().err


def test_a_state_that_is_half_written_is_no_state(deploying: Deploying) -> None:
    deploying.done_until("group")
    file: Path = deploying._state_file
    file.write_text(file.read_text()[:20])
    assert deploying("--until", "providers") == 0
    assert deploying.cloud.made("GET .*/providers$") != []


def test_a_command_that_takes_long_says_that_it_is_at_work(
    deploying: Deploying, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(azure, "HEARTBEAT_SECONDS", 0.1)
    deploying.done_until("group")
    assert deploying("--until", "group") == 0
    assert "az group create: at work for 0 s" in capsys.readouterr().out
