"""The retry policy of function.json, which the platform honours for timers (not for blobs and not for HTTP)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.host.settings import HostSettingsError, parse_time_span

_ENDLESS = -1


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """``max_retries`` may be -1 for ever. A fixed delay has equal bounds."""

    max_retries: int
    first_delay_seconds: float
    longest_delay_seconds: float

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "RetryPolicy":
        """Read the ``retry`` object.

        :raises HostSettingsError: the strategy is unknown or a value is missing.
        """
        try:
            count = int(stored["maxRetryCount"])
            if stored["strategy"] == "fixedDelay":
                delay = parse_time_span(stored["delayInterval"]).total_seconds()
                return cls(count, delay, delay)
            if stored["strategy"] == "exponentialBackoff":
                shortest, longest = (parse_time_span(stored[f"{end}imumInterval"]) for end in ("min", "max"))
                return cls(count, shortest.total_seconds(), longest.total_seconds())
        except (KeyError, TypeError, ValueError) as error:
            msg = f"retry: {error!r} in {dict(stored)}"
            raise HostSettingsError(msg) from error
        msg = f"retry: unknown strategy {stored['strategy']!r}"
        raise HostSettingsError(msg)

    def allows(self, retry: int) -> bool:
        """Whether there is a ``retry``-th one, counted from 1."""
        return self.max_retries == _ENDLESS or retry <= self.max_retries

    def delay_seconds(self, retry: int) -> float:
        """How long to wait before the ``retry``-th one, counted from 1: doubling up to the longest."""
        return float(min(self.first_delay_seconds * 2 ** min(retry - 1, 60), self.longest_delay_seconds))
