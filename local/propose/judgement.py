"""What each column is for: its role, and why, with a question where only somebody who knows the table can say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.propose.alone import auc_alone, placeholder, who_says_the_same
from local.propose.database import NOTHING, Announced
from local.propose.domains import bounds, closed_levels
from local.propose.kinds import Kind, kind_of, text_type
from local.propose.signs import is_prose, names_rows, personal, sounds_later, words
from shared.catalog.check import UNSPEAKABLE
from shared.catalog.spec import FEATURE_TYPES, NUMERIC_TYPES, Column

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from local.propose.kinds import Profile
    from shared.catalog.spec import ColumnType, Role

NEARLY_CONSTANT = 0.999
LEAK = 0.95
"""The gate's own default: a feature that explains so much alone stops a version."""
SUSPICIOUS = 0.85
HARDLY = 0.65
"""An AUC below which a name alone is no proof."""


@dataclass(frozen=True)
class Judgement:
    """One column of the draft."""

    name: str
    column: Column
    comments: tuple[str, ...] = ()
    question: str = ""
    weight: int = 0
    """Of the question, where there are too many."""


@dataclass
class Judge:
    """Judges the columns of one table, one by one."""

    positive: NDArray[np.bool_]
    announced: Announced = NOTHING
    roles: dict[str, Role] = field(default_factory=dict)
    """Of the key, the time and the target, as far as the table has them."""

    def judge(self, profiles: Iterable[Profile]) -> list[Judgement]:
        """All columns, then those features that only say what another feature says."""
        by_name = {profile.name: profile for profile in profiles}
        judged = [self._one(profile) for profile in by_name.values()]
        features = [by_name[one.name] for one in judged if one.column.role == "feature"]
        return [_without_echo(one, by_name[one.name], features) for one in judged]

    def kind(self, profile: Profile) -> Kind:
        """The type that the texts have and the database, where one was read, accepts."""
        found = kind_of(profile)
        chain: list[ColumnType] = [found.type]
        # Digits in a text column that come again and again are codes; many different ones may be numbers after all.
        codes = self.announced.types.get(profile.name) is str and text_type(profile) == "category"
        if found.type in {*NUMERIC_TYPES, "boolean"} and not codes:
            chain += ["integer"] if found.type == "boolean" else []
            chain += ["number", "decimal"]
        fitting = (kind for kind in chain if self.announced.takes(profile.name, kind))
        kind = next(fitting, None)
        return Kind(text_type(profile)) if kind is None else Kind(kind, found.strangers, found.unreadable)

    def _one(self, profile: Profile) -> Judgement:
        kind = self.kind(profile)
        role = self.roles.get(profile.name)
        if role == "target":
            return _target(profile)
        if role is not None:
            return Judgement(profile.name, Column(kind.type, role=role))
        if profile.distinct == 0:
            return _unused(profile, "text", "is empty in every row")
        value, share = profile.commonest
        if share >= NEARLY_CONSTANT:
            return _unused(profile, kind.type, f"{_percent(share)} of the rows hold the same value, {value[:30]!r}")
        found = self._hidden(profile, kind) or self._leaking(profile, kind) or _useless(profile, kind)
        return found or self._feature(profile, kind)

    def _hidden(self, profile: Profile, kind: Kind) -> Judgement | None:
        what = personal(profile)
        if what is None:
            return None
        column = Column(
            kind.type, role="unused", pii="drop", reason=f"personal data: {what}, as its name or values show"
        )
        return Judgement(profile.name, column, ("Personal data never leaves the database.",))

    def _leaking(self, profile: Profile, kind: Kind) -> Judgement | None:
        auc = auc_alone(profile, kind.type, self.positive)
        measured = f"Alone it explains the target with AUC {auc:.2f} (0.5 is chance, 1 is certainty)."
        if auc >= LEAK:
            reason = f"explains the target too well alone (AUC {auc:.2f}) to be known before the decision"
            ask = f"is {profile.name!r} really known only after the decision? If before, make it a feature and say why"
            return _unused(
                profile, kind.type, reason, measured, known_after=True, question=f"{ask} (trusted)", weight=9
            )
        if not sounds_later(profile.name):
            return None
        reason = "as its name says, it is known only after the decision"
        ask = f"is {profile.name!r} known before the decision? Then delete its role, known and reason"
        doubt = ask if auc < HARDLY else ""
        return _unused(profile, kind.type, reason, measured, known_after=True, question=doubt, weight=6)

    def _feature(self, profile: Profile, kind: Kind) -> Judgement:
        low, high = bounds(profile, kind.type) if kind.type in NUMERIC_TYPES else (None, None)
        levels = closed_levels(profile) if kind.type == "category" else None
        column = Column(kind.type, nullable=profile.empty > 0, min=low, max=high, levels=levels)
        comments = [f"Empty in {_percent(profile.empty / len(profile.texts))} of the rows."] if profile.empty else []
        question, weight = "", 0
        auc = auc_alone(profile, kind.type, self.positive)
        if kind.strangers:
            shown = ", ".join(map(repr, kind.strangers))
            question, weight = f"{profile.name!r} also holds {shown}: rows with them will be refused. Is that right?", 7
        elif auc >= SUSPICIOUS:
            question = (
                f"{profile.name!r} explains the target with AUC {auc:.2f} alone: is it known before the decision?"
            )
            weight = 8
        return Judgement(profile.name, column, tuple(comments), question, weight)


