"""What keeps data: storage, the vault, the database."""

from __future__ import annotations

from infra.snapshots import Deployed, Resource, at
from tests.infra.policies.expecting import Faults, differing, other_than

DATA = "stdata"
CONTAINERS = {"drops", "exports", "models", "predictions", "quarantine", "results", "runs", "deadletter"}
FORGOTTEN = {"predictions": 400, "results": 400, "quarantine": 90, "deadletter": 90}


def storage_is_closed_to_keys_and_strangers(deployed: Deployed) -> Faults:
    """No shared key, no anonymous read, TLS 1.2, encrypted twice."""
    for account in deployed.of("Storage/storageAccounts"):
        yield from differing(
            account,
            {
                "kind": "StorageV2",
                "properties.allowSharedKeyAccess": False,
                "properties.allowBlobPublicAccess": False,
                "properties.allowCrossTenantReplication": False,
                "properties.defaultToOAuthAuthentication": True,
                "properties.minimumTlsVersion": "TLS1_2",
                "properties.supportsHttpsTrafficOnly": True,
                "properties.encryption.requireInfrastructureEncryption": True,
                "properties.encryption.services.queue.keyType": "Account",
                "properties.networkAcls.bypass": "AzureServices",
                "properties.networkAcls.defaultAction": "Deny" if deployed.private else "Allow",
                "properties.publicNetworkAccess": "Disabled" if deployed.private else "Enabled",
                "properties.networkAcls.ipRules": [],
            },
        )
    for container in deployed.of("Storage/storageAccounts/blobServices/containers"):
        yield from differing(container, {"properties.publicAccess": "None"})


def storage_is_in_as_many_zones_as_the_apps(deployed: Deployed) -> Faults:
    """Locally redundant, or over zones where what answers is."""
    zones = at(deployed.named("Web/serverfarms", "plan-cauce-scoring"), "properties.zoneRedundant")
    for account in deployed.of("Storage/storageAccounts"):
        yield from differing(account, {"sku.name": "Standard_ZRS" if zones else "Standard_LRS"})


def what_is_deleted_can_be_restored(deployed: Deployed) -> Faults:
    """Soft delete of blobs and containers everywhere; versions of the company's data, kept as long."""
    for service in deployed.of("Storage/storageAccounts/blobServices"):
        days = at(service, "properties.deleteRetentionPolicy.days")
        if not isinstance(days, int) or days < 7:
            yield f"{service['name']}: deleted blobs: expected to be restorable for a week, got {days}"
        precious = service["name"].startswith(DATA)
        yield from differing(
            service,
            {
                "properties.deleteRetentionPolicy.enabled": True,
                "properties.containerDeleteRetentionPolicy.enabled": True,
                "properties.containerDeleteRetentionPolicy.days": days,
                "properties.isVersioningEnabled": precious,
            },
        )
    rules = _lifecycle(deployed)
    (service,) = [one for one in deployed.of("Storage/storageAccounts/blobServices") if one["name"].startswith(DATA)]
    kept = at(rules.get("delete-what-was-overwritten", {}), "actions.version.delete.daysAfterCreationGreaterThan")
    yield from other_than("overwritten versions", kept, at(service, "properties.deleteRetentionPolicy.days"))


def containers_are_those_of_the_contract(deployed: Deployed) -> Faults:
    """Every container, and each app's own for its package."""
    found = {one["name"].split("/")[2] for one in deployed.under(CONTAINER, deployed.named(ACCOUNT, DATA))}
    yield from other_than("containers", found, CONTAINERS)
    for host in ("stscore", "stpipe"):
        found = {one["name"].split("/")[2] for one in deployed.under(CONTAINER, deployed.named(ACCOUNT, host))}
        yield from other_than(f"containers of {host}", found, {"packages"})


def blobs_are_forgotten_by_container(deployed: Deployed) -> Faults:
    """The lifecycle rule of each container, whose prefix ends in a slash; none of drops, exports, models and runs."""
    rules = {name: rule for name, rule in _lifecycle(deployed).items() if name != "delete-what-was-overwritten"}
    yield from other_than("lifecycle rules", set(rules), {f"delete-{container}" for container in FORGOTTEN})
    for container, days in FORGOTTEN.items():
        rule = rules.get(f"delete-{container}", {})
        yield from other_than(f"{container}: prefix", at(rule, "filters.prefixMatch"), [f"{container}/"])
        # The prediction log is made of append blobs.
        yield from other_than(f"{container}: blobs", at(rule, "filters.blobTypes"), ["blockBlob", "appendBlob"])
        found = at(rule, "actions.baseBlob.delete.daysAfterModificationGreaterThan")
        yield from other_than(f"{container}: days", found, days)


def what_cannot_be_made_again_is_locked(deployed: Deployed) -> Faults:
    """The data account, the vault, the database."""
    precious = [
        deployed.named(ACCOUNT, DATA),
        *deployed.of("KeyVault/vaults"),
        *deployed.of("Sql/servers/databases"),
    ]
    for resource in precious:
        levels = [at(lock, "properties.level") for lock in deployed.under("Authorization/locks", resource)]
        yield from other_than(f"locks of {resource['name']}", levels, ["CanNotDelete"])


def the_vault_knows_identities_and_forgets_nothing(deployed: Deployed) -> Faults:
    """Roles, not access policies; purge protection; as closed as the rest."""
    for vault in deployed.of("KeyVault/vaults"):
        yield from differing(
            vault,
            {
                "properties.enableRbacAuthorization": True,
                "properties.enableSoftDelete": True,
                "properties.softDeleteRetentionInDays": 90,
                "properties.enablePurgeProtection": True,
                "properties.sku.name": "standard",
                "properties.networkAcls.defaultAction": "Deny" if deployed.private else "Allow",
                "properties.publicNetworkAccess": "Disabled" if deployed.private else "Enabled",
                "properties.networkAcls.ipRules": [],
            },
        )


def the_database_knows_no_passwords(deployed: Deployed) -> Faults:
    """Entra alone, administered by a group, audited, TLS 1.2."""
    for server in deployed.of("Sql/servers"):
        yield from differing(
            server,
            {
                "properties.administrators.administratorType": "ActiveDirectory",
                "properties.administrators.principalType": "Group",
                "properties.administrators.azureADOnlyAuthentication": True,
                "properties.administratorLogin": None,
                "properties.administratorLoginPassword": None,
                "properties.minimalTlsVersion": "1.2",
                "properties.restrictOutboundNetworkAccess": "Enabled",
                "properties.publicNetworkAccess": "Disabled" if deployed.private else "Enabled",
            },
        )
        if deployed.private:
            yield from other_than("firewall rules", deployed.under("Sql/servers/firewallRules", server), [])
        audits = [at(one, "properties.state") for one in deployed.under("Sql/servers/auditingSettings", server)]
        yield from other_than("auditing", audits, ["Enabled"])
    for database in deployed.of("Sql/servers/databases"):
        yield from differing(database, {"sku.name": "GP_S_Gen5", "sku.tier": "GeneralPurpose", "sku.family": "Gen5"})


ACCOUNT = "Storage/storageAccounts"
CONTAINER = "Storage/storageAccounts/blobServices/containers"


def _lifecycle(deployed: Deployed) -> dict[str, Resource]:
    """Rule name to its definition, of the data account's rules that are enabled."""
    (policy,) = deployed.of("Storage/storageAccounts/managementPolicies")
    return {rule["name"]: rule["definition"] for rule in at(policy, "properties.policy.rules") if rule["enabled"]}
