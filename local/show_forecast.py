"""What the commands print of forecasts, for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.table import Table

from local.follow import console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.platform import Platform
    from shared.catalog.spec import UseCase


def show_forecasts(asked: Sequence[dict[str, Any]], answers: Sequence[dict[str, Any]]) -> None:
    """Forecasts of the same days, side by side; ``asked`` are the requests, of one row each."""
    table = Table(title=f"Forecast over HTTP by {answers[0]['version']} (with 80 % intervals)", title_justify="left")
    table.add_column("day")
    for row in asked:
        table.add_column(_named(row), justify="right")
    for day in zip(*(answer["predictions"] for answer in answers), strict=True):
        table.add_row(day[0]["date"], *(_told(prediction) for prediction in day))
    console.print(table)


def show_forecast_address(platform: Platform, use_case: UseCase, row: dict[str, Any]) -> None:
    """A line to copy."""
    header = f" -H 'x-functions-key: {platform.function_key}'" if platform.function_key else ""
    url = f"{platform.url}/api/models/{use_case.model.name}/score"
    console.print(f"  curl -s{header} {url} -d '{json.dumps(row)}'", markup=False, soft_wrap=True)


def _named(row: dict[str, Any]) -> str:
    words = [str(row.get("product", "all products"))]
    if "unit_price" in row:
        words.append(f"at {row['unit_price']:.2f}")
    if row.get("promotion"):
        words.append("promoted")
    return ", ".join(words)


def _told(prediction: dict[str, Any]) -> str:
    return f"{prediction['forecast']:.1f} ({prediction['low_80']:.0f} to {prediction['high_80']:.0f})"
