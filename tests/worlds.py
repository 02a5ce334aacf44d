"""Contracts that are ended or not, made up: the true probability of each is known, and so the best AUC there can be.

Nothing about them is like the bank's contacts: numbers with and without empty values, a category with rare levels,
booleans, an effect that rises and falls (``months``), one that takes two columns (``complaints`` under a monthly
``plan``), and an empty value that says something itself (``satisfaction``). But for chance nobody ranks better than
the probability that drew the outcomes; ``Contracts.best_auc`` is what that one reaches, on any rows.

``stable``: the same coefficients throughout. ``drifting``: they turn slowly towards others that have nothing to do
with them, a quarter of a circle in 15,000 rows. ``jump``: from one row on every second one has the other sign, and the
rest stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import roc_auc_score

from shared.catalog.load import parse_use_case
from shared.csv_format import csv_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from shared.catalog.spec import UseCase

CATALOG = Path(__file__).parent / "catalogs" / "worlds" / "churn.toml"
DATASET = "contracts"
MODEL = "churn"

START = np.datetime64("2023-01-02T08:00:00", "s")
SPACING = np.timedelta64(10, "m")
"""Between two rows: a thousand take a week."""
PLANS = ("monthly", "yearly", "two years")
TOWNS = {
    "Arnhem": 0.3, "Breda": 0.2, "Delft": 0.2, "Leiden": 0.15, "Gouda": 0.05, "Hoorn": 0.03, "Kampen": 0.03,
    "Tiel": 0.02, "Weert": 0.01, "Zeist": 0.007, "Sluis": 0.0029, "Vaals": 0.0001,
}  # fmt: skip
"""Share of each."""
TOWN_EFFECTS = np.array([0.9, -1.2, 0.4, -0.5, 1.5, -1.0, 0.5, 1.2, -1.5, 1.0, 2.0, -2.0])
COEFFICIENTS = np.array([0.6, 0.5, 0.4, 0.5, 0.55, 0.45, 0.6, 0.4, 0.4, 0.3])
"""Of the effects in the order of ``_effects``, each of which has a spread of about one."""
OTHER_COEFFICIENTS = np.array([0.5, -0.6, 0.55, 0.4, -0.45, 0.55, 0.4, -0.6, -0.3, -0.4])
"""What a drift turns towards: as long, and at a right angle but for a little (see ``_turned``)."""
INTERCEPT = -1.2
QUARTER_ROWS = 15_000
"""Fifteen weeks."""


@dataclass(frozen=True)
class Contracts:
    """Rows in time order, one column of texts, numbers, booleans or None each, with what drew their outcomes."""

    columns: dict[str, list[Any]]
    probability: NDArray[np.float64]
    """Of ``left``, the true one; shape (rows,)."""
    left: NDArray[np.bool_]

    def best_auc(self, rows: slice) -> float:
        """What no model can surpass on these rows but by chance."""
        return float(roc_auc_score(self.left[rows], self.probability[rows]))

    def to_csv(self, rows: slice = slice(None)) -> bytes:
        """The file that a person would drop."""
        lines = list(zip(*(column[rows] for column in self.columns.values()), strict=True))
        return csv_rows([list(self.columns)]) + csv_rows(lines)

    def with_outcomes(self, left: NDArray[np.bool_]) -> Contracts:
        """The same rows with other outcomes: shuffled ones, wrong ones."""
        return replace(self, columns={**self.columns, "left": left.tolist()}, left=left)

    def of(self, names: Sequence[str]) -> Contracts:
        """These columns alone."""
        return replace(self, columns={name: self.columns[name] for name in names})

    def with_column(self, name: str, values: list[Any]) -> Contracts:
        """One column more, or another in its place."""
        return replace(self, columns={**self.columns, name: values})


def churn() -> UseCase:
    """The use case of these rows, with the product's defaults for training, retraining and the gate."""
    faults: list[str] = []
    use_case = parse_use_case(CATALOG.read_bytes(), CATALOG.name, faults)
    assert use_case is not None, faults
    return use_case


def stable(rows: int, *, seed: int = 1) -> Contracts:
    """The same world throughout."""
    return _made(rows, seed, lambda _: COEFFICIENTS)


