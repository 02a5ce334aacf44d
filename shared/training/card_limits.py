"""Of the model card: where a version is weak, and what it must not be used for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.markup import Markup
from shared.training.figures import auc_margin, calibration_noise, decimal, percent

if TYPE_CHECKING:
    from shared.markup import Parts, Values
    from shared.store.records import Classifier, Input, Segment

LEAST_WORSE = 0.02
"""Of AUC or calibration error: less makes no difference to whoever acts."""


def weakness(version: Classifier, parts: Parts) -> Values:
    """The segments beside the whole."""
    if not version.segments:
        return {"segments": parts.fill("no_segments")}
    figures = version.metrics
    findings = [(segment, worse(segment, version)) for segment in version.segments]
    rows = [_segment(segment, why, version.positive, parts) for segment, why in findings]
    return {
        "segments": parts.fill(
            "segments",
            summary=_summary(findings, parts),
            positive=version.positive,
            holdout_rows=f"{version.data.holdout_rows:,}",
            base_rate=percent(figures.get("base_rate"), 1),
            auc=decimal(figures.get("auc")),
            calibration_error=decimal(figures.get("calibration_error")),
            rows=Markup("".join(rows)),
            least=f"{LEAST_WORSE:g}",
        )
    }


def worse(segment: Segment, version: Classifier) -> dict[str, str]:
    """What is clearly worse than of all rows, and a sentence for each; beyond what chance explains."""
    found = {}
    auc, error = version.metrics.get("auc"), version.metrics.get("calibration_error")
    if auc is not None and segment.auc is not None:
        margin = auc_margin(segment.auc, segment.base_rate, segment.rows) or 0.0
        if auc - segment.auc > max(margin, LEAST_WORSE):
            found["AUC"] = f"AUC {segment.auc:.3f}, of all rows {auc:.3f}"
    if error is not None and segment.calibration_error is not None:
        noise = calibration_noise(segment.base_rate, segment.rows)
        if segment.calibration_error - error > max(noise, LEAST_WORSE):
            found["calibration"] = f"calibration error {segment.calibration_error:.3f}, of all rows {error:.3f}"
    return found


def _summary(findings: list[tuple[Segment, dict[str, str]]], parts: Parts) -> Markup:
    known, every = sum(segment.auc is not None for segment, _ in findings), len(findings)
    if not known:
        return parts.fill("weak_unknown")
    weak: list[Values] = [
        {
            "column": segment.column,
            "level": segment.level,
            "why": f"{'; '.join(why.values())} ({segment.rows:,} rows)",
        }
        for segment, why in findings
        if why
    ]
    values: Values = {
        "known": f"{known:,} of {every:,}",
        "unknown": " Of the others nothing is known." if known < every else "",
    }
    if not weak:
        return parts.fill("weak_none", **values)
    return parts.fill("weak_some", count=f"{len(weak):,}", items=parts.fill_each("weak_item", weak), **values)


def _segment(segment: Segment, why: dict[str, str], positive: str, parts: Parts) -> Markup:
    finding: Markup | str = "not clearly worse"
    if segment.auc is None:
        finding = "too few rows to tell"
    elif why:
        finding = parts.fill("worse", what=f"worse: {', '.join(why)}")
    return parts.fill(
        "segment",
        column=segment.column,
        level=segment.level,
        rows=f"{segment.rows:,}",
        positive=positive,
        base_rate=percent(segment.base_rate, 1),
        auc=decimal(segment.auc),
        calibration_error=decimal(segment.calibration_error),
        finding=finding,
    )


def limits(version: Classifier, parts: Parts) -> Values:
    """What the record says it is not for."""
    columns: list[Values] = [{"name": name, "reason": reason} for name, reason in version.unusable.items()]
    return {
        "stopped": parts.fill("stopped") if version.leaks else "",
        "unlike": " ".join(_unlike(version.inputs)),
        "unusable": parts.fill("unusable", columns=parts.fill_each("unusable_column", columns)) if columns else "",
    }


def _unlike(inputs: tuple[Input, ...]) -> list[str]:
    """What happens to values that training has not seen, by the kinds of inputs that there are."""
    told = ["Its figures hold for rows that come about as those did."]
    categories = [item for item in inputs if item.type == "category"]
    numbers = [item for item in inputs if item.type in {"integer", "number", "decimal"}]
    unbounded = [item.name for item in numbers if item.min is None or item.max is None]
    if categories:
        told.append(
            f"A level that it does not know ({_names(categories)}) is answered as an unknown one, and the answer "
            "says so: it is a guess from the other values."
        )
    if len(unbounded) < len(numbers):
        told.append("A number outside its bounds is refused.")
    if unbounded:
        told.append(
            f"Nothing stops a number unlike any that it learned from where a bound is missing: {', '.join(unbounded)}."
        )
    return told


def _names(items: list[Input]) -> str:
    return ", ".join(item.name for item in items)
