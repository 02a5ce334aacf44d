"""The model card: one HTML page beside every version, for the people who use it and those who must trust it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shared.store.registry import CARD_FILE
from shared.training.figures import (
    MISSING,
    NBSP,
    auc_margin,
    bounds,
    decimal,
    exact_percent,
    learned_rows,
    moment,
    percent,
    share_acted_on,
    share_found,
    without_a_model,
)
from shared.training.markup import Markup, Parts
from shared.training.pictures import calibration_picture, gain_picture

if TYPE_CHECKING:
    from shared.store.records import Candidate, Input, Version

TEMPLATE = Path(__file__).with_name("card.html")
STYLE = Path(__file__).with_name("card.css")
SHOWN_LEVELS = 12
SHOWN_CHARACTERS = 40
BARELY_BETTER = 1.05
"""A lift below this is told as none."""

Values = dict[str, object]


def render(version: Version) -> bytes:
    """The page, complete in itself: no script, nothing from outside. The same record makes the same bytes."""
    parts = Parts(TEMPLATE)
    values = {
        "style": Markup(STYLE.read_text(encoding="utf-8")),
        **_names(version, parts),
        **_goodness(version, parts),
        **_decision(version),
        **_data(version, parts),
        **_tables(version, parts),
        **_checks(version, parts),
    }
    return parts.fill("page", **values).encode("utf-8", errors="replace")


def _names(version: Version, parts: Parts) -> Values:
    return {
        "title": version.title,
        "description": parts.fill("description", text=version.description) if version.description else "",
        "model": version.model,
        "version": version.version,
        "dataset": version.dataset,
        "slot": version.slot,
        "positive": version.positive,
        "key": version.key.name,
        "key_type": version.key.type,
        "key_description": f": {version.key.description}" if version.key.description else "",
        "nbsp": NBSP,
        "missing": MISSING,
    }


def _goodness(version: Version, parts: Parts) -> Values:
    figures = version.metrics
    auc, base_rate = figures.get("auc"), figures.get("base_rate")
    margin = auc_margin(auc, base_rate, version.data.holdout_rows)
    guess = without_a_model(base_rate)
    randoms = [one.random_split_auc for one in version.candidates if one.random_split_auc is not None]
    return {
        "headline": _headline(version, parts),
        "auc": decimal(auc),
        "margin": "" if margin is None else parts.fill("margin", reach=decimal(margin)),
        "auc_pairs": MISSING if auc is None else f"{100 * auc:.0f}",
        "random_auc": decimal(version.recipe.random_split_auc),
        "random_gap": _gap(version.recipe.random_split_auc, auc),
        "best_random": decimal(max(randoms, default=None)),
        "base_rate": percent(base_rate, 1),
        "lift": decimal(figures.get("lift_at_10_percent"), 1),
        "average_precision": decimal(figures.get("average_precision")),
        "brier": decimal(figures.get("brier")),
        "log_loss": decimal(figures.get("log_loss")),
        "calibration_error": decimal(figures.get("calibration_error")),
        "no_model_precision": decimal(base_rate),
        "no_model_brier": decimal(guess["brier"]),
        "no_model_log_loss": decimal(guess["log_loss"]),
        "gain_picture": gain_picture(version.curves.gain, version.positive),
        "calibration_picture": calibration_picture(
            version.curves.calibration, version.decision.threshold, version.positive
        ),
    }


def _headline(version: Version, parts: Parts) -> Markup:
    lift = version.metrics.get("lift_at_10_percent")
    if lift is None:
        return parts.fill("headline_none")
    values: Values = {
        "lift": decimal(lift, 1),
        "positive": version.positive,
        "act": version.decision.act,
        "nbsp": NBSP,
    }
    if lift < BARELY_BETTER:
        return parts.fill("headline_poor", **values)
    base_rate = version.metrics.get("base_rate")
    precision: Markup | str = ""
    if base_rate is not None:
        shares = {"share": percent(lift * base_rate), "base_rate": percent(base_rate)}
        precision = parts.fill("precision", positive=version.positive, **shares)
    found = percent(share_found(version.curves.gain, 0.1))
    return parts.fill("headline_good", found=found, precision=precision, **values)


def _gap(flattering: float | None, honest: float | None) -> str:
    if flattering is None or honest is None:
        return ""
    if flattering > honest:
        return f"Here it is {flattering - honest:.3f} higher than the honest figure."
    return "Here it happens not to be higher."


def _decision(version: Version) -> Values:
    threshold, acted_on = version.decision.threshold, share_acted_on(version)
    return {
        "threshold": exact_percent(threshold),
        "act": version.decision.act,
        "skip": version.decision.skip,
        "skip_share": f"{min(max(threshold, 0), 1):.4f}",
        "act_share": f"{1 - min(max(threshold, 0), 1):.4f}",
        "acted_on": "" if acted_on is None else f"Of the newest rows, about {percent(acted_on)} reach it.",
    }


def _data(version: Version, parts: Parts) -> Values:
    data, learned = version.data, learned_rows(version)
    unused = data.train_rows - learned
    return {
        "rows": f"{data.rows:,}",
        "refused": f"{data.refused:,}",
        "of_older": f"the newest of {data.train_rows:,}" if unused else "all that there are",
        "learned_rows": f"{learned:,}",
        "holdout_rows": f"{data.holdout_rows:,}",
        "unused_rows": f"{unused:,}",
        "unused": parts.fill("unused", rows=f"{unused:,}") if unused else "",
        "unused_share": unused,
        "learned_share": learned,
        "holdout_share": data.holdout_rows,
        "first": moment(data.first),
        "trained_to": moment(data.trained_to),
        "last": moment(data.last),
    }


def _tables(version: Version, parts: Parts) -> Values:
    columns: list[Values] = [{"name": name, "reason": reason} for name, reason in version.unusable.items()]
    return {
        "candidates": Markup("".join(_candidate(one, version, parts) for one in version.candidates)),
        "inputs": Markup("".join(_input(item, parts) for item in version.inputs)),
        "unusable": parts.fill("unusable", columns=parts.fill_each("unusable_column", columns)) if columns else "",
    }


def _candidate(candidate: Candidate, version: Version, parts: Parts) -> Markup:
    return parts.fill(
        "winner" if candidate == version.recipe else "candidate",
        family=candidate.family,
        settings=", ".join(f"{name}{NBSP}={NBSP}{value}" for name, value in candidate.settings.items())
        or "as they come",
        history="all older rows" if candidate.history == "all" else f"newest {candidate.history:,} rows",
        folds=decimal(candidate.folds_auc),
        holdout=decimal((candidate.holdout or {}).get("auc")),
        random=decimal(candidate.random_split_auc),
    )


def _input(item: Input, parts: Parts) -> Markup:
    return parts.fill(
        "input",
        name=item.name,
        type=item.type,
        values=_levels(item, parts) if item.type == "category" else bounds(item),
        empty="; may be empty" if item.nullable else "",
        description=item.description,
    )


def _levels(item: Input, parts: Parts) -> Markup:
    shown: list[Values] = [{"level": _cut(level)} for level in item.levels[:SHOWN_LEVELS]]
    more = len(item.levels) - len(shown)
    return parts.fill("levels", levels=parts.fill_each("level", shown), more=f"and {more:,} more" if more else "")


def _cut(level: str) -> str:
    if not level:
        return "(empty text)"
    return level if len(level) <= SHOWN_CHARACTERS else level[:SHOWN_CHARACTERS] + "\N{HORIZONTAL ELLIPSIS}"


def _checks(version: Version, parts: Parts) -> Values:
    files: list[Values] = [
        {"name": name, "sha256": sha256} for name, sha256 in version.files.items() if name != CARD_FILE
    ]
    return {
        "parity_rows": f"{version.parity.rows:,}",
        "parity_difference": f"{version.parity.largest_difference:.1e}",
        "parity_flipped": f"{version.parity.decisions_flipped:,}",
        "libraries": ", ".join(f"{name} {number}" for name, number in version.libraries.items()),
        "data_sha256": version.data.sha256,
        "catalog_sha256": version.catalog_sha256,
        "files": parts.fill_each("file", files),
        "margin_note": (
            "± is a 95 % margin, by Hanley and McNeil (1982), from the number of rows alone: it does not know of a "
            "world that changes."
        ),
    }
