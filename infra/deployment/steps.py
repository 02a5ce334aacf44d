"""The steps, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.deployment.azure import NotYet
from infra.deployment.deployment import APPS, INFRA
from infra.deployment.faults import AzError
from infra.deployment.publish import publish
from infra.deployment.secrets import make_secrets
from infra.deployment.trial import try_it
from infra.packaging.apps import APPS as PACKAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.deployment.deployment import Deployment

PROVIDERS = (
    "Microsoft.AlertsManagement",
    "Microsoft.App",
    "Microsoft.Cdn",
    "Microsoft.Consumption",
    "Microsoft.Databricks",
    "Microsoft.EventGrid",
    "Microsoft.Insights",
    "Microsoft.KeyVault",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
    "Microsoft.OperationalInsights",
    "Microsoft.Sql",
    "Microsoft.Storage",
    "Microsoft.Web",
)
HANDSHAKE = ("UrlValidationRequest", "WebhookValidation", "Url validation", "Destination endpoint not found")


def register_providers(deployment: Deployment) -> None:
    """A subscription offers only what it was asked for once: of a new one, that is next to nothing."""
    for provider in _unregistered(deployment):
        deployment.az("provider", "register", "--namespace", provider)

    def look() -> bool:
        waiting = _unregistered(deployment, told=False)
        if waiting:
            reason = f"{', '.join(waiting)} not registered"
            raise NotYet(reason)
        return True

    todo = "See how far they are: az provider list --output table"
    deployment.patience.until("resource providers", look, todo=todo)


def _unregistered(deployment: Deployment, *, told: bool = True) -> list[str]:
    query = "[].{name: namespace, state: registrationState}"
    listed = deployment.az("provider", "list", "--query", query, otherwise=[], told=told)
    states = {provider["name"]: provider["state"] for provider in listed}
    return [name for name in PROVIDERS if not deployment.az.dry and states.get(name) != "Registered"]


def make_group(deployment: Deployment) -> None:
    """The resource group, which may be there."""
    tags = ("--tags", "application=cauce")
    deployment.az("group", "create", "--name", deployment.group, "--location", deployment.location, *tags)


def deploy_infrastructure(deployment: Deployment) -> None:
    """main.bicep, whose outputs are what the other steps work with."""
    done = deployment.az(*infrastructure(deployment, "create"), "--name", "cauce-infrastructure")
    if done is not None:
        found = done["properties"]["outputs"] or {}
        deployment.state.outputs = {name: str(output["value"]) for name, output in found.items()}


def infrastructure(deployment: Deployment, command: str) -> tuple[str, ...]:
    """The words of ``az deployment group create`` and ``what-if``."""
    files = (
        "--template-file",
        deployment.path(INFRA / "main.bicep"),
        "--parameters",
        deployment.path(deployment.parameters),
    )
    return ("deployment", "group", command, "--resource-group", deployment.group, *files)


def publish_packages(deployment: Deployment) -> None:
    """Both apps' code."""
    for app in APPS:
        publish(deployment, app)


def await_functions(deployment: Deployment) -> None:
    """The host has read the package when it lists its functions; before that nothing can subscribe to them."""
    for app in APPS:
        expected = set(PACKAGES[app].functions)
        name = deployment.app(app)

        def look(name: str = name, expected: set[str] = expected) -> bool | None:
            words = ("functionapp", "function", "list", "--resource-group", deployment.group, "--name", name)
            listed = deployment.az(*words, otherwise=[{"name": f"{name}/{one}"} for one in expected])
            found = {function["name"].rpartition("/")[2] for function in listed}
            if expected <= found:
                return True
            missing = ", ".join(sorted(expected - found))
            reason = f"{missing} not listed"
            raise NotYet(reason)

        todo = (
            f"The package does not start: look at the log stream of {name} in the portal, and at Diagnose and solve "
            "problems there; then run make deploy again"
        )
        deployment.patience.until(f"functions of {name}", look, todo=todo)


def subscribe_to_events(deployment: Deployment) -> None:
    """events.bicep. Event Grid asks the webhook at once whether it is one; a host that just started may not say so."""
    names = [f"{name}={deployment.output(name)}" for name in ("pipelineAppName", "topicName", "dataAccountName")]
    words = ("deployment", "group", "create", "--resource-group", deployment.group, "--name", "cauce-events")
    template = ("--template-file", deployment.path(INFRA / "events.bicep"), "--parameters", *names)

    def subscribe() -> bool:
        try:
            deployment.az(*words, *template)
        except AzError as error:
            if any(word.lower() in str(error).lower() for word in HANDSHAKE):
                reason = "Event Grid does not reach the webhook of the pipeline app"
                raise NotYet(reason) from error
            raise
        return True

    todo = (
        f"Look whether {deployment.app('pipeline')} is running and lets in the service tag AzureEventGrid, then run "
        "make deploy again"
    )
    deployment.patience.until("the event subscription", subscribe, todo=todo)


STEPS: dict[str, Callable[[Deployment], None]] = {
    "providers": register_providers,
    "group": make_group,
    "infrastructure": deploy_infrastructure,
    "secrets": make_secrets,
    "packages": publish_packages,
    "functions": await_functions,
    "events": subscribe_to_events,
    "smoke": try_it,
}
