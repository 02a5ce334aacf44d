"""What a company asks of Cauce in a month, from how many people it has: each figure is a guess that can be replaced."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from shared.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

WORKING_DAYS = 22
WORKING_HOURS = 10
NIGHTS = 30


@dataclass(frozen=True)
class Usage:
    """A month's work."""

    people: int
    requests_a_person: float = 20.0
    """Rows that are scored for each person on a working day, one by one."""
    requests_a_second: float = 200.0
    """What one scoring instance answers with room to spare (docs/scale.md)."""
    rows_a_person: float = 50.0
    """New rows of all tables for each person and day."""
    export_seconds: float = 60.0
    """A night's export takes this, and a second for every 50,000 rows."""
    training_seconds: float = 240.0
    """Of all use cases, when a version is due."""
    trainings: float = 6.0
    """Nights of the month on which one is; on the others it is measured that none is."""
    measuring_seconds: float = 10.0
    kept_gb: float = 1.0
    """Exports, models, logs of predictions: this, and a GB for every 200 people."""
    log_kb_a_request: float = 1.5
    log_gb_of_the_platform: float = 0.5
    drops: float = 300.0
    """Of all datasets, by the export and by people."""
    sql_awake_hours: float = 2.0
    """Hours a day that a database of its own is awake, where it may sleep."""

    @property
    def requests(self) -> float:
        """Requests to score."""
        return self.people * self.requests_a_person * WORKING_DAYS

    @property
    def rows(self) -> float:
        """Rows that are exported."""
        return self.people * self.rows_a_person * NIGHTS

    @property
    def scoring_seconds(self) -> float:
        """Seconds that instances are at work. A request alone is billed as a second; many share an instance's."""
        working = WORKING_DAYS * WORKING_HOURS * 3600
        instances = max(1.0, self.requests / working / self.requests_a_second)
        return min(self.requests, working * instances)

    @property
    def pipeline_seconds(self) -> float:
        """Seconds of exports and training."""
        exports = NIGHTS * self.export_seconds + self.rows / 50_000
        return exports + self.trainings * self.training_seconds + NIGHTS * self.measuring_seconds

    @property
    def stored_gb(self) -> float:
        """GB of blobs."""
        return self.kept_gb + self.people / 200

    @property
    def logs_gb(self) -> float:
        """GB of logs."""
        return self.log_gb_of_the_platform + self.requests * self.log_kb_a_request / 1e6


def with_values(usage: Usage, words: Sequence[str]) -> Usage:
    """Replace what ``NAME=VALUE`` says. Raises SettingsError with the names that there are."""
    changed: dict[str, Any] = dict(values_of(words, {one.name for one in fields(Usage)} - {"people"}, "--use"))
    return replace(usage, **changed)


def values_of(words: Sequence[str], known: set[str], option: str) -> dict[str, float]:
    """``NAME=VALUE`` as names and numbers."""
    values = {}
    for word in words:
        name, _, text = word.partition("=")
        if name not in known:
            msg = f"{option}: expected one of {', '.join(sorted(known))}, got {name!r}"
            raise SettingsError(msg)
        try:
            values[name] = float(text)
        except ValueError as error:
            msg = f"{option} {name}: expected a number, got {text!r}"
            raise SettingsError(msg) from error
        if not 0 <= values[name] < float("inf"):
            msg = f"{option} {name}: expected a number from 0 up, got {text!r}"
            raise SettingsError(msg)
    return values
