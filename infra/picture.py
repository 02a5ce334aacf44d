"""Draws docs/infrastructure.md from the snapshots: ``python -m infra.picture``, part of ``make snapshots``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from infra.grants import granted
from infra.snapshots import at, deployed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.snapshots import Deployed, Resource

PAGE = Path(__file__).resolve().parents[1] / "docs" / "infrastructure.md"
SIZES = {"small": "15 people", "large": "10,000 people"}
NODES = {
    "scoring": 'scoring(["scoring app<br/>score_http"])',
    "pipeline": 'pipeline(["pipeline app<br/>export_timer, train_blob_trigger"])',
    "stdata": 'stdata[("data account")]',
    "stscore": 'stscore[("scoring host account")]',
    "stpipe": 'stpipe[("pipeline host account")]',
    "kv-": 'vault["key vault"]',
    "appi-": 'insights["Application Insights<br/>and workspace"]',
    "topic": 'topic["Event Grid topic"]',
    "operators": 'operators{{"operators"}}',
    "databricks": 'databricks["Databricks"]',
}
IDS = {name: node.split("[")[0].split("(")[0].split("{")[0] for name, node in NODES.items()}
SHORT = {
    "Storage Blob Data Owner": "blobs: owner",
    "Storage Blob Data Contributor": "blobs: write",
    "Storage Blob Data Reader": "blobs: read",
    "Storage Queue Data Contributor": "queues",
    "Storage Table Data Contributor": "tables",
    "Key Vault Secrets User": "read secrets",
    "Monitoring Metrics Publisher": "telemetry",
}


def page() -> str:
    """The whole page."""
    parts = ["# Infrastructure\n", INTRODUCTION]
    for size, people in SIZES.items():
        parts += [f"## {size.capitalize()}: {people}\n", _picture(deployed(size)), _doors(deployed(size))]
    parts += ["## Who may do what on which\n", GRANTS, _grants(), "## What is deployed\n", _counts()]
    return "\n".join(parts)


INTRODUCTION = """\
Drawn from the [snapshots](../infra/parameters) by `make snapshots`, which evaluates the Bicep files as Azure would; a
test fails where this page is not what they come to. An arrow is a role: who holds it, and what it lets do there.
"""
GRANTS = """\
All role assignments that there are. Each app has an identity and a host account of its own: whoever could write into
the other's could run as the other. Nobody has a key of an account: keys are switched off.
"""


def _picture(of: Deployed) -> str:
    """A Mermaid flowchart of apps, accounts and roles."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for who, role, what in granted(of):
        place, _, container = what.partition("/")
        words = SHORT[role] + (f" {container}" if container else "")
        arrows.setdefault((who, place), []).append(words)
    seen = {name for ends in arrows for name in ends}
    lines = [f"  {NODES[name]}" for name in NODES if name in seen]
    lines += [
        f'  {IDS[who]} -- "{"<br/>".join(sorted(words))}" --> {IDS[place]}' for (who, place), words in arrows.items()
    ]
    lines += ["  stdata -. blob created .-> topic", '  topic -. "webhook, with a key" .-> pipeline']
    lines += _callers(of)
    return "\n".join(["```mermaid", "flowchart LR", *lines, "```", ""])


def _callers(of: Deployed) -> Iterator[str]:
    """Who calls scoring, and where the tables come from."""
    yield '  callers{{"callers"}}'
    if of.of("Cdn/profiles"):
        yield '  edge["Front Door and its firewall"]'
        yield '  callers -- "HTTPS, key" --> edge --> scoring'
    else:
        yield '  callers -- "HTTPS, key" --> scoring'
    if of.of("Sql/servers/databases"):
        yield '  sql[("Azure SQL")]'
        yield '  pipeline -- "db_datareader" --> sql'
    else:
        yield '  sql[("your database")]'
        yield '  pipeline -- "by its connection string" --> sql'


def _doors(of: Deployed) -> str:
    """What is open to the internet, resource by resource."""
    rows = ["| | reached from the internet by |", "|---|---|"]
    rows += [f"| {_app(site)} | {_allowed(site)} |" for site in of.of("Web/sites")]
    closed = {"Disabled": "nobody: private endpoints alone", "Enabled": "whoever holds a role on it"}
    for kind in ("Storage/storageAccounts", "KeyVault/vaults", "Sql/servers", "Databricks/workspaces"):
        names = sorted(one["name"].rpartition("-")[0] or one["name"][: -len(_token(of))] for one in of.of(kind))
        doors = {closed[str(at(one, "properties.publicNetworkAccess"))] for one in of.of(kind)}
        if names:
            rows.append(f"| {', '.join(names)} ({kind.partition('/')[2]}) | {', '.join(doors)} |")
    return "\n".join([*rows, ""])


def _allowed(site: Resource) -> str:
    if at(site, "properties.siteConfig.ipSecurityRestrictionsDefaultAction") == "Allow":
        return "whoever has a function key; its deployment door, by whoever may deploy"
    rules = at(site, "properties.siteConfig.ipSecurityRestrictions")
    named = [f"`{rule['ipAddress']}`{' of this profile' if rule['headers'] else ''}" for rule in rules]
    return f"{', '.join(named)} alone, with a key; its deployment door, by nobody but `deployFrom`"


def _app(site: Resource) -> str:
    return f"{site['name'].split('-')[1]} app"


def _token(of: Deployed) -> str:
    """What makes names unique."""
    (topic,) = of.of("EventGrid/systemTopics")
    return str(topic["name"]).rpartition("-")[2]


def _grants() -> str:
    rows = ["| who | role | on |", "|---|---|---|"]
    named = {"kv-": "the key vault", "appi-": "Application Insights"}
    small, large = (set(granted(deployed(size))) for size in SIZES)
    for who, role, what in sorted(large | small):
        only = "" if (who, role, what) in small else " (where there is one)"
        rows.append(f"| {who}{only} | {role} | {named.get(what, f'`{what}`')} |")
    return "\n".join([*rows, ""])


def _counts() -> str:
    """How many of each type, of either size."""
    small, large = (
        Counter(one["type"].removeprefix("Microsoft.") for one in deployed(size).resources) for size in SIZES
    )
    rows = ["| type | small | large |", "|---|--:|--:|"]
    rows += [f"| {kind} | {small[kind] or ''} | {large[kind] or ''} |" for kind in sorted(large | small)]
    return "\n".join([*rows, f"| all | {small.total()} | {large.total()} |", ""])


if __name__ == "__main__":
    PAGE.write_text(page())
