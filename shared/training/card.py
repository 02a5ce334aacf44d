"""The model card: one HTML page beside every version, for the people who use it and those who must trust it.

Here is what it says first: what the version does, what to know before all else, and whether it may serve. The other
sections are in ``card_good``, ``card_limits`` and ``card_made``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shared.markup import Markup, Parts
from shared.training.card_good import goodness, worth
from shared.training.card_limits import limits, weakness
from shared.training.card_made import checks, data, inputs, recipe
from shared.training.figures import MISSING, NBSP, decimal, percent, share_found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.markup import Values
    from shared.store.records import Classifier, Verdict

TEMPLATE = Path(__file__).with_name("card.html")
STYLE = Path(__file__).with_name("card.css")
NAMED_INPUTS = 8
BARELY_BETTER = 1.05
"""A lift below this is told as none."""


def render(version: Classifier) -> bytes:
    """The page, complete in itself: no script, nothing from outside. The same record makes the same bytes."""
    parts = Parts(TEMPLATE)
    values = {
        "style": Markup(STYLE.read_text(encoding="utf-8")),
        **_names(version, parts),
        "headline": _headline(version, parts),
        "warnings": _warnings(version, parts),
        **_gate(version, parts),
        **goodness(version, parts),
        **worth(version, parts),
        **weakness(version, parts),
        **limits(version, parts),
        **recipe(version, parts),
        **data(version, parts),
        **inputs(version, parts),
        **checks(version, parts),
    }
    return parts.fill("page", **values).encode("utf-8", errors="replace")


def _names(version: Classifier, parts: Parts) -> Values:
    return {
        "title": version.title,
        "description": parts.fill("description", text=version.description) if version.description else "",
        "told_from": _told_from(version),
        "model": version.model,
        "version": version.version,
        "dataset": version.dataset,
        "slot": version.slot,
        "positive": version.positive,
        "act": version.decision.act,
        "skip": version.decision.skip,
        "key": version.key.name,
        "key_type": version.key.type,
        "key_description": f": {version.key.description}" if version.key.description else "",
        "nbsp": NBSP,
        "missing": MISSING,
    }


def _told_from(version: Classifier) -> str:
    count = len(version.inputs)
    if not count:
        return ""
    names = ", ".join(item.name for item in version.inputs[:NAMED_INPUTS])
    more = f" and {count - NAMED_INPUTS:,} more" if count > NAMED_INPUTS else ""
    return f", from {'one value' if count == 1 else f'{count:,} values'}: {names}{more}"


def _headline(version: Classifier, parts: Parts) -> Markup:
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


def _warnings(version: Classifier, parts: Parts) -> Markup | str:
    """What whoever reads the card should know first; nothing where there is nothing."""
    others = [*version.warnings, *_sampled(version)]
    if not version.leaks and not others:
        return ""
    return parts.fill(
        "warnings",
        leaks=parts.fill("leaks", items=_items(version.leaks, parts)) if version.leaks else "",
        others=parts.fill("others", items=_items(others, parts)) if others else "",
    )


def _items(texts: Sequence[str], parts: Parts) -> Markup:
    return parts.fill_each("item", [{"text": text} for text in texts])


def _sampled(version: Classifier) -> list[str]:
    told = version.data
    if told.sampled_from is None:
        return []
    text = (
        f"It learned from a sample: memory held {told.train_rows:,} of {told.sampled_from:,} rows, the newest ones and "
        "a random choice of the older ones. With more memory (training.memory_mb) it may be better."
    )
    return [text]


def _gate(version: Classifier, parts: Parts) -> Values:
    verdict = version.verdict
    if verdict is None:
        told = parts.fill("verdict_none", model=version.model)
        return {"verdict": told, "against_last": "the record does not hold a comparison."}
    return {
        "verdict": parts.fill(
            "verdict",
            answer=parts.fill("verdict_yes" if verdict.promote else "verdict_no"),
            reason=verdict.reason,
            rival=_rival(verdict),
            rows=f"{verdict.rows:,}",
            model=version.model,
        ),
        "against_last": _against_last(verdict),
    }


def _rival(verdict: Verdict) -> str:
    if verdict.against is None:
        return "no other version: none served when it was made"
    return f"version {verdict.against}, which served when it was made"


def _against_last(verdict: Verdict) -> str:
    if verdict.against is None:
        return "none served when it was made."
    return f"the gate held it against version {verdict.against} on {verdict.rows:,} rows; its reason is above."
