"""From a table and the name of its target to all that a draft says."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from local.propose.database import NOTHING
from local.propose.judgement import Judge, Judgement, speakable
from local.propose.kinds import Profile
from local.propose.signs import names_rows, personal, sounds_later, words
from local.published import derived_dates
from shared.catalog.spec import Column
from shared.errors import DropError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from local.propose.database import Announced
    from local.published import Published

MOST_OUTCOMES = 20
MOST_QUESTIONS = 5
YES = frozenset({"yes", "true", "1", "y"})
KEY_NAMES = ("id", "row_id", "cauce_id")
TIME_NAMES = ("recorded_on", "dated_on", "cauce_recorded_on")


@dataclass(frozen=True)
class Proposal:
    """What the draft will say."""

    columns: tuple[Judgement, ...]
    positive: str
    positive_share: float
    rows: int
    left_out: tuple[str, ...] = ()
    """Columns that the catalog cannot name, or does not read."""
    derived: tuple[str, ...] = ()
    """Columns that the table does not have."""

    @property
    def questions(self) -> list[str]:
        """The weightiest ones, in the order of the columns."""
        asked = sorted((one for one in self.columns if one.question), key=lambda one: -one.weight)[:MOST_QUESTIONS]
        return [one.question for one in self.columns if one in asked]

    @property
    def target(self) -> str:
        """The name of the target."""
        return next(one.name for one in self.columns if one.column.role == "target")


def propose(
    table: Published, target: str, positive: str | None = None, announced: Announced = NOTHING, *, is_file: bool = True
) -> Proposal:
    """Judge every column. Raises SettingsError where the target is none."""
    outcomes = _outcomes(table, target)
    chosen = _positive(outcomes, positive)
    is_positive = np.array([text == chosen for text in outcomes.texts])
    profiles = [Profile(name, table.column(name)) for name in table.header if speakable(name)]
    judge = Judge(is_positive, announced)
    judge.roles[target] = "target"
    others = [profile for profile in profiles if profile.name != target]
    key = _key(others, judge)
    time = _time([profile for profile in others if profile.name != key], judge)
    judge.roles |= {key: "key"} if key is not None else {}
    judge.roles |= {time[0]: "time"} if time else {}
    judged = judge.judge(profiles)
    if len(time) > 1:
        judged = [_asked(one, time) if one.name == time[0] else one for one in judged]
    added = [] if key is not None else [_numbered(table, is_file=is_file)]
    added += [] if time else [_dated(table, is_file=is_file)]
    left_out = (*(name for name in table.header if not speakable(name)), *announced.binary)
    share = float(is_positive.mean())
    derived = tuple(one.name for one in added)
    return Proposal((*added, *judged), chosen, share, len(table.rows), left_out, derived)


def _outcomes(table: Published, target: str) -> Profile:
    if target not in table.header or not speakable(target):
        close = difflib.get_close_matches(target, table.header, n=1)
        hint = f" (is it {close[0]!r}?)" if close else ""
        msg = f"{table.name}: has no column {target!r} for a target{hint}; it has {', '.join(map(repr, table.header))}"
        raise SettingsError(msg)
    profile = Profile(target, table.column(target))
    if not 1 < profile.distinct <= MOST_OUTCOMES:
        msg = (
            f"{table.name}: {target!r} has {profile.distinct:,} different value(s); the target of a classification has "
            f"2 to {MOST_OUTCOMES}"
        )
        raise SettingsError(msg)
    return profile


def _positive(outcomes: Profile, asked: str | None) -> str:
    if asked is None:
        return min(outcomes.counts, key=lambda level: (outcomes.counts[level], level.lower() not in YES, level))
    if asked not in outcomes.counts:
        msg = f"--positive {asked}: expected a value of {outcomes.name!r}: {', '.join(sorted(outcomes.counts))}"
        raise SettingsError(msg)
    return asked


def _key(profiles: Sequence[Profile], judge: Judge) -> str | None:
    """A column that numbers the rows: it is called so, or it comes first."""
    unique = [
        profile
        for place, profile in enumerate(profiles)
        if profile.is_unique
        and (place == 0 or names_rows(profile.name))
        and judge.kind(profile).type in {"integer", "text"}
        and not judge.kind(profile).strangers
        and personal(profile) is None
    ]
    named = [profile for profile in unique if {"id", "key"} & words(profile.name)]
    return next((profile.name for profile in (*named, *unique)), None)


def _time(profiles: Sequence[Profile], judge: Judge) -> list[str]:
    """The times that could order the rows, first the one in whose order they stand best."""
    possible = [
        profile
        for profile in profiles
        if judge.kind(profile).type in {"date", "timestamp"}
        and profile.empty == 0
        and profile.distinct > 1
        and not sounds_later(profile.name)
        and personal(profile) is None
    ]
    return [profile.name for profile in sorted(possible, key=_disorder)]


def _disorder(profile: Profile) -> float:
    return sum(later < before for before, later in zip(profile.texts, profile.texts[1:], strict=False))


def _asked(judged: Judgement, times: Sequence[str]) -> Judgement:
    question = f"which of {', '.join(map(repr, times))} is the moment of the decision? {times[0]!r} is taken"
    return replace(judged, question=question, weight=8)


def _numbered(table: Published, *, is_file: bool) -> Judgement:
    name = next(_free(table, KEY_NAMES))
    column = Column("integer", role="key")
    if is_file:
        return Judgement(name, column, ("The file has no key: this is the number of the row, from 1.",))
    question = f"the table has no column that names a row: which one could? An export needs it in place of {name!r}"
    return Judgement(name, column, (), question, 11)


def _dated(table: Published, *, is_file: bool) -> Judgement:
    """A file may say enough; a table must hold its time, since the database reads it."""
    name = next(_free(table, TIME_NAMES))
    column = Column("date", role="time")
    if not is_file:
        question = f"the table has no date of the decision: which column could be one? An export needs it for {name!r}"
        return Judgement(name, column, (), question, 11)
    try:
        dates = derived_dates(table, name)
    except DropError as error:
        question = f"the rows have no date to be split by: where can {name!r} come from? {error}"
        return Judgement(name, column, (), question, 11)
    comment = (
        "The file has no date: it follows from the order of the rows, their month and their day or weekday. "
        f"Years are counted from {dates[0].year} on: {dates[0]} to {dates[-1]}."
    )
    return Judgement(name, column, (comment,))


def _free(table: Published, names: Sequence[str]) -> Iterator[str]:
    return (name for name in (*names, *(f"{names[-1]}_{number}" for number in range(1000))) if name not in table.header)
