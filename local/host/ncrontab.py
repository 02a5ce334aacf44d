"""The six-field NCRONTAB expressions of timer triggers, read as the real host reads them.

``{second} {minute} {hour} {day} {month} {day of week}``, in UTC. Unlike in other crons, day *and* day of week must both
hold, Sunday is 0 and never 7, ``a/n`` means every n from a on, names match by prefix, and ``L``, ``W``, ``?`` and ``#``
are errors. Each field is expanded to its list of values first; croniter only searches the calendar.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from croniter import croniter
from croniter.croniter import CroniterBadDateError


class ScheduleError(ValueError):
    """The expression is not one that the real host would take; the message names the field."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    first: int
    last: int
    words: tuple[str, ...] = ()


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field(
        "month",
        1,
        12,
        (
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ),
    ),
    _Field("day of week", 0, 6, ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")),
)


class Schedule:
    """When a timer fires."""

    def __init__(self, expression: str) -> None:
        """Read the expression.

        :raises ScheduleError: it is malformed, or no date ever fits it (30 February).
        """
        self.expression = expression
        self._expanded = _expand(expression)
        try:
            self.next_after(datetime(2024, 1, 1, tzinfo=UTC))
        except CroniterBadDateError as error:
            msg = f"schedule '{expression}': no date fits it"
            raise ScheduleError(msg) from error

    def next_after(self, moment: datetime) -> datetime:
        """The first occurrence strictly after ``moment``."""
        search = croniter(self._expanded, moment.astimezone(UTC), second_at_beginning=True, day_or=False)
        occurrence: datetime = search.get_next(datetime)
        return occurrence

    def occurrences(self, moment: datetime) -> Iterator[datetime]:
        """All occurrences after ``moment``, in order, without end."""
        while True:
            moment = self.next_after(moment)
            yield moment

    def fires_within_a_minute(self, moment: datetime) -> bool:
        """Whether two of the next ten occurrences are less than a minute apart: such a timer has no stored status."""
        upcoming = [occurrence for occurrence, _ in zip(self.occurrences(moment), range(10), strict=False)]
        return any(later - earlier < timedelta(minutes=1) for earlier, later in pairwise(upcoming))


def _expand(expression: str) -> str:
    """The same expression with every field as ``*`` or a plain list of numbers."""
    parts = expression.split()
    if len(parts) != len(_FIELDS):
        msg = (
            f"schedule '{expression}': expected six fields (second minute hour day month day-of-week), got {len(parts)}"
        )
        raise ScheduleError(msg)
    try:
        return " ".join(_expand_field(field, part) for field, part in zip(_FIELDS, parts, strict=True))
    except ScheduleError as error:
        msg = f"schedule '{expression}': {error}"
        raise ScheduleError(msg) from error


def _expand_field(field: _Field, text: str) -> str:
    values: set[int] = set()
    for item in text.split(","):
        values.update(_item(field, item))
    if len(values) == field.last - field.first + 1:
        return "*"
    return ",".join(map(str, sorted(values)))


def _item(field: _Field, item: str) -> range:
    """One of ``*``, ``a``, ``a-b``, each with an optional ``/n``."""
    span, slash, step_text = item.partition("/")
    step = _step(field, step_text) if slash else 1
    if span == "*":
        return range(field.first, field.last + 1, step)
    low_text, dash, high_text = span.partition("-")
    low = _value(field, low_text)
    if not dash:
        return range(low, (field.last if slash else low) + 1, step)
    high = _value(field, high_text)
    if low > high:
        msg = f"{field.name} '{item}': the range runs backwards"
        raise ScheduleError(msg)
    return range(low, high + 1, step)


def _step(field: _Field, text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        msg = f"{field.name}: the step after '/' must be a positive number, got '{text}'"
        raise ScheduleError(msg)
    return int(text)


def _value(field: _Field, text: str) -> int:
    if text.isascii() and text.isdigit():
        value = int(text)
        if not field.first <= value <= field.last:
            msg = f"{field.name} must be {field.first} to {field.last}, got {value}"
            raise ScheduleError(msg)
        return value
    for offset, word in enumerate(field.words):
        if text and word.startswith(text.lower()):
            return field.first + offset
    msg = f"{field.name}: '{text}' is neither a number nor a name"
    raise ScheduleError(msg)
