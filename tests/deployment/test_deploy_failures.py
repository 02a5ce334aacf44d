"""What a person reads when a step fails, and how the next ``make deploy`` goes on."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from infra.deployment.steps import STEPS
from tests.deployment.cloud import Answer, refusal
from tests.deployment.world import Deploying
from tests.infra.compiler import needs_compiler

pytestmark = [needs_compiler, pytest.mark.xdist_group("deployment")]

NOT_ALLOWED = refusal(403, "AuthorizationFailed", "The client 'ci' does not have authorization to perform the action.")
ACTIVE = refusal(409, "DeploymentActive", "Unable to edit or replace deployment: previous deployment is still active.")
HANDSHAKE = {
    "code": "DeploymentFailed",
    "message": "At least one resource deployment operation failed.",
    "details": [
        {"code": "Url validation", "message": "Webhook validation handshake failed: Destination endpoint not found"}
    ],
}
TAKEN = {
    "code": "DeploymentFailed",
    "message": "At least one resource deployment operation failed.",
    "details": [
        {
            "code": "Conflict",
            "message": '{"error": {"code": "StorageAccountAlreadyTaken", "message": "stdata is already taken."}}',
        }
    ],
}
NOT_WRITABLE = Answer(400, {"Message": "BlobUploadFailedException: This request is not authorized (403)"})


@dataclass(frozen=True)
class Failure:
    """A step that fails for good, and what is said of it."""

    step: str
    said: tuple[str, ...]
    faults: tuple[tuple[str, Answer], ...] = ()
    cloud: dict[str, Any] = field(default_factory=dict)
    outcome: str = "promoted"

    def __str__(self) -> str:
        return f"{self.step}: {self.said[0][:40]}"


FAILURES = [
    Failure(
        "providers",
        ("AuthorizationFailed: The client 'ci'", "Contributor and Role Based Access Control Administrator"),
        (("POST .*/register", NOT_ALLOWED),),
        {"providers": {}},
    ),
    Failure(
        "group", ("AuthorizationFailed", "docs/deploy.md, Roles"), (("PUT .*/resourcegroups/rg-cauce$", NOT_ALLOWED),)
    ),
    Failure("infrastructure", ("AuthorizationFailed", "what to do:"), (("PUT .*/deployments/", NOT_ALLOWED),)),
    Failure(
        "infrastructure",
        ("DeploymentActive: Unable to edit", "another deployment into this group is running"),
        (("PUT .*/deployments/", ACTIVE),),
    ),
    Failure(
        "infrastructure",
        ("StorageAccountAlreadyTaken: stdata is already taken.",),
        cloud={"failing": {"cauce-infrastructure": TAKEN}},
    ),
    Failure(
        "infrastructure",
        ("RequestDisallowedByPolicy", "a policy of your company forbids it"),
        (("POST .*/validate", refusal(403, "RequestDisallowedByPolicy", "Resource was disallowed by policy.")),),
    ),
    Failure(
        "secrets",
        ("ExpiredAuthenticationToken", "az login, then run make deploy again"),
        (("GET .*/secrets/", refusal(401, "ExpiredAuthenticationToken", "The access token expiry has passed.")),) * 2,
    ),
    Failure(
        "packages",
        ("the package of cauce-scoring failed: no host.json", "Deployment Center of cauce-scoring"),
        cloud={"statuses": [{"status": 1}, {"status": 3, "status_text": "no host.json"}]},
    ),
    Failure(
        "packages",
        ("was superseded by another one",),
        cloud={"statuses": [{"status": 5}]},
    ),
    Failure("packages", ("refused the package with HTTP 413",), (("POST /api/publish", Answer(413, "too large")),)),
    Failure(
        "functions",
        ("functions of cauce-pipeline: nothing within 5 s; the last word was: export_timer not listed", "log stream"),
        cloud={"functions": {"cauce-scoring": ["score_http"], "cauce-pipeline": ["train_blob_trigger"]}},
    ),
    Failure(
        "events",
        ("the last word was: Event Grid does not reach the webhook", "lets in the service tag AzureEventGrid"),
        cloud={"failing": {"cauce-events": HANDSHAKE}},
    ),
    Failure("smoke", ("the smoke test's training ended 'refused': ['because']",), outcome="refused"),
]


LATER_OF_A_STEP = [one for place, one in enumerate(FAILURES) if one.step in {other.step for other in FAILURES[:place]}]
"""However a step failed, the next run goes on with it: that is looked at once for each."""


@pytest.mark.parametrize("failure", FAILURES, ids=str)
def test_a_failure_is_told_and_the_next_run_goes_on_there(
    failure: Failure, deploying: Deploying, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud = deploying.cloud
    deploying.done_until(failure.step)
    right = {name: getattr(cloud, name) for name in failure.cloud}
    for name, value in failure.cloud.items():
        setattr(cloud, name, value)
    cloud.faults = list(failure.faults)
    deploying.outcome = failure.outcome
    capsys.readouterr()

    assert deploying() == 1
    said = capsys.readouterr()
    assert "Deployment stopped. " in said.err
    assert [words for words in failure.said if words not in said.err] == []
    assert "Traceback" not in said.err

    for name, value in right.items():
        setattr(cloud, name, value)
    cloud.faults, deploying.outcome = [], "promoted"
    if failure in LATER_OF_A_STEP:
        return
    before = list(STEPS)[: list(STEPS).index(failure.step)]
    assert deploying.state["done"] == before
    assert deploying("--until", failure.step) == 0
    printed = capsys.readouterr().out
    assert [step for step in before if f"{step}: done before" not in printed] == []
    assert f"] {failure.step}\n" in printed


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(409, {"error": "in progress"}), "another deployment of the app is running"),
        (Answer(403), "it refuses this address or this login (403)"),
        (NOT_WRITABLE, "its role is spreading"),
        (Answer(502), "it is not ready (HTTP 502)"),
    ],
)
def test_a_package_is_sent_again_where_that_helps(
    answer: Answer, why: str, deploying: Deploying, capsys: pytest.CaptureFixture[str]
) -> None:
    deploying.done_until("packages")
    deploying.cloud.faults = [("POST /api/publish", answer)] * 2
    assert deploying("--until", "packages") == 0
    assert why in capsys.readouterr().out
    assert len(deploying.cloud.made("POST /api/publish")) == 4


def test_the_webhook_is_asked_for_again_while_the_host_starts(
    deploying: Deploying, capsys: pytest.CaptureFixture[str]
) -> None:
    deploying.done_until("events")
    answer = refusal(400, "InvalidRequest", "Webhook validation handshake failed: Url validation")
    deploying.cloud.faults = [("PUT .*/deployments/cauce-events", answer)]
    assert deploying("--until", "events") == 0
    assert "Event Grid does not reach the webhook" in capsys.readouterr().out


def test_an_edge_that_does_not_know_the_app_yet_is_asked_again(
    deploying: Deploying, capsys: pytest.CaptureFixture[str]
) -> None:
    deploying.done_until("smoke")
    deploying.cloud.faults = [("POST /api/models/smoke/score", Answer(404, "no route"))]
    assert deploying() == 0
    assert 'HTTP 404: "no route"' in capsys.readouterr().out


def test_another_size_starts_from_the_beginning(deploying: Deploying) -> None:
    deploying.done_until("smoke")
    assert deploying("--location", "northeurope", "--until", "group") == 0
    assert len(deploying.cloud.made("PUT .*/resourcegroups/rg-cauce$")) == 1


def test_a_version_that_is_no_better_than_the_first_does_not_fail_a_second_smoke_test(deploying: Deploying) -> None:
    deploying.done_until("smoke")
    deploying.outcome = "kept"
    assert deploying() == 0
