"""The two function apps."""

from __future__ import annotations

from infra.snapshots import Deployed, Resource, at
from tests.infra.policies.expecting import Faults, differing, other_than

FUNCTIONS = {"scoring": {"score_http"}, "pipeline": {"export_timer", "train_blob_trigger"}}
HOSTS = {"scoring": "stscore", "pipeline": "stpipe"}
FORBIDDEN = ("FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION", "WEBSITE_", "AzureWebJobsStorage__accountName")


def app(deployed: Deployed, which: str) -> Resource:
    """The scoring or the pipeline app."""
    return deployed.named("Web/sites", f"cauce-{which}")


def settings(deployed: Deployed, which: str) -> dict[str, str]:
    """The app settings of one of them."""
    (config,) = deployed.under("Web/sites/config", app(deployed, which))
    return dict(config["properties"])


def plans_are_flex_consumption(deployed: Deployed) -> Faults:
    """One plan for each app: Flex Consumption holds no two."""
    plans = deployed.of("Web/serverfarms")
    for plan in plans:
        yield from differing(
            plan,
            {
                "kind": "functionapp",
                "sku": {"name": "FC1", "tier": "FlexConsumption"},
                "properties.reserved": True,
            },
        )
    used = sorted(str(at(site, "properties.serverFarmId")) for site in deployed.of("Web/sites"))
    yield from other_than("plans", used, sorted(plan["id"] for plan in plans))


def apps_run_python_and_speak_https_alone(deployed: Deployed) -> Faults:
    """TLS 1.2, no FTP, no debugging, the runtime that the packages are built for."""
    for site in deployed.of("Web/sites"):
        yield from differing(
            site,
            {
                "kind": "functionapp,linux",
                "properties.httpsOnly": True,
                "properties.siteConfig.minTlsVersion": "1.2",
                "properties.siteConfig.scmMinTlsVersion": "1.2",
                "properties.siteConfig.ftpsState": "Disabled",
                "properties.siteConfig.http20Enabled": True,
                "properties.siteConfig.remoteDebuggingEnabled": False,
                "properties.functionAppConfig.runtime": {"name": "python", "version": "3.13"},
            },
        )


def passwords_publish_nothing(deployed: Deployed) -> Faults:
    """Basic authentication is off for both doors of both apps."""
    for site in deployed.of("Web/sites"):
        policies = deployed.under("Web/sites/basicPublishingCredentialsPolicies", site)
        yield from other_than(f"{site['name']}: doors", {one["name"].split("/")[1] for one in policies}, {"ftp", "scm"})
        for policy in policies:
            yield from differing(policy, {"properties.allow": False})


def apps_work_as_an_identity_of_their_own(deployed: Deployed) -> Faults:
    """Storage of the host, package, data, vault and telemetry, each by the app's own identity."""
    for which, host in HOSTS.items():
        site = app(deployed, which)
        yield from differing(
            site,
            {
                "identity.type": "UserAssigned",
                "properties.functionAppConfig.deployment.storage.type": "blobContainer",
                "properties.functionAppConfig.deployment.storage.authentication.type": "UserAssignedIdentity",
            },
        )
        own = {
            "identity": str(at(site, "identity.userAssignedIdentities")),
            "vault": str(at(site, "properties.keyVaultReferenceIdentity")),
            "package": str(at(site, f"{STORED}.authentication.userAssignedIdentityResourceId")),
        }
        found = settings(deployed, which)
        for name in ("DataStorage__clientId", "AzureWebJobsStorage__clientId", TELEMETRY):
            own[name] = found.get(name, "")
        for use, value in own.items():
            if f"'{which}Identity" not in value:
                yield f"{site['name']}: {use}: expected {which}'s identity, got {value!r}"
        for name in ("DataStorage__credential", "AzureWebJobsStorage__credential"):
            yield from other_than(f"{site['name']}: {name}", found.get(name), "managedidentity")
        if (
            not found.get(TELEMETRY, "").endswith("Authorization=AAD)]")
            and "Authorization=AAD'" not in found[TELEMETRY]
        ):
            yield f"{site['name']}: telemetry: expected Entra's authorization, got {found[TELEMETRY]!r}"
        account = deployed.named("Storage/storageAccounts", host)["name"]
        for part in ("blob", "queue", "table"):
            value = found.get(f"AzureWebJobsStorage__{part}ServiceUri", "")
            if f"{account}'" not in value or not value.endswith(f".primaryEndpoints.{part}]"):
                yield f"{site['name']}: host storage: expected {part} of {account}, got {value!r}"
        package = str(at(site, f"{STORED}.value"))
        if f"{account}'" not in package or "'packages'" not in package:
            yield f"{site['name']}: package: expected the container packages of {account}, got {package!r}"


def settings_have_names_that_flex_takes(deployed: Deployed) -> Faults:
    """No colon, and nothing that the plan sets itself."""
    for which in FUNCTIONS:
        for name in settings(deployed, which):
            if ":" in name or name.startswith(FORBIDDEN):
                yield f"{which}: {name}: is not allowed on Flex Consumption"


def each_function_runs_in_one_app(deployed: Deployed) -> Faults:
    """Those of the other app are off."""
    for which in FUNCTIONS:
        found = settings(deployed, which)
        off = {name for name in found if name.endswith(".Disabled") and found[name] == "true"}
        others = {name for app, names in FUNCTIONS.items() if app != which for name in names}
        yield from other_than(
            f"{which}: functions that are off", off, {f"AzureWebJobs.{name}.Disabled" for name in others}
        )


def apps_grow_within_bounds(deployed: Deployed) -> Faults:
    """Memory sizes and counts that the platform knows, warm instances by their group's name."""
    for site in deployed.of("Web/sites"):
        scale = at(site, "properties.functionAppConfig.scaleAndConcurrency")
        if scale["instanceMemoryMB"] not in {512, 2048, 4096}:
            yield f"{site['name']}: memory: expected 512, 2048 or 4096, got {scale['instanceMemoryMB']}"
        if not 40 <= scale["maximumInstanceCount"] <= 1000:
            yield f"{site['name']}: instances: expected 40 to 1000, got {scale['maximumInstanceCount']}"
        groups = {one["name"] for one in scale["alwaysReady"]}
        if groups - {"http"}:
            yield f"{site['name']}: warm instances: expected of the group http, got {sorted(groups)}"
    memory = at(app(deployed, "scoring"), "properties.functionAppConfig.scaleAndConcurrency.instanceMemoryMB")
    budget = int(settings(deployed, "scoring").get("SCORE_MEMORY_BYTES", 0))
    yield from other_than("scoring: SCORE_MEMORY_BYTES", budget, memory * 2**20 // 4)


STORED = "properties.functionAppConfig.deployment.storage"
TELEMETRY = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"
