"""Of the model card: what a version is made of, from which rows, what it takes, and how it was checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.markup import Markup
from shared.store.registry import CARD_FILE
from shared.training.figures import NBSP, bounds, decimal, history, learned_rows, members, moment

if TYPE_CHECKING:
    from shared.markup import Parts, Values
    from shared.store.records import Candidate, Classifier, Data, Input

SHOWN_LEVELS = 12
SHOWN_CHARACTERS = 40


def recipe(version: Classifier, parts: Parts) -> Values:
    """The members of a blend, or the candidates of which one won."""
    return {
        "made_of": parts.fill("made_of_blend" if members(version) else "made_of_one"),
        "candidates": Markup("".join(_candidate(one, version, parts) for one in version.candidates)),
    }


def _candidate(candidate: Candidate, version: Classifier, parts: Parts) -> Markup:
    values: Values = {
        "family": candidate.family,
        "weight": decimal(candidate.weight),
        "settings": ", ".join(f"{name}{NBSP}={NBSP}{value}" for name, value in candidate.settings.items())
        or "as they come",
        "history": _history(candidate, version),
        "folds": decimal(candidate.folds_auc),
        "folds_log_loss": decimal(candidate.folds_log_loss),
        "holdout": decimal((candidate.holdout or {}).get("auc")),
        "random": decimal(candidate.random_split_auc),
    }
    if candidate != version.recipe:
        return parts.fill("candidate", **values)
    return parts.fill("chosen", badge="serves" if members(version) else "chosen", **values)


def _history(candidate: Candidate, version: Classifier) -> str:
    if members(version) and candidate == version.recipe:
        return "what its members say"
    return history(candidate, "all rows" if version.data.refitted else "all older rows")


def data(version: Classifier, parts: Parts) -> Values:
    """The rows that it comes from, and those that judged it."""
    told, learned = version.data, learned_rows(version)
    unused = told.train_rows - learned
    # What serves has learned from the rows that judged, where it was fitted again; else they came after all others.
    judged = min(told.holdout_rows, told.train_rows) if told.refitted else 0
    before = max(learned - judged, 0)
    rows, last = f"{told.holdout_rows:,}", moment(told.last)
    return {
        "rows": f"{told.rows:,}",
        "refused": f"{told.refused:,}",
        "of_older": _of_older(told, unused),
        "learned_rows": f"{learned:,}",
        "holdout_rows": rows,
        "judged_by": f"judged by {_judged_by(version)}",
        "judges": parts.fill("judges_refitted" if told.refitted else "judges_apart", rows=rows, last=last),
        "unused": parts.fill("unused", rows=f"{unused:,}") if unused else "",
        "unused_share": told.train_rows - judged - before,
        "learned_share": before,
        "holdout_share": told.holdout_rows,
        "sampled": ""
        if told.sampled_from is None
        else parts.fill("sampled", there=f"{told.sampled_from:,}", kept=f"{told.train_rows:,}"),
        "first": moment(told.first),
        "trained_to": moment(told.trained_to),
        "last": last,
    }


def _of_older(told: Data, unused: int) -> str:
    if unused:
        return f"the newest of {told.train_rows:,}"
    return "all that there are" if told.sampled_from is None else "all that memory held"


def _judged_by(version: Classifier) -> str:
    rows = f"{version.data.holdout_rows:,}"
    if version.data.refitted:
        return f"the {rows} newest, each predicted before it was learned from"
    return f"{rows} newer rows"


def inputs(version: Classifier, parts: Parts) -> Values:
    """What a request sends."""
    return {"inputs": Markup("".join(_input(item, parts) for item in version.inputs))}


def _input(item: Input, parts: Parts) -> Markup:
    return parts.fill(
        "input",
        name=item.name,
        type=item.type,
        values=_levels(item, parts) if item.levels or item.type == "category" else bounds(item),
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


def checks(version: Classifier, parts: Parts) -> Values:
    """What engineers hold a version against."""
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
