"""What every deployment must be, asked of the deployment as the compiler evaluates it."""

import pytest

from infra.snapshots import SIZES, deployed
from tests.infra.policies.all import OF_EVERYTHING
from tests.infra.policies.expecting import Policy


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("policy", OF_EVERYTHING, ids=lambda policy: policy.__name__)
def test_a_deployment_keeps_to(policy: Policy, size: str) -> None:
    assert list(policy(deployed(size))) == []


def test_small_costs_nothing_while_nobody_asks() -> None:
    """No plan, gateway, endpoint or workspace that is paid for by the hour."""
    by_the_hour = (
        "Network/natGateways",
        "Network/privateEndpoints",
        "Cdn/profiles",
        "Databricks/workspaces",
        "Sql/servers",
    )
    small = deployed("small")
    assert [kind for kind in by_the_hour if small.of(kind)] == []
    ready = [
        site["properties"]["functionAppConfig"]["scaleAndConcurrency"]["alwaysReady"] for site in small.of("Web/sites")
    ]
    assert ready == [[], []]


def test_the_subscription_deploys_what_small_does() -> None:
    def kinds(size: str) -> list[str]:
        return sorted(one["type"] for one in deployed(size).resources)

    assert kinds("subscription") == sorted([*kinds("small"), "Microsoft.Resources/resourceGroups"])