def drifting(rows: int, *, seed: int = 1) -> Contracts:
    """A world that turns by a quarter of a circle in QUARTER_ROWS."""
    return _made(rows, seed, lambda places: _turned(places / QUARTER_ROWS * np.pi / 2))


def jump(rows: int, *, at: int, seed: int = 1) -> Contracts:
    """A world in which every second coefficient changes its sign at row ``at``."""
    signs = np.where(np.arange(len(COEFFICIENTS)) % 2, -1.0, 1.0)
    return _made(rows, seed, lambda places: np.where(places >= at, signs, 1.0) * COEFFICIENTS)


def _turned(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients turned towards others; shape (rows, effects), all of the same length."""
    length = np.linalg.norm(COEFFICIENTS)
    one = COEFFICIENTS / length
    other = OTHER_COEFFICIENTS - (OTHER_COEFFICIENTS @ one) * one
    return length * (np.cos(angles) * one + np.sin(angles) * other / np.linalg.norm(other))


def _made(rows: int, seed: int, coefficients: Callable[[NDArray[np.int_]], NDArray[np.float64]]) -> Contracts:
    """``coefficients`` gives those of each row, shape (rows, effects), for row numbers of shape (rows, 1)."""
    random = np.random.default_rng(seed)
    numbers = {
        "months": random.integers(0, 121, rows),
        "fee": np.round(np.clip(random.gamma(8, 5, rows), 5, 150), 2),
        "usage_gb": np.round(np.exp(random.normal(3, 0.8, rows)), 2),
        "complaints": random.poisson(0.8, rows),
        "satisfaction": np.round(np.clip(random.normal(7, 1.5, rows), 0, 10), 1),
        "plan": random.choice(len(PLANS), rows, p=[0.5, 0.3, 0.2]),
        "town": random.choice(len(TOWNS), rows, p=list(TOWNS.values())),
        "autopay": random.random(rows) < 0.6,
        "app": random.random(rows) < 0.5,
    }
    unread = random.random(rows) < 0.1
    unasked = random.random(rows) < 0.35
    unknown = random.random(rows) < 0.15
    effects = _effects(numbers, unread, unasked, unknown)
    odds = INTERCEPT + (effects * coefficients(np.arange(rows)[:, None])).sum(axis=1)
    probability = 1 / (1 + np.exp(-odds))
    left = random.random(rows) < probability
    columns: dict[str, list[Any]] = {
        "contract_id": list(range(1, rows + 1)),
        "renewal_at": np.datetime_as_string(START + np.arange(rows) * SPACING).tolist(),
        **{name: values.tolist() for name, values in numbers.items()},
        "plan": [PLANS[place] for place in numbers["plan"]],
        "town": [list(TOWNS)[place] for place in numbers["town"]],
        "left": left.tolist(),
    }
    for name, empty in (("usage_gb", unread), ("satisfaction", unasked), ("app", unknown)):
        columns[name] = [None if gone else value for value, gone in zip(columns[name], empty, strict=True)]
    return Contracts(columns, probability, left)


def _effects(
    numbers: dict[str, NDArray[Any]], unread: NDArray[np.bool_], unasked: NDArray[np.bool_], unknown: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """What each row brings, shape (rows, effects); an empty value is as good as the mean where it says nothing."""
    monthly = numbers["plan"] == 0
    return np.column_stack(
        [
            3 * np.exp(-(((numbers["months"] - 30) / 15) ** 2)) - 0.65,
            (numbers["fee"] - 40) / 14,
            np.where(unread, 0, (np.log(numbers["usage_gb"]) - 3) / 0.8),
            np.where(monthly, 1.5 * numbers["complaints"] - 1.2, 0),
            np.where(unasked, 0, (7 - numbers["satisfaction"]) / 1.5),
            np.where(unasked, 1.4, -0.75),
            np.array([1.0, -0.8, -1.3])[numbers["plan"]],
            TOWN_EFFECTS[numbers["town"]],
            np.where(numbers["autopay"], -0.8, 1.2),
            np.where(unknown, 0, np.where(numbers["app"], -1, 1)),
        ]
    )
