"""How good probabilities are, on rows that training did not see. All arrays have shape (rows,)."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from shared.store.records import Curves

if TYPE_CHECKING:
    from numpy.typing import NDArray

TENTHS = 10
GAIN_POINTS = 50
SMALLEST_PROBABILITY = 1e-6
"""Log loss clips at this and at its complement: one row that was called certain must not outweigh thousands."""
RESAMPLES = 500
SEED = 42


def metrics(positive: NDArray[np.bool_], probability: NDArray[np.floating]) -> dict[str, float]:
    """The figures of a version; ``positive`` must hold both classes."""
    from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

    return {
        "auc": float(roc_auc_score(positive, probability)),
        "average_precision": float(average_precision_score(positive, probability)),
        "brier": float(brier_score_loss(positive, probability)),
        "log_loss": float(log_loss(positive, probability)),
        "base_rate": float(positive.mean()),
        "lift_at_10_percent": lift(positive, probability, 0.1),
        "lift_at_50_percent": lift(positive, probability, 0.5),
        "calibration_error": calibration_error(curves(positive, probability)),
    }


def lift(positive: NDArray[np.bool_], probability: NDArray[np.floating], share: float) -> float:
    """How many times the base rate the ``share`` of rows with the highest scores holds."""
    top = _best_first(probability)[: max(1, round(len(positive) * share))]
    return float(positive[top].mean() / positive.mean())


def curves(positive: NDArray[np.bool_], probability: NDArray[np.floating]) -> Curves:
    """The gain curve at GAIN_POINTS shares of the rows, and calibration by tenths of the predictions."""
    found = np.cumsum(positive[_best_first(probability)]) / positive.sum()
    shares = np.linspace(0, 1, GAIN_POINTS + 1)[1:]
    ends = np.maximum(np.round(shares * len(positive)).astype(int), 1)
    bins = np.array_split(np.argsort(probability, kind="stable"), TENTHS)
    return Curves(
        gain=((0.0, 0.0), *((float(share), float(found[end - 1])) for share, end in zip(shares, ends, strict=True))),
        calibration=tuple(
            (float(probability[rows].mean()), float(positive[rows].mean()), len(rows)) for rows in bins if len(rows)
        ),
    )


def calibration_error(drawn: Curves) -> float:
    """Expected calibration error: the mean distance of predicted and observed rates, weighted by rows."""
    rows = sum(count for _, _, count in drawn.calibration)
    return sum(abs(predicted - observed) * count for predicted, observed, count in drawn.calibration) / rows


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval."""

    value: float
    low: float
    high: float


def auc_difference(
    positive: NDArray[np.bool_], ours: NDArray[np.floating], theirs: NDArray[np.floating], confidence: float
) -> Interval:
    """AUC of ``ours`` minus that of ``theirs`` on the same rows, with a two-sided interval.

    Paired, by DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988), with the placement values from mid-ranks of
    Sun and Xu (IEEE Signal Processing Letters 21, 2014). A constant ``theirs`` has AUC 0.5 and no variance.
    """
    placements = [_placements(score, positive) for score in (ours, theirs)]
    places_of_positives = np.stack([pair[0] for pair in placements])
    places_of_negatives = np.stack([pair[1] for pair in placements])
    auc = places_of_positives.mean(axis=1)
    covariance = np.cov(places_of_positives) / places_of_positives.shape[1]
    covariance = covariance + np.cov(places_of_negatives) / places_of_negatives.shape[1]
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * max(variance, 0.0) ** 0.5
    value = float(auc[0] - auc[1])
    return Interval(value, value - reach, value + reach)


def log_loss_difference(
    positive: NDArray[np.bool_], ours: NDArray[np.floating], theirs: NDArray[np.floating], confidence: float
) -> Interval:
    """Mean log loss, in nats, of ``ours`` minus that of ``theirs`` on the same rows: below 0, ours is better.

    The two-sided interval is the normal approximation of the mean of the paired differences. At least two rows.
    """
    difference = _log_losses(positive, ours) - _log_losses(positive, theirs)
    value = float(difference.mean())
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * float(difference.std(ddof=1)) / len(difference) ** 0.5
    return Interval(value, value - reach, value + reach)


def calibration_difference(
    positive: NDArray[np.bool_], ours: NDArray[np.floating], theirs: NDArray[np.floating], confidence: float
) -> Interval:
    """Expected calibration error of ``ours`` minus that of ``theirs`` on the same rows: below 0, ours is better.

    The interval is the percentile interval of a paired bootstrap (Efron and Tibshirani 1993, chapter 13) with a fixed
    seed, in which each row keeps its tenth of the predictions.
    """
    rows = len(positive)
    gaps = [(score.astype(np.float64) - positive, _tenth_of(score)) for score in (ours, theirs)]
    random = np.random.default_rng(SEED)

    def difference(times: NDArray[np.int_]) -> float:
        """With each row standing so many ``times``."""
        errors = [np.abs(np.bincount(tenth, gap * times, TENTHS)).sum() / rows for gap, tenth in gaps]
        return float(errors[0] - errors[1])

    draws = [difference(np.bincount(random.integers(rows, size=rows), minlength=rows)) for _ in range(RESAMPLES)]
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(difference(np.ones(rows, dtype=int)), float(low), float(high))


def _log_losses(positive: NDArray[np.bool_], probability: NDArray[np.floating]) -> NDArray[np.float64]:
    clipped = np.clip(probability.astype(np.float64), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    losses: NDArray[np.float64] = -np.log(np.where(positive, clipped, 1 - clipped))
    return losses


def _tenth_of(probability: NDArray[np.floating]) -> NDArray[np.int_]:
    """For each row the tenth of the predictions that it falls into, as in ``curves``."""
    tenth = np.empty(len(probability), dtype=int)
    for number, rows in enumerate(np.array_split(np.argsort(probability, kind="stable"), TENTHS)):
        tenth[rows] = number
    return tenth


def _placements(
    score: NDArray[np.floating], positive: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each positive the share of negatives below it, for each negative the share of positives above it."""
    from scipy.stats import rankdata

    ranks = rankdata(score)
    among_positives, among_negatives = rankdata(score[positive]), rankdata(score[~positive])
    return (
        (ranks[positive] - among_positives) / len(among_negatives),
        1 - (ranks[~positive] - among_negatives) / len(among_positives),
    )


def _best_first(probability: NDArray[np.floating]) -> NDArray[np.int_]:
    return np.argsort(-probability, kind="stable")
