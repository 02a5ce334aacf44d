"""What type a column's texts have."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.catalog.spec import ColumnType

MOSTLY = 0.95
"""A type counts where so many values have it: a drop may hold as many rows that do not fit."""
FEW_VALUES, MANY_VALUES, ROWS_PER_VALUE = 30, 1_000, 50
EXAMPLES = 3
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_CODE = re.compile(r"0\d+", re.ASCII)
_MONEY = re.compile(r"[+-]?\d+\.\d\d", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+(\.\d{3})*,\d+|[+-]?\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
_OTHER_DATE = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}([ T]\d{1,2}:\d\d.*)?", re.ASCII)


@dataclass(frozen=True)
class Profile:
    """One column's values, as texts; an empty one has no value."""

    name: str
    texts: list[str]

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each value stands in it, without empty ones."""
        return Counter(text for text in self.texts if text)

    @cached_property
    def filled(self) -> int:
        """Rows with a value."""
        return self.counts.total()

    @property
    def empty(self) -> int:
        """Rows without a value."""
        return len(self.texts) - self.filled

    @property
    def distinct(self) -> int:
        """How many different values."""
        return len(self.counts)

    @property
    def is_unique(self) -> bool:
        """Every row has a value of its own."""
        return self.distinct == len(self.texts)

    @property
    def commonest(self) -> tuple[str, float]:
        """The value that most rows have, and their share of all."""
        value, count = self.counts.most_common(1)[0]
        return value, count / len(self.texts)

    def share(self, fits: Callable[[str], object]) -> float:
        """Of the rows with a value: those whose value fits."""
        return sum(count for value, count in self.counts.items() if fits(value)) / max(1, self.filled)


@dataclass(frozen=True)
class Kind:
    """A column's type, and what does not fit it."""

    type: ColumnType
    strangers: tuple[str, ...] = ()
    unreadable: str = ""
    """What the values are, where training does not read them as they are written."""


def kind_of(profile: Profile) -> Kind:
    """The narrowest type that nearly all values have."""
    values = set(profile.counts)
    if values and ({value.lower() for value in values} <= {"true", "false"} or values == {"0", "1"}):
        return Kind("boolean")
    if not any(map(_CODE.fullmatch, values)) and profile.share(is_number) >= MOSTLY:
        return _numeric(profile)
    for name, fits in (("date", _is_date), ("timestamp", _is_timestamp)):
        if profile.share(fits) >= MOSTLY:
            return Kind("date" if name == "date" else "timestamp", _strangers(profile, fits))
    unreadable = ""
    if profile.share(_OTHER_DATE.fullmatch) >= MOSTLY:
        unreadable = "dates that are not written as 2026-11-23"
    elif profile.share(lambda text: _DECIMAL_COMMA.fullmatch(text) or is_number(text)) >= MOSTLY:
        unreadable = "numbers with commas in them"
    return Kind(text_type(profile), unreadable=unreadable)


def text_type(profile: Profile) -> ColumnType:
    """A category has values that come again and again."""
    most = max(FEW_VALUES, min(MANY_VALUES, profile.filled // ROWS_PER_VALUE))
    return "category" if profile.distinct <= min(most, max(2, profile.filled // 2)) else "text"


def is_number(text: str) -> bool:
    """As training reads numbers."""
    return _NUMBER.fullmatch(text.strip()) is not None


def _numeric(profile: Profile) -> Kind:
    numbers = [value.strip() for value in profile.counts if is_number(value)]
    strangers = _strangers(profile, is_number)
    if all(map(_INTEGER.fullmatch, numbers)):
        return Kind("integer", strangers)
    return Kind("decimal" if all(map(_MONEY.fullmatch, numbers)) else "number", strangers)


def _strangers(profile: Profile, fits: Callable[[str], object]) -> tuple[str, ...]:
    return tuple([value for value, _ in profile.counts.most_common() if not fits(value)][:EXAMPLES])


def _is_date(text: str) -> bool:
    return len(text) == len("2026-11-23") and _parsed(date.fromisoformat, text)


def _is_timestamp(text: str) -> bool:
    """A date alone is one as well."""
    return len(text) >= len("2026-11-23") and text[4:5] == text[7:8] == "-" and _parsed(datetime.fromisoformat, text)


def _parsed(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True
