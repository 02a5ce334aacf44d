"""The families that compete, each with the preparation that suits it and survives the way to ONNX exactly.

Trees get unscaled numbers and category codes: scaled 32-bit numbers tie differently at their thresholds, and
HistGradientBoosting's own categories come out of the converter wrong (both silently; the parity check is there for
whatever else may).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.features import is_coded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from shared.catalog.spec import ClassificationTraining, History
    from shared.store.records import Input

BELOW_EVERYTHING = -1e30
"""Stands for an empty value in boosted trees, where it gets a bin of its own. Their binning fails on a column that is
empty throughout, so they are not handed the NaN itself."""
FORGOTTEN = 10
"""Half-lives after which a row, at a thousandth of its weight, is left out."""
FAR = 4.0
"""Standard deviations beyond which a linear model takes a value, also that of a rare level, for no more extreme."""


@dataclass(frozen=True)
class Layout:
    """Which columns of the array hold what."""

    numbers: list[int]
    categories: list[int]
    codes: list[int]
    """For each category, how many codes it has: its levels and the empty value."""

    @classmethod
    def of(cls, inputs: Sequence[Input]) -> Layout:
        """The layout of arrays that ``shared.features.Encoder`` makes for these inputs."""
        categories = [place for place, item in enumerate(inputs) if is_coded(item)]
        return cls(
            numbers=[place for place in range(len(inputs)) if place not in categories],
            categories=categories,
            codes=[len(inputs[place].levels) + 1 for place in categories],
        )


@dataclass(frozen=True)
class Family:
    """One kind of model: the settings to try, and how to build it with one of them."""

    name: str
    settings: tuple[dict[str, Any], ...]
    build: Callable[[dict[str, Any], Layout, int], Pipeline]
    most_rows: float = float("inf")
    """Longer histories are not tried: the graph would grow with them."""


@dataclass(frozen=True)
class Trial:
    """One family with one of its settings on one history."""

    family: Family
    settings: dict[str, Any]
    history: History
    half_life: int | None = None

    @property
    def member(self) -> tuple[str, History, int | None]:
        """What it competes for: one setting for each family and history goes on."""
        return self.family.name, self.history, self.half_life

    def window(self, end: int) -> slice:
        """The rows to learn from when everything from ``end`` on is still to come."""
        if self.half_life is not None:
            return slice(max(0, end - FORGOTTEN * self.half_life), end)
        return slice(0 if self.history == "all" else max(0, end - int(self.history)), end)

    def fit(self, layout: Layout, seed: int, rows: NDArray[np.float32], positive: NDArray[np.bool_]) -> Pipeline:
        """A pipeline fitted on rows, oldest first, which answers the same rows with the same bits every time."""
        weights = {}
        if self.half_life is not None:
            age = np.arange(len(rows))[::-1]
            weights = {"model__sample_weight": np.exp2(-age / self.half_life)}
        pipeline = self.family.build(self.settings, layout, seed).fit(rows, positive, **weights)
        settle_thresholds(pipeline[-1])
        return pipeline


def trials(training: ClassificationTraining, rows: int) -> Iterator[Trial]:
    """Every family with each of its settings on each history that ``rows`` rows have."""
    lengths: list[History] = [length for length in training.history if length == "all" or int(length) < rows]
    for family in FAMILIES:
        for settings in family.settings:
            for length in lengths or ["all"]:
                if (rows if length == "all" else int(length)) <= family.most_rows:
                    yield Trial(family, settings, length)
            for half_life in training.half_lives:
                if 2 * half_life < rows and min(rows, FORGOTTEN * half_life) <= family.most_rows:
                    yield Trial(family, settings, "all", half_life)


def settle_thresholds(model: Any) -> None:
    """Let boosted trees decide by 32-bit thresholds, as their graph does.

    A threshold half way between two neighbouring 32-bit numbers is rounded on the way into the graph, and where it is
    rounded up the larger one changes sides. Rounded down here, it divides 32-bit inputs as before, and survives.
    The converter reads the same private attribute, and rounds the thresholds of other trees down itself.
    """
    for trees in getattr(model, "_predictors", ()):
        for tree in trees:
            exact = tree.nodes["num_threshold"]
            near = exact.astype(np.float32)
            tree.nodes["num_threshold"] = np.where(near > exact, np.nextafter(near, np.float32(-np.inf)), near)


def _logistic(settings: dict[str, Any], layout: Layout, seed: int) -> Pipeline:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    from shared.training.clipping import Clip

    levels = OneHotEncoder(
        categories=[np.arange(count, dtype=np.float32) for count in layout.codes],
        handle_unknown="ignore",
        sparse_output=False,
        dtype=np.float32,
    )
    parts = [
        ("numbers", SimpleImputer(strategy="median", keep_empty_features=True), layout.numbers),
        ("levels", levels, layout.categories),
    ]
    return Pipeline(
        [
            ("prepare", ColumnTransformer([part for part in parts if part[2]])),
            ("scale", StandardScaler()),
            ("clip", Clip(FAR)),
            ("model", LogisticRegression(max_iter=200, random_state=seed, **settings)),
        ]
    )


def _boosted_trees(settings: dict[str, Any], _: Layout, seed: int) -> Pipeline:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline

    fill = SimpleImputer(strategy="constant", fill_value=BELOW_EVERYTHING, keep_empty_features=True)
    model = HistGradientBoostingClassifier(early_stopping=False, random_state=seed, **settings)
    return Pipeline([("fill", fill), ("model", model)])


def _extra_trees(settings: dict[str, Any], _: Layout, seed: int) -> Pipeline:
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline

    fill = SimpleImputer(strategy="median", keep_empty_features=True)
    # One thread: a forest adds up its trees in the order in which threads finish.
    return Pipeline([("fill", fill), ("model", ExtraTreesClassifier(n_jobs=1, random_state=seed, **settings))])


FAMILIES = (
    Family("logistic regression", ({"C": 0.01}, {"C": 0.1}), _logistic),
    Family(
        "boosted trees",
        (
            {"learning_rate": 0.05, "max_iter": 100, "max_leaf_nodes": 6, "min_samples_leaf": 30},
            {"learning_rate": 0.1, "max_iter": 200, "max_leaf_nodes": 4, "min_samples_leaf": 20},
            {"learning_rate": 0.1, "max_iter": 100, "max_leaf_nodes": 31, "min_samples_leaf": 20},
        ),
        _boosted_trees,
    ),
    Family(
        "extra trees",
        (
            {"n_estimators": 50, "min_samples_leaf": 10, "max_features": 0.5},
            {"n_estimators": 50, "min_samples_leaf": 30, "max_features": 0.5},
        ),
        _extra_trees,
        most_rows=5_000,
    ),
)
