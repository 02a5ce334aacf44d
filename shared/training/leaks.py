"""Features that know the outcome: their values come with it, or after it. Pure.

Rows are as ``shared.features.Encoder`` writes them and in time order, oldest first. An empty value counts as a value
like any other: of a column that is filled in at the decision, that it is empty tells everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from shared.features import is_coded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from shared.catalog.spec import Column, Gate
    from shared.store.records import Input

MOST_ROWS = 20_000
"""The newest ones, which are looked at: more tell no more, and take longer."""
LEAST_OF_AN_OUTCOME = 20
"""In the rows looked at; with fewer, a good feature reaches any AUC by chance."""
BINS = 20
PRIOR_ROWS = 2
"""A bin's rate counts so many rows of the base rate as well."""
PURE = 0.005
"""The share of the other outcome, at most, among rows whose outcome a value gives away."""
LEAST_GIVEN_AWAY = 0.4
"""Of all rows of an outcome. A value that a smaller group alone has (clients who cannot buy) is no leak."""
RULE_OF_THREE = 3
"""None among n rows says, with 95 % confidence, no more than that the rate is below 3 / n."""
LEAST_NEWEST = 50
"""Rows in the newest tenth, below which its values say little."""
LOST = 0.95
"""The share of one value, from which the others are lost."""
VARIED = 0.9
"""The share of that value before, below which there was something to lose."""
STRONG = 0.8
"""The AUC before: the values of a feature that was weak may end for many reasons."""
TOO_GOOD = 0.97
"""What is decided by people is seldom predicted so well."""


@dataclass(frozen=True)
class _Feature:
    """One column of the rows; values and outcomes have shape (rows,)."""

    item: Input
    values: NDArray[np.float32]
    positive: NDArray[np.bool_]

    def part(self, rows: slice) -> _Feature:
        return _Feature(self.item, self.values[rows], self.positive[rows])

    def name_of(self, value: float) -> str:
        """As a person writes it."""
        if np.isnan(value) or (is_coded(self.item) and value == len(self.item.levels)):
            return "empty"
        if not is_coded(self.item):
            return f"{value:g}"
        return "an unknown level" if value < 0 else repr(self.item.levels[int(value)])


def find_leaks(
    rows: NDArray[np.float32],
    positive: NDArray[np.bool_],
    inputs: Sequence[Input],
    columns: Mapping[str, Column],
    gate: Gate,
) -> tuple[str, ...]:
    """One sentence for each feature that seems to know the outcome: what was found, and how to overrule it.

    ``rows`` has shape (rows, inputs), ``positive`` (rows,); both oldest first. ``columns`` is the dataset's
    declaration by name: a column that is ``trusted`` is not looked at. Rows with hardly any of an outcome show
    nothing; gate.leak = 1 asks for nothing.
    """
    rows, positive = rows[-MOST_ROWS:], positive[-MOST_ROWS:]
    if gate.leak >= 1 or not _enough(positive):
        return ()
    found = []
    for place, item in enumerate(inputs):
        column = columns.get(item.name)
        if column is not None and column.trusted is not None:
            continue
        feature = _Feature(item, rows[:, place], positive)
        why = _given_away(feature, gate) or _ranks_alone(feature, gate) or _lost_its_values(feature)
        if why:
            found.append(f"{item.name} {why}: {_overruled(item)}")
    return tuple(found)


def too_good(auc: float) -> str | None:
    """What the card says of a whole model that ranks better than the world allows; None below TOO_GOOD."""
    if auc <= TOO_GOOD:
        return None
    return (
        f"too good to be true: AUC {auc:.3f}. Look for features that are known only with the outcome, each by itself "
        "unsuspicious, and for rows that repeat each other"
    )


def _overruled(item: Input) -> str:
    path = f"dataset.columns.{item.name}"
    trusted = 'trusted = "why" where it really is known before'
    if item.type == "weekday":
        return f"remove {path}.calendar, or set {trusted}"
    return f'set {path}.role = "unused" with known = "after" where its value comes with the outcome, or {trusted}'


def _given_away(feature: _Feature, gate: Gate) -> str | None:
    """A single value whose presence, or absence, says the outcome of a large part of the rows."""
    positive = feature.positive
    for value in _single_values(feature):
        has = _same(feature.values, value)
        for part, verb in ((has, "is"), (~has, "is not")):
            for outcome, word in ((positive, "positive"), (~positive, "negative")):
                if _gives_away(part, outcome, gate):
                    return (
                        f"gives the outcome away: of the {part.sum():,} rows where it {verb} {feature.name_of(value)}, "
                        f"{outcome[part].mean():.1%} are {word}, of all rows {outcome.mean():.1%}"
                    )
    return None


