"""``python -m local cost``: what a month on Azure costs, line by line."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.table import Table

from local.cost.estimate import bill, read_prices
from local.cost.usage import Usage, values_of, with_values
from local.follow import console
from shared.errors import SettingsError

if TYPE_CHECKING:
    import argparse

LARGE_FROM = 1_000


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the sub-command."""
    command = commands.add_parser("cost", help="estimate what a month on Azure costs, by resource")
    command.add_argument("--people", type=int, required=True, help="how many the company has")
    command.add_argument(
        "--size", choices=("small", "large"), help=f"of infra/parameters (large from {LARGE_FROM:,} people)"
    )
    command.add_argument(
        "--use", action="append", default=[], metavar="NAME=VALUE", help="a month's work, as docs/cost.md names it"
    )
    command.add_argument(
        "--price", action="append", default=[], metavar="NAME=VALUE", help="as local/cost/prices.toml names it"
    )
    command.add_argument("--json", action="store_true", help="for programs")
    command.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Print the bill."""
    if parsed.people < 1:
        msg = f"--people: expected a whole number from 1 up, got {parsed.people}"
        raise SettingsError(msg)
    size = parsed.size or ("large" if parsed.people >= LARGE_FROM else "small")
    usage = with_values(Usage(parsed.people), parsed.use)
    table = read_prices(values_of(parsed.price, set(read_prices({}).prices), "--price"))
    lines = list(bill(size, usage, table))
    total = sum(line.dollars for line in lines)
    if parsed.json:
        print(
            json.dumps({"size": size, "dollars": round(total, 2), "lines": [asdict(line) for line in lines]}, indent=2)
        )
        return 0
    shown = Table(title=f"A month of {size}, {parsed.people:,} people, US dollars", title_justify="left", box=None)
    for name, side in (("resource", "left"), ("what", "left"), ("a month", "right")):
        shown.add_column(name, justify=side)  # type: ignore[arg-type]
    for line in lines:
        shown.add_row(line.resource, line.what, f"{line.dollars:,.2f}")
    shown.add_section()
    shown.add_row("total", "", f"{total:,.2f}")
    console.print(shown)
    console.print(f"List prices written down {table.written}, not your contract's; what they are of: docs/cost.md.")
    return 0
