"""Whether new rows are like the old ones. Pure; arrays are as ``shared.features.Encoder`` makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shared.features import is_coded
from shared.training.candidates import BELOW_EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shared.store.records import Input

TENTHS = np.arange(1, 10) / 10
SHUFFLES = 50
"""Random divisions of all rows into old and new, by which the index without drift is known."""
FEWEST_ROWS = 50
"""Of either side, below which a classifier tells nothing."""
MOST_ROWS = 2_000
"""Of either side, by which a classifier is fitted and judged in half a second."""
FOLDS = 3


def psi(old: NDArray[np.float32], new: NDArray[np.float32], inputs: Sequence[Input]) -> dict[str, float]:
    """Population stability index per input, the largest first; 0 is no drift, and 0.25 by custom a large one.

    ``old`` and ``new`` have shape (rows, inputs). What chance alone makes of so few rows is subtracted; no index is
    below 0. Empty where either side has no rows.
    """
    if not len(old) or not len(new):
        return {}
    found = {}
    for place, item in enumerate(inputs):
        bins = _levels if is_coded(item) else _tenths
        found[item.name] = _index(*bins(old[:, place], new[:, place]))
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def separability(old: NDArray[np.float32], new: NDArray[np.float32], seed: int) -> float | None:
    """AUC of a classifier that tells old rows from new ones, on rows that it was not fitted on; 0.5 is no drift.

    ``old`` and ``new`` have shape (rows, inputs); of each a seeded sample is used. None where either has fewer than
    FEWEST_ROWS.
    """
    if min(len(old), len(new)) < FEWEST_ROWS:
        return None
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from threadpoolctl import threadpool_limits

    random = np.random.default_rng(seed)
    rows = np.concatenate([_sample(old, random), _sample(new, random)])
    is_new = np.arange(len(rows)) >= min(len(old), MOST_ROWS)
    # Random folds, where time-ordered ones judge a model: the question is whether the two sets are one.
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    # OpenMP's threads wait for each other by spinning.
    with threadpool_limits(limits=1):
        guessed = cross_val_predict(_classifier(seed), rows, is_new, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(is_new, guessed))


def _classifier(seed: int) -> object:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    return make_pipeline(
        SimpleImputer(strategy="constant", fill_value=BELOW_EVERYTHING, keep_empty_features=True),
        HistGradientBoostingClassifier(
            max_iter=40, max_leaf_nodes=8, min_samples_leaf=15, early_stopping=False, random_state=seed
        ),
    )


def _sample(rows: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    if len(rows) <= MOST_ROWS:
        return rows
    return rows[random.choice(len(rows), MOST_ROWS, replace=False)]


def _levels(old: NDArray[np.float32], new: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of each code, old and new: the unknown level and the empty value count as levels."""
    codes, place = np.unique(np.concatenate([old, new]), return_inverse=True)
    return _counts(place[: len(old)], place[len(old) :], len(codes))


def _tenths(old: NDArray[np.float32], new: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows in each tenth of the old ones, old and new; empty values have a bin of their own."""
    edges = _edges(old[~np.isnan(old)])
    # A bin ends with its edge. The bins of numbers are 0 to len(edges), that of empty values is the one after.
    places = [np.where(np.isnan(side), len(edges) + 1, np.searchsorted(edges, side)) for side in (old, new)]
    return _counts(places[0], places[1], len(edges) + 2)


def _edges(numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    """The borders between the tenths; a value that fills a tenth or more is a bin of its own."""
    if not len(numbers):
        return numbers
    ends, often = np.unique(np.quantile(numbers, TENTHS, method="inverted_cdf"), return_counts=True)
    # A constant, a boolean or a count of mostly zeros has fewer borders than nine. What lies just below such a value
    # is told from it by one more.
    below = np.nextafter(ends[often > 1], np.float32(-np.inf), dtype=np.float32)
    return np.unique(np.concatenate([ends, below]))


def _counts(old: NDArray[np.int64], new: NDArray[np.int64], bins: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows in each bin, without the bins that are empty on both sides."""
    counts = np.stack([np.bincount(side, minlength=bins) for side in (old, new)])
    counts = counts[:, counts.any(axis=0)]
    return counts[0], counts[1]


def _index(old: NDArray[np.int64], new: NDArray[np.int64]) -> float:
    """The index of these counts, less what it is on average where rows are old or new by chance alone.

    Without drift it is not 0 but about (bins - 1) * (1 / old rows + 1 / new rows): 0.1 for tenths of 100 new rows.
    That holds for well-filled bins. A category of many levels has others, so the average is taken over random
    divisions of the same rows, which have the same bins and the same smoothing; seeded, so that it is always the same.
    """
    both = old + new
    shuffled = np.random.default_rng(0).multivariate_hypergeometric(both, int(new.sum()), size=SHUFFLES)
    by_chance = _stability(both - shuffled, shuffled).mean()
    return max(0.0, float(_stability(old, new) - by_chance))


def _stability(old: NDArray[np.int64], new: NDArray[np.int64]) -> NDArray[np.float64]:
    """Population stability index of counts, whose last axis are the bins."""
    # Half a row of the smaller side for each bin, on both sides alike: a bin that is empty on one side is finite, and
    # a single new row outside of what many old ones hold is no drift.
    rows = old.sum(axis=-1, keepdims=True), new.sum(axis=-1, keepdims=True)
    little = 0.5 / np.minimum(*rows)
    share_old, share_new = (
        (counts / total + little) / (1 + little * counts.shape[-1])
        for counts, total in zip((old, new), rows, strict=True)
    )
    index: NDArray[np.float64] = ((share_new - share_old) * np.log(share_new / share_old)).sum(axis=-1)
    return index
