"""A month's bill: what is deployed, counted in the snapshots of infra/, times what is used, times prices."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.snapshots import deployed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.snapshots import Deployed
    from local.cost.usage import Usage

HOURS = 730
SECONDS = HOURS * 3600
AWAKE_SHARE = 1 / 8
"""Of its cores, what a database that never sleeps is billed for on average."""


@dataclass(frozen=True)
class Line:
    """One line of the bill."""

    resource: str
    what: str
    dollars: float


@dataclass(frozen=True)
class Prices:
    """The table, and when it was written."""

    written: str
    prices: dict[str, float]
    free: dict[str, float]


def read_prices(changed: dict[str, float]) -> Prices:
    """prices.toml, with some replaced."""
    table = tomllib.loads((Path(__file__).parent / "prices.toml").read_text())
    return Prices(table["written"], {**table["prices"], **changed}, table["free"])


def bill(size: str, usage: Usage, table: Prices) -> Iterator[Line]:
    """The lines, those that come to nothing included."""
    resources = deployed(size)
    yield from _functions(resources, usage, table)
    yield from _storage(resources, usage, table)
    yield from _watching(resources, usage, table)
    yield from _network(resources, usage, table)
    yield from _database(resources, usage, table)
    if resources.of("Databricks/workspaces"):
        yield Line("Databricks", "a workspace without a cluster that runs", 0.0)


def _functions(resources: Deployed, usage: Usage, table: Prices) -> Iterator[Line]:
    price, free = table.prices, table.free
    sites = {site["name"].split("-")[1]: site["properties"] for site in resources.of("Web/sites")}
    scale = {which: site["functionAppConfig"]["scaleAndConcurrency"] for which, site in sites.items()}
    gb = {which: one["instanceMemoryMB"] / 1024 for which, one in scale.items()}
    ready = sum(one["instanceCount"] for one in scale["scoring"]["alwaysReady"])
    scoring, pipeline = usage.scoring_seconds * gb["scoring"], usage.pipeline_seconds * gb["pipeline"]
    if ready:
        waiting = ready * gb["scoring"] * SECONDS
        yield Line("Functions", f"{ready} instances that wait warm", waiting * price["ready_gb_second"])
        yield Line("Functions", f"scoring, {scoring:,.0f} GB-s of them", scoring * price["ready_active_gb_second"])
        scoring = 0.0
    asked = scoring + pipeline
    paid = max(0.0, asked - free["functions_gb_seconds"])
    what = f"{asked:,.0f} GB-s on demand, {free['functions_gb_seconds']:,} of them free"
    yield Line("Functions", what, paid * price["functions_gb_second"])
    paid = max(0.0, usage.requests - free["functions_executions"])
    yield Line("Functions", f"{usage.requests:,.0f} executions", paid / 1e6 * price["functions_million_executions"])


def _storage(resources: Deployed, usage: Usage, table: Prices) -> Iterator[Line]:
    price = table.prices
    (copies,) = {
        account["sku"]["name"].rpartition("_")[2].lower() for account in resources.of("Storage/storageAccounts")
    }
    yield Line("Storage", f"{usage.stored_gb:,.1f} GB", usage.stored_gb * price[f"storage_gb_month_{copies}"])
    writes = 200_000 + usage.scoring_seconds / 5
    reads = 300_000 + usage.scoring_seconds / 15
    operations = writes / 1e4 * price["storage_ten_thousand_writes"] + reads / 1e4 * price["storage_ten_thousand_reads"]
    yield Line("Storage", f"{writes + reads:,.0f} operations, most of them the platform's leases", operations)
    yield Line("Key Vault", "10,000 operations", price["vault_ten_thousand_operations"])
    paid = max(0.0, usage.drops - table.free["events"])
    yield Line("Event Grid", f"{usage.drops:,.0f} drops", paid / 1e6 * price["events_million"])


def _watching(resources: Deployed, usage: Usage, table: Prices) -> Iterator[Line]:
    price = table.prices
    (workspace,) = resources.of("OperationalInsights/workspaces")
    paid = max(0.0, usage.logs_gb - table.free["logs_gb"])
    yield Line(
        "Monitor", f"{usage.logs_gb:,.1f} GB of logs, {table.free['logs_gb']} of them free", paid * price["logs_gb"]
    )
    months = max(0.0, workspace["properties"]["retentionInDays"] - 31) / 30
    if months:
        kept = usage.logs_gb * months
        yield Line("Monitor", f"{kept:,.1f} GB of logs beyond 31 days", kept * price["logs_gb_month_kept"])
    by = {"PT5M": "log_alert_5_minutes", "PT15M": "log_alert_15_minutes", "PT1H": "log_alert_hourly"}
    rules = resources.of("Insights/scheduledQueryRules")
    dollars = sum(price[by[rule["properties"]["evaluationFrequency"]]] for rule in rules)
    yield Line("Monitor", f"{len(rules)} alerts that ask the logs", dollars)
    metrics = len(resources.of("Insights/metricAlerts"))
    yield Line(
        "Monitor", f"{metrics} alerts by metric", max(0, metrics - table.free["metric_alerts"]) * price["metric_alert"]
    )


def _network(resources: Deployed, usage: Usage, table: Prices) -> Iterator[Line]:
    price = table.prices
    endpoints = len(resources.of("Network/privateEndpoints"))
    if endpoints:
        through = usage.stored_gb * 4
        dollars = endpoints * HOURS * price["private_endpoint_hour"] + through * price["private_endpoint_gb"]
        yield Line("Network", f"{endpoints} private endpoints, {through:,.0f} GB through them", dollars)
        zones = len(resources.of("Network/privateDnsZones"))
        yield Line("Network", f"{zones} private DNS zones", zones * price["private_dns_zone_month"])
    for _ in resources.of("Network/natGateways"):
        hours = HOURS * (price["nat_gateway_hour"] + price["public_address_hour"])
        yield Line("Network", "a NAT gateway and its address", hours + usage.logs_gb * price["nat_gateway_gb"])
    for _ in resources.of("Cdn/profiles"):
        requests = usage.requests / 1e4 * price["front_door_ten_thousand_requests"]
        yield Line("Front Door", f"Standard, {usage.requests:,.0f} requests", price["front_door_month"] + requests)


def _database(resources: Deployed, usage: Usage, table: Prices) -> Iterator[Line]:
    price = table.prices
    for database in resources.of("Sql/servers/databases"):
        properties = database["properties"]
        sleeps = properties["autoPauseDelay"] > 0
        hours = usage.sql_awake_hours * 30 if sleeps else HOURS
        factor = price["sql_zone_redundancy"] if properties["zoneRedundant"] else 1.0
        most = database["sku"]["capacity"]
        cores = most if sleeps else max(properties["minCapacity"], most * AWAKE_SHARE)
        computing, kept = hours * cores * price["sql_vcore_hour"], usage.stored_gb * price["sql_storage_gb_month"]
        yield Line("Azure SQL", f"{cores:g} of {most} cores on average, {hours:.0f} hours", (computing + kept) * factor)
