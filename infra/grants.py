"""Who may do what on which: the role assignments of a deployment, by names that people use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.snapshots import Deployed, Resource

type Grant = tuple[str, str, str]
"""Who, the role, and on what: an account, a container of it, the vault, the telemetry."""

ROLES = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
}
HOLDERS = {
    "scoringIdentity": "scoring",
    "pipelineIdentity": "pipeline",
    "EventGrid/systemTopics": "topic",
    "Databricks/accessConnectors": "databricks",
    "00000000-0000-0000-0000-000000000001": "operators",
}


def granted(deployed: Deployed) -> list[Grant]:
    """Those of a deployment; names without what makes them unique in the world."""
    return [row_of(one) for one in deployed.of("Authorization/roleAssignments")]


def row_of(assignment: Resource) -> Grant:
    """One role assignment."""
    properties = assignment["properties"]
    role = ROLES.get(properties["roleDefinitionId"].rsplit("/", 1)[1], properties["roleDefinitionId"])
    holder = next((name for part, name in HOLDERS.items() if part in properties["principalId"]), "somebody")
    scope = assignment["id"].partition("/providers/Microsoft.Authorization/")[0].rpartition("/providers/")[2]
    names = scope.split("/")
    what = names[2] if len(names) > 2 else "the group"
    place = next((name for name in ("stdata", "stscore", "stpipe", "kv-", "appi-") if what.startswith(name)), what)
    return holder, role, f"{place}/{names[-1]}" if "containers" in names else place
