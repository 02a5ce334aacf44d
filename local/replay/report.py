"""A replay as one HTML page: complete in itself, no script, nothing from outside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from local.replay.chart import Chart, Line
from shared.markup import Markup, Parts
from shared.training import card
from shared.training.figures import MISSING, NBSP, decimal, moment, percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.replay.figures import BlockFigures, PolicyFigures, Replay
    from local.replay.world import Policy

TEMPLATE = Path(__file__).with_name("report.html")
STYLE = Path(__file__).with_name("report.css")
LABELS: dict[Policy, str] = {"automatic": "automatic", "every": "every block", "never": "never"}
STYLES: dict[Policy, str] = {"automatic": "one", "every": "two", "never": "three"}
RANDOM_SPLIT = "random split (flattering)"
FIGURES = {
    "auc": 3, "average_precision": 3, "brier": 3, "log_loss": 3, "calibration_error": 3,
    "lift_at_10_percent": 2, "lift_at_50_percent": 2,
}  # fmt: skip
"""What is shown of an answer's figures, and with how many decimals."""
EXPLAINED: dict[Policy, str] = {
    "automatic": "the catalog's retraining section decides",
    "every": "each block makes a new version",
    "never": "the first version answers throughout",
}


def render(replay: Replay) -> bytes:
    """The page."""
    parts, blocks = Parts(TEMPLATE), replay.policies[0].blocks
    style = card.STYLE.read_text(encoding="utf-8") + STYLE.read_text(encoding="utf-8")
    page = parts.fill(
        "page",
        style=Markup(style),
        nbsp=NBSP,
        title=replay.title,
        model=replay.asked.model,
        file=replay.asked.file,
        start=replay.asked.start,
        every=replay.asked.every,
        dataset=replay.dataset,
        positive=replay.positive,
        first_rows=f"{replay.first_rows:,}",
        first_version=replay.first_version,
        first_seconds=f"{replay.first_seconds:.1f}",
        rows=f"{replay.rows:,}",
        refused=f"{replay.refused:,}",
        blocks=len(blocks),
        first=moment(blocks[0].first),
        last=moment(blocks[-1].last),
        base_rate=percent(replay.base_rate, 1),
        random_rate=percent(replay.random_split.get("base_rate"), 1),
        policies=_policies(replay, parts),
        explained=_explained(replay),
        auc_chart=_auc_chart(replay).draw(),
        rate_chart=_rate_chart(blocks, replay.positive).draw(),
        tables=Markup("".join(_table(policy, parts) for policy in replay.policies)),
    )
    return page.encode("utf-8", errors="replace")


def shown_figures(figures: Mapping[str, float]) -> dict[str, object]:
    """Each of FIGURES as a person reads it; a dash for what is not there."""
    return {name: decimal(figures.get(name), decimals) for name, decimals in FIGURES.items()}


def _policies(replay: Replay, parts: Parts) -> Markup:
    rows = [
        {
            "kind": "policy", "label": LABELS[policy.policy], **shown_figures(policy.figures),
            "retrainings": policy.retrainings, "promotions": policy.promotions, "seconds": f"{policy.seconds:.1f}",
        }
        for policy in replay.policies
    ]  # fmt: skip
    none = dict.fromkeys(("retrainings", "promotions", "seconds"), MISSING)
    rows.append({"kind": "flattering", "label": RANDOM_SPLIT, **shown_figures(replay.random_split), **none})
    return parts.fill_each("policy", rows)


def _explained(replay: Replay) -> str:
    told = "; ".join(f"{LABELS[one.policy]}: {EXPLAINED[one.policy]}" for one in replay.policies)
    return f"{told[0].upper()}{told[1:]}."


def _auc_chart(replay: Replay) -> Chart:
    told = " ".join(_told(policy) for policy in replay.policies)
    return Chart(
        name="auc",
        title="AUC by block",
        description=f"One line for each policy, one point for each block with both outcomes. {told}",
        x_label="first day of the block",
        y_label="AUC",
        ticks=tuple(moment(block.first) for block in replay.policies[0].blocks),
        lines=tuple(_line(policy) for policy in replay.policies),
        reference=0.5,
    )


def _line(policy: PolicyFigures) -> Line:
    marks = tuple(
        (place, f"{LABELS[policy.policy]}: {block.made} promoted after block {block.block}")
        for place, block in enumerate(policy.blocks)
        if block.outcome == "promoted"
    )
    return Line(LABELS[policy.policy], STYLES[policy.policy], tuple(block.auc for block in policy.blocks), marks)


def _told(policy: PolicyFigures) -> str:
    found = [block.auc for block in policy.blocks if block.auc is not None]
    label, promoted = LABELS[policy.policy], [str(one.block) for one in policy.blocks if one.outcome == "promoted"]
    span = f"between {min(found):.2f} and {max(found):.2f}" if found else "no block has both outcomes"
    after = f"promoted after blocks {', '.join(promoted)}" if promoted else "nothing promoted"
    return f"{label[0].upper()}{label[1:]}: {span}, {decimal(policy.figures.get('auc'))} over all; {after}."


def _rate_chart(blocks: tuple[BlockFigures, ...], positive: str) -> Chart:
    rates = [block.base_rate for block in blocks]
    return Chart(
        name="rate",
        title="Base rate by block",
        description=f"The share of “{positive}” in each block: between {min(rates):.2f} and {max(rates):.2f}.",
        x_label="first day of the block",
        y_label="base rate",
        ticks=tuple(moment(block.first) for block in blocks),
        lines=(Line("base rate", "one", tuple(rates)),),
    )


def _table(policy: PolicyFigures, parts: Parts) -> Markup:
    return parts.fill("table", label=LABELS[policy.policy], rows=parts.fill_each("row", list(map(_row, policy.blocks))))


def _row(block: BlockFigures) -> dict[str, object]:
    return {
        "block": block.block,
        "first": moment(block.first),
        "last": moment(block.last),
        "rows": f"{block.rows:,}",
        "base_rate": percent(block.base_rate, 1),
        "auc": decimal(block.auc),
        "version": block.version,
        "outcome": block.outcome or MISSING,
        "reasons": "; ".join((*block.due, *block.reasons)),
    }
