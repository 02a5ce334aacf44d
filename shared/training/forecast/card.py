"""The card of a forecast: one HTML page beside every version, for those who order by it and those who must trust it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shared.markup import Markup, Parts
from shared.store.registry import CARD_FILE
from shared.training.card import STYLE
from shared.training.figures import NBSP, bounds, decimal, percent
from shared.training.forecast.pictures import forecast_picture, horizon_picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.markup import Values
    from shared.store.forecasts import Forecaster, LevelRecord
    from shared.store.records import Input

TEMPLATE = Path(__file__).with_name("card.html")
SHOWN_LEVELS = 12
WAYS = {
    "bottom-up": "Levels add up: the total is the sum of the finest series, and other levels are scaled to it.",
    "top-down": "Levels add up: each is scaled, day by day, to the total's own forecast.",
}


def render(version: Forecaster) -> bytes:
    """The page, complete in itself: no script, nothing from outside. The same record makes the same bytes."""
    parts = Parts(TEMPLATE)
    finest = version.levels[min(1, len(version.levels) - 1)]
    days = next(item.days for item in version.inputs if item.days is not None)
    values: Values = {
        "style": Markup(STYLE.read_text(encoding="utf-8")),
        "title": version.title,
        "description": parts.fill("description", text=version.description) if version.description else "",
        "measure": version.measure,
        "frequency": version.frequency,
        "horizon": version.horizon,
        "first": days.first,
        "until": days.last,
        "origin": version.origin,
        "learned_from": version.data.first,
        "series": ", ".join(_told(version, level) for level in version.levels),
        "lines": f"{version.lines.counted:,}",
        "model": version.model,
        "version": version.version,
        "dataset": version.dataset,
        "slot": version.slot,
        "nbsp": NBSP,
        "headline": _headline(version, parts),
        "warnings": _warnings(version, parts),
        "verdict": _verdict(version, parts),
        "finest": finest.level,
        "wape": percent(finest.wape, 1),
        "naive_wape": percent(finest.naive_wape, 1),
        "sum_wape": percent(finest.sum_wape, 1),
        "naive_sum_wape": percent(finest.naive_sum_wape, 1),
        "coverage": percent(finest.coverage["90"], 1),
        "coverage_half": percent(finest.coverage["50"], 1),
        "forecast_picture": forecast_picture(version.drawn, version.measure),
        "horizon_picture": horizon_picture(finest),
        "levels": parts.fill_each("level", [_level(level) for level in version.levels]),
        "way": WAYS[version.way] if len(version.levels) > 1 else "",
        "worst": _worst(version, parts),
        "candidates": _candidates(version, parts),
        "rows": f"{version.data.rows:,}",
        "refused": f"{version.data.refused:,}",
        "left_out": parts.fill_each("fact", list(_left_out(version))),
        "gaps": parts.fill_each("fact", list(_gaps(version))),
        "inputs": Markup("".join(_input(item, parts) for item in version.inputs)),
        **_checks(version, parts),
    }
    return parts.fill("page", **values).encode("utf-8", errors="replace")


def _told(version: Forecaster, level: LevelRecord) -> str:
    """A level and its series, with those that have no forecast of their own."""
    words = [f"{level.level}: {level.series:,}"]
    if version.off_sale.get(level.level):
        words.append(f"{version.off_sale[level.level]:,} of them off sale, forecast as nothing")
    if version.pooled.get(level.level):
        words.append(f"{version.pooled[level.level]:,} more that sell little, forecast as one average")
    return words[0] if len(words) == 1 else f"{words[0]} ({'; '.join(words[1:])})"


def _headline(version: Forecaster, parts: Parts) -> Markup:
    total = version.levels[0]
    better = total.wape < total.naive_wape
    return parts.fill(
        "headline" if better else "headline_poor",
        frequency=version.frequency,
        total=percent(total.wape, 1),
        naive=percent(total.naive_wape, 1),
    )


def _warnings(version: Forecaster, parts: Parts) -> Markup | str:
    if not version.warnings:
        return ""
    return parts.fill("warnings", items=parts.fill_each("item", [{"text": text} for text in version.warnings]))


def _verdict(version: Forecaster, parts: Parts) -> Markup | str:
    verdict = version.verdict
    if verdict is None:
        return ""
    return parts.fill(
        "verdict",
        answer=parts.fill("verdict_yes" if verdict.promote else "verdict_no"),
        reason=verdict.reason,
        rival="no other version" if verdict.against is None else f"version {verdict.against}, which served then",
        model=version.model,
    )


def _level(level: LevelRecord) -> Values:
    gain = 1 - level.wape / level.naive_wape if level.naive_wape else 0.0
    return {
        "level": level.level,
        "series": f"{level.series:,}",
        "wape": percent(level.wape, 1),
        "naive": percent(level.naive_wape, 1),
        "gain": percent(gain),
        "sum_wape": percent(level.sum_wape, 1),
        "half": percent(level.coverage["50"]),
        "most": percent(level.coverage["80"]),
        "nearly_all": percent(level.coverage["90"]),
        "bias": f"{100 * level.bias:+.0f}{NBSP}%",
    }


def _worst(version: Forecaster, parts: Parts) -> Markup:
    if len(version.levels) == 1 or not version.worst:
        return parts.fill("worst_none")
    series: list[Values] = [{"name": name, "wape": percent(wape)} for _, name, wape in version.worst]
    return parts.fill("worst", level=version.worst[0][0], series=parts.fill_each("worst_series", series), nbsp=NBSP)


def _candidates(version: Forecaster, parts: Parts) -> Markup:
    rows = []
    for one in version.candidates:
        settings = ", ".join(f"{name}{NBSP}={NBSP}{value}" for name, value in one.settings.items()) or "as they come"
        rows.append(
            parts.fill(
                "chosen" if one.weight else "candidate",
                level=one.level,
                family=one.family,
                weight=decimal(one.weight, 2),
                settings=settings,
                choosing=percent(one.choosing_wape, 1),
                judging=percent(one.judging_wape, 1),
            )
        )
    return Markup("".join(rows))


def _left_out(version: Forecaster) -> Iterator[Values]:
    for reason, count in version.lines.left_out.items():
        yield {"name": "Left out", "text": f"{count:,} lines, {reason}"}


def _gaps(version: Forecaster) -> Iterator[Values]:
    for first, last in version.gaps:
        yield {"name": "A gap", "text": f"no line from {first} to {last}: not taken for days without sales"}


def _input(item: Input, parts: Parts) -> Markup:
    shown: list[Values] = [{"level": level} for level in item.levels[:SHOWN_LEVELS]]
    more = len(item.levels) - len(shown)
    values: object = bounds(item)
    if item.days is not None:
        values = f"{item.days.first} to {item.days.last}"
    elif item.type == "category":
        levels = parts.fill_each("level_shown", shown)
        values = parts.fill("levels", levels=levels, more=f"and {more:,} more" if more else "")
    return parts.fill("input", name=item.name, type=item.type, values=values, description=item.description)


def _checks(version: Forecaster, parts: Parts) -> Values:
    files: list[Values] = [
        {"name": name, "sha256": sha256} for name, sha256 in version.files.items() if name != CARD_FILE
    ]
    return {
        "parity_rows": f"{version.parity.rows:,}",
        "parity_difference": f"{version.parity.largest_difference:.1e}",
        "libraries": ", ".join(f"{name} {number}" for name, number in version.libraries.items()),
        "data_sha256": version.data.sha256,
        "catalog_sha256": version.catalog_sha256,
        "files": parts.fill_each("file", files),
    }
