"""Who may do what on which, and that nothing is known that opens a door."""

from __future__ import annotations

import re
from collections import Counter

from infra.grants import granted, row_of
from infra.snapshots import Deployed, values
from tests.infra.policies.expecting import Faults, differing, other_than

GRANTED = {
    ("scoring", "Storage Blob Data Owner", "stscore"),
    ("scoring", "Storage Queue Data Contributor", "stscore"),
    ("scoring", "Storage Table Data Contributor", "stscore"),
    ("scoring", "Storage Blob Data Reader", "stdata/models"),
    ("scoring", "Storage Blob Data Contributor", "stdata/predictions"),
    ("scoring", "Key Vault Secrets User", "kv-"),
    ("scoring", "Monitoring Metrics Publisher", "appi-"),
    ("pipeline", "Storage Blob Data Owner", "stpipe"),
    ("pipeline", "Storage Queue Data Contributor", "stpipe"),
    ("pipeline", "Storage Table Data Contributor", "stpipe"),
    ("pipeline", "Storage Blob Data Owner", "stdata"),
    ("pipeline", "Storage Queue Data Contributor", "stdata"),
    ("pipeline", "Key Vault Secrets User", "kv-"),
    ("pipeline", "Monitoring Metrics Publisher", "appi-"),
    ("topic", "Storage Blob Data Contributor", "stdata/deadletter"),
}
OPERATED = {
    ("operators", "Storage Blob Data Contributor", "stdata/drops"),
    ("operators", "Storage Blob Data Contributor", "stdata/models"),
    ("operators", "Storage Blob Data Reader", "stdata/deadletter"),
    ("operators", "Storage Blob Data Reader", "stdata/predictions"),
    ("operators", "Storage Blob Data Reader", "stdata/quarantine"),
    ("operators", "Storage Blob Data Reader", "stdata/results"),
    ("operators", "Storage Blob Data Reader", "stdata/runs"),
}
SECRETIVE = re.compile(r"listKeys|listSecrets|AccountKey=|SharedAccessSignature|[?&]sig=|Pwd=|Password=", re.IGNORECASE)


def roles_are_those_of_the_table(deployed: Deployed) -> Faults:
    """Each assignment, once, and no other; of a service, so that a new identity is not refused."""
    expected = set(GRANTED)
    if deployed.of("Databricks/workspaces"):
        expected.add(("databricks", "Storage Blob Data Reader", "stdata/exports"))
    if deployed.size == "large":
        expected |= OPERATED
    found = Counter(granted(deployed))
    yield from other_than("role assignments", set(found), expected)
    yield from (f"role assignments: {row} is there {count} times" for row, count in found.items() if count > 1)
    for assignment in deployed.of("Authorization/roleAssignments"):
        kind = "Group" if row_of(assignment)[0] == "operators" else "ServicePrincipal"
        yield from differing(assignment, {"properties.principalType": kind})


def nothing_is_known_that_opens_a_door(deployed: Deployed) -> Faults:
    """No key, password or signature in a property or an output; secrets by reference to the vault alone."""
    for resource in (*deployed.resources, {"name": "outputs", **deployed.outputs}):
        for path, value in values(resource):
            if isinstance(value, str) and SECRETIVE.search(value):
                yield f"{resource['name']}: {path}: looks like a secret: {value[:60]!r}"
    for config in deployed.of("Web/sites/config"):
        key = config["properties"].get("PII_HASH_KEY", "")
        if "@Microsoft.KeyVault(SecretUri=" not in key:
            yield f"{config['name']}: PII_HASH_KEY: expected a reference to the vault, got {key!r}"


def names_are_known_before_anything_is_there(deployed: Deployed) -> Faults:
    """What-if, and a second deployment, can tell what is meant."""
    for resource in deployed.resources:
        for key in ("name", "id"):
            if "reference(" in resource[key] or "utcNow" in resource[key]:
                yield f"{resource['type']}: {key}: is only known once something is there: {resource[key]!r}"


def everything_is_tagged(deployed: Deployed) -> Faults:
    """All that has a place, so that what it costs can be told apart."""
    for resource in deployed.resources:
        if "location" in resource and resource["type"] != "Microsoft.Resources/resourceGroups":
            yield from differing(resource, {"tags": {"application": "cauce"}})
