"""What can be reached from where."""

from __future__ import annotations

from infra.snapshots import Deployed, Resource, at
from tests.infra.policies.apps import app
from tests.infra.policies.expecting import Faults, differing, other_than

PARTS = {"blob", "queue", "table"}


def only_the_edge_is_open(deployed: Deployed) -> Faults:
    """With a network of its own: scoring by our Front Door, the pipeline by Event Grid, all else by nobody."""
    if not deployed.private:
        return
    callers = {"scoring": ("AzureFrontDoor.Backend", ["x-azure-fdid"]), "pipeline": ("AzureEventGrid", [])}
    for which, (tag, headers) in callers.items():
        site = app(deployed, which)
        config = at(site, "properties.siteConfig")
        yield from differing(
            site,
            {
                "properties.siteConfig.ipSecurityRestrictionsDefaultAction": "Deny",
                "properties.siteConfig.scmIpSecurityRestrictionsUseMain": False,
                "properties.siteConfig.scmIpSecurityRestrictionsDefaultAction": "Deny",
                "properties.siteConfig.scmIpSecurityRestrictions": [],
            },
        )
        found = [
            (rule["action"], rule["tag"], rule["ipAddress"], list(rule["headers"]))
            for rule in config["ipSecurityRestrictions"]
        ]
        yield from other_than(f"{which}: callers", found, [("Allow", "ServiceTag", tag, headers)])
        if f"{which}SubnetId" not in str(at(site, "properties.virtualNetworkSubnetId")):
            yield f"{which}: sends from no subnet of its own"
    for kind in ("Storage/storageAccounts", "KeyVault/vaults", "Sql/servers", "Databricks/workspaces"):
        for resource in deployed.of(kind):
            yield from differing(resource, {"properties.publicNetworkAccess": "Disabled"})


def the_network_lets_nobody_in(deployed: Deployed) -> Faults:
    """No rule of our own, no outbound by default, the delegation that each subnet's tenant asks for."""
    for group in deployed.of("Network/networkSecurityGroups"):
        yield from other_than("network rules", at(group, "properties.securityRules") or [], [])
    for network in deployed.of("Network/virtualNetworks"):
        for subnet in at(network, "properties.subnets"):
            name, properties = subnet["name"], subnet["properties"]
            yield from other_than(f"{name}: outbound", properties["defaultOutboundAccess"], expected=False)
            yield from other_than(f"{name}: guarded", "networkSecurityGroup" in properties, expected=True)
            delegations = [one["properties"]["serviceName"] for one in properties["delegations"]]
            yield from other_than(f"{name}: delegations", delegations, DELEGATIONS[name])


def everything_closed_has_a_private_address(deployed: Deployed) -> Faults:
    """An endpoint for each part that is used, with its zone, and the zone linked to the network."""
    if not deployed.private:
        return
    wanted = {(account["name"], part) for account in deployed.of("Storage/storageAccounts") for part in PARTS}
    wanted -= {(name, "table") for name, _ in wanted if name.startswith("stdata")}
    for kind, part in (("KeyVault/vaults", "vault"), ("Sql/servers", "sqlServer")):
        wanted |= {(one["name"], part) for one in deployed.of(kind)}
    wanted |= {(one["name"], "databricks_ui_api") for one in deployed.of("Databricks/workspaces")}
    found = {_target(endpoint) for endpoint in deployed.of("Network/privateEndpoints")}
    yield from other_than("private endpoints", found, wanted)
    zones = {str(one["name"]) for one in deployed.of("Network/privateDnsZones")}
    linked = len(deployed.of("Network/privateDnsZones/virtualNetworkLinks"))
    yield from other_than("zones that are linked", linked, len({part for _, part in wanted}))
    yield from other_than("zones", len(zones), len({part for _, part in wanted}))
    groups = len(deployed.of("Network/privateEndpoints/privateDnsZoneGroups"))
    yield from other_than("endpoints with a zone", groups, len(found))


def the_edge_is_https_and_guarded(deployed: Deployed) -> Faults:
    """Front Door to the API alone, its firewall refusing and not only watching."""
    for route in deployed.of("Cdn/profiles/afdEndpoints/routes"):
        yield from differing(
            route,
            {
                "properties.supportedProtocols": ["Https"],
                "properties.forwardingProtocol": "HttpsOnly",
                "properties.patternsToMatch": ["/api/*"],
                "properties.enabledState": "Enabled",
            },
        )
    for origin in deployed.of("Cdn/profiles/originGroups/origins"):
        yield from differing(origin, {"properties.enforceCertificateNameCheck": True, "properties.httpsPort": 443})
    for firewall in deployed.of("Network/FrontDoorWebApplicationFirewallPolicies"):
        yield from differing(
            firewall,
            {
                "properties.policySettings.enabledState": "Enabled",
                "properties.policySettings.mode": "Prevention",
                "sku.name": "Standard_AzureFrontDoor",
            },
        )
        actions = [rule["action"] for rule in at(firewall, "properties.customRules.rules")]
        yield from other_than("firewall actions", actions, ["Block"])
    endpoints = {one["id"] for one in deployed.of("Cdn/profiles/afdEndpoints")}
    guarded = set()
    for policy in deployed.of("Cdn/profiles/securityPolicies"):
        for association in at(policy, "properties.parameters.associations"):
            if association["patternsToMatch"] == ["/*"]:
                guarded |= {domain["id"] for domain in association["domains"]}
    yield from other_than("endpoints behind the firewall", guarded, endpoints)


def large_is_in_three_zones(deployed: Deployed) -> Faults:
    """What answers, what it reads, and the database."""
    if deployed.size != "large":
        return
    for resource in (deployed.named("Web/serverfarms", "plan-cauce-scoring"), *deployed.of("Sql/servers/databases")):
        yield from differing(resource, {"properties.zoneRedundant": True})
    for account in deployed.of("Storage/storageAccounts"):
        yield from differing(account, {"sku.name": "Standard_ZRS"})


DELEGATIONS = {
    "scoring": ["Microsoft.App/environments"],
    "pipeline": ["Microsoft.App/environments"],
    "endpoints": [],
    "databricks-host": ["Microsoft.Databricks/workspaces"],
    "databricks-container": ["Microsoft.Databricks/workspaces"],
}


def _target(endpoint: Resource) -> tuple[str, str]:
    (connection,) = at(endpoint, "properties.privateLinkServiceConnections")
    (part,) = connection["properties"]["groupIds"]
    return connection["properties"]["privateLinkServiceId"].rsplit("/", 1)[1], part
