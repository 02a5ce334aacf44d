"""What moved an answer, in words and in numbers that add up as they are read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from shared.features import UNKNOWN_LEVEL, WEEKDAYS
from shared.scoring.reasons.shapley import LOG_ODDS, PROBABILITY, Explainer, scales
from shared.scoring.rows import cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shared.scoring.reasons.shapley import Effects
    from shared.store.records import Input

WHOLE = {PROBABILITY: 1e6, LOG_ODDS: 1e4}
"""Numbers are rounded to so many parts of one."""
CLEAR = 2.0
"""Standard errors that an effect must have for its direction to be said."""


class Amount(msgspec.Struct, frozen=True):
    """On both scales. Probabilities are what a person reads; log-odds are what the model adds up."""

    probability: float
    log_odds: float


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a value that was sent moved the answer."""

    feature: str
    value: Any
    direction: str
    """``raises``, ``lowers``, or ``unclear`` where the effect is within two standard errors."""
    effect: Amount
    says: str
    error: Amount | None = None
    """Standard errors; None where the effect is exact."""


class Others(msgspec.Struct, frozen=True, omit_defaults=True):
    """All inputs that are not named, together."""

    features: int
    effect: Amount
    error: Amount | None = None


class Reasons(msgspec.Struct, frozen=True):
    """Why one row was answered as it was: ``average`` and all effects add up to ``answer``."""

    average: Amount
    """The average answer of the background."""
    answer: Amount
    features: tuple[Reason, ...]
    """The largest effects on the probability first."""
    others: Others
    exact: bool
    compared_with: str
    """What the background is."""


@dataclass(frozen=True)
class Compared:
    """A version's background, ready to explain with."""

    explainer: Explainer
    rows: int
    words: str
    """What it is."""


@dataclass(frozen=True)
class Value:
    """What a row holds for one input: as it was sent, and as the graph takes it."""

    input: Input
    sent: Any
    encoded: float

    @property
    def plain(self) -> Any:
        """As JSON writes it, whether it comes of a list or of an array."""
        plain = self.sent.item() if isinstance(self.sent, np.generic) else self.sent
        return None if isinstance(plain, float) and math.isnan(plain) else plain

    def __str__(self) -> str:
        value, name = self.plain, self.input.name
        if value is None:
            return f"{name} empty"
        if isinstance(value, date):
            return f"{name} {value} ({WEEKDAYS[value.weekday()]})"
        unknown = self.input.type == "category" and self.encoded == UNKNOWN_LEVEL
        return f"{name} {cut(msgspec.json.encode(value).decode())}{', unknown to the model,' if unknown else ''}"


def tell(values: Sequence[Value], effects: Effects, compared: Compared, answer: float, top: int) -> Reasons:
    """The ``top`` largest effects on the probability by name, all others as one number."""
    order = np.argsort(-np.abs(effects.each[:, PROBABILITY]), kind="stable").tolist()
    named = [place for place in order[:top] if _amount(effects.each[place]) != Amount(0.0, 0.0)]
    rest = order[len(named) :]
    average, reached = _amount(compared.explainer.average), _amount(scales(np.array([answer]))[0])
    told = tuple(_reason(values[place], effects, place) for place in named)
    # Of the rounded numbers, so that what is read adds up to the last digit.
    left = Amount(
        _round(reached.probability - average.probability - sum(one.effect.probability for one in told), PROBABILITY),
        _round(reached.log_odds - average.log_odds - sum(one.effect.log_odds for one in told), LOG_ODDS),
    )
    others = Others(len(rest), left, _error(effects, rest))
    return Reasons(average, reached, told, others, effects.exact, compared.words)


def _reason(value: Value, effects: Effects, place: int) -> Reason:
    effect, error = _amount(effects.each[place]), _error(effects, [place])
    direction = _direction(effect.probability, error)
    says = f"{value} {_moves(effect.probability, error, direction)}"
    return Reason(value.input.name, value.plain, direction, effect, says, error)


def _direction(effect: float, error: Amount | None) -> str:
    if effect == 0 or (error is not None and abs(effect) < CLEAR * error.probability):
        return "unclear"
    return "raises" if effect > 0 else "lowers"


def _moves(effect: float, error: Amount | None, direction: str) -> str:
    about = "" if error is None else f" ± {error.probability * 100:.2f}"
    if direction == "unclear":
        return f"moves the probability by {effect * 100:+.2f}{about} points, too little to say which way"
    return f"{direction} the probability by {abs(effect) * 100:.2f}{about} points"


def _error(effects: Effects, places: Sequence[int]) -> Amount | None:
    """Rounded up: no error is stated smaller than it is."""
    if effects.exact:
        return None
    errors = enumerate(effects.error(places).tolist())
    return Amount(*(math.ceil(error * WHOLE[scale]) / WHOLE[scale] for scale, error in errors))


def _amount(values: NDArray[np.float64]) -> Amount:
    return Amount(*(_round(value, scale) for scale, value in enumerate(values.tolist())))


def _round(value: float, scale: int) -> float:
    return round(value * WHOLE[scale]) / WHOLE[scale]  # as the probability itself is rounded, and without -0.0