def _gives_away(part: NDArray[np.bool_], outcome: NDArray[np.bool_], gate: Gate) -> bool:
    """Whether ``part`` of the rows has hardly any but this outcome, and more of it than a good predictor finds.

    Where an outcome is rare, a lower half of a good score is as pure as that. So the part is held against a score
    that is normally distributed in both outcomes with AUC gate.leak (Green and Swets 1966): of the outcome the part
    must hold more than that score finds at the same share of the other outcome.
    """
    own, wrong = int((part & outcome).sum()), int((part & ~outcome).sum())
    held = own / int(outcome.sum())
    if held < LEAST_GIVEN_AWAY or wrong > PURE * (own + wrong):
        return False
    normal = NormalDist()
    mistaken = (wrong + RULE_OF_THREE) / (int((~outcome).sum()) + RULE_OF_THREE + 1)
    apart = 2**0.5 * normal.inv_cdf(gate.leak)
    return held > normal.cdf(apart + normal.inv_cdf(mistaken))


def _single_values(feature: _Feature) -> Iterator[float]:
    """Every level of a category; of a number, empty and the most frequent value."""
    if is_coded(feature.item):
        yield from np.unique(feature.values)
        return
    if np.isnan(feature.values).any():
        yield float("nan")
    if not np.isnan(feature.values).all():
        yield _most_frequent(feature.values[~np.isnan(feature.values)])


def _ranks_alone(feature: _Feature, gate: Gate) -> str | None:
    # The newest rows are judged with the others and left out: a feature that is filled in later than the decision has
    # no values there yet, and would hide behind them.
    auc = max(_alone(feature), _alone(feature.part(slice(0, _newest(feature)))))
    if auc <= gate.leak:
        return None
    return f"alone ranks the outcome with AUC {auc:.3f}, above gate.leak, {gate.leak:g}"


def _lost_its_values(feature: _Feature) -> str | None:
    """A feature that was strong and has one value alone in the newest rows is filled in after the decision."""
    border = _newest(feature)
    before, newest = feature.part(slice(0, border)), feature.part(slice(border, None))
    if len(newest.values) < LEAST_NEWEST:
        return None
    value = _most_frequent(newest.values)
    now, then = _same(newest.values, value).mean(), _same(before.values, value).mean()
    if now < LOST or then >= VARIED:
        return None
    auc = _alone(before)
    if auc < STRONG:
        return None
    return (
        f"seems to be filled in after the decision: in the newest {len(newest.values):,} rows {now:.0%} are "
        f"{feature.name_of(value)}, before them {then:.0%}, where it alone ranks the outcome with AUC {auc:.3f}"
    )


def _newest(feature: _Feature) -> int:
    """Where the newest tenth of the rows begins."""
    return len(feature.values) - len(feature.values) // 10


def _alone(feature: _Feature) -> float:
    """AUC of a feature by itself; 0.5 where there are too few rows of an outcome to tell.

    The rate of positives in each bin is fitted on every other row and judged on the rest: a rate that was judged on
    its own rows would make a feature with many values look good. A number is also judged by its order, with empty
    values at either end, because bins are coarser than the number.
    """
    positive = feature.positive
    if not _enough(positive):
        return 0.5
    bins = _bins(feature)
    fitted, base = positive[1::2], float(positive[1::2].mean())
    counts = np.bincount(bins[1::2], minlength=int(bins.max()) + 1)
    found = np.bincount(bins[1::2], fitted, minlength=len(counts))
    rates = (found + PRIOR_ROWS * base) / (counts + PRIOR_ROWS)
    aucs = [_auc(positive[::2], rates[bins[::2]])]
    if not is_coded(feature.item):
        for end in (-np.inf, np.inf):
            auc = _auc(positive, np.where(np.isnan(feature.values), end, feature.values))
            aucs += [auc, 1 - auc]
    return max(aucs)


def _bins(feature: _Feature) -> NDArray[np.int_]:
    """Number of the bin of each row: a category's levels; of a number, quantiles, its commonest value, and empty."""
    values = feature.values
    if is_coded(feature.item):
        return values.astype(int) + 1  # an unknown level is -1
    known = values[~np.isnan(values)]
    if not len(known):
        return np.zeros(len(values), dtype=int)
    common = np.float32(_most_frequent(known))
    below = np.nextafter(common, np.float32(-np.inf))
    edges = np.unique([*np.quantile(known, np.arange(1, BINS) / BINS), below, common])
    # searchsorted puts NaN behind every edge; the last bin is that of the empty ones alone.
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values))


def _auc(positive: NDArray[np.bool_], score: NDArray[np.floating]) -> float:
    """By ranks (Mann and Whitney 1947), ties counting half; 0.5 where one outcome is missing."""
    from scipy.stats import rankdata

    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return 0.5
    above = float(rankdata(score)[positive].sum()) - positives * (positives + 1) / 2
    return above / (positives * negatives)


def _same(values: NDArray[np.float32], value: float) -> NDArray[np.bool_]:
    return np.isnan(values) if np.isnan(value) else values == value


def _most_frequent(values: NDArray[np.float32]) -> float:
    """NaN where most are empty."""
    found, counts = np.unique(values, return_counts=True)
    return float(found[counts.argmax()])


def _enough(positive: NDArray[np.bool_]) -> bool:
    return int(min(positive.sum(), (~positive).sum())) >= LEAST_OF_AN_OUTCOME
