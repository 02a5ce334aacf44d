"""What is noticed: logs, alerts, money."""

from __future__ import annotations

from infra.snapshots import Deployed, at
from tests.infra.policies.apps import FUNCTIONS
from tests.infra.policies.expecting import Faults, differing, other_than

BY_LOG = {
    "export-failed",
    "export-missing",
    "training-failed",
    "drop-poisoned",
    "drop-refused",
    "drift",
    "scoring-errors",
    "scoring-slow",
}
BY_METRIC = {"events-dead-lettered": "DeadLetteredCount", "events-dropped": "DroppedEventCount"}
TABLES = {"AppRequests", "AppTraces", "StorageQueueLogs"}
WATCHED = (
    "Storage/storageAccounts/blobServices",
    "KeyVault/vaults",
    "EventGrid/systemTopics",
    "Web/sites",
    "Sql/servers/databases",
    "Cdn/profiles",
    "Databricks/workspaces",
)


def telemetry_takes_identities_alone(deployed: Deployed) -> Faults:
    """Workspace and Application Insights refuse keys."""
    for workspace in deployed.of("OperationalInsights/workspaces"):
        yield from differing(
            workspace, {"properties.sku.name": "PerGB2018", "properties.features.disableLocalAuth": True}
        )
    (workspace,) = deployed.of("OperationalInsights/workspaces")
    for component in deployed.of("Insights/components"):
        yield from differing(
            component,
            {
                "properties.DisableLocalAuth": True,
                "properties.IngestionMode": "LogAnalytics",
                "properties.Application_Type": "web",
                "properties.WorkspaceResourceId": workspace["id"],
            },
        )


def everything_that_can_tell_is_heard(deployed: Deployed) -> Faults:
    """A diagnostic setting on each, to the workspace."""
    settings = deployed.of("Insights/diagnosticSettings")
    heard = {one["id"].partition("/providers/Microsoft.Insights/")[0] for one in settings}
    for kind in WATCHED:
        for resource in deployed.of(kind):
            if resource["id"] not in heard:
                yield f"{resource['type']} {resource['name']}: has no diagnostic setting"
    for setting in settings:
        if "workspaceId" not in str(at(setting, "properties.workspaceId")):
            yield f"{setting['id']}: goes to no workspace"
        if not any(log["enabled"] for log in at(setting, "properties.logs") or []):
            yield f"{setting['id']}: has no log that is enabled"


def reads_and_writes_of_the_data_are_logged(deployed: Deployed) -> Faults:
    """Who read which blob; and which message was put aside."""
    data = deployed.named("Storage/storageAccounts", "stdata")["id"]
    wanted = {
        f"{data}/blobServices/default": {"StorageRead", "StorageWrite", "StorageDelete"},
        f"{data}/queueServices/default": {"StorageWrite"},
    }
    for setting in deployed.of("Insights/diagnosticSettings"):
        place = setting["id"].partition("/providers/Microsoft.Insights/")[0]
        if place in wanted:
            found = {log["category"] for log in at(setting, "properties.logs") if log["enabled"]}
            yield from other_than(f"logs of {place}", found, wanted.pop(place))
    yield from (f"{place}: is not logged" for place in wanted)


def alerts_are_all_there_and_wake_somebody(deployed: Deployed) -> Faults:
    """Each by its name, on, and with the action group that has an address."""
    (people,) = deployed.of("Insights/actionGroups")
    yield from differing(people, {"properties.enabled": True})
    if not at(people, "properties.emailReceivers"):
        yield "the action group reaches nobody"
    rules = deployed.of("Insights/scheduledQueryRules")
    yield from other_than("alerts by log", {at(rule, "properties.displayName") for rule in rules}, BY_LOG)
    for rule in rules:
        yield from differing(
            rule,
            {
                "kind": "LogAlert",
                "properties.enabled": True,
                "properties.autoMitigate": True,
                "properties.skipQueryValidation": True,
                "properties.actions.actionGroups": [people["id"]],
            },
        )
    (topic,) = deployed.of("EventGrid/systemTopics")
    metrics = {}
    for alert in deployed.of("Insights/metricAlerts"):
        (criterion,) = at(alert, "properties.criteria.allOf")
        metrics[alert["name"].rpartition("-")[0]] = criterion["metricName"]
        yield from differing(
            alert, {"properties.enabled": True, "properties.actions": [{"actionGroupId": people["id"]}]}
        )
        yield from other_than(alert["name"], criterion["metricNamespace"], topic["type"])
        yield from other_than(alert["name"], (criterion["operator"], criterion["threshold"]), ("GreaterThan", 0))
    yield from other_than("alerts by metric", metrics, BY_METRIC)


def alerts_ask_of_what_there_is(deployed: Deployed) -> Faults:
    """Each names a table of the workspace and a function that exists, and covers the time since it last asked."""
    names = {name for functions in FUNCTIONS.values() for name in functions}
    for rule in deployed.of("Insights/scheduledQueryRules"):
        (criterion,) = at(rule, "properties.criteria.allOf")
        query = criterion["query"]
        if query.split()[0] not in TABLES:
            yield f"{rule['name']}: asks of {query.split()[0]!r}, which is no table of ours"
        for word in query.split('where Name == "')[1:]:
            if word.split('"')[0] not in names:
                yield f"{rule['name']}: asks of {word.split('"')[0]!r}, which is no function"
        if _minutes(at(rule, "properties.evaluationFrequency")) > _minutes(at(rule, "properties.windowSize")):
            yield f"{rule['name']}: looks less far back than it is asked often"
    for rule in deployed.of("Insights/scheduledQueryRules"):
        if at(rule, "properties.displayName") == "export-missing":
            # The query looks 26 hours back, further than its window: without this only an hour would be seen.
            yield from differing(rule, {"properties.overrideQueryTimeRange": "P2D"})


def money_is_watched(deployed: Deployed) -> Faults:
    """A monthly budget that tells of what was spent and of what will be."""
    (budget,) = deployed.of("Consumption/budgets")
    yield from differing(budget, {"properties.category": "Cost", "properties.timeGrain": "Monthly"})
    told = at(budget, "properties.notifications")
    yield from other_than("budget", {(one["thresholdType"], one["enabled"]) for one in told.values()}, BOTH)
    yield from (f"budget: {name}: is told to nobody" for name, one in told.items() if not one["contactEmails"])


BOTH = {("Actual", True), ("Forecasted", True)}


def _minutes(span: str) -> int:
    return int(span[2:-1]) * (60 if span.endswith("H") else 1)
