"""How well one column alone explains the target, and how well one says what another does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from local.propose.kinds import is_number
from shared.catalog.spec import NUMERIC_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from local.propose.kinds import Profile
    from shared.catalog.spec import ColumnType

PLACEHOLDER_SHARE = 0.75
SAME = 0.8
MOST_LEVELS = 1_000


def auc_alone(profile: Profile, kind: ColumnType, positive: NDArray[np.bool_]) -> float:
    """By the number, or by how often each value came with the target; and by whether there is a value at all."""
    from sklearn.metrics import roc_auc_score

    filled = np.array([bool(text) for text in profile.texts], dtype=np.float64)
    scores = [filled]
    if kind in NUMERIC_TYPES:
        numbers = {text: float(text) for text in profile.counts if is_number(text)}
        values = np.array([numbers.get(text, np.nan) for text in profile.texts])
        scores.append(np.where(np.isnan(values), np.nanmin(values) - 1, values))
    if kind in {"category", "boolean"}:
        scores.append(_rates(profile.texts, positive))
    found = [float(roc_auc_score(positive, score)) for score in scores]
    return max(max(auc, 1 - auc) for auc in found)


def _rates(texts: list[str], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Each value's share of positives in the other half of the rows, so that no row speaks for itself."""
    codes = np.unique(np.array(texts, dtype=object).astype(str), return_inverse=True)[1]
    halves = np.random.default_rng(0).integers(2, size=len(codes))
    rates, base = np.empty(len(codes)), positive.mean()
    for half in (0, 1):
        others = halves != half
        rows = np.bincount(codes[others], minlength=codes.max() + 1)
        hits = np.bincount(codes[others], positive[others], minlength=codes.max() + 1)
        rates[~others] = ((hits + base) / (rows + 1))[codes[~others]]
    return rates


def placeholder(profile: Profile) -> str | None:
    """The number that most rows hold where it stands apart from all others: -1 or 999 for "never"."""
    value, share = profile.commonest
    others = [float(other) for other in profile.counts if other != value and is_number(other)]
    if share < PLACEHOLDER_SHARE or not is_number(value) or not others:
        return None
    number, least, most = float(value), min(others), max(others)
    negative = number < 0 <= least
    apart = number - most > most - least or least - number > most - least
    nines = set(value.strip()) == {"9"} and number > most
    return value if negative or nines or (apart and len(others) > 1) else None


def who_says_the_same(profile: Profile, value: str, others: Iterable[Profile]) -> tuple[Profile, float] | None:
    """The column that tells best which rows hold something else than ``value``, where it is good at it.

    Measured on those rows alone (of the rows that either points at, the share that both do): nearly all rows agree
    with nearly any other column that hardly varies.
    """
    rare = [text != value for text in profile.texts]
    found = [(other, _overlap(rare, other)) for other in others if other.distinct <= MOST_LEVELS]
    best = max(found, key=lambda pair: pair[1], default=None)
    return best if best is not None and best[1] >= SAME else None


def _overlap(rare: list[bool], other: Profile) -> float:
    together: dict[str, int] = {}
    for text, is_rare in zip(other.texts, rare, strict=True):
        if is_rare:
            together[text] = together.get(text, 0) + 1
    counts = {**other.counts, "": other.empty}
    pointed_at = [text for text, count in together.items() if 2 * count > counts[text]]
    both = sum(together[text] for text in pointed_at)
    return both / (sum(rare) + sum(counts[text] for text in pointed_at) - both)