def speakable(name: str) -> bool:
    """Whether the catalog can declare a column of this name."""
    return bool(name.strip()) and name.isprintable() and not set(name) & UNSPEAKABLE


def _target(profile: Profile) -> Judgement:
    levels = closed_levels(profile) or tuple(sorted(profile.counts))
    kind: ColumnType = "boolean" if set(levels) == {"false", "true"} else "category"
    column = Column(kind, role="target", known="after", levels=levels if kind == "category" else None)
    counted = ", ".join(f"{level} {_percent(profile.counts[level] / profile.filled)}" for level in sorted(levels))
    question = ""
    if profile.empty:
        question = f"{profile.empty:,} rows have no outcome and will be refused: should a query leave them out?"
    return Judgement(profile.name, column, (f"The outcome: {counted}.",), question, 10)


def _useless(profile: Profile, kind: Kind) -> Judgement | None:
    if kind.unreadable:
        ask = f"{profile.name!r} holds {kind.unreadable}, which training does not read: can they be written otherwise?"
        return _unused(profile, kind.type, f"holds {kind.unreadable}", question=ask, weight=5)
    if profile.is_unique and kind.type in {"integer", "text"} and names_rows(profile.name):
        return _unused(profile, kind.type, "names the row and says nothing about it")
    if kind.type == "text" and is_prose(profile):
        return _unused(profile, kind.type, "free text, which no model here reads")
    if kind.type == "text" or (kind.type == "integer" and "id" in words(profile.name) and text_type(profile) == "text"):
        return _unused(
            profile, kind.type, f"{profile.distinct:,} different values: too many to learn each one's meaning"
        )
    if kind.type not in FEATURE_TYPES:
        return _unused(
            profile, kind.type, "a second time beside the one that orders the rows; no model here reads times"
        )
    return None


def _without_echo(judged: Judgement, profile: Profile, features: list[Profile]) -> Judgement:
    """A number that is mostly a placeholder, where another feature says in which rows it is one."""
    if judged.column.role != "feature" or judged.column.type not in NUMERIC_TYPES:
        return judged
    value = placeholder(profile)
    if value is None:
        return judged
    share = _percent(profile.commonest[1])
    others = [other for other in features if other.name != profile.name]
    echo = who_says_the_same(profile, value, others)
    if echo is None:
        question = f"{profile.name!r} is {value} in {share} of the rows: if that stands for 'none', should it be empty?"
        return judged if judged.question else Judgement(judged.name, judged.column, judged.comments, question, 4)
    other, overlap = echo
    reason = f"{share} of the rows hold the same value, {value}, which stands for none, and {other.name!r} says which"
    measured = f"Of the rows where it or {other.name!r} says that there is something, both do in {_percent(overlap)}."
    return _unused(profile, judged.column.type, reason, measured)


def _unused(  # noqa: PLR0913 - all but the first three are rare
    profile: Profile,
    kind: ColumnType,
    reason: str,
    comment: str = "",
    *,
    known_after: bool = False,
    question: str = "",
    weight: int = 0,
) -> Judgement:
    column = Column(kind, role="unused", known="after" if known_after else "before", reason=reason)
    return Judgement(profile.name, column, (comment,) if comment else (), question, weight)


def _percent(share: float) -> str:
    """Never 100 % where it is not all."""
    text = f"{share:.1%}" if share > 0.1 else f"{share:.2%}"
    return text.replace("%", " %") if share == 1 or not text.startswith("100") else "more than 99.9 %"
